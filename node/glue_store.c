#include "node/glue_store.h"

#include "storage/storage.h"

#include <errno.h>

static int store_get(void *arg, struct fog_bytes key, struct fog_buf *out)
{
    struct glue_store *g = arg;
    struct fog_buf value = {0};
    int rc = storage_ns_get(g->ns, key, &value);

    if (rc == 0)
        fog_buf_append(out, value.data, value.len); /* storage replaces, the port appends */
    fog_buf_fini(&value);
    return rc;
}

/* One thread owns the namespace, so looking before the batch is as good as a transaction. */
static int check_guard(struct glue_store *g, const struct claim_guard *guard)
{
    struct fog_buf value = {0};
    int rc = storage_ns_get(g->ns, guard->key, &value);

    if (rc == -ENOENT)
        rc = guard->expect.p == NULL ? 0 : FOG_ESTALE;
    else if (rc == 0 &&
             (guard->expect.p == NULL || !fog_bytes_eq(fog_buf_bytes(&value), guard->expect)))
        rc = FOG_ESTALE;
    fog_buf_fini(&value);
    return rc;
}

static int store_apply(void *arg, const struct claim_write *writes, size_t n,
                       const struct claim_guard *guard, bool durable)
{
    struct glue_store *g = arg;
    struct storage_batch *batch;
    int rc;

    if (guard != NULL && (rc = check_guard(g, guard)) != 0)
        return rc;
    batch = storage_batch_new(g->st);
    for (size_t i = 0; i < n; i++) {
        if (writes[i].value.p == NULL)
            storage_batch_del(batch, g->ns, writes[i].key);
        else
            storage_batch_put(batch, g->ns, writes[i].key, writes[i].value);
    }
    return storage_batch_commit(&batch, durable);
}

struct scan {
    int (*on_row)(void *row_arg, struct fog_bytes key, struct fog_bytes value);
    void *row_arg;
};

static int on_scan(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    const struct scan *s = arg;

    return s->on_row(s->row_arg, key, value);
}

static int store_scan(void *arg, struct fog_bytes prefix,
                      int (*on_row)(void *row_arg, struct fog_bytes key, struct fog_bytes value),
                      void *row_arg)
{
    struct glue_store *g = arg;
    struct scan s = {.on_row = on_row, .row_arg = row_arg};

    return storage_ns_scan(g->ns, prefix, (struct fog_bytes){0}, on_scan, &s);
}

void glue_store_init(struct glue_store *g, struct storage *st, const char *name)
{
    g->st = st;
    g->ns = storage_ns(st, name);
    g->port =
        (struct claim_store){.arg = g, .get = store_get, .apply = store_apply, .scan = store_scan};
}
