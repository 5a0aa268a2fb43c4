/*
 * HTTP client side: requests over pooled connections to host names (https or http), and over a
 * given node connection (h2, whoever dialled). Owns connections, name resolution and timeouts;
 * follows no redirects (callers decide). Checks every connected address against the policy of
 * core/io/addr.h.
 */
#ifndef FOG_HTTP_CLIENT_H
#define FOG_HTTP_CLIENT_H

#include "core/http/server.h" /* fog_http_header */

struct fog_http_client;
struct fog_http_call;
struct fog_http_link;

struct fog_http_client_conf {
    const char *ca_file;   /* NULL: system store */
    const char *unix_path; /* NULL, or the Unix socket that every request goes to (admin API) */
    struct fog_addr_policy policy;
    fog_time_ms connect_ms;  /* default 5 s */
    fog_time_ms response_ms; /* to the first header byte, default 15 s */
    fog_time_ms stall_ms;    /* between two body reads, default 10 s */
    unsigned per_host;       /* connections, default 4 (h1) / 1 (h2) */
    /* NULL or a resolver that answers before the system's: returns true and fills out (tests,
     * --resolve). */
    bool (*resolve)(void *arg, const char *host, uint16_t port, struct fog_addr *out);
    void *resolve_arg;
};

struct fog_http_client *fog_http_client_new(struct fog_loop *loop,
                                            const struct fog_http_client_conf *conf);
void fog_http_client_free(
    struct fog_http_client **c); /* cancels what is in flight without callbacks */

struct fog_http_call_ops {
    void (*on_response)(struct fog_http_call *call, int status,
                        const struct fog_http_header *headers, size_t n, void *arg);
    /* Body bytes, any size. Returning false pauses until fog_http_call_resume (flow control holds
     * the peer back). */
    bool (*on_data)(struct fog_http_call *call, struct fog_bytes data, void *arg);
    /* Once, last. 0: the response is complete (its Content-Length was met); else the reason. The
     * call is gone afterwards. */
    void (*on_end)(struct fog_http_call *call, int err, void *arg);
};

struct fog_http_fetch {
    const char *method; /* NULL: GET */
    const char *url;    /* "https://host[:port]/path?query"; for links only "/path?query" */
    const struct fog_http_header *headers;
    size_t n_headers;
    struct fog_bytes body;                     /* copied; empty: none */
    const struct fog_http_source *body_source; /* instead of body, with content_length */
    uint64_t content_length;
};

/* FOG_EFORMAT for a bad URL; everything later comes by on_end. */
int fog_http_fetch(struct fog_http_client *c, const struct fog_http_fetch *f,
                   const struct fog_http_call_ops *ops, void *arg,
                   struct fog_http_call **out) FOG_MUST_CHECK;
void fog_http_call_cancel(struct fog_http_call *call); /* no callback follows */
void fog_http_call_resume(struct fog_http_call *call);
/* The peer's address of a running call; NULL before it is connected. */
const struct fog_addr *fog_http_call_peer(const struct fog_http_call *call);

/* Collects a whole response of at most max bytes; on_done is called once. Header views live during
 * the call. */
int fog_http_fetch_all(struct fog_http_client *c, const struct fog_http_fetch *f, size_t max,
                       void (*on_done)(int err, int status, const struct fog_http_header *headers,
                                       size_t n, struct fog_bytes body, void *arg),
                       void *arg, struct fog_http_call **out) FOG_MUST_CHECK;

/* Makes us the HTTP/2 client on an open connection (ALPN "fog-fill/1" dialled by us, or
 * "fog-serve/1" dialled by the peer). on_close is called once when the connection ends; the link is
 * freed by its owner with fog_http_link_free. */
struct fog_http_link *fog_http_link_new(
    struct fog_conn *c, void (*on_close)(struct fog_http_link *l, int err, void *arg), void *arg);
void fog_http_link_free(struct fog_http_link **l);
struct fog_conn *fog_http_link_conn(struct fog_http_link *l);
/* FOG_EFORMAT for a path without '/', FOG_ECLOSED when the link takes no more calls. */
int fog_http_link_fetch(struct fog_http_link *l, const struct fog_http_fetch *f,
                        const struct fog_http_call_ops *ops, void *arg,
                        struct fog_http_call **out) FOG_MUST_CHECK;

#endif
