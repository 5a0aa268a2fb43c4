#include "router/verdict.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/base/rd.h"
#include "core/base/str.h"
#include "core/base/wr.h"
#include "core/obs/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct verdicts {
    struct fog_map *boxes;
    struct verdicts_ops ops;
};

struct verdicts *verdicts_new(const uint8_t seed[16], const struct verdicts_ops *ops)
{
    struct verdicts *v = FOG_NEW(verdicts);

    v->boxes = fog_map_new(seed);
    v->ops = *ops;
    return v;
}

void verdicts_free(struct verdicts **vp)
{
    struct verdicts *v = *vp;
    size_t at = 0;
    void *one;

    *vp = NULL;
    if (v == NULL)
        return;
    while ((one = fog_map_next(v->boxes, &at, NULL)) != NULL)
        free(one);
    fog_map_free(&v->boxes);
    free(v);
}

const char *verdict_state_name(enum verdict_state s)
{
    switch (s) {
    case VERDICT_REPORTED:
        return "reported";
    case VERDICT_CLEARED:
        return "cleared";
    case VERDICT_WITHDRAWN:
        return "withdrawn";
    }
    return "?";
}

static struct verdict *find(const struct verdicts *v, const uint8_t box[32])
{
    return fog_map_get(v->boxes, fog_bytes_of(box, 32));
}

const struct verdict *verdicts_get(const struct verdicts *v, const uint8_t box[32])
{
    return find(v, box);
}

const struct verdict *verdicts_next(const struct verdicts *v, size_t *cursor)
{
    return fog_map_next(v->boxes, cursor, NULL);
}

bool verdicts_is_withdrawn(const struct verdicts *v, const uint8_t box[32])
{
    const struct verdict *one = find(v, box);

    return one != NULL && one->state == VERDICT_WITHDRAWN;
}

static struct verdict *make(struct verdicts *v, const uint8_t box[32])
{
    struct verdict *one = find(v, box);

    if (one != NULL || fog_map_count(v->boxes) >= VERDICT_MAX)
        return one;
    one = FOG_NEW(verdict);
    memcpy(one->box, box, sizeof one->box);
    fog_map_put(v->boxes, fog_bytes_of(box, 32), one);
    return one;
}

void verdicts_load(struct verdicts *v, const struct verdict *in)
{
    struct verdict *one = make(v, in->box);

    if (one != NULL)
        *one = *in;
}

static void set_state(struct verdicts *v, struct verdict *one, enum verdict_state to)
{
    one->state = to;
    fog_unusual("verdict",
                "box=%02x%02x%02x%02x state=%s reports=%u audits=%u failed=%u reason=\"%s\"",
                one->box[0], one->box[1], one->box[2], one->box[3], verdict_state_name(to),
                one->reports, one->audits, one->failed, one->reason);
    v->ops.changed(v->ops.arg, one);
}

static void withdraw(struct verdicts *v, struct verdict *one, fog_time_ms hub_ms)
{
    fog_time_ms hold = VERDICT_FIRST_MS;

    for (unsigned i = 0; i < one->strikes && hold < VERDICT_LONGEST; i++)
        hold *= 2;
    one->strikes++;
    one->until = hub_ms + (hold > VERDICT_LONGEST ? VERDICT_LONGEST : hold);
    one->audit_at = 0;
    set_state(v, one, VERDICT_WITHDRAWN);
}

static bool knows_operator(const struct verdict *one, const uint8_t operator_addr[20])
{
    for (unsigned i = 0; i < one->n_operators; i++)
        if (memcmp(one->operators[i], operator_addr, 20) == 0)
            return true;
    return false;
}

void verdicts_report(struct verdicts *v, const uint8_t box[32], const uint8_t operator_addr[20],
                     const struct fog_hash *chunk, uint32_t len, uint32_t leaf,
                     const struct fog_hash *expected, const struct fog_hash *got,
                     struct fog_rng *rng, fog_time_ms hub_ms)
{
    struct verdict *one = make(v, box);

    (void)rng;
    if (one == NULL || one->state == VERDICT_WITHDRAWN || len == 0 || leaf > (len - 1) / 65536)
        return;
    if (one->last_ms != 0 && hub_ms - one->first_ms > VERDICT_WINDOW_MS) {
        one->n_operators = 0;
        one->first_ms = hub_ms;
    }
    if (one->first_ms == 0)
        one->first_ms = hub_ms;
    one->last_ms = hub_ms;
    one->reports++;
    one->chunk = *chunk;
    one->len = len;
    one->leaf = leaf;
    one->expected = *expected;
    one->got = *got;
    if (one->n_operators < 2 && !knows_operator(one, operator_addr))
        memcpy(one->operators[one->n_operators++], operator_addr, 20);
    if (one->n_operators >= 2) {
        snprintf(one->reason, sizeof one->reason,
                 "two operators reported wrong bytes within an hour");
        withdraw(v, one, hub_ms);
        return;
    }
    snprintf(one->reason, sizeof one->reason, "a peer reported wrong bytes; audit is due");
    if (one->audit_at == 0)
        one->audit_at = hub_ms; /* at once; repeated reports do not add audits */
    set_state(v, one, VERDICT_REPORTED);
}

