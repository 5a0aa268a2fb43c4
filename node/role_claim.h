/*
 * The box's side of money: its ledger, the messages about it on the lease, and its timers. Control
 * loop; the ledger itself is used by all serving loops (glue_grants.h).
 */
#ifndef FOG_NODE_ROLE_CLAIM_H
#define FOG_NODE_ROLE_CLAIM_H

#include "core/base/buf.h"
#include "core/base/err.h"

struct box_money;
struct ledger;
struct serve;

struct box_money_conf {
    struct serve *serve;
    /* Sends PROGRESS and STATEMENT bodies up the lease; 0 or -ENOTCONN. */
    int (*send)(void *arg, uint16_t type, struct fog_bytes body);
    void *arg;
};

/* Blocking. Opens the ledger. */
int box_money_new(const struct box_money_conf *conf, struct box_money **out) FOG_MUST_CHECK;
void box_money_free(struct box_money **m); /* flushes; after the serving threads have ended */
struct ledger *box_money_ledger(struct box_money *m);

/* REGISTRY, VOUCHER, STATEMENT_OK, LEASE bodies from the hub. */
void box_money_on_message(struct box_money *m, uint16_t type, struct fog_bytes body);

/* Tells the hub what is not told yet and writes everything down (before a lease is left). */
void box_money_settle(struct box_money *m);

/* A lease was granted: statements that may be lost with the connection before it go out again. */
void box_money_leased(struct box_money *m);

/* Members of a JSON object: `"live":..,..` without braces. */
void box_money_status(struct box_money *m, struct fog_buf *out);

#endif
