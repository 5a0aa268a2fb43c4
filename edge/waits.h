/*
 * Deadlines of one fixed length: a queue in order of start, one loop timer for all of them.
 * Starting and stopping cost a list operation and no system call.
 */
#ifndef FOG_EDGE_WAITS_H
#define FOG_EDGE_WAITS_H

#include "core/base/list.h"
#include "core/base/types.h"

struct fog_loop;
struct fog_timer;

struct edge_wait {
    struct fog_link link; /* linked while it runs */
    fog_time_ms due_ms;
    void (*on_due)(struct edge_wait *w); /* may start and stop any wait */
};

struct edge_waits {
    struct fog_loop *loop;
    struct fog_timer *timer;
    fog_time_ms after_ms;
    struct fog_list queue;
};

void edge_waits_init(struct edge_waits *q, struct fog_loop *loop, fog_time_ms after_ms);
void edge_waits_fini(struct edge_waits *q); /* nothing may be waiting any more */

/* on_due is set by the caller. Restarts when it runs. */
void edge_wait_start(struct edge_waits *q, struct edge_wait *w);
/* Does nothing when it does not run. */
void edge_wait_stop(struct edge_wait *w);

#endif
