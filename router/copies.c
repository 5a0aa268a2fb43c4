#include "router/copies.h"

#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/obs/log.h"

#include <stdlib.h>

#define HOLDERS_MAX 32
#define PER_TICK    2000 /* groups looked at in one call: a few milliseconds */
#define FAILS_MAX   3    /* then the next box in rank takes its place for a while */
#define SKIP_MS     (10 * 60 * 1000)

struct holder {
    uint8_t key[32];
    struct fog_hash rev; /* acknowledged; zero: none */
    uint64_t order;      /* in flight, 0: none */
    enum copies_op op;
    fog_time_ms ordered_at, retry_at;
    unsigned fails;
};

struct group {
    struct record_group g;
    struct fog_link dirty, blocked;
    bool dropped; /* no longer part of any release: only waits for its holders to let go */
    fog_time_ms due;
    fog_time_ms surplus_since; /* 0: not all copies are good, or there is no surplus */
    size_t n;
    struct holder h[HOLDERS_MAX];
};

struct outbox {
    unsigned in_flight;
    bool distrusted;
};

struct copies {
    struct copies_conf conf;
    struct copies_ops ops;
    struct fog_map *groups, *boxes;
    struct fog_list dirty, blocked;
    struct cellmap *map;          /* a reference of our own */
    enum copies_box_state *state; /* per row of the map */
    uint8_t *ok;
    fog_time_ms grace_ends; /* earliest moment at which a box becomes GONE */
    fog_time_ms next_due;
    bool states_stale;
    uint64_t next_order;
    struct copies_totals totals;
};

struct copies *copies_new(const struct copies_conf *conf, const struct copies_ops *ops)
{
    static const uint8_t seed[16] = "copies"; /* keys are hashes */
    struct copies *c = FOG_NEW(copies);

    FOG_ASSERT(conf->k >= 1 && conf->k <= COPIES_K_MAX);
    c->conf = *conf;
    c->ops = *ops;
    c->groups = fog_map_new(seed);
    c->boxes = fog_map_new(seed);
    fog_list_init(&c->dirty);
    fog_list_init(&c->blocked);
    c->next_order = 1;
    c->next_due = INT64_MAX;
    c->grace_ends = INT64_MAX;
    return c;
}

static void group_free(struct copies *c, struct group *g)
{
    fog_link_remove(&g->dirty);
    fog_link_remove(&g->blocked);
    fog_map_del(c->groups, fog_bytes_of(g->g.pg.b, 32));
    free(g->g.refs);
    free(g);
}

void copies_free(struct copies **cp)
{
    struct copies *c = *cp;
    struct group *g;
    size_t at = 0;
    void *b;

    *cp = NULL;
    if (c == NULL)
        return;
    while ((g = fog_map_next(c->groups, &at, NULL)) != NULL)
        group_free(c, g);
    for (at = 0; (b = fog_map_next(c->boxes, &at, NULL)) != NULL;)
        free(b);
    fog_map_free(&c->groups);
    fog_map_free(&c->boxes);
    cellmap_unref(&c->map);
    free(c->state);
    free(c->ok);
    free(c);
}

static struct outbox *outbox(struct copies *c, const uint8_t key[32])
{
    struct outbox *o = fog_map_get(c->boxes, fog_bytes_of(key, 32));

    if (o == NULL) {
        o = FOG_NEW(outbox);
        fog_map_put(c->boxes, fog_bytes_of(key, 32), o);
    }
    return o;
}

static void mark(struct copies *c, struct group *g)
{
    if (!fog_link_linked(&g->dirty))
        fog_list_push_back(&c->dirty, &g->dirty);
}

static void mark_all(struct copies *c)
{
    struct group *g;
    size_t at = 0;

    while ((g = fog_map_next(c->groups, &at, NULL)) != NULL)
        mark(c, g);
}

static struct group *group_of(struct copies *c, const struct fog_hash *pg)
{
    return fog_map_get(c->groups, fog_bytes_of(pg->b, 32));
}

static struct group *group_new(struct copies *c, const struct fog_hash *pg)
{
    struct group *g = FOG_NEW(group);

