#include "router/publish_job.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/media.h"
#include "core/obs/log.h"
#include "router/playlist.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void read_page(struct publish_job *j);
static void read_manifests(struct publish_job *j);
static void read_playlist(struct publish_job *j);
static void ask_chunks(struct publish_job *j);
static void hold_groups(struct publish_job *j);

void publish_job_free(struct publish_job *j)
{
    fog_link_remove(&j->link);
    fog_release_walk_free(&j->walk);
    plan_free(&j->plan);
    fog_buf_fini(&j->pointer_bytes);
    fog_buf_fini(&j->delegate);
    free(j->playlists);
    for (size_t i = 0; i < j->n_groups; i++)
        free(j->groups[i].refs);
    free(j->groups);
    free(j);
}

void publish_job_abandon(struct publish_job *j)
{
    fog_link_remove(&j->link);
    j->r = NULL;
    if (j->in_flight == 0)
        publish_job_free(j);
}

/* Goes on with `step`. A port may answer inside the call that asked it; then the loop further up
 * the stack takes the step, so that a release of any size needs the same stack. */
static void go(struct publish_job *j, void (*step)(struct publish_job *j))
{
    j->step = step;
    if (j->pumping)
        return;
    j->pumping = true;
    while ((step = j->step) != NULL) {
        j->step = NULL;
        step(j);
    }
    j->pumping = false;
}

/* An answer of the port is in. True when the job goes on. */
static bool answered(struct publish_job *j)
{
    j->in_flight--;
    if (j->r == NULL) {
        if (j->in_flight == 0)
            publish_job_free(j);
        return false;
    }
    if (!j->failed)
        return true;
    if (j->in_flight == 0)
        j->finished(j);
    return false;
}

