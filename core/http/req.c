#include "core/http/req.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/http/server_in.h"
#include "core/obs/log.h"

#define AUTHORITY_MAX 260 /* a host name of 253 and a port */

static void on_body_turn(void *arg);

struct fog_http_req *req_new(struct server_conn *sc, const struct req_transport *transport)
{
    struct fog_http_req *r = server_req_memory(sc->server);

    memset(r, 0, sizeof *r);
    r->magic = HTTP_REQ_MAGIC;
    r->transport = transport;
    r->sc = sc;
    r->src_done = true;
    r->body.length = UINT64_MAX;
    r->turn = (struct fog_turn){.fn = on_body_turn, .arg = r};
    fog_arena_init(&r->arena, r + 1, REQ_BYTES - sizeof *r);
    fog_list_push_back(&sc->reqs, &r->link);
    sc->n_reqs++;
    server_conn_touch(sc);
    return r;
}

void req_add_header(struct fog_http_req *r, struct fog_bytes name, struct fog_bytes value)
{
    if (r->n_headers == r->cap_headers) {
        size_t cap = r->cap_headers == 0 ? 24 : r->cap_headers * 2;
        struct fog_http_header *h = fog_arena_alloc(&r->arena, cap * sizeof *h);

        if (r->n_headers > 0)
            memcpy(h, r->headers, r->n_headers * sizeof *h);
        r->headers = h;
        r->cap_headers = cap;
    }
    r->headers[r->n_headers++] = (struct fog_http_header){.name = name, .value = value};
}

int req_set_target(struct fog_http_req *r, struct fog_bytes target)
{
    const uint8_t *mark;

    if (target.len == 0 || (target.p[0] != '/' && !(target.len == 1 && target.p[0] == '*')))
        return FOG_EFORMAT;
    for (size_t i = 0; i < target.len; i++)
        if (target.p[i] <= 0x20 || target.p[i] >= 0x7f || target.p[i] == '#')
            return FOG_EFORMAT;
    mark = memchr(target.p, '?', target.len);
    if (mark == NULL) {
        r->path = target;
        r->query = fog_bytes_of(target.p + target.len, 0);
        return 0;
    }
    r->path = fog_bytes_of(target.p, (size_t)(mark - target.p));
    r->query = fog_bytes_of(mark + 1, target.len - r->path.len - 1);
    return 0;
}

static bool authority_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
           c == ':' || c == '[' || c == ']';
}