    g->g.pg = *pg;
    g->due = INT64_MAX;
    fog_map_put(c->groups, fog_bytes_of(pg->b, 32), g);
    return g;
}

void copies_put(struct copies *c, struct record_group *in, fog_time_ms now)
{
    struct group *g = group_of(c, &in->pg);

    (void)now;
    if (g == NULL)
        g = group_new(c, &in->pg);
    if (g->g.refs != in->refs)
        free(g->g.refs);
    g->g = *in;
    g->dropped = false;
    g->surplus_since = 0;
    mark(c, g);
}

void copies_load_ack(struct copies *c, const struct fog_hash *pg, const uint8_t box[32],
                     const struct fog_hash *rev)
{
    struct group *g = group_of(c, pg);

    if (g == NULL) {
        g = group_new(c, pg); /* its release is gone, the box has not been told yet */
        g->dropped = true;
    }
    if (g->n == HOLDERS_MAX)
        return;
    memcpy(g->h[g->n].key, box, 32);
    g->h[g->n++].rev = *rev;
    mark(c, g);
}

static bool listed(const struct fog_hash *pgs, size_t n, const struct fog_hash *pg)
{
    for (size_t i = 0; i < n; i++)
        if (fog_hash_eq(&pgs[i], pg))
            return true;
    return false;
}

void copies_keep_only(struct copies *c, const struct fog_site_id *site, const struct fog_hash *pgs,
                      size_t n, void (*forgotten)(void *arg, const struct fog_hash *pg), void *arg,
                      fog_time_ms now)
{
    struct group *g;
    size_t at = 0;

    (void)now;
    while ((g = fog_map_next(c->groups, &at, NULL)) != NULL) {
        if (g->dropped || memcmp(g->g.site.b, site->b, sizeof site->b) != 0 ||
            listed(pgs, n, &g->g.pg))
            continue;
        g->dropped = true;
        free(g->g.refs);
        g->g.refs = NULL;
        g->g.n_refs = 0;
        forgotten(arg, &g->g.pg);
        mark(c, g);
    }
}

/* --- what the boxes are like now --- */

static void refresh_states(struct copies *c, fog_time_ms now)
{
    c->states_stale = false;
    c->grace_ends = INT64_MAX;
    for (size_t i = 0; i < c->map->n; i++) {
        const struct outbox *o = fog_map_get(c->boxes, fog_bytes_of(c->map->rows[i].key, 32));
        fog_time_ms until = INT64_MAX;
        c->state[i] = c->ops.box(c->ops.arg, c->map->rows[i].key, now, &until);
        c->ok[i] = c->state[i] != COPIES_BOX_GONE && (o == NULL || !o->distrusted);
        if (c->state[i] == COPIES_BOX_AWAY && until < c->grace_ends)
            c->grace_ends = until;
    }
}

void copies_on_map(struct copies *c, const struct cellmap *map, fog_time_ms now)
{
    free(c->state);
    free(c->ok);
    cellmap_unref(&c->map);
    c->map = cellmap_ref((struct cellmap *)(uintptr_t)map); /* counting is not changing */
    c->state = fog_alloc((map->n + 1) * sizeof *c->state);
    c->ok = fog_alloc(map->n + 1);
    refresh_states(c, now);
    mark_all(c);
}

void copies_on_box(struct copies *c, const uint8_t key[32], fog_time_ms now)
{
    (void)now;
    /* Orders in flight to a box that went away or came back are lost. */
    outbox(c, key)->in_flight = 0;
    for (size_t at = 0;;) {
        struct group *g = fog_map_next(c->groups, &at, NULL);
        if (g == NULL)
            break;
        for (size_t i = 0; i < g->n; i++)
            if (memcmp(g->h[i].key, key, 32) == 0)
                g->h[i].order = 0;
        mark(c, g);
    }
    c->states_stale = true;
}

