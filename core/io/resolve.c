#include "core/io/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/obs/log.h"

#define WORKERS_MAX  4
#define WORKER_STACK (512 * 1024)

struct fog_resolve {
    struct fog_link link; /* in queue or done, under lock; in neither while a worker has it */
    char *host;
    uint16_t port;
    bool cancelled; /* under lock */
    int err;
    struct fog_addr addrs[FOG_RESOLVE_MAX];
    size_t n;
    void (*on_done)(int err, const struct fog_addr *addrs, size_t n, void *arg);
    void *arg;
    struct shared *shared;
};

/* Outlives the resolver while a worker waits for the system. */
struct shared {
    pthread_mutex_t lock;
    unsigned refs; /* the resolver and its workers */
    bool closed;
    int wake_fd;
    unsigned workers;
    struct fog_list queue;
    struct fog_list done;
};

struct fog_resolver {
    struct shared *shared;
    struct fog_watch *watch;
};

static void job_free(struct fog_resolve *job)
{
    free(job->host);
    free(job);
}

static void drop_list(struct fog_list *l)
{
    FOG_LIST_EACH(l, it)
    {
        fog_link_remove(it);
        job_free(FOG_CONTAINER(it, fog_resolve, link));
    }
}

/* With the lock held, which it gives up. */
static void shared_unref(struct shared *s)
{
    bool last = --s->refs == 0;

    (void)pthread_mutex_unlock(&s->lock);
    if (!last)
        return;
    drop_list(&s->queue);
    drop_list(&s->done);
    (void)close(s->wake_fd);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static void look_up(struct fog_resolve *job)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(job->host, NULL, &hints, &list);

    for (struct addrinfo *a = list; a != NULL && job->n < FOG_RESOLVE_MAX; a = a->ai_next) {
        struct fog_addr *out = &job->addrs[job->n];

        if (a->ai_addrlen > sizeof out->u)
            continue;
        memcpy(&out->u, a->ai_addr, a->ai_addrlen);
        fog_addr_set_port(out, job->port);
        job->n++;
    }
    if (list != NULL)
        freeaddrinfo(list);
    if (job->n == 0)
        job->err = rc == EAI_AGAIN ? -EAGAIN : -ENOENT;
}

static void *worker(void *arg)
{
    struct shared *s = arg;
    struct fog_link *it;
    uint64_t one = 1;

    (void)pthread_mutex_lock(&s->lock);
    while (!s->closed && (it = fog_list_pop_front(&s->queue)) != NULL) {
        struct fog_resolve *job = FOG_CONTAINER(it, fog_resolve, link);

        (void)pthread_mutex_unlock(&s->lock);
        look_up(job);
        (void)pthread_mutex_lock(&s->lock);
        if (job->cancelled || s->closed) {
            job_free(job);
            continue;
        }
        fog_list_push_back(&s->done, &job->link);
        if (write(s->wake_fd, &one, sizeof one) < 0)
            fog_broken("resolve.wake", "error=%s", fog_strerror(-errno));
    }
    s->workers--;
    shared_unref(s);
    return NULL;
}

/* With the lock held. Signals stay with the threads that handle them. */
static bool start_worker(struct shared *s)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;
    int rc;

    FOG_ASSERT(pthread_attr_init(&attr) == 0);
    (void)pthread_attr_setstacksize(&attr, WORKER_STACK);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&thread, &attr, worker, s);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_attr_destroy(&attr);
    if (rc != 0)
        return false;
    s->workers++;
    s->refs++;
    return true;
}

static void on_done_ready(void *arg)
{
    struct fog_resolver *r = arg;
    struct shared *s = r->shared;
    struct fog_link *it;
    uint64_t count;

    if (read(s->wake_fd, &count, sizeof count) < 0)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->refs++; /* a callback may free the resolver */
    while (!s->closed && (it = fog_list_pop_front(&s->done)) != NULL) {
        struct fog_resolve *job = FOG_CONTAINER(it, fog_resolve, link);

        (void)pthread_mutex_unlock(&s->lock);
        job->on_done(job->err, job->addrs, job->n, job->arg);
        job_free(job);
        (void)pthread_mutex_lock(&s->lock);
    }
    shared_unref(s);
}

struct fog_resolver *fog_resolver_new(struct fog_loop *loop)
{
    struct fog_resolver *r = FOG_NEW(fog_resolver);
    struct shared *s = FOG_NEW(shared);

    FOG_ASSERT(pthread_mutex_init(&s->lock, NULL) == 0);
    s->refs = 1;
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    FOG_ASSERT(s->wake_fd >= 0);
    fog_list_init(&s->queue);
    fog_list_init(&s->done);
    r->shared = s;
    r->watch = fog_watch_new(loop, s->wake_fd, on_done_ready, NULL, r);
    fog_watch_want(r->watch, true, false);
    return r;
}

void fog_resolver_free(struct fog_resolver **rp)
{
    struct fog_resolver *r = *rp;

    *rp = NULL;
    if (r == NULL)
        return;
    fog_watch_free(&r->watch);
    (void)pthread_mutex_lock(&r->shared->lock);
    r->shared->closed = true;
    drop_list(&r->shared->queue);
    shared_unref(r->shared);
    free(r);
}

struct fog_resolve *fog_resolve(struct fog_resolver *r, const char *host, uint16_t port,
                                void (*on_done)(int err, const struct fog_addr *addrs, size_t n,
                                                void *arg),
                                void *arg)
{
    struct shared *s = r->shared;
    struct fog_resolve *job = FOG_NEW(fog_resolve);

    job->host = fog_strdup(host);
    job->port = port;
    job->on_done = on_done;
    job->arg = arg;
    job->shared = s;
    (void)pthread_mutex_lock(&s->lock);
    fog_list_push_back(&s->queue, &job->link);
    if (s->workers < WORKERS_MAX && !start_worker(s) && s->workers == 0) {
        uint64_t one = 1;

        /* No thread to be had: the answer is a failure, on the usual way. */
        fog_link_remove(&job->link);
        job->err = -EAGAIN;
        fog_list_push_back(&s->done, &job->link);
        if (write(s->wake_fd, &one, sizeof one) < 0)
            fog_broken("resolve.wake", "error=%s", fog_strerror(-errno));
    }
    (void)pthread_mutex_unlock(&s->lock);
    return job;
}

void fog_resolve_cancel(struct fog_resolve *job)
{
    struct shared *s = job->shared;
    bool waiting;

    (void)pthread_mutex_lock(&s->lock);
    waiting = fog_link_linked(&job->link);
    fog_link_remove(&job->link);
    job->cancelled = true; /* a worker that has it now frees it */
    (void)pthread_mutex_unlock(&s->lock);
    if (waiting)
        job_free(job);
}
