#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/http/h2_session.h"
#include "core/http/server_in.h"
#include "core/obs/log.h"

/* What a client may send before we have used it; the connection's window bounds the memory that
 * paused uploads can hold. */
#define STREAM_WINDOW (1 << 20)
#define CONN_WINDOW   (1 << 20)

/* Rapid reset (CVE-2023-44487): resets a client may send at once and per second. Players cancel a
 * handful when they switch quality. */
#define RESET_BURST 200
#define RESET_RATE  20

/* A request body that nobody wants is read over this far and this long after the answer: a client
 * that is still sending sees our 403 or 413 then. */
#define DISCARD_MAX (16 << 20)
#define DISCARD_MS  10000

struct h2_conn {
    struct server_conn sc;
    struct fog_turn turn;
    nghttp2_session *session;
    bool closing; /* GOAWAY was sent: close when the last stream is through */
};

static struct h2_conn *h2_of(struct server_conn *sc)
{
    FOG_ASSERT(sc->magic == SERVER_CONN_MAGIC);
    return FOG_CONTAINER(sc, h2_conn, sc);
}

static void schedule(struct h2_conn *h)
{
    if (h->sc.conn != NULL)
        fog_turn_schedule(h->sc.server->loop, &h->turn, FOG_TURN_PRODUCE);
}

static void on_turn(void *arg)
{
    struct h2_conn *h = arg;

    if (h->sc.conn == NULL || !fog_conn_is_open(h->sc.conn))
        return;
    if (h2_pump(h->session, h->sc.conn) != 0)
        fog_conn_abort(h->sc.conn);
    else if (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session))
        fog_conn_close(h->sc.conn);
}

static struct fog_http_req *req_of(nghttp2_session *s, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(s, stream);
}

/* --- the response --- */

static void cut_stream(struct h2_conn *h, struct fog_http_req *r, uint32_t code)
{
    (void)nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, r->stream, code);
    schedule(h);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): nghttp2_data_source_read_callback */
static ssize_t on_body_wanted(nghttp2_session *s, int32_t stream, uint8_t *buf, size_t length,
                              uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct h2_conn *h = arg;
    struct fog_http_req *r = source->ptr;
    uint64_t left = r->length - r->sent;
    size_t max = length < H2_DATA_MAX ? length : H2_DATA_MAX;
    int rc;

    (void)s;
    (void)stream;
    (void)buf;
    if (fog_conn_queued(h->sc.conn) >= FOG_CONN_HIGH)
        return NGHTTP2_ERR_PAUSE;
    rc = req_pull(r, left < max ? (size_t)left : max);
    if (rc == -EAGAIN)
        return NGHTTP2_ERR_DEFERRED;
    if (rc != 0) {
        fog_unusual("http.body", "protocol=h2 status=%d sent=%" PRIu64 " of=%" PRIu64 " error=%s",
                    r->status, r->sent, r->length, fog_errname(rc));
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* RST_STREAM(INTERNAL_ERROR) */
    }
    if (max > r->piece.len)
        max = r->piece.len;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (max == left)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)max;
}

static int on_send_data(nghttp2_session *s, nghttp2_frame *frame, const uint8_t *header,
                        size_t length, nghttp2_data_source *source, void *arg)
{
    struct h2_conn *h = arg;
    struct fog_http_req *r = source->ptr;
    int rc = h2_write_data(h->sc.conn, header, fog_bytes_of(r->piece.p, length));

    (void)s;
    (void)frame;
    if (rc == 0)
        req_pulled(r, length);
    return rc;
}

