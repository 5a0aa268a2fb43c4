/*
 * What a path of a release stands for, ready to serve: the decoded manifest and, built once per
 * variant and kind of host, the response header fields that do not change from request to request.
 *
 * Reference-counted, used by one loop. Owns copies of everything; immutable after creation but for
 * the header blocks, which are built when first needed.
 */
#ifndef FOG_EDGE_OBJECT_H
#define FOG_EDGE_OBJECT_H

#include "core/base/err.h"
#include "core/base/types.h"
#include "core/content/manifest.h"
#include "core/content/release.h"
#include "core/http/server.h" /* fog_http_header */
#include "edge/box_rules.h"

#define EDGE_ETAG_MAX  36 /* quotes around 32 characters, NUL */
#define EDGE_HEADS_MAX (FOG_RELEASE_HEADERS_MAX + 16)

/* Header fields of a 200; the first n_validators of them also go out with a 304. */
struct edge_head {
    size_t n;
    size_t n_validators;
    struct fog_http_header v[];
};

struct edge_object {
    unsigned refs;
    bool absent; /* proven: no such path in this release; the fields below are zero */
    enum edge_class class;
    uint32_t slot;
    struct fog_hash id; /* manifest id */
    struct fog_hash publisher_id;
    struct fog_manifest manifest;
    unsigned variants;             /* bit 1 << encoding */
    uint64_t sizes[FOG_ENCODINGS]; /* bytes of each variant */
    char etags[FOG_ENCODINGS][EDGE_ETAG_MAX];
    int64_t modified_s;    /* Unix seconds, -1 when unknown */
    struct fog_buf fields; /* the publisher's header fields: lp8 name, lp16 value */
    char *path;            /* canonical */
    size_t path_len;
    struct edge_head *heads[2][FOG_ENCODINGS]; /* [is box name][encoding] */
    size_t bytes; /* memory held, the header blocks included in advance */
};

/* `entry` and `manifest` are as found in the release; *manifest is taken over (zeroed). One
 * reference is the caller's. */
struct edge_object *edge_object_new(const struct fog_release_entry *entry,
                                    const struct fog_hash *publisher_id,
                                    struct fog_manifest *manifest);
struct edge_object *edge_object_new_absent(const struct fog_hash *publisher_id);

struct edge_object *edge_object_ref(struct edge_object *o);
void edge_object_unref(struct edge_object **o);

/* The header block of a variant that exists; lives as long as the object. */
const struct edge_head *edge_object_head(struct edge_object *o, enum fog_encoding encoding,
                                         bool box_name);

#endif
