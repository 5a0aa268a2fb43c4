/*
 * Which box must hold which placement group, and is it there yet (PROTOCOL 5, Copies). Holders are
 * computed by rendezvous over the newest map; orders go out, acknowledgements come back, and a
 * group whose holder died is ordered elsewhere after the grace. Owns groups, acknowledgements and
 * orders in flight; sends through `ops`; has no socket and no clock.
 *
 * Never a storm: deaths of a cut are not repaired, at most COPIES_PER_BOX orders are in flight to
 * one box, a failed order waits 5 s doubling to 5 min, and what a box acknowledged before a restart
 * of ours is not ordered again.
 */
#ifndef FOG_ROUTER_COPIES_H
#define FOG_ROUTER_COPIES_H

#include "router/cellmap.h"
#include "router/records.h"

#define COPIES_PER_BOX    4
#define COPIES_ORDER_MS   60000 /* without an answer an order is sent again */
#define COPIES_RETRY_MS   5000
#define COPIES_RETRY_MAX  (5 * 60 * 1000)
#define COPIES_GROUPS_MAX 1000000
#define COPIES_K_MAX      16

enum copies_op { COPIES_HOLD = 1, COPIES_DROP = 2 };
enum copies_box_state {
    COPIES_BOX_HERE, /* holds a lease: takes orders */
    COPIES_BOX_AWAY, /* not here, but its copies still count: starting up, within the grace, or lost
                        in a cut */
    COPIES_BOX_GONE, /* its copies are to be made again */
};

struct copies_conf {
    unsigned k;
    fog_time_ms grace_ms;
    fog_time_ms drop_after_ms;
};

struct copies_ops {
    void *arg;
    /* Since when it is away (for the grace) goes to *until: when AWAY becomes GONE, INT64_MAX for
     * never. */
    enum copies_box_state (*box)(void *arg, const uint8_t key[32], fog_time_ms now,
                                 fog_time_ms *until);
    /* Sends an order; false when it could not be sent (counts as not ordered). sources: boxes that
     * have it. */
    bool (*order)(void *arg, const uint8_t box[32], uint64_t order, enum copies_op op,
                  const struct record_group *g, const uint8_t (*sources)[32], size_t n_sources);
    /* Keeps (rev) or forgets (NULL) an acknowledgement on disk. */
    void (*ack)(void *arg, const struct fog_hash *pg, const uint8_t box[32],
                const struct fog_hash *rev);
    /* The number of acknowledged copies of some group of the site changed. */
    void (*changed)(void *arg, const struct fog_site_id *site);
};

struct copies;

struct copies *copies_new(const struct copies_conf *conf, const struct copies_ops *ops);
void copies_free(struct copies **c);

/* Adds or replaces a group; takes in->refs over. */
void copies_put(struct copies *c, struct record_group *in, fog_time_ms now);
/* Forgets groups of the site that are not in the list of the newest release: boxes are told to drop
 * them. */
void copies_keep_only(struct copies *c, const struct fog_site_id *site, const struct fog_hash *pgs,
                      size_t n, void (*forgotten)(void *arg, const struct fog_hash *pg), void *arg,
                      fog_time_ms now);
/* From disk, at start. */
void copies_load_ack(struct copies *c, const struct fog_hash *pg, const uint8_t box[32],
                     const struct fog_hash *rev);

/* A new map (a reference is kept), or a box changed its state. */
void copies_on_map(struct copies *c, const struct cellmap *map, fog_time_ms now);
void copies_on_box(struct copies *c, const uint8_t key[32], fog_time_ms now);
/* Outcome of an order: state as in PLACED. */
void copies_on_placed(struct copies *c, const uint8_t box[32], uint64_t order,
                      const struct fog_hash *pg, const struct fog_hash *rev, unsigned state,
                      int64_t code, fog_time_ms now);
/* A box was found to have lost or spoilt its copies: they no longer count. */
void copies_distrust(struct copies *c, const uint8_t box[32], fog_time_ms now);

/* Looks at what is due; returns when it wants to be called again. */
fog_time_ms copies_tick(struct copies *c, fog_time_ms now);

struct copies_status {
    size_t groups;
    uint64_t bytes;
    unsigned wanted;     /* copies per group */
    unsigned copies_min; /* acknowledged and not gone, of the worst group */
    bool spread;         /* false: some group has all copies in one failure domain */
    size_t n_holders;
    uint8_t holders[64][32]; /* boxes with at least one group, at most 64 of them */
};
void copies_status(const struct copies *c, const struct fog_site_id *site, fog_time_ms now,
                   struct copies_status *out);

/* Boxes that acknowledged the newest rev of the group; returns how many. */
size_t copies_holders(const struct copies *c, const struct fog_hash *pg, uint8_t (*out)[32],
                      size_t max);

/* Totals since start, for tests and status. */
struct copies_totals {
    uint64_t orders, acks, failures, drops;
    size_t groups, below; /* groups with fewer than k (or all possible) good copies now */
};
void copies_totals(const struct copies *c, fog_time_ms now, struct copies_totals *out);

#endif
