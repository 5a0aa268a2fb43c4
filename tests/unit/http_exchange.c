/* HTTP/2 and HTTP/1.1 over TLS, and HTTP/1.1 plain: each body of a test runs for the three. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/exchange.h"

static void check_small(enum proto p)
{
    struct got a = {.keep = true}, b = {.keep = true}, c = {.keep = true}, d = {.keep = true};
    struct net n;

    net_up(&n, p);
    get(&n, &a, "/hello");
    UNTIL(&n, a.ended);
    assert_int_equal(a.err, 0);
    assert_int_equal(a.status, 200);
    assert_string_equal(fog_buf_cstr(&a.body), "hello");
    get(&n, &b, "/nothing?here");
    UNTIL(&n, b.ended);
    assert_int_equal(b.status, 404);
    assert_string_equal(b.type, "application/problem+json");
    assert_string_equal(fog_buf_cstr(&b.body),
                        "{\"status\":404,\"code\":\"not-found\",\"detail\":\"no \\\"such\\\" "
                        "thing\"}\n");
    fetch(&n, &c, "HEAD", "/big?123456", (struct fog_bytes){0});
    UNTIL(&n, c.ended);
    assert_int_equal(c.err, 0);
    assert_int_equal(c.bytes, 0);
    assert_int_equal(n.close_err, 0);
    get(&n, &d, "/none");
    UNTIL(&n, d.ended);
    assert_int_equal(d.status, 204);
    assert_int_equal(d.err, 0);
    assert_int_equal(n.conns, 1); /* all on one connection */
    fog_buf_fini(&a.body);
    fog_buf_fini(&b.body);
    net_down(&n);
}

static void check_fields(enum proto p)
{
    struct fog_http_header h[] = {
        {.name = fog_bytes_str("x-list"), .value = fog_bytes_str("a, b")},
        {.name = fog_bytes_str("x-other"), .value = fog_bytes_str("")},
        {.name = fog_bytes_str("x-list"), .value = fog_bytes_str("c")},
    };
    struct got g = {.keep = true};
    char url[64], want[128];
    struct fog_http_fetch f = {.url = url, .headers = h, .n_headers = FOG_COUNT(h)};
    struct net n;

    net_up(&n, p);
    (void)snprintf(url, sizeof url, "%s://A.test:%u/fields?x=1&y=%%20",
                   p == H1_PLAIN ? "http" : "https", (unsigned)fog_addr_port(&n.at));
    (void)snprintf(want, sizeof want, "GET|%s|a.test:%u|x=1&y=%%20|a, b, c|1",
                   p == H1_PLAIN ? "http" : "https", (unsigned)fog_addr_port(&n.at));
    assert_int_equal(fog_http_fetch(n.client, &f, &call_ops, &g, &g.call), 0);
    UNTIL(&n, g.ended);
    assert_string_equal(fog_buf_cstr(&g.body), want);
    fog_buf_fini(&g.body);
    net_down(&n);
}

static void check_big(enum proto p)
{
    struct got g = {0}, s = {0};
    struct net n;

    net_up(&n, p);
    get(&n, &g, "/big?50000003");
    UNTIL(&n, g.ended);
    assert_int_equal(g.err, 0);
    assert_int_equal(g.bytes, 50000003);
    assert_false(g.wrong);
    assert_int_equal(n.close_err, 0);
    assert_int_equal(n.close_sent, 50000003);
    get(&n, &s, "/slow"); /* waits before every piece */
    UNTIL(&n, s.ended);
    assert_int_equal(s.err, 0);
    assert_int_equal(s.bytes, 100000);
    assert_false(s.wrong);
    net_down(&n);
}

static void check_truncated(enum proto p)
{
    static const char *const paths[] = {"/cut", "/short"};
    struct net n;

    net_up(&n, p);
    for (size_t i = 0; i < FOG_COUNT(paths); i++) {
        struct got g = {0};

        get(&n, &g, paths[i]);
        UNTIL(&n, g.ended);
        /* A reset may overtake bytes, so the client saw some or nothing, but never an end. */
        assert_int_not_equal(g.err, 0);
        assert_true(g.bytes < 300000);
        assert_true(n.closes > i);
        assert_int_not_equal(n.close_err, 0);
    }
    net_down(&n);
}

static void check_bodies(enum proto p)
{
    static uint8_t large[3000000];
    struct got a = {.keep = true}, b = {.keep = true}, c = {.keep = true}, d = {.keep = true};
    struct net n;

    net_up(&n, p);
    fetch(&n, &a, "POST", "/echo", fog_bytes_str("to and fro"));
    UNTIL(&n, a.ended);
    assert_string_equal(fog_buf_cstr(&a.body), "to and fro");
    fetch(&n, &b, "PUT", "/sink", fog_bytes_of(large, sizeof large));
    UNTIL(&n, b.ended);
    assert_int_equal(b.err, 0);
    assert_string_equal(fog_buf_cstr(&b.body), "3000000");
    assert_int_equal(n.sink_err, 0);
    n.sink_ended = false;
    fetch(&n, &c, "POST", "/echo", fog_bytes_of(large, 2000)); /* more than it takes */
    UNTIL(&n, c.ended);
    assert_int_equal(c.status, 413);
    assert_int_equal(n.sink_err, FOG_ELIMIT);
    fetch(&n, &d, "POST", "/echo", (struct fog_bytes){0});
    UNTIL(&n, d.ended);
    assert_int_equal(d.status, 200);
    assert_int_equal(d.bytes, 0);
    fog_buf_fini(&a.body);
    fog_buf_fini(&b.body);
    fog_buf_fini(&c.body);
    net_down(&n);
}

