/* A loop's window on the store: RAM hits answer at once, misses go to a worker, and however many
 * wait for one extent, it is read once. */
#include "storage/store.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/crypto/rng_system.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

struct read_job {
    struct pool_job job;
    struct storage *st;
    struct schema_name name;
    struct ram_key key;
    uint32_t want_len;
    unsigned extent;
    int rc;
    struct ram_extent *e;
    bool shared; /* in sl->reads, and into the RAM tier afterwards */
    /* loop only */
    struct storage_loop *sl;
    struct waits *waits;
};

struct submit_job {
    struct pool_job job;
    struct storage *st;
    void (*work)(struct storage *st, void *arg);
    void (*done)(void *arg);
    void *arg;
};

struct storage_op *op_new(struct fog_list *list, void *arg, struct storage_op **self)
{
    struct storage_op *op = FOG_NEW(storage_op);

    op->arg = arg;
    op->self = self;
    if (self != NULL)
        *self = op;
    fog_list_push_back(list, &op->link);
    return op;
}

static void op_end(struct storage_op *op)
{
    fog_link_remove(&op->link);
    if (op->self != NULL)
        *op->self = NULL;
    free(op);
}

void storage_cancel(struct storage_op **op)
{
    struct storage_op *o = *op;

    *op = NULL;
    if (o != NULL)
        op_end(o);
}

void ops_drop(struct fog_list *list)
{
    struct fog_link *n;

    while ((n = fog_list_first(list)) != NULL)
        op_end(FOG_CONTAINER(n, storage_op, link));
}

void piece_fill(struct storage_piece *out, struct ram_extent *e, uint32_t offset)
{
    *out = (struct storage_piece){
        .slice = ram_extent_slice(e, offset),
        .leaves = e->n_leaves == 0 ? NULL : e->leaves,
        .n_leaves = e->n_leaves,
    };
}

void op_finish_read(struct storage_op *op, int rc, struct ram_extent *e)
{
    storage_read_fn fn = op->on_read;
    void *arg = op->arg;
    struct storage_piece piece = {0};

    if (rc == 0)
        piece_fill(&piece, e, op->offset % FOG_EXTENT_SIZE);
    op_end(op);
    fn(rc, &piece, arg);
}

void op_finish_put(struct storage_op *op, int rc)
{
    storage_done_fn fn = op->on_done;
    void *arg = op->arg;

    op_end(op);
    fn(rc, arg);
}

struct waits *waits_new(struct storage_loop *sl)
{
    struct waits *w = FOG_NEW(waits);

    fog_list_init(&w->ops);
    fog_list_push_back(&sl->waits, &w->link);
    return w;
}

void waits_free(struct waits **pw)
{
    struct waits *w = *pw;

    *pw = NULL;
    ops_drop(&w->ops);
    FOG_ASSERT(fog_link_linked(&w->link));
    fog_link_remove(&w->link);
    free(w);
}

struct storage_loop *storage_loop_new(struct storage *st, struct fog_loop *loop, size_t ram_bytes)
{
    struct storage_loop *sl = FOG_NEW(storage_loop);
    struct fog_rng rng = fog_rng_system();
    uint8_t seed[16];

    fog_rng_fill(&rng, seed, sizeof seed);
    sl->magic = STORAGE_LOOP_MAGIC;
    sl->st = st;
    sl->port = pool_port_new(st->pool, loop);
    sl->ram_limit = ram_bytes;
    ram_pool_grow(st->mem, (int64_t)ram_bytes);
    sl->ram = ram_new(ram_bytes, seed);
    sl->reads = fog_map_new(seed);
    sl->fills = fog_map_new(seed);
    fog_list_init(&sl->waits);
    return sl;
}

void storage_loop_free(struct storage_loop **psl)
{
    struct storage_loop *sl = *psl;
    struct fog_link *n;
    size_t cursor = 0;
    void *it;

    *psl = NULL;
    if (sl == NULL)
        return;
    pool_port_close(&sl->port);
    while ((n = fog_list_first(&sl->waits)) != NULL) {
        struct waits *w = FOG_CONTAINER(n, waits, link);
        waits_free(&w);
    }
    while ((it = fog_map_next(sl->fills, &cursor, NULL)) != NULL)
        fill_drop(it);
    ram_free(&sl->ram);
    fog_map_free(&sl->reads);
    fog_map_free(&sl->fills);
    ram_pool_grow(sl->st->mem, -(int64_t)sl->ram_limit);
    sl->magic = 0;
    free(sl);
}

struct storage *storage_of(struct storage_loop *sl)
{
    return sl->st;
}

static void read_work(struct pool_job *job)
{
    struct read_job *r = FOG_CONTAINER(job, read_job, job);

    r->rc = extent_load(r->st, &r->name, r->want_len, r->extent, &r->e);
}

static void read_drop(struct pool_job *job)
{
    struct read_job *r = FOG_CONTAINER(job, read_job, job);

    if (r->e != NULL)
        ram_extent_unref(r->e);
    free(r);
}

static struct fog_bytes ram_key_bytes(const struct ram_key *k)
{
    return fog_bytes_of(k->b, sizeof k->b);
}

