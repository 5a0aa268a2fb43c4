/*
 * One pointer being checked: a state machine over the object port. Part of publish.h.
 */
#ifndef FOG_ROUTER_PUBLISH_JOB_H
#define FOG_ROUTER_PUBLISH_JOB_H

#include "core/content/release.h"
#include "router/plan.h"
#include "router/publish.h"

#define JOB_IN_FLIGHT 32   /* manifests being read */
#define JOB_HAS_ROWS  4096 /* chunks asked for at once */

struct publish_job {
    struct fog_link link;
    struct router *r; /* NULL: the router is gone, late answers only free */
    void (*finished)(struct publish_job *j);
    struct publish_result res;
    void (*done)(void *ctx, const struct publish_result *res);
    void *ctx;
    struct fog_pointer pointer;
    struct fog_buf pointer_bytes, delegate;
    struct plan *plan;
    struct fog_release_walk *walk;
    struct fog_ref page; /* being read */
    size_t next;         /* manifest to ask for */
    unsigned in_flight;  /* answers still to come from the port */
    bool failed, pumping;
    void (*step)(struct publish_job *j); /* what to do next, see go() */
    size_t *playlists;                   /* entries to look into */
    size_t n_playlists, at_playlist;
    char type[64]; /* media type of the one being looked into */
    size_t at_chunk, at_group;
    const struct router_ref *chunks;
    size_t n_chunks;
    struct record_group *groups;
    size_t n_groups;
};

/* r, pointer, pointer_bytes, delegate, res.site, done and finished are filled in; calls finished(j)
 * once, perhaps before it returns; finished must not free j at once. */
void publish_job_start(struct publish_job *j);
void publish_job_free(struct publish_job *j);
/* Nobody is interested any more; frees itself when the last answer is in. */
void publish_job_abandon(struct publish_job *j);

#endif
