#include "core/http/h2_client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/http/h2_session.h"
#include "core/obs/log.h"

#define H2_CLIENT_MAGIC 0x48324354u

/* Large windows: a chunk of 1 MiB and its leaf list never wait for a window update. A paused call
 * may hold back its stream's window in memory. */
#define STREAM_WINDOW (2 << 20)
#define CONN_WINDOW   (16 << 20)

struct h2_client {
    uint32_t magic;
    struct fog_conn *conn; /* NULL once closed */
    nghttp2_session *session;
    struct fog_turn turn;
    struct fog_list calls;
    unsigned n_calls;
    const struct h2_client_events *events;
    void *arg;
    bool feeding; /* inside nghttp2: the session may not be freed */
    bool freed;
    bool goaway;
};

static void schedule(struct h2_client *h)
{
    if (h->conn != NULL)
        fog_turn_schedule(fog_conn_loop(h->conn), &h->turn, FOG_TURN_PRODUCE);
}

static void really_free(struct h2_client *h)
{
    fog_turn_cancel(&h->turn);
    nghttp2_session_del(h->session);
    h->magic = 0;
    free(h);
}

static void on_turn(void *arg)
{
    struct h2_client *h = FOG_CAST(h2_client, H2_CLIENT_MAGIC, arg);
    int rc;

    if (h->conn == NULL || !fog_conn_is_open(h->conn))
        return;
    h->feeding = true;
    rc = h2_pump(h->session, h->conn);
    h->feeding = false;
    if (h->freed)
        really_free(h);
    else if (rc != 0)
        fog_conn_abort(h->conn);
    else if (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session))
        fog_conn_close(h->conn);
}

/* --- a call on this connection --- */

static void call_gone(struct h2_client *h, struct fog_http_call *call)
{
    fog_link_remove(&call->link);
    call->stream = 0;
    if (--h->n_calls == 0 && !h->freed && h->events->on_idle != NULL)
        h->events->on_idle(h->arg);
}

static void t_detach(struct fog_http_call *call)
{
    struct h2_client *h = call->carrier;

    if (call->stream > 0) {
        (void)nghttp2_session_set_stream_user_data(h->session, call->stream, NULL);
        (void)nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, call->stream,
                                        NGHTTP2_CANCEL);
    }
    if (call->pending.len > 0)
        (void)nghttp2_session_consume_connection(h->session, call->pending.len);
    schedule(h);
    if (fog_link_linked(&call->link))
        call_gone(h, call);
}

static void t_taken(struct fog_http_call *call, size_t n)
{
    struct h2_client *h = call->carrier;

    if (call->stream > 0)
        (void)nghttp2_session_consume(h->session, call->stream, n);
    else
        (void)nghttp2_session_consume_connection(h->session, n);
    schedule(h);
}

static void t_resume(struct fog_http_call *call)
{
    struct h2_client *h = call->carrier;

    if (call->stream > 0)
        (void)nghttp2_session_resume_data(h->session, call->stream);
    schedule(h);
}

static struct fog_conn *t_conn(struct fog_http_call *call)
{
    return ((struct h2_client *)call->carrier)->conn;
}

static const struct call_transport transport = {
    .detach = t_detach, .taken = t_taken, .resume = t_resume, .conn = t_conn};

