#include "router/mapper.h"

#include "core/base/assert.h"
#include "core/base/wr.h"
#include "core/obs/log.h"
#include "core/wire/frame.h"
#include "router/copies.h"

#include <errno.h>
#include <stdlib.h>

struct mapper {
    struct router *r;
    struct beacon beacon;
    uint64_t reveals; /* beacon values shown so far under this hub set */
    struct cellmap *now;
    struct fog_buf map_bytes, live_bytes;
    /* The map being signed and stored; one at a time. */
    struct cellmap *next;
    struct fog_buf next_bytes;
    struct fog_buf live_body;
    bool map_again, live_busy, live_again;
    struct fog_timer *gather, *live, *ramp;
};

/* --- state on disk: "map" is reveals u64 ‖ signed map --- */

static int load(struct mapper *m)
{
    struct fog_buf v = {0};
    int rc;

    beacon_init(&m->beacon, &m->r->beacon_seed);
    if (!fog_hash_eq(&m->beacon.anchor, &m->r->self->anchor)) {
        fog_broken("map.beacon",
                   "error=\"the hub set names another beacon chain than the stored one\"");
        rc = FOG_ECONFIG;
        goto out;
    }
    rc = records_get(m->r->rec, "map", &v);
    if (rc == -ENOENT) {
        rc = 0;
        goto out;
    }
    if (rc != 0 || v.len < 8) {
        rc = FOG_ECORRUPT;
        goto out;
    }
    for (int i = 0; i < 8; i++)
        m->reveals = m->reveals << 8 | v.data[i];
    rc = cellmap_decode_unsigned(fog_bytes_of(v.data + 8, v.len - 8), &m->now);
    if (rc == 0)
        fog_buf_append(&m->map_bytes, v.data + 8, v.len - 8);
out:
    fog_buf_fini(&v);
    return rc;
}

/* --- liveness --- */

static void on_live_signed(void *ctx, int err, const uint8_t sig[64])
{
    struct mapper *m = ctx;
    struct fog_wire_live msg;
    struct fog_buf body = {0};

    m->live_busy = false;
    if (err != 0) {
        fog_unusual("map.live_sign", "error=%s", fog_errname(err));
        fog_timer_start(m->live, 1000);
        return;
    }
    fog_buf_clear(&m->live_bytes);
    fog_buf_append(&m->live_bytes, m->live_body.data, m->live_body.len);
    fog_buf_append(&m->live_bytes, sig, 64);
    msg.live = fog_buf_bytes(&m->live_bytes);
    fog_wire_put_live(&body, &msg);
    leasewire_send_all(m->r, FOG_WIRE_LIVE, fog_buf_bytes(&body));
    fog_buf_fini(&body);
    fog_timer_start(m->live, m->live_again ? MAPPER_LIVE_MS : MAPPER_FRESH_MS);
    m->live_again = false;
}

/* The bitmap as the leases see it now, applied at home at once: our own decisions do not wait for a
 * signature. */
static void apply_live(struct mapper *m)
{
    uint8_t live[CELLMAP_ROWS_MAX];
    struct cellmap *next;

    for (size_t i = 0; i < m->now->n; i++)
        live[i] = leases_counts_alive(m->r->leases, m->now->rows[i].key);
    next = cellmap_with_own_live(m->now, live, router_hub_ms(m->r));
    cellmap_unref(&m->now);
    m->now = next;
    if (m->r->ports.events.on_map != NULL)
        m->r->ports.events.on_map(m->r->ports.events.arg);
}

static void on_live_timer(void *arg)
{
    struct mapper *m = arg;

    if (m->now == NULL)
        return;
    if (m->live_busy) {
        m->live_again = true;
        return;
    }
    apply_live(m);
    fog_buf_clear(&m->live_body);
    cellmap_live_body(m->now, m->now->live, m->now->live_as_of, &m->r->self->map_key,
                      &m->live_body);
    m->live_busy = true;
    m->r->ports.signer.sign(m->r->ports.signer.arg, FOG_SIGN_LIVENESS, fog_buf_bytes(&m->live_body),
                            on_live_signed, m);
}

void mapper_live_changed(struct mapper *m)
{
    if (m->now == NULL)
        return;
    apply_live(m);
    if (m->live_busy)
        m->live_again = true;
    else
        fog_timer_start(m->live, MAPPER_LIVE_MS);
}

