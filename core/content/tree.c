#include "core/content/tree.h"

#include "core/base/assert.h"
#include "core/crypto/hash.h"

void fog_tree_node(const struct fog_hash *left, const struct fog_hash *right, struct fog_hash *out)
{
    uint8_t both[65];

    both[0] = 1;
    memcpy(both + 1, left->b, 32);
    memcpy(both + 33, right->b, 32);
    fog_sha256(fog_bytes_of(both, sizeof both), out);
}

/* The number of stacked roots is the number of ones in count: each bit is a complete subtree. */
void fog_tree_add(struct fog_tree *t, const struct fog_hash *hash)
{
    unsigned top = (unsigned)__builtin_popcountll(t->count);
    struct fog_hash h = *hash;

    FOG_ASSERT(t->count < UINT64_MAX);
    for (uint64_t c = t->count; (c & 1) != 0; c >>= 1)
        fog_tree_node(&t->stack[--top], &h, &h);
    t->stack[top] = h;
    t->count++;
}

void fog_tree_sum(const struct fog_tree *t, struct fog_hash *out)
{
    unsigned top = (unsigned)__builtin_popcountll(t->count);
    struct fog_hash h;

    FOG_ASSERT(top > 0);
    h = t->stack[--top];
    while (top > 0)
        fog_tree_node(&t->stack[--top], &h, &h);
    *out = h;
}

void fog_tree_root(const struct fog_hash *hashes, size_t n, struct fog_hash *out)
{
    struct fog_tree t = {.count = 0};

    for (size_t i = 0; i < n; i++)
        fog_tree_add(&t, &hashes[i]);
    fog_tree_sum(&t, out);
}

unsigned fog_chunk_leaves(struct fog_bytes chunk, struct fog_hash leaves[FOG_CHUNK_LEAVES])
{
    unsigned n = (unsigned)fog_leaf_count(chunk.len);

    FOG_ASSERT(chunk.len <= FOG_CHUNK_SIZE);
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *p = chunk.len == 0 ? NULL : chunk.p + (size_t)i * FOG_LEAF_SIZE;

        fog_leaf_hash(fog_bytes_of(p, fog_leaf_len(chunk.len, i)), &leaves[i]);
    }
    return n;
}

void fog_chunk_id(struct fog_bytes chunk, struct fog_hash *out)
{
    struct fog_hash leaves[FOG_CHUNK_LEAVES];
    unsigned n = fog_chunk_leaves(chunk, leaves);

    fog_tree_root(leaves, n, out);
}

int fog_chunk_verify(struct fog_bytes chunk, const struct fog_chunk_ref *ref)
{
    struct fog_hash id;

    if (chunk.len != ref->len || chunk.len > FOG_CHUNK_SIZE)
        return FOG_EVERIFY;
    fog_chunk_id(chunk, &id);
    return fog_hash_eq(&id, &ref->id) ? 0 : FOG_EVERIFY;
}

int fog_leaf_list_verify(const struct fog_hash *leaves, size_t n, const struct fog_chunk_ref *ref)
{
    struct fog_hash id;

    if (ref->len > FOG_CHUNK_SIZE || n != fog_leaf_count(ref->len))
        return FOG_EVERIFY;
    fog_tree_root(leaves, n, &id);
    return fog_hash_eq(&id, &ref->id) ? 0 : FOG_EVERIFY;
}

void fog_object_id(enum fog_kind kind, struct fog_bytes body, struct fog_hash *out)
{
    uint8_t prefix = (uint8_t)kind;

    if (kind == FOG_KIND_CHUNK)
        fog_chunk_id(body, out);
    else
        fog_sha256_parts((struct fog_bytes[]){fog_bytes_of(&prefix, 1), body}, 2, out);
}

int fog_chunk_rx_init(struct fog_chunk_rx *rx, const struct fog_chunk_ref *ref, unsigned first_leaf,
                      uint8_t *chunk) /* NOLINT(readability-non-const-parameter): feed writes it */
{
    if (ref->len > FOG_CHUNK_SIZE || first_leaf >= fog_leaf_count(ref->len))
        return FOG_ERANGE;
    *rx = (struct fog_chunk_rx){.ref = *ref,
                                .chunk = chunk,
                                .n_leaves = (unsigned)fog_leaf_count(ref->len),
                                .leaf = first_leaf};
    return 0;
}

bool fog_chunk_rx_is_done(const struct fog_chunk_rx *rx)
{
    return rx->err == 0 && rx->leaf == rx->n_leaves;
}

static struct fog_bytes take(struct fog_bytes *in, size_t want)
{
    struct fog_bytes got = fog_bytes_of(in->p, in->len < want ? in->len : want);

    if (got.len > 0)
        *in = fog_bytes_of(in->p + got.len, in->len - got.len);
    return got;
}

/* True when the list is complete; sets the error when it is not the one of the id. */
static bool rx_list(struct fog_chunk_rx *rx, struct fog_bytes *in)
{
    size_t want = rx->n_leaves * sizeof rx->leaves[0];
    struct fog_bytes got;

    if (rx->list_got == want)
        return true;
    got = take(in, want - rx->list_got);
    if (got.len > 0)
        memcpy((uint8_t *)rx->leaves + rx->list_got, got.p, got.len);
    rx->list_got += got.len;
    if (rx->list_got < want)
        return false;
    rx->err = fog_leaf_list_verify(rx->leaves, rx->n_leaves, &rx->ref);
    return rx->err == 0;
}

int fog_chunk_rx_feed(struct fog_chunk_rx *rx, struct fog_bytes *in, struct fog_bytes *leaf)
{
    uint32_t len;
    uint8_t *at;
    struct fog_bytes got;

    if (rx->err != 0 || !rx_list(rx, in))
        return rx->err;
    if (rx->leaf == rx->n_leaves)
        return in->len == 0 ? 0 : (rx->err = FOG_ETRAIL);
    len = fog_leaf_len(rx->ref.len, rx->leaf);
    at = len == 0 ? rx->chunk : rx->chunk + (size_t)rx->leaf * FOG_LEAF_SIZE;
    got = take(in, len - rx->leaf_got);
    if (got.len > 0)
        memcpy(at + rx->leaf_got, got.p, got.len);
    rx->leaf_got += (uint32_t)got.len;
    if (rx->leaf_got < len)
        return 0;
    if ((rx->err = fog_leaf_verify(fog_bytes_of(at, len), &rx->leaves[rx->leaf])) != 0)
        return rx->err;
    *leaf = fog_bytes_of(at, len);
    rx->leaf++;
    rx->leaf_got = 0;
    return 1;
}
