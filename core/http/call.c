#include "core/http/call.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/obs/log.h"

/* From here on a body may take longer than the time a response is given. */
#define LARGE_UPLOAD (64 * 1024)

static void on_call_turn(void *arg);
static void on_call_timer(void *arg);

static void copy_request(struct fog_http_call *call, const struct fog_http_fetch *f)
{
    struct fog_arena *a = &call->arena;

    call->method = fog_arena_copy(a, fog_bytes_str(f->method == NULL ? "GET" : f->method));
    call->headers = fog_arena_alloc(a, (f->n_headers + 1) * sizeof *call->headers);
    call->n_headers = f->n_headers;
    for (size_t i = 0; i < f->n_headers; i++) {
        call->headers[i].name = fog_arena_copy(a, f->headers[i].name);
        call->headers[i].value = fog_arena_copy(a, f->headers[i].value);
    }
    call->src_done = true;
    if (f->body_source != NULL) {
        call->src = *f->body_source;
        call->src_done = false;
        call->length = f->content_length;
    } else {
        call->body = call->body_left = fog_arena_copy(a, f->body);
        call->length = f->body.len;
        call->own_body = true;
    }
    call->has_length = call->length > 0 || f->body_source != NULL ||
                       fog_bytes_eq(call->method, fog_bytes_str("POST")) ||
                       fog_bytes_eq(call->method, fog_bytes_str("PUT"));
}

struct fog_http_call *call_new(struct fog_loop *loop, const struct fog_http_fetch *f,
                               const struct fog_http_call_ops *ops, void *arg,
                               fog_time_ms response_ms, fog_time_ms stall_ms)
{
    struct fog_http_call *call = FOG_NEW(fog_http_call);

    call->magic = HTTP_CALL_MAGIC;
    call->loop = loop;
    call->ops = *ops;
    call->arg = arg;
    call->response_ms = response_ms;
    call->stall_ms = stall_ms;
    call->expect = UINT64_MAX;
    call->turn = (struct fog_turn){.fn = on_call_turn, .arg = call};
    call->timer = fog_timer_new(loop, on_call_timer, call);
    copy_request(call, f);
    call_extend(call, response_ms);
    return call;
}

static void source_close(struct fog_http_call *call, int err)
{
    fog_slice_done(&call->piece);
    if (call->src_done)
        return;
    call->src_done = true;
    call->src.close(call->src.arg, err, call->sent);
}

static void detach(struct fog_http_call *call)
{
    if (call->transport != NULL)
        call->transport->detach(call);
    call->transport = NULL;
    call->carrier = NULL;
    fog_link_remove(&call->link);
}

void call_free(struct fog_http_call *call)
{
    detach(call);
    if (call->client != NULL)
        client_forget(call);
    fog_link_remove(&call->all_link);
    fog_turn_cancel(&call->turn);
    fog_timer_free(&call->timer);
    source_close(call, call->sent == call->length ? 0 : FOG_ECANCELED);
    fog_turn_cancel(&call->turn);
    fog_buf_fini(&call->pending);
    fog_buf_fini(&call->all);
    fog_arena_fini(&call->arena);
    call->magic = 0;
    free(call);
}

void call_attach(struct fog_http_call *call, const struct call_transport *t, void *carrier)
{
    call->transport = t;
    call->carrier = carrier;
    call_extend(call, call->response_ms);
}

static void start_timer(struct fog_http_call *call, fog_time_ms after_ms)
{
    call->timer_ms = fog_loop_now_ms(call->loop) + after_ms;
    fog_timer_start(call->timer, after_ms);
}

/* The timer is moved lazily: a later deadline costs a store, not a heap operation per chunk. */
void call_extend(struct fog_http_call *call, fog_time_ms by_ms)
{
    call->deadline_ms = fog_loop_now_ms(call->loop) + by_ms;
    if (!fog_timer_running(call->timer) || call->deadline_ms < call->timer_ms)
        start_timer(call, by_ms);
}

/* A request body on its way through a slow line: the kernel took it long ago, the peer still takes
 * it in. */
