/* What is dropped when, and that counters and space stay what they should be; over memory and over
 * RocksDB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>

#include "core/base/rng.h"
#include "storage/store.h"
#include "tests/lib/storebox.h"

static void test_quota_evicts_the_oldest(void **state)
{
    struct storebox *b = *state;
    unsigned fits = (unsigned)(storebox_stat(b).usable_bytes / (STOREBOX_MIB + 10000)),
             n = fits + 10;
    struct storage_attr attr = {.publisher = sample_hash(1), .pg = sample_hash(2)};

    for (unsigned i = 0; i < n; i++) {
        storebox_put_chunks(b, i, i + 1, &attr);
        assert_true(storebox_stat(b).charged_bytes <= storebox_stat(b).usable_bytes);
    }
    assert_false(storebox_has_chunk(b, 0));
    assert_false(storebox_has_chunk(b, 8));
    assert_true(storebox_has_chunk(b, n - 1));
    assert_true(storebox_has_chunk(b, n - fits + 1));
    assert_true(storebox_stat(b).objects[FOG_KIND_CHUNK] >= fits - 1);
    assert_true(storebox_stat(b).evicted >= 9);
}

static void test_what_was_read_gets_a_second_chance(void **state)
{
    struct storebox *b = *state;
    unsigned fits = (unsigned)(storebox_stat(b).usable_bytes / (STOREBOX_MIB + 10000));
    struct sample s = sample_make(FOG_KIND_CHUNK, 3, STOREBOX_MIB);

    storebox_put_chunks(b, 0, fits, NULL);
    storebox_assert_there(b, &s);
    storebox_put_chunks(b, fits, fits + 6, NULL);
    assert_true(storebox_has_chunk(b, 3));
    assert_false(storebox_has_chunk(b, 2));
    assert_false(storebox_has_chunk(b, 4));
    storebox_put_chunks(b, fits + 6, 2 * fits + 6, NULL); /* one chance, not for ever */
    assert_false(storebox_has_chunk(b, 3));
    sample_fini(&s);
}

static void test_pinned_objects_stay(void **state)
{
    struct storebox *b = *state;
    unsigned fits = (unsigned)(storebox_stat(b).usable_bytes / (STOREBOX_MIB + 10000));
    struct fog_hash owner = sample_hash(77);
    struct storage_ref *refs = calloc(fits, sizeof *refs);
    struct sample extra = sample_make(FOG_KIND_CHUNK, 100000, STOREBOX_MIB);
    struct storage_info info;

    for (unsigned i = 0; i < fits; i++) {
        struct sample s = sample_make(FOG_KIND_CHUNK, i, STOREBOX_MIB);
        refs[i] = (struct storage_ref){.id = s.id, .kind = FOG_KIND_CHUNK};
        sample_fini(&s);
    }
    /* some pinned before they come, some after */
    assert_int_equal(storage_pin(b->st, &owner, 1, refs, fits / 2, true), 0);
    storebox_put_chunks(b, 0, fits, NULL);
    assert_int_equal(storage_pin(b->st, &owner, 1, refs, fits, false), 0);
    assert_int_equal(storage_have(b->st, FOG_KIND_CHUNK, &refs[0].id, &info), 0);
    assert_int_equal(info.pins, 1);
    assert_int_equal(storebox_stat(b).pinned_bytes, storebox_stat(b).charged_bytes);
    assert_int_equal(storebox_put(b, &extra, NULL), FOG_EQUOTA);
    assert_int_equal(storebox_stat(b).objects[FOG_KIND_CHUNK],
                     fits); /* nothing thrown away for nothing */
    storebox_reopen(b);
    assert_int_equal(storebox_put(b, &extra, NULL), FOG_EQUOTA);
    storebox_assert_whole(b);
    /* a second owner keeps the first two when the first lets go */
    owner = sample_hash(78);
    assert_int_equal(storage_pin(b->st, &owner, 2, refs, 2, false), 0);
    owner = sample_hash(77);
    assert_int_equal(storage_unpin(b->st, &owner, 1), 0);
    storebox_put_chunks(b, 200, 200 + fits, NULL);
    assert_true(storebox_has_chunk(b, 0) && storebox_has_chunk(b, 1));
    assert_false(storebox_has_chunk(b, 2));
    sample_fini(&extra);
    free(refs);
}