void copies_distrust(struct copies *c, const uint8_t box[32], fog_time_ms now)
{
    (void)now;
    outbox(c, box)->distrusted = true;
    for (size_t at = 0;;) {
        struct group *g = fog_map_next(c->groups, &at, NULL);
        if (g == NULL)
            break;
        for (size_t i = 0; i < g->n; i++)
            if (memcmp(g->h[i].key, box, 32) == 0 && !fog_hash_is_zero(&g->h[i].rev)) {
                g->h[i].rev = (struct fog_hash){{0}};
                c->ops.ack(c->ops.arg, &g->g.pg, box, NULL);
            }
        mark(c, g);
    }
    c->states_stale = true;
}

/* --- one group --- */

static int row_of(const struct copies *c, const struct holder *h)
{
    return c->map == NULL ? -1 : cellmap_find_key(c->map, h->key);
}

static bool is_good(const struct copies *c, const struct group *g, const struct holder *h)
{
    int row = row_of(c, h);

    return row >= 0 && c->ok[row] != 0 && fog_hash_eq(&h->rev, &g->g.rev);
}

static void wake_at(struct copies *c, struct group *g, fog_time_ms t)
{
    if (t < g->due)
        g->due = t;
    if (t < c->next_due)
        c->next_due = t;
}

static struct holder *holder_of(struct group *g, const uint8_t key[32], bool make)
{
    struct holder *h;

    for (size_t i = 0; i < g->n; i++)
        if (memcmp(g->h[i].key, key, 32) == 0)
            return &g->h[i];
    if (!make || g->n == HOLDERS_MAX)
        return NULL;
    h = &g->h[g->n++];
    *h = (struct holder){0};
    memcpy(h->key, key, sizeof h->key);
    return h;
}

static void forget(struct copies *c, struct group *g, struct holder *h)
{
    if (!fog_hash_is_zero(&h->rev))
        c->ops.ack(c->ops.arg, &g->g.pg, h->key, NULL);
    *h = g->h[--g->n];
}

/* Sends, unless one is in flight, it failed a moment ago, or the box has enough to do. */
static void order(struct copies *c, struct group *g, struct holder *h, enum copies_op op,
                  fog_time_ms now)
{
    struct outbox *o = outbox(c, h->key);
    uint8_t sources[8][32];
    size_t n = 0;

    if (h->order != 0 && h->op == op && now < h->ordered_at + COPIES_ORDER_MS) {
        wake_at(c, g, h->ordered_at + COPIES_ORDER_MS);
        return;
    }
    if (now < h->retry_at) {
        wake_at(c, g, h->retry_at);
        return;
    }
    if (h->order != 0 && o->in_flight > 0) {
        o->in_flight--; /* given up */
        h->order = 0;
    }
    if (o->in_flight >= COPIES_PER_BOX) {
        if (!fog_link_linked(&g->blocked))
            fog_list_push_back(&c->blocked, &g->blocked);
        return;
    }
    for (size_t i = 0; i < g->n && n < FOG_COUNT(sources); i++)
        if (&g->h[i] != h && is_good(c, g, &g->h[i]))
            memcpy(sources[n++], g->h[i].key, 32);
    if (!c->ops.order(c->ops.arg, h->key, c->next_order, op, &g->g, (const uint8_t(*)[32])sources,
                      n)) {
        h->retry_at = now + COPIES_RETRY_MS;
        wake_at(c, g, h->retry_at);
        return;
    }
    h->order = c->next_order++;
    h->op = op;
    h->ordered_at = now;
    o->in_flight++;
    c->totals.orders++;
    c->totals.drops += op == COPIES_DROP;
    wake_at(c, g, now + COPIES_ORDER_MS);
}

/* The boxes that should hold it; those that failed often stand back for a while. */
static size_t wanted(struct copies *c, const struct group *g, fog_time_ms now, uint32_t *out,
                     bool *spread)
{
    uint8_t *ok = c->ok, mine[CELLMAP_ROWS_MAX];

    *spread = true;
    if (g->dropped)
        return 0;
    for (size_t i = 0; i < g->n; i++) {
        int row = row_of(c, &g->h[i]);
        if (row < 0 || g->h[i].fails < FAILS_MAX || now >= g->h[i].retry_at)
            continue;
        if (ok == c->ok) {
            memcpy(mine, c->ok, c->map->n);
            ok = mine;
        }
        mine[row] = 0;
    }
    return place_pick(c->map->items, c->map->apart, c->map->n, ok, &g->g.pg, c->conf.k, out,
                      spread);
}

