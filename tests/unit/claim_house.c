/* contracts/claim: a house: grants and caps, every reason to refuse a leaf, vouchers, weeks,
 * crashes. */
#include "contracts/claim/house_books.h"
#include "core/base/str.h"
#include "core/base/wr.h"
#include "core/json/json.h"
#include "core/obs/log.h"
#include "tests/lib/claimworld.h"
#include "tests/lib/vectors.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_grants_stop_at_the_deals_cap(void **state)
{
    struct world w;
    struct issued g;
    struct amount room, cap;
    uint32_t week;

    (void)state;
    world_init(&w);
    week = (uint32_t)(w.hub_ms / 1000 / w.week_length_s);
    assert_int_equal(amount_of_tokens(1000000, &cap), 0);
    assert_int_equal(amount_cmp(issuer_headroom(w.house, 7, week), cap), 0);
    /* 1,000,000 tokens at 2,000,000 per GiB and 80 % are 0.625 GiB of passive bytes. */
    assert_int_equal(world_issue(&w, 0, NULL, (uint64_t)640 << 20, &g), 0);
    room = issuer_headroom(w.house, 7, week);
    assert_true(amount_is_zero(room));
    assert_int_equal(world_issue(&w, 0, NULL, 1, &g), FOG_EQUOTA);
    world_serve(&w, 0, &g,
                1000); /* little of it was used: the rest comes back with the statement */
    world_pass(&w, WORLD_HOUR);
    assert_int_equal(world_issue(&w, 0, NULL, (uint64_t)639 << 20, &g), 0);
    world_fini(&w);
}

static void test_caps_survive_a_crash(void **state)
{
    struct world w;
    struct issued g;
    struct amount before, after;
    uint32_t week;

    (void)state;
    world_init(&w);
    week = (uint32_t)(w.hub_ms / 1000 / w.week_length_s);
    assert_int_equal(world_issue(&w, 0, NULL, 5000000, &g), 0);
    world_serve(&w, 0, &g, 1000000);
    world_pass(&w, WORLD_HOUR);
    assert_int_equal(world_issue(&w, 1, NULL, 7000000, &g), 0);
    world_pass(&w, 1000);
    before = issuer_headroom(w.house, 7, week);
    world_crash_house(&w);
    after = issuer_headroom(w.house, 7, week);
    assert_int_equal(amount_cmp(before, after), 0);
    world_fini(&w);
}

static void test_who_gets_no_grant(void **state)
{
    struct fog_hash seed = {{6}}, chain[TICK_CHAIN + 1];
    struct world w;
    struct issued g;
    struct registry *reg;
    struct registry_deal deal;

    (void)state;
    world_init(&w);
    tick_chain_make(&seed, chain);
    assert_int_equal(world_issue(&w, 0, chain[0].b, 100000, &g), 0);
    assert_int_equal(world_issue(&w, 1, chain[0].b, 100000, &g), FOG_EREPLAY);
    world_serve(&w, 0, &g, 10);
    world_pass(&w, WORLD_HOUR);
    world_crash_house(&w);
    assert_int_equal(world_issue(&w, 1, chain[0].b, 100000, &g), FOG_EREPLAY);
    w.publisher_id[0] ^= 1; /* a publisher that nobody registered */
    assert_int_equal(world_issue(&w, 0, NULL, 1000, &g), FOG_EDENIED);
    w.publisher_id[0] ^= 1;
    reg = registry_copy(w.reg);
    deal = *registry_deal(reg, 7, 2);
    deal.live = false;
    assert_int_equal(registry_set_deal(reg, &deal), 0);
    house_set_registry(w.house, reg);
    assert_int_equal(world_issue(&w, 0, NULL, 1000, &g), FOG_EDENIED);
    registry_unref(&reg);
    house_set_registry(w.house, w.reg);
    assert_int_equal(world_issue(&w, 0, NULL, 1000, &g), 0);
    world_fini(&w);
}

static void note_result(void *ctx, int err, const struct issued *grant)
{
    int *result = ctx;

    (void)grant;
    *result = err;
}

