/* What was paid, from the events of our transactions, and the rows that people and programs read.
 */
#include "contracts/claim/claimer_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "contracts/claim/abi.h"
#include "contracts/claim/house_books.h"
#include "core/base/assert.h"
#include "core/base/wr.h"
#include "core/json/json.h"
#include "core/obs/log.h"

/* R | week u32 | payee 20 | source u8 -> gross, fee, held, relayer fee (u128 each) | tx 32 */
struct paid_row {
    fog_u128 gross;
    fog_u128 fee;
    fog_u128 held;
    fog_u128 relayer_fee;
    struct fog_hash tx;
};

static void paid_key(struct fog_buf *key, uint32_t week, const struct fog_ethaddr *payee)
{
    fog_wr_u8(key, 'R');
    fog_wr_u32(key, week);
    fog_wr_bytes(key, payee->b, 20);
}

static int read_paid_event(const struct claimer *c, const struct chain_log *log, uint32_t *week,
                           struct fog_ethaddr *payee, uint8_t *source, struct paid_row *row)
{
    struct fog_rd r = fog_rd_of(log->data);
    struct fog_ethaddr house;
    fog_u128 w;
    int rc = abi_word_address(&log->topics[1], &house);

    if (rc == 0)
        rc = abi_word_address(&log->topics[2], payee);
    if (rc == 0)
        rc = abi_word_number(&log->topics[3], 32, &w);
    if (rc != 0)
        return rc;
    if (!fog_ethaddr_eq(&house, &c->conf.house_addr))
        return FOG_EADDR;
    *week = (uint32_t)w;
    *source = (uint8_t)abi_rd_number(&r, 8);
    row->gross = abi_rd_number(&r, 128);
    row->fee = abi_rd_number(&r, 128);
    row->held = abi_rd_number(&r, 128);
    row->relayer_fee = abi_rd_number(&r, 128);
    row->tx = log->tx;
    return fog_rd_done(&r);
}

static void put_paid(struct claim_batch *batch, uint32_t week, const struct fog_ethaddr *payee,
                     uint8_t source, const struct paid_row *row)
{
    struct fog_buf key = {0}, value = {0};

    paid_key(&key, week, payee);
    fog_wr_u8(&key, source);
    fog_wr_u128(&value, row->gross);
    fog_wr_u128(&value, row->fee);
    fog_wr_u128(&value, row->held);
    fog_wr_u128(&value, row->relayer_fee);
    fog_wr_bytes(&value, row->tx.b, sizeof row->tx.b);
    claim_batch_put(batch, fog_buf_bytes(&key), fog_buf_bytes(&value));
    fog_buf_fini(&key);
    fog_buf_fini(&value);
}

void claimer_on_txn(void *arg, const struct txn_view *t, const struct chain_log *logs,
                    size_t n_logs, const char *text)
{
    struct claimer *c = arg;
    struct claim_batch batch = {0};
    struct fog_hash topic;

    if (t->state == TXN_FAILED || text != NULL)
        fog_unusual("claimer.refused", "intent=%s state=%s text=\"%s\"", t->intent,
                    txn_state_text(t->state), text != NULL ? text : "");
    c->next_ms = 0;
    abi_topic("Paid(address,address,uint32,uint8,uint256,uint256,uint256,uint256)", &topic);
    for (size_t i = 0; i < n_logs; i++) {
        struct fog_ethaddr payee;
        struct paid_row row;
        uint32_t week;
        uint8_t source;

        if (logs[i].n_topics != 4 || !fog_hash_eq(&logs[i].topics[0], &topic) ||
            !fog_ethaddr_eq(&logs[i].address, &c->conf.addresses.settlement) ||
            read_paid_event(c, &logs[i], &week, &payee, &source, &row) != 0)
            continue;
        put_paid(&batch, week, &payee, source, &row);
    }
    if (claim_batch_apply(&batch, c->conf.db, NULL, true) != 0)
        fog_broken("claimer.rows", "intent=%s: what was paid is not in the books", t->intent);
    claim_batch_fini(&batch);
}

