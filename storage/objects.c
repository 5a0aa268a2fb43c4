#include "storage/store.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/tree.h"
#include "core/obs/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define EXTENTS_MAX (SCHEMA_BODY_MAX / FOG_EXTENT_SIZE)

int object_meta(struct storage *st, const struct schema_name *name, struct meta *m,
                struct fog_bytes *body, struct kv_value *own)
{
    int rc = kv_get(st->kv, KV_META, schema_name_bytes(name), own);

    if (rc != 0)
        return rc;
    if ((rc = meta_decode(own->bytes, m, body)) != 0)
        kv_value_done(own);
    return rc;
}

/* The same without the body. */
static int meta_only(struct storage *st, const struct schema_name *name, struct meta *m)
{
    struct kv_value own = {0};
    struct fog_bytes body;
    int rc = object_meta(st, name, m, &body, &own);

    kv_value_done(&own);
    return rc;
}

int object_verify(uint8_t kind, const struct fog_hash *id, struct fog_bytes body,
                  struct fog_hash leaves[FOG_CHUNK_LEAVES], unsigned *n_leaves)
{
    struct fog_hash got;

    if (!object_is_cache(kind) || body.len > fog_kind_max(kind))
        return FOG_ERANGE;
    *n_leaves = 0;
    if (kind == FOG_KIND_CHUNK) {
        *n_leaves = fog_chunk_leaves(body, leaves);
        fog_tree_root(leaves, *n_leaves, &got);
    } else {
        fog_object_id((enum fog_kind)kind, body, &got);
    }
    return fog_hash_eq(&got, id) ? 0 : FOG_EVERIFY;
}

/* Adds the rows of a placement group. Returns whether they were missing, or an error. */
static int join_pg(struct txn *x, const struct schema_name *name, const struct fog_hash *pg,
                   uint64_t len)
{
    struct kv_value there = {0};
    struct fog_buf value = {0};
    struct schema_key key;
    int rc;

    if (fog_hash_is_zero(pg))
        return 0;
    key = schema_key_pg(pg, name);
    rc = kv_get(x->st->kv, KV_INDEX, schema_bytes(&key), &there);
    kv_value_done(&there);
    if (rc != -ENOENT)
        return rc;
    for (int shift = 56; shift >= 0; shift -= 8) {
        uint8_t b = (uint8_t)(len >> shift);
        fog_buf_append(&value, &b, 1);
    }
    txn_put(x, KV_INDEX, &key, fog_buf_bytes(&value));
    fog_buf_fini(&value);
    key = schema_key_object_pg(name, pg);
    txn_put(x, KV_INDEX, &key, (struct fog_bytes){0});
    return 1;
}

/* The object is there already: it joins the group and lives as long as the longer of the two. */
static int store_again(struct storage *st, const struct object_put *put, struct meta *m,
                       struct fog_bytes body)
{
    const struct storage_attr *a = &put->attr;
    bool later =
        m->expires_hub_ms > 0 && (a->expires_hub_ms <= 0 || a->expires_hub_ms > m->expires_hub_ms);
    struct txn x;
    int joined;

    if (put->len != m->len)
        return FOG_EVERIFY;
    txn_begin(&x, st);
    joined = join_pg(&x, &put->name, &a->pg, m->len);
    if (joined < 0 || (joined == 0 && !later && !put->sync)) {
        txn_abort(&x);
        return joined;
    }
    if (later) {
        txn_step_out(&x, &put->name, m);
        m->expires_hub_ms = a->expires_hub_ms;
        txn_line_up(&x, &put->name, m);
        txn_put_meta(&x, &put->name, m, body);
    }
    return txn_commit(&x, put->sync);
}

static void put_extents(struct txn *x, const struct object_put *put, uint64_t place)
{
    uint8_t count = (uint8_t)put->n_leaves;
    struct fog_bytes parts[3] = {
        {0},
        fog_bytes_of(put->leaves, put->n_leaves * sizeof *put->leaves),
        fog_bytes_of(&count, 1),
    };

    for (unsigned i = 0; i < schema_extents(put->len); i++) {
        struct schema_key key = schema_key_extent(place, i);
        parts[0] = put->extents[i];
        kv_batch_putv(x->st->kv, x->batch, KV_DATA, schema_bytes(&key), parts, 3);
    }
}

