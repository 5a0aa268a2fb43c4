#include "contracts/claim/ledger_in.h"

#include <errno.h>
#include <stdlib.h>

#include "contracts/claim/typed_data.h"
#include "core/base/assert.h"

static struct fog_bytes serial_key(const uint8_t serial[16])
{
    return fog_bytes_of(serial, 16);
}

struct ledger_grant *ledger_grant_new(const struct grant_signed *g, const struct fog_hash *digest)
{
    struct ledger_grant *e = FOG_NEW(ledger_grant);

    e->signed_grant = *g;
    e->digest = *digest;
    e->tick.w = g->grant.anchor;
    e->refs = 1;
    fog_list_init(&e->waiters);
    return e;
}

void ledger_grant_unref(struct ledger_grant *g)
{
    if (--g->refs == 0) {
        FOG_ASSERT(fog_list_empty(&g->waiters));
        free(g);
    }
}

static struct ledger_group *group_of(struct ledger *l, const struct grant *g)
{
    uint32_t round = grant_round(g);
    struct ledger_group *n;

    FOG_LIST_EACH(&l->groups, it)
    {
        n = FOG_CONTAINER(it, ledger_group, link);
        if (n->round == round && n->week == g->week && fog_ethaddr_eq(&n->house, &g->house))
            return n;
    }
    n = FOG_NEW(ledger_group);
    n->house = g->house;
    n->week = g->week;
    n->round = round;
    fog_list_init(&n->grants);
    fog_list_push_back(&l->groups, &n->link);
    return n;
}

void ledger_insert(struct ledger *l, struct ledger_grant *g)
{
    struct ledger_group *group = group_of(l, &g->signed_grant.grant);

    FOG_ASSERT(fog_map_put(l->by_serial, serial_key(g->signed_grant.grant.serial), g) == NULL);
    fog_list_push_back(&group->grants, &g->in_group);
    if (grant_class(&g->signed_grant.grant) == GRANT_LEASE)
        fog_list_push_front(&l->standing, &g->in_standing);
    group->n++;
    l->live++;
}

void ledger_mark_dirty(struct ledger *l, struct ledger_grant *g)
{
    if (!fog_link_linked(&g->in_dirty) && !g->gone) {
        g->refs++;
        fog_list_push_back(&l->dirty, &g->in_dirty);
    }
}

void ledger_wake(struct ledger_grant *g)
{
    struct fog_link *n;

    while ((n = fog_list_pop_front(&g->waiters)) != NULL) {
        struct ledger_waiter *w = FOG_CONTAINER(n, ledger_waiter, link);

        w->on_wake(w);
    }
}

/* --- taking a grant in --- */

/* Everything but the look-up: cheap checks first, the signature last. */
static int admit(struct ledger *l, struct fog_bytes wire, const struct grant_use *use,
                 struct ledger_grant **out)
{
    struct grant_signed g;
    struct registry *reg;
    struct fog_hash digest;
    int rc;

    pthread_mutex_lock(&l->lock);
    reg = registry_ref(l->reg);
    pthread_mutex_unlock(&l->lock);
    if ((rc = grant_decode(wire, reg, &g)) != 0)
        goto out;
    if (!fog_ethaddr_eq(&g.grant.node, &l->conf.node)) {
        rc = FOG_EADDR;
        goto out;
    }
    if (g.grant.week != grant_week_of_close(g.grant.not_after, l->conf.week_length_s)) {
        rc = FOG_EFORMAT;
        goto out;
    }
    if ((rc = grant_allows(&g.grant, use)) != 0)
        goto out;
    if ((rc = grant_verify(&g, &l->conf.domain, reg, &digest)) != 0)
        goto out;
    *out = ledger_grant_new(&g, &digest);
out:
    registry_unref(&reg);
    return rc;
}

/* Finds the entry of this serial; FOG_EREPLAY when the signature is another: the house signed two
 * grants under one serial, or somebody made this one up. The entry's own fields count, whatever
 * else the wire form says. */
static int find(struct ledger *l, struct fog_bytes wire, struct ledger_grant **out)
{
    const size_t sig_len = sizeof(struct fog_secp_sig);
    uint8_t serial[16];
    struct ledger_grant *g;
    int rc = grant_peek_serial(wire, serial);

    if (rc != 0)
        return rc;
    g = fog_map_get(l->by_serial, serial_key(serial));
    if (g == NULL)
        return -ENOENT;
    if (memcmp(g->signed_grant.sig.b, wire.p + wire.len - sig_len, sig_len) != 0)
        return FOG_EREPLAY;
    *out = g;
    return 0;
}

