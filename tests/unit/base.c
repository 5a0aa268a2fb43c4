/* core/base: cursors, text forms, map, list, generator. */
#include "core/base/err.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/rd.h"
#include "core/base/rng.h"
#include "core/base/str.h"
#include "core/base/wr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_cursor_round_trip(void **state)
{
    struct fog_buf b = {0};
    struct fog_rd r;
    char name[8];

    (void)state;
    fog_wr_u8(&b, 7);
    fog_wr_u16(&b, 0x1234);
    fog_wr_u32(&b, 0xdeadbeef);
    fog_wr_u64(&b, UINT64_MAX - 1);
    fog_wr_u128(&b, (fog_u128)5 << 64 | 9);
    fog_wr_str8(&b, "box");
    fog_wr_lp16(&b, fog_bytes_str("hello"));
    r = fog_rd_of(fog_buf_bytes(&b));
    assert_int_equal(fog_rd_u8(&r), 7);
    assert_int_equal(fog_rd_u16(&r), 0x1234);
    assert_true(fog_rd_u32(&r) == 0xdeadbeef);
    assert_true(fog_rd_u64(&r) == UINT64_MAX - 1);
    assert_true(fog_rd_u128(&r) == ((fog_u128)5 << 64 | 9));
    fog_rd_str8(&r, name, sizeof name);
    assert_string_equal(name, "box");
    assert_true(fog_bytes_eq(fog_rd_lp16(&r, 5), fog_bytes_str("hello")));
    assert_int_equal(fog_rd_done(&r), 0);
    fog_buf_fini(&b);
}

static void test_cursor_keeps_its_first_error(void **state)
{
    static const uint8_t in[] = {0, 9, 'x'};
    struct fog_rd r = fog_rd_of(fog_bytes_of(in, sizeof in));

    (void)state;
    assert_int_equal(fog_rd_lp16(&r, 4).len, 0);
    assert_int_equal(fog_rd_u64(&r), 0);
    assert_int_equal(fog_rd_done(&r), FOG_ELIMIT);
    r = fog_rd_of(fog_bytes_of(in, sizeof in));
    (void)fog_rd_u32(&r);
    assert_int_equal(fog_rd_done(&r), FOG_ETRUNC);
    r = fog_rd_of(fog_bytes_of(in, sizeof in));
    (void)fog_rd_u16(&r);
    assert_int_equal(fog_rd_done(&r), FOG_ETRAIL);
}

static void test_text_forms_follow_rfc4648(void **state)
{
    char text[64];
    uint8_t back[8];

    (void)state;
    fog_base32_encode("foobar", 6, text);
    assert_string_equal(text, "mzxw6ytboi");
    assert_int_equal(fog_base32_decode(fog_bytes_str(text), back, 6), 0);
    assert_memory_equal(back, "foobar", 6);
    fog_base64url_encode("\xfb\xff\xfe", 3, text);
    assert_string_equal(text, "-__-");
    fog_base64url_encode("fo", 2, text);
    assert_string_equal(text, "Zm8");
    assert_int_equal(fog_base64url_decode(fog_bytes_str("Zm8"), back, 2), 0);
    /* the last digit carries two bits that must be zero */
    assert_int_equal(fog_base64url_decode(fog_bytes_str("Zm9"), back, 2), FOG_EFORMAT);
    assert_int_equal(fog_base64url_decode(fog_bytes_str("Zm8="), back, 2), FOG_EFORMAT);
    fog_hex_encode("\x00\xff", 2, text);
    assert_string_equal(text, "00ff");
    assert_int_equal(fog_hex_decode(fog_bytes_str("00Fg"), back, 2), FOG_EFORMAT);
    assert_int_equal(fog_hex_decode(fog_bytes_str("00FF"), back, 2), 0);
}

