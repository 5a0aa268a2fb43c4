/*
 * Trees of RFC 6962 shape over leaves: SHA-256, 0x00 before a leaf, 0x01 before two children. The
 * id of a chunk is the root over its leaves, so that the root over an object's leaves equals the
 * root over its chunk ids. Also the receiving side of a chunk transfer, leaf by leaf. No I/O.
 */
#ifndef FOG_CONTENT_TREE_H
#define FOG_CONTENT_TREE_H

#include "core/content/leaf.h"

void fog_tree_node(const struct fog_hash *left, const struct fog_hash *right, struct fog_hash *out);

/* The root over n >= 1 hashes (leaf hashes of any object, or chunk ids where all chunks but the
 * last are full). */
void fog_tree_root(const struct fog_hash *hashes, size_t n, struct fog_hash *out);

/* Incremental form: add hashes in order, ask for the root at any time after the first. A zeroed
 * struct is an empty tree; nothing to free. */
struct fog_tree {
    struct fog_hash stack[64]; /* roots of complete subtrees, largest first */
    uint64_t count;
};

void fog_tree_add(struct fog_tree *t, const struct fog_hash *hash);
void fog_tree_sum(const struct fog_tree *t, struct fog_hash *out);

/* The leaf hashes of at most FOG_CHUNK_SIZE bytes; returns how many (1..16). */
unsigned fog_chunk_leaves(struct fog_bytes chunk, struct fog_hash leaves[FOG_CHUNK_LEAVES]);

void fog_chunk_id(struct fog_bytes chunk, struct fog_hash *out);

/* Length and all leaves at once. 0 or FOG_EVERIFY. */
int fog_chunk_verify(struct fog_bytes chunk, const struct fog_chunk_ref *ref) FOG_MUST_CHECK;

/* Whether a leaf list (received first in a transfer) is the one that the id names. 0 or
 * FOG_EVERIFY. */
int fog_leaf_list_verify(const struct fog_hash *leaves, size_t n,
                         const struct fog_chunk_ref *ref) FOG_MUST_CHECK;

/* Id of any object by kind: the chunk id, or SHA-256(kind byte ‖ body). */
void fog_object_id(enum fog_kind kind, struct fog_bytes body, struct fog_hash *out);

/*
 * Receiving a chunk: the wire form is the leaf list (32 bytes each), then the leaves from
 * `first_leaf` on. Leaves are put together in place in the caller's buffer of ref.len bytes (leaf i
 * at i * 64 KiB) and are good to use or forward as soon as feed returns them.
 */
struct fog_chunk_rx {
    struct fog_chunk_ref ref;
    struct fog_hash leaves[FOG_CHUNK_LEAVES];
    uint8_t *chunk;    /* borrowed, ref.len bytes */
    unsigned n_leaves; /* of the chunk */
    unsigned leaf;     /* the next one to complete */
    size_t list_got;   /* bytes of the leaf list so far */
    uint32_t leaf_got; /* bytes of the current leaf so far */
    int err;           /* sticky */
};

/* FOG_ERANGE when the length or first_leaf is impossible. */
int fog_chunk_rx_init(struct fog_chunk_rx *rx, const struct fog_chunk_ref *ref, unsigned first_leaf,
                      uint8_t *chunk) FOG_MUST_CHECK;

/* Takes bytes from *in (which it shortens). 1: one more leaf is verified, *leaf views it, call
 * again even when *in is empty now; 0: wants more input; FOG_EVERIFY: list or leaf is wrong;
 * FOG_ETRAIL: more bytes than the chunk has. */
int fog_chunk_rx_feed(struct fog_chunk_rx *rx, struct fog_bytes *in,
                      struct fog_bytes *leaf) FOG_MUST_CHECK;

bool fog_chunk_rx_is_done(const struct fog_chunk_rx *rx);

#endif
