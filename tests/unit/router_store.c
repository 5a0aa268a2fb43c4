/* router/db and router/records: one story on both engines; tokens are counted once; everything is
 * back after a reopen. */
#include "core/io/loop.h"
#include "core/obs/log.h"
#include "router/records.h"
#include "tests/lib/fogkit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct fog_loop *loop;
static char folder[] = "/tmp/fog-router-db-XXXXXX";
static unsigned answers;
static bool loop_runs;
static int last_err;

static void on_done(void *ctx, int err)
{
    unsigned *wanted = ctx;

    last_err = err;
    if (++answers == *wanted && loop_runs)
        fog_loop_stop(loop);
}

static int setup(void **state)
{
    (void)state;
    fog_log_setup(FOG_LOG_BROKEN, "test");
    loop = fog_loop_new();
    assert_non_null(mkdtemp(folder));
    return 0;
}

static int teardown(void **state)
{
    char cmd[128];

    (void)state;
    fog_loop_free(&loop);
    snprintf(cmd, sizeof cmd, "rm -rf %s", folder);
    return system(cmd) == 0 ? 0 : -1;
}

static bool collect(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct fog_buf *b = arg;

    fog_buf_append(b, key.p, key.len);
    fog_buf_append_str(b, "=");
    fog_buf_append(b, value.p, value.len);
    fog_buf_append_str(b, ";");
    return true;
}

static struct db_op put(const char *k, const char *v)
{
    return (struct db_op){fog_bytes_str(k), v == NULL ? (struct fog_bytes){0} : fog_bytes_str(v)};
}

/* Conformance: what every engine must do. */
static void conform(struct db *db, bool waits)
{
    struct db_op first[] = {put("a1", "one"), put("a3", "three"), put("b1", "other"),
                            put("a2", "two")};
    struct db_op second[] = {put("a2", NULL), put("a4", "four"), put("nothing", NULL),
                             put("a1", "ONE")};
    struct fog_buf b = {0};
    unsigned wanted = 2;

    answers = 0;
    loop_runs = waits;
    db_batch(db, first, 4, on_done, &wanted);
    db_batch(db, second, 4, on_done, &wanted);
    if (waits)
        fog_loop_run(loop);
    assert_int_equal(answers, 2);
    assert_int_equal(last_err, 0);
    assert_int_equal(db_get(db, fog_bytes_str("a1"), &b), 0);
    assert_string_equal(fog_buf_cstr(&b), "ONE");
    assert_int_equal(db_get(db, fog_bytes_str("a2"), &b), -ENOENT);
    fog_buf_clear(&b);
    assert_int_equal(db_scan(db, fog_bytes_str("a"), (struct fog_bytes){0}, 99, collect, &b), 0);
    assert_string_equal(fog_buf_cstr(&b), "a1=ONE;a3=three;a4=four;");
    fog_buf_clear(&b);
    assert_int_equal(db_scan(db, fog_bytes_str("a"), fog_bytes_str("a2"), 1, collect, &b), 0);
    assert_string_equal(fog_buf_cstr(&b), "a3=three;");
    fog_buf_fini(&b);
}

static void too_large(struct db *db, bool waits)
{
    static uint8_t big[DB_BATCH_MAX];
    struct db_op op = {fog_bytes_str("big"), fog_bytes_of(big, sizeof big)};
    struct fog_buf b = {0};
    unsigned wanted = 1;

    answers = 0;
    loop_runs = waits;
    db_batch(db, &op, 1, on_done, &wanted);
    if (waits)
        fog_loop_run(loop);
    assert_int_equal(last_err, FOG_ELIMIT);
    assert_int_equal(db_get(db, fog_bytes_str("big"), &b), -ENOENT);
}

static void test_memory_conforms(void **state)
{
    struct db *db = db_open_mem(NULL);

    (void)state;
    conform(db, false);
    too_large(db, false);
    db_close(&db);
}

static void test_rocksdb_conforms_and_keeps(void **state)
{
    char path[64];
    struct fog_buf b = {0};
    struct db *db;

    (void)state;
    snprintf(path, sizeof path, "%s/one", folder);
    assert_int_equal(db_open_rocks(loop, path, &db), 0);
    conform(db, true);
    too_large(db, true);
    db_close(&db);
    assert_int_equal(db_open_rocks(loop, path, &db), 0);
    assert_int_equal(db_get(db, fog_bytes_str("a4"), &b), 0);
    db_close(&db);
    fog_buf_fini(&b);
}