static void read_done(struct pool_job *job)
{
    struct read_job *r = FOG_CONTAINER(job, read_job, job);
    struct fog_link *n;

    if (r->shared) {
        (void)fog_map_del(r->sl->reads, ram_key_bytes(&r->key));
        if (r->rc == 0)
            ram_put(r->sl->ram, &r->key, r->e);
    }
    while ((n = fog_list_first(&r->waits->ops)) != NULL)
        op_finish_read(FOG_CONTAINER(n, storage_op, link), r->rc, r->e);
    waits_free(&r->waits);
    read_drop(job);
}

static int read_start(struct storage_loop *sl, const struct ram_key *key, uint32_t want_len,
                      unsigned extent, bool shared, struct waits **out)
{
    struct read_job *r = FOG_NEW(read_job);
    int rc;

    r->job = (struct pool_job){.work = read_work, .done = read_done, .drop = read_drop};
    r->st = sl->st;
    r->sl = sl;
    r->key = *key;
    memcpy(r->name.b, key->b, sizeof r->name.b);
    r->want_len = want_len;
    r->extent = extent;
    r->shared = shared;
    r->waits = waits_new(sl);
    r->waits->len = want_len;
    if ((rc = pool_send(sl->port, POOL_READ, &r->job)) != 0) {
        waits_free(&r->waits);
        free(r);
        return rc;
    }
    if (shared)
        (void)fog_map_put(sl->reads, ram_key_bytes(key), r->waits);
    *out = r->waits;
    return 0;
}

static void count_hit(struct storage_loop *sl, const struct fog_hash *id)
{
    atomic_fetch_add_explicit(&sl->st->fig.ram_hits, 1, memory_order_relaxed);
    used_mark(sl->st, id);
}

static int wait_for(struct waits *w, uint32_t offset, storage_read_fn fn, void *arg,
                    struct storage_op **self)
{
    struct storage_op *op = op_new(&w->ops, arg, self);

    op->offset = offset;
    op->on_read = fn;
    return STORAGE_LATER;
}

int storage_read(struct storage_loop *sl, const struct fog_chunk_ref *ref, uint32_t offset,
                 struct storage_piece *out, storage_read_fn fn, void *arg, struct storage_op **op)
{
    unsigned extent = offset / FOG_EXTENT_SIZE;
    struct ram_key key = ram_key_of(FOG_KIND_CHUNK, &ref->id, extent);
    struct storage_fill *fill;
    struct ram_extent *e;
    struct waits *w;
    int rc;

    if (ref->len > FOG_CHUNK_SIZE || (offset >= ref->len && offset != 0))
        return FOG_ERANGE;
    if ((e = ram_get(sl->ram, &key)) != NULL) {
        if (e->object_len != ref->len)
            return -ENOENT;
        count_hit(sl, &ref->id);
        piece_fill(out, e, offset % FOG_EXTENT_SIZE);
        return 0;
    }
    if ((fill = fill_find(sl, &ref->id)) != NULL)
        return fill_read(fill, ref, offset, out, fn, arg, op);
    w = fog_map_get(sl->reads, ram_key_bytes(&key));
    if (w != NULL && w->len != ref->len)
        return -ENOENT;
    if (w == NULL && (rc = read_start(sl, &key, ref->len, extent, true, &w)) != 0)
        return rc;
    return wait_for(w, offset, fn, arg, op);
}

int storage_get(struct storage_loop *sl, uint8_t kind, const struct fog_hash *id,
                struct storage_piece *out, storage_read_fn fn, void *arg, struct storage_op **op)
{
    struct ram_key key = ram_key_of(kind, id, 0);
    bool shared = object_is_cache(kind); /* a versioned object may have changed since */
    struct waits *w = NULL;
    struct ram_extent *e;
    int rc;

    if (kind == FOG_KIND_CHUNK || fog_kind_max(kind) == 0)
        return FOG_ERANGE;
    if (shared && (e = ram_get(sl->ram, &key)) != NULL) {
        count_hit(sl, id);
        piece_fill(out, e, 0);
        return 0;
    }
    if (shared)
        w = fog_map_get(sl->reads, ram_key_bytes(&key));
    if (w == NULL && (rc = read_start(sl, &key, 0, 0, shared, &w)) != 0)
        return rc;
    return wait_for(w, 0, fn, arg, op);
}

static void submit_work(struct pool_job *job)
{
    struct submit_job *s = FOG_CONTAINER(job, submit_job, job);

    s->work(s->st, s->arg);
}

static void submit_done(struct pool_job *job)
{
    struct submit_job *s = FOG_CONTAINER(job, submit_job, job);
    void (*done)(void *) = s->done;
    void *arg = s->arg;

    free(s);
    if (done != NULL)
        done(arg);
}

static void submit_drop(struct pool_job *job)
{
    free(FOG_CONTAINER(job, submit_job, job));
}

int storage_submit(struct storage_loop *sl, void (*work)(struct storage *st, void *arg),
                   void (*done)(void *arg), void *arg)
{
    struct submit_job *s = FOG_NEW(submit_job);
    int rc;

    s->job = (struct pool_job){.work = submit_work, .done = submit_done, .drop = submit_drop};
    s->st = sl->st;
    s->work = work;
    s->done = done;
    s->arg = arg;
    if ((rc = pool_send(sl->port, POOL_WRITE, &s->job)) != 0)
        free(s);
    return rc;
}