/* What is held but not wanted any more goes once every wanted copy has been good for a while. */
static void shed(struct copies *c, struct group *g, const uint32_t *want, size_t n_want,
                 bool all_good, fog_time_ms now)
{
    bool surplus = false;

    for (size_t i = 0; i < g->n; i++) {
        struct holder *h = &g->h[i];
        int row = row_of(c, h);
        bool keep = false;
        for (size_t w = 0; w < n_want; w++)
            keep |= row >= 0 && want[w] == (uint32_t)row;
        if (keep)
            continue;
        if (row < 0 || (fog_hash_is_zero(&h->rev) && h->order == 0)) {
            forget(c, g, h);
            i--;
            continue;
        }
        surplus = true;
        if (!all_good || c->state[row] != COPIES_BOX_HERE)
            continue;
        if (g->surplus_since == 0)
            g->surplus_since = now;
        if (g->dropped || now >= g->surplus_since + c->conf.drop_after_ms)
            order(c, g, h, COPIES_DROP, now);
        else
            wake_at(c, g, g->surplus_since + c->conf.drop_after_ms);
    }
    if (!surplus || !all_good)
        g->surplus_since = 0;
}

static void evaluate(struct copies *c, struct group *g, fog_time_ms now)
{
    uint32_t want[COPIES_K_MAX];
    bool spread, all_good = true;
    size_t n;

    g->due = INT64_MAX;
    n = wanted(c, g, now, want, &spread);
    for (size_t w = 0; w < n; w++) {
        struct holder *h = holder_of(g, c->map->rows[want[w]].key, true);
        if (h == NULL) {
            all_good = false;
            continue;
        }
        if (is_good(c, g, h))
            continue;
        all_good = false;
        if (c->state[want[w]] == COPIES_BOX_HERE)
            order(c, g, h, COPIES_HOLD, now);
    }
    shed(c, g, want, n, all_good && (n > 0 || g->dropped), now);
}

/* --- answers --- */

void copies_on_placed(struct copies *c, const uint8_t box[32], uint64_t order_no,
                      const struct fog_hash *pg, const struct fog_hash *rev, unsigned state,
                      int64_t code, fog_time_ms now)
{
    struct group *g = group_of(c, pg);
    struct holder *h = g == NULL ? NULL : holder_of(g, box, false);
    struct outbox *o = outbox(c, box);
    struct fog_link *next;

    if (h == NULL || h->order == 0 || h->order != order_no)
        return; /* an answer to nothing: late, or invented */
    h->order = 0;
    if (o->in_flight > 0)
        o->in_flight--;
    if (state == 1 && h->op == COPIES_HOLD) {
        h->rev = *rev;
        h->fails = 0;
        h->retry_at = 0;
        c->totals.acks++;
        c->ops.ack(c->ops.arg, pg, box, rev);
        c->ops.changed(c->ops.arg, &g->g.site);
    } else if (state == 3 && h->op == COPIES_DROP) {
        forget(c, g, h);
        c->ops.changed(c->ops.arg, &g->g.site);
    } else {
        fog_time_ms wait = (fog_time_ms)COPIES_RETRY_MS << (h->fails < 6 ? h->fails : 6);
        h->fails++;
        c->totals.failures++;
        h->retry_at = now + (h->fails >= FAILS_MAX     ? SKIP_MS
                             : wait < COPIES_RETRY_MAX ? wait
                                                       : COPIES_RETRY_MAX);
        fog_unusual("copies.failed", "box=%02x%02x%02x%02x slot=%u fails=%u code=%lld", box[0],
                    box[1], box[2], box[3], g->g.slot, h->fails, (long long)code);
    }
    mark(c, g);
    /* The box can take another order: those that wait for room are looked at again, oldest first.
     */
    for (int i = 0; i < COPIES_PER_BOX && (next = fog_list_pop_front(&c->blocked)) != NULL; i++)
        mark(c, FOG_CONTAINER(next, group, blocked));
}

