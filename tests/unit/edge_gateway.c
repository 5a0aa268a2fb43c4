/* edge: sites, sessions and steering on gateway names; look-ups and their cache. Ports are faked.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/edge_expect.h"

static void test_variants(void **state)
{
    struct world_header any[] = {{"accept-encoding", "gzip, zstd"}, {NULL, NULL}};
    struct world_header gzip[] = {{"accept-encoding", "gzip"}, {NULL, NULL}};
    struct world_header part[] = {
        {"accept-encoding", "gzip"}, {"range", "bytes=0-9"}, {NULL, NULL}};
    struct world *w = expect_world(true);
    struct world_req *r;
    char etags[3][64];

    (void)state;
    r = world_get(w, GATEWAY, "/app.css", NULL);
    expect_status(r, 200);
    expect_field(r, "content-encoding", NULL);
    expect_field(r, "vary", "accept-encoding");
    assert_int_equal(world_answer(r)->length, 60000);
    strcpy(etags[0], world_field(r, "etag"));
    world_end(&r);
    r = world_get(w, GATEWAY, "/app.css", gzip);
    expect_field(r, "content-encoding", "gzip");
    assert_true(world_answer(r)->length < 1000);
    strcpy(etags[1], world_field(r, "etag"));
    world_end(&r);
    r = world_get(w, GATEWAY, "/app.css", any);
    expect_field(r, "content-encoding", "zstd");
    strcpy(etags[2], world_field(r, "etag"));
    world_end(&r);
    assert_string_not_equal(etags[0], etags[1]);
    assert_string_not_equal(etags[1], etags[2]);
    r = world_get(w, GATEWAY, "/app.css", part); /* ranges come from identity alone */
    expect_status(r, 206);
    expect_field(r, "content-encoding", NULL);
    expect_field(r, "etag", etags[0]);
    expect_field(r, "content-range", "bytes 0-9/60000");
    world_end(&r);
    world_free(&w);
}

static void test_old_pointer_is_not_served(void **state)
{
    struct world *w = expect_world(true);

    (void)state;
    expect_get(w, BOX, "/big.bin", 200, NULL);
    world_pass(w, 7 * 86400000LL + 1000);
    expect_get(w, BOX, "/big.bin", 307,
               "https://" GATEWAY ":8443/big.bin?fogback=" WORLD_BOX ".content");
    expect_get(w, GATEWAY, "/", 503, NULL);
    world_free(&w);
}

static void test_site_documents_at_the_gateway(void **state)
{
    struct world *w = expect_world(true);
    struct world_header none_match[] = {{"if-none-match", "*"}, {NULL, NULL}};
    struct world_req *r;

    (void)state;
    r = world_get(w, GATEWAY, "/", NULL);
    expect_status(r, 200);
    expect_field(r, "content-type", "text/html");
    expect_field(r, "cache-control", "public, max-age=0, must-revalidate");
    expect_field(r, "content-security-policy", NULL); /* only on box names */
    world_end(&r);
    expect_get(w, GATEWAY, "/docs/", 200, NULL);
    expect_get(w, GATEWAY, "/docs?q=1", 301, "/docs/?q=1");
    expect_get(w, GATEWAY, "/~s/S1/docs", 301, "/~s/S1/docs/");
    r = world_get(w, GATEWAY, "/nothing/here", none_match);
    expect_status(r, 404);
    expect_body(r, fog_bytes_str(EXPECT_NOT_FOUND));
    world_end(&r);
    assert_int_equal(world_seen(w)->asks, 0);
    world_free(&w);
}

static void test_404_without_a_page(void **state)
{
    struct world *w = world_new(true, true);
    struct world_file one = {"a", "text/plain", fog_bytes_str("x"), false, NULL, NULL};
    struct world_req *r;

    (void)state;
    world_publish(w, &one, 1);
    r = world_get(w, GATEWAY, "/b", NULL);
    expect_status(r, 404);
    expect_field(r, "content-type", "application/problem+json");
    world_end(&r);
    world_free(&w);
}

static void test_playlist_enters_a_session(void **state)
{
    struct world *w = expect_world(true);
    struct world_knobs *k = world_knobs(w);

    (void)state;
    k->decision =
        (struct edge_decision){.verdict = EDGE_REDIRECT, .status = 302, .prefix = "/~s/S1/"};
    expect_get(w, GATEWAY, "/v/master.m3u8?CMCD=x", 302, "/~s/S1/v/master.m3u8?CMCD=x");
    assert_int_equal(world_seen(w)->ask.kind, EDGE_ASK_ENTRY);
    assert_string_equal(world_seen(w)->ask_path, "v/master.m3u8");
    expect_get(w, GATEWAY, "/~s/S1/v/master.m3u8", 200, NULL);
    assert_int_equal(world_seen(w)->asks, 1);
    world_free(&w);
}

