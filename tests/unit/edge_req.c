/* edge: requests on box names, and what is the same on all names. Ports are faked. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "core/crypto/hash.h"
#include "tests/lib/edge_expect.h"

static void test_segment_under_a_grant(void **state)
{
    struct world *w = expect_world(false);
    struct world_req *r = world_get(w, BOX, GRANT "/v/1.m4s", NULL);
    const struct world_answer *a = world_answer(r);
    struct fog_bytes want = world_bytes(w, 2500000, 2);
    char digest[80] = "sha-256=:";
    struct fog_hash h;

    (void)state;
    expect_status(r, 200);
    assert_int_equal(a->length, 2500000);
    assert_true(fog_bytes_eq(fog_buf_bytes(&a->body), want));
    expect_field(r, "content-type", "video/iso.segment");
    expect_field(r, "accept-ranges", "bytes");
    expect_field(r, "x-content-type-options", "nosniff");
    expect_field(r, "cache-control", "public, max-age=3600");
    expect_field(r, "cache-status", "fog-abcdefgh; hit; detail=ram");
    expect_field(r, "timing-allow-origin", "*");
    expect_field(r, "vary", NULL);
    fog_sha256(want, &h);
    fog_base64url_encode(h.b, 32, digest + 9);
    for (char *c = digest; *c != '\0'; c++)
        *c = *c == '-' && c > digest + 8 ? '+' : *c == '_' ? '/' : *c;
    strcat(digest, "=:");
    expect_field(r, "repr-digest", digest);
    assert_string_equal(world_seen(w)->check_path, "v/1.m4s");
    assert_int_equal(world_seen(w)->spent, 2500000);
    world_end(&r);
    assert_int_equal(edge_stats(world_edge(w))->bytes_ram, 2500000);
    world_free(&w);
}

static void test_every_answer_may_come_later(void **state)
{
    struct world *w = expect_world(false);
    struct world_knobs *k = world_knobs(w);
    struct world_req *r;

    (void)state;
    k->pointer = k->object = k->read = WORLD_LATER;
    k->read_max = 10000;
    k->from = EDGE_FROM_PEER;
    r = world_start(w, "GET", BOX, GRANT "/v/1.m4s", NULL, NULL);
    assert_int_equal(world_answer(r)->status, 0);
    assert_int_equal(edge_stats(world_edge(w))->req_open, 1);
    world_run(w);
    expect_status(r, 200);
    expect_field(r, "cache-status", "fog-abcdefgh; fwd=uri-miss; stored; detail=peer");
    expect_body(r, world_bytes(w, 2500000, 2));
    world_end(&r);
    assert_int_equal(edge_stats(world_edge(w))->bytes_peer, 2500000);
    assert_int_equal(edge_stats(world_edge(w))->req_open, 0);
    world_free(&w);
}

static void test_ranges_and_conditions(void **state)
{
    static const struct {
        const char *name, *value;
        int status;
        const char *content_range;
        size_t len;
    } rows[] = {
        {"range", "bytes=100-199", 206, "bytes 100-199/300000", 100},
        {"range", "bytes=299990-", 206, "bytes 299990-299999/300000", 10},
        {"range", "bytes=300000-", 416, "bytes */300000", 0},
        {"range", "bytes=0-0,5-6", 200, NULL, 300000},
        {"range", "bytes=262140-262150", 206, "bytes 262140-262150/300000", 11},
        {"if-none-match", "*", 304, NULL, 0},
        {"if-match", "\"other\"", 412, NULL, 0},
        {"if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT", 304, NULL, 0},
        {"if-unmodified-since", "Sun, 06 Nov 1994 08:49:36 GMT", 412, NULL, 0},
    };
    struct world *w = expect_world(false);
    struct fog_bytes all = world_bytes(w, 300000, 4);
    char etag[64];
    struct world_req *r = world_get(w, BOX, "/big.bin", NULL);

    (void)state;
    expect_field(r, "last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    strcpy(etag, world_field(r, "etag"));
    world_end(&r);
    for (size_t i = 0; i < FOG_COUNT(rows); i++) {
        struct world_header h[] = {{rows[i].name, rows[i].value}, {NULL, NULL}};

        r = world_get(w, BOX, "/big.bin", h);
        expect_status(r, rows[i].status);
        expect_field(r, "content-range", rows[i].content_range);
        expect_field(r, "etag", etag);
        assert_int_equal(world_answer(r)->body.len, rows[i].len);
        if (rows[i].status == 206) {
            uint64_t first = strtoull(rows[i].content_range + 6, NULL, 10);

            assert_memory_equal(world_answer(r)->body.data, all.p + first, rows[i].len);
        }
        world_end(&r);
    }
    { /* If-Range with this and with another validator */
        struct world_header same[] = {{"range", "bytes=1-2"}, {"if-range", etag}, {NULL, NULL}};
        struct world_header other[] = {{"range", "bytes=1-2"}, {"if-range", "\"o\""}, {NULL, NULL}};

        r = world_get(w, BOX, "/big.bin", same);
        expect_status(r, 206);
        world_end(&r);
        r = world_get(w, BOX, "/big.bin", other);
        expect_status(r, 200);
        world_end(&r);
    }
    world_free(&w);
}

