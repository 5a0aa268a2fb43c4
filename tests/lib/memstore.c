#include "tests/lib/memstore.h"

#include <errno.h>

static int get(void *arg, struct fog_bytes key, struct fog_buf *out)
{
    struct memstore *m = arg;
    struct fog_bytes value;

    if (!store_table_get(&m->live, key, &value))
        return -ENOENT;
    fog_buf_append(out, value.p, value.len);
    return 0;
}

static int copy_row(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    store_table_set(arg, key, value);
    return 0;
}

static void copy(const struct store_table *from, struct store_table *to)
{
    store_table_fini(to);
    (void)store_table_scan(from, (struct fog_bytes){0}, copy_row, to);
}

static int apply(void *arg, const struct claim_write *writes, size_t n,
                 const struct claim_guard *guard, bool durable)
{
    struct memstore *m = arg;
    bool fails = ++m->applies == m->fail_at;

    if (fails && !m->fail_after_write)
        return -EIO;
    if (!store_table_guard_holds(&m->live, guard))
        return FOG_ESTALE;
    store_table_apply(&m->live, writes, n);
    if (durable) {
        m->durable_count++;
        copy(&m->live, &m->durable);
    }
    return fails ? -EIO : 0;
}

static int scan(void *arg, struct fog_bytes prefix,
                int (*on_row)(void *row_arg, struct fog_bytes key, struct fog_bytes value),
                void *row_arg)
{
    struct memstore *m = arg;

    return store_table_scan(&m->live, prefix, on_row, row_arg);
}

void memstore_init(struct memstore *m)
{
    *m = (struct memstore){0};
    m->port = (struct claim_store){.arg = m, .get = get, .apply = apply, .scan = scan};
}

void memstore_crash(struct memstore *m)
{
    copy(&m->durable, &m->live);
    m->fail_at = 0;
}

void memstore_fini(struct memstore *m)
{
    store_table_fini(&m->live);
    store_table_fini(&m->durable);
}