/* NOLINTNEXTLINE(readability-non-const-parameter): nghttp2_data_source_read_callback */
static ssize_t on_body_wanted(nghttp2_session *s, int32_t stream, uint8_t *buf, size_t length,
                              uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct h2_client *h = arg;
    struct fog_http_call *call = nghttp2_session_get_stream_user_data(s, stream);
    size_t max = length < H2_DATA_MAX ? length : H2_DATA_MAX;
    int rc;

    (void)buf;
    (void)source;
    if (call == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (fog_conn_queued(h->conn) >= FOG_CONN_HIGH)
        return NGHTTP2_ERR_PAUSE;
    rc = call_pull(call, max);
    if (rc == -EAGAIN)
        return NGHTTP2_ERR_DEFERRED;
    if (rc != 0) {
        (void)nghttp2_session_set_stream_user_data(s, stream, NULL);
        call->stream = 0;
        call_fail(call, rc);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (max > call->piece.len)
        max = call->piece.len;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (call->sent + max == call->length)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)max;
}

static int on_send_data(nghttp2_session *s, nghttp2_frame *frame, const uint8_t *header,
                        size_t length, nghttp2_data_source *source, void *arg)
{
    struct h2_client *h = arg;
    struct fog_http_call *call = nghttp2_session_get_stream_user_data(s, frame->hd.stream_id);
    int rc;

    (void)source;
    if (call == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    rc = h2_write_data(h->conn, header, fog_bytes_of(call->piece.p, length));
    if (rc == 0)
        call_pulled(call, length);
    return rc;
}

void h2_client_submit(struct h2_client *h, struct fog_http_call *call)
{
    nghttp2_nv *nv = fog_arena_alloc(&call->arena, (call->n_headers + 6) * sizeof *nv);
    nghttp2_data_provider provider = {.source.ptr = NULL, .read_callback = on_body_wanted};
    char *length = fog_arena_alloc(&call->arena, 24);
    size_t n = 0;
    int32_t stream;

    nv[n++] = h2_nv(fog_bytes_str(":method"), call->method);
    nv[n++] = h2_nv(fog_bytes_str(":scheme"), call->scheme);
    nv[n++] = h2_nv(fog_bytes_str(":authority"), call->authority);
    nv[n++] = h2_nv(fog_bytes_str(":path"), call->path);
    for (size_t i = 0; i < call->n_headers; i++)
        nv[n++] = h2_nv(call->headers[i].name, call->headers[i].value);
    if (call->has_length) {
        (void)snprintf(length, 24, "%" PRIu64, call->length);
        nv[n++] = h2_nv(fog_bytes_str("content-length"), fog_bytes_str(length));
    }
    call_attach(call, &transport, h);
    fog_list_push_back(&h->calls, &call->link);
    h->n_calls++;
    stream =
        nghttp2_submit_request(h->session, NULL, nv, n, call->length > 0 ? &provider : NULL, call);
    if (stream < 0) { /* stream ids are used up, or the session is ending */
        call->rejected = true;
        if (!client_retry(call))
            call_fail(call, FOG_ECLOSED);
        return;
    }
    call->stream = stream;
    schedule(h);
}

/* --- what the server sends --- */

static struct fog_http_call *call_of(nghttp2_session *s, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(s, stream);
}

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name,
                     size_t namelen, const uint8_t *value, size_t valuelen, uint8_t flags,
                     void *arg)
{
    struct fog_http_call *call = call_of(s, frame->hd.stream_id);
    struct fog_bytes n = fog_bytes_of(name, namelen), v = fog_bytes_of(value, valuelen);
    uint64_t status;

    (void)flags;
    (void)arg;
    if (call == NULL || call->responded)
        return 0; /* cancelled, or trailers */
    if (fog_bytes_eq(n, fog_bytes_str(":status")) && fog_parse_u64(v, 999, &status) == 0)
        call->status = (int)status;
    else if (call_add_field(call, n, v) != 0)
        call_fail(call, FOG_ELIMIT);
    return 0;
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
    struct h2_client *h = arg;
    bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    struct fog_http_call *call;

    if (frame->hd.type == NGHTTP2_GOAWAY)
        h->goaway = true;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    call = call_of(s, frame->hd.stream_id);
    if (call == NULL)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && !call->responded) {
        if (call->status < 200)
            call_clear_fields(call); /* interim */
        else if (!call_response(call, call->status))
            return 0;
    }
    if (end)
        call_complete(call);
    return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t len, void *arg)
{
    struct fog_http_call *call = call_of(s, stream);

    (void)flags;
    (void)arg;
    if (call != NULL)
        (void)call_data(call, fog_bytes_of(data, len));
    /* Cancelled now or before: its bytes still count against the connection's window. */
    if (call_of(s, stream) == NULL)
        (void)nghttp2_session_consume_connection(s, len);
    return 0;
}

static int on_stream_close(nghttp2_session *s, int32_t stream, uint32_t code, void *arg)
{
    struct fog_http_call *call = call_of(s, stream);

    (void)arg;
    if (call == NULL)
        return 0;
    call->stream = 0; /* nothing left to reset */
    if (call->complete || call->ending)
        return 0;
    call->rejected = code == NGHTTP2_REFUSED_STREAM;
    if (call->rejected && client_retry(call))
        return 0;
    call_fail(call, call->responded                  ? FOG_ETRUNC
                    : code == NGHTTP2_REFUSED_STREAM ? FOG_EBUSY
                                                     : FOG_ECLOSED);
    return 0;
}

