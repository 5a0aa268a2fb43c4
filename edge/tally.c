#include "edge/tally.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/map.h"
#include "edge/source.h" /* EDGE_LABEL_MAX */

struct row {
    char site[EDGE_LABEL_MAX];
    uint64_t requests, bytes;
};

struct edge_tally {
    struct fog_map *rows;
    struct row rest;
};

struct edge_tally *edge_tally_new(const uint8_t seed[16])
{
    struct edge_tally *t = FOG_NEW(edge_tally);

    t->rows = fog_map_new(seed);
    return t;
}

static void clear(struct edge_tally *t)
{
    struct fog_bytes key;
    size_t cursor = 0;
    struct row *r;

    while ((r = fog_map_next(t->rows, &cursor, &key)) != NULL) {
        fog_map_del(t->rows, key);
        free(r);
    }
    t->rest.requests = t->rest.bytes = 0;
}

void edge_tally_free(struct edge_tally **tp)
{
    struct edge_tally *t = *tp;

    *tp = NULL;
    if (t == NULL)
        return;
    clear(t);
    fog_map_free(&t->rows);
    free(t);
}

void edge_tally_add(struct edge_tally *t, const char *site, uint64_t requests, uint64_t bytes)
{
    struct fog_bytes key = fog_bytes_str(site);
    struct row *r = fog_map_get(t->rows, key);

    if (r == NULL && fog_map_count(t->rows) >= EDGE_TALLY_MAX) {
        r = &t->rest;
    } else if (r == NULL) {
        r = FOG_NEW(row);
        (void)snprintf(r->site, sizeof r->site, "%s", site);
        fog_map_put(t->rows, key, r);
    }
    r->requests += requests;
    r->bytes += bytes;
}

void edge_tally_take(struct edge_tally *t,
                     void (*each)(void *arg, const char *site, uint64_t requests, uint64_t bytes),
                     void *arg)
{
    size_t cursor = 0;
    const struct row *r;

    while ((r = fog_map_next(t->rows, &cursor, NULL)) != NULL)
        each(arg, r->site, r->requests, r->bytes);
    if (t->rest.requests > 0)
        each(arg, "", t->rest.requests, t->rest.bytes);
    clear(t);
}
