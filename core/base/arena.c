#include "core/base/arena.h"

#include <stdlib.h>

#include "core/base/assert.h"

#define BLOCK_MIN 4096
#define ALIGN     16u

struct fog_arena_block {
    struct fog_arena_block *next;
    uint8_t pad[ALIGN - sizeof(struct fog_arena_block *)];
};

void fog_arena_init(struct fog_arena *a, void *room, size_t len)
{
    size_t skip = (ALIGN - (uintptr_t)room % ALIGN) % ALIGN;

    *a = (struct fog_arena){0};
    if (len <= skip)
        return;
    a->next = (uint8_t *)room + skip;
    a->end = (uint8_t *)room + len;
}

static void grow(struct fog_arena *a, size_t size)
{
    size_t want = sizeof(struct fog_arena_block) + size;
    struct fog_arena_block *b;

    FOG_ASSERT(want > size);
    if (want < BLOCK_MIN)
        want = BLOCK_MIN;
    b = malloc(want);
    FOG_ASSERT(b != NULL);
    b->next = a->blocks;
    a->blocks = b;
    a->next = (uint8_t *)(b + 1);
    a->end = (uint8_t *)b + want;
}

void *fog_arena_alloc(struct fog_arena *a, size_t size)
{
    size_t rounded = (size + ALIGN - 1) / ALIGN * ALIGN;
    void *p;

    FOG_ASSERT(rounded >= size);
    if ((size_t)(a->end - a->next) < rounded)
        grow(a, rounded);
    p = a->next;
    a->next += rounded;
    return p;
}

struct fog_bytes fog_arena_copy(struct fog_arena *a, struct fog_bytes in)
{
    uint8_t *p = fog_arena_alloc(a, in.len + 1);

    if (in.len > 0)
        memcpy(p, in.p, in.len);
    p[in.len] = '\0';
    return fog_bytes_of(p, in.len);
}

void fog_arena_fini(struct fog_arena *a)
{
    while (a->blocks != NULL) {
        struct fog_arena_block *b = a->blocks;

        a->blocks = b->next;
        free(b);
    }
    a->next = a->end = NULL;
}