static bool is_uploading(struct fog_http_call *call)
{
    struct fog_conn *conn = call->transport == NULL ? NULL : call->transport->conn(call);
    uint64_t acked;

    if (conn == NULL || call->length < LARGE_UPLOAD || call->responded)
        return false;
    acked = fog_conn_acked(conn);
    if (acked == call->acked_seen)
        return false;
    call->acked_seen = acked;
    return true;
}

static void on_call_timer(void *arg)
{
    struct fog_http_call *call = FOG_CAST(fog_http_call, HTTP_CALL_MAGIC, arg);
    fog_time_ms left = call->deadline_ms - fog_loop_now_ms(call->loop);

    if (call->ending)
        return;
    if (call->paused || call->complete) /* we are the slow ones */
        left = call->stall_ms;
    else if (left <= 0 && is_uploading(call))
        left = call->response_ms;
    if (left > 0) {
        start_timer(call, left);
        return;
    }
    fog_debug("http.timeout", "side=client responded=%d got=%llu", call->responded,
              (unsigned long long)call->got);
    call_fail(call, -ETIMEDOUT);
}

/* --- the response --- */

int call_add_field(struct fog_http_call *call, struct fog_bytes name, struct fog_bytes value)
{
    call->field_bytes += name.len + value.len + 32;
    if (call->field_bytes > RESPONSE_HEADER_MAX)
        return FOG_ELIMIT;
    if (call->n_fields == call->cap_fields) {
        size_t cap = call->cap_fields == 0 ? 24 : call->cap_fields * 2;
        struct fog_http_header *h = fog_arena_alloc(&call->arena, cap * sizeof *h);

        if (call->n_fields > 0)
            memcpy(h, call->fields, call->n_fields * sizeof *h);
        call->fields = h;
        call->cap_fields = cap;
    }
    call->fields[call->n_fields].name = fog_arena_copy(&call->arena, name);
    call->fields[call->n_fields++].value = fog_arena_copy(&call->arena, value);
    return 0;
}

void call_clear_fields(struct fog_http_call *call)
{
    call->n_fields = 0;
}

/* After a callback of the owner: whether the call is still there. */
static bool leave(struct fog_http_call *call)
{
    call->busy--;
    if (!call->dead || call->busy > 0)
        return !call->dead;
    call_free(call);
    return false;
}

bool call_response(struct fog_http_call *call, int status)
{
    struct fog_bytes name = fog_bytes_str("content-length");
    bool no_body =
        fog_bytes_eq(call->method, fog_bytes_str("HEAD")) || status == 204 || status == 304;
    uint64_t length;

    if (call->ending)
        return true;
    call->responded = true;
    call->status = status;
    for (size_t i = 0; i < call->n_fields && !no_body; i++)
        if (fog_bytes_eq(call->fields[i].name, name) &&
            fog_parse_u64(call->fields[i].value, INT64_MAX, &length) == 0)
            call->expect = length;
    call_extend(call, call->stall_ms);
    call->busy++;
    if (call->ops.on_response != NULL)
        call->ops.on_response(call, status, call->fields, call->n_fields, call->arg);
    return leave(call);
}

/* Passes on; what flow control counts is told to the transport. */
static bool pass(struct fog_http_call *call, struct fog_bytes data)
{
    bool more = true;

    call->busy++;
    if (call->ops.on_data != NULL)
        more = call->ops.on_data(call, data, call->arg);
    if (!leave(call))
        return false;
    if (!more && !call->ending)
        call->paused = true;
    if (call->transport != NULL)
        call->transport->taken(call, data.len);
    return true;
}

bool call_data(struct fog_http_call *call, struct fog_bytes data)
{
    call->got += data.len;
    if (call->ending)
        return true;
    if (call->expect != UINT64_MAX && call->got > call->expect) {
        call_fail(call, FOG_EPROTO);
        return true;
    }
    call_extend(call, call->stall_ms);
    if (call->paused || call->pending.len > 0) {
        fog_buf_append(&call->pending, data.p, data.len); /* bounded by the window we gave */
        return true;
    }
    return pass(call, data);
}

/* --- the end --- */

