#include "node/role_claim.h"

#include "contracts/claim/claim.h"
#include "core/base/assert.h"
#include "core/crypto/rng_system.h"
#include "core/io/loop.h"
#include "core/obs/log.h"
#include "core/wire/frame.h"
#include "node/glue_store.h"
#include "node/keyc.h"
#include "node/serve_in.h"
#include "storage/storage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define TURN_MS         1000
#define RESEND_MS       15000
#define PROGRESS_MS     60000
#define PROGRESS_DEV_MS 5000 /* a development week is closed by hand, minutes after it began */
#define PROGRESS_ROWS   4096

struct box_money {
    struct box_money_conf conf;
    struct glue_store store;
    struct ledger *ledger;
    struct registry *registry;
    struct fog_timer *turn;
    fog_time_ms progress_at;
    struct fog_buf rows; /* PROGRESS under construction */
    uint32_t n_rows;
};

static fog_time_ms hub_ms(const struct box_money *m)
{
    return node_clock_now(&m->conf.serve->clock);
}

/* ---- up ---- */

static void send_rows(struct box_money *m)
{
    const struct fog_wire_progress p = {
        .rows = {.count = m->n_rows, .raw = fog_buf_bytes(&m->rows)}};
    struct fog_buf body = {0};

    if (m->n_rows > 0) {
        fog_wire_put_progress(&body, &p);
        if (m->conf.send(m->conf.arg, FOG_WIRE_PROGRESS, fog_buf_bytes(&body)) != 0)
            fog_debug("money.progress", "rows=%u error=\"no lease\"", m->n_rows);
    }
    fog_buf_fini(&body);
    fog_buf_clear(&m->rows);
    m->n_rows = 0;
}

static void on_progress(void *arg, const struct ledger_progress *row)
{
    struct box_money *m = arg;
    struct fog_wire_progress_row w = {.i = row->tick.i, .bytes = row->bytes};

    memcpy(w.serial, row->serial, sizeof w.serial);
    memcpy(w.w_i, row->tick.w.b, sizeof w.w_i);
    fog_wire_put_progress_row(&m->rows, &w);
    if (++m->n_rows == PROGRESS_ROWS)
        send_rows(m);
}

static void on_statement(void *arg, const struct fog_ethaddr *house, struct fog_bytes statement,
                         const struct fog_secp_sig *sig, struct fog_bytes leaves)
{
    struct box_money *m = arg;
    struct fog_wire_statement w = {.statement = statement, .leaves = leaves};
    struct fog_buf body = {0};

    (void)house; /* one house per fog: its hubs are the ones we hold leases with */
    memcpy(w.signature, sig->b, sizeof w.signature);
    fog_wire_put_statement(&body, &w);
    if (m->conf.send(m->conf.arg, FOG_WIRE_STATEMENT, fog_buf_bytes(&body)) != 0)
        fog_debug("money.statement", "error=\"no lease, sent again later\"%s", "");
    fog_buf_fini(&body);
}

static void on_turn(void *arg)
{
    struct box_money *m = arg;
    fog_time_ms now = fog_loop_now_ms(m->conf.serve->control->loop);
    int rc = ledger_flush(m->ledger, hub_ms(m));

    if (rc == 0)
        rc = ledger_turn(m->ledger, hub_ms(m), RESEND_MS);
    if (rc != 0)
        fog_unusual("money.ledger", "error=\"%s\"", fog_strerror(rc));
    if (now >= m->progress_at) {
        m->progress_at = now + (m->conf.serve->conf->dev ? PROGRESS_DEV_MS : PROGRESS_MS);
        ledger_progress(m->ledger, on_progress, m);
        send_rows(m);
    }
    fog_timer_start(m->turn, TURN_MS);
}

void box_money_settle(struct box_money *m)
{
    int rc;

    ledger_progress(m->ledger, on_progress, m);
    send_rows(m);
    if ((rc = ledger_flush(m->ledger, hub_ms(m))) != 0)
        fog_unusual("money.flush", "error=\"%s\"", fog_strerror(rc));
}

void box_money_leased(struct box_money *m)
{
    ledger_resend(m->ledger);
}

/* ---- down ---- */

static int take_registry(struct box_money *m, struct fog_bytes body)
{
    struct registry *next = NULL;
    struct fog_wire_registry w;
    struct fog_rd rows;
    int rc = fog_wire_get_registry(body, &w);

    if (rc != 0)
        return rc;
    next = w.reset != 0 ? registry_new() : registry_copy(m->registry);
    rows = fog_rd_of(w.rows.raw);
    for (uint32_t i = 0; rc == 0 && i < w.rows.count; i++) {
        struct fog_wire_id_row in;
        struct registry_row row;

        fog_wire_get_id_row(&rows, &in);
        row = (struct registry_row){
            .what = (enum registry_what)in.what, .id = in.id, .from = in.from, .to = in.to};
        memcpy(row.address.b, in.address, sizeof row.address.b);
        memcpy(row.key, in.key, sizeof row.key);
        rc = registry_add(next, &row);
    }
    if (rc != 0) {
        registry_unref(&next);
        return rc;
    }
    ledger_set_registry(m->ledger, next);
    registry_unref(&m->registry);
    m->registry = next;
    return 0;
}

