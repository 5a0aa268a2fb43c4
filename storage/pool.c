#include "storage/pool.h"

#include "core/base/assert.h"
#include "core/io/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define LANE_MAX 1024u /* jobs that may wait in a lane */

struct pool_port {
    struct fog_link link; /* in the pool's list of all ports */
    struct pool *pool;
    pthread_mutex_t lock;
    struct fog_loop *loop; /* NULL: closed */
    struct fog_list done;
    bool posted;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct fog_list lanes[POOL_LANES];
    unsigned waiting[POOL_LANES];
    unsigned writing, writing_max;
    struct fog_list ports;
    pthread_t *threads;
    unsigned n_threads;
    bool stop;
};

static void on_posted(void *arg)
{
    struct pool_port *port = arg;
    struct fog_link *n;

    /* one at a time: a callback may close the port */
    for (;;) {
        pthread_mutex_lock(&port->lock);
        n = port->loop == NULL ? NULL : fog_list_pop_front(&port->done);
        if (n == NULL)
            port->posted = false;
        pthread_mutex_unlock(&port->lock);
        if (n == NULL)
            return;
        struct pool_job *job = FOG_CONTAINER(n, pool_job, link);
        job->done(job);
    }
}

static void bring_back(struct pool_job *job)
{
    struct pool_port *port = job->port;
    bool closed;

    pthread_mutex_lock(&port->lock);
    closed = port->loop == NULL;
    if (!closed) {
        fog_list_push_back(&port->done, &job->link);
        if (!port->posted)
            fog_loop_post(port->loop, on_posted, port);
        port->posted = true;
    }
    pthread_mutex_unlock(&port->lock);
    if (closed)
        job->drop(job);
}

static struct pool_job *take(struct pool *p)
{
    enum pool_lane lane = POOL_READ;
    struct fog_link *n = fog_list_pop_front(&p->lanes[POOL_READ]);

    if (n == NULL && p->writing < p->writing_max) {
        lane = POOL_WRITE;
        n = fog_list_pop_front(&p->lanes[POOL_WRITE]);
    }
    if (n == NULL)
        return NULL;
    p->waiting[lane]--;
    if (lane == POOL_WRITE)
        p->writing++;
    return FOG_CONTAINER(n, pool_job, link);
}

static void *worker(void *arg)
{
    struct pool *p = arg;

    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        struct pool_job *job = take(p);
        bool wrote;
        if (job == NULL) {
            pthread_cond_wait(&p->wake, &p->lock);
            continue;
        }
        wrote = job->lane == POOL_WRITE;
        pthread_mutex_unlock(&p->lock);
        job->work(job);
        bring_back(job);
        pthread_mutex_lock(&p->lock);
        if (wrote) {
            p->writing--;
            pthread_cond_signal(&p->wake);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct pool *pool_new(unsigned workers)
{
    struct pool *p = FOG_NEW(pool);
    sigset_t all, before;

    FOG_ASSERT(workers > 0);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    for (int i = 0; i < POOL_LANES; i++)
        fog_list_init(&p->lanes[i]);
    fog_list_init(&p->ports);
    p->writing_max = workers > 1 ? workers - 1 : 1;
    p->threads = fog_alloc(workers * sizeof *p->threads);
    /* signals are the business of the loops */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; p->n_threads < workers; p->n_threads++)
        FOG_ASSERT(pthread_create(&p->threads[p->n_threads], NULL, worker, p) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return p;
}

void pool_free(struct pool **pp)
{
    struct pool *p = *pp;
    struct fog_link *n;

    *pp = NULL;
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    for (int lane = 0; lane < POOL_LANES; lane++) {
        while ((n = fog_list_pop_front(&p->lanes[lane])) != NULL) {
            struct pool_job *job = FOG_CONTAINER(n, pool_job, link);
            job->drop(job);
        }
    }
    while ((n = fog_list_pop_front(&p->ports)) != NULL) {
        struct pool_port *port = FOG_CONTAINER(n, pool_port, link);
        FOG_ASSERT(port->loop == NULL);
        pthread_mutex_destroy(&port->lock);
        free(port);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    free(p->threads);
    free(p);
}

struct pool_port *pool_port_new(struct pool *pool, struct fog_loop *loop)
{
    struct pool_port *port = FOG_NEW(pool_port);

    port->pool = pool;
    port->loop = loop;
    pthread_mutex_init(&port->lock, NULL);
    fog_list_init(&port->done);
    pthread_mutex_lock(&pool->lock);
    fog_list_push_back(&pool->ports, &port->link);
    pthread_mutex_unlock(&pool->lock);
    return port;
}

void pool_port_close(struct pool_port **pp)
{
    struct pool_port *port = *pp;
    struct fog_link *n;

    *pp = NULL;
    if (port == NULL)
        return;
    pthread_mutex_lock(&port->lock);
    port->loop = NULL; /* a call that is posted already finds nothing to do */
    pthread_mutex_unlock(&port->lock);
    while ((n = fog_list_pop_front(&port->done)) != NULL) {
        struct pool_job *job = FOG_CONTAINER(n, pool_job, link);
        job->drop(job);
    }
}

int pool_send(struct pool_port *port, enum pool_lane lane, struct pool_job *job)
{
    struct pool *p = port->pool;
    int rc = 0;

    job->port = port;
    job->lane = lane;
    pthread_mutex_lock(&p->lock);
    if (p->waiting[lane] >= LANE_MAX) {
        rc = FOG_EBUSY;
    } else {
        p->waiting[lane]++;
        fog_list_push_back(&p->lanes[lane], &job->link);
        pthread_cond_signal(&p->wake);
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}
