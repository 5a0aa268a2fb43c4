/*
 * The choice of a box for a viewer (PROTOCOL 4, DESIGN 4): near place first; there, a box that
 * holds the content, the less loaded of the first two by rendezvous rank; without a holder the
 * first by rank, which then fills. Pure: everything it needs is in the question.
 */
#ifndef FOG_ROUTER_PICK_H
#define FOG_ROUTER_PICK_H

#include "router/cellmap.h"
#include "router/geo.h"
#include "router/steer.h"

struct pick_ask {
    const struct cellmap *map;
    struct fog_hash pg;
    const struct geo_place *client;
    const uint8_t *usable;        /* per row: may be given to viewers now */
    const uint8_t (*holders)[32]; /* boxes that hold the group */
    size_t n_holders;
    const uint32_t *load; /* per row */
    unsigned coin;        /* decides between equal loads */
};

struct pick {
    int row;           /* -1: nobody */
    unsigned distance; /* geo_distance */
    bool holder;
    enum steer_why why;
    /* For explanations: how many boxes were usable at all, and at this distance; how many of those
     * hold it. */
    size_t n_usable, n_near, n_near_holders;
};

/* Can this row serve viewers at all (address, role, weight)? */
bool pick_row_serves(const struct cellmap_row *row);
void pick_box(const struct pick_ask *ask, struct pick *out);

#endif
