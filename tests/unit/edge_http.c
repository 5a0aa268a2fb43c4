/* edge over sockets: the real HTTP server and client, TLS by SNI, HTTP/2 and HTTP/1.1. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/client.h"
#include "tests/lib/edge_live.h"

#define BODY_MAX (8u << 20)

struct answer {
    struct edge_live *l;
    bool done;
    int err, status;
    char fields[8][256]; /* of `watched` */
    struct fog_buf body;
};

static const char *const watched[] = {"content-type", "content-range", "content-encoding",
                                      "location",     "cache-status",  "etag"};

static const char *field(const struct answer *a, const char *name)
{
    for (size_t i = 0; i < FOG_COUNT(watched); i++) {
        if (strcmp(watched[i], name) == 0)
            return a->fields[i];
    }
    fail();
    return NULL;
}

static bool resolve(void *arg, const char *host, uint16_t port, struct fog_addr *out)
{
    (void)host;
    *out = ((struct edge_live *)arg)->at;
    return fog_addr_port(out) == port;
}

static struct fog_http_client *client_of(struct edge_live *l)
{
    struct fog_http_client_conf conf = {.ca_file = testca_file(l->ca),
                                        .policy = {.allow_any = true},
                                        .resolve = resolve,
                                        .resolve_arg = l};

    return fog_http_client_new(l->loop, &conf);
}

static void on_done(int err, int status, const struct fog_http_header *headers, size_t n,
                    struct fog_bytes body, void *arg)
{
    struct answer *a = arg;

    a->done = true;
    a->err = err;
    a->status = status;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < FOG_COUNT(watched); k++) {
            if (fog_bytes_eq(headers[i].name, fog_bytes_str(watched[k])))
                (void)snprintf(a->fields[k], sizeof a->fields[k], "%.*s", (int)headers[i].value.len,
                               (const char *)headers[i].value.p);
        }
    }
    fog_buf_append(&a->body, body.p, body.len);
    fog_loop_stop(a->l->loop);
}

static void fetch(struct fog_http_client *c, struct edge_live *l, const char *method,
                  const char *host, const char *path, const char *name, const char *value,
                  struct answer *a)
{
    struct fog_http_header h;
    struct fog_http_call *call;
    char url[300];
    struct fog_http_fetch f = {.method = method, .url = url, .headers = &h, .n_headers = 0};

    (void)snprintf(url, sizeof url, "https://%s:%u%s", host, fog_addr_port(&l->at), path);
    if (name != NULL) {
        h = (struct fog_http_header){.name = fog_bytes_str(name), .value = fog_bytes_str(value)};
        f.n_headers = 1;
    }
    memset(a, 0, sizeof *a);
    a->l = l;
    assert_int_equal(fog_http_fetch_all(c, &f, BODY_MAX, on_done, a, &call), 0);
    while (!a->done)
        fog_loop_run(l->loop);
}

static void publish(struct edge_live *l)
{
    struct world_file files[] = {
        {"index.html", "text/html", fog_bytes_str("<p>hello"), false, NULL, NULL},
        {"v/1.m4s", "video/iso.segment", edge_store_bytes(&l->store, 3000000, 2), false, NULL,
         NULL},
    };

    edge_store_publish(&l->store, files, FOG_COUNT(files), 1700000000000);
}

