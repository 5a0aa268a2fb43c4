#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/http/h1_parse.h"
#include "core/http/server_in.h"
#include "core/obs/log.h"

/* A client may send the next request early; more than this waits in its own socket. */
#define EARLY_MAX (16 * 1024)
/* An unread request body is read over up to this; above, closing is cheaper. */
#define DISCARD_MAX (256 * 1024)
#define PIECE_MAX   65536

struct h1_conn {
    struct server_conn sc;
    struct fog_turn turn; /* writes the response */
    struct fog_http_req *req;
    struct fog_h1_framing framing; /* of req */
    struct fog_h1_chunks chunks;
    uint64_t body_left; /* with FOG_H1_LENGTH */
    uint64_t discarded;
    size_t scanned;
    bool continued; /* 100 was sent */
    bool head_sent;
    bool close_after;
    bool cut; /* the rest of the request is not read */
    bool any; /* a byte was read: no HTTP/2 preface any more */
};

static struct h1_conn *h1_of(struct server_conn *sc)
{
    FOG_ASSERT(sc->magic == SERVER_CONN_MAGIC);
    return FOG_CONTAINER(sc, h1_conn, sc);
}

static void schedule(struct h1_conn *h)
{
    if (h->sc.conn != NULL)
        fog_turn_schedule(h->sc.server->loop, &h->turn, FOG_TURN_PRODUCE);
}

/* --- the response --- */

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < FOG_COUNT(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Status";
}

static bool status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static void put(uint8_t **at, const void *p, size_t len)
{
    memcpy(*at, p, len);
    *at += len;
}

/* The head in the request's arena: one copy, no growing buffer. */
static void send_head(struct h1_conn *h)
{
    struct fog_http_req *r = h->req;
    const char *connection = h->close_after        ? "connection: close\r\n"
                             : r->minor_keep_alive ? "connection: keep-alive\r\n"
                                                   : "";
    char first[96], last[96];
    int n_first =
        snprintf(first, sizeof first, "HTTP/1.1 %d %s\r\n", r->status, reason_of(r->status));
    int n_last = r->status == 204
                     ? snprintf(last, sizeof last, "%s\r\n", connection)
                     : snprintf(last, sizeof last, "content-length: %" PRIu64 "\r\n%s\r\n",
                                r->length, connection);
    size_t total = (size_t)n_first + (size_t)n_last;
    uint8_t *p, *at;

    for (size_t i = 0; i < r->n_out; i++)
        total += r->out[i].name.len + r->out[i].value.len + 4;
    p = at = fog_arena_alloc(&r->arena, total);
    put(&at, first, (size_t)n_first);
    for (size_t i = 0; i < r->n_out; i++) {
        put(&at, r->out[i].name.p, r->out[i].name.len);
        put(&at, ": ", 2);
        put(&at, r->out[i].value.p, r->out[i].value.len);
        put(&at, "\r\n", 2);
    }
    put(&at, last, (size_t)n_last);
    fog_conn_write(h->sc.conn, fog_bytes_of(p, total));
    h->head_sent = true;
}

/* 0 when all of the body was written, -EAGAIN when the source or the socket is not ready. */
static int send_body(struct h1_conn *h)
{
    struct fog_http_req *r = h->req;

    if (r->head || !status_has_body(r->status))
        return 0;
    while (r->sent < r->length) {
        uint64_t left = r->length - r->sent;
        int rc;

        if (fog_conn_queued(h->sc.conn) >= FOG_CONN_HIGH)
            return -EAGAIN;
        if ((rc = req_pull(r, left < PIECE_MAX ? (size_t)left : PIECE_MAX)) != 0)
            return rc;
        fog_conn_write(h->sc.conn, fog_bytes_of(r->piece.p, r->piece.len));
        req_pulled(r, r->piece.len);
    }
    return 0;
}

/* The response is out and the request was read: on to the next, or the end. */
static void finish(struct h1_conn *h)
{
    struct fog_http_req *r = h->req;

    h->req = NULL;
    h->scanned = 0;
    req_end(r, 0);
    if (h->close_after || h->sc.draining) {
        fog_conn_close(h->sc.conn);
        return;
    }
    fog_conn_pause_read(h->sc.conn, false);
    fog_conn_offer(h->sc.conn);
}