/* The first question is the reported leaf; then up to two random leaves of the same chunk. */
static void ask(struct verdicts *v, struct verdict *one, struct fog_rng *rng, fog_time_ms hub_ms)
{
    uint32_t leaves = (one->len - 1) / 65536 + 1;
    uint32_t leaf = one->audits % 3 == 0 ? one->leaf : (uint32_t)fog_rng_below(rng, leaves);

    one->audits++;
    one->audit_at = hub_ms + VERDICT_AUDIT_MS / 4; /* unless it answers before */
    v->ops.audit(v->ops.arg, one->box, &one->chunk, one->len, leaf);
}

void verdicts_on_audit(struct verdicts *v, const uint8_t box[32], int err,
                       const struct fog_hash *expected, const struct fog_hash *got,
                       fog_time_ms hub_ms)
{
    struct verdict *one = find(v, box);

    if (one == NULL || one->state != VERDICT_REPORTED)
        return;
    if (err == FOG_EVERIFY) {
        one->failed++;
        one->expected = *expected;
        one->got = *got;
        snprintf(one->reason, sizeof one->reason, "failed an audit: bytes do not match their hash");
        withdraw(v, one, hub_ms);
    } else if (err == 0 && one->audits % 3 == 0) {
        one->audit_at = 0;
        snprintf(one->reason, sizeof one->reason, "audit passed");
        set_state(v, one, VERDICT_CLEARED);
    } else if (err == 0) {
        one->audit_at = hub_ms; /* next leaf */
    } else if (err == -ENOENT) {
        one->audit_at = 0; /* it does not hold the chunk: nothing to prove, nothing to serve */
        snprintf(one->reason, sizeof one->reason, "does not hold the reported chunk");
        set_state(v, one, VERDICT_CLEARED);
    } else {
        one->audit_at = hub_ms + VERDICT_AUDIT_MS / 4;
    }
}

fog_time_ms verdicts_tick(struct verdicts *v, struct fog_rng *rng, fog_time_ms hub_ms)
{
    fog_time_ms next = hub_ms + 60000;
    struct verdict *one;
    size_t at = 0;

    while ((one = fog_map_next(v->boxes, &at, NULL)) != NULL) {
        if (one->state == VERDICT_WITHDRAWN && hub_ms >= one->until) {
            snprintf(one->reason, sizeof one->reason,
                     "time served; the next finding counts double");
            set_state(v, one, VERDICT_CLEARED);
        }
        if (one->state != VERDICT_REPORTED || one->audit_at == 0)
            continue;
        if (hub_ms >= one->audit_at)
            ask(v, one, rng, hub_ms);
        if (one->audit_at != 0 && one->audit_at < next)
            next = one->audit_at;
    }
    return next;
}

void verdict_encode(const struct verdict *v, struct fog_buf *out)
{
    fog_wr_u8(out, 1);
    fog_wr_bytes(out, v->box, sizeof v->box);
    fog_wr_u8(out, (uint8_t)v->state);
    fog_wr_u32(out, v->reports);
    fog_wr_u32(out, v->audits);
    fog_wr_u32(out, v->failed);
    fog_wr_u64(out, (uint64_t)v->first_ms);
    fog_wr_u64(out, (uint64_t)v->last_ms);
    fog_wr_u64(out, (uint64_t)v->until);
    fog_wr_u32(out, v->strikes);
    fog_wr_bytes(out, v->chunk.b, 32);
    fog_wr_bytes(out, v->expected.b, 32);
    fog_wr_bytes(out, v->got.b, 32);
    fog_wr_u32(out, v->len);
    fog_wr_u32(out, v->leaf);
    fog_wr_str8(out, v->reason);
}

int verdict_decode(struct fog_bytes in, struct verdict *out)
{
    struct fog_rd r = fog_rd_of(in);
    uint8_t state;

    memset(out, 0, sizeof *out);
    if (fog_rd_u8(&r) != 1)
        return FOG_EVERSION;
    fog_rd_copy(&r, out->box, sizeof out->box);
    state = fog_rd_u8(&r);
    out->reports = fog_rd_u32(&r);
    out->audits = fog_rd_u32(&r);
    out->failed = fog_rd_u32(&r);
    out->first_ms = (fog_time_ms)fog_rd_u64(&r);
    out->last_ms = (fog_time_ms)fog_rd_u64(&r);
    out->until = (fog_time_ms)fog_rd_u64(&r);
    out->strikes = fog_rd_u32(&r);
    fog_rd_copy(&r, out->chunk.b, 32);
    fog_rd_copy(&r, out->expected.b, 32);
    fog_rd_copy(&r, out->got.b, 32);
    out->len = fog_rd_u32(&r);
    out->leaf = fog_rd_u32(&r);
    fog_rd_str8(&r, out->reason, sizeof out->reason);
    if (state > VERDICT_WITHDRAWN)
        return FOG_EFORMAT;
    out->state = (enum verdict_state)state;
    return fog_rd_done(&r);
}
