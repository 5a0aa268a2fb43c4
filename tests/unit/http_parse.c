#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/fields.h"
#include "core/http/h1_parse.h"
#include "core/http/url.h"

static uint8_t copy[8192];

static int request(const char *text, struct fog_h1_head *out)
{
    size_t n = strlen(text);

    memcpy(copy, text, n);
    return fog_h1_parse_request(copy, n, out);
}

static int response(const char *text, struct fog_h1_head *out)
{
    size_t n = strlen(text);

    memcpy(copy, text, n);
    return fog_h1_parse_response(copy, n, out);
}

static bool is(struct fog_bytes v, const char *text)
{
    return fog_bytes_eq(v, fog_bytes_str(text));
}

static void test_request_heads(void **state)
{
    struct fog_h1_head h;

    (void)state;
    assert_int_equal(request("GET /a?b HTTP/1.1\r\nHost: x\r\nX-Y:  v  \r\nE:\r\n\r\n", &h), 0);
    assert_true(is(h.method, "GET") && is(h.target, "/a?b"));
    assert_int_equal(h.minor, 1);
    assert_int_equal(h.n_fields, 3);
    assert_true(is(h.fields[1].name, "x-y") && is(h.fields[1].value, "v"));
    assert_true(is(h.fields[2].name, "e") && is(h.fields[2].value, ""));
    assert_int_equal(request("PUT / HTTP/1.0\r\n\r\n", &h), 0);
    assert_int_equal(h.minor, 0);
}

static void test_ambiguous_heads_are_refused(void **state)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\nHost: x\n\n",          /* bare LF */
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",   /* space before the colon */
        "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", /* folded */
        "GET / HTTP/1.1\r\n A: b\r\n\r\n",      /* starts with space */
        "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",    /* CR inside */
        "GET / HTTP/1.1\r\nA: b\x01\r\n\r\n",   /* control byte */
        "GET / HTTP/1.1\r\nA b\r\n\r\n",        /* no colon */
        "GET / HTTP/1.1\r\n: b\r\n\r\n",        /* no name */
        "GET  / HTTP/1.1\r\n\r\n",              /* two spaces */
        "GET /a b HTTP/1.1\r\n\r\n",            /* space in the target */
        "GET / HTTP/1.1 \r\n\r\n",              /* trailing space */
        "GET /\r\n\r\n",                        /* HTTP/0.9 */
        "G@T / HTTP/1.1\r\n\r\n",               /* no token */
        " GET / HTTP/1.1\r\n\r\n",
        "GET / http/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\nX",
    };
    struct fog_h1_head h;
    struct fog_buf many = {0};

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(bad); i++)
        assert_int_equal(request(bad[i], &h), FOG_EFORMAT);
    assert_int_equal(request("GET / HTTP/2.0\r\n\r\n", &h), FOG_EVERSION);
    fog_buf_append_str(&many, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < FOG_H1_FIELDS_MAX + 1; i++)
        fog_buf_append_str(&many, "a: b\r\n");
    fog_buf_append_str(&many, "\r\n");
    assert_int_equal(request(fog_buf_cstr(&many), &h), FOG_ELIMIT);
    fog_buf_fini(&many);
}

static int framing(const char *fields, struct fog_h1_framing *f)
{
    struct fog_h1_head h;
    char text[512] = "POST / HTTP/1.1\r\n";

    strcat(strcat(text, fields), "\r\n");
    assert_int_equal(request(text, &h), 0);
    return fog_h1_request_framing(&h, f);
}

