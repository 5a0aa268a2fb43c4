#include "storage/store.h"

#include "core/base/assert.h"
#include "core/obs/log.h"

#include <errno.h>
#include <stdatomic.h>

void txn_begin(struct txn *x, struct storage *st)
{
    x->st = st;
    x->batch = kv_batch_new(st->kv);
    x->totals = st->totals;
    x->n_publishers = 0;
    x->dead_bytes = 0;
}

void txn_abort(struct txn *x)
{
    kv_batch_free(x->st->kv, &x->batch);
}

void txn_put(struct txn *x, enum kv_cf cf, const struct schema_key *key, struct fog_bytes value)
{
    kv_batch_put(x->st->kv, x->batch, cf, schema_bytes(key), value);
}

void txn_del(struct txn *x, enum kv_cf cf, const struct schema_key *key)
{
    kv_batch_del(x->st->kv, x->batch, cf, schema_bytes(key));
}

static int write_publisher(struct txn *x, const struct txn_publisher *p)
{
    struct schema_key key = schema_key_publisher(&p->id);
    struct publisher_row row = {0};
    struct kv_value old = {0};
    struct fog_buf buf = {0};
    int rc = kv_get(x->st->kv, KV_MAIN, schema_bytes(&key), &old);

    if (rc == 0)
        rc = publisher_row_decode(old.bytes, &row);
    else if (rc == -ENOENT)
        rc = 0;
    kv_value_done(&old);
    if (rc != 0)
        return rc;
    row.bytes += (uint64_t)p->bytes;
    row.objects += (uint64_t)p->objects;
    if (row.objects == 0) {
        txn_del(x, KV_MAIN, &key);
        return 0;
    }
    publisher_row_encode(&row, &buf);
    txn_put(x, KV_MAIN, &key, fog_buf_bytes(&buf));
    fog_buf_fini(&buf);
    return 0;
}

static int write_counters(struct txn *x)
{
    struct schema_key key = schema_key_totals();
    struct fog_buf buf = {0};
    int rc;

    for (size_t i = 0; i < x->n_publishers; i++)
        if ((rc = write_publisher(x, &x->publishers[i])) != 0)
            return rc;
    totals_encode(&x->totals, &buf);
    txn_put(x, KV_MAIN, &key, fog_buf_bytes(&buf));
    fog_buf_fini(&buf);
    return 0;
}

/* After a failed write the log may end in the middle of a record: what came behind it would be lost
 * at the next start although it was acknowledged. So nothing comes behind it. */
void storage_stop_writing(struct storage *st, int rc)
{
    atomic_store(&st->health, STORAGE_READ_ONLY);
    fog_unusual("storage.write_failed",
                "error=%s state=read-only note=\"reads go on; restart when the disk is well\"",
                fog_errname(rc));
}

int txn_commit(struct txn *x, bool sync)
{
    struct storage *st = x->st;
    int rc = write_counters(x);

    if (rc == 0 && (rc = kv_write(st->kv, x->batch, sync)) != 0)
        storage_stop_writing(st, rc);
    kv_batch_free(st->kv, &x->batch);
    if (rc != 0)
        return rc;
    st->totals = x->totals;
    st->dead_bytes += x->dead_bytes;
    pthread_mutex_lock(&st->shown_lock);
    st->shown = st->totals;
    pthread_mutex_unlock(&st->shown_lock);
    return 0;
}

bool object_is_cache(uint8_t kind)
{
    return kind == FOG_KIND_CHUNK || kind == FOG_KIND_MANIFEST || kind == FOG_KIND_PAGE;
}

static bool is_protected(const struct schema_name *name, const struct meta *m)
{
    return m->pins != 0 || !object_is_cache(schema_name_kind(name));
}

static void count_publisher(struct txn *x, const struct fog_hash *id, int64_t bytes,
                            int64_t objects)
{
    size_t i;

    if (fog_hash_is_zero(id))
        return;
    for (i = 0; i < x->n_publishers; i++)
        if (fog_hash_eq(&x->publishers[i].id, id))
            break;
    if (i == x->n_publishers) {
        FOG_ASSERT(i < TXN_PUBLISHERS); /* callers put at most that many objects into one txn */
        x->publishers[x->n_publishers++] = (struct txn_publisher){.id = *id};
    }
    x->publishers[i].bytes += bytes;
    x->publishers[i].objects += objects;
}

/* Unsigned sums wrap, so adding the two's complement subtracts. */
void txn_count(struct txn *x, const struct schema_name *name, const struct meta *m, int sign)
{
    uint64_t charge = meta_charge(m), one = (uint64_t)(int64_t)sign;
    uint8_t kind = schema_name_kind(name);

    x->totals.bytes[kind] += m->len * one;
    x->totals.objects[kind] += one;
    x->totals.charged += charge * one;
    if (is_protected(name, m))
        x->totals.pinned += charge * one;
    count_publisher(x, &m->publisher, (int64_t)(charge * one), sign);
}

