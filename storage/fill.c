/* A chunk on its way in: leaves are verified one by one into the extents that readers are given and
 * that the RAM tier and the disk get afterwards. No byte is copied again. */
#include "storage/store.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/content/tree.h"

#include <errno.h>
#include <stdlib.h>

struct storage_fill {
    struct storage_loop *sl;
    struct fog_chunk_ref ref;
    struct storage_attr attr;
    struct ram_extent *extents[FOG_CHUNK_SIZE / FOG_EXTENT_SIZE];
    unsigned n_leaves;
    unsigned next; /* leaf */
    struct fog_list waiting;
    bool stored_soon; /* committed: only its put still needs it */
    bool calling;     /* readers are being called: freeing waits */
    bool doomed;
};

static struct fog_bytes id_bytes(const struct fog_chunk_ref *ref)
{
    return fog_bytes_of(ref->id.b, sizeof ref->id.b);
}

struct storage_fill *fill_find(struct storage_loop *sl, const struct fog_hash *id)
{
    return fog_map_get(sl->fills, fog_bytes_of(id->b, sizeof id->b));
}

static void fill_free(struct storage_fill *f)
{
    for (size_t i = 0; i < FOG_COUNT(f->extents); i++)
        if (f->extents[i] != NULL)
            ram_extent_unref(f->extents[i]);
    ops_drop(&f->waiting);
    free(f);
}

static void fill_remove(struct storage_fill *f)
{
    (void)fog_map_del(f->sl->fills, id_bytes(&f->ref));
    fill_free(f);
}

void fill_drop(struct storage_fill *f)
{
    FOG_ASSERT(f->stored_soon); /* storage_loop_free: open fills must be gone */
    fill_free(f);
}

void fill_on_stored(struct storage_fill *f)
{
    fill_remove(f);
}

int storage_fill_begin(struct storage_loop *sl, const struct fog_chunk_ref *ref,
                       const struct fog_hash *leaves, unsigned n_leaves,
                       const struct storage_attr *attr, struct storage_fill **out)
{
    struct storage_fill *f;
    int rc;

    if (ref->len > FOG_CHUNK_SIZE)
        return FOG_ERANGE;
    if ((rc = fog_leaf_list_verify(leaves, n_leaves, ref)) != 0)
        return rc;
    if (fill_find(sl, &ref->id) != NULL)
        return -EEXIST;
    f = FOG_NEW(storage_fill);
    f->sl = sl;
    f->ref = *ref;
    f->n_leaves = n_leaves;
    if (attr != NULL)
        f->attr = *attr;
    fog_list_init(&f->waiting);
    for (unsigned i = 0; i < schema_extents(ref->len); i++) {
        struct ram_extent *e = ram_extent_new(sl->st->mem, schema_extent_len(ref->len, i));
        if (e == NULL) {
            fill_free(f);
            return FOG_EBUSY;
        }
        e->object_len = ref->len;
        e->n_leaves = n_leaves;
        memcpy(e->leaves, leaves, n_leaves * sizeof *leaves);
        f->extents[i] = e;
    }
    (void)fog_map_put(sl->fills, id_bytes(ref), f);
    *out = f;
    return 0;
}

unsigned storage_fill_next(const struct storage_fill *f)
{
    return f->next;
}

/* Whether at least one byte at the offset is there (or the end of an empty chunk). */
static bool is_there(const struct storage_fill *f, uint32_t offset)
{
    return offset / FOG_LEAF_SIZE < f->next;
}

int fill_read(struct storage_fill *f, const struct fog_chunk_ref *ref, uint32_t offset,
              struct storage_piece *out, storage_read_fn fn, void *arg, struct storage_op **op)
{
    struct storage_op *o;

    if (f->ref.len != ref->len)
        return -ENOENT;
    if (is_there(f, offset)) {
        piece_fill(out, f->extents[offset / FOG_EXTENT_SIZE], offset % FOG_EXTENT_SIZE);
        return 0;
    }
    o = op_new(&f->waiting, arg, op);
    o->offset = offset;
    o->on_read = fn;
    return STORAGE_LATER;
}

/* Calls those whose bytes have come. A callback may cancel others, read on, or abort the fill. */
static void call_readers(struct storage_fill *f)
{
    struct fog_list ready;
    struct fog_link *n;

    fog_list_init(&ready);
    FOG_LIST_EACH(&f->waiting, it)
    {
        struct storage_op *op = FOG_CONTAINER(it, storage_op, link);
        if (!is_there(f, op->offset))
            continue;
        fog_link_remove(it);
        fog_list_push_back(&ready, it);
    }
    f->calling = true;
    while ((n = fog_list_first(&ready)) != NULL) {
        struct storage_op *op = FOG_CONTAINER(n, storage_op, link);
        op_finish_read(op, 0, f->extents[op->offset / FOG_EXTENT_SIZE]);
    }
    f->calling = false;
    if (f->doomed)
        fill_free(f);
}

int storage_fill_leaf(struct storage_fill *f, struct fog_bytes leaf)
{
    struct ram_extent *e;
    int rc;

    if (f->next == f->n_leaves)
        return FOG_ETRAIL;
    e = f->extents[f->next / (FOG_EXTENT_SIZE / FOG_LEAF_SIZE)];
    if (leaf.len != fog_leaf_len(f->ref.len, f->next))
        return FOG_EVERIFY;
    if ((rc = fog_leaf_verify(leaf, &e->leaves[f->next])) != 0)
        return rc;
    if (leaf.len != 0)
        memcpy(e->data + e->len, leaf.p, leaf.len);
    e->len += (uint32_t)leaf.len;
    f->next++;
    call_readers(f);
    return 0;
}

int storage_fill_commit(struct storage_fill **fill, bool sync, storage_done_fn fn, void *arg)
{
    struct storage_fill *f = *fill;
    struct put_job *j;
    int rc;

    *fill = NULL;
    FOG_ASSERT(f->next == f->n_leaves && !f->calling);
    j = put_job_new(f->sl->st, FOG_KIND_CHUNK, &f->ref.id, f->ref.len, &f->attr, sync);
    for (unsigned i = 0; i < schema_extents(f->ref.len); i++) {
        struct ram_key key = ram_key_of(FOG_KIND_CHUNK, &f->ref.id, i);
        ram_put(f->sl->ram, &key, f->extents[i]);
        j->extents[i] = ram_extent_ref(f->extents[i]);
    }
    j->fill = f;
    f->stored_soon = true;
    if ((rc = put_job_send(f->sl, j, fn, arg, NULL)) != 0) {
        put_job_free(j);
        fill_remove(f);
    }
    return rc;
}

void storage_fill_abort(struct storage_fill **fill, int rc)
{
    struct storage_fill *f = *fill;
    struct fog_list ended;
    struct fog_link *n;

    *fill = NULL;
    if (f == NULL)
        return;
    FOG_ASSERT(rc != 0 && !f->stored_soon);
    /* off the map first: whoever is told may start the next fill */
    (void)fog_map_del(f->sl->fills, id_bytes(&f->ref));
    fog_list_init(&ended);
    while ((n = fog_list_pop_front(&f->waiting)) != NULL)
        fog_list_push_back(&ended, n);
    if (f->calling)
        f->doomed = true;
    else
        fill_free(f);
    while ((n = fog_list_first(&ended)) != NULL)
        op_finish_read(FOG_CONTAINER(n, storage_op, link), rc, NULL);
}
