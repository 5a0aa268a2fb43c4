/*
 * Memory that lives as long as one request or one message: allocation moves a pointer, freeing
 * happens at once. Owns its blocks; a zeroed struct is an empty arena. Allocation aborts when
 * memory is out: sizes that a stranger chooses are limited by the caller.
 */
#ifndef FOG_BASE_ARENA_H
#define FOG_BASE_ARENA_H

#include "core/base/types.h"

struct fog_arena_block;

struct fog_arena {
    struct fog_arena_block *blocks;
    uint8_t *next;
    uint8_t *end;
};

/* Starts with memory that the caller owns and that outlives the arena (the tail of an object). */
void fog_arena_init(struct fog_arena *a, void *room, size_t len);

/* 16-byte aligned, not zeroed. */
void *fog_arena_alloc(struct fog_arena *a, size_t size) __attribute__((malloc, returns_nonnull));

/* A copy followed by a NUL that is not part of the view. */
struct fog_bytes fog_arena_copy(struct fog_arena *a, struct fog_bytes in);

/* Frees what was allocated; accepts a zeroed struct. */
void fog_arena_fini(struct fog_arena *a);

#endif