static void on_turn(void *arg)
{
    struct h1_conn *h = arg;
    struct fog_http_req *r = h->req;
    int rc;

    if (h->sc.conn == NULL || r == NULL || !r->started || !fog_conn_is_open(h->sc.conn))
        return;
    if (!h->head_sent)
        send_head(h);
    rc = send_body(h);
    if (rc == -EAGAIN)
        return;
    if (rc != 0) {
        fog_unusual("http.body", "protocol=h1 status=%d sent=%" PRIu64 " of=%" PRIu64 " error=%s",
                    r->status, r->sent, r->length, fog_errname(rc));
        fog_conn_abort(h->sc.conn); /* a reset: the client must see that it is cut */
        return;
    }
    req_response_done(r);
    if (r->body.complete || h->cut)
        finish(h);
    else
        fog_conn_offer(h->sc.conn); /* reads over the rest of the request */
}

static void start(struct fog_http_req *r)
{
    struct h1_conn *h = h1_of(r->sc);

    /* A body that the client holds back until we say so, and we never will. */
    if (r->expect_continue && !h->continued && !r->body.complete)
        h->cut = h->close_after = true;
    if (!r->keep_alive || h->sc.draining)
        h->close_after = true;
    fog_conn_pause_read(h->sc.conn, false);
    schedule(h);
}

static void resume(struct fog_http_req *r)
{
    schedule(h1_of(r->sc));
}

static void reset(struct fog_http_req *r)
{
    fog_conn_abort(r->sc->conn);
}

/* --- reading --- */

static void body_taken(struct fog_http_req *r, size_t n)
{
    (void)r; /* TCP's window is the flow control */
    (void)n;
}

static void body_wanted(struct fog_http_req *r)
{
    struct h1_conn *h = h1_of(r->sc);

    if (r->expect_continue && !h->continued && !r->started && r->body.got == 0) {
        fog_conn_write(h->sc.conn, fog_bytes_str("HTTP/1.1 100 Continue\r\n\r\n"));
        h->continued = true;
    }
    fog_conn_pause_read(h->sc.conn, false);
    fog_conn_offer(h->sc.conn);
}

static const struct req_transport transport = {.start = start,
                                               .resume = resume,
                                               .reset = reset,
                                               .body_taken = body_taken,
                                               .body_wanted = body_wanted};

static void begin_request(struct h1_conn *h)
{
    h->req = req_new(&h->sc, &transport);
    h->head_sent = h->continued = h->close_after = h->cut = false;
    h->chunks = (struct fog_h1_chunks){0};
    h->body_left = h->discarded = 0;
    h->sc.head_ms = 0;
}

/* Answers what cannot become a request; nothing more is read from this connection. */
static void refuse(struct h1_conn *h, int status, const char *code, const char *detail)
{
    struct fog_http_req *r = h->req;

    r->keep_alive = false;
    r->body.complete = true;
    fog_http_respond_problem(r, status, code, detail);
}

static void refuse_code(struct h1_conn *h, int rc)
{
    if (rc == FOG_ELIMIT)
        refuse(h, 431, "header-too-large", "The header section is too large.");
    else if (rc == FOG_EVERSION)
        refuse(h, 501, "not-implemented", "This version or transfer coding is not supported.");
    else
        refuse(h, 400, "bad-request", "The request is not valid HTTP/1.1.");
}

/* absolute-form (RFC 9112 3.2.2) names the authority itself. */
static struct fog_bytes split_absolute(struct fog_bytes target, struct fog_bytes *authority)
{
    static const char *const schemes[] = {"http://", "https://"};
    const uint8_t *slash;

    for (size_t i = 0; i < FOG_COUNT(schemes); i++) {
        struct fog_bytes s = fog_bytes_str(schemes[i]), rest;

        if (target.len <= s.len || !fog_ascii_ieq(fog_bytes_of(target.p, s.len), s))
            continue;
        rest = fog_bytes_of(target.p + s.len, target.len - s.len);
        slash = memchr(rest.p, '/', rest.len);
        if (slash == NULL)
            return target; /* refused later: no path */
        *authority = fog_bytes_of(rest.p, (size_t)(slash - rest.p));
        return fog_bytes_of(slash, rest.len - authority->len);
    }
    return target;
}

