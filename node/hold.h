/*
 * Keeping what a placement group needs (PROTOCOL 5): on order, everything a list names is fetched,
 * pinned and made durable, then what the group's earlier list named and this one does not is let
 * go. A manifest in a list means all chunks that it names.
 *
 * Owns one record per group in the store (which list is held, which is being fetched), so that an
 * order that a crash interrupted leaves no pins behind: the hub gives it again, or another one
 * replaces it. One object, on the control loop.
 */
#ifndef FOG_NODE_HOLD_H
#define FOG_NODE_HOLD_H

#include "core/content/leaf.h"

struct fill;
struct fog_loop;
struct hold;
struct storage;
struct storage_loop;

#define HOLD_REFS_MAX   200000 /* of one group, chunks included */
#define HOLD_PARALLEL   4      /* chunks of one order fetched at a time */
#define HOLD_ORDERS_MAX 4096   /* waiting */

struct hold_ref {
    uint8_t kind;
    struct fog_hash id;
    uint32_t len; /* of chunks */
};

struct hold_order {
    struct fog_hash pg;
    struct fog_hash rev;         /* names the list; zero: made from the list itself */
    struct fog_hash publisher;   /* whose account is charged; may be zero */
    const struct hold_ref *refs; /* copied; n 0: let go of the group */
    size_t n;
    const uint8_t (*sources)[32]; /* peers to ask first; copied */
    size_t n_sources;
    bool urgent; /* before those that wait */
};

/* bytes: of the bodies now held for the group. err: 0, or why not all could be kept; then the
 * earlier list is still held and the order may be given again. */
typedef void (*hold_done_fn)(void *ctx, int err, uint64_t bytes);

struct hold *hold_new(struct fog_loop *loop, struct storage *st, struct storage_loop *store,
                      struct fill *fill);
/* After the store was closed, whose workers may still run for an order, and before the loop is
 * freed. Nobody is called. */
void hold_free(struct hold **h);

/* A newer order for a group replaces one that waits. FOG_ELIMIT, FOG_EBUSY. done is called once,
 * never from inside its own call; a replaced order ends with FOG_ECANCELED. */
int hold_take(struct hold *h, const struct hold_order *order, hold_done_fn done,
              void *ctx) FOG_MUST_CHECK;

struct hold_stats {
    uint64_t done, failed;
    uint64_t fetched; /* objects that were not here yet */
    size_t waiting;
};
void hold_stats(const struct hold *h, struct hold_stats *out);

#endif
