/* edge/negotiate: Accept-Encoding, ranges, dates and conditions, after the examples of RFC 9110. */
#include "edge/negotiate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALL (1u << FOG_IDENTITY | 1u << FOG_GZIP | 1u << FOG_ZSTD)

static enum fog_encoding pick(const char *accept, unsigned exists)
{
    static const uint64_t sizes[FOG_ENCODINGS] = {1000, 400, 300};
    struct edge_accept a;

    edge_accept_parse(accept == NULL ? (struct fog_bytes){0} : fog_bytes_str(accept), &a);
    return edge_accept_pick(&a, exists, sizes);
}

static void test_accept_encoding(void **state)
{
    static const struct {
        const char *accept;
        unsigned exists;
        enum fog_encoding want;
    } rows[] = {
        {NULL, ALL, FOG_IDENTITY},
        {"", ALL, FOG_IDENTITY},
        {"gzip, deflate, br, zstd", ALL, FOG_ZSTD}, /* browsers: equal weights, the smallest */
        {"gzip, deflate, br", ALL, FOG_GZIP},
        {"GZIP", ALL, FOG_GZIP},
        {"x-gzip", ALL, FOG_GZIP},
        {"zstd;q=0.5, gzip;q=0.9", ALL, FOG_GZIP},
        {"zstd;q=0, gzip;q=0", ALL, FOG_IDENTITY},
        {"identity;q=0.5, gzip;q=0.4", ALL, FOG_IDENTITY},
        {"*", ALL, FOG_ZSTD},
        {"*;q=0, gzip", ALL, FOG_GZIP},
        {"identity;q=0", ALL, FOG_IDENTITY},     /* nothing is acceptable: answer anyway */
        {"identity;q=0, zstd", 1, FOG_IDENTITY}, /* the variant does not exist */
        {"zstd;q=1.5, gzip", ALL, FOG_GZIP},     /* a malformed weight is no offer */
        {"zstd;q=abc", ALL, FOG_IDENTITY},
        {"zstd;q=0.0001, gzip;q=0.001", ALL, FOG_GZIP},
        {",,, ;q=1, gzip ; q=1 ,", ALL, FOG_GZIP},
    };

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(rows); i++)
        assert_int_equal(pick(rows[i].accept, rows[i].exists), rows[i].want);
}

static void expect_range(const char *range, uint64_t size, enum edge_range want, uint64_t first,
                         uint64_t last)
{
    uint64_t a = 0, b = 0;

    assert_int_equal(edge_range_parse(fog_bytes_str(range), size, &a, &b), want);
    if (want == EDGE_RANGE_PART) {
        assert_true(a == first);
        assert_true(b == last);
    }
}

static void test_ranges(void **state)
{
    static const char *const ignored[] = {
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-3",
        "items=0-1",
        "bytes=0-1,3-4",
        "bytes=0-1-2",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=0x1-0x2",
        "bytes=99999999999999999999-",
        "bytes 0-1",
    };

    (void)state;
    expect_range("bytes=0-499", 10000, EDGE_RANGE_PART, 0, 499);
    expect_range("bytes=500-", 10000, EDGE_RANGE_PART, 500, 9999);
    expect_range("bytes=-500", 10000, EDGE_RANGE_PART, 9500, 9999);
    expect_range("bytes=9500-20000", 10000, EDGE_RANGE_PART, 9500, 9999);
    expect_range("bytes=-20000", 10000, EDGE_RANGE_PART, 0, 9999);
    expect_range("Bytes= 0 - 0 ", 1, EDGE_RANGE_PART, 0, 0);
    expect_range("bytes=10000-", 10000, EDGE_RANGE_UNSAT, 0, 0);
    expect_range("bytes=-0", 10000, EDGE_RANGE_UNSAT, 0, 0);
    expect_range("bytes=0-", 0, EDGE_RANGE_UNSAT, 0, 0);
    expect_range("bytes=-5", 0, EDGE_RANGE_UNSAT, 0, 0);
    for (size_t i = 0; i < FOG_COUNT(ignored); i++)
        expect_range(ignored[i], 10000, EDGE_RANGE_NONE, 0, 0);
}