static void test_pin_exact_replaces_the_set(void **state)
{
    struct storebox *b = *state;
    struct fog_hash owner = sample_hash(1);
    struct storage_ref refs[4];
    struct storage_info info;

    storebox_put_chunks(b, 0, 4, NULL);
    for (unsigned i = 0; i < 4; i++) {
        struct sample s = sample_make(FOG_KIND_CHUNK, i, STOREBOX_MIB);
        refs[i] = (struct storage_ref){.id = s.id, .kind = FOG_KIND_CHUNK};
        sample_fini(&s);
    }
    assert_int_equal(storage_pin_exact(b->st, &owner, 1, refs, 2, false), 0);
    assert_int_equal(storage_pin_exact(b->st, &owner, 1, refs + 1, 3, false), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(storage_have(b->st, FOG_KIND_CHUNK, &refs[i].id, &info), 0);
        assert_int_equal(info.pins, i == 0 ? 0 : 1);
    }
    refs[3] = refs[2]; /* named twice: pinned once */
    assert_int_equal(storage_pin_exact(b->st, &owner, 1, refs + 2, 2, false), 0);
    assert_int_equal(storage_have(b->st, FOG_KIND_CHUNK, &refs[2].id, &info), 0);
    assert_int_equal(info.pins, 1);
    assert_int_equal(storage_pin(b->st, &owner, 0, refs, 1, false), FOG_ERANGE);
    storebox_assert_whole(b);
    assert_int_equal(storage_unpin(b->st, &owner, 1), 0);
    assert_int_equal(storebox_stat(b).pinned_bytes, 0);
}

static void test_expiry_takes_what_is_due(void **state)
{
    struct storebox *b = *state;
    struct fog_hash owner = sample_hash(1);
    struct storage_ref ref;

    for (unsigned i = 0; i < 6; i++) {
        struct storage_attr attr = {.expires_hub_ms = 1000 * (fog_time_ms)(i + 1)};
        storebox_put_chunks(b, i, i + 1, &attr);
        if (i == 1) {
            struct sample s = sample_make(FOG_KIND_CHUNK, i, STOREBOX_MIB);
            ref = (struct storage_ref){.id = s.id, .kind = FOG_KIND_CHUNK};
            sample_fini(&s);
        }
    }
    assert_int_equal(storage_pin(b->st, &owner, 1, &ref, 1, false), 0);
    assert_int_equal(storage_expire(b->st, 999, 100), 0);
    assert_int_equal(storage_expire(b->st, 4000, 2), 2); /* 0 and 2; 1 is pinned */
    assert_int_equal(storage_expire(b->st, 4000, 100), 1);
    assert_false(storebox_has_chunk(b, 0) || storebox_has_chunk(b, 2) || storebox_has_chunk(b, 3));
    assert_true(storebox_has_chunk(b, 1) && storebox_has_chunk(b, 4));
    assert_int_equal(storage_unpin(b->st, &owner, 1), 0);
    assert_int_equal(storage_expire(b->st, 4000, 100), 1); /* due as soon as nobody holds it */
    /* put again with a later expiry: it lives as long as the longer of the two */
    storebox_put_chunks(b, 4, 5, NULL);
    storebox_reopen(b);
    assert_int_equal(storage_expire(b->st, 100000, 100), 1);
    assert_true(storebox_has_chunk(b, 4));
}

