/*
 * From a release to placement groups: which objects belong to which slot (PROTOCOL 2, Slot). Pure;
 * fed with pages, entries and manifests as they are read. Owns its lists.
 */
#ifndef FOG_ROUTER_PLAN_H
#define FOG_ROUTER_PLAN_H

#include "core/content/manifest.h"
#include "core/content/names.h"
#include "router/records.h"

#define PLAN_ENTRIES_MAX 200000
#define PLAN_CHUNKS_MAX  2000000
#define PLAN_TABLE_SLOT  UINT32_MAX /* the release's own pages */
#define PLAN_WHOLE       0          /* length of a manifest's ref: itself and its chunks */
#define PLAN_BYTES       1          /* its own bytes alone */

struct plan;

/* One distinct pair of manifest and slot. */
struct plan_entry {
    struct fog_hash manifest;
    uint32_t slot;
    const char *path; /* the first that names it */
};

struct plan *plan_new(const struct fog_site_id *site);
void plan_free(struct plan **p);

/* FOG_ELIMIT. */
int plan_add_page(struct plan *p, const struct fog_ref *page) FOG_MUST_CHECK;
int plan_add_entry(struct plan *p, struct fog_bytes path, const struct fog_hash *manifest,
                   uint32_t slot) FOG_MUST_CHECK;

/* After all entries: sorts, drops repeats. */
void plan_entries_done(struct plan *p);
size_t plan_n_entries(const struct plan *p);
const struct plan_entry *plan_entry(const struct plan *p, size_t i);

int plan_add_manifest(struct plan *p, size_t i, const struct fog_manifest *m) FOG_MUST_CHECK;

/* After all manifests: distinct chunks (to ask whether they are there). */
const struct router_ref *plan_chunks(struct plan *p, size_t *n);
/* The groups, ascending by slot; the caller takes the array (free) and each group's refs. */
struct record_group *plan_groups(struct plan *p, size_t *n);

#endif
