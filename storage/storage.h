/*
 * The store of a box: chunks, manifests, release pages, key documents, delegates, pointers, and
 * small durable records of other roles.
 *
 * Owns the directory it was opened on (one process at a time), the disk quota, the worker threads,
 * and one RAM tier per attached loop. Never talks to the network, never decides what should be
 * stored where, never asks a clock.
 *
 * What holds (DESIGN 3, PROTOCOL 2):
 *  - Everything is verified on entry; a read from disk is verified before it is handed out.
 *  - An acknowledged change survives kill -9 at any moment, and a power cut when `sync` was asked.
 *  - The directory stays within quota_bytes: space is made by evicting objects that nobody pinned
 *    (oldest first, used ones get a second chance), else the answer is FOG_EQUOTA.
 *  - Counters change in the same write as the data and are never recomputed by a walk.
 *
 * Three kinds of calls, by the thread they belong to:
 *  - "blocking": any thread but a serving loop (tools, tests, start-up, inside storage_submit).
 *  - "loop": the thread of the loop that the storage_loop was made for; never block.
 *  - "any": any thread, never blocks on the disk.
 *
 * Errors: -ENOENT not stored; FOG_EVERIFY content does not match its name; FOG_EQUOTA nothing left
 * to evict; FOG_EBUSY queue or memory is full, ask again later; FOG_ECORRUPT what was stored is
 * damaged (it has been dropped: fetch it again); -ENOSPC, -EIO the disk failed (storage_state says
 * more).
 */
#ifndef FOG_STORAGE_H
#define FOG_STORAGE_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/types.h"
#include "core/content/leaf.h"

struct fog_loop;
struct storage;
struct storage_loop;
struct storage_op;
struct storage_fill;
struct storage_ns;
struct storage_batch;

/* Object kinds are those of core/content/leaf.h. CHUNK, MANIFEST and PAGE are named by their hash
 * and verified by it; KEYDOC, DELEGATE and POINTER are named by their owner and versioned by (gen,
 * seq), verified by the caller before they get here, and never evicted. */
#define STORAGE_KINDS 7 /* array size that a kind indexes */

/* ---- opening ---- */

struct storage_config {
    const char *dir;      /* created when missing; NULL: in memory, for tests */
    uint64_t quota_bytes; /* hard limit of the directory; at least 128 MiB on disk */
    unsigned workers;     /* threads for disk work; 0: 2 */
    uint32_t queue_bytes; /* bodies of puts that wait or run; 0: 16 MiB */
    bool skip_leaf_check; /* reads from disk trust the block checksum (XXH3) alone */
};

/* Blocking. Opens or creates; migrates older schemas. FOG_EBUSY: another process has it open.
 * FOG_EVERSION: written by a newer fogd. */
int storage_open(const struct storage_config *cfg, struct storage **out) FOG_MUST_CHECK;

/* Blocking. Every storage_loop must be gone. Flushes; after it nothing is lost even on power cut.
 */
void storage_close(struct storage **st);

/* ---- one loop's window on the store ---- */

/* `ram_bytes` is the budget of this loop's RAM tier; extents that readers still hold may exceed it
 * by at most STORAGE_READ_SLACK_BYTES, then reads are refused with FOG_EBUSY. */
#define STORAGE_READ_SLACK_BYTES ((size_t)16 << 20)
struct storage_loop *storage_loop_new(struct storage *st, struct fog_loop *loop, size_t ram_bytes);

/* Loop. Before the loop is freed. Outstanding operations are cancelled without a callback; open
 * fills must be gone; slices handed out stay valid until they are released. */
void storage_loop_free(struct storage_loop **sl);

struct storage *storage_of(struct storage_loop *sl);

/* Cancels: its callback will not come. *op is cleared before every callback too, so it is safe to
 * call with NULL inside. What is under way on a worker still completes (a put may be stored). */
void storage_cancel(struct storage_op **op);

/* Positive return of the calls below: the callback will come, on the loop, never from inside the
 * call. 0 or an error: no callback. */
#define STORAGE_LATER 1

/* ---- reading ---- */

