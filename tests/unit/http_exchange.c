/* Server and client in one process over loopback: HTTP/2 and HTTP/1.1 over TLS, HTTP/1.1 plain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "core/http/client.h"
#include "core/http/server.h"
#include "tests/lib/testca.h"

enum proto { H2, H1_TLS, H1_PLAIN };

struct net {
    struct fog_loop *loop;
    struct testca *ca;
    struct fog_tls_cert *cert;
    struct fog_tls_server *tls;
    struct fog_listener *listener;
    struct fog_addr at;
    struct fog_http_server *server;
    struct fog_http_client *client;
    enum proto proto;
    /* what the handlers saw */
    unsigned requests;
    unsigned conns;
    unsigned aborts;
    unsigned closes;
    int close_err;
    uint64_t close_sent;
    struct fog_http_req *held;
    uint64_t sunk;
    bool sink_ended;
    int sink_err;
    unsigned pauses;
};

/* --- a body that is made as it is pulled --- */

struct made {
    struct net *net;
    struct fog_http_req *req;
    uint64_t left;
    uint64_t at;
    bool hesitate; /* says -EAGAIN before every piece */
    bool hesitated;
    uint64_t fail_at; /* UINT64_MAX: never */
    unsigned in_flight;
};

static uint8_t pattern[65536];

static void resume_later(void *arg)
{
    struct made *m = arg;

    if (m->req != NULL)
        fog_http_resume(m->req);
}

static int made_next(void *arg, size_t max, struct fog_slice *out)
{
    struct made *m = arg;
    size_t from = (size_t)(m->at % 251), n = max;

    if (m->hesitate && !m->hesitated) {
        m->hesitated = true;
        fog_loop_post(m->net->loop, resume_later, m);
        return -EAGAIN;
    }
    m->hesitated = false;
    if (m->at >= m->fail_at)
        return FOG_ECORRUPT;
    if (n > sizeof pattern - from)
        n = sizeof pattern - from;
    if (n > m->left)
        n = (size_t)m->left;
    if (n == 0)
        return FOG_ETRUNC;
    *out = (struct fog_slice){.p = pattern + from, .len = n};
    m->at += n;
    m->left -= n;
    return 0;
}

static void made_close(void *arg, int err, uint64_t sent_bytes)
{
    struct made *m = arg;

    m->net->closes++;
    m->net->close_err = err;
    m->net->close_sent = sent_bytes;
    m->req = NULL;
    if (!m->hesitated)
        free(m);
}

static void respond_made(struct net *n, struct fog_http_req *r, uint64_t says, uint64_t has,
                         bool hesitate, uint64_t fail_at)
{
    struct made *m = calloc(1, sizeof *m);
    struct fog_http_source src = {.next = made_next, .close = made_close, .arg = m};
    struct fog_http_header h[] = {
        {.name = fog_bytes_str("content-type"), .value = fog_bytes_str("video/mp4")}};

    *m = (struct made){.net = n, .req = r, .left = has, .hesitate = hesitate, .fail_at = fail_at};
    fog_http_respond(r, 200, h, 1, says, &src);
}

/* --- handlers --- */

static bool path_is(struct fog_http_req *r, const char *path)
{
    return fog_bytes_eq(fog_http_req_path(r), fog_bytes_str(path));
}

static void on_abort(void *arg)
{
    struct net *n = arg;

    n->aborts++;
    n->held = NULL;
}

static void on_echo(struct fog_http_req *r, int err, struct fog_bytes body, void *arg)
{
    struct net *n = arg;

    n->sink_ended = true;
    n->sink_err = err;
    if (err == 0)
        fog_http_respond_bytes(r, 200, NULL, 0, body);
}

static void resume_sink(void *arg)
{
    struct net *n = arg;

    if (n->held != NULL)
        fog_http_req_body_resume(n->held);
}

static bool sink_data(struct fog_http_req *r, struct fog_bytes data, void *arg)
{
    struct net *n = arg;

    n->sunk += data.len;
    if (n->sunk % 7 != 0)
        return true;
    n->pauses++;
    n->held = r;
    fog_loop_post(n->loop, resume_sink, n);
    return false;
}

