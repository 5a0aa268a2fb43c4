/*
 * Site label and path -> object: pointer, release pages, manifest, each asked for once however many
 * requests wait for it (collapsing), results kept under a byte budget (SIEVE). Absence that the
 * release proves is a result too; failures are not kept.
 *
 * Used by one loop. Owns the look-ups that run; the requests own their struct edge_lookup.
 */
#ifndef FOG_EDGE_SITE_H
#define FOG_EDGE_SITE_H

#include "core/base/list.h"
#include "edge/edge.h"
#include "edge/object.h"

struct edge_sites;

struct edge_sites_conf {
    struct fog_loop *loop;
    const struct edge_source *source;
    size_t budget_bytes;
    uint8_t seed[16]; /* of the hash maps */
    fog_time_ms pointer_ttl_ms;
    fog_time_ms (*hub_ms)(void *arg);
    void *hub_arg;
    struct edge_stats *stats; /* site_hit, site_miss, site_bytes */
};

struct edge_sites *edge_sites_new(const struct edge_sites_conf *conf);
void edge_sites_free(struct edge_sites **s); /* no look-up may be running for a request */

/* One look-up of one request. The caller sets on_done; the rest is filled in. */
struct edge_lookup {
    /* err 0: obj and publisher_id are set. Not called after edge_lookup_cancel. */
    void (*on_done)(struct edge_lookup *l, int err);
    struct edge_object *obj; /* the receiver's reference; may be `absent`; NULL for an empty path */
    struct fog_hash publisher_id;
    /* private */
    struct fog_link link;
    struct edge_sites *sites;
    struct site_entry *entry;
    const char *site;
    struct fog_bytes path;
};

/* `label` (of a site) and `path` (canonical) stay valid while the look-up runs. An empty path
 * asks for the site alone. 0 (done now), -EINPROGRESS (on_done follows), -ENOENT (no such site
 * here), FOG_EEXPIRED (the pointer is older than max_stale), FOG_ERANGE (no release can hold such a
 * path), or what the source failed with. */
int edge_lookup_start(struct edge_sites *s, const char *label, struct fog_bytes path,
                      struct edge_lookup *l) FOG_MUST_CHECK;
void edge_lookup_cancel(struct edge_lookup *l); /* does nothing when it does not run */

/* The next look-up asks the source for the pointer. */
void edge_sites_pointer_changed(struct edge_sites *s, const char *label);

#endif
