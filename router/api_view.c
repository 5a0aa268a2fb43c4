/* What anybody may look at: the fog, a site, the status of boxes, earnings. */
#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/crypto/ethaddr.h"
#include "core/wire/frame.h"
#include "router/api.h"
#include "router/copies.h"
#include "router/mapper.h"
#include "router/steer_in.h"
#include "router/verdict.h"

#include <errno.h>
#include <stdio.h>

/* --- GET /v1/fog --- */

void api_fog(struct api_call *c)
{
    struct fog_json *j = fog_json_new_object(), *more = NULL;
    const char *text = c->r->ports.money.fog_json == NULL
                           ? NULL
                           : c->r->ports.money.fog_json(c->r->ports.money.arg);

    api_set_plain_hex(j, "fog_id", c->r->fog_id.b, 32);
    fog_json_set_str(j, "zone", c->r->conf.zone);
    fog_json_set_i64(j, "hub_ms", router_hub_ms(c->r));
    fog_json_set_u64(j, "chain_id", c->r->genesis.chain_id);
    fog_json_set_hex(j, "settlement", c->r->genesis.settlement, 20);
    fog_json_set_u64(j, "copies", c->r->conf.k);
    fog_json_set_u64(j, "hub_set", c->r->hubs.version);
    api_set_plain_hex(j, "hub_key", c->r->self->key, 32);
    api_set_plain_hex(j, "map_key", c->r->self->map_key.b, 32);
    /* The chain's side, where there is one: house, deployed contracts, prices. */
    if (text != NULL && fog_json_parse(fog_bytes_str(text), NULL, &more, NULL, 0) == 0)
        fog_json_set_take(j, "money", &more);
    api_json(c, 200, &j);
}

/* --- GET /v1/sites/<label> --- */

void api_site(struct api_call *c)
{
    const char *label = c->path + strlen("/v1/sites/");
    struct fog_json *j, *holders;
    const struct record_site *s;
    struct copies_status st;
    struct fog_site_id site;
    struct fog_hash id;
    char url[320];

    if (fog_site_label_parse(fog_bytes_str(label), &site) != 0) {
        api_problem(c, 400, "bad_label", "a site label has 16 letters a-z and 2-7");
        return;
    }
    s = records_site(c->r->rec, &site);
    if (s == NULL) {
        api_problem(c, 404, "no_such_site", "nothing was published under %s here", label);
        return;
    }
    copies_status(c->r->copies, &site, router_now(c->r), &st);
    j = fog_json_new_object();
    api_gateway_url(c->r, label, url);
    fog_json_set_str(j, "site", label);
    fog_json_set_str(j, "name", s->pointer.site);
    api_set_plain_hex(j, "publisher_id", s->pointer.publisher_id.b, 32);
    fog_json_set_u64(j, "gen", s->pointer.gen);
    fog_json_set_u64(j, "seq", s->pointer.seq);
    fog_pointer_id(&s->pointer, &id);
    api_set_plain_hex(j, "pointer", id.b, 32);
    fog_json_set_i64(j, "issued_ms", s->pointer.issued_ms);
    fog_json_set_str(j, "gateway_url", url);
    fog_json_set_u64(j, "groups", st.groups);
    fog_json_set_u64(j, "bytes", st.bytes);
    fog_json_set_u64(j, "copies_min", st.copies_min);
    fog_json_set_u64(j, "wanted", st.wanted);
    fog_json_set_bool(j, "two_domains", st.spread);
    holders = fog_json_new_array();
    for (size_t i = 0; i < st.n_holders; i++) {
        char box[FOG_BOX_LABEL_LEN + 1];
        router_label(st.holders[i], box);
        fog_json_append_str(holders, box);
    }
    fog_json_set_take(j, "holders", &holders);
    api_json(c, 200, &j);
}

/* --- GET /v1/status --- */

static const char *class_name(uint8_t class)
{
    return class == FOG_CLASS_RACK ? "rack" : class == FOG_CLASS_STEADY ? "steady" : "home";
}

static void put_box(const struct router *r, const struct record_box *b, struct fog_json *o)
{
    const struct lease_box *l = leases_get(r->leases, b->key);
    char text[FOG_ADDR_TEXT_MAX > FOG_ETHADDR_TEXT ? FOG_ADDR_TEXT_MAX : FOG_ETHADDR_TEXT];
    struct fog_ethaddr addr;

    router_label(b->key, text);
    fog_json_set_str(o, "box", text);
    api_set_plain_hex(o, "key", b->key, 32);
    memcpy(addr.b, b->operator_addr, 20);
    fog_json_set_str(o, "operator", fog_ethaddr_text(&addr, text));
    memcpy(addr.b, b->node, 20);
    fog_json_set_str(o, "node", fog_ethaddr_text(&addr, text));
    fog_json_set_u64(o, "node_id", b->node_id);
    fog_json_set_str(o, "state", l == NULL ? "unknown" : lease_state_name(l->state));
    fog_json_set_bool(o, "alive", leases_is_usable(r->leases, b->key));
    fog_json_set_bool(o, "leased", l != NULL && l->connected);
    fog_json_set_str(o, "country", b->country);
    fog_json_set_u64(o, "asn", b->asn);
    fog_json_set_str(o, "domain", b->domain);
    fog_json_set_str(o, "class", class_name(b->class));
    fog_json_set_u64(o, "weight", b->weight);
    fog_json_set_bool(o, "reachable", b->verified);
    fog_json_set_bool(o, "pending", fog_hash_is_zero(&b->id));
    fog_json_set_bool(o, "revoked", b->revoked);
    if (b->addr.u.sa.sa_family != 0) {
        fog_addr_format(&b->addr, text);
        fog_json_set_str(o, "addr", text);
    }
    fog_json_set_i64(o, "cert_until", b->cert_until);
    if (l != NULL) {
        fog_json_set_u64(o, "active", l->load.active);
        fog_json_set_u64(o, "connections", l->load.conns);
        fog_json_set_u64(o, "egress_bps", l->load.egress_bps);
        fog_json_set_u64(o, "bytes_total", l->load.bytes_total);
        fog_json_set_u64(o, "free_bytes", l->load.free_bytes);
    }
}

