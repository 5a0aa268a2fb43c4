/*
 * An edge behind the real HTTP server and TLS on a loopback port, over a published site in memory.
 * The source answers on a later turn of the loop unless told otherwise.
 */
#ifndef FOG_TESTS_LIB_EDGE_LIVE_H
#define FOG_TESTS_LIB_EDGE_LIVE_H

#include "core/http/server.h"
#include "core/io/addr.h"
#include "core/io/loop.h"
#include "edge/edge.h"
#include "tests/lib/edge_store.h"
#include "tests/lib/testca.h"

#define LIVE_ZONE    "fog.test"
#define LIVE_SITE    "abcdefghijklmnop"
#define LIVE_BOX     "abcdefghijklmnopqrstuvwxya"
#define LIVE_GATEWAY LIVE_SITE "." LIVE_ZONE
#define LIVE_BOXNAME LIVE_SITE "." LIVE_BOX "." LIVE_ZONE

struct edge_live {
    struct fog_loop *loop;
    struct testca *ca;
    struct edge_certs *certs;
    struct fog_tls_server *tls;
    struct fog_listener *listener;
    struct fog_addr at;
    struct fog_http_server *http;
    struct edge *edge;
    struct edge_store store;
    struct edge_source source;
    struct edge_steer steer;
    bool now;        /* the source answers inside the call */
    int read_err;    /* 0, or what reads answer... */
    uint32_t err_at; /* ...from this offset in a chunk on */
    unsigned open;   /* slices in other hands */
};

/* alpn: what the listener offers, NULL-terminated. The caller publishes and runs the loop. */
void edge_live_init(struct edge_live *l, const char *const *alpn);
void edge_live_fini(struct edge_live *l);

#endif
