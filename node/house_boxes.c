/* The house and its boxes: registry rows and vouchers down, progress and statements up. */
#include "node/house_in.h"

#include "core/base/str.h"
#include "core/obs/log.h"
#include "router/cellmap.h"

#include <errno.h>

#define REGISTRY_ROWS 4096

/* ---- registry to boxes ---- */

struct row_batch {
    struct house_role *h;
    const uint8_t *box;
    struct fog_buf rows;
    uint32_t n;
    bool first;
};

static void send_batch(struct row_batch *b)
{
    const struct fog_wire_registry m = {.reset = b->first,
                                        .as_of_ms = house_hub_ms(b->h),
                                        .rows = {.count = b->n, .raw = fog_buf_bytes(&b->rows)}};
    struct fog_buf body = {0};

    if (b->n > 0 || b->first) {
        fog_wire_put_registry(&body, &m);
        if (b->h->conf.send(b->h->conf.arg, b->box, FOG_WIRE_REGISTRY, fog_buf_bytes(&body)) != 0)
            fog_debug("house.registry", "error=\"box has no lease\"%s", "");
        fog_buf_fini(&body);
    }
    fog_buf_clear(&b->rows);
    b->n = 0;
    b->first = false;
}

static void on_row(void *arg, const struct registry_row *row)
{
    struct row_batch *b = arg;
    struct fog_wire_id_row w = {
        .what = (uint8_t)row->what, .id = row->id, .from = row->from, .to = row->to};

    memcpy(w.address, row->address.b, sizeof w.address);
    memcpy(w.key, row->key, sizeof w.key);
    fog_wire_put_id_row(&b->rows, &w);
    if (++b->n == REGISTRY_ROWS)
        send_batch(b);
}

static void send_registry(struct house_role *h, const uint8_t box[32])
{
    struct row_batch b = {.h = h, .box = box, .first = true};

    registry_each(h->registry, on_row, &b);
    if (b.n > 0 || b.first)
        send_batch(&b);
    fog_buf_fini(&b.rows);
}

void house_boxes_tell(struct house_role *h)
{
    for (size_t i = 0; h->map != NULL && i < h->map->n; i++)
        send_registry(h, h->map->rows[i].key);
    h->told = true;
}

/* ---- vouchers to boxes ---- */

struct voucher_note {
    struct house_role *h;
    const struct voucher *v;
    struct fog_buf body;
};

static void on_voucher_row(void *arg, const struct registry_row *row)
{
    struct voucher_note *n = arg;
    const struct registry_payee *payee;

    if (row->what != REGISTRY_NODE || (payee = registry_payee(n->h->registry, row->id)) == NULL ||
        !fog_ethaddr_eq(&payee->wallet, &n->v->payee))
        return;
    if (n->h->conf.send(n->h->conf.arg, row->key, FOG_WIRE_VOUCHER, fog_buf_bytes(&n->body)) != 0)
        fog_debug("house.voucher", "error=\"box has no lease\"%s", "");
}

static void voucher_body(const struct voucher *v, const struct fog_secp_sig *sig,
                         struct fog_buf *out)
{
    uint8_t bytes[VOUCHER_LEN];
    struct fog_wire_voucher w = {.voucher = fog_bytes_of(bytes, sizeof bytes)};

    voucher_encode(v, bytes);
    memcpy(w.signature, sig->b, sizeof w.signature);
    fog_wire_put_voucher(out, &w);
}

void house_boxes_on_voucher(void *arg, const struct voucher *v, const struct fog_secp_sig *sig)
{
    struct voucher_note n = {.h = arg, .v = v};

    voucher_body(v, sig, &n.body);
    registry_each(n.h->registry, on_voucher_row, &n);
    fog_buf_fini(&n.body);
}

/* ---- what boxes say ---- */

static const struct registry_row *node_of(const struct house_role *h, const uint8_t box[32])
{
    return registry_by_key(h->registry, REGISTRY_NODE, box);
}

void house_boxes_on_lease(void *arg, const uint8_t box[32])
{
    struct house_role *h = arg;
    const struct registry_row *row = node_of(h, box);
    const struct registry_payee *payee = row == NULL ? NULL : registry_payee(h->registry, row->id);
    struct fog_buf body = {0};
    struct fog_secp_sig sig;
    struct voucher v;

    send_registry(h, box);
    if (payee == NULL || voucher_newest(h->house, &payee->wallet, &v, &sig) != 0)
        return;
    voucher_body(&v, &sig, &body);
    if (h->conf.send(h->conf.arg, box, FOG_WIRE_VOUCHER, fog_buf_bytes(&body)) != 0)
        fog_debug("house.voucher", "error=\"box has no lease\"%s", "");
    fog_buf_fini(&body);
}

static int take_progress(struct house_role *h, const struct registry_row *node,
                         struct fog_bytes body)
{
    struct fog_wire_progress w;
    struct fog_rd rows;
    int rc = fog_wire_get_progress(body, &w);

    rows = fog_rd_of(w.rows.raw);
    for (uint32_t i = 0; rc == 0 && i < w.rows.count; i++) {
        struct fog_wire_progress_row row;
        struct tick_state tick;

        fog_wire_get_progress_row(&rows, &row);
        tick.i = row.i;
        memcpy(tick.w.b, row.w_i, sizeof tick.w.b);
        rc = accept_progress(h->house, &node->address, row.serial, &tick, row.bytes,
                             house_hub_ms(h));
    }
    return rc;
}

static int take_statement(struct house_role *h, const uint8_t box[32],
                          const struct registry_row *node, struct fog_bytes body)
{
    struct fog_wire_statement_ok ok = {0};
    struct fog_wire_statement w;
    struct accept_answer answer;
    struct fog_buf out = {0};
    struct fog_secp_sig sig;
    int rc = fog_wire_get_statement(body, &w);

    if (rc != 0)
        return rc;
    memcpy(sig.b, w.signature, sizeof sig.b);
    h->heard_ms = house_now_ms(h);
    rc = accept_statement(h->house, &node->address, w.statement, &sig, w.leaves, house_hub_ms(h),
                          &answer);
    if (rc != 0)
        return rc;
    if (answer.code != 0)
        fog_unusual("house.refused", "week=%u round=%u rev=%u bad=%u text=\"%s\"", answer.week,
                    answer.round, answer.rev, answer.n_bad, answer.text);
    ok.week = answer.week;
    ok.round = answer.round;
    ok.rev = answer.rev;
    ok.code = answer.code;
    (void)fog_strcpy(ok.text, sizeof ok.text, fog_bytes_str(answer.text));
    fog_wire_put_statement_ok(&out, &ok);
    rc = h->conf.send(h->conf.arg, box, FOG_WIRE_STATEMENT_OK, fog_buf_bytes(&out));
    fog_buf_fini(&out);
    return rc == -ENOTCONN ? 0 : rc; /* it is stated again, and answered the same */
}

void house_boxes_on_message(void *arg, const uint8_t box[32], uint16_t type, struct fog_bytes body)
{
    struct house_role *h = arg;
    const struct registry_row *node = node_of(h, box);
    int rc = FOG_EPROTO;

    if (node == NULL)
        rc = -ENOENT;
    else if (type == FOG_WIRE_PROGRESS)
        rc = take_progress(h, node, body);
    else if (type == FOG_WIRE_STATEMENT)
        rc = take_statement(h, box, node, body);
    if (rc != 0)
        fog_unusual("house.message", "type=%s error=\"%s\"", fog_wire_name(type), fog_strerror(rc));
}
