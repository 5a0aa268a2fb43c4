#include "node/role_storage.h"

#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/content/names.h"
#include "core/obs/log.h"
#include "node/hold.h"
#include "node/sites.h"

#include <stdlib.h>

#define OP_HOLD 1
#define OP_DROP 2

#define STATE_HELD    1
#define STATE_FAILED  2
#define STATE_DROPPED 3

/* An order whose parts are coming, in order of their numbers. */
struct open_order {
    struct fog_link link;
    uint64_t order;
    uint16_t next_part;
    struct hold_ref *refs;
    size_t n;
};

/* What PLACED has to say when the executor is done. */
struct given {
    struct orders *o;
    struct fog_wire_placed answer;
    uint8_t op;
};

struct orders {
    struct orders_conf conf;
    struct fog_list open;
    size_t n_open;
};

static void open_free(struct orders *o, struct open_order *x)
{
    fog_link_remove(&x->link);
    o->n_open--;
    free(x->refs);
    free(x);
}

static struct open_order *open_find(struct orders *o, uint64_t order)
{
    FOG_LIST_EACH(&o->open, it)
    {
        struct open_order *x = FOG_CONTAINER(it, open_order, link);

        if (x->order == order)
            return x;
    }
    return NULL;
}

static struct open_order *open_new(struct orders *o, uint64_t order)
{
    struct open_order *x;

    if (o->n_open >= ORDERS_OPEN_MAX) /* the hub broke off: the oldest will not be finished */
        open_free(o, FOG_CONTAINER(fog_list_first(&o->open), open_order, link));
    x = FOG_NEW(open_order);
    x->order = order;
    fog_list_push_back(&o->open, &x->link);
    o->n_open++;
    return x;
}

static int add_refs(struct open_order *x, const struct fog_wire_list *list)
{
    struct fog_rd r = fog_rd_of(list->raw);
    struct fog_wire_ref ref;
    struct hold_ref *grown;

    if (x->n + list->count > HOLD_REFS_MAX)
        return FOG_ELIMIT;
    grown = realloc(x->refs, (x->n + list->count + 1) * sizeof *grown);
    FOG_ASSERT(grown != NULL);
    x->refs = grown;
    for (uint32_t i = 0; i < list->count; i++) {
        fog_wire_get_ref(&r, &ref);
        x->refs[x->n++] = (struct hold_ref){.kind = ref.kind, .id = ref.id, .len = ref.len};
    }
    return 0;
}

static void answer(struct given *g, int err, uint64_t bytes)
{
    struct fog_wire_placed *a = &g->answer;

    a->state = err != 0 ? STATE_FAILED : g->op == OP_DROP ? STATE_DROPPED : STATE_HELD;
    a->code = err;
    a->bytes = bytes;
    g->o->conf.placed(g->o->conf.arg, a);
}

static void on_held(void *ctx, int err, uint64_t bytes)
{
    struct given *g = ctx;

    if (err != FOG_ECANCELED) /* replaced: the newer order will be answered */
        answer(g, err, bytes);
    free(g);
}

static void give(struct orders *o, struct open_order *x, const struct fog_wire_place *m)
{
    uint8_t sources[16][32];
    struct fog_rd rest = fog_rd_of(m->sources.raw);
    struct fog_wire_peer peer;
    struct fog_site_id site;
    struct hold_order order = {
        .pg = m->pg,
        .rev = m->rev,
        .refs = m->op == OP_DROP ? NULL : x->refs,
        .n = m->op == OP_DROP ? 0 : x->n,
        .sources = (const uint8_t(*)[32])sources,
        .urgent = m->priority > 0,
    };
    struct given *g = FOG_NEW(given);
    int rc;

    while (order.n_sources < FOG_COUNT(sources) && order.n_sources < m->sources.count) {
        fog_wire_get_peer(&rest, &peer);
        memcpy(sources[order.n_sources++], peer.key, 32);
    }
    memcpy(site.b, m->site, sizeof site.b);
    (void)sites_publisher(o->conf.sites, &site, &order.publisher);
    g->o = o;
    g->op = m->op;
    g->answer = (struct fog_wire_placed){.order = m->order, .pg = m->pg, .rev = m->rev};
    if ((rc = hold_take(o->conf.hold, &order, on_held, g)) != 0) {
        answer(g, rc, 0);
        free(g);
    }
}

void orders_on_place(struct orders *o, const struct fog_wire_place *m)
{
    struct open_order *x = open_find(o, m->order);
    int rc;

    if ((m->op != OP_HOLD && m->op != OP_DROP) || m->part >= m->parts) {
        fog_unusual("orders.bad", "op=%u part=%u parts=%u", m->op, m->part, m->parts);
        return;
    }
    if (m->part == 0 && x != NULL) { /* from the start again */
        open_free(o, x);
        x = NULL;
    }
    if (x == NULL)
        x = open_new(o, m->order);
    if (m->part != x->next_part || (rc = add_refs(x, &m->refs)) != 0) {
        fog_unusual("orders.parts", "part=%u wanted=%u", m->part, x->next_part);
        open_free(o, x);
        return;
    }
    x->next_part++;
    if (x->next_part < m->parts)
        return;
    give(o, x, m);
    open_free(o, x);
}

struct orders *orders_new(const struct orders_conf *conf)
{
    struct orders *o = FOG_NEW(orders);

    o->conf = *conf;
    fog_list_init(&o->open);
    return o;
}

void orders_free(struct orders **po)
{
    struct orders *o = *po;

    *po = NULL;
    if (o == NULL)
        return;
    FOG_LIST_EACH(&o->open, it)
    open_free(o, FOG_CONTAINER(it, open_order, link));
    free(o);
}
