#include "edge/site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/io/loop.h"
#include "core/obs/log.h"

#define SITES_MAX 1024 /* labels remembered, unknown ones included */
#define KEY_MAX   (sizeof(struct fog_hash) + FOG_PATH_MAX)

struct site {
    struct fog_link link; /* edge_sites.order, most recently used first */
    char label[EDGE_LABEL_MAX];
    struct fog_hash publisher_id;
    struct edge_pointer pointer;
    bool known;             /* the source has answered: */
    int err;                /* 0: pointer is good; -ENOENT: there is no such site */
    fog_time_ms checked_ms; /* monotonic, when it did */
    bool changed;           /* ask again before it is used */
    bool asking;
    unsigned pins;
    struct edge_op op;
    struct edge_pointer incoming;
    struct fog_list waiters; /* edge_lookup.link */
    struct edge_sites *sites;
};

/* What a look-up in the release needs while it runs. */
struct load {
    struct edge_sites *sites;
    struct site_entry *entry;
    struct edge_op op;
    struct edge_data page;     /* the last one; `found` has views of it */
    struct edge_data manifest; /* bytes */
    bool want_manifest;
    struct fog_release_find find;
    struct fog_release_entry found;
    struct edge_hints hints;
    char label[EDGE_LABEL_MAX];
};

struct site_entry {
    struct fog_link link; /* edge_sites.sieve while it has an object */
    bool visited;
    struct edge_object *obj;
    struct load *load; /* NULL when done */
    struct fog_list waiters;
    size_t bytes;
    size_t key_len;
    uint8_t key[]; /* table id, path */
};

struct edge_sites {
    struct edge_sites_conf conf;
    struct fog_map *sites;
    struct fog_list order;
    struct fog_map *entries;
    struct fog_list sieve; /* newest first */
    struct fog_link *hand; /* NULL: start at the tail */
    size_t bytes;
};

/* --- cache of entries --- */

static void sieve_remove(struct edge_sites *s, struct site_entry *e)
{
    FOG_ASSERT(fog_link_linked(&e->link));
    if (s->hand == &e->link)
        s->hand = e->link.prev == &s->sieve.head ? NULL : e->link.prev;
    fog_link_remove(&e->link);
    s->bytes -= e->bytes;
}

static void load_free(struct load **lp)
{
    struct load *l = *lp;

    *lp = NULL;
    if (l == NULL)
        return;
    fog_slice_done(&l->page.bytes);
    fog_slice_done(&l->manifest.bytes);
    free(l);
}

/* Forgets an entry that nobody waits for and that is out of the sieve. */
static void entry_drop(struct edge_sites *s, struct site_entry *e)
{
    FOG_ASSERT(fog_list_empty(&e->waiters) && !fog_link_linked(&e->link));
    fog_map_del(s->entries, fog_bytes_of(e->key, e->key_len));
    edge_object_unref(&e->obj);
    load_free(&e->load);
    free(e);
}

/* SIEVE (Zhang et al., NSDI 2024): the hand walks from old to new and takes the first that was not
 * asked for since it came by. */
static struct site_entry *victim(struct edge_sites *s)
{
    struct fog_link *at = s->hand != NULL ? s->hand : fog_list_last(&s->sieve);

    while (FOG_CONTAINER(at, site_entry, link)->visited) {
        FOG_CONTAINER(at, site_entry, link)->visited = false;
        at = at->prev == &s->sieve.head ? s->sieve.head.prev : at->prev;
    }
    s->hand = at;
    return FOG_CONTAINER(at, site_entry, link);
}

/* Drops what is in the list. */
static void drop_all(struct edge_sites *s, struct fog_list *list)
{
    FOG_LIST_EACH(list, it)
    {
        fog_link_remove(it);
        entry_drop(s, FOG_CONTAINER(it, site_entry, link));
    }
}

