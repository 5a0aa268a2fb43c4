/*
 * A house's money on the chain: closes weeks, posts them, and cashes everybody's vouchers once they
 * have matured (relayed: a box needs no coins). Owns what was paid, as rows for earnings, in the
 * house's database (key 'R'). Decides nothing about who earned what: that is house.h.
 */
#ifndef FOG_CLAIM_CLAIMER_H
#define FOG_CLAIM_CLAIMER_H

#include "contracts/claim/addresses.h"
#include "contracts/claim/chain.h"
#include "contracts/claim/house.h"
#include "contracts/claim/txn.h"

struct claimer;
struct fog_json;
struct registry;

#define CLAIMER_CASH_MAX 40 /* vouchers of one transaction */

struct claimer_conf {
    struct house *house;
    const struct chain *chain; /* NULL with chain id 0: weeks are closed, nothing is posted */
    struct claim_addresses addresses; /* week_length_s also without a chain */
    struct fog_ethaddr house_addr;
    const struct claim_store *db;
    const struct claim_signer *signer;
    enum keyd_key key;       /* that posts and cashes: the house's owner, or its voucher signer */
    struct fog_ethaddr from; /* its address; needs coins for gas */
    fog_time_ms close_grace_ms; /* after a week's end, for statements; default 6 h */
    fog_u128 min_cash_tokens;   /* smaller sums wait for another week; default 1 */
    unsigned final_blocks;      /* as txn.h */
    fog_time_ms poll_ms;        /* as txn.h */
};

int claimer_new(const struct claimer_conf *conf, struct claimer **out) FOG_MUST_CHECK;
void claimer_free(struct claimer **c);

/* Moves on; call every second or so. now_ms is monotonic; hub_ms as everywhere. */
void claimer_turn(struct claimer *c, fog_time_ms now_ms, fog_time_ms hub_ms);

/* By hand (an operator, a development fog): closes a week that is over without the grace, and posts
 * it with the next turns. FOG_EBUSY while it runs. */
int claimer_close_week(struct claimer *c, uint32_t week, fog_time_ms hub_ms) FOG_MUST_CHECK;

/* Where a week stands: "open", "closed", "empty", "posting", "posted", "cashing", "cashed",
 * "failed: ..." */
void claimer_week_state(struct claimer *c, uint32_t week, char *out, size_t size);

/* Rows for people and programs (GET /v1/earnings): per week and payee what was served, vouchered
 * and paid; an array of objects with week, payee, operator, nodes, bytes, units, seq, gross, fee,
 * held, net, relayerFee, tx, state. operator_addr NULL: all. The caller frees. */
int claimer_earnings(struct claimer *c, const struct fog_ethaddr *operator_addr,
                     struct fog_json **out) FOG_MUST_CHECK;

/* Where the weeks stand, as an object of week -> {state, total, root, tx}. The caller frees. */
int claimer_weeks(struct claimer *c, struct fog_json **out) FOG_MUST_CHECK;

#endif
