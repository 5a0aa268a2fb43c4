#include "router/order.h"

#include "core/base/assert.h"
#include "core/obs/log.h"
#include "core/wire/frame.h"
#include "router/publish.h"
#include "router/verdict.h"

#include <stdlib.h>

static enum copies_box_state box_state(void *arg, const uint8_t key[32], fog_time_ms now,
                                       fog_time_ms *until)
{
    struct router *r = arg;
    const struct lease_box *b = leases_get(r->leases, key);

    *until = INT64_MAX;
    if (b == NULL || verdicts_is_withdrawn(r->verdicts, key))
        return COPIES_BOX_GONE;
    switch (b->state) {
    case LEASE_ALIVE:
        return b->connected ? COPIES_BOX_HERE : COPIES_BOX_AWAY;
    case LEASE_NEW:
    case LEASE_SUSPECT:
        return COPIES_BOX_AWAY;
    case LEASE_DEAD:
    case LEASE_LEFT:
        break;
    }
    if (b->cut)
        return COPIES_BOX_AWAY;
    *until = b->since + r->conf.grace_ms;
    return now < *until ? COPIES_BOX_AWAY : COPIES_BOX_GONE;
}

static int send_part(struct router *r, const uint8_t box[32], struct fog_wire_place *m,
                     const struct router_ref *refs, size_t n)
{
    struct fog_buf rows = {0}, b = {0};
    int rc;

    for (size_t i = 0; i < n; i++)
        fog_wire_put_ref(&rows, &(struct fog_wire_ref){refs[i].kind, refs[i].id, refs[i].len});
    m->refs = (struct fog_wire_list){(uint32_t)n, fog_buf_bytes(&rows)};
    fog_wire_put_place(&b, m);
    rc = leasewire_send(r, box, FOG_WIRE_PLACE, fog_buf_bytes(&b));
    fog_buf_fini(&rows);
    fog_buf_fini(&b);
    return rc;
}

static bool send_order(void *arg, const uint8_t box[32], uint64_t order, enum copies_op op,
                       const struct record_group *g, const uint8_t (*sources)[32], size_t n_sources)
{
    struct router *r = arg;
    size_t n = op == COPIES_HOLD ? g->n_refs : 0,
           parts = n == 0 ? 1 : (n + ORDER_PART_REFS - 1) / ORDER_PART_REFS;
    struct fog_wire_place m = {.order = order,
                               .op = (uint8_t)op,
                               .priority = 1,
                               .pg = g->pg,
                               .rev = g->rev,
                               .slot = g->slot,
                               .parts = (uint16_t)parts};
    struct fog_buf peers = {0};
    int rc = 0;

    memcpy(m.site, g->site.b, sizeof m.site);
    for (size_t i = 0; i < n_sources; i++)
        fog_wire_put_peer(&peers, (const struct fog_wire_peer *)(const void *)sources[i]);
    m.sources = (struct fog_wire_list){(uint32_t)n_sources, fog_buf_bytes(&peers)};
    for (size_t p = 0; p < parts && rc == 0; p++) {
        size_t at = p * ORDER_PART_REFS, left = n - at;
        m.part = (uint16_t)p;
        rc = send_part(r, box, &m, g->refs + at, left < ORDER_PART_REFS ? left : ORDER_PART_REFS);
    }
    fog_buf_fini(&peers);
    fog_info("copies.order", "box=%02x%02x%02x%02x op=%s slot=%u refs=%zu bytes=%llu sent=%d",
             box[0], box[1], box[2], box[3], op == COPIES_HOLD ? "hold" : "drop", g->slot, n,
             (unsigned long long)g->bytes, rc == 0);
    return rc == 0;
}

static void store_ack(void *arg, const struct fog_hash *pg, const uint8_t box[32],
                      const struct fog_hash *rev)
{
    struct router *r = arg;

    records_put_ack(r->rec, pg, box, rev);
}

static void on_copies_changed(void *arg, const struct fog_site_id *site)
{
    struct router *r = arg;

    if (r->publish != NULL)
        publish_copies_changed(r->publish, site);
}

static void load_group(void *arg, struct record_group *g)
{
    struct router *r = arg;

    copies_put(r->copies, g, router_now(r));
}

static void load_ack(void *arg, const struct fog_hash *pg, const uint8_t box[32],
                     const struct fog_hash *rev)
{
    struct router *r = arg;

    copies_load_ack(r->copies, pg, box, rev);
}

int orders_start(struct router *r)
{
    struct copies_conf conf = {
        .k = r->conf.k, .grace_ms = r->conf.grace_ms, .drop_after_ms = r->conf.drop_after_ms};
    struct copies_ops ops = {.arg = r,
                             .box = box_state,
                             .order = send_order,
                             .ack = store_ack,
                             .changed = on_copies_changed};
    int rc;

    r->copies = copies_new(&conf, &ops);
    rc = records_each_group(r->rec, load_group, r);
    if (rc == 0)
        rc = records_each_ack(r->rec, load_ack, r);
    if (rc != 0)
        fog_broken("copies.load", "error=%s", fog_errname(rc));
    return rc;
}

static void forget_group(void *arg, const struct fog_hash *pg)
{
    struct router *r = arg;

    records_del_group(r->rec, pg);
}

void orders_set_site(struct router *r, const struct fog_site_id *site, struct record_group *groups,
                     size_t n)
{
    struct fog_hash *pgs = fog_alloc((n + 1) * sizeof *pgs);

    for (size_t i = 0; i < n; i++) {
        pgs[i] = groups[i].pg;
        records_put_group(r->rec, &groups[i], NULL, NULL);
        copies_put(r->copies, &groups[i], router_now(r));
    }
    copies_keep_only(r->copies, site, pgs, n, forget_group, r, router_now(r));
    free(pgs);
    router_kick(r);
}
