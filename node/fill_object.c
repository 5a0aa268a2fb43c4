/* Manifests and pages: whole bodies, one holder after the other. */
#include "node/fill_in.h"

#include "core/base/assert.h"
#include "core/base/buf.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/content/tree.h"
#include "core/io/loop.h"
#include "core/obs/log.h"
#include "storage/storage.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct object_key {
    struct fog_hash id;
    uint8_t kind;
};

struct fetch_object {
    struct fill *f;
    struct object_key key;
    struct fill_want want;
    struct links_peer candidates[PEERS_CANDIDATES];
    size_t n_candidates, next;
    const struct links_peer *asking;
    struct links_fetch *fetch;
    bool refused;
    struct fog_buf body;
    struct fog_list readers, keepers;
    struct fog_timer *timer;
    int last_err;
};

/* The bytes that several waiters look at. */
struct shared_body {
    atomic_uint refs;
    struct fog_buf bytes;
};

static void ask_next(struct fetch_object *o);

static void shared_unref(void *arg)
{
    struct shared_body *s = arg;

    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    fog_buf_fini(&s->bytes);
    free(s);
}

static void wake_with(struct fog_list *waits, struct shared_body *s)
{
    struct fog_link *it;

    while ((it = fog_list_pop_front(waits)) != NULL) {
        struct fill_wait *w = FOG_CONTAINER(it, fill_wait, link);

        atomic_fetch_add(&s->refs, 1);
        w->body = (struct fog_slice){
            .p = s->bytes.data, .len = s->bytes.len, .unref = shared_unref, .owner = s};
        w->on_done(w, 0);
    }
}

static void object_free(void *arg)
{
    struct fetch_object *o = arg;

    fill_forget(&o->readers);
    fill_forget(&o->keepers);
    links_cancel(&o->fetch);
    fog_timer_free(&o->timer);
    fog_buf_fini(&o->body);
    free(o);
}

static void object_end(struct fetch_object *o, int err)
{
    (void)fog_map_del(o->f->objects, fog_bytes_of(&o->key, sizeof o->key));
    fog_timer_stop(o->timer);
    links_cancel(&o->fetch);
    fill_wake(&o->readers, err);
    fill_wake(&o->keepers, err);
    fog_loop_post(o->f->conf.loop, object_free, o);
}

static void on_stored(int rc, void *arg)
{
    struct fetch_object *o = arg;
    struct shared_body *s;

    if (rc != 0) {
        object_end(o, rc);
        return;
    }
    s = FOG_NEW(shared_body);
    atomic_init(&s->refs, 1);
    fog_buf_move(&s->bytes, &o->body);
    wake_with(&o->keepers, s);
    wake_with(&o->readers, s);
    shared_unref(s);
    object_end(o, 0);
}

/* Bytes that carry the name: the readers have them at once, the store in a moment. */
static void on_whole(struct fetch_object *o)
{
    const struct storage_attr attr = {.publisher = o->want.publisher, .pg = o->want.pg};
    struct shared_body *s = FOG_NEW(shared_body);
    struct fog_buf copy = {0};
    int rc;

    fog_timer_stop(o->timer);
    o->f->stats.objects++;
    o->f->stats.bytes += o->body.len;
    fog_buf_append(&copy, o->body.data, o->body.len);
    rc = storage_put_take(o->f->conf.store, o->key.kind, &o->key.id, &copy, &attr,
                          !fog_list_empty(&o->keepers), on_stored, o, NULL);
    fog_buf_fini(&copy);
    atomic_init(&s->refs, 1);
    fog_buf_append(&s->bytes, o->body.data, o->body.len);
    wake_with(&o->readers, s);
    shared_unref(s);
    if (rc < 0)
        object_end(o, rc);
}

