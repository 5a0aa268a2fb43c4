/*
 * The bytes of an answer: reads a variant chunk by chunk from the source and hands them to the HTTP
 * server as slices, without copies; keeps to the grant's allowance; gives up when the source or the
 * next tick is late. Knows nothing of headers.
 *
 * Life: edge_body_open gets the first piece (so that a failure can still be answered), then
 * edge_body_source goes to fog_http_respond, whose close ends it. Or edge_body_drop instead.
 */
#ifndef FOG_EDGE_BODY_H
#define FOG_EDGE_BODY_H

#include "core/http/server.h"
#include "edge/instance.h"

struct edge_body {
    struct edge *e;
    struct fog_http_req *http;
    const char *site;        /* label, lives as long as the request */
    struct edge_object *obj; /* own reference */
    const struct fog_variant *variant;
    uint64_t at, end;         /* next byte to read; end of the answer */
    struct edge_grant *grant; /* NULL: unmetered */
    void (*on_open)(struct edge_body *b, int err);
    /* Called once when the answer has ended or died; the last word of the body. */
    void (*on_close)(struct edge_body *b, int err);
    /* private */
    bool started; /* the HTTP server pulls */
    bool reading;
    bool awaiting_credit;
    int err;
    uint64_t handed; /* bytes given to the server */
    struct edge_data data;
    size_t used; /* of data */
    struct edge_op op;
    struct edge_wait source_wait;
    struct edge_credit_wait credit;
    struct edge_wait credit_wait;
};

/* The caller has set the fields above "private" (obj's reference and the grant are taken over) and
 * zeroed the rest. len > 0. 0: the first piece is here; -EINPROGRESS: on_open follows; else it
 * failed and the caller drops the body. */
int edge_body_open(struct edge_body *b, uint64_t first, uint64_t len) FOG_MUST_CHECK;

/* Where the first piece came from. */
enum edge_from edge_body_from(const struct edge_body *b);

/* For fog_http_respond. A body that was not opened (HEAD, empty object) is fine too. */
struct fog_http_source edge_body_source(struct edge_body *b);

/* Instead of a response: gives everything back; on_open and on_close are not called any more. */
void edge_body_drop(struct edge_body *b);

/* The pieces kept for reuse. */
void edge_pieces_free(struct edge *e);

#endif
