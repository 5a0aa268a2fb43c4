#include "edge/waits.h"

#include "core/base/assert.h"
#include "core/io/loop.h"

static void arm(struct edge_waits *q, fog_time_ms now_ms)
{
    struct fog_link *first = fog_list_first(&q->queue);
    fog_time_ms due_ms;

    if (first == NULL)
        return;
    due_ms = FOG_CONTAINER(first, edge_wait, link)->due_ms;
    fog_timer_start(q->timer, due_ms > now_ms ? due_ms - now_ms : 0);
}

static void on_timer(void *arg)
{
    struct edge_waits *q = arg;
    fog_time_ms now_ms = fog_loop_now_ms(q->loop);
    struct fog_link *first;

    while ((first = fog_list_first(&q->queue)) != NULL) {
        struct edge_wait *w = FOG_CONTAINER(first, edge_wait, link);

        if (w->due_ms > now_ms)
            break;
        fog_link_remove(&w->link);
        w->on_due(w);
    }
    arm(q, now_ms);
}

void edge_waits_init(struct edge_waits *q, struct fog_loop *loop, fog_time_ms after_ms)
{
    q->loop = loop;
    q->after_ms = after_ms;
    q->timer = fog_timer_new(loop, on_timer, q);
    fog_list_init(&q->queue);
}

void edge_waits_fini(struct edge_waits *q)
{
    FOG_ASSERT(fog_list_empty(&q->queue));
    fog_timer_free(&q->timer);
}

void edge_wait_start(struct edge_waits *q, struct edge_wait *w)
{
    fog_time_ms now_ms = fog_loop_now_ms(q->loop);

    fog_link_remove(&w->link);
    w->due_ms = now_ms + q->after_ms;
    fog_list_push_back(&q->queue, &w->link);
    if (!fog_timer_running(q->timer))
        arm(q, now_ms);
}

void edge_wait_stop(struct edge_wait *w)
{
    /* the timer may run on: it finds nothing due and arms itself for the next */
    fog_link_remove(&w->link);
}
