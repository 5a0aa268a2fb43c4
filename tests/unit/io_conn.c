#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/io/conn.h"
#include "core/io/tls_ticket.h"
#include "tests/lib/testca.h"

/* One end of a connection as the test sees it. */
struct end {
    struct fog_conn *c;
    struct fog_buf in;
    uint64_t in_bytes;
    size_t take; /* SIZE_MAX: everything */
    bool count_only;
    bool open;
    bool closed;
    int err;
    unsigned drains;
    struct net *net;
};

struct net {
    struct fog_loop *loop;
    struct testca *ca;
    struct fog_tls_cert *cert;
    struct fog_tls_server *tls;
    struct fog_listener *listener;
    struct fog_addr at;
    struct end a; /* dials */
    struct end b; /* accepted */
    bool accepted;
    const char *picked;
};

static void on_open(struct fog_conn *c, void *arg)
{
    struct end *e = arg;

    assert_ptr_equal(c, e->c);
    e->open = true;
}

static size_t on_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    struct end *e = arg;
    size_t n = in.len < e->take ? in.len : e->take;

    (void)c;
    e->in_bytes += n;
    if (!e->count_only)
        fog_buf_append(&e->in, in.p, n);
    return n;
}

static void on_drain(struct fog_conn *c, void *arg)
{
    (void)c;
    ((struct end *)arg)->drains++;
}

static void on_close(struct fog_conn *c, int err, void *arg)
{
    struct end *e = arg;

    assert_ptr_equal(c, e->c);
    assert_false(e->closed);
    e->closed = true;
    e->err = err;
    e->c = NULL;
}

static const struct fog_conn_ops ops = {
    .on_open = on_open, .on_read = on_read, .on_drain = on_drain, .on_close = on_close};

static void on_accept(struct fog_conn *c, void *arg)
{
    struct net *n = arg;

    n->b.c = c;
    n->accepted = true;
    fog_conn_adopt(c, &ops, &n->b);
}

static struct fog_tls_cert *pick(void *arg, const char *sni)
{
    struct net *n = arg;

    n->picked = sni == NULL ? "(none)" : "some";
    if (sni != NULL && strcmp(sni, "a.test") == 0)
        return fog_tls_cert_ref(n->cert);
    return NULL;
}

static void seed_of(uint8_t seed[32], uint8_t v)
{
    memset(seed, v, 32);
}

static void net_up(struct net *n, bool with_tls)
{
    static const char *const alpn[] = {"h2", "http/1.1", NULL};
    static const char *const node_alpn[] = {"fog-fill/1", NULL};
    struct fog_tls_cert *node = NULL;
    struct fog_addr any;
    uint8_t seed[32];

    *n = (struct net){.loop = fog_loop_new()};
    n->a.take = n->b.take = SIZE_MAX;
    assert_int_equal(fog_addr_parse("127.0.0.1:0", &any), 0);
    if (with_tls) {
        struct fog_tls_server_conf conf = {
            .pick = pick, .arg = n, .alpn = alpn, .node_alpn = node_alpn};

        n->ca = testca_new();
        n->cert = testca_issue(n->ca, "a.test");
        seed_of(seed, 2);
        assert_int_equal(fog_tls_cert_node(seed, &node), 0);
        conf.node = node;
        assert_int_equal(fog_tls_server_new(&conf, &n->tls), 0);
        fog_tls_cert_unref(&node);
    }
    assert_int_equal(fog_listener_new(n->loop, &any, n->tls, on_accept, n, &n->listener), 0);
    fog_listener_addr(n->listener, &n->at);
}

static void net_down(struct net *n)
{
    fog_listener_free(&n->listener);
    fog_tls_server_free(&n->tls);
    fog_tls_cert_unref(&n->cert);
    testca_free(&n->ca);
    fog_loop_free(&n->loop); /* also ends what the test left open */
    fog_buf_fini(&n->a.in);
    fog_buf_fini(&n->b.in);
}

#define UNTIL(n, cond)                                                                             \
    for (int turns_ = 0; !(cond); turns_++) {                                                      \
        assert_true(turns_ < 100000);                                                              \
        fog_loop_turn((n)->loop, true);                                                            \
    }

static void dial(struct net *n, struct fog_tls_client *tls, const char *host)
{
    assert_int_equal(fog_conn_dial(n->loop, &n->at, tls, host, 2000, &ops, &n->a, &n->a.c), 0);
}

static struct fog_tls_client *client_with(struct net *n, const struct fog_tls_cert *node,
                                          const char *protocol)
{
    const char *const alpn[] = {protocol, NULL};
    struct fog_tls_client_conf conf = {.ca_file = testca_file(n->ca),
                                       .node = (struct fog_tls_cert *)(uintptr_t)node,
                                       .alpn = alpn};
    struct fog_tls_client *c;

    assert_int_equal(fog_tls_client_new(&conf, &c), 0);
    return c;
}