static void test_head_and_other_methods(void **state)
{
    struct world *w = expect_world(true);
    struct world_req *r;

    (void)state;
    r = world_start(w, "HEAD", GATEWAY, "/data.txt", NULL, NULL);
    expect_status(r, 200);
    assert_int_equal(world_answer(r)->length, strlen(EXPECT_PAGE));
    assert_int_equal(world_answer(r)->body.len, 0);
    expect_field(r, "set-cookie", NULL); /* the publisher asked for one */
    world_end(&r);
    assert_int_equal(world_seen(w)->reads, 0);
    r = world_start(w, "POST", GATEWAY, "/data.txt", NULL, "x");
    expect_status(r, 405);
    expect_field(r, "allow", "GET, HEAD, OPTIONS");
    world_end(&r);
    r = world_start(w, "OPTIONS", BOX, GRANT "/v/1.m4s", NULL, NULL);
    expect_status(r, 204);
    expect_field(r, "access-control-allow-headers", "*");
    expect_field(r, "access-control-max-age", "86400");
    world_end(&r);
    r = world_start(w, "CONNECT", "example.org:443", "/", NULL, NULL);
    expect_status(r, 421);
    world_end(&r);
    world_free(&w);
}

static void test_foreign_hosts_and_sites(void **state)
{
    struct world *w = expect_world(false);

    (void)state;
    expect_get(w, "example.org", "/", 421, NULL); /* no open proxy */
    expect_get(w, "127.0.0.1:8443", "/", 421, NULL);
    expect_get(w, GATEWAY, "/", 421, NULL); /* this one is no gateway */
    expect_get(w, "zbcdefghijklmnop." WORLD_BOX "." WORLD_ZONE, "/x", 404, NULL);
    expect_get(w, BOX, "/a/../b", 400, NULL);
    expect_get(w, BOX, "/g/not%20a%20grant/x", 400, NULL);
    world_free(&w);
}

static void test_well_known(void **state)
{
    struct world *w = expect_world(false);
    struct world_req *r = world_get(w, "anything.example", "/.well-known/fogbank", NULL);

    (void)state;
    expect_status(r, 200);
    expect_body(r, fog_bytes_str("{\"name\":\"fogbank\",\"version\":\"1.2.3\",\"box\":\"" WORLD_BOX
                                 "\"}\n"));
    world_end(&r);
    r = world_start(w, "POST", BOX, "/.well-known/fogbank", NULL, "");
    expect_status(r, 405);
    world_end(&r);
    world_free(&w);
}

