/* The store's blocking calls, each test once over memory and once over RocksDB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>

#include "core/base/rng.h"
#include "storage/kv_mem.h"
#include "storage/store.h"
#include "tests/lib/sample.h"

#define MIB ((uint64_t)1 << 20)

struct box {
    bool on_disk;
    char dir[64];
    struct storage_config cfg;
    struct storage *st;
};

static void box_open(struct box *b)
{
    assert_int_equal(storage_open(&b->cfg, &b->st), 0);
}

/* Every test ends with the walk: counters and index rows are what the objects say. */
static void assert_whole(struct storage *st)
{
    struct fog_buf report = {0};
    int rc = storage_check(st, &report);

    if (rc != 0)
        print_error("%s", fog_buf_cstr(&report));
    assert_int_equal(rc, 0);
    fog_buf_fini(&report);
}

static int setup(void **state, bool on_disk)
{
    struct box *b = calloc(1, sizeof *b);

    b->on_disk = on_disk;
    b->cfg.quota_bytes = 64 * MIB;
    if (on_disk) {
        sample_dir_make(b->dir);
        b->cfg.dir = b->dir;
    } else {
        b->cfg.quota_bytes = 32 * MIB;
    }
    box_open(b);
    *state = b;
    return 0;
}

static int setup_mem(void **state)
{
    return setup(state, false);
}

static int setup_disk(void **state)
{
    return setup(state, true);
}

static int teardown(void **state)
{
    struct box *b = *state;

    assert_whole(b->st);
    storage_close(&b->st);
    if (b->on_disk)
        sample_dir_remove(b->dir);
    free(b);
    return 0;
}

static void reopen(struct box *b)
{
    if (!b->on_disk)
        return;
    storage_close(&b->st);
    box_open(b);
}

static int put(struct box *b, const struct sample *s, const struct storage_attr *attr)
{
    return storage_put_sync(b->st, s->kind, &s->id, fog_buf_bytes(&s->body), attr, false);
}

static void assert_there(struct box *b, const struct sample *s)
{
    struct fog_buf got = {0};

    assert_int_equal(storage_get_sync(b->st, s->kind, &s->id, &got), 0);
    assert_true(fog_bytes_eq(fog_buf_bytes(&got), fog_buf_bytes(&s->body)));
    fog_buf_fini(&got);
}

static void put_chunks(struct box *b, unsigned from, unsigned to, const struct storage_attr *attr)
{
    for (unsigned i = from; i < to; i++) {
        struct sample s = sample_make(FOG_KIND_CHUNK, i, MIB);
        assert_int_equal(put(b, &s, attr), 0);
        sample_fini(&s);
    }
}

static bool has_chunk(struct box *b, unsigned i)
{
    struct sample s = sample_make(FOG_KIND_CHUNK, i, MIB);
    int rc = storage_have(b->st, s.kind, &s.id, NULL);

    sample_fini(&s);
    assert_true(rc == 0 || rc == -ENOENT);
    return rc == 0;
}

static struct storage_stat stat_of(struct box *b)
{
    struct storage_stat s;

    storage_stat(b->st, &s);
    return s;
}

static void test_bodies_of_all_sizes_come_back(void **state)
{
    static const size_t sizes[] = {0,     1,      2048,   2049,   65535,   65536,
                                   65537, 262144, 262145, 786433, 1048575, 1048576};
    struct box *b = *state;
    uint64_t sum = 0;

    for (size_t i = 0; i < FOG_COUNT(sizes); i++) {
        struct sample s = sample_make(FOG_KIND_CHUNK, 1, sizes[i]);
        assert_int_equal(put(b, &s, NULL), 0);
        sum += sizes[i];
        sample_fini(&s);
    }
    reopen(b);
    for (size_t i = 0; i < FOG_COUNT(sizes); i++) {
        struct sample s = sample_make(FOG_KIND_CHUNK, 1, sizes[i]);
        assert_there(b, &s);
        sample_fini(&s);
    }
    assert_int_equal(stat_of(b).bytes[FOG_KIND_CHUNK], sum);
    assert_int_equal(stat_of(b).objects[FOG_KIND_CHUNK], FOG_COUNT(sizes));
}

