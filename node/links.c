#include "node/links.h"

#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/crypto/rng_system.h"
#include "core/http/client.h"
#include "core/io/conn.h"
#include "core/obs/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LINKS_PER_LOOP 256

struct links {
    struct links_conf conf;
    struct fog_tls_client *tls;
    struct links_loop **loops;
    pthread_mutex_t lock;
    struct fog_map *home; /* key -> the links_loop that holds its connection; under the lock */
};

/* One peer's connection, or the wait for it. Belongs to one loop. */
struct link {
    struct links_loop *ll;
    struct fog_link in_loop;
    struct links_peer peer;
    struct fog_conn *dialling;
    struct fog_http_link *http; /* open */
    struct fog_list fetches;    /* waiting or running here */
    struct fog_timer *timer;    /* give up waiting, or close when idle */
    bool dead;                  /* to be freed in the next turn */
};

struct links_loop {
    struct links *links;
    unsigned index;
    struct fog_loop *loop;
    struct fog_map *by_key; /* struct link */
    struct fog_list all;
};

/* A request, known on two loops: `from` asked, the link's loop does it. Each side touches its own
 * fields only; what they tell each other is posted. */
struct links_fetch {
    atomic_uint refs;
    struct links_loop *from;
    _Atomic(struct links_loop *) at; /* whose turn the second half is; changed on that loop only */
    struct links_peer peer;
    char path[LINKS_PATH_MAX];
    size_t max_body;
    /* of `from` */
    struct links_ops ops;
    void *arg;
    bool over; /* ended or cancelled: nothing is reported any more */
    /* of the link's loop */
    struct fog_link in_link;
    struct link *link;
    struct fog_http_call *call;
    size_t got;
    bool answered;
    bool done;
};

enum event_kind { EV_RESPONSE, EV_DATA, EV_END };

/* Something for the asking loop: a status, bytes, or the end. */
struct event {
    struct links_fetch *f;
    enum event_kind kind;
    int value;
    size_t len;
    uint8_t data[];
};

static struct fog_bytes key_of(const struct links_peer *p)
{
    return fog_bytes_of(p->key, sizeof p->key);
}

/* The analyzer does not follow atomic counts: to it each call may be the one that frees. */
static void fetch_unref(struct links_fetch *f)
{
    if (atomic_fetch_sub(&f->refs, 1) == 1)
        free(f);
}

/* ---- back to the asking loop ---- */

static void on_event(void *arg)
{
    struct event *ev = arg;
    struct links_fetch *f = ev->f;

    if (!f->over) {
        if (ev->kind == EV_RESPONSE) {
            f->ops.on_response(f->arg, ev->value);
        } else if (ev->kind == EV_DATA) {
            f->ops.on_data(f->arg, fog_bytes_of(ev->data, ev->len));
        } else {
            f->over = true;
            f->ops.on_end(f->arg, ev->value);
            fetch_unref(f); /* the asking side's */
        }
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): counted, see fetch_unref */
    fetch_unref(f);
    free(ev);
}

static void tell(struct links_fetch *f, enum event_kind kind, int value, struct fog_bytes data)
{
    struct event *ev = fog_alloc(sizeof *ev + data.len);

    atomic_fetch_add(&f->refs, 1);
    ev->f = f;
    ev->kind = kind;
    ev->value = value;
    ev->len = data.len;
    if (data.len > 0)
        memcpy(ev->data, data.p, data.len);
    fog_loop_post(f->from->loop, on_event, ev);
}

/* Ends a fetch on the link's side: the answer goes back, the link's reference is dropped. */
static void finish(struct links_fetch *f, int err)
{
    if (f->done)
        return;
    f->done = true;
    fog_link_remove(&f->in_link);
    f->link = NULL;
    tell(f, EV_END, err, (struct fog_bytes){0});
    fetch_unref(f);
}

/* ---- registry ---- */

static struct links_loop *home_of(struct links *l, const struct links_peer *peer)
{
    struct links_loop *ll;
    uint32_t spread;

    pthread_mutex_lock(&l->lock);
    ll = fog_map_get(l->home, key_of(peer));
    pthread_mutex_unlock(&l->lock);
    if (ll != NULL)
        return ll;
    memcpy(&spread, peer->key, sizeof spread);
    return l->loops[spread % l->conf.n_loops];
}