static void test_a_token_of_one_use_is_used_once(void **state)
{
    static const uint8_t serial[16] = {1};
    struct record_box one = {.key = {1}}, two = {.key = {2}};
    struct fogkit kit;
    struct records *r;
    char path[64];
    struct db *db;
    bool mine;

    (void)state;
    fogkit_init(&kit, 2);
    snprintf(path, sizeof path, "%s/two", folder);
    assert_int_equal(db_open_rocks(loop, path, &db), 0);
    assert_int_equal(records_open(db, &kit.fog_id, &r), 0);
    assert_int_equal(records_token_uses(r, serial, one.key, &mine), 0);
    records_enrol(r, serial, &one, NULL, NULL);
    /* Not yet on disk, and counted already. */
    assert_int_equal(records_token_uses(r, serial, two.key, &mine), 1);
    assert_false(mine);
    records_enrol(r, serial, &one, NULL, NULL); /* the same box again */
    assert_int_equal(records_token_uses(r, serial, one.key, &mine), 1);
    assert_true(mine);
    db_close(&db); /* writes what is queued */
    records_free(&r);
    assert_int_equal(db_open_rocks(loop, path, &db), 0);
    assert_int_equal(records_open(db, &kit.fog_id, &r), 0);
    assert_int_equal(records_token_uses(r, serial, two.key, &mine), 1);
    assert_non_null(records_box(r, one.key));
    assert_null(records_box(r, two.key));
    db_close(&db);
    records_free(&r);
    fogkit_fini(&kit);
}

static void keep_group(void *arg, struct record_group *g)
{
    *(struct record_group *)arg = *g;
}

static unsigned acks;

static void count_ack(void *arg, const struct fog_hash *pg, const uint8_t box[32],
                      const struct fog_hash *rev)
{
    (void)arg;
    assert_int_equal(pg->b[0], 9);
    assert_int_equal(box[0], 1);
    assert_int_equal(rev->b[0], 5);
    acks++;
}

static void test_records_come_back_as_they_were(void **state)
{
    struct record_box box = {.key = {1},
                             .id = {{3}},
                             .node_id = 77,
                             .verified = true,
                             .weight = 500,
                             .class = 2,
                             .flags = 13,
                             .country = "de",
                             .asn = 64500,
                             .domain = "rack",
                             .joined_ms = 123,
                             .cert_until = 456};
    struct router_ref refs[2] = {{2, {{4}}, 0}, {1, {{5}}, 65536}};
    struct record_group g = {.pg = {{9}}, .slot = 3, .bytes = 99, .n_refs = 2, .refs = refs},
                        back = {0};
    struct fog_hash rev = {{5}};
    struct record_box *b;
    struct fogkit kit;
    struct records *r;
    struct db *db = db_open_mem(NULL);

    (void)state;
    fogkit_init(&kit, 2);
    assert_int_equal(fog_addr_parse("192.0.2.1:443", &box.addr), 0);
    record_group_rev(refs, 2, &g.rev);
    assert_int_equal(records_open(db, &kit.fog_id, &r), 0);
    records_put_box(r, &box, NULL, NULL);
    records_put_group(r, &g, NULL, NULL);
    records_put_ack(r, &g.pg, box.key, &rev);
    records_free(&r);
    assert_int_equal(records_open(db, &kit.fog_id, &r), 0);
    b = records_box(r, box.key);
    assert_non_null(b);
    assert_memory_equal(b, &box, sizeof box);
    assert_int_equal(records_each_group(r, keep_group, &back), 0);
    assert_int_equal(back.n_refs, 2);
    assert_int_equal(back.refs[1].len, 65536);
    assert_true(fog_hash_eq(&back.rev, &g.rev));
    free(back.refs);
    acks = 0;
    assert_int_equal(records_each_ack(r, count_ack, NULL), 0);
    records_put_ack(r, &g.pg, box.key, NULL);
    assert_int_equal(records_each_ack(r, count_ack, NULL), 0);
    assert_int_equal(acks, 1);
    records_free(&r);
    db_close(&db);
    fogkit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_conforms),
        cmocka_unit_test(test_rocksdb_conforms_and_keeps),
        cmocka_unit_test(test_a_token_of_one_use_is_used_once),
        cmocka_unit_test(test_records_come_back_as_they_were),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
