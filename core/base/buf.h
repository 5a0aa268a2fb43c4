/*
 * Growing byte buffer. Owns its memory; a zeroed struct is an empty buffer. Growth aborts when
 * memory is out: anything whose size a stranger chooses must be limited by the caller before it is
 * appended.
 */
#ifndef FOG_BASE_BUF_H
#define FOG_BASE_BUF_H

#include "core/base/err.h"
#include "core/base/types.h"

#include <stdarg.h>

struct fog_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
};

/* Makes room for `extra` more bytes and returns where they go; call fog_buf_added() when they are
 * there. */
uint8_t *fog_buf_reserve(struct fog_buf *b, size_t extra);
void fog_buf_added(struct fog_buf *b, size_t n);

void fog_buf_append(struct fog_buf *b, const void *p, size_t len);
void fog_buf_append_str(struct fog_buf *b, const char *s);
void fog_buf_printf(struct fog_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void fog_buf_vprintf(struct fog_buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Drops the first n bytes (n <= len). */
void fog_buf_consume(struct fog_buf *b, size_t n);

/* Empties without giving memory back. */
void fog_buf_clear(struct fog_buf *b);

/* The text so far, NUL-terminated (the NUL is not part of len). Valid until the next change. */
const char *fog_buf_cstr(struct fog_buf *b);

/* Moves the contents of src to dst (dst's old contents are freed); src is empty afterwards. */
void fog_buf_move(struct fog_buf *dst, struct fog_buf *src);

/* Frees; accepts NULL or a zeroed struct. */
void fog_buf_fini(struct fog_buf *b);

static inline struct fog_bytes fog_buf_bytes(const struct fog_buf *b)
{
    return fog_bytes_of(b->data, b->len);
}

#endif
