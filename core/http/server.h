/*
 * HTTP server side: HTTP/2 (nghttp2) and HTTP/1.1 on one connection type, chosen by ALPN. Owns
 * framing, limits and flow control; never decides what a request means. One server object per loop;
 * it adopts connections that a listener accepted, or that we dialled ourselves ("fog-serve/1": a
 * box nobody can reach serves over the connection it opened).
 *
 * A request lives from on_request until its response has ended or it was aborted; then its arena is
 * freed.
 */
#ifndef FOG_HTTP_SERVER_H
#define FOG_HTTP_SERVER_H

#include "core/base/buf.h"
#include "core/base/types.h"
#include "core/io/conn.h"

struct fog_http_server;
struct fog_http_req;

struct fog_http_header {
    struct fog_bytes name; /* lower case */
    struct fog_bytes value;
};

struct fog_http_limits {
    size_t header_bytes;   /* all header fields of a request, default 32 KiB */
    unsigned streams;      /* concurrent per connection, default 100 */
    unsigned connections;  /* per server object, default 450; the longest idle one goes first */
    fog_time_ms idle_ms;   /* default 60 s */
    fog_time_ms header_ms; /* whole header section, default 10 s */
    fog_time_ms body_ms;   /* between two reads of a request body, default 30 s */
    fog_time_ms stall_ms;  /* a blocked response without progress, default 30 s */
};

struct fog_http_server_conf {
    struct fog_http_limits limits; /* zero fields take the default */
    /* Header section complete and valid (RFC 9110/9113/9112 syntax checked). The handler responds
     * now or later. */
    void (*on_request)(struct fog_http_req *req, void *arg);
    void *arg;
};

struct fog_http_server *fog_http_server_new(struct fog_loop *loop,
                                            const struct fog_http_server_conf *conf);
void fog_http_server_free(struct fog_http_server **s); /* aborts what is open */

/* Takes over an open connection (ALPN "h2", "fog-fill/1", "fog-serve/1": HTTP/2; else HTTP/1.1). */
void fog_http_server_adopt(struct fog_http_server *s, struct fog_conn *c);

/* GOAWAY / Connection: close; requests in flight finish. Calls done(arg) when no connection is
 * left. */
void fog_http_server_drain(struct fog_http_server *s, void (*done)(void *arg), void *arg);
unsigned fog_http_server_open(const struct fog_http_server *s); /* connections now */

/* --- the request --- */
struct fog_bytes fog_http_req_method(const struct fog_http_req *r);
struct fog_bytes fog_http_req_scheme(const struct fog_http_req *r);
struct fog_bytes fog_http_req_authority(const struct fog_http_req *r); /* host[:port], lower case */
struct fog_bytes fog_http_req_path(const struct fog_http_req *r);      /* raw, up to '?' */
struct fog_bytes fog_http_req_query(
    const struct fog_http_req *r); /* raw, after '?', may be empty */
/* First field of that (lower case) name; an empty view with p == NULL when absent. Repeated list
 * fields are joined by ", ". */
struct fog_bytes fog_http_req_header(const struct fog_http_req *r, const char *name);
const struct fog_http_header *fog_http_req_headers(const struct fog_http_req *r, size_t *count);
struct fog_conn *fog_http_req_conn(struct fog_http_req *r); /* peer address, SNI, node key */
bool fog_http_req_is_h2(const struct fog_http_req *r);
struct fog_loop *fog_http_req_loop(struct fog_http_req *r);
/* Memory that lives as long as the request. */
void *fog_http_req_alloc(struct fog_http_req *r, size_t size)
    __attribute__((malloc, returns_nonnull));

/* Reads the request body (call at most one of the two, from on_request or later). Content-Length
 * and chunked; Expect: 100-continue is answered here. `max` bytes: more answers 413 itself and
 * calls back with FOG_ELIMIT. on_data may pause by returning false and fog_http_req_body_resume.
 * on_end err: 0, FOG_ELIMIT, or the abort reason; after a non-zero err do not respond (it was done
 * or the peer is gone). */
struct fog_http_body_sink {
    bool (*on_data)(struct fog_http_req *r, struct fog_bytes data, void *arg);
    void (*on_end)(struct fog_http_req *r, int err, void *arg);
};
void fog_http_req_body(struct fog_http_req *r, uint64_t max, const struct fog_http_body_sink *sink,
                       void *arg);
void fog_http_req_body_resume(struct fog_http_req *r);
/* The whole body at once; `body` is borrowed until on_body returns. */
void fog_http_req_collect(struct fog_http_req *r, size_t max,
                          void (*on_body)(struct fog_http_req *r, int err, struct fog_bytes body,
                                          void *arg),
                          void *arg);

/* --- the response --- */
/* Body as a pull source, so that memory per stream stays bounded and cached extents go out without
 * a copy. */
struct fog_http_source {
    /* The next piece, at most `max` bytes, at least 1: 0 and *out (unref'd when sent); -EAGAIN:
     * nothing yet, call fog_http_resume later; any other error aborts the stream (RST_STREAM /
     * connection reset, never a clean end). */
    int (*next)(void *arg, size_t max, struct fog_slice *out);
    /* Exactly once, when the response has ended or died: err 0 = complete; sent_bytes = body bytes
     * handed over. */
    void (*close)(void *arg, int err, uint64_t sent_bytes);
    void *arg;
};

/* Sends status and fields (copied; names lower case). content_length must equal what the source
 * gives. `date` and `server` are added. HEAD: pass the same length and source; the body is not
 * pulled. */
void fog_http_respond(struct fog_http_req *r, int status, const struct fog_http_header *headers,
                      size_t n, uint64_t content_length, const struct fog_http_source *source);
/* Short body, copied. */
void fog_http_respond_bytes(struct fog_http_req *r, int status,
                            const struct fog_http_header *headers, size_t n, struct fog_bytes body);
/* RFC 9457 problem+json: {"status":..,"code":"..","detail":".."}. */
void fog_http_respond_problem(struct fog_http_req *r, int status, const char *code,
                              const char *detail);
/* The source has data again. */
void fog_http_resume(struct fog_http_req *r);
/* Refuses without an answer: RST_STREAM(REFUSED_STREAM) or TCP reset. */
void fog_http_reset(struct fog_http_req *r);

/* Called once when the request ends before a response was started (peer gone): the handler must
 * drop its reference. */
void fog_http_req_on_abort(struct fog_http_req *r, void (*on_abort)(void *arg), void *arg);

#endif
