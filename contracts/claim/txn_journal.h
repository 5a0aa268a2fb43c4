/* The journal of txn.c: one record per transaction, and how it is read and written. */
#ifndef FOG_CLAIM_TXN_JOURNAL_H
#define FOG_CLAIM_TXN_JOURNAL_H

#include "contracts/claim/txn.h"
#include "core/base/list.h"

#define TXN_VERSIONS_MAX 16 /* signed with different fees */

struct txn {
    struct fog_link link;
    uint64_t id;
    char intent[TXN_INTENT_MAX + 1];
    enum txn_state state;
    struct fog_ethaddr to;
    struct fog_buf data;
    uint64_t nonce;
    uint64_t gas_limit;
    uint64_t tip;
    uint64_t max_fee;
    struct fog_buf raw; /* newest version */
    struct fog_hash hashes[TXN_VERSIONS_MAX];
    unsigned n_hashes;
    uint64_t sent_block; /* head when the newest version was broadcast */
    struct fog_hash mined_hash;
    struct fog_hash block_hash;
    uint64_t block;
    uint64_t gas_used;
    fog_u128 gas_price;
};

void txn_free(struct txn *t);
/* Durable when it returns 0. */
int txn_save(const struct claim_store *store, const struct txn *t) FOG_MUST_CHECK;
/* Calls on_txn with each record in order of ids; the receiver owns it. */
int txn_load_all(const struct claim_store *store, int (*on_txn)(void *arg, struct txn *t),
                 void *arg) FOG_MUST_CHECK;

#endif
