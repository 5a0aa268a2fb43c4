/* The client against servers that behave in every way a server may, or should not: each connection
 * gets the next script of raw bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/http/client.h"

/* What a connection does: answers request number i with replies[i]; after the last one it closes,
 * or resets when `reset` is set, or waits for more. */
struct script {
    const char *replies[5]; /* NULL ends it */
    enum { WAIT, CLOSE, RESET } then;
};

struct peer {
    struct net *net;
    struct fog_conn *c;
    const struct script *script;
    size_t at;
    struct fog_buf in;
};

struct net {
    struct fog_loop *loop;
    struct fog_listener *listener;
    struct fog_addr at;
    struct fog_http_client *client;
    const struct script *scripts;
    struct peer peers[8];
    unsigned conns;
    unsigned requests;
};

static size_t on_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    struct peer *p = arg;
    const char *reply;

    fog_buf_append(&p->in, in.p, in.len);
    if (memmem(p->in.data, p->in.len, "\r\n\r\n", 4) == NULL)
        return in.len;
    fog_buf_clear(&p->in);
    p->net->requests++;
    reply = p->script->replies[p->at];
    if (reply != NULL) {
        p->at++;
        fog_conn_write(c, fog_bytes_str(reply));
    }
    if (reply != NULL && p->script->replies[p->at] != NULL)
        return in.len;
    if (p->script->then == CLOSE)
        fog_conn_close(c);
    if (p->script->then == RESET && reply == NULL)
        fog_conn_abort(c);
    return in.len;
}

static void on_close(struct fog_conn *c, int err, void *arg)
{
    (void)c;
    (void)err;
    ((struct peer *)arg)->c = NULL;
}

static void on_accept(struct fog_conn *c, void *arg)
{
    static const struct fog_conn_ops ops = {.on_read = on_read, .on_close = on_close};
    struct net *n = arg;
    struct peer *p = &n->peers[n->conns];

    assert_true(n->conns < FOG_COUNT(n->peers));
    *p = (struct peer){.net = n, .c = c, .script = &n->scripts[n->conns++]};
    fog_conn_adopt(c, &ops, p);
}

static void net_up(struct net *n, const struct script *scripts)
{
    struct fog_http_client_conf conf = {.policy.allow_any = true, .per_host = 1};
    struct fog_addr any;

    *n = (struct net){.loop = fog_loop_new(), .scripts = scripts};
    assert_int_equal(fog_addr_parse("127.0.0.1:0", &any), 0);
    assert_int_equal(fog_listener_new(n->loop, &any, NULL, on_accept, n, &n->listener), 0);
    fog_listener_addr(n->listener, &n->at);
    n->client = fog_http_client_new(n->loop, &conf);
}

static void net_down(struct net *n)
{
    fog_http_client_free(&n->client);
    fog_listener_free(&n->listener);
    fog_loop_free(&n->loop);
    for (size_t i = 0; i < FOG_COUNT(n->peers); i++)
        fog_buf_fini(&n->peers[i].in);
}

#define UNTIL(n, cond)                                                                             \
    for (int turns_ = 0; !(cond); turns_++) {                                                      \
        assert_true(turns_ < 100000);                                                              \
        fog_loop_turn((n)->loop, true);                                                            \
    }

struct got {
    bool ended;
    int err;
    int status;
    char body[64];
};

static void on_done(int err, int status, const struct fog_http_header *headers, size_t n,
                    struct fog_bytes body, void *arg)
{
    struct got *g = arg;

    (void)headers;
    (void)n;
    assert_false(g->ended);
    g->ended = true;
    g->err = err;
    g->status = status;
    (void)snprintf(g->body, sizeof g->body, "%.*s", (int)body.len, (const char *)body.p);
}

static struct got ask(struct net *n, const char *method)
{
    struct got g = {0};
    char url[64];
    struct fog_http_fetch f = {.method = method, .url = url};
    struct fog_http_call *call;

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)fog_addr_port(&n->at));
    assert_int_equal(fog_http_fetch_all(n->client, &f, 1 << 20, on_done, &g, &call), 0);
    UNTIL(n, g.ended);
    return g;
}

#define OK5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void test_forms_of_a_body(void **state)
{
    static const struct script s[] = {
        {{OK5,
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK5,
          "HTTP/1.1 200 OK\r\n\r\nhello"},
         CLOSE}};
    struct net n;

    (void)state;
    net_up(&n, s);
    for (int i = 0; i < 4; i++) {
        struct got g = ask(&n, "GET");

        assert_int_equal(g.err, 0);
        assert_int_equal(g.status, 200);
        assert_string_equal(g.body, "hello");
    }
    assert_int_equal(n.conns, 1);
    net_down(&n);
}

