/*
 * What the connection code of core/io needs of the loop beside loop.h: the event_base behind it,
 * and one slot for state that all connections of a loop share (buffers).
 */
#ifndef FOG_IO_LOOP_IN_H
#define FOG_IO_LOOP_IN_H

#include "core/io/loop.h"

struct event_base *fog_loop_base(struct fog_loop *loop);

/* The shared state, made by `make` at first use; `fini` is called by fog_loop_free before the base
 * goes away. */
void *fog_loop_shared(struct fog_loop *loop, void *(*make)(struct fog_loop *loop),
                      void (*fini)(void *shared));

#endif