/* Verified bytes. `slice` belongs to the receiver (fog_slice_done releases it, on any thread, the
 * last one frees); p is 64-byte aligned when the read began at an extent. `leaves` is the chunk's
 * leaf hash list, valid as long as the slice is held; NULL for other kinds. */
struct storage_piece {
    struct fog_slice slice;
    const struct fog_hash *leaves;
    unsigned n_leaves;
};

/* rc 0: *piece is the receiver's; else *piece is empty. */
typedef void (*storage_read_fn)(int rc, struct storage_piece *piece, void *arg);

/* Loop. Bytes of a chunk from `offset` to the end of the 256 KiB extent that holds it (less while
 * the chunk is still being filled: to the last verified leaf). 0: in RAM, *out is filled.
 * STORAGE_LATER: from disk or from a running fill. A stored
 * chunk of another length than ref's is -ENOENT. offset < ref->len, or both 0. `op` may be NULL.
 */
int storage_read(struct storage_loop *sl, const struct fog_chunk_ref *ref, uint32_t offset,
                 struct storage_piece *out, storage_read_fn fn, void *arg, struct storage_op **op);

/* Loop. A whole object of another kind (small: manifest, page, key document, pointer). */
int storage_get(struct storage_loop *sl, uint8_t kind, const struct fog_hash *id,
                struct storage_piece *out, storage_read_fn fn, void *arg, struct storage_op **op);

/* Blocking. A whole object of any kind, verified; replaces the contents of *out. */
int storage_get_sync(struct storage *st, uint8_t kind, const struct fog_hash *id,
                     struct fog_buf *out) FOG_MUST_CHECK;

/* ---- writing ---- */

struct storage_attr {
    struct fog_hash publisher;  /* whose account is charged; zero: nobody's */
    struct fog_hash pg;         /* placement group it belongs to; zero: none */
    fog_time_ms expires_hub_ms; /* 0: never */
    uint8_t use_class;          /* kept for the caller */
};

typedef void (*storage_done_fn)(int rc, void *arg);

/* Blocking. Stores an object named by its hash. Already there: 0, and it joins attr's placement
 * group too. `sync`: survives a power cut as well. `attr` may be NULL. */
int storage_put_sync(struct storage *st, uint8_t kind, const struct fog_hash *id,
                     struct fog_bytes body, const struct storage_attr *attr,
                     bool sync) FOG_MUST_CHECK;

/* Loop. The same on a worker; takes *body (left empty) unless it fails at once. STORAGE_LATER or an
 * error, never 0. */
int storage_put_take(struct storage_loop *sl, uint8_t kind, const struct fog_hash *id,
                     struct fog_buf *body, const struct storage_attr *attr, bool sync,
                     storage_done_fn fn, void *arg, struct storage_op **op) FOG_MUST_CHECK;

/* Blocking. Stores a versioned object (KEYDOC, DELEGATE, POINTER) under the caller's 32-byte name,
 * which the caller has verified. (gen, seq) never goes back: lower is FOG_ESTALE; the same version
 * with the same bytes is 0, with other bytes FOG_EREPLAY. */
int storage_put_named_sync(struct storage *st, uint8_t kind, const struct fog_hash *name,
                           uint32_t gen, uint64_t seq, struct fog_bytes body,
                           const struct storage_attr *attr, bool sync) FOG_MUST_CHECK;

/* Blocking. Forgets an object whether pinned or not. -ENOENT when it is not there. */
int storage_delete(struct storage *st, uint8_t kind, const struct fog_hash *id) FOG_MUST_CHECK;

/* Blocking. Deletes up to `max` unpinned objects whose expiry is <= hub_ms; the count is returned,
 * or an error. Cost is proportional to what is deleted. */
int storage_expire(struct storage *st, fog_time_ms hub_ms, unsigned max) FOG_MUST_CHECK;

/* Loop. Runs work(arg) on a worker thread, where the blocking calls are allowed, then done(arg) on
 * the loop. FOG_EBUSY when too much waits. When the storage_loop goes first, done is not called and
 * work may still run until storage_close: whoever frees the loop with work outstanding keeps arg
 * until then. */
int storage_submit(struct storage_loop *sl, void (*work)(struct storage *st, void *arg),
                   void (*done)(void *arg), void *arg) FOG_MUST_CHECK;