static void start(struct fog_http_req *r)
{
    struct h2_conn *h = h2_of(r->sc);
    nghttp2_nv *nv = fog_arena_alloc(&r->arena, (r->n_out + 2) * sizeof *nv);
    uint8_t *status = fog_arena_alloc(&r->arena, 4);
    char *length = fog_arena_alloc(&r->arena, 24);
    bool body = !r->head && r->length > 0 && r->status != 204 && r->status != 304;
    nghttp2_data_provider provider = {.source.ptr = r, .read_callback = on_body_wanted};
    size_t n = 0;

    status[0] = (uint8_t)('0' + r->status / 100);
    status[1] = (uint8_t)('0' + r->status / 10 % 10);
    status[2] = (uint8_t)('0' + r->status % 10);
    nv[n++] = h2_nv(fog_bytes_str(":status"), fog_bytes_of(status, 3));
    for (size_t i = 0; i < r->n_out; i++)
        nv[n++] = h2_nv(r->out[i].name, r->out[i].value);
    if (r->status != 204) {
        (void)snprintf(length, 24, "%" PRIu64, r->length);
        nv[n++] = h2_nv(fog_bytes_str("content-length"), fog_bytes_str(length));
    }
    if (nghttp2_submit_response(h->session, r->stream, nv, n, body ? &provider : NULL) != 0)
        cut_stream(h, r, NGHTTP2_INTERNAL_ERROR);
    schedule(h);
}

static void resume(struct fog_http_req *r)
{
    struct h2_conn *h = h2_of(r->sc);

    (void)nghttp2_session_resume_data(h->session, r->stream);
    schedule(h);
}

static void reset(struct fog_http_req *r)
{
    cut_stream(h2_of(r->sc), r, NGHTTP2_REFUSED_STREAM);
}

/* --- request bodies --- */

static void body_taken(struct fog_http_req *r, size_t n)
{
    struct h2_conn *h = h2_of(r->sc);

    (void)nghttp2_session_consume(h->session, r->stream, n);
    schedule(h);
}

static void body_wanted(struct fog_http_req *r)
{
    struct h2_conn *h = h2_of(r->sc);
    nghttp2_nv nv = h2_nv(fog_bytes_str(":status"), fog_bytes_str("100"));

    if (!r->expect_continue || r->started || r->body.got > 0)
        return;
    r->expect_continue = false;
    (void)nghttp2_submit_headers(h->session, NGHTTP2_FLAG_NONE, r->stream, NULL, &nv, 1, NULL);
    schedule(h);
}

static const struct req_transport transport = {.start = start,
                                               .resume = resume,
                                               .reset = reset,
                                               .body_taken = body_taken,
                                               .body_wanted = body_wanted};

/* --- what the client sends --- */

static int on_begin_headers(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
    struct h2_conn *h = arg;
    struct fog_http_req *r;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    r = req_new(&h->sc, &transport);
    r->is_h2 = true;
    r->stream = frame->hd.stream_id;
    (void)nghttp2_session_set_stream_user_data(s, r->stream, r);
    return 0;
}

static void take_pseudo(struct fog_http_req *r, struct fog_bytes name, struct fog_bytes value)
{
    if (fog_bytes_eq(name, fog_bytes_str(":method")))
        r->method = value;
    else if (fog_bytes_eq(name, fog_bytes_str(":scheme")))
        r->scheme = value;
    else if (fog_bytes_eq(name, fog_bytes_str(":path")))
        r->bad = r->bad || req_set_target(r, value) != 0;
    else if (fog_bytes_eq(name, fog_bytes_str(":authority")))
        r->bad = r->bad || req_set_authority(r, value) != 0;
}

