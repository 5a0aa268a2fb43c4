/* The ledger's control thread: opening, flushing, closing rounds, vouchers, figures. */
#include "contracts/claim/ledger_in.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/obs/log.h"

#define DEFAULT_WEEK_S 604800
#define PURGE_EVERY_MS ((fog_time_ms)3600 * 1000)

/* --- records --- */

void ledger_record_write(const struct ledger_record *r, struct fog_buf *out)
{
    uint8_t wire[GRANT_WIRE_LEN];

    grant_encode(&r->g, wire);
    fog_wr_bytes(out, wire, sizeof wire);
    fog_wr_bytes(out, r->g.grant.publisher.b, 20);
    fog_wr_bytes(out, r->g.grant.house.b, 20);
    fog_wr_bytes(out, r->digest.b, sizeof r->digest.b);
    fog_wr_u16(out, r->tick.i);
    fog_wr_bytes(out, r->tick.w.b, sizeof r->tick.w.b);
    fog_wr_u64(out, r->bytes);
}

int ledger_record_read(struct fog_bytes in, const struct fog_ethaddr *node,
                       struct ledger_record *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct fog_bytes wire = fog_rd_take(&r, GRANT_WIRE_LEN);
    int rc;

    if (r.err != 0)
        return FOG_ECORRUPT;
    if ((rc = grant_decode_fields(wire, &out->g)) != 0)
        return FOG_ECORRUPT;
    fog_rd_copy(&r, out->g.grant.publisher.b, 20);
    fog_rd_copy(&r, out->g.grant.house.b, 20);
    out->g.grant.node = *node;
    fog_rd_copy(&r, out->digest.b, sizeof out->digest.b);
    out->tick.i = fog_rd_u16(&r);
    fog_rd_copy(&r, out->tick.w.b, sizeof out->tick.w.b);
    out->bytes = fog_rd_u64(&r);
    return fog_rd_done(&r) != 0 ? FOG_ECORRUPT : 0;
}

void ledger_record_of(const struct ledger_grant *g, struct ledger_record *out)
{
    out->g = g->signed_grant;
    out->digest = g->digest;
    out->tick = g->tick;
    out->bytes = atomic_load_explicit(&g->sent, memory_order_relaxed);
}

static void grant_key(const uint8_t serial[16], uint8_t out[17])
{
    out[0] = 'g';
    memcpy(out + 1, serial, 16);
}

/* --- opening --- */

static int load_grant(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct ledger *l = arg;
    struct ledger_record r;
    struct ledger_grant *g;
    int rc = ledger_record_read(value, &l->conf.node, &r);

    if (rc != 0 || key.len != 17 || memcmp(key.p + 1, r.g.grant.serial, 16) != 0)
        return FOG_ECORRUPT;
    g = ledger_grant_new(&r.g, &r.digest);
    atomic_store(&g->sent, r.bytes);
    atomic_store(&g->ticks, r.tick.i);
    g->tick = r.tick;
    ledger_insert(l, g); /* also beyond max_live: they are earned */
    return 0;
}

static int load_voucher(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct ledger *l = arg;
    struct voucher v;

    (void)key;
    if (value.len != VOUCHER_LEN + sizeof(struct fog_secp_sig) ||
        voucher_decode(fog_bytes_of(value.p, VOUCHER_LEN), &v) != 0)
        return FOG_ECORRUPT;
    return amount_add(&l->vouchered, l->vouchered, v.cum) != 0 ? FOG_ECORRUPT : 0;
}

int ledger_new(const struct ledger_conf *conf, const struct ledger_events *events,
               struct registry *reg, fog_time_ms hub_ms, struct ledger **out)
{
    const struct claim_store *store = conf->store;
    struct ledger *l = FOG_NEW(ledger);
    int rc;

    l->magic = LEDGER_MAGIC;
    l->conf = *conf;
    l->events = *events;
    if (l->conf.max_live == 0)
        l->conf.max_live = LEDGER_LIVE_DEFAULT;
    if (l->conf.week_length_s == 0)
        l->conf.week_length_s = DEFAULT_WEEK_S;
    FOG_ASSERT(pthread_mutex_init(&l->lock, NULL) == 0);
    l->reg = registry_ref(reg);
    l->by_serial = fog_map_new(conf->map_seed);
    fog_list_init(&l->groups);
    fog_list_init(&l->dirty);
    fog_list_init(&l->standing);
    fog_list_init(&l->open);
    l->purge_ms = hub_ms + PURGE_EVERY_MS;
    rc = store->scan(store->arg, fog_bytes_str("g"), load_grant, l);
    if (rc == 0)
        rc = store->scan(store->arg, fog_bytes_str("v"), load_voucher, l);
    if (rc == 0)
        rc = ledger_load_statements(l);
    if (rc != 0) {
        ledger_free(&l);
        return rc;
    }
    *out = l;
    return 0;
}

