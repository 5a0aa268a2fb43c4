#include "tests/lib/edge_world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/io/loop.h"
#include "tests/lib/edge_world_in.h"

/* --- the source --- */

/* Puts the answer off when the knob says so. */
static int answer(struct world *w, enum world_mode mode, struct edge_op *op, int err,
                  struct edge_data *out)
{
    struct task *t = &w->tasks[w->n_tasks];

    if (mode == WORLD_NOW)
        return err;
    FOG_ASSERT(w->n_tasks < TASKS_MAX);
    w->n_tasks++;
    *t = (struct task){.op = op, .never = mode == WORLD_NEVER, .err = err};
    if (err == 0 && out != NULL) {
        t->out = out;
        t->data = *out;
        *out = (struct edge_data){0};
    }
    return -EINPROGRESS;
}

static int source_pointer(void *arg, const char *site, struct edge_op *op, struct edge_pointer *out)
{
    struct world *w = arg;
    int err = w->knobs.pointer_err;

    w->seen.pointers++;
    if (err == 0 && strcmp(site, WORLD_SITE) != 0)
        err = -ENOENT;
    if (err == 0)
        *out = w->store.pointer;
    return answer(w, w->knobs.pointer, op, err, NULL);
}

static void on_slice_done(void *owner)
{
    struct world *w = owner;

    FOG_ASSERT(w->slices > 0);
    w->slices--;
}

static int source_object(void *arg, enum fog_kind kind, const struct fog_hash *id, uint64_t size,
                         const struct edge_hints *hints, struct edge_op *op, struct edge_data *out)
{
    struct world *w = arg;
    const struct fog_buf *b = edge_store_get(&w->store, kind, id);
    int err = w->knobs.object_err;

    w->seen.objects++;
    FOG_ASSERT(strcmp(hints->site, WORLD_SITE) == 0);
    if (err == 0 && (b == NULL || (size != 0 && size != b->len)))
        err = -ENOENT;
    if (err == 0) {
        out->bytes = (struct fog_slice){b->data, b->len, on_slice_done, w};
        out->from = w->knobs.from;
        w->slices++;
    }
    return answer(w, w->knobs.object, op, err, out);
}

static int source_read(void *arg, const struct fog_chunk_ref *chunk, uint32_t offset,
                       const struct edge_hints *hints, struct edge_op *op, struct edge_data *out)
{
    struct world *w = arg;
    const struct fog_buf *b = edge_store_get(&w->store, FOG_KIND_CHUNK, &chunk->id);
    int err = w->knobs.read_err != 0 && offset >= w->knobs.read_err_from ? w->knobs.read_err : 0;
    size_t n;

    w->seen.reads++;
    FOG_ASSERT(strcmp(hints->site, WORLD_SITE) == 0 && offset < chunk->len);
    if (err == 0 && (b == NULL || b->len != chunk->len))
        err = -ENOENT;
    if (err == 0) {
        n = b->len - offset;
        n = n < w->knobs.read_max ? n : w->knobs.read_max;
        out->bytes = (struct fog_slice){b->data + offset, n, on_slice_done, w};
        out->from = w->knobs.from;
        w->slices++;
    }
    return answer(w, w->knobs.read, op, err, out);
}

static void port_cancel(void *arg, struct edge_op *op)
{
    struct world *w = arg;

    w->seen.cancels++;
    for (size_t i = 0; i < w->n_tasks; i++) {
        if (w->tasks[i].op != op)
            continue;
        w->tasks[i].op = NULL;
        fog_slice_done(&w->tasks[i].data.bytes);
    }
}

/* --- the router --- */

static int steer_decide(void *arg, const struct edge_ask *ask, struct edge_op *op,
                        struct edge_decision *out)
{
    struct world *w = arg;
    struct world_seen *s = &w->seen;

    s->asks++;
    s->ask = *ask;
    (void)snprintf(s->ask_path, sizeof s->ask_path, "%.*s", (int)ask->path.len,
                   (const char *)ask->path.p);
    (void)snprintf(s->ask_sid, sizeof s->ask_sid, "%s", ask->sid);
    (void)snprintf(s->ask_back, sizeof s->ask_back, "%s", ask->back_box);
    *out = w->knobs.decision;
    return answer(w, w->knobs.steer, op, w->knobs.steer_err, NULL);
}

static int steer_assign(void *arg, const struct edge_assign_ask *ask, struct edge_op *op,
                        struct edge_assign *out)
{
    struct world *w = arg;

