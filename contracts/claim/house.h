/*
 * A house's books: grants it issues, statements it accepts, vouchers it owes, weeks it posts
 * (PROTOCOL 6). Owns records in one ordered database (the router's engine behind claim_store) and
 * sums in RAM that are rebuilt from them. Never signs (keyd does), never does network I/O
 * (claimer.h posts and cashes). One control thread.
 *
 * Modules: issuer.c grants and caps, accept.c statements, voucher.c vouchers, week.c rows and
 * closing. They share the books of house_books.h.
 */
#ifndef FOG_CLAIM_HOUSE_H
#define FOG_CLAIM_HOUSE_H

#include "contracts/claim/grant.h"
#include "contracts/claim/keyd_rules.h"
#include "contracts/claim/ledger.h"
#include "contracts/claim/store.h"

struct house;
struct registry;

struct house_conf {
    struct claim_domain domain;
    struct fog_ethaddr addr; /* the house; must be in the registry to issue */
    uint16_t instance;      /* first two bytes of our serials; unique among the house's instances */
    uint32_t week_length_s; /* 0: 604800 */
    uint64_t price_per_gib; /* token's smallest unit per GiB */
    uint32_t passive_bps;   /* written into grants, default 2500 */
    uint32_t passive_pay_bps;   /* what our vouchers pay for leaves without ticks, default 8000 */
    uint32_t cap_share_bps;     /* of each deal's cap this instance may promise; default all */
    uint64_t default_max_bytes; /* grants that ask for 0; default 192 MB */
    uint32_t default_life_s;    /* default 300 */
    uint32_t tick_min_bytes; /* default 4 MiB: a player that verifies whole segments needs one tick
                                to cover one segment */
    struct fog_rng rng;      /* serials */
    const struct claim_store *db;
    const struct claim_signer *signer;
    uint8_t map_seed[16]; /* random */
};

struct house_events {
    void *arg;
    /* A newer voucher is signed and durable; for every box of that payee. */
    void (*on_voucher)(void *arg, const struct voucher *v, const struct fog_secp_sig *sig);
};

/* Opens the books. FOG_ECONFIG, FOG_ECORRUPT, or what the database gave. */
int house_new(const struct house_conf *conf, const struct house_events *events,
              struct registry *reg, fog_time_ms hub_ms, struct house **out) FOG_MUST_CHECK;
void house_free(struct house **h);
void house_set_registry(struct house *h, struct registry *reg);
struct registry *house_registry(struct house *h); /* borrowed */

/* Once a second: writes issued grants, gives unused promises back, asks again for signatures that
 * failed. */
int house_turn(struct house *h, fog_time_ms hub_ms) FOG_MUST_CHECK;

/* --- issuer --- */

struct issue_ask {
    uint8_t publisher_id[32];
    uint8_t site[10];
    struct fog_ethaddr node;
    const struct fog_bytes *segments; /* decoded path; the first `depth` are the scope */
    size_t n_segments;
    unsigned depth;
    const uint8_t *anchor; /* 32 bytes: class W; NULL: class P */
    bool lease;            /* class L: max_bytes is the forecast */
    uint64_t max_bytes;    /* 0: default */
    uint32_t life_s;       /* 0: default */
};

struct issued {
    char text[GRANT_TEXT_LEN + 1]; /* for a URL */
    uint8_t wire[GRANT_WIRE_LEN];
    uint8_t serial[16];
    uint32_t tick_bytes;
    uint64_t max_bytes;
    uint32_t not_after;
};

/* err of done: 0; FOG_EDENIED no live deal with this publisher, or the node is not registered;
 * FOG_EQUOTA the deal's cap is promised; FOG_EREPLAY the anchor was used before; FOG_EFORMAT bad
 * scope; or what keyd said. Called once, maybe before this returns. */
void issuer_issue(struct house *h, const struct issue_ask *ask, fog_time_ms hub_ms,
                  void (*done)(void *ctx, int err, const struct issued *grant), void *ctx);

/* What may still be promised to this publisher this week. */
struct amount issuer_headroom(struct house *h, uint32_t publisher_id, uint32_t week);

/* --- statements --- */

