#include "tests/lib/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"

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

void net_up_with(struct net *n, enum proto proto, const struct fog_http_limits *limits,
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

void net_up(struct net *n, enum proto proto)
{
    net_up_with(n, proto, NULL, (struct fog_http_client_conf){0});
}

void net_down(struct net *n)
{
    fog_http_client_free(&n->client);
    fog_listener_free(&n->listener);
    fog_http_server_free(&n->server);
    fog_tls_server_free(&n->tls);
    fog_tls_cert_unref(&n->cert);
    testca_free(&n->ca);
    fog_loop_free(&n->loop);
}

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

const struct fog_http_call_ops call_ops = {
    .on_response = on_response, .on_data = on_data, .on_end = on_end};

void fetch(struct net *n, struct got *g, const char *method, const char *path,
           struct fog_bytes body)
{
    char url[128];
    struct fog_http_fetch f = {.method = method, .url = url, .body = body};

    (void)snprintf(url, sizeof url, "%s://a.test:%u%s", n->proto == H1_PLAIN ? "http" : "https",
                   (unsigned)fog_addr_port(&n->at), path);
    g->net = n;
    assert_int_equal(fog_http_fetch(n->client, &f, &call_ops, g, &g->call), 0);
}

void get(struct net *n, struct got *g, const char *path)
{
    fetch(n, g, NULL, path, (struct fog_bytes){0});
}