static void test_what_is_cut_is_an_error(void **state)
{
    static const struct script s[] = {
        {{"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello"}, CLOSE},
        {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}, CLOSE},
        {{"HTTP/1.1 200 OK\r\nContent-Le"}, CLOSE},
        {{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"}, WAIT},
        {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello"}, WAIT},
        {{"SSH-2.0-OpenSSH_9.2\r\n\r\n"}, WAIT},
        {{"HTTP/1.1 101 Switching Protocols\r\n\r\n"}, WAIT},
    };
    static const int err[] = {FOG_ETRUNC, FOG_ETRUNC, FOG_ECLOSED, FOG_EPROTO,
                              FOG_EPROTO, FOG_EPROTO, FOG_EPROTO};
    struct net n;

    (void)state;
    net_up(&n, s);
    for (size_t i = 0; i < FOG_COUNT(s); i++)
        assert_int_equal(ask(&n, "GET").err, err[i]);
    net_down(&n);
}

static void test_a_stale_connection_is_tried_again_once(void **state)
{
    static const struct script s[] = {
        {{OK5}, RESET}, /* dies when the second request comes */
        {{OK5}, RESET},
        {{OK5}, WAIT},
    };
    struct net n;

    (void)state;
    net_up(&n, s);
    assert_int_equal(ask(&n, "GET").err, 0);
    assert_int_equal(ask(&n, "GET").err, 0); /* repeated on the second connection */
    assert_int_equal(n.requests, 3);
    assert_int_not_equal(ask(&n, "POST").err, 0); /* might have been executed: not repeated */
    assert_int_equal(n.conns, 2);
    assert_int_equal(ask(&n, "GET").err, 0);
    net_down(&n);
}

static void test_unasked_bytes_poison_the_connection(void **state)
{
    static const struct script s[] = {
        {{OK5 "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"}, WAIT}, {{OK5}, WAIT}};
    struct net n;

    (void)state;
    net_up(&n, s);
    assert_string_equal(ask(&n, "GET").body, "hello");
    assert_string_equal(ask(&n, "GET").body, "hello");
    assert_int_equal(n.conns, 2);
    net_down(&n);
}

static void test_large_heads_hit_a_limit(void **state)
{
    static char head[60000] = "HTTP/1.1 200 OK\r\nX: ";
    static const struct script s[] = {{{head}, WAIT}};
    struct net n;

    (void)state;
    memset(head + 20, 'a', sizeof head - 21);
    net_up(&n, s);
    assert_int_equal(ask(&n, "GET").err, FOG_ELIMIT);
    net_down(&n);
}

static void test_nobody_listens(void **state)
{
    struct net n;

    (void)state;
    net_up(&n, NULL);
    fog_listener_free(&n.listener);
    assert_int_equal(ask(&n, "GET").err, -ECONNREFUSED);
    net_down(&n);
}

static void test_names_that_do_not_exist(void **state)
{
    struct got g = {0};
    struct fog_http_fetch f = {.url = "http://no-such-name.invalid/"};
    struct fog_http_call *call;
    struct net n;

    (void)state;
    net_up(&n, NULL);
    assert_int_equal(fog_http_fetch_all(n.client, &f, 100, on_done, &g, &call), 0);
    assert_null(fog_http_call_peer(call));
    fog_http_client_free(&n.client); /* while a thread asks the system: nobody is called back */
    for (int i = 0; i < 10; i++)
        fog_loop_turn(n.loop, false);
    assert_false(g.ended);
    net_down(&n);
}

static void test_the_admin_socket(void **state)
{
    static const struct script s[] = {{{OK5}, WAIT}};
    struct fog_http_client_conf conf = {0};
    char path[64];
    struct net n;
    int fd;

    (void)state;
    net_up(&n, s);
    fog_listener_free(&n.listener);
    fog_http_client_free(&n.client);
    (void)snprintf(path, sizeof path, "/tmp/fog-http-client-%ld.sock", (long)getpid());
    conf.unix_path = path;
    assert_int_equal(fog_listen_unix(path, &fd), 0);
    assert_int_equal(fog_listener_from_fd(n.loop, fd, NULL, on_accept, &n, &n.listener), 0);
    n.client = fog_http_client_new(n.loop, &conf);
    assert_string_equal(ask(&n, "GET").body, "hello");
    assert_int_equal(unlink(path), 0);
    net_down(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_of_a_body),
        cmocka_unit_test(test_what_is_cut_is_an_error),
        cmocka_unit_test(test_a_stale_connection_is_tried_again_once),
        cmocka_unit_test(test_unasked_bytes_poison_the_connection),
        cmocka_unit_test(test_large_heads_hit_a_limit),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_names_that_do_not_exist),
        cmocka_unit_test(test_the_admin_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
