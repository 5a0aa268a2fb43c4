/*
 * EIP-712 digests of what is signed for the chain (contracts/README.md, "Typed data"). Owns the
 * type texts; checked against contracts/vectors/typed_data.json. Signs nothing.
 */
#ifndef FOG_CLAIM_TYPED_DATA_H
#define FOG_CLAIM_TYPED_DATA_H

#include "contracts/claim/amount.h"
#include "core/crypto/secp.h"

struct grant;

/* ("Fog", "1", chain id, Settlement). A private fog without a chain has chain id 0 and the zero
 * address. */
struct claim_domain {
    uint64_t chain_id;
    struct fog_ethaddr settlement;
    struct fog_hash separator;
};

struct statement {
    struct fog_ethaddr node;
    struct fog_ethaddr house;
    uint32_t week;
    uint32_t round;
    uint32_t rev;
    struct fog_hash root;
    uint32_t leaves;
    fog_u128 bytes_sum;
    struct amount worth;
    struct fog_hash
        prev; /* digest of the node's statement before this one to this house, or zero */
};

struct voucher {
    struct fog_ethaddr house;
    struct fog_ethaddr payee; /* factory wallet */
    uint32_t week;
    uint32_t seq;
    fog_u128 cum_bytes;
    struct amount cum;
    struct fog_hash covers;
};

void claim_domain_init(struct claim_domain *d, uint64_t chain_id,
                       const struct fog_ethaddr *settlement);

void typed_grant(const struct claim_domain *d, const struct grant *g, struct fog_hash *digest);
void typed_statement(const struct claim_domain *d, const struct statement *s,
                     struct fog_hash *digest);
void typed_voucher(const struct claim_domain *d, const struct voucher *v, struct fog_hash *digest);
void typed_node_consent(const struct claim_domain *d, const struct fog_ethaddr *operator_addr,
                        const struct fog_ethaddr *node, const uint8_t box_key[32],
                        struct fog_hash *digest);

/* Fixed-length big-endian records, fields in the order of the typed text: what travels in STATEMENT
 * and VOUCHER messages and lies in stores. */
#define STATEMENT_LEN 152
#define VOUCHER_LEN   112
void statement_encode(const struct statement *s, uint8_t out[STATEMENT_LEN]);
int statement_decode(struct fog_bytes in, struct statement *out) FOG_MUST_CHECK;
void voucher_encode(const struct voucher *v, uint8_t out[VOUCHER_LEN]);
int voucher_decode(struct fog_bytes in, struct voucher *out) FOG_MUST_CHECK;

#endif
