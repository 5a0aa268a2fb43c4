/* The server against bytes that no client library would send: HTTP/1.1 over a socket pair. */
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

#include <nghttp2/nghttp2.h>

#include "core/base/buf.h"
#include "core/http/server.h"

struct raw {
    struct fog_loop *loop;
    struct fog_http_server *server;
    int fd; /* our end */
    struct fog_buf in;
    bool eof;
    int err; /* errno of our end */
    unsigned requests;
    unsigned aborts;
    unsigned body_ends;
    int body_err;
    uint64_t body_bytes;
    struct fog_http_req *held;
};

static void on_body(struct fog_http_req *r, int err, struct fog_bytes body, void *arg)
{
    struct raw *w = arg;

    w->body_ends++;
    w->body_err = err;
    w->body_bytes += body.len;
    if (err == 0)
        fog_http_respond_bytes(r, 200, NULL, 0, body);
}

static void on_abort(void *arg)
{
    ((struct raw *)arg)->aborts++;
}

static void on_request(struct fog_http_req *r, void *arg)
{
    struct raw *w = arg;
    struct fog_bytes path = fog_http_req_path(r);

    w->requests++;
    if (fog_bytes_eq(path, fog_bytes_str("/body"))) {
        fog_http_req_collect(r, 4000, on_body, w);
    } else if (fog_bytes_eq(path, fog_bytes_str("/hold"))) {
        w->held = r;
        fog_http_req_on_abort(r, on_abort, w);
    } else {
        struct fog_http_header h[] = {
            {.name = fog_bytes_str("x-split"), .value = fog_bytes_str("a\r\nset-cookie: b")},
            {.name = fog_bytes_str("x-path"), .value = path},
            {.name = fog_bytes_str("x-host"), .value = fog_http_req_authority(r)}};

        fog_http_respond_bytes(r, 200, h, 3, fog_bytes_str("ok"));
    }
}

static void raw_up(struct raw *w, const struct fog_http_limits *limits)
{
    struct fog_http_server_conf conf = {.on_request = on_request, .arg = w};
    int fds[2];

    *w = (struct raw){.loop = fog_loop_new()};
    if (limits != NULL)
        conf.limits = *limits;
    w->server = fog_http_server_new(w->loop, &conf);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    w->fd = fds[0];
    fog_http_server_adopt(w->server, fog_conn_from_fd(w->loop, fds[1], NULL, NULL));
}

static void raw_down(struct raw *w)
{
    fog_http_server_free(&w->server);
    fog_loop_free(&w->loop);
    (void)close(w->fd);
    fog_buf_fini(&w->in);
}

/* Sends and lets the server work until it is quiet. */
static void feed(struct raw *w, const void *p, size_t len)
{
    const uint8_t *from = p;
    int quiet = 0;

    while (quiet < 4) {
        uint8_t *to = fog_buf_reserve(&w->in, 65536);
        ssize_t n;

        if (len > 0 && (n = send(w->fd, from, len, MSG_NOSIGNAL)) > 0) {
            from += n;
            len -= (size_t)n;
        }
        fog_loop_turn(w->loop, false);
        n = recv(w->fd, to, 65536, 0);
        if (n > 0)
            fog_buf_added(&w->in, (size_t)n);
        else if (n == 0)
            w->eof = true;
        else if (errno != EAGAIN)
            w->err = errno;
        quiet = n > 0 ? 0 : quiet + 1;
    }
}

static void say(struct raw *w, const char *text)
{
    feed(w, text, strlen(text));
}

static unsigned count(struct raw *w, const char *text)
{
    unsigned n = 0;

    for (const char *p = fog_buf_cstr(&w->in); (p = strstr(p, text)) != NULL; p++)
        n++;
    return n;
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    struct raw w;

    (void)state;
    raw_up(&w, NULL);
    say(&w, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
            "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\n"
            "Host: a\r\n\r\n");
    assert_int_equal(w.requests, 4);
    assert_int_equal(count(&w, "HTTP/1.1 200 OK\r\n"), 4);
    assert_true(strstr(fog_buf_cstr(&w.in), "x-path: /1") < strstr(fog_buf_cstr(&w.in), "/2"));
    assert_int_equal(count(&w, "set-cookie"), 0); /* a field that would split is dropped */
    assert_int_equal(count(&w, "\r\n\r\nabc"), 1);
    assert_false(w.eof);
    raw_down(&w);
}

