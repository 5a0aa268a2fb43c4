/* contracts/claim: a box's ledger: checks, credit, rounds, crashes. */
#include "core/base/str.h"
#include "core/obs/log.h"
#include "tests/lib/claimworld.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ledger_grant *hold(struct world *w, unsigned box, const struct issued *g)
{
    struct grant_use use = world_use(w);
    struct ledger_grant *h = NULL;

    assert_int_equal(ledger_check(w->box[box].ledger, fog_bytes_str(g->text), &use, &h, NULL),
                     LEDGER_OK);
    return h;
}

static int why_not(struct world *w, unsigned box, const char *text, const struct grant_use *use)
{
    struct ledger_grant *h = NULL;
    int why = 0;

    assert_int_not_equal(ledger_check(w->box[box].ledger, fog_bytes_str(text), use, &h, &why),
                         LEDGER_OK);
    return why;
}

static void test_what_is_not_for_us_is_sent_elsewhere(void **state)
{
    struct world w;
    struct issued g, other;
    struct grant_use use;
    uint8_t wire[GRANT_WIRE_LEN];
    struct ledger_grant *h = NULL;

    (void)state;
    world_init(&w);
    assert_int_equal(world_issue(&w, 0, NULL, 1000, &g), 0);
    assert_int_equal(world_issue(&w, 1, NULL, 1000, &other), 0);
    use = world_use(&w);
    assert_int_equal(why_not(&w, 0, other.text, &use), FOG_EADDR);
    assert_int_equal(why_not(&w, 0, "abc", &use), FOG_EFORMAT);
    use.site = (const uint8_t *)"other-site";
    assert_int_equal(why_not(&w, 0, g.text, &use), FOG_EADDR);
    use = world_use(&w);
    use.n_segments = 0;
    assert_int_equal(why_not(&w, 0, g.text, &use), FOG_EADDR);
    use = world_use(&w);
    use.hub_ms += 301000;
    assert_int_equal(why_not(&w, 0, g.text, &use), FOG_EEXPIRED);
    memcpy(wire, g.wire, sizeof wire);
    wire[150] ^= 1; /* in the signature */
    grant_text(wire, g.text);
    use = world_use(&w);
    assert_true(why_not(&w, 0, g.text, &use) < 0);
    grant_text(g.wire, g.text);
    h = hold(&w, 0, &g);
    grant_text(wire, other.text); /* a known serial under another signature */
    assert_int_equal(why_not(&w, 0, other.text, &use), FOG_EREPLAY);
    use.site = (const uint8_t *)"other-site"; /* a known grant is checked against each request */
    assert_int_equal(why_not(&w, 0, g.text, &use), FOG_EADDR);
    ledger_done(w.box[0].ledger, &h);
    world_fini(&w);
}

static void test_the_table_is_bounded(void **state)
{
    struct world w;
    struct issued g;
    struct grant_use use;

    (void)state;
    world_init(&w);
    use = world_use(&w);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(world_issue(&w, 0, NULL, 1000, &g), 0);
        world_serve(&w, 0, &g, 1);
    }
    assert_int_equal(world_issue(&w, 0, NULL, 1000, &g), 0);
    assert_int_equal(why_not(&w, 0, g.text, &use), FOG_ELIMIT);
    world_fini(&w);
}

static void on_wake(struct ledger_waiter *w)
{
    w->on_wake = NULL;
}

