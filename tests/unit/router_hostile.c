/*
 * Strangers at a router's door: lease connections that lie, stammer or flood, and DNS over both
 * transports. The router goes on, and says what was wrong.
 */
#include "core/base/wr.h"
#include "core/wire/frame.h"
#include "router/dns.h"
#include "router/router.h"
#include "tests/lib/routerkit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct fog_tls_cert *cert;
static struct fog_tls_client *tls;

/* --- one connection with a transport key of its own --- */

static struct fog_conn *conn;
static bool open_now, closed;
static unsigned refusals, last_code, frames;
static struct fog_frame_reader reader;

static void on_open(struct fog_conn *c, void *arg)
{
    (void)c;
    (void)arg;
    open_now = true;
}

static size_t on_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    struct fog_wire_refuse m;
    struct fog_frame f;

    (void)c;
    (void)arg;
    assert_int_equal(fog_frame_feed(&reader, in), 0);
    while (fog_frame_next(&reader, &f) == 1) {
        frames++;
        if (f.type == FOG_WIRE_REFUSE && fog_wire_get_refuse(f.body, &m) == 0) {
            refusals++;
            last_code = m.code;
            assert_true(m.text[0] != 0);
        }
    }
    return in.len;
}

static void on_close(struct fog_conn *c, int err, void *arg)
{
    (void)c;
    (void)err;
    (void)arg;
    closed = true;
    conn = NULL;
}

static bool is_open(void)
{
    return open_now;
}

static bool is_closed(void)
{
    return closed;
}

static void dial(void)
{
    static const struct fog_conn_ops ops = {
        .on_open = on_open, .on_read = on_read, .on_close = on_close};
    struct fog_addr at;

    open_now = closed = false;
    refusals = last_code = frames = 0;
    fog_frame_reader_fini(&reader);
    fog_listener_addr(rk.hub_listener, &at);
    assert_int_equal(fog_conn_dial(rk.loop, &at, tls, NULL, 5000, &ops, NULL, &conn), 0);
    routerkit_until(is_open);
}

static void send_hello(const struct fog_hash *fog_id, uint16_t version)
{
    struct fog_wire_hello m = {.version = version, .fog_id = *fog_id};
    struct fog_buf b = {0};

    FOG_FRAME_PUT(&b, HELLO, hello, &m);
    fog_conn_write(conn, fog_buf_bytes(&b));
    fog_buf_fini(&b);
}

static bool was_refused(void)
{
    return refusals > 0;
}

static int setup(void **state)
{
    static const char *const alpn[] = {"fog-lease/1", NULL};
    static const uint8_t seed[32] = {0x77};

    (void)state;
    routerkit_start();
    assert_int_equal(fog_tls_cert_node(seed, &cert), 0);
    assert_int_equal(
        fog_tls_client_new(&(struct fog_tls_client_conf){.node = cert, .alpn = alpn}, &tls), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fog_frame_reader_fini(&reader);
    fog_tls_client_free(&tls);
    fog_tls_cert_unref(&cert);
    routerkit_stop();
    return 0;
}

static void expect_end(unsigned code)
{
    routerkit_until(is_closed);
    assert_int_equal(last_code, code);
}

static void test_another_fog_or_version_is_turned_away(void **state)
{
    struct fog_hash other = {{1}};

    (void)state;
    dial();
    send_hello(&other, FOG_WIRE_VERSION);
    expect_end(FOG_REFUSE_FOG);
    dial();
    send_hello(&rk.kit.fog_id, 99);
    expect_end(FOG_REFUSE_VERSION);
}

static void test_a_stranger_gets_nothing_but_the_hub_set(void **state)
{
    struct fog_wire_enroll m = {.token = fog_bytes_str("no token")};
    struct fog_buf b = {0};

    (void)state;
    dial();
    send_hello(&rk.kit.fog_id, FOG_WIRE_VERSION);
    routerkit_until(was_refused);
    assert_int_equal(last_code, FOG_REFUSE_UNKNOWN);
    assert_int_equal(frames, 2);
    FOG_FRAME_PUT(&b, ENROLL, enroll, &m);
    fog_conn_write(conn, fog_buf_bytes(&b));
    fog_buf_fini(&b);
    expect_end(FOG_REFUSE_TOKEN);
}

static void test_messages_out_of_order_or_malformed_end_the_connection(void **state)
{
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 0, 1}, cut[] = {0, 0, 0, 2, 0, 1, 9, 9};
    struct fog_wire_beat beat = {0};
    struct fog_buf b = {0};

    (void)state;
    dial();
    FOG_FRAME_PUT(&b, BEAT, beat, &beat);
    fog_conn_write(conn, fog_buf_bytes(&b)); /* nobody said HELLO */
    expect_end(FOG_REFUSE_PROTOCOL);
    dial();
    fog_conn_write(conn, fog_bytes_of(huge, sizeof huge));
    expect_end(FOG_REFUSE_PROTOCOL);
    dial();
    fog_conn_write(conn, fog_bytes_of(cut, sizeof cut)); /* a HELLO of two bytes */
    expect_end(FOG_REFUSE_PROTOCOL);
    fog_buf_fini(&b);
}

