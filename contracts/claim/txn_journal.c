#include "contracts/claim/txn_journal.h"

#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/wr.h"

#define RECORD_VERSION 1
#define RAW_MAX        (TX_DATA_MAX + 1024)

void txn_free(struct txn *t)
{
    if (t == NULL)
        return;
    fog_link_remove(&t->link);
    fog_buf_fini(&t->data);
    fog_buf_fini(&t->raw);
    free(t);
}

int txn_save(const struct claim_store *store, const struct txn *t)
{
    struct fog_buf key = {0}, v = {0};
    struct claim_batch batch = {0};
    int rc;

    fog_wr_u8(&key, 'T');
    fog_wr_u64(&key, t->id);
    fog_wr_u8(&v, RECORD_VERSION);
    fog_wr_str8(&v, t->intent);
    fog_wr_u8(&v, (uint8_t)t->state);
    fog_wr_bytes(&v, t->to.b, 20);
    fog_wr_lp32(&v, fog_buf_bytes(&t->data));
    fog_wr_u64(&v, t->nonce);
    fog_wr_u64(&v, t->gas_limit);
    fog_wr_u64(&v, t->tip);
    fog_wr_u64(&v, t->max_fee);
    fog_wr_lp32(&v, fog_buf_bytes(&t->raw));
    fog_wr_u8(&v, (uint8_t)t->n_hashes);
    for (unsigned i = 0; i < t->n_hashes; i++)
        fog_wr_bytes(&v, t->hashes[i].b, 32);
    fog_wr_u64(&v, t->sent_block);
    fog_wr_bytes(&v, t->mined_hash.b, 32);
    fog_wr_bytes(&v, t->block_hash.b, 32);
    fog_wr_u64(&v, t->block);
    fog_wr_u64(&v, t->gas_used);
    fog_wr_u128(&v, t->gas_price);
    claim_batch_put(&batch, fog_buf_bytes(&key), fog_buf_bytes(&v));
    rc = claim_batch_apply(&batch, store, NULL, true);
    claim_batch_fini(&batch);
    fog_buf_fini(&key);
    fog_buf_fini(&v);
    return rc;
}

static void keep(struct fog_buf *out, struct fog_bytes in)
{
    if (in.len != 0)
        fog_buf_append(out, in.p, in.len);
}

static int read_record(struct fog_bytes key, struct fog_bytes value, struct txn *t)
{
    struct fog_rd k = fog_rd_of(key), r = fog_rd_of(value);

    (void)fog_rd_u8(&k);
    t->id = fog_rd_u64(&k);
    if (fog_rd_u8(&r) != RECORD_VERSION)
        return FOG_ECORRUPT;
    fog_rd_str8(&r, t->intent, sizeof t->intent);
    t->state = (enum txn_state)fog_rd_u8(&r);
    fog_rd_copy(&r, t->to.b, 20);
    keep(&t->data, fog_rd_lp32(&r, TX_DATA_MAX));
    t->nonce = fog_rd_u64(&r);
    t->gas_limit = fog_rd_u64(&r);
    t->tip = fog_rd_u64(&r);
    t->max_fee = fog_rd_u64(&r);
    keep(&t->raw, fog_rd_lp32(&r, RAW_MAX));
    t->n_hashes = fog_rd_u8(&r);
    if (t->n_hashes > TXN_VERSIONS_MAX || t->state > TXN_FAILED)
        return FOG_ECORRUPT;
    for (unsigned i = 0; i < t->n_hashes; i++)
        fog_rd_copy(&r, t->hashes[i].b, 32);
    t->sent_block = fog_rd_u64(&r);
    fog_rd_copy(&r, t->mined_hash.b, 32);
    fog_rd_copy(&r, t->block_hash.b, 32);
    t->block = fog_rd_u64(&r);
    t->gas_used = fog_rd_u64(&r);
    t->gas_price = fog_rd_u128(&r);
    return fog_rd_done(&k) != 0 || fog_rd_done(&r) != 0 ? FOG_ECORRUPT : 0;
}

struct loading {
    int (*on_txn)(void *arg, struct txn *t);
    void *arg;
};

static int load_one(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct loading *l = arg;
    struct txn *t = FOG_NEW(txn);
    int rc = read_record(key, value, t);

    if (rc != 0) {
        txn_free(t);
        return rc;
    }
    return l->on_txn(l->arg, t);
}

int txn_load_all(const struct claim_store *store, int (*on_txn)(void *arg, struct txn *t),
                 void *arg)
{
    struct loading l = {.on_txn = on_txn, .arg = arg};

    return store->scan(store->arg, fog_bytes_str("T"), load_one, &l);
}
