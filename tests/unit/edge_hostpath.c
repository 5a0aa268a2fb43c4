/* edge/hostpath: which host, which route, which reserved query names. */
#include "edge/hostpath.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SITE  "abcdefghijklmnop"
#define BOX   "abcdefghijklmnopqrstuvwxya" /* 26 characters, unused bits zero */
#define OTHER "zbcdefghijklmnopqrstuvwxya"
#define T43   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" /* bytes 0..31 */

static enum edge_host host_of(const char *authority, char site[FOG_SITE_LABEL_LEN + 1])
{
    struct fog_box_id own;

    assert_int_equal(fog_box_label_parse(fog_bytes_str(BOX), &own), 0);
    return edge_host_parse("fog.test", &own, fog_bytes_str(authority), site);
}

static void test_hosts(void **state)
{
    static const char *const foreign[] = {
        "",
        "fog.test",
        "example.org",
        "api.fog.test",
        SITE ".fog.test.evil.org",
        SITE "." OTHER ".fog.test", /* another box's name */
        SITE ".x." BOX ".fog.test",
        "short.fog.test",
        "ABCDEFGHIJKLMNO1.fog.test", /* '1' is no base32 digit */
        "[::1]:443",
    };
    char site[FOG_SITE_LABEL_LEN + 1];

    (void)state;
    assert_int_equal(host_of(SITE ".fog.test", site), EDGE_HOST_GATEWAY);
    assert_string_equal(site, SITE);
    assert_int_equal(host_of(SITE ".fog.test:8443", site), EDGE_HOST_GATEWAY);
    assert_int_equal(host_of(SITE ".FOG.test.", site), EDGE_HOST_GATEWAY);
    assert_int_equal(host_of(SITE "." BOX ".fog.test:8443", site), EDGE_HOST_BOX);
    assert_string_equal(site, SITE);
    for (size_t i = 0; i < FOG_COUNT(foreign); i++)
        assert_int_equal(host_of(foreign[i], site), EDGE_HOST_FOREIGN);
    /* an edge without a box label serves no box names */
    assert_int_equal(
        edge_host_parse("fog.test", NULL, fog_bytes_str(SITE "." BOX ".fog.test"), site),
        EDGE_HOST_FOREIGN);
}

static int parse(enum edge_host host, const char *raw, struct edge_target_path *out)
{
    return edge_path_parse(host, fog_bytes_str(raw), out);
}

static void test_routes_depend_on_the_kind_of_host(void **state)
{
    struct edge_target_path p;

    (void)state;
    assert_int_equal(parse(EDGE_HOST_GATEWAY, "/a%20b/c.mp4", &p), 0);
    assert_int_equal(p.route, EDGE_ROUTE_PLAIN);
    assert_string_equal(p.path.text, "a b/c.mp4");
    assert_int_equal(parse(EDGE_HOST_GATEWAY, "/~s/S1-d_/v/1.m4s", &p), 0);
    assert_int_equal(p.route, EDGE_ROUTE_SESSION);
    assert_true(fog_bytes_eq(p.token, fog_bytes_str("S1-d_")));
    assert_string_equal(p.path.text, "v/1.m4s");
    assert_int_equal(parse(EDGE_HOST_GATEWAY, "/~s/S1/", &p), 0);
    assert_true(p.path.dir);
    assert_int_equal(parse(EDGE_HOST_GATEWAY, "/~a", &p), 0);
    assert_int_equal(p.route, EDGE_ROUTE_ASSIGN);
    /* a site may have a directory of that name */
    assert_int_equal(parse(EDGE_HOST_GATEWAY, "/g/x/y", &p), 0);
    assert_int_equal(p.route, EDGE_ROUTE_PLAIN);
    assert_true(edge_path_is_reserved(fog_bytes_str("g/x/y")));
    assert_false(edge_path_is_reserved(fog_bytes_str("go/x")));

    assert_int_equal(parse(EDGE_HOST_BOX, "/g/AbC_-9/v/1.m4s", &p), 0);
    assert_int_equal(p.route, EDGE_ROUTE_GRANT);
    assert_true(fog_bytes_eq(p.token, fog_bytes_str("AbC_-9")));
    assert_string_equal(p.path.text, "v/1.m4s");
    assert_int_equal(parse(EDGE_HOST_BOX, "/~t/AbC", &p), 0);
    assert_int_equal(p.route, EDGE_ROUTE_TICK);
    assert_int_equal(parse(EDGE_HOST_BOX, "/~s/S1/x", &p), 0);
    assert_int_equal(p.route, EDGE_ROUTE_PLAIN);
    assert_int_equal(parse(EDGE_HOST_FOREIGN, "/.well-known/fogbank", &p), 0);
    assert_int_equal(p.route, EDGE_ROUTE_WELL_KNOWN);
}

