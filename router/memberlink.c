/* One lease connection on the box's side: dial, HELLO, ENROLL, beats, and what the hub sends. */
#include "router/memberlink.h"

#include "core/base/assert.h"
#include "core/obs/log.h"

#include <stdlib.h>

static const struct fog_conn_ops conn_ops;

static struct mlink *mlink_of(void *arg)
{
    struct mlink *l = arg;

    FOG_ASSERT(l->m != NULL && l->m->magic == MEMBER_MAGIC);
    return l;
}

void mlink_send(struct mlink *l, uint16_t type, struct fog_bytes body)
{
    struct fog_buf b = {0};
    size_t mark = fog_frame_begin(&b, type);

    fog_buf_append(&b, body.p, body.len);
    fog_frame_end(&b, mark);
    fog_conn_write(l->conn, fog_buf_bytes(&b));
    fog_buf_fini(&b);
}

static void dial_later(struct mlink *l)
{
    fog_time_ms base = l->retry_ms, wait;

    wait = base / 2 + (fog_time_ms)fog_rng_below(&l->m->rng, (uint64_t)base);
    if (l->retry_hint_ms > wait)
        wait = l->retry_hint_ms;
    l->retry_hint_ms = 0;
    l->retry_ms = base * 2 > MEMBER_RETRY_MAX ? MEMBER_RETRY_MAX : base * 2;
    fog_timer_start(l->timer, wait);
}

static void dial(struct mlink *l)
{
    int rc = fog_conn_dial(l->m->loop, &l->hub.addr, l->m->tls, NULL, MEMBER_DIAL_MS, &conn_ops, l,
                           &l->conn);

    if (rc != 0) {
        fog_unusual("member.dial", "error=%s", fog_errname(rc));
        l->conn = NULL;
        dial_later(l);
        return;
    }
    l->state = MLINK_DIALLING;
}

void mlink_beat(struct mlink *l)
{
    struct member *m = l->m;
    struct member_load load = {0};
    struct fog_wire_beat beat;
    struct fog_buf b = {0};

    if (m->ops.load != NULL)
        m->ops.load(m->ops.arg, &load);
    beat = (struct fog_wire_beat){.seq = ++l->seq,
                                  .active = load.active,
                                  .conns = load.conns,
                                  .egress_bps = load.egress_bps,
                                  .bytes_total = load.bytes_total,
                                  .free_bytes = load.free_bytes,
                                  .map_no = m->map == NULL ? 0 : m->map->map_no};
    fog_wire_put_beat(&b, &beat);
    mlink_send(l, FOG_WIRE_BEAT, fog_buf_bytes(&b));
    fog_buf_fini(&b);
    l->beat_sent_at = fog_loop_now_ms(m->loop);
    fog_timer_start(l->timer, load.active > 0 ? l->serving_ms : l->idle_ms);
}

static void on_timer(void *arg)
{
    struct mlink *l = mlink_of(arg);

    switch (l->state) {
    case MLINK_IDLE:
        dial(l);
        break;
    case MLINK_LEASED:
        mlink_beat(l);
        break;
    case MLINK_HELLO:
        fog_unusual("member.no_lease", "hub does not answer HELLO");
        fog_conn_abort(l->conn);
        break;
    case MLINK_DIALLING:
    case MLINK_LEAVING:
        break;
    }
}

/* Three periods without a word: the hub or the way to it is gone, though TCP has not noticed. */
static void on_quiet(void *arg)
{
    struct mlink *l = mlink_of(arg);

    fog_unusual("member.hub_silent", "lease given up");
    if (l->conn != NULL)
        fog_conn_abort(l->conn);
}

void mlink_start(struct mlink *l, fog_time_ms after_ms)
{
    l->timer = fog_timer_new(l->m->loop, on_timer, l);
    l->quiet = fog_timer_new(l->m->loop, on_quiet, l);
    l->retry_ms = MEMBER_RETRY_MS;
    fog_timer_start(l->timer, after_ms);
}

void mlink_stop(struct mlink *l)
{
    if (l->conn != NULL) {
        fog_conn_adopt(l->conn, NULL, NULL);
        fog_conn_close(l->conn);
        l->conn = NULL;
    }
    fog_timer_free(&l->timer);
    fog_timer_free(&l->quiet);
    fog_frame_reader_fini(&l->reader);
}

/* --- messages --- */

