/*
 * The server side of node connections: /n/chunk, /n/object, /n/status (PROTOCOL 4). One per loop.
 * Answers known peers only; reads the store of this process and nothing else, so a peer's request
 * never causes another one (no loops between boxes).
 */
#ifndef FOG_NODE_SERVE_NODE_H
#define FOG_NODE_SERVE_NODE_H

#include "core/base/buf.h"

struct fog_http_req;
struct peers;
struct serve_node;
struct storage_loop;

struct serve_node_conf {
    struct storage_loop *store;
    struct peers *peers;
    /* Appends the JSON of /n/status. */
    void (*status)(void *arg, struct fog_buf *out);
    void *arg;
};

struct serve_node *serve_node_new(const struct serve_node_conf *conf);
void serve_node_free(struct serve_node **s); /* no request may be open */

/* A request on a connection whose peer has proven a transport key. Answers it. */
void serve_node_on_request(struct serve_node *s, struct fog_http_req *req);

uint64_t serve_node_bytes(const struct serve_node *s); /* body bytes sent to peers */

#endif
