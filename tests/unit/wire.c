/* core/wire: framing and generated messages. */
#include "core/wire/frame.h"

#include "core/base/rd.h"
#include "core/base/wr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_a_message_survives_one_byte_at_a_time(void **state)
{
    struct fog_wire_beat in = {.seq = 7, .active = 3, .egress_bps = UINT64_MAX, .map_no = 9}, out;
    struct fog_frame_reader r = {0};
    struct fog_frame f;
    struct fog_buf b = {0};
    int frames = 0;

    (void)state;
    FOG_FRAME_PUT(&b, BEAT, beat, &in);
    FOG_FRAME_PUT(&b, BEAT, beat, &in);
    for (size_t i = 0; i < b.len; i++) {
        assert_int_equal(fog_frame_feed(&r, fog_bytes_of(b.data + i, 1)), 0);
        while (fog_frame_next(&r, &f) == 1) {
            assert_int_equal(f.type, FOG_WIRE_BEAT);
            assert_int_equal(fog_wire_get_beat(f.body, &out), 0);
            assert_int_equal(out.seq, 7);
            assert_true(out.egress_bps == UINT64_MAX);
            frames++;
        }
    }
    assert_int_equal(frames, 2);
    fog_frame_reader_fini(&r);
    fog_buf_fini(&b);
}

static void test_an_oversized_head_ends_the_connection(void **state)
{
    static const uint8_t head[] = {0x00, 0x10, 0x00, 0x00, 0x00, 0x01};
    struct fog_frame_reader r = {0};

    (void)state;
    assert_int_equal(fog_frame_feed(&r, fog_bytes_of(head, sizeof head)), FOG_ELIMIT);
    fog_frame_reader_fini(&r);
}

static void test_lists_are_walked_row_by_row(void **state)
{
    struct fog_wire_place in = {.order = 1, .op = 1, .part = 0, .parts = 1}, out;
    struct fog_buf rows = {0}, b = {0};
    struct fog_rd r;
    struct fog_wire_ref ref;

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        fog_wire_put_ref(&rows, &(struct fog_wire_ref){.kind = 1, .len = i});
    in.refs = (struct fog_wire_list){.count = 3, .raw = fog_buf_bytes(&rows)};
    fog_wire_put_place(&b, &in);
    assert_int_equal(fog_wire_get_place(fog_buf_bytes(&b), &out), 0);
    assert_int_equal(out.refs.count, 3);
    r = fog_rd_of(out.refs.raw);
    for (uint32_t i = 0; i < out.refs.count; i++) {
        fog_wire_get_ref(&r, &ref);
        assert_int_equal(ref.len, i);
    }
    assert_int_equal(fog_rd_done(&r), 0);
    fog_buf_fini(&rows);
    fog_buf_fini(&b);
}

static void test_short_long_and_over_limit_bodies_are_refused(void **state)
{
    struct fog_wire_probe p = {.nonce = 5}, out;
    struct fog_wire_fresh fresh;
    struct fog_buf b = {0};

    (void)state;
    fog_wire_put_probe(&b, &p);
    assert_int_equal(fog_wire_get_probe(fog_bytes_of(b.data, b.len - 1), &out), FOG_ETRUNC);
    fog_wr_u8(&b, 0);
    assert_int_equal(fog_wire_get_probe(fog_buf_bytes(&b), &out), FOG_ETRAIL);
    fog_buf_clear(&b);
    fog_wr_u16(&b, 1025); /* one row more than the table allows */
    assert_int_equal(fog_wire_get_fresh(fog_buf_bytes(&b), &fresh), FOG_ELIMIT);
    assert_int_equal(fresh.rows.count, 0);
    fog_buf_fini(&b);
}

static void test_every_type_has_one_encoding(void **state)
{
    (void)state;
    /* A body of zeros of the right length decodes to itself for every message with fixed size. */
    for (uint16_t type = 1; type < 64; type++) {
        uint8_t zeros[1024] = {0};
        bool known = strcmp(fog_wire_name(type), "?") != 0, fits = false;

        for (size_t n = 0; n <= sizeof zeros; n++) {
            struct fog_buf b = {0};
            int rc = fog_wire_recode(type, fog_bytes_of(zeros, n), &b);
            if (rc == 0) {
                assert_true(b.len == n && memcmp(b.data, zeros, n) == 0);
                fits = true;
            }
            fog_buf_fini(&b);
        }
        assert_int_equal(fits, known);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_survives_one_byte_at_a_time),
        cmocka_unit_test(test_an_oversized_head_ends_the_connection),
        cmocka_unit_test(test_lists_are_walked_row_by_row),
        cmocka_unit_test(test_short_long_and_over_limit_bodies_are_refused),
        cmocka_unit_test(test_every_type_has_one_encoding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
