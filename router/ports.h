/*
 * Ports of the router role: what it needs from others, as small structs of function pointers that
 * node/ fills in. All are called on the router's loop; every `done` comes back on that loop, once,
 * and may come before the call returns. A port that is left out (NULL function) is named where it
 * matters.
 */
#ifndef FOG_ROUTER_PORTS_H
#define FOG_ROUTER_PORTS_H

#include "core/base/err.h"
#include "core/base/types.h"

/* Hub time, Unix milliseconds (the chain's latest block in development, else the system clock). */
struct router_clock {
    void *arg;
    fog_time_ms (*hub_ms)(void *arg);
};

/* The instance's map key in keyd: Ed25519 over the signed form of core/crypto/sign.h with this
 * fog's id. */
struct router_signer {
    void *arg;
    uint8_t key[32]; /* public */
    void (*sign)(void *arg, uint16_t type, struct fog_bytes body,
                 void (*done)(void *ctx, int err, const uint8_t sig[64]), void *ctx);
};

/* May this publisher use the fog? On chain: a live deal with the house; without a chain: the
 * operator's list. owner is the escrow owner named by his key document (zeros: none). err: 0,
 * FOG_EDENIED with `why` for people, or another code when it could not be found out (the publisher
 * is asked to try again). */
struct router_deals {
    void *arg;
    void (*check)(void *arg, const struct fog_hash *publisher_id, const uint8_t owner[20],
                  void (*done)(void *ctx, int err, const char *why), void *ctx);
};

/* The local CA in keyd, which builds and signs the whole certificate (core/crypto/x509.h). */
struct router_ca_request {
    uint8_t spki[128]; /* SubjectPublicKeyInfo of the checked request, DER */
    size_t spki_len;
    char dns_name[256]; /* "*.<box>.<zone>" */
    int64_t not_before; /* Unix seconds */
    int64_t not_after;
};
struct router_ca {
    void *arg;
    void (*issue)(void *arg, const struct router_ca_request *req,
                  void (*done)(void *ctx, int err, struct fog_bytes chain_pem), void *ctx);
};

/* Grants are signed by keyd; contracts/claim encodes them. */
struct router_grant_ask {
    struct fog_hash publisher_id;
    uint8_t site[10];
    uint8_t box[32];       /* transport key */
    uint8_t node[20];      /* the box's money address */
    uint32_t node_id;      /* registry id, 0 without */
    struct fog_bytes path; /* canonical (core/content/path.h), borrowed during the call */
    unsigned depth;        /* how many of its segments are the scope (fog_path_scope) */
    const uint8_t *anchor; /* 32 bytes of the player, NULL: no ticks (class P) */
    uint64_t max_bytes;    /* 0: the house's default for its life */
    uint32_t life_s;
};
struct router_grant {
    char text[768]; /* base64url of the wire grant, NUL-terminated */
    uint8_t serial[16];
    uint32_t tick_bytes;
    uint64_t max_bytes;
    uint32_t not_after; /* Unix seconds, hub time */
};
struct router_grants {
    void *arg;
    /* FOG_EDENIED: no deal; the viewer is then served without a grant from the gateway. */
    void (*issue)(void *arg, const struct router_grant_ask *ask,
                  void (*done)(void *ctx, int err, const struct router_grant *grant), void *ctx);
};

/* Money messages of boxes and figures for people; the router only carries them. Optional. */
struct router_money {
    void *arg;
    /* PROGRESS and STATEMENT bodies (core/wire) of an enrolled box; answers go through router_send.
     */
    void (*on_message)(void *arg, const uint8_t box[32], uint16_t type, struct fog_bytes body);
    /* A box holds a lease now (its vouchers and registry rows can be sent). */
    void (*on_lease)(void *arg, const uint8_t box[32]);
    /* Body of GET /v1/earnings; operator NULL: all. */
    void (*earnings)(void *arg, const uint8_t *operator_addr,
                     void (*done)(void *ctx, int err, struct fog_bytes json), void *ctx);
    /* POST /v1/admin/<verb> that the router does not know ("week/close", ...). err -ENOENT: unknown
     * verb. */
    void (*admin)(void *arg, const char *verb, struct fog_bytes body,
                  void (*done)(void *ctx, int err, struct fog_bytes json), void *ctx);
    /* More members for GET /v1/fog, as JSON text of an object ("{...}"), static until the next
     * call; or NULL. */
    const char *(*fog_json)(void *arg);
};

/* What the gateway on this instance wants to hear. Optional. */
struct router_events {
    void *arg;
    /* Newest pointer of a site; also once per site at start. */
    void (*on_pointer)(void *arg, const uint8_t site[10], struct fog_bytes pointer,
                       struct fog_bytes keydoc, struct fog_bytes delegate);
    /* A cell map was published, or liveness changed: router_cellmap() has it. */
    void (*on_map)(void *arg);
};

#endif
