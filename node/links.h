/*
 * Node connections on which we are the HTTP/2 client (PROTOCOL 4, fill): one per peer and process,
 * dialled by us ("fog-fill/1"), or by a peer that accepts no inbound connection and was called
 * through its hub ("fog-serve/1").
 *
 * Owns the connections and a registry of which loop holds which peer's. Any loop may fetch from any
 * peer: the request travels to the loop that holds the connection, and the answer back. Verifies
 * who the peer is, never what it sends.
 */
#ifndef FOG_NODE_LINKS_H
#define FOG_NODE_LINKS_H

#include "core/base/err.h"
#include "core/base/types.h"
#include "core/io/addr.h"

struct fog_conn;
struct fog_loop;
struct fog_tls_cert;
struct links;
struct links_loop;
struct links_fetch;

#define LINKS_DIAL_MS  3000  /* TCP and TLS, or waiting for a called peer */
#define LINKS_IDLE_MS  60000 /* an unused connection is closed after that */
#define LINKS_PATH_MAX 160

struct links_peer {
    uint8_t key[32]; /* transport key: the connection must prove it */
    struct fog_addr addr;
    bool reachable; /* false: it is called through its hub */
};

struct links_conf {
    unsigned n_loops;
    struct fog_tls_cert *node;     /* our identity; a reference is taken */
    struct fog_addr_policy policy; /* what may be dialled */
    /* Asks the peer's hub to let it dial us; any thread. NULL: such peers are not asked. */
    void (*call_peer)(void *arg, const uint8_t key[32]);
    void *arg;
};

int links_new(const struct links_conf *conf, struct links **out) FOG_MUST_CHECK;
void links_free(struct links **l); /* after all links_loop_free */

/* One loop's part; index < n_loops. On that loop's thread, or before it runs. */
struct links_loop *links_loop_new(struct links *l, unsigned index, struct fog_loop *loop);
/* After the loop has ended: running fetches end without callbacks. */
void links_loop_free(struct links_loop **ll);

/* An accepted connection with ALPN "fog-serve/1" of a peer whose key was checked by the caller. */
void links_adopt(struct links_loop *ll, struct fog_conn *c);

struct links_ops {
    void (*on_response)(void *arg, int status);
    void (*on_data)(void *arg, struct fog_bytes data);
    /* Once, last; the fetch is gone then. 0: complete. */
    void (*on_end)(void *arg, int err);
};

/* GET path from the peer. Callbacks come on this loop, never from inside the call; at most
 * `max_body` bytes are taken, more is FOG_ELIMIT. */
struct links_fetch *links_get(struct links_loop *from, const struct links_peer *peer,
                              const char *path, size_t max_body, const struct links_ops *ops,
                              void *arg);
/* No callback follows. Accepts a cleared pointer. */
void links_cancel(struct links_fetch **f);

#endif
