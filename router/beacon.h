/*
 * An instance's hash chain (PROTOCOL 5, ids): the hub set carries its end, each cell map reveals
 * the preimage before it. Nobody can choose a key so that its id lands on a group, because the id
 * mixes a preimage that was not known when the key was shown. Pure; the seed is the caller's
 * secret.
 *
 * value(0) = seed, value(i+1) = SHA-256(value(i)), anchor = value(BEACON_LENGTH). The n-th reveal
 * (from 1) is value(BEACON_LENGTH - n).
 */
#ifndef FOG_ROUTER_BEACON_H
#define FOG_ROUTER_BEACON_H

#include "core/base/err.h"
#include "core/base/types.h"

#define BEACON_LENGTH 65536 /* maps of one hub set version */
#define BEACON_STRIDE 256

struct beacon {
    struct fog_hash marks[BEACON_LENGTH / BEACON_STRIDE]; /* value(0), value(256), ... */
    struct fog_hash anchor;
};

/* About 65536 hashes: some ten milliseconds. */
void beacon_init(struct beacon *b, const struct fog_hash *seed);

/* n in 1..BEACON_LENGTH; FOG_ERANGE when the chain is used up. */
int beacon_reveal(const struct beacon *b, uint64_t n, struct fog_hash *out) FOG_MUST_CHECK;

/* Is `value` at most `within` hashes before `later` (a value revealed earlier, or the anchor)? */
bool beacon_leads_to(const struct fog_hash *value, const struct fog_hash *later, unsigned within);

#endif
