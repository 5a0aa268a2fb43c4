/* Lease connections on the hub's side: frames in, calls to the modules, frames out. */
#include "router/ca.h"
#include "router/copies.h"
#include "router/core.h"
#include "router/mapper.h"
#include "router/probe.h"
#include "router/verdict.h"
#include "router/welcome.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/io/conn.h"
#include "core/obs/log.h"

#include <errno.h>
#include <stdlib.h>

static const struct fog_conn_ops conn_ops;

static struct lconn *find(const struct router *r, const uint8_t box[32])
{
    FOG_LIST_EACH(&r->conns, it)
    {
        struct lconn *l = FOG_CONTAINER(it, lconn, link);
        if (l->state == LCONN_LEASED && memcmp(l->key, box, 32) == 0)
            return l;
    }
    return NULL;
}

void lconn_send(struct lconn *l, uint16_t type, struct fog_bytes body)
{
    struct fog_buf b = {0};
    size_t mark;

    /* A box that does not read is no reason to fill our memory. */
    if (fog_conn_queued(l->conn) > LCONN_QUEUE_MAX) {
        fog_unusual("lease.slow", "box=%s queued=%zu", l->label, fog_conn_queued(l->conn));
        fog_conn_abort(l->conn);
        return;
    }
    mark = fog_frame_begin(&b, type);
    fog_buf_append(&b, body.p, body.len);
    fog_frame_end(&b, mark);
    fog_conn_write(l->conn, fog_buf_bytes(&b));
    fog_buf_fini(&b);
}

void lconn_refuse(struct lconn *l, uint16_t about, unsigned code, bool fatal, uint32_t retry_ms,
                  const char *text)
{
    struct fog_wire_refuse m = {
        .about = about, .code = (uint16_t)code, .fatal = fatal, .retry_ms = retry_ms};
    struct fog_buf b = {0};

    fog_strcpy(m.text, sizeof m.text, fog_bytes_str(text));
    fog_wire_put_refuse(&b, &m);
    lconn_send(l, FOG_WIRE_REFUSE, fog_buf_bytes(&b));
    fog_buf_fini(&b);
    if (fatal) {
        fog_unusual("lease.refused", "box=%s about=%s code=%u text=\"%s\"", l->label,
                    fog_wire_name(about), code, text);
        l->state = LCONN_CLOSING;
        fog_conn_close(l->conn);
    }
}

int leasewire_send(struct router *r, const uint8_t box[32], uint16_t type, struct fog_bytes body)
{
    struct lconn *l = find(r, box);

    if (l == NULL)
        return -ENOTCONN;
    lconn_send(l, type, body);
    return 0;
}

void leasewire_send_all(struct router *r, uint16_t type, struct fog_bytes body)
{
    FOG_LIST_EACH(&r->conns, it)
    {
        struct lconn *l = FOG_CONTAINER(it, lconn, link);
        if (l->state == LCONN_LEASED)
            lconn_send(l, type, body);
    }
}

void leasewire_drop(struct router *r, const uint8_t box[32], const char *text)
{
    struct lconn *l = find(r, box);

    if (l != NULL)
        lconn_refuse(l, FOG_WIRE_HELLO, FOG_REFUSE_REVOKED, true, 3600000, text);
}

size_t leasewire_count(const struct router *r)
{
    size_t n = 0;

    FOG_LIST_EACH(&r->conns, it)
    n += FOG_CONTAINER(it, lconn, link)->state == LCONN_LEASED;
    return n;
}

void leasewire_probe(struct router *r, const uint8_t box[32])
{
    struct lconn *l = find(r, box);
    struct fog_wire_probe m;
    struct fog_buf b = {0};

    if (l == NULL) {
        leases_on_probe(r->leases, box, false, router_now(r));
        return;
    }
    m.nonce = l->nonce = fog_rng_u64(&r->rng);
    fog_wire_put_probe(&b, &m);
    lconn_send(l, FOG_WIRE_PROBE, fog_buf_bytes(&b));
    fog_buf_fini(&b);
}

