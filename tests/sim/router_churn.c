/*
 * Leases, placement and repair of one cell on virtual time: 50 boxes that come and go, a hub that
 * restarts, a cut of 40 % of the cell. The code under test is the production code; boxes, network
 * and clock are simulated.
 *
 * usage: router_churn [FIRST_SEED [COUNT]]; a failure prints its seed. One line of figures per
 * seed.
 */
#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/base/rng.h"
#include "core/obs/log.h"
#include "core/wire/frame.h"
#include "router/copies.h"
#include "router/lease.h"
#include "tests/lib/fogkit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BOXES    50
#define GROUPS   300
#define K        3
#define STEP_MS  100
#define HOUR_MS  (3600 * 1000)
#define GRACE_MS 60000
#define ORDERS   4096

enum fate { UP, KILLED, SILENT, LEFT };

struct sim_box {
    uint8_t key[32];
    enum fate fate;
    bool connected; /* from the hub's view a TCP connection stands */
    fog_time_ms next_change, next_beat, probe_at;
    struct fog_map *holds; /* pg -> itself */
};

struct sim_order {
    bool used;
    unsigned box;
    uint64_t no;
    enum copies_op op;
    struct fog_hash pg, rev;
    fog_time_ms done_at;
};

struct ack_row {
    struct fog_hash pg, rev;
    uint8_t box[32];
    bool used;
};

struct sim {
    uint64_t seed;
    struct fog_rng_seeded st;
    struct fog_rng rng;
    fog_time_ms now;
    bool churn;
    struct fogkit kit;
    struct cellmap *map;
    struct leases *leases;
    struct copies *copies;
    struct sim_box boxes[BOXES];
    struct sim_order orders[ORDERS];
    struct fog_hash groups[GROUPS];
    struct fog_map *acks; /* pg ‖ box -> struct ack_row: the disk of the hub */
    uint64_t sent;        /* orders over all incarnations of the hub */
    unsigned max_below;
    uint64_t failures;
};

static struct sim *sim;

static void fail(const char *what, uint64_t got, uint64_t want)
{
    fprintf(stderr,
            "router_churn: seed %" PRIu64 " at %" PRId64 " ms: %s: %" PRIu64 ", want %" PRIu64 "\n",
            sim->seed, sim->now, what, got, want);
    exit(1);
}

static struct sim_box *box_of(const uint8_t key[32])
{
    for (unsigned i = 0; i < BOXES; i++)
        if (memcmp(sim->boxes[i].key, key, 32) == 0)
            return &sim->boxes[i];
    return NULL;
}

static fog_time_ms about(fog_time_ms mean)
{
    return mean / 4 + (fog_time_ms)fog_rng_below(&sim->rng, (uint64_t)mean * 3 / 2);
}

/* --- what leases ask --- */

static void on_probe(void *arg, const uint8_t key[32], enum lease_why why)
{
    (void)arg;
    (void)why;
    box_of(key)->probe_at = sim->now + STEP_MS;
}

static void on_changed(void *arg, const struct lease_box *box, enum lease_state from)
{
    (void)arg;
    (void)from;
    if (sim->copies != NULL)
        copies_on_box(sim->copies, box->key, sim->now);
}

static void on_cut(void *arg, bool on)
{
    (void)arg;
    (void)on;
    copies_on_map(sim->copies, sim->map, sim->now);
}

/* --- what copies ask --- */

static enum copies_box_state box_state(void *arg, const uint8_t key[32], fog_time_ms now,
                                       fog_time_ms *until)
{
    const struct lease_box *b = leases_get(sim->leases, key);

    (void)arg;
    *until = INT64_MAX;
    if (b == NULL)
        return COPIES_BOX_GONE;
    if (b->state == LEASE_ALIVE)
        return b->connected ? COPIES_BOX_HERE : COPIES_BOX_AWAY;
    if (b->state == LEASE_NEW || b->state == LEASE_SUSPECT || b->cut)
        return COPIES_BOX_AWAY;
    *until = b->since + GRACE_MS;
    return now < *until ? COPIES_BOX_AWAY : COPIES_BOX_GONE;
}

static bool send_order(void *arg, const uint8_t key[32], uint64_t order, enum copies_op op,
                       const struct record_group *g, const uint8_t (*sources)[32], size_t n_sources)
{
    struct sim_box *b = box_of(key);

    (void)arg;
    (void)sources;
    (void)n_sources;
    if (!b->connected)
        return false;
    sim->sent++;
    for (unsigned i = 0; i < ORDERS; i++) {
        struct sim_order *o = &sim->orders[i];
        if (o->used)
            continue;
        *o = (struct sim_order){true,   (unsigned)(b - sim->boxes), order, op, g->pg,
                                g->rev, sim->now + about(5000)};
        return true;
    }
    fail("orders in flight", ORDERS, 0); /* a storm */
    return false;
}