/* The same requests whatever the protocol and whenever the source answers. */
static void exchange(const char *const *alpn, bool now)
{
    struct edge_live l;
    struct fog_http_client *c;
    struct answer a;
    struct fog_bytes segment;

    edge_live_init(&l, alpn);
    l.now = now;
    publish(&l);
    segment = fog_buf_bytes(&l.store.kept[0]);
    c = client_of(&l);

    fetch(c, &l, "GET", LIVE_GATEWAY, "/", NULL, NULL, &a);
    assert_int_equal(a.err, 0);
    assert_int_equal(a.status, 200);
    assert_string_equal(field(&a, "content-type"), "text/html");
    assert_true(fog_bytes_eq(fog_buf_bytes(&a.body), fog_bytes_str("<p>hello")));
    fog_buf_fini(&a.body);

    fetch(c, &l, "GET", LIVE_BOXNAME, "/v/1.m4s", NULL, NULL, &a);
    assert_int_equal(a.status, 200);
    assert_true(fog_bytes_eq(fog_buf_bytes(&a.body), segment));
    assert_string_equal(field(&a, "cache-status"),
                        now ? "fog-abcdefgh; hit; detail=ram" : "fog-abcdefgh; hit; detail=disk");
    fog_buf_fini(&a.body);

    fetch(c, &l, "GET", LIVE_BOXNAME, "/v/1.m4s", "range", "bytes=1048570-1048585", &a);
    assert_int_equal(a.status, 206);
    assert_string_equal(field(&a, "content-range"), "bytes 1048570-1048585/3000000");
    assert_true(fog_bytes_eq(fog_buf_bytes(&a.body), fog_bytes_of(segment.p + 1048570, 16)));
    fog_buf_fini(&a.body);

    fetch(c, &l, "GET", LIVE_BOXNAME, "/v/1.m4s", "if-none-match", "*", &a);
    assert_int_equal(a.err, 0);
    assert_int_equal(a.status, 304);
    assert_int_equal(a.body.len, 0);

    fetch(c, &l, "HEAD", LIVE_BOXNAME, "/v/1.m4s", NULL, NULL, &a);
    assert_int_equal(a.err, 0);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body.len, 0);

    fetch(c, &l, "GET", LIVE_BOXNAME, "/nothing", NULL, NULL, &a);
    assert_int_equal(a.status, 404);
    fog_buf_fini(&a.body);

    fetch(c, &l, "GET", LIVE_BOXNAME, "/", NULL, NULL, &a);
    assert_int_equal(a.status, 307);
    assert_non_null(strstr(field(&a, "location"), "/?fogback=" LIVE_BOX ".stays"));
    fog_buf_fini(&a.body);

    /* wrong bytes on the way: cut, never a clean end of a short body */
    l.read_err = FOG_EVERIFY;
    l.err_at = 700000;
    fetch(c, &l, "GET", LIVE_BOXNAME, "/v/1.m4s", NULL, NULL, &a);
    assert_int_not_equal(a.err, 0);
    fog_buf_fini(&a.body);

    fog_http_client_free(&c);
    edge_live_fini(&l);
}

static void test_http2(void **state)
{
    static const char *const alpn[] = {"h2", "http/1.1", NULL};

    (void)state;
    exchange(alpn, true);
    exchange(alpn, false);
}

static void test_http1(void **state)
{
    static const char *const alpn[] = {"http/1.1", NULL};

    (void)state;
    exchange(alpn, true);
    exchange(alpn, false);
}

/* A client that goes away in the middle leaves nothing behind. */
static void on_response(struct fog_http_call *call, int status,
                        const struct fog_http_header *headers, size_t n, void *arg)
{
    (void)call;
    (void)headers;
    (void)n;
    ((struct answer *)arg)->status = status;
}

static bool on_data(struct fog_http_call *call, struct fog_bytes data, void *arg)
{
    struct answer *a = arg;

    (void)call;
    fog_buf_append(&a->body, data.p, data.len);
    fog_loop_stop(a->l->loop);
    return false; /* and reads no more */
}

static void on_end(struct fog_http_call *call, int err, void *arg)
{
    (void)call;
    ((struct answer *)arg)->err = err;
}

static void test_client_leaves(void **state)
{
    static const char *const alpn[] = {"h2", "http/1.1", NULL};
    static const struct fog_http_call_ops ops = {
        .on_response = on_response, .on_data = on_data, .on_end = on_end};
    struct edge_live l;
    struct fog_http_client *c;
    struct fog_http_call *call;
    struct answer a = {.l = &l};
    struct fog_http_fetch f = {0};
    char url[300];

    (void)state;
    edge_live_init(&l, alpn);
    publish(&l);
    c = client_of(&l);
    (void)snprintf(url, sizeof url, "https://" LIVE_BOXNAME ":%u/v/1.m4s", fog_addr_port(&l.at));
    f.url = url;
    assert_int_equal(fog_http_fetch(c, &f, &ops, &a, &call), 0);
    fog_loop_run(l.loop);
    assert_int_equal(a.status, 200);
    assert_true(a.body.len > 0);
    fog_http_client_free(&c);
    edge_live_fini(&l); /* checks that no slice is left in other hands */
    fog_buf_fini(&a.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http2),
        cmocka_unit_test(test_http1),
        cmocka_unit_test(test_client_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
