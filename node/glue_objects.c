#include "node/glue_objects.h"

#include "core/base/assert.h"
#include "core/base/wr.h"
#include "core/crypto/hash.h"
#include "core/io/loop.h"
#include "core/obs/log.h"
#include "node/hold.h"
#include "storage/storage.h"

#include <errno.h>
#include <stdlib.h>

#define UPLOAD_REASON 2
#define HOUR_MS       3600000
#define KEEP_HOURS    2 /* an upload's pin lives one to two hours */
#define LOOK_BACK     48
#define RELEASE_MS    600000

struct glue_objects {
    struct fog_loop *loop;
    struct storage *st;
    struct storage_loop *store;
    struct hold *hold;
    struct fog_timer *release;
};

/* The name under which uploads of one hour are pinned. */
static void hour_owner(int64_t hour, struct fog_hash *out)
{
    struct fog_buf b = {0};

    fog_buf_append_str(&b, "upload");
    fog_wr_u64(&b, (uint64_t)hour);
    fog_sha256(fog_buf_bytes(&b), out);
    fog_buf_fini(&b);
}

/* ---- has ---- */

struct has_job {
    struct router_ref *refs;
    bool *present;
    size_t n;
    int err;
    void (*done)(void *ctx, int err, const bool *present);
    void *ctx;
};

static void has_work(struct storage *st, void *arg)
{
    struct has_job *j = arg;

    for (size_t i = 0; i < j->n && j->err == 0; i++) {
        struct storage_info info;
        int rc = storage_have(st, j->refs[i].kind, &j->refs[i].id, &info);

        if (rc == 0)
            j->present[i] = j->refs[i].len == 0 || info.len == j->refs[i].len;
        else if (rc != -ENOENT)
            j->err = rc;
    }
}

static void has_done(void *arg)
{
    struct has_job *j = arg;

    j->done(j->ctx, j->err, j->present);
    free(j->refs);
    free(j->present);
    free(j);
}

static void port_has(void *arg, const struct router_ref *refs, size_t n,
                     void (*done)(void *ctx, int err, const bool *present), void *ctx)
{
    struct glue_objects *g = arg;
    struct has_job *j = FOG_NEW(has_job);
    int rc;

    j->refs = fog_alloc((n + 1) * sizeof *j->refs);
    j->present = fog_alloc(n + 1);
    if (n > 0)
        memcpy(j->refs, refs, n * sizeof *refs);
    j->n = n;
    j->done = done;
    j->ctx = ctx;
    rc = storage_submit(g->store, has_work, has_done, j);
    if (rc < 0) {
        j->err = rc;
        has_done(j);
    }
}

/* ---- put ---- */

struct put_job {
    struct router_ref ref;
    struct fog_bytes bytes; /* borrowed until done */
    struct fog_hash owner;
    int err;
    void (*done)(void *ctx, int err);
    void *ctx;
};

/* A write-ahead log keeps what the kernel has: a killed process loses nothing. The hold that ends
 * an upload syncs the log, and with it everything before. */
static void put_work(struct storage *st, void *arg)
{
    struct put_job *j = arg;
    const struct storage_ref pin = {.id = j->ref.id, .kind = j->ref.kind};

    j->err = storage_pin(st, &j->owner, UPLOAD_REASON, &pin, 1, false);
    if (j->err == 0)
        j->err = storage_put_sync(st, j->ref.kind, &j->ref.id, j->bytes, NULL, false);
}

static void put_done(void *arg)
{
    struct put_job *j = arg;

    j->done(j->ctx, j->err);
    free(j);
}

static void port_put(void *arg, const struct router_ref *ref, struct fog_bytes bytes,
                     void (*done)(void *ctx, int err), void *ctx)
{
    struct glue_objects *g = arg;
    struct put_job *j = FOG_NEW(put_job);
    int rc;

    j->ref = *ref;
    j->bytes = bytes;
    hour_owner(fog_wall_ms() / HOUR_MS, &j->owner);
    j->done = done;
    j->ctx = ctx;
    rc = storage_submit(g->store, put_work, put_done, j);
    if (rc < 0) {
        j->err = rc;
        put_done(j);
    }
}

/* ---- get ---- */

struct get_job {
    void (*done)(void *ctx, int err, struct fog_bytes bytes);
    void *ctx;
};

static void on_got(int rc, struct storage_piece *piece, void *arg)
{
    struct get_job *j = arg;

    j->done(j->ctx, rc,
            rc == 0 ? fog_bytes_of(piece->slice.p, piece->slice.len) : (struct fog_bytes){0});
    if (rc == 0)
        fog_slice_done(&piece->slice);
    free(j);
}

/* A whole chunk (a playlist that is being published) is read by the pool: the loop's own reads end
 * at an extent. */
struct chunk_job {
    struct fog_hash id;
    struct fog_buf bytes;
    int err;
    void (*done)(void *ctx, int err, struct fog_bytes bytes);
    void *ctx;
};

