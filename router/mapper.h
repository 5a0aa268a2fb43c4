/*
 * Makes and publishes this instance's cell maps and liveness: collects changes for a moment, has
 * them signed by keyd, stores the map before anybody sees it, and sends it down the leases. Owns
 * the newest map. With a hub set of more than one instance maps need t signatures: gathering those
 * is not here yet, and router_new refuses such a set.
 */
#ifndef FOG_ROUTER_MAPPER_H
#define FOG_ROUTER_MAPPER_H

#include "router/core.h"

#define MAPPER_GATHER_MS 100  /* changes of boxes until a new map */
#define MAPPER_LIVE_MS   50   /* changes of liveness until a new bitmap */
#define MAPPER_FRESH_MS  4000 /* a bitmap at least so often: readers want one of the last 10 s */
#define MAPPER_RAMP_MS   (3600 * 1000)

/* Loads the stored map (or none). */
int mapper_new(struct router *r, struct mapper **out) FOG_MUST_CHECK;
void mapper_free(struct mapper **m);

void mapper_boxes_changed(struct mapper *m);
void mapper_live_changed(struct mapper *m);

/* NULL before the first was published. With liveness. */
const struct cellmap *mapper_map(const struct mapper *m);
/* The signed forms, empty before there are any. */
struct fog_bytes mapper_map_bytes(const struct mapper *m);
struct fog_bytes mapper_live_bytes(const struct mapper *m);

#endif
