#include "contracts/claim/house_books.h"

#include <errno.h>
#include <stdlib.h>

#include "contracts/claim/typed_data.h"
#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/obs/log.h"

#define DEFAULT_WEEK_S      604800
#define DEFAULT_PASSIVE     2500
#define DEFAULT_PASSIVE_PAY 8000
#define DEFAULT_MAX_BYTES   ((uint64_t)192 << 20)
#define DEFAULT_LIFE_S      300
#define DEFAULT_TICK_MIN    ((uint32_t)4 << 20)
#define WEEKS_LOOKED_AT     3 /* last, running, next: sums of settled leaves */

/* --- sums --- */

static void pub_week_key(uint32_t publisher_id, uint32_t week, uint32_t out[2])
{
    out[0] = publisher_id;
    out[1] = week;
}

struct pub_week *house_pub_week(struct house *h, uint32_t publisher_id, uint32_t week)
{
    uint32_t key[2];
    struct pub_week *p;

    pub_week_key(publisher_id, week, key);
    p = fog_map_get(h->pub_weeks, fog_bytes_of(key, sizeof key));
    if (p == NULL) {
        p = FOG_NEW(pub_week);
        p->publisher_id = publisher_id;
        p->week = week;
        fog_map_put(h->pub_weeks, fog_bytes_of(key, sizeof key), p);
    }
    return p;
}

int house_worth(const struct house *h, const struct grant *g, uint64_t paid_bytes,
                struct amount *out)
{
    uint32_t bps = h->conf.passive_pay_bps;

    /* The grant's own share is a promise; ours may only be better. */
    return grant_worth(g, paid_bytes, bps > g->passive_bps ? bps : g->passive_bps, out);
}

/* --- open grants --- */

struct open_grant *house_find(struct house *h, const uint8_t serial[16])
{
    return fog_map_get(h->open, fog_bytes_of(serial, 16));
}

struct node_round_key {
    uint8_t b[24];
};

static struct node_round_key node_round(const struct fog_ethaddr *node, uint32_t round)
{
    struct node_round_key k;

    memcpy(k.b, node->b, 20);
    memcpy(k.b + 20, &round, sizeof round);
    return k;
}

struct open_round *house_round(struct house *h, const struct fog_ethaddr *node, uint32_t round)
{
    struct node_round_key k = node_round(node, round);

    return fog_map_get(h->by_round, fog_bytes_of(k.b, sizeof k.b));
}

static struct open_round *round_for(struct house *h, const struct grant *g)
{
    struct open_round *r = house_round(h, &g->node, grant_round(g));
    struct node_round_key k;

    if (r != NULL)
        return r;
    r = FOG_NEW(open_round);
    r->node = g->node;
    r->week = g->week;
    r->round = grant_round(g);
    fog_list_init(&r->grants);
    fog_list_push_back(&h->rounds, &r->link);
    k = node_round(&r->node, r->round);
    fog_map_put(h->by_round, fog_bytes_of(k.b, sizeof k.b), r);
    return r;
}

struct open_grant *house_open(struct house *h, const struct grant_signed *g,
                              const struct fog_hash *digest, struct amount promised)
{
    struct open_grant *o = FOG_NEW(open_grant);

    o->g = *g;
    o->digest = *digest;
    o->promised = promised;
    o->tick.w = g->grant.anchor;
    FOG_ASSERT(fog_map_put(h->open, fog_bytes_of(o->g.grant.serial, 16), o) == NULL);
    if (grant_class(&g->grant) == GRANT_WITNESSED)
        fog_map_put(h->anchors, fog_bytes_of(o->g.grant.anchor.b, 32), o);
    fog_list_push_back(&round_for(h, &g->grant)->grants, &o->in_round);
    return o;
}

static void drop_round_if_empty(struct house *h, struct open_round *r)
{
    struct node_round_key k = node_round(&r->node, r->round);

    if (!fog_list_empty(&r->grants))
        return;
    fog_map_del(h->by_round, fog_bytes_of(k.b, sizeof k.b));
    fog_link_remove(&r->link);
    free(r);
}

void house_void(struct house *h, struct open_grant *o, struct claim_batch *batch)
{
    const struct grant *g = &o->g.grant;
    struct pub_week *p = house_pub_week(h, o->g.publisher_id, g->week);
    struct open_round *r = house_round(h, &g->node, grant_round(g));
    struct fog_buf key = {0};

    FOG_ASSERT(amount_sub(&p->promised, p->promised, o->promised) == 0);
    if (batch != NULL && o->flushed) {
        house_key_issued(&key, grant_round(g), g->serial);
        claim_batch_del(batch, fog_buf_bytes(&key));
        fog_buf_clear(&key);
        fog_wr_u8(&key, 'p');
        fog_wr_bytes(&key, g->serial, 16);
        if (o->has_progress)
            claim_batch_del(batch, fog_buf_bytes(&key));
        fog_buf_fini(&key);
    }
    fog_map_del(h->open, fog_bytes_of(g->serial, 16));
    if (grant_class(g) == GRANT_WITNESSED)
        fog_map_del(h->anchors, fog_bytes_of(g->anchor.b, 32));
    fog_link_remove(&o->in_round);
    fog_link_remove(&o->in_fresh);
    drop_round_if_empty(h, r);
    free(o);
}

