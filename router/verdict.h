/*
 * Reports about boxes that gave wrong bytes, and what is concluded from them (PROTOCOL 5, Reports).
 * A report changes nothing but what its reporter does; it triggers an audit of the accused box:
 * random leaves within 60 s. A failed audit, or reports of two different operators within an hour,
 * withdraws routing for 1 h, doubling to 7 days, with the evidence kept and shown. Owns the
 * verdicts; has no socket and no clock.
 */
#ifndef FOG_ROUTER_VERDICT_H
#define FOG_ROUTER_VERDICT_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/rng.h"
#include "core/base/types.h"

#define VERDICT_AUDIT_MS  60000
#define VERDICT_FIRST_MS  (3600 * 1000)
#define VERDICT_LONGEST   (7 * 24 * 3600 * (fog_time_ms)1000)
#define VERDICT_WINDOW_MS (3600 * 1000)
#define VERDICT_MAX       4096 /* boxes under suspicion at once */

enum verdict_state { VERDICT_REPORTED, VERDICT_CLEARED, VERDICT_WITHDRAWN };

struct verdict {
    uint8_t box[32];
    enum verdict_state state;
    unsigned reports, audits, failed;
    uint8_t operators[2][20]; /* of the first two different reporters */
    unsigned n_operators;
    fog_time_ms first_ms, last_ms; /* hub time of reports */
    fog_time_ms audit_at;          /* 0: none due */
    fog_time_ms until;             /* WITHDRAWN: hub time of its end */
    unsigned strikes;              /* withdrawals so far, for the doubling */
    /* Evidence of the newest finding. */
    struct fog_hash chunk, expected, got;
    uint32_t len, leaf;
    char reason[96];
};

struct verdicts_ops {
    void *arg;
    /* Ask the box for a leaf of that chunk; answer by verdicts_on_audit. leaf is within the chunk.
     */
    void (*audit)(void *arg, const uint8_t box[32], const struct fog_hash *chunk, uint32_t len,
                  uint32_t leaf);
    /* Withdrawn or given back; keep it on disk, tell placement and steering. */
    void (*changed)(void *arg, const struct verdict *v);
};

struct verdicts;

struct verdicts *verdicts_new(const uint8_t seed[16], const struct verdicts_ops *ops);
void verdicts_free(struct verdicts **v);

/* From disk. */
void verdicts_load(struct verdicts *v, const struct verdict *in);
void verdict_encode(const struct verdict *v, struct fog_buf *out);
int verdict_decode(struct fog_bytes in, struct verdict *out) FOG_MUST_CHECK;

/* expected and got as the reporter says; the first audit asks for the very leaf. */
void verdicts_report(struct verdicts *v, const uint8_t box[32], const uint8_t operator_addr[20],
                     const struct fog_hash *chunk, uint32_t len, uint32_t leaf,
                     const struct fog_hash *expected, const struct fog_hash *got,
                     struct fog_rng *rng, fog_time_ms hub_ms);
/* err as probes_audit gives it. */
void verdicts_on_audit(struct verdicts *v, const uint8_t box[32], int err,
                       const struct fog_hash *expected, const struct fog_hash *got,
                       fog_time_ms hub_ms);
fog_time_ms verdicts_tick(struct verdicts *v, struct fog_rng *rng, fog_time_ms hub_ms);

bool verdicts_is_withdrawn(const struct verdicts *v, const uint8_t box[32]);
const struct verdict *verdicts_get(const struct verdicts *v, const uint8_t box[32]);
const struct verdict *verdicts_next(const struct verdicts *v, size_t *cursor);
const char *verdict_state_name(enum verdict_state s);

#endif
