/*
 * Inside of core/http: a request as both server transports (h1, h2) see it. This module owns what
 * they share: the request's memory, the body's way to its sink, the response's way from its source,
 * and the single end of each. Transports own framing and connections and hand bytes in.
 */
#ifndef FOG_HTTP_REQ_H
#define FOG_HTTP_REQ_H

#include "core/base/arena.h"
#include "core/base/list.h"
#include "core/http/server.h"

#define HTTP_REQ_MAGIC 0x48524551u

struct server_conn;

/* What a transport does for a request. */
struct req_transport {
    /* r->status and r->out are set: send the head, then the body from req_pull. */
    void (*start)(struct fog_http_req *r);
    void (*resume)(struct fog_http_req *r); /* the source has data again */
    void (*reset)(struct fog_http_req *r);  /* no answer */
    /* The handler took n body bytes: the peer may send as many more. */
    void (*body_taken)(struct fog_http_req *r, size_t n);
    /* A sink is there (or resumed): send 100-continue where it is expected, read on. */
    void (*body_wanted)(struct fog_http_req *r);
};

struct req_body {
    struct fog_http_body_sink sink;
    void *arg;
    uint64_t max;
    uint64_t got;
    uint64_t length; /* announced; UINT64_MAX: unknown */
    bool attached;
    bool paused;
    bool complete; /* the peer has sent all of it */
    bool ended;    /* on_end was called, or nobody wants it any more */
    struct fog_buf pending;
    fog_time_ms last_ms; /* last bytes */
};

struct fog_http_req {
    uint32_t magic;
    bool is_h2;
    bool head;
    bool expect_continue;
    bool keep_alive;       /* h1 */
    bool minor_keep_alive; /* h1: an HTTP/1.0 client that asked for it */
    bool dispatched;
    bool started;     /* response */
    bool src_waiting; /* the source said -EAGAIN */
    bool src_done;    /* close was called, or there never was one */
    bool bad;         /* h2: refused while its fields still come in */
    const struct req_transport *transport;
    struct server_conn *sc;
    struct fog_link link; /* in sc->reqs */
    struct fog_turn turn; /* body delivery outside of the caller */
    void (*on_abort)(void *arg);
    void *abort_arg;

    struct fog_bytes method, scheme, authority, path, query;
    struct fog_http_header *headers;
    size_t n_headers, cap_headers, header_bytes;

    struct req_body body;

    int status;
    struct fog_http_header *out; /* copied, complete with date and server */
    size_t n_out;
    uint64_t length; /* of the response body */
    uint64_t sent;
    struct fog_http_source src;
    struct fog_slice piece; /* pulled, not yet written */
    fog_time_ms progress_ms;
    int32_t stream;      /* h2 */
    fog_time_ms done_ms; /* h2: the response was handed over; 0: not yet */
    uint64_t discarded;  /* h2: of the request body since then */

    struct fog_arena arena; /* last: its first room follows the struct */
};

/* A request from the server's spare memory, linked to the connection. */
struct fog_http_req *req_new(struct server_conn *sc, const struct req_transport *transport);

/* Adds a field as received (views must live as long as the request, or are copied by the caller).
 */
void req_add_header(struct fog_http_req *r, struct fog_bytes name, struct fog_bytes value);

/* Splits the target and checks what both protocols have in common. FOG_EFORMAT. */
int req_set_target(struct fog_http_req *r, struct fog_bytes target) FOG_MUST_CHECK;
/* Lower case, checked characters. FOG_EFORMAT. */
int req_set_authority(struct fog_http_req *r, struct fog_bytes authority) FOG_MUST_CHECK;

/* Calls the server's handler. */
void req_dispatch(struct fog_http_req *r);

/* --- body, called by the transport --- */
/* Bytes from the peer; what the sink does not want now is kept. */
void req_body_input(struct fog_http_req *r, struct fog_bytes in);
void req_body_complete(struct fog_http_req *r);
/* Nobody will ask for it: what came is dropped, what comes is read over. */
void req_body_unwanted(struct fog_http_req *r);
/* Whether bytes would be passed on at once (h1 leaves them in the connection otherwise). */
bool req_body_flows(const struct fog_http_req *r);

/* --- response, called by the transport --- */
/* Makes r->piece hold at least one byte, at most max. 0; -EAGAIN; FOG_ETRUNC or FOG_ERANGE when the
 * source does not keep to the length; the source's error. */
int req_pull(struct fog_http_req *r, size_t max) FOG_MUST_CHECK;
/* n bytes of r->piece were written. */
void req_pulled(struct fog_http_req *r, size_t n);
/* Everything was handed over: closes the source with 0. */
void req_response_done(struct fog_http_req *r);

/* The request is over: tells sink, handler or source (err != 0 where they were cut short), frees
 * it. */
void req_end(struct fog_http_req *r, int err);

#endif
