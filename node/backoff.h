/*
 * How long the supervisor waits before it starts a child again: at once after a long life, doubling
 * from 100 ms to 10 s while the child keeps dying early. Pure logic; the caller owns the clock.
 */
#ifndef FOG_NODE_BACKOFF_H
#define FOG_NODE_BACKOFF_H

#include "core/base/types.h"

#define NODE_BACKOFF_FIRST_MS 100
#define NODE_BACKOFF_MAX_MS   10000
#define NODE_BACKOFF_LONG_MS  30000 /* a child that lived this long starts the count anew */

struct node_backoff {
    fog_time_ms next_ms; /* zeroed: nothing has died yet */
};

/* The child died after `lived_ms`; returns the wait before the next start. */
fog_time_ms node_backoff_died(struct node_backoff *b, fog_time_ms lived_ms);

#endif
