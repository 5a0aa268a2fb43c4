#include "tests/lib/hexvec.h"

#include "core/base/str.h"
#include "core/base/wr.h"
#include "core/crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_VECTORS 256

static struct {
    char *name;
    struct fog_buf bytes;
} table[MAX_VECTORS];
static size_t n_table;

static void fail(const char *what, const char *name)
{
    fprintf(stderr, "vectors: %s: %s\n", what, name);
    abort();
}

void hexvec_open(const char *path)
{
    char full[4096], *line = NULL;
    size_t cap = 0;
    FILE *f;

    snprintf(full, sizeof full, "%s/%s", FOG_SRCDIR, path);
    if ((f = fopen(full, "r")) == NULL)
        fail("cannot open", full);
    while (getline(&line, &cap, f) > 0) {
        char *space = strchr(line, ' ');
        size_t len;

        if (line[0] == '#' || space == NULL)
            continue;
        if (n_table == MAX_VECTORS)
            fail("too many lines", full);
        *space = '\0';
        len = strcspn(space + 1, "\n") / 2;
        table[n_table].name = strdup(line);
        if (fog_hex_decode(fog_bytes_of(space + 1, len * 2),
                           fog_buf_reserve(&table[n_table].bytes, len), len) != 0)
            fail("bad hex", line);
        fog_buf_added(&table[n_table++].bytes, len);
    }
    free(line);
    fclose(f);
}

void hexvec_close(void)
{
    while (n_table > 0) {
        n_table--;
        free(table[n_table].name);
        fog_buf_fini(&table[n_table].bytes);
    }
}

struct fog_bytes vector(const char *name)
{
    for (size_t i = 0; i < n_table; i++)
        if (strcmp(table[i].name, name) == 0)
            return fog_buf_bytes(&table[i].bytes);
    fail("no such name", name);
    return fog_bytes_of(NULL, 0);
}

struct fog_hash vector_hash(const char *name)
{
    struct fog_bytes b = vector(name);
    struct fog_hash h;

    if (b.len != sizeof h.b)
        fail("not 32 bytes", name);
    memcpy(h.b, b.p, sizeof h.b);
    return h;
}

void vector_data(size_t size, struct fog_buf *out)
{
    size_t end = out->len + size;

    for (uint64_t j = 0; out->len < end; j++) {
        struct fog_buf n = {0};
        struct fog_hash h;

        fog_wr_u64(&n, j);
        fog_sha256_parts((struct fog_bytes[]){fog_bytes_str("fogbank vector"), fog_buf_bytes(&n)},
                         2, &h);
        fog_buf_append(out, h.b, end - out->len < 32 ? end - out->len : 32);
        fog_buf_fini(&n);
    }
}