static void test_manifests_and_pages_come_back(void **state)
{
    struct box *b = *state;
    struct sample m = sample_make(FOG_KIND_MANIFEST, 1, FOG_MANIFEST_MAX),
                  p = sample_make(FOG_KIND_PAGE, 1, 700);

    assert_int_equal(put(b, &m, NULL), 0);
    assert_int_equal(put(b, &p, NULL), 0);
    reopen(b);
    assert_there(b, &m);
    assert_there(b, &p);
    assert_int_equal(stat_of(b).objects[FOG_KIND_MANIFEST], 1);
    assert_int_equal(stat_of(b).bytes[FOG_KIND_PAGE], 700);
    sample_fini(&m);
    sample_fini(&p);
}

static void test_what_is_not_what_it_says_is_refused(void **state)
{
    struct box *b = *state;
    struct sample c = sample_make(FOG_KIND_CHUNK, 1, 70000),
                  m = sample_make(FOG_KIND_MANIFEST, 1, 500);
    struct fog_buf big = {0};

    c.body.data[69999] ^= 1;
    assert_int_equal(put(b, &c, NULL), FOG_EVERIFY);
    /* the same bytes under the id of another kind */
    assert_int_equal(
        storage_put_sync(b->st, FOG_KIND_PAGE, &m.id, fog_buf_bytes(&m.body), NULL, false),
        FOG_EVERIFY);
    memset(fog_buf_reserve(&big, FOG_CHUNK_SIZE + 1), 0, FOG_CHUNK_SIZE + 1);
    fog_buf_added(&big, FOG_CHUNK_SIZE + 1);
    assert_int_equal(
        storage_put_sync(b->st, FOG_KIND_CHUNK, &c.id, fog_buf_bytes(&big), NULL, false),
        FOG_ERANGE);
    assert_int_equal(
        storage_put_sync(b->st, FOG_KIND_POINTER, &c.id, fog_buf_bytes(&m.body), NULL, false),
        FOG_ERANGE);
    assert_int_equal(storage_put_sync(b->st, 99, &c.id, fog_buf_bytes(&m.body), NULL, false),
                     FOG_ERANGE);
    assert_int_equal(storage_have(b->st, FOG_KIND_CHUNK, &c.id, NULL), -ENOENT);
    assert_int_equal(stat_of(b).charged_bytes, 0);
    fog_buf_fini(&big);
    sample_fini(&c);
    sample_fini(&m);
}

static int put_pointer(struct box *b, const struct fog_hash *name, uint32_t gen, uint64_t seq,
                       const char *body)
{
    return storage_put_named_sync(b->st, FOG_KIND_POINTER, name, gen, seq, fog_bytes_str(body),
                                  NULL, true);
}

static int on_pointer(const struct fog_hash *name, const struct storage_info *info,
                      struct fog_bytes body, void *arg)
{
    struct fog_buf *out = arg;

    (void)name;
    fog_buf_printf(out, "%u.%u=%.*s ", (unsigned)info->gen, (unsigned)info->seq, (int)body.len,
                   (const char *)body.p);
    return 0;
}

static void test_pointers_never_go_back(void **state)
{
    struct box *b = *state;
    struct fog_hash a = {{1}}, c = {{2}};
    struct fog_buf text = {0};

    assert_int_equal(put_pointer(b, &a, 1, 5, "five"), 0);
    assert_int_equal(put_pointer(b, &a, 1, 4, "four"), FOG_ESTALE);
    assert_int_equal(put_pointer(b, &a, 1, 5, "five"), 0);
    assert_int_equal(put_pointer(b, &a, 1, 5, "FIVE"), FOG_EREPLAY);
    assert_int_equal(put_pointer(b, &a, 2, 1, "new keys"), 0);
    assert_int_equal(put_pointer(b, &a, 1, 900, "old keys"), FOG_ESTALE);
    assert_int_equal(put_pointer(b, &c, 7, 7, "other"), 0);
    reopen(b);
    assert_int_equal(put_pointer(b, &a, 1, 900, "old keys"), FOG_ESTALE);
    assert_int_equal(storage_list_named(b->st, FOG_KIND_POINTER, on_pointer, &text), 0);
    assert_string_equal(fog_buf_cstr(&text), "2.1=new keys 7.7=other ");
    assert_int_equal(stat_of(b).objects[FOG_KIND_POINTER], 2);
    fog_buf_fini(&text);
}

static int on_listed(uint8_t kind, const struct fog_hash *id, uint64_t len, void *arg)
{
    uint64_t *sum = arg;

    assert_int_equal(kind, FOG_KIND_CHUNK);
    assert_false(fog_hash_is_zero(id));
    sum[0]++;
    sum[1] += len;
    return 0;
}

