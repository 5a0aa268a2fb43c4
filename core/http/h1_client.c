#include "core/http/h1_client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/http/h1_parse.h"
#include "core/obs/log.h"

#define H1_CLIENT_MAGIC 0x48314354u
#define PIECE_MAX       65536
/* The connection offers at most 64 KiB at once, so a head must fit below. */
#define HEAD_MAX    (48 * 1024)
#define INTERIM_MAX 16 /* 1xx responses before the real one */

struct h1_client {
    uint32_t magic;
    struct fog_conn *conn; /* NULL once closed */
    struct fog_turn turn;  /* writes the request */
    const struct h1_client_events *events;
    void *arg;
    struct fog_http_call *call;
    bool head_sent;
    bool any_bytes; /* of the current response */
    bool used;      /* carried a call before */
    bool in_body;
    bool freed;
    bool reading;
    unsigned interims;
    size_t scanned;
    struct fog_h1_framing framing;
    struct fog_h1_chunks chunks;
    uint64_t left;
};

static void schedule(struct h1_client *h)
{
    if (h->conn != NULL)
        fog_turn_schedule(fog_conn_loop(h->conn), &h->turn, FOG_TURN_PRODUCE);
}

static void really_free(struct h1_client *h)
{
    fog_turn_cancel(&h->turn);
    h->magic = 0;
    free(h);
}

/* --- the request --- */

static void put_field(struct fog_buf *b, struct fog_bytes name, struct fog_bytes value)
{
    fog_buf_append(b, name.p, name.len);
    fog_buf_append(b, ": ", 2);
    fog_buf_append(b, value.p, value.len);
    fog_buf_append(b, "\r\n", 2);
}

static void send_head(struct h1_client *h)
{
    struct fog_http_call *call = h->call;
    struct fog_buf b = {0};

    fog_buf_append(&b, call->method.p, call->method.len);
    fog_buf_append(&b, " ", 1);
    fog_buf_append(&b, call->path.p, call->path.len);
    fog_buf_append_str(&b, " HTTP/1.1\r\n");
    put_field(&b, fog_bytes_str("host"), call->authority);
    for (size_t i = 0; i < call->n_headers; i++)
        put_field(&b, call->headers[i].name, call->headers[i].value);
    if (call->has_length)
        fog_buf_printf(&b, "content-length: %" PRIu64 "\r\n", call->length);
    fog_buf_append_str(&b, "\r\n");
    fog_conn_write(h->conn, fog_buf_bytes(&b));
    fog_buf_fini(&b);
    h->head_sent = true;
}

static void lose(struct h1_client *h, int err);

static void on_turn(void *arg)
{
    struct h1_client *h = FOG_CAST(h1_client, H1_CLIENT_MAGIC, arg);
    struct fog_http_call *call = h->call;
    int rc = 0;

    if (h->conn == NULL || call == NULL || !fog_conn_is_open(h->conn))
        return;
    if (!h->head_sent)
        send_head(h);
    while (call->sent < call->length && fog_conn_queued(h->conn) < FOG_CONN_HIGH) {
        if ((rc = call_pull(call, PIECE_MAX)) != 0)
            break;
        fog_conn_write(h->conn, fog_bytes_of(call->piece.p, call->piece.len));
        call_pulled(call, call->piece.len);
    }
    if (rc != 0 && rc != -EAGAIN)
        lose(h, rc);
}

/* --- a call on this connection --- */

/* The call ends with an error and takes the connection with it. */
static void lose(struct h1_client *h, int err)
{
    struct fog_http_call *call = h->call;

    if (call != NULL)
        call_fail(call, err); /* detaches, which aborts */
    else if (h->conn != NULL)
        fog_conn_abort(h->conn);
}

static void t_detach(struct fog_http_call *call)
{
    struct h1_client *h = call->carrier;

    if (h->call != call)
        return;
    h->call = NULL;
    if (h->conn != NULL)
        fog_conn_abort(h->conn); /* in the middle of an exchange */
}

