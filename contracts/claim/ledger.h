/*
 * A box's ledger: which grants it holds, what it served under each, and what it claims for that
 * (PROTOCOL 6). Owns a bounded table of live grants in RAM and their records in a store; makes one
 * Merkle-sum statement per house and round, and keeps the newest voucher of each payee. Never
 * decides who is served and never does network I/O.
 *
 * Threads: ledger_check, _find, _standing, _allow, _spend, _unspend, _tick, _wait, _unwait and
 * _done may be called from any serving thread: one short lock per request or tick, none per write.
 * Everything else belongs to one control thread, which alone touches the store and the disk.
 *
 * Durability: what was served is written once a second (ledger_flush); a crash loses at most what
 * was not flushed, which is the box's own income. A statement is on the disk before it is signed,
 * its signature before it is sent; the grants in it leave the live table in the same batch, so
 * none can be claimed twice.
 */
#ifndef FOG_CLAIM_LEDGER_H
#define FOG_CLAIM_LEDGER_H

#include "contracts/claim/grant.h"
#include "contracts/claim/keyd_rules.h"
#include "contracts/claim/store.h"
#include "contracts/claim/tick.h"
#include "core/base/list.h"

struct ledger;
struct ledger_grant;
struct registry;

#define LEDGER_FLUSH_MS     1000
#define LEDGER_PROGRESS_MS  60000
#define LEDGER_LEAF_LEN     (1 + GRANT_WIRE_LEN + 2 + 32 + 8)
#define LEDGER_LEAF_SHORT   (1 + 16 + 2 + 32 + 8)
#define LEDGER_LEAVES_MAX   ((size_t)900000) /* bytes of one STATEMENT message */
#define LEDGER_LIVE_DEFAULT 10000
#define LEDGER_REV_MAX      16
#define LEDGER_NEVER        (-1)

struct ledger_conf {
    struct claim_domain domain;
    struct fog_ethaddr node; /* our money address; grants for others are refused */
    size_t max_live;         /* grants in RAM, default LEDGER_LIVE_DEFAULT (about 400 B each) */
    uint32_t week_length_s;  /* 0: 604800 */
    const struct claim_store *store;
    const struct claim_signer *signer;
    uint8_t map_seed[16]; /* random */
};

/* What the ledger has for the house; sent again until it is answered. Views live during the call.
 */
struct ledger_events {
    void *arg;
    /* A signed statement is ready (or due again). `leaves` is the list described at
     * ledger_leaf_parse. Called on the control thread. */
    void (*on_statement)(void *arg, const struct fog_ethaddr *house, struct fog_bytes statement,
                         const struct fog_secp_sig *sig, struct fog_bytes leaves);
};

/* Loads what the store has; -ENOENT is never returned for an empty store. FOG_ECORRUPT when a
 * record cannot be read. `reg` is referenced. */
int ledger_new(const struct ledger_conf *conf, const struct ledger_events *events,
               struct registry *reg, fog_time_ms hub_ms, struct ledger **out) FOG_MUST_CHECK;
void ledger_free(struct ledger **l); /* flushes nothing; call ledger_flush before */

void ledger_set_registry(struct ledger *l, struct registry *reg);

/* --- serving threads --- */

enum ledger_verdict {
    LEDGER_OK,
    LEDGER_ELSEWHERE, /* send the viewer to the gateway */
    LEDGER_GARBAGE,   /* not a grant at all */
};

/* Looks a grant up, or verifies it and takes it into the table. On LEDGER_OK the handle is the
 * caller's until ledger_done. *why (may be NULL) gets the reason as an error code: FOG_EADDR other
 * box, site or path, FOG_EEXPIRED, FOG_EVERIFY, FOG_EDENIED, -ENOENT unknown id, FOG_EREPLAY serial
 * in use by another grant, FOG_ELIMIT table full. */
enum ledger_verdict ledger_check(struct ledger *l, struct fog_bytes text,
                                 const struct grant_use *use, struct ledger_grant **out, int *why);

/* The standing grant (class L) for a site; false when there is none. */
bool ledger_standing(struct ledger *l, const uint8_t site[10], fog_time_ms hub_ms,
                     struct ledger_grant **out);