static void chunk_work(struct storage *st, void *arg)
{
    struct chunk_job *j = arg;

    j->err = storage_get_sync(st, FOG_KIND_CHUNK, &j->id, &j->bytes);
}

static void chunk_done(void *arg)
{
    struct chunk_job *j = arg;

    j->done(j->ctx, j->err, j->err == 0 ? fog_buf_bytes(&j->bytes) : (struct fog_bytes){0});
    fog_buf_fini(&j->bytes);
    free(j);
}

static void get_chunk(struct glue_objects *g, const struct router_ref *ref,
                      void (*done)(void *ctx, int err, struct fog_bytes bytes), void *ctx)
{
    struct chunk_job *j = FOG_NEW(chunk_job);
    int rc;

    j->id = ref->id;
    j->done = done;
    j->ctx = ctx;
    rc = storage_submit(g->store, chunk_work, chunk_done, j);
    if (rc < 0) {
        j->err = rc;
        chunk_done(j);
    }
}

static void port_get(void *arg, const struct router_ref *ref,
                     void (*done)(void *ctx, int err, struct fog_bytes bytes), void *ctx)
{
    struct glue_objects *g = arg;
    struct storage_piece piece = {0};
    struct get_job *j;
    int rc;

    if (ref->kind == FOG_KIND_CHUNK) {
        get_chunk(g, ref, done, ctx);
        return;
    }
    j = FOG_NEW(get_job);
    j->done = done;
    j->ctx = ctx;
    rc = storage_get(g->store, ref->kind, &ref->id, &piece, on_got, j, NULL);
    if (rc != STORAGE_LATER)
        on_got(rc, &piece, j);
}

/* ---- hold ---- */

struct hold_job {
    void (*done)(void *ctx, int err);
    void *ctx;
};

static void on_held(void *ctx, int err, uint64_t bytes)
{
    struct hold_job *j = ctx;

    (void)bytes;
    j->done(j->ctx, err);
    free(j);
}

static void port_hold(void *arg, const struct fog_hash *pg, const struct router_ref *refs, size_t n,
                      void (*done)(void *ctx, int err), void *ctx)
{
    struct glue_objects *g = arg;
    struct hold_ref *copy = fog_alloc((n + 1) * sizeof *copy);
    struct hold_order order = {.pg = *pg, .refs = copy, .n = n, .urgent = true};
    struct hold_job *j = FOG_NEW(hold_job);
    struct fog_sha256_stream rev;
    int rc;

    fog_sha256_init(&rev);
    for (size_t i = 0; i < n; i++) {
        copy[i] = (struct hold_ref){.kind = refs[i].kind, .id = refs[i].id, .len = refs[i].len};
        fog_sha256_update(&rev, fog_bytes_of(&refs[i].kind, 1));
        fog_sha256_update(&rev, fog_bytes_of(refs[i].id.b, sizeof refs[i].id.b));
    }
    fog_sha256_final(&rev, &order.rev);
    fog_sha256_fini(&rev);
    j->done = done;
    j->ctx = ctx;
    rc = hold_take(g->hold, &order, on_held, j);
    free(copy);
    if (rc != 0)
        on_held(j, rc, 0);
}

/* ---- letting go of old uploads ---- */

static void release_work(struct storage *st, void *arg)
{
    int64_t hour = fog_wall_ms() / HOUR_MS;

    (void)arg;
    for (int64_t h = hour - LOOK_BACK; h <= hour - KEEP_HOURS; h++) {
        struct fog_hash owner;
        int rc;

        hour_owner(h, &owner);
        rc = storage_unpin(st, &owner, UPLOAD_REASON);
        if (rc != 0)
            fog_unusual("objects.release", "error=\"%s\"", fog_strerror(rc));
    }
}

static void release_done(void *arg)
{
    struct glue_objects *g = arg;

    fog_timer_start(g->release, RELEASE_MS);
}

static void on_release(void *arg)
{
    struct glue_objects *g = arg;

    if (storage_submit(g->store, release_work, release_done, g) < 0)
        release_done(g);
}

struct glue_objects *glue_objects_new(struct fog_loop *loop, struct storage *st,
                                      struct storage_loop *store, struct hold *hold)
{
    struct glue_objects *g = FOG_NEW(glue_objects);

    g->loop = loop;
    g->st = st;
    g->store = store;
    g->hold = hold;
    g->release = fog_timer_new(loop, on_release, g);
    fog_timer_start(g->release, 1000);
    return g;
}

void glue_objects_free(struct glue_objects **g)
{
    if (*g != NULL)
        fog_timer_free(&(*g)->release);
    free(*g);
    *g = NULL;
}

struct router_objects glue_objects_port(struct glue_objects *g)
{
    return (struct router_objects){
        .arg = g, .has = port_has, .put = port_put, .get = port_get, .hold = port_hold};
}
