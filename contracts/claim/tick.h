/*
 * Ticks: a PayWord chain of SHA-256 (PROTOCOL 6). The player draws w_256, computes
 * w_{i-1} = SHA-256(w_i) and gives w_0, the anchor, to the house; each w_i that it reveals pays for
 * one more tickBytes. Checking the next tick is one hash. Pure functions over a 34-byte state.
 */
#ifndef FOG_CLAIM_TICK_H
#define FOG_CLAIM_TICK_H

#include "core/base/err.h"
#include "core/base/types.h"

#define TICK_CHAIN 256

/* The highest tick seen: i = 0 and w = anchor at first. */
struct tick_state {
    uint16_t i;
    struct fog_hash w;
};

/* Accepts preimage i when hashing it (i - state.i) times gives state.w; the state moves on. 0;
 * FOG_EREPLAY for i not above what is known (and the same chain, as far as one can see);
 * FOG_ERANGE above 256; FOG_EVERIFY. */
int tick_accept(struct tick_state *s, unsigned i, const struct fog_hash *w) FOG_MUST_CHECK;

/* Whether w is preimage i of the anchor; i = 0 means no tick, w is ignored. 0, FOG_ERANGE,
 * FOG_EVERIFY. At most 256 hashes. */
int tick_check(const struct fog_hash *anchor, unsigned i, const struct fog_hash *w) FOG_MUST_CHECK;

/* The player's side: w_0 ... w_256 from the seed w_256. */
void tick_chain_make(const struct fog_hash *seed, struct fog_hash out[TICK_CHAIN + 1]);

/* "<i>.<43 characters base64url>", the value of the reserved query name and the body of a tick
 * request. FOG_EFORMAT, FOG_ERANGE. */
#define TICK_TEXT_MAX 48
int tick_parse(struct fog_bytes text, unsigned *i, struct fog_hash *w) FOG_MUST_CHECK;
void tick_format(unsigned i, const struct fog_hash *w, char out[TICK_TEXT_MAX]);

/* Unpaid bytes that a box grants beyond `ticks` paid ones: 1 tick, doubling per paid tick to 8. */
unsigned tick_window(unsigned ticks);

#endif
