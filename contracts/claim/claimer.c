#include "contracts/claim/claimer_in.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "contracts/claim/abi.h"
#include "contracts/claim/registry.h"
#include "core/base/assert.h"
#include "core/base/wr.h"
#include "core/obs/log.h"

#define DEFAULT_GRACE_MS ((fog_time_ms)6 * 3600 * 1000)
#define WEEKS_BACK       3 /* postWindow and maturing are shorter than that together */
#define STEP_MS          1000
#define RETRY_MS         ((fog_time_ms)600 * 1000)
/* A clock that was set on (a development chain, a machine that slept) is no time for boxes to state
 * what they served: that long we have watched before we close a week by ourselves. */
#define WATCH_MS ((fog_time_ms)600 * 1000)

static void intent_of(char out[TXN_INTENT_MAX + 1], const char *deed, uint32_t week, size_t part)
{
    if (strcmp(deed, "post") == 0)
        snprintf(out, TXN_INTENT_MAX + 1, "post/%u", week);
    else
        snprintf(out, TXN_INTENT_MAX + 1, "%s/%u/%zu", deed, week, part);
}

int claimer_new(const struct claimer_conf *conf, struct claimer **out)
{
    struct claimer *c = FOG_NEW(claimer);
    struct txn_events events = {.arg = c, .on_state = claimer_on_txn};
    struct txn_conf txn = {.chain = conf->chain,
                           .signer = conf->signer,
                           .store = conf->db,
                           .chain_id = conf->addresses.chain_id,
                           .key = conf->key,
                           .from = conf->from,
                           .final_blocks = conf->final_blocks,
                           .poll_ms = conf->poll_ms};
    int rc;

    c->magic = CLAIMER_MAGIC;
    c->conf = *conf;
    if (c->conf.close_grace_ms == 0)
        c->conf.close_grace_ms = DEFAULT_GRACE_MS;
    if (c->conf.min_cash_tokens == 0)
        c->conf.min_cash_tokens = 1;
    if ((rc = txns_new(&txn, &events, &c->txns)) != 0) {
        free(c);
        return rc;
    }
    *out = c;
    return 0;
}

static void free_now(struct claimer *c)
{
    fog_buf_fini(&c->payees);
    fog_buf_fini(&c->chosen);
    c->magic = 0;
    free(c);
}

void claimer_free(struct claimer **cp)
{
    struct claimer *c = *cp;

    *cp = NULL;
    if (c == NULL)
        return;
    FOG_ASSERT(c->magic == CLAIMER_MAGIC);
    txns_free(&c->txns);
    if (c->busy)
        c->freed = true;
    else
        free_now(c);
}

/* --- posting --- */

/* postWeek(house, week, rows): rows are static tuples behind one offset. */
static void post_call(const struct claimer *c, uint32_t week, const struct week_row *rows, size_t n,
                      struct fog_buf *call)
{
    abi_put_selector(call, "postWeek(address,uint32,(address,uint128,uint128,uint32,bytes32)[])");
    abi_put_address(call, &c->conf.house_addr);
    abi_put_number(call, week);
    abi_put_number(call, 3 * ABI_WORD);
    abi_put_number(call, n);
    for (size_t i = 0; i < n; i++) {
        abi_put_address(call, &rows[i].publisher);
        abi_put_number(call, rows[i].bytes);
        abi_put_number(call, amount_units(rows[i].worth));
        abi_put_number(call, rows[i].leaves);
        abi_put_fixed(call, rows[i].subroot.b, sizeof rows[i].subroot.b);
    }
}

static int post_week(struct claimer *c, uint32_t week, fog_time_ms now_ms)
{
    char intent[TXN_INTENT_MAX + 1];
    struct fog_buf call = {0};
    struct week_row *rows = NULL;
    struct txn_view had;
    size_t n = 0;
    int rc;

    intent_of(intent, "post", week, 0);
    /* What the contract refused (a bond too low, say) is tried again when somebody may have helped.
     */
    if (txns_find(c->txns, intent, &had) == 0 && (had.state != TXN_FAILED || now_ms < c->retry_ms))
        return 0;
    c->retry_ms = now_ms + RETRY_MS;
    if ((rc = week_rows(c->conf.house, week, &rows, &n)) != 0)
        return rc;
    if (n > 0) {
        post_call(c, week, rows, n, &call);
        rc = txns_submit(c->txns, intent, &c->conf.addresses.settlement, fog_buf_bytes(&call));
        fog_buf_fini(&call);
    }
    free(rows);
    return rc;
}