/* --- maps --- */

static void fill_row(const struct router *r, const struct record_box *b, struct cellmap_row *row)
{
    fog_time_ms age = router_hub_ms(r) - b->joined_ms;
    const struct lease_box *l = leases_get(r->leases, b->key);

    memset(row, 0, sizeof *row);
    memcpy(row->key, b->key, sizeof row->key);
    row->id = b->id;
    row->node_id = b->node_id;
    memcpy(row->node, b->node, sizeof row->node);
    memcpy(row->operator_addr, b->operator_addr, sizeof row->operator_addr);
    if (b->verified)
        cellmap_row_set_addr(row, &b->addr);
    row->weight = cellmap_ramped(b->weight, age, r->conf.ramp_ms);
    row->class = b->class;
    row->flags = b->flags;
    if (!b->verified)
        row->flags &= (uint16_t)~FOG_BOX_REACHABLE;
    if (l != NULL && l->load.drain)
        row->flags |= FOG_BOX_DRAINING;
    memcpy(row->country, b->country, sizeof row->country);
    row->asn = b->asn;
    memcpy(row->domain, b->domain, sizeof row->domain);
}

/* Rows of all boxes in good standing; ids for those that were pending in the map before. */
static size_t collect(struct mapper *m, uint64_t map_no, const struct cellmap_beacon *beacon,
                      struct cellmap_row *rows, bool *any_pending)
{
    struct record_box *b;
    size_t n = 0, at = 0;

    while ((b = records_next_box(m->r->rec, &at)) != NULL && n < CELLMAP_ROWS_MAX) {
        if (b->revoked)
            continue;
        if (fog_hash_is_zero(&b->id) && b->pending_in != 0 && b->pending_in < map_no) {
            cellmap_id_of(beacon, 1, &m->r->fog_id, b->key, &b->id);
            records_put_box(m->r->rec, b, NULL, NULL);
        }
        fill_row(m->r, b, &rows[n]);
        if (fog_hash_is_zero(&b->id)) {
            rows[n].flags |= FOG_BOX_PENDING;
            b->pending_in = map_no;
            records_put_box(m->r->rec, b, NULL, NULL);
            *any_pending = true;
        }
        n++;
    }
    return n;
}

static void publish(struct mapper *m)
{
    struct fog_wire_cell_map msg;
    struct fog_buf body = {0};

    cellmap_unref(&m->now);
    m->now = m->next;
    m->next = NULL;
    fog_buf_clear(&m->map_bytes);
    fog_buf_append(&m->map_bytes, m->next_bytes.data, m->next_bytes.len);
    fog_info("map.published", "no=%llu boxes=%zu bytes=%zu", (unsigned long long)m->now->map_no,
             m->now->n, m->map_bytes.len);
    msg.map = fog_buf_bytes(&m->map_bytes);
    fog_wire_put_cell_map(&body, &msg);
    leasewire_send_all(m->r, FOG_WIRE_CELL_MAP, fog_buf_bytes(&body));
    fog_buf_fini(&body);
    mapper_live_changed(m);
    copies_on_map(m->r->copies, m->now, router_now(m->r));
    if (m->map_again)
        fog_timer_start(m->gather, MAPPER_GATHER_MS);
    m->map_again = false;
    router_kick(m->r);
}

static void on_map_stored(void *ctx, int err)
{
    struct mapper *m = ctx;

    if (m->next == NULL)
        return;
    if (err != 0) {
        fog_broken("map.store", "error=%s", fog_errname(err));
        cellmap_unref(&m->next);
        fog_timer_start(m->gather, 1000);
        return;
    }
    publish(m);
}

static void on_map_signed(void *ctx, int err, const uint8_t sig[64])
{
    struct mapper *m = ctx;
    struct fog_buf v = {0};
    struct fog_sig s;

    if (err != 0) {
        fog_unusual("map.sign", "error=%s", fog_errname(err));
        cellmap_unref(&m->next);
        fog_timer_start(m->gather, 1000);
        return;
    }
    memcpy(s.b, sig, sizeof s.b);
    cellmap_seal(&m->next_bytes, &m->r->self->map_key, &s, 1);
    fog_wr_u64(&v, m->reveals);
    fog_buf_append(&v, m->next_bytes.data, m->next_bytes.len);
    /* Durable first: after a crash no second map may carry this number. */
    records_put(m->r->rec, "map", fog_buf_bytes(&v), on_map_stored, m);
    fog_buf_fini(&v);
}

