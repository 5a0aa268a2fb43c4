/*
 * Worker threads for whatever may touch the disk. A job carries everything it needs, runs its work
 * on a worker and comes back to the loop it was sent from. At least one worker is always free for
 * reads: writes and other jobs take at most all but one.
 */
#ifndef FOG_STORAGE_POOL_H
#define FOG_STORAGE_POOL_H

#include "core/base/err.h"
#include "core/base/list.h"

struct fog_loop;
struct pool;
struct pool_port; /* where the jobs of one loop come back */

enum pool_lane { POOL_READ, POOL_WRITE, POOL_LANES };

struct pool_job {
    struct fog_link link;
    struct pool_port *port;
    enum pool_lane lane;
    void (*work)(struct pool_job *job); /* on a worker */
    void (*done)(struct pool_job *job); /* on the loop; owns the job from then on */
    void (*drop)(struct pool_job *job); /* instead of done when the port was closed; any thread */
};

struct pool *pool_new(unsigned workers);

/* Waits for the jobs that run; those that still queue are dropped. Ports must be closed. */
void pool_free(struct pool **pp);

struct pool_port *pool_port_new(struct pool *pool, struct fog_loop *loop);

/* On the loop. Nothing is called back after this returns; lives on inside the pool until it ends.
 */
void pool_port_close(struct pool_port **pp);

/* Queues the job; work, done and drop are set by the caller. FOG_EBUSY when the lane is full (the
 * job stays the caller's). */
int pool_send(struct pool_port *port, enum pool_lane lane, struct pool_job *job) FOG_MUST_CHECK;

#endif
