/* The HTTP API of a router over a real connection: what publishers, operators and curious people
 * ask. */
#include "core/base/str.h"
#include "core/content/api_auth.h"
#include "core/content/api_missing.h"
#include "core/content/tree.h"
#include "core/crypto/hash.h"
#include "core/http/client.h"
#include "core/http/server.h"
#include "core/json/json.h"
#include "router/enrol.h"
#include "router/router.h"
#include "tests/lib/routerkit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fog_http_server *server;
static struct fog_http_client *client;
static struct fog_listener *listener;
static struct fog_addr at;
static bool as_admin;
static struct fog_sign_key release_key;
static struct fog_keydoc doc;
static struct fog_buf keydoc;

/* --- one call --- */

static int status;
static bool done;
static struct fog_buf answer;
static struct fog_json *json;

static void on_done(int err, int code, const struct fog_http_header *headers, size_t n,
                    struct fog_bytes body, void *arg)
{
    (void)headers;
    (void)n;
    (void)arg;
    assert_int_equal(err, 0);
    status = code;
    fog_buf_clear(&answer);
    fog_buf_append(&answer, body.p, body.len);
    done = true;
}

static bool is_done(void)
{
    return done;
}

static void call(const char *method, const char *target, struct fog_bytes body,
                 const char *authorization)
{
    struct fog_http_header h = {fog_bytes_str("authorization"), {0}};
    struct fog_http_fetch f = {.method = method, .body = body};
    struct fog_http_call *c;
    char url[1024];

    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", fog_addr_port(&at), target);
    f.url = url;
    if (authorization != NULL) {
        h.value = fog_bytes_str(authorization);
        f.headers = &h;
        f.n_headers = 1;
    }
    done = false;
    assert_int_equal(fog_http_fetch_all(client, &f, 1 << 20, on_done, NULL, &c), 0);
    routerkit_until(is_done);
    fog_json_free(&json);
    (void)!fog_json_parse(fog_buf_bytes(&answer), NULL, &json, NULL, 0);
}

static void signed_call(const char *method, const char *target, struct fog_bytes body,
                        int64_t skew_s)
{
    struct fog_api_request r = {.method = fog_bytes_str(method), .target = fog_bytes_str(target)};
    struct fog_buf b = {0};

    fog_sha256(body, &r.body_hash);
    fog_api_auth_write(&r, &doc.publisher_id, (uint64_t)(fog_wall_ms() / 1000 + skew_s), 0,
                       &release_key, &rk.kit.fog_id, &b);
    call(method, target, body, fog_buf_cstr(&b));
    fog_buf_fini(&b);
}

static void expect_problem(int want, const char *code)
{
    const char *got;

    assert_int_equal(status, want);
    assert_int_equal(fog_json_get_str(json, "code", &got), 0);
    assert_string_equal(got, code);
    assert_int_equal(fog_json_get_str(json, "detail", &got), 0);
    assert_true(strlen(got) > 10); /* says something */
}

/* --- set-up --- */

static void on_request(struct fog_http_req *req, void *arg)
{
    (void)arg;
    router_on_request(rk.router, req, as_admin);
}

static void on_accept(struct fog_conn *c, void *arg)
{
    (void)arg;
    fog_http_server_adopt(server, c);
}

static int setup(void **state)
{
    static const uint8_t recovery_seed[32] = {0x51}, release_seed[32] = {0x52};
    struct fog_http_client_conf conf = {.policy = {.allow_any = true}};
    struct fog_sign_key recovery;

    (void)state;
    routerkit_start();
    fog_sign_key_of(recovery_seed, &recovery);
    fog_sign_key_of(release_seed, &release_key);
    doc = (struct fog_keydoc){.gen = 1, .n_keys = 1};
    doc.keys[0] = release_key.pub;
    assert_int_equal(
        fog_keydoc_seal(&doc, (struct fog_bytes){0}, &recovery, &rk.kit.fog_id, &keydoc), 0);
    server = fog_http_server_new(rk.loop, &(struct fog_http_server_conf){.on_request = on_request});
    assert_int_equal(fog_addr_parse("127.0.0.1:0", &at), 0);
    assert_int_equal(fog_listener_new(rk.loop, &at, NULL, on_accept, NULL, &listener), 0);
    fog_listener_addr(listener, &at);
    client = fog_http_client_new(rk.loop, &conf);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fog_http_client_free(&client);
    fog_http_server_free(&server);
    fog_listener_free(&listener);
    fog_json_free(&json);
    fog_buf_fini(&answer);
    fog_buf_fini(&keydoc);
    routerkit_stop();
    return 0;
}