static void put_owner_row(struct txn *x, const struct object_put *put)
{
    struct schema_key key = schema_key_owned(&put->attr.publisher, &put->name);
    uint8_t len[8];

    if (fog_hash_is_zero(&put->attr.publisher))
        return;
    for (int i = 0; i < 8; i++)
        len[i] = (uint8_t)(put->len >> (56 - 8 * i));
    txn_put(x, KV_INDEX, &key, fog_bytes_of(len, sizeof len));
}

/* `before`: the older version that is replaced, or NULL. */
static int store_new(struct storage *st, const struct object_put *put, const struct meta *before)
{
    struct meta m = {
        .len = put->len,
        .expires_hub_ms = put->attr.expires_hub_ms,
        .gen = put->gen,
        .seq = put->seq,
        .publisher = put->attr.publisher,
        .n_leaves = (uint8_t)put->n_leaves,
        .use_class = put->attr.use_class,
    };
    struct fog_hash id = schema_name_id(&put->name);
    bool is_inline = put->len <= SCHEMA_INLINE_BYTES;
    struct txn x;
    int rc;

    m.place = is_inline ? 0 : 1; /* the charge depends on it; the number comes in the txn */
    if ((rc = space_check(st, meta_charge(&m))) != 0 ||
        (rc = evict_for(st, meta_charge(&m))) != 0 ||
        (rc = pin_count(st, &put->name, &m.pins)) != 0)
        return rc;
    (void)used_take(st, &id); /* the mark of somebody else or of an earlier life */
    txn_begin(&x, st);
    if (before != NULL && (rc = txn_remove(&x, &put->name, before)) != 0)
        goto fail;
    if (!is_inline) {
        txn_take_place(&x, &put->name, &m);
        put_extents(&x, put, m.place);
    }
    txn_line_up(&x, &put->name, &m);
    txn_put_meta(&x, &put->name, &m, is_inline ? put->extents[0] : (struct fog_bytes){0});
    put_owner_row(&x, put);
    if ((rc = join_pg(&x, &put->name, &put->attr.pg, m.len)) < 0)
        goto fail;
    txn_count(&x, &put->name, &m, 1);
    st->since_watch_bytes += meta_charge(&m);
    if ((rc = txn_commit(&x, put->sync)) == 0)
        atomic_fetch_add_explicit(&st->fig.puts, 1, memory_order_relaxed);
    return rc;
fail:
    txn_abort(&x);
    return rc;
}

/* Versions never go back. Returns 1 when `put` is the newer one. */
static int compare_version(const struct object_put *put, const struct meta *m,
                           struct fog_bytes body)
{
    if (put->gen != m->gen)
        return put->gen > m->gen ? 1 : FOG_ESTALE;
    if (put->seq != m->seq)
        return put->seq > m->seq ? 1 : FOG_ESTALE;
    return fog_bytes_eq(put->extents[0], body) ? 0 : FOG_EREPLAY;
}

static int store_locked(struct storage *st, const struct object_put *put)
{
    struct kv_value own = {0};
    struct fog_bytes body;
    struct meta m;
    int rc = object_meta(st, &put->name, &m, &body, &own);

    if (rc == -ENOENT) {
        rc = store_new(st, put, NULL);
    } else if (rc == 0 && object_is_cache(schema_name_kind(&put->name))) {
        rc = store_again(st, put, &m, body);
    } else if (rc == 0) {
        rc = compare_version(put, &m, body);
        if (rc == 1)
            rc = store_new(st, put, &m);
        else if (rc == 0)
            rc = store_again(st, put, &m, body);
    }
    kv_value_done(&own);
    return rc;
}

int object_store(struct storage *st, const struct object_put *put)
{
    int rc;

    pthread_mutex_lock(&st->lock);
    rc = atomic_load(&st->health) == STORAGE_READ_ONLY ? -EIO : store_locked(st, put);
    pthread_mutex_unlock(&st->lock);
    return rc;
}

int storage_put_sync(struct storage *st, uint8_t kind, const struct fog_hash *id,
                     struct fog_bytes body, const struct storage_attr *attr, bool sync)
{
    struct fog_hash leaves[FOG_CHUNK_LEAVES];
    struct fog_bytes extents[EXTENTS_MAX];
    struct object_put put = {.name = schema_name_of(kind, id),
                             .len = body.len,
                             .extents = extents,
                             .leaves = leaves,
                             .sync = sync};
    int rc = object_verify(kind, id, body, leaves, &put.n_leaves);

