/*
 * Port: where the edge's bytes come from. node/ fills it in over storage (RAM tier, disk, fill from
 * peers); tests fill it in over memory. One port object per edge instance, that is per loop: every
 * function is called on that loop's thread and every answer is given there.
 *
 * The implementation verifies: an object has the id it was asked for, a slice of a chunk is proved
 * against the chunk's id. The edge checks no hash again.
 *
 * Asynchronous form: a function returns 0 (answer is in *out now; the common case), -EINPROGRESS
 * (op->on_done is called later, never from inside the call), or another negative code (no answer,
 * no callback). After cancel() on_done is not called. An op is embedded in the caller's object and
 * is used for one request at a time.
 */
#ifndef FOG_EDGE_SOURCE_H
#define FOG_EDGE_SOURCE_H

#include "core/base/err.h"
#include "core/base/types.h"
#include "core/content/leaf.h" /* fog_ref, fog_chunk_ref, fog_kind */

#define EDGE_LABEL_MAX 64 /* a DNS label with its NUL */

/* Where a piece came from, for Cache-Status. */
enum edge_from { EDGE_FROM_RAM, EDGE_FROM_DISK, EDGE_FROM_PEER, EDGE_FROM_ORIGIN };

/* What is known of a site. `as_of_ms` (hub time): when a hub last vouched that this is the newest;
 * past as_of_ms + max_stale_ms the edge serves nothing of it. */
struct edge_pointer {
    struct fog_hash publisher_id;
    struct fog_ref table; /* root page of the release */
    uint32_t gen;
    uint64_t seq;
    fog_time_ms issued_ms;
    fog_time_ms as_of_ms;
    fog_time_ms max_stale_ms;
};

/* Helps the source to find holders and to account; says nothing about trust. */
struct edge_hints {
    const char *site; /* site label, borrowed during the call */
    struct fog_hash publisher_id;
    uint32_t slot;
};

/* A piece of content. The slice is the receiver's: fog_slice_done when it is no longer needed. */
struct edge_data {
    struct fog_slice bytes;
    enum edge_from from;
};

struct edge_op {
    /* err 0: the answer is in the `out` that was given with the request. */
    void (*on_done)(struct edge_op *op, int err);
    void *token; /* the source's while the op runs */
};

struct edge_source {
    void *arg;

    /* The newest pointer of a site of a contracted publisher. -ENOENT: no such site here (also: its
     * publisher has no contract). Called about once a second per busy site, and after
     * edge_pointer_changed(). */
    int (*pointer)(void *arg, const char *site, struct edge_op *op, struct edge_pointer *out);

    /* A whole manifest or release page; `size` 0 when unknown. -ENOENT: nobody known has it. */
    int (*object)(void *arg, enum fog_kind kind, const struct fog_hash *id, uint64_t size,
                  const struct edge_hints *hints, struct edge_op *op, struct edge_data *out);

    /* Verified bytes of a chunk from `offset` (< length) on: at least one, as many as are at hand
     * without a copy (a leaf while a fill runs, up to an extent of 256 KiB when stored). A RAM hit
     * answers at once and allocates nothing. */
    int (*read)(void *arg, const struct fog_chunk_ref *chunk, uint32_t offset,
                const struct edge_hints *hints, struct edge_op *op, struct edge_data *out);

    /* Gives up an op that is -EINPROGRESS. A fill that others wait for goes on. */
    void (*cancel)(void *arg, struct edge_op *op);
};

#endif
