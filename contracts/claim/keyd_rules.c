#include "contracts/claim/keyd_rules.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/wr.h"

#define RULES_MAGIC     0x6b657964
#define DEFAULT_MAX_FEE ((uint64_t)500 * 1000000000)

/* Records, one letter and then:
 *   s | house 20 | week u32 | round u32       -> rev u32 | digest 32   highest rev signed
 *   v | payee 20 | seq u32                    -> digest 32
 *   V | payee 20                              -> seq u32 | week u32 | units u128   highest seq
 * signed t | key u8 | nonce u64                    -> deed 32 */
#define KEY_MAX 32

struct keyd_rules {
    uint32_t magic;
    struct keyd_rules_conf conf;
};

struct keyd_rules *keyd_rules_new(const struct keyd_rules_conf *conf)
{
    struct keyd_rules *r = FOG_NEW(keyd_rules);

    r->magic = RULES_MAGIC;
    r->conf = *conf;
    if (r->conf.max_fee == 0)
        r->conf.max_fee = DEFAULT_MAX_FEE;
    return r;
}

void keyd_rules_free(struct keyd_rules **rp)
{
    struct keyd_rules *r = *rp;

    *rp = NULL;
    if (r == NULL)
        return;
    FOG_ASSERT(r->magic == RULES_MAGIC);
    r->magic = 0;
    free(r);
}

static int load(struct keyd_rules *r, const struct fog_buf *key, struct fog_buf *value)
{
    return r->conf.store->get(r->conf.store->arg, fog_buf_bytes(key), value);
}

static int check_grant(struct keyd_rules *r, const struct grant *g, struct fog_hash *digest)
{
    int rc;

    if (fog_ethaddr_is_zero(&r->conf.house) || !fog_ethaddr_eq(&g->house, &r->conf.house))
        return FOG_EDENIED;
    if ((rc = grant_check_fields(g)) != 0)
        return rc;
    if (r->conf.max_price_per_gib != 0 && g->price_per_gib > r->conf.max_price_per_gib)
        return FOG_ERANGE;
    typed_grant(&r->conf.domain, g, digest);
    return 0;
}

static int check_statement(struct keyd_rules *r, const struct statement *s, struct fog_hash *digest)
{
    struct fog_buf key = {0}, old = {0}, value = {0};
    struct claim_batch batch = {0};
    int rc;

    if (fog_ethaddr_is_zero(&r->conf.node) || !fog_ethaddr_eq(&s->node, &r->conf.node))
        return FOG_EDENIED;
    typed_statement(&r->conf.domain, s, digest);
    fog_wr_u8(&key, 's');
    fog_wr_bytes(&key, s->house.b, sizeof s->house.b);
    fog_wr_u32(&key, s->week);
    fog_wr_u32(&key, s->round);
    rc = load(r, &key, &old);
    if (rc == 0) {
        struct fog_rd rd = fog_rd_of(fog_buf_bytes(&old));
        uint32_t rev = fog_rd_u32(&rd);
        struct fog_hash before = {{0}};

        fog_rd_copy(&rd, before.b, sizeof before.b);
        if ((rc = fog_rd_done(&rd)) != 0)
            rc = FOG_ECORRUPT;
        else if (s->rev < rev)
            rc = FOG_ESTALE;
        else if (s->rev == rev) /* signed before: the same again, nothing else */
            rc = fog_hash_eq(&before, digest) ? 1 : FOG_EREPLAY;
    }
    if (rc == 0 || rc == -ENOENT) {
        fog_wr_u32(&value, s->rev);
        fog_wr_bytes(&value, digest->b, sizeof digest->b);
        claim_batch_put(&batch, fog_buf_bytes(&key), fog_buf_bytes(&value));
        rc = claim_batch_apply(&batch, r->conf.store, NULL, true);
    }
    claim_batch_fini(&batch);
    fog_buf_fini(&value);
    fog_buf_fini(&old);
    fog_buf_fini(&key);
    return rc == 1 ? 0 : rc;
}

/* A voucher is cumulative: a later number may not take money back, nor go back to an earlier week
 * with more of it. */
static int voucher_follows(struct keyd_rules *r, const struct fog_buf *head_key,
                           const struct voucher *v)
{
    struct fog_buf head = {0};
    int rc = load(r, head_key, &head);

    if (rc == 0) {
        struct fog_rd rd = fog_rd_of(fog_buf_bytes(&head));
        uint32_t seq = fog_rd_u32(&rd), week = fog_rd_u32(&rd);
        struct amount cum = amount_of_units(fog_rd_u128(&rd));

        if ((rc = fog_rd_done(&rd)) != 0)
            rc = FOG_ECORRUPT;
        else if (v->seq <= seq)
            rc = FOG_EREPLAY; /* this number was passed over; it may not be filled in later */
        else if (amount_cmp(v->cum, cum) < 0 || v->week < week)
            rc = FOG_ERANGE;
    } else if (rc == -ENOENT) {
        rc = 0;
    }
    fog_buf_fini(&head);
    return rc;
}