static void test_grants_wait_for_keyd_and_end_with_the_house(void **state)
{
    struct fog_hash anchor = {{9}};
    struct world w;
    struct issue_ask ask = {.anchor = anchor.b, .max_bytes = 1000};
    int first = 1, second = 1;

    (void)state;
    world_init(&w);
    memcpy(ask.publisher_id, w.publisher_id, 32);
    ask.node = w.box[0].node;
    w.keys.hold = true;
    issuer_issue(w.house, &ask, w.hub_ms, note_result, &first);
    assert_int_equal(first, 1);
    issuer_issue(w.house, &ask, w.hub_ms, note_result, &second);
    assert_int_equal(second, FOG_EREPLAY); /* one anchor, two grants under way */
    house_free(&w.house);
    fakekeys_answer(&w.keys);
    assert_int_equal(first, FOG_ECANCELED);
    world_fini(&w);
}

/* --- statements made by hand: the leaves of a box that lies --- */

struct forged {
    struct statement s;
    struct fog_secp_sig sig;
    struct fog_buf leaves;
    struct sum_tree tree;
};

static void forge_leaf(struct world *w, struct forged *f, const uint8_t wire[GRANT_WIRE_LEN],
                       unsigned ticks, const struct fog_hash *w_i, uint64_t bytes)
{
    struct fog_hash none = {{0}}, digest;
    struct grant_signed g;
    struct sum_node node;
    struct amount worth;
    uint64_t paid;

    fog_wr_u8(&f->leaves, 0);
    fog_wr_bytes(&f->leaves, wire, GRANT_WIRE_LEN);
    fog_wr_u16(&f->leaves, (uint16_t)ticks);
    fog_wr_bytes(&f->leaves, w_i != NULL ? w_i->b : none.b, 32);
    fog_wr_u64(&f->leaves, bytes);
    if (grant_decode(fog_bytes_of(wire, GRANT_WIRE_LEN), w->reg, &g) != 0)
        return;
    typed_grant(&w->domain, &g.grant, &digest);
    paid = grant_paid_bytes(&g.grant, bytes, ticks);
    assert_int_equal(grant_worth(&g.grant, paid, g.grant.passive_bps, &worth), 0);
    sum_leaf_box(g.grant.serial, &digest, ticks, paid, worth, &node);
    assert_int_equal(sum_tree_push(&f->tree, &node), 0);
}

static void forge_sign(struct world *w, unsigned box, struct forged *f, uint32_t round)
{
    struct sum_node root = {0};
    struct fog_hash digest;

    (void)!sum_tree_root(&f->tree, &root);
    f->s.node = w->box[box].node;
    f->s.house = w->house_addr;
    f->s.week = 3000;
    f->s.round = round;
    f->s.root = root.hash;
    f->s.leaves = f->tree.leaves;
    f->s.bytes_sum += root.bytes;
    f->s.worth = root.worth;
    typed_statement(&w->domain, &f->s, &digest);
    assert_int_equal(fog_secp_sign(&w->box[box].keys.keys[KEYD_KEY_NODE], &digest, &f->sig), 0);
}

static struct accept_answer forge_send(struct world *w, unsigned box, struct forged *f)
{
    struct accept_answer a;
    uint8_t wire[STATEMENT_LEN];

    statement_encode(&f->s, wire);
    assert_int_equal(accept_statement(w->house, &w->box[box].node, fog_bytes_of(wire, sizeof wire),
                                      &f->sig, fog_buf_bytes(&f->leaves), w->hub_ms, &a),
                     0);
    fog_buf_fini(&f->leaves);
    return a;
}

static uint32_t this_round(const struct world *w)
{
    return (uint32_t)(w->hub_ms / 1000 / GRANT_ROUND_S);
}

/* Sends one leaf of that grant in that round and gives the fault that was found. */
static enum leaf_fault fault_of(struct world *w, unsigned box, const struct issued *g,
                                unsigned ticks, const struct fog_hash *w_i, uint64_t bytes,
                                uint32_t round)
{
    struct forged f = {0};
    struct accept_answer a;

    forge_leaf(w, &f, g->wire, ticks, w_i, bytes);
    forge_sign(w, box, &f, round);
    a = forge_send(w, box, &f);
    assert_int_not_equal(a.code, 0);
    assert_non_null(strstr(a.text, leaf_fault_text(a.first)));
    return a.first;
}

