/*
 * Inside of one edge instance, shared by the modules of edge/. Not for anybody else.
 */
#ifndef FOG_EDGE_INSTANCE_H
#define FOG_EDGE_INSTANCE_H

#include "core/content/names.h"
#include "edge/edge.h"
#include "edge/site.h"
#include "edge/tally.h"
#include "edge/waits.h"

struct edge_piece;

struct edge {
    struct fog_loop *loop;
    struct edge_conf conf; /* its texts are the copies below */
    char zone[FOG_HOST_MAX + 1];
    char box_label[FOG_BOX_LABEL_LEN + 1];
    char version[32];
    char port_text[8];   /* "" or ":8443" */
    char cache_name[16]; /* in Cache-Status: "fog-" and the first characters of the box label */
    struct fog_box_id box;
    bool has_box;
    struct edge_sites *sites;
    struct edge_tally *tally;
    struct edge_waits source_waits;
    struct edge_waits credit_waits;
    struct edge_piece *free_pieces; /* body.c */
    unsigned n_free_pieces;
    struct edge_stats stats;
};

static inline fog_time_ms edge_hub_ms(const struct edge *e)
{
    return e->conf.hub_ms(e->conf.hub_arg);
}

#endif
