/*
 * Asking a chain and waiting for the answer: for command-line tools and tests, never for a serving
 * process. Owns the copy of the last answers.
 */
#ifndef FOG_CLAIM_CHAIN_WAIT_H
#define FOG_CLAIM_CHAIN_WAIT_H

#include "contracts/claim/chain.h"
#include "contracts/claim/tx.h"

struct fog_loop;

struct chain_wait {
    const struct chain *chain;
    struct fog_loop *loop;      /* runs while waiting; NULL: the chain answers at once */
    struct chain_answer answer; /* of the last ask */
    struct fog_buf data;        /* answer.data */
    struct fog_buf log_data;    /* what the logs point at */
    struct chain_log logs[64];  /* the first of answer.logs */
    bool done;
};

/* The answer's err; the answer is in w->answer until the next call. */
int chain_wait_ask(struct chain_wait *w, const struct chain_ask *ask) FOG_MUST_CHECK;
void chain_wait_fini(struct chain_wait *w);

/* A view call: the returned words are in w->answer.data. */
int chain_wait_view(struct chain_wait *w, const struct fog_ethaddr *to,
                    struct fog_bytes call) FOG_MUST_CHECK;

/* Estimates, signs, sends, and waits until it is mined (at most timeout_ms): the receipt is in
 * w->answer. FOG_EDENIED when the contract refuses, -ETIMEDOUT (hash in w->answer.hash: it may
 * still be mined), FOG_ECHAIN. `to` NULL creates a contract. */
int chain_wait_send(struct chain_wait *w, const struct fog_secp_key *key,
                    const struct fog_ethaddr *to, fog_u128 value, struct fog_bytes data,
                    fog_time_ms timeout_ms) FOG_MUST_CHECK;

#endif
