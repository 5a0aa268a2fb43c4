/* Puts that come from a loop: a bounded queue to the workers, which verify and write. */
#include "storage/store.h"

#include "core/base/assert.h"

#include <stdatomic.h>
#include <stdlib.h>

struct put_job *put_job_new(struct storage *st, uint8_t kind, const struct fog_hash *id,
                            uint32_t len, const struct storage_attr *attr, bool sync)
{
    struct put_job *j = FOG_NEW(put_job);

    j->st = st;
    j->name = schema_name_of(kind, id);
    j->len = len;
    j->sync = sync;
    if (attr != NULL)
        j->attr = *attr;
    return j;
}

void put_job_free(struct put_job *j)
{
    for (size_t i = 0; i < FOG_COUNT(j->extents); i++)
        if (j->extents[i] != NULL)
            ram_extent_unref(j->extents[i]);
    fog_buf_fini(&j->body);
    free(j);
}

/* Extents of a fill: every leaf was verified when it came. */
static int store_extents(struct put_job *j)
{
    struct fog_bytes extents[FOG_COUNT(j->extents)];
    struct object_put put = {.name = j->name,
                             .len = j->len,
                             .extents = extents,
                             .leaves = j->extents[0]->leaves,
                             .n_leaves = j->extents[0]->n_leaves,
                             .attr = j->attr,
                             .sync = j->sync};

    for (unsigned i = 0; i < schema_extents(j->len); i++)
        extents[i] = fog_bytes_of(j->extents[i]->data, j->extents[i]->len);
    return object_store(j->st, &put);
}

static void put_work(struct pool_job *job)
{
    struct put_job *j = FOG_CONTAINER(job, put_job, job);
    struct fog_hash id = schema_name_id(&j->name);

    if (j->extents[0] != NULL)
        j->rc = store_extents(j);
    else
        j->rc = storage_put_sync(j->st, schema_name_kind(&j->name), &id, fog_buf_bytes(&j->body),
                                 &j->attr, j->sync);
}

static void put_drop(struct pool_job *job)
{
    struct put_job *j = FOG_CONTAINER(job, put_job, job);

    atomic_fetch_sub(&j->st->queued_bytes, j->len);
    put_job_free(j);
}

static void put_done(struct pool_job *job)
{
    struct put_job *j = FOG_CONTAINER(job, put_job, job);
    struct waits *w = j->waits;
    struct fog_link *n;
    int rc = j->rc;

    if (j->fill != NULL)
        fill_on_stored(j->fill);
    put_drop(job);
    while ((n = fog_list_first(&w->ops)) != NULL)
        op_finish_put(FOG_CONTAINER(n, storage_op, link), rc);
    waits_free(&w);
}

int put_job_send(struct storage_loop *sl, struct put_job *j, storage_done_fn fn, void *arg,
                 struct storage_op **op)
{
    uint64_t queued = atomic_fetch_add(&sl->st->queued_bytes, j->len);
    int rc = 0;

    j->job = (struct pool_job){.work = put_work, .done = put_done, .drop = put_drop};
    j->waits = waits_new(sl);
    if (fn != NULL)
        op_new(&j->waits->ops, arg, op)->on_done = fn;
    /* a single put larger than the queue must still get through */
    if (queued != 0 && queued + j->len > sl->st->cfg.queue_bytes)
        rc = FOG_EBUSY;
    else
        rc = pool_send(sl->port, POOL_WRITE, &j->job);
    if (rc != 0) {
        atomic_fetch_sub(&sl->st->queued_bytes, j->len);
        waits_free(&j->waits);
    }
    return rc;
}

int storage_put_take(struct storage_loop *sl, uint8_t kind, const struct fog_hash *id,
                     struct fog_buf *body, const struct storage_attr *attr, bool sync,
                     storage_done_fn fn, void *arg, struct storage_op **op)
{
    struct put_job *j;
    int rc;

    if (!object_is_cache(kind) || body->len > fog_kind_max(kind))
        return FOG_ERANGE;
    j = put_job_new(sl->st, kind, id, (uint32_t)body->len, attr, sync);
    fog_buf_move(&j->body, body);
    if ((rc = put_job_send(sl, j, fn, arg, op)) != 0) {
        fog_buf_move(body, &j->body);
        put_job_free(j);
        return rc;
    }
    return STORAGE_LATER;
}