static void test_bytes_may_come_one_by_one(void **state)
{
    const char *text = "\r\nPUT /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "4\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\n";
    struct raw w;

    (void)state;
    raw_up(&w, NULL);
    for (size_t i = 0; i < strlen(text); i++)
        feed(&w, text + i, 1);
    assert_int_equal(count(&w, "\r\n\r\nwikipedia"), 1);
    raw_down(&w);
}

static void test_refused_requests_close_the_connection(void **state)
{
    static const struct {
        const char *text;
        const char *status;
    } bad[] = {
        {"GET / HTTP/1.1\r\n\r\n", "400"}, /* no Host */
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "400"},
        {"GET x HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
        {"GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0",
         "400"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
        {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "501"},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "501"},
    };

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(bad); i++) {
        struct raw w;
        char want[64];

        raw_up(&w, NULL);
        say(&w, bad[i].text);
        (void)snprintf(want, sizeof want, "HTTP/1.1 %s ", bad[i].status);
        assert_int_equal(count(&w, want), 1);
        assert_int_equal(count(&w, "connection: close\r\n"), 1);
        assert_true(w.eof);
        assert_int_equal(w.requests, 0);
        raw_down(&w);
    }
}

static void test_bad_chunks_cut_the_connection(void **state)
{
    struct raw w;

    (void)state;
    raw_up(&w, NULL);
    say(&w, "PUT /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwikiX");
    assert_int_equal(w.requests, 1);
    assert_int_equal(w.body_ends, 1);
    assert_int_not_equal(w.body_err, 0);
    assert_int_equal(count(&w, "200"), 0);
    assert_true(w.eof || w.err != 0);
    raw_down(&w);
}