    if (rc != 0)
        return rc;
    if (attr != NULL)
        put.attr = *attr;
    for (unsigned i = 0; i < schema_extents(body.len); i++)
        extents[i] =
            fog_bytes_of(body.p + (size_t)i * FOG_EXTENT_SIZE, schema_extent_len(body.len, i));
    return object_store(st, &put);
}

int storage_put_named_sync(struct storage *st, uint8_t kind, const struct fog_hash *name,
                           uint32_t gen, uint64_t seq, struct fog_bytes body,
                           const struct storage_attr *attr, bool sync)
{
    struct object_put put = {.name = schema_name_of(kind, name),
                             .len = body.len,
                             .extents = &body,
                             .gen = gen,
                             .seq = seq,
                             .sync = sync};

    if (object_is_cache(kind) || fog_kind_max(kind) == 0)
        return FOG_ERANGE;
    if (body.len > fog_kind_max(kind) || body.len > FOG_EXTENT_SIZE)
        return FOG_ELIMIT;
    if (attr != NULL)
        put.attr = *attr;
    return object_store(st, &put);
}

int storage_have(struct storage *st, uint8_t kind, const struct fog_hash *id,
                 struct storage_info *out)
{
    struct schema_name name = schema_name_of(kind, id);
    struct meta m;
    int rc = meta_only(st, &name, &m);

    if (rc == 0 && out != NULL)
        *out = (struct storage_info){.len = m.len,
                                     .pins = m.pins,
                                     .gen = m.gen,
                                     .seq = m.seq,
                                     .publisher = m.publisher,
                                     .expires_hub_ms = m.expires_hub_ms,
                                     .use_class = m.use_class};
    return rc;
}

static int delete_locked(struct storage *st, const struct schema_name *name, const uint64_t *place)
{
    struct meta m;
    struct txn x;
    int rc = meta_only(st, name, &m);

    if (rc != 0)
        return rc;
    if (place != NULL && m.place != *place)
        return -ENOENT;
    txn_begin(&x, st);
    if ((rc = txn_remove(&x, name, &m)) != 0) {
        txn_abort(&x);
        return rc;
    }
    return txn_commit(&x, false);
}

int storage_delete(struct storage *st, uint8_t kind, const struct fog_hash *id)
{
    struct schema_name name = schema_name_of(kind, id);
    int rc;

    pthread_mutex_lock(&st->lock);
    rc = atomic_load(&st->health) == STORAGE_READ_ONLY ? -EIO : delete_locked(st, &name, NULL);
    pthread_mutex_unlock(&st->lock);
    return rc;
}

int object_drop_locked(struct storage *st, const struct schema_name *name, uint64_t place,
                       const char *what)
{
    char hex[2 * sizeof(struct fog_hash) + 1];
    int rc = -EIO;

    if (atomic_load(&st->health) != STORAGE_READ_ONLY)
        rc = delete_locked(st, name, &place);
    if (rc == -ENOENT)
        return 0; /* somebody else dropped or replaced it */
    atomic_fetch_add_explicit(&st->fig.corrupt, 1, memory_order_relaxed);
    fog_hex_encode(name->b + 1, sizeof(struct fog_hash), hex);
    fog_unusual("storage.corrupt", "kind=%u id=%s what=%s dropped=%s", schema_name_kind(name), hex,
                what, rc == 0 ? "yes" : fog_errname(rc));
    return rc;
}

void object_drop_corrupt(struct storage *st, const struct schema_name *name, uint64_t place,
                         const char *what)
{
    pthread_mutex_lock(&st->lock);
    (void)!object_drop_locked(st, name, place,
                              what); /* it is logged; the reader has his own error */
    pthread_mutex_unlock(&st->lock);
}

int storage_publisher_bytes(struct storage *st, const struct fog_hash *publisher, uint64_t *bytes,
                            uint64_t *objects)
{
    struct schema_key key = schema_key_publisher(publisher);
    struct publisher_row row = {0};
    struct kv_value v = {0};
    int rc = kv_get(st->kv, KV_MAIN, schema_bytes(&key), &v);

    if (rc == 0)
        rc = publisher_row_decode(v.bytes, &row);
    else if (rc == -ENOENT)
        rc = 0;
    kv_value_done(&v);
    if (rc != 0)
        return rc;
    *bytes = row.bytes;
    *objects = row.objects;
    return 0;
}