/* Keeps a loaded entry, or forgets it when it is larger than the whole budget. */
static void entry_keep(struct edge_sites *s, struct site_entry *e)
{
    size_t budget = s->conf.budget_bytes;
    struct fog_list out;

    e->bytes = sizeof *e + e->key_len + e->obj->bytes;
    fog_list_init(&out);
    while (s->bytes + e->bytes > budget && !fog_list_empty(&s->sieve)) {
        struct site_entry *old = victim(s);

        sieve_remove(s, old);
        fog_list_push_back(&out, &old->link);
    }
    drop_all(s, &out);
    if (s->bytes + e->bytes > budget) {
        entry_drop(s, e);
    } else {
        s->bytes += e->bytes;
        fog_list_push_front(&s->sieve, &e->link);
    }
    s->conf.stats->site_bytes = s->bytes;
}

/* --- looking into a release --- */

static int open_manifest(struct load *l, struct edge_object **out)
{
    struct fog_manifest m;
    int rc = fog_manifest_decode(fog_bytes_of(l->manifest.bytes.p, l->manifest.bytes.len), &m);

    if (rc == 0)
        *out = edge_object_new(&l->found, &l->hints.publisher_id, &m);
    return rc;
}

/* Uses the piece that has just arrived. 1: ask for the next; 0: *out is the result. */
static int load_feed(struct load *l, struct edge_object **out)
{
    int rc;

    if (l->want_manifest)
        return open_manifest(l, out);
    rc = fog_release_find_feed(&l->find, fog_bytes_of(l->page.bytes.p, l->page.bytes.len), true,
                               &l->found);
    if (rc == FOG_FIND_ABSENT) {
        *out = edge_object_new_absent(&l->hints.publisher_id);
        return 0;
    }
    if (rc == FOG_FIND_FOUND) {
        l->want_manifest = true;
        l->hints.slot = l->found.slot;
        return 1;
    }
    if (rc == FOG_FIND_MORE)
        fog_slice_done(&l->page.bytes);
    return rc == FOG_FIND_MORE ? 1 : rc;
}

static int load_ask(struct load *l)
{
    const struct edge_source *src = l->sites->conf.source;
    const struct fog_release_find *f = &l->find;

    if (l->want_manifest)
        return src->object(src->arg, FOG_KIND_MANIFEST, &l->found.manifest, 0, &l->hints, &l->op,
                           &l->manifest);
    return src->object(src->arg, FOG_KIND_PAGE, &f->need.id, f->need.size, &l->hints, &l->op,
                       &l->page);
}

/* "Nobody has that page" must not read as "there is no such site". */
static int source_error(int rc)
{
    return rc == -ENOENT ? -ENODATA : rc;
}

/* Goes on until the result is there (0), something must be waited for (-EINPROGRESS), or it failed.
 */
static int load_run(struct load *l, bool arrived, struct edge_object **out)
{
    int rc = 1;

    for (;;) {
        if (arrived)
            rc = load_feed(l, out);
        if (rc != 1)
            return rc;
        if ((rc = load_ask(l)) != 0)
            return source_error(rc);
        arrived = true;
    }
}

/* Moves all links to another list, so that callbacks may change the first one. */
static void list_move(struct fog_list *from, struct fog_list *to)
{
    struct fog_link *first;

    fog_list_init(to);
    while ((first = fog_list_pop_front(from)) != NULL)
        fog_list_push_back(to, first);
}

/* The entry's look-up ended: keeps the result (takes the reference over) and tells everybody who
 * waits. */
static void entry_finish(struct edge_sites *s, struct site_entry *e, int err,
                         struct edge_object *obj)
{
    struct edge_object *mine = obj != NULL ? edge_object_ref(obj) : NULL;
    struct fog_list waiters;
    struct fog_link *first;

    list_move(&e->waiters, &waiters);
    FOG_LIST_EACH(&waiters, it)
    FOG_CONTAINER(it, edge_lookup, link)->entry = NULL;
    load_free(&e->load);
    e->obj = obj;
    if (obj != NULL)
        entry_keep(s, e);
    else
        entry_drop(s, e);
    while ((first = fog_list_pop_front(&waiters)) != NULL) {
        struct edge_lookup *l = FOG_CONTAINER(first, edge_lookup, link);

        l->obj = mine != NULL ? edge_object_ref(mine) : NULL;
        l->on_done(l, err);
    }
    edge_object_unref(&mine);
}

static void on_load_op(struct edge_op *op, int err)
{
    struct load *l = FOG_CONTAINER(op, load, op);
    struct site_entry *e = l->entry;
    struct edge_object *obj = NULL;

    err = err == 0 ? load_run(l, true, &obj) : source_error(err);
    if (err != -EINPROGRESS)
        entry_finish(l->sites, e, err, obj);
}