static int take_voucher(struct box_money *m, struct fog_bytes body)
{
    struct fog_wire_voucher w;
    struct fog_secp_sig sig;
    int rc = fog_wire_get_voucher(body, &w);

    if (rc != 0)
        return rc;
    memcpy(sig.b, w.signature, sizeof sig.b);
    rc = ledger_take_voucher(m->ledger, w.voucher, &sig);
    return rc == FOG_ESTALE ? 0 : rc; /* sent again after a reconnect */
}

/* The house whose hub answers: the only one in the registry. */
static bool the_house(const struct box_money *m, struct fog_ethaddr *out)
{
    for (uint32_t id = 1; id <= 64; id++)
        if (registry_address(m->registry, REGISTRY_HOUSE, id, out) == 0)
            return true;
    return false;
}

static int take_statement_ok(struct box_money *m, struct fog_bytes body)
{
    struct fog_wire_statement_ok w;
    struct fog_ethaddr house;
    int rc = fog_wire_get_statement_ok(body, &w);

    if (rc != 0)
        return rc;
    if (!the_house(m, &house))
        return -ENOENT;
    if (w.code != 0)
        fog_unusual("money.refused", "week=%u round=%u rev=%u text=\"%.200s\"", w.week, w.round,
                    w.rev, w.text);
    return ledger_answered(m->ledger, &house, w.week, w.round, w.rev, w.code, w.text, hub_ms(m));
}

static int take_lease(struct box_money *m, struct fog_bytes body)
{
    struct fog_wire_lease w;
    struct fog_rd rows;
    int rc = fog_wire_get_lease(body, &w);

    if (rc != 0)
        return rc;
    rows = fog_rd_of(w.standing.raw);
    for (uint32_t i = 0; i < w.standing.count; i++) {
        struct fog_wire_signed one;

        fog_wire_get_signed(&rows, &one);
        rc = ledger_take_standing(m->ledger, one.bytes, hub_ms(m));
        if (rc != 0)
            fog_unusual("money.standing", "error=\"%s\"", fog_strerror(rc));
    }
    return 0;
}

void box_money_on_message(struct box_money *m, uint16_t type, struct fog_bytes body)
{
    int rc = 0;

    if (type == FOG_WIRE_REGISTRY)
        rc = take_registry(m, body);
    else if (type == FOG_WIRE_VOUCHER)
        rc = take_voucher(m, body);
    else if (type == FOG_WIRE_STATEMENT_OK)
        rc = take_statement_ok(m, body);
    else if (type == FOG_WIRE_LEASE)
        rc = take_lease(m, body);
    if (rc != 0)
        fog_unusual("money.message", "type=%s error=\"%s\"", fog_wire_name(type), fog_strerror(rc));
}

void box_money_status(struct box_money *m, struct fog_buf *out)
{
    struct ledger_stats st;

    ledger_stats(m->ledger, &st);
    fog_buf_printf(out,
                   "\"live_grants\":%zu,\"bytes_spent\":%" PRIu64 ",\"ticks\":%" PRIu64
                   ",\"refused\":%" PRIu64 ",\"statements_due\":%zu,\"vouchered_tokens\":\"%" PRIu64
                   "\"",
                   st.live, st.bytes_spent, st.ticks, st.refused, st.statements_due,
                   (uint64_t)amount_tokens_floor(st.vouchered));
}

/* ---- life ---- */

int box_money_new(const struct box_money_conf *conf, struct box_money **out)
{
    struct box_money *m = FOG_NEW(box_money);
    struct serve *s = conf->serve;
    struct ledger_events ev = {.on_statement = on_statement};
    struct ledger_conf ledger = {.domain = s->domain,
                                 .node = s->keys.addresses.money[KEYD_KEY_NODE]};
    struct fog_rng rng = fog_rng_system();
    int rc;

    m->conf = *conf;
    glue_store_init(&m->store, s->store, "ledger");
    ledger.store = &m->store.port;
    ledger.signer = keyc_signer(s->keyc);
    fog_rng_fill(&rng, ledger.map_seed, sizeof ledger.map_seed);
    ev.arg = m;
    m->registry = registry_new();
    m->turn = fog_timer_new(s->control->loop, on_turn, m);
    rc = ledger_new(&ledger, &ev, m->registry, hub_ms(m), &m->ledger);
    if (rc != 0) {
        fog_broken("money.open", "error=\"%s\"", fog_strerror(rc));
        box_money_free(&m);
        return rc;
    }
    fog_timer_start(m->turn, TURN_MS);
    *out = m;
    return 0;
}

void box_money_free(struct box_money **pm)
{
    struct box_money *m = *pm;

    *pm = NULL;
    if (m == NULL)
        return;
    if (m->ledger != NULL) {
        int rc = ledger_flush(m->ledger, hub_ms(m));

        if (rc != 0)
            fog_unusual("money.flush", "error=\"%s\"", fog_strerror(rc));
    }
    ledger_free(&m->ledger);
    registry_unref(&m->registry);
    fog_timer_free(&m->turn);
    fog_buf_fini(&m->rows);
    free(m);
}

struct ledger *box_money_ledger(struct box_money *m)
{
    return m->ledger;
}