static void test_every_lie_is_refused_with_its_reason(void **state)
{
    struct fog_hash seed = {{6}}, chain[TICK_CHAIN + 1], zero = {{0}};
    struct world w;
    struct issued p, t, other, unknown;
    uint32_t round;

    (void)state;
    world_init(&w);
    tick_chain_make(&seed, chain);
    round = this_round(&w);
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &p), 0);
    assert_int_equal(world_issue(&w, 0, chain[0].b, 100000, &t), 0);
    assert_int_equal(world_issue(&w, 1, NULL, 100000, &other), 0);
    w.hub_ms += WORLD_HOUR;
    assert_int_equal(fault_of(&w, 0, &p, 0, NULL, 100001, round), LEAF_ABOVE_GRANT);
    assert_int_equal(fault_of(&w, 0, &other, 0, NULL, 100, round), LEAF_OTHER_BOX);
    assert_int_equal(fault_of(&w, 0, &t, 5, &chain[4], 5000, round), LEAF_BAD_TICK);
    assert_int_equal(fault_of(&w, 0, &p, 1, &zero, 5000, round), LEAF_BAD_TICK);
    assert_int_equal(fault_of(&w, 0, &p, 0, NULL, 5000, round - 1), LEAF_OTHER_ROUND);
    unknown = p; /* another limit under our signature */
    unknown.wire[118] ^= 1;
    assert_int_equal(fault_of(&w, 0, &unknown, 0, NULL, 5000, round), LEAF_NOT_OURS);
    unknown.wire[30] ^= 1; /* and another serial: no such grant, signature of nobody */
    assert_int_equal(fault_of(&w, 0, &unknown, 0, NULL, 5000, round), LEAF_NOT_OURS);
    unknown = p;
    unknown.wire[6] = 99; /* registry id of no publisher */
    unknown.wire[30] ^= 1;
    assert_int_equal(fault_of(&w, 0, &unknown, 0, NULL, 5000, round), LEAF_UNKNOWN_GRANT);
    assert_int_equal(w.vouchers, 0);
    world_fini(&w);
}

static void test_a_settled_grant_is_not_paid_again(void **state)
{
    struct world w;
    struct issued g;
    struct forged f = {0};
    struct accept_answer a;
    uint32_t round;

    (void)state;
    world_init(&w);
    round = this_round(&w);
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &g), 0);
    world_serve(&w, 0, &g, 1000);
    world_pass(&w, WORLD_HOUR);
    assert_int_equal(w.vouchers, 1);
    assert_int_equal(fault_of(&w, 0, &g, 0, NULL, 1000, round - 1), LEAF_SETTLED);
    /* The same round under a higher rev: another statement of it was accepted. */
    forge_leaf(&w, &f, g.wire, 0, NULL, 2000);
    f.s.rev = 1;
    forge_sign(&w, 0, &f, round);
    a = forge_send(&w, 0, &f);
    assert_int_equal(a.code, FOG_EREPLAY);
    world_crash_house(&w);
    assert_int_equal(fault_of(&w, 0, &g, 0, NULL, 1000, round - 1), LEAF_SETTLED);
    assert_int_equal(w.vouchers, 1);
    world_fini(&w);
}

static void test_padded_trees_are_refused(void **state)
{
    struct world w;
    struct issued a, b;
    struct forged f = {0};
    struct accept_answer got;
    const struct issued *low, *high;
    uint32_t round;

    (void)state;
    world_init(&w);
    round = this_round(&w);
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &a), 0);
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &b), 0);
    w.hub_ms += WORLD_HOUR;
    low = memcmp(a.serial, b.serial, 16) < 0 ? &a : &b;
    high = low == &a ? &b : &a;
    /* Sums that the leaves do not give. */
    forge_leaf(&w, &f, low->wire, 0, NULL, 1000);
    f.s.bytes_sum = 500;
    forge_sign(&w, 0, &f, round);
    got = forge_send(&w, 0, &f);
    assert_int_equal(got.code, FOG_EVERIFY);
    assert_int_equal(got.first, LEAF_PADDED);
    /* One serial twice, and the wrong order. */
    f = (struct forged){0};
    forge_leaf(&w, &f, low->wire, 0, NULL, 1000);
    forge_leaf(&w, &f, low->wire, 0, NULL, 1000);
    forge_sign(&w, 0, &f, round);
    got = forge_send(&w, 0, &f);
    assert_int_equal(got.n_bad, 1);
    assert_int_equal(got.first, LEAF_PADDED);
    f = (struct forged){0};
    forge_leaf(&w, &f, high->wire, 0, NULL, 1000);
    forge_leaf(&w, &f, low->wire, 0, NULL, 1000);
    forge_sign(&w, 0, &f, round);
    got = forge_send(&w, 0, &f);
    assert_int_equal(got.first, LEAF_PADDED);
    /* A leaf that is worth nothing. */
    f = (struct forged){0};
    forge_leaf(&w, &f, low->wire, 0, NULL, 0);
    forge_sign(&w, 0, &f, round);
    got = forge_send(&w, 0, &f);
    assert_int_equal(got.first, LEAF_PADDED);
    assert_int_equal(w.vouchers, 0);
    /* And the honest one passes. */
    f = (struct forged){0};
    forge_leaf(&w, &f, low->wire, 0, NULL, 1000);
    forge_leaf(&w, &f, high->wire, 0, NULL, 1000);
    forge_sign(&w, 0, &f, round);
    got = forge_send(&w, 0, &f);
    assert_int_equal(got.code, 0);
    assert_int_equal(w.vouchers, 1);
    world_fini(&w);
}

