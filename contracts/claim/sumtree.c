#include "contracts/claim/sumtree.h"

#include <errno.h>

#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/crypto/keccak.h"

static void put_u8(struct fog_keccak *k, uint8_t v)
{
    fog_keccak_update(k, &v, 1);
}

static void put_number(struct fog_keccak *k, fog_u128 v, size_t len)
{
    uint8_t be[16];

    for (size_t i = 0; i < len; i++)
        be[len - 1 - i] = (uint8_t)(v >> (8 * i));
    fog_keccak_update(k, be, len);
}

void sum_leaf_box(const uint8_t serial[16], const struct fog_hash *grant_digest, unsigned ticks,
                  uint64_t bytes, struct amount worth, struct sum_node *out)
{
    struct fog_keccak k;

    fog_keccak_init(&k);
    put_u8(&k, 0);
    fog_keccak_update(&k, serial, 16);
    fog_keccak_update(&k, grant_digest->b, sizeof grant_digest->b);
    put_number(&k, ticks, 2);
    put_number(&k, bytes, 8);
    put_number(&k, amount_units(worth), 16);
    fog_keccak_final(&k, &out->hash);
    out->bytes = bytes;
    out->worth = worth;
}

void sum_leaf_week(const struct fog_ethaddr *publisher, fog_u128 bytes, struct amount worth,
                   uint32_t leaves, const struct fog_hash *subroot, struct sum_node *out)
{
    struct fog_keccak k;

    fog_keccak_init(&k);
    put_u8(&k, 2);
    fog_keccak_update(&k, publisher->b, sizeof publisher->b);
    put_number(&k, bytes, 16);
    put_number(&k, amount_units(worth), 16);
    put_number(&k, leaves, 4);
    fog_keccak_update(&k, subroot->b, sizeof subroot->b);
    fog_keccak_final(&k, &out->hash);
    out->bytes = bytes;
    out->worth = worth;
}

static int join(const struct sum_node *left, const struct sum_node *right, struct sum_node *out)
{
    struct sum_node sum;
    struct fog_keccak k;
    int rc;

    sum.bytes = left->bytes + right->bytes;
    if (sum.bytes < left->bytes)
        return FOG_ERANGE;
    if ((rc = amount_add(&sum.worth, left->worth, right->worth)) != 0)
        return rc;
    fog_keccak_init(&k);
    put_u8(&k, 1);
    fog_keccak_update(&k, left->hash.b, sizeof left->hash.b);
    put_number(&k, left->bytes, 16);
    put_number(&k, amount_units(left->worth), 16);
    fog_keccak_update(&k, right->hash.b, sizeof right->hash.b);
    put_number(&k, right->bytes, 16);
    put_number(&k, amount_units(right->worth), 16);
    fog_keccak_final(&k, &sum.hash);
    *out = sum;
    return 0;
}

/* The stack holds one root per set bit of the number of leaves: a new leaf is joined as often as
 * the binary counter carries, which is RFC 6962's shape. */
int sum_tree_push(struct sum_tree *t, const struct sum_node *leaf)
{
    struct sum_node node = *leaf;
    unsigned depth = t->depth;
    int rc;

    if (t->leaves >= (uint32_t)1 << 31)
        return FOG_ERANGE;
    for (uint32_t carry = t->leaves; carry & 1; carry >>= 1) {
        if ((rc = join(&t->stack[depth - 1], &node, &node)) != 0)
            return rc;
        depth--;
    }
    t->stack[depth] = node;
    t->depth = depth + 1;
    t->leaves++;
    return 0;
}

int sum_tree_root(const struct sum_tree *t, struct sum_node *out)
{
    struct sum_node node;
    int rc;

    if (t->depth == 0)
        return -ENOENT;
    node = t->stack[t->depth - 1];
    for (unsigned i = t->depth - 1; i > 0; i--)
        if ((rc = join(&t->stack[i - 1], &node, &node)) != 0)
            return rc;
    *out = node;
    return 0;
}

static void cover_join(const struct fog_hash *left, const struct fog_hash *right,
                       struct fog_hash *out)
{
    struct fog_keccak k;

    fog_keccak_init(&k);
    put_u8(&k, 1);
    fog_keccak_update(&k, left->b, sizeof left->b);
    fog_keccak_update(&k, right->b, sizeof right->b);
    fog_keccak_final(&k, out);
}

void cover_tree_push(struct cover_tree *t, const struct fog_hash *statement_root)
{
    unsigned depth = (unsigned)__builtin_popcount(t->leaves);
    struct fog_keccak k;
    struct fog_hash node;

    fog_keccak_init(&k);
    put_u8(&k, 0);
    fog_keccak_update(&k, statement_root->b, sizeof statement_root->b);
    fog_keccak_final(&k, &node);
    for (uint32_t carry = t->leaves; carry & 1; carry >>= 1)
        cover_join(&t->stack[--depth], &node, &node);
    t->stack[depth] = node;
    t->leaves++;
}

void cover_tree_root(const struct cover_tree *t, struct fog_hash *out)
{
    unsigned depth = (unsigned)__builtin_popcount(t->leaves);

    memset(out, 0, sizeof *out);
    if (depth == 0)
        return;
    *out = t->stack[--depth];
    while (depth > 0)
        cover_join(&t->stack[--depth], out, out);
}

void cover_tree_encode(const struct cover_tree *t, struct fog_buf *out)
{
    fog_wr_u32(out, t->leaves);
    for (int i = 0; i < __builtin_popcount(t->leaves); i++)
        fog_wr_bytes(out, t->stack[i].b, sizeof t->stack[i].b);
}

int cover_tree_decode(struct fog_bytes in, struct cover_tree *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct cover_tree t = {0};
    int rc;

    t.leaves = fog_rd_u32(&r);
    for (int i = 0; i < __builtin_popcount(t.leaves); i++)
        fog_rd_copy(&r, t.stack[i].b, sizeof t.stack[i].b);
    if ((rc = fog_rd_done(&r)) != 0)
        return rc;
    *out = t;
    return 0;
}
