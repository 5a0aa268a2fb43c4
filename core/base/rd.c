#include "core/base/rd.h"

struct fog_bytes fog_rd_take(struct fog_rd *r, size_t n)
{
    struct fog_bytes out = {0};

    if (r->err != 0)
        return out;
    if (n > (size_t)(r->end - r->p)) {
        r->err = FOG_ETRUNC;
        return out;
    }
    out = fog_bytes_of(r->p, n);
    r->p += n;
    return out;
}

static uint64_t be(struct fog_rd *r, size_t n)
{
    struct fog_bytes in = fog_rd_take(r, n);
    uint64_t v = 0;

    for (size_t i = 0; i < in.len; i++)
        v = v << 8 | in.p[i];
    return v;
}

uint8_t fog_rd_u8(struct fog_rd *r)
{
    return (uint8_t)be(r, 1);
}

uint16_t fog_rd_u16(struct fog_rd *r)
{
    return (uint16_t)be(r, 2);
}

uint32_t fog_rd_u32(struct fog_rd *r)
{
    return (uint32_t)be(r, 4);
}

uint64_t fog_rd_u64(struct fog_rd *r)
{
    return be(r, 8);
}

fog_u128 fog_rd_u128(struct fog_rd *r)
{
    fog_u128 high = be(r, 8);

    return high << 64 | be(r, 8);
}

void fog_rd_copy(struct fog_rd *r, void *out, size_t n)
{
    struct fog_bytes in = fog_rd_take(r, n);

    if (in.len == n && n != 0)
        memcpy(out, in.p, n);
    else
        memset(out, 0, n);
}

static struct fog_bytes take_limited(struct fog_rd *r, size_t n, size_t max)
{
    if (r->err == 0 && n > max)
        r->err = FOG_ELIMIT;
    return fog_rd_take(r, n);
}

struct fog_bytes fog_rd_lp8(struct fog_rd *r, size_t max)
{
    return take_limited(r, fog_rd_u8(r), max);
}

struct fog_bytes fog_rd_lp16(struct fog_rd *r, size_t max)
{
    return take_limited(r, fog_rd_u16(r), max);
}

struct fog_bytes fog_rd_lp32(struct fog_rd *r, size_t max)
{
    return take_limited(r, fog_rd_u32(r), max);
}

void fog_rd_str8(struct fog_rd *r, char *out, size_t size)
{
    struct fog_bytes in = fog_rd_lp8(r, size - 1);

    memset(out, 0, size);
    if (in.len == 0)
        return;
    if (memchr(in.p, 0, in.len) != NULL) {
        fog_rd_fail(r, FOG_EFORMAT);
        return;
    }
    memcpy(out, in.p, in.len);
}

int fog_rd_done(const struct fog_rd *r)
{
    if (r->err != 0)
        return r->err;
    return r->p == r->end ? 0 : FOG_ETRAIL;
}
