#include "core/io/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "core/base/assert.h"
#include "core/io/loop_in.h"
#include "core/obs/log.h"

#define LOOP_MAGIC  0x4c4f4f50u
#define TIMER_MAGIC 0x54494d45u
#define WATCH_MAGIC 0x57544348u

struct post {
    void (*fn)(void *arg);
    void *arg;
};

struct post_queue {
    struct post *v;
    size_t n;
    size_t cap;
};

struct fog_loop {
    uint32_t magic;
    struct event_base *base;
    struct event wake;
    int wake_fd;
    pthread_mutex_t lock;
    struct post_queue posts; /* under lock */
    struct post_queue running;
    atomic_bool stop;
    bool now_valid;
    fog_time_ms now_ms;
    struct fog_list turns[2]; /* by enum fog_turn_phase */
    struct fog_list signals;
    void *shared;
    void (*shared_fini)(void *shared);
};

struct fog_timer {
    uint32_t magic;
    struct event ev;
    void (*on_timer)(void *arg);
    void *arg;
};

struct fog_watch {
    uint32_t magic;
    struct event readable;
    struct event writable;
    void (*on_readable)(void *arg);
    void (*on_writable)(void *arg);
    void *arg;
};

struct loop_signal {
    struct fog_link link;
    struct event ev;
    void (*on_signal)(int signo, void *arg);
    void *arg;
};

