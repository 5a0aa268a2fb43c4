/* One serving thread: listener, HTTP server, edge, RAM tier, fills; and the same without the public
 * side for the control loop of a box. */
#include "node/serve_in.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/names.h"
#include "core/http/server.h"
#include "core/io/conn.h"
#include "core/io/loop.h"
#include "core/obs/log.h"
#include "edge/edge.h"
#include "node/fill.h"
#include "node/glue_grants.h"
#include "node/glue_source.h"
#include "node/glue_steer.h"
#include "node/links.h"
#include "node/peers.h"
#include "node/serve_node.h"
#include "node/sites.h"
#include "storage/storage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FIGURES_MS   1000
#define CONTROL_RAM  ((size_t)1 << 20)
#define CALL_BACK_MS 3000

/* ---- what comes in ---- */

static void on_request(struct fog_http_req *req, void *arg)
{
    struct serve_loop *l = arg;
    uint8_t key[32];

    if (fog_conn_peer_key(fog_http_req_conn(req), key))
        serve_node_on_request(l->node, req);
    else if (l->serve->router == NULL || !role_router_on_request(l->serve->router, req))
        edge_on_request(req, l->edge);
}

static void on_accept(struct fog_conn *c, void *arg)
{
    struct serve_loop *l = arg;
    const char *alpn = fog_conn_alpn(c);
    uint8_t key[32];

    if (!fog_conn_peer_key(c, key)) {
        fog_http_server_adopt(l->http, c);
        return;
    }
    if (strcmp(alpn, "fog-lease/1") == 0 && l->serve->router != NULL)
        role_router_adopt_lease(l->serve->router, c);
    else if (peers_is_known(l->serve->peers, key) && strcmp(alpn, "fog-fill/1") == 0)
        fog_http_server_adopt(l->http, c);
    else if (peers_is_known(l->serve->peers, key) && strcmp(alpn, "fog-serve/1") == 0)
        links_adopt(l->links, c);
    else
        fog_conn_close(c); /* strangers get no node connection */
}

/* ---- dialling a peer that called (we accept nothing inbound) ---- */

struct call_back {
    struct serve_loop *l;
    struct fog_tls_client *tls;
    uint8_t key[32];
    struct fog_addr addr;
    struct fog_conn *conn;
};

static void call_back_free(struct call_back *cb)
{
    fog_tls_client_free(&cb->tls);
    free(cb);
}

static void cb_on_open(struct fog_conn *c, void *arg)
{
    struct call_back *cb = arg;
    struct serve_loop *l = cb->l;
    uint8_t key[32];

    if (!fog_conn_peer_key(c, key) || memcmp(key, cb->key, sizeof key) != 0) {
        fog_unusual("serve.call_back", "error=\"another peer answers\"");
        fog_conn_close(c);
        return;
    }
    fog_http_server_adopt(l->http, c);
    call_back_free(cb);
}

static size_t cb_on_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    (void)c;
    (void)in;
    (void)arg;
    return 0; /* kept for the HTTP server */
}

static void cb_on_drain(struct fog_conn *c, void *arg)
{
    (void)c;
    (void)arg;
}

static void cb_on_close(struct fog_conn *c, int err, void *arg)
{
    (void)c;
    fog_unusual("serve.call_back", "error=\"%s\"", fog_strerror(err));
    call_back_free(arg);
}

static void on_call_back(void *arg)
{
    static const struct fog_conn_ops ops = {cb_on_open, cb_on_read, cb_on_drain, cb_on_close};
    static const char *const alpn[] = {"fog-serve/1", NULL};
    struct call_back *cb = arg;
    const struct fog_tls_client_conf tls = {.node = cb->l->serve->node_cert, .alpn = alpn};
    const struct fog_addr_policy policy = {.allow_any = cb->l->serve->conf->dev};
    int rc;

    if ((rc = fog_addr_check(&cb->addr, &policy)) != 0 ||
        (rc = fog_tls_client_new(&tls, &cb->tls)) != 0 ||
        (rc = fog_conn_dial(cb->l->loop, &cb->addr, cb->tls, NULL, CALL_BACK_MS, &ops, cb,
                            &cb->conn)) != 0) {
        fog_unusual("serve.call_back", "error=\"%s\"", fog_strerror(rc));
        call_back_free(cb);
    }
}

void serve_loop_call_back(struct serve *s, const uint8_t key[32], const char *addr)
{
    struct call_back *cb;

    if (!peers_is_known(s->peers, key))
        return;
    cb = FOG_NEW(call_back);
    memcpy(cb->key, key, sizeof cb->key);
    cb->l = &s->loops[key[0] % s->n_loops];
    if (fog_addr_parse(addr, &cb->addr) != 0) {
        free(cb);
        return;
    }
    fog_loop_post(cb->l->loop, on_call_back, cb);
}

/* ---- liars and called peers: told to the control loop ---- */

struct lie_note {
    struct serve *s;
    struct fill_lie lie;
};

static void on_lie_note(void *arg)
{
    struct lie_note *n = arg;

    if (n->s->router != NULL)
        role_router_report(n->s->router, &n->lie);
    else
        role_box_report(n->s->box, &n->lie);
    free(n);
}

static void on_lie(void *arg, const struct fill_lie *lie)
{
    struct serve_loop *l = arg;
    struct lie_note *n = FOG_NEW(lie_note);

    n->s = l->serve;
    n->lie = *lie;
    fog_loop_post(l->serve->control->loop, on_lie_note, n);
}

