/*
 * HubSet (PROTOCOL 1): which router instances there are and how many of them, t, must sign what
 * holds for the whole fog. Version 1 is signed by the root; each later one by the root again or by
 * t instances of the set before it. A box that was off for months replays the list. Pure.
 *
 * Body: version u32 ‖ prev 32 (SHA-256 of the previous body, zeros for 1) ‖ t u8 ‖ n u8 ‖ n x {
 * transport key 32 ‖ map key 32 ‖ house 20 ‖ beacon anchor 32 ‖ addresses u8 x str8 }, instances
 * ascending by transport key. Then signatures: m u8 ‖ m x { signer 32 ‖ signature 64 } over the
 * body, type FOG_SIGN_HUBSET, ascending by signer.
 */
#ifndef FOG_ROUTER_HUBSET_H
#define FOG_ROUTER_HUBSET_H

#include "core/io/addr.h"
#include "router/genesis.h"

#define HUBSET_INSTANCES_MAX 32
#define HUBSET_ADDRS_MAX     4
#define HUBSET_SIGS_MAX      32
#define HUBSET_MAX           16384

struct hubset_instance {
    uint8_t key[32];        /* transport key: who answers on a node connection */
    struct fog_pub map_key; /* signs maps, liveness, freshness, tokens; lives in keyd */
    uint8_t house[20];
    struct fog_hash anchor; /* end of the instance's hash chain (beacon.h) */
    unsigned n_addrs;
    struct fog_addr addrs[HUBSET_ADDRS_MAX];
};

struct hubset {
    uint32_t version;
    struct fog_hash prev;
    unsigned t;
    unsigned n;
    struct hubset_instance instances[HUBSET_INSTANCES_MAX];
    struct fog_hash id; /* SHA-256 of the body */
    unsigned n_sigs;
    struct {
        struct fog_pub signer;
        struct fog_sig sig;
    } sigs[HUBSET_SIGS_MAX];
};

/* How many must sign in a set of n: 1, 2, floor(n/2)+1. */
unsigned hubset_t_of(unsigned n);

/* Form only: no signature is checked. */
int hubset_decode(struct fog_bytes in, struct hubset *out) FOG_MUST_CHECK;
/* The body to sign; fills s->id. */
int hubset_body(struct hubset *s, struct fog_buf *out) FOG_MUST_CHECK;
/* Adds a signature made elsewhere (any order), then hubset_encode writes the whole. */
int hubset_add_sig(struct hubset *s, const struct fog_pub *signer,
                   const struct fog_sig *sig) FOG_MUST_CHECK;
int hubset_encode(struct hubset *s, struct fog_buf *out) FOG_MUST_CHECK;

/* May `next` follow `prev` (NULL: nothing known yet)? FOG_EVERIFY when too few valid signatures or
 * the chain is broken, FOG_ESTALE when it is not newer. A set signed by the root may skip versions.
 */
int hubset_check(const struct hubset *next, const struct hubset *prev, const struct genesis *g,
                 const struct fog_hash *fog_id) FOG_MUST_CHECK;

/* Instance with that transport key or map key; NULL. */
const struct hubset_instance *hubset_by_key(const struct hubset *s, const uint8_t key[32]);
const struct hubset_instance *hubset_by_map_key(const struct hubset *s, const struct fog_pub *key);

#endif
