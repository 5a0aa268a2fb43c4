/* Reading from disk, on a worker: find, copy into aligned memory, verify. What does not verify is
 * dropped, so that the next reader fetches it again from a peer. */
#include "storage/store.h"

#include "core/base/assert.h"
#include "core/content/tree.h"

#include <errno.h>
#include <stdatomic.h>

struct load {
    struct storage *st;
    const struct schema_name *name;
    struct fog_hash id;
    struct meta m;
    const char *bad; /* what was wrong, for the log */
};

/* One leaf list against the id, then the leaves of [offset, offset + data) against the list. */
static int verify_leaves(struct load *l, const struct fog_hash *leaves, struct fog_bytes data,
                         uint32_t offset)
{
    struct fog_chunk_ref ref = {.id = l->id, .len = (uint32_t)l->m.len};
    unsigned first = offset / FOG_LEAF_SIZE;

    if (l->st->cfg.skip_leaf_check)
        return 0;
    l->bad = "list";
    if (fog_leaf_list_verify(leaves, l->m.n_leaves, &ref) != 0)
        return FOG_ECORRUPT;
    l->bad = "leaf";
    for (size_t at = 0; at < data.len || at == 0; at += FOG_LEAF_SIZE) {
        size_t n = data.len - at < FOG_LEAF_SIZE ? data.len - at : FOG_LEAF_SIZE;
        if (fog_leaf_verify(fog_bytes_of(data.p + at, n), &leaves[first + at / FOG_LEAF_SIZE]) != 0)
            return FOG_ECORRUPT;
    }
    return 0;
}

static struct ram_extent *copy(struct load *l, uint32_t len)
{
    struct ram_extent *e = ram_extent_new(l->st->mem, len);

    if (e != NULL) {
        e->object_len = l->m.len;
        e->n_leaves = l->m.n_leaves;
    }
    return e;
}

/* A body that lives in the record. */
static int load_inline(struct load *l, struct fog_bytes body, struct ram_extent **out)
{
    struct ram_extent *e;
    unsigned n = 0;
    int rc = 0;

    if ((e = copy(l, (uint32_t)body.len)) == NULL)
        return FOG_EBUSY;
    if (body.len != 0)
        memcpy(e->data, body.p, body.len);
    e->len = (uint32_t)body.len;
    if (object_is_cache(schema_name_kind(l->name)))
        rc = object_verify(schema_name_kind(l->name), &l->id, body, e->leaves, &n);
    if (rc == 0) {
        *out = e;
        return 0;
    }
    l->bad = "body";
    ram_extent_unref(e);
    return FOG_ECORRUPT;
}

/* Copies one extent to e->data + at; fills the leaf list. */
static int read_extent(struct load *l, unsigned extent, struct ram_extent *e, uint32_t at)
{
    uint32_t len = schema_extent_len(l->m.len, extent);
    struct schema_key key = schema_key_extent(l->m.place, extent);
    const struct fog_hash *leaves;
    struct kv_value v = {0};
    struct fog_bytes data;
    int rc;

    l->bad = "block";
    if ((rc = kv_get(l->st->kv, KV_DATA, schema_bytes(&key), &v)) != 0)
        return rc;
    l->bad = "extent";
    if ((rc = schema_extent_split(v.bytes, len, l->m.n_leaves, &data, &leaves)) == 0) {
        FOG_ASSERT(at + len <= e->cap);
        memcpy(e->data + at, data.p, len);
        if (l->m.n_leaves != 0)
            memcpy(e->leaves, leaves, l->m.n_leaves * sizeof *leaves);
    }
    kv_value_done(&v);
    return rc;
}

