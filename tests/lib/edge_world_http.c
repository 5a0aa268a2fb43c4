#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/io/loop.h"
#include "tests/lib/edge_world_in.h"

/* --- clock and timers (core/io/loop.h) --- */

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
    if (source == NULL) { /* 304 and answers without content */
        FOG_ASSERT(status == 304 || content_length == 0);
        q->answer.ended = true;
        req_over(q);
        return;
    }
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
    if (!fog_bytes_eq(fog_buf_bytes(&q->method), fog_bytes_str("HEAD")))
        fog_buf_append(&q->answer.body, body.p, body.len);
    q->answer.ended = true;
    req_over(q);
}

void fog_http_resume(struct fog_http_req *r)
{
    req_of(r)->pull = true;
}

bool world_run_req(struct world *w)
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
