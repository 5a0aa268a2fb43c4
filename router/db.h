/*
 * The router's records: an ordered key-value store behind a narrow seam (the first calls of DESIGN
 * 4, Engine: open, get, scan, batch, close; watch and snapshot come with the second engine). Reads
 * are answered at once; a batch is atomic and durable before its callback. Owns nothing of what
 * keys and values mean: records.h does.
 */
#ifndef FOG_ROUTER_DB_H
#define FOG_ROUTER_DB_H

#include "core/base/buf.h"
#include "core/base/err.h"

#define DB_KEY_MAX   256
#define DB_BATCH_MAX (1024 * 1024)

struct fog_loop;
struct db;

struct db_op {
    struct fog_bytes key;
    struct fog_bytes value; /* p NULL: delete */
};

struct db_engine {
    int (*get)(struct db *db, struct fog_bytes key, struct fog_buf *out);
    /* Keys with the prefix, ascending from `from` (inclusive; empty: from the first), at most
     * limit. A false of `each` ends it. */
    int (*scan)(struct db *db, struct fog_bytes prefix, struct fog_bytes from, size_t limit,
                bool (*each)(void *arg, struct fog_bytes key, struct fog_bytes value), void *arg);
    void (*batch)(struct db *db, const struct db_op *ops, size_t n,
                  void (*done)(void *ctx, int err), void *ctx);
    void (*close)(struct db *db);
};

struct db {
    const struct db_engine *engine;
};

/* RocksDB in that folder (made when missing). Batches are written and synced by a thread of its
 * own; done comes on the loop, in order. */
int db_open_rocks(struct fog_loop *loop, const char *folder, struct db **out) FOG_MUST_CHECK;
/* In memory: done comes before db_batch returns. `fail` (NULL: never) makes batches fail, for
 * tests. */
struct db *db_open_mem(const bool *fail);

/* Appends the value; -ENOENT. */
static inline int db_get(struct db *db, struct fog_bytes key, struct fog_buf *out)
{
    return db->engine->get(db, key, out);
}

static inline int db_scan(struct db *db, struct fog_bytes prefix, struct fog_bytes from,
                          size_t limit,
                          bool (*each)(void *arg, struct fog_bytes key, struct fog_bytes value),
                          void *arg)
{
    return db->engine->scan(db, prefix, from, limit, each, arg);
}

/* Keys and values are copied. done (NULL: nobody waits) gets 0 once the batch is durable; batches
 * become durable in order. FOG_ELIMIT above DB_BATCH_MAX. */
static inline void db_batch(struct db *db, const struct db_op *ops, size_t n,
                            void (*done)(void *ctx, int err), void *ctx)
{
    db->engine->batch(db, ops, n, done, ctx);
}

/* Writes out what is queued; callbacks still to come are dropped. */
static inline void db_close(struct db **db)
{
    struct db *d = *db;

    *db = NULL;
    if (d != NULL)
        d->engine->close(d);
}

#endif
