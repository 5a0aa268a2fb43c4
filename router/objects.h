/*
 * Port to the storage role of the same process: where uploaded content goes and release pages come
 * from. Storage verifies what enters it. Same calling rules as ports.h.
 */
#ifndef FOG_ROUTER_OBJECTS_H
#define FOG_ROUTER_OBJECTS_H

#include "core/base/err.h"
#include "core/base/types.h"

/* kind: core/content object kinds (CHUNK 1, MANIFEST 2, PAGE 3). len: of the object; 0 for unknown
 * (manifests and pages). */
struct router_ref {
    uint8_t kind;
    struct fog_hash id;
    uint32_t len;
};

struct router_objects {
    void *arg;
    /* present[i] of each ref; `present` lives until done returns. */
    void (*has)(void *arg, const struct router_ref *refs, size_t n,
                void (*done)(void *ctx, int err, const bool *present), void *ctx);
    /* Verifies and stores durably: done(0) only when a crash cannot lose it. FOG_EVERIFY for bytes
     * that are not the object, FOG_EQUOTA when the store is full. Bytes are borrowed until done.
     * New objects are held for at least an hour, so that a release that is being uploaded is not
     * evicted. */
    void (*put)(void *arg, const struct router_ref *ref, struct fog_bytes bytes,
                void (*done)(void *ctx, int err), void *ctx);
    /* Its bytes, borrowed until done returns (chunks: ref->len is set; playlists are read this
     * way). -ENOENT. */
    void (*get)(void *arg, const struct router_ref *ref,
                void (*done)(void *ctx, int err, struct fog_bytes bytes), void *ctx);
    /* This instance holds exactly these objects for the group from now on (manifests mean their
     * chunks); n = 0 lets go. Durable when done. */
    void (*hold)(void *arg, const struct fog_hash *pg, const struct router_ref *refs, size_t n,
                 void (*done)(void *ctx, int err), void *ctx);
};

#endif
