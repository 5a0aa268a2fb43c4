#include "tests/lib/routerkit.h"

#include "core/base/assert.h"
#include "core/crypto/x509.h"
#include "core/obs/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct routerkit rk;
static struct fog_timer *watchdog, *poll_timer;
static bool timed_out;
static char ca_file[] = "/tmp/fog-routerkit-ca-XXXXXX";
static struct fog_tls_server *hub_tls;
static struct fog_tls_cert *hub_cert;

static void on_watchdog(void *arg)
{
    (void)arg;
    timed_out = true;
    fog_loop_stop(rk.loop);
}

static bool (*waiting_for)(void);

static void on_poll(void *arg)
{
    (void)arg;
    if (waiting_for != NULL && waiting_for())
        fog_loop_stop(rk.loop);
    else
        fog_timer_start(poll_timer, 2);
}

void routerkit_until(bool (*cond)(void))
{
    waiting_for = cond;
    timed_out = false;
    fog_timer_start(watchdog, 8000);
    fog_timer_start(poll_timer, 0);
    fog_loop_run(rk.loop);
    fog_timer_stop(watchdog);
    fog_timer_stop(poll_timer);
    assert_false(timed_out);
}

/* --- ports --- */

static fog_time_ms hub_ms(void *arg)
{
    (void)arg;
    return fog_wall_ms() + rk.clock_shift;
}

static void sign(void *arg, uint16_t type, struct fog_bytes body,
                 void (*done)(void *ctx, int err, const uint8_t sig[64]), void *ctx)
{
    struct fog_sig sig;

    (void)arg;
    fog_sign(&rk.kit.map_key, (enum fog_sign_type)type, &rk.kit.fog_id, body, &sig);
    done(ctx, 0, sig.b);
}

static void issue_cert(void *arg, const struct router_ca_request *req,
                       void (*done)(void *ctx, int err, struct fog_bytes chain), void *ctx)
{
    const char *name = req->dns_name;
    struct fog_x509_leaf leaf = {.spki = fog_bytes_of(req->spki, req->spki_len),
                                 .dns_names = &name,
                                 .n_dns_names = 1,
                                 .not_before = req->not_before,
                                 .not_after = req->not_after,
                                 .serial = {1, 2, 3}};
    struct fog_buf chain = {0};
    int rc = fog_x509_issue(fog_buf_bytes(&rk.ca_key), fog_buf_bytes(&rk.ca_cert), &leaf, &chain);

    (void)arg;
    done(ctx, rc, fog_buf_bytes(&chain));
    fog_buf_fini(&chain);
}

static void issue_grant(void *arg, const struct router_grant_ask *ask,
                        void (*done)(void *ctx, int err, const struct router_grant *grant),
                        void *ctx)
{
    struct router_grant g = {.text = "GRANT"};

    (void)arg;
    g.not_after = (uint32_t)(fog_wall_ms() / 1000) + ask->life_s;
    rk.grants_signed++;
    done(ctx, 0, &g);
}

static void objects_has(void *arg, const struct router_ref *refs, size_t n,
                        void (*done)(void *ctx, int err, const bool *present), void *ctx)
{
    bool *present = calloc(n + 1, sizeof *present);

    (void)arg;
    for (size_t i = 0; i < n; i++)
        present[i] = fog_map_get(rk.store, fog_bytes_of(refs[i].id.b, 32)) != NULL;
    done(ctx, 0, present);
    free(present);
}

static void objects_put(void *arg, const struct router_ref *ref, struct fog_bytes bytes,
                        void (*done)(void *ctx, int err), void *ctx)
{
    struct fog_buf *b = FOG_NEW(fog_buf);

    (void)arg;
    fog_buf_append(b, bytes.p, bytes.len);
    b = fog_map_put(rk.store, fog_bytes_of(ref->id.b, 32), b);
    if (b != NULL) {
        fog_buf_fini(b);
        free(b);
    }
    if (done != NULL)
        done(ctx, 0);
}

