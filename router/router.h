/*
 * The router role: leases, cell map, placement, steering, DNS, publisher API and box certificates
 * of one router instance. Owns the instance's records (RocksDB) and all lease connections; never
 * serves content itself (the edge role does, asking steer.h), never holds a signing key (ports.h).
 *
 * One loop owns it: every function and callback here belongs to that loop's thread. node/, tests/
 * and bench/ include this header; boxes use member.h instead.
 */
#ifndef FOG_ROUTER_ROUTER_H
#define FOG_ROUTER_ROUTER_H

#include "router/member.h"
#include "router/objects.h"
#include "router/ports.h"
#include "router/steer.h"

struct router;
struct cellmap;
struct fog_conn;
struct fog_http_req;
struct fog_loop;

/* Texts and byte views are copied. */
struct router_conf {
    const char *zone;
    const char *state_dir; /* records go to <state_dir>/router-db; NULL: in memory (tests) */
    struct fog_bytes genesis;
    struct fog_bytes hub_set; /* empty: the stored one, or made with root_seed */
    const uint8_t
        *root_seed;      /* NULL, or the root key of a fog of one instance (development, clubs) */
    const uint8_t *seed; /* this instance's transport key, 32 bytes */
    struct fog_addr public_addr;       /* what boxes and viewers connect to */
    uint16_t public_port;              /* in URLs; 443 is left out */
    const char *ca_file;               /* for probes of boxes; NULL: the system's store */
    const char *dns_listen;            /* "ip:port", NULL: no DNS */
    const char *geo_db;                /* country database, NULL: none */
    const char *prefix_map;            /* operator's prefix map, NULL: none */
    const struct fog_hash *publishers; /* allow-list, used when deals.check is NULL */
    size_t n_publishers;
    bool any_publisher;
    bool dev;   /* declared places are believed, loopback addresses are allowed */
    unsigned k; /* copies, default 3 */
    fog_time_ms
        grace_ms; /* before a dead box's copies are made again; default 1 h, development 2 s */
    fog_time_ms drop_after_ms;   /* surplus copies are dropped after that, default 10 min */
    fog_time_ms ramp_ms;         /* weight ramp of new boxes, default 72 h, 0 in development */
    unsigned new_sessions_per_s; /* per client prefix, default 100 */
};

struct router_all_ports {
    struct router_clock clock;
    struct router_signer signer;
    struct router_objects objects;
    struct router_grants grants;
    struct router_deals deals; /* check NULL: the allow-list of the configuration */
    struct router_ca ca;
    struct router_money money;
    struct router_events events;
};

/* Opens the records, publishes the first map, starts DNS. FOG_ECONFIG, FOG_EVERIFY or what opening
 * gave, with a log line. */
int router_new(struct fog_loop *loop, const struct router_conf *conf,
               const struct router_all_ports *ports, struct router **out) FOG_MUST_CHECK;
void router_free(struct router **r);

/* An accepted node connection with ALPN fog-lease/1. */
void router_adopt_lease(struct router *r, struct fog_conn *c);

/* A request for api.<zone> (`admin` false) or from the admin socket (`admin` true). Answers it. */
void router_on_request(struct router *r, struct fog_http_req *req, bool admin);

struct steer *router_steer(struct router *r);
const struct cellmap *router_cellmap(const struct router *r);
const struct fog_hash *router_fog_id(const struct router *r);

/* A message to a leased box (VOUCHER, REGISTRY, STATEMENT_OK, ...); -ENOTCONN without a lease. */
int router_send(struct router *r, const uint8_t box[32], uint16_t type,
                struct fog_bytes body) FOG_MUST_CHECK;

/* Newest pointer of a site with its key document; -ENOENT. Views until the loop's next turn. */
int router_site(struct router *r, const uint8_t site[10], struct fog_bytes *pointer,
                struct fog_bytes *keydoc, struct fog_bytes *delegate) FOG_MUST_CHECK;

/* This instance's own storage found a peer lying (same as REPORT of a box). */
void router_report(struct router *r, const struct fog_wire_report *m);

/* Asks a box without inbound reachability to dial us (CALL_YOU with our public address). */
int router_call_peer(struct router *r, const uint8_t box[32]) FOG_MUST_CHECK;

/* Bytes a box serves for itself in DNS and boxes trust for fill: enrolled and in the newest map. */
bool router_knows_box(const struct router *r, const uint8_t key[32]);

#endif