/* Bodies that are refused, unread or cut off must give back the window they used. */
static void check_uploads_go_on(enum proto p)
{
    static uint8_t large[700000];
    struct got after = {0};
    struct net n;

    net_up(&n, p);
    for (int i = 0; i < 12; i++) {
        struct got g = {0};

        fetch(&n, &g, "POST",
              i % 3 == 0   ? "/echo"
              : i % 3 == 1 ? "/hello"
                           : "/hold",
              fog_bytes_of(large, sizeof large));
        if (i % 3 == 2) {
            n.held = NULL;
            UNTIL(&n, n.held != NULL);
            for (int t = 0; t < 20; t++)
                fog_loop_turn(n.loop, false);
            fog_http_call_cancel(g.call);
        } else {
            UNTIL(&n, g.ended);
        }
    }
    n.sunk = 0;
    fetch(&n, &after, "PUT", "/sink", fog_bytes_of(large, sizeof large));
    UNTIL(&n, after.ended);
    assert_int_equal(after.err, 0);
    assert_int_equal(n.sunk, sizeof large);
    if (p == H2)
        assert_int_equal(n.conns, 1);
    net_down(&n);
}

static void check_pause(enum proto p)
{
    struct got g = {.pause_next = true};
    struct net n;
    uint64_t before;

    net_up(&n, p);
    get(&n, &g, "/big?20000000");
    UNTIL(&n, g.bytes > 0);
    for (int i = 0; i < 300; i++)
        fog_loop_turn(n.loop, false);
    before = g.bytes;
    assert_true(before < 20000000);
    assert_false(g.ended);
    g.pause_next = false;
    fog_http_call_resume(g.call);
    UNTIL(&n, g.ended);
    assert_int_equal(g.err, 0);
    assert_int_equal(g.bytes, 20000000);
    assert_false(g.wrong);
    net_down(&n);
}

static void check_cancel(enum proto p)
{
    struct got g = {.cancel_at = 100000}, again = {0}, held = {0};
    struct net n;

    net_up(&n, p);
    get(&n, &g, "/big?900000000");
    UNTIL(&n, g.ended && n.closes == 1); /* the server's source hears of it */
    assert_int_not_equal(n.close_err, 0);
    get(&n, &held, "/hold");
    UNTIL(&n, n.held != NULL);
    fog_http_call_cancel(held.call);
    UNTIL(&n, n.aborts == 1);
    get(&n, &again, "/hello");
    UNTIL(&n, again.ended);
    assert_int_equal(again.status, 200);
    net_down(&n);
}

static void check_reset(enum proto p)
{
    struct got g = {0};
    struct net n;

    net_up(&n, p);
    get(&n, &g, "/reset");
    UNTIL(&n, g.ended);
    assert_int_not_equal(g.err, 0);
    assert_int_equal(g.status, 0);
    net_down(&n);
}

static void check_many(enum proto p)
{
    enum { N = 300 };
    static struct got g[N];
    struct net n;
    unsigned ended = 0;

    memset(g, 0, sizeof g);
    net_up(&n, p);
    for (int i = 0; i < N; i++)
        get(&n, &g[i], i % 3 == 0 ? "/big?70000" : "/hello");
    while (ended < N) {
        fog_loop_turn(n.loop, true);
        ended = 0;
        for (int i = 0; i < N; i++)
            ended += g[i].ended;
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(g[i].err, 0);
        assert_int_equal(g[i].bytes, i % 3 == 0 ? 70000 : 5);
    }
    assert_int_equal(n.conns, p == H2 ? 1 : 4);
    assert_int_equal(n.requests, N);
    net_down(&n);
}

static void drained(void *arg)
{
    *(bool *)arg = true;
}

static void check_drain(enum proto p)
{
    struct got g = {0}, late = {0};
    struct net n;
    bool done = false;

    net_up_with(&n, p, &(struct fog_http_limits){.idle_ms = 40}, (struct fog_http_client_conf){0});
    get(&n, &g, "/hold");
    UNTIL(&n, n.held != NULL);
    fog_http_server_drain(n.server, drained, &done);
    assert_false(done); /* one is in flight */
    fog_http_respond_bytes(n.held, 200, NULL, 0, fog_bytes_str("last"));
    UNTIL(&n, g.ended && done);
    assert_int_equal(g.err, 0);
    assert_int_equal(g.bytes, 4);
    assert_int_equal(fog_http_server_open(n.server), 0);
    get(&n, &late, "/hello");
    UNTIL(&n, late.ended);
    assert_int_not_equal(late.err, 0);
    net_down(&n);
}