static void t_taken(struct fog_http_call *call, size_t n)
{
    struct h1_client *h = call->carrier;

    (void)n;
    if (call->paused && h->conn != NULL)
        fog_conn_pause_read(h->conn, true);
}

static void t_resume(struct fog_http_call *call)
{
    struct h1_client *h = call->carrier;

    if (h->conn == NULL)
        return;
    fog_conn_pause_read(h->conn, false);
    schedule(h);
}

static struct fog_conn *t_conn(struct fog_http_call *call)
{
    return ((struct h1_client *)call->carrier)->conn;
}

static const struct call_transport transport = {
    .detach = t_detach, .taken = t_taken, .resume = t_resume, .conn = t_conn};

void h1_client_submit(struct h1_client *h, struct fog_http_call *call)
{
    FOG_ASSERT(h1_client_idle(h));
    h->call = call;
    h->head_sent = h->any_bytes = h->in_body = false;
    h->interims = 0;
    h->scanned = 0;
    call->reused = h->used;
    h->used = true;
    call_attach(call, &transport, h);
    schedule(h);
}

bool h1_client_idle(const struct h1_client *h)
{
    return h->conn != NULL && h->call == NULL && fog_conn_is_open(h->conn);
}

/* --- the response --- */

/* The response is complete: lets the call go and keeps the connection where both sides agree. */
static void finish(struct h1_client *h)
{
    struct fog_http_call *call = h->call;
    bool keep = h->framing.keep_alive && call->sent == call->length;

    h->call = NULL;
    call->transport = NULL;
    call->carrier = NULL;
    call_complete(call);
    if (!keep)
        fog_conn_close(h->conn);
    else if (!h->freed)
        h->events->on_idle(h->arg);
}

static int take_fields(struct fog_http_call *call, const struct fog_h1_head *head)
{
    int rc;

    for (size_t i = 0; i < head->n_fields; i++)
        if ((rc = call_add_field(call, head->fields[i].name, head->fields[i].value)) != 0)
            return rc;
    return 0;
}

/* A final head: tells the owner and prepares for the body. */
static int begin_body(struct h1_client *h, const struct fog_h1_head *head)
{
    struct fog_http_call *call = h->call;
    bool was_head = fog_bytes_eq(call->method, fog_bytes_str("HEAD"));
    int rc;

    if ((rc = take_fields(call, head)) != 0 ||
        (rc = fog_h1_response_framing(head, was_head, &h->framing)) != 0)
        return rc;
    h->in_body = true;
    h->chunks = (struct fog_h1_chunks){0};
    h->left = h->framing.length;
    if (call_response(call, head->status) && h->call != NULL && h->framing.body == FOG_H1_NO_BODY)
        finish(h);
    return 0;
}

static int on_section(struct h1_client *h, struct fog_bytes section)
{
    uint8_t *copy = fog_arena_alloc(&h->call->arena, section.len);
    struct fog_h1_head head;
    int rc;

    memcpy(copy, section.p, section.len);
    if ((rc = fog_h1_parse_response(copy, section.len, &head)) != 0)
        return rc;
    if (head.status == 101 || (head.status < 200 && h->interims++ == INTERIM_MAX))
        return FOG_EPROTO; /* we asked for no upgrade */
    return head.status < 200 ? 0 : begin_body(h, &head);
}

static size_t read_head(struct h1_client *h, struct fog_bytes in, int *err)
{
    int64_t n = fog_h1_find_end(in, &h->scanned, HEAD_MAX);

    h->any_bytes = true;
    if (n == 0)
        return 0;
    h->scanned = 0;
    *err = n < 0 ? (int)n : on_section(h, fog_bytes_of(in.p, (size_t)n));
    return n < 0 ? in.len : (size_t)n;
}

