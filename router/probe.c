#include "router/probe.h"

#include "core/base/assert.h"
#include "core/http/client.h"
#include "core/io/conn.h"
#include "core/obs/log.h"
#include "router/mapper.h"
#include "router/probe_audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PROBES_MAX 4096 /* in flight */

enum dial_why { DIAL_ADDRESS, DIAL_ALIVE };

struct dial {
    struct fog_link link;
    struct probes *p;
    struct fog_conn *conn;
    uint8_t key[32];
    struct fog_addr addr;
    enum dial_why why;
};

struct ask {
    struct fog_link link;
    struct probes *p;
    struct fog_http_call *call;
    uint8_t key[32];
};

struct probes {
    struct router *r;
    struct fog_http_client *http;
    struct fog_list dials, asks;
    unsigned n;
    struct audits *audits;
};

/* Box names lead to the address in our records, whatever a resolver says. */
static bool resolve(void *arg, const char *host, uint16_t port, struct fog_addr *out)
{
    struct probes *p = arg;
    struct record_box *b;
    struct fog_host h;
    size_t at = 0;

    (void)port;
    if (fog_host_parse(fog_bytes_str(host), p->r->conf.zone, &h) != 0 || h.kind != FOG_HOST_BOX)
        return false;
    while ((b = records_next_box(p->r->rec, &at)) != NULL) {
        struct fog_box_id id;
        fog_box_id_of(b->key, &id);
        if (memcmp(id.b, h.box.b, sizeof id.b) == 0 && b->addr.u.sa.sa_family != 0) {
            *out = b->addr;
            return true;
        }
    }
    return false;
}

int probes_new(struct router *r, struct probes **out)
{
    struct probes *p = FOG_NEW(probes);
    struct fog_http_client_conf conf = {
        .ca_file = r->conf.ca_file,
        .policy = {.allow_any = true}, /* only addresses of dialled-back records */
        .connect_ms = LEASE_PROBE_MS,
        .response_ms = LEASE_PROBE_MS,
        .stall_ms = LEASE_PROBE_MS,
        .resolve = resolve,
        .resolve_arg = p};

    p->r = r;
    fog_list_init(&p->dials);
    fog_list_init(&p->asks);
    p->http = fog_http_client_new(r->loop, &conf);
    p->audits = audits_new(r);
    if (p->http == NULL) {
        probes_free(&p);
        return FOG_ECONFIG;
    }
    *out = p;
    return 0;
}

static void dial_free(struct dial *d)
{
    fog_link_remove(&d->link);
    d->p->n--;
    free(d);
}

void probes_free(struct probes **pp)
{
    struct probes *p = *pp;

    *pp = NULL;
    if (p == NULL)
        return;
    fog_http_client_free(&p->http); /* cancels without callbacks */
    audits_free(&p->audits);
    FOG_LIST_EACH(&p->asks, it)
    {
        fog_link_remove(it);
        free(FOG_CONTAINER(it, ask, link));
    }
    FOG_LIST_EACH(&p->dials, it)
    {
        struct dial *d = FOG_CONTAINER(it, dial, link);
        fog_conn_adopt(d->conn, NULL, NULL);
        fog_conn_abort(d->conn);
        dial_free(d);
    }
    free(p);
}

/* --- the node connection: is it the box's key? --- */

static void dial_result(struct dial *d, bool ok)
{
    struct router *r = d->p->r;
    struct record_box *b = records_box(r->rec, d->key);

    if (d->why == DIAL_ALIVE) {
        leases_on_probe(r->leases, d->key, ok, router_now(r));
        router_kick(r);
        return;
    }
    if (b == NULL || b->addr.u.sa.sa_family == 0 || !fog_addr_ip_eq(&b->addr, &d->addr) ||
        fog_addr_port(&b->addr) != fog_addr_port(&d->addr))
        return; /* it has moved meanwhile */
    if (!ok) {
        char label[FOG_BOX_LABEL_LEN + 1];
        router_label(d->key, label);
        fog_unusual(
            "probe.dialback",
            "box=%s: nothing with its key answers at its address; it stores but does not serve",
            label);
    }
    if (b->verified != ok) {
        b->verified = ok;
        records_put_box(r->rec, b, NULL, NULL);
        mapper_boxes_changed(r->mapper);
    }
}