#define LEAF_FAULTS(X)                                                                             \
    X(LEAF_OK, "ok")                                                                               \
    X(LEAF_UNKNOWN_GRANT, "unknown-grant") /* no such serial, or registry id, in our books */      \
    X(LEAF_NOT_OURS, "not-our-grant")      /* signature is not our grant signer's */               \
    X(LEAF_OTHER_BOX, "other-box")         /* granted to another node */                           \
    X(LEAF_OTHER_ROUND, "other-round")     /* closes in another round or week: expired */          \
    X(LEAF_SETTLED, "settled")             /* claimed before */                                    \
    X(LEAF_BAD_TICK, "bad-tick")           /* preimage does not lead to the anchor */              \
    X(LEAF_PADDED, "padded")               /* tree or order differs from the leaves sent */        \
    X(LEAF_ABOVE_GRANT, "above-grant")     /* more bytes than the grant allows */                  \
    X(LEAF_NO_DEAL, "no-deal")             /* the publisher has no deal with us that week */

enum leaf_fault {
#define X(name, text) name,
    LEAF_FAULTS(X)
#undef X
};
const char *leaf_fault_text(enum leaf_fault f);

/* The answer to a box. `code` 0: accepted (also when this very statement was accepted before). */
struct accept_answer {
    struct fog_ethaddr node;
    uint32_t week;
    uint32_t round;
    uint32_t rev;
    int code;       /* 0, or a code of core/base/err.h */
    unsigned n_bad; /* leaves at fault; none: the statement itself */
    enum leaf_fault first;
    char text[200]; /* "<serial hex>:<reason> ..." for the first four, or words */
};

/* Checks every leaf; accepts all or nothing. `node` is the money address of the box that sent it.
 * Returns 0 when an answer was made (also a refusal), or what the database gave: then nothing
 * changed and the box is not answered. */
int accept_statement(struct house *h, const struct fog_ethaddr *node, struct fog_bytes statement,
                     const struct fog_secp_sig *sig, struct fog_bytes leaves, fog_time_ms hub_ms,
                     struct accept_answer *out) FOG_MUST_CHECK;

/* A row of PROGRESS: kept, checked when it is needed. FOG_ELIMIT beyond 100,000 rows of one box. */
int accept_progress(struct house *h, const struct fog_ethaddr *node, const uint8_t serial[16],
                    const struct tick_state *tick, uint64_t bytes,
                    fog_time_ms hub_ms) FOG_MUST_CHECK;

/* --- vouchers --- */

/* The newest signed voucher of a payee; -ENOENT. */
int voucher_newest(struct house *h, const struct fog_ethaddr *payee, struct voucher *v,
                   struct fog_secp_sig *sig) FOG_MUST_CHECK;
/* The last one whose week is not above `week`: what can be cashed when that week has matured. */
int voucher_of_week(struct house *h, const struct fog_ethaddr *payee, uint32_t week,
                    struct voucher *v, struct fog_secp_sig *sig) FOG_MUST_CHECK;
void voucher_each_payee(struct house *h,
                        void (*on_payee)(void *arg, const struct fog_ethaddr *payee), void *arg);

/* --- weeks --- */

struct week_row {
    struct fog_ethaddr publisher;
    fog_u128 bytes;
    struct amount worth;
    uint32_t leaves;
    struct fog_hash subroot;
};

/* Settles from PROGRESS what boxes that vanished never stated, in rounds of this week that ended at
 * least grace_ms ago; then nothing of the week is accepted any more. Durable on 0. */
int week_close(struct house *h, uint32_t week, fog_time_ms grace_ms,
               fog_time_ms hub_ms) FOG_MUST_CHECK;
bool week_is_closed(struct house *h, uint32_t week);

/* Rows by publisher, rising; their count (at most 256: FOG_ELIMIT above). *out is allocated, the
 * caller frees. */
int week_rows(struct house *h, uint32_t week, struct week_row **out, size_t *n) FOG_MUST_CHECK;
int week_root(const struct week_row *rows, size_t n, struct fog_hash *root) FOG_MUST_CHECK;

/* The settled leaves of a week as JSON lines, with what an independent recomputation needs
 * (tools/recompute.py): first a line of parameters, then one line per leaf, then the digest of
 * each statement that was accepted. */
int week_export(struct house *h, uint32_t week, struct fog_buf *out) FOG_MUST_CHECK;

#endif
