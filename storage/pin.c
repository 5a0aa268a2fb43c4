/* What may not be dropped. A pin is two rows: by who pinned (to let go) and by object (so that an
 * object that arrives later is born pinned). Pinned objects stand in no line, so eviction never
 * meets them. */
#include "storage/store.h"

#include "core/base/assert.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define CHANGES_PER_TXN 4096

static int on_pin_row(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    (void)key;
    (void)value;
    ++*(uint32_t *)arg;
    return 0;
}

int pin_count(struct storage *st, const struct schema_name *name, uint32_t *out)
{
    struct schema_key from = schema_prefix_name('n', name);
    uint8_t end[sizeof from.b];

    *out = 0;
    return kv_scan(st->kv, KV_INDEX, schema_bytes(&from), kv_prefix_end(schema_bytes(&from), end),
                   on_pin_row, out);
}

/* Changes the object's own count by +1 or -1, if it is there. */
static int change_object(struct txn *x, const struct schema_name *name, int by)
{
    uint64_t charge, one = (uint64_t)(int64_t)by;
    struct kv_value own = {0};
    struct fog_bytes body;
    struct meta m;
    int rc = object_meta(x->st, name, &m, &body, &own);

    if (rc == -ENOENT)
        return 0;
    if (rc != 0)
        return rc;
    charge = meta_charge(&m);
    txn_step_out(x, name, &m);
    if (object_is_cache(schema_name_kind(name)) && m.pins == (by > 0 ? 0 : 1))
        x->totals.pinned += charge * one;
    m.pins += (uint32_t)by;
    txn_line_up(x, name, &m);
    txn_put_meta(x, name, &m, body);
    kv_value_done(&own);
    return 0;
}

static int pin_one(struct txn *x, const struct fog_hash *owner, uint8_t reason,
                   const struct schema_name *name)
{
    struct schema_key key = schema_key_owner_pin(owner, reason, name);
    int rc = change_object(x, name, 1);

    if (rc != 0)
        return rc;
    txn_put(x, KV_INDEX, &key, (struct fog_bytes){0});
    key = schema_key_object_pin(name, owner, reason);
    txn_put(x, KV_INDEX, &key, (struct fog_bytes){0});
    return 0;
}

static int unpin_one(struct txn *x, const struct fog_hash *owner, uint8_t reason,
                     const struct schema_name *name)
{
    struct schema_key key = schema_key_owner_pin(owner, reason, name);
    int rc = change_object(x, name, -1);

    if (rc != 0)
        return rc;
    txn_del(x, KV_INDEX, &key);
    key = schema_key_object_pin(name, owner, reason);
    txn_del(x, KV_INDEX, &key);
    return 0;
}

typedef int (*change_fn)(struct txn *x, const struct fog_hash *owner, uint8_t reason,
                         const struct schema_name *name);

static int apply(struct txn *x, change_fn change, const struct fog_hash *owner, uint8_t reason,
                 const struct schema_name *names, size_t n)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = change(x, owner, reason, &names[i]);
    return rc;
}

/* With the lock. All in one change when it is small enough; what is added comes before what is
 * released. */
static int change_pins(struct storage *st, const struct fog_hash *owner, uint8_t reason,
                       const struct schema_name *add, size_t n_add, const struct schema_name *drop,
                       size_t n_drop, bool sync)
{
    int rc = atomic_load(&st->health) == STORAGE_READ_ONLY ? -EIO : 0;
    size_t a = 0, d = 0;

    while (rc == 0 && (a < n_add || d < n_drop)) {
        size_t na = n_add - a < CHANGES_PER_TXN ? n_add - a : CHANGES_PER_TXN;
        size_t nd = n_drop - d < CHANGES_PER_TXN - na ? n_drop - d : CHANGES_PER_TXN - na;
        struct txn x;
        txn_begin(&x, st);
        if ((rc = apply(&x, pin_one, owner, reason, add + a, na)) != 0 ||
            (rc = apply(&x, unpin_one, owner, reason, drop + d, nd)) != 0) {
            txn_abort(&x);
            break;
        }
        a += na;
        d += nd;
        rc = txn_commit(&x, sync);
    }
    return rc;
}

