/*
 * Inside of the store, shared by the files of storage/: the struct, one change at a time (txn), and
 * what objects.c, evict.c, pin.c, read.c and fill.c call of each other. Nothing outside storage/
 * and its tests includes this.
 */
#ifndef FOG_STORAGE_STORE_H
#define FOG_STORAGE_STORE_H

#include "storage/kv.h"
#include "storage/pool.h"
#include "storage/ram.h"
#include "storage/schema.h"
#include "storage/storage.h"

#include <pthread.h>

struct storage_ns {
    struct storage *st;
    struct storage_ns *next;
    enum kv_cf cf;
    uint8_t prefix[2 + 32]; /* 's' ‖ lp8 name; empty for the ledger */
    size_t prefix_len;
    char name[33];
};

/* Figures that many threads bump. */
struct storage_figures {
    _Atomic uint64_t puts, evicted, evicted_bytes, expired, ram_hits, disk_reads, misses, corrupt;
};

struct storage {
    struct kv *kv;
    struct storage_config cfg;
    char *dir; /* NULL: in memory */
    uint64_t usable_bytes;
    uint64_t engine_bytes; /* what the engine's log, compaction and small files may take */

    /* One change at a time. Guards totals (also while a txn is open) and the space watch. */
    pthread_mutex_t lock;
    struct totals totals;
    uint64_t since_watch_bytes; /* written since the directory was measured */
    uint64_t dead_bytes;        /* of extents that lost their place since the last reclaim */
    uint64_t reclaim_from;      /* place where the next look for dead tables begins */

    /* Copy of totals for storage_stat, which must not wait for a commit. */
    pthread_mutex_t shown_lock;
    struct totals shown;

    _Atomic int health; /* enum storage_health */
    struct storage_figures fig;

    /* Second chance: one bit per hash of an id, set when the object is read. */
    _Atomic uint64_t *used_bits;
    uint64_t used_mask; /* number of bits - 1 */

    pthread_mutex_t ns_lock;
    struct storage_ns *spaces;

    struct ram_pool *mem;
    struct pool *pool;
    _Atomic uint64_t queued_bytes; /* bodies of puts under way */
};

/* open.c: a store over an engine that is open (tests bring their own); consumes kv in every case.
 */
int storage_open_kv(struct kv *kv, const struct storage_config *cfg,
                    struct storage **out) FOG_MUST_CHECK;

/* ---- used.c ---- */
void used_init(struct storage *st);
void used_mark(struct storage *st, const struct fog_hash *id);
/* Whether it was marked; clears the mark. */
bool used_take(struct storage *st, const struct fog_hash *id);

/* ---- txn.c: one atomic change ---- */

#define TXN_PUBLISHERS 64

struct txn_publisher {
    struct fog_hash id;
    int64_t bytes;
    int64_t objects;
};

/* Lives on the stack of the thread that holds st->lock. */
struct txn {
    struct storage *st;
    struct kv_batch *batch;
    struct totals totals;
    struct txn_publisher publishers[TXN_PUBLISHERS];
    size_t n_publishers;
    uint64_t dead_bytes;
};

void txn_begin(struct txn *x, struct storage *st);
/* Writes everything with the counters, or nothing. Ends the txn in every case. A failed write
 * stops all later ones (storage_health). */
int txn_commit(struct txn *x, bool sync) FOG_MUST_CHECK;
void txn_abort(struct txn *x);
/* After a failed write: STORAGE_READ_ONLY. */
void storage_stop_writing(struct storage *st, int rc);

void txn_put(struct txn *x, enum kv_cf cf, const struct schema_key *key, struct fog_bytes value);
void txn_del(struct txn *x, enum kv_cf cf, const struct schema_key *key);

/* Whether eviction may take it when it is not pinned. */
bool object_is_cache(uint8_t kind);

/* Counts the object in (sign 1) or out (-1). Call with the meta as it is then. */
void txn_count(struct txn *x, const struct schema_name *name, const struct meta *m, int sign);

/* Gives it its rows in the eviction and expiry orders (when nothing protects it), or takes them
 * away; changes m. */
void txn_line_up(struct txn *x, const struct schema_name *name, struct meta *m);
void txn_step_out(struct txn *x, const struct schema_name *name, struct meta *m);

/* Gives the object a new place for its extents, or marks the one it has as dead. */
void txn_take_place(struct txn *x, const struct schema_name *name, struct meta *m);
void txn_leave_place(struct txn *x, const struct meta *m);

/* Writes the record; `body` is the inline one (empty when it has extents). */
void txn_put_meta(struct txn *x, const struct schema_name *name, const struct meta *m,
                  struct fog_bytes body);

/* Deletes everything of an object but its pins, and counts it out. */
int txn_remove(struct txn *x, const struct schema_name *name, const struct meta *m) FOG_MUST_CHECK;

/* ---- objects.c ---- */

/* Any thread. *own must be released (kv_value_done); body views it. */
int object_meta(struct storage *st, const struct schema_name *name, struct meta *m,
                struct fog_bytes *body, struct kv_value *own) FOG_MUST_CHECK;

/* What a put brings: `parts` are the extents (or the whole body as one part), already verified. */
struct object_put {
    struct schema_name name;
    uint64_t len;
    const struct fog_bytes *extents; /* schema_extents(len) of them */
    const struct fog_hash *leaves;   /* of a chunk */
    unsigned n_leaves;
    struct storage_attr attr;
    uint32_t gen; /* versioned kinds */
    uint64_t seq;
    bool sync;
};

