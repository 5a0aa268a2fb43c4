/*
 * Setting a fog up on a chain, step by step: the contracts, a house, an operator, a publisher. For
 * command-line tools (`fogd chain ...`): each call waits, and first looks at what is there already,
 * so that a step that was cut off can be run again. Keys are given by the caller and not kept.
 */
#ifndef FOG_CLAIM_DEPLOY_H
#define FOG_CLAIM_DEPLOY_H

#include "contracts/claim/addresses.h"
#include "contracts/claim/chain_wait.h"
#include "contracts/claim/typed_data.h"

#define DEPLOY_DEV_CHAIN 31337

struct deploy {
    struct chain_wait wait;
    fog_time_ms timeout_ms; /* per transaction, default 120 s */
    /* One line per step for people ("registered house 1"); may be NULL. */
    void (*on_step)(void *arg, const char *text);
    void *step_arg;
    char error[400]; /* what failed, for people */
};

/* Parameters of FogDeploy; zero fields take the real values (contracts/README.md). token zero: a
 * TestToken is deployed first (development chain only); treasury zero: the deployer. */
struct deploy_params {
    struct fog_ethaddr token;
    struct fog_ethaddr treasury;
    uint32_t week_length_s;
    uint32_t post_window_s;
    uint32_t mature_window_s;
    uint32_t thaw_window_s;
    uint32_t hold_length_s;
    uint32_t bond_delay_s;
};

/* `artifacts` is the folder of the compiler's output (contracts/solidity/out). */
int deploy_contracts(struct deploy *d, const char *artifacts, const struct fog_secp_key *key,
                     const struct deploy_params *params,
                     struct claim_addresses *out) FOG_MUST_CHECK;

/* Coins for gas and, on a development chain, test tokens. Amounts of 0 are skipped. */
int deploy_fund(struct deploy *d, const struct claim_addresses *a, const struct fog_secp_key *from,
                const struct fog_ethaddr *to, fog_u128 wei, fog_u128 tokens) FOG_MUST_CHECK;

struct deploy_house {
    struct fog_ethaddr grant_signers[16];
    size_t n_grant_signers;
    struct fog_ethaddr voucher_signer;
    fog_u128 signer_cap; /* a week, of each signer; 0: no limit worth naming */
    uint32_t weeks;      /* the signers are valid from this week for that many; default 520 */
    fog_u128 bond;       /* tokens on top of what is bonded */
};
int deploy_house(struct deploy *d, const struct claim_addresses *a, const struct fog_secp_key *key,
                 const struct deploy_house *h, uint32_t *house_id) FOG_MUST_CHECK;

struct deploy_node {
    struct fog_ethaddr key;
    uint8_t box_key[32];
    struct fog_secp_sig consent; /* typed_node_consent, by the node key */
};
/* Registers the operator, makes its wallet, adds the nodes. ids[i] may be NULL. */
int deploy_operator(struct deploy *d, const struct claim_addresses *a,
                    const struct fog_secp_key *key, const struct deploy_node *nodes, size_t n,
                    uint32_t *ids, struct fog_ethaddr *wallet) FOG_MUST_CHECK;

struct deploy_publisher {
    uint8_t publisher_id[32];
    fog_u128 deposit; /* tokens on top of what is there */
    struct fog_ethaddr house;
    fog_u128 cap_per_week;
    uint32_t weeks; /* the deal lasts that many from now; default 52 */
};
int deploy_publisher(struct deploy *d, const struct claim_addresses *a,
                     const struct fog_secp_key *key, const struct deploy_publisher *p,
                     uint32_t *publisher_id) FOG_MUST_CHECK;

/* Development chain: moves its clock. */
int deploy_pass_time(struct deploy *d, uint64_t seconds) FOG_MUST_CHECK;

/* Token balance of an address, and what of a wallet is held. */
int deploy_balance(struct deploy *d, const struct claim_addresses *a, const struct fog_ethaddr *of,
                   fog_u128 *out) FOG_MUST_CHECK;

void deploy_fini(struct deploy *d);

#endif