/* --- cashing --- */

static void note_payee(void *arg, const struct fog_ethaddr *payee)
{
    struct claimer *c = arg;

    fog_buf_append(&c->payees, payee->b, sizeof payee->b);
}

static bool cash_is_done(struct claimer *c, uint32_t week)
{
    struct fog_buf key = {0}, value = {0};
    int rc;

    fog_wr_u8(&key, 'C');
    fog_wr_u32(&key, week);
    rc = c->conf.db->get(c->conf.db->arg, fog_buf_bytes(&key), &value);
    fog_buf_fini(&key);
    fog_buf_fini(&value);
    return rc == 0;
}

static int mark_cash_done(struct claimer *c, uint32_t week)
{
    struct claim_batch batch = {0};
    struct fog_buf key = {0};
    int rc;

    fog_wr_u8(&key, 'C');
    fog_wr_u32(&key, week);
    claim_batch_put(&batch, fog_buf_bytes(&key), fog_bytes_of("\1", 1));
    rc = claim_batch_apply(&batch, c->conf.db, NULL, true);
    claim_batch_fini(&batch);
    fog_buf_fini(&key);
    return rc;
}

struct chosen {
    struct voucher v;
    struct fog_secp_sig sig;
};

static struct chosen chosen_at(const struct claimer *c, size_t i)
{
    struct chosen x;

    memcpy(&x, c->chosen.data + i * sizeof x, sizeof x);
    return x;
}

static void put_voucher(struct fog_buf *call, const struct voucher *v)
{
    abi_put_address(call, &v->house);
    abi_put_address(call, &v->payee);
    abi_put_number(call, v->week);
    abi_put_number(call, v->seq);
    abi_put_number(call, v->cum_bytes);
    abi_put_number(call, amount_units(v->cum));
    abi_put_fixed(call, v->covers.b, sizeof v->covers.b);
}

/* cashMany(vouchers, signatures): two arrays behind offsets; each signature again behind one. */
static void cash_call(const struct claimer *c, size_t from, size_t n, struct fog_buf *call)
{
    const size_t voucher_words = 7, sig_words = 4; /* length and 65 bytes */

    abi_put_selector(call, "cashMany((address,address,uint32,uint32,uint128,uint128,bytes32)[],"
                           "bytes[])");
    abi_put_number(call, 2 * ABI_WORD);
    abi_put_number(call, (3 + n * voucher_words) * ABI_WORD);
    abi_put_number(call, n);
    for (size_t i = 0; i < n; i++) {
        struct chosen x = chosen_at(c, from + i);

        put_voucher(call, &x.v);
    }
    abi_put_number(call, n);
    for (size_t i = 0; i < n; i++)
        abi_put_number(call, (n + i * sig_words) * ABI_WORD);
    for (size_t i = 0; i < n; i++) {
        struct chosen x = chosen_at(c, from + i);

        abi_put_bytes(call, fog_bytes_of(x.sig.b, sizeof x.sig.b));
    }
}

static int submit_cash(struct claimer *c)
{
    size_t count = c->chosen.len / sizeof(struct chosen);
    int rc = 0;

    for (size_t from = 0, part = 0; rc == 0 && from < count; from += CLAIMER_CASH_MAX, part++) {
        size_t n = count - from < CLAIMER_CASH_MAX ? count - from : CLAIMER_CASH_MAX;
        char intent[TXN_INTENT_MAX + 1];
        struct fog_buf call = {0};

        intent_of(intent, "cash", c->week, part);
        cash_call(c, from, n, &call);
        rc = txns_submit(c->txns, intent, &c->conf.addresses.settlement, fog_buf_bytes(&call));
        fog_buf_fini(&call);
        if (rc == -EEXIST)
            rc = 0; /* written before a crash */
    }
    return rc != 0 ? rc : mark_cash_done(c, c->week);
}

static void ask_paid(struct claimer *c);

/* Which vouchers add something to what was settled on the chain? A wallet that its operator has not
 * made yet would make the whole transaction fail: it waits, its voucher only grows. Answers come in
 * pairs, paid() and isWallet(). */