static size_t read_body(struct h1_client *h, struct fog_bytes in, int *err)
{
    struct fog_http_call *call = h->call;
    struct fog_bytes data = in;
    size_t taken = in.len;
    bool last = false;

    switch (h->framing.body) {
    case FOG_H1_NO_BODY:
        return 0;
    case FOG_H1_LENGTH:
        taken = h->left < in.len ? (size_t)h->left : in.len;
        data = fog_bytes_of(in.p, taken);
        h->left -= taken;
        last = h->left == 0;
        break;
    case FOG_H1_CHUNKED:
        *err = fog_h1_chunks_next(&h->chunks, in, &taken, &data);
        if (*err < 0)
            return in.len;
        last = *err == 1;
        *err = 0;
        break;
    case FOG_H1_UNTIL_CLOSE:
        break;
    }
    if (data.len > 0 && !call_data(call, data))
        return taken;
    if (last && h->call == call)
        finish(h);
    return taken;
}

static size_t on_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    struct h1_client *h = FOG_CAST(h1_client, H1_CLIENT_MAGIC, arg);
    struct fog_bytes left = in;
    int err = 0;

    h->reading = true;
    while (left.len > 0 && h->call != NULL && !h->call->paused && fog_conn_is_open(c) && err == 0) {
        size_t n = h->in_body ? read_body(h, left, &err) : read_head(h, left, &err);

        if (n == 0)
            break;
        left = fog_bytes_of(left.p + n, left.len - n);
    }
    h->reading = false;
    if (h->freed) {
        really_free(h);
        return in.len;
    }
    if (err != 0)
        lose(h, err == FOG_ELIMIT ? FOG_ELIMIT : FOG_EPROTO);
    else if (h->call == NULL && left.len > 0 && fog_conn_is_open(c))
        fog_conn_abort(c); /* bytes that nobody asked for: whose response would they be? */
    return in.len - left.len;
}

static void on_drain(struct fog_conn *c, void *arg)
{
    struct h1_client *h = FOG_CAST(h1_client, H1_CLIENT_MAGIC, arg);

    (void)c;
    if (h->call != NULL && h->call->sent < h->call->length && !h->call->src_waiting)
        schedule(h);
}

static void on_close(struct fog_conn *c, int err, void *arg)
{
    struct h1_client *h = FOG_CAST(h1_client, H1_CLIENT_MAGIC, arg);
    struct fog_http_call *call = h->call;

    (void)c;
    fog_turn_cancel(&h->turn);
    h->conn = NULL;
    h->call = NULL;
    if (call != NULL) {
        call->transport = NULL;
        if (h->in_body && h->framing.body == FOG_H1_UNTIL_CLOSE && err == 0)
            call_complete(call);
        /* The server closed an idle connection while our request was under way. */
        else if (h->any_bytes || !call->reused || !client_retry(call))
            call_fail(call, call->responded ? FOG_ETRUNC : err == 0 ? FOG_ECLOSED : err);
    }
    h->events->on_close(err, h->arg);
}

struct h1_client *h1_client_new(struct fog_conn *c, const struct h1_client_events *events,
                                void *arg)
{
    static const struct fog_conn_ops conn_ops = {
        .on_read = on_read, .on_drain = on_drain, .on_close = on_close};
    struct h1_client *h = FOG_NEW(h1_client);

    h->magic = H1_CLIENT_MAGIC;
    h->conn = c;
    h->events = events;
    h->arg = arg;
    h->turn = (struct fog_turn){.fn = on_turn, .arg = h};
    fog_conn_adopt(c, &conn_ops, h);
    return h;
}

void h1_client_free(struct h1_client **hp)
{
    struct h1_client *h = *hp;
    struct fog_http_call *call;

    *hp = NULL;
    if (h == NULL)
        return;
    h->freed = true;
    call = h->call;
    h->call = NULL;
    if (h->conn != NULL) {
        fog_conn_adopt(h->conn, NULL, NULL);
        if (call != NULL)
            fog_conn_abort(h->conn);
        else
            fog_conn_close(h->conn);
        h->conn = NULL;
    }
    if (call != NULL) {
        call->transport = NULL;
        call_fail(call, FOG_ECANCELED);
    }
    if (!h->reading)
        really_free(h);
}