static void test_objects_are_listed_by_group_and_publisher(void **state)
{
    struct box *b = *state;
    struct storage_attr a1 = {.publisher = sample_hash(1), .pg = sample_hash(10)};
    struct storage_attr a2 = {.publisher = sample_hash(2), .pg = sample_hash(11)};
    struct sample s = sample_make(FOG_KIND_CHUNK, 1, 5000), t = sample_make(FOG_KIND_CHUNK, 2, 300);
    uint64_t pg10[2] = {0}, pg11[2] = {0}, p1[2] = {0}, bytes, objects;
    struct fog_hash pg, first;

    assert_int_equal(put(b, &s, &a1), 0);
    assert_int_equal(put(b, &t, &a1), 0);
    assert_int_equal(put(b, &s, &a2), 0); /* the same chunk: a second group, one copy, one charge */
    assert_int_equal(put(b, &s, &a2), 0);
    reopen(b);
    assert_int_equal(storage_list_pg(b->st, &a1.pg, on_listed, pg10), 0);
    assert_int_equal(storage_list_pg(b->st, &a2.pg, on_listed, pg11), 0);
    assert_int_equal(storage_list_publisher(b->st, &a1.publisher, on_listed, p1), 0);
    assert_int_equal(pg10[0], 2);
    assert_int_equal(pg10[1], 5300);
    assert_int_equal(pg11[0], 1);
    assert_int_equal(p1[0], 2);
    assert_int_equal(storage_publisher_bytes(b->st, &a1.publisher, &bytes, &objects), 0);
    assert_int_equal(objects, 2);
    assert_int_equal(bytes, stat_of(b).charged_bytes);
    assert_int_equal(storage_publisher_bytes(b->st, &a2.publisher, &bytes, &objects), 0);
    assert_int_equal(objects, 0);
    assert_int_equal(storage_next_pg(b->st, NULL, &first), 0);
    assert_int_equal(storage_next_pg(b->st, &first, &pg), 0);
    assert_int_equal(fog_hash_eq(&first, &pg), 0);
    assert_int_equal(storage_next_pg(b->st, &pg, &pg), -ENOENT);
    assert_int_equal(storage_delete(b->st, FOG_KIND_CHUNK, &s.id), 0);
    assert_int_equal(storage_delete(b->st, FOG_KIND_CHUNK, &s.id), -ENOENT);
    pg11[0] = 0;
    assert_int_equal(storage_list_pg(b->st, &a2.pg, on_listed, pg11), 0);
    assert_int_equal(pg11[0], 0);
    sample_fini(&s);
    sample_fini(&t);
}

static void test_quota_evicts_the_oldest(void **state)
{
    struct box *b = *state;
    unsigned fits = (unsigned)(stat_of(b).usable_bytes / (MIB + 10000)), n = fits + 10;
    struct storage_attr attr = {.publisher = sample_hash(1), .pg = sample_hash(2)};

    for (unsigned i = 0; i < n; i++) {
        put_chunks(b, i, i + 1, &attr);
        assert_true(stat_of(b).charged_bytes <= stat_of(b).usable_bytes);
    }
    assert_false(has_chunk(b, 0));
    assert_false(has_chunk(b, 8));
    assert_true(has_chunk(b, n - 1));
    assert_true(has_chunk(b, n - fits + 1));
    assert_true(stat_of(b).objects[FOG_KIND_CHUNK] >= fits - 1);
    assert_true(stat_of(b).evicted >= 9);
}

static void test_what_was_read_gets_a_second_chance(void **state)
{
    struct box *b = *state;
    unsigned fits = (unsigned)(stat_of(b).usable_bytes / (MIB + 10000));
    struct sample s = sample_make(FOG_KIND_CHUNK, 3, MIB);

    put_chunks(b, 0, fits, NULL);
    assert_there(b, &s);
    put_chunks(b, fits, fits + 6, NULL);
    assert_true(has_chunk(b, 3));
    assert_false(has_chunk(b, 2));
    assert_false(has_chunk(b, 4));
    put_chunks(b, fits + 6, 2 * fits + 6, NULL); /* one chance, not for ever */
    assert_false(has_chunk(b, 3));
    sample_fini(&s);
}