static void test_dates_in_three_forms(void **state)
{
    static const char *const bad[] = {
        "",
        "yesterday",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sun, xx Nov 1994 08:49:37 GMT",
    };
    int64_t t = 0;

    (void)state;
    assert_int_equal(edge_date_parse(fog_bytes_str("Sun, 06 Nov 1994 08:49:37 GMT"), &t), 0);
    assert_int_equal(t, 784111777);
    t = 0;
    assert_int_equal(edge_date_parse(fog_bytes_str("Sunday, 06-Nov-94 08:49:37 GMT"), &t), 0);
    assert_int_equal(t, 784111777);
    t = 0;
    assert_int_equal(edge_date_parse(fog_bytes_str("Sun Nov  6 08:49:37 1994"), &t), 0);
    assert_int_equal(t, 784111777);
    assert_int_equal(edge_date_parse(fog_bytes_str("Thu, 29 Feb 2024 00:00:00 GMT"), &t), 0);
    assert_int_equal(t, 1709164800);
    assert_int_equal(edge_date_parse(fog_bytes_str("Thu, 01 Jan 1970 00:00:00 GMT"), &t), 0);
    assert_int_equal(t, 0);
    for (size_t i = 0; i < FOG_COUNT(bad); i++)
        assert_int_equal(edge_date_parse(fog_bytes_str(bad[i]), &t), FOG_EFORMAT);
}

static enum edge_condition_result check(const char *match, const char *none_match,
                                        const char *since, const char *not_since)
{
#define FIELD(s) ((s) == NULL ? (struct fog_bytes){0} : fog_bytes_str(s))
    struct edge_conditions c = {
        .if_match = FIELD(match),
        .if_none_match = FIELD(none_match),
        .if_modified_since = FIELD(since),
        .if_unmodified_since = FIELD(not_since),
    };
#undef FIELD

    return edge_conditions_check(&c, fog_bytes_str("\"xyz\""), 784111777);
}

static void test_conditions(void **state)
{
    static const char *const then = "Sun, 06 Nov 1994 08:49:37 GMT";
    static const char *const before = "Sun, 06 Nov 1994 08:49:36 GMT";

    (void)state;
    assert_int_equal(check(NULL, NULL, NULL, NULL), EDGE_COND_GO);
    assert_int_equal(check("\"xyz\"", NULL, NULL, NULL), EDGE_COND_GO);
    assert_int_equal(check("*", NULL, NULL, NULL), EDGE_COND_GO);
    assert_int_equal(check("\"a\", \"xyz\"", NULL, NULL, NULL), EDGE_COND_GO);
    assert_int_equal(check("W/\"xyz\"", NULL, NULL, NULL),
                     EDGE_COND_FAILED); /* strong comparison */
    assert_int_equal(check("\"a\"", NULL, NULL, NULL), EDGE_COND_FAILED);
    assert_int_equal(check(NULL, "\"xyz\"", NULL, NULL), EDGE_COND_NOT_MODIFIED);
    assert_int_equal(check(NULL, "W/\"xyz\"", NULL, NULL), EDGE_COND_NOT_MODIFIED);
    assert_int_equal(check(NULL, "\"a\",W/\"b\" , \"xyz\"", NULL, NULL), EDGE_COND_NOT_MODIFIED);
    assert_int_equal(check(NULL, "*", NULL, NULL), EDGE_COND_NOT_MODIFIED);
    assert_int_equal(check(NULL, "xyz", NULL, NULL), EDGE_COND_GO); /* not an entity tag */
    assert_int_equal(check(NULL, "\"xyz", NULL, NULL), EDGE_COND_GO);
    assert_int_equal(check(NULL, NULL, then, NULL), EDGE_COND_NOT_MODIFIED);
    assert_int_equal(check(NULL, NULL, before, NULL), EDGE_COND_GO);
    assert_int_equal(check(NULL, NULL, "never", NULL), EDGE_COND_GO);
    assert_int_equal(check(NULL, NULL, NULL, then), EDGE_COND_GO);
    assert_int_equal(check(NULL, NULL, NULL, before), EDGE_COND_FAILED);
    /* a tag outranks a date (RFC 9110 13.2.2) */
    assert_int_equal(check(NULL, "\"a\"", then, NULL), EDGE_COND_GO);
    assert_int_equal(check("\"xyz\"", NULL, NULL, before), EDGE_COND_GO);
}

static void test_if_range(void **state)
{
    struct fog_bytes etag = fog_bytes_str("\"xyz\"");

    (void)state;
    assert_true(edge_if_range_holds((struct fog_bytes){0}, etag, -1));
    assert_true(edge_if_range_holds(fog_bytes_str("\"xyz\""), etag, -1));
    assert_false(edge_if_range_holds(fog_bytes_str("W/\"xyz\""), etag, -1));
    assert_false(edge_if_range_holds(fog_bytes_str("\"abc\""), etag, -1));
    assert_true(
        edge_if_range_holds(fog_bytes_str("Sun, 06 Nov 1994 08:49:37 GMT"), etag, 784111777));
    assert_false(
        edge_if_range_holds(fog_bytes_str("Sun, 06 Nov 1994 08:49:38 GMT"), etag, 784111777));
    assert_false(edge_if_range_holds(fog_bytes_str("Sun, 06 Nov 1994 08:49:37 GMT"), etag, -1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept_encoding),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_dates_in_three_forms),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_if_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
