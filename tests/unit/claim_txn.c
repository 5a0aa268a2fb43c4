/* contracts/claim: the transaction journal against a chain that reorganises, sticks and goes away,
 * and through crashes. */
#include "contracts/claim/txn.h"
#include "core/obs/log.h"
#include "tests/lib/fakechain.h"
#include "tests/lib/fakekeys.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct rig {
    struct fakechain chain;
    struct fakekeys keys;
    struct memstore store;
    struct txns *txns;
    fog_time_ms now_ms;
    unsigned mined;
    unsigned final;
    unsigned failed;
    char text[160];
};

static void on_state(void *arg, const struct txn_view *t, const struct chain_log *logs,
                     size_t n_logs, const char *text)
{
    struct rig *r = arg;

    (void)logs;
    (void)n_logs;
    r->mined += t->state == TXN_MINED;
    r->final += t->state == TXN_FINAL;
    r->failed += t->state == TXN_FAILED;
    if (text != NULL)
        snprintf(r->text, sizeof r->text, "%s", text);
}

static void open_txns(struct rig *r)
{
    struct txn_conf conf = {.chain = &r->chain.port,
                            .signer = &r->keys.port,
                            .store = &r->store.port,
                            .chain_id = 31337,
                            .key = KEYD_KEY_OWNER,
                            .from = r->keys.addresses[KEYD_KEY_OWNER],
                            .final_blocks = 3,
                            .stuck_blocks = 3,
                            .max_fee = 100000,
                            .poll_ms = 1000};
    struct txn_events events = {.arg = r, .on_state = on_state};

    assert_int_equal(txns_new(&conf, &events, &r->txns), 0);
}

static void rig_init(struct rig *r)
{
    struct fog_ethaddr nobody = {{0}};
    struct claim_domain domain;

    memset(r, 0, sizeof *r);
    fakechain_init(&r->chain);
    fakekeys_init(&r->keys, 4);
    claim_domain_init(&domain, 31337, &nobody);
    fakekeys_rules(&r->keys, &domain, &nobody, &nobody);
    memstore_init(&r->store);
    open_txns(r);
}

static void rig_fini(struct rig *r)
{
    txns_free(&r->txns);
    memstore_fini(&r->store);
    fakekeys_fini(&r->keys);
}

static void crash(struct rig *r)
{
    txns_free(&r->txns);
    fakekeys_crash(&r->keys);
    memstore_crash(&r->store);
    open_txns(r);
}

static int submit(struct rig *r, const char *intent)
{
    struct fog_ethaddr to = {{0x5e}};

    return txns_submit(r->txns, intent, &to, fog_bytes_str(intent));
}

/* One poll interval; `blocks` blocks are made first. */
static void pass(struct rig *r, unsigned blocks)
{
    while (blocks-- > 0)
        fakechain_mine(&r->chain);
    r->now_ms += 1000;
    txns_turn(r->txns, r->now_ms);
}

static enum txn_state state_of(struct rig *r, const char *intent)
{
    struct txn_view v;

    assert_int_equal(txns_find(r->txns, intent, &v), 0);
    return v.state;
}

static void test_an_intent_becomes_final_once(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r);
    assert_int_equal(submit(&r, "post/1"), 0);
    assert_int_equal(submit(&r, "post/1"), -EEXIST);
    pass(&r, 0);
    assert_int_equal(state_of(&r, "post/1"), TXN_SENT);
    pass(&r, 1);
    assert_int_equal(state_of(&r, "post/1"), TXN_MINED);
    pass(&r, 1);
    assert_int_equal(state_of(&r, "post/1"), TXN_MINED);
    pass(&r, 2);
    assert_int_equal(state_of(&r, "post/1"), TXN_FINAL);
    assert_int_equal(submit(&r, "post/1"), -EEXIST);
    for (int i = 0; i < 5; i++)
        pass(&r, 1);
    assert_int_equal(r.mined, 1);
    assert_int_equal(r.final, 1);
    assert_string_equal(r.text, ""); /* nothing was refused */
    assert_int_equal(fakechain_mined(&r.chain), 1);
    rig_fini(&r);
}

