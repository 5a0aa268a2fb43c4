/* What is there, by index. */
#include "storage/store.h"

#include <errno.h>

struct listing {
    storage_list_fn fn;
    void *arg;
};

/* Rows of 'g' and 'p': table, 32 bytes, name -> length. */
static int on_listed(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    struct listing *l = arg;
    struct schema_name name;
    struct fog_hash id;

    if (schema_name_at(key, 33, &name) != 0 || value.len != 8)
        return FOG_ECORRUPT;
    id = schema_name_id(&name);
    return l->fn(schema_name_kind(&name), &id, schema_u64_at(value, 0), l->arg);
}

static int list(struct storage *st, char table, const struct fog_hash *hash, storage_list_fn fn,
                void *arg)
{
    struct schema_key from = schema_prefix_hash(table, hash);
    uint8_t end[sizeof from.b];
    struct listing l = {.fn = fn, .arg = arg};

    return kv_scan(st->kv, KV_INDEX, schema_bytes(&from), kv_prefix_end(schema_bytes(&from), end),
                   on_listed, &l);
}

int storage_list_pg(struct storage *st, const struct fog_hash *pg, storage_list_fn fn, void *arg)
{
    return list(st, 'g', pg, fn, arg);
}

int storage_list_publisher(struct storage *st, const struct fog_hash *publisher, storage_list_fn fn,
                           void *arg)
{
    return list(st, 'p', publisher, fn, arg);
}

static int on_first_pg(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    struct fog_hash *pg = arg;

    (void)value;
    if (key.len < 33)
        return FOG_ECORRUPT;
    memcpy(pg->b, key.p + 1, sizeof pg->b);
    return 1;
}

int storage_next_pg(struct storage *st, const struct fog_hash *after, struct fog_hash *out)
{
    struct schema_key from = schema_prefix('g'), to = schema_prefix('h');
    uint8_t end[sizeof from.b];
    struct fog_bytes start = schema_bytes(&from);
    struct fog_hash found;
    int rc;

    if (after != NULL) {
        from = schema_prefix_hash('g', after);
        start = kv_prefix_end(schema_bytes(&from), end);
    }
    rc = kv_scan(st->kv, KV_INDEX, start, schema_bytes(&to), on_first_pg, &found);
    if (rc == 0)
        return -ENOENT;
    if (rc < 0)
        return rc;
    *out = found;
    return 0;
}

/* Small versioned objects only, so the names are gathered first and read one by one. */
struct named_list {
    struct fog_buf names;
};

static int on_named(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    struct named_list *l = arg;

    (void)value;
    if (key.len != SCHEMA_NAME_LEN)
        return FOG_ECORRUPT;
    fog_buf_append(&l->names, key.p, key.len);
    return 0;
}

int storage_list_named(struct storage *st, uint8_t kind, storage_named_fn fn, void *arg)
{
    uint8_t from = kind, to = (uint8_t)(kind + 1);
    struct named_list l = {0};
    struct fog_buf body = {0};
    int rc = kv_scan(st->kv, KV_META, fog_bytes_of(&from, 1), fog_bytes_of(&to, 1), on_named, &l);

    for (size_t at = 0; rc == 0 && at < l.names.len; at += SCHEMA_NAME_LEN) {
        struct storage_info info;
        struct fog_hash name;
        memcpy(name.b, l.names.data + at + 1, sizeof name.b);
        if ((rc = storage_have(st, kind, &name, &info)) == 0)
            rc = storage_get_sync(st, kind, &name, &body);
        if (rc == 0)
            rc = fn(&name, &info, fog_buf_bytes(&body), arg);
        else if (rc == -ENOENT)
            rc = 0; /* deleted meanwhile */
    }
    fog_buf_fini(&l.names);
    fog_buf_fini(&body);
    return rc;
}
