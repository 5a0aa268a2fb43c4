/* router/verdict and the judgement of audits. */
#include "core/base/rng.h"
#include "core/content/tree.h"
#include "core/obs/log.h"
#include "router/probe_audit.h"
#include "router/verdict.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct verdicts *v;
static struct fog_rng_seeded st;
static struct fog_rng rng;
static unsigned audits, changes;
static uint32_t asked_leaf;
static const uint8_t bad[32] = {7}, op1[20] = {1}, op2[20] = {2};
static const struct fog_hash chunk = {{1}}, expected = {{2}}, got = {{3}};

static void on_audit(void *arg, const uint8_t box[32], const struct fog_hash *c, uint32_t len,
                     uint32_t leaf)
{
    (void)arg;
    assert_memory_equal(box, bad, 32);
    assert_true(fog_hash_eq(c, &chunk));
    assert_in_range(leaf, 0, (len - 1) / 65536);
    asked_leaf = leaf;
    audits++;
}

static void on_changed(void *arg, const struct verdict *one)
{
    struct fog_buf b = {0};
    struct verdict back;

    (void)arg;
    changes++;
    verdict_encode(one, &b);
    assert_int_equal(verdict_decode(fog_buf_bytes(&b), &back), 0);
    assert_int_equal(back.state, one->state);
    assert_string_equal(back.reason, one->reason);
    fog_buf_fini(&b);
}

static int setup(void **state)
{
    static const uint8_t seed[16];
    struct verdicts_ops ops = {.audit = on_audit, .changed = on_changed};

    (void)state;
    fog_log_setup(FOG_LOG_BROKEN, "test");
    rng = fog_rng_seed(&st, 3);
    audits = changes = 0;
    v = verdicts_new(seed, &ops);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    verdicts_free(&v);
    return 0;
}

static void report(const uint8_t op[20], fog_time_ms at)
{
    verdicts_report(v, bad, op, &chunk, 5 * 65536, 4, &expected, &got, &rng, at);
}

static void test_one_report_audits_and_a_failed_audit_withdraws(void **state)
{
    const struct verdict *one;

    (void)state;
    report(op1, 1000);
    assert_false(verdicts_is_withdrawn(v, bad)); /* a single report removes nobody */
    (void)verdicts_tick(v, &rng, 1000);
    assert_int_equal(audits, 1);
    assert_int_equal(asked_leaf, 4); /* the very leaf first */
    verdicts_on_audit(v, bad, FOG_EVERIFY, &expected, &got, 1200);
    assert_true(verdicts_is_withdrawn(v, bad));
    one = verdicts_get(v, bad);
    assert_int_equal(one->until, 1200 + VERDICT_FIRST_MS);
    assert_true(fog_hash_eq(&one->got, &got));
    (void)verdicts_tick(v, &rng, 1200 + VERDICT_FIRST_MS);
    assert_false(verdicts_is_withdrawn(v, bad)); /* it decays */
    report(op1, 2 * VERDICT_FIRST_MS);
    (void)verdicts_tick(v, &rng, 2 * VERDICT_FIRST_MS);
    verdicts_on_audit(v, bad, FOG_EVERIFY, &expected, &got, 2 * VERDICT_FIRST_MS);
    assert_int_equal(verdicts_get(v, bad)->until, 4 * VERDICT_FIRST_MS); /* and doubles */
}

static void test_three_good_answers_clear(void **state)
{
    (void)state;
    report(op1, 1000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(verdicts_get(v, bad)->state, VERDICT_REPORTED);
        (void)verdicts_tick(v, &rng, 2000);
        verdicts_on_audit(v, bad, 0, &expected, &expected, 2000);
    }
    assert_int_equal(audits, 3);
    assert_int_equal(verdicts_get(v, bad)->state, VERDICT_CLEARED);
}

static void test_two_operators_withdraw_one_alone_cannot(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        report(op1, 1000 + i);
    assert_false(verdicts_is_withdrawn(v, bad));
    (void)verdicts_tick(v, &rng, 1100);
    assert_int_equal(audits, 1); /* reports do not multiply audits */
    report(op2, 1200);
    assert_true(verdicts_is_withdrawn(v, bad));
    assert_non_null(strstr(verdicts_get(v, bad)->reason, "two operators"));
}

static void test_an_audit_without_an_answer_is_repeated(void **state)
{
    (void)state;
    report(op1, 1000);
    (void)verdicts_tick(v, &rng, 1000);
    verdicts_on_audit(v, bad, -ETIMEDOUT, &expected, &got, 2000);
    assert_false(verdicts_is_withdrawn(v, bad));
    (void)verdicts_tick(v, &rng, 1000 + VERDICT_AUDIT_MS);
    assert_int_equal(audits, 2);
    verdicts_report(v, bad, op1, &chunk, 65536, 1, &expected, &got, &rng,
                    1000); /* no such leaf: nonsense */
    assert_int_equal(verdicts_get(v, bad)->leaf, 4);
}

static void test_audits_are_judged_leaf_by_leaf(void **state)
{
    size_t len = 2 * 65536 + 100, n = 3 * 32 + 100;
    uint8_t *bytes = calloc(1, len), *answer = calloc(1, n);
    struct probe_leaf what = {.len = (uint32_t)len, .leaf = 2};
    struct fog_hash leaves[FOG_CHUNK_LEAVES], want, have;

    (void)state;
    bytes[len - 1] = 9;
    assert_int_equal(fog_chunk_leaves(fog_bytes_of(bytes, len), leaves), 3);
    fog_chunk_id(fog_bytes_of(bytes, len), &what.chunk);
    memcpy(answer, leaves, 96);
    memcpy(answer + 96, bytes + 2 * 65536, 100);
    assert_int_equal(audit_judge(&what, fog_bytes_of(answer, n), &want, &have), 0);
    assert_int_equal(audit_judge(&what, fog_bytes_of(answer, n - 1), &want, &have), FOG_ETRUNC);
    answer[100] ^= 1; /* a byte of the leaf */
    assert_int_equal(audit_judge(&what, fog_bytes_of(answer, n), &want, &have), FOG_EVERIFY);
    assert_true(fog_hash_eq(&want, &leaves[2]));
    answer[0] ^= 1; /* of the list */
    assert_int_equal(audit_judge(&what, fog_bytes_of(answer, n), &want, &have), FOG_EVERIFY);
    assert_true(fog_hash_eq(&want, &what.chunk));
    what.leaf = 3;
    assert_int_equal(audit_judge(&what, fog_bytes_of(answer, n), &want, &have), FOG_ERANGE);
    free(bytes);
    free(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_report_audits_and_a_failed_audit_withdraws, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_three_good_answers_clear, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_operators_withdraw_one_alone_cannot, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_audit_without_an_answer_is_repeated, setup,
                                        teardown),
        cmocka_unit_test(test_audits_are_judged_leaf_by_leaf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
