/*
 * Server and client in one process over loopback, for tests of core/http: a server whose paths
 * behave in named ways, a client that resolves "a.test" to it, and a call that checks what it gets
 * against a pattern.
 */
#ifndef FOG_TESTS_LIB_EXCHANGE_H
#define FOG_TESTS_LIB_EXCHANGE_H

#include "core/http/client.h"
#include "core/http/server.h"
#include "tests/lib/testca.h"

enum proto { H2, H1_TLS, H1_PLAIN };

struct net {
    struct fog_loop *loop;
    struct testca *ca;
    struct fog_tls_cert *cert;
    struct fog_tls_server *tls;
    struct fog_listener *listener;
    struct fog_addr at;
    struct fog_http_server *server;
    struct fog_http_client *client;
    enum proto proto;
    /* what the handlers saw */
    unsigned requests;
    unsigned conns;
    unsigned aborts;
    unsigned closes;
    int close_err;
    uint64_t close_sent;
    struct fog_http_req *held;
    uint64_t sunk;
    bool sink_ended;
    int sink_err;
    unsigned pauses;
};

void net_up_with(struct net *n, enum proto proto, const struct fog_http_limits *limits,
                 struct fog_http_client_conf client);
void net_up(struct net *n, enum proto proto);
void net_down(struct net *n);

#define UNTIL(n, cond)                                                                             \
    for (int turns_ = 0; !(cond); turns_++) {                                                      \
        assert_true(turns_ < 200000);                                                              \
        fog_loop_turn((n)->loop, true);                                                            \
    }

/* A call as the test sees it. */
struct got {
    struct net *net;
    struct fog_http_call *call;
    int status;
    bool ended;
    int err;
    uint64_t bytes;
    bool wrong; /* a byte was not what the pattern says */
    struct fog_buf body;
    bool keep;
    char type[64];
    bool pause_next;
    uint64_t cancel_at;
};

extern const struct fog_http_call_ops call_ops; /* their argument is a struct got */

void fetch(struct net *n, struct got *g, const char *method, const char *path,
           struct fog_bytes body);
void get(struct net *n, struct got *g, const char *path);

#endif