/* Ends an older connection of the same box: the newer one is the box. */
void lconn_replace(struct lconn *newer)
{
    struct lconn *old = find(newer->r, newer->key);

    if (old != NULL && old != newer)
        lconn_refuse(old, FOG_WIRE_HELLO, FOG_REFUSE_REPLACED, true, 0,
                     "the box has a newer connection");
}

static void lconn_free(struct lconn *l)
{
    fog_link_remove(&l->link);
    fog_timer_free(&l->deadline);
    fog_frame_reader_fini(&l->reader);
    l->magic = 0;
    free(l);
}

/* --- messages of a leased box --- */

static int on_beat(struct lconn *l, struct fog_bytes body)
{
    struct fog_wire_beat m;
    struct fog_wire_beat_ok ok;
    struct lease_load load;
    struct fog_buf b = {0};
    const struct cellmap *map = mapper_map(l->r->mapper);
    int rc = fog_wire_get_beat(body, &m);

    if (rc != 0)
        return rc;
    load = (struct lease_load){m.active,      m.conns,      m.egress_bps,
                               m.bytes_total, m.free_bytes, m.drain != 0};
    leases_on_beat(l->r->leases, l->key, &load, router_now(l->r));
    ok = (struct fog_wire_beat_ok){
        .seq = m.seq, .hub_ms = router_hub_ms(l->r), .map_no = map == NULL ? 0 : map->map_no};
    fog_wire_put_beat_ok(&b, &ok);
    lconn_send(l, FOG_WIRE_BEAT_OK, fog_buf_bytes(&b));
    fog_buf_fini(&b);
    router_kick(l->r);
    return 0;
}

static int on_placed(struct lconn *l, struct fog_bytes body)
{
    struct fog_wire_placed m;
    int rc = fog_wire_get_placed(body, &m);

    if (rc == 0)
        copies_on_placed(l->r->copies, l->key, m.order, &m.pg, &m.rev, m.state, m.code,
                         router_now(l->r));
    router_kick(l->r);
    return rc;
}

static int on_call_peer(struct lconn *l, struct fog_bytes body)
{
    struct fog_wire_call_peer m;
    struct fog_wire_call_you you = {0};
    struct fog_addr addr;
    struct fog_buf b = {0};
    int rc = fog_wire_get_call_peer(body, &m), sent;

    if (rc != 0)
        return rc;
    /* A box may call peers to itself only. */
    if (fog_addr_parse(m.addr, &addr) != 0 || l->advertise.u.sa.sa_family == 0 ||
        !fog_addr_ip_eq(&addr, &l->advertise) ||
        fog_addr_port(&addr) != fog_addr_port(&l->advertise)) {
        lconn_refuse(l, FOG_WIRE_CALL_PEER, FOG_REFUSE_PROTOCOL, false, 0,
                     "not your advertised address");
        return 0;
    }
    memcpy(you.peer, l->key, sizeof you.peer);
    memcpy(you.addr, m.addr, sizeof you.addr);
    fog_wire_put_call_you(&b, &you);
    sent = leasewire_send(l->r, m.peer, FOG_WIRE_CALL_YOU, fog_buf_bytes(&b));
    fog_buf_fini(&b);
    if (sent != 0)
        lconn_refuse(l, FOG_WIRE_CALL_PEER, FOG_REFUSE_BUSY, false, 1000,
                     "that peer holds no lease here");
    return 0;
}

static int on_csr(struct lconn *l, struct fog_bytes body)
{
    struct fog_wire_csr m;
    int rc = fog_wire_get_csr(body, &m), refused;

    if (rc != 0)
        return rc;
    refused = ca_on_csr(l->r->ca, l->key, m.der);
    if (refused != 0)
        lconn_refuse(l, FOG_WIRE_CSR, refused == FOG_EBUSY ? FOG_REFUSE_BUSY : FOG_REFUSE_CSR,
                     false, CA_PER_BOX_S * 1000, fog_strerror(refused));
    return 0;
}

