/*
 * Inside of the house, shared by house.c, issuer.c, accept.c, voucher.c and week.c: the records and
 * the sums in RAM that are rebuilt from them.
 *
 * Records, after a letter (integers big-endian):
 *   i | round u32 | serial 16                 -> wire 205 | publisher 20 | node 20 | digest 32
 *   p | serial 16                             -> ticks u16 | w 32 | bytes u64
 *   a | anchor 32                             -> round u32
 *   l | week u32 | publisher 20 | serial 16   -> a house_leaf
 *   s | node 20 | week u32 | round u32        -> rev u32 | digest 32
 *   v | payee 20                              -> a house_account
 *   V | payee 20 | week u32                   -> voucher 112 | sig 65
 *   n | week u32 | payee 20 | node 20         -> bytes u128 | units u128 | leaves u32
 *   k | week u32                              -> u8 1: closed
 */
#ifndef FOG_CLAIM_HOUSE_BOOKS_H
#define FOG_CLAIM_HOUSE_BOOKS_H

#include "contracts/claim/house.h"
#include "contracts/claim/registry.h"
#include "contracts/claim/sumtree.h"
#include "core/base/list.h"
#include "core/base/map.h"

#define HOUSE_MAGIC   0x686f7573
#define HOUSE_CLOCK_S 30 /* hub time differs by at most that between boxes */

/* A grant that was issued and neither settled nor voided. */
struct open_grant {
    struct grant_signed g;
    struct fog_hash digest;
    struct amount promised; /* its worth when all of it is used */
    bool flushed;           /* its record is written */
    bool has_progress;
    struct tick_state tick; /* as last reported */
    uint64_t bytes;
    struct fog_link in_round; /* open_round.grants */
    struct fog_link in_fresh; /* house.fresh: not yet written */
};

/* Open grants of one node that close in one round. */
struct open_round {
    struct fog_link link; /* house.rounds */
    struct fog_ethaddr node;
    uint32_t week;
    uint32_t round;
    struct fog_list grants;
};

/* What one publisher's week stands at. */
struct pub_week {
    uint32_t publisher_id;
    uint32_t week;
    struct amount promised; /* open grants */
    struct amount settled;
};

/* What a payee is owed, cumulative; the newest voucher says the same. */
struct house_account {
    struct fog_ethaddr payee;
    uint32_t seq;
    uint32_t week;
    fog_u128 cum_bytes;
    struct amount cum;
    struct cover_tree covers;
};

/* A settled leaf: what the box claimed and what we owe for it. */
struct house_leaf {
    struct grant_signed g;
    struct fog_ethaddr payee;
    struct fog_hash digest;
    struct tick_state tick;
    uint64_t paid_bytes;
    struct amount worth;
};

struct voucher_job {
    struct fog_link link; /* house.jobs */
    struct house *house;  /* NULL: the house is gone */
    struct voucher v;
};

struct house {
    uint32_t magic;
    struct house_conf conf;
    struct house_events events;
    struct registry *reg;
    uint32_t id;               /* ours in the registry, 0 while it is not known there */
    struct fog_map *open;      /* serial -> open_grant */
    struct fog_map *by_round;  /* node, round -> open_round */
    struct fog_map *anchors;   /* of open grants -> open_grant */
    struct fog_map *pub_weeks; /* publisher id, week -> pub_week */
    struct fog_map *jobs_of;   /* payee -> voucher_job being signed */
    struct fog_list rounds;
    struct fog_list fresh;
    struct fog_list jobs;
    struct fog_list issuing; /* issuer.c: requests at keyd */
    bool unsigned_vouchers;  /* keyd failed: ask again */
};

/* --- open grants (house.c) --- */

struct open_grant *house_find(struct house *h, const uint8_t serial[16]);
struct open_round *house_round(struct house *h, const struct fog_ethaddr *node, uint32_t round);
/* Takes a grant into the table; its promise is counted already. */
struct open_grant *house_open(struct house *h, const struct grant_signed *g,
                              const struct fog_hash *digest, struct amount promised);
/* Forgets it and gives its promise back; its record is deleted in the batch. */
void house_void(struct house *h, struct open_grant *o, struct claim_batch *batch);

struct pub_week *house_pub_week(struct house *h, uint32_t publisher_id, uint32_t week);
/* What a grant costs us when all of it is used, and what we pay for a leaf. */
int house_worth(const struct house *h, const struct grant *g, uint64_t paid_bytes,
                struct amount *out) FOG_MUST_CHECK;

/* --- records --- */

void house_key_issued(struct fog_buf *key, uint32_t round, const uint8_t serial[16]);
void house_key_leaf(struct fog_buf *key, uint32_t week, const struct fog_ethaddr *publisher,
                    const uint8_t serial[16]);
void house_put_leaf(struct claim_batch *batch, const struct house_leaf *leaf);
int house_read_leaf(struct fog_bytes value, const struct house *h,
                    struct house_leaf *out) FOG_MUST_CHECK;
bool house_is_settled(struct house *h, const struct grant *g, int *err);

/* What a node earned in a week, for people. The batch is guarded by the payee's account. */
int house_add_node_sum(struct house *h, struct claim_batch *batch, uint32_t week,
                       const struct fog_ethaddr *payee, const struct fog_ethaddr *node,
                       fog_u128 bytes, struct amount worth, uint32_t leaves) FOG_MUST_CHECK;

/* --- vouchers (voucher.c) --- */

/* The account as it stands, zeros for a new payee; `raw` gets the stored bytes for the guard. */
int voucher_load(struct house *h, const struct fog_ethaddr *payee, struct house_account *out,
                 struct fog_buf *raw) FOG_MUST_CHECK;
/* Adds to the account and puts it into the batch under its next number. */
int voucher_advance(struct house_account *a, uint32_t week, fog_u128 bytes, struct amount worth,
                    const struct fog_hash *statement_root,
                    struct claim_batch *batch) FOG_MUST_CHECK;
/* Asks keyd for the signature of the account's newest voucher, unless it is being made. */
void voucher_sign(struct house *h, const struct fog_ethaddr *payee);
/* Accounts whose newest number has no signature yet: at start, and when keyd failed. */
int voucher_sign_missing(struct house *h) FOG_MUST_CHECK;

/* Requests that keyd has not answered when the house goes. */
void voucher_abandon(struct house *h);
void issuer_abandon(struct house *h);

#endif
