#include "core/base/buf.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

uint8_t *fog_buf_reserve(struct fog_buf *b, size_t extra)
{
    size_t want, cap;

    FOG_ASSERT(extra <= SIZE_MAX / 2 - b->len);
    want = b->len + extra;
    if (want <= b->cap && b->data != NULL)
        return b->data + b->len;
    cap = b->cap < 64 ? 64 : b->cap;
    while (cap < want)
        cap *= 2;
    b->data = realloc(b->data, cap);
    if (b->data == NULL)
        fog_assert_failed("out of memory", __FILE__, __LINE__);
    b->cap = cap;
    return b->data + b->len;
}

void fog_buf_added(struct fog_buf *b, size_t n)
{
    FOG_ASSERT(n <= b->cap - b->len);
    b->len += n;
}

void fog_buf_append(struct fog_buf *b, const void *p, size_t len)
{
    if (len == 0)
        return;
    memcpy(fog_buf_reserve(b, len), p, len);
    b->len += len;
}

void fog_buf_append_str(struct fog_buf *b, const char *s)
{
    fog_buf_append(b, s, strlen(s));
}

void fog_buf_vprintf(struct fog_buf *b, const char *fmt, va_list ap)
{
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    FOG_ASSERT(n >= 0);
    fog_buf_reserve(b, (size_t)n + 1);
    (void)vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
    va_end(again);
    b->len += (size_t)n;
}

void fog_buf_printf(struct fog_buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fog_buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void fog_buf_consume(struct fog_buf *b, size_t n)
{
    FOG_ASSERT(n <= b->len);
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

void fog_buf_clear(struct fog_buf *b)
{
    b->len = 0;
}

const char *fog_buf_cstr(struct fog_buf *b)
{
    *fog_buf_reserve(b, 1) = '\0';
    return (const char *)b->data;
}

void fog_buf_move(struct fog_buf *dst, struct fog_buf *src)
{
    free(dst->data);
    *dst = *src;
    *src = (struct fog_buf){0};
}

void fog_buf_fini(struct fog_buf *b)
{
    if (b == NULL)
        return;
    free(b->data);
    *b = (struct fog_buf){0};
}
