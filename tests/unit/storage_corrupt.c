/* Disks that fail, over RocksDB. Bytes of table files are flipped behind the store's back: nothing
 * wrong is ever handed out, what is damaged is dropped and can be stored again, and writing goes
 * on. Writes that fail: what was acknowledged stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/rng.h"
#include "storage/store.h"
#include "tests/lib/sample.h"

#define MIB    ((uint64_t)1 << 20)
#define CHUNKS 20u

static void flip(const char *path, struct fog_rng *rng)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    off_t size, at;
    uint8_t b;

    assert_true(fd >= 0);
    size = lseek(fd, 0, SEEK_END);
    /* the first half of a table of extents is extents */
    at = (off_t)fog_rng_below(rng, (uint64_t)size / 2);
    assert_int_equal(pread(fd, &b, 1, at), 1);
    b ^= (uint8_t)(1 + fog_rng_below(rng, 255));
    assert_int_equal(pwrite(fd, &b, 1, at), 1);
    close(fd);
}

/* Every table larger than half a MiB: those hold extents. */
static unsigned flip_tables(const char *dir, struct fog_rng *rng)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    unsigned n = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        char path[400];
        int fd;
        off_t size;
        if (strstr(e->d_name, ".sst") == NULL)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        size = lseek(fd, 0, SEEK_END);
        close(fd);
        if (size < (off_t)MIB / 2)
            continue;
        flip(path, rng);
        n++;
    }
    closedir(d);
    return n;
}

static int put(struct storage *st, unsigned n)
{
    struct sample s = sample_make(FOG_KIND_CHUNK, n, MIB);
    int rc = storage_put_sync(st, s.kind, &s.id, fog_buf_bytes(&s.body), NULL, false);

    sample_fini(&s);
    return rc;
}

/* 0 with the right bytes, or the error. */
static int get(struct storage *st, unsigned n)
{
    struct sample s = sample_make(FOG_KIND_CHUNK, n, MIB);
    struct fog_buf got = {0};
    int rc = storage_get_sync(st, s.kind, &s.id, &got);

    if (rc == 0)
        assert_true(fog_bytes_eq(fog_buf_bytes(&got), fog_buf_bytes(&s.body)));
    fog_buf_fini(&got);
    sample_fini(&s);
    return rc;
}

static void assert_whole(struct storage *st)
{
    struct fog_buf report = {0};
    int rc = storage_check(st, &report);

    if (rc != 0)
        print_error("%s", fog_buf_cstr(&report));
    assert_int_equal(rc, 0);
    fog_buf_fini(&report);
}

static void life_with_damage(bool skip_leaf_check)
{
    struct storage_config cfg = {.quota_bytes = 64 * MIB, .skip_leaf_check = skip_leaf_check};
    struct fog_rng_seeded rs;
    struct fog_rng rng = fog_rng_seed(&rs, 5);
    struct storage_stat stat;
    struct storage *st;
    unsigned flipped, lost = 0;
    char dir[64];

    sample_dir_make(dir);
    cfg.dir = dir;
    assert_int_equal(storage_open(&cfg, &st), 0);
    for (unsigned i = 0; i < CHUNKS; i++)
        assert_int_equal(put(st, i), 0);
    storage_close(&st);
    flipped = flip_tables(dir, &rng);
    assert_true(flipped > 3);
    assert_int_equal(storage_open(&cfg, &st), 0);
    for (unsigned i = 0; i < CHUNKS; i++) {
        int rc = get(st, i);
        if (rc == 0)
            continue;
        assert_int_equal(rc, FOG_ECORRUPT);
        assert_int_equal(get(st, i), -ENOENT);
        lost++;
    }
    assert_true(lost >= 1 && lost <= flipped);
    storage_stat(st, &stat);
    assert_int_equal(stat.corrupt, lost);
    assert_whole(st);
    /* fetched again, and so much more that the damaged tables meet compaction and eviction */
    for (unsigned i = 0; i < 4 * CHUNKS; i++)
        assert_int_equal(put(st, i), 0);
    assert_int_equal(get(st, 4 * CHUNKS - 1), 0);
    assert_whole(st);
    storage_close(&st);
    assert_int_equal(storage_open(&cfg, &st), 0);
    assert_whole(st);
    storage_stat(st, &stat);
    assert_int_equal(stat.health, STORAGE_HEALTHY);
    storage_close(&st);
    sample_dir_remove(dir);
}

static void test_damage_is_found_by_leaf_and_block(void **state)
{
    (void)state;
    life_with_damage(false);
}

static void test_the_block_checksum_alone_finds_it_too(void **state)
{
    (void)state;
    life_with_damage(true);
}

/* A file that may not grow stands for every disk that refuses a write. */
static void test_a_disk_that_refuses_writes(void **state)
{
    struct storage_config cfg = {.quota_bytes = 64 * MIB};
    struct rlimit before, tight;
    struct storage_stat stat;
    struct storage *st;
    unsigned acked = 0;
    char dir[64];
    int rc = 0;

    (void)state;
    sample_dir_make(dir);
    cfg.dir = dir;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(storage_open(&cfg, &st), 0);
    for (; acked < 3; acked++)
        assert_int_equal(put(st, acked), 0);
    tight = before;
    tight.rlim_cur = MIB / 2; /* less than the log of one put, whenever tables are written */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (unsigned i = acked; i < 30 && rc == 0; i++) {
        rc = put(st, i);
        acked += rc == 0;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, -EIO);
    storage_stat(st, &stat);
    assert_int_equal(stat.health, STORAGE_READ_ONLY);
    assert_int_equal(put(st, 100), -EIO);
    for (unsigned i = 0; i < acked; i++)
        assert_int_equal(get(st, i), 0);
    storage_close(&st);
    assert_int_equal(storage_open(&cfg, &st), 0);
    for (unsigned i = 0; i < acked; i++)
        assert_int_equal(get(st, i), 0);
    assert_int_equal(put(st, 100), 0);
    assert_whole(st);
    storage_close(&st);
    sample_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damage_is_found_by_leaf_and_block),
        cmocka_unit_test(test_the_block_checksum_alone_finds_it_too),
        cmocka_unit_test(test_a_disk_that_refuses_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
