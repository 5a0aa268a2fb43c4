/*
 * A router instance in memory behind TLS on loopback, for tests of the client: the real publisher
 * API without boxes. Writes the URL and the CA file, ends when standard input does. Its only
 * argument is a publisher id that is let in ("*": everybody).
 */
#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/content/tree.h"
#include "core/http/server.h"
#include "core/io/loop.h"
#include "core/obs/log.h"
#include "router/router.h"
#include "tests/lib/fogkit.h"
#include "tests/lib/testca.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct fogkit kit;
static struct fog_loop *loop;
static struct router *router;
static struct fog_http_server *server;
static struct fog_map *store;
static struct fog_tls_cert *cert;

static fog_time_ms hub_ms(void *arg)
{
    (void)arg;
    return fog_wall_ms();
}

static void sign(void *arg, uint16_t type, struct fog_bytes body,
                 void (*done)(void *ctx, int err, const uint8_t sig[64]), void *ctx)
{
    struct fog_sig sig;

    (void)arg;
    fog_sign(&kit.map_key, (enum fog_sign_type)type, &kit.fog_id, body, &sig);
    done(ctx, 0, sig.b);
}

static void issue_cert(void *arg, const struct router_ca_request *req,
                       void (*done)(void *ctx, int err, struct fog_bytes chain), void *ctx)
{
    (void)arg;
    (void)req;
    done(ctx, FOG_EDENIED, (struct fog_bytes){0});
}

static void issue_grant(void *arg, const struct router_grant_ask *ask,
                        void (*done)(void *ctx, int err, const struct router_grant *grant),
                        void *ctx)
{
    (void)arg;
    (void)ask;
    done(ctx, FOG_EDENIED, NULL);
}

static void objects_has(void *arg, const struct router_ref *refs, size_t n,
                        void (*done)(void *ctx, int err, const bool *present), void *ctx)
{
    bool *present = fog_alloc(n + 1);

    (void)arg;
    for (size_t i = 0; i < n; i++)
        present[i] = fog_map_get(store, fog_bytes_of(refs[i].id.b, 32)) != NULL;
    done(ctx, 0, present);
    free(present);
}

static void objects_put(void *arg, const struct router_ref *ref, struct fog_bytes bytes,
                        void (*done)(void *ctx, int err), void *ctx)
{
    struct fog_buf *b = FOG_NEW(fog_buf);
    struct fog_hash id;

    (void)arg;
    fog_object_id((enum fog_kind)ref->kind, bytes, &id);
    if (!fog_hash_eq(&id, &ref->id)) {
        free(b);
        done(ctx, FOG_EVERIFY);
        return;
    }
    fog_buf_append(b, bytes.p, bytes.len);
    fog_map_put(store, fog_bytes_of(ref->id.b, 32), b); /* ends with the process */
    done(ctx, 0);
}

static void objects_get(void *arg, const struct router_ref *ref,
                        void (*done)(void *ctx, int err, struct fog_bytes bytes), void *ctx)
{
    const struct fog_buf *b = fog_map_get(store, fog_bytes_of(ref->id.b, 32));

    (void)arg;
    done(ctx, b == NULL ? -ENOENT : 0, b == NULL ? (struct fog_bytes){0} : fog_buf_bytes(b));
}

static void objects_hold(void *arg, const struct fog_hash *pg, const struct router_ref *refs,
                         size_t n, void (*done)(void *ctx, int err), void *ctx)
{
    (void)arg;
    (void)pg;
    (void)refs;
    (void)n;
    done(ctx, 0);
}

static void on_accept(struct fog_conn *c, void *arg)
{
    (void)arg;
    fog_http_server_adopt(server, c);
}

static struct fog_tls_cert *pick(void *arg, const char *sni)
{
    (void)arg;
    return sni != NULL && strcmp(sni, "api.fog.test") == 0 ? fog_tls_cert_ref(cert) : NULL;
}

static void on_request(struct fog_http_req *req, void *arg)
{
    (void)arg;
    router_on_request(router, req, false);
}

static void on_input(void *arg)
{
    char byte;

    (void)arg;
    if (read(STDIN_FILENO, &byte, 1) <= 0)
        fog_loop_stop(loop);
}

static int start_router(const struct fog_addr *at, const char *publisher)
{
    struct fog_hash id;
    struct router_conf conf = {.zone = "fog.test",
                               .genesis = fog_buf_bytes(&kit.genesis_bytes),
                               .root_seed = kit.root_seed,
                               .seed = kit.hub_seed,
                               .public_addr = *at,
                               .public_port = fog_addr_port(at),
                               .any_publisher = strcmp(publisher, "*") == 0,
                               .publishers = &id,
                               .dev = true,
                               .k = 2};
    struct router_all_ports ports = {
        .clock = {NULL, hub_ms},
        .ca = {NULL, issue_cert},
        .grants = {NULL, issue_grant},
        .objects = {NULL, objects_has, objects_put, objects_get, objects_hold}};

    memcpy(ports.signer.key, kit.map_key.pub.b, 32);
    ports.signer.sign = sign;
    if (!conf.any_publisher) {
        if (fog_hex_decode(fog_bytes_str(publisher), id.b, sizeof id.b) != 0)
            return FOG_EFORMAT;
        conf.n_publishers = 1;
    }
    return router_new(loop, &conf, &ports, &router);
}

int main(int argc, char **argv)
{
    static const char *const alpn[] = {"h2", "http/1.1", NULL};
    static const uint8_t seed[16];
    struct fog_tls_server_conf tls_conf = {.pick = pick, .alpn = alpn};
    struct testca *ca = testca_new();
    struct fog_tls_server *tls;
    struct fog_http_server_conf conf = {.on_request = on_request};
    struct fog_listener *listener;
    struct fog_watch *watch;
    struct fog_addr at;

    fog_log_setup(FOG_LOG_UNUSUAL, "apifog");
    fogkit_init(&kit, 2);
    loop = fog_loop_new();
    store = fog_map_new(seed);
    server = fog_http_server_new(loop, &conf);
    FOG_ASSERT(argc == 2 && fog_addr_parse("127.0.0.1:0", &at) == 0);
    cert = testca_issue(ca, "api.fog.test");
    FOG_ASSERT(fog_tls_server_new(&tls_conf, &tls) == 0);
    FOG_ASSERT(fog_listener_new(loop, &at, tls, on_accept, NULL, &listener) == 0);
    fog_listener_addr(listener, &at);
    FOG_ASSERT(start_router(&at, argv[1]) == 0);
    printf("https://api.fog.test:%u %s\n", (unsigned)fog_addr_port(&at), testca_file(ca));
    fflush(stdout);
    watch = fog_watch_new(loop, STDIN_FILENO, on_input, NULL, NULL);
    fog_watch_want(watch, true, false);
    fog_loop_run(loop);
    fog_watch_free(&watch);
    fog_http_server_free(&server);
    router_free(&router);
    fog_listener_free(&listener);
    fog_tls_server_free(&tls);
    fog_tls_cert_unref(&cert);
    testca_free(&ca);
    fog_loop_free(&loop);
    return 0;
}