static int set_host(struct fog_http_req *r, struct fog_bytes authority, int minor)
{
    struct fog_bytes host = {0};
    unsigned hosts = 0;

    for (size_t i = 0; i < r->n_headers; i++) {
        if (!fog_bytes_eq(r->headers[i].name, fog_bytes_str("host")))
            continue;
        host = r->headers[i].value;
        hosts++;
    }
    /* Exactly one in HTTP/1.1 (RFC 9112 3.2): two readers must not pick different ones. */
    if (hosts > 1 || (hosts == 0 && minor > 0))
        return FOG_EFORMAT;
    if (authority.len > 0)
        host = authority;
    return host.len == 0 && minor == 0 ? 0 : req_set_authority(r, host);
}

static int take_request(struct h1_conn *h, const struct fog_h1_head *head)
{
    struct fog_http_req *r = h->req;
    struct fog_bytes authority = {0};
    int rc;

    for (size_t i = 0; i < head->n_fields; i++)
        req_add_header(r, head->fields[i].name, head->fields[i].value);
    if ((rc = fog_h1_request_framing(head, &h->framing)) != 0)
        return rc;
    if (fog_bytes_eq(head->method, fog_bytes_str("CONNECT")))
        return FOG_EVERSION;
    r->method = head->method;
    r->head = fog_bytes_eq(head->method, fog_bytes_str("HEAD"));
    r->scheme = fog_bytes_str(fog_conn_is_tls(h->sc.conn) ? "https" : "http");
    if ((rc = req_set_target(r, split_absolute(head->target, &authority))) != 0 ||
        (rc = set_host(r, authority, head->minor)) != 0)
        return rc;
    r->keep_alive = h->framing.keep_alive;
    r->minor_keep_alive = head->minor == 0 && r->keep_alive;
    r->expect_continue = h->framing.expect_continue;
    if (h->framing.body == FOG_H1_LENGTH)
        r->body.length = h->body_left = h->framing.length;
    r->body.complete = h->framing.body == FOG_H1_NO_BODY;
    return 0;
}

/* A whole header section has arrived. */
static void on_section(struct h1_conn *h, struct fog_bytes section)
{
    struct fog_h1_head head;
    uint8_t *copy;
    int rc;

    begin_request(h);
    copy = fog_arena_alloc(&h->req->arena, section.len);
    memcpy(copy, section.p, section.len);
    if ((rc = fog_h1_parse_request(copy, section.len, &head)) != 0 ||
        (rc = take_request(h, &head)) != 0)
        refuse_code(h, rc);
    else
        req_dispatch(h->req);
}

static size_t read_head(struct h1_conn *h, struct fog_bytes in)
{
    int64_t n;

    /* RFC 9112 2.2: an empty line before a request is ignored; old clients send one after a body.
     */
    if (in.len >= 2 && in.p[0] == '\r' && in.p[1] == '\n') {
        h->scanned = 0;
        return 2;
    }
    n = fog_h1_find_end(in, &h->scanned, h->sc.server->conf.limits.header_bytes);
    if (n == 0) {
        if (h->sc.head_ms == 0)
            h->sc.head_ms = fog_loop_now_ms(h->sc.server->loop);
        return 0;
    }
    h->any = true;
    h->scanned = 0;
    if (n < 0) {
        begin_request(h);
        refuse_code(h, (int)n);
        return in.len;
    }
    on_section(h, fog_bytes_of(in.p, (size_t)n));
    return (size_t)n;
}

static size_t read_length(struct h1_conn *h, struct fog_bytes in)
{
    size_t n = h->body_left < in.len ? (size_t)h->body_left : in.len;

    h->body_left -= n;
    req_body_input(h->req, fog_bytes_of(in.p, n));
    if (h->body_left == 0)
        req_body_complete(h->req);
    return n;
}

static size_t read_chunked(struct h1_conn *h, struct fog_bytes in)
{
    struct fog_http_req *r = h->req;
    struct fog_bytes data;
    size_t taken;
    int rc = fog_h1_chunks_next(&h->chunks, in, &taken, &data);

    if (rc < 0) {
        fog_debug("http.chunk", "error=%s", fog_errname(rc));
        fog_conn_abort(h->sc.conn);
        return in.len;
    }
    if (data.len > 0)
        req_body_input(r, data);
    if (rc == 1)
        req_body_complete(r);
    return taken;
}