static int load_chunk_extent(struct load *l, unsigned extent, struct ram_extent **out)
{
    uint32_t len = schema_extent_len(l->m.len, extent);
    struct ram_extent *e = copy(l, len);
    int rc;

    if (e == NULL)
        return FOG_EBUSY;
    if ((rc = read_extent(l, extent, e, 0)) == 0)
        rc = verify_leaves(l, e->leaves, fog_bytes_of(e->data, len), extent * FOG_EXTENT_SIZE);
    if (rc != 0) {
        ram_extent_unref(e);
        return rc;
    }
    e->len = len;
    *out = e;
    return 0;
}

static int load_whole(struct load *l, struct ram_extent **out)
{
    uint8_t kind = schema_name_kind(l->name);
    struct fog_hash none[FOG_CHUNK_LEAVES];
    struct ram_extent *e = copy(l, (uint32_t)l->m.len);
    unsigned n;
    int rc = 0;

    if (e == NULL)
        return FOG_EBUSY;
    for (unsigned i = 0; rc == 0 && i < schema_extents(l->m.len); i++)
        rc = read_extent(l, i, e, i * FOG_EXTENT_SIZE);
    e->len = (uint32_t)l->m.len;
    if (rc == 0 && object_is_cache(kind) &&
        object_verify(kind, &l->id, fog_bytes_of(e->data, e->len), none, &n) != 0) {
        l->bad = "body";
        rc = FOG_ECORRUPT;
    }
    if (rc != 0) {
        ram_extent_unref(e);
        return rc;
    }
    *out = e;
    return 0;
}

static int load_once(struct load *l, uint32_t want_len, unsigned extent, struct ram_extent **out)
{
    bool chunk = schema_name_kind(l->name) == FOG_KIND_CHUNK;
    struct kv_value own = {0};
    struct fog_bytes body;
    int rc;

    l->bad = NULL;
    if ((rc = object_meta(l->st, l->name, &l->m, &body, &own)) != 0)
        return rc;
    if (chunk && l->m.len != want_len)
        rc = -ENOENT;
    else if (l->m.place == 0)
        rc = load_inline(l, body, out);
    else if (chunk)
        rc = load_chunk_extent(l, extent, out);
    else
        rc = load_whole(l, out);
    kv_value_done(&own);
    return rc;
}

int extent_load(struct storage *st, const struct schema_name *name, uint32_t want_len,
                unsigned extent, struct ram_extent **out)
{
    struct load l = {.st = st, .name = name, .id = schema_name_id(name)};
    int rc = load_once(&l, want_len, extent, out);

    /* The record was there and its extent not: it was evicted or replaced in between, or the extent
     * is lost. The second look tells. */
    if (rc == -ENOENT && l.bad != NULL) {
        uint64_t place = l.m.place;
        rc = load_once(&l, want_len, extent, out);
        if (rc == -ENOENT && l.bad != NULL && l.m.place == place)
            rc = FOG_ECORRUPT;
    }
    if (rc == 0) {
        atomic_fetch_add_explicit(&st->fig.disk_reads, 1, memory_order_relaxed);
        used_mark(st, &l.id);
    } else if (rc == -ENOENT) {
        atomic_fetch_add_explicit(&st->fig.misses, 1, memory_order_relaxed);
    } else if (rc == FOG_ECORRUPT && l.bad != NULL) {
        object_drop_corrupt(st, name, l.m.place, l.bad);
    }
    return rc;
}

int storage_get_sync(struct storage *st, uint8_t kind, const struct fog_hash *id,
                     struct fog_buf *out)
{
    struct schema_name name = schema_name_of(kind, id);
    struct storage_info info;
    int rc = storage_have(st, kind, id, &info);

    if (rc != 0)
        return rc;
    fog_buf_clear(out);
    for (unsigned i = 0; i < (kind == FOG_KIND_CHUNK ? schema_extents(info.len) : 1u); i++) {
        struct ram_extent *e;
        if ((rc = extent_load(st, &name, (uint32_t)info.len, i, &e)) != 0)
            return rc;
        fog_buf_append(out, e->data, e->len);
        ram_extent_unref(e);
    }
    return 0;
}
