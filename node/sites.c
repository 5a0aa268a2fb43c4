#include "node/sites.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/content/pointer.h"
#include "core/crypto/rng_system.h"
#include "core/io/loop.h"
#include "core/obs/log.h"
#include "storage/storage.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define ASK_TIMEOUT_MS 2000

struct site {
    struct fog_site_id id;
    bool known;
    struct fog_pointer pointer;
    fog_time_ms as_of_ms;     /* hub time */
    fog_time_ms absent_until; /* monotonic, when not known */
    bool asking;
};

struct sites {
    struct sites_conf conf;
    pthread_mutex_t lock;
    struct fog_map *by_id; /* struct site */
    struct fog_list loops;
    struct fog_pub hubs[SITES_HUBS]; /* control loop */
    size_t n_hubs;
    struct fog_list saves; /* control loop: pointers being written */
};

struct sites_loop {
    struct sites *sites;
    struct fog_link link;
    struct fog_loop *loop;
    struct fog_list waits;
    struct fog_timer *timer; /* gives up on asks that nobody answered */
    void (*changed)(void *arg, const char *site);
    void *arg;
};

static struct fog_bytes key_of(const struct fog_site_id *id)
{
    return fog_bytes_of(id->b, sizeof id->b);
}

/* Under the lock; NULL when the table is full. */
static struct site *site_make(struct sites *s, const struct fog_site_id *id)
{
    struct site *x = fog_map_get(s->by_id, key_of(id));

    if (x != NULL || fog_map_count(s->by_id) >= SITES_MAX)
        return x;
    x = FOG_NEW(site);
    x->id = *id;
    (void)fog_map_put(s->by_id, key_of(id), x);
    return x;
}

/* ---- telling the loops ---- */

struct news {
    struct sites_loop *sl;
    struct fog_site_id site;
    int err; /* for those who wait */
};

static void wake(struct sites_loop *sl, const struct fog_site_id *site, int err)
{
    FOG_LIST_EACH(&sl->waits, it)
    {
        struct sites_wait *w = FOG_CONTAINER(it, sites_wait, link);

        if (memcmp(w->site.b, site->b, sizeof site->b) != 0)
            continue;
        fog_link_remove(&w->link);
        w->on_done(w, err);
        it_next = sl->waits.head.next; /* a callback may have changed the list */
    }
}

static void on_news(void *arg)
{
    struct news *n = arg;
    char label[FOG_SITE_LABEL_LEN + 1];

    fog_site_label(&n->site, label);
    if (n->err == 0)
        n->sl->changed(n->sl->arg, label);
    wake(n->sl, &n->site, n->err);
    free(n);
}

