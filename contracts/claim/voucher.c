/* What payees are owed: accounts, their numbers, and signed vouchers. */
#include "contracts/claim/house_books.h"

#include <errno.h>
#include <stdlib.h>

#include "contracts/claim/typed_data.h"
#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/obs/log.h"

#define SIG_LEN sizeof(struct fog_secp_sig)

static void account_key(struct fog_buf *key, const struct fog_ethaddr *payee)
{
    fog_wr_u8(key, 'v');
    fog_wr_bytes(key, payee->b, sizeof payee->b);
}

static void signed_key(struct fog_buf *key, const struct fog_ethaddr *payee)
{
    fog_wr_u8(key, 'V');
    fog_wr_bytes(key, payee->b, sizeof payee->b);
}

static int read_account(struct fog_bytes in, struct house_account *a)
{
    struct fog_rd r = fog_rd_of(in);

    a->seq = fog_rd_u32(&r);
    a->week = fog_rd_u32(&r);
    a->cum_bytes = fog_rd_u128(&r);
    a->cum = amount_of_units(fog_rd_u128(&r));
    if (r.err != 0)
        return FOG_ECORRUPT;
    return cover_tree_decode(fog_rd_take(&r, fog_rd_left(&r)), &a->covers) != 0 ? FOG_ECORRUPT : 0;
}

int voucher_load(struct house *h, const struct fog_ethaddr *payee, struct house_account *out,
                 struct fog_buf *raw)
{
    struct fog_buf key = {0};
    int rc;

    *out = (struct house_account){.payee = *payee};
    account_key(&key, payee);
    rc = h->conf.db->get(h->conf.db->arg, fog_buf_bytes(&key), raw);
    fog_buf_fini(&key);
    if (rc == -ENOENT)
        return 0;
    return rc != 0 ? rc : read_account(fog_buf_bytes(raw), out);
}

int voucher_advance(struct house_account *a, uint32_t week, fog_u128 bytes, struct amount worth,
                    const struct fog_hash *statement_root, struct claim_batch *batch)
{
    struct fog_buf key = {0}, value = {0};
    int rc = amount_add(&a->cum, a->cum, worth);

    if (rc != 0 || a->cum_bytes + bytes < a->cum_bytes || a->seq == UINT32_MAX)
        return FOG_ERANGE;
    a->cum_bytes += bytes;
    a->seq++;
    /* A statement that comes late is paid with the running week: what was vouchered for a later
     * week is never taken back. */
    if (week > a->week)
        a->week = week;
    if (statement_root != NULL)
        cover_tree_push(&a->covers, statement_root);
    account_key(&key, &a->payee);
    fog_wr_u32(&value, a->seq);
    fog_wr_u32(&value, a->week);
    fog_wr_u128(&value, a->cum_bytes);
    fog_wr_u128(&value, amount_units(a->cum));
    cover_tree_encode(&a->covers, &value);
    claim_batch_put(batch, fog_buf_bytes(&key), fog_buf_bytes(&value));
    fog_buf_fini(&key);
    fog_buf_fini(&value);
    return 0;
}

static void voucher_of(const struct house *h, const struct house_account *a, struct voucher *v)
{
    *v = (struct voucher){.house = h->conf.addr,
                          .payee = a->payee,
                          .week = a->week,
                          .seq = a->seq,
                          .cum_bytes = a->cum_bytes,
                          .cum = a->cum};
    cover_tree_root(&a->covers, &v->covers);
}

/* --- signing --- */

static int save_signed(struct house *h, const struct voucher *v, const struct fog_secp_sig *sig)
{
    struct claim_batch batch = {0};
    struct fog_buf key = {0}, value = {0};
    uint8_t wire[VOUCHER_LEN];
    int rc;

    voucher_encode(v, wire);
    signed_key(&key, &v->payee);
    fog_wr_u32(&key, v->week);
    fog_wr_bytes(&value, wire, sizeof wire);
    fog_wr_bytes(&value, sig->b, sizeof sig->b);
    claim_batch_put(&batch, fog_buf_bytes(&key), fog_buf_bytes(&value));
    rc = claim_batch_apply(&batch, h->conf.db, NULL, true);
    claim_batch_fini(&batch);
    fog_buf_fini(&key);
    fog_buf_fini(&value);
    return rc;
}

/* keyd remembers another voucher of this number: our books were set back. Takes the next number. */
static void skip_number(struct house *h, const struct voucher *v)
{
    struct claim_batch batch = {0};
    struct fog_buf raw = {0};
    struct house_account a;
    int rc = voucher_load(h, &v->payee, &a, &raw);

    if (rc == 0 && a.seq == v->seq) {
        rc = voucher_advance(&a, a.week, 0, amount_of_units(0), NULL, &batch);
        if (rc == 0)
            rc = claim_batch_apply(&batch, h->conf.db, NULL, true);
    }
    fog_unusual("voucher.number_taken", "seq=%u skipped=%d", v->seq, rc == 0);
    claim_batch_fini(&batch);
    fog_buf_fini(&raw);
}