static void check_idle_and_stall(enum proto p)
{
    struct fog_http_limits limits = {.idle_ms = 30, .stall_ms = 30};
    struct got g = {0}, stalled = {.pause_next = true};
    struct net n;

    net_up_with(&n, p, &limits, (struct fog_http_client_conf){0});
    get(&n, &g, "/hello");
    UNTIL(&n, g.ended);
    UNTIL(&n, fog_http_server_open(n.server) == 0); /* idle */
    get(&n, &stalled, "/big?90000000");
    UNTIL(&n, n.closes == 1); /* the client takes nothing: the server gives up */
    assert_int_not_equal(n.close_err, 0);
    net_down(&n);
}

static void check_client_timeout(enum proto p)
{
    struct got g = {0};
    struct net n;

    net_up_with(&n, p, NULL, (struct fog_http_client_conf){.response_ms = 20});
    get(&n, &g, "/hold");
    UNTIL(&n, g.ended);
    assert_int_equal(g.err, -ETIMEDOUT);
    UNTIL(&n, n.aborts == 1);
    net_down(&n);
}

#define FOR_ALL(name)                                                                              \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        check_##name(H2);                                                                          \
        check_##name(H1_TLS);                                                                      \
        check_##name(H1_PLAIN);                                                                    \
    }
FOR_ALL(small)
FOR_ALL(fields)
FOR_ALL(big)
FOR_ALL(truncated)
FOR_ALL(bodies)
FOR_ALL(uploads_go_on)
FOR_ALL(pause)
FOR_ALL(cancel)
FOR_ALL(reset)
FOR_ALL(many)
FOR_ALL(drain)
FOR_ALL(idle_and_stall)
FOR_ALL(client_timeout)

static void on_all(int err, int status, const struct fog_http_header *headers, size_t n,
                   struct fog_bytes body, void *arg)
{
    struct got *g = arg;

    (void)headers;
    assert_true(status == 0 || n > 0);
    g->ended = true;
    g->err = err;
    g->status = status;
    g->bytes = body.len;
}

static void test_whole_responses_have_a_limit(void **state)
{
    struct got a = {0}, b = {0};
    struct net n;
    char url[64];
    struct fog_http_fetch f = {.url = url};

    (void)state;
    net_up(&n, H2);
    (void)snprintf(url, sizeof url, "https://a.test:%u/big?5000", (unsigned)fog_addr_port(&n.at));
    assert_int_equal(fog_http_fetch_all(n.client, &f, 5000, on_all, &a, &a.call), 0);
    assert_int_equal(fog_http_fetch_all(n.client, &f, 4999, on_all, &b, &b.call), 0);
    UNTIL(&n, a.ended && b.ended);
    assert_int_equal(a.err, 0);
    assert_int_equal(a.bytes, 5000);
    assert_int_equal(b.err, FOG_ELIMIT);
    net_down(&n);
}

static void test_policy_refuses_what_others_name(void **state)
{
    struct fog_http_client_conf conf = {0};
    struct fog_http_fetch f = {.url = "http://127.0.0.1/"};
    struct got g = {0}, h = {0};
    struct fog_http_client *strict;
    struct net n;

    (void)state;
    net_up(&n, H1_PLAIN);
    strict = fog_http_client_new(n.loop, &conf);
    assert_int_equal(fog_http_fetch(strict, &f, &call_ops, &g, &g.call), 0);
    UNTIL(&n, g.ended);
    assert_int_equal(g.err, FOG_EADDR);
    f.url = "http://localhost/"; /* the same by name, through the system's resolver */
    assert_int_equal(fog_http_fetch(strict, &f, &call_ops, &h, &h.call), 0);
    UNTIL(&n, h.ended);
    assert_int_equal(h.err, FOG_EADDR);
    f.url = "ftp://a.test/";
    assert_int_equal(fog_http_fetch(strict, &f, &call_ops, &h, &h.call), FOG_EFORMAT);
    fog_http_client_free(&strict);
    net_down(&n);
}

static void test_freeing_the_client_is_silent(void **state)
{
    struct got g[4] = {0};
    struct net n;

    (void)state;
    net_up(&n, H2);
    for (int i = 0; i < 4; i++)
        get(&n, &g[i], "/hold");
    UNTIL(&n, n.requests == 4);
    fog_http_client_free(&n.client);
    UNTIL(&n, n.aborts == 4);
    for (int i = 0; i < 4; i++)
        assert_false(g[i].ended);
    net_down(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_big),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_uploads_go_on),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_idle_and_stall),
        cmocka_unit_test(test_client_timeout),
        cmocka_unit_test(test_whole_responses_have_a_limit),
        cmocka_unit_test(test_policy_refuses_what_others_name),
        cmocka_unit_test(test_freeing_the_client_is_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