static void lied(struct fetch_object *o, const struct fog_hash *got)
{
    struct fill_lie lie = {.chunk = {.id = o->key.id, .len = (uint32_t)o->body.len},
                           .leaf = UINT32_MAX,
                           .expected = o->key.id,
                           .got = *got};

    memcpy(lie.peer, o->asking->key, sizeof lie.peer);
    o->last_err = FOG_EVERIFY;
    fill_caught(o->f, &lie);
}

static void on_response(void *arg, int status)
{
    struct fetch_object *o = arg;

    o->refused = status != 200;
}

static void on_data(void *arg, struct fog_bytes data)
{
    struct fetch_object *o = arg;

    if (!o->refused)
        fog_buf_append(&o->body, data.p, data.len);
    fog_timer_start(o->timer, FILL_STALL_MS);
}

static void on_end(void *arg, int err)
{
    struct fetch_object *o = arg;
    struct fog_hash id;

    o->fetch = NULL;
    if (err != 0 || o->refused) {
        if (o->last_err == 0)
            o->last_err = err != 0 ? err : -ENOENT;
        ask_next(o);
        return;
    }
    fog_object_id((enum fog_kind)o->key.kind, fog_buf_bytes(&o->body), &id);
    if (!fog_hash_eq(&id, &o->key.id)) {
        lied(o, &id);
        ask_next(o);
        return;
    }
    on_whole(o);
}

static void ask_next(struct fetch_object *o)
{
    static const struct links_ops ops = {on_response, on_data, on_end};
    char id[FOG_HEX_LEN(32) + 1], path[LINKS_PATH_MAX];

    fog_buf_clear(&o->body);
    o->refused = false;
    if (o->next == o->n_candidates) {
        o->f->stats.failed++;
        object_end(o, o->last_err == 0 ? -ENOENT : o->last_err);
        return;
    }
    o->asking = &o->candidates[o->next++];
    fog_hex_encode(o->key.id.b, 32, id);
    (void)snprintf(path, sizeof path, "/n/object/%u/%s", o->key.kind, id);
    o->fetch = links_get(o->f->conf.links, o->asking, path, fog_kind_max(o->key.kind), &ops, o);
    fog_timer_start(o->timer, FILL_STALL_MS);
}

/* The holder is too slow, or (at first) nobody has been asked yet. */
static void on_timer(void *arg)
{
    struct fetch_object *o = arg;

    if (o->fetch != NULL) {
        o->last_err = -ETIMEDOUT;
        links_cancel(&o->fetch);
    }
    ask_next(o);
}

void fill_object(struct fill *f, uint8_t kind, const struct fog_hash *id,
                 const struct fill_want *want, bool stored, struct fill_wait *w)
{
    struct object_key key;
    struct fetch_object *o;

    memset(&key, 0, sizeof key); /* compared as bytes */
    key.id = *id;
    key.kind = kind;
    FOG_ASSERT(kind == FOG_KIND_MANIFEST || kind == FOG_KIND_PAGE);
    w->body = (struct fog_slice){0};
    o = fog_map_get(f->objects, fog_bytes_of(&key, sizeof key));
    if (o == NULL) {
        o = FOG_NEW(fetch_object);
        o->f = f;
        o->key = key;
        o->want = fill_want_copy(want);
        fog_list_init(&o->readers);
        fog_list_init(&o->keepers);
        o->n_candidates = peers_candidates(f->conf.peers, &want->pg, want->sources, want->n_sources,
                                           fog_loop_now_ms(f->conf.loop), o->candidates);
        o->timer = fog_timer_new(f->conf.loop, on_timer, o);
        (void)fog_map_put(f->objects, fog_bytes_of(&key, sizeof key), o);
        fog_timer_start(o->timer, 0); /* nobody is called from inside this call */
    }
    fog_list_push_back(stored ? &o->keepers : &o->readers, &w->link);
}

void fill_objects_free(struct fill *f)
{
    struct fetch_object *o;
    size_t at = 0;

    while ((o = fog_map_next(f->objects, &at, NULL)) != NULL)
        object_free(o);
    fog_map_free(&f->objects);
}
