#include "tests/lib/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fog_json *vectors_load(const char *path)
{
    struct fog_json_limits limits = {.bytes = (size_t)16 << 20, .depth = 16};
    struct fog_json *j = NULL;
    struct fog_buf text = {0};
    char full[512], why[160];
    FILE *f;
    size_t n;

    snprintf(full, sizeof full, "%s/%s", FOG_SRCDIR, path);
    f = fopen(full, "rb");
    if (f == NULL)
        fail_msg("%s is missing", full);
    do {
        n = fread(fog_buf_reserve(&text, 65536), 1, 65536, f);
        fog_buf_added(&text, n);
    } while (n > 0);
    fclose(f);
    if (fog_json_parse(fog_buf_bytes(&text), &limits, &j, why, sizeof why) != 0)
        fail_msg("%s: %s", full, why);
    fog_buf_fini(&text);
    return j;
}

fog_u128 vectors_number(const struct fog_json *j, const char *path)
{
    fog_u128 v = 0;

    if (fog_json_get_u128(j, path, &v) != 0)
        fail_msg("no number at %s", path);
    return v;
}

void vectors_hex(const struct fog_json *j, const char *path, void *out, size_t len)
{
    if (fog_json_get_hex(j, path, out, len) != 0)
        fail_msg("no %zu bytes at %s", len, path);
}
