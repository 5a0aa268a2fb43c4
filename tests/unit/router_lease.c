/* router/lease: heartbeats, probes, leaving, cuts, on a clock that the test moves. */
#include "router/lease.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct leases *l;
static uint8_t keys[20][32];
static unsigned probes[20];
static int cut_state;
static fog_time_ms now;

static void on_probe(void *arg, const uint8_t key[32], enum lease_why why)
{
    (void)arg;
    (void)why;
    probes[key[1]]++;
}

static void on_changed(void *arg, const struct lease_box *box, enum lease_state from)
{
    (void)arg;
    assert_int_not_equal(box->state, from);
}

static void on_cut(void *arg, bool on)
{
    (void)arg;
    cut_state = on;
}

static int setup(void **state)
{
    static const uint8_t seed[16];
    struct leases_ops ops = {.probe = on_probe, .changed = on_changed, .cut = on_cut};

    (void)state;
    now = 1000;
    cut_state = 0;
    memset(probes, 0, sizeof probes);
    l = leases_new(seed, now, 60000, &ops);
    for (unsigned i = 0; i < 20; i++) {
        keys[i][0] = 0xaa;
        keys[i][1] = (uint8_t)i;
        leases_add(l, keys[i], now);
        leases_on_hello(l, keys[i], now);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    leases_free(&l);
    return 0;
}

static enum lease_state state_of(unsigned i)
{
    return leases_get(l, keys[i])->state;
}

/* Everybody beats but those in `but` (a bit per box). */
static void run(fog_time_ms until, unsigned but, bool serving)
{
    struct lease_load load = {.active = serving};

    for (; now < until; now += 100) {
        for (unsigned i = 0; i < 20; i++)
            if ((but >> i & 1) == 0 && now % 3000 == 0)
                leases_on_beat(l, keys[i], &load, now);
        (void)leases_tick(l, now);
    }
}

static void test_an_idle_box_that_falls_silent_is_dead_within_twelve_seconds(void **state)
{
    fog_time_ms last;

    (void)state;
    run(9000, 0, false);
    last = leases_get(l, keys[3])->last_beat;
    run(last + 10900, 1u << 3, false);
    assert_int_equal(state_of(3), LEASE_ALIVE);
    run(last + 11200, 1u << 3, false);
    assert_int_equal(state_of(3), LEASE_SUSPECT);
    assert_int_equal(probes[3], 1);
    run(last + 12300, 1u << 3, false);
    assert_int_equal(state_of(3), LEASE_DEAD);
    assert_false(leases_get(l, keys[3])->cut);
    assert_int_equal(state_of(4), LEASE_ALIVE);
}

static void test_a_serving_box_is_asked_after_two_beats(void **state)
{
    fog_time_ms last;

    (void)state;
    run(9000, 0, true);
    last = leases_get(l, keys[3])->last_beat;
    run(last + 6200, 1u << 3, true);
    assert_int_equal(state_of(3), LEASE_SUSPECT);
    leases_on_probe(l, keys[3], true, now); /* it was only slow */
    assert_int_equal(state_of(3), LEASE_ALIVE);
    assert_true(leases_is_usable(l, keys[3]));
}

static void test_a_reset_connection_is_suspect_at_once_and_dead_when_the_probe_fails(void **state)
{
    (void)state;
    leases_on_closed(l, keys[5], now);
    assert_int_equal(state_of(5), LEASE_SUSPECT);
    assert_false(leases_is_usable(l, keys[5]));
    assert_int_equal(probes[5], 1);
    leases_on_probe(l, keys[5], false, now + 2);
    assert_int_equal(state_of(5), LEASE_DEAD);
    leases_on_hello(l, keys[5], now + 500); /* it was restarted */
    assert_true(leases_is_usable(l, keys[5]));
}

static void test_a_box_that_answers_but_does_not_come_back_is_dead_after_a_while(void **state)
{
    (void)state;
    leases_on_closed(l, keys[5], now);
    leases_on_probe(l, keys[5], true, now);
    assert_int_equal(state_of(5), LEASE_ALIVE);
    run(now + LEASE_ORPHAN_MS + 200, 1u << 5, false);
    assert_int_equal(state_of(5), LEASE_DEAD);
}

static void test_asking_again_probes_once_and_only_the_probe_decides(void **state)
{
    (void)state;
    leases_on_reask(l, keys[2], now);
    leases_on_reask(l, keys[2], now + 10);
    assert_int_equal(probes[2], 1);
    assert_true(leases_is_usable(l, keys[2])); /* a viewer's word removes nobody */
    leases_on_probe(l, keys[2], true, now + 50);
    leases_on_reask(l, keys[2], now + 100); /* too soon */
    assert_int_equal(probes[2], 1);
    leases_on_reask(l, keys[2], now + 1200);
    assert_int_equal(probes[2], 2);
    now += 1200;
    run(now + 1200, 0, true);
    assert_int_equal(state_of(2), LEASE_DEAD); /* beats do not answer for the public side */
}

static void test_leaving_withdraws_at_once(void **state)
{
    (void)state;
    leases_on_leave(l, keys[7], now);
    assert_int_equal(state_of(7), LEASE_LEFT);
    assert_false(leases_counts_alive(l, keys[7]));
    leases_on_closed(l, keys[7], now + 1);
    assert_int_equal(state_of(7), LEASE_LEFT);
    assert_int_equal(probes[7], 0);
}

static void test_a_third_of_the_cell_silent_at_once_is_a_cut(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++)
        leases_on_closed(l, keys[i], now);
    assert_int_equal(cut_state, 0); /* 6 of 20: 30 %, not more */
    leases_on_closed(l, keys[6], now + 100);
    assert_int_equal(cut_state, 1);
    for (unsigned i = 0; i < 7; i++) {
        leases_on_probe(l, keys[i], false, now + 200);
        assert_int_equal(state_of(i), LEASE_DEAD);
        assert_true(leases_get(l, keys[i])->cut);
    }
    leases_on_hello(l, keys[0], now + 300);
    assert_false(leases_get(l, keys[0])->cut);
    run(now + 62000, 0x7e, false);
    assert_int_equal(cut_state, 0); /* held long enough: deaths are deaths */
    assert_false(leases_get(l, keys[1])->cut);
}

static void test_boxes_may_take_a_while_to_come_back_after_our_start(void **state)
{
    uint8_t late[32] = {1};

    (void)state;
    leases_add(l, late, now);
    run(1000 + LEASE_WARMUP_MS - 100, 0, false);
    assert_int_equal(leases_get(l, late)->state, LEASE_NEW);
    run(1000 + LEASE_WARMUP_MS + 200, 0, false);
    assert_int_equal(leases_get(l, late)->state, LEASE_DEAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_an_idle_box_that_falls_silent_is_dead_within_twelve_seconds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_serving_box_is_asked_after_two_beats, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_a_reset_connection_is_suspect_at_once_and_dead_when_the_probe_fails, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            test_a_box_that_answers_but_does_not_come_back_is_dead_after_a_while, setup, teardown),
        cmocka_unit_test_setup_teardown(test_asking_again_probes_once_and_only_the_probe_decides,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaving_withdraws_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_third_of_the_cell_silent_at_once_is_a_cut, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_boxes_may_take_a_while_to_come_back_after_our_start,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
