#include "node/hold.h"

#include "core/base/assert.h"
#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/base/str.h"
#include "core/content/manifest.h"
#include "core/crypto/hash.h"
#include "core/io/loop.h"
#include "core/obs/log.h"
#include "node/fill.h"
#include "storage/storage.h"

#include <errno.h>
#include <stdlib.h>

#define PIN_REASON  1
#define SOURCES_MAX 16
#define RUNNING_MAX 2
#define NAMESPACE   "place"

/* One object being fetched for an order. */
struct slot {
    struct fill_wait wait; /* first: recovered from it */
    struct order *order;
    struct hold_ref ref;
    bool busy;
};

struct order {
    struct hold *h;
    struct fog_link link;
    struct fog_hash pg, owner, publisher;
    struct hold_ref *refs; /* everything the list means; grows by the manifests' chunks */
    size_t n, cap;
    size_t n_list; /* how many were given */
    uint8_t (*sources)[32];
    size_t n_sources;
    hold_done_fn done;
    void *ctx;
    enum { ORDER_LISTED, ORDER_EXPANDED, ORDER_COMPLETE } stage; /* what is here already */
    struct hold_ref *missing;
    size_t n_missing, next_missing, in_flight;
    struct slot slots[HOLD_PARALLEL];
    int err;
    uint64_t bytes;
};

struct hold {
    struct fog_loop *loop;
    struct storage *st;
    struct storage_loop *store;
    struct storage_ns *ns;
    struct fill *fill;
    struct fog_list waiting, running;
    unsigned n_running;
    size_t n_waiting;
    struct fog_timer *retry;
    struct hold_stats stats;
};

/* Durable: which list a group holds, and which one is being fetched. Zeros: none. */
struct group_record {
    struct fog_hash held;
    struct fog_hash fetching;
};

static void start_next(struct hold *h);
static void fetch_more(struct order *o);

static void order_free(struct order *o)
{
    for (size_t i = 0; i < HOLD_PARALLEL; i++)
        fill_unwait(&o->slots[i].wait);
    free(o->refs);
    free(o->missing);
    free(o->sources);
    free(o);
}

/* ---- on a worker ---- */

static int record_read(struct hold *h, const struct fog_hash *pg, struct group_record *out)
{
    struct fog_buf value = {0};
    int rc = storage_ns_get(h->ns, fog_bytes_of(pg, sizeof *pg), &value);

    memset(out, 0, sizeof *out);
    if (rc == 0 && value.len == sizeof *out)
        memcpy(out, value.data, sizeof *out);
    fog_buf_fini(&value);
    return rc == -ENOENT ? 0 : rc;
}

static int record_write(struct hold *h, const struct fog_hash *pg, const struct group_record *r)
{
    struct fog_bytes key = fog_bytes_of(pg, sizeof *pg);

    if (fog_hash_is_zero(&r->held) && fog_hash_is_zero(&r->fetching)) {
        int rc = storage_ns_del(h->ns, key, true);

        return rc == -ENOENT ? 0 : rc;
    }
    return storage_ns_put(h->ns, key, fog_bytes_of(r, sizeof *r), true);
}

static int unpin(struct storage *st, const struct fog_hash *owner)
{
    return fog_hash_is_zero(owner) ? 0 : storage_unpin(st, owner, PIN_REASON);
}

/* Says durably that this list is being fetched; an earlier unfinished one is forgotten. */
static int announce(struct order *o, struct storage *st)
{
    struct group_record r;
    int rc = record_read(o->h, &o->pg, &r);

    if (rc != 0 || fog_hash_eq(&r.held, &o->owner))
        return rc;
    if (!fog_hash_eq(&r.fetching, &o->owner) && (rc = unpin(st, &r.fetching)) != 0)
        return rc;
    r.fetching = o->owner;
    return record_write(o->h, &o->pg, &r);
}

static int pin_all(struct order *o, struct storage *st)
{
    struct storage_ref *pins = fog_alloc((o->n + 1) * sizeof *pins);
    int rc;

    for (size_t i = 0; i < o->n; i++)
        pins[i] = (struct storage_ref){.id = o->refs[i].id, .kind = o->refs[i].kind};
    rc = storage_pin(st, &o->owner, PIN_REASON, pins, o->n, true);
    free(pins);
    return rc;
}

static int add_ref(struct order *o, uint8_t kind, const struct fog_hash *id, uint32_t len)
{
    if (o->n >= HOLD_REFS_MAX)
        return FOG_ELIMIT;
    if (o->n == o->cap) {
        struct hold_ref *grown;

        o->cap = o->cap * 2 + 16;
        grown = realloc(o->refs, o->cap * sizeof *grown);
        FOG_ASSERT(grown != NULL);
        o->refs = grown;
    }
    o->refs[o->n++] = (struct hold_ref){.kind = kind, .id = *id, .len = len};
    return 0;
}