fog_time_ms copies_tick(struct copies *c, fog_time_ms now)
{
    struct fog_list gone;
    struct fog_link *l;
    int done = 0;

    if (c->map == NULL)
        return now + 1000;
    if (c->states_stale || now >= c->grace_ends) {
        refresh_states(c, now);
        mark_all(c);
    }
    if (now >= c->next_due) {
        struct group *g;
        size_t at = 0;
        c->next_due = INT64_MAX;
        while ((g = fog_map_next(c->groups, &at, NULL)) != NULL) {
            if (g->due <= now)
                mark(c, g);
            else if (g->due < c->next_due)
                c->next_due = g->due;
        }
    }
    fog_list_init(&gone);
    while (done++ < PER_TICK && (l = fog_list_pop_front(&c->dirty)) != NULL) {
        struct group *g = FOG_CONTAINER(l, group, dirty);
        evaluate(c, g, now);
        if (g->dropped && g->n == 0)
            fog_list_push_back(&gone, &g->dirty);
    }
    while ((l = fog_list_pop_front(&gone)) != NULL)
        group_free(c, FOG_CONTAINER(l, group, dirty));
    if (!fog_list_empty(&c->dirty))
        return now + 1;
    return c->next_due < c->grace_ends ? c->next_due : c->grace_ends;
}

/* --- figures --- */

static unsigned good_copies(const struct copies *c, const struct group *g)
{
    unsigned n = 0;

    for (size_t i = 0; i < g->n; i++)
        n += is_good(c, g, &g->h[i]);
    return n;
}

static void note_holders(const struct copies *c, const struct group *g, struct copies_status *out)
{
    for (size_t i = 0; i < g->n; i++) {
        size_t at = 0;
        if (!is_good(c, g, &g->h[i]))
            continue;
        while (at < out->n_holders && memcmp(out->holders[at], g->h[i].key, 32) != 0)
            at++;
        if (at == out->n_holders && at < FOG_COUNT(out->holders))
            memcpy(out->holders[out->n_holders++], g->h[i].key, 32);
    }
}

void copies_status(const struct copies *c, const struct fog_site_id *site, fog_time_ms now,
                   struct copies_status *out)
{
    struct group *g;
    size_t at = 0;

    (void)now;
    memset(out, 0, sizeof *out);
    out->wanted = c->conf.k;
    out->spread = true;
    while ((g = fog_map_next(c->groups, &at, NULL)) != NULL) {
        unsigned good = good_copies(c, g);
        uint64_t first = 0;
        bool two = false, any = false;
        if (g->dropped || memcmp(g->g.site.b, site->b, sizeof site->b) != 0)
            continue;
        if (out->groups++ == 0 || good < out->copies_min)
            out->copies_min = good;
        out->bytes += g->g.bytes;
        note_holders(c, g, out);
        for (size_t i = 0; i < g->n; i++) {
            int row = row_of(c, &g->h[i]);
            if (row < 0 || !is_good(c, g, &g->h[i]))
                continue;
            two |= any && c->map->apart[row].domain != first;
            first = c->map->apart[row].domain;
            any = true;
        }
        out->spread &= good < 2 || two;
    }
}

size_t copies_holders(const struct copies *c, const struct fog_hash *pg, uint8_t (*out)[32],
                      size_t max)
{
    const struct group *g = fog_map_get(c->groups, fog_bytes_of(pg->b, 32));
    size_t n = 0;

    for (size_t i = 0; g != NULL && i < g->n && n < max; i++)
        if (is_good(c, g, &g->h[i]))
            memcpy(out[n++], g->h[i].key, 32);
    return n;
}

void copies_totals(const struct copies *c, fog_time_ms now, struct copies_totals *out)
{
    struct group *g;
    size_t at = 0;

    (void)now;
    *out = c->totals;
    while ((g = fog_map_next(c->groups, &at, NULL)) != NULL) {
        out->groups += !g->dropped;
        out->below += !g->dropped && good_copies(c, g) < c->conf.k;
    }
}
