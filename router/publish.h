/*
 * Takes a publisher's pointer: signature and order, every page, manifest and chunk it reaches
 * present, playlists without absolute URIs; then this instance holds the content, the pointer is
 * durable, placement is ordered, boxes are told. Owns jobs under way and those who wait for copies;
 * does no HTTP.
 */
#ifndef FOG_ROUTER_PUBLISH_H
#define FOG_ROUTER_PUBLISH_H

#include "router/core.h"

#define PUBLISH_JOBS_MAX  64
#define PUBLISH_WAITS_MAX 256
#define PUBLISH_SITES_MAX 100000 /* of all publishers together; kept in RAM */
#define PUBLISH_FRESH_MS                                                                           \
    30000 /* how often pointers are confirmed to boxes (PROTOCOL 2: <= 60 s)                       \
           */

struct publish;

struct publish_result {
    int status;       /* 200, or what to answer */
    const char *code; /* of the problem document; static */
    char detail[400];
    struct fog_site_id site;
};

struct publish *publish_new(struct router *r);
void publish_free(struct publish **p); /* callbacks still to come are dropped */

/* `who` is the authenticated publisher. delegate may be empty. done comes once. */
void publish_pointer(struct publish *p, const struct fog_hash *who, struct fog_bytes pointer,
                     struct fog_bytes delegate,
                     void (*done)(void *ctx, const struct publish_result *res), void *ctx);

/* Calls done(ctx) when every group of the site has its copies, or after wait_ms. The token cancels;
 * NULL when too many wait already (done was not called). */
struct publish_wait;
struct publish_wait *publish_wait(struct publish *p, const struct fog_site_id *site,
                                  fog_time_ms wait_ms, void (*done)(void *ctx), void *ctx);
void publish_wait_cancel(struct publish_wait *w);

void publish_copies_changed(struct publish *p, const struct fog_site_id *site);

#endif
