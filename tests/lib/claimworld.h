/*
 * One house, one publisher with a deal, and boxes, over the production ledger and house code:
 * stores that can crash, keys that remember, a clock that the test moves. Messages go straight
 * across.
 */
#ifndef FOG_TESTS_LIB_CLAIMWORLD_H
#define FOG_TESTS_LIB_CLAIMWORLD_H

#include "contracts/claim/claim.h"
#include "tests/lib/fakekeys.h"
#include "tests/lib/memstore.h"

#define WORLD_BOXES 2
#define WORLD_HOUR  ((fog_time_ms)3600 * 1000)

struct world;

struct world_box {
    struct world *world;
    unsigned i;
    struct fakekeys keys;
    struct memstore store;
    struct ledger *ledger;
    struct fog_ethaddr node;
    uint32_t node_id;
    struct fog_ethaddr wallet;
    bool cut;            /* its messages do not arrive */
    unsigned statements; /* sent */
    struct accept_answer last;
};

struct world {
    fog_time_ms hub_ms;
    uint32_t week_length_s;
    size_t max_live;
    struct claim_domain domain;
    struct registry *reg;
    struct fakekeys keys; /* the house's */
    struct memstore db;
    struct house *house;
    struct fog_ethaddr house_addr;
    uint8_t publisher_id[32];
    struct fog_ethaddr publisher;
    struct fog_rng_seeded rng;
    struct world_box box[WORLD_BOXES];
    struct voucher newest; /* last one that the house gave out */
    unsigned vouchers;
};

/* Hub time starts at 10 s into an hour at the beginning of week 3000 (of week_length_s 604800). */
void world_init(struct world *w); /* ledgers of 100 grants */
void world_init_live(struct world *w, size_t max_live);
void world_fini(struct world *w);

/* Issues a grant for the path "v/..." of the site "site-label"; anchor NULL: class P. */
int world_issue(struct world *w, unsigned box, const uint8_t *anchor, uint64_t max_bytes,
                struct issued *out);

/* A use of the grants above. */
struct grant_use world_use(const struct world *w);

/* Takes a grant to its box and has `bytes` served under it. */
void world_serve(struct world *w, unsigned box, const struct issued *g, uint64_t bytes);

/* Moves the clock and lets everybody do what is due. */
void world_pass(struct world *w, fog_time_ms ms);

/* kill -9 and a new start, of a box (or its machine, with its key process) and of the house. */
void world_crash_box(struct world *w, unsigned box);
void world_crash_house(struct world *w);

#endif
