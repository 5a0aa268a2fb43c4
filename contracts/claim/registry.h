/*
 * Who is who on the chain, as grant checks need it: houses and their signers by week, nodes and
 * their operators, publishers, deals. A registry is built once, then immutable and shared by
 * reference between threads; a newer one replaces it. It is filled from the chain (mirror.h), from
 * a hub's REGISTRY message (boxes without a chain), or by the operator (chain id 0). Never does
 * I/O.
 */
#ifndef FOG_CLAIM_REGISTRY_H
#define FOG_CLAIM_REGISTRY_H

#include "core/base/err.h"
#include "core/crypto/ethaddr.h"

/* Numbers as on the wire (REGISTRY message) and on chain for the signers (kind + 3). */
enum registry_what {
    REGISTRY_PUBLISHER = 1,
    REGISTRY_HOUSE = 2,
    REGISTRY_NODE = 3,
    REGISTRY_GRANT_SIGNER = 4,
    REGISTRY_VOUCHER_SIGNER = 5,
};

/* One row of the REGISTRY message. For signers `id` is the house's and from/to are weeks,
 * inclusive. For nodes from/to are seconds (to 0: valid). */
struct registry_row {
    enum registry_what what;
    uint32_t id;
    struct fog_ethaddr address;
    uint8_t key[32]; /* publisher: publisher_id; node: box key */
    uint32_t from;
    uint32_t to;
};

/* What only a house needs to know beyond the rows. */
struct registry_payee {
    uint32_t node_id;
    struct fog_ethaddr operator_addr;
    struct fog_ethaddr wallet; /* WalletFactory.walletOf(operator) */
};

struct registry_deal {
    uint32_t publisher_id;
    uint32_t house_id;
    fog_u128 cap_tokens; /* a week */
    uint32_t from;       /* weeks, inclusive */
    uint32_t until;
    bool live; /* its full cap is set aside */
};

struct registry;

struct registry *registry_new(void);
struct registry *registry_ref(struct registry *r);
void registry_unref(struct registry **r); /* the last one frees */

/* Building, by the only holder. A later row with the same identity replaces the earlier one.
 * FOG_EFORMAT: id or address zero, or a kind that does not exist. FOG_ELIMIT beyond 1,000,000
 * rows. */
int registry_add(struct registry *r, const struct registry_row *row) FOG_MUST_CHECK;
int registry_set_payee(struct registry *r, const struct registry_payee *p) FOG_MUST_CHECK;
int registry_set_deal(struct registry *r, const struct registry_deal *d) FOG_MUST_CHECK;

/* A new registry with the same contents, to build upon. */
struct registry *registry_copy(const struct registry *r);

/* Looking up. -ENOENT when unknown. */
int registry_address(const struct registry *r, enum registry_what what, uint32_t id,
                     struct fog_ethaddr *out) FOG_MUST_CHECK;
int registry_id(const struct registry *r, enum registry_what what, const struct fog_ethaddr *a,
                uint32_t *out) FOG_MUST_CHECK;
const struct registry_row *registry_find(const struct registry *r, enum registry_what what,
                                         uint32_t id);
/* By publisher_id (REGISTRY_PUBLISHER) or box key (REGISTRY_NODE). */
const struct registry_row *registry_by_key(const struct registry *r, enum registry_what what,
                                           const uint8_t key[32]);
bool registry_is_signer(const struct registry *r, enum registry_what kind,
                        const struct fog_ethaddr *house, const struct fog_ethaddr *signer,
                        uint32_t week);
const struct registry_payee *registry_payee(const struct registry *r, uint32_t node_id);
const struct registry_deal *registry_deal(const struct registry *r, uint32_t publisher_id,
                                          uint32_t house_id);

/* Every row, in no order: what a hub sends to its boxes. */
void registry_each(const struct registry *r,
                   void (*on_row)(void *arg, const struct registry_row *row), void *arg);

#endif