/* --- reading --- */

struct listing {
    struct claimer *c;
    const struct fog_ethaddr *operator_addr;
    struct fog_json *rows;
    struct fog_json *last; /* row of last_week and last_payee, borrowed */
    struct fog_json *nodes;
    uint32_t last_week;
    struct fog_ethaddr last_payee;
    fog_u128 bytes;
    struct amount worth;
    struct fog_ethaddr last_operator;
};

static int sum_paid(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct fog_rd r = fog_rd_of(value);
    struct paid_row *sum = arg;

    (void)key;
    sum->gross += fog_rd_u128(&r);
    sum->fee += fog_rd_u128(&r);
    sum->held += fog_rd_u128(&r);
    sum->relayer_fee += fog_rd_u128(&r);
    fog_rd_copy(&r, sum->tx.b, sizeof sum->tx.b);
    return fog_rd_done(&r) != 0 ? FOG_ECORRUPT : 0;
}

/* The payment columns of one row, once its nodes are all there. */
static int finish_row(struct listing *x)
{
    struct paid_row paid = {0};
    struct fog_secp_sig sig;
    struct fog_buf key = {0};
    struct voucher v;
    char state[32];
    int rc;

    if (x->last == NULL)
        return 0;
    fog_json_set_u128(x->last, "bytes", x->bytes);
    fog_json_set_u128(x->last, "units", amount_units(x->worth));
    fog_json_set_take(x->last, "nodes", &x->nodes);
    paid_key(&key, x->last_week, &x->last_payee);
    rc = x->c->conf.db->scan(x->c->conf.db->arg, fog_buf_bytes(&key), sum_paid, &paid);
    fog_buf_fini(&key);
    if (rc != 0)
        return rc;
    fog_json_set_u128(x->last, "gross", paid.gross);
    fog_json_set_u128(x->last, "fee", paid.fee);
    fog_json_set_u128(x->last, "held", paid.held);
    fog_json_set_u128(x->last, "relayerFee", paid.relayer_fee);
    fog_json_set_u128(x->last, "net", paid.gross - paid.fee - paid.relayer_fee);
    if (paid.gross != 0)
        fog_json_set_hex(x->last, "tx", paid.tx.b, sizeof paid.tx.b);
    else
        fog_json_set_null(x->last, "tx");
    if (voucher_of_week(x->c->conf.house, &x->last_payee, x->last_week, &v, &sig) == 0)
        fog_json_set_u64(x->last, "seq", v.seq);
    claimer_week_state(x->c, x->last_week, state, sizeof state);
    fog_json_set_str(x->last, "state", paid.gross != 0 ? "paid" : state);
    x->last = NULL;
    return 0;
}

static void begin_row(struct listing *x, uint32_t week, const struct fog_ethaddr *payee)
{
    char text[FOG_ETHADDR_TEXT];

    x->last_week = week;
    x->last_payee = *payee;
    x->bytes = 0;
    x->worth = amount_of_units(0);
    x->last = fog_json_append_object(x->rows);
    x->nodes = fog_json_new_array();
    fog_json_set_u64(x->last, "week", week);
    fog_json_set_str(x->last, "payee", fog_ethaddr_text(payee, text));
    fog_json_set_str(x->last, "operator", fog_ethaddr_text(&x->last_operator, text));
}

static struct fog_ethaddr operator_of(const struct listing *x, const struct fog_ethaddr *node)
{
    const struct registry *reg = house_registry(x->c->conf.house);
    const struct registry_payee *p = NULL;
    struct fog_ethaddr none = {{0}};
    uint32_t id;

    if (registry_id(reg, REGISTRY_NODE, node, &id) == 0)
        p = registry_payee(reg, id);
    return p == NULL ? none : p->operator_addr;
}