static void test_several_take_nonces_in_order(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r);
    assert_int_equal(submit(&r, "a"), 0);
    assert_int_equal(submit(&r, "b"), 0);
    assert_int_equal(submit(&r, "c"), 0);
    for (int i = 0; i < 20; i++)
        pass(&r, 1);
    assert_int_equal(r.final, 3);
    assert_int_equal(r.chain.nonce, 3);
    rig_fini(&r);
}

static void test_what_the_contract_refuses_fails_without_a_nonce(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r);
    r.chain.refuses = true;
    assert_int_equal(submit(&r, "post/1"), 0);
    pass(&r, 1);
    assert_int_equal(state_of(&r, "post/1"), TXN_FAILED);
    assert_string_equal(r.text, "BondTooLow(uint256,uint256)");
    assert_int_equal(r.chain.n, 0);
    r.chain.refuses = false;
    assert_int_equal(submit(&r, "post/1"), 0); /* a failed deed may be tried again */
    for (int i = 0; i < 6; i++)
        pass(&r, 1);
    assert_int_equal(state_of(&r, "post/1"), TXN_FINAL);
    rig_fini(&r);
}

static void test_refused_in_its_block_is_failed_when_deep(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r);
    r.chain.fails_inside = true;
    assert_int_equal(submit(&r, "post/1"), 0);
    for (int i = 0; i < 8; i++)
        pass(&r, 1);
    assert_int_equal(state_of(&r, "post/1"), TXN_FAILED);
    assert_int_equal(r.failed, 1);
    rig_fini(&r);
}

static void test_a_reorganisation_sends_the_same_bytes_again(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r);
    assert_int_equal(submit(&r, "post/1"), 0);
    pass(&r, 0);
    pass(&r, 2);
    assert_int_equal(state_of(&r, "post/1"), TXN_MINED);
    fakechain_reorg(&r.chain, 2); /* forgotten by everybody */
    pass(&r, 0);
    assert_int_equal(state_of(&r, "post/1"), TXN_SENT);
    assert_int_equal(r.chain.n, 1);
    for (int i = 0; i < 6; i++)
        pass(&r, 1);
    assert_int_equal(state_of(&r, "post/1"), TXN_FINAL);
    assert_int_equal(r.mined, 2);
    assert_int_equal(r.final, 1);
    assert_int_equal(r.keys.signed_count, 1);
    rig_fini(&r);
}

static void test_a_block_of_another_fork_counts_from_there(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r);
    assert_int_equal(submit(&r, "post/1"), 0);
    pass(&r, 0);
    pass(&r, 1);
    r.chain.fork++; /* same height, another block, the transaction is in it too */
    pass(&r, 2);
    assert_int_equal(state_of(&r, "post/1"), TXN_MINED);
    assert_int_equal(r.mined, 2);
    pass(&r, 3);
    assert_int_equal(state_of(&r, "post/1"), TXN_FINAL);
    rig_fini(&r);
}

static void test_what_is_stuck_pays_more_under_the_same_nonce(void **state)
{
    struct rig r;
    struct txn_view v;

    (void)state;
    rig_init(&r);
    assert_int_equal(submit(&r, "post/1"), 0);
    pass(&r, 0);
    r.chain.base_fee = 1000; /* ten times dearer */
    for (int i = 0; i < 80 && state_of(&r, "post/1") != TXN_FINAL; i++)
        pass(&r, 1);
    assert_int_equal(txns_find(r.txns, "post/1", &v), 0);
    assert_int_equal(v.state, TXN_FINAL);
    assert_int_equal(v.nonce, 0);
    assert_int_equal(fakechain_mined(&r.chain), 1);
    assert_true(r.keys.signed_count > 5);
    for (size_t i = 1; i < r.chain.n; i++)
        assert_true(r.chain.txs[i].max_fee >= r.chain.txs[i - 1].max_fee * 9 / 8);
    rig_fini(&r);
}