static void test_a_flood_is_cut_off(void **state)
{
    struct record_box me = {.operator_addr = {1}};
    struct fog_wire_beat beat = {0};
    struct fog_sign_key key;
    struct fog_buf b = {0};

    (void)state;
    fog_sign_key_of((const uint8_t[32]){0x77}, &key);
    memcpy(me.key, key.pub.b, 32);
    records_put_box(rk.router->rec, &me, NULL, NULL); /* a box of ours gone mad */
    dial();
    send_hello(&rk.kit.fog_id, FOG_WIRE_VERSION);
    for (int i = 0; i < 1200; i++)
        FOG_FRAME_PUT(&b, BEAT, beat, &beat);
    fog_conn_write(conn, fog_buf_bytes(&b));
    expect_end(FOG_REFUSE_BUSY);
    assert_true(frames > 900); /* what was within its budget was answered */
    fog_buf_fini(&b);
}

/* --- DNS on the wire --- */

static int sock;
static uint8_t got[1500];
static ssize_t n_got;

static bool has_answer(void)
{
    n_got = recv(sock, got, sizeof got, MSG_DONTWAIT);
    return n_got > 0;
}

static size_t query(uint8_t *out, uint16_t id)
{
    static const uint8_t q[] = {0,   0, 1,   0,   0,   1, 0,   0,   0,   0,   0, 0, 3, 'a', 'p',
                                'i', 3, 'f', 'o', 'g', 4, 't', 'e', 's', 't', 0, 0, 1, 0,   1};

    memcpy(out, q, sizeof q);
    out[0] = (uint8_t)(id >> 8);
    out[1] = (uint8_t)id;
    return sizeof q;
}

static void test_dns_answers_over_udp_and_tcp(void **state)
{
    uint8_t q[64];
    struct fog_addr at;
    size_t n;

    (void)state;
    assert_int_equal(fog_addr_parse("127.0.0.1:1", &at), 0);
    fog_addr_set_port(&at, dns_port(rk.router->dns));
    sock = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(connect(sock, &at.u.sa, fog_addr_len(&at)), 0);
    n = query(q, 7);
    assert_int_equal(send(sock, q, n, 0), (ssize_t)n);
    routerkit_until(has_answer);
    assert_int_equal(got[1], 7);
    assert_int_equal(got[3] & 15, 0);
    assert_int_equal(got[7], 1); /* one answer */
    close(sock);

    sock = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(sock, &at.u.sa, fog_addr_len(&at)), 0);
    n = query(q + 2, 8);
    q[0] = 0;
    q[1] = (uint8_t)n;
    assert_int_equal(send(sock, q, n + 2, 0), (ssize_t)(n + 2));
    routerkit_until(has_answer);
    assert_int_equal(got[0] << 8 | got[1], n_got - 2);
    assert_int_equal(got[3], 8);
    assert_int_equal(got[9], 1);
    close(sock);
}

static unsigned answers, slips, asked;

static bool flood_is_over(void)
{
    uint8_t q[64];

    for (unsigned i = 0; i < 50 && asked < 500; i++, asked++)
        (void)!send(sock, q, query(q, (uint16_t)asked), MSG_DONTWAIT);
    while (recv(sock, got, sizeof got, MSG_DONTWAIT) > 0) {
        answers++;
        slips += (got[2] & 2) != 0;
    }
    return asked == 500 && slips > 10;
}

static void test_dns_floods_are_thinned_out(void **state)
{
    struct fog_addr at;

    (void)state;
    assert_int_equal(fog_addr_parse("127.0.0.1:1", &at), 0);
    fog_addr_set_port(&at, dns_port(rk.router->dns));
    sock = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(connect(sock, &at.u.sa, fog_addr_len(&at)), 0);
    routerkit_until(flood_is_over);
    assert_in_range(answers - slips, 300, 450); /* the burst, and what the clock added */
    close(sock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_fog_or_version_is_turned_away),
        cmocka_unit_test(test_a_stranger_gets_nothing_but_the_hub_set),
        cmocka_unit_test(test_messages_out_of_order_or_malformed_end_the_connection),
        cmocka_unit_test(test_a_flood_is_cut_off),
        cmocka_unit_test(test_dns_answers_over_udp_and_tcp),
        cmocka_unit_test(test_dns_floods_are_thinned_out),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