/* --- records --- */

void house_key_issued(struct fog_buf *key, uint32_t round, const uint8_t serial[16])
{
    fog_wr_u8(key, 'i');
    fog_wr_u32(key, round);
    fog_wr_bytes(key, serial, 16);
}

void house_key_leaf(struct fog_buf *key, uint32_t week, const struct fog_ethaddr *publisher,
                    const uint8_t serial[16])
{
    fog_wr_u8(key, 'l');
    fog_wr_u32(key, week);
    fog_wr_bytes(key, publisher->b, 20);
    fog_wr_bytes(key, serial, 16);
}

void house_put_leaf(struct claim_batch *batch, const struct house_leaf *leaf)
{
    struct fog_buf key = {0}, value = {0};
    uint8_t wire[GRANT_WIRE_LEN];

    house_key_leaf(&key, leaf->g.grant.week, &leaf->g.grant.publisher, leaf->g.grant.serial);
    grant_encode(&leaf->g, wire);
    fog_wr_bytes(&value, wire, sizeof wire);
    fog_wr_bytes(&value, leaf->g.grant.publisher.b, 20);
    fog_wr_bytes(&value, leaf->g.grant.node.b, 20);
    fog_wr_bytes(&value, leaf->payee.b, 20);
    fog_wr_bytes(&value, leaf->digest.b, 32);
    fog_wr_u16(&value, leaf->tick.i);
    fog_wr_bytes(&value, leaf->tick.w.b, 32);
    fog_wr_u64(&value, leaf->paid_bytes);
    fog_wr_u128(&value, amount_units(leaf->worth));
    claim_batch_put(batch, fog_buf_bytes(&key), fog_buf_bytes(&value));
    fog_buf_fini(&key);
    fog_buf_fini(&value);
}

int house_read_leaf(struct fog_bytes value, const struct house *h, struct house_leaf *out)
{
    struct fog_rd r = fog_rd_of(value);
    struct fog_bytes wire = fog_rd_take(&r, GRANT_WIRE_LEN);

    if (r.err != 0 || grant_decode_fields(wire, &out->g) != 0)
        return FOG_ECORRUPT;
    out->g.grant.house = h->conf.addr;
    fog_rd_copy(&r, out->g.grant.publisher.b, 20);
    fog_rd_copy(&r, out->g.grant.node.b, 20);
    fog_rd_copy(&r, out->payee.b, 20);
    fog_rd_copy(&r, out->digest.b, 32);
    out->tick.i = fog_rd_u16(&r);
    fog_rd_copy(&r, out->tick.w.b, 32);
    out->paid_bytes = fog_rd_u64(&r);
    out->worth = amount_of_units(fog_rd_u128(&r));
    return fog_rd_done(&r) != 0 ? FOG_ECORRUPT : 0;
}

bool house_is_settled(struct house *h, const struct grant *g, int *err)
{
    struct fog_buf key = {0}, value = {0};
    int rc;

    house_key_leaf(&key, g->week, &g->publisher, g->serial);
    rc = h->conf.db->get(h->conf.db->arg, fog_buf_bytes(&key), &value);
    fog_buf_fini(&key);
    fog_buf_fini(&value);
    *err = rc == -ENOENT ? 0 : rc;
    return rc == 0;
}

int house_add_node_sum(struct house *h, struct claim_batch *batch, uint32_t week,
                       const struct fog_ethaddr *payee, const struct fog_ethaddr *node,
                       fog_u128 bytes, struct amount worth, uint32_t leaves)
{
    struct fog_buf key = {0}, old = {0}, value = {0};
    struct amount sum = worth;
    fog_u128 all_bytes = bytes;
    uint32_t all_leaves = leaves;
    int rc;

    fog_wr_u8(&key, 'n');
    fog_wr_u32(&key, week);
    fog_wr_bytes(&key, payee->b, 20);
    fog_wr_bytes(&key, node->b, 20);
    rc = h->conf.db->get(h->conf.db->arg, fog_buf_bytes(&key), &old);
    if (rc == 0) {
        struct fog_rd r = fog_rd_of(fog_buf_bytes(&old));

        all_bytes += fog_rd_u128(&r);
        rc = amount_add(&sum, sum, amount_of_units(fog_rd_u128(&r)));
        all_leaves += fog_rd_u32(&r);
        if (fog_rd_done(&r) != 0)
            rc = FOG_ECORRUPT;
    } else if (rc == -ENOENT) {
        rc = 0;
    }
    if (rc == 0) {
        fog_wr_u128(&value, all_bytes);
        fog_wr_u128(&value, amount_units(sum));
        fog_wr_u32(&value, all_leaves);
        claim_batch_put(batch, fog_buf_bytes(&key), fog_buf_bytes(&value));
    }
    fog_buf_fini(&key);
    fog_buf_fini(&old);
    fog_buf_fini(&value);
    return rc;
}

