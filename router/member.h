/*
 * The box's side of the lease (PROTOCOL 5): one outbound connection to each of up to two router
 * instances, enrolment, heartbeats, hub time, and the messages that come down the line. Owns its
 * connections and the newest verified cell map and liveness; everything else is handed to `ops`.
 * Runs on one loop, which is also where all callbacks come from. Never keeps content, never signs
 * anything but its own enrolment.
 */
#ifndef FOG_ROUTER_MEMBER_H
#define FOG_ROUTER_MEMBER_H

#include "core/base/err.h"
#include "core/base/types.h"
#include "core/io/addr.h"
#include "core/wire/frame.h"

struct fog_loop;
struct fog_tls_cert;
struct cellmap;
struct member;

#define MEMBER_HUBS 2

/* The beat's figures, asked for just before each beat. */
struct member_load {
    uint32_t active; /* requests being answered: > 0 means beats every 3 s */
    uint32_t conns;
    uint64_t egress_bps;
    uint64_t bytes_total;
    uint64_t free_bytes;
};

/* All of them optional. Views are borrowed during the call. */
struct member_ops {
    void *arg;
    void (*load)(void *arg, struct member_load *out);
    /* The first lease holds (up), or the last one was lost. */
    void (*on_lease)(void *arg, bool up);
    void (*on_enrolled)(void *arg, const char *label, const uint8_t operator_addr[20]);
    /* Refused for good (token used up, box revoked): retried every 5 min; text for the operator. */
    void (*on_refused)(void *arg, unsigned code, const char *text);
    /* A newer map was verified, or liveness changed: member_map(). */
    void (*on_map)(void *arg);
    void (*on_pointer)(void *arg, const struct fog_wire_pointer *m);
    void (*on_fresh)(void *arg, const struct fog_wire_fresh *m);
    void (*on_place)(void *arg, const struct fog_wire_place *m); /* answer with member_placed */
    void (*on_cert)(void *arg, struct fog_bytes chain_pem, int64_t not_after_ms);
    void (*on_call_you)(void *arg, const uint8_t peer[32], const char *addr);
    /* REGISTRY, VOUCHER, STATEMENT_OK, and LEASE for its standing grants: body of that type. */
    void (*on_money)(void *arg, uint16_t type, struct fog_bytes body);
    /* A SITE_ASK or CSR was refused. */
    void (*on_refuse)(void *arg, const struct fog_wire_refuse *m);
};

struct member_hub {
    struct fog_addr addr;
    uint8_t key[32]; /* transport key of the instance */
};

struct member_conf {
    struct fog_bytes genesis;
    struct fog_bytes
        hub_set; /* newest known (file of the state directory, or the token's); may be empty with
                    a token: the hub's set is then checked against the token's hash */
    struct fog_bytes token;      /* binary; empty when already enrolled */
    const uint8_t *seed;         /* 32-byte transport key, borrowed for the member's life */
    struct fog_wire_hello hello; /* software, advertise, flags, class, weight, node, place, disk */
    /* Newest verified hub set, to be kept in the state directory. Optional. */
    void (*save_hub_set)(void *arg, struct fog_bytes set);
    void *save_arg;
    uint64_t jitter_seed; /* reconnects of many boxes must not come together */
};

/* FOG_EFORMAT or FOG_EVERIFY for a bad genesis, hub set or token, with a log line that says what.
 * Connects at once. conf and ops are copied (not what seed points to). */
int member_new(struct fog_loop *loop, const struct member_conf *conf, const struct member_ops *ops,
               struct member **out) FOG_MUST_CHECK;
void member_free(struct member **m);

/* Says goodbye on all leases; done(arg) when it has left for the sockets (at most 1 s). drain_ms:
 * how long requests in flight may still take. No reconnect follows. */
void member_leave(struct member *m, uint32_t drain_ms, void (*done)(void *arg), void *arg);

bool member_is_leased(const struct member *m);
/* Hub time: own monotonic clock plus the offset learned on the lease; the wall clock before the
 * first. */
fog_time_ms member_hub_ms(const struct member *m);
/* Newest map with liveness, NULL before the first; valid until on_map. */
const struct cellmap *member_map(const struct member *m);
const struct fog_hash *member_fog_id(const struct member *m);
const char *member_label(const struct member *m); /* 26 characters */
/* Is this key an instance of the hub set? */
bool member_is_hub(const struct member *m, const uint8_t key[32]);
/* Address and key of a leased instance (fallback source of content); false when no lease holds. */
bool member_hub_now(const struct member *m, struct member_hub *out);

/* A load change that should be told now (idle -> serving). */
void member_beat_now(struct member *m);

/* Messages up. All return 0, or -ENOTCONN without a lease. */
int member_placed(struct member *m, const struct fog_wire_placed *p) FOG_MUST_CHECK;
int member_csr(struct member *m, struct fog_bytes der) FOG_MUST_CHECK;
int member_call_peer(struct member *m,
                     const uint8_t peer[32]) FOG_MUST_CHECK; /* to our advertised address */
int member_report(struct member *m, const struct fog_wire_report *r) FOG_MUST_CHECK;
int member_site_ask(struct member *m, const uint8_t site[10]) FOG_MUST_CHECK;
/* PROGRESS or STATEMENT body. */
int member_money(struct member *m, uint16_t type, struct fog_bytes body) FOG_MUST_CHECK;

#endif
