/*
 * Inside of the house role: what role_house.c (life, chain, ports), house_boxes.c (messages) and
 * house_weeks.c (weeks and figures) share.
 */
#ifndef FOG_NODE_HOUSE_IN_H
#define FOG_NODE_HOUSE_IN_H

#include "contracts/claim/claim.h"
#include "core/base/list.h"
#include "node/glue_store.h"
#include "node/role_house.h"

struct chain_rpc;
struct claimer;
struct fog_http_client;
struct fog_timer;
struct local_registry;
struct mirror;

/* `week close` under way. */
struct closing {
    uint32_t week;  /* being closed; 0: not begun */
    uint32_t shown; /* the newest that had something to post */
    bool any;
    fog_time_ms since_ms;
    void (*done)(void *ctx, int err, struct fog_bytes json);
    void *ctx;
};

/* A publisher's right under examination. */
struct deal_check {
    struct fog_link link;
    struct fog_hash publisher_id;
    uint8_t owner[20];
    fog_time_ms until_ms;
    void (*done)(void *ctx, int err, const char *why);
    void *ctx;
};

struct house_role {
    struct house_role_conf conf;
    struct serve *serve;
    struct glue_store store;
    struct house *house;
    struct fog_ethaddr addr;
    struct registry *registry;    /* newest; referenced */
    struct local_registry *local; /* without a chain */
    struct claim_addresses addresses;
    struct fog_http_client *http;
    struct chain_rpc *rpc;
    struct mirror *mirror;
    struct claimer *claimer;
    struct cellmap *map;
    struct fog_timer *turn;
    bool told;            /* boxes know this registry */
    fog_time_ms heard_ms; /* a statement came */
    struct closing *closing;
    struct fog_list deals; /* deal_check */
    struct fog_buf fog_json;
};

fog_time_ms house_hub_ms(const struct house_role *h);
fog_time_ms house_now_ms(const struct house_role *h); /* monotonic */

/* house_boxes.c */
void house_boxes_tell(struct house_role *h); /* the registry, to every box with a lease */
void house_boxes_on_voucher(void *arg, const struct voucher *v, const struct fog_secp_sig *sig);
void house_boxes_on_lease(void *arg, const uint8_t box[32]);
void house_boxes_on_message(void *arg, const uint8_t box[32], uint16_t type, struct fog_bytes body);

/* house_weeks.c */
uint32_t house_week_now(const struct house_role *h);
void house_weeks_turn(struct house_role *h); /* a week that is being closed by hand */
void house_weeks_earnings(void *arg, const uint8_t *operator_addr,
                          void (*done)(void *ctx, int err, struct fog_bytes json), void *ctx);
void house_weeks_admin(void *arg, const char *verb, struct fog_bytes body,
                       void (*done)(void *ctx, int err, struct fog_bytes json), void *ctx);

#endif
