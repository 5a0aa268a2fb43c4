/* HTTP/2 between nodes over mutual TLS, in both directions of dialling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "core/base/buf.h"
#include "core/http/client.h"
#include "core/http/server.h"

static uint8_t chunk[1 << 20];

struct net {
    struct fog_loop *loop;
    struct fog_tls_cert *cert[2]; /* of the dialler, of the listener */
    struct fog_tls_client *tls;
    struct fog_tls_server *tls_server;
    struct fog_listener *listener;
    struct fog_http_server *server;
    struct fog_http_link *link;
    bool reversed; /* the dialler serves */
    bool dialled;
    unsigned link_closes;
    unsigned requests;
    uint8_t seen_key[32]; /* the peer's, as the server sees it */
    struct fog_http_req *held;
    unsigned aborts;
};

static int slice_next(void *arg, size_t max, struct fog_slice *out)
{
    size_t *at = arg;
    size_t n = sizeof chunk - *at < max ? sizeof chunk - *at : max;

    *out = (struct fog_slice){.p = chunk + *at, .len = n};
    *at += n;
    return 0;
}

static void slice_close(void *arg, int err, uint64_t sent_bytes)
{
    (void)arg;
    (void)err;
    (void)sent_bytes;
}

static void on_abort(void *arg)
{
    ((struct net *)arg)->aborts++;
}

static void on_request(struct fog_http_req *r, void *arg)
{
    struct net *n = arg;
    size_t *at = fog_http_req_alloc(r, sizeof *at);
    struct fog_http_source src = {.next = slice_next, .close = slice_close, .arg = at};

    *at = 0;
    n->requests++;
    assert_true(fog_conn_peer_key(fog_http_req_conn(r), n->seen_key));
    if (fog_bytes_eq(fog_http_req_path(r), fog_bytes_str("/n/hold"))) {
        n->held = r;
        fog_http_req_on_abort(r, on_abort, n);
        return;
    }
    fog_http_respond(r, 200, NULL, 0, sizeof chunk, &src);
}

static void on_link_close(struct fog_http_link *l, int err, void *arg)
{
    struct net *n = arg;

    (void)err;
    assert_ptr_equal(l, n->link);
    n->link_closes++;
}

static void become(struct net *n, struct fog_conn *c, bool serve)
{
    if (serve)
        fog_http_server_adopt(n->server, c);
    else
        n->link = fog_http_link_new(c, on_link_close, n);
}

static void on_accept(struct fog_conn *c, void *arg)
{
    struct net *n = arg;

    become(n, c, strcmp(fog_conn_alpn(c), "fog-serve/1") != 0);
}

static void on_open(struct fog_conn *c, void *arg)
{
    struct net *n = arg;

    n->dialled = true;
    become(n, c, n->reversed);
}

static size_t on_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    (void)c;
    (void)in;
    (void)arg;
    return 0;
}

static void on_close(struct fog_conn *c, int err, void *arg)
{
    (void)c;
    (void)err;
    (void)arg;
}

static void net_up(struct net *n, bool reversed)
{
    static const struct fog_conn_ops ops = {
        .on_open = on_open, .on_read = on_read, .on_close = on_close};
    static const char *const both[] = {"fog-fill/1", "fog-serve/1", NULL};
    const char *alpn[] = {reversed ? "fog-serve/1" : "fog-fill/1", NULL};
    struct fog_http_server_conf conf = {.on_request = on_request, .arg = n};
    struct fog_tls_client_conf client = {.alpn = alpn};
    struct fog_tls_server_conf server = {.node_alpn = both};
    uint8_t seed[32] = {0};
    struct fog_conn *c;
    struct fog_addr at;

    *n = (struct net){.loop = fog_loop_new(), .reversed = reversed};
    for (int i = 0; i < 2; i++) {
        seed[0] = (uint8_t)(i + 1);
        assert_int_equal(fog_tls_cert_node(seed, &n->cert[i]), 0);
    }
    client.node = n->cert[0];
    server.node = n->cert[1];
    n->server = fog_http_server_new(n->loop, &conf);
    assert_int_equal(fog_tls_client_new(&client, &n->tls), 0);
    assert_int_equal(fog_tls_server_new(&server, &n->tls_server), 0);
    assert_int_equal(fog_addr_parse("127.0.0.1:0", &at), 0);
    assert_int_equal(fog_listener_new(n->loop, &at, n->tls_server, on_accept, n, &n->listener), 0);
    fog_listener_addr(n->listener, &at);
    assert_int_equal(fog_conn_dial(n->loop, &at, n->tls, NULL, 2000, &ops, n, &c), 0);
}