static void on_gather(void *arg)
{
    struct mapper *m = arg;
    struct cellmap_row *rows;
    struct cellmap_beacon beacon;
    struct fog_hash prev = {{0}};
    uint64_t map_no = m->now == NULL ? 1 : m->now->map_no + 1;
    bool pending = false;
    size_t n;
    int rc;

    if (m->next != NULL) {
        m->map_again = true;
        return;
    }
    memcpy(beacon.key, m->r->self->key, sizeof beacon.key);
    rc = beacon_reveal(&m->beacon, m->reveals + 1, &beacon.preimage);
    if (rc != 0) {
        fog_broken("map.beacon_used_up", "maps=%llu: a new hub set with a new anchor is needed",
                   (unsigned long long)m->reveals);
        return;
    }
    rows = fog_alloc(CELLMAP_ROWS_MAX * sizeof *rows);
    n = collect(m, map_no, &beacon, rows, &pending);
    if (m->now != NULL)
        prev = m->now->self;
    rc = cellmap_make(map_no, &prev, router_hub_ms(m->r), &beacon, 1, rows, n, &m->next);
    free(rows);
    FOG_ASSERT(rc == 0); /* keys of records are unique */
    m->reveals++;
    m->map_again |= pending;
    fog_buf_clear(&m->next_bytes);
    cellmap_body(m->next, &m->next_bytes);
    m->r->ports.signer.sign(m->r->ports.signer.arg, FOG_SIGN_CELL_MAP,
                            fog_buf_bytes(&m->next_bytes), on_map_signed, m);
}

void mapper_boxes_changed(struct mapper *m)
{
    if (m->next != NULL)
        m->map_again = true;
    else if (!fog_timer_running(m->gather))
        fog_timer_start(m->gather, MAPPER_GATHER_MS);
}

/* New boxes gain weight with time. */
static void on_ramp(void *arg)
{
    struct mapper *m = arg;
    struct record_box *b;
    size_t at = 0;

    while ((b = records_next_box(m->r->rec, &at)) != NULL)
        if (!b->revoked &&
            router_hub_ms(m->r) - b->joined_ms < m->r->conf.ramp_ms + MAPPER_RAMP_MS) {
            mapper_boxes_changed(m);
            break;
        }
    fog_timer_start(m->ramp, MAPPER_RAMP_MS);
}

int mapper_new(struct router *r, struct mapper **out)
{
    struct mapper *m = FOG_NEW(mapper);
    int rc;

    m->r = r;
    m->gather = fog_timer_new(r->loop, on_gather, m);
    m->live = fog_timer_new(r->loop, on_live_timer, m);
    m->ramp = fog_timer_new(r->loop, on_ramp, m);
    rc = load(m);
    if (rc != 0) {
        mapper_free(&m);
        return rc;
    }
    *out = m;
    if (r->conf.ramp_ms > 0)
        fog_timer_start(m->ramp, MAPPER_RAMP_MS);
    if (m->now == NULL)
        fog_timer_start(m->gather, 0);
    else
        fog_timer_start(m->live, 0);
    return 0;
}

void mapper_free(struct mapper **mp)
{
    struct mapper *m = *mp;

    *mp = NULL;
    if (m == NULL)
        return;
    fog_timer_free(&m->gather);
    fog_timer_free(&m->live);
    fog_timer_free(&m->ramp);
    cellmap_unref(&m->now);
    cellmap_unref(&m->next);
    fog_buf_fini(&m->map_bytes);
    fog_buf_fini(&m->live_bytes);
    fog_buf_fini(&m->next_bytes);
    fog_buf_fini(&m->live_body);
    free(m);
}

const struct cellmap *mapper_map(const struct mapper *m)
{
    return m->now;
}

struct fog_bytes mapper_map_bytes(const struct mapper *m)
{
    return fog_buf_bytes(&m->map_bytes);
}

struct fog_bytes mapper_live_bytes(const struct mapper *m)
{
    return fog_buf_bytes(&m->live_bytes);
}