static void test_quantities(void **state)
{
    uint64_t v = 0;
    fog_time_ms ms = 0;
    char text[16];

    (void)state;
    assert_int_equal(fog_parse_size("40GB", &v), 0);
    assert_true(v == 40000000000ULL);
    assert_int_equal(fog_parse_size("512KiB", &v), 0);
    assert_true(v == 524288);
    assert_int_equal(fog_parse_size("40 GB", &v), FOG_EFORMAT);
    assert_int_equal(fog_parse_size("99999999999TB", &v), FOG_ERANGE);
    assert_int_equal(fog_parse_u64(fog_bytes_str("18446744073709551615"), UINT64_MAX, &v), 0);
    assert_int_equal(fog_parse_u64(fog_bytes_str("18446744073709551616"), UINT64_MAX, &v),
                     FOG_ERANGE);
    assert_int_equal(fog_parse_u64(fog_bytes_str("-1"), 10, &v), FOG_EFORMAT);
    assert_int_equal(fog_parse_u64(fog_bytes_str("7"), 5, &v), FOG_ERANGE);
    assert_int_equal(fog_parse_duration("2h", &ms), 0);
    assert_true(ms == 7200000);
    fog_format_size(1449999, text);
    assert_string_equal(text, "1.4 MB");
}

static void test_map_survives_growth_and_deletion(void **state)
{
    static const uint8_t seed[16] = {1};
    struct fog_map *m = fog_map_new(seed);
    size_t cursor = 0, seen = 0;
    int values[1000];

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_null(fog_map_put(m, fog_bytes_of(&i, sizeof i), &values[i]));
    for (int i = 0; i < 1000; i += 2)
        assert_ptr_equal(fog_map_del(m, fog_bytes_of(&i, sizeof i)), &values[i]);
    for (int i = 0; i < 1000; i++)
        assert_ptr_equal(fog_map_get(m, fog_bytes_of(&i, sizeof i)), i % 2 ? &values[i] : NULL);
    while (fog_map_next(m, &cursor, NULL) != NULL)
        seen++;
    assert_int_equal(seen, 500);
    assert_int_equal(fog_map_count(m), 500);
    fog_map_free(&m);
    assert_null(m);
}

static void test_siphash_reference_vector(void **state)
{
    uint8_t key[16], in[15];

    (void)state;
    for (uint8_t i = 0; i < 16; i++)
        key[i] = i;
    for (uint8_t i = 0; i < 15; i++)
        in[i] = i;
    /* appendix A of the SipHash paper */
    assert_true(fog_siphash(key, fog_bytes_of(in, sizeof in)) == 0xa129ca6149be45e5ULL);
}

static void test_list_removal_while_walking(void **state)
{
    struct fog_list l;
    struct fog_link n[3] = {0};
    int left = 0;

    (void)state;
    fog_list_init(&l);
    for (int i = 0; i < 3; i++)
        fog_list_push_back(&l, &n[i]);
    FOG_LIST_EACH(&l, it)
    {
        if (it == &n[1])
            fog_link_remove(it);
        else
            left++;
    }
    assert_int_equal(left, 2);
    assert_false(fog_link_linked(&n[1]));
    assert_ptr_equal(fog_list_pop_front(&l), &n[0]);
    assert_ptr_equal(fog_list_last(&l), &n[2]);
}

static void test_seeded_generator_repeats(void **state)
{
    struct fog_rng_seeded a, b;
    struct fog_rng x = fog_rng_seed(&a, 42), y = fog_rng_seed(&b, 42);
    uint64_t counts[7] = {0};

    (void)state;
    for (int i = 0; i < 7000; i++) {
        uint64_t v = fog_rng_below(&x, 7);
        assert_true(v == fog_rng_below(&y, 7));
        counts[v]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(counts[i], 850, 1150);
}

static void test_errors_have_names_and_text(void **state)
{
    (void)state;
    assert_string_equal(fog_errname(FOG_EVERIFY), "FOG_EVERIFY");
    assert_string_equal(fog_errname(-ENOENT), "ENOENT");
    assert_string_equal(fog_strerror(0), "ok");
    assert_string_equal(fog_strerror(-ENOENT), "No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cursor_round_trip),
        cmocka_unit_test(test_cursor_keeps_its_first_error),
        cmocka_unit_test(test_text_forms_follow_rfc4648),
        cmocka_unit_test(test_quantities),
        cmocka_unit_test(test_map_survives_growth_and_deletion),
        cmocka_unit_test(test_siphash_reference_vector),
        cmocka_unit_test(test_list_removal_while_walking),
        cmocka_unit_test(test_seeded_generator_repeats),
        cmocka_unit_test(test_errors_have_names_and_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