static void on_signed(void *ctx, const struct keyd_answer *answer)
{
    struct voucher_job *job = ctx;
    struct house *h = job->house;
    struct voucher v = job->v;
    int rc = answer->err;

    fog_link_remove(&job->link);
    free(job);
    if (h == NULL)
        return;
    fog_map_del(h->jobs_of, fog_bytes_of(v.payee.b, sizeof v.payee.b));
    if (rc == 0)
        rc = save_signed(h, &v, &answer->sig); /* durable before it leaves */
    if (rc != 0) {
        fog_unusual("voucher.unsigned", "seq=%u week=%u error=\"%s\"", v.seq, v.week,
                    fog_strerror(rc));
        if (rc == FOG_EREPLAY)
            skip_number(h, &v);
        h->unsigned_vouchers = true; /* asked again by house_turn */
        return;
    }
    h->events.on_voucher(h->events.arg, &v, &answer->sig);
    voucher_sign(h, &v.payee); /* the account may have moved on meanwhile */
}

void voucher_sign(struct house *h, const struct fog_ethaddr *payee)
{
    struct keyd_req q = {.kind = KEYD_SIGN_VOUCHER};
    struct house_account a;
    struct fog_secp_sig sig;
    struct fog_buf raw = {0};
    struct voucher_job *job;
    struct voucher had;
    int rc;

    if (fog_map_get(h->jobs_of, fog_bytes_of(payee->b, sizeof payee->b)) != NULL)
        return;
    rc = voucher_load(h, payee, &a, &raw);
    fog_buf_fini(&raw);
    if (rc != 0 || a.seq == 0)
        return;
    if (voucher_newest(h, payee, &had, &sig) == 0 && had.seq == a.seq)
        return;
    job = FOG_NEW(voucher_job);
    job->house = h;
    voucher_of(h, &a, &job->v);
    fog_list_push_back(&h->jobs, &job->link);
    fog_map_put(h->jobs_of, fog_bytes_of(payee->b, sizeof payee->b), job);
    q.voucher = job->v;
    h->conf.signer->sign(h->conf.signer->arg, &q, on_signed, job);
}

struct payees {
    struct fog_buf list; /* 20 bytes each */
};

static int note_payee(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct payees *p = arg;

    (void)value;
    if (key.len != 21)
        return FOG_ECORRUPT;
    fog_buf_append(&p->list, key.p + 1, 20);
    return 0;
}

static int all_payees(struct house *h, struct payees *p)
{
    return h->conf.db->scan(h->conf.db->arg, fog_bytes_str("v"), note_payee, p);
}

int voucher_sign_missing(struct house *h)
{
    struct payees p = {0};
    int rc = all_payees(h, &p);

    for (size_t at = 0; rc == 0 && at < p.list.len; at += 20) {
        struct fog_ethaddr payee;

        memcpy(payee.b, p.list.data + at, 20);
        voucher_sign(h, &payee);
    }
    fog_buf_fini(&p.list);
    return rc;
}

void voucher_abandon(struct house *h)
{
    struct fog_link *n;

    while ((n = fog_list_pop_front(&h->jobs)) != NULL)
        FOG_CONTAINER(n, voucher_job, link)->house = NULL;
}

/* --- looking up --- */

struct pick {
    uint32_t week_max;
    bool found;
    struct voucher v;
    struct fog_secp_sig sig;
};

/* Rows come in order of weeks: the last one that fits is the answer. */
static int pick_row(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct pick *p = arg;
    struct voucher v;

    (void)key;
    if (value.len != VOUCHER_LEN + SIG_LEN ||
        voucher_decode(fog_bytes_of(value.p, VOUCHER_LEN), &v) != 0)
        return FOG_ECORRUPT;
    if (v.week > p->week_max)
        return 0;
    p->found = true;
    p->v = v;
    memcpy(p->sig.b, value.p + VOUCHER_LEN, SIG_LEN);
    return 0;
}

int voucher_of_week(struct house *h, const struct fog_ethaddr *payee, uint32_t week,
                    struct voucher *v, struct fog_secp_sig *sig)
{
    struct pick p = {.week_max = week};
    struct fog_buf key = {0};
    int rc;

    signed_key(&key, payee);
    rc = h->conf.db->scan(h->conf.db->arg, fog_buf_bytes(&key), pick_row, &p);
    fog_buf_fini(&key);
    if (rc != 0)
        return rc;
    if (!p.found)
        return -ENOENT;
    *v = p.v;
    *sig = p.sig;
    return 0;
}

int voucher_newest(struct house *h, const struct fog_ethaddr *payee, struct voucher *v,
                   struct fog_secp_sig *sig)
{
    return voucher_of_week(h, payee, UINT32_MAX, v, sig);
}

void voucher_each_payee(struct house *h,
                        void (*on_payee)(void *arg, const struct fog_ethaddr *payee), void *arg)
{
    struct payees p = {0};

    if (all_payees(h, &p) == 0)
        for (size_t at = 0; at < p.list.len; at += 20) {
            struct fog_ethaddr payee;

            memcpy(payee.b, p.list.data + at, 20);
            on_payee(arg, &payee);
        }
    fog_buf_fini(&p.list);
}
