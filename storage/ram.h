/*
 * RAM tier: extents in memory, chosen by SIEVE (Zhang et al., NSDI 2024) under a byte budget.
 *
 * An extent is an immutable, reference-counted, 64-byte-aligned piece of verified content with the
 * leaf list of its chunk. Its count is atomic: any thread may drop a reference, the last one frees.
 * A tier (struct ram) belongs to one loop and takes no lock. struct ram_pool counts the bytes of
 * all extents of a store, in tiers or held by readers, and refuses more than its limit.
 *
 * Never reads, writes or verifies anything.
 */
#ifndef FOG_STORAGE_RAM_H
#define FOG_STORAGE_RAM_H

#include "core/base/list.h"
#include "core/base/types.h"
#include "core/content/leaf.h"

struct ram_pool;
struct ram;

/* Reference-counted itself, because extents may outlive the store that made them. */
struct ram_pool *ram_pool_new(void);
void ram_pool_unref(struct ram_pool **pp);
/* Changes the limit by so many bytes. */
void ram_pool_grow(struct ram_pool *pool, int64_t bytes);
size_t ram_pool_used(const struct ram_pool *pool);

#define RAM_KEY_LEN 34

struct ram_key {
    uint8_t b[RAM_KEY_LEN]; /* kind ‖ id ‖ extent number */
};

struct ram_key ram_key_of(uint8_t kind, const struct fog_hash *id, unsigned extent);

struct ram_extent {
    uint8_t *data; /* 64-byte aligned */
    uint32_t len;  /* valid bytes; only the filling loop lets it grow */
    uint32_t cap;
    uint64_t object_len; /* of the whole chunk or object */
    unsigned n_leaves;
    struct fog_hash leaves[FOG_CHUNK_LEAVES];

    /* of ram.c */
    struct ram_pool *pool;
    _Atomic uint32_t refs;
    bool visited;
    struct fog_link link; /* place in the tier's queue; unlinked: in no tier */
    struct ram_key key;
};

/* One reference, the caller's; len 0. NULL when the pool's limit is reached. Any thread. */
struct ram_extent *ram_extent_new(struct ram_pool *pool, uint32_t cap);
struct ram_extent *ram_extent_ref(struct ram_extent *e);
void ram_extent_unref(void *extent); /* void: serves as fog_slice.unref */

/* A slice from `offset` to the end of the valid bytes, with a reference of its own. */
struct fog_slice ram_extent_slice(struct ram_extent *e, uint32_t offset);

struct ram *ram_new(size_t limit_bytes, const uint8_t seed[16]);
void ram_free(struct ram **pr);

/* The extent under the key, borrowed, or NULL. Counts as a use. */
struct ram_extent *ram_get(struct ram *ram, const struct ram_key *key);

/* Adds a complete extent under the key with a reference of the tier's own, making room by evicting.
 * An extent larger than the budget, or whose key is there already, is not taken. */
void ram_put(struct ram *ram, const struct ram_key *key, struct ram_extent *e);

size_t ram_bytes(const struct ram *ram);
size_t ram_count(const struct ram *ram);

#endif