static int on_refuse(struct mlink *l, struct fog_bytes body)
{
    struct member *m = l->m;
    struct fog_wire_refuse r;
    struct fog_wire_enroll e = {0};
    struct fog_buf b = {0};
    struct fog_sig sig;
    uint8_t exporter[32];
    int rc = fog_wire_get_refuse(body, &r);

    if (rc != 0)
        return rc;
    if (r.about == FOG_WIRE_HELLO && r.code == FOG_REFUSE_UNKNOWN && m->have_token && !l->proved) {
        if ((rc = fog_conn_export(l->conn, ENROL_EXPORTER, exporter, sizeof exporter)) != 0)
            return rc;
        enrol_prove(m->seed, &m->fog_id, exporter, fog_buf_bytes(&m->token_bytes), &sig);
        e.token = fog_buf_bytes(&m->token_bytes);
        memcpy(e.signature, sig.b, sizeof e.signature);
        fog_wire_put_enroll(&b, &e);
        mlink_send(l, FOG_WIRE_ENROLL, fog_buf_bytes(&b));
        fog_buf_fini(&b);
        l->proved = true;
        return 0;
    }
    if (r.about == FOG_WIRE_HELLO || r.about == FOG_WIRE_ENROLL) {
        fog_unusual("member.refused", "about=%s code=%u text=\"%s\"", fog_wire_name(r.about),
                    r.code, r.text);
        l->retry_hint_ms =
            r.fatal != 0 && r.retry_ms > MEMBER_REFUSED ? MEMBER_REFUSED : r.retry_ms;
        if (r.code == FOG_REFUSE_UNKNOWN)
            l->retry_hint_ms = MEMBER_REFUSED;
        if (m->ops.on_refused != NULL && r.code != FOG_REFUSE_BUSY && r.code != FOG_REFUSE_REPLACED)
            m->ops.on_refused(m->ops.arg, r.code, r.text);
        fog_conn_close(l->conn);
    } else if (m->ops.on_refuse != NULL) {
        m->ops.on_refuse(m->ops.arg, &r);
    }
    return 0;
}

static int on_enroll_ok(struct mlink *l, struct fog_bytes body)
{
    struct fog_wire_enroll_ok m;
    int rc = fog_wire_get_enroll_ok(body, &m);

    if (rc == 0 && l->m->ops.on_enrolled != NULL)
        l->m->ops.on_enrolled(l->m->ops.arg, m.label, m.operator);
    return rc;
}

static uint32_t clamp(uint32_t v, uint32_t low, uint32_t high)
{
    return v < low ? low : v > high ? high : v;
}

static int on_lease(struct mlink *l, struct fog_bytes body)
{
    struct fog_wire_lease m;
    int rc = fog_wire_get_lease(body, &m);

    if (rc != 0)
        return rc;
    l->serving_ms = clamp(m.beat_serving_ms, 500, 60000);
    l->idle_ms = clamp(m.beat_idle_ms, 500, 60000);
    l->retry_ms = MEMBER_RETRY_MS;
    l->state = MLINK_LEASED;
    member_take_time(l->m, m.hub_ms, 1000); /* a first idea; beats measure it */
    fog_info("member.leased", "box=%s map=%llu", l->m->label, (unsigned long long)m.map_no);
    if (m.standing.count > 0 && l->m->ops.on_money != NULL)
        l->m->ops.on_money(l->m->ops.arg, FOG_WIRE_LEASE, body);
    mlink_beat(l);
    member_lease_changed(l->m);
    return 0;
}

static int on_beat_ok(struct mlink *l, struct fog_bytes body)
{
    struct fog_wire_beat_ok m;
    int rc = fog_wire_get_beat_ok(body, &m);

    if (rc == 0 && m.seq == 0)
        member_take_time(l->m, m.hub_ms, 0);
    else if (rc == 0 && m.seq == l->seq)
        member_take_time(l->m, m.hub_ms, fog_loop_now_ms(l->m->loop) - l->beat_sent_at);
    return rc;
}

static int on_probe(struct mlink *l, struct fog_bytes body)
{
    struct fog_wire_probe m;
    struct fog_buf b = {0};
    int rc = fog_wire_get_probe(body, &m);

    if (rc != 0)
        return rc;
    fog_wire_put_probe_ok(&b, &(struct fog_wire_probe_ok){m.nonce});
    mlink_send(l, FOG_WIRE_PROBE_OK, fog_buf_bytes(&b));
    fog_buf_fini(&b);
    return 0;
}

/* Messages that only pass through to the owner. */
#define PASS(name, TYPE, callback)                                                                 \
    static int on_##name(struct mlink *l, struct fog_bytes body)                                   \
    {                                                                                              \
        struct fog_wire_##name m;                                                                  \
        int rc = fog_wire_get_##name(body, &m);                                                    \
                                                                                                   \
        if (rc == 0 && l->m->ops.callback != NULL)                                                 \
            l->m->ops.callback(l->m->ops.arg, &m);                                                 \
        return rc;                                                                                 \
    }

PASS(pointer, POINTER, on_pointer)
PASS(fresh, FRESH, on_fresh)
PASS(place, PLACE, on_place)
#undef PASS

