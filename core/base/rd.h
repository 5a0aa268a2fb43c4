/*
 * Reading cursor over borrowed bytes, big-endian. The first error sticks and every later read gives
 * zeros, so a parser reads like the message and checks once, with fog_rd_done().
 */
#ifndef FOG_BASE_RD_H
#define FOG_BASE_RD_H

#include "core/base/err.h"
#include "core/base/types.h"

struct fog_rd {
    const uint8_t *p;
    const uint8_t *end;
    int err;
};

static inline struct fog_rd fog_rd_of(struct fog_bytes in)
{
    return (struct fog_rd){.p = in.p, .end = in.p == NULL ? NULL : in.p + in.len};
}

static inline size_t fog_rd_left(const struct fog_rd *r)
{
    return r->err != 0 ? 0 : (size_t)(r->end - r->p);
}

/* Marks the input as bad (keeps an earlier error). */
static inline void fog_rd_fail(struct fog_rd *r, int code)
{
    if (r->err == 0)
        r->err = code;
}

/* A view of the next n bytes; an empty view on error. */
struct fog_bytes fog_rd_take(struct fog_rd *r, size_t n);

uint8_t fog_rd_u8(struct fog_rd *r);
uint16_t fog_rd_u16(struct fog_rd *r);
uint32_t fog_rd_u32(struct fog_rd *r);
uint64_t fog_rd_u64(struct fog_rd *r);
fog_u128 fog_rd_u128(struct fog_rd *r);
void fog_rd_copy(struct fog_rd *r, void *out, size_t n);

/* A view with a u8/u16/u32 length in front; FOG_ELIMIT above max. */
struct fog_bytes fog_rd_lp8(struct fog_rd *r, size_t max);
struct fog_bytes fog_rd_lp16(struct fog_rd *r, size_t max);
struct fog_bytes fog_rd_lp32(struct fog_rd *r, size_t max);

/* Same as lp8, copied into a NUL-terminated string of `size` bytes; NUL bytes inside are
 * FOG_EFORMAT. */
void fog_rd_str8(struct fog_rd *r, char *out, size_t size);

/* 0 when everything was read without error; FOG_ETRAIL when bytes are left. */
int fog_rd_done(const struct fog_rd *r) FOG_MUST_CHECK;

#endif