static void test_credit_starts_at_one_tick_and_doubles(void **state)
{
    struct fog_hash seed = {{5}}, w_i[TICK_CHAIN + 1];
    struct ledger_waiter waiter = {.on_wake = on_wake};
    struct ledger_grant *h;
    struct ledger *l;
    struct world w;
    struct issued g;

    (void)state;
    world_init(&w);
    l = w.box[0].ledger;
    tick_chain_make(&seed, w_i);
    assert_int_equal(world_issue(&w, 0, w_i[0].b, 256000, &g), 0);
    assert_int_equal(g.tick_bytes, 1000);
    h = hold(&w, 0, &g);
    assert_true(ledger_allow(l, h, w.hub_ms) == 1000);
    ledger_spend(l, h, 1000, w.hub_ms);
    assert_true(ledger_allow(l, h, w.hub_ms) == 0);
    ledger_wait(l, h, &waiter);
    assert_int_equal(ledger_tick(l, h, 1, &w_i[2], w.hub_ms), FOG_EVERIFY);
    assert_non_null(waiter.on_wake);
    assert_int_equal(ledger_tick(l, h, 1, &w_i[1], w.hub_ms), 0);
    assert_null(waiter.on_wake);
    assert_true(ledger_allow(l, h, w.hub_ms) == 2000); /* 1 paid + window 2 - 1 sent */
    ledger_unspend(l, h, 500);
    assert_true(ledger_allow(l, h, w.hub_ms) == 2500);
    assert_int_equal(ledger_tick(l, h, 10, &w_i[10], w.hub_ms), 0);
    assert_true(ledger_allow(l, h, w.hub_ms) == 17500);
    assert_int_equal(ledger_tick(l, h, 10, &w_i[10], w.hub_ms), FOG_EREPLAY);
    assert_int_equal(ledger_tick(l, h, 256, &w_i[256], w.hub_ms), 0);
    ledger_spend(l, h, 255500, w.hub_ms);
    assert_true(ledger_allow(l, h, w.hub_ms) == LEDGER_NEVER);
    ledger_done(l, &h);
    world_fini(&w);
}

static void test_bytes_after_the_close_are_unpaid(void **state)
{
    struct world w;
    struct issued g;
    struct ledger_grant *h;
    struct ledger *l;

    (void)state;
    world_init(&w);
    l = w.box[0].ledger;
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &g), 0);
    h = hold(&w, 0, &g);
    ledger_spend(l, h, 700, w.hub_ms);
    assert_true(ledger_allow(l, h, w.hub_ms + 899000) == 99300);
    assert_true(ledger_allow(l, h, w.hub_ms + 900000) == LEDGER_NEVER);
    ledger_spend(l, h, 50, w.hub_ms + 900000);
    ledger_done(l, &h);
    world_pass(&w, WORLD_HOUR);
    assert_true(w.newest.cum_bytes == 700);
    world_fini(&w);
}

static void test_a_round_is_stated_once_and_paid(void **state)
{
    struct world w;
    struct issued g;
    struct ledger_stats st;
    struct amount full = amount_of_bytes(12345, 2000000), part;

    (void)state;
    world_init(&w);
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &g), 0);
    world_serve(&w, 0, &g, 12345);
    world_pass(&w, 1000);
    assert_int_equal(w.box[0].statements, 0);
    world_pass(&w, WORLD_HOUR);
    assert_int_equal(w.box[0].statements, 1);
    assert_int_equal(w.vouchers, 1);
    assert_true(w.newest.cum_bytes == 12345);
    assert_int_equal(amount_share(&part, full, 8000), 0); /* passive, as the house pays it */
    assert_int_equal(amount_cmp(w.newest.cum, part), 0);
    ledger_stats(w.box[0].ledger, &st);
    assert_int_equal(st.live, 0);
    assert_int_equal(st.statements_due, 0);
    assert_int_equal(amount_cmp(st.vouchered, part), 0);
    world_pass(&w, WORLD_HOUR);
    assert_int_equal(w.box[0].statements, 1);
    world_fini(&w);
}

static void test_unanswered_statements_are_sent_again(void **state)
{
    struct world w;
    struct issued g;

    (void)state;
    world_init(&w);
    w.box[0].cut = true;
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &g), 0);
    world_serve(&w, 0, &g, 10);
    world_pass(&w, WORLD_HOUR);
    world_pass(&w, 5000);
    assert_int_equal(w.box[0].statements, 1);
    world_pass(&w, 5000);
    assert_int_equal(w.box[0].statements, 2);
    world_crash_box(&w, 0);
    w.box[0].cut = false;
    world_pass(&w, 1000);
    assert_int_equal(w.box[0].statements, 3);
    assert_true(w.newest.cum_bytes == 10);
    world_fini(&w);
}

/* keyd takes its time, then the hub is killed before it answered: neither costs more than a turn.
 */
