/* The key process without a process: keyd_rules over a store and keys in RAM. Answers at once, or
 * when it is told to. */
#ifndef FOG_TESTS_LIB_FAKEKEYS_H
#define FOG_TESTS_LIB_FAKEKEYS_H

#include "contracts/claim/keyd_rules.h"
#include "tests/lib/memstore.h"

struct fakekeys_wait;

struct fakekeys {
    struct memstore store;
    struct keyd_rules_conf conf;
    struct keyd_rules *rules;
    struct fog_secp_key keys[KEYD_KEYS];
    struct fog_ethaddr addresses[KEYD_KEYS];
    bool hold; /* keep answers until fakekeys_answer */
    struct fakekeys_wait *first;
    unsigned signed_count;
    struct claim_signer port;
};

/* Keys are made from the seed; the house and node of the rules are set by the caller before use
 * (fakekeys_rules). */
void fakekeys_init(struct fakekeys *k, uint64_t seed);
void fakekeys_rules(struct fakekeys *k, const struct claim_domain *domain,
                    const struct fog_ethaddr *house, const struct fog_ethaddr *node);
/* Answers everything that is held. */
void fakekeys_answer(struct fakekeys *k);
/* Killed and started again: unanswered requests are lost, memory is what was durable. */
void fakekeys_crash(struct fakekeys *k);
void fakekeys_fini(struct fakekeys *k);

#endif