static void test_a_publisher_without_a_deal_is_not_debited(void **state)
{
    struct world w;
    struct issued g;
    struct registry *reg;
    struct registry_deal deal;
    uint32_t round;

    (void)state;
    world_init(&w);
    round = this_round(&w);
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &g), 0);
    w.hub_ms += WORLD_HOUR;
    reg = registry_copy(w.reg);
    deal = *registry_deal(reg, 7, 2);
    deal.until = 2999; /* the deal does not name this week */
    assert_int_equal(registry_set_deal(reg, &deal), 0);
    house_set_registry(w.house, reg);
    registry_unref(&reg);
    assert_int_equal(fault_of(&w, 0, &g, 0, NULL, 1000, round), LEAF_NO_DEAL);
    world_fini(&w);
}

static void test_statements_of_others_are_refused(void **state)
{
    struct world w;
    struct issued g;
    struct forged f = {0};
    struct accept_answer a;
    uint32_t round;

    (void)state;
    world_init(&w);
    round = this_round(&w);
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &g), 0);
    forge_leaf(&w, &f, g.wire, 0, NULL, 1000);
    forge_sign(&w, 0, &f, round);
    a = forge_send(&w, 0, &f);
    assert_int_equal(a.code, FOG_EBUSY); /* the round is not over: ask again later */
    w.hub_ms += WORLD_HOUR;
    f = (struct forged){0};
    forge_leaf(&w, &f, g.wire, 0, NULL, 1000);
    forge_sign(&w, 0, &f, round);
    f.sig.b[5] ^= 1;
    a = forge_send(&w, 0, &f);
    assert_int_equal(a.code, FOG_EVERIFY);
    f = (struct forged){0};
    forge_leaf(&w, &f, g.wire, 0, NULL, 1000);
    forge_sign(&w, 0, &f, round);
    a = forge_send(&w, 1, &f); /* brought by another box */
    assert_int_equal(a.code, FOG_EDENIED);
    f = (struct forged){0};
    fog_buf_append(&f.leaves, "\7junk", 5);
    forge_sign(&w, 0, &f, round);
    a = forge_send(&w, 0, &f);
    assert_int_equal(a.code, FOG_EFORMAT);
    world_fini(&w);
}

/* A box that has one bad leaf among good ones gets the good ones paid, under the next rev. */
static void test_bad_leaves_are_left_out_and_the_rest_is_paid(void **state)
{
    struct world w;
    struct issued a, b;
    struct claim_batch none = {0};

    (void)state;
    world_init(&w);
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &a), 0);
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &b), 0);
    world_serve(&w, 0, &a, 1000);
    world_serve(&w, 0, &b, 200);
    /* The house settled b already, from PROGRESS for example. */
    {
        struct open_grant *o = house_find(w.house, b.serial);
        struct house_leaf leaf = {.g = o->g, .digest = o->digest, .paid_bytes = 200};

        house_put_leaf(&none, &leaf);
        assert_int_equal(claim_batch_apply(&none, &w.db.port, NULL, true), 0);
        claim_batch_fini(&none);
    }
    world_pass(&w, WORLD_HOUR);
    assert_int_equal(w.box[0].last.n_bad, 1);
    assert_int_equal(w.box[0].last.first, LEAF_SETTLED);
    world_pass(&w, 11000);
    assert_int_equal(w.box[0].last.code, 0);
    assert_int_equal(w.box[0].last.rev, 1);
    assert_true(w.newest.cum_bytes == 1000);
    world_fini(&w);
}

/* --- vouchers --- */

