#include "router/welcome.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/io/conn.h"
#include "core/obs/log.h"
#include "router/copies.h"
#include "router/enrol.h"
#include "router/geo.h"
#include "router/mapper.h"
#include "router/probe.h"

#include <stdlib.h>

void lconn_send_pointer(struct lconn *l, const struct record_site *s)
{
    const struct record_pub *pub = records_pub(l->r->rec, &s->pointer.publisher_id);
    struct fog_wire_pointer m = {.pointer = fog_buf_bytes(&s->pointer_bytes),
                                 .keydoc = pub == NULL ? fog_bytes_of(NULL, 0)
                                                       : fog_buf_bytes(&pub->bytes),
                                 .delegate = fog_buf_bytes(&s->delegate)};
    struct fog_buf b = {0};

    memcpy(m.site, s->site.b, sizeof m.site);
    fog_wire_put_pointer(&b, &m);
    lconn_send(l, FOG_WIRE_POINTER, fog_buf_bytes(&b));
    fog_buf_clear(&b);
    if (s->fresh.len > 0) {
        struct fog_buf row = {0};
        struct fog_wire_fresh f;
        fog_wire_put_signed(&row, &(struct fog_wire_signed){fog_buf_bytes(&s->fresh)});
        f.rows = (struct fog_wire_list){1, fog_buf_bytes(&row)};
        fog_wire_put_fresh(&b, &f);
        lconn_send(l, FOG_WIRE_FRESH, fog_buf_bytes(&b));
        fog_buf_fini(&row);
    }
    fog_buf_fini(&b);
}

void leasewire_send_pointer(struct router *r, const struct record_site *s)
{
    FOG_LIST_EACH(&r->conns, it)
    {
        struct lconn *l = FOG_CONTAINER(it, lconn, link);
        if (l->state == LCONN_LEASED)
            lconn_send_pointer(l, s);
    }
}

