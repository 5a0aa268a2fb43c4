/*
 * Merkle-sum trees (contracts/README.md, "Sum trees"): RFC 6962 shape, Keccak-256, every inner node
 * commits to the sums of its two sides. Leaves are pushed in order; memory is logarithmic. Also the
 * plain append-only tree whose root a voucher carries in `covers`.
 */
#ifndef FOG_CLAIM_SUMTREE_H
#define FOG_CLAIM_SUMTREE_H

#include "contracts/claim/amount.h"
#include "core/base/buf.h"
#include "core/crypto/ethaddr.h"

struct sum_node {
    struct fog_hash hash;
    fog_u128 bytes;
    struct amount worth;
};

struct sum_tree {
    struct sum_node stack[32]; /* roots of the complete subtrees, largest first */
    unsigned depth;
    uint32_t leaves;
};

/* keccak256(0x00 | serial | grantDigest | ticks u16 | bytes u64 | units u128) */
void sum_leaf_box(const uint8_t serial[16], const struct fog_hash *grant_digest, unsigned ticks,
                  uint64_t bytes, struct amount worth, struct sum_node *out);
/* keccak256(0x02 | publisher | bytes u128 | units u128 | leaves u32 | subroot) */
void sum_leaf_week(const struct fog_ethaddr *publisher, fog_u128 bytes, struct amount worth,
                   uint32_t leaves, const struct fog_hash *subroot, struct sum_node *out);

/* A zeroed tree is empty. FOG_ERANGE when a sum overflows or after 2^31 leaves. */
int sum_tree_push(struct sum_tree *t, const struct sum_node *leaf) FOG_MUST_CHECK;
/* FOG_ERANGE as above; -ENOENT for an empty tree. */
int sum_tree_root(const struct sum_tree *t, struct sum_node *out) FOG_MUST_CHECK;

/* covers: leaf keccak256(0x00 | statement root), inner keccak256(0x01 | left | right), RFC 6962
 * shape, in order of acceptance. Root of nothing is zero. */
struct cover_tree {
    struct fog_hash stack[32];
    uint32_t leaves;
};

void cover_tree_push(struct cover_tree *t, const struct fog_hash *statement_root);
void cover_tree_root(const struct cover_tree *t, struct fog_hash *out);

#define COVER_TREE_MAX_LEN (4 + 32 * 32)
void cover_tree_encode(const struct cover_tree *t, struct fog_buf *out);
int cover_tree_decode(struct fog_bytes in, struct cover_tree *out) FOG_MUST_CHECK;

#endif
