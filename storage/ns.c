/* Small durable records of other roles: a key space per name, one batch over any of them. */
#include "storage/store.h"

#include "core/base/assert.h"
#include "core/obs/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define KEY_MAX   512u
#define VALUE_MAX ((size_t)1 << 20)

struct storage_batch {
    struct storage *st;
    struct kv_batch *kb;
    int err; /* sticky: the first bad key or value */
};

/* A key with its namespace in front. */
struct ns_key {
    uint8_t b[34 + KEY_MAX];
    size_t len;
};

static bool name_is_good(const char *name, size_t len)
{
    if (len == 0 || len > 32)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

struct storage_ns *storage_ns(struct storage *st, const char *name)
{
    size_t len = strlen(name);
    struct storage_ns *ns;

    FOG_ASSERT(name_is_good(name, len));
    pthread_mutex_lock(&st->ns_lock);
    for (ns = st->spaces; ns != NULL; ns = ns->next)
        if (strcmp(ns->name, name) == 0)
            break;
    if (ns == NULL) {
        ns = FOG_NEW(storage_ns);
        ns->st = st;
        memcpy(ns->name, name, len);
        ns->cf = KV_LEDGER;
        if (strcmp(name, "ledger") != 0) {
            ns->cf = KV_MAIN;
            ns->prefix[0] = 's';
            ns->prefix[1] = (uint8_t)len;
            memcpy(ns->prefix + 2, name, len);
            ns->prefix_len = 2 + len;
        }
        ns->next = st->spaces;
        st->spaces = ns;
    }
    pthread_mutex_unlock(&st->ns_lock);
    return ns;
}

static int key_make(const struct storage_ns *ns, struct fog_bytes key, struct ns_key *out)
{
    if (key.len > KEY_MAX)
        return FOG_ELIMIT;
    memcpy(out->b, ns->prefix, ns->prefix_len);
    if (key.len != 0)
        memcpy(out->b + ns->prefix_len, key.p, key.len);
    out->len = ns->prefix_len + key.len;
    return 0;
}

static struct fog_bytes key_bytes(const struct ns_key *k)
{
    return fog_bytes_of(k->b, k->len);
}

int storage_ns_get(struct storage_ns *ns, struct fog_bytes key, struct fog_buf *out)
{
    struct kv_value v = {0};
    struct ns_key k;
    int rc;

    if (key.len == 0)
        return FOG_ERANGE;
    if ((rc = key_make(ns, key, &k)) != 0)
        return rc;
    if ((rc = kv_get(ns->st->kv, ns->cf, key_bytes(&k), &v)) != 0)
        return rc;
    fog_buf_clear(out);
    fog_buf_append(out, v.bytes.p, v.bytes.len);
    kv_value_done(&v);
    return 0;
}

int storage_ns_put(struct storage_ns *ns, struct fog_bytes key, struct fog_bytes value, bool sync)
{
    struct storage_batch *b = storage_batch_new(ns->st);

    storage_batch_put(b, ns, key, value);
    return storage_batch_commit(&b, sync);
}

int storage_ns_del(struct storage_ns *ns, struct fog_bytes key, bool sync)
{
    struct storage_batch *b = storage_batch_new(ns->st);

    storage_batch_del(b, ns, key);
    return storage_batch_commit(&b, sync);
}

struct ns_scan {
    size_t prefix_len;
    storage_ns_fn fn;
    void *arg;
};

static int on_row(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    struct ns_scan *s = arg;

    return s->fn(fog_bytes_of(key.p + s->prefix_len, key.len - s->prefix_len), value, s->arg);
}

int storage_ns_scan(struct storage_ns *ns, struct fog_bytes prefix, struct fog_bytes from,
                    storage_ns_fn fn, void *arg)
{
    struct ns_scan s = {.prefix_len = ns->prefix_len, .fn = fn, .arg = arg};
    struct ns_key first, start;
    uint8_t end[sizeof first.b];
    int rc;

    if ((rc = key_make(ns, prefix, &first)) != 0 || (rc = key_make(ns, from, &start)) != 0)
        return rc;
    /* a start below the prefix is the prefix itself */
    if (from.len == 0 ||
        memcmp(start.b, first.b, start.len < first.len ? start.len : first.len) < 0)
        start = first;
    return kv_scan(ns->st->kv, ns->cf, key_bytes(&start), kv_prefix_end(key_bytes(&first), end),
                   on_row, &s);
}

struct storage_batch *storage_batch_new(struct storage *st)
{
    struct storage_batch *b = FOG_NEW(storage_batch);

    b->st = st;
    b->kb = kv_batch_new(st->kv);
    return b;
}

void storage_batch_put(struct storage_batch *b, struct storage_ns *ns, struct fog_bytes key,
                       struct fog_bytes value)
{
    struct ns_key k;
    int rc = key.len == 0 ? FOG_ERANGE : value.len > VALUE_MAX ? FOG_ELIMIT : key_make(ns, key, &k);

    if (rc == 0)
        kv_batch_put(b->st->kv, b->kb, ns->cf, key_bytes(&k), value);
    else if (b->err == 0)
        b->err = rc;
}

void storage_batch_del(struct storage_batch *b, struct storage_ns *ns, struct fog_bytes key)
{
    struct ns_key k;
    int rc = key.len == 0 ? FOG_ERANGE : key_make(ns, key, &k);

    if (rc == 0)
        kv_batch_del(b->st->kv, b->kb, ns->cf, key_bytes(&k));
    else if (b->err == 0)
        b->err = rc;
}

/* Not under st->lock: these records share no counter with the objects. */
int storage_batch_commit(struct storage_batch **pb, bool sync)
{
    struct storage_batch *b = *pb;
    int rc = b->err;

    if (rc == 0 && atomic_load(&b->st->health) == STORAGE_READ_ONLY)
        rc = -EIO;
    if (rc == 0 && (rc = kv_write(b->st->kv, b->kb, sync)) != 0)
        storage_stop_writing(b->st, rc);
    storage_batch_free(pb);
    return rc;
}

void storage_batch_free(struct storage_batch **pb)
{
    struct storage_batch *b = *pb;

    *pb = NULL;
    if (b == NULL)
        return;
    kv_batch_free(b->st->kv, &b->kb);
    free(b);
}