static void sink_end(struct fog_http_req *r, int err, void *arg)
{
    struct net *n = arg;
    char text[32];

    n->held = NULL;
    n->sink_ended = true;
    n->sink_err = err;
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)n->sunk);
    if (err == 0)
        fog_http_respond_bytes(r, 200, NULL, 0, fog_bytes_str(text));
}

static void respond_fields(struct fog_http_req *r)
{
    struct fog_buf b = {0};
    struct fog_bytes list = fog_http_req_header(r, "x-list"),
                     none = fog_http_req_header(r, "x-none"), a = fog_http_req_authority(r),
                     q = fog_http_req_query(r), m = fog_http_req_method(r),
                     s = fog_http_req_scheme(r);

    fog_buf_printf(&b, "%.*s|%.*s|%.*s|%.*s|%.*s|%d", (int)m.len, m.p, (int)s.len, s.p, (int)a.len,
                   a.p, (int)q.len, q.p, (int)list.len, list.p, none.p == NULL);
    fog_http_respond_bytes(r, 200, NULL, 0, fog_buf_bytes(&b));
    fog_buf_fini(&b);
}

static void on_request(struct fog_http_req *r, void *arg)
{
    static const struct fog_http_body_sink sink = {.on_data = sink_data, .on_end = sink_end};
    struct net *n = arg;

    n->requests++;
    if (path_is(r, "/hello")) {
        fog_http_respond_bytes(r, 200, NULL, 0, fog_bytes_str("hello"));
    } else if (path_is(r, "/fields")) {
        respond_fields(r);
    } else if (path_is(r, "/big")) {
        uint64_t size = 0;

        assert_int_equal(fog_parse_u64(fog_http_req_query(r), UINT64_MAX, &size), 0);
        respond_made(n, r, size, size, false, UINT64_MAX);
    } else if (path_is(r, "/slow")) {
        respond_made(n, r, 100000, 100000, true, UINT64_MAX);
    } else if (path_is(r, "/cut")) {
        respond_made(n, r, 300000, 300000, false, 200000);
    } else if (path_is(r, "/short")) {
        respond_made(n, r, 300000, 100000, false, UINT64_MAX);
    } else if (path_is(r, "/echo")) {
        fog_http_req_collect(r, 1000, on_echo, n);
    } else if (path_is(r, "/sink")) {
        fog_http_req_body(r, UINT64_MAX, &sink, n);
    } else if (path_is(r, "/hold")) {
        n->held = r;
        fog_http_req_on_abort(r, on_abort, n);
    } else if (path_is(r, "/reset")) {
        fog_http_reset(r);
    } else if (path_is(r, "/none")) {
        fog_http_respond(r, 204, NULL, 0, 0, NULL);
    } else {
        fog_http_respond_problem(r, 404, "not-found", "no \"such\" thing");
    }
}

static void on_accept(struct fog_conn *c, void *arg)
{
    struct net *n = arg;

    n->conns++;
    fog_http_server_adopt(n->server, c);
}

static struct fog_tls_cert *pick(void *arg, const char *sni)
{
    (void)sni;
    return fog_tls_cert_ref(((struct net *)arg)->cert);
}

static bool resolve(void *arg, const char *host, uint16_t port, struct fog_addr *out)
{
    (void)port;
    *out = ((struct net *)arg)->at;
    return strcmp(host, "a.test") == 0;
}

static void net_up_with(struct net *n, enum proto proto, const struct fog_http_limits *limits,
                        struct fog_http_client_conf client)
{
    static const char *const alpn[] = {"h2", "http/1.1", NULL};
    struct fog_http_server_conf conf = {.on_request = on_request, .arg = n};
    struct fog_tls_server_conf tls = {.pick = pick, .arg = n, .alpn = alpn + (proto == H1_TLS)};
    struct fog_addr any;

