/* Grants: who may have one, for how much, and its signature by keyd. */
#include "contracts/claim/house_books.h"

#include <errno.h>
#include <stdlib.h>

#include "contracts/claim/typed_data.h"
#include "core/base/assert.h"
#include "core/base/wr.h"

struct issue_job {
    struct fog_link link; /* house.issuing */
    struct house *house;  /* NULL: the house is gone */
    struct grant_signed g;
    struct amount promised;
    void (*done)(void *ctx, int err, const struct issued *grant);
    void *ctx;
};

/* A week's cap in units, this instance's share of it; 0 without a live deal. */
static struct amount cap_of(const struct house *h, uint32_t publisher_id, uint32_t week)
{
    const struct registry_deal *d = registry_deal(h->reg, publisher_id, h->id);
    struct amount cap;

    if (d == NULL || !d->live || week < d->from || week > d->until ||
        amount_of_tokens(d->cap_tokens, &cap) != 0 ||
        amount_share(&cap, cap, h->conf.cap_share_bps) != 0)
        return (struct amount){0};
    return cap;
}

struct amount issuer_headroom(struct house *h, uint32_t publisher_id, uint32_t week)
{
    struct amount left = cap_of(h, publisher_id, week);
    struct pub_week *p = house_pub_week(h, publisher_id, week);

    if (amount_sub(&left, left, p->promised) != 0 || amount_sub(&left, left, p->settled) != 0)
        return (struct amount){0};
    return left;
}

static bool anchor_used(struct house *h, const uint8_t anchor[32], int *err)
{
    struct fog_buf key = {0}, value = {0};
    int rc;

    *err = 0;
    if (fog_map_get(h->anchors, fog_bytes_of(anchor, 32)) != NULL)
        return true;
    fog_wr_u8(&key, 'a');
    fog_wr_bytes(&key, anchor, 32);
    rc = h->conf.db->get(h->conf.db->arg, fog_buf_bytes(&key), &value);
    fog_buf_fini(&key);
    fog_buf_fini(&value);
    if (rc != 0 && rc != -ENOENT)
        *err = rc;
    return rc == 0;
}

static void set_limits(const struct house *h, const struct issue_ask *ask, struct grant *g)
{
    uint64_t per_tick;

    g->max_bytes = ask->max_bytes != 0 ? ask->max_bytes : h->conf.default_max_bytes;
    g->price_per_gib = h->conf.price_per_gib;
    g->passive_bps = (uint16_t)h->conf.passive_bps;
    if (ask->lease)
        g->flags = GRANT_FLAG_LEASE;
    if (ask->anchor == NULL)
        return;
    memcpy(g->anchor.b, ask->anchor, sizeof g->anchor.b);
    per_tick = g->max_bytes / TICK_CHAIN + (g->max_bytes % TICK_CHAIN != 0);
    if (per_tick < h->conf.tick_min_bytes)
        per_tick = h->conf.tick_min_bytes;
    g->tick_bytes = per_tick > UINT32_MAX ? UINT32_MAX : (uint32_t)per_tick;
}

static void set_time(const struct house *h, const struct issue_ask *ask, fog_time_ms hub_ms,
                     struct grant *g)
{
    uint64_t now_s = (uint64_t)hub_ms / 1000;
    uint32_t life = ask->life_s != 0 ? ask->life_s : h->conf.default_life_s;

    /* A box whose hub time is a little behind takes it at once. */
    g->not_before = (uint32_t)(now_s > HOUSE_CLOCK_S ? now_s - HOUSE_CLOCK_S : 0);
    g->not_after = (uint32_t)(now_s + life);
    g->week = grant_week_of_close(g->not_after, h->conf.week_length_s);
}

static int set_parties(const struct house *h, const struct issue_ask *ask, struct grant_signed *s)
{
    const struct registry_row *publisher =
        registry_by_key(h->reg, REGISTRY_PUBLISHER, ask->publisher_id);
    const struct registry_row *node;

    if (h->id == 0 || publisher == NULL ||
        registry_id(h->reg, REGISTRY_NODE, &ask->node, &s->node_id) != 0)
        return FOG_EDENIED;
    node = registry_find(h->reg, REGISTRY_NODE, s->node_id);
    if (node->to != 0) /* revoked */
        return FOG_EDENIED;
    s->house_id = h->id;
    s->publisher_id = publisher->id;
    s->grant.house = h->conf.addr;
    s->grant.publisher = publisher->address;
    s->grant.node = ask->node;
    return 0;
}

static int make_grant(struct house *h, const struct issue_ask *ask, fog_time_ms hub_ms,
                      struct grant_signed *s)
{
    struct grant *g = &s->grant;
    int rc = set_parties(h, ask, s);

