#include "tests/lib/edge_world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/rng.h"
#include "core/content/encode.h"
#include "core/content/tree.h"
#include "core/http/server.h"
#include "core/io/loop.h"

#define TASKS_MAX 256

/* An answer that is due at world_run. */
struct task {
    struct edge_op *op; /* NULL: given up */
    bool never;
    int err;
    struct edge_data *out; /* NULL: the answer is no piece */
    struct edge_data data;
};

struct world {
    struct edge *e;
    struct edge_source source;
    struct edge_steer steer;
    struct edge_grants grants;
    fog_time_ms now_ms, hub_ms;
    struct fog_map *objects; /* kind, id -> struct fog_buf */
    struct edge_pointer pointer;
    struct fog_buf kept[256]; /* world_bytes */
    size_t n_kept;
    struct task tasks[TASKS_MAX];
    size_t n_tasks;
    struct fog_list timers;
    struct fog_list reqs;
    struct edge_credit_wait *credit;
    unsigned slices; /* held by the edge */
    struct world_knobs knobs;
    struct world_seen seen;
};

/* --- clock and timers (core/io/loop.h) --- */

struct fog_timer {
    struct fog_link link;
    struct world *w;
    fog_time_ms due_ms;
    bool running;
    void (*on_timer)(void *arg);
    void *arg;
};

static struct world *world_of(struct fog_loop *loop)
{
    return (struct world *)(void *)loop;
}

fog_time_ms fog_loop_now_ms(struct fog_loop *loop)
{
    return world_of(loop)->now_ms;
}

struct fog_timer *fog_timer_new(struct fog_loop *loop, void (*on_timer)(void *arg), void *arg)
{
    struct fog_timer *t = FOG_NEW(fog_timer);

    t->w = world_of(loop);
    t->on_timer = on_timer;
    t->arg = arg;
    fog_list_push_back(&t->w->timers, &t->link);
    return t;
}

void fog_timer_free(struct fog_timer **t)
{
    if (*t == NULL)
        return;
    fog_link_remove(&(*t)->link);
    free(*t);
    *t = NULL;
}

void fog_timer_start(struct fog_timer *t, fog_time_ms after_ms)
{
    t->running = true;
    t->due_ms = t->w->now_ms + after_ms;
}

void fog_timer_stop(struct fog_timer *t)
{
    t->running = false;
}

bool fog_timer_running(const struct fog_timer *t)
{
    return t->running;
}

const struct fog_addr *fog_conn_peer_addr(const struct fog_conn *c)
{
    (void)c;
    return NULL;
}

/* --- requests (core/http/server.h) --- */

struct world_req {
    struct fog_link link;
    struct world *w;
    struct fog_buf method, host, path, query;
    struct fog_buf names[32], values[32];
    size_t n_headers;
    void *allocs[16];
    size_t n_allocs;
    void (*on_abort)(void *arg);
    void *abort_arg;
    bool started, over, pull;
    struct fog_http_source source;
    bool has_source;
    struct world_answer answer;
    char field[1200];
    struct fog_buf body;
    void (*on_body)(struct fog_http_req *r, int err, struct fog_bytes body, void *arg);
    void *body_arg;
};

static struct world_req *req_of(const struct fog_http_req *r)
{
    return (struct world_req *)(void *)(uintptr_t)r;
}

struct fog_bytes fog_http_req_method(const struct fog_http_req *r)
{
    return fog_buf_bytes(&req_of(r)->method);
}

struct fog_bytes fog_http_req_authority(const struct fog_http_req *r)
{
    return fog_buf_bytes(&req_of(r)->host);
}

struct fog_bytes fog_http_req_path(const struct fog_http_req *r)
{
    return fog_buf_bytes(&req_of(r)->path);
}

struct fog_bytes fog_http_req_query(const struct fog_http_req *r)
{
    return fog_buf_bytes(&req_of(r)->query);
}

struct fog_bytes fog_http_req_header(const struct fog_http_req *r, const char *name)
{
    const struct world_req *q = req_of(r);

    for (size_t i = 0; i < q->n_headers; i++) {
        if (fog_bytes_eq(fog_buf_bytes(&q->names[i]), fog_bytes_str(name)))
            return q->values[i].len > 0 ? fog_buf_bytes(&q->values[i]) : fog_bytes_str("");
    }
    return (struct fog_bytes){0};
}

struct fog_conn *fog_http_req_conn(struct fog_http_req *r)
{
    (void)r;
    return NULL;
}

void *fog_http_req_alloc(struct fog_http_req *r, size_t size)
{
    struct world_req *q = req_of(r);
    void *p = malloc(size);

    FOG_ASSERT(p != NULL && q->n_allocs < FOG_COUNT(q->allocs));
    memset(p, 0xa5, size); /* the arena promises nothing */
    q->allocs[q->n_allocs++] = p;
    return p;
}

