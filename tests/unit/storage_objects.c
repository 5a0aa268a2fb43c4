/* The store's blocking calls, each test once over memory and once over RocksDB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>

#include "storage/kv_mem.h"
#include "storage/store.h"
#include "tests/lib/storebox.h"

static void test_bodies_of_all_sizes_come_back(void **state)
{
    static const size_t sizes[] = {0,     1,      2048,   2049,   65535,   65536,
                                   65537, 262144, 262145, 786433, 1048575, 1048576};
    struct storebox *b = *state;
    uint64_t sum = 0;

    for (size_t i = 0; i < FOG_COUNT(sizes); i++) {
        struct sample s = sample_make(FOG_KIND_CHUNK, 1, sizes[i]);
        assert_int_equal(storebox_put(b, &s, NULL), 0);
        sum += sizes[i];
        sample_fini(&s);
    }
    storebox_reopen(b);
    for (size_t i = 0; i < FOG_COUNT(sizes); i++) {
        struct sample s = sample_make(FOG_KIND_CHUNK, 1, sizes[i]);
        storebox_assert_there(b, &s);
        sample_fini(&s);
    }
    assert_int_equal(storebox_stat(b).bytes[FOG_KIND_CHUNK], sum);
    assert_int_equal(storebox_stat(b).objects[FOG_KIND_CHUNK], FOG_COUNT(sizes));
}

static void test_manifests_and_pages_come_back(void **state)
{
    struct storebox *b = *state;
    struct sample m = sample_make(FOG_KIND_MANIFEST, 1, FOG_MANIFEST_MAX),
                  p = sample_make(FOG_KIND_PAGE, 1, 700);

    assert_int_equal(storebox_put(b, &m, NULL), 0);
    assert_int_equal(storebox_put(b, &p, NULL), 0);
    storebox_reopen(b);
    storebox_assert_there(b, &m);
    storebox_assert_there(b, &p);
    assert_int_equal(storebox_stat(b).objects[FOG_KIND_MANIFEST], 1);
    assert_int_equal(storebox_stat(b).bytes[FOG_KIND_PAGE], 700);
    sample_fini(&m);
    sample_fini(&p);
}

static void test_what_is_not_what_it_says_is_refused(void **state)
{
    struct storebox *b = *state;
    struct sample c = sample_make(FOG_KIND_CHUNK, 1, 70000),
                  m = sample_make(FOG_KIND_MANIFEST, 1, 500);
    struct fog_buf big = {0};

    c.body.data[69999] ^= 1;
    assert_int_equal(storebox_put(b, &c, NULL), FOG_EVERIFY);
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
    assert_int_equal(storebox_stat(b).charged_bytes, 0);
    fog_buf_fini(&big);
    sample_fini(&c);
    sample_fini(&m);
}

static int put_pointer(struct storebox *b, const struct fog_hash *name, uint32_t gen, uint64_t seq,
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
    struct storebox *b = *state;
    struct fog_hash a = {{1}}, c = {{2}};
    struct fog_buf text = {0};

    assert_int_equal(put_pointer(b, &a, 1, 5, "five"), 0);
    assert_int_equal(put_pointer(b, &a, 1, 4, "four"), FOG_ESTALE);
    assert_int_equal(put_pointer(b, &a, 1, 5, "five"), 0);
    assert_int_equal(put_pointer(b, &a, 1, 5, "FIVE"), FOG_EREPLAY);
    assert_int_equal(put_pointer(b, &a, 2, 1, "new keys"), 0);
    assert_int_equal(put_pointer(b, &a, 1, 900, "old keys"), FOG_ESTALE);
    assert_int_equal(put_pointer(b, &c, 7, 7, "other"), 0);
    storebox_reopen(b);
    assert_int_equal(put_pointer(b, &a, 1, 900, "old keys"), FOG_ESTALE);
    assert_int_equal(storage_list_named(b->st, FOG_KIND_POINTER, on_pointer, &text), 0);
    assert_string_equal(fog_buf_cstr(&text), "2.1=new keys 7.7=other ");
    assert_int_equal(storebox_stat(b).objects[FOG_KIND_POINTER], 2);
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
    struct storebox *b = *state;
    struct storage_attr a1 = {.publisher = sample_hash(1), .pg = sample_hash(10)};
    struct storage_attr a2 = {.publisher = sample_hash(2), .pg = sample_hash(11)};
    struct sample s = sample_make(FOG_KIND_CHUNK, 1, 5000), t = sample_make(FOG_KIND_CHUNK, 2, 300);
    uint64_t pg10[2] = {0}, pg11[2] = {0}, p1[2] = {0}, bytes, objects;
    struct fog_hash pg, first;

    assert_int_equal(storebox_put(b, &s, &a1), 0);
    assert_int_equal(storebox_put(b, &t, &a1), 0);
    assert_int_equal(storebox_put(b, &s, &a2),
                     0); /* the same chunk: a second group, one copy, one charge */
    assert_int_equal(storebox_put(b, &s, &a2), 0);
    storebox_reopen(b);
    assert_int_equal(storage_list_pg(b->st, &a1.pg, on_listed, pg10), 0);
    assert_int_equal(storage_list_pg(b->st, &a2.pg, on_listed, pg11), 0);
    assert_int_equal(storage_list_publisher(b->st, &a1.publisher, on_listed, p1), 0);
    assert_int_equal(pg10[0], 2);
    assert_int_equal(pg10[1], 5300);
    assert_int_equal(pg11[0], 1);
    assert_int_equal(p1[0], 2);
    assert_int_equal(storage_publisher_bytes(b->st, &a1.publisher, &bytes, &objects), 0);
    assert_int_equal(objects, 2);
    assert_int_equal(bytes, storebox_stat(b).charged_bytes);
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