/* ---- filling a chunk leaf by leaf while others read it ---- */

/* Loop. Checks the leaf list against the id (FOG_EVERIFY). -EEXIST: this loop is filling that chunk
 * already: just read it. FOG_EBUSY: no memory for it now. From now on
 * storage_read of the chunk on this loop waits for the fill instead of the disk. */
int storage_fill_begin(struct storage_loop *sl, const struct fog_chunk_ref *ref,
                       const struct fog_hash *leaves, unsigned n_leaves,
                       const struct storage_attr *attr, struct storage_fill **out) FOG_MUST_CHECK;

/* The next leaf wanted: what a resumed transfer asks its source for. Equal to the number of leaves
 * when complete. */
unsigned storage_fill_next(const struct storage_fill *fill);

/* Loop. The next leaf, whole. FOG_EVERIFY: the source lied or the path is broken; the fill stays as
 * it was and may go on from another source. Readers that wait are called from here. */
int storage_fill_leaf(struct storage_fill *fill, struct fog_bytes leaf) FOG_MUST_CHECK;

/* Loop. All leaves are there: hands the chunk to a worker. Clears *fill in every case. fn may be
 * NULL; its rc says whether the chunk is stored (readers on this loop keep reading it from RAM for
 * as long as it stays there). FOG_EBUSY at once when the put queue is full: the chunk then lives in
 * RAM only. */
int storage_fill_commit(struct storage_fill **fill, bool sync, storage_done_fn fn,
                        void *arg) FOG_MUST_CHECK;

/* Loop. Gives up; readers that wait get `rc` (not 0). Accepts a cleared pointer. */
void storage_fill_abort(struct storage_fill **fill, int rc);

/* ---- what is there ---- */

struct storage_info {
    uint64_t len;
    uint32_t pins;
    uint32_t gen; /* versioned kinds */
    uint64_t seq;
    struct fog_hash publisher;
    fog_time_ms expires_hub_ms;
    uint8_t use_class;
};

/* Blocking (one small look-up). 0 or -ENOENT; `out` may be NULL. */
int storage_have(struct storage *st, uint8_t kind, const struct fog_hash *id,
                 struct storage_info *out) FOG_MUST_CHECK;

/* Return non-zero to stop; that value is returned by the walk. No store call may be made inside. */
typedef int (*storage_list_fn)(uint8_t kind, const struct fog_hash *id, uint64_t len, void *arg);

/* Blocking. By index, in order of (kind, id). `after_*`: where to go on (0 and NULL: from the
 * start). */
int storage_list_pg(struct storage *st, const struct fog_hash *pg, storage_list_fn fn,
                    void *arg) FOG_MUST_CHECK;
int storage_list_publisher(struct storage *st, const struct fog_hash *publisher, storage_list_fn fn,
                           void *arg) FOG_MUST_CHECK;

/* Blocking. The versioned objects of a kind (all pointers at start-up, for example). */
typedef int (*storage_named_fn)(const struct fog_hash *name, const struct storage_info *info,
                                struct fog_bytes body, void *arg);
int storage_list_named(struct storage *st, uint8_t kind, storage_named_fn fn,
                       void *arg) FOG_MUST_CHECK;

/* Blocking. The first placement group above `after` (NULL: the first of all). -ENOENT: no more. */
int storage_next_pg(struct storage *st, const struct fog_hash *after,
                    struct fog_hash *out) FOG_MUST_CHECK;

/* ---- pins ---- */

struct storage_ref {
    struct fog_hash id;
    uint8_t kind;
};

/* Blocking. Pins objects for (owner, reason): a pinned object is never evicted and does not expire.
 * Objects that are not there yet may be pinned: they are born pinned. Pinning twice is the same as
 * once. `owner` is any name of the caller's (a manifest id, a release root); reason 1-255. */
int storage_pin(struct storage *st, const struct fog_hash *owner, uint8_t reason,
                const struct storage_ref *refs, size_t n, bool sync) FOG_MUST_CHECK;

/* Blocking. The same, and what (owner, reason) pinned before and is not in refs is released: the
 * set becomes exactly refs. All or nothing up to 4096 changes; beyond that the new pins come first.
 */