    w->seen.assigns++;
    w->seen.assign = *ask;
    (void)snprintf(w->seen.assign_path, sizeof w->seen.assign_path, "%.*s", (int)ask->path.len,
                   (const char *)ask->path.p);
    *out = w->knobs.assign;
    return answer(w, w->knobs.steer, op, w->knobs.steer_err, NULL);
}

/* --- grants: one for everybody --- */

struct edge_grant {
    struct world *w;
};

static enum edge_grant_verdict take_grant(struct world *w, struct edge_grant **out)
{
    if (w->knobs.verdict != EDGE_GRANT_OK)
        return w->knobs.verdict;
    *out = FOG_NEW(edge_grant);
    (*out)->w = w;
    w->seen.grants_open++;
    return EDGE_GRANT_OK;
}

static enum edge_grant_verdict grants_check(void *arg, struct fog_bytes grant, const char *site,
                                            struct fog_bytes path, fog_time_ms hub_ms,
                                            struct edge_grant **out)
{
    struct world *w = arg;

    w->seen.checks++;
    FOG_ASSERT(grant.len > 0 && strcmp(site, WORLD_SITE) == 0 && hub_ms == w->hub_ms);
    (void)snprintf(w->seen.check_path, sizeof w->seen.check_path, "%.*s", (int)path.len,
                   (const char *)path.p);
    return take_grant(w, out);
}

static enum edge_grant_verdict grants_find(void *arg, struct fog_bytes grant, const char *site,
                                           fog_time_ms hub_ms, struct edge_grant **out)
{
    (void)grant;
    (void)site;
    (void)hub_ms;
    return take_grant(arg, out);
}

static bool grants_standing(void *arg, const char *site, const struct fog_hash *publisher_id,
                            fog_time_ms hub_ms, struct edge_grant **out)
{
    struct world *w = arg;

    (void)site;
    (void)hub_ms;
    FOG_ASSERT(fog_hash_eq(publisher_id, &w->store.pointer.publisher_id));
    return !w->knobs.no_standing && take_grant(w, out) == EDGE_GRANT_OK;
}

static int64_t grants_allow(void *arg, struct edge_grant *g)
{
    (void)arg;
    return g->w->knobs.allow;
}

static int64_t grants_left(void *arg, struct edge_grant *g)
{
    (void)arg;
    return g->w->knobs.left;
}

static void grants_spend(void *arg, struct edge_grant *g, uint64_t n)
{
    struct world *w = arg;

    FOG_ASSERT(g->w == w && (int64_t)n <= w->knobs.allow);
    w->knobs.allow -= (int64_t)n;
    w->seen.spent += n;
}

static void grants_unspend(void *arg, struct edge_grant *g, uint64_t n)
{
    FOG_ASSERT(g->w == arg);
    g->w->seen.unspent += n;
}

static int grants_tick(void *arg, struct edge_grant *g, unsigned i, const uint8_t preimage[32],
                       fog_time_ms hub_ms)
{
    struct world *w = arg;

    (void)g;
    (void)preimage;
    (void)hub_ms;
    w->seen.ticks++;
    w->seen.tick_i = i;
    return w->knobs.tick_rc;
}

static void grants_wait(void *arg, struct edge_grant *g, struct edge_credit_wait *wait)
{
    struct world *w = arg;

    (void)g;
    FOG_ASSERT(w->credit == NULL);
    w->seen.waits++;
    w->credit = wait;
}

static void grants_unwait(void *arg, struct edge_grant *g, struct edge_credit_wait *wait)
{
    struct world *w = arg;

    (void)g;
    FOG_ASSERT(w->credit == wait);
    w->credit = NULL;
}

static void grants_done(void *arg, struct edge_grant *g)
{
    struct world *w = arg;

    FOG_ASSERT(g->w == w && w->credit == NULL);
    w->seen.grants_open--;
    free(g);
}

void world_credit(struct world *w, int64_t allow)
{
    struct edge_credit_wait *wait = w->credit;

    w->knobs.allow = allow;
    w->credit = NULL;
    if (wait != NULL)
        wait->on_credit(wait);
    world_run(w);
}

/* --- life --- */

static fog_time_ms hub_ms(void *arg)
{
    return ((struct world *)arg)->hub_ms;
}