int object_store(struct storage *st, const struct object_put *put) FOG_MUST_CHECK;

/* Drops an object whose bytes were found to be damaged, unless it was replaced meanwhile. The first
 * with st->lock, the second without. */
int object_drop_locked(struct storage *st, const struct schema_name *name, uint64_t place,
                       const char *what) FOG_MUST_CHECK;
void object_drop_corrupt(struct storage *st, const struct schema_name *name, uint64_t place,
                         const char *what);

/* 0 or FOG_EVERIFY/FOG_ERANGE: the body is what kind and id name; fills leaves for a chunk. */
int object_verify(uint8_t kind, const struct fog_hash *id, struct fog_bytes body,
                  struct fog_hash leaves[FOG_CHUNK_LEAVES], unsigned *n_leaves) FOG_MUST_CHECK;

/* ---- evict.c ---- */

/* With st->lock: room for `need` more charged bytes, by evicting. FOG_EQUOTA. */
int evict_for(struct storage *st, uint64_t need) FOG_MUST_CHECK;

/* ---- space.c ---- */

/* With st->lock, before a write of so many bytes: -ENOSPC by health; measures the directory now and
 * then, and reclaims what is dead when it comes near the quota. */
int space_check(struct storage *st, uint64_t need) FOG_MUST_CHECK;

/* ---- reclaim.c ---- */

/* With st->lock: gives back at least want_bytes, if that much is dead: tables without life first;
 * with `move`, also those with little life, whose objects move to new places. */
int reclaim(struct storage *st, uint64_t want_bytes, bool move) FOG_MUST_CHECK;

/* ---- pin.c ---- */

/* How many pins the object has. */
int pin_count(struct storage *st, const struct schema_name *name, uint32_t *out) FOG_MUST_CHECK;

/* ---- extent.c: what a worker reads from disk ---- */

/* Chunks: extent number `extent` of the chunk of length want_len. Other kinds: the whole object
 * (want_len and extent ignored). Verified. */
int extent_load(struct storage *st, const struct schema_name *name, uint32_t want_len,
                unsigned extent, struct ram_extent **out) FOG_MUST_CHECK;

/* ---- loop.c ---- */

/* Somebody who waits on the loop, for a read or a put. Stands in the list of what he waits for;
 * leaving the list is all that cancelling takes. */
struct storage_op {
    struct fog_link link;
    uint32_t offset; /* of a read: in the chunk */
    storage_read_fn on_read;
    storage_done_fn on_done;
    void *arg;
    struct storage_op **self; /* the holder's pointer, cleared before the callback; may be NULL */
};

#define STORAGE_LOOP_MAGIC 0x53744c70u

struct storage_loop {
    uint32_t magic;
    struct storage *st;
    struct pool_port *port;
    struct ram *ram;
    size_t ram_limit;
    struct fog_map *reads; /* ram_key -> struct waits of the read under way */
    struct fog_map *fills; /* chunk id -> struct storage_fill, until its put is done */
    struct fog_list waits; /* of all jobs under way */
};

/* Who waits for one job. Belongs to the loop and not to the job, because the job may be on a worker
 * when the loop goes. */
struct waits {
    struct fog_link link; /* in the loop's list */
    struct fog_list ops;
    uint64_t len; /* of the chunk that is read */
};

struct waits *waits_new(struct storage_loop *sl);
/* Those who still wait are dropped without a callback. */
void waits_free(struct waits **w);

struct storage_op *op_new(struct fog_list *list, void *arg, struct storage_op **self);
/* Ends the op and calls back: a slice of e from the op's offset on when rc is 0. */
void op_finish_read(struct storage_op *op, int rc, struct ram_extent *e);
void op_finish_put(struct storage_op *op, int rc);
/* All of the list, without a callback. */
void ops_drop(struct fog_list *list);

void piece_fill(struct storage_piece *out, struct ram_extent *e, uint32_t offset);

/* ---- put.c ---- */

/* A put on its way through a worker: a body, or the extents of a fill. */
struct put_job {
    struct pool_job job;
    struct storage *st;
    struct schema_name name;
    struct fog_buf body;
    uint32_t len;
    struct ram_extent *extents[FOG_CHUNK_SIZE / FOG_EXTENT_SIZE];
    struct storage_attr attr;
    bool sync;
    int rc;
    struct waits *waits;       /* loop only */
    struct storage_fill *fill; /* loop only: to be told; NULL: none */
};

struct put_job *put_job_new(struct storage *st, uint8_t kind, const struct fog_hash *id,
                            uint32_t len, const struct storage_attr *attr, bool sync);
/* fn may be NULL. FOG_EBUSY: the queue is full and the job is still the caller's. */
int put_job_send(struct storage_loop *sl, struct put_job *job, storage_done_fn fn, void *arg,
                 struct storage_op **op) FOG_MUST_CHECK;
void put_job_free(struct put_job *job);

/* ---- fill.c ---- */

/* The fill of that chunk, running or on its way to disk; or NULL. */
struct storage_fill *fill_find(struct storage_loop *sl, const struct fog_hash *id);
/* Answers from the fill (0), or waits (STORAGE_LATER). -ENOENT: other length. */
int fill_read(struct storage_fill *fill, const struct fog_chunk_ref *ref, uint32_t offset,
              struct storage_piece *out, storage_read_fn fn, void *arg, struct storage_op **op);
/* Its put is done (or never will be). */
void fill_on_stored(struct storage_fill *fill);
/* With the loop. */
void fill_drop(struct storage_fill *fill);

#endif
