/* A router instance in its process: fills the router's ports, carries what it says to the others.
 */
#include "node/serve_in.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/names.h"
#include "core/content/pointer.h"
#include "core/crypto/rng_system.h"
#include "core/crypto/x509.h"
#include "core/http/server.h"
#include "core/io/loop.h"
#include "core/io/tls.h"
#include "core/obs/log.h"
#include "edge/cert.h"
#include "node/fill.h"
#include "node/glue_objects.h"
#include "node/home.h"
#include "node/keyc.h"
#include "node/peers.h"
#include "node/role_house.h"
#include "node/sites.h"
#include "router/cellmap.h"
#include "router/router.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TLS_KEY        HOME_TLS "/key.pem"
#define TLS_CERT       HOME_TLS "/cert.pem"
#define PEM_MAX        65536
#define CERT_LIFE_S    (90 * 86400)
#define CERT_BACK_S    3600
#define CERT_RENEW_S   (30 * 86400)
#define CERT_LOOK_MS   3600000
#define CERT_RETRY_MS  5000
#define PUBLISHERS_MAX 4096

struct role_router {
    struct serve *serve;
    struct router *router;
    struct house_role *house;
    struct glue_objects *objects;
    struct fog_hash *publishers;
    size_t n_publishers;
    bool any_publisher;
    struct fog_buf key_pem;
    char pattern[FOG_HOST_MAX + 1];
    char ca_file[NODE_PATH_MAX];
    int64_t cert_not_after;
    struct fog_timer *cert_timer;
};

/* ---- keyd behind the ports ---- */

static void sign(void *arg, uint16_t type, struct fog_bytes body,
                 void (*done)(void *ctx, int err, const uint8_t sig[64]), void *ctx)
{
    struct role_router *r = arg;

    keyc_sign(r->serve->keyc, type, body, done, ctx);
}

struct cert_note {
    void (*done)(void *ctx, int err, struct fog_bytes chain_pem);
    void *ctx;
};

static void on_issued(void *ctx, const struct keyd_answer *a)
{
    struct cert_note *n = ctx;

    n->done(n->ctx, a->err, a->pem);
    free(n);
}

static void issue_cert(void *arg, const struct router_ca_request *ask,
                       void (*done)(void *ctx, int err, struct fog_bytes chain_pem), void *ctx)
{
    struct role_router *r = arg;
    const struct claim_signer *signer = keyc_signer(r->serve->keyc);
    struct keyd_req req = {.kind = KEYD_ISSUE_CERT};
    struct cert_note *n = FOG_NEW(cert_note);

    req.cert.spki = fog_bytes_of(ask->spki, ask->spki_len);
    (void)fog_strcpy(req.cert.dns_name, sizeof req.cert.dns_name, fog_bytes_str(ask->dns_name));
    req.cert.not_before = ask->not_before;
    req.cert.not_after = ask->not_after;
    n->done = done;
    n->ctx = ctx;
    signer->sign(signer->arg, &req, on_issued, n);
}

/* ---- the instance's own certificate: *.<zone> ---- */

static int install_cert(struct role_router *r, struct fog_bytes chain)
{
    struct fog_tls_cert *cert;
    int rc = fog_tls_cert_from_pem(chain, fog_buf_bytes(&r->key_pem), &cert);

    if (rc != 0)
        return rc;
    r->cert_not_after = fog_tls_cert_not_after(cert);
    rc = edge_certs_set(r->serve->certs, r->pattern, cert);
    fog_tls_cert_unref(&cert);
    return rc;
}

static void on_own_cert(void *ctx, int err, struct fog_bytes chain)
{
    struct role_router *r = ctx;
    int rc = err;

    if (rc == 0 && (rc = install_cert(r, chain)) == 0)
        rc = home_write(r->serve->conf, TLS_CERT, chain, 0644);
    if (rc != 0) {
        fog_unusual("router.cert", "name=%s error=\"%s\"", r->pattern, fog_strerror(rc));
        fog_timer_start(r->cert_timer, CERT_RETRY_MS);
    }
}

