/*
 * The registry of a fog without a chain: this instance gives out the ids, once and for good, and
 * remembers them in the store. Every publisher who may publish has a deal with the house.
 */
#ifndef FOG_NODE_LOCAL_REGISTRY_H
#define FOG_NODE_LOCAL_REGISTRY_H

#include "contracts/claim/registry.h"

struct local_registry;
struct storage;

struct local_registry_house {
    struct fog_ethaddr house, grant_signer, voucher_signer;
};

/* Blocking: reads what was given out. */
int local_registry_new(struct storage *st, const struct local_registry_house *house,
                       struct local_registry **out) FOG_MUST_CHECK;
void local_registry_free(struct local_registry **r);

/* Adds who is not there yet; true when the registry changed. A box whose node key changed gets
 * another id. Blocking for a small write when it is new. */
bool local_registry_node(struct local_registry *r, const uint8_t box[32],
                         const struct fog_ethaddr *node, const struct fog_ethaddr *operator_addr);
bool local_registry_publisher(struct local_registry *r, const struct fog_hash *publisher_id);

struct registry *local_registry_get(struct local_registry *r); /* borrowed */

#endif