static int on_cert(struct mlink *l, struct fog_bytes body)
{
    struct fog_wire_cert m;
    int rc = fog_wire_get_cert(body, &m);

    if (rc == 0 && l->m->ops.on_cert != NULL)
        l->m->ops.on_cert(l->m->ops.arg, m.chain_pem, m.not_after_ms);
    return rc;
}

static int on_call_you(struct mlink *l, struct fog_bytes body)
{
    struct fog_wire_call_you m;
    int rc = fog_wire_get_call_you(body, &m);

    if (rc == 0 && l->m->ops.on_call_you != NULL)
        l->m->ops.on_call_you(l->m->ops.arg, m.peer, m.addr);
    return rc;
}

static int on_hub_set(struct mlink *l, struct fog_bytes body)
{
    struct fog_wire_hub_set m;
    int rc = fog_wire_get_hub_set(body, &m);

    return rc != 0 ? rc : member_take_hub_set(l->m, m.set);
}

static int on_cell_map(struct mlink *l, struct fog_bytes body)
{
    struct fog_wire_cell_map m;
    int rc = fog_wire_get_cell_map(body, &m);

    return rc != 0 ? rc : member_take_map(l->m, m.map);
}

static int on_live(struct mlink *l, struct fog_bytes body)
{
    struct fog_wire_live m;
    int rc = fog_wire_get_live(body, &m);

    return rc != 0 ? rc : member_take_live(l->m, m.live);
}

static int on_message(struct mlink *l, const struct fog_frame *f)
{
    switch (f->type) {
    case FOG_WIRE_REFUSE:
        return on_refuse(l, f->body);
    case FOG_WIRE_ENROLL_OK:
        return on_enroll_ok(l, f->body);
    case FOG_WIRE_LEASE:
        return on_lease(l, f->body);
    case FOG_WIRE_BEAT_OK:
        return on_beat_ok(l, f->body);
    case FOG_WIRE_PROBE:
        return on_probe(l, f->body);
    case FOG_WIRE_HUB_SET:
        return on_hub_set(l, f->body);
    case FOG_WIRE_CELL_MAP:
        return on_cell_map(l, f->body);
    case FOG_WIRE_LIVE:
        return on_live(l, f->body);
    case FOG_WIRE_POINTER:
        return on_pointer(l, f->body);
    case FOG_WIRE_FRESH:
        return on_fresh(l, f->body);
    case FOG_WIRE_PLACE:
        return on_place(l, f->body);
    case FOG_WIRE_CERT:
        return on_cert(l, f->body);
    case FOG_WIRE_CALL_YOU:
        return on_call_you(l, f->body);
    case FOG_WIRE_REGISTRY:
    case FOG_WIRE_VOUCHER:
    case FOG_WIRE_STATEMENT_OK:
        if (l->m->ops.on_money != NULL)
            l->m->ops.on_money(l->m->ops.arg, f->type, f->body);
        return 0;
    default:
        return FOG_EPROTO;
    }
}

/* --- the connection --- */

static void on_open(struct fog_conn *c, void *arg)
{
    struct mlink *l = mlink_of(arg);
    struct fog_buf b = {0};
    uint8_t key[32];

    if (!fog_conn_peer_key(c, key) || memcmp(key, l->hub.key, sizeof key) != 0) {
        fog_unusual("member.wrong_hub",
                    "the address answers with another key than the hub set names");
        fog_conn_abort(c);
        return;
    }
    l->state = MLINK_HELLO;
    l->proved = false;
    fog_wire_put_hello(&b, &l->m->hello);
    mlink_send(l, FOG_WIRE_HELLO, fog_buf_bytes(&b));
    fog_buf_fini(&b);
    fog_timer_start(l->timer, MEMBER_DIAL_MS);
}

static size_t on_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    struct mlink *l = mlink_of(arg);
    struct fog_frame f;
    int rc = fog_frame_feed(&l->reader, in);

    fog_timer_start(l->quiet, 35000);
    while (rc == 0 && (rc = fog_frame_next(&l->reader, &f)) == 1)
        rc = l->state == MLINK_LEAVING ? 0 : on_message(l, &f);
    if (rc < 0) {
        fog_unusual("member.bad_hub", "error=%s", fog_errname(rc));
        fog_conn_abort(c);
    }
    return in.len;
}

static void on_close(struct fog_conn *c, int err, void *arg)
{
    struct mlink *l = mlink_of(arg);

    (void)c;
    fog_info("member.closed", "err=%s", fog_errname(err));
    l->conn = NULL;
    fog_frame_reader_fini(&l->reader);
    fog_timer_stop(l->quiet);
    if (l->state == MLINK_LEAVING)
        return;
    l->state = MLINK_IDLE;
    dial_later(l);
    member_lease_changed(l->m);
}

static const struct fog_conn_ops conn_ops = {
    .on_open = on_open, .on_read = on_read, .on_close = on_close};
