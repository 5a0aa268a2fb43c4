/*
 * Our own bugs end the process at once; the supervisor restarts it. Never used on other people's
 * input.
 */
#ifndef FOG_BASE_ASSERT_H
#define FOG_BASE_ASSERT_H

#include <stddef.h>
#include <stdint.h>

_Noreturn void fog_assert_failed(const char *what, const char *file, int line);

#define FOG_ASSERT(cond) ((cond) ? (void)0 : fog_assert_failed(#cond, __FILE__, __LINE__))

/* Recovers an object from a callback's void pointer; a freed or foreign object fails here. The
 * struct's first member is `uint32_t magic`. */
#define FOG_CAST(tag, expected, ptr)                                                               \
    ((struct tag *)fog_cast_check((ptr), (expected), #tag, __FILE__, __LINE__))

static inline void *fog_cast_check(void *p, uint32_t expected, const char *tag, const char *file,
                                   int line)
{
    if (p == NULL || *(const uint32_t *)p != expected)
        fog_assert_failed(tag, file, line);
    return p;
}

/* Allocation of a small fixed object; aborts when memory is out (see MODELS: three kinds of
 * failure). Zeroed. */
void *fog_alloc(size_t size_bytes) __attribute__((malloc, returns_nonnull));

/* Copy of a NUL-terminated string, aborting like fog_alloc. The caller frees. */
char *fog_strdup(const char *s) __attribute__((malloc, returns_nonnull));

#define FOG_NEW(tag) ((struct tag *)fog_alloc(sizeof(struct tag)))

#endif