static void test_segments_are_sent_to_boxes(void **state)
{
    const char *const url = "https://" WORLD_SITE ".zbox." WORLD_ZONE "/g/GRANT/";
    struct world *w = expect_world(true);
    struct world_knobs *k = world_knobs(w);
    struct world_req *r;

    (void)state;
    k->decision = (struct edge_decision){.verdict = EDGE_REDIRECT, .status = 307};
    strcpy(k->decision.prefix, url);
    k->steer = WORLD_LATER;
    r = world_get(w, GATEWAY, "/~s/S1/v/1.m4s?fogback=" WORLD_BOX ".content", NULL);
    expect_status(r, 307);
    expect_field(r, "location", "https://" WORLD_SITE ".zbox." WORLD_ZONE "/g/GRANT/v/1.m4s");
    expect_field(r, "cache-control", "no-store");
    world_end(&r);
    assert_int_equal(world_seen(w)->ask.kind, EDGE_ASK_SEGMENT);
    assert_int_equal(world_seen(w)->ask.size, 2500000);
    assert_int_equal(world_seen(w)->ask.slot, 7);
    assert_string_equal(world_seen(w)->ask_sid, "S1");
    assert_string_equal(world_seen(w)->ask_back, WORLD_BOX);
    assert_int_equal(world_seen(w)->ask.back_why, EDGE_BACK_CONTENT);
    /* small things are quicker from here */
    expect_get(w, GATEWAY, "/~s/S1/v/small.m4s", 200, NULL);
    assert_int_equal(world_seen(w)->asks, 1);
    k->steer = WORLD_NOW;
    strcpy(k->decision.prefix, "https://" WORLD_SITE ".zbox." WORLD_ZONE "/");
    expect_get(w, GATEWAY, "/big.bin", 307, "https://" WORLD_SITE ".zbox." WORLD_ZONE "/big.bin");
    assert_int_equal(world_seen(w)->ask.kind, EDGE_ASK_DOWNLOAD);
    /* on a box "/g/x.bin" would read as a grant */
    expect_get(w, GATEWAY, "/g/x.bin", 200, NULL);
    world_free(&w);
}

static void test_gateway_goes_on_without_the_router(void **state)
{
    struct world *w = expect_world(true);
    struct world_knobs *k = world_knobs(w);
    struct world_req *r;

    (void)state;
    k->steer_err = -EIO;
    expect_get(w, GATEWAY, "/big.bin", 200, NULL);
    k->steer_err = 0;
    k->steer = WORLD_NEVER;
    r = world_get(w, GATEWAY, "/big.bin", NULL);
    world_pass(w, 9000);
    expect_status(r, 200);
    world_end(&r);
    r = world_get(w, GATEWAY, "/big.bin", NULL);
    world_end(&r); /* leaves while the router thinks */
    k->steer = WORLD_NOW;
    k->decision = (struct edge_decision){.verdict = EDGE_REFUSE, .status = 429, .retry_after_s = 7};
    r = world_get(w, GATEWAY, "/big.bin", NULL);
    expect_status(r, 429);
    expect_field(r, "retry-after", "7");
    world_end(&r);
    /* and when nothing is left, and only then, 503 */
    k->decision.verdict = EDGE_HERE;
    k->read_err = -EIO;
    r = world_get(w, GATEWAY, "/big.bin", NULL);
    expect_status(r, 503);
    expect_field(r, "retry-after", "2");
    world_end(&r);
    world_free(&w);
}

static void test_assign(void **state)
{
    struct world *w = expect_world(true);
    struct world_knobs *k = world_knobs(w);
    struct world_req *r;

    (void)state;
    k->assign = (struct edge_assign){
        .status = 200,
        .sid = "S9",
        .n_targets = 1,
        .targets = {{.box = "zbox",
                     .url_prefix = "https://x/g/G/",
                     .serial = {0xab},
                     .tick_bytes = 65536,
                     .max_bytes = 1000,
                     .not_after = 5}},
    };
    r = world_get(w, GATEWAY, "/~a?path=/v/&anchor=" T43 "&sid=S8", NULL);
    expect_status(r, 200);
    expect_field(r, "cache-control", "no-store");
    expect_body(
        r, fog_bytes_str("{\"sid\":\"S9\",\"hub_ms\":1700000000000,\"targets\":[{\"box\":\"zbox\","
                         "\"url_prefix\":"
                         "\"https://x/g/G/"
                         "\",\"serial\":\"ab000000000000000000000000000000\",\"tick_bytes\":65536,"
                         "\"max_bytes\":1000,\"not_after\":5}]}\n"));
    world_end(&r);
    assert_string_equal(world_seen(w)->assign_path, "v");
    assert_int_equal(world_seen(w)->assign.n_anchors, 1);
    expect_get(w, GATEWAY, "/~a?path=/v/", 400, NULL);
    k->assign.status = 429;
    expect_get(w, GATEWAY, "/~a?path=/v/&anchor=" T43, 429, NULL);
    k->steer_err = -EIO;
    expect_get(w, GATEWAY, "/~a?path=/v/&anchor=" T43, 503, NULL);
    r = world_start(w, "POST", GATEWAY, "/~a?path=/v/&anchor=" T43, NULL, "");
    expect_status(r, 405);
    world_end(&r);
    world_free(&w);
}