static size_t on_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    struct h2_client *h = FOG_CAST(h2_client, H2_CLIENT_MAGIC, arg);
    int rc;

    h->feeding = true;
    rc = h2_feed(h->session, in);
    h->feeding = false;
    if (h->freed)
        really_free(h);
    else if (rc != 0)
        fog_conn_abort(c);
    else
        schedule(h);
    return in.len;
}

static void on_drain(struct fog_conn *c, void *arg)
{
    struct h2_client *h = FOG_CAST(h2_client, H2_CLIENT_MAGIC, arg);

    (void)c;
    if (nghttp2_session_want_write(h->session))
        schedule(h);
}

static void fail_all(struct h2_client *h, int err)
{
    struct fog_link *it;

    while ((it = fog_list_first(&h->calls)) != NULL) {
        struct fog_http_call *call = FOG_CONTAINER(it, fog_http_call, link);

        call->stream = 0;
        if (call->complete) {
            fog_link_remove(it); /* it has all; only its owner is slow */
            h->n_calls--;
            call->transport = NULL;
            continue;
        }
        if (!call->ending && call->reused && client_retry(call))
            continue;
        call_fail(call, call->responded ? FOG_ETRUNC : err);
    }
}

static void on_close(struct fog_conn *c, int err, void *arg)
{
    struct h2_client *h = FOG_CAST(h2_client, H2_CLIENT_MAGIC, arg);

    (void)c;
    fog_turn_cancel(&h->turn);
    h->conn = NULL;
    h->feeding = true; /* on_idle and on_close below may free us */
    fail_all(h, err == 0 ? FOG_ECLOSED : err);
    h->feeding = false;
    if (h->freed)
        really_free(h);
    else
        h->events->on_close(err, h->arg);
}

/* --- life --- */

static void session_new(struct h2_client *h)
{
    nghttp2_session_callbacks *cb;
    nghttp2_option *o = h2_options();

    FOG_ASSERT(nghttp2_session_callbacks_new(&cb) == 0);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
    FOG_ASSERT(nghttp2_session_client_new2(&h->session, cb, h, o) == 0);
    nghttp2_option_del(o);
    nghttp2_session_callbacks_del(cb);
}

struct h2_client *h2_client_new(struct fog_conn *c, const struct h2_client_events *events,
                                void *arg)
{
    static const struct fog_conn_ops conn_ops = {
        .on_read = on_read, .on_drain = on_drain, .on_close = on_close};
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, RESPONSE_HEADER_MAX},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    struct h2_client *h = FOG_NEW(h2_client);

    h->magic = H2_CLIENT_MAGIC;
    h->conn = c;
    h->events = events;
    h->arg = arg;
    h->turn = (struct fog_turn){.fn = on_turn, .arg = h};
    fog_list_init(&h->calls);
    session_new(h);
    FOG_ASSERT(
        nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, FOG_COUNT(settings)) == 0);
    FOG_ASSERT(
        nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, CONN_WINDOW) == 0);
    fog_conn_adopt(c, &conn_ops, h);
    schedule(h);
    return h;
}

void h2_client_free(struct h2_client **hp)
{
    struct h2_client *h = *hp;

    *hp = NULL;
    if (h == NULL)
        return;
    h->freed = true;
    fail_all(h, FOG_ECANCELED);
    if (h->conn != NULL) {
        fog_conn_adopt(h->conn, NULL, NULL);
        if (!h->feeding && fog_conn_is_open(h->conn)) {
            (void)nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR);
            if (h2_pump(h->session, h->conn) != 0)
                fog_conn_abort(h->conn);
        }
        fog_conn_close(h->conn);
        h->conn = NULL;
    }
    if (!h->feeding)
        really_free(h);
}

bool h2_client_usable(const struct h2_client *h)
{
    return h->conn != NULL && fog_conn_is_open(h->conn) && !h->goaway &&
           nghttp2_session_check_request_allowed(h->session) != 0;
}

unsigned h2_client_calls(const struct h2_client *h)
{
    return h->n_calls;
}

struct fog_conn *h2_client_conn(struct h2_client *h)
{
    return h->conn;
}