static void test_one_voucher_per_wallet_grows(void **state)
{
    struct world w;
    struct issued g;
    struct voucher first;
    struct fog_secp_sig sig;

    (void)state;
    world_init(&w);
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &g), 0);
    world_serve(&w, 0, &g, 1000);
    world_pass(&w, WORLD_HOUR);
    first = w.newest;
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &g), 0);
    world_serve(&w, 0, &g, 500);
    world_pass(&w, WORLD_HOUR);
    assert_int_equal(w.newest.seq, 2);
    assert_true(w.newest.cum_bytes == 1500);
    assert_true(amount_cmp(w.newest.cum, first.cum) > 0);
    assert_false(fog_hash_eq(&w.newest.covers, &first.covers));
    assert_int_equal(voucher_newest(w.house, &w.box[1].wallet, &first, &sig), -ENOENT);
    world_fini(&w);
}

static void test_a_voucher_lost_in_a_crash_is_signed_again_the_same(void **state)
{
    struct world w;
    struct issued g;
    struct voucher v;
    struct fog_secp_sig sig;

    (void)state;
    world_init(&w);
    w.keys.hold = false;
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &g), 0);
    world_serve(&w, 0, &g, 1000);
    world_pass(&w, 1000);
    w.keys.hold = true; /* keyd signs, and the house dies before it hears of it */
    world_pass(&w, WORLD_HOUR);
    assert_int_equal(w.vouchers, 0);
    w.keys.hold = false;
    world_crash_house(&w);
    assert_int_equal(w.vouchers, 1);
    assert_int_equal(voucher_newest(w.house, &w.box[0].wallet, &v, &sig), 0);
    assert_int_equal(v.seq, 1);
    world_fini(&w);
}

static void test_crash_anywhere_in_accepting_pays_once(void **state)
{
    (void)state;
    for (uint64_t at = 1; at < 8; at++)
        for (int after = 0; after < 2; after++) {
            struct world w;
            struct issued g;
            struct voucher v;
            struct fog_secp_sig sig;

            world_init(&w);
            assert_int_equal(world_issue(&w, 0, NULL, 100000, &g), 0);
            world_serve(&w, 0, &g, 1000);
            world_pass(&w, 1000);
            w.box[0].cut = true;
            world_pass(&w, WORLD_HOUR); /* stated, not yet sent across */
            w.box[0].cut = false;
            w.db.fail_at = w.db.applies + at;
            w.db.fail_after_write = after == 1;
            w.hub_ms += 11000;
            {
                struct forged f = {0};
                uint8_t wire[STATEMENT_LEN];
                struct accept_answer a;

                forge_leaf(&w, &f, g.wire, 0, NULL, 1000);
                forge_sign(&w, 0, &f, this_round(&w) - 1);
                statement_encode(&f.s, wire);
                (void)!accept_statement(w.house, &w.box[0].node, fog_bytes_of(wire, sizeof wire),
                                        &f.sig, fog_buf_bytes(&f.leaves), w.hub_ms, &a);
                fog_buf_fini(&f.leaves);
            }
            world_crash_house(&w);
            for (int i = 0; i < 3; i++)
                world_pass(&w, 11000);
            /* Boxes are given the newest one with each new lease. */
            assert_int_equal(voucher_newest(w.house, &w.box[0].wallet, &v, &sig), 0);
            assert_true(v.cum_bytes == 1000);
            assert_int_equal(v.seq, 1);
            world_fini(&w);
        }
}

/* --- weeks --- */

static void test_a_box_that_vanished_is_paid_from_its_progress(void **state)
{
    struct fog_hash seed = {{6}}, chain[TICK_CHAIN + 1];
    struct tick_state tick = {.i = 3}, bad = {.i = 4};
    struct world w;
    struct issued g, silent;

    (void)state;
    world_init(&w);
    tick_chain_make(&seed, chain);
    assert_int_equal(world_issue(&w, 0, chain[0].b, 100000, &g), 0);
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &silent), 0);
    tick.w = chain[3];
    bad.w = chain[3];
    assert_int_equal(accept_progress(w.house, &w.box[0].node, g.serial, &tick, 10000, w.hub_ms), 0);
    assert_int_equal(accept_progress(w.house, &w.box[0].node, g.serial, &bad, 90000, w.hub_ms),
                     FOG_EVERIFY);
    assert_int_equal(accept_progress(w.house, &w.box[1].node, g.serial, &tick, 10000, w.hub_ms),
                     -ENOENT);
    world_pass(&w, 1000);
    world_crash_house(&w);
    assert_int_equal(week_close(w.house, 3000, 0, w.hub_ms), FOG_EBUSY);
    w.hub_ms += (fog_time_ms)604800 * 1000;
    assert_int_equal(week_close(w.house, 3000, 0, w.hub_ms), 0);
    assert_true(week_is_closed(w.house, 3000));
    assert_true(w.newest.cum_bytes == 3000); /* three ticks of 1000 */
    {                                        /* a statement that comes after the week was closed */
        struct forged f = {0};
        struct accept_answer a;

        forge_leaf(&w, &f, silent.wire, 0, NULL, 1000);
        forge_sign(&w, 0, &f, this_round(&w) - 168);
        a = forge_send(&w, 0, &f);
        assert_int_equal(a.code, FOG_EEXPIRED);
    }
    world_fini(&w);
}