/* --- the calls --- */

static void test_the_fog_says_who_it_is(void **state)
{
    struct fog_hash id;
    int64_t ms;

    (void)state;
    call("GET", "/v1/fog", (struct fog_bytes){0}, NULL);
    assert_int_equal(status, 200);
    assert_int_equal(fog_json_get_hex(json, "fog_id", id.b, 32), 0);
    assert_true(fog_hash_eq(&id, &rk.kit.fog_id));
    assert_int_equal(fog_json_get_i64(json, "hub_ms", &ms), 0);
    assert_in_range(ms - fog_wall_ms() + 5000, 0, 10000);
}

static void test_a_publisher_needs_a_deal_and_a_valid_document(void **state)
{
    (void)state;
    rk.allow_publishers = false;
    call("PUT", "/v1/publisher", fog_buf_bytes(&keydoc), NULL);
    expect_problem(403, "no_deal");
    rk.allow_publishers = true;
    call("PUT", "/v1/publisher", fog_bytes_of(keydoc.data, keydoc.len - 1), NULL);
    expect_problem(400, "bad_keydoc");
    signed_call("POST", "/v1/missing", fog_bytes_str("x"), 0);
    expect_problem(401, "unknown_publisher");
    call("PUT", "/v1/publisher", fog_buf_bytes(&keydoc), NULL);
    assert_int_equal(status, 204);
    call("PUT", "/v1/publisher", fog_buf_bytes(&keydoc), NULL);
    assert_int_equal(status, 204); /* again: no harm */
}

static void test_requests_are_signed_and_recent(void **state)
{
    (void)state;
    call("POST", "/v1/missing", fog_bytes_str("x"), NULL);
    expect_problem(401, "no_authorization");
    call("POST", "/v1/missing", fog_bytes_str("x"), "Fog nonsense");
    expect_problem(401, "no_authorization");
    signed_call("POST", "/v1/missing", fog_bytes_str("x"), 301 + 5);
    expect_problem(401, "clock_skew");
    release_key.secret[0] ^= 1;
    signed_call("POST", "/v1/missing", fog_bytes_str("x"), 0);
    expect_problem(401, "bad_signature");
    release_key.secret[0] ^= 1;
    signed_call("POST", "/v1/missing", fog_bytes_str("x"), 0);
    expect_problem(400, "bad_rows");
}

static void test_objects_are_asked_for_and_sent(void **state)
{
    struct fog_missing_row row = {.kind = FOG_KIND_CHUNK, .len = 5};
    struct fog_buf q = {0};
    char target[128] = "/v1/objects/1/", hex[65];

    (void)state;
    fog_chunk_id(fog_bytes_str("hello"), &row.id);
    fog_missing_put(&q, &row);
    row.id.b[0] ^= 1;
    fog_missing_put(&q, &row);
    signed_call("POST", "/v1/missing", fog_buf_bytes(&q), 0);
    assert_int_equal(status, 200);
    assert_int_equal(answer.len, 1);
    assert_int_equal(answer.data[0], 3);
    row.id.b[0] ^= 1;
    fog_hex_encode(row.id.b, 32, hex);
    strcat(target, hex);
    signed_call("PUT", target, fog_bytes_str("hello"), 0);
    assert_int_equal(status, 204);
    signed_call("POST", "/v1/missing", fog_buf_bytes(&q), 0);
    assert_int_equal(answer.data[0], 2);
    signed_call("PUT", "/v1/objects/9/00", fog_bytes_str("hello"), 0);
    expect_problem(400, "bad_object_name");
    fog_buf_fini(&q);
}

