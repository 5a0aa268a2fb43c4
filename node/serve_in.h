/*
 * Inside of the serving process: what its parts share. serve.c makes and ends it; role_*.c fill in
 * the parts of the roles that the configuration asks for. Fields are written before threads start
 * or on the control loop; what several threads use guards itself.
 */
#ifndef FOG_NODE_SERVE_IN_H
#define FOG_NODE_SERVE_IN_H

#include "contracts/claim/keyd_rules.h"
#include "core/content/names.h"
#include "node/clock.h"
#include "node/conf.h"
#include "router/genesis.h"

#include <pthread.h>

struct admin;
struct edge;
struct edge_certs;
struct edge_grants;
struct edge_steer;
struct fill;
struct fill_lie;
struct fill_table;
struct fog_conn;
struct fog_http_req;
struct fog_http_server;
struct fog_listener;
struct fog_loop;
struct fog_timer;
struct fog_tls_cert;
struct fog_tls_server;
struct glue_grants;
struct glue_source;
struct glue_steer;
struct hold;
struct keyc;
struct links;
struct links_loop;
struct peers;
struct role_box;
struct role_router;
struct serve;
struct serve_node;
struct sites;
struct sites_loop;
struct storage;
struct storage_loop;

#define SERVE_VERSION "fogbank/0.1"

/* One loop with what hangs on it. The control loop of a box has no listener, server and edge. */
struct serve_loop {
    struct serve *serve;
    unsigned index;
    pthread_t thread;
    bool has_thread;
    struct fog_loop *loop;
    struct storage_loop *store;
    struct links_loop *links;
    struct fill *fill;
    struct sites_loop *sites;
    struct glue_source *source;
    struct glue_grants *grants; /* NULL: no ledger */
    struct glue_steer *steer;   /* NULL: no router */
    struct serve_node *node;
    struct edge *edge;
    struct fog_http_server *http;
    struct fog_listener *listener;
    _Atomic uint64_t bytes_sent; /* figures for the control loop, refreshed every second */
    _Atomic uint32_t conns;
    _Atomic uint32_t active;
    _Atomic uint64_t fill_lies;
    struct fog_timer *figures;
};

struct serve {
    const struct node_conf *conf;
    uint8_t seed[32]; /* transport key */
    uint8_t key[32];
    char label[FOG_BOX_LABEL_LEN + 1];
    struct genesis genesis;
    struct fog_hash fog_id;
    struct fog_buf genesis_bytes;
    struct claim_domain domain;
    struct node_clock clock;
    struct keyd_answer keys; /* what keyd holds */

    struct serve_loop *loops; /* serving loops; on a router there is one, the control loop */
    unsigned n_loops;
    struct serve_loop *control; /* loops[0] on a router */
    struct serve_loop control_own;

    struct storage *store;
    struct keyc *keyc;
    struct peers *peers;
    struct links *links;
    struct fill_table *fills;
    struct sites *sites;
    struct edge_certs *certs;
    struct fog_tls_cert *node_cert;
    struct fog_tls_server *tls;
    struct hold *hold;
    struct admin *admin;
    struct role_box *box;       /* NULL on a router */
    struct role_router *router; /* NULL on a box */

    bool stopping;
    unsigned draining; /* loops whose connections are not all gone */
    struct fog_timer *stop_timer;
};

/* ---- role_edge.c: one serving thread ---- */
int serve_loop_init(struct serve_loop *l, struct serve *s, unsigned index,
                    bool serving) FOG_MUST_CHECK;
void serve_loop_attach_sites(struct serve_loop *l);
int serve_loop_listen(struct serve_loop *l) FOG_MUST_CHECK;
void serve_loop_drain(struct serve_loop *l); /* any thread */
void serve_loop_fini(struct serve_loop *l);
/* Connects to a peer that called, as the server of that connection (ALPN fog-serve/1). Control. */
void serve_loop_call_back(struct serve *s, const uint8_t key[32], const char *addr);
void serve_loop_drained(struct serve *s); /* role_edge.c tells serve.c; control loop */

/* ---- role_box.c: lease, ledger, orders ---- */
int role_box_new(struct serve *s, struct role_box **out) FOG_MUST_CHECK;
void role_box_free(struct role_box **b);
int role_box_start(struct role_box *b) FOG_MUST_CHECK; /* everything else stands */
void role_box_leave(struct role_box *b, void (*done)(void *arg), void *arg);
void role_box_report(struct role_box *b, const struct fill_lie *lie);       /* control loop */
void role_box_call_peer(struct role_box *b, const uint8_t key[32]);         /* control loop */
void role_box_ask_site(struct role_box *b, const struct fog_site_id *site); /* control loop */
struct ledger *role_box_ledger(struct role_box *b);             /* NULL without a node key */
void role_box_status(struct role_box *b, struct fog_buf *json); /* `"name":value,...` */

/* ---- role_router.c ---- */
int role_router_new(struct serve *s, struct role_router **out) FOG_MUST_CHECK;
void role_router_free(struct role_router **r);
int role_router_start(struct role_router *r) FOG_MUST_CHECK;
void role_router_report(struct role_router *r, const struct fill_lie *lie);
void role_router_call_peer(struct role_router *r, const uint8_t key[32]);
void role_router_adopt_lease(struct role_router *r, struct fog_conn *c);
/* True when the request was for the router (api.<zone>) and is answered. */
bool role_router_on_request(struct role_router *r, struct fog_http_req *req);
void role_router_on_admin(struct role_router *r, struct fog_http_req *req);
struct steer *role_router_steer(struct role_router *r);
void role_router_reload(struct role_router *r);

/* State of the process as JSON, for the admin socket and /n/status. Control loop; the part of
 * /n/status that other loops may build is serve_status_short. */
void serve_status(struct serve *s, struct fog_buf *out);
void serve_status_short(struct serve *s, struct fog_buf *out);
void serve_stop(struct serve *s); /* control loop: begins to stop */

#endif
