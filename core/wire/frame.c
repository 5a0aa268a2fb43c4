#include "core/wire/frame.h"

#include "core/base/assert.h"
#include "core/base/wr.h"

size_t fog_frame_begin(struct fog_buf *b, uint16_t type)
{
    size_t mark = b->len;

    fog_wr_u32(b, 0);
    fog_wr_u16(b, type);
    return mark;
}

void fog_frame_end(struct fog_buf *b, size_t mark)
{
    size_t body = b->len - mark - FOG_FRAME_HEAD;

    FOG_ASSERT(body + FOG_FRAME_HEAD <= FOG_FRAME_MAX); /* the table's limits keep below it */
    b->data[mark] = (uint8_t)(body >> 24);
    b->data[mark + 1] = (uint8_t)(body >> 16);
    b->data[mark + 2] = (uint8_t)(body >> 8);
    b->data[mark + 3] = (uint8_t)body;
}

/* The announced body length of the frame at the front, once its head is there. */
static int peek(const struct fog_frame_reader *r, size_t *body)
{
    const uint8_t *p = r->buf.data + r->taken;

    if (r->buf.len - r->taken < FOG_FRAME_HEAD)
        return 0;
    *body = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    return *body > FOG_FRAME_MAX - FOG_FRAME_HEAD ? FOG_ELIMIT : 1;
}

int fog_frame_feed(struct fog_frame_reader *r, struct fog_bytes in)
{
    size_t body;
    int rc;

    fog_buf_consume(&r->buf, r->taken);
    r->taken = 0;
    fog_buf_append(&r->buf, in.p, in.len);
    rc = peek(r, &body);
    return rc < 0 ? rc : 0;
}

int fog_frame_next(struct fog_frame_reader *r, struct fog_frame *out)
{
    const uint8_t *p;
    size_t body = 0;
    int rc = peek(r, &body);

    if (rc <= 0)
        return rc;
    if (r->buf.len - r->taken < FOG_FRAME_HEAD + body)
        return 0;
    p = r->buf.data + r->taken;
    out->type = (uint16_t)(p[4] << 8 | p[5]);
    out->body = fog_bytes_of(p + FOG_FRAME_HEAD, body);
    r->taken += FOG_FRAME_HEAD + body;
    return 1;
}

void fog_frame_reader_fini(struct fog_frame_reader *r)
{
    fog_buf_fini(&r->buf);
    r->taken = 0;
}
