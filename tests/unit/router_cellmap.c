/* router/cellmap: signatures, chain, ids by beacon, liveness. */
#include "core/base/wr.h"
#include "core/wire/frame.h"
#include "tests/lib/fogkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct fogkit kit;

static int setup(void **state)
{
    (void)state;
    fogkit_init(&kit, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fogkit_fini(&kit);
    return 0;
}

static void test_a_signed_map_comes_back_and_a_changed_byte_is_found(void **state)
{
    struct fog_buf b = {0};
    struct cellmap *m = fogkit_map(&kit, 2, 20, &b), *back;

    (void)state;
    assert_int_equal(cellmap_decode(fog_buf_bytes(&b), &kit.hubs, &kit.fog_id, &back), 0);
    assert_int_equal(back->n, 20);
    assert_true(fog_hash_eq(&back->self, &m->self));
    for (size_t i = 0; i < back->n; i++) {
        assert_int_equal(cellmap_find_key(back, m->rows[i].key), i);
        assert_int_equal(cellmap_find_box(back, &m->rows[i].box), i);
    }
    cellmap_unref(&back);
    for (size_t at = 0; at < b.len; at += 97) {
        b.data[at] ^= 1;
        assert_int_not_equal(cellmap_decode(fog_buf_bytes(&b), &kit.hubs, &kit.fog_id, &back), 0);
        b.data[at] ^= 1;
    }
    cellmap_unref(&m);
    fog_buf_fini(&b);
}

static void test_t_signatures_are_needed(void **state)
{
    struct hubset two = kit.hubs;
    struct fog_buf b = {0};
    struct cellmap *m = fogkit_map(&kit, 2, 3, &b), *back;

    (void)state;
    two.t = 2;
    assert_int_equal(cellmap_decode(fog_buf_bytes(&b), &two, &kit.fog_id, &back), FOG_EVERIFY);
    cellmap_unref(&m);
    fog_buf_fini(&b);
}

static struct cellmap *make(uint64_t no, const struct fog_hash *prev,
                            const struct cellmap_row *rows, size_t n)
{
    struct cellmap_beacon beacon = {0};
    struct fog_buf b = {0};
    struct cellmap *m;

    assert_int_equal(beacon_reveal(&kit.beacon, no, &beacon.preimage), 0);
    assert_int_equal(cellmap_make(no, prev, 0, &beacon, 1, rows, n, &m), 0);
    cellmap_body(m, &b);
    fog_buf_fini(&b);
    return m;
}

static void test_ids_come_from_the_beacon_of_the_next_map_and_stay(void **state)
{
    struct fog_hash zero = {{0}};
    struct cellmap_row row;
    struct cellmap *m1, *m2, *wrong, *m3;

    (void)state;
    fogkit_row(1, true, &kit, &row);
    m1 = make(1, &zero, &row, 1);
    assert_int_equal(m1->items[0].weight, 0); /* pending boxes hold nothing */
    row.flags &= (uint16_t)~FOG_BOX_PENDING;
    memset(row.id.b, 7, 32); /* an id of its own choice */
    wrong = make(2, &m1->self, &row, 1);
    assert_int_equal(cellmap_follows(m1, wrong, &kit.fog_id), FOG_EVERIFY);
    cellmap_id_of(wrong->beacon, wrong->n_beacon, &kit.fog_id, row.key, &row.id);
    m2 = make(2, &m1->self, &row, 1);
    assert_int_equal(cellmap_follows(m1, m2, &kit.fog_id), 0);
    assert_int_equal(cellmap_follows(m2, m1, &kit.fog_id), FOG_ESTALE);
    assert_int_equal(cellmap_follows(m2, wrong, &kit.fog_id),
                     FOG_EVERIFY); /* two maps, one number */
    cellmap_unref(&wrong);
    row.id.b[0] ^= 1;
    wrong = make(9, &zero, &row, 1); /* after a gap the chain is unknown, the id is not */
    assert_int_equal(cellmap_follows(m2, wrong, &kit.fog_id), FOG_EVERIFY);
    row.id.b[0] ^= 1;
    m3 = make(3, &zero, &row, 1);
    assert_int_equal(cellmap_follows(m2, m3, &kit.fog_id), FOG_EVERIFY); /* broken chain */
    cellmap_unref(&m1);
    cellmap_unref(&m2);
    cellmap_unref(&m3);
    cellmap_unref(&wrong);
}

static void test_liveness_is_signed_newer_and_of_this_map(void **state)
{
    struct fog_buf b = {0}, msg = {0};
    struct cellmap *m = fogkit_map(&kit, 2, 9, &b), *alive, *none;
    uint8_t live[9] = {1, 0, 1, 1, 1, 1, 1, 1, 0};
    struct fog_sig sig;

    (void)state;
    cellmap_live_body(m, live, 7000, &kit.map_key.pub, &msg);
    fog_sign(&kit.map_key, FOG_SIGN_LIVENESS, &kit.fog_id, fog_buf_bytes(&msg), &sig);
    fog_wr_bytes(&msg, sig.b, sizeof sig.b);
    assert_true(cellmap_is_live(m, 1)); /* nothing known yet */
    assert_int_equal(cellmap_with_live(m, fog_buf_bytes(&msg), &kit.hubs, &kit.fog_id, &alive), 0);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(cellmap_is_live(alive, i), live[i]);
    assert_int_equal(cellmap_with_live(alive, fog_buf_bytes(&msg), &kit.hubs, &kit.fog_id, &none),
                     FOG_ESTALE);
    msg.data[50] ^= 4;
    assert_int_not_equal(cellmap_with_live(m, fog_buf_bytes(&msg), &kit.hubs, &kit.fog_id, &none),
                         0);
    cellmap_unref(&alive);
    cellmap_unref(&m);
    fog_buf_fini(&b);
    fog_buf_fini(&msg);
}

static void test_new_boxes_ramp_up(void **state)
{
    const fog_time_ms h = 3600 * 1000;

    (void)state;
    assert_int_equal(cellmap_ramped(1000, 0, 72 * h), 100);
    assert_int_equal(cellmap_ramped(1000, 36 * h, 72 * h), 550);
    assert_int_equal(cellmap_ramped(1000, 72 * h, 72 * h), 1000);
    assert_int_equal(cellmap_ramped(5, 0, 72 * h), 1);
    assert_int_equal(cellmap_ramped(0, 0, 72 * h), 0);
    assert_int_equal(cellmap_ramped(1000, 0, 0), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signed_map_comes_back_and_a_changed_byte_is_found),
        cmocka_unit_test(test_t_signatures_are_needed),
        cmocka_unit_test(test_ids_come_from_the_beacon_of_the_next_map_and_stay),
        cmocka_unit_test(test_liveness_is_signed_newer_and_of_this_map),
        cmocka_unit_test(test_new_boxes_ramp_up),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
