/*
 * Port: one EVM chain, read and written through asynchronous asks. chain_rpc.h is the JSON-RPC
 * door; tests/lib/fakechain.h answers in tests. Answers of an endpoint are checked for form and
 * size, never believed further than the caller can afford.
 */
#ifndef FOG_CLAIM_CHAIN_H
#define FOG_CLAIM_CHAIN_H

#include "core/base/buf.h"
#include "core/crypto/ethaddr.h"

enum chain_op {
    CHAIN_ID,       /* number = chain id */
    CHAIN_HEAD,     /* head of `tag` */
    CHAIN_CALL,     /* data = what the call returned; from, to, data of the ask */
    CHAIN_NONCE,    /* number = transactions of `from`, latest */
    CHAIN_ESTIMATE, /* number = gas; from, to (or creates), value, data */
    CHAIN_TIP,      /* number = suggested priority fee, wei per gas */
    CHAIN_SEND,     /* raw transaction in data; hash = its hash */
    CHAIN_RECEIPT,  /* of `hash`; found, receipt */
    CHAIN_LOGS,     /* of `to` from block to block; logs */
    CHAIN_BALANCE,  /* wide = wei of `from` */
    CHAIN_DEV_TIME, /* development chains: `number` more seconds, then a block */
};

enum chain_tag { CHAIN_LATEST, CHAIN_SAFE, CHAIN_FINALIZED };

/* Views are borrowed until done is called. */
struct chain_ask {
    enum chain_op op;
    enum chain_tag tag;
    bool creates;
    struct fog_ethaddr from;
    struct fog_ethaddr to;
    fog_u128 value;
    struct fog_bytes data;
    struct fog_hash hash;
    uint64_t from_block;
    uint64_t to_block;
    uint64_t number;
};

#define CHAIN_TOPICS_MAX 4
#define CHAIN_LOGS_MAX   4096

struct chain_log {
    struct fog_ethaddr address;
    struct fog_hash topics[CHAIN_TOPICS_MAX];
    unsigned n_topics;
    struct fog_bytes data;
    uint64_t block;
    struct fog_hash tx;
};

struct chain_answer {
    int err; /* 0; FOG_ECHAIN unusable answer or none; FOG_EDENIED the contract refused (revert) */
    char text[160]; /* for people: what and where; empty on success */
    uint64_t number;
    fog_u128 wide;
    struct fog_hash hash;
    struct fog_bytes data; /* also the revert's bytes */
    struct {
        uint64_t number;
        uint64_t time_s;
        uint64_t base_fee;
        struct fog_hash hash;
    } head;
    bool found;
    struct {
        bool ok;
        uint64_t block;
        struct fog_hash block_hash;
        uint64_t gas_used;
        fog_u128 gas_price;
        struct fog_ethaddr created;
    } receipt;
    const struct chain_log *logs; /* of RECEIPT and LOGS */
    size_t n_logs;
};

#define CHAIN_ASKS_MAX 64

struct chain {
    void *arg;
    /* n <= CHAIN_ASKS_MAX asks, answered together and in order (one batch where that is cheap).
     * done is called once, maybe before ask returns; the answers live during the call. */
    void (*ask)(void *arg, const struct chain_ask *asks, size_t n,
                void (*done)(void *ctx, const struct chain_answer *answers, size_t n), void *ctx);
};

#endif