static struct fog_tls_client *client(struct net *n, const struct fog_tls_cert *node)
{
    return client_with(n, node, node == NULL ? "h2" : "fog-fill/1");
}

static void say(struct end *e, const char *text)
{
    fog_conn_write(e->c, fog_bytes_str(text));
}

static void test_plain_bytes_both_ways_and_clean_close(void **state)
{
    struct net n;

    (void)state;
    net_up(&n, false);
    dial(&n, NULL, NULL);
    UNTIL(&n, n.a.open && n.accepted);
    say(&n.a, "ping");
    say(&n.b, "po");
    say(&n.b, "ng");
    UNTIL(&n, n.b.in.len == 4 && n.a.in.len == 4);
    assert_string_equal(fog_buf_cstr(&n.a.in), "pong");
    assert_string_equal(fog_conn_alpn(n.a.c), "");
    say(&n.b, "bye");
    fog_conn_close(n.b.c);
    say(&n.b, "never");
    UNTIL(&n, n.a.closed && n.b.closed);
    assert_string_equal(fog_buf_cstr(&n.a.in), "pongbye");
    assert_int_equal(n.a.err, 0);
    assert_int_equal(n.b.err, 0);
    net_down(&n);
}

static void test_tls_names_protocol_and_exporter(void **state)
{
    struct net n;
    struct fog_tls_client *c;
    uint8_t x[32], y[32], key[32];

    (void)state;
    net_up(&n, true);
    c = client(&n, NULL);
    dial(&n, c, "a.test");
    UNTIL(&n, n.a.open && n.accepted);
    assert_string_equal(fog_conn_alpn(n.b.c), "h2");
    assert_string_equal(fog_conn_sni(n.b.c), "a.test");
    assert_false(fog_conn_peer_key(n.b.c, key));
    assert_int_equal(fog_conn_export(n.a.c, "EXPORTER-fog", x, sizeof x), 0);
    assert_int_equal(fog_conn_export(n.b.c, "EXPORTER-fog", y, sizeof y), 0);
    assert_memory_equal(x, y, sizeof x);
    say(&n.a, "hello");
    UNTIL(&n, n.b.in.len == 5);
    fog_conn_close(n.a.c);
    UNTIL(&n, n.a.closed && n.b.closed);
    assert_int_equal(n.b.err, 0);
    fog_tls_client_free(&c);
    net_down(&n);
}

static void test_tls_refuses_unknown_and_wrong_names(void **state)
{
    struct net n;
    struct fog_tls_client *c;
    struct testca *other;

    (void)state;
    net_up(&n, true);
    c = client(&n, NULL);
    dial(&n, c, "b.test"); /* the server has no such name */
    UNTIL(&n, n.a.closed);
    assert_int_equal(n.a.err, FOG_ETLS);
    assert_false(n.accepted);
    fog_tls_cert_unref(&n.cert);
    n.cert = testca_issue(n.ca, "c.test"); /* the server presents another name */
    n.a = (struct end){.take = SIZE_MAX};
    dial(&n, c, "a.test");
    UNTIL(&n, n.a.closed);
    assert_int_equal(n.a.err, FOG_ETLS);
    other = testca_new(); /* the right name of somebody else's authority */
    fog_tls_cert_unref(&n.cert);
    n.cert = testca_issue(other, "a.test");
    n.a = (struct end){.take = SIZE_MAX};
    dial(&n, c, "a.test");
    UNTIL(&n, n.a.closed);
    assert_int_equal(n.a.err, FOG_ETLS);
    testca_free(&other);
    fog_tls_client_free(&c);
    net_down(&n);
}

static void test_node_connections_show_both_keys(void **state)
{
    struct net n;
    struct fog_tls_cert *mine;
    struct fog_tls_client *c;
    uint8_t seed[32], key_a[32], key_b[32];

    (void)state;
    net_up(&n, true);
    seed_of(seed, 1);
    assert_int_equal(fog_tls_cert_node(seed, &mine), 0);
    c = client(&n, mine);
    dial(&n, c, NULL);
    UNTIL(&n, n.a.open && n.accepted);
    assert_string_equal(fog_conn_sni(n.b.c), FOG_NODE_SNI);
    assert_string_equal(fog_conn_alpn(n.b.c), "fog-fill/1");
    assert_true(fog_conn_peer_key(n.a.c, key_b));
    assert_true(fog_conn_peer_key(n.b.c, key_a));
    /* RFC 8032 key pair of seed 01..01 */
    assert_int_equal(key_a[0], 0x8a);
    assert_int_equal(key_a[1], 0x88);
    assert_memory_not_equal(key_a, key_b, 32);
    fog_tls_cert_unref(&mine);
    fog_tls_client_free(&c);
    net_down(&n);
}