static void objects_get(void *arg, const struct router_ref *ref,
                        void (*done)(void *ctx, int err, struct fog_bytes bytes), void *ctx)
{
    const struct fog_buf *b = fog_map_get(rk.store, fog_bytes_of(ref->id.b, 32));

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

static void check_deal(void *arg, const struct fog_hash *publisher_id, const uint8_t owner[20],
                       void (*done)(void *ctx, int err, const char *why), void *ctx)
{
    (void)arg;
    (void)publisher_id;
    (void)owner;
    done(ctx, rk.allow_publishers ? 0 : FOG_EDENIED, "no deal names this publisher");
}

void routerkit_put(uint8_t kind, const struct fog_hash *id, struct fog_bytes bytes)
{
    struct router_ref ref = {.kind = kind, .id = *id, .len = (uint32_t)bytes.len};

    objects_put(NULL, &ref, bytes, NULL, NULL);
}

void routerkit_forget(const struct fog_hash *id)
{
    struct fog_buf *gone = fog_map_del(rk.store, fog_bytes_of(id->b, 32));

    fog_buf_fini(gone);
    free(gone);
}

static void on_hub_accept(struct fog_conn *c, void *arg)
{
    (void)arg;
    assert_string_equal(fog_conn_alpn(c), "fog-lease/1");
    router_adopt_lease(rk.router, c);
}

void routerkit_start(void)
{
    static const char *const alpn[] = {"fog-lease/1", NULL};
    struct router_conf conf = {0};
    struct router_all_ports ports = {
        .clock = {NULL, hub_ms}, .ca = {NULL, issue_cert}, .grants = {NULL, issue_grant}};
    static const uint8_t seed[16] = "store", serial[16] = {7};

    fog_log_setup(FOG_LOG_BROKEN, "test");
    fogkit_init(&rk.kit, 2);
    rk.loop = fog_loop_new();
    watchdog = fog_timer_new(rk.loop, on_watchdog, NULL);
    poll_timer = fog_timer_new(rk.loop, on_poll, NULL);
    rk.store = fog_map_new(seed);
    assert_int_equal(fog_x509_key_new(&rk.ca_key), 0);
    assert_int_equal(fog_x509_ca_make(fog_buf_bytes(&rk.ca_key), "test CA", 1000, 4000000000,
                                      serial, &rk.ca_cert),
                     0);
    {
        int fd = mkstemp(ca_file);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, rk.ca_cert.data, rk.ca_cert.len), (ssize_t)rk.ca_cert.len);
        close(fd);
        conf.ca_file = ca_file;
    }
    assert_int_equal(fog_tls_cert_node(rk.kit.hub_seed, &hub_cert), 0);
    assert_int_equal(
        fog_tls_server_new(&(struct fog_tls_server_conf){.node = hub_cert, .node_alpn = alpn},
                           &hub_tls),
        0);
    assert_int_equal(fog_addr_parse("127.0.0.1:0", &conf.public_addr), 0);
    assert_int_equal(fog_listener_new(rk.loop, &conf.public_addr, hub_tls, on_hub_accept, NULL,
                                      &rk.hub_listener),
                     0);
    fog_listener_addr(rk.hub_listener, &conf.public_addr);
    memcpy(ports.signer.key, rk.kit.map_key.pub.b, 32);
    ports.signer.sign = sign;
    ports.objects = (struct router_objects){
        .has = objects_has, .put = objects_put, .get = objects_get, .hold = objects_hold};
    conf.zone = "fog.test";
    conf.genesis = fog_buf_bytes(&rk.kit.genesis_bytes);
    conf.root_seed = rk.kit.root_seed;
    conf.seed = rk.kit.hub_seed;
    conf.public_port = fog_addr_port(&conf.public_addr);
    ports.deals = (struct router_deals){.check = check_deal};
    rk.allow_publishers = true;
    conf.dns_listen = "127.0.0.1:0";
    conf.dev = true;
    conf.k = 2;
    conf.grace_ms = 50;
    assert_int_equal(router_new(rk.loop, &conf, &ports, &rk.router), 0);
}

void routerkit_stop(void)
{
    size_t at = 0;
    struct fog_buf *o;

    router_free(&rk.router);
    unlink(ca_file);
    fog_listener_free(&rk.hub_listener);
    fog_tls_server_free(&hub_tls);
    fog_tls_cert_unref(&hub_cert);
    fog_timer_free(&watchdog);
    fog_timer_free(&poll_timer);
    while ((o = fog_map_next(rk.store, &at, NULL)) != NULL) {
        fog_buf_fini(o);
        free(o);
    }
    fog_map_free(&rk.store);
    fog_buf_fini(&rk.ca_key);
    fog_buf_fini(&rk.ca_cert);
    fogkit_fini(&rk.kit);
    fog_loop_free(&rk.loop);
}