static void ack_key(const struct fog_hash *pg, const uint8_t box[32], uint8_t out[64])
{
    memcpy(out, pg->b, 32);
    memcpy(out + 32, box, 32);
}

static void store_ack(void *arg, const struct fog_hash *pg, const uint8_t box[32],
                      const struct fog_hash *rev)
{
    struct ack_row *row;
    uint8_t key[64];

    (void)arg;
    ack_key(pg, box, key);
    free(fog_map_del(sim->acks, fog_bytes_of(key, 64)));
    if (rev == NULL)
        return;
    row = FOG_NEW(ack_row);
    row->pg = *pg;
    row->rev = *rev;
    memcpy(row->box, box, 32);
    fog_map_put(sim->acks, fog_bytes_of(key, 64), row);
}

static void site_changed(void *arg, const struct fog_site_id *site)
{
    (void)arg;
    (void)site;
}

/* --- the hub --- */

static void add_group(unsigned i)
{
    struct record_group g = {.slot = i, .bytes = 1 << 20, .n_refs = 1};

    g.refs = fog_alloc(sizeof *g.refs);
    g.refs[0].kind = 2;
    g.refs[0].id.b[0] = (uint8_t)i;
    g.pg = sim->groups[i];
    g.rev.b[0] = 1;
    copies_put(sim->copies, &g, sim->now);
}

static void hub_start(void)
{
    struct leases_ops lops = {.probe = on_probe, .changed = on_changed, .cut = on_cut};
    struct copies_ops cops = {
        .box = box_state, .order = send_order, .ack = store_ack, .changed = site_changed};
    struct copies_conf conf = {.k = K, .grace_ms = GRACE_MS, .drop_after_ms = 10 * 60 * 1000};
    struct ack_row *row;
    size_t at = 0;

    sim->leases = leases_new(sim->kit.fog_id.b, sim->now, 15 * 60 * 1000, &lops);
    for (unsigned i = 0; i < BOXES; i++) {
        leases_add(sim->leases, sim->boxes[i].key, sim->now);
        sim->boxes[i].connected = false;
    }
    sim->copies = copies_new(&conf, &cops);
    for (unsigned i = 0; i < GROUPS; i++)
        add_group(i);
    while ((row = fog_map_next(sim->acks, &at, NULL)) != NULL)
        copies_load_ack(sim->copies, &row->pg, row->box, &row->rev);
    copies_on_map(sim->copies, sim->map, sim->now);
}

static void hub_stop(void)
{
    copies_free(&sim->copies);
    leases_free(&sim->leases);
    memset(sim->orders, 0, sizeof sim->orders); /* connections are gone, and what they carried */
}

/* --- one step of the world --- */

static void change_fate(struct sim_box *b)
{
    if (b->fate != UP) {
        b->fate = UP;
        b->next_beat = sim->now;
        b->next_change = sim->now + about(2 * HOUR_MS);
        return;
    }
    b->fate = (enum fate)(KILLED + fog_rng_below(&sim->rng, 3));
    b->next_change = sim->now + about(20 * 60 * 1000);
    if (!b->connected)
        return;
    if (b->fate == LEFT)
        leases_on_leave(sim->leases, b->key, sim->now);
    if (b->fate != SILENT) {
        b->connected = false;
        leases_on_closed(sim->leases, b->key, sim->now);
    }
}

static void step_box(struct sim_box *b)
{
    struct lease_load load = {0};

    if (sim->churn && sim->now >= b->next_change)
        change_fate(b);
    if (b->fate == UP && !b->connected) {
        b->connected = true; /* it dials again */
        b->next_beat = sim->now;
        leases_on_hello(sim->leases, b->key, sim->now);
    }
    if (b->fate == UP && sim->now >= b->next_beat) {
        leases_on_beat(sim->leases, b->key, &load, sim->now);
        b->next_beat = sim->now + LEASE_IDLE_MS;
    }
    if (b->fate == SILENT && b->connected && leases_get(sim->leases, b->key)->state == LEASE_DEAD) {
        b->connected = false; /* the hub gives the connection up */
        leases_on_closed(sim->leases, b->key, sim->now);
    }
    if (b->probe_at != 0 && sim->now >= b->probe_at) {
        b->probe_at = 0;
        if (b->fate != SILENT) /* silence is answered by the hub's own deadline */
            leases_on_probe(sim->leases, b->key, b->fate == UP, sim->now);
    }
}

static void step_orders(void)
{
    for (unsigned i = 0; i < ORDERS; i++) {
        struct sim_order *o = &sim->orders[i];
        struct sim_box *b = &sim->boxes[o->box];
        bool fails;
        if (!o->used || sim->now < o->done_at)
            continue;
        o->used = false;
        if (b->fate != UP || !b->connected)
            continue; /* lost with the connection */
        fails = fog_rng_below(&sim->rng, 50) == 0;
        sim->failures += fails;
        copies_on_placed(sim->copies, b->key, o->no, &o->pg, &o->rev,
                         fails                  ? 2
                         : o->op == COPIES_HOLD ? 1
                                                : 3,
                         0, sim->now);
    }
}