static void put_verdict(const struct verdict *v, struct fog_json *o)
{
    struct fog_json *evidence = fog_json_new_object();
    char label[FOG_BOX_LABEL_LEN + 1];

    router_label(v->box, label);
    fog_json_set_str(o, "box", label);
    fog_json_set_str(o, "state", verdict_state_name(v->state));
    fog_json_set_str(o, "reason", v->reason);
    fog_json_set_u64(o, "reports", v->reports);
    fog_json_set_u64(o, "audits", v->audits);
    fog_json_set_u64(o, "failed", v->failed);
    fog_json_set_i64(o, "until_ms", v->state == VERDICT_WITHDRAWN ? v->until : 0);
    fog_json_set_i64(o, "last_report_ms", v->last_ms);
    api_set_plain_hex(evidence, "chunk", v->chunk.b, 32);
    fog_json_set_u64(evidence, "leaf", v->leaf);
    api_set_plain_hex(evidence, "expected", v->expected.b, 32);
    api_set_plain_hex(evidence, "got", v->got.b, 32);
    fog_json_set_take(o, "evidence", &evidence);
}

static struct fog_json *instances(const struct router *r)
{
    struct fog_json *a = fog_json_new_array();

    for (unsigned i = 0; i < r->hubs.n; i++) {
        struct fog_json *o = fog_json_append_object(a);
        char addr[FOG_ADDR_TEXT_MAX];
        api_set_plain_hex(o, "key", r->hubs.instances[i].key, 32);
        fog_addr_format(&r->hubs.instances[i].addrs[0], addr);
        fog_json_set_str(o, "addr", addr);
        fog_json_set_bool(o, "self", &r->hubs.instances[i] == r->self);
    }
    return a;
}

static struct fog_json *copies_json(const struct router *r)
{
    struct fog_json *o = fog_json_new_object();
    struct copies_totals t;

    copies_totals(r->copies, router_now(r), &t);
    fog_json_set_u64(o, "wanted", r->conf.k);
    fog_json_set_u64(o, "groups", t.groups);
    fog_json_set_u64(o, "below", t.below);
    fog_json_set_u64(o, "orders", t.orders);
    fog_json_set_u64(o, "acks", t.acks);
    fog_json_set_u64(o, "failures", t.failures);
    return o;
}

void api_status(struct api_call *c)
{
    struct fog_json *j = fog_json_new_object(), *boxes = fog_json_new_array(),
                    *verdicts = fog_json_new_array(), *part;
    const struct cellmap *map = mapper_map(c->r->mapper);
    const struct verdict *v;
    struct record_box *b;
    size_t at = 0, alive = 0;

    while ((b = records_next_box(c->r->rec, &at)) != NULL) {
        put_box(c->r, b, fog_json_append_object(boxes));
        alive += leases_is_usable(c->r->leases, b->key);
    }
    for (at = 0; (v = verdicts_next(c->r->verdicts, &at)) != NULL;)
        put_verdict(v, fog_json_append_object(verdicts));
    fog_json_set_i64(j, "hub_ms", router_hub_ms(c->r));
    fog_json_set_str(j, "zone", c->r->conf.zone);
    fog_json_set_u64(j, "map_no", map == NULL ? 0 : map->map_no);
    fog_json_set_u64(j, "boxes_alive", alive);
    fog_json_set_bool(j, "cut", leases_in_cut(c->r->leases));
    fog_json_set_u64(j, "leases", leasewire_count(c->r));
    fog_json_set_u64(j, "sites", records_site_count(c->r->rec));
    fog_json_set_u64(j, "sessions", steer_sessions(c->r->steer));
    part = instances(c->r);
    fog_json_set_take(j, "instances", &part);
    part = copies_json(c->r);
    fog_json_set_take(j, "copies", &part);
    fog_json_set_take(j, "boxes", &boxes);
    fog_json_set_take(j, "verdicts", &verdicts);
    api_json(c, 200, &j);
}

/* --- GET /v1/earnings --- */

static void on_earnings(void *ctx, int err, struct fog_bytes json)
{
    struct api_call *c = ctx;

    if (!api_alive(c))
        return;
    if (err != 0)
        api_problem(c, 503, "earnings_unavailable", "the figures could not be read (%s): try again",
                    fog_strerror(err));
    else
        api_bytes(c, 200, "application/json", json);
}

void api_earnings(struct api_call *c)
{
    struct fog_ethaddr addr;
    char text[FOG_ETHADDR_TEXT + 1];
    bool one = api_query(c, "operator", text, sizeof text);

    if (one && fog_ethaddr_parse(fog_bytes_str(text), &addr) != 0)
        api_problem(c, 400, "bad_address", "operator is an address: 0x and 40 hex digits");
    else if (c->r->ports.money.earnings == NULL)
        api_problem(c, 404, "no_money", "this fog has no accounts");
    else
        c->r->ports.money.earnings(c->r->ports.money.arg, one ? addr.b : NULL, on_earnings, c);
}