static void set_home(struct links_loop *ll, const struct links_peer *peer, bool here)
{
    struct links *l = ll->links;

    pthread_mutex_lock(&l->lock);
    if (here)
        (void)fog_map_put(l->home, key_of(peer), ll);
    else if (fog_map_get(l->home, key_of(peer)) == ll)
        (void)fog_map_del(l->home, key_of(peer));
    pthread_mutex_unlock(&l->lock);
}

/* ---- the link's loop ---- */

static void on_free_link(void *arg)
{
    struct link *k = arg;

    fog_timer_free(&k->timer);
    fog_http_link_free(&k->http);
    free(k);
}

/* Takes a link out of use; it is freed in the next turn, because a callback of its connection may
 * be running. */
static void link_drop(struct link *k, int err)
{
    if (k->dead)
        return;
    k->dead = true;
    set_home(k->ll, &k->peer, false);
    if (fog_map_get(k->ll->by_key, key_of(&k->peer)) == k)
        (void)fog_map_del(k->ll->by_key, key_of(&k->peer));
    fog_link_remove(&k->in_loop);
    fog_timer_stop(k->timer);
    if (k->dialling != NULL)
        fog_conn_close(k->dialling);
    k->dialling = NULL;
    FOG_LIST_EACH(&k->fetches, it)
    finish(FOG_CONTAINER(it, links_fetch, in_link), err);
    fog_loop_post(k->ll->loop, on_free_link, k);
}

static void on_call_response(struct fog_http_call *call, int status,
                             const struct fog_http_header *headers, size_t n, void *arg)
{
    struct links_fetch *f = arg;

    (void)call;
    (void)headers;
    (void)n;
    f->answered = true;
    tell(f, EV_RESPONSE, status, (struct fog_bytes){0});
}

static bool on_call_data(struct fog_http_call *call, struct fog_bytes data, void *arg)
{
    struct links_fetch *f = arg;

    if (f->done)
        return true;
    f->got += data.len;
    if (f->got > f->max_body) {
        f->call = NULL;
        fog_http_call_cancel(call);
        finish(f, FOG_ELIMIT);
        return true;
    }
    tell(f, EV_DATA, 0, data);
    return true;
}

static void on_call_end(struct fog_http_call *call, int err, void *arg)
{
    struct links_fetch *f = arg;
    struct link *k = f->link;

    (void)call;
    f->call = NULL;
    finish(f, err);
    if (k != NULL && fog_list_empty(&k->fetches) && !k->dead)
        fog_timer_start(k->timer, LINKS_IDLE_MS);
}

static void run_fetch(struct link *k, struct links_fetch *f)
{
    static const struct fog_http_call_ops ops = {on_call_response, on_call_data, on_call_end};
    const struct fog_http_fetch get = {.url = f->path};
    int rc = fog_http_link_fetch(k->http, &get, &ops, f, &f->call);

    fog_timer_stop(k->timer);
    if (rc != 0)
        finish(f, rc);
}

static void on_http_close(struct fog_http_link *h, int err, void *arg)
{
    (void)h;
    link_drop(arg, err == 0 ? FOG_ECLOSED : err);
}

/* The connection is open and proven: what waited runs. */
static void link_up(struct link *k, struct fog_conn *c)
{
    k->dialling = NULL;
    k->http = fog_http_link_new(c, on_http_close, k);
    fog_timer_start(k->timer, LINKS_IDLE_MS);
    set_home(k->ll, &k->peer, true);
    FOG_LIST_EACH(&k->fetches, it)
    run_fetch(k, FOG_CONTAINER(it, links_fetch, in_link));
}

static void on_dial_open(struct fog_conn *c, void *arg)
{
    struct link *k = arg;
    uint8_t key[32];

    if (!fog_conn_peer_key(c, key) || memcmp(key, k->peer.key, sizeof key) != 0) {
        fog_unusual("links.wrong_peer", "index=%u", k->ll->index);
        link_drop(k, FOG_EVERIFY);
        return;
    }
    link_up(k, c);
}

static size_t on_dial_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    (void)c;
    (void)arg;
    (void)in;
    return 0; /* kept for the HTTP layer, which adopts the connection */
}

static void on_dial_drain(struct fog_conn *c, void *arg)
{
    (void)c;
    (void)arg;
}

static void on_dial_close(struct fog_conn *c, int err, void *arg)
{
    struct link *k = arg;

    (void)c;
    if (k->dead)
        return;
    k->dialling = NULL;
    link_drop(k, err == 0 ? FOG_ECLOSED : err);
}