static int find_or_admit(struct ledger *l, struct fog_bytes wire, const struct grant_use *use,
                         struct ledger_grant **out)
{
    struct ledger_grant *fresh = NULL, *g = NULL;
    int rc;

    pthread_mutex_lock(&l->lock);
    rc = find(l, wire, &g);
    if (rc == -ENOENT) {
        pthread_mutex_unlock(&l->lock);
        rc = admit(l, wire, use, &fresh);
        pthread_mutex_lock(&l->lock);
        if (rc == 0)
            rc = find(l, wire, &g); /* another thread may have been faster */
        if (rc == -ENOENT && fresh != NULL) {
            rc = l->live < l->conf.max_live ? 0 : FOG_ELIMIT;
            if (rc == 0) {
                g = fresh;
                fresh = NULL;
                ledger_insert(l, g);
                atomic_store(&g->dirty, true);
                ledger_mark_dirty(l, g);
            }
        }
    } else if (rc == 0) {
        rc = grant_allows(&g->signed_grant.grant, use);
    }
    if (rc == 0) {
        g->refs++;
        *out = g;
    }
    pthread_mutex_unlock(&l->lock);
    free(fresh);
    return rc;
}

static enum ledger_verdict refuse(struct ledger *l, int rc, bool garbage, int *why)
{
    atomic_fetch_add_explicit(&l->refused, 1, memory_order_relaxed);
    if (why != NULL)
        *why = rc;
    return garbage ? LEDGER_GARBAGE : LEDGER_ELSEWHERE;
}

enum ledger_verdict ledger_check(struct ledger *l, struct fog_bytes text,
                                 const struct grant_use *use, struct ledger_grant **out, int *why)
{
    uint8_t wire[GRANT_WIRE_LEN];
    int rc = grant_from_text(text, wire);

    if (rc != 0)
        return refuse(l, rc, true, why);
    rc = find_or_admit(l, fog_bytes_of(wire, sizeof wire), use, out);
    if (rc != 0)
        return refuse(l, rc, rc == FOG_EFORMAT, why);
    return LEDGER_OK;
}

int ledger_take_standing(struct ledger *l, struct fog_bytes wire, fog_time_ms hub_ms)
{
    struct grant_use use = {.any_path = true, .hub_ms = hub_ms};
    struct grant_signed g;
    struct ledger_grant *taken;
    int rc = grant_decode_fields(wire, &g);

    if (rc != 0)
        return rc;
    if (grant_class(&g.grant) != GRANT_LEASE)
        return FOG_EDENIED;
    use.site = g.grant.site;
    rc = find_or_admit(l, wire, &use, &taken);
    if (rc == 0)
        ledger_done(l, &taken);
    return rc;
}

/* Standing grants are few (one per site and day): a walk over their list is cheap enough once per
 * request of a stable URL. */
bool ledger_standing(struct ledger *l, const uint8_t site[10], fog_time_ms hub_ms,
                     struct ledger_grant **out)
{
    struct grant_use use = {.site = site, .any_path = true, .hub_ms = hub_ms};
    struct ledger_grant *found = NULL;

    pthread_mutex_lock(&l->lock);
    FOG_LIST_EACH(&l->standing, it)
    {
        struct ledger_grant *g = FOG_CONTAINER(it, ledger_grant, in_standing);

        if (grant_allows(&g->signed_grant.grant, &use) == 0) {
            found = g;
            break;
        }
    }
    if (found != NULL) {
        found->refs++;
        *out = found;
    }
    pthread_mutex_unlock(&l->lock);
    return found != NULL;
}

/* --- bytes and ticks --- */

