/*
 * The edge's source port over the store and the fill engine: storage first, then other holders. One
 * object per serving loop. Owns only the operations under way.
 */
#ifndef FOG_NODE_GLUE_SOURCE_H
#define FOG_NODE_GLUE_SOURCE_H

#include "edge/source.h"

struct fill;
struct glue_source;
struct sites_loop;
struct storage_loop;

struct glue_source *glue_source_new(struct storage_loop *store, struct fill *fill,
                                    struct sites_loop *sites);
void glue_source_free(struct glue_source **g); /* no operation may be under way */
const struct edge_source *glue_source_port(struct glue_source *g);

#endif