/* Makes the entry and starts. 0: *out is a reference to the result; -EINPROGRESS: *entry waits. */
static int entry_load(struct edge_sites *s, struct site *site, struct fog_bytes key,
                      struct fog_bytes path, struct site_entry **entry, struct edge_object **out)
{
    struct site_entry *e;
    struct load *l = FOG_NEW(load);
    struct edge_object *obj = NULL;
    int rc;

    l->sites = s;
    l->op.on_done = on_load_op;
    memcpy(l->label, site->label, sizeof l->label);
    l->hints = (struct edge_hints){.site = l->label, .publisher_id = site->pointer.publisher_id};
    if (fog_release_find_begin(&l->find, &site->pointer.table, path) != 0) {
        load_free(&l);
        return FOG_ERANGE;
    }
    e = fog_alloc(sizeof *e + key.len);
    e->load = l;
    e->key_len = key.len;
    memcpy(e->key, key.p, key.len);
    fog_list_init(&e->waiters);
    fog_map_put(s->entries, key, e);
    l->entry = e;
    rc = load_run(l, false, &obj);
    if (rc == 0)
        *out = edge_object_ref(obj);
    if (rc == -EINPROGRESS)
        *entry = e;
    else
        entry_finish(s, e, rc, obj);
    return rc;
}

/* The pointer is known: finds or starts the entry for the path. */
static int lookup_path(struct edge_sites *s, struct site *site, struct edge_lookup *l)
{
    const struct edge_pointer *p = &site->pointer;
    uint8_t key[KEY_MAX];
    struct fog_bytes k = fog_bytes_of(key, sizeof p->table.id + l->path.len);
    struct site_entry *e;
    int rc;

    if (site->err != 0)
        return site->err;
    if (s->conf.hub_ms(s->conf.hub_arg) > p->as_of_ms + p->max_stale_ms)
        return FOG_EEXPIRED;
    l->publisher_id = p->publisher_id;
    if (l->path.len == 0)
        return 0;
    if (l->path.len > FOG_PATH_MAX)
        return FOG_ERANGE;
    memcpy(key, p->table.id.b, sizeof p->table.id);
    memcpy(key + sizeof p->table.id, l->path.p, l->path.len);
    if ((e = fog_map_get(s->entries, k)) != NULL && e->load == NULL) {
        e->visited = true;
        s->conf.stats->site_hit++;
        l->obj = edge_object_ref(e->obj);
        return 0;
    }
    s->conf.stats->site_miss++;
    rc = e != NULL ? -EINPROGRESS : entry_load(s, site, k, l->path, &e, &l->obj);
    if (rc == -EINPROGRESS) {
        l->entry = e;
        fog_list_push_back(&e->waiters, &l->link);
    }
    return rc;
}

/* --- sites --- */

static void site_drop(struct edge_sites *s, struct site *site)
{
    fog_link_remove(&site->link);
    fog_map_del(s->sites, fog_bytes_str(site->label));
    free(site);
}

/* Makes room for one more: the least recently used that nothing is going on with. When all of the
 * last few are busy the table grows for a while; their number is bounded by the open requests. */
static void evict_site(struct edge_sites *s)
{
    for (int tries = 0; tries < 8; tries++) {
        struct site *site = FOG_CONTAINER(fog_list_last(&s->order), site, link);

        if (!site->asking && site->pins == 0) {
            site_drop(s, site);
            return;
        }
        fog_link_remove(&site->link);
        fog_list_push_front(&s->order, &site->link);
    }
}

static struct site *site_get(struct edge_sites *s, const char *label)
{
    struct site *site = fog_map_get(s->sites, fog_bytes_str(label));

    if (site != NULL) {
        fog_link_remove(&site->link);
        fog_list_push_front(&s->order, &site->link);
        return site;
    }
    if (fog_map_count(s->sites) >= SITES_MAX)
        evict_site(s);
    site = FOG_NEW(site);
    site->sites = s;
    (void)snprintf(site->label, sizeof site->label, "%s", label);
    fog_list_init(&site->waiters);
    fog_map_put(s->sites, fog_bytes_str(label), site);
    fog_list_push_front(&s->order, &site->link);
    return site;
}