    if (rc != 0)
        return rc;
    if (ask->anchor != NULL && anchor_used(h, ask->anchor, &rc))
        return FOG_EREPLAY;
    if (rc != 0)
        return rc;
    memcpy(g->site, ask->site, sizeof g->site);
    if (ask->depth > GRANT_DEPTH_MAX)
        return FOG_EFORMAT;
    g->depth = (uint8_t)ask->depth;
    if (grant_scope(ask->segments, ask->n_segments, ask->depth, &g->scope) != 0)
        return FOG_EFORMAT;
    set_limits(h, ask, g);
    set_time(h, ask, hub_ms, g);
    g->serial[0] = (uint8_t)(h->conf.instance >> 8);
    g->serial[1] = (uint8_t)h->conf.instance;
    fog_rng_fill(&h->conf.rng, g->serial + 2, sizeof g->serial - 2);
    return grant_check_fields(g);
}

/* Counts the grant against the deal's cap. */
static int promise(struct house *h, struct issue_job *job)
{
    const struct grant *g = &job->g.grant;
    struct pub_week *p = house_pub_week(h, job->g.publisher_id, g->week);
    int rc = house_worth(h, g, g->max_bytes, &job->promised);

    if (rc != 0)
        return rc;
    if (amount_is_zero(cap_of(h, job->g.publisher_id, g->week)))
        return FOG_EDENIED;
    if (amount_cmp(job->promised, issuer_headroom(h, job->g.publisher_id, g->week)) > 0)
        return FOG_EQUOTA;
    return amount_add(&p->promised, p->promised, job->promised);
}

static void take_back(struct house *h, const struct issue_job *job)
{
    struct pub_week *p = house_pub_week(h, job->g.publisher_id, job->g.grant.week);

    FOG_ASSERT(amount_sub(&p->promised, p->promised, job->promised) == 0);
}

static void on_signed(void *ctx, const struct keyd_answer *answer)
{
    struct issue_job *job = ctx;
    struct house *h = job->house;
    struct issued out;
    struct open_grant *o;
    struct fog_hash digest;

    fog_link_remove(&job->link);
    if (h == NULL || answer->err != 0) {
        if (h != NULL)
            take_back(h, job);
        job->done(job->ctx, h == NULL ? FOG_ECANCELED : answer->err, NULL);
        free(job);
        return;
    }
    job->g.sig = answer->sig;
    typed_grant(&h->conf.domain, &job->g.grant, &digest);
    o = house_open(h, &job->g, &digest, job->promised);
    fog_list_push_back(&h->fresh, &o->in_fresh);
    grant_encode(&job->g, out.wire);
    grant_text(out.wire, out.text);
    memcpy(out.serial, job->g.grant.serial, sizeof out.serial);
    out.tick_bytes = job->g.grant.tick_bytes;
    out.max_bytes = job->g.grant.max_bytes;
    out.not_after = job->g.grant.not_after;
    job->done(job->ctx, 0, &out);
    free(job);
}

/* The same anchor twice while keyd signs the first. */
static bool anchor_is_being_used(const struct house *h, const struct grant *g)
{
    FOG_LIST_EACH(&h->issuing, it)
    {
        const struct issue_job *job = FOG_CONTAINER(it, issue_job, link);

        if (fog_hash_eq(&job->g.grant.anchor, &g->anchor))
            return true;
    }
    return false;
}

void issuer_issue(struct house *h, const struct issue_ask *ask, fog_time_ms hub_ms,
                  void (*done)(void *ctx, int err, const struct issued *grant), void *ctx)
{
    struct issue_job *job = FOG_NEW(issue_job);
    struct keyd_req q = {.kind = KEYD_SIGN_GRANT};
    int rc = make_grant(h, ask, hub_ms, &job->g);

    if (rc == 0 && ask->anchor != NULL && anchor_is_being_used(h, &job->g.grant))
        rc = FOG_EREPLAY;
    if (rc == 0)
        rc = promise(h, job);
    if (rc != 0) {
        free(job);
        done(ctx, rc, NULL);
        return;
    }
    job->house = h;
    job->done = done;
    job->ctx = ctx;
    fog_list_push_back(&h->issuing, &job->link);
    q.grant = job->g.grant;
    h->conf.signer->sign(h->conf.signer->arg, &q, on_signed, job);
}

void issuer_abandon(struct house *h)
{
    struct fog_link *n;

    while ((n = fog_list_pop_front(&h->issuing)) != NULL)
        FOG_CONTAINER(n, issue_job, link)->house = NULL;
}
