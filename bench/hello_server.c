/* A server with a body in memory, for measuring the connection and HTTP layers alone:
 *   hello_server PORT CERT.pem KEY.pem    (PORT alone: plain HTTP)
 * /N answers N bytes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/http/server.h"

#define EXTENT (1 << 20)

static uint8_t *extent;
static struct fog_tls_cert *cert;

struct body {
    uint64_t left;
};

static int next(void *arg, size_t max, struct fog_slice *out)
{
    struct body *b = arg;
    size_t n = b->left < max ? (size_t)b->left : max;
    size_t at = (size_t)(b->left % (EXTENT / 2));

    *out = (struct fog_slice){.p = extent + at, .len = n};
    b->left -= n;
    return 0;
}

static void done(void *arg, int err, uint64_t sent_bytes)
{
    (void)arg;
    (void)err;
    (void)sent_bytes;
}

static void on_request(struct fog_http_req *r, void *arg)
{
    struct fog_http_header h[] = {
        {.name = fog_bytes_str("content-type"), .value = fog_bytes_str("video/mp4")},
        {.name = fog_bytes_str("cache-control"), .value = fog_bytes_str("public, max-age=60")},
    };
    struct fog_bytes path = fog_http_req_path(r);
    struct body *b = fog_http_req_alloc(r, sizeof *b);
    struct fog_http_source src = {.next = next, .close = done, .arg = b};

    (void)arg;
    if (fog_parse_u64(fog_bytes_of(path.p + 1, path.len - 1), INT64_MAX, &b->left) != 0)
        fog_http_respond_problem(r, 404, "not-found", "Ask for a number of bytes.");
    else
        fog_http_respond(r, 200, h, FOG_COUNT(h), b->left, &src);
}

static void on_accept(struct fog_conn *c, void *arg)
{
    fog_http_server_adopt(arg, c);
}

static struct fog_tls_cert *pick(void *arg, const char *sni)
{
    (void)arg;
    (void)sni;
    return fog_tls_cert_ref(cert);
}

static struct fog_buf slurp(const char *path)
{
    struct fog_buf b = {0};
    FILE *f = fopen(path, "rb");
    size_t n;

    FOG_ASSERT(f != NULL);
    while ((n = fread(fog_buf_reserve(&b, 4096), 1, 4096, f)) > 0)
        fog_buf_added(&b, n);
    (void)fclose(f);
    return b;
}

static void on_signal(int signo, void *arg)
{
    (void)signo;
    fog_loop_stop(arg);
}

int main(int argc, char **argv)
{
    static const char *const alpn[] = {"h2", "http/1.1", NULL};
    struct fog_tls_server_conf tls_conf = {.pick = pick, .alpn = alpn};
    struct fog_http_server_conf conf = {.on_request = on_request, .limits.connections = 10000};
    struct fog_loop *loop = fog_loop_new();
    struct fog_tls_server *tls = NULL;
    struct fog_listener *listener;
    struct fog_http_server *server;
    struct fog_addr at;
    uint64_t port;

    if (argc < 2 || fog_parse_u64(fog_bytes_str(argv[1]), 65535, &port) != 0)
        return 2;
    if (argc > 3) {
        struct fog_buf chain = slurp(argv[2]), key = slurp(argv[3]);

        FOG_ASSERT(fog_tls_cert_from_pem(fog_buf_bytes(&chain), fog_buf_bytes(&key), &cert) == 0);
        FOG_ASSERT(fog_tls_server_new(&tls_conf, &tls) == 0);
        fog_buf_fini(&chain);
        fog_buf_fini(&key);
    }
    extent = aligned_alloc(4096, EXTENT);
    FOG_ASSERT(extent != NULL);
    memset(extent, 'x', EXTENT);
    server = fog_http_server_new(loop, &conf);
    FOG_ASSERT(fog_addr_parse_ip("127.0.0.1", (uint16_t)port, &at) == 0);
    FOG_ASSERT(fog_listener_new(loop, &at, tls, on_accept, server, &listener) == 0);
    FOG_ASSERT(fog_loop_on_signal(loop, SIGTERM, on_signal, loop) == 0);
    fog_loop_run(loop);
    fog_listener_free(&listener);
    fog_http_server_free(&server);
    fog_tls_server_free(&tls);
    fog_tls_cert_unref(&cert);
    fog_loop_free(&loop);
    free(extent);
    return 0;
}