/* The chunks of one manifest, all variants. */
static int expand_one(struct order *o, struct storage *st, const struct fog_hash *id)
{
    struct fog_buf body = {0};
    struct fog_manifest m;
    int rc = storage_get_sync(st, FOG_KIND_MANIFEST, id, &body);

    if (rc == 0)
        rc = fog_manifest_open(fog_buf_bytes(&body), id, &m);
    if (rc != 0)
        goto out;
    for (unsigned v = 0; rc == 0 && v < m.n_variants; v++) {
        for (uint64_t i = 0; rc == 0 && i < fog_chunk_count(m.variants[v].size); i++) {
            struct fog_chunk_ref ref = fog_variant_chunk(&m.variants[v], i);

            rc = add_ref(o, FOG_KIND_CHUNK, &ref.id, ref.len);
        }
    }
    fog_manifest_fini(&m);
out:
    fog_buf_fini(&body);
    return rc;
}

static int expand(struct order *o, struct storage *st)
{
    int rc = 0;

    o->n = o->n_list;
    for (size_t i = 0; rc == 0 && i < o->n_list; i++)
        if (o->refs[i].kind == FOG_KIND_MANIFEST)
            rc = expand_one(o, st, &o->refs[i].id);
    return rc;
}

static int find_missing(struct order *o, struct storage *st)
{
    free(o->missing);
    o->missing = fog_alloc((o->n + 1) * sizeof *o->missing);
    o->n_missing = o->next_missing = 0;
    o->bytes = 0;
    for (size_t i = 0; i < o->n; i++) {
        struct storage_info info;
        int rc = storage_have(st, o->refs[i].kind, &o->refs[i].id, &info);

        if (rc == 0)
            o->bytes += info.len;
        else if (rc == -ENOENT)
            o->missing[o->n_missing++] = o->refs[i];
        else
            return rc;
    }
    return 0;
}

static int conclude(struct order *o, struct storage *st)
{
    struct group_record r;
    struct fog_hash old;
    int rc = record_read(o->h, &o->pg, &r);

    if (rc != 0)
        return rc;
    old = r.held;
    if (!fog_hash_eq(&r.fetching, &o->owner) && (rc = unpin(st, &r.fetching)) != 0)
        return rc;
    memset(&r.fetching, 0, sizeof r.fetching);
    r.held = o->owner;
    if ((rc = record_write(o->h, &o->pg, &r)) != 0)
        return rc;
    return fog_hash_eq(&old, &o->owner) ? 0 : unpin(st, &old);
}

static void work(struct storage *st, void *arg)
{
    struct order *o = arg;
    int rc = 0;

    if (o->n_list == 0) { /* let go: conclude with no list */
        memset(&o->owner, 0, sizeof o->owner);
        o->err = conclude(o, st);
        o->stage = ORDER_COMPLETE;
        return;
    }
    if (o->stage == ORDER_LISTED) { /* the list itself is to be here first */
        if ((rc = announce(o, st)) == 0 && (rc = pin_all(o, st)) == 0)
            rc = find_missing(o, st);
        if (rc == 0 && o->n_missing == 0)
            o->stage = ORDER_EXPANDED;
    }
    if (rc == 0 && o->stage == ORDER_EXPANDED) { /* then what it means */
        if ((rc = expand(o, st)) == 0 && (rc = pin_all(o, st)) == 0)
            rc = find_missing(o, st);
        if (rc == 0 && o->n_missing == 0)
            o->stage = ORDER_COMPLETE;
    }
    if (rc == 0 && o->stage == ORDER_COMPLETE)
        rc = conclude(o, st);
    o->err = rc;
}

/* ---- on the control loop ---- */

static void order_end(struct order *o)
{
    struct hold *h = o->h;

    fog_link_remove(&o->link);
    h->n_running--;
    if (o->err == 0)
        h->stats.done++;
    else
        h->stats.failed++;
    if (o->err != 0) {
        char pg[FOG_HEX_LEN(8) + 1];

        fog_hex_encode(o->pg.b, 8, pg);
        fog_unusual("hold.failed", "pg=%s refs=%zu error=\"%s\"", pg, o->n, fog_strerror(o->err));
    }
    o->done(o->ctx, o->err, o->bytes);
    order_free(o);
    start_next(h);
}

static void on_worked(void *arg)
{
    struct order *o = arg;

    if (o->err != 0 || o->stage == ORDER_COMPLETE)
        order_end(o);
    else
        fetch_more(o);
}

static void submit(struct order *o)
{
    int rc = storage_submit(o->h->store, work, on_worked, o);

    if (rc < 0) {
        o->err = rc;
        order_end(o);
    }
}

static void on_fetched(struct fill_wait *w, int err)
{
    struct slot *s = FOG_CONTAINER(w, slot, wait);
    struct order *o = s->order;

    fog_slice_done(&w->body);
    s->busy = false;
    o->in_flight--;
    if (err == 0)
        o->h->stats.fetched++;
    else if (o->err == 0)
        o->err = err;
    fetch_more(o);
}

