#include "storage/kv_mem.h"

#include "core/base/assert.h"
#include "core/base/buf.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Values are shared between the table and readers, so that a get needs no copy and survives a
 * delete, as it does in the real engine. */
struct mem_value {
    _Atomic uint32_t refs;
    size_t len;
    uint8_t data[];
};

struct mem_row {
    uint8_t *key;
    size_t key_len;
    struct mem_value *value;
};

struct mem_family {
    struct mem_row *rows; /* sorted by key */
    size_t n, cap;
    int read_rc;
};

struct kv_mem {
    struct kv kv;
    pthread_mutex_t lock;
    struct mem_family families[KV_CF_COUNT];
    uint64_t bytes;
    unsigned writes_left;
    int write_rc;
};

struct mem_op {
    enum kv_cf cf;
    struct mem_row row; /* value NULL: delete */
};

struct kv_batch {
    struct mem_op *ops;
    size_t n, cap;
};

static struct kv_mem *mem_of(struct kv *kv)
{
    return FOG_CONTAINER(kv, kv_mem, kv);
}

static void value_unref(void *own)
{
    struct mem_value *v = own;

    if (atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1)
        free(v);
}

static int compare(struct fog_bytes a, struct fog_bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

    if (c != 0)
        return c;
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

static struct fog_bytes key_of(const struct mem_row *r)
{
    return fog_bytes_of(r->key, r->key_len);
}

/* Index of the first row whose key is >= key. */
static size_t lower_bound(const struct mem_family *f, struct fog_bytes key)
{
    size_t lo = 0, hi = f->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (compare(key_of(&f->rows[mid]), key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool row_is(const struct mem_family *f, size_t at, struct fog_bytes key)
{
    return at < f->n && compare(key_of(&f->rows[at]), key) == 0;
}

static int mem_get(struct kv *kv, enum kv_cf cf, struct fog_bytes key, struct kv_value *out)
{
    struct kv_mem *m = mem_of(kv);
    struct mem_family *f = &m->families[cf];
    int rc = -ENOENT;
    size_t at;

    pthread_mutex_lock(&m->lock);
    at = lower_bound(f, key);
    if (f->read_rc != 0) {
        rc = f->read_rc;
    } else if (row_is(f, at, key)) {
        struct mem_value *v = f->rows[at].value;
        atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
        *out = (struct kv_value){
            .bytes = fog_bytes_of(v->data, v->len), .own = v, .release = value_unref};
        rc = 0;
    }
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static int mem_scan(struct kv *kv, enum kv_cf cf, struct fog_bytes from, struct fog_bytes to,
                    kv_scan_fn fn, void *arg)
{
    struct kv_mem *m = mem_of(kv);
    struct mem_family *f = &m->families[cf];
    int rc;

    pthread_mutex_lock(&m->lock);
    rc = f->read_rc;
    for (size_t i = lower_bound(f, from); rc == 0 && i < f->n; i++) {
        struct mem_row *r = &f->rows[i];
        if (to.len != 0 && compare(key_of(r), to) >= 0)
            break;
        rc = fn(key_of(r), fog_bytes_of(r->value->data, r->value->len), arg);
    }
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static struct kv_batch *mem_batch_new(struct kv *kv)
{
    (void)kv;
    return FOG_NEW(kv_batch);
}

static struct mem_op *batch_add(struct kv_batch *b, enum kv_cf cf, struct fog_bytes key)
{
    struct mem_op *op;

    if (b->n == b->cap) {
        b->cap = b->cap == 0 ? 16 : b->cap * 2;
        b->ops = realloc(b->ops, b->cap * sizeof *b->ops);
        FOG_ASSERT(b->ops != NULL);
    }
    op = &b->ops[b->n++];
    *op = (struct mem_op){.cf = cf, .row = {.key = fog_alloc(key.len), .key_len = key.len}};
    memcpy(op->row.key, key.p, key.len);
    return op;
}

static void mem_batch_put(struct kv_batch *b, enum kv_cf cf, struct fog_bytes key,
                          const struct fog_bytes *parts, size_t n_parts)
{
    struct mem_op *op = batch_add(b, cf, key);
    size_t len = 0;

    for (size_t i = 0; i < n_parts; i++)
        len += parts[i].len;
    op->row.value = fog_alloc(sizeof *op->row.value + len);
    op->row.value->refs = 1;
    for (size_t i = 0; i < n_parts; i++) {
        if (parts[i].len != 0)
            memcpy(op->row.value->data + op->row.value->len, parts[i].p, parts[i].len);
        op->row.value->len += parts[i].len;
    }
}

static void mem_batch_del(struct kv_batch *b, enum kv_cf cf, struct fog_bytes key)
{
    (void)batch_add(b, cf, key);
}

static void mem_batch_free(struct kv_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        free(b->ops[i].row.key);
        if (b->ops[i].row.value != NULL)
            value_unref(b->ops[i].row.value);
    }
    free(b->ops);
    free(b);
}

static void row_remove(struct kv_mem *m, struct mem_family *f, size_t at)
{
    struct mem_row *r = &f->rows[at];

    m->bytes -= r->key_len + r->value->len;
    free(r->key);
    value_unref(r->value);
    memmove(r, r + 1, (f->n - at - 1) * sizeof *r);
    f->n--;
}

static void row_insert(struct kv_mem *m, struct mem_family *f, size_t at, const struct mem_row *row)
{
    struct mem_row *r;

    if (f->n == f->cap) {
        f->cap = f->cap == 0 ? 64 : f->cap * 2;
        f->rows = realloc(f->rows, f->cap * sizeof *f->rows);
        FOG_ASSERT(f->rows != NULL);
    }
    r = &f->rows[at];
    memmove(r + 1, r, (f->n - at) * sizeof *r);
    *r = *row;
    r->key = fog_alloc(row->key_len);
    memcpy(r->key, row->key, row->key_len);
    atomic_fetch_add_explicit(&r->value->refs, 1, memory_order_relaxed);
    m->bytes += r->key_len + r->value->len;
    f->n++;
}

static int mem_write(struct kv *kv, struct kv_batch *b, bool sync)
{
    struct kv_mem *m = mem_of(kv);
    int rc = 0;

    (void)sync;
    pthread_mutex_lock(&m->lock);
    if (m->write_rc != 0 && m->writes_left == 0) {
        rc = m->write_rc;
        goto out;
    }
    if (m->write_rc != 0)
        m->writes_left--;
    for (size_t i = 0; i < b->n; i++) {
        const struct mem_op *op = &b->ops[i];
        struct mem_family *f = &m->families[op->cf];
        size_t at = lower_bound(f, key_of(&op->row));
        if (row_is(f, at, key_of(&op->row)))
            row_remove(m, f, at);
        if (op->row.value != NULL)
            row_insert(m, f, at, &op->row);
    }
out:
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static int mem_disk_bytes(struct kv *kv, uint64_t *out)
{
    struct kv_mem *m = mem_of(kv);

    pthread_mutex_lock(&m->lock);
    *out = m->bytes;
    pthread_mutex_unlock(&m->lock);
    return 0;
}

/* Tables of the real engine hold runs of keys: here every so many rows count as one. */
#define ROWS_PER_TABLE 16

static int mem_tables(struct kv *kv, kv_table_fn fn, void *arg)
{
    struct kv_mem *m = mem_of(kv);
    struct mem_family *f = &m->families[KV_DATA];
    int rc = 0;

    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; rc == 0 && i < f->n; i += ROWS_PER_TABLE) {
        size_t last = i + ROWS_PER_TABLE < f->n ? i + ROWS_PER_TABLE - 1 : f->n - 1;
        struct kv_table t = {
            .first = key_of(&f->rows[i]), .last = key_of(&f->rows[last]), .settled = true};
        for (size_t k = i; k <= last; k++)
            t.bytes += f->rows[k].value->len;
        rc = fn(&t, arg);
    }
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static int mem_drop_tables(struct kv *kv, struct fog_bytes first, struct fog_bytes last)
{
    struct kv_mem *m = mem_of(kv);
    struct mem_family *f = &m->families[KV_DATA];
    size_t at;

    pthread_mutex_lock(&m->lock);
    at = lower_bound(f, first);
    while (at < f->n && compare(key_of(&f->rows[at]), last) <= 0)
        row_remove(m, f, at);
    pthread_mutex_unlock(&m->lock);
    return 0;
}

static int mem_flush(struct kv *kv)
{
    (void)kv;
    return 0;
}

static void mem_close(struct kv *kv)
{
    struct kv_mem *m = mem_of(kv);

    for (int cf = 0; cf < KV_CF_COUNT; cf++) {
        struct mem_family *f = &m->families[cf];
        while (f->n > 0)
            row_remove(m, f, f->n - 1);
        free(f->rows);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static const struct kv_ops mem_ops = {
    .get = mem_get,
    .scan = mem_scan,
    .batch_new = mem_batch_new,
    .batch_put = mem_batch_put,
    .batch_del = mem_batch_del,
    .batch_free = mem_batch_free,
    .write = mem_write,
    .disk_bytes = mem_disk_bytes,
    .tables = mem_tables,
    .drop_tables = mem_drop_tables,
    .flush = mem_flush,
    .close = mem_close,
};

struct kv *kv_mem_new(void)
{
    struct kv_mem *m = FOG_NEW(kv_mem);

    m->kv.ops = &mem_ops;
    pthread_mutex_init(&m->lock, NULL);
    return &m->kv;
}

void kv_mem_fail_writes(struct kv *kv, unsigned after, int rc)
{
    struct kv_mem *m = mem_of(kv);

    pthread_mutex_lock(&m->lock);
    m->writes_left = after;
    m->write_rc = rc;
    pthread_mutex_unlock(&m->lock);
}

void kv_mem_fail_reads(struct kv *kv, enum kv_cf cf, int rc)
{
    struct kv_mem *m = mem_of(kv);

    pthread_mutex_lock(&m->lock);
    m->families[cf].read_rc = rc;
    pthread_mutex_unlock(&m->lock);
}

int kv_mem_damage(struct kv *kv, enum kv_cf cf, size_t nth, size_t at)
{
    struct kv_mem *m = mem_of(kv);
    struct mem_family *f = &m->families[cf];
    int rc = -ENOENT;

    pthread_mutex_lock(&m->lock);
    if (nth < f->n && at < f->rows[nth].value->len) {
        f->rows[nth].value->data[at] ^= 1;
        rc = 0;
    }
    pthread_mutex_unlock(&m->lock);
    return rc;
}

size_t kv_mem_count(struct kv *kv, enum kv_cf cf)
{
    struct kv_mem *m = mem_of(kv);
    size_t n;

    pthread_mutex_lock(&m->lock);
    n = m->families[cf].n;
    pthread_mutex_unlock(&m->lock);
    return n;
}