static void test_lookups_are_collapsed_and_kept(void **state)
{
    struct world *w = expect_world(true);
    struct world_knobs *k = world_knobs(w);
    struct world_req *r[20];

    (void)state;
    k->pointer = k->object = WORLD_LATER;
    for (size_t i = 0; i < FOG_COUNT(r); i++)
        r[i] = world_start(w, "GET", GATEWAY, "/data.txt", NULL, NULL);
    world_end(&r[3]); /* one leaves, the others do not care */
    world_run(w);
    for (size_t i = 0; i < FOG_COUNT(r); i++) {
        if (i == 3)
            continue;
        expect_status(r[i], 200);
        world_end(&r[i]);
    }
    assert_int_equal(world_seen(w)->pointers, 1);
    assert_int_equal(world_seen(w)->objects, 2); /* one page, one manifest */
    expect_get(w, GATEWAY, "/data.txt", 200, NULL);
    assert_int_equal(world_seen(w)->objects, 2);
    assert_int_equal(edge_stats(world_edge(w))->site_hit, 1);
    /* the last one that waits leaves: the look-up is given up */
    r[0] = world_start(w, "GET", GATEWAY, "/app.css", NULL, NULL);
    world_end(&r[0]);
    assert_int_equal(world_seen(w)->cancels, 1);
    expect_get(w, GATEWAY, "/app.css", 200, NULL);
    world_free(&w);
}

static void test_new_release_is_seen_at_once(void **state)
{
    struct world *w = expect_world(true);
    struct world_file two = {"data.txt", "text/plain", fog_bytes_str("two"), false, NULL, NULL};
    struct world_req *r;

    (void)state;
    expect_get(w, GATEWAY, "/data.txt", 200, NULL);
    expect_get(w, GATEWAY, "/", 200, NULL);
    world_publish(w, &two, 1);
    r = world_get(w, GATEWAY, "/data.txt", NULL);
    expect_body(r, fog_bytes_str("two"));
    world_end(&r);
    expect_get(w, GATEWAY, "/", 404, NULL);
    world_free(&w);
}

/* Thousands of paths through a small cache: the budget holds and every answer is right. */
static void test_lookup_cache_stays_in_its_budget(void **state)
{
    struct world *w = world_new_sized(true, false, 100000);
    static char names[600][20], texts[600][24];
    static struct world_file files[600];
    uint64_t x = 1;

    (void)state;
    for (int i = 0; i < 600; i++) {
        snprintf(names[i], sizeof names[i], "f%03d.txt", i);
        snprintf(texts[i], sizeof texts[i], "content of %d", i);
        files[i] =
            (struct world_file){names[i], "text/plain", fog_bytes_str(texts[i]), false, NULL, NULL};
    }
    world_publish(w, files, 600);
    for (int i = 0; i < 20000; i++) {
        struct world_req *r;
        char target[32];
        unsigned n;

        x = x * 6364136223846793005u + 1442695040888963407u;
        n = (unsigned)(x >> 33) % 900; /* a third does not exist */
        snprintf(target, sizeof target, "/f%03u.txt", n);
        r = world_get(w, GATEWAY, target, NULL);
        assert_int_equal(world_answer(r)->status, n < 600 ? 200 : 404);
        if (n < 600)
            expect_body(r, fog_bytes_str(texts[n]));
        world_end(&r);
        assert_true(edge_stats(world_edge(w))->site_bytes <= 100000);
    }
    assert_true(edge_stats(world_edge(w))->site_hit > 100);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_old_pointer_is_not_served),
        cmocka_unit_test(test_site_documents_at_the_gateway),
        cmocka_unit_test(test_404_without_a_page),
        cmocka_unit_test(test_playlist_enters_a_session),
        cmocka_unit_test(test_segments_are_sent_to_boxes),
        cmocka_unit_test(test_gateway_goes_on_without_the_router),
        cmocka_unit_test(test_assign),
        cmocka_unit_test(test_lookups_are_collapsed_and_kept),
        cmocka_unit_test(test_new_release_is_seen_at_once),
        cmocka_unit_test(test_lookup_cache_stays_in_its_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
