/*
 * HTTP API of a router instance (PROTOCOL 2.9 and 5): a call is one request on its way through a
 * handler that may wait for ports. Owns calls; what they do is in api_publish.c, api_view.c,
 * api_route.c and api_admin.c. Inside the router only.
 */
#ifndef FOG_ROUTER_API_H
#define FOG_ROUTER_API_H

#include "core/http/server.h"
#include "core/json/json.h"
#include "router/core.h"

#define API_BODIES_MAX 64 /* request bodies being read: at most as many MiB */
#define API_JSON_MAX   (64 * 1024)
#define API_WAIT_MAX_S 300
#define API_TARGET_MAX 2048

struct api_call {
    struct router *r;
    struct fog_http_req *req; /* NULL: the client went away */
    bool admin;
    char method[8];
    char path[API_TARGET_MAX];  /* raw */
    char query[API_TARGET_MAX]; /* raw */
    struct fog_hash who;        /* publisher, after api_auth */
    struct fog_buf body;
    void (*go)(struct api_call *c); /* when the body is in */
    bool counted;                   /* among API_BODIES_MAX */
    /* Of the handlers. */
    uint64_t number;
    struct fog_buf scratch;
    void *part;
};

/* Answers and ends the call. */
void api_json(struct api_call *c, int status, struct fog_json **j);
void api_empty(struct api_call *c, int status);
void api_bytes(struct api_call *c, int status, const char *type, struct fog_bytes body);
void api_problem(struct api_call *c, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* True while somebody waits for the answer; else ends the call: to be asked first in every late
 * callback. */
bool api_alive(struct api_call *c);

/* Reads the body (at most max bytes), then calls go. */
void api_read(struct api_call *c, size_t max, void (*go)(struct api_call *c));

/* The publisher whose signature the request carries (over method, target and c->body) is in c->who;
 * or the problem was answered. */
bool api_auth(struct api_call *c);

/* Value of a query name, percent-decoded and NUL-terminated; false when absent or too long. */
bool api_query(const struct api_call *c, const char *name, char *out, size_t size);

/* Handlers, by table in api.c. */
void api_fog(struct api_call *c);
void api_publisher(struct api_call *c);
void api_missing(struct api_call *c);
void api_object(struct api_call *c);
void api_pointer(struct api_call *c);
void api_site(struct api_call *c);
void api_status(struct api_call *c);
void api_route(struct api_call *c);
void api_earnings(struct api_call *c);
void api_admin(struct api_call *c);

/* The gateway URL of a site, "https://<label>.<zone>[:port]/". */
void api_gateway_url(const struct router *r, const char *label, char out[320]);
void api_set_plain_hex(struct fog_json *j, const char *name, const void *bytes, size_t len);

#endif