void fog_http_req_on_abort(struct fog_http_req *r, void (*on_abort)(void *arg), void *arg)
{
    req_of(r)->on_abort = on_abort;
    req_of(r)->abort_arg = arg;
}

void fog_http_req_collect(struct fog_http_req *r, size_t max,
                          void (*on_body)(struct fog_http_req *r, int err, struct fog_bytes body,
                                          void *arg),
                          void *arg)
{
    struct world_req *q = req_of(r);

    FOG_ASSERT(q->body.len <= max);
    q->on_body = on_body;
    q->body_arg = arg;
}

/* The request's memory goes with its response, so that a late use is seen by the sanitizer. */
static void req_over(struct world_req *q)
{
    q->over = true;
    for (size_t i = 0; i < q->n_allocs; i++)
        free(q->allocs[i]);
    q->n_allocs = 0;
}

static void start_answer(struct world_req *q, int status, const struct fog_http_header *headers,
                         size_t n, uint64_t length)
{
    FOG_ASSERT(!q->started && !q->over);
    q->started = true;
    q->answer.status = status;
    q->answer.length = length;
    for (size_t i = 0; i < n; i++) {
        fog_buf_append(&q->answer.head, headers[i].name.p, headers[i].name.len);
        fog_buf_append_str(&q->answer.head, ": ");
        fog_buf_append(&q->answer.head, headers[i].value.p, headers[i].value.len);
        fog_buf_append_str(&q->answer.head, "\n");
    }
}

static void close_source(struct world_req *q, int err)
{
    q->answer.ended = err == 0;
    q->answer.reset = err != 0;
    q->answer.err = err;
    q->has_source = false;
    q->source.close(q->source.arg, err, q->answer.body.len);
    req_over(q);
}

/* Pulls until the source has nothing or the answer is complete. */
static void pull(struct world_req *q)
{
    while (q->has_source && q->answer.body.len < q->answer.length) {
        uint64_t left = q->answer.length - q->answer.body.len;
        struct fog_slice s = {0};
        int rc = q->source.next(q->source.arg, left < 16384 ? (size_t)left : 16384, &s);

        if (rc == -EAGAIN)
            return;
        if (rc != 0) {
            close_source(q, rc);
            return;
        }
        FOG_ASSERT(s.len > 0 && s.len <= left);
        fog_buf_append(&q->answer.body, s.p, s.len);
        fog_slice_done(&s);
    }
    if (q->has_source)
        close_source(q, 0);
}

void fog_http_respond(struct fog_http_req *r, int status, const struct fog_http_header *headers,
                      size_t n, uint64_t content_length, const struct fog_http_source *source)
{
    struct world_req *q = req_of(r);

    start_answer(q, status, headers, n, content_length);
    q->source = *source;
    q->has_source = true;
    if (fog_bytes_eq(fog_buf_bytes(&q->method), fog_bytes_str("HEAD")))
        close_source(q, 0);
    else
        q->pull = true;
}

void fog_http_respond_bytes(struct fog_http_req *r, int status,
                            const struct fog_http_header *headers, size_t n, struct fog_bytes body)
{
    struct world_req *q = req_of(r);

    start_answer(q, status, headers, n, body.len);
    fog_buf_append(&q->answer.body, body.p, body.len);
    q->answer.ended = true;
    req_over(q);
}

void fog_http_resume(struct fog_http_req *r)
{
    req_of(r)->pull = true;
}

/* --- the source --- */

static void object_key(enum fog_kind kind, const struct fog_hash *id, uint8_t key[33])
{
    key[0] = (uint8_t)kind;
    memcpy(key + 1, id->b, sizeof id->b);
}

static void put_object(struct world *w, enum fog_kind kind, const struct fog_hash *id,
                       struct fog_bytes body)
{
    uint8_t key[33];
    struct fog_buf *b, *old;

    object_key(kind, id, key);
    b = FOG_NEW(fog_buf);
    fog_buf_append(b, body.p, body.len);
    old = fog_map_put(w->objects, fog_bytes_of(key, sizeof key), b);
    if (old != NULL) {
        fog_buf_fini(old);
        free(old);
    }
}

static struct fog_buf *get_object(struct world *w, enum fog_kind kind, const struct fog_hash *id)
{
    uint8_t key[33];

    object_key(kind, id, key);
    return fog_map_get(w->objects, fog_bytes_of(key, sizeof key));
}

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
        *out = w->pointer;
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
    const struct fog_buf *b = get_object(w, kind, id);
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
    const struct fog_buf *b = get_object(w, FOG_KIND_CHUNK, &chunk->id);
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
    FOG_ASSERT(fog_hash_eq(publisher_id, &w->pointer.publisher_id));
    return !w->knobs.no_standing && take_grant(w, out) == EDGE_GRANT_OK;
}

