/*
 * Writing cursor: appends big-endian fields to a fog_buf. Cannot fail on small messages (growth
 * aborts, see buf.h); length-prefixed fields assert that the length fits, because the caller made
 * the value.
 */
#ifndef FOG_BASE_WR_H
#define FOG_BASE_WR_H

#include "core/base/buf.h"

void fog_wr_u8(struct fog_buf *b, uint8_t v);
void fog_wr_u16(struct fog_buf *b, uint16_t v);
void fog_wr_u32(struct fog_buf *b, uint32_t v);
void fog_wr_u64(struct fog_buf *b, uint64_t v);
void fog_wr_u128(struct fog_buf *b, fog_u128 v);
void fog_wr_bytes(struct fog_buf *b, const void *p, size_t len);
void fog_wr_lp8(struct fog_buf *b, struct fog_bytes v);
void fog_wr_lp16(struct fog_buf *b, struct fog_bytes v);
void fog_wr_lp32(struct fog_buf *b, struct fog_bytes v);
void fog_wr_str8(struct fog_buf *b, const char *s);

#endif