/* Field names and values are checked by nghttp2 (RFC 9113 8.2, 8.3). */
static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name,
                     size_t namelen, const uint8_t *value, size_t valuelen, uint8_t flags,
                     void *arg)
{
    struct h2_conn *h = arg;
    struct fog_http_req *r = req_of(s, frame->hd.stream_id);
    struct fog_bytes n, v;

    (void)flags;
    if (r == NULL || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;                               /* trailers: read over */
    r->header_bytes += namelen + valuelen + 32; /* as SETTINGS_MAX_HEADER_LIST_SIZE counts */
    if (r->header_bytes > h->sc.server->conf.limits.header_bytes)
        return 0; /* answered 431 when the section is complete */
    n = fog_arena_copy(&r->arena, fog_bytes_of(name, namelen));
    v = fog_arena_copy(&r->arena, fog_bytes_of(value, valuelen));
    if (n.len > 0 && n.p[0] == ':')
        take_pseudo(r, n, v);
    else
        req_add_header(r, n, v);
    return 0;
}

/* Without a priority signal nghttp2 would send one response after the other; taking turns keeps a
 * small object from waiting behind a large one. */
static void take_turns(struct h2_conn *h, struct fog_http_req *r)
{
    nghttp2_extpri pri = {.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};

    if (h->sc.n_reqs > 1 && fog_http_req_header(r, "priority").p == NULL)
        (void)nghttp2_session_change_extpri_stream_priority(h->session, r->stream, &pri, 0);
}

static void request_complete(struct h2_conn *h, struct fog_http_req *r, bool end_stream)
{
    struct fog_bytes host = fog_http_req_header(r, "host");
    struct fog_bytes length = fog_http_req_header(r, "content-length");

    r->head = fog_bytes_eq(r->method, fog_bytes_str("HEAD"));
    r->body.complete = end_stream;
    if (fog_parse_u64(length, INT64_MAX, &r->body.length) != 0)
        r->body.length = UINT64_MAX;
    if (r->authority.len == 0 && host.p != NULL)
        r->bad = r->bad || req_set_authority(r, host) != 0;
    r->expect_continue = !end_stream && fog_bytes_eq(fog_http_req_header(r, "expect"),
                                                     fog_bytes_str("100-continue"));
    take_turns(h, r);
    if (r->header_bytes > h->sc.server->conf.limits.header_bytes)
        fog_http_respond_problem(r, 431, "header-too-large", "The header section is too large.");
    else if (r->bad || r->authority.len == 0 || r->path.len == 0)
        fog_http_respond_problem(r, 400, "bad-request", "The request is not valid HTTP.");
    else
        req_dispatch(r);
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
    struct h2_conn *h = arg;
    bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    struct fog_http_req *r;

    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    r = req_of(s, frame->hd.stream_id);
    if (r == NULL)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        h->sc.head_ms = 0;
        request_complete(h, r, end);
    } else if (end) {
        req_body_complete(r);
    }
    return 0;
}

static int on_begin_frame(nghttp2_session *s, const nghttp2_frame_hd *hd, void *arg)
{
    struct h2_conn *h = arg;

    (void)s;
    if (hd->type == NGHTTP2_HEADERS && h->sc.head_ms == 0)
        h->sc.head_ms = fog_loop_now_ms(h->sc.server->loop);
    return 0;
}

static void drain(struct server_conn *sc);

/* The client goes on sending what nobody reads: ends the stream, and the connection with it. */
static void stop_reading(struct h2_conn *h, struct fog_http_req *r)
{
    cut_stream(h, r, NGHTTP2_NO_ERROR);
    drain(&h->sc);
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t len, void *arg)
{
    struct h2_conn *h = arg;
    struct fog_http_req *r = req_of(s, stream);

    (void)flags;
    if (r == NULL) {
        (void)nghttp2_session_consume(h->session, stream, len);
        return 0;
    }
    req_body_input(r, fog_bytes_of(data, len));
    if (r->body.ended && r->done_ms != 0 && (r->discarded += len) > DISCARD_MAX)
        stop_reading(h, r);
    return 0;
}

static int on_sent(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
    struct h2_conn *h = arg;
    struct fog_http_req *r;

    if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
        return 0;
    r = req_of(s, frame->hd.stream_id);
    if (r == NULL)
        return 0;
    req_response_done(r);
    /* Answered before the request was read. RFC 9113 8.1 allows RST_STREAM(NO_ERROR) at once, but
     * curl 7.88 then fails with error 92 and never shows our 403 or 413: so first we read over. */
    if (!r->body.complete && !r->body.attached)
        req_body_unwanted(r);
    r->done_ms = fog_loop_now_ms(h->sc.server->loop);
    return 0;
}

static int on_stream_close(nghttp2_session *s, int32_t stream, uint32_t code, void *arg)
{
    struct h2_conn *h = arg;
    struct fog_http_req *r = req_of(s, stream);

    if (r == NULL)
        return 0;
    (void)nghttp2_session_set_stream_user_data(s, stream, NULL);
    h->sc.head_ms = 0;
    req_end(r, r->src_done && r->started && code == NGHTTP2_NO_ERROR ? 0 : FOG_ECLOSED);
    if (h->sc.draining && h->sc.n_reqs == 0)
        schedule(h);
    return 0;
}

/* --- the connection --- */