static size_t read_body(struct h1_conn *h, struct fog_bytes in)
{
    struct fog_http_req *r = h->req;
    bool unwanted = r->started && !r->body.attached;
    size_t n;

    if (unwanted)
        req_body_unwanted(r);
    if (!req_body_flows(r))
        return 0;
    n = h->framing.body == FOG_H1_CHUNKED ? read_chunked(h, in) : read_length(h, in);
    if (r->body.ended && !r->body.complete && (h->discarded += n) > DISCARD_MAX)
        h->cut = h->close_after = true;
    if (r->src_done && r->started && h->head_sent && (r->body.complete || h->cut))
        schedule(h); /* the response went out before: finish in its turn */
    return n;
}

static bool is_preface(const struct h1_conn *h, struct fog_bytes in, bool *maybe)
{
    struct fog_bytes want = fog_bytes_str("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    size_t n = in.len < want.len ? in.len : want.len;

    *maybe = !h->any && h->req == NULL && !fog_conn_is_tls(h->sc.conn) && n > 0 &&
             memcmp(in.p, want.p, n) == 0;
    return *maybe && n == want.len;
}

/* HTTP/2 with prior knowledge on plain TCP (RFC 9113 3.3): the other transport takes over and is
 * offered the same bytes. */
static void become_h2(struct h1_conn *h)
{
    struct fog_http_server *s = h->sc.server;
    struct fog_conn *c = h->sc.conn;

    h2_server_adopt(s, c);
    server_conn_gone(&h->sc, 0);
}

static size_t on_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    struct h1_conn *h = h1_of(arg);
    struct fog_bytes left = in;
    bool maybe_h2;

    if (is_preface(h, in, &maybe_h2)) {
        become_h2(h);
        return 0;
    }
    while (left.len > 0 && !maybe_h2 && fog_conn_is_open(c)) {
        size_t n = 0;

        if (h->req == NULL)
            n = read_head(h, left);
        else if (!h->req->body.complete)
            n = read_body(h, left);
        if (n == 0)
            break;
        left = fog_bytes_of(left.p + n, left.len - n);
    }
    if (h->req != NULL && left.len > EARLY_MAX)
        fog_conn_pause_read(c, true);
    return in.len - left.len;
}

static void on_drain(struct fog_conn *c, void *arg)
{
    struct h1_conn *h = h1_of(arg);

    (void)c;
    if (h->req != NULL && h->req->started && !h->req->src_done && !h->req->src_waiting)
        schedule(h);
}

static void on_close(struct fog_conn *c, int err, void *arg)
{
    struct h1_conn *h = h1_of(arg);

    (void)c;
    h->sc.conn = NULL;
    server_conn_gone(&h->sc, err);
}

/* --- the connection --- */

static void drain(struct server_conn *sc)
{
    sc->draining = true;
    if (sc->n_reqs == 0)
        fog_conn_close(sc->conn);
}

static void check(struct server_conn *sc, fog_time_ms now_ms)
{
    struct h1_conn *h = h1_of(sc);

    if (server_conn_check(sc, now_ms) || h->req == NULL || server_req_check(h->req, now_ms) == 0)
        return;
    if (h->req->started) {
        fog_conn_abort(sc->conn);
        return;
    }
    h->req->keep_alive = false;
    fog_http_respond_problem(h->req, 408, "timeout", "The request body took too long.");
}

static void destroy(struct server_conn *sc)
{
    struct h1_conn *h = FOG_CONTAINER(sc, h1_conn, sc);

    fog_turn_cancel(&h->turn);
    free(h);
}

void h1_server_adopt(struct fog_http_server *s, struct fog_conn *c)
{
    static const struct server_conn_ops sc_ops = {
        .drain = drain, .check = check, .destroy = destroy};
    static const struct fog_conn_ops conn_ops = {
        .on_read = on_read, .on_drain = on_drain, .on_close = on_close};
    struct h1_conn *h = FOG_NEW(h1_conn);

    h->turn = (struct fog_turn){.fn = on_turn, .arg = h};
    server_conn_init(&h->sc, s, c, &sc_ops);
    fog_conn_adopt(c, &conn_ops, &h->sc);
}
