/*
 * Port: durable ordered records, as small as the ledger, the house's books, the transaction journal
 * and the key process need them. node/ puts RocksDB or the router's engine behind it; store_file.h
 * is a log file for small sets; tests use a store that fails on demand.
 *
 * Calls are synchronous and belong to one thread at a time. A write that was asked to be durable
 * is on the disk when the call returns 0; without that it may be lost in a crash, but always
 * together with everything written after it (a prefix of the writes survives).
 */
#ifndef FOG_CLAIM_STORE_H
#define FOG_CLAIM_STORE_H

#include "core/base/buf.h"

struct claim_write {
    struct fog_bytes key;
    struct fog_bytes value; /* p == NULL: delete */
};

/* Compare and set: the batch is applied only while the value of `key` is `expect` (p == NULL: there
 * is none). */
struct claim_guard {
    struct fog_bytes key;
    struct fog_bytes expect;
};

struct claim_store {
    void *arg;

    /* Appends the value to out; -ENOENT. */
    int (*get)(void *arg, struct fog_bytes key, struct fog_buf *out);

    /* All of the batch or none of it. FOG_ESTALE when the guard (may be NULL) does not hold. */
    int (*apply)(void *arg, const struct claim_write *writes, size_t n,
                 const struct claim_guard *guard, bool durable);

    /* Every record whose key begins with `prefix`, in order of keys, at the state of the call; the
     * views live during on_row. Stops with the first value other than 0 that on_row returns, and
     * returns it. on_row does not write. */
    int (*scan)(void *arg, struct fog_bytes prefix,
                int (*on_row)(void *row_arg, struct fog_bytes key, struct fog_bytes value),
                void *row_arg);
};

/* A batch under construction: copies what it is given. A zeroed struct is empty. */
struct claim_batch {
    struct fog_buf bytes;
    struct fog_buf rows; /* offsets, see store.c */
    size_t n;
};

void claim_batch_put(struct claim_batch *b, struct fog_bytes key, struct fog_bytes value);
void claim_batch_del(struct claim_batch *b, struct fog_bytes key);
/* Applies and empties; a batch of nothing is 0 without a call. */
int claim_batch_apply(struct claim_batch *b, const struct claim_store *s,
                      const struct claim_guard *guard, bool durable) FOG_MUST_CHECK;
void claim_batch_fini(struct claim_batch *b);

#endif