static void test_pinned_objects_stay(void **state)
{
    struct box *b = *state;
    unsigned fits = (unsigned)(stat_of(b).usable_bytes / (MIB + 10000));
    struct fog_hash owner = sample_hash(77);
    struct storage_ref *refs = calloc(fits, sizeof *refs);
    struct sample extra = sample_make(FOG_KIND_CHUNK, 100000, MIB);
    struct storage_info info;

    for (unsigned i = 0; i < fits; i++) {
        struct sample s = sample_make(FOG_KIND_CHUNK, i, MIB);
        refs[i] = (struct storage_ref){.id = s.id, .kind = FOG_KIND_CHUNK};
        sample_fini(&s);
    }
    /* some pinned before they come, some after */
    assert_int_equal(storage_pin(b->st, &owner, 1, refs, fits / 2, true), 0);
    put_chunks(b, 0, fits, NULL);
    assert_int_equal(storage_pin(b->st, &owner, 1, refs, fits, false), 0);
    assert_int_equal(storage_have(b->st, FOG_KIND_CHUNK, &refs[0].id, &info), 0);
    assert_int_equal(info.pins, 1);
    assert_int_equal(stat_of(b).pinned_bytes, stat_of(b).charged_bytes);
    assert_int_equal(put(b, &extra, NULL), FOG_EQUOTA);
    assert_int_equal(stat_of(b).objects[FOG_KIND_CHUNK],
                     fits); /* nothing thrown away for nothing */
    reopen(b);
    assert_int_equal(put(b, &extra, NULL), FOG_EQUOTA);
    assert_whole(b->st);
    /* a second owner keeps the first two when the first lets go */
    owner = sample_hash(78);
    assert_int_equal(storage_pin(b->st, &owner, 2, refs, 2, false), 0);
    owner = sample_hash(77);
    assert_int_equal(storage_unpin(b->st, &owner, 1), 0);
    put_chunks(b, 200, 200 + fits, NULL);
    assert_true(has_chunk(b, 0) && has_chunk(b, 1));
    assert_false(has_chunk(b, 2));
    sample_fini(&extra);
    free(refs);
}

static void test_pin_exact_replaces_the_set(void **state)
{
    struct box *b = *state;
    struct fog_hash owner = sample_hash(1);
    struct storage_ref refs[4];
    struct storage_info info;

    put_chunks(b, 0, 4, NULL);
    for (unsigned i = 0; i < 4; i++) {
        struct sample s = sample_make(FOG_KIND_CHUNK, i, MIB);
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
    assert_whole(b->st);
    assert_int_equal(storage_unpin(b->st, &owner, 1), 0);
    assert_int_equal(stat_of(b).pinned_bytes, 0);
}

static void test_expiry_takes_what_is_due(void **state)
{
    struct box *b = *state;
    struct fog_hash owner = sample_hash(1);
    struct storage_ref ref;

    for (unsigned i = 0; i < 6; i++) {
        struct storage_attr attr = {.expires_hub_ms = 1000 * (fog_time_ms)(i + 1)};
        put_chunks(b, i, i + 1, &attr);
        if (i == 1) {
            struct sample s = sample_make(FOG_KIND_CHUNK, i, MIB);
            ref = (struct storage_ref){.id = s.id, .kind = FOG_KIND_CHUNK};
            sample_fini(&s);
        }
    }
    assert_int_equal(storage_pin(b->st, &owner, 1, &ref, 1, false), 0);
    assert_int_equal(storage_expire(b->st, 999, 100), 0);
    assert_int_equal(storage_expire(b->st, 4000, 2), 2); /* 0 and 2; 1 is pinned */
    assert_int_equal(storage_expire(b->st, 4000, 100), 1);
    assert_false(has_chunk(b, 0) || has_chunk(b, 2) || has_chunk(b, 3));
    assert_true(has_chunk(b, 1) && has_chunk(b, 4));
    assert_int_equal(storage_unpin(b->st, &owner, 1), 0);
    assert_int_equal(storage_expire(b->st, 4000, 100), 1); /* due as soon as nobody holds it */
    /* put again with a later expiry: it lives as long as the longer of the two */
    put_chunks(b, 4, 5, NULL);
    reopen(b);
    assert_int_equal(storage_expire(b->st, 100000, 100), 1);
    assert_true(has_chunk(b, 4));
}

static void test_random_life_keeps_counters_equal_to_a_walk(void **state)
{
    struct fog_rng_seeded rs;
    struct fog_rng rng = fog_rng_seed(&rs, 2024);
    struct box *b = *state;

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
            rc = put(b, &s, &attr);
            break;
        }
        assert_true(rc == 0 || rc == -ENOENT || rc == FOG_EQUOTA);
        assert_true(stat_of(b).charged_bytes <= stat_of(b).usable_bytes);
        if (i % 100 == 99)
            assert_whole(b->st);
        if (i == 300)
            reopen(b);
        sample_fini(&s);
    }
    assert_true(stat_of(b).objects[FOG_KIND_CHUNK] > 10);
}