static void tell_all(struct sites *s, const struct fog_site_id *site, int err)
{
    pthread_mutex_lock(&s->lock);
    FOG_LIST_EACH(&s->loops, it)
    {
        struct news *n = FOG_NEW(news);

        n->sl = FOG_CONTAINER(it, sites_loop, link);
        n->site = *site;
        n->err = err;
        fog_loop_post(n->sl->loop, on_news, n);
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- durable form: pointer, key document, delegate, each with its length ---- */

static void record_encode(struct fog_bytes pointer, struct fog_bytes keydoc,
                          struct fog_bytes delegate, struct fog_buf *out)
{
    fog_wr_lp16(out, pointer);
    fog_wr_lp16(out, keydoc);
    fog_wr_lp16(out, delegate);
}

static int verify(const struct sites *s, const struct fog_site_id *site, struct fog_bytes pointer,
                  struct fog_bytes keydoc, struct fog_bytes delegate, struct fog_pointer *out)
{
    struct fog_delegate d;
    struct fog_site_id id;
    struct fog_keydoc doc;
    int rc;

    if ((rc = fog_keydoc_decode(keydoc, &s->conf.fog_id, &doc)) != 0 ||
        (rc = fog_pointer_decode(pointer, out)) != 0)
        return rc;
    if (delegate.len > 0 && (rc = fog_delegate_decode(delegate, &d)) != 0)
        return rc;
    fog_site_id_of(&s->conf.fog_id, &out->publisher_id, fog_bytes_str(out->site), &id);
    if (memcmp(id.b, site->b, sizeof id.b) != 0)
        return FOG_EVERIFY;
    return fog_pointer_verify(out, &doc, delegate.len > 0 ? &d : NULL, &s->conf.fog_id,
                              s->conf.hub_ms(s->conf.hub_arg));
}

static void name_of(const struct fog_site_id *site, struct fog_hash *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->b, site->b, sizeof site->b);
}

static int on_stored_site(const struct fog_hash *name, const struct storage_info *info,
                          struct fog_bytes body, void *arg)
{
    struct sites *s = arg;
    struct fog_rd r = fog_rd_of(body);
    struct fog_bytes pointer = fog_rd_lp16(&r, FOG_POINTER_MAX);
    struct fog_bytes keydoc = fog_rd_lp16(&r, FOG_KEYDOC_MAX * 2);
    struct fog_bytes delegate = fog_rd_lp16(&r, FOG_DELEGATE_MAX);
    struct fog_site_id id;
    struct fog_pointer p;
    struct site *x;
    int rc = fog_rd_done(&r);

    (void)info;
    memcpy(id.b, name->b, sizeof id.b);
    if (rc == 0)
        rc = verify(s, &id, pointer, keydoc, delegate, &p);
    /* A delegation that ran out says nothing about what was signed under it in its time. */
    if (rc != 0 && rc != FOG_EEXPIRED) {
        fog_unusual("sites.stored", "error=\"%s\"", fog_strerror(rc));
        return 0;
    }
    x = site_make(s, &id);
    if (x != NULL) {
        x->known = true;
        x->pointer = p;
    }
    return 0;
}

struct save {
    struct fog_link link; /* in sites->saves, until done */
    struct fog_hash name;
    uint32_t gen;
    uint64_t seq;
    struct fog_buf body;
    int rc;
};

static void save_work(struct storage *st, void *arg)
{
    struct save *v = arg;

    v->rc = storage_put_named_sync(st, FOG_KIND_POINTER, &v->name, v->gen, v->seq,
                                   fog_buf_bytes(&v->body), NULL, true);
}

static void save_free(struct save *v)
{
    fog_link_remove(&v->link);
    fog_buf_fini(&v->body);
    free(v);
}

static void save_done(void *arg)
{
    struct save *v = arg;

    if (v->rc != 0 && v->rc != FOG_ESTALE)
        fog_unusual("sites.save", "error=\"%s\"", fog_strerror(v->rc));
    save_free(v);
}

static int save(struct sites *s, const struct fog_site_id *site, const struct fog_pointer *p,
                struct fog_bytes pointer, struct fog_bytes keydoc, struct fog_bytes delegate)
{
    struct save *v = FOG_NEW(save);
    int rc;

    name_of(site, &v->name);
    v->gen = p->gen;
    v->seq = p->seq;
    record_encode(pointer, keydoc, delegate, &v->body);
    rc = storage_submit(s->conf.control_store, save_work, save_done, v);
    if (rc < 0)
        save_free(v);
    else
        fog_list_push_back(&s->saves, &v->link);
    return rc < 0 ? rc : 0;
}

int sites_take(struct sites *s, const struct fog_site_id *site, struct fog_bytes pointer,
               struct fog_bytes keydoc, struct fog_bytes delegate)
{
    struct fog_pointer p;
    struct site *x;
    bool newer = false;
    int rc = verify(s, site, pointer, keydoc, delegate, &p);

    if (rc != 0)
        return rc;
    pthread_mutex_lock(&s->lock);
    x = site_make(s, site);
    if (x == NULL) {
        rc = FOG_ELIMIT;
    } else if (x->known && fog_pointer_cmp(&p, &x->pointer) < 0) {
        rc = FOG_ESTALE;
    } else {
        newer = !x->known || fog_pointer_cmp(&p, &x->pointer) > 0;
        x->known = true;
        x->asking = false;
        x->pointer = p;
        /* It came from a hub just now: as good as its word that this is the newest. */
        x->as_of_ms = s->conf.hub_ms(s->conf.hub_arg);
    }
    pthread_mutex_unlock(&s->lock);
    if (rc != 0)
        return rc;
    tell_all(s, site, 0);
    return newer ? save(s, site, &p, pointer, keydoc, delegate) : 0;
}

void sites_set_hubs(struct sites *s, const struct fog_pub *keys, size_t n)
{
    s->n_hubs = n < SITES_HUBS ? n : SITES_HUBS;
    if (s->n_hubs > 0)
        memcpy(s->hubs, keys, s->n_hubs * sizeof *keys);
}

static int check_fresh(const struct sites *s, const struct fog_fresh *f)
{
    int rc = FOG_EVERIFY;

    for (size_t i = 0; rc != 0 && i < s->n_hubs; i++)
        rc = fog_fresh_verify(f, &s->hubs[i], &s->conf.fog_id);
    return rc;
}

int sites_fresh(struct sites *s, struct fog_bytes fresh)
{
    struct fog_site_id id;
    struct fog_fresh f;
    struct site *x;
    int rc = fog_fresh_decode(fresh, &f);

    if (rc != 0 || (rc = check_fresh(s, &f)) != 0)
        return rc;
    fog_site_id_of(&s->conf.fog_id, &f.publisher_id, fog_bytes_str(f.site), &id);
    pthread_mutex_lock(&s->lock);
    x = fog_map_get(s->by_id, key_of(&id));
    if (x != NULL && x->known && f.gen == x->pointer.gen && f.seq == x->pointer.seq &&
        f.as_of_ms > x->as_of_ms)
        x->as_of_ms = f.as_of_ms;
    pthread_mutex_unlock(&s->lock);
    return 0;
}

void sites_refused(struct sites *s, const struct fog_site_id *site)
{
    struct site *x;

    pthread_mutex_lock(&s->lock);
    x = fog_map_get(s->by_id, key_of(site));
    if (x != NULL) {
        x->asking = false;
        x->absent_until = fog_loop_now_ms(s->conf.control) + SITES_ABSENT_MS;
    }
    pthread_mutex_unlock(&s->lock);
    tell_all(s, site, -ENOENT);
}

/* ---- looking up ---- */

static void pointer_of(const struct sites *s, const struct site *x, struct edge_pointer *out)
{
    *out = (struct edge_pointer){
        .publisher_id = x->pointer.publisher_id,
        .table = x->pointer.table,
        .gen = x->pointer.gen,
        .seq = x->pointer.seq,
        .issued_ms = x->pointer.issued_ms,
        .as_of_ms = x->as_of_ms > x->pointer.issued_ms ? x->as_of_ms : x->pointer.issued_ms,
        .max_stale_ms = (fog_time_ms)x->pointer.max_stale_s * 1000,
    };
    if (s->conf.own)
        out->as_of_ms = s->conf.hub_ms(s->conf.hub_arg);
}

struct question {
    struct sites *sites;
    struct fog_site_id site;
};

static void on_question(void *arg)
{
    struct question *q = arg;

    q->sites->conf.ask(q->sites->conf.ask_arg, &q->site);
    free(q);
}

/* Under the lock: whether a hub has to be asked, and by us. */
static bool begin_ask(struct site *x, fog_time_ms now_ms, int *rc)
{
    if (x == NULL || now_ms < x->absent_until) {
        *rc = -ENOENT;
        return false;
    }
    *rc = -EINPROGRESS;
    if (x->asking)
        return false;
    x->asking = true;
    x->absent_until = 0;
    return true;
}

int sites_get(struct sites_loop *sl, const char *label, struct edge_pointer *out,
              struct sites_wait *w)
{
    struct sites *s = sl->sites;
    struct fog_site_id id;
    struct site *x;
    bool ask = false;
    int rc = 0;

    if (fog_site_label_parse(fog_bytes_str(label), &id) != 0)
        return -ENOENT;
    pthread_mutex_lock(&s->lock);
    x = fog_map_get(s->by_id, key_of(&id));
    if (x != NULL && x->known)
        pointer_of(s, x, out);
    else if (s->conf.ask == NULL)
        rc = -ENOENT;
    else
        ask = begin_ask(site_make(s, &id), fog_loop_now_ms(sl->loop), &rc);
    pthread_mutex_unlock(&s->lock);
    if (rc == -EINPROGRESS) {
        w->site = id;
        fog_list_push_back(&sl->waits, &w->link);
        if (!fog_timer_running(sl->timer))
            fog_timer_start(sl->timer, ASK_TIMEOUT_MS);
    }
    if (ask) {
        struct question *q = FOG_NEW(question);

        q->sites = s;
        q->site = id;
        fog_loop_post(s->conf.control, on_question, q);
    }
    return rc;
}

void sites_unwait(struct sites_wait *w)
{
    fog_link_remove(&w->link);
}

/* No hub answered in time: whoever still waits is told so; the next request asks again. */
static void on_ask_timeout(void *arg)
{
    struct sites_loop *sl = arg;
    struct fog_link *it;

    while ((it = fog_list_pop_front(&sl->waits)) != NULL) {
        struct sites_wait *w = FOG_CONTAINER(it, sites_wait, link);
        struct site *x;

        pthread_mutex_lock(&sl->sites->lock);
        x = fog_map_get(sl->sites->by_id, key_of(&w->site));
        if (x != NULL)
            x->asking = false;
        pthread_mutex_unlock(&sl->sites->lock);
        w->on_done(w, -ETIMEDOUT);
    }
}

bool sites_publisher(struct sites *s, const struct fog_site_id *site, struct fog_hash *out)
{
    struct site *x;
    bool known;

    pthread_mutex_lock(&s->lock);
    x = fog_map_get(s->by_id, key_of(site));
    known = x != NULL && x->known;
    if (known)
        *out = x->pointer.publisher_id;
    pthread_mutex_unlock(&s->lock);
    return known;
}

size_t sites_count(struct sites *s)
{
    struct fog_bytes key;
    struct site *x;
    size_t at = 0, n = 0;

    pthread_mutex_lock(&s->lock);
    while ((x = fog_map_next(s->by_id, &at, &key)) != NULL)
        n += x->known;
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* ---- life ---- */

int sites_new(const struct sites_conf *conf, struct sites **out)
{
    struct sites *s = FOG_NEW(sites);
    struct fog_rng rng = fog_rng_system();
    uint8_t seed[16];
    int rc;

    fog_rng_fill(&rng, seed, sizeof seed);
    s->conf = *conf;
    pthread_mutex_init(&s->lock, NULL);
    s->by_id = fog_map_new(seed);
    fog_list_init(&s->loops);
    fog_list_init(&s->saves);
    rc = storage_list_named(conf->store, FOG_KIND_POINTER, on_stored_site, s);
    if (rc != 0) {
        sites_free(&s);
        return rc;
    }
    *out = s;
    return 0;
}

void sites_free(struct sites **ps)
{
    struct sites *s = *ps;
    struct site *x;
    size_t at = 0;

    *ps = NULL;
    if (s == NULL)
        return;
    FOG_LIST_EACH(&s->saves, it)
    save_free(FOG_CONTAINER(it, save, link));
    while ((x = fog_map_next(s->by_id, &at, NULL)) != NULL)
        free(x);
    fog_map_free(&s->by_id);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct sites_loop *sites_loop_new(struct sites *s, struct fog_loop *loop,
                                  void (*changed)(void *arg, const char *site), void *arg)
{
    struct sites_loop *sl = FOG_NEW(sites_loop);

    sl->sites = s;
    sl->loop = loop;
    sl->changed = changed;
    sl->arg = arg;
    fog_list_init(&sl->waits);
    sl->timer = fog_timer_new(loop, on_ask_timeout, sl);
    pthread_mutex_lock(&s->lock);
    fog_list_push_back(&s->loops, &sl->link);
    pthread_mutex_unlock(&s->lock);
    return sl;
}

void sites_loop_free(struct sites_loop **psl)
{
    struct sites_loop *sl = *psl;

    *psl = NULL;
    if (sl == NULL)
        return;
    pthread_mutex_lock(&sl->sites->lock);
    fog_link_remove(&sl->link);
    pthread_mutex_unlock(&sl->sites->lock);
    fog_timer_free(&sl->timer);
    free(sl);
}