static void run(fog_time_ms for_ms)
{
    fog_time_ms until = sim->now + for_ms;
    struct copies_totals t;

    for (; sim->now < until; sim->now += STEP_MS) {
        for (unsigned i = 0; i < BOXES; i++)
            step_box(&sim->boxes[i]);
        step_orders();
        (void)leases_tick(sim->leases, sim->now);
        (void)copies_tick(sim->copies, sim->now);
        if (sim->now % 60000 == 0) {
            copies_totals(sim->copies, sim->now, &t);
            if (t.below > sim->max_below)
                sim->max_below = (unsigned)t.below;
        }
    }
}

static size_t below(void)
{
    struct copies_totals t;

    copies_totals(sim->copies, sim->now, &t);
    return t.below;
}

static void everybody_up(void)
{
    for (unsigned i = 0; i < BOXES; i++)
        sim->boxes[i].fate = UP;
}

/* --- the story --- */

static void set_up(uint64_t seed)
{
    static const uint8_t map_seed[16] = "acks";
    struct fog_buf b = {0};

    sim = FOG_NEW(sim);
    sim->seed = seed;
    sim->rng = fog_rng_seed(&sim->st, seed);
    sim->now = 1000000;
    fogkit_init(&sim->kit, K);
    sim->map = fogkit_map(&sim->kit, 1, BOXES, &b);
    fog_buf_fini(&b);
    sim->acks = fog_map_new(map_seed);
    for (unsigned i = 0; i < GROUPS; i++)
        fog_rng_fill(&sim->rng, sim->groups[i].b, 32);
    for (unsigned i = 0; i < BOXES; i++) {
        memcpy(sim->boxes[i].key, sim->map->rows[i].key, 32);
        sim->boxes[i].next_change = sim->now + about(2 * HOUR_MS);
    }
    hub_start();
}

static void tear_down(void)
{
    struct ack_row *row;
    size_t at = 0;

    hub_stop();
    cellmap_unref(&sim->map);
    while ((row = fog_map_next(sim->acks, &at, NULL)) != NULL)
        free(row);
    fog_map_free(&sim->acks);
    fogkit_fini(&sim->kit);
    free(sim);
}

static void story(uint64_t seed)
{
    uint64_t before, churned;
    unsigned below_in_churn;

    set_up(seed);
    run(10 * 60 * 1000);
    if (below() != 0)
        fail("groups below k after the first placement", below(), 0);
    if (sim->sent < GROUPS * K || sim->sent > GROUPS * K * 11 / 10)
        fail("orders of the first placement", sim->sent, GROUPS * K);

    sim->churn = true;
    before = sim->sent;
    run(6 * HOUR_MS);
    churned = sim->sent - before;
    below_in_churn = sim->max_below;
    sim->churn = false;
    everybody_up();
    run(30 * 60 * 1000);
    if (below() != 0)
        fail("groups below k after the churn", below(), 0);

    /* 40 % fall silent at once, for ten minutes: a cut. Nothing may be copied, then or when they
     * are back. */
    before = sim->sent;
    for (unsigned i = 0; i < BOXES * 4 / 10; i++)
        sim->boxes[i * 2].fate = i % 2 == 0 ? SILENT : KILLED;
    for (unsigned i = 0; i < BOXES; i++)
        if (sim->boxes[i].fate == KILLED) {
            sim->boxes[i].connected = false;
            leases_on_closed(sim->leases, sim->boxes[i].key, sim->now);
        }
    run(10 * 60 * 1000);
    if (!leases_in_cut(sim->leases))
        fail("cut seen", 0, 1);
    everybody_up();
    run(30 * 60 * 1000);
    if (sim->sent != before)
        fail("orders because of a cut", sim->sent - before, 0);

    /* The hub restarts: what was acknowledged is not ordered again, what was not is. */
    hub_stop();
    before = sim->sent;
    hub_start();
    run(30 * 60 * 1000);
    if (sim->sent != before)
        fail("orders because of a restart", sim->sent - before, 0);
    if (below() != 0)
        fail("groups below k at the end", below(), 0);
    printf("seed %" PRIu64 ": %d boxes, %d groups, orders in 6 h of churn %" PRIu64
           ", most groups below k at a minute %u\n",
           seed, BOXES, GROUPS, churned, below_in_churn);
    tear_down();
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1,
             count = argc > 2 ? strtoull(argv[2], NULL, 10) : 3;

    fog_log_setup(FOG_LOG_BROKEN, "sim");
    for (uint64_t seed = first; seed < first + count; seed++)
        story(seed);
    return 0;
}