static int on_ns_row(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    fog_buf_printf(arg, "%.*s=%.*s ", (int)key.len, (const char *)key.p, (int)value.len,
                   (const char *)value.p);
    return 0;
}

static void test_small_records_of_others(void **state)
{
    struct box *b = *state;
    static const char *const names[] = {"ledger", "node"};
    struct fog_buf text = {0};
    char long_key[600];

    memset(long_key, 'k', sizeof long_key);
    for (size_t i = 0; i < FOG_COUNT(names); i++) {
        struct storage_ns *ns = storage_ns(b->st, names[i]);
        struct storage_batch *batch = storage_batch_new(b->st);
        assert_ptr_equal(ns, storage_ns(b->st, names[i]));
        storage_batch_put(batch, ns, fog_bytes_str("a/1"), fog_bytes_str("one"));
        storage_batch_put(batch, ns, fog_bytes_str("a/2"), fog_bytes_str("two"));
        storage_batch_put(batch, ns, fog_bytes_str("b/1"), fog_bytes_str("three"));
        assert_int_equal(storage_batch_commit(&batch, true), 0);
        /* one bad key and nothing is written */
        batch = storage_batch_new(b->st);
        storage_batch_put(batch, ns, fog_bytes_str("a/9"), fog_bytes_str("nine"));
        storage_batch_put(batch, ns, fog_bytes_of(long_key, sizeof long_key), fog_bytes_str(""));
        assert_int_equal(storage_batch_commit(&batch, false), FOG_ELIMIT);
    }
    reopen(b);
    for (size_t i = 0; i < FOG_COUNT(names); i++) {
        struct storage_ns *ns = storage_ns(b->st, names[i]);
        assert_int_equal(storage_ns_get(ns, fog_bytes_str("a/2"), &text), 0);
        assert_string_equal(fog_buf_cstr(&text), "two");
        assert_int_equal(storage_ns_get(ns, fog_bytes_str("a/9"), &text), -ENOENT);
        fog_buf_clear(&text);
        assert_int_equal(
            storage_ns_scan(ns, fog_bytes_str("a/"), fog_bytes_str(""), on_ns_row, &text), 0);
        assert_string_equal(fog_buf_cstr(&text), "a/1=one a/2=two ");
        fog_buf_clear(&text);
        assert_int_equal(
            storage_ns_scan(ns, fog_bytes_str(""), fog_bytes_str("a/2"), on_ns_row, &text), 0);
        assert_string_equal(fog_buf_cstr(&text), "a/2=two b/1=three ");
        assert_int_equal(storage_ns_del(ns, fog_bytes_str("a/2"), false), 0);
        assert_int_equal(storage_ns_get(ns, fog_bytes_str("a/2"), &text), -ENOENT);
        assert_int_equal(storage_ns_put(ns, fog_bytes_str(""), fog_bytes_str("x"), false),
                         FOG_ERANGE);
    }
    /* a name that is the beginning of another sees nothing of it */
    fog_buf_clear(&text);
    assert_int_equal(storage_ns_scan(storage_ns(b->st, "nod"), fog_bytes_str(""), fog_bytes_str(""),
                                     on_ns_row, &text),
                     0);
    assert_int_equal(text.len, 0);
    fog_buf_fini(&text);
}

static void test_damage_is_found_dropped_and_fetched_again(void **state)
{
    struct box *b = *state;
    struct storage_attr attr = {.publisher = sample_hash(1), .pg = sample_hash(2)};
    struct sample s = sample_make(FOG_KIND_CHUNK, 1, MIB),
                  m = sample_make(FOG_KIND_MANIFEST, 1, 9999);
    struct storage_ref pin = {.id = s.id, .kind = s.kind};
    struct fog_buf got = {0};
    struct storage_info info;

    assert_int_equal(storage_pin(b->st, &attr.pg, 1, &pin, 1, false), 0);
    assert_int_equal(put(b, &s, &attr), 0);
    assert_int_equal(put(b, &m, &attr), 0);
    assert_int_equal(kv_mem_damage(b->st->kv, KV_DATA, 2, 200000), 0);
    assert_int_equal(storage_get_sync(b->st, s.kind, &s.id, &got), FOG_ECORRUPT);
    assert_int_equal(storage_get_sync(b->st, s.kind, &s.id, &got), -ENOENT);
    assert_int_equal(kv_mem_damage(b->st->kv, KV_DATA, 0, 5000), 0);
    assert_int_equal(storage_get_sync(b->st, m.kind, &m.id, &got), FOG_ECORRUPT);
    assert_int_equal(stat_of(b).corrupt, 2);
    assert_int_equal(stat_of(b).charged_bytes, 0);
    assert_whole(b->st);
    assert_int_equal(put(b, &s, &attr), 0);
    assert_there(b, &s);
    assert_int_equal(storage_have(b->st, s.kind, &s.id, &info), 0);
    assert_int_equal(info.pins, 1); /* the pin outlived the damage */
    /* a damaged leaf list is no excuse either: the list is at the end of each extent */
    assert_int_equal(kv_mem_damage(b->st->kv, KV_DATA, 0, FOG_EXTENT_SIZE + 40), 0);
    assert_int_equal(storage_get_sync(b->st, s.kind, &s.id, &got), FOG_ECORRUPT);
    fog_buf_fini(&got);
    sample_fini(&s);
    sample_fini(&m);
}