static void fetch_one(struct order *o, struct slot *s)
{
    const struct fill_want want = {.pg = o->pg,
                                   .publisher = o->publisher,
                                   .sources = (const uint8_t(*)[32])o->sources,
                                   .n_sources = o->n_sources};

    s->order = o;
    s->ref = o->missing[o->next_missing++];
    s->busy = true;
    s->wait.on_done = on_fetched;
    o->in_flight++;
    if (s->ref.kind == FOG_KIND_CHUNK) {
        const struct fog_chunk_ref ref = {.id = s->ref.id, .len = s->ref.len};

        fill_chunk(o->h->fill, &ref, &want, true, true, &s->wait);
    } else {
        fill_object(o->h->fill, s->ref.kind, &s->ref.id, &want, true, &s->wait);
    }
}

static void fetch_more(struct order *o)
{
    for (size_t i = 0; o->err == 0 && i < HOLD_PARALLEL && o->next_missing < o->n_missing; i++)
        if (!o->slots[i].busy)
            fetch_one(o, &o->slots[i]);
    if (o->in_flight > 0)
        return;
    if (o->err != 0)
        order_end(o);
    else
        submit(o); /* looks again: what was fetched may have been dropped, or named more */
}

static void start_next(struct hold *h)
{
    while (h->n_running < RUNNING_MAX && !fog_list_empty(&h->waiting)) {
        struct order *o = FOG_CONTAINER(fog_list_pop_front(&h->waiting), order, link);

        h->n_waiting--;
        h->n_running++;
        fog_list_push_back(&h->running, &o->link);
        submit(o);
    }
}

/* Orders start from here, so that done never comes from inside hold_take. */
static void on_start(void *arg)
{
    start_next(arg);
}

static void owner_of(const struct hold_order *order, struct fog_hash *out)
{
    const struct fog_bytes parts[] = {fog_bytes_of(order->pg.b, sizeof order->pg.b),
                                      fog_bytes_of(order->rev.b, sizeof order->rev.b)};

    fog_sha256_parts(parts, FOG_COUNT(parts), out);
}

/* A waiting order for the same group gives way; its giver is told at once that it was replaced. */
static void replace_waiting(struct hold *h, const struct fog_hash *pg)
{
    FOG_LIST_EACH(&h->waiting, it)
    {
        struct order *o = FOG_CONTAINER(it, order, link);

        if (!fog_hash_eq(&o->pg, pg))
            continue;
        fog_link_remove(&o->link);
        h->n_waiting--;
        o->done(o->ctx, FOG_ECANCELED, 0);
        order_free(o);
        return;
    }
}

int hold_take(struct hold *h, const struct hold_order *order, hold_done_fn done, void *ctx)
{
    struct order *o;

    if (order->n > HOLD_REFS_MAX)
        return FOG_ELIMIT;
    for (size_t i = 0; i < order->n; i++)
        if (order->refs[i].kind < FOG_KIND_CHUNK || order->refs[i].kind > FOG_KIND_PAGE)
            return FOG_EFORMAT;
    replace_waiting(h, &order->pg);
    if (h->n_waiting >= HOLD_ORDERS_MAX)
        return FOG_EBUSY;
    o = FOG_NEW(order);
    o->h = h;
    o->pg = order->pg;
    o->publisher = order->publisher;
    owner_of(order, &o->owner);
    o->n = o->cap = o->n_list = order->n;
    o->refs = fog_alloc((order->n + 1) * sizeof *o->refs);
    if (order->n > 0)
        memcpy(o->refs, order->refs, order->n * sizeof *o->refs);
    o->n_sources = order->n_sources < SOURCES_MAX ? order->n_sources : SOURCES_MAX;
    o->sources = fog_alloc((o->n_sources + 1) * sizeof *o->sources);
    if (o->n_sources > 0)
        memcpy(o->sources, order->sources, o->n_sources * sizeof *o->sources);
    o->done = done;
    o->ctx = ctx;
    if (order->urgent)
        fog_list_push_front(&h->waiting, &o->link);
    else
        fog_list_push_back(&h->waiting, &o->link);
    h->n_waiting++;
    fog_timer_start(h->retry, 0);
    return 0;
}

struct hold *hold_new(struct fog_loop *loop, struct storage *st, struct storage_loop *store,
                      struct fill *fill)
{
    struct hold *h = FOG_NEW(hold);

    h->loop = loop;
    h->st = st;
    h->store = store;
    h->ns = storage_ns(st, NAMESPACE);
    h->fill = fill;
    fog_list_init(&h->waiting);
    fog_list_init(&h->running);
    h->retry = fog_timer_new(loop, on_start, h);
    return h;
}

void hold_free(struct hold **ph)
{
    struct hold *h = *ph;

    *ph = NULL;
    if (h == NULL)
        return;
    FOG_LIST_EACH(&h->waiting, it)
    order_free(FOG_CONTAINER(it, order, link));
    FOG_LIST_EACH(&h->running, it)
    order_free(FOG_CONTAINER(it, order, link));
    fog_timer_free(&h->retry);
    free(h);
}

void hold_stats(const struct hold *h, struct hold_stats *out)
{
    *out = h->stats;
    out->waiting = h->n_waiting + h->n_running;
}