static void on_cert_timer(void *arg)
{
    struct role_router *r = arg;
    struct router_ca_request ask = {0};
    struct fog_buf spki = {0};
    int64_t now_s = fog_wall_ms() / 1000;

    fog_timer_start(r->cert_timer, CERT_LOOK_MS);
    if (r->cert_not_after - CERT_RENEW_S > now_s)
        return;
    if (fog_x509_spki_of(fog_buf_bytes(&r->key_pem), &spki) == 0 && spki.len <= sizeof ask.spki) {
        memcpy(ask.spki, spki.data, spki.len);
        ask.spki_len = spki.len;
        ask.not_before = now_s - CERT_BACK_S;
        ask.not_after = now_s + CERT_LIFE_S;
        (void)fog_strcpy(ask.dns_name, sizeof ask.dns_name, fog_bytes_str(r->pattern));
        issue_cert(r, &ask, on_own_cert, r);
    }
    fog_buf_fini(&spki);
}

static int load_cert(struct role_router *r)
{
    const struct node_conf *conf = r->serve->conf;
    struct fog_buf chain = {0};
    int rc = home_read(conf, TLS_KEY, PEM_MAX, &r->key_pem);

    if (rc == -ENOENT) {
        rc = fog_x509_key_new(&r->key_pem);
        return rc != 0 ? rc : home_write(conf, TLS_KEY, fog_buf_bytes(&r->key_pem), 0600);
    }
    if (rc == 0)
        rc = home_read(conf, TLS_CERT, PEM_MAX, &chain);
    if (rc == 0 && install_cert(r, fog_buf_bytes(&chain)) != 0)
        r->cert_not_after = 0; /* issued again */
    fog_buf_fini(&chain);
    return rc == -ENOENT ? 0 : rc;
}

/* ---- what the router says ---- */

static void on_map(void *arg)
{
    struct role_router *r = arg;
    const struct cellmap *map;

    if (r->router == NULL || (map = router_cellmap(r->router)) == NULL)
        return;
    peers_set_map(r->serve->peers, (struct cellmap *)(uintptr_t)map); /* shared by count */
    house_role_on_map(r->house, map);
}

static void on_pointer(void *arg, const uint8_t site[10], struct fog_bytes pointer,
                       struct fog_bytes keydoc, struct fog_bytes delegate)
{
    struct role_router *r = arg;
    struct fog_site_id id;
    struct fog_pointer p;
    int rc;

    memcpy(id.b, site, sizeof id.b);
    rc = sites_take(r->serve->sites, &id, pointer, keydoc, delegate);
    if (rc != 0 && rc != FOG_ESTALE)
        fog_unusual("router.pointer", "error=\"%s\"", fog_strerror(rc));
    if (fog_pointer_decode(pointer, &p) == 0)
        house_role_on_publisher(r->house, &p.publisher_id);
}

static int send_to_box(void *arg, const uint8_t box[32], uint16_t type, struct fog_bytes body)
{
    struct role_router *r = arg;

    return r->router == NULL ? -ENOTCONN : router_send(r->router, box, type, body);
}

/* ---- what others ask of the router ---- */

void role_router_report(struct role_router *r, const struct fill_lie *lie)
{
    struct fog_wire_report w = {.chunk = lie->chunk.id,
                                .len = lie->chunk.len,
                                .leaf = lie->leaf,
                                .expected = lie->expected,
                                .got = lie->got};

    memcpy(w.peer, lie->peer, sizeof w.peer);
    router_report(r->router, &w);
}

void role_router_call_peer(struct role_router *r, const uint8_t key[32])
{
    if (router_call_peer(r->router, key) != 0)
        fog_debug("router.call_peer", "error=\"no lease\"%s", "");
}

void role_router_adopt_lease(struct role_router *r, struct fog_conn *c)
{
    router_adopt_lease(r->router, c);
}

bool role_router_on_request(struct role_router *r, struct fog_http_req *req)
{
    struct fog_host host;

    if (fog_host_parse(fog_http_req_authority(req), r->serve->conf->zone, &host) != 0 ||
        host.kind != FOG_HOST_API)
        return false;
    router_on_request(r->router, req, false);
    return true;
}

void role_router_on_admin(struct role_router *r, struct fog_http_req *req)
{
    router_on_request(r->router, req, true);
}

struct steer *role_router_steer(struct role_router *r)
{
    return router_steer(r->router);
}

/* SIGHUP: the certificate files may be newer than what is presented. */
void role_router_reload(struct role_router *r)
{
    struct fog_buf chain = {0};
    int rc = home_read(r->serve->conf, TLS_CERT, PEM_MAX, &chain);

    if (rc == 0)
        rc = install_cert(r, fog_buf_bytes(&chain));
    if (rc != 0)
        fog_unusual("router.reload", "error=\"%s\"", fog_strerror(rc));
    else
        fog_info("router.reload", "certificate=%s", r->pattern);
    fog_buf_fini(&chain);
}

