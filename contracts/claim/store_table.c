#include "contracts/claim/store_table.h"

#include <stdlib.h>

#include "core/base/assert.h"

static struct fog_bytes row_key(const struct store_row *r)
{
    return fog_bytes_of(r->bytes, r->key_len);
}

static struct fog_bytes row_value(const struct store_row *r)
{
    return fog_bytes_of(r->bytes + r->key_len, r->value_len);
}

static int compare(struct fog_bytes a, struct fog_bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

/* First row whose key is not below `key`. */
static size_t lower_bound(const struct store_table *t, struct fog_bytes key)
{
    size_t from = 0, to = t->n;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (compare(row_key(&t->rows[mid]), key) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static bool is_at(const struct store_table *t, size_t i, struct fog_bytes key)
{
    return i < t->n && fog_bytes_eq(row_key(&t->rows[i]), key);
}

void store_table_set(struct store_table *t, struct fog_bytes key, struct fog_bytes value)
{
    size_t i = lower_bound(t, key);
    uint8_t *bytes = fog_alloc(key.len + value.len + 1);

    memcpy(bytes, key.p, key.len);
    if (value.len != 0)
        memcpy(bytes + key.len, value.p, value.len);
    if (is_at(t, i, key)) {
        t->bytes -= t->rows[i].key_len + t->rows[i].value_len;
        free(t->rows[i].bytes);
    } else {
        if (t->n == t->cap) {
            t->cap = t->cap == 0 ? 64 : t->cap * 2;
            t->rows = realloc(t->rows, t->cap * sizeof *t->rows);
            FOG_ASSERT(t->rows != NULL);
        }
        memmove(t->rows + i + 1, t->rows + i, (t->n - i) * sizeof *t->rows);
        t->n++;
    }
    t->rows[i] = (struct store_row){.bytes = bytes, .key_len = key.len, .value_len = value.len};
    t->bytes += key.len + value.len;
}

void store_table_del(struct store_table *t, struct fog_bytes key)
{
    size_t i = lower_bound(t, key);

    if (!is_at(t, i, key))
        return;
    t->bytes -= t->rows[i].key_len + t->rows[i].value_len;
    free(t->rows[i].bytes);
    t->n--;
    memmove(t->rows + i, t->rows + i + 1, (t->n - i) * sizeof *t->rows);
}

bool store_table_get(const struct store_table *t, struct fog_bytes key, struct fog_bytes *value)
{
    size_t i = lower_bound(t, key);

    if (!is_at(t, i, key))
        return false;
    *value = row_value(&t->rows[i]);
    return true;
}

bool store_table_guard_holds(const struct store_table *t, const struct claim_guard *guard)
{
    struct fog_bytes value;

    if (guard == NULL)
        return true;
    if (!store_table_get(t, guard->key, &value))
        return guard->expect.p == NULL;
    return guard->expect.p != NULL && fog_bytes_eq(value, guard->expect);
}

void store_table_apply(struct store_table *t, const struct claim_write *writes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (writes[i].value.p == NULL)
            store_table_del(t, writes[i].key);
        else
            store_table_set(t, writes[i].key, writes[i].value);
    }
}

int store_table_scan(const struct store_table *t, struct fog_bytes prefix,
                     int (*on_row)(void *row_arg, struct fog_bytes key, struct fog_bytes value),
                     void *row_arg)
{
    for (size_t i = lower_bound(t, prefix); i < t->n; i++) {
        struct fog_bytes key = row_key(&t->rows[i]);
        int rc;

        if (key.len < prefix.len || (prefix.len != 0 && memcmp(key.p, prefix.p, prefix.len) != 0))
            break;
        if ((rc = on_row(row_arg, key, row_value(&t->rows[i]))) != 0)
            return rc;
    }
    return 0;
}

void store_table_fini(struct store_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->rows[i].bytes);
    free(t->rows);
    *t = (struct store_table){0};
}