/* Where the box is: declared in development, else what the connection and the country table say. */
static void place_of(struct lconn *l, struct record_box *b)
{
    const struct fog_addr *peer = fog_conn_peer_addr(l->conn);
    struct geo_place place;

    if (l->r->conf.dev) {
        memcpy(b->country, l->hello.country, sizeof b->country);
        b->asn = l->hello.asn;
        memcpy(b->domain, l->hello.domain, sizeof b->domain);
    } else {
        char net[FOG_ADDR_TEXT_MAX];
        geo_locate(l->r->geo, peer, &place);
        memcpy(b->country, place.country, sizeof b->country);
        b->asn = place.asn;
        fog_addr_prefix_text(peer, net);
        fog_strcpy(b->domain, sizeof b->domain, fog_bytes_str(net));
    }
    for (char *c = b->country; *c != 0; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    if (strlen(b->country) != 2 || b->country[0] < 'a' || b->country[0] > 'z' ||
        b->country[1] < 'a' || b->country[1] > 'z')
        b->country[0] = 0;
}

/* The advertised address is believed when it is where the connection comes from (or in
 * development), and used only after the dial-back found the box's key there. */
static void take_address(struct lconn *l, struct record_box *b)
{
    struct fog_addr addr;
    bool same;

    if (l->hello.advertise[0] == 0 || fog_addr_parse(l->hello.advertise, &addr) != 0)
        return;
    if (!l->r->conf.dev) {
        struct fog_addr_policy policy = {.extra_ports = {fog_addr_port(&addr)}};
        if (!fog_addr_ip_eq(&addr, fog_conn_peer_addr(l->conn)) ||
            fog_addr_check(&addr, &policy) != 0) {
            fog_unusual("lease.address", "box=%s: advertised address is not where it connects from",
                        l->label);
            return;
        }
    }
    l->advertise = addr;
    same = b->addr.u.sa.sa_family != 0 && fog_addr_ip_eq(&b->addr, &addr) &&
           fog_addr_port(&b->addr) == fog_addr_port(&addr);
    if (!same)
        b->verified = false;
    b->addr = addr;
}

/* What a HELLO can change. */
static bool same_offer(const struct record_box *x, const struct record_box *y)
{
    bool addr = x->addr.u.sa.sa_family == y->addr.u.sa.sa_family;

    if (addr && x->addr.u.sa.sa_family != 0)
        addr = fog_addr_ip_eq(&x->addr, &y->addr) &&
               fog_addr_port(&x->addr) == fog_addr_port(&y->addr);
    return addr && x->verified == y->verified && x->node_id == y->node_id &&
           x->weight == y->weight && x->class == y->class && x->flags == y->flags &&
           x->asn == y->asn && memcmp(x->node, y->node, 20) == 0 &&
           strcmp(x->country, y->country) == 0 && strcmp(x->domain, y->domain) == 0;
}

/* What HELLO says goes into the record; returns whether the map must change. */
static bool update_record(struct lconn *l, struct record_box *b)
{
    struct record_box was = *b;
    const uint16_t mine = FOG_BOX_REACHABLE | FOG_BOX_EDGE | FOG_BOX_STORAGE;

    memcpy(b->node, l->hello.node, sizeof b->node);
    b->node_id = l->hello.node_id;
    b->weight = l->hello.weight == 0 ? 1 : l->hello.weight;
    b->class = l->hello.class == FOG_CLASS_RACK ? FOG_CLASS_RACK : FOG_CLASS_HOME;
    b->flags = (uint16_t)(l->hello.flags & mine);
    place_of(l, b);
    if ((b->flags & FOG_BOX_REACHABLE) != 0)
        take_address(l, b);
    else
        b->addr = (struct fog_addr){0};
    if (b->addr.u.sa.sa_family == 0)
        b->verified = false;
    return !same_offer(&was, b);
}

static void send_lease(struct lconn *l)
{
    const struct cellmap *map = mapper_map(l->r->mapper);
    struct fog_wire_lease m = {.hub_ms = router_hub_ms(l->r),
                               .map_no = map == NULL ? 0 : map->map_no,
                               .beat_serving_ms = LEASE_SERVING_MS,
                               .beat_idle_ms = LEASE_IDLE_MS,
                               .lease_ms = LEASE_IDLE_MS + 2000,
                               .hubset_version = l->r->hubs.version};
    struct fog_buf b = {0};

    fog_wire_put_lease(&b, &m);
    lconn_send(l, FOG_WIRE_LEASE, fog_buf_bytes(&b));
    fog_buf_fini(&b);
}

static void send_hub_set(struct lconn *l)
{
    struct fog_buf b = {0};

    fog_wire_put_hub_set(&b, &(struct fog_wire_hub_set){fog_buf_bytes(&l->r->hubs_bytes)});
    lconn_send(l, FOG_WIRE_HUB_SET, fog_buf_bytes(&b));
    fog_buf_fini(&b);
}

/* Map, liveness and pointers: all a box needs to serve. */
static void send_world(struct lconn *l)
{
    struct fog_bytes map = mapper_map_bytes(l->r->mapper), live = mapper_live_bytes(l->r->mapper);
    struct fog_buf b = {0};
    struct record_site *s;
    size_t at = 0;

    if (map.len > 0) {
        fog_wire_put_cell_map(&b, &(struct fog_wire_cell_map){map});
        lconn_send(l, FOG_WIRE_CELL_MAP, fog_buf_bytes(&b));
        fog_buf_clear(&b);
    }
    if (live.len > 0) {
        fog_wire_put_live(&b, &(struct fog_wire_live){live});
        lconn_send(l, FOG_WIRE_LIVE, fog_buf_bytes(&b));
    }
    fog_buf_fini(&b);
    /* With very many sites a box asks for those it needs (SITE_ASK). */
    if (records_site_count(l->r->rec) <= 1000)
        while ((s = records_next_site(l->r->rec, &at)) != NULL)
            lconn_send_pointer(l, s);
}

static void begin_lease(struct lconn *l, struct record_box *b)
{
    bool changed = update_record(l, b);

    lconn_replace(l);
    l->state = LCONN_LEASED;
    l->leased = true;
    fog_timer_start(l->deadline, LCONN_SILENT_MS);
    if (changed)
        records_put_box(l->r->rec, b, NULL, NULL);
    fog_info("lease.begins", "box=%s software=%s reachable=%d verified=%d country=%s", l->label,
             l->hello.software, (b->flags & FOG_BOX_REACHABLE) != 0, b->verified, b->country);
    if (l->hello.hubset_version < l->r->hubs.version)
        send_hub_set(l);
    send_lease(l);
    leases_add(l->r->leases, l->key, router_now(l->r));
    leases_on_hello(l->r->leases, l->key, router_now(l->r));
    send_world(l);
    if (changed || fog_hash_is_zero(&b->id))
        mapper_boxes_changed(l->r->mapper);
    if (b->addr.u.sa.sa_family != 0 && !b->verified)
        probes_dialback(l->r->probes, l->key, &b->addr);
    copies_on_box(l->r->copies, l->key, router_now(l->r));
    if (l->r->ports.money.on_lease != NULL)
        l->r->ports.money.on_lease(l->r->ports.money.arg, l->key);
    router_kick(l->r);
}

int welcome_hello(struct lconn *l, struct fog_bytes body)
{
    struct record_box *b;
    int rc = fog_wire_get_hello(body, &l->hello);

    if (rc != 0)
        return rc;
    if (l->hello.version != FOG_WIRE_VERSION) {
        lconn_refuse(l, FOG_WIRE_HELLO, FOG_REFUSE_VERSION, true, 3600000,
                     "this hub speaks version 1");
        return 0;
    }
    if (!fog_hash_eq(&l->hello.fog_id, &l->r->fog_id)) {
        lconn_refuse(l, FOG_WIRE_HELLO, FOG_REFUSE_FOG, true, 3600000, "this is another fog");
        return 0;
    }
    b = records_box(l->r->rec, l->key);
    if (b == NULL) {
        l->state = LCONN_UNKNOWN;
        send_hub_set(l); /* a box with a token alone checks it against the token's hash */
        lconn_refuse(l, FOG_WIRE_HELLO, FOG_REFUSE_UNKNOWN, false, 0,
                     "not enrolled: a token is needed");
    } else if (b->revoked) {
        lconn_refuse(l, FOG_WIRE_HELLO, FOG_REFUSE_REVOKED, true, 3600000,
                     "this box was taken out of the fog");
    } else {
        begin_lease(l, b);
    }
    return 0;
}

/* --- enrolment --- */

/* May this key issue tokens for that operator? An instance for all, an operator's registered key
 * for himself. */
static bool may_issue(struct router *r, const struct enrol_token *t)
{
    char name[16 + FOG_HEX_LEN(32)] = "operator/";
    struct fog_buf v = {0};
    bool ok;

    if (hubset_by_map_key(&r->hubs, &t->signer) != NULL)
        return true;
    fog_hex_encode(t->signer.b, 32, name + strlen(name));
    ok = records_get(r->rec, name, &v) == 0 && v.len == 20 &&
         memcmp(v.data, t->operator_addr, 20) == 0;
    fog_buf_fini(&v);
    return ok;
}

static const char *why_not(struct lconn *l, struct fog_bytes token, const struct fog_wire_enroll *m,
                           struct enrol_token *t, bool *again)
{
    struct router *r = l->r;
    uint8_t exporter[32];
    struct fog_sig sig;

    memcpy(sig.b, m->signature, sizeof sig.b);
    if (enrol_token_decode(token, t) != 0)
        return "the token is malformed";
    if (enrol_token_check(t, &r->fog_id) != 0)
        return "the token is of another fog or its signature is wrong";
    if (!may_issue(r, t))
        return "who signed the token may not enrol boxes for that operator";
    if (t->not_after_ms < router_hub_ms(r))
        return "the token has expired";
    if (fog_conn_export(l->conn, ENROL_EXPORTER, exporter, sizeof exporter) != 0 ||
        enrol_check_proof(l->key, &r->fog_id, exporter, token, &sig) != 0)
        return "the proof is not of this key and connection";
    /* A box that redeemed it and was lost from our records would be known; `again` is a repeat in
     * flight. */
    if (records_token_uses(r->rec, t->serial, l->key, again) >= t->uses && !*again)
        return "the token is used up";
    if (!*again && records_box_count(r->rec) >= CELLMAP_ROWS_MAX)
        return "the cell is full";
    return NULL;
}

struct enrolment {
    struct router *r;
    uint8_t key[32];
};

/* The record is on disk: the connection may have gone meanwhile, then the box says HELLO again. */
static void on_enrolled(void *ctx, int err)
{
    struct enrolment *e = ctx;
    struct router *r = e->r;
    struct record_box *b = records_box(r->rec, e->key);

    FOG_LIST_EACH(&r->conns, it)
    {
        struct lconn *l = FOG_CONTAINER(it, lconn, link);
        struct fog_wire_enroll_ok ok = {0};
        struct fog_buf out = {0};
        if (l->state != LCONN_STORING || memcmp(l->key, e->key, sizeof l->key) != 0)
            continue;
        if (err != 0 || b == NULL) {
            lconn_refuse(l, FOG_WIRE_ENROLL, FOG_REFUSE_BUSY, true, 5000,
                         "the hub could not store the enrolment");
            continue;
        }
        memcpy(ok.label, l->label, sizeof ok.label);
        memcpy(ok.operator, b->operator_addr, sizeof ok.operator);
        fog_wire_put_enroll_ok(&out, &ok);
        lconn_send(l, FOG_WIRE_ENROLL_OK, fog_buf_bytes(&out));
        fog_buf_fini(&out);
        begin_lease(l, b);
    }
    if (err != 0)
        fog_broken("enrol.store", "error=%s", fog_errname(err));
    free(e);
}

int welcome_enroll(struct lconn *l, struct fog_bytes body)
{
    struct fog_wire_enroll m;
    struct enrol_token t;
    struct record_box b = {0};
    struct enrolment *e;
    bool again = false;
    const char *no;
    int rc = fog_wire_get_enroll(body, &m);

    if (rc != 0)
        return rc;
    no = why_not(l, m.token, &m, &t, &again);
    if (no != NULL) {
        lconn_refuse(l, FOG_WIRE_ENROLL, FOG_REFUSE_TOKEN, true, 300000, no);
        return 0;
    }
    memcpy(b.key, l->key, sizeof b.key);
    memcpy(b.operator_addr, t.operator_addr, sizeof b.operator_addr);
    b.joined_ms = router_hub_ms(l->r);
    fog_info("enrol.box", "box=%s again=%d", l->label, again);
    l->state = LCONN_STORING;
    e = FOG_NEW(enrolment);
    e->r = l->r;
    memcpy(e->key, l->key, sizeof e->key);
    records_enrol(l->r->rec, t.serial, &b, on_enrolled, e);
    return 0;
}