/* n | week | payee | node -> bytes, units, leaves: sorted, so rows of a payee stand together. */
static int list_node(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct fog_rd k = fog_rd_of(key), r = fog_rd_of(value);
    struct listing *x = arg;
    struct fog_ethaddr payee, node;
    struct fog_json *o;
    fog_u128 bytes, units;
    char text[FOG_ETHADDR_TEXT];
    uint32_t week, leaves;
    int rc;

    (void)fog_rd_u8(&k);
    week = fog_rd_u32(&k);
    fog_rd_copy(&k, payee.b, 20);
    fog_rd_copy(&k, node.b, 20);
    bytes = fog_rd_u128(&r);
    units = fog_rd_u128(&r);
    leaves = fog_rd_u32(&r);
    if (fog_rd_done(&k) != 0 || fog_rd_done(&r) != 0)
        return FOG_ECORRUPT;
    x->last_operator = operator_of(x, &node);
    if (x->operator_addr != NULL && !fog_ethaddr_eq(x->operator_addr, &x->last_operator))
        return 0;
    if (x->last == NULL || week != x->last_week || !fog_ethaddr_eq(&payee, &x->last_payee)) {
        if ((rc = finish_row(x)) != 0)
            return rc;
        begin_row(x, week, &payee);
    }
    x->bytes += bytes;
    if ((rc = amount_add(&x->worth, x->worth, amount_of_units(units))) != 0)
        return rc;
    o = fog_json_append_object(x->nodes);
    fog_json_set_str(o, "node", fog_ethaddr_text(&node, text));
    fog_json_set_u128(o, "bytes", bytes);
    fog_json_set_u128(o, "units", units);
    fog_json_set_u64(o, "leaves", leaves);
    return 0;
}

int claimer_earnings(struct claimer *c, const struct fog_ethaddr *operator_addr,
                     struct fog_json **out)
{
    struct listing x = {.c = c, .operator_addr = operator_addr, .rows = fog_json_new_array()};
    int rc = c->conf.db->scan(c->conf.db->arg, fog_bytes_str("n"), list_node, &x);

    if (rc == 0)
        rc = finish_row(&x);
    if (rc != 0) {
        fog_json_free(&x.nodes);
        fog_json_free(&x.rows);
        return rc;
    }
    *out = x.rows;
    return 0;
}

/* --- weeks --- */

static int list_week(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct listing *x = arg;
    struct fog_rd k = fog_rd_of(key);
    struct week_row *rows = NULL;
    char name[16], state[32], intent[TXN_INTENT_MAX + 1];
    fog_u128 total = 0;
    struct fog_hash root;
    struct fog_json *o;
    struct txn_view v;
    uint32_t week;
    size_t n;
    int rc;

    (void)value;
    (void)fog_rd_u8(&k);
    week = fog_rd_u32(&k);
    if (fog_rd_done(&k) != 0)
        return FOG_ECORRUPT;
    if ((rc = week_rows(x->c->conf.house, week, &rows, &n)) != 0)
        return rc;
    o = fog_json_new_object();
    claimer_week_state(x->c, week, state, sizeof state);
    fog_json_set_str(o, "state", n == 0 ? "empty" : state);
    for (size_t i = 0; i < n; i++)
        total += amount_tokens_ceil(rows[i].worth);
    fog_json_set_u128(o, "total", total);
    if (n > 0 && week_root(rows, n, &root) == 0)
        fog_json_set_hex(o, "root", root.b, sizeof root.b);
    snprintf(intent, sizeof intent, "post/%u", week);
    if (txns_find(x->c->txns, intent, &v) == 0 && v.state >= TXN_SIGNED)
        fog_json_set_hex(o, "tx", v.hash.b, sizeof v.hash.b);
    snprintf(name, sizeof name, "%u", week);
    fog_json_set_take(x->rows, name, &o);
    free(rows);
    return 0;
}

int claimer_weeks(struct claimer *c, struct fog_json **out)
{
    struct listing x = {.c = c, .rows = fog_json_new_object()};
    int rc = c->conf.db->scan(c->conf.db->arg, fog_bytes_str("k"), list_week, &x);

    if (rc != 0) {
        fog_json_free(&x.rows);
        return rc;
    }
    *out = x.rows;
    return 0;
}
