/* Which loop fills which chunk. */
#include "node/fill_in.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/io/loop.h"

#include <pthread.h>
#include <stdlib.h>

struct waiting_loop {
    struct waiting_loop *next;
    struct fill *f;
    struct fog_hash id;
    int err;
};

struct entry {
    struct waiting_loop *waiting;
};

struct fill_table {
    pthread_mutex_t lock;
    struct fog_map *by_id; /* struct entry */
};

struct fill_table *fill_table_new(void)
{
    struct fill_table *t = FOG_NEW(fill_table);

    pthread_mutex_init(&t->lock, NULL);
    t->by_id = fill_map_new();
    return t;
}

void fill_table_free(struct fill_table **pt)
{
    struct fill_table *t = *pt;
    struct entry *e;
    size_t at = 0;

    *pt = NULL;
    if (t == NULL)
        return;
    while ((e = fog_map_next(t->by_id, &at, NULL)) != NULL) {
        for (struct waiting_loop *w = e->waiting, *next; w != NULL; w = next) {
            next = w->next;
            free(w);
        }
        free(e);
    }
    fog_map_free(&t->by_id);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

bool fill_table_claim(struct fill_table *t, const struct fog_hash *id, struct fill *f)
{
    const struct fog_bytes key = fog_bytes_of(id, sizeof *id);
    struct entry *e;
    bool mine;

    pthread_mutex_lock(&t->lock);
    e = fog_map_get(t->by_id, key);
    mine = e == NULL;
    if (mine) {
        (void)fog_map_put(t->by_id, key, FOG_NEW(entry));
    } else {
        struct waiting_loop *w = FOG_NEW(waiting_loop);

        w->f = f;
        w->id = *id;
        w->next = e->waiting;
        e->waiting = w;
    }
    pthread_mutex_unlock(&t->lock);
    return mine;
}

static void on_released(void *arg)
{
    struct waiting_loop *w = arg;

    fill_on_released(w->f, &w->id, w->err);
    free(w);
}

void fill_table_release(struct fill_table *t, const struct fog_hash *id, int err)
{
    struct entry *e;

    pthread_mutex_lock(&t->lock);
    e = fog_map_del(t->by_id, fog_bytes_of(id, sizeof *id));
    pthread_mutex_unlock(&t->lock);
    FOG_ASSERT(e != NULL);
    for (struct waiting_loop *w = e->waiting, *next; w != NULL; w = next) {
        next = w->next;
        w->err = err;
        fog_loop_post(w->f->conf.loop, on_released, w);
    }
    free(e);
}
