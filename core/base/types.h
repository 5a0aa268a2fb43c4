/*
 * Plain value types used everywhere: byte views, 32-byte hashes, times.
 */
#ifndef FOG_BASE_TYPES_H
#define FOG_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Milliseconds. Which clock is said by the name of the variable: now_ms (monotonic) or hub_ms (hub
 * time, Unix). */
typedef int64_t fog_time_ms;

/* 128-bit unsigned for money and byte totals; GCC and Clang have it on every 64-bit target we build
 * for. */
__extension__ typedef unsigned __int128 fog_u128;

/* A borrowed view of bytes. */
struct fog_bytes {
    const uint8_t *p;
    size_t len;
};

struct fog_hash {
    uint8_t b[32];
};

static inline struct fog_bytes fog_bytes_of(const void *p, size_t len)
{
    return (struct fog_bytes){.p = (const uint8_t *)p, .len = len};
}

static inline struct fog_bytes fog_bytes_str(const char *s)
{
    return fog_bytes_of(s, strlen(s));
}

static inline bool fog_bytes_eq(struct fog_bytes a, struct fog_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool fog_hash_eq(const struct fog_hash *a, const struct fog_hash *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static inline bool fog_hash_is_zero(const struct fog_hash *h)
{
    static const struct fog_hash zero;

    return fog_hash_eq(h, &zero);
}

/* A reference-counted piece of memory owned by somebody else. `unref(owner)` is called once per
 * slice when the holder is done; NULL means the memory outlives the holder. */
struct fog_slice {
    const uint8_t *p;
    size_t len;
    void (*unref)(void *owner);
    void *owner;
};

static inline void fog_slice_done(struct fog_slice *s)
{
    if (s->unref != NULL)
        s->unref(s->owner);
    *s = (struct fog_slice){0};
}

#define FOG_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that embeds `member` at `ptr`. */
#define FOG_CONTAINER(ptr, tag, member)                                                            \
    ((struct tag *)(void *)((char *)(ptr)-offsetof(struct tag, member)))

#endif