static void test_request_framing(void **state)
{
    static const char *const bad[] = {
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 1\r\nContent-Length: 1\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 1, 1\r\n",
        "Content-Length: 0x1\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length:\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    };
    struct fog_h1_framing f;
    struct fog_h1_head h;

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(bad); i++)
        assert_int_equal(framing(bad[i], &f), FOG_EFORMAT);
    assert_int_equal(framing("Transfer-Encoding: gzip, chunked\r\n", &f), FOG_EVERSION);
    assert_int_equal(framing("Transfer-Encoding: xchunked\r\n", &f), FOG_EVERSION);
    assert_int_equal(framing("Content-Length: 12\r\nExpect: 100-continue\r\n", &f), 0);
    assert_true(f.body == FOG_H1_LENGTH && f.length == 12 && f.expect_continue && f.keep_alive);
    assert_int_equal(framing("Transfer-Encoding: Chunked\r\nConnection: x, Close\r\n", &f), 0);
    assert_true(f.body == FOG_H1_CHUNKED && !f.keep_alive);
    assert_int_equal(framing("", &f), 0);
    assert_true(f.body == FOG_H1_NO_BODY && f.keep_alive);
    assert_int_equal(request("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &h), 0);
    assert_int_equal(fog_h1_request_framing(&h, &f), 0);
    assert_true(f.keep_alive);
    assert_int_equal(request("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", &h), 0);
    assert_int_equal(fog_h1_request_framing(&h, &f), FOG_EFORMAT);
}

static void test_responses(void **state)
{
    struct fog_h1_framing f;
    struct fog_h1_head h;

    (void)state;
    assert_int_equal(response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", &h), 0);
    assert_int_equal(h.status, 200);
    assert_int_equal(fog_h1_response_framing(&h, false, &f), 0);
    assert_true(f.body == FOG_H1_LENGTH && f.length == 5);
    assert_int_equal(fog_h1_response_framing(&h, true, &f), 0);
    assert_true(f.body == FOG_H1_NO_BODY);
    assert_int_equal(response("HTTP/1.1 204\r\n\r\n", &h), 0);
    assert_int_equal(fog_h1_response_framing(&h, false, &f), 0);
    assert_true(f.body == FOG_H1_NO_BODY && f.keep_alive);
    assert_int_equal(response("HTTP/1.0 200 \r\n\r\n", &h), 0);
    assert_int_equal(fog_h1_response_framing(&h, false, &f), 0);
    assert_true(f.body == FOG_H1_UNTIL_CLOSE && !f.keep_alive);
    assert_int_equal(response("HTTP/1.1 20 OK\r\n\r\n", &h), FOG_EFORMAT);
    assert_int_equal(response("HTTP/1.1 2000 OK\r\n\r\n", &h), FOG_EFORMAT);
    assert_int_equal(response("HTTP/1.1 099 OK\r\n\r\n", &h), FOG_EFORMAT);
    assert_int_equal(response("ICY 200 OK\r\n\r\n", &h), FOG_EFORMAT);
    assert_int_equal(response("HTTP/3.1 200 OK\r\n\r\n", &h), FOG_EVERSION);
}

static void test_the_end_of_a_head_is_found_across_reads(void **state)
{
    const char *text = "GET / HTTP/1.1\r\nHost: x\r\n\r\nrest";
    size_t end = strlen(text) - 4;

    (void)state;
    for (size_t step = 1; step < 6; step++) {
        size_t scanned = 0, n;
        int64_t rc = 0;

        for (n = step; rc == 0; n += step)
            rc = fog_h1_find_end(fog_bytes_of(text, n < strlen(text) ? n : strlen(text)), &scanned,
                                 1000);
        assert_int_equal(rc, end);
    }
    for (size_t max = 1; max < end; max++) {
        size_t scanned = 0;
        assert_int_equal(fog_h1_find_end(fog_bytes_str(text), &scanned, max), FOG_ELIMIT);
    }
}

/* Decodes in pieces of `step` bytes. */
static int chunks(const char *text, size_t step, struct fog_buf *out, size_t *used)
{
    struct fog_h1_chunks c = {0};
    size_t at = 0, len = strlen(text);

    while (at < len) {
        size_t n = len - at < step ? len - at : step, taken;
        struct fog_bytes data;
        int rc = fog_h1_chunks_next(&c, fog_bytes_of(text + at, n), &taken, &data);

        if (rc < 0)
            return rc;
        fog_buf_append(out, data.p, data.len);
        at += taken;
        *used = at;
        if (rc == 1)
            return 1;
        assert_true(taken > 0);
    }
    return 0;
}

static void test_chunked_bodies_in_any_pieces(void **state)
{
    const char *text = "5\r\nhello\r\n6;ext=\"x\"\r\n world\r\n0\r\nTrailer: y\r\n\r\nNEXT";
    static const char *const bad[] = {
        "5\r\nhelloX\r\n",
        "\r\n",
        "g\r\n",
        "5\nhello",
        "5 \r\nhello",
        "-1\r\n",
        "5\r\nhell\r\n",
        "10000000000000000\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "0\r\nbad\x01\r\n\r\n",
        "5;\n",
        "0\r\n\rX",
    };

    (void)state;
    for (size_t step = 1; step < 60; step++) {
        struct fog_buf out = {0};
        size_t used = 0;

        assert_int_equal(chunks(text, step, &out, &used), 1);
        assert_string_equal(fog_buf_cstr(&out), "hello world");
        assert_int_equal(used, strlen(text) - 4);
        fog_buf_fini(&out);
    }
    for (size_t i = 0; i < FOG_COUNT(bad); i++) {
        struct fog_buf out = {0};
        size_t used;

        assert_int_equal(chunks(bad[i], 3, &out, &used), FOG_EFORMAT);
        fog_buf_fini(&out);
    }
}

static void test_chunk_overhead_has_a_limit(void **state)
{
    struct fog_buf in = {0}, out = {0};
    size_t used;

    (void)state;
    fog_buf_append_str(&in, "0\r\n");
    for (int i = 0; i < 3000; i++)
        fog_buf_append_str(&in, "trailer: y\r\n");
    assert_int_equal(chunks(fog_buf_cstr(&in), 100, &out, &used), FOG_ELIMIT);
    fog_buf_fini(&in);
    fog_buf_fini(&out);
}

static void test_lists(void **state)
{
    struct fog_bytes list = fog_bytes_str(" a ,, \"b, \\\" c\" ,d"), item;

    (void)state;
    assert_true(fog_http_list_next(&list, &item) && is(item, "a"));
    assert_true(fog_http_list_next(&list, &item) && is(item, "\"b, \\\" c\""));
    assert_true(fog_http_list_next(&list, &item) && is(item, "d"));
    assert_false(fog_http_list_next(&list, &item));
    assert_true(fog_http_list_has(fog_bytes_str("x, Keep-Alive"), "keep-alive"));
    assert_false(fog_http_list_has(fog_bytes_str("x-keep-alive"), "keep-alive"));
    assert_false(fog_http_list_has((struct fog_bytes){0}, "a"));
}

static void test_dates(void **state)
{
    char text[FOG_HTTP_DATE_MAX];

    (void)state;
    fog_http_date_format(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT"); /* RFC 9110 5.6.7 */
    fog_http_date_format(951782400, text);
    assert_string_equal(text, "Tue, 29 Feb 2000 00:00:00 GMT");
    fog_http_date_format(INT64_MAX, text);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
    fog_http_date_format(-5, text);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
}

static void test_urls(void **state)
{
    static const char *const bad[] = {
        "",
        "a.test/",
        "ftp://a/",
        "http://",
        "http:///x",
        "http://a:0/",
        "http://a:99999/",
        "http://u@a/",
        "http://a?x",
        "http://a b/",
        "http://[::1/",
        "http://[zz]/",
        "http://a/#f",
        "https://:443/",
        "http://a:/",
    };
    struct fog_url u;

    (void)state;
    assert_int_equal(fog_url_parse("HTTPS://Ex.Test:8443/p?q", &u), 0);
    assert_true(u.tls && u.port == 8443 && !u.default_port);
    assert_string_equal(u.host, "ex.test");
    assert_true(is(u.path, "/p?q") && is(u.authority, "Ex.Test:8443"));
    assert_int_equal(fog_url_parse("http://[2001:db8::1]", &u), 0);
    assert_true(!u.tls && u.port == 80 && u.ipv6 && is(u.path, "/"));
    assert_string_equal(u.host, "2001:db8::1");
    for (size_t i = 0; i < FOG_COUNT(bad); i++)
        assert_int_equal(fog_url_parse(bad[i], &u), FOG_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_heads),
        cmocka_unit_test(test_ambiguous_heads_are_refused),
        cmocka_unit_test(test_request_framing),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_the_end_of_a_head_is_found_across_reads),
        cmocka_unit_test(test_chunked_bodies_in_any_pieces),
        cmocka_unit_test(test_chunk_overhead_has_a_limit),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_urls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
