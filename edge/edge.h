/*
 * The edge role: answers viewers' HTTP requests on box names `<site>.<box>.<zone>` and, with a
 * steer port, on gateway names `<site>.<zone>` (PROTOCOL 3 and 4). One instance per serving loop;
 * instances share nothing.
 *
 * Owns: the reading of a request, site look-ups and their cache, HTTP semantics (conditions,
 * ranges, variants), the rules of box names. Never: sockets, keys, storage, placement; those are
 * behind the ports source.h, steer.h and grants.h, which node/ fills in.
 *
 * Include this header and no other of edge/ (it brings the ports with it).
 */
#ifndef FOG_EDGE_EDGE_H
#define FOG_EDGE_EDGE_H

#include "edge/cert.h"
#include "edge/grants.h"
#include "edge/source.h"
#include "edge/steer.h"

struct edge;
struct fog_http_req;
struct fog_loop;

#define EDGE_STATS(X)                                                                              \
    X(req_total, COUNTER, "requests received")                                                     \
    X(req_ok, COUNTER, "answers with content: 200, 206")                                           \
    X(req_not_modified, COUNTER, "answers 304")                                                    \
    X(req_redirected, COUNTER, "answers 301, 302, 307")                                            \
    X(req_absent, COUNTER, "answers 404 of proven absence")                                        \
    X(req_refused, COUNTER, "other answers 4xx and 5xx")                                           \
    X(req_aborted, COUNTER, "requests whose answer did not end")                                   \
    X(back_grant, COUNTER, "viewers sent back to the gateway: grant not taken")                    \
    X(back_content, COUNTER, "viewers sent back to the gateway: content not obtained")             \
    X(source_timeout, COUNTER, "waits for the source that were given up")                          \
    X(credit_timeout, COUNTER, "waits for a tick that were given up")                              \
    X(tick_ok, COUNTER, "ticks accepted")                                                          \
    X(tick_bad, COUNTER, "ticks refused")                                                          \
    X(bytes_sent, COUNTER, "body bytes handed to the socket")                                      \
    X(bytes_ram, COUNTER, "body bytes read from RAM")                                              \
    X(bytes_disk, COUNTER, "body bytes read from disk")                                            \
    X(bytes_peer, COUNTER, "body bytes filled from peers or origins")                              \
    X(site_hit, COUNTER, "path look-ups answered from the look-up cache")                          \
    X(site_miss, COUNTER, "path look-ups that needed release pages")                               \
    X(site_bytes, GAUGE, "bytes held by the look-up cache")                                        \
    X(req_open, GAUGE, "requests being answered")

struct edge_stats {
#define X(name, kind, help) uint64_t name;
    EDGE_STATS(X)
#undef X
};

struct edge_limits {
    size_t site_cache_bytes;    /* look-up cache, default 4 MiB */
    fog_time_ms source_ms;      /* a wait for the source, default 8 s (players give up at 10 s) */
    fog_time_ms credit_ms;      /* a wait for a tick, default 15 s */
    fog_time_ms pointer_ttl_ms; /* how long a pointer is used before it is asked for again, 1 s */
};

/* Texts are copied. */
struct edge_conf {
    const char *zone;                 /* "fog.localhost" */
    const char *box_label;            /* own 26 characters, "" when no box names are served */
    const char *version;              /* shown by /.well-known/fogbank */
    uint16_t port;                    /* of gateway names, 443 is left out of URLs */
    struct edge_limits limits;        /* zero fields take the default */
    const struct edge_source *source; /* the ports live at least as long as the edge */
    const struct edge_steer *steer;   /* NULL: no gateway names are served */
    const struct edge_grants *grants; /* NULL: grants are ELSEWHERE, stable URLs are unmetered */
    /* Hub time in Unix milliseconds. */
    fog_time_ms (*hub_ms)(void *arg);
    void *hub_arg;
};

/* FOG_ECONFIG when zone, label or a mandatory port is missing or malformed. */
int edge_new(struct fog_loop *loop, const struct edge_conf *conf, struct edge **out) FOG_MUST_CHECK;

/* The HTTP server goes first (fog_http_server_free): no request may be open any more. */
void edge_free(struct edge **e);

/* fog_http_server_conf.on_request, arg = the edge. Every request is answered or reset. */
void edge_on_request(struct fog_http_req *req, void *edge);

/* The site has a new pointer (or lost it): the next request asks the source again. */
void edge_pointer_changed(struct edge *e, const char *site);

const struct edge_stats *edge_stats(const struct edge *e);

/* Requests and body bytes per site since the last call, for placement and heartbeats. At most 4096
 * sites are told apart between two calls; the rest is under the empty label. */
void edge_tally_drain(struct edge *e,
                      void (*each)(void *arg, const char *site, uint64_t requests, uint64_t bytes),
                      void *arg);

#endif
