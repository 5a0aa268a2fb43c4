/* Inside of the claimer: claimer.c posts and cashes, claimer_rows.c keeps what was paid. */
#ifndef FOG_CLAIM_CLAIMER_IN_H
#define FOG_CLAIM_CLAIMER_IN_H

#include "contracts/claim/claimer.h"

#define CLAIMER_MAGIC 0x636c616d

struct claimer {
    uint32_t magic;
    struct claimer_conf conf;
    struct txns *txns;
    bool busy; /* an ask of ours is under way */
    bool freed;
    fog_time_ms next_ms;
    fog_time_ms retry_ms;  /* of a post that the contract refused */
    uint32_t seen_week;    /* running week as last seen, */
    fog_time_ms seen_ms;   /* and since when */
    uint32_t week;         /* that the ask is about */
    struct fog_buf payees; /* 20 bytes each */
    struct fog_buf chosen; /* vouchers with signatures that add something */
    size_t at;
};

/* txn_events.on_state: keeps the Paid events of cash transactions. */
void claimer_on_txn(void *arg, const struct txn_view *t, const struct chain_log *logs,
                    size_t n_logs, const char *text);

#endif