/* --- opening --- */

static int load_issued(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct house *h = arg;
    struct fog_rd r = fog_rd_of(value);
    struct fog_bytes wire = fog_rd_take(&r, GRANT_WIRE_LEN);
    struct grant_signed g;
    struct fog_hash digest;
    struct amount promised;
    struct pub_week *p;

    (void)key;
    if (r.err != 0 || grant_decode_fields(wire, &g) != 0)
        return FOG_ECORRUPT;
    fog_rd_copy(&r, g.grant.publisher.b, 20);
    fog_rd_copy(&r, g.grant.node.b, 20);
    fog_rd_copy(&r, digest.b, 32);
    g.grant.house = h->conf.addr;
    if (fog_rd_done(&r) != 0 || house_find(h, g.grant.serial) != NULL ||
        house_worth(h, &g.grant, g.grant.max_bytes, &promised) != 0)
        return FOG_ECORRUPT;
    p = house_pub_week(h, g.publisher_id, g.grant.week);
    if (amount_add(&p->promised, p->promised, promised) != 0)
        return FOG_ECORRUPT;
    house_open(h, &g, &digest, promised)->flushed = true;
    return 0;
}

static int load_progress(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct house *h = arg;
    struct fog_rd r = fog_rd_of(value);
    struct open_grant *o = key.len == 17 ? house_find(h, key.p + 1) : NULL;

    if (o == NULL)
        return 0; /* its grant was settled in the same second */
    o->tick.i = fog_rd_u16(&r);
    fog_rd_copy(&r, o->tick.w.b, 32);
    o->bytes = fog_rd_u64(&r);
    o->has_progress = true;
    return fog_rd_done(&r) != 0 ? FOG_ECORRUPT : 0;
}

static int load_settled(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct house *h = arg;
    struct house_leaf leaf;
    struct pub_week *p;
    int rc = house_read_leaf(value, h, &leaf);

    (void)key;
    if (rc != 0)
        return rc;
    p = house_pub_week(h, leaf.g.publisher_id, leaf.g.grant.week);
    return amount_add(&p->settled, p->settled, leaf.worth) != 0 ? FOG_ECORRUPT : 0;
}

static int load_books(struct house *h, fog_time_ms hub_ms)
{
    const struct claim_store *db = h->conf.db;
    uint32_t week = (uint32_t)((uint64_t)hub_ms / 1000 / h->conf.week_length_s);
    int rc = db->scan(db->arg, fog_bytes_str("i"), load_issued, h);

    if (rc == 0)
        rc = db->scan(db->arg, fog_bytes_str("p"), load_progress, h);
    for (uint32_t i = 0; rc == 0 && i < WEEKS_LOOKED_AT; i++) {
        struct fog_buf prefix = {0};

        if (week + i == 0)
            continue;
        fog_wr_u8(&prefix, 'l');
        fog_wr_u32(&prefix, week + i - 1);
        rc = db->scan(db->arg, fog_buf_bytes(&prefix), load_settled, h);
        fog_buf_fini(&prefix);
    }
    return rc;
}

static void set_defaults(struct house_conf *c)
{
    if (c->week_length_s == 0)
        c->week_length_s = DEFAULT_WEEK_S;
    if (c->passive_bps == 0)
        c->passive_bps = DEFAULT_PASSIVE;
    if (c->passive_pay_bps == 0)
        c->passive_pay_bps = DEFAULT_PASSIVE_PAY;
    if (c->cap_share_bps == 0)
        c->cap_share_bps = AMOUNT_BPS_ALL;
    if (c->default_max_bytes == 0)
        c->default_max_bytes = DEFAULT_MAX_BYTES;
    if (c->default_life_s == 0)
        c->default_life_s = DEFAULT_LIFE_S;
    if (c->tick_min_bytes == 0)
        c->tick_min_bytes = DEFAULT_TICK_MIN;
}

