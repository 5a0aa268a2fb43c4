#include "storage/ram.h"

#include "core/base/assert.h"
#include "core/base/map.h"

#include <stdatomic.h>
#include <stdlib.h>

#define ALIGN_BYTES 64u
/* How many extents that readers hold the hand steps over before it evicts one of them: dropping
 * those gives no memory back. */
#define SKIP_MAX 64

struct ram_pool {
    _Atomic int64_t used;
    _Atomic int64_t limit;
    _Atomic uint32_t refs; /* the store's, and one per extent */
};

struct ram {
    struct fog_map *map;
    struct fog_list queue; /* front: newest */
    struct fog_link *hand; /* next to be looked at; NULL: start from the oldest */
    size_t bytes;
    size_t limit;
};

struct ram_pool *ram_pool_new(void)
{
    struct ram_pool *p = FOG_NEW(ram_pool);

    p->refs = 1;
    return p;
}

void ram_pool_unref(struct ram_pool **pp)
{
    struct ram_pool *p = *pp;

    *pp = NULL;
    if (p != NULL && atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
        free(p);
}

void ram_pool_grow(struct ram_pool *pool, int64_t bytes)
{
    atomic_fetch_add_explicit(&pool->limit, bytes, memory_order_relaxed);
}

size_t ram_pool_used(const struct ram_pool *pool)
{
    int64_t used = atomic_load_explicit(&pool->used, memory_order_relaxed);

    return used < 0 ? 0 : (size_t)used;
}

struct ram_key ram_key_of(uint8_t kind, const struct fog_hash *id, unsigned extent)
{
    struct ram_key k;

    k.b[0] = kind;
    memcpy(k.b + 1, id->b, sizeof id->b);
    k.b[RAM_KEY_LEN - 1] = (uint8_t)extent;
    return k;
}

static bool charge(struct ram_pool *pool, int64_t bytes)
{
    int64_t used = atomic_fetch_add_explicit(&pool->used, bytes, memory_order_relaxed) + bytes;

    if (used <= atomic_load_explicit(&pool->limit, memory_order_relaxed))
        return true;
    atomic_fetch_sub_explicit(&pool->used, bytes, memory_order_relaxed);
    return false;
}

struct ram_extent *ram_extent_new(struct ram_pool *pool, uint32_t cap)
{
    size_t rounded = cap == 0 ? ALIGN_BYTES : (cap + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    struct ram_extent *e;

    if (!charge(pool, (int64_t)rounded))
        return NULL;
    e = FOG_NEW(ram_extent);
    e->data = aligned_alloc(ALIGN_BYTES, rounded);
    if (e->data == NULL) {
        atomic_fetch_sub_explicit(&pool->used, (int64_t)rounded, memory_order_relaxed);
        free(e);
        return NULL;
    }
    e->cap = (uint32_t)rounded;
    e->pool = pool;
    e->refs = 1;
    atomic_fetch_add_explicit(&pool->refs, 1, memory_order_relaxed);
    return e;
}

struct ram_extent *ram_extent_ref(struct ram_extent *e)
{
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}

void ram_extent_unref(void *extent)
{
    struct ram_extent *e = extent;

    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1)
        return;
    atomic_fetch_sub_explicit(&e->pool->used, (int64_t)e->cap, memory_order_relaxed);
    ram_pool_unref(&e->pool);
    free(e->data);
    free(e);
}

struct fog_slice ram_extent_slice(struct ram_extent *e, uint32_t offset)
{
    FOG_ASSERT(offset <= e->len);
    return (struct fog_slice){.p = e->data + offset,
                              .len = e->len - offset,
                              .unref = ram_extent_unref,
                              .owner = ram_extent_ref(e)};
}

struct ram *ram_new(size_t limit_bytes, const uint8_t seed[16])
{
    struct ram *r = FOG_NEW(ram);

    r->map = fog_map_new(seed);
    fog_list_init(&r->queue);
    r->limit = limit_bytes;
    return r;
}

static struct fog_bytes key_bytes(const struct ram_key *k)
{
    return fog_bytes_of(k->b, sizeof k->b);
}

/* The next older neighbour is towards the back; the hand moves from old to new. */
static struct fog_link *newer(struct ram *r, struct fog_link *n)
{
    return n->prev == &r->queue.head ? NULL : n->prev;
}

static void remove_extent(struct ram *r, struct ram_extent *e)
{
    if (r->hand == &e->link)
        r->hand = newer(r, &e->link);
    FOG_ASSERT(fog_link_linked(&e->link));
    fog_link_remove(&e->link);
    fog_map_del(r->map, key_bytes(&e->key));
    r->bytes -= e->cap;
    ram_extent_unref(e);
}

void ram_free(struct ram **pr)
{
    struct ram *r = *pr;
    struct fog_link *n;

    *pr = NULL;
    if (r == NULL)
        return;
    while ((n = fog_list_first(&r->queue)) != NULL)
        remove_extent(r, FOG_CONTAINER(n, ram_extent, link));
    fog_map_free(&r->map);
    free(r);
}

struct ram_extent *ram_get(struct ram *r, const struct ram_key *key)
{
    struct ram_extent *e = fog_map_get(r->map, key_bytes(key));

    if (e != NULL)
        e->visited = true;
    return e;
}

/* Extents that readers hold are stepped over with their mark, but not for ever. */
static void evict_one(struct ram *r)
{
    unsigned skipped = 0;

    for (;;) {
        struct fog_link *at = r->hand != NULL ? r->hand : fog_list_last(&r->queue);
        struct ram_extent *e = FOG_CONTAINER(at, ram_extent, link);
        bool held = atomic_load_explicit(&e->refs, memory_order_relaxed) > 1;
        if (held && skipped < SKIP_MAX) {
            skipped++;
        } else if (e->visited) {
            e->visited = false;
        } else {
            r->hand = at;
            remove_extent(r, e);
            return;
        }
        r->hand = newer(r, at);
    }
}

void ram_put(struct ram *r, const struct ram_key *key, struct ram_extent *e)
{
    FOG_ASSERT(!fog_link_linked(&e->link));
    if (e->cap > r->limit || fog_map_get(r->map, key_bytes(key)) != NULL)
        return;
    while (r->bytes + e->cap > r->limit)
        evict_one(r);
    e->key = *key;
    e->visited = false;
    (void)fog_map_put(r->map, key_bytes(key), ram_extent_ref(e));
    fog_list_push_front(&r->queue, &e->link);
    r->bytes += e->cap;
}

size_t ram_bytes(const struct ram *r)
{
    return r->bytes;
}

size_t ram_count(const struct ram *r)
{
    return fog_map_count(r->map);
}
