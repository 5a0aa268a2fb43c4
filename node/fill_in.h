/*
 * Shared by fill.c (chunks), fill_object.c and fill_table.c; not for callers.
 */
#ifndef FOG_NODE_FILL_IN_H
#define FOG_NODE_FILL_IN_H

#include "node/fill.h"

struct fog_map;

struct fill {
    struct fill_conf conf;
    struct fog_map *chunks;  /* struct job by chunk id */
    struct fog_map *objects; /* struct fetch_object by kind and id */
    struct fog_list queue;   /* chunk jobs that wait for their turn */
    unsigned running;
    struct fill_stats stats;
};

struct fog_map *fill_map_new(void);
struct fill_want fill_want_copy(const struct fill_want *want); /* without sources */

/* Calls and empties a list of fill_wait. */
void fill_wake(struct fog_list *waits, int err);

/* Empties it without a call: the engine ends, its waiters may outlive it. */
void fill_forget(struct fog_list *waits);

/* The peer lied: distrust, log, report. */
void fill_caught(struct fill *f, const struct fill_lie *lie);

/* One chunk, one loop. True: this engine fills it. False: another loop does; fill_on_released is
 * called here when that has ended. */
bool fill_table_claim(struct fill_table *t, const struct fog_hash *id, struct fill *f);
void fill_table_release(struct fill_table *t, const struct fog_hash *id, int err);
void fill_on_released(struct fill *f, const struct fog_hash *id, int err);

void fill_objects_free(struct fill *f);

#endif