static bool is_closed(const struct grant *g, fog_time_ms hub_ms)
{
    return hub_ms >= (fog_time_ms)grant_close_s(g) * 1000;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

int64_t ledger_allow(struct ledger *l, struct ledger_grant *g, fog_time_ms hub_ms)
{
    const struct grant *terms = &g->signed_grant.grant;
    uint64_t sent = atomic_load_explicit(&g->sent, memory_order_relaxed);
    uint64_t cap = min_u64(terms->max_bytes, INT64_MAX), limit;
    unsigned ticks;

    (void)l;
    if (is_closed(terms, hub_ms))
        return LEDGER_NEVER;
    switch (grant_class(terms)) {
    case GRANT_LEASE:
        return INT64_MAX; /* the forecast limits the pay, not the service */
    case GRANT_PASSIVE:
        return sent >= cap ? LEDGER_NEVER : (int64_t)(cap - sent);
    case GRANT_WITNESSED:
        break;
    }
    ticks = atomic_load_explicit(&g->ticks, memory_order_acquire);
    cap = min_u64(cap, (uint64_t)TICK_CHAIN * terms->tick_bytes);
    limit = min_u64(cap, ((uint64_t)ticks + tick_window(ticks)) * terms->tick_bytes);
    if (sent >= cap)
        return LEDGER_NEVER;
    return sent >= limit ? 0 : (int64_t)(limit - sent);
}

static void touched(struct ledger *l, struct ledger_grant *g)
{
    if (atomic_exchange_explicit(&g->dirty, true, memory_order_acq_rel))
        return;
    pthread_mutex_lock(&l->lock);
    ledger_mark_dirty(l, g);
    pthread_mutex_unlock(&l->lock);
}

void ledger_spend(struct ledger *l, struct ledger_grant *g, uint64_t n, fog_time_ms hub_ms)
{
    if (is_closed(&g->signed_grant.grant, hub_ms))
        return; /* unpaid: the round was, or is about to be, stated */
    atomic_fetch_add_explicit(&g->sent, n, memory_order_relaxed);
    atomic_fetch_add_explicit(&l->bytes_spent, n, memory_order_relaxed);
    touched(l, g);
}

void ledger_unspend(struct ledger *l, struct ledger_grant *g, uint64_t n)
{
    uint64_t sent = atomic_load_explicit(&g->sent, memory_order_relaxed), less;

    do
        less = sent > n ? sent - n : 0;
    while (!atomic_compare_exchange_weak_explicit(&g->sent, &sent, less, memory_order_relaxed,
                                                  memory_order_relaxed));
    touched(l, g);
}

int ledger_tick(struct ledger *l, struct ledger_grant *g, unsigned i, const struct fog_hash *w,
                fog_time_ms hub_ms)
{
    int rc;

    if (is_closed(&g->signed_grant.grant, hub_ms))
        return FOG_EEXPIRED;
    if (grant_class(&g->signed_grant.grant) != GRANT_WITNESSED)
        return FOG_EDENIED;
    pthread_mutex_lock(&l->lock);
    rc = g->gone ? FOG_EEXPIRED : tick_accept(&g->tick, i, w);
    if (rc == 0) {
        atomic_store_explicit(&g->ticks, g->tick.i, memory_order_release);
        atomic_store_explicit(&g->dirty, true, memory_order_relaxed);
        ledger_mark_dirty(l, g);
        ledger_wake(g);
    }
    pthread_mutex_unlock(&l->lock);
    if (rc == 0)
        atomic_fetch_add_explicit(&l->ticks, 1, memory_order_relaxed);
    return rc;
}

void ledger_wait(struct ledger *l, struct ledger_grant *g, struct ledger_waiter *w)
{
    pthread_mutex_lock(&l->lock);
    if (g->gone)
        w->on_wake(w); /* closed meanwhile: ledger_allow says so */
    else
        fog_list_push_back(&g->waiters, &w->link);
    pthread_mutex_unlock(&l->lock);
}

void ledger_unwait(struct ledger *l, struct ledger_grant *g, struct ledger_waiter *w)
{
    (void)g;
    pthread_mutex_lock(&l->lock);
    fog_link_remove(&w->link);
    pthread_mutex_unlock(&l->lock);
}

const struct grant_signed *ledger_grant_of(const struct ledger_grant *g)
{
    return &g->signed_grant;
}

void ledger_done(struct ledger *l, struct ledger_grant **gp)
{
    struct ledger_grant *g = *gp;

    *gp = NULL;
    if (g == NULL)
        return;
    pthread_mutex_lock(&l->lock);
    ledger_grant_unref(g);
    pthread_mutex_unlock(&l->lock);
}

void ledger_set_registry(struct ledger *l, struct registry *reg)
{
    struct registry *old;

    pthread_mutex_lock(&l->lock);
    old = l->reg;
    l->reg = registry_ref(reg);
    pthread_mutex_unlock(&l->lock);
    registry_unref(&old);
}