static int on_leave(struct lconn *l, struct fog_bytes body)
{
    struct fog_wire_leave m;
    int rc = fog_wire_get_leave(body, &m);

    if (rc == 0)
        leases_on_leave(l->r->leases, l->key, router_now(l->r));
    return rc;
}

static int on_report(struct lconn *l, struct fog_bytes body)
{
    const struct record_box *me = records_box(l->r->rec, l->key);
    struct fog_wire_report m;
    int rc = fog_wire_get_report(body, &m);

    if (rc != 0)
        return rc;
    if (me != NULL && records_box(l->r->rec, m.peer) != NULL && memcmp(m.peer, l->key, 32) != 0)
        verdicts_report(l->r->verdicts, m.peer, me->operator_addr, &m.chunk, m.len, m.leaf,
                        &m.expected, &m.got, &l->r->rng, router_hub_ms(l->r));
    router_kick(l->r);
    return 0;
}

static int on_probe_ok(struct lconn *l, struct fog_bytes body)
{
    struct fog_wire_probe_ok m;
    int rc = fog_wire_get_probe_ok(body, &m);

    if (rc == 0 && m.nonce == l->nonce && l->nonce != 0) {
        l->nonce = 0;
        leases_on_probe(l->r->leases, l->key, true, router_now(l->r));
    }
    return rc;
}

static int on_site_ask(struct lconn *l, struct fog_bytes body)
{
    struct fog_wire_site_ask m;
    struct fog_site_id site;
    const struct record_site *s;
    int rc = fog_wire_get_site_ask(body, &m);

    if (rc != 0)
        return rc;
    memcpy(site.b, m.site, sizeof site.b);
    s = records_site(l->r->rec, &site);
    if (s == NULL)
        lconn_refuse(l, FOG_WIRE_SITE_ASK, FOG_REFUSE_UNKNOWN, false, 5000, "no such site");
    else
        lconn_send_pointer(l, s);
    return 0;
}

static int on_money(struct lconn *l, uint16_t type, struct fog_bytes body)
{
    if (l->r->ports.money.on_message != NULL)
        l->r->ports.money.on_message(l->r->ports.money.arg, l->key, type, body);
    return 0;
}

static int on_message(struct lconn *l, const struct fog_frame *f)
{
    if (l->state == LCONN_NEW)
        return f->type == FOG_WIRE_HELLO ? welcome_hello(l, f->body) : FOG_EPROTO;
    if (l->state == LCONN_UNKNOWN)
        return f->type == FOG_WIRE_ENROLL ? welcome_enroll(l, f->body) : FOG_EPROTO;
    if (l->state != LCONN_LEASED)
        return 0; /* being enrolled on disk, or closing */
    switch (f->type) {
    case FOG_WIRE_BEAT:
        return on_beat(l, f->body);
    case FOG_WIRE_PLACED:
        return on_placed(l, f->body);
    case FOG_WIRE_CALL_PEER:
        return on_call_peer(l, f->body);
    case FOG_WIRE_CSR:
        return on_csr(l, f->body);
    case FOG_WIRE_LEAVE:
        return on_leave(l, f->body);
    case FOG_WIRE_REPORT:
        return on_report(l, f->body);
    case FOG_WIRE_PROBE_OK:
        return on_probe_ok(l, f->body);
    case FOG_WIRE_SITE_ASK:
        return on_site_ask(l, f->body);
    case FOG_WIRE_PROGRESS:
    case FOG_WIRE_STATEMENT:
        return on_money(l, f->type, f->body);
    default:
        return FOG_EPROTO;
    }
}

/* --- the connection --- */