static void net_down(struct net *n)
{
    fog_http_link_free(&n->link);
    fog_listener_free(&n->listener);
    fog_http_server_free(&n->server);
    fog_tls_server_free(&n->tls_server);
    fog_tls_client_free(&n->tls);
    fog_tls_cert_unref(&n->cert[0]);
    fog_tls_cert_unref(&n->cert[1]);
    fog_loop_free(&n->loop);
}

#define UNTIL(n, cond)                                                                             \
    for (int turns_ = 0; !(cond); turns_++) {                                                      \
        assert_true(turns_ < 100000);                                                              \
        fog_loop_turn((n)->loop, true);                                                            \
    }

struct got {
    uint64_t bytes;
    bool ended;
    int err;
    int status;
    bool drop_link; /* frees the link from inside on_data */
    struct net *net;
};

static void on_response(struct fog_http_call *call, int status,
                        const struct fog_http_header *headers, size_t n, void *arg)
{
    (void)call;
    (void)headers;
    assert_true(n > 0);
    ((struct got *)arg)->status = status;
}

static bool on_data(struct fog_http_call *call, struct fog_bytes data, void *arg)
{
    struct got *g = arg;

    (void)call;
    assert_memory_equal(data.p, chunk + g->bytes, data.len);
    g->bytes += data.len;
    if (g->drop_link)
        fog_http_link_free(&g->net->link);
    return true;
}

static void on_end(struct fog_http_call *call, int err, void *arg)
{
    struct got *g = arg;

    (void)call;
    assert_false(g->ended);
    g->ended = true;
    g->err = err;
}

static const struct fog_http_call_ops call_ops = {
    .on_response = on_response, .on_data = on_data, .on_end = on_end};

static void get(struct net *n, struct got *g, const char *path)
{
    struct fog_http_fetch f = {.url = path};
    struct fog_http_call *call;

    g->net = n;
    assert_int_equal(fog_http_link_fetch(n->link, &f, &call_ops, g, &call), 0);
}

static void check_fetches(bool reversed)
{
    struct got g[8] = {0};
    struct net n;
    unsigned ended = 0;
    uint8_t server_key[32];

    for (size_t i = 0; i < sizeof chunk; i++)
        chunk[i] = (uint8_t)(i * 2654435761u >> 13);
    net_up(&n, reversed);
    UNTIL(&n, n.link != NULL && n.dialled);
    assert_true(fog_conn_peer_key(fog_http_link_conn(n.link), server_key));
    for (int i = 0; i < 8; i++)
        get(&n, &g[i], "/n/chunk/00?len=1048576");
    while (ended < 8) {
        fog_loop_turn(n.loop, true);
        ended = 0;
        for (int i = 0; i < 8; i++)
            ended += g[i].ended;
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(g[i].err, 0);
        assert_int_equal(g[i].status, 200);
        assert_int_equal(g[i].bytes, sizeof chunk);
    }
    assert_int_equal(n.requests, 8);
    assert_memory_not_equal(n.seen_key, server_key, 32); /* each sees the other */
    net_down(&n);
}

static void test_fill_and_serve_directions(void **state)
{
    (void)state;
    check_fetches(false);
    check_fetches(true);
}

static void test_a_lost_link_ends_its_calls(void **state)
{
    struct fog_http_fetch f = {.url = "/n/status"};
    struct fog_http_call *call;
    struct got g = {0};
    struct net n;

    (void)state;
    net_up(&n, true);
    UNTIL(&n, n.link != NULL && n.dialled);
    get(&n, &g, "/n/hold");
    UNTIL(&n, n.held != NULL);
    fog_http_server_free(&n.server); /* the peer dies */
    UNTIL(&n, g.ended && n.link_closes == 1);
    assert_int_not_equal(g.err, 0);
    assert_int_equal(n.aborts, 1);
    assert_int_equal(fog_http_link_fetch(n.link, &f, &call_ops, &g, &call), FOG_ECLOSED);
    f.url = "n/status";
    assert_int_equal(fog_http_link_fetch(n.link, &f, &call_ops, &g, &call), FOG_EFORMAT);
    net_down(&n);
}

static void test_a_link_may_be_freed_from_a_callback(void **state)
{
    struct got g = {.drop_link = true}, other = {0};
    struct net n;

    (void)state;
    net_up(&n, false);
    UNTIL(&n, n.link != NULL);
    get(&n, &other, "/n/hold");
    get(&n, &g, "/n/chunk/00");
    UNTIL(&n, n.link == NULL && n.aborts == 1);
    assert_false(g.ended);
    assert_false(other.ended);
    assert_int_equal(n.link_closes, 0);
    net_down(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill_and_serve_directions),
        cmocka_unit_test(test_a_lost_link_ends_its_calls),
        cmocka_unit_test(test_a_link_may_be_freed_from_a_callback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
