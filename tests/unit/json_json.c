/* core/json: limits, exact integers, paths, building. */
#include "core/json/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fog_json *parse(const char *text)
{
    struct fog_json *j = NULL;

    assert_int_equal(fog_json_parse(fog_bytes_str(text), NULL, &j, NULL, 0), 0);
    return j;
}

static void test_integers_keep_every_bit(void **state)
{
    struct fog_json *j = parse("{\"a\":9007199254740993,\"b\":[1,{\"c\":\"18446744073709551615\"}],"
                               "\"d\":\"340282366920938463463374607431768211455\",\"n\":-5}");
    uint64_t v;
    int64_t s;
    uint32_t small;
    fog_u128 wide;

    (void)state;
    assert_int_equal(fog_json_get_u64(j, "a", &v), 0);
    assert_true(v == 9007199254740993u);
    assert_int_equal(fog_json_get_u64(j, "b.1.c", &v), 0);
    assert_true(v == UINT64_MAX);
    assert_int_equal(fog_json_get_u128(j, "d", &wide), 0);
    assert_true(wide == ~(fog_u128)0);
    assert_int_equal(fog_json_get_u64(j, "d", &v), FOG_ERANGE);
    assert_int_equal(fog_json_get_u32(j, "a", &small), FOG_ERANGE);
    assert_int_equal(fog_json_get_u64(j, "n", &v), FOG_ERANGE);
    assert_int_equal(fog_json_get_i64(j, "n", &s), 0);
    assert_int_equal(s, -5);
    assert_int_equal(fog_json_get_u64(j, "b.7", &v), -ENOENT);
    assert_int_equal(fog_json_get_u64(j, "b", &v), FOG_EFORMAT);
    fog_json_free(&j);
    assert_null(j);
}

static void test_bad_text_is_refused_with_a_reason(void **state)
{
    static const char *const bad[] = {
        "",           "{",        "{\"a\":1,\"a\":2}",
        "[1] 2",      "\"\xff\"", "{\"a\":123456789012345678901234567890}",
        "\"\\u0000\""};
    struct fog_json *j = NULL;
    char why[200] = "";

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(bad); i++) {
        assert_int_equal(fog_json_parse(fog_bytes_str(bad[i]), NULL, &j, why, sizeof why),
                         FOG_EFORMAT);
        assert_string_not_equal(why, "");
    }
    assert_null(j);
}

static void test_limits_hold_before_the_parser_runs(void **state)
{
    struct fog_json_limits limits = {.bytes = 64, .depth = 3};
    struct fog_json *j = NULL;
    char long_text[100];

    (void)state;
    assert_int_equal(fog_json_parse(fog_bytes_str("[[[1]]]"), &limits, &j, NULL, 0), 0);
    fog_json_free(&j);
    assert_int_equal(fog_json_parse(fog_bytes_str("[[[\"[[[[\"]]]"), &limits, &j, NULL, 0), 0);
    fog_json_free(&j);
    assert_int_equal(fog_json_parse(fog_bytes_str("[[[[1]]]]"), &limits, &j, NULL, 0), FOG_ELIMIT);
    memset(long_text, ' ', sizeof long_text);
    assert_int_equal(
        fog_json_parse(fog_bytes_of(long_text, sizeof long_text), &limits, &j, NULL, 0),
        FOG_ELIMIT);
}

static void test_hex_and_quantities(void **state)
{
    struct fog_json *j = parse("{\"h\":\"0xAbcd\",\"q\":\"0x1a\",\"z\":\"0x\","
                               "\"big\":\"0x100000000000000000000000000000000\"}");
    struct fog_buf b = {0};
    uint8_t two[2];
    fog_u128 q;

    (void)state;
    assert_int_equal(fog_json_get_hex(j, "h", two, 2), 0);
    assert_int_equal(two[0], 0xab);
    assert_int_equal(fog_json_get_hex(j, "h", two, 1), FOG_EFORMAT);
    assert_int_equal(fog_json_get_hex_buf(j, "h", 2, &b), 0);
    assert_int_equal(b.len, 2);
    assert_int_equal(fog_json_get_hex_buf(j, "h", 1, &b), FOG_ELIMIT);
    assert_int_equal(fog_json_get_hex_buf(j, "z", 1, &b), 0);
    assert_int_equal(b.len, 2);
    assert_int_equal(fog_json_get_quantity(j, "q", &q), 0);
    assert_true(q == 26);
    assert_int_equal(fog_json_get_quantity(j, "z", &q), FOG_EFORMAT);
    assert_int_equal(fog_json_get_quantity(j, "big", &q), FOG_ERANGE);
    fog_buf_fini(&b);
    fog_json_free(&j);
}

static void test_a_built_document_reads_back(void **state)
{
    struct fog_json *j = fog_json_new_object(), *list = fog_json_new_array(), *row;
    struct fog_buf b = {0};
    void *cursor = NULL;
    const char *name;

    (void)state;
    fog_json_set_u64(j, "small", 5);
    fog_json_set_u64(j, "wide", UINT64_MAX);
    fog_json_set_u128(j, "money", 7);
    fog_json_set_hex(j, "id", "\x01\xff", 2);
    fog_json_set_str(j, "name", "b\xff");
    row = fog_json_append_object(list);
    fog_json_set_bool(row, "ok", true);
    fog_json_append_str(list, "x");
    fog_json_set_take(j, "list", &list);
    assert_null(list);
    fog_json_write(j, false, &b);
    assert_string_equal(fog_buf_cstr(&b),
                        "{\"small\":5,\"wide\":\"18446744073709551615\",\"money\":\"7\","
                        "\"id\":\"0x01ff\",\"name\":\"b?\",\"list\":[{\"ok\":true},\"x\"]}");
    assert_int_equal(fog_json_count(j), 6);
    assert_ptr_equal(fog_json_next(j, &cursor, &name), fog_json_member(j, "small"));
    assert_string_equal(name, "small");
    fog_buf_fini(&b);
    fog_json_free(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_keep_every_bit),
        cmocka_unit_test(test_bad_text_is_refused_with_a_reason),
        cmocka_unit_test(test_limits_hold_before_the_parser_runs),
        cmocka_unit_test(test_hex_and_quantities),
        cmocka_unit_test(test_a_built_document_reads_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