    *n = (struct net){.loop = fog_loop_new(), .proto = proto};
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i % 251);
    if (limits != NULL)
        conf.limits = *limits;
    n->server = fog_http_server_new(n->loop, &conf);
    n->ca = testca_new();
    n->cert = testca_issue(n->ca, "a.test");
    assert_int_equal(fog_tls_server_new(&tls, &n->tls), 0);
    assert_int_equal(fog_addr_parse("127.0.0.1:0", &any), 0);
    assert_int_equal(fog_listener_new(n->loop, &any, proto == H1_PLAIN ? NULL : n->tls, on_accept,
                                      n, &n->listener),
                     0);
    fog_listener_addr(n->listener, &n->at);
    client.ca_file = testca_file(n->ca);
    client.policy.allow_any = true;
    client.resolve = resolve;
    client.resolve_arg = n;
    n->client = fog_http_client_new(n->loop, &client);
}

static void net_up(struct net *n, enum proto proto)
{
    net_up_with(n, proto, NULL, (struct fog_http_client_conf){0});
}

static void net_down(struct net *n)
{
    fog_http_client_free(&n->client);
    fog_listener_free(&n->listener);
    fog_http_server_free(&n->server);
    fog_tls_server_free(&n->tls);
    fog_tls_cert_unref(&n->cert);
    testca_free(&n->ca);
    fog_loop_free(&n->loop);
}

#define UNTIL(n, cond)                                                                             \
    for (int turns_ = 0; !(cond); turns_++) {                                                      \
        assert_true(turns_ < 200000);                                                              \
        fog_loop_turn((n)->loop, true);                                                            \
    }

/* --- a call as the test sees it --- */

struct got {
    struct net *net;
    struct fog_http_call *call;
    int status;
    bool ended;
    int err;
    uint64_t bytes;
    bool wrong; /* a byte was not what the pattern says */
    struct fog_buf body;
    bool keep;
    char type[64];
    bool pause_next;
    uint64_t cancel_at;
};

static void on_response(struct fog_http_call *call, int status,
                        const struct fog_http_header *headers, size_t n, void *arg)
{
    struct got *g = arg;

    (void)call;
    g->status = status;
    for (size_t i = 0; i < n; i++)
        if (fog_bytes_eq(headers[i].name, fog_bytes_str("content-type")))
            (void)fog_strcpy(g->type, sizeof g->type, headers[i].value);
}

static bool on_data(struct fog_http_call *call, struct fog_bytes data, void *arg)
{
    struct got *g = arg;

    for (size_t i = 0; i < data.len && !g->keep; i++)
        g->wrong = g->wrong || data.p[i] != (g->bytes + i) % 251;
    g->bytes += data.len;
    if (g->keep)
        fog_buf_append(&g->body, data.p, data.len);
    if (g->cancel_at != 0 && g->bytes >= g->cancel_at) {
        fog_http_call_cancel(call);
        g->call = NULL;
        g->ended = true;
        return true;
    }
    return !g->pause_next;
}

static void on_end(struct fog_http_call *call, int err, void *arg)
{
    struct got *g = arg;

    assert_ptr_equal(call, g->call);
    assert_false(g->ended);
    g->ended = true;
    g->err = err;
    g->call = NULL;
}

static const struct fog_http_call_ops call_ops = {
    .on_response = on_response, .on_data = on_data, .on_end = on_end};

static void fetch(struct net *n, struct got *g, const char *method, const char *path,
                  struct fog_bytes body)
{
    char url[128];
    struct fog_http_fetch f = {.method = method, .url = url, .body = body};

    (void)snprintf(url, sizeof url, "%s://a.test:%u%s", n->proto == H1_PLAIN ? "http" : "https",
                   (unsigned)fog_addr_port(&n->at), path);
    g->net = n;
    assert_int_equal(fog_http_fetch(n->client, &f, &call_ops, g, &g->call), 0);
}

static void get(struct net *n, struct got *g, const char *path)
{
    fetch(n, g, NULL, path, (struct fog_bytes){0});
}

/* --- tests; each body runs for the three protocols --- */

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