static void on_site_changed(void *arg, const char *site)
{
    struct serve_loop *l = arg;

    if (l->edge != NULL)
        edge_pointer_changed(l->edge, site);
}

static void node_status(void *arg, struct fog_buf *out)
{
    struct serve_loop *l = arg;

    serve_status_short(l->serve, out);
}

static void on_figures(void *arg)
{
    struct serve_loop *l = arg;

    if (l->edge != NULL) {
        atomic_store(&l->bytes_sent, edge_stats(l->edge)->bytes_sent + serve_node_bytes(l->node));
        atomic_store(&l->active, (uint32_t)edge_stats(l->edge)->req_open);
        atomic_store(&l->conns, fog_http_server_open(l->http));
    }
    atomic_store(&l->fill_lies, fill_stats(l->fill)->lies);
    fog_timer_start(l->figures, FIGURES_MS);
}

/* ---- life ---- */

static int make_edge(struct serve_loop *l)
{
    struct serve *s = l->serve;
    struct edge_conf conf = {
        .zone = s->conf->zone,
        .box_label = s->router == NULL ? s->label : "",
        .version = SERVE_VERSION,
        .port = s->router == NULL ? (uint16_t)s->conf->gateway_port
                                  : fog_addr_port(&s->conf->advertise_addr),
        .source = glue_source_port(l->source),
        .hub_ms = node_clock_port,
        .hub_arg = &s->clock,
    };

    if (s->router != NULL) {
        l->steer = glue_steer_new(role_router_steer(s->router));
        conf.steer = glue_steer_port(l->steer);
    } else if (role_box_ledger(s->box) != NULL) {
        l->grants =
            glue_grants_new(l->loop, role_box_ledger(s->box), &s->clock, s->genesis.chain_id == 0);
        conf.grants = glue_grants_port(l->grants);
    }
    return edge_new(l->loop, &conf, &l->edge);
}

/* The public side; needs everything else of the process (ledger, router). */
int serve_loop_listen(struct serve_loop *l)
{
    struct serve *s = l->serve;
    unsigned per_loop = (unsigned)s->conf->connections / s->n_loops;
    const struct fog_http_server_conf http = {
        .limits = {.connections = per_loop < 8 ? 8 : per_loop}, .on_request = on_request, .arg = l};
    const struct serve_node_conf node = {
        .store = l->store, .peers = s->peers, .status = node_status, .arg = l};
    int rc;

    l->node = serve_node_new(&node);
    if ((rc = make_edge(l)) != 0)
        return rc;
    l->http = fog_http_server_new(l->loop, &http);
    rc = fog_listener_new(l->loop, &s->conf->listen_addr, s->tls, on_accept, l, &l->listener);
    if (rc != 0)
        fprintf(stderr, "fogd: cannot listen on %s: %s%s\n", s->conf->listen, fog_strerror(rc),
                rc == -EADDRINUSE      ? "; another program has the port, change 'listen'"
                : rc == -EACCES        ? "; ports below 1024 need CAP_NET_BIND_SERVICE"
                : rc == -EADDRNOTAVAIL ? "; this machine has no such address"
                                       : "");
    return rc;
}

int serve_loop_init(struct serve_loop *l, struct serve *s, unsigned index, bool serving)
{
    struct fill_conf fill;

    l->serve = s;
    l->index = index;
    l->loop = fog_loop_new();
    l->store = storage_loop_new(s->store, l->loop,
                                serving ? (size_t)s->conf->ram / s->n_loops : CONTROL_RAM);
    l->links = links_loop_new(s->links, index, l->loop);
    fill = (struct fill_conf){.loop = l->loop,
                              .store = l->store,
                              .links = l->links,
                              .peers = s->peers,
                              .table = s->fills,
                              .on_lie = on_lie,
                              .arg = l};
    l->fill = fill_new(&fill);
    l->figures = fog_timer_new(l->loop, on_figures, l);
    fog_timer_start(l->figures, FIGURES_MS);
    return 0;
}

/* Needs the table of sites, which is made between the two. */
void serve_loop_attach_sites(struct serve_loop *l)
{
    l->sites = sites_loop_new(l->serve->sites, l->loop, on_site_changed, l);
    l->source = glue_source_new(l->store, l->fill, l->sites);
}

static void on_all_gone(void *arg)
{
    struct serve *s = arg;

    serve_loop_drained(s);
}

static void on_drained(void *arg)
{
    struct serve_loop *l = arg;

    fog_loop_post(l->serve->control->loop, on_all_gone, l->serve);
}

static void on_drain(void *arg)
{
    struct serve_loop *l = arg;

    fog_listener_free(&l->listener);
    fog_http_server_drain(l->http, on_drained, l);
}

void serve_loop_drain(struct serve_loop *l)
{
    fog_loop_post(l->loop, on_drain, l);
}

void serve_loop_fini(struct serve_loop *l)
{
    if (l->loop == NULL)
        return;
    fog_listener_free(&l->listener);
    if (l->http != NULL)
        fog_http_server_free(&l->http);
    if (l->edge != NULL)
        edge_free(&l->edge);
    glue_source_free(&l->source);
    glue_grants_free(&l->grants);
    glue_steer_free(&l->steer);
    serve_node_free(&l->node);
    fill_free(&l->fill);
    links_loop_free(&l->links);
    sites_loop_free(&l->sites);
    storage_loop_free(&l->store);
    fog_timer_free(&l->figures);
}