/* Takes over the source's answer on the pointer. 0: look-ups can go on with what is known. */
static int site_answer(struct site *site, int rc)
{
    site->asking = false;
    if (rc == 0 || rc == -ENOENT) {
        site->known = true;
        site->err = rc;
        if (rc == 0)
            site->pointer = site->incoming;
    } else if (!site->known) {
        return rc;
    } else {
        fog_debug("edge.pointer_kept", "site=%s err=%s", site->label, fog_errname(rc));
    }
    site->checked_ms = fog_loop_now_ms(site->sites->conf.loop);
    return 0;
}

static void on_pointer_op(struct edge_op *op, int err)
{
    struct site *site = FOG_CONTAINER(op, site, op);
    struct edge_sites *s = site->sites;
    int known = site_answer(site, err);
    struct fog_list waiters;
    struct fog_link *first;

    /* a waiter's callback may start look-ups on this very site */
    list_move(&site->waiters, &waiters);
    site->pins++;
    while ((first = fog_list_pop_front(&waiters)) != NULL) {
        struct edge_lookup *l = FOG_CONTAINER(first, edge_lookup, link);
        int rc = known != 0 ? known : lookup_path(s, site, l);

        if (rc != -EINPROGRESS)
            l->on_done(l, rc);
    }
    site->pins--;
}

static int site_ask(struct edge_sites *s, struct site *site)
{
    int rc;

    site->op.on_done = on_pointer_op;
    site->asking = true;
    site->changed = false;
    rc = s->conf.source->pointer(s->conf.source->arg, site->label, &site->op, &site->incoming);
    return rc == -EINPROGRESS ? rc : site_answer(site, rc);
}

int edge_lookup_start(struct edge_sites *s, const char *label, struct fog_bytes path,
                      struct edge_lookup *l)
{
    struct site *site = site_get(s, label);
    int rc = 0;

    l->sites = s;
    l->site = label;
    l->path = path;
    l->obj = NULL;
    l->entry = NULL;
    memset(&l->link, 0, sizeof l->link);
    if (site->asking)
        rc = -EINPROGRESS;
    else if (!site->known || site->changed ||
             fog_loop_now_ms(s->conf.loop) - site->checked_ms >= s->conf.pointer_ttl_ms)
        rc = site_ask(s, site);
    if (rc == -EINPROGRESS)
        fog_list_push_back(&site->waiters, &l->link);
    return rc != 0 ? rc : lookup_path(s, site, l);
}

void edge_lookup_cancel(struct edge_lookup *l)
{
    struct site_entry *e = l->entry;
    struct edge_sites *s = l->sites;

    if (!fog_link_linked(&l->link))
        return;
    fog_link_remove(&l->link);
    l->entry = NULL;
    if (e == NULL || !fog_list_empty(&e->waiters))
        return;
    s->conf.source->cancel(s->conf.source->arg, &e->load->op);
    entry_drop(s, e);
}

void edge_sites_pointer_changed(struct edge_sites *s, const char *label)
{
    struct site *site = fog_map_get(s->sites, fog_bytes_str(label));

    if (site != NULL)
        site->changed = true;
}

struct edge_sites *edge_sites_new(const struct edge_sites_conf *conf)
{
    struct edge_sites *s = FOG_NEW(edge_sites);

    s->conf = *conf;
    s->sites = fog_map_new(conf->seed);
    s->entries = fog_map_new(conf->seed);
    fog_list_init(&s->order);
    fog_list_init(&s->sieve);
    return s;
}

void edge_sites_free(struct edge_sites **sp)
{
    struct edge_sites *s = *sp;

    *sp = NULL;
    if (s == NULL)
        return;
    drop_all(s, &s->sieve);
    FOG_ASSERT(fog_map_count(s->entries) == 0);
    FOG_LIST_EACH(&s->order, it)
    {
        struct site *site = FOG_CONTAINER(it, site, link);

        FOG_ASSERT(fog_list_empty(&site->waiters));
        if (site->asking)
            s->conf.source->cancel(s->conf.source->arg, &site->op);
        site_drop(s, site);
    }
    fog_map_free(&s->sites);
    fog_map_free(&s->entries);
    free(s);
}