static void test_a_pointer_that_is_none_is_refused(void **state)
{
    (void)state;
    signed_call("POST", "/v1/pointer?wait=1", fog_bytes_str("not a pointer"), 0);
    expect_problem(400, "bad_pointer");
    signed_call("POST", "/v1/pointer?wait=soon", fog_bytes_str("x"), 0);
    expect_problem(400, "bad_wait");
}

static void test_tokens_are_made_for_the_operator_only(void **state)
{
    static const char ask[] =
        "{\"operator\":\"0x00000000000000000000000000000000000000aa\",\"uses\":5}";
    struct enrol_token t;
    struct fog_buf token = {0};
    const char *text;

    (void)state;
    call("POST", "/v1/admin/token", fog_bytes_str(ask), NULL);
    expect_problem(403, "admin_only");
    as_admin = true;
    call("POST", "/v1/admin/token", fog_bytes_str("{"), NULL);
    expect_problem(400, "bad_json");
    call("POST", "/v1/admin/token", fog_bytes_str("{\"uses\":0}"), NULL);
    expect_problem(400, "bad_uses");
    call("POST", "/v1/admin/nothing", fog_bytes_str("{}"), NULL);
    expect_problem(404, "no_such_call");
    call("POST", "/v1/admin/token", fog_bytes_str(ask), NULL);
    as_admin = false;
    assert_int_equal(status, 200);
    assert_int_equal(fog_json_get_str(json, "token", &text), 0);
    assert_int_equal(enrol_token_from_text(fog_bytes_str(text), &token), 0);
    assert_int_equal(enrol_token_decode(fog_buf_bytes(&token), &t), 0);
    assert_int_equal(enrol_token_check(&t, &rk.kit.fog_id), 0);
    assert_int_equal(t.uses, 5);
    assert_int_equal(t.operator_addr[19], 0xaa);
    fog_buf_fini(&token);
}

static void test_everything_else_is_a_clear_no(void **state)
{
    (void)state;
    call("GET", "/v1/nothing", (struct fog_bytes){0}, NULL);
    expect_problem(404, "no_such_call");
    call("POST", "/v1/fog", fog_bytes_str("x"), NULL);
    expect_problem(405, "method_not_allowed");
    call("GET", "/v1/sites/short", (struct fog_bytes){0}, NULL);
    expect_problem(400, "bad_label");
    call("GET", "/v1/sites/abcdefghijklmnop", (struct fog_bytes){0}, NULL);
    expect_problem(404, "no_such_site");
    call("GET", "/v1/route?ip=1.2.3", (struct fog_bytes){0}, NULL);
    expect_problem(400, "bad_ip");
    call("GET", "/v1/route?ip=192.0.2.1&url=https%3A%2F%2Fexample.org%2F", (struct fog_bytes){0},
         NULL);
    expect_problem(400, "bad_url");
    call("GET", "/v1/route?ip=192.0.2.1&url=https://abcdefghijklmnop.fog.test/x",
         (struct fog_bytes){0}, NULL);
    expect_problem(404, "no_such_site");
    call("GET", "/v1/earnings", (struct fog_bytes){0}, NULL);
    expect_problem(404, "no_money");
    call("GET", "/v1/status", (struct fog_bytes){0}, NULL);
    assert_int_equal(status, 200);
    assert_true(fog_json_is_array(fog_json_at(json, "boxes")));
    assert_true(fog_json_is_array(fog_json_at(json, "verdicts")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_fog_says_who_it_is),
        cmocka_unit_test(test_a_publisher_needs_a_deal_and_a_valid_document),
        cmocka_unit_test(test_requests_are_signed_and_recent),
        cmocka_unit_test(test_objects_are_asked_for_and_sent),
        cmocka_unit_test(test_a_pointer_that_is_none_is_refused),
        cmocka_unit_test(test_tokens_are_made_for_the_operator_only),
        cmocka_unit_test(test_everything_else_is_a_clear_no),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