static int on_ns_row(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    fog_buf_printf(arg, "%.*s=%.*s ", (int)key.len, (const char *)key.p, (int)value.len,
                   (const char *)value.p);
    return 0;
}

static void test_small_records_of_others(void **state)
{
    struct storebox *b = *state;
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
    storebox_reopen(b);
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
    struct storebox *b = *state;
    struct storage_attr attr = {.publisher = sample_hash(1), .pg = sample_hash(2)};
    struct sample s = sample_make(FOG_KIND_CHUNK, 1, STOREBOX_MIB),
                  m = sample_make(FOG_KIND_MANIFEST, 1, 9999);
    struct storage_ref pin = {.id = s.id, .kind = s.kind};
    struct fog_buf got = {0};
    struct storage_info info;

    assert_int_equal(storage_pin(b->st, &attr.pg, 1, &pin, 1, false), 0);
    assert_int_equal(storebox_put(b, &s, &attr), 0);
    assert_int_equal(storebox_put(b, &m, &attr), 0);
    assert_int_equal(kv_mem_damage(b->st->kv, KV_DATA, 2, 200000), 0);
    assert_int_equal(storage_get_sync(b->st, s.kind, &s.id, &got), FOG_ECORRUPT);
    assert_int_equal(storage_get_sync(b->st, s.kind, &s.id, &got), -ENOENT);
    assert_int_equal(kv_mem_damage(b->st->kv, KV_DATA, 4, 5000), 0);
    assert_int_equal(storage_get_sync(b->st, m.kind, &m.id, &got), FOG_ECORRUPT);
    assert_int_equal(storebox_stat(b).corrupt, 2);
    assert_int_equal(storebox_stat(b).charged_bytes, 0);
    storebox_assert_whole(b);
    assert_int_equal(storebox_put(b, &s, &attr), 0);
    storebox_assert_there(b, &s);
    assert_int_equal(storage_have(b->st, s.kind, &s.id, &info), 0);
    assert_int_equal(info.pins, 1); /* the pin outlived the damage */
    /* a damaged leaf list is no excuse either: the list is at the end of each extent */
    assert_int_equal(kv_mem_damage(b->st->kv, KV_DATA, kv_mem_count(b->st->kv, KV_DATA) - 4,
                                   FOG_EXTENT_SIZE + 40),
                     0);
    assert_int_equal(storage_get_sync(b->st, s.kind, &s.id, &got), FOG_ECORRUPT);
    fog_buf_fini(&got);
    sample_fini(&s);
    sample_fini(&m);
}

static void test_a_failed_write_stops_writing_but_not_reading(void **state)
{
    struct storebox *b = *state;
    struct sample s = sample_make(FOG_KIND_CHUNK, 1, STOREBOX_MIB),
                  t = sample_make(FOG_KIND_CHUNK, 2, 100);
    struct storage_ns *ns = storage_ns(b->st, "ledger");

    assert_int_equal(storebox_put(b, &s, NULL), 0);
    kv_mem_fail_writes(b->st->kv, 0, -EIO);
    assert_int_equal(storebox_put(b, &t, NULL), -EIO);
    kv_mem_fail_writes(b->st->kv, 0, 0); /* even if the disk says it is well again */
    assert_int_equal(storebox_put(b, &t, NULL), -EIO);
    assert_int_equal(storage_ns_put(ns, fog_bytes_str("k"), fog_bytes_str("v"), true), -EIO);
    assert_int_equal(storage_delete(b->st, s.kind, &s.id), -EIO);
    assert_int_equal(storebox_stat(b).health, STORAGE_READ_ONLY);
    storebox_assert_there(b, &s);
    sample_fini(&s);
    sample_fini(&t);
}

static void test_one_store_one_process(void **state)
{
    struct storebox *b = *state;
    struct storage *second = NULL;
    struct storage_config tiny = {.dir = "/tmp", .quota_bytes = STOREBOX_MIB};

    assert_int_equal(storage_open(&b->cfg, &second), FOG_EBUSY);
    assert_int_equal(storage_open(&tiny, &second), FOG_ECONFIG);
    assert_null(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STOREBOX_BOTH(test_bodies_of_all_sizes_come_back),
        STOREBOX_BOTH(test_manifests_and_pages_come_back),
        STOREBOX_BOTH(test_what_is_not_what_it_says_is_refused),
        STOREBOX_BOTH(test_pointers_never_go_back),
        STOREBOX_BOTH(test_objects_are_listed_by_group_and_publisher),
        STOREBOX_BOTH(test_small_records_of_others),
        STOREBOX_MEM(test_damage_is_found_dropped_and_fetched_again),
        STOREBOX_MEM(test_a_failed_write_stops_writing_but_not_reading),
        STOREBOX_DISK(test_one_store_one_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
