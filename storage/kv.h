/*
 * The ordered key-value engine under the store, as a port: RocksDB behind kv_rocks.c, a sorted
 * table in memory behind kv_mem.c. Owns bytes by (column family, key); knows nothing of objects,
 * quotas or verification.
 *
 * All calls may come from any thread at once, except that a batch belongs to one thread. Every
 * write is logged before it is acknowledged (survives kill -9); with `sync` it is on the disk
 * (survives a power cut). A batch is applied whole or not at all, over all column families.
 *
 * Errors: -ENOENT no such key; FOG_ECORRUPT a block checksum failed; -ENOSPC, -EIO the disk failed.
 */
#ifndef FOG_STORAGE_KV_H
#define FOG_STORAGE_KV_H

#include "core/base/err.h"
#include "core/base/types.h"

/* Column families. The names are on disk. */
#define KV_FAMILIES(X)                                                                             \
    X(KV_MAIN, "default") /* schema, counters, small records of other roles */                     \
    X(KV_META, "meta")    /* one record per object */                                              \
    X(KV_DATA, "data")    /* extents, in the order they were written */                            \
    X(KV_INDEX, "index")  /* eviction order, placement groups, publishers, expiry, pins */         \
    X(KV_LEDGER, "ledger")

enum kv_cf {
#define X(id, name) id,
    KV_FAMILIES(X)
#undef X
        KV_CF_COUNT
};

struct kv;
struct kv_batch;

/* A value that the engine keeps in place until kv_value_done. A zeroed struct is empty. */
struct kv_value {
    struct fog_bytes bytes;
    void *own;
    void (*release)(void *own);
};

static inline void kv_value_done(struct kv_value *v)
{
    if (v->release != NULL)
        v->release(v->own);
    *v = (struct kv_value){0};
}

/* Non-zero stops the scan and is returned by it. */
typedef int (*kv_scan_fn)(struct fog_bytes key, struct fog_bytes value, void *arg);

/* A table of KV_DATA: its first and last key, its size on disk. Not settled: too young to be
 * dropped (still in the log's reach). */
struct kv_table {
    struct fog_bytes first, last;
    uint64_t bytes;
    bool settled;
};

/* Non-zero stops and is returned. */
typedef int (*kv_table_fn)(const struct kv_table *table, void *arg);

struct kv_ops {
    int (*get)(struct kv *kv, enum kv_cf cf, struct fog_bytes key, struct kv_value *out);
    int (*scan)(struct kv *kv, enum kv_cf cf, struct fog_bytes from, struct fog_bytes to,
                kv_scan_fn fn, void *arg);
    struct kv_batch *(*batch_new)(struct kv *kv);
    void (*batch_put)(struct kv_batch *b, enum kv_cf cf, struct fog_bytes key,
                      const struct fog_bytes *parts, size_t n_parts);
    void (*batch_del)(struct kv_batch *b, enum kv_cf cf, struct fog_bytes key);
    void (*batch_free)(struct kv_batch *b);
    int (*write)(struct kv *kv, struct kv_batch *b, bool sync);
    int (*disk_bytes)(struct kv *kv, uint64_t *out);
    int (*tables)(struct kv *kv, kv_table_fn fn, void *arg);
    int (*drop_tables)(struct kv *kv, struct fog_bytes first, struct fog_bytes last);
    int (*flush)(struct kv *kv);
    void (*close)(struct kv *kv);
};

/* First member of an engine's own struct. */
struct kv {
    const struct kv_ops *ops;
};

static inline int kv_get(struct kv *kv, enum kv_cf cf, struct fog_bytes key, struct kv_value *out)
{
    return kv->ops->get(kv, cf, key, out);
}

/* Keys in [from, to) in order, as of one moment; an empty `to` means to the end. Inside fn no get,
 * scan or write may be made; filling a batch is fine. */
static inline int kv_scan(struct kv *kv, enum kv_cf cf, struct fog_bytes from, struct fog_bytes to,
                          kv_scan_fn fn, void *arg)
{
    return kv->ops->scan(kv, cf, from, to, fn, arg);
}

static inline struct kv_batch *kv_batch_new(struct kv *kv)
{
    return kv->ops->batch_new(kv);
}

/* The value is the parts in a row; everything is copied. */
static inline void kv_batch_putv(struct kv *kv, struct kv_batch *b, enum kv_cf cf,
                                 struct fog_bytes key, const struct fog_bytes *parts,
                                 size_t n_parts)
{
    kv->ops->batch_put(b, cf, key, parts, n_parts);
}

static inline void kv_batch_put(struct kv *kv, struct kv_batch *b, enum kv_cf cf,
                                struct fog_bytes key, struct fog_bytes value)
{
    kv->ops->batch_put(b, cf, key, &value, 1);
}

static inline void kv_batch_del(struct kv *kv, struct kv_batch *b, enum kv_cf cf,
                                struct fog_bytes key)
{
    kv->ops->batch_del(b, cf, key);
}

static inline void kv_batch_free(struct kv *kv, struct kv_batch **b)
{
    if (*b != NULL)
        kv->ops->batch_free(*b);
    *b = NULL;
}

/* The batch stays the caller's. */
static inline int kv_write(struct kv *kv, struct kv_batch *b, bool sync)
{
    return kv->ops->write(kv, b, sync);
}

/* What the engine occupies on disk now, log included. */
static inline int kv_disk_bytes(struct kv *kv, uint64_t *out)
{
    return kv->ops->disk_bytes(kv, out);
}

/* The tables of KV_DATA, in no order. */
static inline int kv_tables(struct kv *kv, kv_table_fn fn, void *arg)
{
    return kv->ops->tables(kv, fn, arg);
}

/* Removes the settled tables of KV_DATA that lie wholly in [first, last], with whatever is in them:
 * their space is free at once, nothing is read. Keys of KV_DATA are never deleted one by one. */
static inline int kv_drop_tables(struct kv *kv, struct fog_bytes first, struct fog_bytes last)
{
    return kv->ops->drop_tables(kv, first, last);
}

/* Everything written so far goes from the log to its files. */
static inline int kv_flush(struct kv *kv)
{
    return kv->ops->flush(kv);
}

static inline void kv_close(struct kv **kv)
{
    if (*kv != NULL)
        (*kv)->ops->close(*kv);
    *kv = NULL;
}

/* The smallest key above all keys with the prefix, written to `out` (prefix.len bytes); empty when
 * there is none (all 0xff). */
static inline struct fog_bytes kv_prefix_end(struct fog_bytes prefix, uint8_t *out)
{
    size_t n = prefix.len;

    while (n > 0 && prefix.p[n - 1] == 0xff)
        n--;
    if (n == 0)
        return (struct fog_bytes){0};
    memcpy(out, prefix.p, n);
    out[n - 1]++;
    return fog_bytes_of(out, n);
}

/* Sizes that follow from the quota, so that the engine's own files stay a small part of it. */
struct kv_rocks_config {
    const char *dir;
    uint64_t memtable_bytes; /* of KV_DATA; the others get a share of it */
    uint64_t wal_bytes;      /* all logs together */
    uint64_t file_bytes;     /* one table file */
    uint64_t cache_bytes;    /* index and filter blocks */
};

/* FOG_EBUSY: locked by another process. */
int kv_rocks_open(const struct kv_rocks_config *cfg, struct kv **out) FOG_MUST_CHECK;

#endif
