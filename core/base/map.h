/*
 * Hash map from byte strings to pointers, keyed SipHash so that strangers cannot choose collisions.
 * Keys are copied, values borrowed. Not thread-safe; one owner.
 */
#ifndef FOG_BASE_MAP_H
#define FOG_BASE_MAP_H

#include "core/base/types.h"

struct fog_map;

/* `seed` is 16 random bytes (fixed in tests). */
struct fog_map *fog_map_new(const uint8_t seed[16]);
void fog_map_free(struct fog_map **m);

/* The value under the key, or NULL. */
void *fog_map_get(const struct fog_map *m, struct fog_bytes key);

/* Sets or replaces; returns the value that was there before, or NULL. `value` is not NULL. */
void *fog_map_put(struct fog_map *m, struct fog_bytes key, void *value);

/* Removes; returns the value that was there, or NULL. */
void *fog_map_del(struct fog_map *m, struct fog_bytes key);

size_t fog_map_count(const struct fog_map *m);

/* Walks in no order: start with *cursor = 0, ends with NULL. The entry just returned may be
 * deleted, nothing else may change. `key` may be NULL. */
void *fog_map_next(const struct fog_map *m, size_t *cursor, struct fog_bytes *key);

/* SipHash-2-4 (Aumasson, Bernstein 2012); public because placement sketches and samplers need a
 * keyed hash too. */
uint64_t fog_siphash(const uint8_t key[16], struct fog_bytes in);

#endif