static const struct fog_conn_ops dial_ops = {on_dial_open, on_dial_read, on_dial_drain,
                                             on_dial_close};

static void on_link_timer(void *arg)
{
    struct link *k = arg;

    /* Open: idle for long. Not open: the peer did not come. */
    link_drop(k, -ETIMEDOUT);
}

static struct link *link_new(struct links_loop *ll, const struct links_peer *peer)
{
    struct link *k = FOG_NEW(link);

    k->ll = ll;
    k->peer = *peer;
    fog_list_init(&k->fetches);
    k->timer = fog_timer_new(ll->loop, on_link_timer, k);
    fog_list_push_back(&ll->all, &k->in_loop);
    (void)fog_map_put(ll->by_key, key_of(peer), k);
    return k;
}

/* Begins to get a connection; errors come through link_drop. */
static void link_connect(struct link *k)
{
    struct links *l = k->ll->links;
    int rc;

    fog_timer_start(k->timer, LINKS_DIAL_MS);
    if (!k->peer.reachable) {
        if (l->conf.call_peer == NULL) {
            link_drop(k, -EHOSTUNREACH);
            return;
        }
        l->conf.call_peer(l->conf.arg, k->peer.key);
        return;
    }
    rc = fog_addr_check(&k->peer.addr, &l->conf.policy);
    if (rc == 0)
        rc = fog_conn_dial(k->ll->loop, &k->peer.addr, l->tls, NULL, LINKS_DIAL_MS, &dial_ops, k,
                           &k->dialling);
    if (rc != 0) {
        char text[FOG_ADDR_TEXT_MAX];

        fog_addr_format(&k->peer.addr, text);
        fog_unusual("links.dial", "addr=%s error=\"%s\"", text, fog_strerror(rc));
        link_drop(k, rc);
    }
}

static void on_start(void *arg)
{
    struct links_fetch *f = arg;
    struct links_loop *ll = atomic_load(&f->at);
    struct link *k;

    if (f->done) { /* cancelled meanwhile; that dropped the link's reference */
        fetch_unref(f);
        return;
    }
    k = fog_map_get(ll->by_key, key_of(&f->peer));
    if (k == NULL && fog_map_count(ll->by_key) >= LINKS_PER_LOOP) {
        finish(f, FOG_EBUSY);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): counted, see fetch_unref */
        fetch_unref(f);
        return;
    }
    if (k == NULL) {
        k = link_new(ll, &f->peer);
        f->link = k;
        fog_list_push_back(&k->fetches, &f->in_link);
        link_connect(k);
    } else {
        f->link = k;
        fog_list_push_back(&k->fetches, &f->in_link);
        if (k->http != NULL)
            run_fetch(k, f);
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): counted, see fetch_unref */
    fetch_unref(f); /* the post's */
}

static void send_to(struct links_fetch *f, struct links_loop *ll)
{
    atomic_store(&f->at, ll);
    atomic_fetch_add(&f->refs, 1);
    fog_loop_post(ll->loop, on_start, f);
}

/* A called peer arrived on another loop than the one that waits for it: the waiting fetches go
 * there. */
struct moved {
    struct links_loop *ll;
    struct links_loop *to;
    struct links_peer peer;
};

static void on_moved(void *arg)
{
    struct moved *m = arg;
    struct link *k = fog_map_get(m->ll->by_key, key_of(&m->peer));

    if (k != NULL && k->http == NULL) {
        FOG_LIST_EACH(&k->fetches, it)
        {
            struct links_fetch *f = FOG_CONTAINER(it, links_fetch, in_link);

            fog_link_remove(&f->in_link);
            f->link = NULL;
            send_to(f, m->to);
        }
        link_drop(k, FOG_ECANCELED);
    }
    free(m);
}

void links_adopt(struct links_loop *ll, struct fog_conn *c)
{
    struct links_peer peer = {.reachable = false};
    struct link *k;

    FOG_ASSERT(fog_conn_peer_key(c, peer.key));
    peer.addr = *fog_conn_peer_addr(c);
    k = fog_map_get(ll->by_key, key_of(&peer));
    if (k != NULL && k->http != NULL) { /* a second one: the older may be dead already */
        link_drop(k, FOG_ECLOSED);
        k = NULL;
    }
    if (k == NULL)
        k = link_new(ll, &peer);
    link_up(k, c);
    for (unsigned i = 0; i < ll->links->conf.n_loops; i++) {
        struct moved *m;

        if (ll->links->loops[i] == ll)
            continue;
        m = FOG_NEW(moved);
        m->ll = ll->links->loops[i];
        m->to = ll;
        m->peer = peer;
        fog_loop_post(m->ll->loop, on_moved, m);
    }
}

