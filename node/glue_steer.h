/*
 * The edge's steer port over the router's decisions: copies one side's types into the other's. On a
 * router instance both live on the same loop. Owns the questions under way.
 */
#ifndef FOG_NODE_GLUE_STEER_H
#define FOG_NODE_GLUE_STEER_H

#include "edge/steer.h"

struct glue_steer;
struct steer;

struct glue_steer *glue_steer_new(struct steer *steer);
/* Questions under way are forgotten when the router answers or goes. */
void glue_steer_free(struct glue_steer **g);
const struct edge_steer *glue_steer_port(struct glue_steer *g);

#endif