static void test_box_sends_back_what_stays_on_the_sites_name(void **state)
{
    struct world *w = expect_world(false);
    struct world_header worker[] = {{"service-worker", "script"}, {NULL, NULL}};
    struct world_req *r;

    (void)state;
    expect_get(w, BOX, GRANT "/docs/?x=1&fogtick=1." T43, 307,
               "https://" GATEWAY ":8443/docs/?x=1&fogback=" WORLD_BOX ".stays");
    expect_get(w, BOX, "/data.txt", 307,
               "https://" GATEWAY ":8443/data.txt?fogback=" WORLD_BOX ".stays");
    expect_get(w, BOX, "/v/small.m4s", 307,
               "https://" GATEWAY ":8443/v/small.m4s?fogback=" WORLD_BOX ".stays");
    expect_get(w, BOX, GRANT "/v/small.m4s", 200, NULL);
    r = world_get(w, BOX, "/big.bin", NULL);
    expect_status(r, 200);
    expect_field(r, "content-security-policy", "sandbox");
    expect_field(r, "cross-origin-resource-policy", "cross-origin");
    world_end(&r);
    r = world_get(w, BOX, "/big.bin", worker);
    expect_status(r, 403);
    world_end(&r);
    world_free(&w);
}

static void test_grants_that_are_not_taken(void **state)
{
    struct world *w = expect_world(false);
    struct world_knobs *k = world_knobs(w);
    const char *const back = "https://" GATEWAY ":8443/v/1.m4s?fogback=" WORLD_BOX ".grant";
    struct world_req *r;

    (void)state;
    k->verdict = EDGE_GRANT_ELSEWHERE;
    r = world_get(w, BOX, GRANT "/v/1.m4s", NULL);
    expect_status(r, 307);
    expect_field(r, "location", back);
    expect_field(r, "cache-control", "no-store");
    world_end(&r);
    k->verdict = EDGE_GRANT_GARBAGE;
    expect_get(w, BOX, GRANT "/v/1.m4s", 400, NULL);
    k->verdict = EDGE_GRANT_OK;
    k->allow = EDGE_GRANT_NEVER; /* used up */
    expect_get(w, BOX, GRANT "/v/1.m4s", 307, back);
    k->allow = INT64_MAX;
    k->left = 2499999; /* one byte too few: not begun rather than cut */
    expect_get(w, BOX, GRANT "/v/1.m4s", 307, back);
    k->left = 2500000;
    expect_get(w, BOX, GRANT "/v/1.m4s", 200, NULL);
    k->no_standing = true;
    expect_get(w, BOX, "/big.bin", 307,
               "https://" GATEWAY ":8443/big.bin?fogback=" WORLD_BOX ".grant");
    assert_int_equal(edge_stats(world_edge(w))->back_grant, 4);
    world_free(&w);
}

static void test_credit_window(void **state)
{
    struct world *w = expect_world(false);
    struct world_knobs *k = world_knobs(w);
    struct world_req *r;

    (void)state;
    k->allow = 1000000;
    r = world_get(w, BOX, GRANT "/v/1.m4s", NULL);
    assert_int_equal(world_answer(r)->status, 200);
    assert_int_equal(world_answer(r)->body.len, 1000000); /* and now it waits for a tick */
    assert_int_equal(world_seen(w)->waits, 1);
    world_credit(w, 1500000);
    expect_status(r, 200);
    expect_body(r, world_bytes(w, 2500000, 2));
    world_end(&r);

    k->allow = 65536;
    r = world_get(w, BOX, GRANT "/v/1.m4s", NULL);
    world_pass(w, 14000);
    assert_false(world_answer(r)->reset);
    world_pass(w, 2000); /* no tick came */
    assert_true(world_answer(r)->reset);
    assert_int_equal(world_answer(r)->body.len, 65536);
    world_end(&r);
    assert_int_equal(edge_stats(world_edge(w))->credit_timeout, 1);

    k->allow = 65536;
    r = world_get(w, BOX, GRANT "/v/1.m4s", NULL);
    world_end(&r); /* the viewer leaves while we wait */
    world_free(&w);
}

