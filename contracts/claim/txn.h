/*
 * Transactions of one key, crash-safe: a journal of intents that each end FINAL or FAILED exactly
 * once. One writer per key. The raw bytes are durable before they are broadcast, and the same bytes
 * are broadcast again after a crash; what is stuck is signed again under the same nonce with higher
 * fees, and every version's hash is remembered, because any of them may be mined.
 *
 * Owns the journal records (key 'T') in a claim_store. Never blocks: asks the chain, returns.
 */
#ifndef FOG_CLAIM_TXN_H
#define FOG_CLAIM_TXN_H

#include "contracts/claim/chain.h"
#include "contracts/claim/keyd_rules.h"
#include "contracts/claim/store.h"

#define TXN_INTENT_MAX 64

#define TXN_STATES(X)                                                                              \
    X(TXN_INTENT, "intent") /* wanted, no nonce yet */                                             \
    X(TXN_SIGNED, "signed") /* raw bytes durable, maybe not broadcast */                           \
    X(TXN_SENT, "sent")                                                                            \
    X(TXN_MINED, "mined") /* in a block that may still go */                                       \
    X(TXN_FINAL, "final")                                                                          \
    X(TXN_FAILED, "failed") /* the contract refuses it, before or in a block */

enum txn_state {
#define X(name, text) name,
    TXN_STATES(X)
#undef X
};
const char *txn_state_text(enum txn_state s);

struct txns;

/* A transaction as the journal has it. */
struct txn_view {
    char intent[TXN_INTENT_MAX + 1];
    enum txn_state state;
    uint64_t nonce;
    struct fog_hash hash; /* of the version that was mined, else of the newest */
    uint64_t block;
    uint64_t gas_used;
    fog_u128 gas_price;
};

struct txn_conf {
    const struct chain *chain;
    const struct claim_signer *signer;
    const struct claim_store *store;
    uint64_t chain_id;
    enum keyd_key key;
    struct fog_ethaddr from;
    unsigned final_blocks; /* deep enough to be final; default 64, 1 on chain 31337 */
    unsigned stuck_blocks; /* before the fees rise; default 3 */
    uint64_t max_fee;      /* wei per gas; default 500 gwei */
    fog_time_ms poll_ms;   /* default 4 s, 200 ms on chain 31337 */
};

struct txn_events {
    void *arg;
    /* Entered MINED (logs of its receipt live during the call), FINAL or FAILED. After a reorg
     * MINED may come again. `text` says why it failed. */
    void (*on_state)(void *arg, const struct txn_view *t, const struct chain_log *logs,
                     size_t n_logs, const char *text);
};

int txns_new(const struct txn_conf *conf, const struct txn_events *events,
             struct txns **out) FOG_MUST_CHECK;
void txns_free(struct txns **xp);

/* Writes the intent down, durably. `intent` names the deed ("post/2950"): -EEXIST while the journal
 * has one of that name that did not fail. Data is copied, at most TX_DATA_MAX. */
int txns_submit(struct txns *x, const char *intent, const struct fog_ethaddr *to,
                struct fog_bytes data) FOG_MUST_CHECK;

/* -ENOENT. */
int txns_find(struct txns *x, const char *intent, struct txn_view *out) FOG_MUST_CHECK;

/* Moves on; call every second or so. now_ms is monotonic. */
void txns_turn(struct txns *x, fog_time_ms now_ms);

#endif
