/*
 * Hub time of the process (Unix milliseconds): the monotonic clock plus an offset that the lease or
 * the chain corrects. Readable from every thread without a lock; never goes back by a correction of
 * less than a second.
 */
#ifndef FOG_NODE_CLOCK_H
#define FOG_NODE_CLOCK_H

#include "core/base/types.h"

#include <stdatomic.h>

struct node_clock {
    _Atomic int64_t offset_ms; /* hub time - monotonic time */
};

/* From the system's wall clock. */
void node_clock_init(struct node_clock *c);
/* It is hub_ms now. */
void node_clock_set(struct node_clock *c, fog_time_ms hub_ms);
fog_time_ms node_clock_now(const struct node_clock *c);
/* node_clock_now for the ports: arg is the clock. */
fog_time_ms node_clock_port(void *arg);

#endif