static void drop_dirty(struct ledger *l)
{
    struct fog_link *n;

    while ((n = fog_list_pop_front(&l->dirty)) != NULL)
        ledger_grant_unref(FOG_CONTAINER(n, ledger_grant, in_dirty));
}

/* Takes an entry out of the table; lock held. */
static void remove_grant(struct ledger *l, struct ledger_grant *g)
{
    g->gone = true;
    fog_map_del(l->by_serial, fog_bytes_of(g->signed_grant.grant.serial, 16));
    fog_link_remove(&g->in_group);
    fog_link_remove(&g->in_standing);
    if (fog_link_linked(&g->in_dirty)) {
        fog_link_remove(&g->in_dirty);
        ledger_grant_unref(g);
    }
    ledger_wake(g);
    l->live--;
    ledger_grant_unref(g);
}

static void remove_group(struct ledger *l, struct ledger_group *group)
{
    FOG_LIST_EACH(&group->grants, it)
    {
        remove_grant(l, FOG_CONTAINER(it, ledger_grant, in_group));
    }
    fog_link_remove(&group->link);
    free(group);
}

void ledger_free(struct ledger **lp)
{
    struct ledger *l = *lp;
    struct fog_link *n;

    *lp = NULL;
    if (l == NULL)
        return;
    FOG_ASSERT(l->magic == LEDGER_MAGIC);
    drop_dirty(l);
    FOG_LIST_EACH(&l->groups, it)
    {
        remove_group(l, FOG_CONTAINER(it, ledger_group, link));
    }
    while ((n = fog_list_first(&l->open)) != NULL)
        ledger_stmt_drop(FOG_CONTAINER(n, ledger_stmt, link));
    fog_map_free(&l->by_serial);
    registry_unref(&l->reg);
    pthread_mutex_destroy(&l->lock);
    l->magic = 0;
    free(l);
}

/* --- once a second --- */

int ledger_flush(struct ledger *l, fog_time_ms hub_ms)
{
    struct claim_batch batch = {0};
    struct fog_buf value = {0};
    struct fog_list taken;
    struct fog_link *n;
    int rc;

    (void)hub_ms;
    fog_list_init(&taken);
    pthread_mutex_lock(&l->lock);
    while ((n = fog_list_pop_front(&l->dirty)) != NULL) {
        struct ledger_grant *g = FOG_CONTAINER(n, ledger_grant, in_dirty);
        struct ledger_record r;
        uint8_t key[17];

        /* Cleared before the figures are read: what is spent from here on marks it again. */
        atomic_store_explicit(&g->dirty, false, memory_order_seq_cst);
        ledger_record_of(g, &r);
        ledger_record_write(&r, &value);
        grant_key(r.g.grant.serial, key);
        claim_batch_put(&batch, fog_bytes_of(key, sizeof key), fog_buf_bytes(&value));
        fog_buf_clear(&value);
        fog_list_push_back(&taken, &g->in_dirty);
    }
    pthread_mutex_unlock(&l->lock);
    rc = claim_batch_apply(&batch, l->conf.store, NULL, true);
    pthread_mutex_lock(&l->lock);
    while ((n = fog_list_pop_front(&taken)) != NULL) {
        struct ledger_grant *g = FOG_CONTAINER(n, ledger_grant, in_dirty);

        if (rc != 0) /* not written: try again next second */
            atomic_store(&g->dirty, true);
        if (atomic_load(&g->dirty)) /* or spent meanwhile, while it was in our list */
            ledger_mark_dirty(l, g);
        ledger_grant_unref(g);
    }
    pthread_mutex_unlock(&l->lock);
    claim_batch_fini(&batch);
    fog_buf_fini(&value);
    return rc;
}

static struct ledger_group *next_due(struct ledger *l, uint64_t now_s)
{
    FOG_LIST_EACH(&l->groups, it)
    {
        struct ledger_group *g = FOG_CONTAINER(it, ledger_group, link);

        if (now_s >= grant_round_end_s(g->round))
            return g;
    }
    return NULL;
}