struct names {
    struct schema_name *v;
    size_t n, cap;
};

static void names_add(struct names *l, const struct schema_name *name)
{
    if (l->n == l->cap) {
        l->cap = l->cap == 0 ? 64 : l->cap * 2;
        l->v = realloc(l->v, l->cap * sizeof *l->v);
        FOG_ASSERT(l->v != NULL);
    }
    l->v[l->n++] = *name;
}

static int name_cmp(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct schema_name));
}

/* Sorted, without doubles (a txn does not see its own rows). */
static int names_of_refs(const struct storage_ref *refs, size_t n, struct names *out)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        struct schema_name name = schema_name_of(refs[i].kind, &refs[i].id);
        if (!object_is_cache(refs[i].kind))
            return FOG_ERANGE;
        names_add(out, &name);
    }
    if (n == 0)
        return 0;
    qsort(out->v, out->n, sizeof *out->v, name_cmp);
    for (size_t i = 1; i < out->n; i++)
        if (name_cmp(&out->v[kept], &out->v[i]) != 0)
            out->v[++kept] = out->v[i];
    out->n = kept + 1;
    return 0;
}

static int on_owner_row(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    struct schema_name name;

    (void)value;
    if (schema_name_at(key, 34, &name) != 0)
        return FOG_ECORRUPT;
    names_add(arg, &name);
    return 0;
}

/* In order of their names, like names_of_refs gives them. */
static int names_of_owner(struct storage *st, const struct fog_hash *owner, uint8_t reason,
                          struct names *out)
{
    struct schema_key from = schema_prefix_owner(owner, reason);
    uint8_t end[sizeof from.b];

    return kv_scan(st->kv, KV_INDEX, schema_bytes(&from), kv_prefix_end(schema_bytes(&from), end),
                   on_owner_row, out);
}

/* What is in a but not in b; both sorted. */
static void names_minus(const struct names *a, const struct names *b, struct names *out)
{
    size_t j = 0;

    for (size_t i = 0; i < a->n; i++) {
        while (j < b->n && name_cmp(&b->v[j], &a->v[i]) < 0)
            j++;
        if (j == b->n || name_cmp(&b->v[j], &a->v[i]) != 0)
            names_add(out, &a->v[i]);
    }
}

static int set_pins(struct storage *st, const struct fog_hash *owner, uint8_t reason,
                    const struct storage_ref *refs, size_t n, bool exact, bool sync)
{
    struct names want = {0}, have = {0}, add = {0}, drop = {0};
    int rc;

    if (reason == 0)
        return FOG_ERANGE;
    if ((rc = names_of_refs(refs, n, &want)) != 0)
        goto out;
    pthread_mutex_lock(&st->lock);
    if ((rc = names_of_owner(st, owner, reason, &have)) == 0) {
        names_minus(&want, &have, &add);
        if (exact)
            names_minus(&have, &want, &drop);
        rc = change_pins(st, owner, reason, add.v, add.n, drop.v, drop.n, sync);
    }
    pthread_mutex_unlock(&st->lock);
out:
    free(want.v);
    free(have.v);
    free(add.v);
    free(drop.v);
    return rc;
}

int storage_pin(struct storage *st, const struct fog_hash *owner, uint8_t reason,
                const struct storage_ref *refs, size_t n, bool sync)
{
    return set_pins(st, owner, reason, refs, n, false, sync);
}

int storage_pin_exact(struct storage *st, const struct fog_hash *owner, uint8_t reason,
                      const struct storage_ref *refs, size_t n, bool sync)
{
    return set_pins(st, owner, reason, refs, n, true, sync);
}

int storage_unpin(struct storage *st, const struct fog_hash *owner, uint8_t reason)
{
    return set_pins(st, owner, reason, NULL, 0, true, false);
}