static void on_dial_open(struct fog_conn *c, void *arg)
{
    struct dial *d = arg;
    uint8_t key[32];
    bool ok = fog_conn_peer_key(c, key) && memcmp(key, d->key, sizeof key) == 0;

    dial_result(d, ok);
    fog_conn_adopt(c, NULL, NULL);
    fog_conn_close(c);
    dial_free(d);
}

static size_t on_dial_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    (void)c;
    (void)arg;
    return in.len;
}

static void on_dial_close(struct fog_conn *c, int err, void *arg)
{
    struct dial *d = arg;

    (void)c;
    (void)err;
    dial_result(d, false);
    dial_free(d);
}

static void dial(struct probes *p, const uint8_t key[32], const struct fog_addr *addr,
                 enum dial_why why, fog_time_ms limit_ms)
{
    static const struct fog_conn_ops ops = {
        .on_open = on_dial_open, .on_read = on_dial_read, .on_close = on_dial_close};
    struct dial *d;
    int rc;

    if (p->n >= PROBES_MAX)
        return; /* a probe without an answer fails by its own deadline */
    d = FOG_NEW(dial);
    d->p = p;
    d->addr = *addr;
    d->why = why;
    memcpy(d->key, key, sizeof d->key);
    rc = fog_conn_dial(p->r->loop, addr, p->r->dialler, NULL, limit_ms, &ops, d, &d->conn);
    if (rc != 0) {
        fog_unusual("probe.dial", "error=%s", fog_errname(rc));
        free(d);
        return;
    }
    p->n++;
    fog_list_push_back(&p->dials, &d->link);
}

void probes_dialback(struct probes *p, const uint8_t key[32], const struct fog_addr *addr)
{
    dial(p, key, addr, DIAL_ADDRESS, PROBE_DIALBACK_MS);
}

/* --- the public side: does it answer viewers? --- */

static void on_answer(int err, int status, const struct fog_http_header *headers, size_t n,
                      struct fog_bytes body, void *arg)
{
    struct ask *a = arg;
    struct router *r = a->p->r;

    (void)headers;
    (void)n;
    (void)body;
    fog_info("probe.answer", "box=%02x%02x%02x%02x err=%s status=%d", a->key[0], a->key[1],
             a->key[2], a->key[3], fog_errname(err), status);
    fog_link_remove(&a->link);
    a->p->n--;
    leases_on_probe(r->leases, a->key, err == 0 && status == 200, router_now(r));
    router_kick(r);
    free(a);
}

static void ask_public(struct probes *p, const struct record_box *b)
{
    struct fog_http_fetch f = {0};
    char label[FOG_BOX_LABEL_LEN + 1], url[512];
    struct ask *a;
    int rc;

    if (p->n >= PROBES_MAX)
        return;
    router_label(b->key, label);
    /* Any site label does: the certificate is a wildcard, and the path is answered on every host.
     */
    snprintf(url, sizeof url, "https://aaaaaaaaaaaaaaaa.%s.%s:%u/.well-known/fogbank", label,
             p->r->conf.zone, fog_addr_port(&b->addr));
    f.url = url;
    a = FOG_NEW(ask);
    a->p = p;
    memcpy(a->key, b->key, sizeof a->key);
    fog_list_push_back(&p->asks, &a->link);
    p->n++;
    rc = fog_http_fetch_all(p->http, &f, 65536, on_answer, a, &a->call);
    if (rc != 0)
        on_answer(rc, 0, NULL, 0, (struct fog_bytes){0}, a);
}

void probes_ask(struct probes *p, const uint8_t key[32])
{
    const struct record_box *b = records_box(p->r->rec, key);

    if (b == NULL)
        return;
    if (!b->verified)
        leasewire_probe(p->r, key); /* nobody can reach it: its lease is all there is */
    else if (b->cert_until > fog_wall_ms() / 1000)
        ask_public(p, b);
    else
        dial(p, key, &b->addr, DIAL_ALIVE, LEASE_PROBE_MS);
}

void probes_audit(struct probes *p, const struct probe_leaf *what,
                  void (*done)(void *ctx, int err, const struct fog_hash *expected,
                               const struct fog_hash *got),
                  void *ctx)
{
    audits_ask(p->audits, what, done, ctx);
}
