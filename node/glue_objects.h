/*
 * The router's objects port over the store of its own process: where uploads go and release pages
 * come from. An object that was just uploaded is pinned for at least an hour, so that a release
 * under way is not evicted. Control loop.
 */
#ifndef FOG_NODE_GLUE_OBJECTS_H
#define FOG_NODE_GLUE_OBJECTS_H

#include "router/objects.h"

struct fog_loop;
struct glue_objects;
struct hold;
struct storage;
struct storage_loop;

struct glue_objects *glue_objects_new(struct fog_loop *loop, struct storage *st,
                                      struct storage_loop *store, struct hold *hold);
void glue_objects_free(struct glue_objects **g); /* after the loop has ended */
struct router_objects glue_objects_port(struct glue_objects *g);

#endif