static size_t on_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    struct h2_conn *h = h2_of(arg);

    if (h2_feed(h->session, in) == 0)
        schedule(h);
    else if (h2_pump(h->session, c) == 0) /* GOAWAY, if there is one to say */
        fog_conn_close(c);
    else
        fog_conn_abort(c);
    return in.len;
}

static void on_drain(struct fog_conn *c, void *arg)
{
    struct h2_conn *h = h2_of(arg);

    (void)c;
    if (nghttp2_session_want_write(h->session))
        schedule(h);
}

static void on_close(struct fog_conn *c, int err, void *arg)
{
    struct h2_conn *h = h2_of(arg);

    (void)c;
    h->sc.conn = NULL;
    server_conn_gone(&h->sc, err);
}

/* RFC 9113 6.8: first a notice with the highest stream id, so that requests under way are not lost;
 * the real one at the next check. */
static void drain(struct server_conn *sc)
{
    struct h2_conn *h = h2_of(sc);

    if (sc->draining)
        return;
    sc->draining = true;
    if (sc->n_reqs > 0) {
        (void)nghttp2_submit_shutdown_notice(h->session);
    } else {
        h->closing = true;
        (void)nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR);
    }
    schedule(h);
}

/* A response that the client's window blocks. One that only waits for its turn among others, or for
 * its source, is not the client's fault. */
static bool is_stalled(struct h2_conn *h, const struct fog_http_req *r, fog_time_ms now_ms)
{
    if (!r->started || r->src_done || r->src_waiting ||
        now_ms - r->progress_ms <= h->sc.server->conf.limits.stall_ms)
        return false;
    return nghttp2_session_get_stream_remote_window_size(h->session, r->stream) <= 0 ||
           nghttp2_session_get_remote_window_size(h->session) <= 0;
}

static void check(struct server_conn *sc, fog_time_ms now_ms)
{
    struct h2_conn *h = h2_of(sc);

    if (server_conn_check(sc, now_ms))
        return;
    if (sc->draining && !h->closing) {
        h->closing = true;
        (void)nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(h->session),
                                    NGHTTP2_NO_ERROR, NULL, 0);
        schedule(h);
    }
    FOG_LIST_EACH(&sc->reqs, it)
    {
        struct fog_http_req *r = FOG_CONTAINER(it, fog_http_req, link);

        if (r->done_ms != 0 && r->body.ended && now_ms - r->done_ms > DISCARD_MS)
            stop_reading(h, r);
        else if (server_req_check(r, now_ms) != 0 || is_stalled(h, r, now_ms))
            cut_stream(h, r, NGHTTP2_CANCEL);
    }
}

static void destroy(struct server_conn *sc)
{
    struct h2_conn *h = FOG_CONTAINER(sc, h2_conn, sc);

    fog_turn_cancel(&h->turn);
    nghttp2_session_del(h->session);
    free(h);
}

static void session_new(struct h2_conn *h)
{
    nghttp2_session_callbacks *cb;
    nghttp2_option *o = h2_options();

    FOG_ASSERT(nghttp2_session_callbacks_new(&cb) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
    nghttp2_option_set_stream_reset_rate_limit(o, RESET_BURST, RESET_RATE);
    FOG_ASSERT(nghttp2_session_server_new2(&h->session, cb, h, o) == 0);
    nghttp2_option_del(o);
    nghttp2_session_callbacks_del(cb);
}

void h2_server_adopt(struct fog_http_server *s, struct fog_conn *c)
{
    static const struct server_conn_ops sc_ops = {
        .drain = drain, .check = check, .destroy = destroy};
    static const struct fog_conn_ops conn_ops = {
        .on_read = on_read, .on_drain = on_drain, .on_close = on_close};
    const struct fog_http_limits *l = &s->conf.limits;
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, l->streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)l->header_bytes},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    struct h2_conn *h = FOG_NEW(h2_conn);

    h->turn = (struct fog_turn){.fn = on_turn, .arg = h};
    session_new(h);
    server_conn_init(&h->sc, s, c, &sc_ops);
    FOG_ASSERT(
        nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, FOG_COUNT(settings)) == 0);
    FOG_ASSERT(
        nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, CONN_WINDOW) == 0);
    fog_conn_adopt(c, &conn_ops, &h->sc);
    schedule(h);
}