int ledger_turn(struct ledger *l, fog_time_ms hub_ms, fog_time_ms resend_ms)
{
    uint64_t now_s = hub_ms < 0 ? 0 : (uint64_t)hub_ms / 1000;
    struct ledger_group *due;
    int rc = 0;

    for (;;) {
        pthread_mutex_lock(&l->lock);
        due = next_due(l, now_s);
        pthread_mutex_unlock(&l->lock);
        /* No serving thread adds to a group whose round is over, so it may be read unlocked. */
        if (due == NULL || (rc = ledger_state_round(l, due)) != 0)
            break;
        pthread_mutex_lock(&l->lock);
        remove_group(l, due);
        pthread_mutex_unlock(&l->lock);
    }
    ledger_push_statements(l, hub_ms, resend_ms);
    if (rc == 0 && hub_ms >= l->purge_ms) {
        l->purge_ms = hub_ms + PURGE_EVERY_MS;
        rc = ledger_purge(l, hub_ms);
    }
    return rc;
}

void ledger_progress(struct ledger *l, void (*on_row)(void *arg, const struct ledger_progress *row),
                     void *arg)
{
    pthread_mutex_lock(&l->lock);
    FOG_LIST_EACH(&l->groups, group)
    {
        struct ledger_group *members = FOG_CONTAINER(group, ledger_group, link);

        FOG_LIST_EACH(&members->grants, it)
        {
            struct ledger_grant *g = FOG_CONTAINER(it, ledger_grant, in_group);
            uint64_t sent = atomic_load_explicit(&g->sent, memory_order_relaxed);
            struct ledger_progress row = {.house = members->house, .tick = g->tick, .bytes = sent};

            if (sent == g->progress_sent && g->tick.i == g->progress_tick)
                continue;
            g->progress_sent = sent;
            g->progress_tick = g->tick.i;
            memcpy(row.serial, g->signed_grant.grant.serial, sizeof row.serial);
            on_row(arg, &row);
        }
    }
    pthread_mutex_unlock(&l->lock);
}

/* --- vouchers --- */

static int check_voucher(struct ledger *l, const struct voucher *v, const struct fog_secp_sig *sig)
{
    struct fog_ethaddr signer;
    struct fog_hash digest;

    typed_voucher(&l->conf.domain, v, &digest);
    if (fog_secp_recover(&digest, sig, &signer) != 0)
        return FOG_EVERIFY;
    return registry_is_signer(l->reg, REGISTRY_VOUCHER_SIGNER, &v->house, &signer, v->week)
               ? 0
               : FOG_EDENIED;
}

int ledger_take_voucher(struct ledger *l, struct fog_bytes voucher, const struct fog_secp_sig *sig)
{
    struct fog_buf key = {0}, old = {0}, value = {0};
    struct amount before = {0}, sum;
    struct claim_batch batch = {0};
    struct voucher v, had;
    int rc;

    if ((rc = voucher_decode(voucher, &v)) != 0)
        return rc;
    if ((rc = check_voucher(l, &v, sig)) != 0)
        return rc;
    fog_wr_u8(&key, 'v');
    fog_wr_bytes(&key, v.house.b, 20);
    fog_wr_bytes(&key, v.payee.b, 20);
    rc = l->conf.store->get(l->conf.store->arg, fog_buf_bytes(&key), &old);
    if (rc == 0) {
        if (old.len < VOUCHER_LEN ||
            voucher_decode(fog_bytes_of(old.data, VOUCHER_LEN), &had) != 0) {
            rc = FOG_ECORRUPT;
            goto out;
        }
        before = had.cum;
        if (v.seq <= had.seq || amount_cmp(v.cum, had.cum) < 0) {
            rc = FOG_ESTALE;
            goto out;
        }
    } else if (rc != -ENOENT) {
        goto out;
    }
    fog_wr_bytes(&value, voucher.p, voucher.len);
    fog_wr_bytes(&value, sig->b, sizeof sig->b);
    claim_batch_put(&batch, fog_buf_bytes(&key), fog_buf_bytes(&value));
    if ((rc = claim_batch_apply(&batch, l->conf.store, NULL, true)) != 0)
        goto out;
    if (amount_sub(&sum, l->vouchered, before) == 0 && amount_add(&sum, sum, v.cum) == 0)
        l->vouchered = sum;
out:
    claim_batch_fini(&batch);
    fog_buf_fini(&value);
    fog_buf_fini(&old);
    fog_buf_fini(&key);
    return rc;
}

void ledger_stats(struct ledger *l, struct ledger_stats *out)
{
    *out = (struct ledger_stats){
        .bytes_spent = atomic_load_explicit(&l->bytes_spent, memory_order_relaxed),
        .ticks = atomic_load_explicit(&l->ticks, memory_order_relaxed),
        .refused = atomic_load_explicit(&l->refused, memory_order_relaxed),
        .vouchered = l->vouchered,
    };
    pthread_mutex_lock(&l->lock);
    out->live = l->live;
    pthread_mutex_unlock(&l->lock);
    FOG_LIST_EACH(&l->open, it)
    {
        out->statements_due++;
    }
}
