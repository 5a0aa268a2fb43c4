/*
 * What a release consists of: every chunk, manifest and page by id, once, and where its bytes come
 * from. Hashes files and makes coded variants; does not talk to anybody.
 */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include "cli/scan.h"
#include "core/base/map.h"
#include "core/content/manifest.h"

/* Files above this are not compressed: coded forms are made in memory. */
#define PLAN_CODED_MAX ((uint64_t)16 << 20)

struct plan_object {
    enum fog_kind kind;
    struct fog_hash id;
    uint32_t len;
    bool missing;             /* at the fog */
    enum fog_encoding coding; /* of a chunk of a file */
    size_t file;              /* chunk: of which file */
    uint64_t offset;          /* chunk: in the (coded) file; else in `bodies` */
};

struct plan {
    const struct scan *scan;
    struct plan_object *objects;
    size_t n, cap;
    struct fog_map *seen;
    struct fog_buf bodies;      /* manifests and pages, one after the other */
    struct fog_hash *manifests; /* per file */
    struct fog_ref root;
    uint64_t bytes; /* of all objects */
    char problem[1200];
    /* the coded file used last, kept because its chunks come in order */
    struct fog_buf coded;
    size_t coded_file;
    enum fog_encoding coded_as;
};

/* Reads all files; on_progress is called now and then with the bytes hashed so far. Errors of
 * reading, FOG_ELIMIT; p->problem says where. plan_fini in any case. */
int plan_make(struct plan *p, const struct scan *s, void (*on_progress)(uint64_t bytes, void *arg),
              void *arg) FOG_MUST_CHECK;
void plan_fini(struct plan *p);

/* Bytes of an object, appended, checked against its id. FOG_ESTALE when the file changed since it
 * was hashed. */
int plan_read(struct plan *p, size_t object, struct fog_buf *out) FOG_MUST_CHECK;

#endif