static void test_week_rows_add_up_to_what_is_owed(void **state)
{
    struct world w;
    struct issued g;
    struct week_row *rows = NULL;
    struct fog_hash root;
    struct fog_buf out = {0};
    size_t n = 0, lines = 0;

    (void)state;
    world_init(&w);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(world_issue(&w, i % 2, NULL, 100000, &g), 0);
        world_serve(&w, i % 2, &g, 1000 + i);
    }
    world_pass(&w, WORLD_HOUR);
    assert_int_equal(week_rows(w.house, 3000, &rows, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].leaves, 5);
    assert_true(rows[0].bytes == 5010);
    assert_true(fog_ethaddr_eq(&rows[0].publisher, &w.publisher));
    {
        struct voucher v[2];
        struct fog_secp_sig sig;
        struct amount sum;

        for (int i = 0; i < 2; i++)
            assert_int_equal(voucher_newest(w.house, &w.box[i].wallet, &v[i], &sig), 0);
        assert_int_equal(amount_add(&sum, v[0].cum, v[1].cum), 0);
        assert_int_equal(amount_cmp(sum, rows[0].worth), 0);
    }
    assert_int_equal(week_root(rows, n, &root), 0);
    assert_int_equal(week_export(w.house, 3000, &out), 0);
    for (size_t i = 0; i < out.len; i++)
        lines += out.data[i] == '\n';
    assert_int_equal(lines, 6 + 2); /* and the statement of either box */
    fog_buf_fini(&out);
    free(rows);
    world_fini(&w);
}

static void test_week_root_vectors(void **state)
{
    struct fog_json *v = vectors_load("contracts/vectors/week_root.json");

    (void)state;
    assert_true(fog_json_count(v) > 2);
    for (size_t i = 0; i < fog_json_count(v); i++) {
        const struct fog_json *one = fog_json_item(v, i), *rows = fog_json_member(one, "rows");
        struct week_row row[64];
        struct fog_hash root, want;
        size_t n = fog_json_count(rows);

        assert_true(n <= FOG_COUNT(row));
        for (size_t k = 0; k < n; k++) {
            const struct fog_json *j = fog_json_item(rows, k);

            vectors_hex(j, "publisher", row[k].publisher.b, 20);
            row[k].bytes = vectors_number(j, "bytesSum");
            row[k].worth = amount_of_units(vectors_number(j, "units"));
            row[k].leaves = (uint32_t)vectors_number(j, "leaves");
            vectors_hex(j, "subroot", row[k].subroot.b, 32);
        }
        assert_int_equal(week_root(row, n, &root), 0);
        vectors_hex(one, "root", want.b, 32);
        assert_true(fog_hash_eq(&root, &want));
    }
    fog_json_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grants_stop_at_the_deals_cap),
        cmocka_unit_test(test_caps_survive_a_crash),
        cmocka_unit_test(test_who_gets_no_grant),
        cmocka_unit_test(test_grants_wait_for_keyd_and_end_with_the_house),
        cmocka_unit_test(test_every_lie_is_refused_with_its_reason),
        cmocka_unit_test(test_a_settled_grant_is_not_paid_again),
        cmocka_unit_test(test_padded_trees_are_refused),
        cmocka_unit_test(test_a_publisher_without_a_deal_is_not_debited),
        cmocka_unit_test(test_statements_of_others_are_refused),
        cmocka_unit_test(test_bad_leaves_are_left_out_and_the_rest_is_paid),
        cmocka_unit_test(test_one_voucher_per_wallet_grows),
        cmocka_unit_test(test_a_voucher_lost_in_a_crash_is_signed_again_the_same),
        cmocka_unit_test(test_crash_anywhere_in_accepting_pays_once),
        cmocka_unit_test(test_a_box_that_vanished_is_paid_from_its_progress),
        cmocka_unit_test(test_week_rows_add_up_to_what_is_owed),
        cmocka_unit_test(test_week_root_vectors),
    };

    fog_log_setup(FOG_LOG_BROKEN, "test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
