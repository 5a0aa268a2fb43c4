/*
 * A published site in memory: objects by kind and id, built as a client would build them, and the
 * pointer to the newest release. For tests of the edge; knows nothing of ports and requests.
 */
#ifndef FOG_TESTS_LIB_EDGE_STORE_H
#define FOG_TESTS_LIB_EDGE_STORE_H

#include "core/base/buf.h"
#include "core/base/map.h"
#include "core/content/manifest.h"
#include "core/content/release.h"
#include "edge/source.h"

struct edge_store {
    struct fog_map *objects; /* kind, id -> struct fog_buf */
    struct edge_pointer pointer;
    struct fog_buf kept[16]; /* edge_store_bytes */
    size_t n_kept;
};

void edge_store_init(struct edge_store *s);
void edge_store_fini(struct edge_store *s);

/* NULL when it is not there. */
const struct fog_buf *edge_store_get(const struct edge_store *s, enum fog_kind kind,
                                     const struct fog_hash *id);

struct world_file {
    const char *path;
    const char *media_type;
    struct fog_bytes bytes;
    bool compress;              /* with zstd and gzip variants */
    const char *header, *value; /* NULL, or a header field of the publisher */
};

/* Puts a release together and moves the pointer to it. */
void edge_store_publish(struct edge_store *s, const struct world_file *files, size_t n,
                        fog_time_ms hub_ms);

/* Deterministic bytes, at most 16 different calls. */
struct fog_bytes edge_store_bytes(struct edge_store *s, size_t len, uint64_t seed);

#endif