static void fail(struct publish_job *j, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void fail(struct publish_job *j, int status, const char *code, const char *fmt, ...)
{
    va_list ap;

    if (j->failed)
        return; /* the first reason counts */
    j->failed = true;
    j->res.status = status;
    j->res.code = code;
    va_start(ap, fmt);
    vsnprintf(j->res.detail, sizeof j->res.detail, fmt, ap);
    va_end(ap);
    if (j->in_flight == 0)
        j->finished(j);
}

static void fail_missing(struct publish_job *j, const char *what, const struct fog_hash *id,
                         const char *path, int err)
{
    char hex[65];

    fog_hex_encode(id->b, 32, hex);
    if (err == -ENOENT)
        fail(j, 409, "missing_object",
             "%s %s%s%s is not here: upload it, then send the pointer again", what, hex,
             path == NULL ? "" : " of ", path == NULL ? "" : path);
    else
        fail(j, err == FOG_EVERIFY || err == FOG_EFORMAT || err == FOG_ECANON ? 422 : 503,
             "bad_object", "%s %s%s%s: %s", what, hex, path == NULL ? "" : " of ",
             path == NULL ? "" : path, fog_strerror(err));
}

/* --- pages --- */

static int on_entry(const struct fog_release_entry *e, void *arg)
{
    struct publish_job *j = arg;

    return plan_add_entry(j->plan, e->path, &e->manifest, e->slot);
}

static void on_page(void *ctx, int err, struct fog_bytes bytes)
{
    struct publish_job *j = ctx;
    struct fog_ref page = j->page;

    if (!answered(j))
        return;
    if (err == 0)
        err = fog_release_walk_feed(j->walk, bytes, on_entry, j);
    if (err == 0)
        err = plan_add_page(j->plan, &page);
    if (err == FOG_ELIMIT)
        fail(j, 413, "release_too_large", "a release may have at most %d files, and slots below %u",
             PLAN_ENTRIES_MAX, PLAN_TABLE_SLOT - 65536);
    else if (err != 0)
        fail_missing(j, "release page", &page.id, NULL, err);
    else
        go(j, read_page);
}

static void read_page(struct publish_job *j)
{
    const struct fog_ref *need = fog_release_walk_need(j->walk);
    struct router_ref ref;

    if (need == NULL) {
        plan_entries_done(j->plan);
        j->playlists = fog_alloc((plan_n_entries(j->plan) + 1) * sizeof *j->playlists);
        go(j, read_manifests);
        return;
    }
    j->page = *need;
    ref = (struct router_ref){FOG_KIND_PAGE, need->id, (uint32_t)need->size};
    j->in_flight++;
    j->r->ports.objects.get(j->r->ports.objects.arg, &ref, on_page, j);
}

/* --- manifests --- */

struct manifest_ctx {
    struct publish_job *j;
    size_t i;
};

static int take_manifest(struct publish_job *j, size_t i, struct fog_bytes bytes)
{
    struct fog_manifest m;
    int rc = fog_manifest_open(bytes, &plan_entry(j->plan, i)->manifest, &m);

    if (rc != 0)
        return rc;
    rc = plan_add_manifest(j->plan, i, &m);
    /* What the gateway will serve as a playlist is looked into. */
    if (rc == 0 && fog_media_is_playlist(m.media_type))
        j->playlists[j->n_playlists++] = i;
    fog_manifest_fini(&m);
    return rc;
}

static void on_manifest(void *ctx, int err, struct fog_bytes bytes)
{
    struct manifest_ctx *c = ctx;
    struct publish_job *j = c->j;
    size_t i = c->i;

    free(c);
    if (!answered(j))
        return;
    if (err == 0)
        err = take_manifest(j, i, bytes);
    if (err == FOG_ELIMIT)
        fail(j, 413, "release_too_large", "the release has more than %d chunks", PLAN_CHUNKS_MAX);
    else if (err != 0)
        fail_missing(j, "manifest", &plan_entry(j->plan, i)->manifest, plan_entry(j->plan, i)->path,
                     err);
    else
        go(j, read_manifests);
}

static void read_manifests(struct publish_job *j)
{
    size_t n = plan_n_entries(j->plan);

    while (!j->failed && j->next < n && j->in_flight < JOB_IN_FLIGHT) {
        struct manifest_ctx *c = FOG_NEW(manifest_ctx);
        struct router_ref ref = {FOG_KIND_MANIFEST, plan_entry(j->plan, j->next)->manifest, 0};
        c->j = j;
        c->i = j->next++;
        j->in_flight++;
        j->r->ports.objects.get(j->r->ports.objects.arg, &ref, on_manifest, c);
    }
    if (!j->failed && j->next == n && j->in_flight == 0) {
        j->next = n + 1; /* an answer given at once must not come here twice */
        j->chunks = plan_chunks(j->plan, &j->n_chunks);
        go(j, ask_chunks);
    }
}

/* --- chunks --- */

static void on_has(void *ctx, int err, const bool *present)
{
    struct publish_job *j = ctx;
    size_t n = j->n_chunks - j->at_chunk < JOB_HAS_ROWS ? j->n_chunks - j->at_chunk : JOB_HAS_ROWS;

    if (!answered(j))
        return;
    for (size_t i = 0; i < n && err == 0; i++)
        if (!present[i]) {
            fail_missing(j, "chunk", &j->chunks[j->at_chunk + i].id, NULL, -ENOENT);
            return;
        }
    if (err != 0) {
        fail(j, 503, "store_unavailable", "the store does not answer (%s): try again",
             fog_strerror(err));
        return;
    }
    j->at_chunk += n;
    go(j, ask_chunks);
}

static void ask_chunks(struct publish_job *j)
{
    size_t n = j->n_chunks - j->at_chunk;

    if (n == 0) {
        go(j, read_playlist);
        return;
    }
    j->in_flight++;
    j->r->ports.objects.has(j->r->ports.objects.arg, j->chunks + j->at_chunk,
                            n < JOB_HAS_ROWS ? n : JOB_HAS_ROWS, on_has, j);
}

/* --- playlists: manifest again (it was not kept), then its one chunk --- */

static void on_playlist_text(void *ctx, int err, struct fog_bytes text)
{
    struct publish_job *j = ctx;
    const struct plan_entry *e = plan_entry(j->plan, j->playlists[j->at_playlist]);
    struct playlist_fault fault;

    if (!answered(j))
        return;
    if (err != 0) {
        fail_missing(j, "playlist", &e->manifest, e->path, err);
        return;
    }
    if (playlist_check(j->type, text, &fault) != 0) {
        fail(j, 422, "absolute_uri",
             "%s line %u: \"%s\" is not a relative URI; viewers of a session would leave it. Write "
             "playlists with relative "
             "URIs",
             e->path, fault.line, fault.uri);
        return;
    }
    j->at_playlist++;
    go(j, read_playlist);
}

static void on_playlist_manifest(void *ctx, int err, struct fog_bytes bytes)
{
    struct publish_job *j = ctx;
    const struct plan_entry *e = plan_entry(j->plan, j->playlists[j->at_playlist]);
    struct fog_manifest m;
    struct fog_chunk_ref chunk;
    uint64_t size;

    if (!answered(j))
        return;
    if (err != 0 || (err = fog_manifest_open(bytes, &e->manifest, &m)) != 0) {
        fail_missing(j, "manifest", &e->manifest, e->path, err);
        return;
    }
    (void)fog_strcpy(j->type, sizeof j->type, fog_bytes_str(m.media_type));
    size = m.variants[0].size;
    chunk = fog_variant_chunk(&m.variants[0], 0);
    fog_manifest_fini(&m);
    if (size > PLAYLIST_MAX) {
        fail(j, 422, "playlist_too_large", "%s: playlists may have at most %d bytes", e->path,
             PLAYLIST_MAX);
        return;
    }
    j->in_flight++;
    j->r->ports.objects.get(j->r->ports.objects.arg,
                            &(struct router_ref){FOG_KIND_CHUNK, chunk.id, chunk.len},
                            on_playlist_text, j);
}

static void read_playlist(struct publish_job *j)
{
    struct router_ref ref = {.kind = FOG_KIND_MANIFEST};

    if (j->at_playlist == j->n_playlists) {
        j->groups = plan_groups(j->plan, &j->n_groups);
        go(j, hold_groups);
        return;
    }
    ref.id = plan_entry(j->plan, j->playlists[j->at_playlist])->manifest;
    j->in_flight++;
    j->r->ports.objects.get(j->r->ports.objects.arg, &ref, on_playlist_manifest, j);
}

/* --- this instance's own copy --- */

static void on_held(void *ctx, int err)
{
    struct publish_job *j = ctx;

    if (!answered(j))
        return;
    if (err != 0) {
        fail(j, err == FOG_EQUOTA ? 507 : 503,
             err == FOG_EQUOTA ? "store_full" : "store_unavailable",
             "the gateway could not keep its copy: %s", fog_strerror(err));
        return;
    }
    j->at_group++;
    go(j, hold_groups);
}

static void hold_groups(struct publish_job *j)
{
    const struct record_group *g;

    if (j->at_group == j->n_groups) {
        j->res.status = 200;
        j->finished(j);
        return;
    }
    g = &j->groups[j->at_group];
    j->in_flight++;
    j->r->ports.objects.hold(j->r->ports.objects.arg, &g->pg, g->refs, g->n_refs, on_held, j);
}

void publish_job_start(struct publish_job *j)
{
    j->plan = plan_new(&j->res.site);
    j->walk = fog_release_walk_new(&j->pointer.table);
    go(j, read_page);
}
