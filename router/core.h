/*
 * The body of struct router, for the files of this folder that tie the pure modules to connections,
 * timers and ports. Not for anybody else: node/, tests/ and bench/ use router.h.
 */
#ifndef FOG_ROUTER_CORE_H
#define FOG_ROUTER_CORE_H

#include "core/base/list.h"
#include "core/base/rng.h"
#include "core/io/loop.h"
#include "router/beacon.h"
#include "router/cellmap.h"
#include "router/lease.h"
#include "router/records.h"
#include "router/router.h"

#define ROUTER_MAGIC 0x726f7574

struct ca;
struct copies;
struct dnsd;
struct geo;
struct mapper;
struct probes;
struct publish;
struct verdicts;

struct router {
    uint32_t magic;
    struct fog_loop *loop;
    struct router_conf conf; /* texts owned, see router.c */
    struct router_all_ports ports;
    struct fog_rng rng;
    uint8_t secret[16]; /* of this run: keyed tables */

    struct genesis genesis;
    struct fog_hash fog_id;
    struct fog_buf genesis_bytes;
    struct hubset hubs;
    struct fog_buf hubs_bytes;
    const struct hubset_instance *self;
    struct fog_hash beacon_seed; /* secret of this instance's hash chain */

    struct db *db;
    struct records *rec;
    struct leases *leases;
    struct mapper *mapper;
    struct copies *copies;
    struct steer *steer;
    struct geo *geo;
    struct dnsd *dns;
    struct probes *probes;
    struct verdicts *verdicts;
    struct publish *publish;
    struct ca *ca;

    struct fog_list conns; /* struct lconn of leasewire.c */
    struct fog_timer *tick;
    bool clock_known;
    fog_time_ms clock_offset;  /* hub time minus monotonic at the last tick */
    struct fog_tls_cert *cert; /* node identity */
    struct fog_tls_client *dialler;
};

static inline fog_time_ms router_now(const struct router *r)
{
    return fog_loop_now_ms(r->loop);
}

static inline fog_time_ms router_hub_ms(const struct router *r)
{
    return r->ports.clock.hub_ms(r->ports.clock.arg);
}

/* leasewire.c */
void leasewire_close_all(struct router *r);
/* Sends to one box; -ENOTCONN. */
int leasewire_send(struct router *r, const uint8_t box[32], uint16_t type,
                   struct fog_bytes body) FOG_MUST_CHECK;
void leasewire_send_all(struct router *r, uint16_t type, struct fog_bytes body);
void leasewire_send_pointer(struct router *r, const struct record_site *s);
/* Sends a nonce over the lease; the answer goes to leases_on_probe. */
void leasewire_probe(struct router *r, const uint8_t box[32]);
/* Ends the box's connection with REFUSE_REVOKED. */
void leasewire_drop(struct router *r, const uint8_t box[32], const char *text);
size_t leasewire_count(const struct router *r);

/* router.c */
void router_label(const uint8_t key[32], char out[FOG_BOX_LABEL_LEN + 1]);
/* Something a deadline depends on has changed: the tick timer is set anew. */
void router_kick(struct router *r);

#endif
