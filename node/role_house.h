/*
 * A router's side of money: the house's books, its registry (followed on the chain, or kept by this
 * instance in a fog without one), weeks and payouts, and the messages to and from boxes. Fills the
 * router's ports for grants, deals and money. Control loop.
 */
#ifndef FOG_NODE_ROLE_HOUSE_H
#define FOG_NODE_ROLE_HOUSE_H

#include "core/base/buf.h"
#include "router/router.h"

struct cellmap;
struct house_role;
struct serve;

struct house_role_conf {
    struct serve *serve;
    /* A message to a leased box; -ENOTCONN when it has no lease. */
    int (*send)(void *arg, const uint8_t box[32], uint16_t type, struct fog_bytes body);
    void *arg;
};

/* Blocking. Opens the books; with a chain begins to follow it. Prints what is wrong. */
int house_role_new(const struct house_role_conf *conf, struct house_role **out) FOG_MUST_CHECK;
void house_role_free(struct house_role **h);

void house_role_ports(struct house_role *h, struct router_grants *grants,
                      struct router_deals *deals, struct router_money *money);

/* The newest cell map: whom messages go to, and, without a chain, who gets a registry id. */
void house_role_on_map(struct house_role *h, const struct cellmap *map);
/* Without a chain: a publisher of this fog. */
void house_role_on_publisher(struct house_role *h, const struct fog_hash *publisher_id);

#endif
