/*
 * Transactions of type 2 (EIP-1559): fields, the digest that is signed, and the raw bytes. Encodes
 * only; needs RLP of byte strings and lists, nothing more.
 */
#ifndef FOG_CLAIM_TX_H
#define FOG_CLAIM_TX_H

#include "core/base/buf.h"
#include "core/crypto/secp.h"

#define TX_DATA_MAX ((size_t)128 * 1024) /* what public nodes take */

struct tx {
    uint64_t chain_id;
    uint64_t nonce;
    uint64_t max_priority_fee; /* wei per gas */
    uint64_t max_fee;
    uint64_t gas_limit;
    bool creates; /* `to` is not used: data is creation code */
    struct fog_ethaddr to;
    fog_u128 value; /* wei */
    struct fog_bytes data;
};

/* Keccak-256 of the unsigned form. */
void tx_digest(const struct tx *t, struct fog_hash *out);

/* Appends the raw bytes; *hash (may be NULL) is the transaction's hash. */
void tx_assemble(const struct tx *t, const struct fog_secp_sig *sig, struct fog_buf *raw,
                 struct fog_hash *hash);

/* The address that a creating transaction of this sender and nonce makes. */
void tx_created_address(const struct fog_ethaddr *sender, uint64_t nonce, struct fog_ethaddr *out);

/* What two transactions with one nonce must have in common to be the same deed with another fee:
 * hash of chain, nonce, to, value, data. */
void tx_deed(const struct tx *t, struct fog_hash *out);

#endif