static void test_ticks(void **state)
{
    struct world *w = expect_world(false);
    struct world_knobs *k = world_knobs(w);
    struct world_req *r;

    (void)state;
    expect_get(w, BOX, GRANT "/v/1.m4s?fogtick=9." T43, 200, NULL);
    assert_int_equal(world_seen(w)->tick_i, 9);
    expect_get(w, BOX, GRANT "/v/1.m4s?fogtick=nonsense", 200, NULL);
    assert_int_equal(edge_stats(world_edge(w))->tick_bad, 1);

    r = world_start(w, "POST", BOX, "/~t/AbC", NULL, "12." T43 "\n");
    world_run(w);
    expect_status(r, 204);
    assert_int_equal(world_seen(w)->tick_i, 12);
    world_end(&r);
    r = world_start(w, "POST", BOX, "/~t/AbC", NULL, "12");
    world_run(w);
    expect_status(r, 400);
    world_end(&r);
    k->tick_rc = FOG_EVERIFY;
    r = world_start(w, "POST", BOX, "/~t/AbC", NULL, "12." T43);
    world_run(w);
    expect_status(r, 403);
    world_end(&r);
    k->tick_rc = FOG_EEXPIRED;
    r = world_start(w, "POST", BOX, "/~t/AbC", NULL, "12." T43);
    world_run(w);
    expect_status(r, 410);
    world_end(&r);
    k->verdict = EDGE_GRANT_ELSEWHERE;
    r = world_start(w, "POST", BOX, "/~t/AbC", NULL, "12." T43);
    expect_status(r, 410);
    world_end(&r);
    r = world_start(w, "GET", BOX, "/~t/AbC", NULL, NULL);
    expect_status(r, 405);
    expect_field(r, "allow", "POST, OPTIONS");
    world_end(&r);
    k->verdict = EDGE_GRANT_OK;
    r = world_start(w, "POST", BOX, "/~t/AbC", NULL, "12." T43);
    world_end(&r); /* gone before the body came */
    world_free(&w);
}

/* Never 5xx and never silence on a box: whatever goes wrong, the gateway is asked. */
static void test_box_without_the_content_sends_back(void **state)
{
    const char *const back = "https://" GATEWAY ":8443/v/1.m4s?fogback=" WORLD_BOX ".content";
    struct world *w = expect_world(false);
    struct world_knobs *k = world_knobs(w);
    struct world_req *r;

    (void)state;
    k->pointer_err = -EIO;
    expect_get(w, BOX, GRANT "/v/1.m4s", 307, back);
    k->pointer_err = -ENOENT; /* the grant says that the site exists */
    expect_get(w, BOX, GRANT "/v/1.m4s", 307, back);
    k->pointer_err = 0;
    edge_pointer_changed(world_edge(w), WORLD_SITE);
    k->object_err = -ENOENT;
    expect_get(w, BOX, GRANT "/v/1.m4s", 307, back);
    k->object_err = 0;
    k->read_err = FOG_EVERIFY;
    expect_get(w, BOX, GRANT "/v/1.m4s", 307, back);
    k->read_err = 0;
    k->read = WORLD_NEVER;
    r = world_get(w, BOX, GRANT "/v/1.m4s", NULL);
    assert_int_equal(world_answer(r)->status, 0);
    world_pass(w, 9000);
    expect_status(r, 307);
    expect_field(r, "location", back);
    world_end(&r);
    k->object = WORLD_NEVER;
    r = world_get(w, BOX, GRANT "/big.bin", NULL);
    world_pass(w, 9000);
    expect_status(r, 307);
    world_end(&r);
    assert_int_equal(edge_stats(world_edge(w))->source_timeout, 2);
    /* behind the newest release: the gateway knows better */
    k->object = k->read = WORLD_NOW;
    expect_get(w, BOX, GRANT "/v/new.m4s", 307,
               "https://" GATEWAY ":8443/v/new.m4s?fogback=" WORLD_BOX ".content");
    expect_get(w, BOX, "/nothing", 404, NULL);
    world_free(&w);
}

