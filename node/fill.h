/*
 * Getting content that the store lacks from other holders (PROTOCOL 2 and 4): leaf by leaf for
 * chunks, whole for manifests and pages. One engine per loop; one fill of a chunk per process,
 * however many wait for it on however many loops.
 *
 * Holders are asked in the order of peers_candidates(). One that is slow to begin is raced by the
 * next, one that stalls is left and the next goes on from the leaf that is wanted. Bytes that do
 * not verify are never stored or shown to anybody: the peer is distrusted and reported.
 */
#ifndef FOG_NODE_FILL_H
#define FOG_NODE_FILL_H

#include "core/base/list.h"
#include "core/content/leaf.h"
#include "node/links.h"
#include "node/peers.h"

struct fill;
struct fill_table;
struct fog_loop;
struct storage_loop;

#define FILL_FIRST_MS 1000 /* no byte after that: the next holder is asked as well */
#define FILL_STALL_MS 2500 /* no progress for that long: on to the next */

/* A peer gave bytes that do not verify. */
struct fill_lie {
    uint8_t peer[32];
    struct fog_chunk_ref chunk;
    uint32_t leaf;
    struct fog_hash expected;
    struct fog_hash got;
};

/* Which loop fills which chunk; shared by the engines of a process. */
struct fill_table *fill_table_new(void);
void fill_table_free(struct fill_table **t);

struct fill_conf {
    struct fog_loop *loop;
    struct storage_loop *store;
    struct links_loop *links;
    struct peers *peers;
    struct fill_table *table;
    /* Any thread: on the engine's loop. */
    void (*on_lie)(void *arg, const struct fill_lie *lie);
    void *arg;
};

struct fill *fill_new(const struct fill_conf *conf);
/* After the loop has ended; nobody is called. */
void fill_free(struct fill **f);

/* What is wanted and for whom; copied. */
struct fill_want {
    struct fog_hash pg;           /* where to look for holders */
    struct fog_hash publisher;    /* whose account is charged; zero: nobody's */
    const uint8_t (*sources)[32]; /* keys to ask first; may be NULL */
    size_t n_sources;
};

/* Embedded in the caller's object while it waits. */
struct fill_wait {
    struct fog_link link;
    /* err 0: see the function. Once; never from inside the call that began the wait. */
    void (*on_done)(struct fill_wait *w, int err);
    struct fog_slice body; /* fill_object: the receiver's */
};

/* Done when storage_read of the chunk on this loop will answer (`stored` false), or when it is on
 * the disk (`stored` true; with `sync` also after a power cut). */
void fill_chunk(struct fill *f, const struct fog_chunk_ref *ref, const struct fill_want *want,
                bool stored, bool sync, struct fill_wait *w);

/* A manifest or a page. Done with its bytes in w->body; it is put into the store as well, and with
 * `stored` that has happened, durably. */
void fill_object(struct fill *f, uint8_t kind, const struct fog_hash *id,
                 const struct fill_want *want, bool stored, struct fill_wait *w);

/* No callback follows; the fill itself goes on. */
void fill_unwait(struct fill_wait *w);

struct fill_stats {
    uint64_t chunks, objects; /* filled */
    uint64_t bytes;           /* of verified content received */
    uint64_t lies;
    uint64_t failed; /* no holder had it */
};
const struct fill_stats *fill_stats(const struct fill *f);

#endif
