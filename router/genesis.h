/*
 * Genesis of a fog (PROTOCOL 1): root keys, chain, parameters. fog_id = SHA-256(genesis bytes).
 * Pure.
 *
 * Bytes: "fogbank genesis" u8=1 version ‖ zone str8 ‖ chain_id u64 ‖ settlement 20 ‖ created_ms u64
 * ‖ copies u8 ‖ root_k u8 ‖ n u8 ‖ n x root key 32.
 */
#ifndef FOG_ROUTER_GENESIS_H
#define FOG_ROUTER_GENESIS_H

#include "core/base/buf.h"
#include "core/crypto/sign.h"

#define GENESIS_ROOTS_MAX 8
#define GENESIS_MAX       512

struct genesis {
    char zone[64];
    uint64_t chain_id; /* 0: a private fog without a chain */
    uint8_t settlement[20];
    fog_time_ms created_ms;
    unsigned copies;  /* k */
    unsigned root_k;  /* signatures a root decision needs, 1..n_roots */
    unsigned n_roots; /* 1..8, ascending, no two alike */
    struct fog_pub roots[GENESIS_ROOTS_MAX];
};

/* FOG_EFORMAT, FOG_ERANGE for values out of their bounds, FOG_EVERSION. fog_id may be NULL. */
int genesis_decode(struct fog_bytes in, struct genesis *out,
                   struct fog_hash *fog_id) FOG_MUST_CHECK;
/* Appends the bytes; FOG_ERANGE for a struct that decode would refuse. */
int genesis_encode(const struct genesis *g, struct fog_buf *out) FOG_MUST_CHECK;

#endif
