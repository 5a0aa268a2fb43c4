#include "node/glue_grants.h"

#include "contracts/claim/ledger.h"
#include "core/base/assert.h"
#include "core/content/names.h"
#include "core/io/loop.h"
#include "node/clock.h"

#include <stdlib.h>

#define SEGMENTS_MAX 64 /* of a path; deeper ones have no scope that could be checked */

struct glue_grants {
    struct fog_loop *loop;
    struct ledger *ledger;
    const struct node_clock *clock;
    struct edge_grants port;
};

/* One wait for a tick. `woken` is set under the ledger's lock by whoever brought the tick. */
struct credit {
    struct ledger_waiter waiter;
    struct glue_grants *g;
    struct edge_credit_wait *wait; /* NULL: nobody waits any more */
    bool woken;
};

static struct ledger_grant *inner(struct edge_grant *g)
{
    return (struct ledger_grant *)(void *)g;
}

static enum edge_grant_verdict verdict_of(enum ledger_verdict v)
{
    switch (v) {
    case LEDGER_OK:
        return EDGE_GRANT_OK;
    case LEDGER_ELSEWHERE:
        return EDGE_GRANT_ELSEWHERE;
    case LEDGER_GARBAGE:
        return EDGE_GRANT_GARBAGE;
    }
    return EDGE_GRANT_GARBAGE;
}

/* The segments of a canonical path; false when there are more than anybody can have granted. */
static size_t split(struct fog_bytes path, struct fog_bytes out[SEGMENTS_MAX])
{
    size_t n = 0;

    while (path.len > 0 && n < SEGMENTS_MAX) {
        const uint8_t *slash = memchr(path.p, '/', path.len);
        size_t len = slash == NULL ? path.len : (size_t)(slash - path.p);

        out[n++] = fog_bytes_of(path.p, len);
        len += slash != NULL;
        path = fog_bytes_of(path.p + len, path.len - len);
    }
    return n;
}

static enum edge_grant_verdict look(struct glue_grants *g, struct fog_bytes text, const char *site,
                                    struct grant_use use, struct edge_grant **out)
{
    struct ledger_grant *found = NULL;
    struct fog_site_id id;
    enum ledger_verdict v;

    if (fog_site_label_parse(fog_bytes_str(site), &id) != 0)
        return EDGE_GRANT_ELSEWHERE;
    use.site = id.b;
    v = ledger_check(g->ledger, text, &use, &found, NULL);
    if (v == LEDGER_OK)
        *out = (struct edge_grant *)(void *)found;
    return verdict_of(v);
}

static enum edge_grant_verdict grants_check(void *arg, struct fog_bytes grant, const char *site,
                                            struct fog_bytes path, fog_time_ms hub_ms,
                                            struct edge_grant **out)
{
    struct fog_bytes segments[SEGMENTS_MAX];
    struct grant_use use = {.segments = segments, .hub_ms = hub_ms};

    use.n_segments = split(path, segments);
    return look(arg, grant, site, use, out);
}

static enum edge_grant_verdict grants_find(void *arg, struct fog_bytes grant, const char *site,
                                           fog_time_ms hub_ms, struct edge_grant **out)
{
    struct grant_use use = {.any_path = true, .hub_ms = hub_ms};

    return look(arg, grant, site, use, out);
}

static bool grants_standing(void *arg, const char *site, const struct fog_hash *publisher_id,
                            fog_time_ms hub_ms, struct edge_grant **out)
{
    struct glue_grants *g = arg;
    struct ledger_grant *found;
    struct fog_site_id id;

    (void)publisher_id;
    if (fog_site_label_parse(fog_bytes_str(site), &id) != 0 ||
        !ledger_standing(g->ledger, id.b, hub_ms, &found))
        return false;
    *out = (struct edge_grant *)(void *)found;
    return true;
}

static int64_t grants_allow(void *arg, struct edge_grant *grant)
{
    struct glue_grants *g = arg;

    return ledger_allow(g->ledger, inner(grant), node_clock_now(g->clock));
}

static void grants_spend(void *arg, struct edge_grant *grant, uint64_t n)
{
    struct glue_grants *g = arg;

    ledger_spend(g->ledger, inner(grant), n, node_clock_now(g->clock));
}

static void grants_unspend(void *arg, struct edge_grant *grant, uint64_t n)
{
    struct glue_grants *g = arg;

    ledger_unspend(g->ledger, inner(grant), n);
}

static int grants_tick(void *arg, struct edge_grant *grant, unsigned i, const uint8_t preimage[32],
                       fog_time_ms hub_ms)
{
    struct glue_grants *g = arg;
    struct fog_hash w;

    memcpy(w.b, preimage, sizeof w.b);
    return ledger_tick(g->ledger, inner(grant), i, &w, hub_ms);
}

/* On the edge's loop. */
static void on_credit(void *arg)
{
    struct credit *c = arg;
    struct edge_credit_wait *w = c->wait;

    free(c);
    if (w != NULL) {
        w->token = NULL;
        w->on_credit(w);
    }
}

static void on_wake(struct ledger_waiter *waiter)
{
    struct credit *c = FOG_CONTAINER(waiter, credit, waiter);

    c->woken = true;
    fog_loop_post(c->g->loop, on_credit, c);
}

static void grants_wait(void *arg, struct edge_grant *grant, struct edge_credit_wait *w)
{
    struct credit *c = FOG_NEW(credit);

    c->g = arg;
    c->wait = w;
    c->waiter.on_wake = on_wake;
    w->token = c;
    ledger_wait(c->g->ledger, inner(grant), &c->waiter);
}

static void grants_unwait(void *arg, struct edge_grant *grant, struct edge_credit_wait *w)
{
    struct glue_grants *g = arg;
    struct credit *c = w->token;

    if (c == NULL)
        return;
    w->token = NULL;
    /* Takes the ledger's lock: afterwards `woken` does not change any more. */
    ledger_unwait(g->ledger, inner(grant), &c->waiter);
    c->wait = NULL;
    if (!c->woken)
        free(c);
}

static void grants_done(void *arg, struct edge_grant *grant)
{
    struct glue_grants *g = arg;
    struct ledger_grant *held = inner(grant);

    ledger_done(g->ledger, &held);
}

struct glue_grants *glue_grants_new(struct fog_loop *loop, struct ledger *ledger,
                                    const struct node_clock *clock, bool unmetered)
{
    struct glue_grants *g = FOG_NEW(glue_grants);

    g->loop = loop;
    g->ledger = ledger;
    g->clock = clock;
    g->port = (struct edge_grants){.arg = g,
                                   .check = grants_check,
                                   .find = grants_find,
                                   .standing = unmetered ? NULL : grants_standing,
                                   .allow = grants_allow,
                                   .spend = grants_spend,
                                   .unspend = grants_unspend,
                                   .tick = grants_tick,
                                   .wait = grants_wait,
                                   .unwait = grants_unwait,
                                   .done = grants_done};
    return g;
}

void glue_grants_free(struct glue_grants **g)
{
    free(*g);
    *g = NULL;
}

const struct edge_grants *glue_grants_port(struct glue_grants *g)
{
    return &g->port;
}