static int64_t grants_allow(void *arg, struct edge_grant *g)
{
    (void)arg;
    return g->w->knobs.allow;
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

/* --- content --- */

static void add_variant(struct world *w, struct fog_manifest *m, enum fog_encoding encoding,
                        struct fog_bytes bytes)
{
    struct fog_variant *v = &m->variants[m->n_variants++];
    struct fog_hasher h;

    fog_hasher_init(&h);
    FOG_ASSERT(fog_hasher_update(&h, bytes) == 0);
    fog_hasher_final(&h, encoding, v);
    fog_hasher_fini(&h);
    for (uint64_t i = 0; i < fog_chunk_count(v->size); i++) {
        struct fog_chunk_ref ref = fog_variant_chunk(v, i);

        put_object(w, FOG_KIND_CHUNK, &ref.id, fog_bytes_of(bytes.p + i * FOG_CHUNK_SIZE, ref.len));
    }
}

static void add_coded(struct world *w, struct fog_manifest *m, enum fog_encoding encoding,
                      struct fog_bytes bytes)
{
    struct fog_buf coded = {0};

    FOG_ASSERT(fog_encode(encoding, 0, bytes, &coded) == 0);
    add_variant(w, m, encoding, fog_buf_bytes(&coded));
    fog_buf_fini(&coded);
}

static void add_file(struct world *w, const struct world_file *f, struct fog_release_entry *e)
{
    struct fog_manifest m = {0};
    struct fog_buf bytes = {0};

    (void)snprintf(m.media_type, sizeof m.media_type, "%s", f->media_type);
    add_variant(w, &m, FOG_IDENTITY, f->bytes);
    if (f->compress) {
        add_coded(w, &m, FOG_GZIP, f->bytes);
        add_coded(w, &m, FOG_ZSTD, f->bytes);
    }
    FOG_ASSERT(fog_manifest_encode(&m, &bytes) == 0);
    e->path = fog_bytes_str(f->path);
    e->slot = 7;
    fog_manifest_id(fog_buf_bytes(&bytes), &e->manifest);
    if (f->header != NULL) {
        e->headers[0].name = fog_bytes_str(f->header);
        e->headers[0].value = fog_bytes_str(f->value);
        e->n_headers = 1;
    }
    put_object(w, FOG_KIND_MANIFEST, &e->manifest, fog_buf_bytes(&bytes));
    fog_manifest_fini(&m);
    fog_buf_fini(&bytes);
}

static void on_page(const struct fog_ref *ref, struct fog_bytes page, void *arg)
{
    put_object(arg, FOG_KIND_PAGE, &ref->id, page);
}

static int entry_cmp(const void *a, const void *b)
{
    return fog_release_path_cmp(((const struct fog_release_entry *)a)->path,
                                ((const struct fog_release_entry *)b)->path);
}

void world_publish(struct world *w, const struct world_file *files, size_t n)
{
    struct fog_release_entry *entries = fog_alloc((n + 1) * sizeof *entries);

    for (size_t i = 0; i < n; i++)
        add_file(w, &files[i], &entries[i]);
    qsort(entries, n, sizeof *entries, entry_cmp);
    FOG_ASSERT(fog_release_build(entries, n, on_page, w, &w->pointer.table) == 0);
    free(entries);
    w->pointer.seq++;
    w->pointer.as_of_ms = w->hub_ms;
    if (w->e != NULL)
        edge_pointer_changed(w->e, WORLD_SITE);
}

struct fog_bytes world_bytes(struct world *w, size_t len, uint64_t seed)
{
    struct fog_rng_seeded st;
    struct fog_rng rng = fog_rng_seed(&st, seed);
    struct fog_buf *b = &w->kept[w->n_kept++];

    FOG_ASSERT(w->n_kept < FOG_COUNT(w->kept));
    fog_rng_fill(&rng, fog_buf_reserve(b, len), len);
    fog_buf_added(b, len);
    return fog_buf_bytes(b);
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
    static const uint8_t seed[16] = {1};
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
    w->objects = fog_map_new(seed);
    fog_list_init(&w->timers);
    fog_list_init(&w->reqs);
    set_ports(w);
    w->knobs = (struct world_knobs){
        .read_max = FOG_EXTENT_SIZE, .verdict = EDGE_GRANT_OK, .allow = INT64_MAX};
    memset(w->pointer.publisher_id.b, 0x42, sizeof w->pointer.publisher_id.b);
    w->pointer.max_stale_ms = 7 * 86400000LL;
    conf.source = &w->source;
    conf.steer = gateway ? &w->steer : NULL;
    conf.grants = grants ? &w->grants : NULL;
    FOG_ASSERT(edge_new((struct fog_loop *)(void *)w, &conf, &w->e) == 0);
    return w;
}

void world_free(struct world **wp)
{
    struct world *w = *wp;
    struct fog_bytes key;
    struct fog_buf *b;
    size_t cursor = 0;

    *wp = NULL;
    FOG_ASSERT(fog_list_empty(&w->reqs));
    edge_free(&w->e);
    FOG_ASSERT(w->slices == 0);
    FOG_ASSERT(w->seen.grants_open == 0);
    FOG_ASSERT(fog_list_empty(&w->timers));
    while ((b = fog_map_next(w->objects, &cursor, &key)) != NULL) {
        fog_map_del(w->objects, key);
        fog_buf_fini(b);
        free(b);
    }
    fog_map_free(&w->objects);
    for (size_t i = 0; i < w->n_kept; i++)
        fog_buf_fini(&w->kept[i]);
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

static bool run_req(struct world *w)
{
    FOG_LIST_EACH(&w->reqs, it)
    {
        struct world_req *q = FOG_CONTAINER(it, world_req, link);

        if (q->on_body != NULL && !q->over) {
            void (*on_body)(struct fog_http_req *, int, struct fog_bytes, void *) = q->on_body;

            q->on_body = NULL;
            on_body((struct fog_http_req *)(void *)q, 0, fog_buf_bytes(&q->body), q->body_arg);
            return true;
        }
        if (q->pull && q->has_source) {
            q->pull = false;
            pull(q);
            return true;
        }
    }
    return false;
}

void world_run(struct world *w)
{
    while (run_task(w) || run_req(w))
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

/* --- requests from the test's side --- */

struct world_req *world_start(struct world *w, const char *method, const char *host,
                              const char *target, const struct world_header *headers,
                              const char *body)
{
    struct world_req *q = FOG_NEW(world_req);
    const char *query = strchr(target, '?');

    q->w = w;
    fog_buf_append_str(&q->method, method);
    fog_buf_append_str(&q->host, host);
    fog_buf_append(&q->path, target, query == NULL ? strlen(target) : (size_t)(query - target));
    if (query != NULL)
        fog_buf_append_str(&q->query, query + 1);
    for (; headers != NULL && headers->name != NULL; headers++) {
        FOG_ASSERT(q->n_headers < FOG_COUNT(q->names));
        fog_buf_append_str(&q->names[q->n_headers], headers->name);
        fog_buf_append_str(&q->values[q->n_headers++], headers->value);
    }
    if (body != NULL)
        fog_buf_append_str(&q->body, body);
    fog_list_push_back(&w->reqs, &q->link);
    edge_on_request((struct fog_http_req *)(void *)q, w->e);
    return q;
}

struct world_req *world_get(struct world *w, const char *host, const char *target,
                            const struct world_header *headers)
{
    struct world_req *q = world_start(w, "GET", host, target, headers, NULL);

    world_run(w);
    return q;
}

const struct world_answer *world_answer(const struct world_req *q)
{
    return &q->answer;
}

const char *world_field(const struct world_req *q, const char *name)
{
    struct world_req *mine = req_of((const struct fog_http_req *)(const void *)q);
    struct fog_bytes left = fog_buf_bytes(&q->answer.head);
    size_t n = strlen(name);

    while (left.len > 0) {
        const uint8_t *end = memchr(left.p, '\n', left.len);
        size_t line = (size_t)(end - left.p);

        if (line > n + 1 && memcmp(left.p, name, n) == 0 && left.p[n] == ':') {
            (void)snprintf(mine->field, sizeof mine->field, "%.*s", (int)(line - n - 2),
                           (const char *)left.p + n + 2);
            return mine->field;
        }
        left = fog_bytes_of(end + 1, left.len - line - 1);
    }
    return NULL;
}

void world_leave(struct world_req *q)
{
    if (q->over)
        return;
    if (q->has_source) {
        close_source(q, FOG_ECLOSED);
        return;
    }
    if (q->on_abort != NULL)
        q->on_abort(q->abort_arg);
    if (q->on_body != NULL)
        q->on_body((struct fog_http_req *)(void *)q, FOG_ECLOSED, (struct fog_bytes){0},
                   q->body_arg);
    q->on_body = NULL;
    q->answer.reset = true;
    req_over(q);
}

void world_end(struct world_req **qp)
{
    struct world_req *q = *qp;

    *qp = NULL;
    world_leave(q);
    fog_link_remove(&q->link);
    fog_buf_fini(&q->method);
    fog_buf_fini(&q->host);
    fog_buf_fini(&q->path);
    fog_buf_fini(&q->query);
    for (size_t i = 0; i < q->n_headers; i++) {
        fog_buf_fini(&q->names[i]);
        fog_buf_fini(&q->values[i]);
    }
    fog_buf_fini(&q->body);
    fog_buf_fini(&q->answer.head);
    fog_buf_fini(&q->answer.body);
    free(q);
}