static void test_a_chain_that_is_away_loses_nothing(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r);
    assert_int_equal(submit(&r, "post/1"), 0);
    r.chain.away = true;
    for (int i = 0; i < 10; i++)
        pass(&r, 1);
    assert_int_equal(state_of(&r, "post/1"), TXN_INTENT);
    r.chain.away = false;
    pass(&r, 0);
    r.chain.away = true;
    for (int i = 0; i < 10; i++)
        pass(&r, 1);
    assert_int_equal(state_of(&r, "post/1"), TXN_SENT);
    crash(&r);
    r.chain.away = false;
    for (int i = 0; i < 10; i++)
        pass(&r, 1);
    assert_int_equal(state_of(&r, "post/1"), TXN_FINAL);
    rig_fini(&r);
}

static void test_a_taken_nonce_is_replaced(void **state)
{
    struct rig r;
    struct txn_view v;

    (void)state;
    rig_init(&r);
    assert_int_equal(submit(&r, "post/1"), 0);
    pass(&r, 0);
    fakechain_steal_nonce(&r.chain);
    for (int i = 0; i < 15; i++)
        pass(&r, 1);
    assert_int_equal(txns_find(r.txns, "post/1", &v), 0);
    assert_int_equal(v.state, TXN_FINAL);
    assert_int_equal(v.nonce, 1);
    rig_fini(&r);
}

/* A crash at any write, with the write lost or kept: each deed is done exactly once. */
static void test_crash_at_any_write_does_each_deed_once(void **state)
{
    (void)state;
    for (uint64_t at = 1; at < 12; at++)
        for (int after = 0; after < 2; after++) {
            struct rig r;

            rig_init(&r);
            assert_int_equal(submit(&r, "a"), 0);
            assert_int_equal(submit(&r, "b"), 0);
            r.store.fail_at = r.store.applies + at;
            r.store.fail_after_write = after == 1;
            for (int i = 0; i < 30; i++) {
                pass(&r, 1);
                if (r.store.fail_at != 0 && r.store.applies >= r.store.fail_at)
                    crash(&r);
            }
            assert_int_equal(state_of(&r, "a"), TXN_FINAL);
            assert_int_equal(state_of(&r, "b"), TXN_FINAL);
            assert_int_equal(fakechain_mined(&r.chain), 2);
            rig_fini(&r);
        }
}

static void test_keyd_may_take_its_time(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r);
    r.keys.hold = true;
    assert_int_equal(submit(&r, "a"), 0);
    pass(&r, 1);
    pass(&r, 1);
    assert_int_equal(state_of(&r, "a"), TXN_INTENT);
    crash(&r); /* its answer is lost */
    r.keys.hold = false;
    for (int i = 0; i < 8; i++)
        pass(&r, 1);
    assert_int_equal(state_of(&r, "a"), TXN_FINAL);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_intent_becomes_final_once),
        cmocka_unit_test(test_several_take_nonces_in_order),
        cmocka_unit_test(test_what_the_contract_refuses_fails_without_a_nonce),
        cmocka_unit_test(test_refused_in_its_block_is_failed_when_deep),
        cmocka_unit_test(test_a_reorganisation_sends_the_same_bytes_again),
        cmocka_unit_test(test_a_block_of_another_fork_counts_from_there),
        cmocka_unit_test(test_what_is_stuck_pays_more_under_the_same_nonce),
        cmocka_unit_test(test_a_chain_that_is_away_loses_nothing),
        cmocka_unit_test(test_a_taken_nonce_is_replaced),
        cmocka_unit_test(test_crash_at_any_write_does_each_deed_once),
        cmocka_unit_test(test_keyd_may_take_its_time),
    };

    fog_log_setup(FOG_LOG_BROKEN, "test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
