#include "core/base/map.h"

#include "core/base/assert.h"

#include <stdlib.h>

/* Open addressing with linear probing and tombstones. */
struct slot {
    uint64_t hash;
    uint8_t *key; /* NULL: never used; &dead: deleted */
    size_t key_len;
    void *value;
};

struct fog_map {
    uint8_t seed[16];
    struct slot *slots;
    size_t cap; /* power of two */
    size_t live;
    size_t used; /* live + tombstones */
};

static uint8_t dead;

static uint64_t rotl(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

static uint64_t le64(const uint8_t *p)
{
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static void sip_rounds(uint64_t v[4], int n)
{
    while (n-- > 0) {
        v[0] += v[1];
        v[1] = rotl(v[1], 13) ^ v[0];
        v[0] = rotl(v[0], 32);
        v[2] += v[3];
        v[3] = rotl(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotl(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotl(v[1], 17) ^ v[2];
        v[2] = rotl(v[2], 32);
    }
}

uint64_t fog_siphash(const uint8_t key[16], struct fog_bytes in)
{
    uint64_t k0 = le64(key), k1 = le64(key + 8), m;
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL,
                     k0 ^ 0x6c7967656e657261ULL, k1 ^ 0x7465646279746573ULL};
    uint8_t tail[8] = {0};
    size_t whole = in.len & ~(size_t)7;

    for (size_t i = 0; i < whole; i += 8) {
        m = le64(in.p + i);
        v[3] ^= m;
        sip_rounds(v, 2);
        v[0] ^= m;
    }
    if (in.len > whole)
        memcpy(tail, in.p + whole, in.len - whole);
    tail[7] = (uint8_t)in.len;
    m = le64(tail);
    v[3] ^= m;
    sip_rounds(v, 2);
    v[0] ^= m;
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct fog_map *fog_map_new(const uint8_t seed[16])
{
    struct fog_map *m = FOG_NEW(fog_map);

    memcpy(m->seed, seed, sizeof m->seed);
    m->cap = 16;
    m->slots = fog_alloc(m->cap * sizeof *m->slots);
    return m;
}

void fog_map_free(struct fog_map **pm)
{
    struct fog_map *m = *pm;

    *pm = NULL;
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].key != &dead)
            free(m->slots[i].key);
    free(m->slots);
    free(m);
}

static struct slot *find(const struct fog_map *m, uint64_t hash, struct fog_bytes key)
{
    for (size_t i = (size_t)hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct slot *s = &m->slots[i];
        if (s->key == NULL)
            return NULL;
        if (s->key != &dead && s->hash == hash &&
            fog_bytes_eq(fog_bytes_of(s->key, s->key_len), key))
            return s;
    }
}

void *fog_map_get(const struct fog_map *m, struct fog_bytes key)
{
    struct slot *s = find(m, fog_siphash(m->seed, key), key);

    return s != NULL ? s->value : NULL;
}

static void rehash(struct fog_map *m, size_t cap)
{
    struct slot *old = m->slots;
    size_t old_cap = m->cap;

    m->slots = fog_alloc(cap * sizeof *m->slots);
    m->cap = cap;
    m->used = m->live;
    for (size_t i = 0; i < old_cap; i++) {
        size_t at;
        if (old[i].key == NULL || old[i].key == &dead)
            continue;
        at = (size_t)old[i].hash & (cap - 1);
        while (m->slots[at].key != NULL)
            at = (at + 1) & (cap - 1);
        m->slots[at] = old[i];
    }
    free(old);
}

void *fog_map_put(struct fog_map *m, struct fog_bytes key, void *value)
{
    uint64_t hash = fog_siphash(m->seed, key);
    struct slot *s = find(m, hash, key);
    size_t at;

    FOG_ASSERT(value != NULL);
    if (s != NULL) {
        void *before = s->value;
        s->value = value;
        return before;
    }
    if ((m->used + 1) * 4 > m->cap * 3)
        rehash(m, m->live * 2 >= m->cap ? m->cap * 2 : m->cap);
    at = (size_t)hash & (m->cap - 1);
    while (m->slots[at].key != NULL && m->slots[at].key != &dead)
        at = (at + 1) & (m->cap - 1);
    if (m->slots[at].key == NULL)
        m->used++;
    m->live++;
    m->slots[at] = (struct slot){.hash = hash, .key_len = key.len, .value = value};
    m->slots[at].key = fog_alloc(key.len);
    if (key.len != 0)
        memcpy(m->slots[at].key, key.p, key.len);
    return NULL;
}

void *fog_map_del(struct fog_map *m, struct fog_bytes key)
{
    struct slot *s = find(m, fog_siphash(m->seed, key), key);
    void *before;

    if (s == NULL)
        return NULL;
    before = s->value;
    free(s->key);
    *s = (struct slot){.key = &dead};
    m->live--;
    return before;
}

size_t fog_map_count(const struct fog_map *m)
{
    return m->live;
}

void *fog_map_next(const struct fog_map *m, size_t *cursor, struct fog_bytes *key)
{
    while (*cursor < m->cap) {
        struct slot *s = &m->slots[(*cursor)++];
        if (s->key == NULL || s->key == &dead)
            continue;
        if (key != NULL)
            *key = fog_bytes_of(s->key, s->key_len);
        return s->value;
    }
    return NULL;
}
