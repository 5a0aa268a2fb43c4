#include "core/http/server.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/http/fields.h"
#include "core/http/server_in.h"
#include "core/obs/log.h"

#define TICK_MAX_MS 1000

static fog_time_ms smaller(fog_time_ms a, fog_time_ms b)
{
    return a < b ? a : b;
}

static void set_defaults(struct fog_http_limits *l)
{
    if (l->header_bytes == 0)
        l->header_bytes = 32 * 1024;
    if (l->streams == 0)
        l->streams = 100;
    if (l->connections == 0)
        l->connections = 450;
    if (l->idle_ms == 0)
        l->idle_ms = 60000;
    if (l->header_ms == 0)
        l->header_ms = 10000;
    if (l->body_ms == 0)
        l->body_ms = 30000;
    if (l->stall_ms == 0)
        l->stall_ms = 30000;
}

/* Looks at every connection: at the default limits once a second, which costs less than a timer per
 * request. */
static void on_tick(void *arg)
{
    struct fog_http_server *s = FOG_CAST(fog_http_server, SERVER_MAGIC, arg);
    fog_time_ms now_ms = fog_loop_now_ms(s->loop);

    FOG_LIST_EACH(&s->conns, it)
    {
        struct server_conn *sc = FOG_CONTAINER(it, server_conn, link);

        sc->ops->check(sc, now_ms);
    }
    if (s->n_conns > 0)
        fog_timer_start(s->tick, s->tick_ms);
}

struct fog_http_server *fog_http_server_new(struct fog_loop *loop,
                                            const struct fog_http_server_conf *conf)
{
    struct fog_http_server *s = FOG_NEW(fog_http_server);
    struct fog_http_limits *l = &s->conf.limits;

    s->magic = SERVER_MAGIC;
    s->loop = loop;
    s->conf = *conf;
    set_defaults(l);
    fog_list_init(&s->conns);
    s->tick = fog_timer_new(loop, on_tick, s);
    s->tick_ms = smaller(smaller(l->idle_ms, l->header_ms), smaller(l->body_ms, l->stall_ms)) / 4;
    s->tick_ms = smaller(s->tick_ms, TICK_MAX_MS) + 1;
    return s;
}

void fog_http_server_free(struct fog_http_server **sp)
{
    struct fog_http_server *s = *sp;
    struct fog_link *it;

    *sp = NULL;
    if (s == NULL)
        return;
    s->drained = NULL;
    while ((it = fog_list_first(&s->conns)) != NULL) {
        struct server_conn *sc = FOG_CONTAINER(it, server_conn, link);

        fog_conn_adopt(sc->conn, NULL, NULL);
        fog_conn_abort(sc->conn);
        server_conn_gone(sc, FOG_ECANCELED);
    }
    while (s->n_spare > 0)
        free(s->spare[--s->n_spare]);
    fog_timer_free(&s->tick);
    s->magic = 0;
    free(s);
}

/* Room for one more: the connection that has been idle longest gives way. */
static bool make_room(struct fog_http_server *s)
{
    if (s->n_conns < s->conf.limits.connections)
        return true;
    FOG_LIST_EACH(&s->conns, it)
    {
        struct server_conn *sc = FOG_CONTAINER(it, server_conn, link);

        if (sc->n_reqs == 0 && !sc->draining) {
            sc->ops->drain(sc);
            return true;
        }
    }
    return false;
}

void fog_http_server_adopt(struct fog_http_server *s, struct fog_conn *c)
{
    const char *alpn = fog_conn_alpn(c);

    if (s->draining || !make_room(s)) {
        fog_debug("http.refuse", "reason=%s open=%u", s->draining ? "draining" : "full",
                  s->n_conns);
        fog_conn_adopt(c, NULL, NULL);
        fog_conn_abort(c);
        return;
    }
    if (strcmp(alpn, "h2") == 0 || strncmp(alpn, "fog-", 4) == 0)
        h2_server_adopt(s, c);
    else
        h1_server_adopt(s, c);
}