static void test_random_life_keeps_counters_equal_to_a_walk(void **state)
{
    struct fog_rng_seeded rs;
    struct fog_rng rng = fog_rng_seed(&rs, 2024);
    struct storebox *b = *state;

    for (int i = 0; i < 600; i++) {
        unsigned n = (unsigned)fog_rng_below(&rng, 80);
        struct sample s = sample_make(FOG_KIND_CHUNK, n, n * 13001 % 1048577);
        struct storage_attr attr = {.publisher = sample_hash(n % 5),
                                    .pg = sample_hash(n % 7),
                                    .expires_hub_ms = n % 3 == 0 ? 50 * n : 0};
        struct storage_ref ref = {.id = s.id, .kind = s.kind};
        struct fog_buf got = {0};
        int rc = 0;
        switch (fog_rng_below(&rng, 7)) {
        case 0:
            rc = storage_delete(b->st, s.kind, &s.id);
            break;
        case 1:
            attr.publisher = sample_hash(n % 11);
            rc = storage_pin(b->st, &attr.publisher, 3, &ref, 1, false);
            break;
        case 2:
            attr.publisher = sample_hash(n % 11);
            rc = storage_unpin(b->st, &attr.publisher, 3);
            break;
        case 3:
            assert_true(storage_expire(b->st, i, 5) >= 0);
            break;
        case 4:
            rc = storage_get_sync(b->st, s.kind, &s.id, &got);
            assert_true(rc != 0 || fog_bytes_eq(fog_buf_bytes(&got), fog_buf_bytes(&s.body)));
            fog_buf_fini(&got);
            break;
        default:
            rc = storebox_put(b, &s, &attr);
            break;
        }
        assert_true(rc == 0 || rc == -ENOENT || rc == FOG_EQUOTA);
        assert_true(storebox_stat(b).charged_bytes <= storebox_stat(b).usable_bytes);
        if (i % 100 == 99)
            storebox_assert_whole(b);
        if (i == 300)
            storebox_reopen(b);
        sample_fini(&s);
    }
    assert_true(storebox_stat(b).objects[FOG_KIND_CHUNK] > 10);
}

/* Every eighth chunk is pinned, in several times the quota: what they leave between them is space
 * again, and they have moved unharmed. */
static void test_quota_holds_and_scattered_pins_hold_no_space(void **state)
{
    struct storebox *b = *state;
    struct storage_ref pins[12];
    unsigned n_pins = 0;
    uint64_t disk, most = 0;

    for (unsigned i = 0; i < 12 * 12; i++) {
        struct sample s = sample_make(FOG_KIND_CHUNK, i, STOREBOX_MIB);
        struct fog_hash owner = sample_hash(i);
        if (i % 12 == 0) {
            pins[n_pins] = (struct storage_ref){.id = s.id, .kind = s.kind};
            assert_int_equal(storage_pin(b->st, &owner, 1, &pins[n_pins++], 1, false), 0);
        }
        assert_int_equal(storebox_put(b, &s, NULL), 0);
        assert_int_equal(kv_disk_bytes(b->st->kv, &disk), 0);
        most = disk > most ? disk : most;
        sample_fini(&s);
    }
    assert_true(most <= b->cfg.quota_bytes);
    pthread_mutex_lock(&b->st->lock);
    assert_int_equal(reclaim(b->st, UINT64_MAX, true), 0);
    pthread_mutex_unlock(&b->st->lock);
    storebox_reopen(b);
    assert_int_equal(kv_disk_bytes(b->st->kv, &disk), 0);
    print_message("alive %u MiB, on disk %u MiB, at most %u MiB\n",
                  (unsigned)(storebox_stat(b).charged_bytes / STOREBOX_MIB),
                  (unsigned)(disk / STOREBOX_MIB), (unsigned)(most / STOREBOX_MIB));
    for (unsigned i = 0; i < n_pins; i++) {
        struct sample s = sample_make(FOG_KIND_CHUNK, i * 12, STOREBOX_MIB);
        storebox_assert_there(b, &s);
        sample_fini(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STOREBOX_MEM(test_quota_evicts_the_oldest),
        STOREBOX_MEM(test_what_was_read_gets_a_second_chance),
        STOREBOX_MEM(test_pinned_objects_stay),
        STOREBOX_BOTH(test_pin_exact_replaces_the_set),
        STOREBOX_BOTH(test_expiry_takes_what_is_due),
        STOREBOX_BOTH(test_random_life_keeps_counters_equal_to_a_walk),
        STOREBOX_DISK(test_quota_holds_and_scattered_pins_hold_no_space),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
