/* Inside of the ledger, shared by ledger.c (serving threads), ledger_state.c (control thread: table
 * to store) and ledger_stmt.c (statements). */
#ifndef FOG_CLAIM_LEDGER_IN_H
#define FOG_CLAIM_LEDGER_IN_H

#include "contracts/claim/ledger.h"
#include "contracts/claim/registry.h"
#include "contracts/claim/sumtree.h"
#include "core/base/list.h"
#include "core/base/map.h"

#include <pthread.h>
#include <stdatomic.h>

#define LEDGER_MAGIC 0x6c656467

/* A grant in the table. Fields without a note are fixed once it is in. */
struct ledger_grant {
    struct grant_signed signed_grant;
    struct fog_hash digest;
    _Atomic uint64_t sent;       /* bytes handed out before the close */
    _Atomic uint32_t ticks;      /* = tick.i, for readers without the lock */
    _Atomic bool dirty;          /* in the dirty list */
    struct tick_state tick;      /* lock */
    unsigned refs;               /* lock: the table's and one per handle */
    bool gone;                   /* lock: stated, no longer in the table */
    uint64_t progress_sent;      /* lock: as last reported */
    uint16_t progress_tick;      /* lock */
    struct fog_link in_group;    /* lock */
    struct fog_link in_dirty;    /* lock */
    struct fog_link in_standing; /* lock */
    struct fog_list waiters;     /* lock */
};

/* Grants of one house that close in one round: one statement. */
struct ledger_group {
    struct fog_link link; /* lock */
    struct fog_ethaddr house;
    uint32_t week;
    uint32_t round;
    size_t n;
    struct fog_list grants;
};

enum stmt_state { STMT_DRAFT = 0, STMT_SIGNED = 1, STMT_ACCEPTED = 2, STMT_REFUSED = 3 };

/* A statement that is not settled yet; control thread only. */
struct ledger_stmt {
    struct fog_link link;
    struct ledger *ledger;
    struct statement s;
    enum stmt_state state;
    struct fog_secp_sig sig;
    bool signing;
    bool dropped; /* answered while keyd was asked */
    fog_time_ms next_ms;
};

struct ledger {
    uint32_t magic;
    struct ledger_conf conf;
    struct ledger_events events;
    pthread_mutex_t lock;
    struct registry *reg;      /* lock */
    struct fog_map *by_serial; /* lock */
    struct fog_list groups;    /* lock */
    struct fog_list dirty;     /* lock */
    struct fog_list standing;  /* lock: leases, newest first */
    size_t live;               /* lock */
    _Atomic uint64_t bytes_spent;
    _Atomic uint64_t ticks;
    _Atomic uint64_t refused;
    struct fog_list open;    /* control: struct ledger_stmt */
    fog_time_ms purge_ms;    /* control: next look for old evidence */
    struct amount vouchered; /* control */
};

/* Puts an entry into table and group; the caller holds the lock (or is the only user). Takes over
 * the caller's reference. */
void ledger_insert(struct ledger *l, struct ledger_grant *g);
struct ledger_grant *ledger_grant_new(const struct grant_signed *g, const struct fog_hash *digest);
/* Lock held. */
void ledger_grant_unref(struct ledger_grant *g);
void ledger_wake(struct ledger_grant *g);
void ledger_mark_dirty(struct ledger *l, struct ledger_grant *g);

/* Records 'g' and 'e': wire 205 | publisher 20 | house 20 | digest 32 | ticks u16 | w 32 | bytes
 * u64. */
#define LEDGER_RECORD_LEN (GRANT_WIRE_LEN + 20 + 20 + 32 + 2 + 32 + 8)
struct ledger_record {
    struct grant_signed g;
    struct fog_hash digest;
    struct tick_state tick;
    uint64_t bytes;
};
void ledger_record_write(const struct ledger_record *r, struct fog_buf *out);
int ledger_record_read(struct fog_bytes in, const struct fog_ethaddr *node,
                       struct ledger_record *out) FOG_MUST_CHECK;
/* Lock held. */
void ledger_record_of(const struct ledger_grant *g, struct ledger_record *out);

/* ledger_stmt.c */
int ledger_load_statements(struct ledger *l) FOG_MUST_CHECK;
int ledger_state_round(struct ledger *l, struct ledger_group *group) FOG_MUST_CHECK;
void ledger_push_statements(struct ledger *l, fog_time_ms hub_ms, fog_time_ms resend_ms);
int ledger_purge(struct ledger *l, fog_time_ms hub_ms) FOG_MUST_CHECK;
/* Unlinks and frees; while keyd is asked, its answer does the freeing. */
void ledger_stmt_drop(struct ledger_stmt *s);

#endif