static void test_truncated_body_is_reset(void **state)
{
    struct world *w = expect_world(false);
    struct world_knobs *k = world_knobs(w);
    struct world_req *r;

    (void)state;
    k->read_err = FOG_EVERIFY;
    k->read_err_from = 500000;
    r = world_get(w, BOX, GRANT "/v/1.m4s", NULL);
    assert_int_equal(world_answer(r)->status, 200);
    assert_true(world_answer(r)->reset);
    assert_int_equal(world_answer(r)->body.len, 524288);
    world_end(&r);
    k->read_err = 0;
    k->read = WORLD_NEVER;
    r = world_get(w, BOX, GRANT "/v/1.m4s", NULL);
    world_end(&r); /* leaves while the first read hangs */
    assert_int_equal(world_seen(w)->cancels, 1);
    assert_int_equal(edge_stats(world_edge(w))->req_aborted, 2);
    world_free(&w);
}

static void test_empty_object(void **state)
{
    struct world *w = expect_world(false);
    struct world_header range[] = {{"range", "bytes=0-"}, {NULL, NULL}};
    struct world_req *r;

    (void)state;
    world_knobs(w)->decision.verdict = EDGE_HERE;
    /* small, so on the site's own name; the gateway's tests are of the same code */
    expect_get(w, BOX, "/empty.bin", 307,
               "https://" GATEWAY ":8443/empty.bin?fogback=" WORLD_BOX ".stays");
    world_free(&w);
    w = expect_world(true);
    expect_get(w, GATEWAY, "/empty.bin", 200, NULL);
    r = world_get(w, GATEWAY, "/empty.bin", range);
    expect_status(r, 416);
    expect_field(r, "content-range", "bytes */0");
    world_end(&r);
    assert_int_equal(world_seen(w)->reads, 0);
    world_free(&w);
}

static void add_up(void *arg, const char *site, uint64_t requests, uint64_t bytes)
{
    uint64_t *sum = arg;

    assert_string_equal(site, WORLD_SITE);
    sum[0] += requests;
    sum[1] += bytes;
}

static void test_tally(void **state)
{
    struct world *w = expect_world(false);
    uint64_t sum[2] = {0};

    (void)state;
    expect_get(w, BOX, "/big.bin", 200, NULL);
    expect_get(w, BOX, "/big.bin", 200, NULL);
    edge_tally_drain(world_edge(w), add_up, sum);
    assert_int_equal(sum[0], 2);
    assert_int_equal(sum[1], 600000);
    sum[0] = 0;
    edge_tally_drain(world_edge(w), add_up, sum);
    assert_int_equal(sum[0], 0);
    world_free(&w);
}

static void test_bad_configuration(void **state)
{
    struct edge_source source = {0};
    struct edge_conf good = {.zone = "fog.test",
                             .box_label = WORLD_BOX,
                             .version = "1",
                             .port = 443,
                             .source = &source,
                             .hub_ms = (fog_time_ms(*)(void *))1},
                     c;
    struct edge *e = NULL;

    (void)state;
    c = good;
    c.zone = "";
    assert_int_equal(edge_new(NULL, &c, &e), FOG_ECONFIG);
    c = good;
    c.box_label = "short";
    assert_int_equal(edge_new(NULL, &c, &e), FOG_ECONFIG);
    c = good;
    c.port = 0;
    assert_int_equal(edge_new(NULL, &c, &e), FOG_ECONFIG);
    c = good;
    c.version = "a\"b";
    assert_int_equal(edge_new(NULL, &c, &e), FOG_ECONFIG);
    c = good;
    c.source = NULL;
    assert_int_equal(edge_new(NULL, &c, &e), FOG_ECONFIG);
    assert_null(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_under_a_grant),
        cmocka_unit_test(test_every_answer_may_come_later),
        cmocka_unit_test(test_ranges_and_conditions),
        cmocka_unit_test(test_head_and_other_methods),
        cmocka_unit_test(test_foreign_hosts_and_sites),
        cmocka_unit_test(test_well_known),
        cmocka_unit_test(test_box_sends_back_what_stays_on_the_sites_name),
        cmocka_unit_test(test_grants_that_are_not_taken),
        cmocka_unit_test(test_credit_window),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_box_without_the_content_sends_back),
        cmocka_unit_test(test_truncated_body_is_reset),
        cmocka_unit_test(test_empty_object),
        cmocka_unit_test(test_tally),
        cmocka_unit_test(test_bad_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