static void test_a_public_client_is_no_node(void **state)
{
    static const char *const protocols[] = {"h2", "fog-fill/1"};
    struct net n;

    (void)state;
    net_up(&n, true);
    for (size_t i = 0; i < FOG_COUNT(protocols); i++) {
        struct fog_tls_client *c = client_with(&n, NULL, protocols[i]);

        n.a = (struct end){.take = SIZE_MAX};
        dial(&n, c, FOG_NODE_SNI); /* without a certificate of its own */
        UNTIL(&n, n.a.closed);
        assert_int_not_equal(n.a.err, 0);
        assert_false(n.accepted);
        fog_tls_client_free(&c);
    }
    net_down(&n);
}

static void pump_mebibytes(bool with_tls)
{
    enum { PIECE = 40000, TOTAL = 16 << 20 };
    static uint8_t piece[PIECE];
    struct net n;
    struct fog_tls_client *c = NULL;
    size_t written = 0, most = 0;
    unsigned paused_turns = 0;

    net_up(&n, with_tls);
    if (with_tls)
        c = client(&n, NULL);
    dial(&n, c, with_tls ? "a.test" : NULL);
    UNTIL(&n, n.a.open && n.accepted);
    n.b.count_only = true;
    n.b.take = 10000; /* takes less than is offered, so leftovers are exercised */
    fog_conn_pause_read(n.b.c, true);
    while (n.b.in_bytes < TOTAL) {
        while (written < TOTAL && fog_conn_queued(n.a.c) < FOG_CONN_HIGH) {
            size_t m = TOTAL - written < PIECE ? TOTAL - written : PIECE;

            fog_conn_write(n.a.c, fog_bytes_of(piece, m));
            written += m;
        }
        if (fog_conn_queued(n.a.c) > most)
            most = fog_conn_queued(n.a.c);
        if (n.b.in_bytes == 0 && paused_turns++ == 50)
            fog_conn_pause_read(n.b.c, false);
        if (n.b.in_bytes > 0)
            n.b.take = SIZE_MAX;
        fog_loop_turn(n.loop, false);
        assert_false(n.a.closed);
        assert_false(n.b.closed);
    }
    assert_int_equal(written, TOTAL);
    assert_true(most <= FOG_CONN_HIGH + PIECE + 1024);
    assert_true(n.a.drains > 0);
    assert_true(fog_conn_sent(n.a.c) >= TOTAL);
    fog_tls_client_free(&c);
    net_down(&n);
}

static void test_bulk_with_pause_keeps_the_queue_bounded(void **state)
{
    (void)state;
    pump_mebibytes(false);
    pump_mebibytes(true);
}

static void test_paused_reader_gets_the_rest_later(void **state)
{
    struct net n;
    struct fog_tls_client *c;

    (void)state;
    net_up(&n, true);
    c = client(&n, NULL);
    dial(&n, c, "a.test");
    UNTIL(&n, n.a.open && n.accepted);
    n.b.take = 3;
    say(&n.a, "abcdef");
    UNTIL(&n, n.b.in.len == 3);
    fog_conn_pause_read(n.b.c, true);
    fog_conn_pause_read(n.b.c, false); /* offers what is left */
    UNTIL(&n, n.b.in.len == 6);
    assert_string_equal(fog_buf_cstr(&n.b.in), "abcdef");
    fog_tls_client_free(&c);
    net_down(&n);
}

static void test_reader_that_takes_nothing_is_cut(void **state)
{
    static uint8_t lots[100000];
    struct net n;

    (void)state;
    net_up(&n, false);
    dial(&n, NULL, NULL);
    UNTIL(&n, n.a.open && n.accepted);
    n.b.take = 0;
    fog_conn_write(n.a.c, fog_bytes_of(lots, sizeof lots));
    UNTIL(&n, n.b.closed && n.a.closed);
    assert_int_equal(n.b.err, FOG_ELIMIT);
    net_down(&n);
}

static void test_abort_is_a_reset_for_the_peer(void **state)
{
    struct net n;
    struct fog_tls_client *c;

    (void)state;
    net_up(&n, true);
    c = client(&n, NULL);
    dial(&n, c, "a.test");
    UNTIL(&n, n.a.open && n.accepted);
    say(&n.b, "half of it");
    fog_loop_turn(n.loop, false);
    fog_conn_abort(n.b.c);
    assert_false(n.b.closed); /* not from inside */
    UNTIL(&n, n.a.closed && n.b.closed);
    assert_int_equal(n.b.err, FOG_ECANCELED);
    assert_int_equal(n.a.err, -ECONNRESET);
    fog_tls_client_free(&c);
    net_down(&n);
}