void txn_line_up(struct txn *x, const struct schema_name *name, struct meta *m)
{
    struct schema_key key;

    if (is_protected(name, m))
        return;
    m->fifo = x->totals.next_fifo++;
    key = schema_key_fifo(m->fifo);
    txn_put(x, KV_INDEX, &key, schema_name_bytes(name));
    if (m->expires_hub_ms <= 0)
        return;
    /* below the head nobody looks any more */
    m->expiry_row_ms = (uint64_t)m->expires_hub_ms;
    if (m->expiry_row_ms < x->totals.expiry_head_ms)
        m->expiry_row_ms = x->totals.expiry_head_ms;
    key = schema_key_expiry(m->expiry_row_ms, name);
    txn_put(x, KV_INDEX, &key, (struct fog_bytes){0});
}

void txn_step_out(struct txn *x, const struct schema_name *name, struct meta *m)
{
    struct schema_key key;

    if (m->fifo != 0) {
        key = schema_key_fifo(m->fifo);
        txn_del(x, KV_INDEX, &key);
    }
    if (m->expiry_row_ms != 0) {
        key = schema_key_expiry(m->expiry_row_ms, name);
        txn_del(x, KV_INDEX, &key);
    }
    m->fifo = m->expiry_row_ms = 0;
}

void txn_put_meta(struct txn *x, const struct schema_name *name, const struct meta *m,
                  struct fog_bytes body)
{
    struct fog_buf buf = {0};
    struct fog_bytes parts[2];

    FOG_ASSERT(body.len == (m->place == 0 ? m->len : 0));
    meta_encode(m, &buf);
    parts[0] = fog_buf_bytes(&buf);
    parts[1] = body;
    kv_batch_putv(x->st->kv, x->batch, KV_META, schema_name_bytes(name), parts,
                  body.len == 0 ? 1 : 2);
    fog_buf_fini(&buf);
}

void txn_take_place(struct txn *x, const struct schema_name *name, struct meta *m)
{
    struct schema_key key = schema_key_place(m->place = x->totals.next_place++);
    uint8_t value[SCHEMA_NAME_LEN + 8];

    memcpy(value, name->b, SCHEMA_NAME_LEN);
    for (int i = 0; i < 8; i++)
        value[SCHEMA_NAME_LEN + i] = (uint8_t)(m->len >> (56 - 8 * i));
    txn_put(x, KV_INDEX, &key, fog_bytes_of(value, sizeof value));
}

void txn_leave_place(struct txn *x, const struct meta *m)
{
    struct schema_key key = schema_key_place(m->place);

    txn_del(x, KV_INDEX, &key);
    x->dead_bytes += m->len;
}

struct remove_pgs {
    struct txn *x;
    const struct schema_name *name;
};

static int on_pg_of_object(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    struct remove_pgs *r = arg;
    struct schema_key k;
    struct fog_hash pg;

    (void)value;
    if (key.len != 1 + SCHEMA_NAME_LEN + sizeof pg.b)
        return FOG_ECORRUPT;
    memcpy(pg.b, key.p + 1 + SCHEMA_NAME_LEN, sizeof pg.b);
    k = schema_key_pg(&pg, r->name);
    txn_del(r->x, KV_INDEX, &k);
    k = schema_key_object_pg(r->name, &pg);
    txn_del(r->x, KV_INDEX, &k);
    return 0;
}

static int remove_from_pgs(struct txn *x, const struct schema_name *name)
{
    struct schema_key from = schema_prefix_name('h', name);
    uint8_t end[sizeof from.b];
    struct remove_pgs arg = {.x = x, .name = name};

    return kv_scan(x->st->kv, KV_INDEX, schema_bytes(&from),
                   kv_prefix_end(schema_bytes(&from), end), on_pg_of_object, &arg);
}

int txn_remove(struct txn *x, const struct schema_name *name, const struct meta *m)
{
    struct meta gone = *m;
    struct schema_key key;
    int rc = remove_from_pgs(x, name);

    if (rc != 0)
        return rc;
    txn_count(x, name, m, -1);
    txn_step_out(x, name, &gone);
    if (!fog_hash_is_zero(&m->publisher)) {
        key = schema_key_owned(&m->publisher, name);
        txn_del(x, KV_INDEX, &key);
    }
    if (m->place != 0)
        txn_leave_place(x, m);
    kv_batch_del(x->st->kv, x->batch, KV_META, schema_name_bytes(name));
    return 0;
}
