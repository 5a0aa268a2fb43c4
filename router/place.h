/*
 * Placement is computed (PROTOCOL 5): weighted rendezvous over a placement group, in integers, so
 * that every machine ranks the same. Pure arithmetic over arrays; vectors in
 * router/vectors/place.json.
 *
 * Score of a box for a group, lowest wins, ties by the smaller (a, b):
 *   a, b = first and second 8 bytes of the box's id; p0, p1 = those of the group (big-endian)
 *   h = mix(mix(a ^ p0) ^ b ^ p1), mix = the finaliser of splitmix64
 *   score = floor(L(h | 1) / weight), L(v) = -log2(v / 2^64) in Q48:
 *     e = leading zeros of v, m = v << e, i = next 11 bits of m, f = the 32 bits after them
 *     L = 64*2^48 - ((63 - e)*2^48 + T[i] + ((T[i+1] - T[i])*f >> 32))
 *   T[i] = log2(1 + i/2048) in Q48, bit by bit: y = (2048+i) << 52; 48 times: y = y*y >> 63 (128
 * bit); when y >= 2^64 the bit is 1 and y >>= 1. T[2048] = 2^48. Weight 0 is never chosen.
 */
#ifndef FOG_ROUTER_PLACE_H
#define FOG_ROUTER_PLACE_H

#include "core/base/types.h"

struct place_item {
    uint64_t a, b;
    uint16_t weight;
};

struct place_hit {
    uint64_t score;
    uint32_t index;
};

#define PLACE_TOP_MAX 64

struct place_item place_item_of(const struct fog_hash *id, uint16_t weight);

/* UINT64_MAX for weight 0. */
uint64_t place_score(const struct place_item *item, const struct fog_hash *pg);

/* The best `max` (<= PLACE_TOP_MAX) items, best first. `ok` NULL, or one byte per item: 0 leaves it
 * out. Returns how many there are. */
size_t place_top(const struct place_item *items, size_t n, const uint8_t *ok,
                 const struct fog_hash *pg, struct place_hit *out, size_t max);

/* Where an item must not share with another copy. */
struct place_apart {
    uint8_t operator_addr[20];
    uint64_t domain; /* hash of the failure domain's name */
};

/* Chooses up to k (<= 16) holders: rank order, no two of one operator, and two failure domains as
 * soon as k >= 2 where the boxes allow it. Returns how many; *spread says whether two domains were
 * reached (k 1: true). */
size_t place_pick(const struct place_item *items, const struct place_apart *apart, size_t n,
                  const uint8_t *ok, const struct fog_hash *pg, size_t k, uint32_t *out,
                  bool *spread);

#endif