static void wake_up(struct fog_loop *loop)
{
    uint64_t one = 1;

    /* EAGAIN means that the counter is full, so the loop will wake anyway. */
    if (write(loop->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
        fog_broken("loop.wake", "error=%s", fog_strerror(-errno));
}

static void run_posts(struct fog_loop *loop)
{
    struct post_queue q;

    (void)pthread_mutex_lock(&loop->lock);
    q = loop->posts;
    loop->posts = loop->running; /* the emptied array of the last round */
    loop->posts.n = 0;
    (void)pthread_mutex_unlock(&loop->lock);
    loop->running = (struct post_queue){0};
    for (size_t i = 0; i < q.n; i++)
        q.v[i].fn(q.v[i].arg);
    q.n = 0;
    free(loop->running.v);
    loop->running = q;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct fog_loop *loop = FOG_CAST(fog_loop, LOOP_MAGIC, arg);
    uint64_t count;

    (void)what;
    if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
        fog_broken("loop.wake", "error=%s", fog_strerror(-errno));
    run_posts(loop);
}

struct fog_loop *fog_loop_new(void)
{
    struct fog_loop *loop = FOG_NEW(fog_loop);
    struct event_config *cfg = event_config_new();

    FOG_ASSERT(cfg != NULL);
    /* The precise timer keeps short timers exact; NOLOCK because only wake_fd is touched by other
     * threads. */
    FOG_ASSERT(event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER) ==
               0);
    loop->magic = LOOP_MAGIC;
    loop->base = event_base_new_with_config(cfg);
    FOG_ASSERT(loop->base != NULL);
    event_config_free(cfg);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    FOG_ASSERT(loop->wake_fd >= 0);
    FOG_ASSERT(pthread_mutex_init(&loop->lock, NULL) == 0);
    fog_list_init(&loop->turns[FOG_TURN_PRODUCE]);
    fog_list_init(&loop->turns[FOG_TURN_SEND]);
    fog_list_init(&loop->signals);
    FOG_ASSERT(event_assign(&loop->wake, loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake,
                            loop) == 0);
    FOG_ASSERT(event_add(&loop->wake, NULL) == 0);
    return loop;
}

void fog_loop_free(struct fog_loop **loopp)
{
    struct fog_loop *loop = *loopp;

    *loopp = NULL;
    if (loop == NULL)
        return;
    if (loop->shared != NULL)
        loop->shared_fini(loop->shared);
    FOG_LIST_EACH(&loop->signals, it)
    {
        struct loop_signal *s = FOG_CONTAINER(it, loop_signal, link);

        event_del(&s->ev);
        free(s);
    }
    event_del(&loop->wake);
    event_base_free(loop->base);
    (void)close(loop->wake_fd);
    (void)pthread_mutex_destroy(&loop->lock);
    free(loop->posts.v);
    free(loop->running.v);
    loop->magic = 0;
    free(loop);
}

/* One phase: what is there now and what the phase adds to itself is not mixed, so that a hook which
 * schedules itself again cannot hold the turn. */
static void run_phase(struct fog_loop *loop, enum fog_turn_phase phase)
{
    struct fog_list now;
    struct fog_link *it;

    fog_list_init(&now);
    while ((it = fog_list_pop_front(&loop->turns[phase])) != NULL)
        fog_list_push_back(&now, it);
    while ((it = fog_list_pop_front(&now)) != NULL) {
        struct fog_turn *t = FOG_CONTAINER(it, fog_turn, link);

        t->fn(t->arg);
    }
}

void fog_loop_turn(struct fog_loop *loop, bool wait)
{
    bool pending = !fog_list_empty(&loop->turns[FOG_TURN_PRODUCE]) ||
                   !fog_list_empty(&loop->turns[FOG_TURN_SEND]);
    int flags = EVLOOP_ONCE | (pending || !wait ? EVLOOP_NONBLOCK : 0);

    loop->now_valid = false;
    FOG_ASSERT(event_base_loop(loop->base, flags) >= 0);
    run_phase(loop, FOG_TURN_PRODUCE);
    run_phase(loop, FOG_TURN_SEND);
}

void fog_loop_run(struct fog_loop *loop)
{
    while (!atomic_load(&loop->stop))
        fog_loop_turn(loop, true);
    atomic_store(&loop->stop, false);
}

void fog_loop_stop(struct fog_loop *loop)
{
    atomic_store(&loop->stop, true);
    wake_up(loop);
}

fog_time_ms fog_loop_now_ms(struct fog_loop *loop)
{
    struct timespec ts;

    if (!loop->now_valid) {
        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        loop->now_ms = (fog_time_ms)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
        loop->now_valid = true;
    }
    return loop->now_ms;
}

fog_time_ms fog_wall_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (fog_time_ms)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void fog_turn_schedule(struct fog_loop *loop, struct fog_turn *t, enum fog_turn_phase phase)
{
    if (!fog_link_linked(&t->link))
        fog_list_push_back(&loop->turns[phase], &t->link);
}

void fog_turn_cancel(struct fog_turn *t)
{
    fog_link_remove(&t->link);
}

void fog_loop_post(struct fog_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct post_queue *q = &loop->posts;
    bool first;

    (void)pthread_mutex_lock(&loop->lock);
    if (q->n == q->cap) {
        q->cap = q->cap == 0 ? 16 : q->cap * 2;
        q->v = realloc(q->v, q->cap * sizeof *q->v);
        FOG_ASSERT(q->v != NULL);
    }
    first = q->n == 0;
    q->v[q->n++] = (struct post){.fn = fn, .arg = arg};
    (void)pthread_mutex_unlock(&loop->lock);
    if (first)
        wake_up(loop);
}

struct event_base *fog_loop_base(struct fog_loop *loop)
{
    return loop->base;
}

void *fog_loop_shared(struct fog_loop *loop, void *(*make)(struct fog_loop *loop),
                      void (*fini)(void *shared))
{
    if (loop->shared == NULL) {
        loop->shared = make(loop);
        loop->shared_fini = fini;
    }
    return loop->shared;
}

/* --- timers --- */

static void on_timer_event(evutil_socket_t fd, short what, void *arg)
{
    struct fog_timer *t = FOG_CAST(fog_timer, TIMER_MAGIC, arg);

    (void)fd;
    (void)what;
    t->on_timer(t->arg);
}

struct fog_timer *fog_timer_new(struct fog_loop *loop, void (*on_timer)(void *arg), void *arg)
{
    struct fog_timer *t = FOG_NEW(fog_timer);

    t->magic = TIMER_MAGIC;
    t->on_timer = on_timer;
    t->arg = arg;
    FOG_ASSERT(evtimer_assign(&t->ev, loop->base, on_timer_event, t) == 0);
    return t;
}

void fog_timer_free(struct fog_timer **tp)
{
    struct fog_timer *t = *tp;

    *tp = NULL;
    if (t == NULL)
        return;
    event_del(&t->ev);
    t->magic = 0;
    free(t);
}

void fog_timer_start(struct fog_timer *t, fog_time_ms after_ms)
{
    struct timeval tv;

    if (after_ms < 0)
        after_ms = 0;
    tv.tv_sec = (time_t)(after_ms / 1000);
    tv.tv_usec = (suseconds_t)(after_ms % 1000) * 1000;
    FOG_ASSERT(evtimer_add(&t->ev, &tv) == 0);
}

void fog_timer_stop(struct fog_timer *t)
{
    event_del(&t->ev);
}

bool fog_timer_running(const struct fog_timer *t)
{
    return evtimer_pending(&t->ev, NULL) != 0;
}

/* --- signals --- */

static void on_signal_event(evutil_socket_t signo, short what, void *arg)
{
    struct loop_signal *s = arg;

    (void)what;
    s->on_signal((int)signo, s->arg);
}

int fog_loop_on_signal(struct fog_loop *loop, int signo, void (*on_signal)(int signo, void *arg),
                       void *arg)
{
    struct loop_signal *s = FOG_NEW(loop_signal);

    s->on_signal = on_signal;
    s->arg = arg;
    if (evsignal_assign(&s->ev, loop->base, signo, on_signal_event, s) != 0 ||
        evsignal_add(&s->ev, NULL) != 0) {
        free(s);
        return -EINVAL;
    }
    fog_list_push_back(&loop->signals, &s->link);
    return 0;
}

/* --- watches --- */

static void on_watch_event(evutil_socket_t fd, short what, void *arg)
{
    struct fog_watch *w = FOG_CAST(fog_watch, WATCH_MAGIC, arg);

    (void)fd;
    if ((what & EV_READ) != 0 && w->on_readable != NULL)
        w->on_readable(w->arg);
    else if ((what & EV_WRITE) != 0 && w->on_writable != NULL)
        w->on_writable(w->arg);
}

struct fog_watch *fog_watch_new(struct fog_loop *loop, int fd, void (*on_readable)(void *arg),
                                void (*on_writable)(void *arg), void *arg)
{
    struct fog_watch *w = FOG_NEW(fog_watch);

    w->magic = WATCH_MAGIC;
    w->on_readable = on_readable;
    w->on_writable = on_writable;
    w->arg = arg;
    FOG_ASSERT(
        event_assign(&w->readable, loop->base, fd, EV_READ | EV_PERSIST, on_watch_event, w) == 0);
    FOG_ASSERT(
        event_assign(&w->writable, loop->base, fd, EV_WRITE | EV_PERSIST, on_watch_event, w) == 0);
    return w;
}

static void set_event(struct event *ev, bool wanted, short what)
{
    if (wanted && event_pending(ev, what, NULL) == 0)
        FOG_ASSERT(event_add(ev, NULL) == 0);
    else if (!wanted)
        event_del(ev);
}

void fog_watch_want(struct fog_watch *w, bool readable, bool writable)
{
    set_event(&w->readable, readable, EV_READ);
    set_event(&w->writable, writable, EV_WRITE);
}

void fog_watch_free(struct fog_watch **wp)
{
    struct fog_watch *w = *wp;

    *wp = NULL;
    if (w == NULL)
        return;
    event_del(&w->readable);
    event_del(&w->writable);
    w->magic = 0;
    free(w);
}