/* Per-peer budget: no box can keep a hub busy. */
static bool within_budget(struct lconn *l, size_t bytes)
{
    fog_time_ms now = router_now(l->r), past = now - l->budget_at;

    l->budget_at = now;
    l->budget_bytes += past * (LCONN_BYTES_PER_S / 1000);
    if (l->budget_bytes > LCONN_BYTES_BURST)
        l->budget_bytes = LCONN_BYTES_BURST;
    l->budget_msgs += past * LCONN_MSGS_PER_S;
    if (l->budget_msgs > LCONN_MSGS_BURST)
        l->budget_msgs = LCONN_MSGS_BURST;
    l->budget_bytes -= (int64_t)bytes;
    l->budget_msgs -= 1000;
    return l->budget_bytes >= 0 && l->budget_msgs >= 0;
}

static size_t on_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    struct lconn *l = FOG_CAST(lconn, LCONN_MAGIC, arg);
    struct fog_frame f;
    int rc = fog_frame_feed(&l->reader, in);

    (void)c;
    if (l->state == LCONN_LEASED)
        fog_timer_start(l->deadline, LCONN_SILENT_MS);
    while (rc == 0 && (rc = fog_frame_next(&l->reader, &f)) == 1) {
        if (!within_budget(l, f.body.len)) {
            lconn_refuse(l, f.type, FOG_REFUSE_BUSY, true, 10000, "too many messages");
            return in.len;
        }
        rc = on_message(l, &f);
    }
    if (rc < 0 && l->state != LCONN_CLOSING)
        lconn_refuse(l, 0, FOG_REFUSE_PROTOCOL, true, 60000, fog_strerror(rc));
    return in.len;
}

static void on_close(struct fog_conn *c, int err, void *arg)
{
    struct lconn *l = FOG_CAST(lconn, LCONN_MAGIC, arg);
    struct router *r = l->r;
    uint8_t key[32];
    bool was_leased = l->leased;

    (void)c;
    fog_info("lease.closed", "box=%s err=%s", l->label, fog_errname(err));
    memcpy(key, l->key, sizeof key);
    lconn_free(l);
    /* A connection that a newer one replaced says nothing about the box. */
    if (was_leased && find(r, key) == NULL) {
        leases_on_closed(r->leases, key, router_now(r));
        router_kick(r);
    }
}

static void on_deadline(void *arg)
{
    struct lconn *l = FOG_CAST(lconn, LCONN_MAGIC, arg);

    fog_unusual("lease.silent", "box=%s state=%d", l->label, (int)l->state);
    fog_conn_abort(l->conn);
}

static const struct fog_conn_ops conn_ops = {.on_read = on_read, .on_close = on_close};

void router_adopt_lease(struct router *r, struct fog_conn *c)
{
    struct lconn *l = FOG_NEW(lconn);

    l->magic = LCONN_MAGIC;
    l->r = r;
    l->conn = c;
    l->budget_at = router_now(r);
    l->budget_bytes = LCONN_BYTES_BURST;
    l->budget_msgs = LCONN_MSGS_BURST;
    fog_list_push_back(&r->conns, &l->link);
    if (!fog_conn_peer_key(c, l->key)) { /* the listener only hands over node connections */
        fog_unusual("lease.no_key", "alpn=%s", fog_conn_alpn(c));
        fog_conn_adopt(c, NULL, NULL);
        fog_conn_abort(c);
        lconn_free(l);
        return;
    }
    router_label(l->key, l->label);
    l->deadline = fog_timer_new(r->loop, on_deadline, l);
    fog_timer_start(l->deadline, LCONN_HELLO_MS);
    fog_conn_adopt(c, &conn_ops, l);
}

void leasewire_close_all(struct router *r)
{
    FOG_LIST_EACH(&r->conns, it)
    {
        struct lconn *l = FOG_CONTAINER(it, lconn, link);
        fog_conn_adopt(l->conn, NULL, NULL);
        fog_conn_close(l->conn);
        lconn_free(l);
    }
}