/* Bytes that may be handed out now; 0: wait for a tick; LEDGER_NEVER: used up or closed. */
int64_t ledger_allow(struct ledger *l, struct ledger_grant *g, fog_time_ms hub_ms);
void ledger_spend(struct ledger *l, struct ledger_grant *g, uint64_t n, fog_time_ms hub_ms);
void ledger_unspend(struct ledger *l, struct ledger_grant *g, uint64_t n);

/* Codes of tick_accept, FOG_EEXPIRED after the close. Wakes waiters. */
int ledger_tick(struct ledger *l, struct ledger_grant *g, unsigned i, const struct fog_hash *w,
                fog_time_ms hub_ms) FOG_MUST_CHECK;

/* on_wake is called once, from the thread that brought the tick or closed the grant, under the
 * ledger's lock: it may only post to its own loop. */
struct ledger_waiter {
    struct fog_link link;
    void (*on_wake)(struct ledger_waiter *w);
};
void ledger_wait(struct ledger *l, struct ledger_grant *g, struct ledger_waiter *w);
void ledger_unwait(struct ledger *l, struct ledger_grant *g, struct ledger_waiter *w);

const struct grant_signed *ledger_grant_of(const struct ledger_grant *g);
void ledger_done(struct ledger *l, struct ledger_grant **g);

/* --- control thread --- */

/* A standing grant from the lease (wire form). Same codes as *why above. */
int ledger_take_standing(struct ledger *l, struct fog_bytes wire,
                         fog_time_ms hub_ms) FOG_MUST_CHECK;

/* Writes what changed since the last call; call every LEDGER_FLUSH_MS. */
int ledger_flush(struct ledger *l, fog_time_ms hub_ms) FOG_MUST_CHECK;

/* Closes what is due, makes statements of rounds that are over, asks for signatures, hands out what
 * is unanswered (again after resend_ms). Call once a second. */
int ledger_turn(struct ledger *l, fog_time_ms hub_ms, fog_time_ms resend_ms) FOG_MUST_CHECK;

/* There is a new way to the house, and what went over the old one may be lost: signed statements
 * without an answer are handed out with the next turn. */
void ledger_resend(struct ledger *l);

/* Rows changed since the last call: PROGRESS messages, every LEDGER_PROGRESS_MS. */
struct ledger_progress {
    struct fog_ethaddr house;
    uint8_t serial[16];
    struct tick_state tick;
    uint64_t bytes;
};
void ledger_progress(struct ledger *l, void (*on_row)(void *arg, const struct ledger_progress *row),
                     void *arg);

/* The house's answer to a statement: code 0 accepted; else `text` may name leaves to leave out
 * ("<serial hex>:<reason> ..."), and the round is stated again without them under the next rev. */
int ledger_answered(struct ledger *l, const struct fog_ethaddr *house, uint32_t week,
                    uint32_t round, uint32_t rev, int64_t code, const char *text,
                    fog_time_ms hub_ms) FOG_MUST_CHECK;

/* A voucher for our operator's wallet: kept when it is signed by the house's voucher signer and
 * worth no less than the one we have. FOG_EVERIFY, FOG_EDENIED, FOG_ESTALE. Durable on 0. */
int ledger_take_voucher(struct ledger *l, struct fog_bytes voucher,
                        const struct fog_secp_sig *sig) FOG_MUST_CHECK;

struct ledger_stats {
    size_t live;
    uint64_t bytes_spent;    /* since start */
    uint64_t ticks;          /* since start */
    uint64_t refused;        /* grants refused since start */
    size_t statements_due;   /* made, not yet accepted */
    struct amount vouchered; /* newest vouchers, all houses */
};
void ledger_stats(struct ledger *l, struct ledger_stats *out);

/* --- leaves of a statement message --- */

/* Row: form u8 | ... | ticks u16 | w_i 32 | bytes u64, with the wire grant (form 0) or, when the
 * message would become too long, only its serial (form 1: the house has it in its books). */
struct ledger_leaf {
    struct fog_bytes wire; /* empty in form 1 */
    uint8_t serial[16];
    uint16_t ticks;
    struct fog_hash w;
    uint64_t bytes; /* handed out, at most max_bytes; not yet cut to what is paid */
};
/* Walks: call until *at reaches the end of leaves; *at starts at 0. FOG_EFORMAT, FOG_ETRUNC. */
int ledger_leaf_parse(struct fog_bytes leaves, size_t *at, struct ledger_leaf *out) FOG_MUST_CHECK;

#endif