static int take_paid(struct claimer *c, const struct chain_answer *a, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2, c->at++) {
        struct fog_rd r = fog_rd_of(a[i].data), made = fog_rd_of(a[i + 1].data);
        fog_u128 settled = abi_rd_number(&r, 128), owed;
        bool is_wallet = abi_rd_bool(&made);
        struct fog_ethaddr payee;
        struct chosen x;
        int rc = fog_rd_done(&r);

        if (rc == 0)
            rc = fog_rd_done(&made);
        if (rc != 0)
            return rc;
        if (!is_wallet)
            continue;
        memcpy(payee.b, c->payees.data + c->at * 20, 20);
        rc = voucher_of_week(c->conf.house, &payee, c->week, &x.v, &x.sig);
        if (rc == -ENOENT)
            continue;
        if (rc != 0)
            return rc;
        owed = amount_tokens_floor(x.v.cum);
        if (owed > settled && owed - settled >= c->conf.min_cash_tokens)
            fog_buf_append(&c->chosen, &x, sizeof x);
    }
    return 0;
}

static void on_paid(void *ctx, const struct chain_answer *a, size_t n)
{
    struct claimer *c = ctx;
    int rc = 0;

    c->busy = false;
    if (c->freed) {
        free_now(c);
        return;
    }
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = a[i].err;
    if (rc == 0)
        rc = take_paid(c, a, n);
    if (rc == 0 && c->at < c->payees.len / 20) {
        ask_paid(c);
        return;
    }
    if (rc == 0)
        rc = submit_cash(c);
    if (rc != 0)
        fog_unusual("claimer.cash", "week=%u error=\"%s\"", c->week,
                    n > 0 && a[0].text[0] != '\0' ? a[0].text : fog_strerror(rc));
}

static void ask_paid(struct claimer *c)
{
    struct chain_ask asks[CHAIN_ASKS_MAX] = {{0}};
    struct fog_buf calls[CHAIN_ASKS_MAX] = {{0}};
    size_t left = c->payees.len / 20 - c->at, n = 0;

    for (size_t i = 0; i < left && n + 2 <= CHAIN_ASKS_MAX; i++, n += 2) {
        struct fog_ethaddr payee;

        memcpy(payee.b, c->payees.data + (c->at + i) * 20, 20);
        abi_put_selector(&calls[n], "paid(address,address)");
        abi_put_address(&calls[n], &c->conf.house_addr);
        abi_put_address(&calls[n], &payee);
        asks[n].to = c->conf.addresses.settlement;
        abi_put_selector(&calls[n + 1], "isWallet(address)");
        abi_put_address(&calls[n + 1], &payee);
        asks[n + 1].to = c->conf.addresses.factory;
    }
    for (size_t i = 0; i < n; i++) {
        asks[i].op = CHAIN_CALL;
        asks[i].data = fog_buf_bytes(&calls[i]);
    }
    c->busy = true;
    c->conf.chain->ask(c->conf.chain->arg, asks, n, on_paid, c);
    for (size_t i = 0; i < n; i++)
        fog_buf_fini(&calls[i]);
}

/* post(house, week): the sixth word is when it was posted. */
static int read_posted_at(const struct chain_answer *a, uint64_t *posted_at)
{
    struct fog_rd r = fog_rd_of(a->data);

    (void)fog_rd_take(&r, ABI_WORD);
    (void)abi_rd_number(&r, 128);
    (void)abi_rd_number(&r, 128);
    (void)abi_rd_number(&r, 96);
    (void)abi_rd_number(&r, 96);
    *posted_at = (uint64_t)abi_rd_number(&r, 40);
    return fog_rd_done(&r);
}

static void on_posted(void *ctx, const struct chain_answer *a, size_t n)
{
    struct claimer *c = ctx;
    uint64_t posted_at = 0;

    c->busy = false;
    if (c->freed) {
        free_now(c);
        return;
    }
    FOG_ASSERT(n == 2);
    if (a[0].err != 0 || a[1].err != 0 || read_posted_at(&a[1], &posted_at) != 0) {
        fog_unusual("claimer.post", "week=%u error=\"%s\"", c->week,
                    a[0].err != 0 ? a[0].text : a[1].text);
        return;
    }
    if (posted_at == 0 || a[0].head.time_s < posted_at + c->conf.addresses.mature_window_s)
        return; /* not mature; asked again */
    fog_buf_clear(&c->payees);
    fog_buf_clear(&c->chosen);
    c->at = 0;
    voucher_each_payee(c->conf.house, note_payee, c);
    if (c->payees.len > 0)
        ask_paid(c);
}

