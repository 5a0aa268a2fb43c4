/* What to drop: objects in the order they came, an object that was read meanwhile goes to the end
 * of the line once. The line is an index of its own, and its head is remembered, so that the rows
 * of what is gone are never waded through: the cost is that of what is deleted. */
#include "storage/store.h"

#include "core/base/assert.h"
#include "core/obs/log.h"

#include <errno.h>
#include <stdatomic.h>

#define VICTIMS 32 /* looked at per change; each of them touches at most one publisher */

struct victim {
    struct schema_name name;
    uint64_t row; /* fifo number, or expiry in ms */
};

struct victims {
    struct victim v[VICTIMS];
    size_t n, max;
};

static int on_fifo_row(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    struct victims *l = arg;
    struct victim *v = &l->v[l->n];

    if (schema_name_at(value, 0, &v->name) != 0)
        return FOG_ECORRUPT;
    v->row = schema_u64_at(key, 1);
    return ++l->n == l->max ? 1 : 0;
}

static int on_expiry_row(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    struct victims *l = arg;
    struct victim *v = &l->v[l->n];

    (void)value;
    if (schema_name_at(key, 9, &v->name) != 0)
        return FOG_ECORRUPT;
    v->row = schema_u64_at(key, 1);
    return ++l->n == l->max ? 1 : 0;
}

static int meta_of(struct storage *st, const struct victim *v, struct meta *m,
                   struct fog_bytes *body, struct kv_value *own)
{
    int rc = object_meta(st, &v->name, m, body, own);

    if (rc == -ENOENT) {
        fog_broken("storage.orphan_row", "row=%llu", (unsigned long long)v->row);
        rc = FOG_ECORRUPT;
    }
    return rc;
}

/* One victim: 1 when it got a second chance, 0 when it is removed, or an error. */
static int judge(struct txn *x, const struct victim *v, bool chances)
{
    struct fog_hash id = schema_name_id(&v->name);
    struct kv_value own = {0};
    struct fog_bytes body;
    struct schema_key key;
    struct meta m;
    int rc = meta_of(x->st, v, &m, &body, &own);

    if (rc == FOG_ECORRUPT) {
        /* its record cannot be read: only its place in the line goes */
        key = schema_key_fifo(v->row);
        txn_del(x, KV_INDEX, &key);
        return 1;
    }
    if (rc != 0)
        return rc;
    if (used_take(x->st, &id) && chances) {
        txn_step_out(x, &v->name, &m);
        txn_line_up(x, &v->name, &m);
        txn_put_meta(x, &v->name, &m, body);
        rc = 1;
    } else if ((rc = txn_remove(x, &v->name, &m)) == 0) {
        atomic_fetch_add_explicit(&x->st->fig.evicted, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&x->st->fig.evicted_bytes, m.len, memory_order_relaxed);
    }
    kv_value_done(&own);
    return rc;
}

/* One change: up to VICTIMS from the head of the line. */
static int evict_some(struct storage *st, uint64_t need, bool chances)
{
    struct schema_key from = schema_key_fifo(st->totals.fifo_head), to = schema_prefix('g');
    struct victims line = {.max = VICTIMS};
    struct txn x;
    int rc = kv_scan(st->kv, KV_INDEX, schema_bytes(&from), schema_bytes(&to), on_fifo_row, &line);

    if (rc < 0)
        return rc;
    if (line.n == 0)
        return FOG_EQUOTA;
    txn_begin(&x, st);
    for (size_t i = 0; i < line.n && x.totals.charged + need > st->usable_bytes; i++) {
        if ((rc = judge(&x, &line.v[i], chances)) < 0) {
            txn_abort(&x);
            return rc;
        }
        x.totals.fifo_head = line.v[i].row + 1;
    }
    return txn_commit(&x, false);
}

int evict_for(struct storage *st, uint64_t need)
{
    unsigned rounds = 0;
    int rc;

    /* what cannot succeed throws nothing away */
    if (st->totals.pinned + need > st->usable_bytes)
        return FOG_EQUOTA;
    while (st->totals.charged + need > st->usable_bytes)
        if ((rc = evict_some(st, need, rounds++ < 4)) != 0)
            return rc;
    return 0;
}

int storage_expire(struct storage *st, fog_time_ms hub_ms, unsigned max)
{
    struct schema_name none = {0};
    struct schema_key from, to;
    unsigned done = 0;
    int rc = 0;

    if (hub_ms <= 0)
        return 0;
    pthread_mutex_lock(&st->lock);
    to = schema_key_expiry((uint64_t)hub_ms + 1, &none);
    while (rc == 0 && done < max && atomic_load(&st->health) != STORAGE_READ_ONLY) {
        struct victims line = {.max = max - done < VICTIMS ? max - done : VICTIMS};
        struct txn x;
        from = schema_key_expiry(st->totals.expiry_head_ms, &none);
        rc =
            kv_scan(st->kv, KV_INDEX, schema_bytes(&from), schema_bytes(&to), on_expiry_row, &line);
        if (rc < 0 || line.n == 0)
            break;
        txn_begin(&x, st);
        rc = 0;
        for (size_t i = 0; i < line.n && rc == 0; i++) {
            struct kv_value own = {0};
            struct fog_bytes body;
            struct meta m;
            if ((rc = meta_of(st, &line.v[i], &m, &body, &own)) == 0)
                rc = txn_remove(&x, &line.v[i].name, &m);
            kv_value_done(&own);
            x.totals.expiry_head_ms = line.v[i].row;
        }
        if (rc != 0) {
            txn_abort(&x);
            break;
        }
        rc = txn_commit(&x, false);
        done += (unsigned)line.n;
    }
    pthread_mutex_unlock(&st->lock);
    atomic_fetch_add_explicit(&st->fig.expired, done, memory_order_relaxed);
    return rc < 0 ? rc : (int)done;
}