static void test_a_new_lease_brings_statements_at_once(void **state)
{
    struct world w;
    struct issued g;

    (void)state;
    world_init(&w);
    w.box[0].cut = true;
    w.box[0].keys.hold = true;
    assert_int_equal(world_issue(&w, 0, NULL, 100000, &g), 0);
    world_serve(&w, 0, &g, 10);
    world_pass(&w, WORLD_HOUR);
    world_pass(&w, 1000);
    assert_int_equal(w.box[0].statements, 0);
    fakekeys_answer(&w.box[0].keys);
    world_pass(&w, 1000);
    assert_int_equal(w.box[0].statements, 1);
    world_pass(&w, 1000);
    assert_int_equal(w.box[0].statements, 1);
    w.box[0].cut = false;
    ledger_resend(w.box[0].ledger);
    world_pass(&w, 1000);
    assert_int_equal(w.box[0].statements, 2);
    assert_true(w.newest.cum_bytes == 10);
    world_fini(&w);
}

/* A crash between any two writes: what was flushed is paid once, and no round is stated twice. */
static void test_crash_anywhere_loses_at_most_a_second(void **state)
{
    (void)state;
    for (uint64_t at = 1; at < 12; at++)
        for (int after = 0; after < 2; after++) {
            struct world w;
            struct issued g;

            world_init(&w);
            assert_int_equal(world_issue(&w, 0, NULL, 1000000, &g), 0);
            world_serve(&w, 0, &g, 1000);
            world_pass(&w, 1000); /* flushed */
            world_serve(&w, 0, &g, 7);
            w.box[0].store.fail_at = w.box[0].store.applies + at;
            w.box[0].store.fail_after_write = after == 1;
            for (int step = 0; step < 4; step++) {
                w.hub_ms += step == 0 ? WORLD_HOUR : 1000;
                if (ledger_flush(w.box[0].ledger, w.hub_ms) != 0 ||
                    ledger_turn(w.box[0].ledger, w.hub_ms, 1000) != 0)
                    break;
            }
            world_crash_box(&w, 0);
            for (int step = 0; step < 4; step++)
                world_pass(&w, 11000);
            assert_true(w.newest.cum_bytes == 1000 || w.newest.cum_bytes == 1007);
            assert_int_equal(w.newest.seq, 1);
            world_fini(&w);
        }
}

/* The box's store is set back (a backup), keyd's memory is not: the round is stated under another
 * rev. */
static void test_a_store_set_back_never_signs_the_round_again(void **state)
{
    struct world w;
    struct issued g;
    struct memstore old;

    (void)state;
    world_init(&w);
    w.box[0].cut = true;
    assert_int_equal(world_issue(&w, 0, NULL, 1000000, &g), 0);
    world_serve(&w, 0, &g, 1000);
    world_pass(&w, 1000);
    memstore_init(&old);
    for (size_t i = 0; i < w.box[0].store.live.n; i++) {
        const struct store_row *r = &w.box[0].store.live.rows[i];

        store_table_set(&old.live, fog_bytes_of(r->bytes, r->key_len),
                        fog_bytes_of(r->bytes + r->key_len, r->value_len));
    }
    world_serve(&w, 0, &g, 5);
    world_pass(&w, WORLD_HOUR); /* stated with 1005 and signed */
    assert_int_equal(w.box[0].statements, 1);
    ledger_free(&w.box[0].ledger);
    store_table_fini(&w.box[0].store.durable);
    w.box[0].store.durable = old.live;
    world_crash_box(&w, 0);
    w.box[0].cut = false;
    for (int i = 0; i < 4; i++)
        world_pass(&w, 11000);
    assert_true(w.newest.cum_bytes == 1000);
    assert_int_equal(w.box[0].last.code, 0);
    world_fini(&w);
}

static void count_row(void *arg, const struct ledger_progress *row)
{
    uint64_t *sum = arg;

    *sum += row->bytes;
}

static void test_progress_tells_only_what_changed(void **state)
{
    struct world w;
    struct issued a, b;
    uint64_t sum = 0;

    (void)state;
    world_init(&w);
    assert_int_equal(world_issue(&w, 0, NULL, 1000000, &a), 0);
    assert_int_equal(world_issue(&w, 0, NULL, 1000000, &b), 0);
    world_serve(&w, 0, &a, 10);
    world_serve(&w, 0, &b, 100);
    ledger_progress(w.box[0].ledger, count_row, &sum);
    assert_true(sum == 110);
    world_serve(&w, 0, &a, 1);
    sum = 0;
    ledger_progress(w.box[0].ledger, count_row, &sum);
    assert_true(sum == 11);
    world_fini(&w);
}

/* --- serving threads --- */

#define THREADS 4
#define SPENDS  20000