/* ---- life ---- */

static int read_publishers(struct role_router *r)
{
    const struct fog_conf_list *l = &r->serve->conf->router_publishers;

    if (l->n > PUBLISHERS_MAX)
        return FOG_ELIMIT;
    r->publishers = fog_alloc((l->n + 1) * sizeof *r->publishers);
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->v[i], "*") == 0) {
            r->any_publisher = true;
        } else if (fog_hex_decode(fog_bytes_str(l->v[i]), r->publishers[r->n_publishers].b, 32) !=
                   0) {
            fprintf(stderr,
                    "fogd: 'router.publishers': '%.80s' is no publisher id (64 hex digits) "
                    "and not \"*\"\n",
                    l->v[i]);
            return FOG_ECONFIG;
        } else {
            r->n_publishers++;
        }
    }
    return 0;
}

static const char *or_null(const char *s)
{
    return s[0] == '\0' ? NULL : s;
}

static int make_router(struct role_router *r)
{
    struct serve *s = r->serve;
    const struct node_conf *c = s->conf;
    struct router_all_ports ports = {
        .clock = {.arg = &s->clock, .hub_ms = node_clock_port},
        .signer = {.arg = r, .sign = sign},
        .objects = glue_objects_port(r->objects),
        .ca = {.arg = r, .issue = issue_cert},
        .events = {.arg = r, .on_pointer = on_pointer, .on_map = on_map},
    };
    uint8_t root[32];
    bool has_root = home_key(c, HOME_ROOT, root, sizeof root) == 0;
    const struct router_conf conf = {
        .zone = c->zone,
        .state_dir = c->state,
        .genesis = fog_buf_bytes(&s->genesis_bytes),
        .root_seed = has_root ? root : NULL,
        .seed = s->seed,
        .public_addr = c->advertise_addr,
        .public_port = fog_addr_port(&c->advertise_addr),
        .ca_file = r->ca_file,
        .dns_listen = or_null(c->router_dns),
        .geo_db = or_null(c->router_geo),
        .prefix_map = or_null(c->router_prefixes),
        .publishers = r->publishers,
        .n_publishers = r->n_publishers,
        .any_publisher = r->any_publisher,
        .dev = c->dev,
        .k = (unsigned)c->router_k,
        .grace_ms = c->router_grace,
    };
    int rc;

    memcpy(ports.signer.key, s->keys.addresses.ed25519, sizeof ports.signer.key);
    house_role_ports(r->house, &ports.grants, &ports.deals, &ports.money);
    rc = router_new(s->control->loop, &conf, &ports, &r->router);
    if (rc != 0)
        fprintf(stderr, "fogd: the router role cannot start: %s\n", fog_strerror(rc));
    fog_wipe(root, sizeof root);
    return rc;
}

int role_router_new(struct serve *s, struct role_router **out)
{
    struct role_router *r = FOG_NEW(role_router);
    const struct house_role_conf house = {.serve = s, .send = send_to_box, .arg = r};
    int rc;

    r->serve = s;
    (void)snprintf(r->pattern, sizeof r->pattern, "*.%s", s->conf->zone);
    node_path(s->conf, HOME_CA_CERT, r->ca_file);
    r->cert_timer = fog_timer_new(s->control->loop, on_cert_timer, r);
    r->objects = glue_objects_new(s->control->loop, s->store, s->control->store, s->hold);
    if ((rc = read_publishers(r)) != 0 || (rc = load_cert(r)) != 0 ||
        (rc = house_role_new(&house, &r->house)) != 0 || (rc = make_router(r)) != 0) {
        role_router_free(&r);
        return rc;
    }
    *out = r;
    return 0;
}

int role_router_start(struct role_router *r)
{
    on_map(r);
    fog_timer_start(r->cert_timer, 0);
    return 0;
}

void role_router_free(struct role_router **pr)
{
    struct role_router *r = *pr;

    *pr = NULL;
    if (r == NULL)
        return;
    router_free(&r->router);
    house_role_free(&r->house);
    glue_objects_free(&r->objects);
    fog_timer_free(&r->cert_timer);
    if (r->key_pem.data != NULL)
        fog_wipe(r->key_pem.data, r->key_pem.len);
    fog_buf_fini(&r->key_pem);
    free(r->publishers);
    free(r);
}
