/* db.h in memory: a sorted array. For tests, simulation and fuzzing. */
#include "core/base/assert.h"
#include "router/db.h"

#include <errno.h>
#include <stdlib.h>

struct entry {
    struct fog_buf key, value;
};

struct db_mem {
    struct db db;
    struct entry *rows;
    size_t n, cap;
    const bool *fail;
};

static int compare(struct fog_bytes a, struct fog_bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

/* First row whose key is not below. */
static size_t lower(const struct db_mem *m, struct fog_bytes key)
{
    size_t lo = 0, hi = m->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (compare(fog_buf_bytes(&m->rows[mid].key), key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool is_at(const struct db_mem *m, size_t at, struct fog_bytes key)
{
    return at < m->n && compare(fog_buf_bytes(&m->rows[at].key), key) == 0;
}

static int mem_get(struct db *db, struct fog_bytes key, struct fog_buf *out)
{
    struct db_mem *m = (struct db_mem *)db;
    size_t at = lower(m, key);

    if (!is_at(m, at, key))
        return -ENOENT;
    fog_buf_append(out, m->rows[at].value.data, m->rows[at].value.len);
    return 0;
}

static int mem_scan(struct db *db, struct fog_bytes prefix, struct fog_bytes from, size_t limit,
                    bool (*each)(void *arg, struct fog_bytes key, struct fog_bytes value),
                    void *arg)
{
    struct db_mem *m = (struct db_mem *)db;
    size_t at = lower(m, from.len > 0 && compare(from, prefix) > 0 ? from : prefix);

    for (; at < m->n && limit > 0; at++, limit--) {
        struct fog_bytes key = fog_buf_bytes(&m->rows[at].key);
        if (key.len < prefix.len || (prefix.len > 0 && memcmp(key.p, prefix.p, prefix.len) != 0))
            break;
        if (!each(arg, key, fog_buf_bytes(&m->rows[at].value)))
            break;
    }
    return 0;
}

static void put(struct db_mem *m, const struct db_op *op)
{
    size_t at = lower(m, op->key);
    bool there = is_at(m, at, op->key);

    if (op->value.p == NULL) {
        if (!there)
            return;
        fog_buf_fini(&m->rows[at].key);
        fog_buf_fini(&m->rows[at].value);
        memmove(&m->rows[at], &m->rows[at + 1], (m->n - at - 1) * sizeof *m->rows);
        m->n--;
        return;
    }
    if (!there) {
        if (m->n == m->cap) {
            m->cap = m->cap == 0 ? 64 : m->cap * 2;
            m->rows = realloc(m->rows, m->cap * sizeof *m->rows);
            FOG_ASSERT(m->rows != NULL);
        }
        memmove(&m->rows[at + 1], &m->rows[at], (m->n - at) * sizeof *m->rows);
        m->rows[at] = (struct entry){0};
        fog_buf_append(&m->rows[at].key, op->key.p, op->key.len);
        m->n++;
    }
    fog_buf_clear(&m->rows[at].value);
    fog_buf_append(&m->rows[at].value, op->value.p, op->value.len);
}

static void mem_batch(struct db *db, const struct db_op *ops, size_t n,
                      void (*done)(void *ctx, int err), void *ctx)
{
    struct db_mem *m = (struct db_mem *)db;
    size_t bytes = 0;
    int err = m->fail != NULL && *m->fail ? -EIO : 0;

    for (size_t i = 0; i < n; i++)
        bytes += ops[i].key.len + ops[i].value.len;
    if (bytes > DB_BATCH_MAX)
        err = FOG_ELIMIT;
    for (size_t i = 0; i < n && err == 0; i++)
        put(m, &ops[i]);
    if (done != NULL)
        done(ctx, err);
}

static void mem_close(struct db *db)
{
    struct db_mem *m = (struct db_mem *)db;

    for (size_t i = 0; i < m->n; i++) {
        fog_buf_fini(&m->rows[i].key);
        fog_buf_fini(&m->rows[i].value);
    }
    free(m->rows);
    free(m);
}

static const struct db_engine mem_engine = {mem_get, mem_scan, mem_batch, mem_close};

struct db *db_open_mem(const bool *fail)
{
    struct db_mem *m = FOG_NEW(db_mem);

    m->db.engine = &mem_engine;
    m->fail = fail;
    return &m->db;
}