struct server {
    pthread_t thread;
    struct world *w;
    const struct issued *shared; /* all threads serve under this one */
    const struct issued *own;
    struct grant_use use;
    bool ok;
};

static void *serve(void *arg)
{
    struct server *s = arg;
    struct ledger *l = s->w->box[0].ledger;

    s->ok = true;
    for (int i = 0; i < SPENDS && s->ok; i++) {
        const struct issued *g = i % 2 == 0 ? s->shared : s->own;
        struct ledger_grant *h = NULL;

        s->ok = ledger_check(l, fog_bytes_str(g->text), &s->use, &h, NULL) == LEDGER_OK &&
                ledger_allow(l, h, s->use.hub_ms) > 0;
        if (s->ok)
            ledger_spend(l, h, 3, s->use.hub_ms);
        ledger_done(l, &h);
    }
    return NULL;
}

static void test_no_byte_is_lost_between_threads_and_flushes(void **state)
{
    struct server s[THREADS];
    struct issued shared, own[THREADS];
    struct grant_use use;
    struct world w;

    (void)state;
    world_init(&w);
    use = world_use(&w);
    assert_int_equal(world_issue(&w, 0, NULL, 100 << 20, &shared), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(world_issue(&w, 0, NULL, 1 << 20, &own[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        s[i] = (struct server){.w = &w, .shared = &shared, .own = &own[i], .use = use};
        assert_int_equal(pthread_create(&s[i].thread, NULL, serve, &s[i]), 0);
    }
    for (int i = 0; i < 50; i++) {
        assert_int_equal(ledger_flush(w.box[0].ledger, w.hub_ms), 0);
        assert_int_equal(ledger_turn(w.box[0].ledger, w.hub_ms, 1000), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(s[i].thread, NULL), 0);
        assert_true(s[i].ok);
    }
    world_pass(&w, 1000); /* what came after the last flush above */
    world_crash_box(&w, 0);
    world_pass(&w, WORLD_HOUR);
    assert_true(w.newest.cum_bytes == (fog_u128)THREADS * SPENDS * 3);
    world_fini(&w);
}

static void test_leaves_parse_and_nothing_else(void **state)
{
    uint8_t in[LEDGER_LEAF_LEN + LEDGER_LEAF_SHORT] = {0};
    struct ledger_leaf leaf;
    size_t at = 0;

    (void)state;
    in[1] = 1; /* wire version */
    in[LEDGER_LEAF_LEN] = 1;
    in[LEDGER_LEAF_LEN + 1] = 0xcc;
    assert_int_equal(ledger_leaf_parse(fog_bytes_of(in, sizeof in), &at, &leaf), 0);
    assert_int_equal(at, LEDGER_LEAF_LEN);
    assert_int_equal(leaf.wire.len, GRANT_WIRE_LEN);
    assert_int_equal(ledger_leaf_parse(fog_bytes_of(in, sizeof in), &at, &leaf), 0);
    assert_int_equal(leaf.serial[0], 0xcc);
    assert_int_equal(leaf.wire.len, 0);
    assert_int_equal(at, sizeof in);
    for (size_t len = 0; len < LEDGER_LEAF_LEN; len++) {
        at = 0;
        assert_int_not_equal(ledger_leaf_parse(fog_bytes_of(in, len), &at, &leaf), 0);
    }
    in[0] = 2;
    at = 0;
    assert_int_not_equal(ledger_leaf_parse(fog_bytes_of(in, sizeof in), &at, &leaf), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_for_us_is_sent_elsewhere),
        cmocka_unit_test(test_the_table_is_bounded),
        cmocka_unit_test(test_credit_starts_at_one_tick_and_doubles),
        cmocka_unit_test(test_bytes_after_the_close_are_unpaid),
        cmocka_unit_test(test_a_round_is_stated_once_and_paid),
        cmocka_unit_test(test_unanswered_statements_are_sent_again),
        cmocka_unit_test(test_a_new_lease_brings_statements_at_once),
        cmocka_unit_test(test_crash_anywhere_loses_at_most_a_second),
        cmocka_unit_test(test_a_store_set_back_never_signs_the_round_again),
        cmocka_unit_test(test_progress_tells_only_what_changed),
        cmocka_unit_test(test_no_byte_is_lost_between_threads_and_flushes),
        cmocka_unit_test(test_leaves_parse_and_nothing_else),
    };

    fog_log_setup(FOG_LOG_BROKEN, "test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