static void test_expect_continue(void **state)
{
    struct raw w;

    (void)state;
    raw_up(&w, NULL);
    say(&w, "PUT /body HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_string_equal(fog_buf_cstr(&w.in), "HTTP/1.1 100 Continue\r\n\r\n");
    say(&w, "wiki");
    assert_int_equal(count(&w, "\r\n\r\nwiki"), 1);
    assert_false(w.eof);
    /* The handler does not want the body: no 100, and the connection cannot go on. */
    say(&w, "PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_int_equal(count(&w, "100 Continue"), 1);
    assert_int_equal(count(&w, "connection: close"), 1);
    assert_true(w.eof);
    raw_down(&w);
}

static void test_unread_bodies_are_read_over(void **state)
{
    struct raw w;

    (void)state;
    raw_up(&w, NULL);
    say(&w, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /y HTTP/1.1\r\n"
            "Host: a\r\n\r\n");
    assert_int_equal(count(&w, "200 OK"), 2);
    /* 413, told once, and the rest of the body is not taken for a request. */
    say(&w, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
    assert_int_equal(count(&w, "413 Content Too Large"), 1);
    assert_int_equal(w.body_err, FOG_ELIMIT);
    for (int i = 0; i < 500; i++)
        say(&w, "GET / H1.1");
    assert_int_equal(w.requests, 3);
    say(&w, "GET /z HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(w.requests, 4);
    raw_down(&w);
}

static void test_connection_close_and_http10(void **state)
{
    struct raw w;

    (void)state;
    raw_up(&w, NULL); /* ffmpeg's default: chunked PUT with Connection: close */
    say(&w, "PUT /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
            "Host: a\r\nIcy-MetaData: 1\r\n\r\n3\r\nabc\r\n");
    assert_false(w.eof);
    say(&w, "0\r\n\r\n");
    assert_int_equal(count(&w, "connection: close\r\n"), 1);
    assert_int_equal(count(&w, "\r\n\r\nabc"), 1);
    assert_true(w.eof);
    raw_down(&w);
    raw_up(&w, NULL);
    say(&w, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(count(&w, "connection: keep-alive\r\n"), 1);
    say(&w, "GET http://Ex.test:80/abs HTTP/1.0\r\n\r\n");
    assert_int_equal(count(&w, "x-host: ex.test:80\r\n"), 1);
    assert_int_equal(count(&w, "x-path: /abs\r\n"), 1);
    assert_true(w.eof);
    raw_down(&w);
}

static void test_header_limits(void **state)
{
    struct raw w;

    (void)state;
    raw_up(&w, &(struct fog_http_limits){.header_bytes = 2000});
    say(&w, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 100 && !w.eof; i++)
        say(&w, "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
    assert_int_equal(count(&w, "HTTP/1.1 431 "), 1);
    assert_true(w.eof);
    assert_int_equal(w.requests, 0);
    raw_down(&w);
}

#define UNTIL(w, cond)                                                                             \
    for (int turns_ = 0; !(cond); turns_++) {                                                      \
        assert_true(turns_ < 10000);                                                               \
        fog_loop_turn((w)->loop, true);                                                            \
    }

static void test_slow_heads_and_bodies_time_out(void **state)
{
    struct raw w;

    (void)state;
    raw_up(&w, &(struct fog_http_limits){.header_ms = 20});
    say(&w, "GET / HTTP/1.1\r\nHo");
    UNTIL(&w, fog_http_server_open(w.server) == 0);
    assert_int_equal(w.requests, 0);
    raw_down(&w);
    raw_up(&w, &(struct fog_http_limits){.body_ms = 20});
    say(&w, "PUT /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    UNTIL(&w, fog_http_server_open(w.server) == 0);
    say(&w, "");
    assert_int_equal(count(&w, "HTTP/1.1 408 "), 1);
    assert_int_equal(w.body_ends, 1);
    assert_int_not_equal(w.body_err, 0);
    raw_down(&w);
}

static void test_a_full_server_drops_the_idle_one(void **state)
{
    struct raw w;
    int fds[2];

    (void)state;
    raw_up(&w, &(struct fog_http_limits){.connections = 1});
    say(&w, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    fog_http_server_adopt(w.server, fog_conn_from_fd(w.loop, fds[1], NULL, NULL));
    say(&w, "");
    assert_true(w.eof); /* the idle one gave way */
    assert_int_equal(fog_http_server_open(w.server), 1);
    (void)close(w.fd);
    w.fd = fds[0];
    w.eof = false;
    say(&w, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    fog_http_server_adopt(w.server, fog_conn_from_fd(w.loop, fds[1], NULL, NULL));
    say(&w, "");
    assert_false(w.eof); /* busy: the new one is refused */
    assert_int_equal(fog_http_server_open(w.server), 1);
    (void)close(fds[0]);
    (void)close(w.fd);
    UNTIL(&w, w.aborts == 1);
    w.fd = -1;
    raw_down(&w);
}

/* --- HTTP/2 floods, framed by hand --- */

static void frame(struct fog_buf *b, uint8_t type, uint8_t flags, uint32_t stream,
                  const void *payload, size_t len)
{
    uint8_t h[9] = {(uint8_t)(len >> 16),
                    (uint8_t)(len >> 8),
                    (uint8_t)len,
                    type,
                    flags,
                    (uint8_t)(stream >> 24),
                    (uint8_t)(stream >> 16),
                    (uint8_t)(stream >> 8),
                    (uint8_t)stream};

    fog_buf_append(b, h, sizeof h);
    fog_buf_append(b, payload, len);
}

static void preface(struct fog_buf *b)
{
    fog_buf_append_str(b, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frame(b, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
}

/* GET /hold: static table indices for method and scheme, literals for path and authority. */
static const uint8_t get_hold[] = {0x82, 0x86, 0x04, 5, '/', 'h', 'o', 'l', 'd', 0x01, 1, 'a'};

static void test_h2_on_plain_connections(void **state)
{
    struct fog_buf b = {0};
    struct raw w;

    (void)state;
    raw_up(&w, NULL);
    preface(&b);
    for (size_t i = 0; i < b.len; i++) /* the preface may come in pieces */
        feed(&w, b.data + i, 1);
    fog_buf_clear(&b);
    frame(&b, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, get_hold,
          sizeof get_hold);
    feed(&w, b.data, b.len);
    assert_int_equal(w.requests, 1);
    assert_true(fog_http_req_is_h2(w.held));
    fog_http_respond_bytes(w.held, 200, NULL, 0, fog_bytes_str("held no more"));
    say(&w, "");
    assert_non_null(memmem(w.in.data, w.in.len, "held no more", 12));
    fog_buf_fini(&b);
    raw_down(&w);
}

static void test_h2_rapid_reset_is_stopped(void **state)
{
    static const uint8_t cancel[4] = {0, 0, 0, NGHTTP2_CANCEL};
    struct fog_buf b = {0};
    struct raw w;

    (void)state;
    raw_up(&w, NULL);
    preface(&b);
    for (uint32_t i = 0; i < 2000; i++) {
        frame(&b, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 2 * i + 1,
              get_hold, sizeof get_hold);
        frame(&b, NGHTTP2_RST_STREAM, 0, 2 * i + 1, cancel, sizeof cancel);
    }
    feed(&w, b.data, b.len);
    assert_true(w.requests < 400);
    assert_int_equal(w.requests, w.aborts);
    assert_true(w.eof || w.err != 0);
    fog_buf_fini(&b);
    raw_down(&w);
}

static void test_h2_floods_of_control_frames_are_stopped(void **state)
{
    static const uint8_t zero[8];
    struct fog_buf b = {0};
    struct raw w;

    (void)state;
    /* Empty CONTINUATION frames without end. */
    raw_up(&w, NULL);
    preface(&b);
    frame(&b, NGHTTP2_HEADERS, 0, 1, get_hold, sizeof get_hold);
    for (int i = 0; i < 1000; i++)
        frame(&b, NGHTTP2_CONTINUATION, 0, 1, NULL, 0);
    feed(&w, b.data, b.len);
    assert_int_equal(w.requests, 0);
    assert_true(w.eof || w.err != 0);
    raw_down(&w);
    /* PINGs in one read: more answers than may wait. */
    raw_up(&w, NULL);
    fog_buf_clear(&b);
    preface(&b);
    for (int i = 0; i < 3000; i++)
        frame(&b, NGHTTP2_PING, 0, 0, zero, sizeof zero);
    feed(&w, b.data, b.len);
    assert_true(w.eof || w.err != 0);
    raw_down(&w);
    fog_buf_fini(&b);
}

static void test_h2_header_list_limit(void **state)
{
    struct fog_buf b = {0}, h = {0};
    struct raw w;

    (void)state;
    raw_up(&w, &(struct fog_http_limits){.header_bytes = 1000});
    preface(&b);
    fog_buf_append(&h, get_hold, sizeof get_hold);
    for (int i = 0; i < 100; i++)
        fog_buf_append(&h,
                       "\x00\x03x-a\x04"
                       "bbbb",
                       10);
    frame(&b, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, h.data,
          h.len);
    feed(&w, b.data, b.len);
    assert_int_equal(w.requests, 0);
    assert_non_null(memmem(w.in.data, w.in.len, "header-too-large", 16));
    assert_false(w.eof); /* the connection lives */
    fog_buf_fini(&h);
    fog_buf_fini(&b);
    raw_down(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(test_bytes_may_come_one_by_one),
        cmocka_unit_test(test_refused_requests_close_the_connection),
        cmocka_unit_test(test_bad_chunks_cut_the_connection),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_unread_bodies_are_read_over),
        cmocka_unit_test(test_connection_close_and_http10),
        cmocka_unit_test(test_header_limits),
        cmocka_unit_test(test_slow_heads_and_bodies_time_out),
        cmocka_unit_test(test_a_full_server_drops_the_idle_one),
        cmocka_unit_test(test_h2_on_plain_connections),
        cmocka_unit_test(test_h2_rapid_reset_is_stopped),
        cmocka_unit_test(test_h2_floods_of_control_frames_are_stopped),
        cmocka_unit_test(test_h2_header_list_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
