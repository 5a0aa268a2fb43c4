#include "contracts/claim/store.h"

#include <stdlib.h>

#include "core/base/assert.h"

/* `rows` holds one of these per write; offsets because `bytes` moves while it grows. */
struct batch_row {
    size_t key_at, key_len;
    size_t value_at, value_len;
    bool deletes;
};

static void add(struct claim_batch *b, struct fog_bytes key, struct fog_bytes value, bool deletes)
{
    struct batch_row row = {.key_at = b->bytes.len, .key_len = key.len, .deletes = deletes};

    fog_buf_append(&b->bytes, key.p, key.len);
    row.value_at = b->bytes.len;
    row.value_len = value.len;
    if (value.len != 0)
        fog_buf_append(&b->bytes, value.p, value.len);
    fog_buf_append(&b->rows, &row, sizeof row);
    b->n++;
}

void claim_batch_put(struct claim_batch *b, struct fog_bytes key, struct fog_bytes value)
{
    add(b, key, value, false);
}

void claim_batch_del(struct claim_batch *b, struct fog_bytes key)
{
    add(b, key, (struct fog_bytes){0}, true);
}

int claim_batch_apply(struct claim_batch *b, const struct claim_store *s,
                      const struct claim_guard *guard, bool durable)
{
    static const uint8_t empty[1];
    struct claim_write *writes;
    int rc;

    if (b->n == 0)
        return 0;
    writes = fog_alloc(b->n * sizeof *writes);
    for (size_t i = 0; i < b->n; i++) {
        struct batch_row row;

        memcpy(&row, b->rows.data + i * sizeof row, sizeof row);
        writes[i].key = fog_bytes_of(b->bytes.data + row.key_at, row.key_len);
        if (!row.deletes)
            writes[i].value = fog_bytes_of(
                row.value_len == 0 ? empty : b->bytes.data + row.value_at, row.value_len);
    }
    rc = s->apply(s->arg, writes, b->n, guard, durable);
    free(writes);
    if (rc == 0) {
        fog_buf_clear(&b->bytes);
        fog_buf_clear(&b->rows);
        b->n = 0;
    }
    return rc;
}

void claim_batch_fini(struct claim_batch *b)
{
    fog_buf_fini(&b->bytes);
    fog_buf_fini(&b->rows);
    b->n = 0;
}
