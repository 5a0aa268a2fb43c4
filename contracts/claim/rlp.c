#include "contracts/claim/rlp.h"

#include "core/base/wr.h"

#define SHORT_STRING 0x80
#define SHORT_LIST   0xc0
#define SHORT_MAX    55

static void put_head(struct fog_buf *out, size_t len, uint8_t base)
{
    uint8_t be[8];
    size_t n = 0;

    if (len <= SHORT_MAX) {
        fog_wr_u8(out, (uint8_t)(base + len));
        return;
    }
    for (size_t left = len; left != 0; left >>= 8)
        be[sizeof be - 1 - n++] = (uint8_t)left;
    fog_wr_u8(out, (uint8_t)(base + SHORT_MAX + n));
    fog_wr_bytes(out, be + sizeof be - n, n);
}

void rlp_put_bytes(struct fog_buf *out, struct fog_bytes v)
{
    if (v.len == 1 && v.p[0] < SHORT_STRING) {
        fog_wr_u8(out, v.p[0]);
        return;
    }
    put_head(out, v.len, SHORT_STRING);
    if (v.len != 0)
        fog_wr_bytes(out, v.p, v.len);
}

void rlp_put_number(struct fog_buf *out, fog_u128 v)
{
    uint8_t be[16];
    size_t n = 0;

    for (; v != 0; v >>= 8)
        be[sizeof be - 1 - n++] = (uint8_t)v;
    rlp_put_bytes(out, fog_bytes_of(be + sizeof be - n, n));
}

void rlp_put_list(struct fog_buf *out, struct fog_buf *items)
{
    put_head(out, items->len, SHORT_LIST);
    fog_wr_bytes(out, items->data, items->len);
    fog_buf_clear(items);
}