static void test_a_failed_write_stops_writing_but_not_reading(void **state)
{
    struct box *b = *state;
    struct sample s = sample_make(FOG_KIND_CHUNK, 1, MIB), t = sample_make(FOG_KIND_CHUNK, 2, 100);
    struct storage_ns *ns = storage_ns(b->st, "ledger");

    assert_int_equal(put(b, &s, NULL), 0);
    kv_mem_fail_writes(b->st->kv, 0, -EIO);
    assert_int_equal(put(b, &t, NULL), -EIO);
    kv_mem_fail_writes(b->st->kv, 0, 0); /* even if the disk says it is well again */
    assert_int_equal(put(b, &t, NULL), -EIO);
    assert_int_equal(storage_ns_put(ns, fog_bytes_str("k"), fog_bytes_str("v"), true), -EIO);
    assert_int_equal(storage_delete(b->st, s.kind, &s.id), -EIO);
    assert_int_equal(stat_of(b).health, STORAGE_READ_ONLY);
    assert_there(b, &s);
    sample_fini(&s);
    sample_fini(&t);
}

static void test_the_directory_stays_below_the_quota(void **state)
{
    struct box *b = *state;
    struct storage_attr attr = {.publisher = sample_hash(1), .pg = sample_hash(2)};
    uint64_t disk, most = 0;

    for (unsigned i = 0; i < 200; i++) {
        put_chunks(b, i, i + 1, &attr);
        assert_int_equal(kv_disk_bytes(b->st->kv, &disk), 0);
        most = disk > most ? disk : most;
    }
    print_message("quota %u MiB: objects %u MiB, most on disk %u MiB\n",
                  (unsigned)(b->cfg.quota_bytes / MIB), (unsigned)(stat_of(b).charged_bytes / MIB),
                  (unsigned)(most / MIB));
    assert_true(most <= b->cfg.quota_bytes);
}

static void test_one_store_one_process(void **state)
{
    struct box *b = *state;
    struct storage *second = NULL;
    struct storage_config tiny = {.dir = "/tmp", .quota_bytes = MIB};

    assert_int_equal(storage_open(&b->cfg, &second), FOG_EBUSY);
    assert_int_equal(storage_open(&tiny, &second), FOG_ECONFIG);
    assert_null(second);
}

#define MEM(f)  cmocka_unit_test_setup_teardown(f, setup_mem, teardown)
#define DISK(f) cmocka_unit_test_setup_teardown(f, setup_disk, teardown)
#define BOTH(f) MEM(f), DISK(f)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_bodies_of_all_sizes_come_back),
        BOTH(test_manifests_and_pages_come_back),
        BOTH(test_what_is_not_what_it_says_is_refused),
        BOTH(test_pointers_never_go_back),
        BOTH(test_objects_are_listed_by_group_and_publisher),
        BOTH(test_quota_evicts_the_oldest),
        BOTH(test_what_was_read_gets_a_second_chance),
        BOTH(test_pinned_objects_stay),
        BOTH(test_pin_exact_replaces_the_set),
        BOTH(test_expiry_takes_what_is_due),
        BOTH(test_random_life_keeps_counters_equal_to_a_walk),
        BOTH(test_small_records_of_others),
        MEM(test_damage_is_found_dropped_and_fetched_again),
        MEM(test_a_failed_write_stops_writing_but_not_reading),
        DISK(test_the_directory_stays_below_the_quota),
        DISK(test_one_store_one_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
