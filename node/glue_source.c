#include "node/glue_source.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/names.h"
#include "node/fill.h"
#include "node/sites.h"
#include "storage/storage.h"

#include <errno.h>
#include <stdlib.h>

#define FILL_TRIES 2 /* what was filled may be evicted before it is read */

struct glue_source {
    struct storage_loop *store;
    struct fill *fill;
    struct sites_loop *sites;
    struct edge_source port;
    struct ask *spare;
};

/* One question of the edge. */
struct ask {
    struct glue_source *g;
    struct edge_op *op;
    struct storage_op *reading;
    struct fill_wait filling;
    struct sites_wait asking;
    bool is_pointer, is_object;
    enum fog_kind kind;
    struct fog_chunk_ref ref; /* of an object only the id */
    uint32_t offset;
    char site[EDGE_LABEL_MAX];
    struct fog_hash publisher;
    uint32_t slot;
    unsigned fills;
    struct edge_data *data;
    struct edge_pointer *pointer;
};

static int step(struct ask *a);
static void on_filled(struct fill_wait *w, int err);

static void ask_done(struct ask *a)
{
    struct glue_source *g = a->g;

    a->op->token = NULL;
    if (g->spare == NULL)
        g->spare = a;
    else
        free(a);
}

/* The spare object makes a RAM hit free of allocation. */
static struct ask *ask_new(struct glue_source *g, struct edge_op *op)
{
    struct ask *a = g->spare;

    if (a == NULL)
        a = FOG_NEW(ask);
    else
        memset(a, 0, sizeof *a);
    g->spare = NULL;
    a->g = g;
    a->op = op;
    op->token = a;
    return a;
}

static void fill_it(struct ask *a)
{
    struct fill_want want = {.publisher = a->publisher};
    struct fog_site_id site;

    /* A label that is none cannot come here; zeros then name a group of nobody. */
    if (fog_site_label_parse(fog_bytes_str(a->site), &site) == 0)
        fog_placement_group(&site, a->slot, &want.pg);
    a->fills++;
    a->filling.on_done = on_filled;
    if (a->is_object)
        fill_object(a->g->fill, (uint8_t)a->kind, &a->ref.id, &want, false, &a->filling);
    else
        fill_chunk(a->g->fill, &a->ref, &want, false, false, &a->filling);
}

static bool may_fill(const struct ask *a, int rc)
{
    return (rc == -ENOENT || rc == FOG_ECORRUPT) && a->fills < FILL_TRIES;
}

/* Answers, unless the next step waits again. */
static void settle(struct ask *a, int rc)
{
    struct edge_op *op = a->op;

    if (rc == -EINPROGRESS)
        return;
    ask_done(a);
    op->on_done(op, rc);
}

static void on_read(int rc, struct storage_piece *piece, void *arg)
{
    struct ask *a = arg;

    a->reading = NULL;
    if (rc == 0) {
        a->data->bytes = piece->slice;
        a->data->from = a->fills > 0 ? EDGE_FROM_PEER : EDGE_FROM_DISK;
        settle(a, 0);
        return;
    }
    if (may_fill(a, rc))
        fill_it(a);
    else
        settle(a, rc);
}

static void on_filled(struct fill_wait *w, int err)
{
    struct ask *a = FOG_CONTAINER(w, ask, filling);

    if (err == 0 && a->is_object) {
        a->data->bytes = w->body;
        a->data->from = EDGE_FROM_PEER;
    } else if (err == 0) {
        err = step(a);
    }
    settle(a, err);
}

/* Reads from the store; what it lacks is filled. */
static int step(struct ask *a)
{
    struct storage_piece piece = {0};
    int rc;

    if (a->is_object)
        rc =
            storage_get(a->g->store, (uint8_t)a->kind, &a->ref.id, &piece, on_read, a, &a->reading);
    else
        rc = storage_read(a->g->store, &a->ref, a->offset, &piece, on_read, a, &a->reading);
    if (rc == STORAGE_LATER)
        return -EINPROGRESS;
    if (rc == 0) {
        a->data->bytes = piece.slice;
        a->data->from = a->fills > 0 ? EDGE_FROM_PEER : EDGE_FROM_RAM;
        return 0;
    }
    if (!may_fill(a, rc))
        return rc;
    fill_it(a);
    return -EINPROGRESS;
}

/* The immediate part of a question: frees the ask unless it waits. */
static int begin(struct ask *a)
{
    int rc = step(a);

    if (rc != -EINPROGRESS)
        ask_done(a);
    return rc;
}

static void set_site(struct ask *a, const char *site)
{
    (void)fog_strcpy(a->site, sizeof a->site, fog_bytes_str(site));
}

static void take_hints(struct ask *a, const struct edge_hints *hints)
{
    set_site(a, hints->site);
    a->publisher = hints->publisher_id;
    a->slot = hints->slot;
}

static int source_object(void *arg, enum fog_kind kind, const struct fog_hash *id, uint64_t size,
                         const struct edge_hints *hints, struct edge_op *op, struct edge_data *out)
{
    struct glue_source *g = arg;
    struct ask *a;

    if (size > fog_kind_max(kind))
        return FOG_ELIMIT;
    a = ask_new(g, op);
    a->is_object = true;
    a->kind = kind;
    a->ref.id = *id;
    take_hints(a, hints);
    a->data = out;
    return begin(a);
}

static int source_read(void *arg, const struct fog_chunk_ref *chunk, uint32_t offset,
                       const struct edge_hints *hints, struct edge_op *op, struct edge_data *out)
{
    struct ask *a = ask_new(arg, op);

    a->kind = FOG_KIND_CHUNK;
    a->ref = *chunk;
    a->offset = offset;
    take_hints(a, hints);
    a->data = out;
    return begin(a);
}

static void on_site(struct sites_wait *w, int err)
{
    struct ask *a = FOG_CONTAINER(w, ask, asking);

    if (err == 0)
        err = sites_get(a->g->sites, a->site, a->pointer, &a->asking);
    settle(a, err);
}

static int source_pointer(void *arg, const char *site, struct edge_op *op, struct edge_pointer *out)
{
    struct glue_source *g = arg;
    struct ask *a = ask_new(g, op);
    int rc;

    a->is_pointer = true;
    a->pointer = out;
    a->asking.on_done = on_site;
    set_site(a, site);
    rc = sites_get(g->sites, a->site, out, &a->asking);
    if (rc != -EINPROGRESS)
        ask_done(a);
    return rc;
}

static void source_cancel(void *arg, struct edge_op *op)
{
    struct ask *a = op->token;

    (void)arg;
    if (a == NULL)
        return;
    storage_cancel(&a->reading);
    fill_unwait(&a->filling);
    sites_unwait(&a->asking);
    ask_done(a);
}

struct glue_source *glue_source_new(struct storage_loop *store, struct fill *fill,
                                    struct sites_loop *sites)
{
    struct glue_source *g = FOG_NEW(glue_source);

    g->store = store;
    g->fill = fill;
    g->sites = sites;
    g->port = (struct edge_source){.arg = g,
                                   .pointer = source_pointer,
                                   .object = source_object,
                                   .read = source_read,
                                   .cancel = source_cancel};
    return g;
}

void glue_source_free(struct glue_source **g)
{
    if (*g != NULL)
        free((*g)->spare);
    free(*g);
    *g = NULL;
}

const struct edge_source *glue_source_port(struct glue_source *g)
{
    return &g->port;
}