int req_set_authority(struct fog_http_req *r, struct fog_bytes authority)
{
    uint8_t *lower;

    if (authority.len == 0 || authority.len > AUTHORITY_MAX)
        return FOG_EFORMAT;
    lower = fog_arena_alloc(&r->arena, authority.len);
    for (size_t i = 0; i < authority.len; i++) {
        uint8_t c = authority.p[i];

        lower[i] = (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        if (!authority_char(lower[i]))
            return FOG_EFORMAT;
    }
    r->authority = fog_bytes_of(lower, authority.len);
    return 0;
}

void req_dispatch(struct fog_http_req *r)
{
    struct fog_http_server *s = r->sc->server;

    r->dispatched = true;
    r->body.last_ms = fog_loop_now_ms(s->loop);
    s->conf.on_request(r, s->conf.arg);
}

/* --- request body --- */

/* What is thrown away must still be told to flow control, or uploads on this connection would stop
 * one day. */
static void drop_pending(struct fog_http_req *r)
{
    size_t n = r->body.pending.len;

    fog_buf_fini(&r->body.pending);
    if (n > 0)
        r->transport->body_taken(r, n);
}

static void body_end(struct fog_http_req *r, int err)
{
    struct req_body *b = &r->body;

    if (b->ended)
        return;
    b->ended = true;
    drop_pending(r);
    if (b->attached && b->sink.on_end != NULL)
        b->sink.on_end(r, err, b->arg);
}

void req_body_unwanted(struct fog_http_req *r)
{
    r->body.ended = true;
    drop_pending(r);
}

bool req_body_flows(const struct fog_http_req *r)
{
    return r->body.ended || (r->body.attached && !r->body.paused && r->body.pending.len == 0 &&
                             !fog_link_linked(&r->turn.link));
}

/* More than the handler allows: we answer, it is told. */
static void body_too_long(struct fog_http_req *r)
{
    if (!r->started)
        fog_http_respond_problem(r, 413, "too-large", "The request body is too large.");
    body_end(r, FOG_ELIMIT);
}

static void body_pass(struct fog_http_req *r, struct fog_bytes in)
{
    struct req_body *b = &r->body;

    if (!b->sink.on_data(r, in, b->arg))
        b->paused = true;
}

void req_body_input(struct fog_http_req *r, struct fog_bytes in)
{
    struct req_body *b = &r->body;

    b->got += in.len;
    b->last_ms = fog_loop_now_ms(r->sc->server->loop);
    if (b->ended) {
        r->transport->body_taken(r, in.len); /* nobody wants it */
        return;
    }
    if (b->attached && b->got > b->max) {
        body_too_long(r);
        r->transport->body_taken(r, in.len);
        return;
    }
    if (!req_body_flows(r)) {
        fog_buf_append(&b->pending, in.p, in.len); /* bounded by the window we gave */
        return;
    }
    body_pass(r, in);
    r->transport->body_taken(r, in.len);
}

void req_body_complete(struct fog_http_req *r)
{
    r->body.complete = true;
    if (r->body.attached && req_body_flows(r))
        body_end(r, 0);
}

/* Brings what waited to the sink, from the end of the turn. */
static void on_body_turn(void *arg)
{
    struct fog_http_req *r = FOG_CAST(fog_http_req, HTTP_REQ_MAGIC, arg);
    struct req_body *b = &r->body;

    if (b->ended || b->paused)
        return;
    if (b->got > b->max || (b->length != UINT64_MAX && b->length > b->max)) {
        body_too_long(r);
        return;
    }
    if (b->pending.len > 0) {
        struct fog_buf now = {0};

        fog_buf_move(&now, &b->pending);
        body_pass(r, fog_buf_bytes(&now));
        r->transport->body_taken(r, now.len);
        fog_buf_fini(&now);
    }
    if (b->paused)
        return;
    if (b->complete)
        body_end(r, 0);
    else
        r->transport->body_wanted(r);
}

void fog_http_req_body(struct fog_http_req *r, uint64_t max, const struct fog_http_body_sink *sink,
                       void *arg)
{
    struct req_body *b = &r->body;

    FOG_ASSERT(!b->attached);
    b->sink = *sink;
    b->arg = arg;
    b->max = max;
    b->attached = true;
    b->last_ms = fog_loop_now_ms(r->sc->server->loop);
    fog_turn_schedule(r->sc->server->loop, &r->turn, FOG_TURN_PRODUCE);
}

void fog_http_req_body_resume(struct fog_http_req *r)
{
    r->body.paused = false;
    r->body.last_ms = fog_loop_now_ms(r->sc->server->loop);
    fog_turn_schedule(r->sc->server->loop, &r->turn, FOG_TURN_PRODUCE);
}

/* Collecting the whole body is a sink of our own, kept in the request's arena. */
struct collect {
    struct fog_buf buf;
    void (*on_body)(struct fog_http_req *r, int err, struct fog_bytes body, void *arg);
    void *arg;
};

static bool collect_data(struct fog_http_req *r, struct fog_bytes data, void *arg)
{
    struct collect *c = arg;

    (void)r;
    fog_buf_append(&c->buf, data.p, data.len);
    return true;
}

static void collect_end(struct fog_http_req *r, int err, void *arg)
{
    struct collect *c = arg;

    c->on_body(r, err, err == 0 ? fog_buf_bytes(&c->buf) : (struct fog_bytes){0}, c->arg);
    fog_buf_fini(&c->buf);
}

void fog_http_req_collect(struct fog_http_req *r, size_t max,
                          void (*on_body)(struct fog_http_req *r, int err, struct fog_bytes body,
                                          void *arg),
                          void *arg)
{
    static const struct fog_http_body_sink sink = {.on_data = collect_data, .on_end = collect_end};
    struct collect *c = fog_arena_alloc(&r->arena, sizeof *c);

    *c = (struct collect){.on_body = on_body, .arg = arg};
    fog_http_req_body(r, max, &sink, c);
}

/* --- response --- */

static bool is_ours(struct fog_bytes name)
{
    /* What the transport decides; a handler's copy would contradict it. */
    static const char *const names[] = {"content-length", "connection", "transfer-encoding",
                                        "keep-alive",     "upgrade",    "proxy-connection"};

    for (size_t i = 0; i < FOG_COUNT(names); i++)
        if (fog_bytes_eq(name, fog_bytes_str(names[i])))
            return true;
    return false;
}

static bool field_ok(const struct fog_http_header *h)
{
    for (size_t i = 0; i < h->name.len; i++)
        if (h->name.p[i] <= 0x20 || h->name.p[i] >= 0x7f || h->name.p[i] == ':' ||
            (h->name.p[i] >= 'A' && h->name.p[i] <= 'Z'))
            return false;
    for (size_t i = 0; i < h->value.len; i++)
        if ((h->value.p[i] < 0x20 && h->value.p[i] != '\t') || h->value.p[i] == 0x7f)
            return false;
    return h->name.len > 0;
}

/* Copies the fields: a value may point into memory of the caller's stack. */
static void set_fields(struct fog_http_req *r, const struct fog_http_header *headers, size_t n)
{
    struct fog_http_header *out = fog_arena_alloc(&r->arena, (n + 2) * sizeof *out);
    struct fog_bytes date = fog_bytes_str("date");
    bool has_date = false;
    size_t m = 0;

    for (size_t i = 0; i < n; i++) {
        if (!field_ok(&headers[i])) {
            /* It would split the response; nobody should get that far. */
            fog_unusual("http.field", "dropped=%zu reason=control-byte", i);
            continue;
        }
        if (is_ours(headers[i].name))
            continue;
        has_date = has_date || fog_bytes_eq(headers[i].name, date);
        out[m].name = fog_arena_copy(&r->arena, headers[i].name);
        out[m++].value = fog_arena_copy(&r->arena, headers[i].value);
    }
    if (!has_date)
        out[m++] = (struct fog_http_header){
            .name = date, .value = fog_arena_copy(&r->arena, server_date(r->sc->server))};
    out[m++] = (struct fog_http_header){.name = fog_bytes_str("server"),
                                        .value = fog_bytes_str("fogbank")};
    r->out = out;
    r->n_out = m;
}

void fog_http_respond(struct fog_http_req *r, int status, const struct fog_http_header *headers,
                      size_t n, uint64_t content_length, const struct fog_http_source *source)
{
    FOG_ASSERT(r->magic == HTTP_REQ_MAGIC && !r->started);
    r->started = true;
    r->status = status;
    r->length = content_length;
    if (source != NULL) {
        r->src = *source;
        r->src_done = false;
    }
    r->progress_ms = fog_loop_now_ms(r->sc->server->loop);
    set_fields(r, headers, n);
    r->transport->start(r);
}

/* A short body in the request's own memory. */
static int memory_next(void *arg, size_t max, struct fog_slice *out)
{
    struct fog_bytes *b = arg;
    size_t n = b->len < max ? b->len : max;

    *out = (struct fog_slice){.p = b->p, .len = n};
    *b = fog_bytes_of(b->p + n, b->len - n);
    return 0;
}

static void memory_close(void *arg, int err, uint64_t sent_bytes)
{
    (void)arg;
    (void)err;
    (void)sent_bytes;
}

void fog_http_respond_bytes(struct fog_http_req *r, int status,
                            const struct fog_http_header *headers, size_t n, struct fog_bytes body)
{
    struct fog_bytes *copy = fog_arena_alloc(&r->arena, sizeof *copy);
    struct fog_http_source src = {.next = memory_next, .close = memory_close, .arg = copy};

    *copy = fog_arena_copy(&r->arena, body);
    fog_http_respond(r, status, headers, n, body.len, &src);
}

static void json_string(struct fog_buf *b, const char *s)
{
    fog_buf_append(b, "\"", 1);
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            fog_buf_printf(b, "\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            fog_buf_printf(b, "\\u%04x", (unsigned)(unsigned char)*s);
        else
            fog_buf_append(b, s, 1);
    }
    fog_buf_append(b, "\"", 1);
}

void fog_http_respond_problem(struct fog_http_req *r, int status, const char *code,
                              const char *detail)
{
    struct fog_http_header h[] = {
        {.name = fog_bytes_str("content-type"), .value = fog_bytes_str("application/problem+json")},
        {.name = fog_bytes_str("cache-control"), .value = fog_bytes_str("no-store")},
    };
    struct fog_buf b = {0};

    fog_buf_printf(&b, "{\"status\":%d,\"code\":", status);
    json_string(&b, code);
    fog_buf_append_str(&b, ",\"detail\":");
    json_string(&b, detail);
    fog_buf_append_str(&b, "}\n");
    fog_http_respond_bytes(r, status, h, FOG_COUNT(h), fog_buf_bytes(&b));
    fog_buf_fini(&b);
}

void fog_http_resume(struct fog_http_req *r)
{
    FOG_ASSERT(r->magic == HTTP_REQ_MAGIC);
    if (!r->src_waiting)
        return;
    r->src_waiting = false;
    r->progress_ms = fog_loop_now_ms(r->sc->server->loop);
    r->transport->resume(r);
}

void fog_http_reset(struct fog_http_req *r)
{
    r->on_abort = NULL; /* the handler knows */
    r->transport->reset(r);
}

void fog_http_req_on_abort(struct fog_http_req *r, void (*on_abort)(void *arg), void *arg)
{
    r->on_abort = on_abort;
    r->abort_arg = arg;
}

int req_pull(struct fog_http_req *r, size_t max)
{
    int rc;

    if (r->piece.len > 0)
        return 0;
    if (r->src_done)
        return FOG_ETRUNC;
    rc = r->src.next(r->src.arg, max, &r->piece);
    if (rc == -EAGAIN)
        r->src_waiting = true;
    if (rc != 0)
        return rc;
    FOG_ASSERT(r->piece.len > 0 && r->piece.len <= max);
    r->progress_ms = fog_loop_now_ms(r->sc->server->loop);
    return r->piece.len > r->length - r->sent ? FOG_ERANGE : 0;
}

void req_pulled(struct fog_http_req *r, size_t n)
{
    r->sent += n;
    if (n == r->piece.len) {
        fog_slice_done(&r->piece);
        return;
    }
    r->piece.p += n;
    r->piece.len -= n;
}

static void source_close(struct fog_http_req *r, int err)
{
    if (r->src_done)
        return;
    r->src_done = true;
    fog_slice_done(&r->piece);
    r->src.close(r->src.arg, err, r->sent);
}

void req_response_done(struct fog_http_req *r)
{
    source_close(r, 0);
}

void req_end(struct fog_http_req *r, int err)
{
    struct server_conn *sc = r->sc;

    fog_turn_cancel(&r->turn);
    fog_link_remove(&r->link);
    sc->n_reqs--;
    if (r->body.attached)
        body_end(r, err == 0 ? FOG_ECANCELED : err); /* answered before its body was read */
    if (!r->started && r->dispatched && r->on_abort != NULL)
        r->on_abort(r->abort_arg);
    source_close(r, err);
    fog_turn_cancel(&r->turn); /* a late resume from one of the calls above */
    drop_pending(r);
    fog_arena_fini(&r->arena);
    r->magic = 0;
    server_conn_touch(sc);
    server_req_give_back(sc->server, r);
}

/* --- what handlers read --- */

struct fog_bytes fog_http_req_method(const struct fog_http_req *r)
{
    return r->method;
}

struct fog_bytes fog_http_req_scheme(const struct fog_http_req *r)
{
    return r->scheme;
}

struct fog_bytes fog_http_req_authority(const struct fog_http_req *r)
{
    return r->authority;
}

struct fog_bytes fog_http_req_path(const struct fog_http_req *r)
{
    return r->path;
}

struct fog_bytes fog_http_req_query(const struct fog_http_req *r)
{
    return r->query;
}

/* Joins fields first + 1.. of the same name to the first, once; the others lose their name. */
static struct fog_bytes join(struct fog_http_req *r, size_t first, size_t total, const char *sep)
{
    struct fog_http_header *h = r->headers;
    uint8_t *p = fog_arena_alloc(&r->arena, total), *at = p;
    struct fog_bytes name = h[first].name;

    for (size_t i = first; i < r->n_headers; i++) {
        if (!fog_bytes_eq(h[i].name, name))
            continue;
        if (at != p) {
            memcpy(at, sep, 2);
            at += 2;
        }
        if (h[i].value.len > 0)
            memcpy(at, h[i].value.p, h[i].value.len);
        at += h[i].value.len;
        if (i != first)
            h[i].name = (struct fog_bytes){0};
    }
    h[first].value = fog_bytes_of(p, (size_t)(at - p));
    return h[first].value;
}

struct fog_bytes fog_http_req_header(const struct fog_http_req *r, const char *name)
{
    struct fog_bytes want = fog_bytes_str(name), none = {0};
    size_t first = 0, total = 0, count = 0;

    for (size_t i = 0; i < r->n_headers; i++) {
        if (!fog_bytes_eq(r->headers[i].name, want))
            continue;
        if (count++ == 0)
            first = i;
        total += r->headers[i].value.len + 2;
    }
    if (count == 0)
        return none;
    if (count == 1)
        return r->headers[first].value;
    /* The request is logically const: joining keeps its meaning. Cookies come in crumbs (RFC 9113
     * 8.2.3). */
    return join((struct fog_http_req *)(uintptr_t)r, first, total,
                strcmp(name, "cookie") == 0 ? "; " : ", ");
}

const struct fog_http_header *fog_http_req_headers(const struct fog_http_req *r, size_t *count)
{
    *count = r->n_headers;
    return r->headers;
}

struct fog_conn *fog_http_req_conn(struct fog_http_req *r)
{
    return r->sc->conn;
}

bool fog_http_req_is_h2(const struct fog_http_req *r)
{
    return r->is_h2;
}

struct fog_loop *fog_http_req_loop(struct fog_http_req *r)
{
    return r->sc->server->loop;
}

void *fog_http_req_alloc(struct fog_http_req *r, size_t size)
{
    return fog_arena_alloc(&r->arena, size);
}