void server_conn_init(struct server_conn *sc, struct fog_http_server *s, struct fog_conn *c,
                      const struct server_conn_ops *ops)
{
    sc->magic = SERVER_CONN_MAGIC;
    sc->ops = ops;
    sc->server = s;
    sc->conn = c;
    fog_list_init(&sc->reqs);
    fog_list_push_back(&s->conns, &sc->link);
    s->n_conns++;
    server_conn_touch(sc);
    sc->acked_ms = sc->active_ms;
    sc->acked_seen = fog_conn_acked(c);
    if (!fog_timer_running(s->tick))
        fog_timer_start(s->tick, s->tick_ms);
}

static void check_drained(struct fog_http_server *s)
{
    void (*drained)(void *arg) = s->drained;

    if (!s->draining || s->n_conns > 0 || drained == NULL)
        return;
    s->drained = NULL;
    drained(s->drained_arg);
}

void server_conn_gone(struct server_conn *sc, int err)
{
    struct fog_http_server *s = sc->server;
    struct fog_link *it;

    while ((it = fog_list_first(&sc->reqs)) != NULL)
        req_end(FOG_CONTAINER(it, fog_http_req, link), err == 0 ? FOG_ECLOSED : err);
    fog_link_remove(&sc->link);
    s->n_conns--;
    sc->magic = 0;
    sc->ops->destroy(sc);
    check_drained(s);
}

void server_conn_touch(struct server_conn *sc)
{
    struct fog_http_server *s = sc->server;

    sc->active_ms = fog_loop_now_ms(s->loop);
    if (!fog_link_linked(&sc->link))
        return;
    fog_link_remove(&sc->link);
    fog_list_push_back(&s->conns, &sc->link);
}

bool server_conn_check(struct server_conn *sc, fog_time_ms now_ms)
{
    const struct fog_http_limits *l = &sc->server->conf.limits;
    uint64_t acked = fog_conn_acked(sc->conn);
    const char *why = NULL;

    if (acked != sc->acked_seen || fog_conn_queued(sc->conn) == 0) {
        sc->acked_seen = acked;
        sc->acked_ms = now_ms;
    }
    if (now_ms - sc->acked_ms > l->stall_ms)
        why = "stall";
    else if (sc->head_ms != 0 && now_ms - sc->head_ms > l->header_ms)
        why = "slow-header";
    if (why != NULL) {
        fog_debug("http.timeout", "reason=%s", why);
        fog_conn_abort(sc->conn);
        return true;
    }
    if (sc->n_reqs == 0 && sc->head_ms == 0 && now_ms - sc->active_ms > l->idle_ms && !sc->draining)
        sc->ops->drain(sc);
    return false;
}

int server_req_check(struct fog_http_req *r, fog_time_ms now_ms)
{
    const struct fog_http_limits *l = &r->sc->server->conf.limits;

    /* We wait for the peer when somebody reads, or when we read over what nobody wants. */
    if (!r->body.complete && !r->body.paused && (r->body.attached || r->started) &&
        now_ms - r->body.last_ms > l->body_ms)
        return -ETIMEDOUT;
    return 0;
}

void fog_http_server_drain(struct fog_http_server *s, void (*done)(void *arg), void *arg)
{
    s->draining = true;
    s->drained = done;
    s->drained_arg = arg;
    FOG_LIST_EACH(&s->conns, it)
    {
        struct server_conn *sc = FOG_CONTAINER(it, server_conn, link);

        sc->ops->drain(sc);
    }
    check_drained(s);
}

unsigned fog_http_server_open(const struct fog_http_server *s)
{
    return s->n_conns;
}

struct fog_bytes server_date(struct fog_http_server *s)
{
    int64_t now_s = fog_wall_ms() / 1000;

    if (now_s != s->date_s) {
        s->date_s = now_s;
        fog_http_date_format(now_s, s->date);
    }
    return fog_bytes_str(s->date);
}

void *server_req_memory(struct fog_http_server *s)
{
    void *p = s->n_spare > 0 ? s->spare[--s->n_spare] : malloc(REQ_BYTES);

    FOG_ASSERT(p != NULL);
    return p;
}

void server_req_give_back(struct fog_http_server *s, void *p)
{
    if (s->n_spare < REQ_SPARE)
        s->spare[s->n_spare++] = p;
    else
        free(p);
}
