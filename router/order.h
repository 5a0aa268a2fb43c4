/*
 * Ties copies.h to the leases (who is here), the wire (PLACE) and the records (groups,
 * acknowledgements).
 */
#ifndef FOG_ROUTER_ORDER_H
#define FOG_ROUTER_ORDER_H

#include "router/copies.h"
#include "router/core.h"

/* Makes r->copies with everything that the records know. */
int orders_start(struct router *r) FOG_MUST_CHECK;

/* The groups of a site's newest release (refs are taken over): stored, ordered, and what is not in
 * the list forgotten. */
void orders_set_site(struct router *r, const struct fog_site_id *site, struct record_group *groups,
                     size_t n);

/* Rows a PLACE part carries at most: well below the frame's limit. */
#define ORDER_PART_REFS 8192

#endif
