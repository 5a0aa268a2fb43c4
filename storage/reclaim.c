/* Space of dead extents, table by table. Eviction in the order of arrival leaves whole tables
 * without life: those are dropped unread. Where pins and second chances keep a few objects alive,
 * they move to new places first. The cost is that of what is alive in the chosen tables. */
#include "storage/store.h"

#include "core/base/assert.h"
#include "core/obs/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define LOOK_MAX   512 /* tables looked into per call */
#define ROW_LEN    (SCHEMA_NAME_LEN + 8)
#define WORTH_PART 32 /* a table is worth moving when 1/32 of it is dead */

struct table {
    uint64_t first, last; /* places */
    uint64_t bytes;
    uint64_t live; /* bytes of objects that are alive */
};

struct tables {
    struct table *v;
    size_t n, cap;
};

static int on_table(const struct kv_table *t, void *arg)
{
    struct tables *l = arg;

    if (!t->settled)
        return 0;
    if (l->n == l->cap) {
        l->cap = l->cap == 0 ? 64 : l->cap * 2;
        l->v = realloc(l->v, l->cap * sizeof *l->v);
        FOG_ASSERT(l->v != NULL);
    }
    l->v[l->n++] = (struct table){
        .first = schema_u64_at(t->first, 0), .last = schema_u64_at(t->last, 0), .bytes = t->bytes};
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct table *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

static int by_life(const void *a, const void *b)
{
    const struct table *x = a, *y = b;
    double fx = (double)x->live / (double)(x->bytes + 1),
           fy = (double)y->live / (double)(y->bytes + 1);

    return fx < fy ? -1 : fx > fy;
}

static int on_live_row(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    (void)key;
    if (value.len != ROW_LEN)
        return FOG_ECORRUPT;
    *(uint64_t *)arg += schema_u64_at(value, SCHEMA_NAME_LEN);
    return 0;
}

static int scan_places(struct storage *st, const struct table *t, kv_scan_fn fn, void *arg)
{
    struct schema_key from = schema_key_place(t->first), to = schema_key_place(t->last + 1);

    return kv_scan(st->kv, KV_INDEX, schema_bytes(&from), schema_bytes(&to), fn, arg);
}

/* The tables to look at: all of a small store, else a window that wanders. Sorted by life. */
static int look(struct storage *st, struct tables *l)
{
    size_t from = 0, n;
    int rc = kv_tables(st->kv, on_table, l);

    if (rc != 0 || l->n == 0)
        return rc;
    qsort(l->v, l->n, sizeof *l->v, by_place);
    if (l->n > LOOK_MAX) {
        while (from + 1 < l->n && l->v[from].last < st->reclaim_from)
            from++;
        n = l->n - from < LOOK_MAX ? l->n - from : LOOK_MAX;
        memmove(l->v, l->v + from, n * sizeof *l->v);
        st->reclaim_from = from + n == l->n ? 0 : l->v[n - 1].last + 1;
        l->n = n;
    }
    for (size_t i = 0; i < l->n; i++)
        if ((rc = scan_places(st, &l->v[i], on_live_row, &l->v[i].live)) != 0)
            return rc;
    qsort(l->v, l->n, sizeof *l->v, by_life);
    return 0;
}

struct names {
    struct fog_buf rows;
};

static int on_name(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    struct names *n = arg;

    (void)key;
    fog_buf_append(&n->rows, value.p, SCHEMA_NAME_LEN);
    return 0;
}

/* Copies the extents as they are; they carry their own proof. */
static int copy_extents(struct txn *x, const struct meta *from, uint64_t to)
{
    for (unsigned i = 0; i < schema_extents(from->len); i++) {
        struct schema_key old = schema_key_extent(from->place, i), new = schema_key_extent(to, i);
        struct kv_value v = {0};
        int rc = kv_get(x->st->kv, KV_DATA, schema_bytes(&old), &v);
        if (rc != 0)
            return rc == -ENOENT ? FOG_ECORRUPT : rc;
        txn_put(x, KV_DATA, &new, v.bytes);
        kv_value_done(&v);
    }
    return 0;
}

/* One object to a new place; what cannot be read is dropped. */
static int move_object(struct storage *st, const struct schema_name *name)
{
    struct kv_value own = {0};
    struct meta m, before;
    struct fog_bytes body;
    struct txn x;
    int rc = object_meta(st, name, &before, &body, &own);

    kv_value_done(&own);
    if (rc != 0)
        return rc;
    m = before;
    txn_begin(&x, st);
    txn_leave_place(&x, &before);
    txn_take_place(&x, name, &m);
    rc = copy_extents(&x, &before, m.place);
    if (rc == FOG_ECORRUPT) {
        txn_abort(&x);
        return object_drop_locked(st, name, before.place, "moved");
    }
    if (rc != 0) {
        txn_abort(&x);
        return rc;
    }
    txn_put_meta(&x, name, &m, (struct fog_bytes){0});
    return txn_commit(&x, false);
}

static int move_all(struct storage *st, const struct table *t)
{
    struct names n = {0};
    int rc = scan_places(st, t, on_name, &n);

    for (size_t at = 0; rc == 0 && at < n.rows.len; at += SCHEMA_NAME_LEN) {
        struct schema_name name;
        memcpy(name.b, n.rows.data + at, sizeof name.b);
        rc = move_object(st, &name);
    }
    fog_buf_fini(&n.rows);
    return rc;
}

static int drop(struct storage *st, const struct table *t)
{
    struct schema_key first = schema_key_extent(t->first, 0),
                      last = schema_key_extent(t->last, UINT8_MAX);

    return kv_drop_tables(st->kv, schema_bytes(&first), schema_bytes(&last));
}

/* The log must be on the disk first: a power cut may not take back the moves and keep the drops. */
static int settle(struct storage *st)
{
    struct txn x;

    txn_begin(&x, st);
    return txn_commit(&x, true);
}

int reclaim(struct storage *st, uint64_t want_bytes, bool move)
{
    struct tables l = {0};
    uint64_t gained = 0, moved = 0;
    size_t chosen = 0;
    int rc = look(st, &l);

    for (; rc == 0 && chosen < l.n && gained < want_bytes; chosen++) {
        const struct table *t = &l.v[chosen];
        if (t->live > 0 && (!move || t->live > t->bytes - t->bytes / WORTH_PART))
            break;
        /* what moves is on the disk twice until its old tables go */
        if (moved != 0 && moved + t->live > st->engine_bytes / 4)
            break;
        if (t->live > 0)
            rc = move_all(st, t);
        gained += t->bytes - (t->live < t->bytes ? t->live : t->bytes);
        moved += t->live;
    }
    if (rc == 0 && chosen > 0)
        rc = settle(st);
    for (size_t i = 0; rc == 0 && i < chosen; i++)
        rc = drop(st, &l.v[i]);
    free(l.v);
    st->dead_bytes = 0;
    fog_debug("storage.reclaim", "tables=%zu gained_bytes=%" PRIu64 " moved_bytes=%" PRIu64, chosen,
              gained, moved);
    return rc;
}