static void set_ports(struct world *w)
{
    w->source = (struct edge_source){
        .arg = w,
        .pointer = source_pointer,
        .object = source_object,
        .read = source_read,
        .cancel = port_cancel,
    };
    w->steer = (struct edge_steer){
        .arg = w, .decide = steer_decide, .assign = steer_assign, .cancel = port_cancel};
    w->grants = (struct edge_grants){
        .arg = w,
        .check = grants_check,
        .find = grants_find,
        .standing = grants_standing,
        .allow = grants_allow,
        .left = grants_left,
        .spend = grants_spend,
        .unspend = grants_unspend,
        .tick = grants_tick,
        .wait = grants_wait,
        .unwait = grants_unwait,
        .done = grants_done,
    };
}

struct world *world_new(bool gateway, bool grants)
{
    return world_new_sized(gateway, grants, 0);
}

struct world *world_new_sized(bool gateway, bool grants, size_t site_cache_bytes)
{
    struct world *w = FOG_NEW(world);
    struct edge_conf conf = {
        .zone = WORLD_ZONE,
        .box_label = WORLD_BOX,
        .version = "1.2.3",
        .port = 8443,
        .limits = {.site_cache_bytes = site_cache_bytes},
        .hub_ms = hub_ms,
        .hub_arg = w,
    };

    w->now_ms = 1000000;
    w->hub_ms = 1700000000000;
    edge_store_init(&w->store);
    fog_list_init(&w->timers);
    fog_list_init(&w->reqs);
    set_ports(w);
    w->knobs = (struct world_knobs){.read_max = FOG_EXTENT_SIZE,
                                    .verdict = EDGE_GRANT_OK,
                                    .allow = INT64_MAX,
                                    .left = INT64_MAX};
    conf.source = &w->source;
    conf.steer = gateway ? &w->steer : NULL;
    conf.grants = grants ? &w->grants : NULL;
    FOG_ASSERT(edge_new((struct fog_loop *)(void *)w, &conf, &w->e) == 0);
    return w;
}

void world_free(struct world **wp)
{
    struct world *w = *wp;

    *wp = NULL;
    FOG_ASSERT(fog_list_empty(&w->reqs));
    edge_free(&w->e);
    FOG_ASSERT(w->slices == 0);
    FOG_ASSERT(w->seen.grants_open == 0);
    FOG_ASSERT(fog_list_empty(&w->timers));
    edge_store_fini(&w->store);
    free(w);
}

struct edge *world_edge(struct world *w)
{
    return w->e;
}

struct world_knobs *world_knobs(struct world *w)
{
    return &w->knobs;
}

struct world_seen *world_seen(struct world *w)
{
    return &w->seen;
}

void world_publish(struct world *w, const struct world_file *files, size_t n)
{
    edge_store_publish(&w->store, files, n, w->hub_ms);
    edge_pointer_changed(w->e, WORLD_SITE);
}

struct fog_bytes world_bytes(struct world *w, size_t len, uint64_t seed)
{
    return edge_store_bytes(&w->store, len, seed);
}

/* --- time --- */

/* One answer that is due. */
static bool run_task(struct world *w)
{
    for (size_t i = 0; i < w->n_tasks; i++) {
        struct task t = w->tasks[i];

        if (t.op != NULL && t.never)
            continue;
        memmove(&w->tasks[i], &w->tasks[i + 1], (w->n_tasks - i - 1) * sizeof t);
        w->n_tasks--;
        if (t.out != NULL && t.op != NULL)
            *t.out = t.data;
        if (t.op != NULL)
            t.op->on_done(t.op, t.err);
        return true;
    }
    return false;
}

void world_run(struct world *w)
{
    while (run_task(w) || world_run_req(w))
        ;
}

void world_pass(struct world *w, fog_time_ms ms)
{
    fog_time_ms end = w->now_ms + ms;

    for (;;) {
        struct fog_timer *next = NULL;

        FOG_LIST_EACH(&w->timers, it)
        {
            struct fog_timer *t = FOG_CONTAINER(it, fog_timer, link);

            if (t->running && t->due_ms <= end && (next == NULL || t->due_ms < next->due_ms))
                next = t;
        }
        if (next == NULL)
            break;
        w->hub_ms += next->due_ms - w->now_ms;
        w->now_ms = next->due_ms;
        next->running = false;
        next->on_timer(next->arg);
        world_run(w);
    }
    w->hub_ms += end - w->now_ms;
    w->now_ms = end;
}
