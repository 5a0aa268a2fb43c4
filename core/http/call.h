/*
 * Inside of core/http: one request of ours and its response, whatever carries it (h1_client.c,
 * h2_client.c) and whoever made it (client.c, link.c). Owns the request's copy, the accounting of
 * the response body and the call's time limit; calls back its owner and ends exactly once.
 *
 * on_response and on_data come straight from the transport; on_end always from the end of a turn,
 * so that the owner may free whatever it likes there.
 */
#ifndef FOG_HTTP_CALL_H
#define FOG_HTTP_CALL_H

#include "core/base/arena.h"
#include "core/base/list.h"
#include "core/http/client.h"

#define HTTP_CALL_MAGIC     0x4843414cu
#define RESPONSE_HEADER_MAX (64 * 1024)

struct call_transport {
    /* The call is going away before its exchange has ended, or with nothing left to do. */
    void (*detach)(struct fog_http_call *call);
    /* The owner took n body bytes (flow control). */
    void (*taken)(struct fog_http_call *call, size_t n);
    /* Reading may go on; the body source may have more. */
    void (*resume)(struct fog_http_call *call);
    struct fog_conn *(*conn)(struct fog_http_call *call);
};

struct fog_http_call {
    uint32_t magic;
    struct fog_loop *loop;
    struct fog_http_call_ops ops;
    void *arg;
    struct fog_link link;     /* in the transport's or the host's list */
    struct fog_link all_link; /* in the owner's list of everything */
    struct fog_arena arena;
    struct fog_turn turn;
    struct fog_timer *timer;
    fog_time_ms deadline_ms;
    uint64_t acked_seen;  /* at the last time-out that was none */
    fog_time_ms timer_ms; /* when the timer fires: not after the deadline */
    fog_time_ms response_ms;
    fog_time_ms stall_ms;

    /* request */
    struct fog_bytes method, scheme, authority, path;
    struct fog_http_header *headers;
    size_t n_headers;
    uint64_t length; /* of the body */
    uint64_t sent;
    struct fog_http_source src;
    bool has_length;
    bool src_done;
    bool src_waiting;
    bool own_body; /* from memory: may be sent again */
    struct fog_bytes body, body_left;
    struct fog_slice piece;

    /* transport */
    const struct call_transport *transport; /* NULL: waiting for one */
    void *carrier;
    int32_t stream;
    bool reused;   /* on a connection that carried others before */
    bool rejected; /* the peer says it did not look at it */

    /* response */
    bool responded;
    bool paused;
    bool complete; /* the transport has seen the end */
    bool ending;
    unsigned busy; /* inside a callback of the owner */
    bool dead;     /* cancelled inside one */
    int end_err;
    int status;
    struct fog_http_header *fields;
    size_t n_fields, cap_fields, field_bytes;
    uint64_t expect; /* announced body length; UINT64_MAX: none */
    uint64_t got;
    struct fog_buf pending;

    /* client.c */
    struct fog_http_client *client;
    void *host;
    unsigned tries;

    /* fog_http_fetch_all */
    struct fog_buf all;
    size_t all_max;
    void (*all_done)(int err, int status, const struct fog_http_header *headers, size_t n,
                     struct fog_bytes body, void *arg);
    void *all_arg;
};

/* Copies the request. The path is set by the caller (fetch->url is not read). */
struct fog_http_call *call_new(struct fog_loop *loop, const struct fog_http_fetch *f,
                               const struct fog_http_call_ops *ops, void *arg,
                               fog_time_ms response_ms, fog_time_ms stall_ms);
/* Frees without callbacks (detaches first). */
void call_free(struct fog_http_call *call);

/* The exchange begins on a transport. */
void call_attach(struct fog_http_call *call, const struct call_transport *t, void *carrier);

/* Collects a response field (copied). FOG_ELIMIT. */
int call_add_field(struct fog_http_call *call, struct fog_bytes name,
                   struct fog_bytes value) FOG_MUST_CHECK;
/* Forgets the fields so far (an interim response). */
void call_clear_fields(struct fog_http_call *call);

/* These return false when the call is gone. */
bool call_response(struct fog_http_call *call, int status);
bool call_data(struct fog_http_call *call, struct fog_bytes data);

/* The transport has seen the end of the response. */
void call_complete(struct fog_http_call *call);
/* The transport lost it, or a limit was hit; on_end(err) follows. */
void call_fail(struct fog_http_call *call, int err);
void call_extend(struct fog_http_call *call, fog_time_ms by_ms); /* moves the deadline */

/* The next piece of the request body as req_pull does it. */
int call_pull(struct fog_http_call *call, size_t max) FOG_MUST_CHECK;
void call_pulled(struct fog_http_call *call, size_t n);
/* Whether the same request may be sent a second time. */
bool call_can_repeat(const struct fog_http_call *call);

/* client.c: takes back a call for another connection; false when it cannot be repeated. */
bool client_retry(struct fog_http_call *call);
/* client.c: the call is about to be freed. */
void client_forget(struct fog_http_call *call);

#endif
