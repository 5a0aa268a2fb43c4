/*
 * A store for a unit test, over memory or over RocksDB in a temporary directory. Every test ends
 * with the walk: counters and index rows must be what the objects say. Include after cmocka.h.
 */
#ifndef FOG_TESTS_STOREBOX_H
#define FOG_TESTS_STOREBOX_H

#include "storage/storage.h"
#include "tests/lib/sample.h"

#define STOREBOX_MIB ((uint64_t)1 << 20)

struct storebox {
    bool on_disk;
    char dir[64];
    struct storage_config cfg;
    struct storage *st;
};

int storebox_setup_mem(void **state);
int storebox_setup_disk(void **state);
int storebox_teardown(void **state);

#define STOREBOX_MEM(f)  cmocka_unit_test_setup_teardown(f, storebox_setup_mem, storebox_teardown)
#define STOREBOX_DISK(f) cmocka_unit_test_setup_teardown(f, storebox_setup_disk, storebox_teardown)
#define STOREBOX_BOTH(f) STOREBOX_MEM(f), STOREBOX_DISK(f)

/* Closes and opens again; nothing to do in memory. */
void storebox_reopen(struct storebox *b);

void storebox_assert_whole(struct storebox *b);
struct storage_stat storebox_stat(struct storebox *b);

int storebox_put(struct storebox *b, const struct sample *s, const struct storage_attr *attr);
void storebox_assert_there(struct storebox *b, const struct sample *s);

/* Chunks of 1 MiB by number, [from, to). */
void storebox_put_chunks(struct storebox *b, unsigned from, unsigned to,
                         const struct storage_attr *attr);
bool storebox_has_chunk(struct storebox *b, unsigned n);

#endif