int storage_pin_exact(struct storage *st, const struct fog_hash *owner, uint8_t reason,
                      const struct storage_ref *refs, size_t n, bool sync) FOG_MUST_CHECK;

/* Blocking. Removes everything that (owner, reason) pinned; 0 also when that was nothing. */
int storage_unpin(struct storage *st, const struct fog_hash *owner, uint8_t reason) FOG_MUST_CHECK;

/* ---- small durable records of other roles ---- */

/* Any. The namespace of that name (1-32 bytes of a-z 0-9 -), owned by the store. "ledger" has a
 * column family of its own. Not part of the quota: keep it small. */
struct storage_ns *storage_ns(struct storage *st, const char *name);

/* Blocking. Values up to 1 MiB, keys 1-512 bytes. */
int storage_ns_get(struct storage_ns *ns, struct fog_bytes key, struct fog_buf *out) FOG_MUST_CHECK;
int storage_ns_put(struct storage_ns *ns, struct fog_bytes key, struct fog_bytes value,
                   bool sync) FOG_MUST_CHECK;
int storage_ns_del(struct storage_ns *ns, struct fog_bytes key, bool sync) FOG_MUST_CHECK;

/* Blocking. Ordered walk over keys with the prefix, from `from` on (empty: the first); key and
 * value are valid during the call. Non-zero stops and is returned. Sees one moment in time. */
typedef int (*storage_ns_fn)(struct fog_bytes key, struct fog_bytes value, void *arg);
int storage_ns_scan(struct storage_ns *ns, struct fog_bytes prefix, struct fog_bytes from,
                    storage_ns_fn fn, void *arg) FOG_MUST_CHECK;

/* All or nothing over any number of keys and namespaces; never without WAL. Commit consumes the
 * batch in every case. */
struct storage_batch *storage_batch_new(struct storage *st);
void storage_batch_put(struct storage_batch *b, struct storage_ns *ns, struct fog_bytes key,
                       struct fog_bytes value);
void storage_batch_del(struct storage_batch *b, struct storage_ns *ns, struct fog_bytes key);
int storage_batch_commit(struct storage_batch **b, bool sync) FOG_MUST_CHECK;
void storage_batch_free(struct storage_batch **b);

/* ---- figures and state ---- */

enum storage_health {
    STORAGE_HEALTHY,
    STORAGE_DISK_FULL, /* the file system has no room: reads go on, puts get -ENOSPC until it has */
    STORAGE_READ_ONLY, /* a write failed: reads go on, puts get -EIO until the process restarts */
};

struct storage_stat {
    enum storage_health health;
    uint64_t quota_bytes;            /* the directory's limit */
    uint64_t usable_bytes;           /* of it for objects, after the engine's own reserve */
    uint64_t charged_bytes;          /* objects with their overhead; <= usable_bytes */
    uint64_t pinned_bytes;           /* of them not evictable */
    uint64_t bytes[STORAGE_KINDS];   /* bodies by kind */
    uint64_t objects[STORAGE_KINDS]; /* number by kind */
    uint64_t puts, evicted, evicted_bytes, expired;
    uint64_t ram_hits, disk_reads, misses, corrupt; /* since open, all loops */
    uint64_t ram_bytes;                             /* extents in memory now, all loops */
};

/* Any. */
void storage_stat(struct storage *st, struct storage_stat *out);

/* Blocking. What a publisher is charged for. 0 also for an unknown one. */
int storage_publisher_bytes(struct storage *st, const struct fog_hash *publisher, uint64_t *bytes,
                            uint64_t *objects) FOG_MUST_CHECK;

/* Blocking. Reads everything back, verifies it, and compares every counter and index with a full
 * walk. Only for tests and the tool: never part of running. Findings are appended to `report` as
 * lines; FOG_ECORRUPT when there are any. */
int storage_check(struct storage *st, struct fog_buf *report) FOG_MUST_CHECK;

/* `fogd store stat|check DIR` (the store must not be open elsewhere): text for people on stdout;
 * exit code 0, or 1 when something is wrong. */
int storage_tool_stat(const char *dir, uint64_t quota_bytes);
int storage_tool_check(const char *dir, uint64_t quota_bytes);

#endif