int house_new(const struct house_conf *conf, const struct house_events *events,
              struct registry *reg, fog_time_ms hub_ms, struct house **out)
{
    struct house *h;
    int rc;

    if (conf->passive_bps > AMOUNT_BPS_ALL || conf->passive_pay_bps > AMOUNT_BPS_ALL ||
        conf->cap_share_bps > AMOUNT_BPS_ALL || conf->default_life_s > GRANT_LIFE_MAX_S ||
        fog_ethaddr_is_zero(&conf->addr) || hub_ms < 0)
        return FOG_ECONFIG;
    h = FOG_NEW(house);
    h->magic = HOUSE_MAGIC;
    h->conf = *conf;
    set_defaults(&h->conf);
    h->events = *events;
    h->open = fog_map_new(conf->map_seed);
    h->by_round = fog_map_new(conf->map_seed);
    h->anchors = fog_map_new(conf->map_seed);
    h->pub_weeks = fog_map_new(conf->map_seed);
    h->jobs_of = fog_map_new(conf->map_seed);
    fog_list_init(&h->rounds);
    fog_list_init(&h->fresh);
    fog_list_init(&h->jobs);
    fog_list_init(&h->issuing);
    house_set_registry(h, reg);
    rc = load_books(h, hub_ms);
    if (rc == 0)
        rc = voucher_sign_missing(h);
    if (rc != 0) {
        house_free(&h);
        return rc;
    }
    *out = h;
    return 0;
}

void house_free(struct house **hp)
{
    struct house *h = *hp;
    size_t cursor = 0;
    void *v;

    *hp = NULL;
    if (h == NULL)
        return;
    FOG_ASSERT(h->magic == HOUSE_MAGIC);
    issuer_abandon(h);
    voucher_abandon(h);
    while ((v = fog_map_next(h->open, &cursor, NULL)) != NULL)
        house_void(h, v, NULL); /* a round goes with its last grant */
    cursor = 0;
    while ((v = fog_map_next(h->pub_weeks, &cursor, NULL)) != NULL)
        free(v);
    fog_map_free(&h->open);
    fog_map_free(&h->by_round);
    fog_map_free(&h->anchors);
    fog_map_free(&h->pub_weeks);
    fog_map_free(&h->jobs_of);
    registry_unref(&h->reg);
    h->magic = 0;
    free(h);
}

void house_set_registry(struct house *h, struct registry *reg)
{
    struct registry *old = h->reg;

    h->reg = registry_ref(reg);
    registry_unref(&old);
    if (registry_id(h->reg, REGISTRY_HOUSE, &h->conf.addr, &h->id) != 0)
        h->id = 0;
}

struct registry *house_registry(struct house *h)
{
    return h->reg;
}

/* --- once a second --- */

static void put_fresh(struct claim_batch *batch, const struct open_grant *o)
{
    const struct grant *g = &o->g.grant;
    struct fog_buf key = {0}, value = {0};
    uint8_t wire[GRANT_WIRE_LEN], round[4];

    house_key_issued(&key, grant_round(g), g->serial);
    grant_encode(&o->g, wire);
    fog_wr_bytes(&value, wire, sizeof wire);
    fog_wr_bytes(&value, g->publisher.b, 20);
    fog_wr_bytes(&value, g->node.b, 20);
    fog_wr_bytes(&value, o->digest.b, 32);
    claim_batch_put(batch, fog_buf_bytes(&key), fog_buf_bytes(&value));
    if (grant_class(g) == GRANT_WITNESSED) {
        fog_buf_clear(&key);
        fog_buf_clear(&value);
        fog_wr_u8(&key, 'a');
        fog_wr_bytes(&key, g->anchor.b, 32);
        fog_wr_u32(&value, grant_round(g));
        memcpy(round, value.data, sizeof round);
        claim_batch_put(batch, fog_buf_bytes(&key), fog_bytes_of(round, sizeof round));
    }
    fog_buf_fini(&key);
    fog_buf_fini(&value);
}

int house_turn(struct house *h, fog_time_ms hub_ms)
{
    struct claim_batch batch = {0};
    struct fog_link *n;
    int rc;

    (void)hub_ms;
    FOG_LIST_EACH(&h->fresh, it)
    {
        put_fresh(&batch, FOG_CONTAINER(it, open_grant, in_fresh));
    }
    rc = claim_batch_apply(&batch, h->conf.db, NULL, true);
    while (rc == 0 && (n = fog_list_pop_front(&h->fresh)) != NULL)
        FOG_CONTAINER(n, open_grant, in_fresh)->flushed = true;
    claim_batch_fini(&batch);
    if (rc == 0 && h->unsigned_vouchers) {
        h->unsigned_vouchers = false;
        rc = voucher_sign_missing(h);
    }
    return rc;
}