static void ask_matured(struct claimer *c, uint32_t week)
{
    struct fog_buf call = {0};
    struct chain_ask asks[2] = {{.op = CHAIN_HEAD}, {.op = CHAIN_CALL}};

    abi_put_selector(&call, "post(address,uint32)");
    abi_put_address(&call, &c->conf.house_addr);
    abi_put_number(&call, week);
    asks[1].to = c->conf.addresses.settlement;
    asks[1].data = fog_buf_bytes(&call);
    c->week = week;
    c->busy = true;
    c->conf.chain->ask(c->conf.chain->arg, asks, 2, on_posted, c);
    fog_buf_fini(&call);
}

/* --- turns --- */

static bool is_posted(struct claimer *c, uint32_t week)
{
    char intent[TXN_INTENT_MAX + 1];
    struct txn_view v;

    intent_of(intent, "post", week, 0);
    return txns_find(c->txns, intent, &v) == 0 && (v.state == TXN_MINED || v.state == TXN_FINAL);
}

static bool may_close(const struct claimer *c, fog_time_ms now_ms)
{
    fog_time_ms watch = c->conf.close_grace_ms < WATCH_MS ? c->conf.close_grace_ms : WATCH_MS;

    return now_ms - c->seen_ms >= watch;
}

static void work_on(struct claimer *c, uint32_t week, fog_time_ms now_ms, fog_time_ms hub_ms)
{
    int rc;

    if (!week_is_closed(c->conf.house, week) && !may_close(c, now_ms))
        return;
    rc = week_close(c->conf.house, week, c->conf.close_grace_ms, hub_ms);
    if (rc == FOG_EBUSY)
        return;
    if (rc == 0 && c->conf.addresses.chain_id == 0)
        return; /* nothing to post to */
    if (rc == 0)
        rc = post_week(c, week, now_ms);
    if (rc != 0)
        fog_unusual("claimer.week", "week=%u error=\"%s\"", week, fog_strerror(rc));
    else if (!c->busy && is_posted(c, week) && !cash_is_done(c, week))
        ask_matured(c, week);
}

void claimer_turn(struct claimer *c, fog_time_ms now_ms, fog_time_ms hub_ms)
{
    uint32_t now_week;

    FOG_ASSERT(c->magic == CLAIMER_MAGIC);
    if (c->conf.addresses.chain_id != 0)
        txns_turn(c->txns, now_ms);
    if (c->busy || now_ms < c->next_ms || hub_ms < 0)
        return;
    c->next_ms = now_ms + STEP_MS;
    now_week = (uint32_t)((uint64_t)hub_ms / 1000 / c->conf.addresses.week_length_s);
    if (now_week != c->seen_week) {
        c->seen_week = now_week;
        c->seen_ms = now_ms;
    }
    for (uint32_t back = WEEKS_BACK; back > 0; back--)
        if (now_week >= back)
            work_on(c, now_week - back, now_ms, hub_ms);
}

int claimer_close_week(struct claimer *c, uint32_t week, fog_time_ms hub_ms)
{
    int rc = week_close(c->conf.house, week, 0, hub_ms);

    if (rc == 0)
        c->next_ms = 0;
    return rc;
}

void claimer_week_state(struct claimer *c, uint32_t week, char *out, size_t size)
{
    char intent[TXN_INTENT_MAX + 1];
    struct txn_view v;
    size_t parts = 0, done = 0;

    if (!week_is_closed(c->conf.house, week)) {
        snprintf(out, size, "open");
        return;
    }
    intent_of(intent, "post", week, 0);
    if (txns_find(c->txns, intent, &v) != 0) {
        snprintf(out, size, "closed"); /* or empty: nothing to post */
        return;
    }
    if (v.state < TXN_MINED || v.state == TXN_FAILED) {
        snprintf(out, size, v.state == TXN_FAILED ? "failed: post" : "posting");
        return;
    }
    if (!cash_is_done(c, week)) {
        snprintf(out, size, "posted");
        return;
    }
    for (;; parts++) {
        intent_of(intent, "cash", week, parts);
        if (txns_find(c->txns, intent, &v) != 0)
            break;
        if (v.state == TXN_FAILED) {
            snprintf(out, size, "failed: cash");
            return;
        }
        done += v.state >= TXN_MINED;
    }
    snprintf(out, size, done == parts ? "cashed" : "cashing");
}