static void end_with(struct fog_http_call *call, int err)
{
    if (call->ending)
        return;
    call->ending = true;
    call->end_err = err;
    fog_turn_schedule(call->loop, &call->turn, FOG_TURN_PRODUCE);
}

void call_complete(struct fog_http_call *call)
{
    call->complete = true;
    if (call->pending.len > 0)
        return; /* when the owner has taken the rest */
    end_with(call, call->expect != UINT64_MAX && call->got != call->expect ? FOG_ETRUNC : 0);
}

void call_fail(struct fog_http_call *call, int err)
{
    end_with(call, err);
    detach(call);
}

static void finish(struct fog_http_call *call)
{
    void (*on_end)(struct fog_http_call * call, int err, void *arg) = call->ops.on_end;

    detach(call);
    call->busy++;
    on_end(call, call->end_err, call->arg);
    call->busy--;
    call_free(call);
}

static void on_call_turn(void *arg)
{
    struct fog_http_call *call = FOG_CAST(fog_http_call, HTTP_CALL_MAGIC, arg);

    if (call->ending) {
        finish(call);
        return;
    }
    if (call->paused)
        return;
    if (call->pending.len > 0) {
        struct fog_buf now = {0};
        bool alive;

        fog_buf_move(&now, &call->pending);
        alive = pass(call, fog_buf_bytes(&now));
        fog_buf_fini(&now);
        if (!alive || call->ending || call->paused)
            return;
    }
    if (call->complete)
        call_complete(call);
    else if (call->transport != NULL)
        call->transport->resume(call);
}

void fog_http_call_cancel(struct fog_http_call *call)
{
    FOG_ASSERT(call->magic == HTTP_CALL_MAGIC);
    detach(call);
    call->ending = true;
    fog_turn_cancel(&call->turn);
    if (call->busy > 0)
        call->dead = true; /* freed when the callback we are in returns */
    else
        call_free(call);
}

void fog_http_call_resume(struct fog_http_call *call)
{
    FOG_ASSERT(call->magic == HTTP_CALL_MAGIC);
    call->paused = false;
    call->src_waiting = false;
    call_extend(call, call->stall_ms);
    fog_turn_schedule(call->loop, &call->turn, FOG_TURN_PRODUCE);
}

const struct fog_addr *fog_http_call_peer(const struct fog_http_call *call)
{
    struct fog_http_call *c = (struct fog_http_call *)(uintptr_t)call;
    struct fog_conn *conn = call->transport == NULL ? NULL : call->transport->conn(c);

    return conn == NULL ? NULL : fog_conn_peer_addr(conn);
}

/* --- the request's body --- */

int call_pull(struct fog_http_call *call, size_t max)
{
    uint64_t left = call->length - call->sent;
    int rc;

    if (call->piece.len > 0)
        return 0;
    if (left < max)
        max = (size_t)left;
    if (call->own_body) {
        call->piece = (struct fog_slice){.p = call->body_left.p, .len = max};
        call->body_left = fog_bytes_of(call->body_left.p + max, call->body_left.len - max);
        return 0;
    }
    if (call->src_done)
        return FOG_ETRUNC;
    rc = call->src.next(call->src.arg, max, &call->piece);
    if (rc == -EAGAIN)
        call->src_waiting = true;
    if (rc != 0)
        return rc;
    FOG_ASSERT(call->piece.len > 0 && call->piece.len <= max);
    return 0;
}

void call_pulled(struct fog_http_call *call, size_t n)
{
    call->sent += n;
    call_extend(call, call->response_ms);
    if (n < call->piece.len) {
        call->piece.p += n;
        call->piece.len -= n;
        return;
    }
    fog_slice_done(&call->piece);
    if (call->sent == call->length)
        source_close(call, 0);
}

bool call_can_repeat(const struct fog_http_call *call)
{
    static const char *const safe[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};

    if (!call->own_body || call->responded)
        return false;
    for (size_t i = 0; i < FOG_COUNT(safe); i++)
        if (fog_bytes_eq(call->method, fog_bytes_str(safe[i])))
            return true;
    return call->rejected;
}