static void test_cut_tls_stream_is_not_a_clean_end(void **state)
{
    struct net n;
    struct fog_addr me;
    char junk[64];
    int fd;

    (void)state;
    net_up(&n, true);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fog_listener_addr(n.listener, &me);
    assert_int_equal(connect(fd, &me.u.sa, fog_addr_len(&me)), 0);
    assert_int_equal(write(fd, "GET / HTTP/1.1\r\n\r\n", 18), 18); /* not TLS at all */
    while (recv(fd, junk, sizeof junk, MSG_DONTWAIT) < 0 && errno == EAGAIN)
        fog_loop_turn(n.loop, false);
    assert_false(n.accepted);
    (void)close(fd);
    net_down(&n);
}

static void test_dial_failures_come_by_on_close(void **state)
{
    struct net n;

    (void)state;
    net_up(&n, false);
    fog_listener_free(&n.listener);
    dial(&n, NULL, NULL);
    assert_false(n.a.closed);
    UNTIL(&n, n.a.closed);
    assert_int_equal(n.a.err, -ECONNREFUSED);
    assert_false(n.a.open);
    net_down(&n);
}

static void test_handshake_times_out(void **state)
{
    struct net n;
    struct fog_tls_client *c;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof n.at;

    (void)state;
    net_up(&n, true);
    c = client(&n, NULL);
    assert_int_equal(listen(fd, 1), 0); /* connects, never answers */
    assert_int_equal(getsockname(fd, &n.at.u.sa, &len), 0);
    n.at.u.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(fog_conn_dial(n.loop, &n.at, c, "a.test", 20, &ops, &n.a, &n.a.c), 0);
    UNTIL(&n, n.a.closed);
    assert_int_equal(n.a.err, -ETIMEDOUT);
    (void)close(fd);
    fog_tls_client_free(&c);
    net_down(&n);
}

static void test_unix_sockets_and_pairs(void **state)
{
    struct net n;
    char path[64];
    int fd;

    (void)state;
    net_up(&n, false);
    fog_listener_free(&n.listener);
    (void)snprintf(path, sizeof path, "/tmp/fog-io-conn-%ld.sock", (long)getpid());
    assert_int_equal(fog_listen_unix(path, &fd), 0);
    assert_int_equal(fog_listener_from_fd(n.loop, fd, NULL, on_accept, &n, &n.listener), 0);
    assert_int_equal(fog_conn_dial_unix(n.loop, path, &ops, &n.a, &n.a.c), 0);
    UNTIL(&n, n.a.open && n.accepted);
    say(&n.a, "hi");
    UNTIL(&n, n.b.in.len == 2);
    assert_int_equal(unlink(path), 0);
    net_down(&n);
}

static void test_ticket_keys_rotate_and_expire(void **state)
{
    struct tls_ticket_ring ring = {0};
    struct fog_rng_seeded st;
    struct fog_rng rng = fog_rng_seed(&st, 7);
    uint8_t first[16];
    bool renew = true;
    fog_time_ms t = 1000;

    (void)state;
    memcpy(first, tls_ticket_seal_key(&ring, t, &rng)->name, sizeof first);
    assert_memory_equal(tls_ticket_seal_key(&ring, t + 1, &rng)->name, first, 16);
    assert_non_null(tls_ticket_open_key(&ring, first, t + 1, &renew));
    assert_false(renew);
    t += TLS_TICKET_LIFE_MS;
    assert_memory_not_equal(tls_ticket_seal_key(&ring, t, &rng)->name, first, 16);
    assert_non_null(tls_ticket_open_key(&ring, first, t, &renew));
    assert_true(renew);
    assert_null(tls_ticket_open_key(&ring, first, t + 2 * TLS_TICKET_LIFE_MS, &renew));
    memset(first, 0, sizeof first);
    assert_null(tls_ticket_open_key(&ring, first, t, &renew));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_bytes_both_ways_and_clean_close),
        cmocka_unit_test(test_tls_names_protocol_and_exporter),
        cmocka_unit_test(test_tls_refuses_unknown_and_wrong_names),
        cmocka_unit_test(test_node_connections_show_both_keys),
        cmocka_unit_test(test_a_public_client_is_no_node),
        cmocka_unit_test(test_bulk_with_pause_keeps_the_queue_bounded),
        cmocka_unit_test(test_paused_reader_gets_the_rest_later),
        cmocka_unit_test(test_reader_that_takes_nothing_is_cut),
        cmocka_unit_test(test_abort_is_a_reset_for_the_peer),
        cmocka_unit_test(test_cut_tls_stream_is_not_a_clean_end),
        cmocka_unit_test(test_dial_failures_come_by_on_close),
        cmocka_unit_test(test_handshake_times_out),
        cmocka_unit_test(test_unix_sockets_and_pairs),
        cmocka_unit_test(test_ticket_keys_rotate_and_expire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