/* ---- asking ---- */

struct links_fetch *links_get(struct links_loop *from, const struct links_peer *peer,
                              const char *path, size_t max_body, const struct links_ops *ops,
                              void *arg)
{
    struct links_fetch *f = FOG_NEW(links_fetch);

    atomic_init(&f->refs, 2); /* one of each side */
    f->from = from;
    f->peer = *peer;
    FOG_ASSERT(fog_strcpy(f->path, sizeof f->path, fog_bytes_str(path)));
    f->max_body = max_body;
    f->ops = *ops;
    f->arg = arg;
    send_to(f, home_of(from->links, peer));
    return f;
}

struct cancel {
    struct links_fetch *f;
    struct links_loop *ll;
};

static void on_cancel(void *arg)
{
    struct cancel *c = arg;
    struct links_fetch *f = c->f;
    struct link *k;

    if (atomic_load(&f->at) != c->ll) { /* it moved to where a called peer arrived: go after it */
        c->ll = atomic_load(&f->at);
        fog_loop_post(c->ll->loop, on_cancel, c);
        return;
    }
    k = f->link;
    if (!f->done) {
        if (f->call != NULL)
            fog_http_call_cancel(f->call);
        f->call = NULL;
        finish(f, FOG_ECANCELED);
        if (k != NULL && k->http != NULL && !k->dead && fog_list_empty(&k->fetches))
            fog_timer_start(k->timer, LINKS_IDLE_MS);
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): counted, see fetch_unref */
    fetch_unref(f);
    free(c);
}

void links_cancel(struct links_fetch **pf)
{
    struct links_fetch *f = *pf;
    struct cancel *c;

    *pf = NULL;
    if (f == NULL || f->over)
        return;
    f->over = true;
    c = FOG_NEW(cancel); /* the asking side's reference travels with it */
    c->f = f;
    c->ll = atomic_load(&f->at);
    fog_loop_post(c->ll->loop, on_cancel, c);
}

/* ---- life ---- */

static struct fog_map *new_map(void)
{
    struct fog_rng rng = fog_rng_system();
    uint8_t seed[16];

    fog_rng_fill(&rng, seed, sizeof seed);
    return fog_map_new(seed);
}

int links_new(const struct links_conf *conf, struct links **out)
{
    static const char *const alpn[] = {"fog-fill/1", NULL};
    struct links *l = FOG_NEW(links);
    int rc;

    l->conf = *conf;
    l->conf.node = fog_tls_cert_ref(conf->node);
    rc = fog_tls_client_new(&(struct fog_tls_client_conf){.node = l->conf.node, .alpn = alpn},
                            &l->tls);
    if (rc != 0) {
        fog_tls_cert_unref(&l->conf.node);
        free(l);
        return rc;
    }
    l->loops = fog_alloc(conf->n_loops * sizeof(struct links_loop *));
    pthread_mutex_init(&l->lock, NULL);
    l->home = new_map();
    *out = l;
    return 0;
}

void links_free(struct links **pl)
{
    struct links *l = *pl;

    *pl = NULL;
    if (l == NULL)
        return;
    fog_tls_client_free(&l->tls);
    fog_tls_cert_unref(&l->conf.node);
    fog_map_free(&l->home);
    pthread_mutex_destroy(&l->lock);
    free(l->loops);
    free(l);
}

struct links_loop *links_loop_new(struct links *l, unsigned index, struct fog_loop *loop)
{
    struct links_loop *ll = FOG_NEW(links_loop);

    FOG_ASSERT(index < l->conf.n_loops && l->loops[index] == NULL);
    ll->links = l;
    ll->index = index;
    ll->loop = loop;
    ll->by_key = new_map();
    fog_list_init(&ll->all);
    l->loops[index] = ll;
    return ll;
}

void links_loop_free(struct links_loop **pll)
{
    struct links_loop *ll = *pll;

    *pll = NULL;
    if (ll == NULL)
        return;
    FOG_LIST_EACH(&ll->all, it)
    {
        struct link *k = FOG_CONTAINER(it, link, in_loop);

        fog_link_remove(&k->in_loop);
        if (k->dialling != NULL)
            fog_conn_close(k->dialling);
        on_free_link(k);
    }
    fog_map_free(&ll->by_key);
    free(ll);
}
