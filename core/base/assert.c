#include "core/base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void fog_assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "<2>broken assert what=\"%s\" at=%s:%d\n", what, file, line);
    abort();
}

void *fog_alloc(size_t size_bytes)
{
    void *p = calloc(1, size_bytes != 0 ? size_bytes : 1);

    if (p == NULL)
        fog_assert_failed("out of memory", __FILE__, __LINE__);
    return p;
}

char *fog_strdup(const char *s)
{
    char *copy = strdup(s);

    if (copy == NULL)
        fog_assert_failed("out of memory", __FILE__, __LINE__);
    return copy;
}
