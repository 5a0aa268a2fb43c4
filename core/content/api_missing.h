/*
 * Question and answer of POST /v1/missing (PROTOCOL 2.9), for both sides: rows of kind, id and
 * length; then one bit per row, set when the object is missing, row i in bit i % 8 (least
 * significant first) of byte i / 8.
 */
#ifndef FOG_CONTENT_API_MISSING_H
#define FOG_CONTENT_API_MISSING_H

#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/content/leaf.h"

#define FOG_MISSING_ROW ((size_t)37)
#define FOG_MISSING_MAX ((size_t)8192) /* rows of one question */

struct fog_missing_row {
    enum fog_kind kind; /* chunk, manifest or page */
    struct fog_hash id;
    uint32_t len;
};

static inline void fog_missing_put(struct fog_buf *out, const struct fog_missing_row *row)
{
    fog_wr_u8(out, (uint8_t)row->kind);
    fog_wr_bytes(out, row->id.b, sizeof row->id.b);
    fog_wr_u32(out, row->len);
}

/* Row i of a question; FOG_EFORMAT for another kind, FOG_ELIMIT for a length that the kind does not
 * have. The question's length must be a multiple of FOG_MISSING_ROW (checked by the caller). */
FOG_MUST_CHECK static inline int fog_missing_get(struct fog_bytes question, size_t i,
                                                 struct fog_missing_row *out)
{
    struct fog_rd r = fog_rd_of(fog_bytes_of(question.p + i * FOG_MISSING_ROW, FOG_MISSING_ROW));
    uint8_t kind = fog_rd_u8(&r);

    if (kind != FOG_KIND_CHUNK && kind != FOG_KIND_MANIFEST && kind != FOG_KIND_PAGE)
        return FOG_EFORMAT;
    out->kind = (enum fog_kind)kind;
    fog_rd_copy(&r, out->id.b, sizeof out->id.b);
    out->len = fog_rd_u32(&r);
    return out->len > fog_kind_max(kind) ? FOG_ELIMIT : fog_rd_done(&r);
}

static inline size_t fog_missing_answer_len(size_t rows)
{
    return (rows + 7) / 8;
}

static inline bool fog_missing_bit(struct fog_bytes answer, size_t i)
{
    return (answer.p[i / 8] >> (i % 8) & 1) != 0;
}

static inline void fog_missing_set(uint8_t *answer, size_t i)
{
    answer[i / 8] = (uint8_t)(answer[i / 8] | 1u << (i % 8));
}

#endif
