/*
 * Inside of core/http: the server object and what its connections have in common, whatever the
 * protocol.
 */
#ifndef FOG_HTTP_SERVER_IN_H
#define FOG_HTTP_SERVER_IN_H

#include "core/http/req.h"

#define SERVER_MAGIC      0x48535256u
#define SERVER_CONN_MAGIC 0x48534e43u

/* A request with the first room of its arena: one allocation for most requests. */
#define REQ_BYTES 4096
#define REQ_SPARE 64

struct server_conn_ops {
    /* Finish what runs, take nothing new, then close. */
    void (*drain)(struct server_conn *sc);
    /* Once per tick: what took too long. */
    void (*check)(struct server_conn *sc, fog_time_ms now_ms);
    /* Frees the transport's part; requests are ended already. */
    void (*destroy)(struct server_conn *sc);
};

struct server_conn {
    uint32_t magic;
    const struct server_conn_ops *ops;
    struct fog_http_server *server;
    struct fog_conn *conn; /* NULL once closed */
    struct fog_link link;  /* in server->conns, least recently active first */
    struct fog_list reqs;
    unsigned n_reqs;
    bool draining;
    fog_time_ms active_ms; /* last request began or ended */
    fog_time_ms head_ms;   /* a header section began and is not complete; 0: none */
    uint64_t acked_seen;   /* progress of the peer at the last check */
    fog_time_ms acked_ms;
};

struct fog_http_server {
    uint32_t magic;
    struct fog_loop *loop;
    struct fog_http_server_conf conf;
    struct fog_list conns;
    unsigned n_conns;
    bool draining;
    void (*drained)(void *arg);
    void *drained_arg;
    struct fog_timer *tick;
    fog_time_ms tick_ms;
    void *spare[REQ_SPARE];
    unsigned n_spare;
    int64_t date_s; /* what `date` says */
    char date[32];
};

/* Links the connection to the server. */
void server_conn_init(struct server_conn *sc, struct fog_http_server *s, struct fog_conn *c,
                      const struct server_conn_ops *ops);
/* The connection is gone: ends its requests and frees it. */
void server_conn_gone(struct server_conn *sc, int err);
void server_conn_touch(struct server_conn *sc);
/* The time-outs that both protocols share; true when the connection was aborted. */
bool server_conn_check(struct server_conn *sc, fog_time_ms now_ms);
/* Whether the request's body has kept us waiting too long: 0 or -ETIMEDOUT. */
int server_req_check(struct fog_http_req *r, fog_time_ms now_ms);

/* The value of `date`, renewed once a second. */
struct fog_bytes server_date(struct fog_http_server *s);

void *server_req_memory(struct fog_http_server *s);
void server_req_give_back(struct fog_http_server *s, void *p);

/* Transports. */
void h1_server_adopt(struct fog_http_server *s, struct fog_conn *c);
void h2_server_adopt(struct fog_http_server *s, struct fog_conn *c);

#endif
