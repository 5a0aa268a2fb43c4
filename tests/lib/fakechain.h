/*
 * A chain of one account's transactions, behind the chain port: a pool, blocks that the test makes,
 * reorganisations, endpoints that are away or lie. Answers at once. Knows transactions by nonce and
 * fee only; contracts do nothing.
 */
#ifndef FOG_TESTS_LIB_FAKECHAIN_H
#define FOG_TESTS_LIB_FAKECHAIN_H

#include "contracts/claim/chain.h"

#define FAKECHAIN_TXS 64

struct fakechain_tx {
    struct fog_hash hash;
    uint64_t nonce;
    uint64_t max_fee;
    uint64_t block; /* 0: in the pool */
    unsigned sends; /* how often these bytes came */
};

/* A zeroed struct, then fakechain_init. */
struct fakechain {
    uint64_t head;
    uint64_t time_s;
    uint64_t base_fee;
    uint64_t fork;     /* changes the hashes of later blocks */
    uint64_t nonce;    /* of the account: mined transactions */
    bool away;         /* every answer is an error */
    bool refuses;      /* estimates say that the contract reverts */
    bool fails_inside; /* mined transactions have status 0 */
    struct fakechain_tx txs[FAKECHAIN_TXS];
    size_t n;
    struct chain port;
};

void fakechain_init(struct fakechain *c);
/* One block with what is dear enough, one transaction per nonce in order. */
void fakechain_mine(struct fakechain *c);
/* The last `depth` blocks never were; their transactions are forgotten (not even in the pool). */
void fakechain_reorg(struct fakechain *c, uint64_t depth);
/* Somebody else uses the account's next nonce. */
void fakechain_steal_nonce(struct fakechain *c);
/* How many transactions of distinct nonce are in blocks. */
size_t fakechain_mined(const struct fakechain *c);

#endif
