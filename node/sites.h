/*
 * The sites this process knows: for each the newest verified pointer, kept durably, and when a hub
 * last vouched for it. One table per process. The control loop brings news; serving loops look up,
 * and are told when a site changed.
 */
#ifndef FOG_NODE_SITES_H
#define FOG_NODE_SITES_H

#include "core/base/list.h"
#include "core/content/names.h"
#include "core/crypto/sign.h"
#include "edge/source.h"

struct fog_loop;
struct sites;
struct storage;
struct storage_loop;

#define SITES_MAX       65536
#define SITES_ABSENT_MS 3000 /* an unknown site is not asked for again that long */

struct sites_conf {
    struct fog_hash fog_id;
    struct storage *store;              /* blocking calls are made on its workers */
    struct storage_loop *control_store; /* of the control loop */
    struct fog_loop *control;
    fog_time_ms (*hub_ms)(void *arg);
    void *hub_arg;
    /* Router instances: what they know is the newest by definition. */
    bool own;
    /* A site nobody here knows: asks a hub (control loop). NULL: there is nobody to ask. */
    void (*ask)(void *arg, const struct fog_site_id *site);
    void *ask_arg;
};

/* Reads what the store has (blocking). */
int sites_new(const struct sites_conf *conf, struct sites **out) FOG_MUST_CHECK;
/* After the store was closed: its workers may still write a pointer of ours. */
void sites_free(struct sites **s);

/* Control loop. A pointer with what proves it; delegate may be empty. Verified here: 0, FOG_ESTALE
 * (older than known; same is 0), or why it is refused. */
int sites_take(struct sites *s, const struct fog_site_id *site, struct fog_bytes pointer,
               struct fog_bytes keydoc, struct fog_bytes delegate) FOG_MUST_CHECK;
/* Control loop. The map keys of the router instances, whose word on freshness counts. */
#define SITES_HUBS 32
void sites_set_hubs(struct sites *s, const struct fog_pub *keys, size_t n);
/* Control loop. A hub's signed word that a pointer is the newest. FOG_EVERIFY when no instance
 * signed it; a word about another version than the one known here changes nothing. */
int sites_fresh(struct sites *s, struct fog_bytes fresh) FOG_MUST_CHECK;
/* Control loop. The hub does not know the site either. */
void sites_refused(struct sites *s, const struct fog_site_id *site);

/* A serving loop's view. `changed` is called on its loop. */
struct sites_loop;
struct sites_loop *sites_loop_new(struct sites *s, struct fog_loop *loop,
                                  void (*changed)(void *arg, const char *site), void *arg);
void sites_loop_free(struct sites_loop **sl);

struct sites_wait {
    struct fog_link link;
    struct fog_site_id site;
    void (*on_done)(struct sites_wait *w, int err);
};

/* 0; -ENOENT: no such site; -EINPROGRESS: a hub is asked, on_done follows on this loop (0: look
 * again). */
int sites_get(struct sites_loop *sl, const char *label, struct edge_pointer *out,
              struct sites_wait *w) FOG_MUST_CHECK;
void sites_unwait(struct sites_wait *w);

/* Publisher of a site by label, for accounting; false when unknown. Any thread. */
bool sites_publisher(struct sites *s, const struct fog_site_id *site, struct fog_hash *out);
size_t sites_count(struct sites *s);

#endif