static int remember_voucher(struct keyd_rules *r, const struct fog_buf *key,
                            const struct fog_buf *head_key, const struct voucher *v,
                            const struct fog_hash *digest)
{
    struct claim_batch batch = {0};
    struct fog_buf head = {0};
    int rc;

    fog_wr_u32(&head, v->seq);
    fog_wr_u32(&head, v->week);
    fog_wr_u128(&head, amount_units(v->cum));
    claim_batch_put(&batch, fog_buf_bytes(key), fog_bytes_of(digest->b, sizeof digest->b));
    claim_batch_put(&batch, fog_buf_bytes(head_key), fog_buf_bytes(&head));
    rc = claim_batch_apply(&batch, r->conf.store, NULL, true);
    claim_batch_fini(&batch);
    fog_buf_fini(&head);
    return rc;
}

static int check_voucher(struct keyd_rules *r, const struct voucher *v, struct fog_hash *digest)
{
    struct fog_buf key = {0}, head_key = {0}, old = {0};
    int rc;

    if (fog_ethaddr_is_zero(&r->conf.house) || !fog_ethaddr_eq(&v->house, &r->conf.house))
        return FOG_EDENIED;
    typed_voucher(&r->conf.domain, v, digest);
    fog_wr_u8(&key, 'v');
    fog_wr_bytes(&key, v->payee.b, sizeof v->payee.b);
    fog_wr_u32(&key, v->seq);
    fog_wr_u8(&head_key, 'V');
    fog_wr_bytes(&head_key, v->payee.b, sizeof v->payee.b);
    rc = load(r, &key, &old);
    if (rc == 0)
        rc = fog_bytes_eq(fog_buf_bytes(&old), fog_bytes_of(digest->b, 32)) ? 0 : FOG_EREPLAY;
    else if (rc == -ENOENT && (rc = voucher_follows(r, &head_key, v)) == 0)
        rc = remember_voucher(r, &key, &head_key, v, digest);
    fog_buf_fini(&old);
    fog_buf_fini(&head_key);
    fog_buf_fini(&key);
    return rc;
}

/* An empty transfer: it moves nothing, so it may stand in for a transaction that is stuck. */
static bool is_cancellation(const struct tx *t)
{
    return !t->creates && t->value == 0 && t->data.len == 0;
}

static int check_tx(struct keyd_rules *r, const struct keyd_req *q, struct fog_hash *digest)
{
    const struct tx *t = &q->tx.tx;
    struct fog_buf key = {0}, old = {0};
    struct claim_batch batch = {0};
    struct fog_hash deed;
    int rc;

    if (t->chain_id == 0 || t->chain_id != r->conf.domain.chain_id)
        return FOG_EDENIED;
    if (t->max_fee > r->conf.max_fee || t->max_priority_fee > t->max_fee ||
        t->value > r->conf.max_value || t->data.len > TX_DATA_MAX)
        return FOG_ERANGE;
    tx_digest(t, digest);
    tx_deed(t, &deed);
    fog_wr_u8(&key, 't');
    fog_wr_u8(&key, (uint8_t)q->tx.key);
    fog_wr_u64(&key, t->nonce);
    rc = load(r, &key, &old);
    if (rc == 0) {
        bool same = fog_bytes_eq(fog_buf_bytes(&old), fog_bytes_of(deed.b, sizeof deed.b));

        rc = same || is_cancellation(t) ? 0 : FOG_EREPLAY;
    } else if (rc == -ENOENT) {
        claim_batch_put(&batch, fog_buf_bytes(&key), fog_bytes_of(deed.b, sizeof deed.b));
        rc = claim_batch_apply(&batch, r->conf.store, NULL, true);
    }
    claim_batch_fini(&batch);
    fog_buf_fini(&old);
    fog_buf_fini(&key);
    return rc;
}

int keyd_rules_check(struct keyd_rules *r, unsigned permissions, const struct keyd_req *req,
                     enum keyd_key *key, struct fog_hash *digest)
{
    enum keyd_key with = KEYD_KEY_NODE;
    struct fog_hash d = {{0}};
    int rc = 0;

    if ((permissions & KEYD_MAY((unsigned)req->kind)) == 0)
        return FOG_EDENIED;
    switch (req->kind) {
    case KEYD_SIGN_GRANT:
        with = KEYD_KEY_GRANT;
        rc = check_grant(r, &req->grant, &d);
        break;
    case KEYD_SIGN_STATEMENT:
        rc = check_statement(r, &req->statement, &d);
        break;
    case KEYD_SIGN_VOUCHER:
        with = KEYD_KEY_VOUCHER;
        rc = check_voucher(r, &req->voucher, &d);
        break;
    case KEYD_SIGN_TX:
        with = req->tx.key;
        rc = check_tx(r, req, &d);
        break;
    case KEYD_SIGN_ED25519:
    case KEYD_ISSUE_CERT:
    case KEYD_GET_ADDRESSES:
        return 0;
    }
    if (rc != 0)
        return rc;
    *key = with;
    *digest = d;
    return 0;
}
