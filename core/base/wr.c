#include "core/base/wr.h"

#include "core/base/assert.h"

static void be(struct fog_buf *b, uint64_t v, size_t n)
{
    uint8_t *p = fog_buf_reserve(b, n);

    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
    fog_buf_added(b, n);
}

void fog_wr_u8(struct fog_buf *b, uint8_t v)
{
    be(b, v, 1);
}

void fog_wr_u16(struct fog_buf *b, uint16_t v)
{
    be(b, v, 2);
}

void fog_wr_u32(struct fog_buf *b, uint32_t v)
{
    be(b, v, 4);
}

void fog_wr_u64(struct fog_buf *b, uint64_t v)
{
    be(b, v, 8);
}

void fog_wr_u128(struct fog_buf *b, fog_u128 v)
{
    be(b, (uint64_t)(v >> 64), 8);
    be(b, (uint64_t)v, 8);
}

void fog_wr_bytes(struct fog_buf *b, const void *p, size_t len)
{
    fog_buf_append(b, p, len);
}

void fog_wr_lp8(struct fog_buf *b, struct fog_bytes v)
{
    FOG_ASSERT(v.len <= UINT8_MAX);
    fog_wr_u8(b, (uint8_t)v.len);
    fog_buf_append(b, v.p, v.len);
}

void fog_wr_lp16(struct fog_buf *b, struct fog_bytes v)
{
    FOG_ASSERT(v.len <= UINT16_MAX);
    fog_wr_u16(b, (uint16_t)v.len);
    fog_buf_append(b, v.p, v.len);
}

void fog_wr_lp32(struct fog_buf *b, struct fog_bytes v)
{
    FOG_ASSERT(v.len <= UINT32_MAX);
    fog_wr_u32(b, (uint32_t)v.len);
    fog_buf_append(b, v.p, v.len);
}

void fog_wr_str8(struct fog_buf *b, const char *s)
{
    fog_wr_lp8(b, fog_bytes_str(s));
}