static void test_bad_paths(void **state)
{
    static const char *const bad[] = {
        "",         "x",      "*",        "//",     "/a//b", "/./a",    "/a/../b",
        "/%2e%2e/", "/a%2fb", "/a%00",    "/a%",    "/a%4",  "/a%zz",   "/g",
        "/g/",      "/g//x",  "/g/a b/x", "/g/AbC", "/~t/",  "/~t/a/b", "/g/a%41/x",
    };
    struct edge_target_path p;
    char longer[2100] = "/";

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(bad); i++) {
        if (strcmp(bad[i], "/g") == 0)
            continue; /* a file may be named so */
        assert_int_not_equal(parse(EDGE_HOST_BOX, bad[i], &p), 0);
    }
    assert_int_not_equal(parse(EDGE_HOST_GATEWAY, "/~s/", &p), 0);
    assert_int_not_equal(parse(EDGE_HOST_GATEWAY, "/~s/sid", &p), 0);
    memset(longer + 1, 'a', sizeof longer - 2);
    assert_int_equal(parse(EDGE_HOST_BOX, longer, &p), FOG_ELIMIT);
}

static void test_reserved_query_names(void **state)
{
    struct fog_buf b = {0};
    struct edge_query q;

    (void)state;
    edge_query_parse(fog_bytes_str("a=1&fogtick=7." T43 "&fogback=" OTHER ".content&&b"), &q);
    assert_true(q.has_tick);
    assert_int_equal(q.tick.i, 7);
    assert_int_equal(q.tick.preimage[31], 31);
    assert_int_equal(q.back_why, EDGE_BACK_CONTENT);
    assert_string_equal(q.back_box, OTHER);
    edge_query_strip(fog_bytes_str("a=1&fogtick=7." T43 "&fogback=" OTHER ".content&&b"), &b);
    assert_string_equal(fog_buf_cstr(&b), "?a=1&b");
    fog_buf_clear(&b);
    edge_query_strip(fog_bytes_str("fogtick=1"), &b);
    edge_query_strip(fog_bytes_str(""), &b);
    assert_int_equal(b.len, 0);
    edge_query_strip(fog_bytes_str("a=\r\nx: \"y\"%20"), &b); /* nothing unsafe reaches a field */
    assert_string_equal(fog_buf_cstr(&b), "?a=%0D%0Ax:%20%22y%22%20");
    fog_buf_fini(&b);

    edge_query_parse(fog_bytes_str("fogtick=7.AAA&fogback=nobody.content"), &q);
    assert_false(q.has_tick);
    assert_true(q.tick_is_bad);
    assert_int_equal(q.back_why, EDGE_BACK_NONE);
    assert_string_equal(q.back_box, "");
    edge_query_parse(fog_bytes_str("fogback=" OTHER ".none"), &q);
    assert_int_equal(q.back_why, EDGE_BACK_NONE);
    edge_query_parse((struct fog_bytes){0}, &q);
    assert_false(q.has_tick || q.tick_is_bad);
}

static void test_assign_query(void **state)
{
    struct edge_assign_query q;

    (void)state;
    assert_int_equal(
        edge_assign_parse(fog_bytes_str("path=/v%20d/&anchor=" T43 "," T43 "&sid=s-1"), &q), 0);
    assert_string_equal(q.dir.text, "v d");
    assert_int_equal(q.n_anchors, 2);
    assert_int_equal(q.anchors[1][30], 30);
    assert_string_equal(q.sid, "s-1");
    assert_int_equal(edge_assign_parse(fog_bytes_str("path=v&anchor=" T43), &q), 0);
    assert_string_equal(q.dir.text, "v");
    assert_string_equal(q.sid, "");
    assert_int_equal(edge_assign_parse(fog_bytes_str("path=&anchor=" T43), &q), 0);
    assert_int_equal(q.dir.len, 0); /* the whole site */
    assert_int_not_equal(edge_assign_parse(fog_bytes_str("path=v"), &q), 0);
    assert_int_not_equal(edge_assign_parse(fog_bytes_str("anchor=" T43), &q), 0);
    assert_int_not_equal(edge_assign_parse(fog_bytes_str("path=../v&anchor=" T43), &q), 0);
    assert_int_not_equal(edge_assign_parse(fog_bytes_str("path=v&anchor=AAA"), &q), 0);
    assert_int_not_equal(edge_assign_parse(fog_bytes_str("path=v&anchor=" T43 "&sid=a/b"), &q), 0);
    assert_int_equal(
        edge_assign_parse(fog_bytes_str("path=v&anchor=" T43 "," T43 "," T43 "," T43 "," T43), &q),
        FOG_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_routes_depend_on_the_kind_of_host),
        cmocka_unit_test(test_bad_paths),
        cmocka_unit_test(test_reserved_query_names),
        cmocka_unit_test(test_assign_query),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
