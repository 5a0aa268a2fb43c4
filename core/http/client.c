#include "core/http/client.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/http/call.h"
#include "core/http/h1_client.h"
#include "core/http/h2_client.h"
#include "core/http/url.h"
#include "core/io/resolve.h"
#include "core/obs/log.h"

#define CLIENT_MAGIC 0x48434c49u
#define HOST_MAGIC   0x48484f53u
#define IDLE_MS      30000 /* a pooled connection without calls */
#define TICK_MS      1000
#define ADDRESSES_MS 10000 /* an answer of the resolver is used this long */
#define TRIES_MAX    2
#define PER_HOST_H1  4

struct host;

/* A pooled connection. */
struct pooled {
    struct fog_link link; /* in host->conns */
    struct host *host;
    struct h1_client *h1; /* one of the two */
    struct h2_client *h2;
    fog_time_ms idle_ms; /* since when without a call */
};

enum host_proto { PROTO_UNKNOWN, PROTO_H1, PROTO_H2 };

struct host {
    uint32_t magic;
    struct fog_link link; /* in client->hosts */
    struct fog_http_client *client;
    char name[FOG_URL_HOST_MAX];
    uint16_t port;
    bool tls;
    enum host_proto proto;
    struct fog_list conns;
    unsigned n_conns;
    struct fog_list waiting; /* calls */
    unsigned n_calls;        /* waiting or running */
    struct fog_turn turn;

    /* Dialling: one at a time, so that the first answer tells the protocol. */
    bool dialling;
    struct fog_resolve *resolve;
    struct fog_conn *dial;
    struct fog_addr addrs[FOG_RESOLVE_MAX];
    size_t n_addrs, next_addr;
    fog_time_ms addrs_ms;
    int last_err;
};

struct fog_http_client {
    uint32_t magic;
    struct fog_loop *loop;
    struct fog_http_client_conf conf;
    char *ca_file;
    char *unix_path;
    struct fog_tls_client *tls; /* made at first need */
    struct fog_resolver *resolver;
    struct fog_list hosts;
    struct fog_list calls; /* all */
    struct fog_timer *tick;
};

static void work(struct host *h);
static void dial_next(struct host *h);

static void work_later(struct host *h)
{
    fog_turn_schedule(h->client->loop, &h->turn, FOG_TURN_PRODUCE);
}

/* --- pooled connections --- */

static void pooled_gone(struct pooled *p)
{
    fog_link_remove(&p->link);
    p->host->n_conns--;
    work_later(p->host);
}

static void on_idle(void *arg)
{
    struct pooled *p = arg;

    p->idle_ms = fog_loop_now_ms(p->host->client->loop);
    work_later(p->host);
}

static void on_pooled_close(int err, void *arg)
{
    struct pooled *p = arg;

    (void)err;
    pooled_gone(p);
    h1_client_free(&p->h1);
    h2_client_free(&p->h2);
    free(p);
}

static const struct h1_client_events h1_events = {.on_idle = on_idle, .on_close = on_pooled_close};
static const struct h2_client_events h2_events = {.on_idle = on_idle, .on_close = on_pooled_close};

static void pooled_new(struct host *h, struct fog_conn *c)
{
    struct pooled *p = FOG_NEW(pooled);

    p->host = h;
    p->idle_ms = fog_loop_now_ms(h->client->loop);
    h->proto = strcmp(fog_conn_alpn(c), "h2") == 0 ? PROTO_H2 : PROTO_H1;
    if (h->proto == PROTO_H2)
        p->h2 = h2_client_new(c, &h2_events, p);
    else
        p->h1 = h1_client_new(c, &h1_events, p);
    fog_list_push_back(&h->conns, &p->link);
    h->n_conns++;
}

static void pooled_free(struct pooled *p)
{
    pooled_gone(p);
    h1_client_free(&p->h1);
    h2_client_free(&p->h2);
    free(p);
}

static bool pooled_idle(const struct pooled *p)
{
    return p->h1 != NULL ? h1_client_idle(p->h1) : h2_client_calls(p->h2) == 0;
}

/* --- dialling --- */

static void dial_ended(struct host *h)
{
    h->dialling = false;
    h->dial = NULL;
    work_later(h);
}

/* No address worked: everybody who waits hears why. */
static void dial_failed(struct host *h)
{
    struct fog_link *it;

    h->n_addrs = 0; /* ask the resolver again next time */
    fog_debug("http.dial", "host=%s error=%s", h->name, fog_errname(h->last_err));
    while ((it = fog_list_pop_front(&h->waiting)) != NULL)
        call_fail(FOG_CONTAINER(it, fog_http_call, link), h->last_err);
    dial_ended(h);
}

static void on_dial_open(struct fog_conn *c, void *arg)
{
    struct host *h = FOG_CAST(host, HOST_MAGIC, arg);

    pooled_new(h, c);
    h->next_addr = h->next_addr > 0 ? h->next_addr - 1 : 0; /* this one works: first next time */
    dial_ended(h);
}

static size_t on_dial_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    (void)c;
    (void)in;
    (void)arg;
    return 0; /* on_open comes first and adopts */
}

static void on_dial_close(struct fog_conn *c, int err, void *arg)
{
    struct host *h = FOG_CAST(host, HOST_MAGIC, arg);

    (void)c;
    h->dial = NULL;
    h->last_err = err == 0 ? FOG_ECLOSED : err;
    dial_next(h);
}

static const struct fog_conn_ops dial_ops = {
    .on_open = on_dial_open, .on_read = on_dial_read, .on_close = on_dial_close};

static int make_tls(struct fog_http_client *c)
{
    static const char *const alpn[] = {"h2", "http/1.1", NULL};
    struct fog_tls_client_conf conf = {.ca_file = c->ca_file, .alpn = alpn};

    return c->tls != NULL ? 0 : fog_tls_client_new(&conf, &c->tls);
}

/* Tries the next address; the policy is checked on exactly what is connected to. */
static void dial_next(struct host *h)
{
    struct fog_http_client *c = h->client;

    while (h->next_addr < h->n_addrs) {
        const struct fog_addr *a = &h->addrs[h->next_addr++];
        int rc = fog_addr_check(a, &c->conf.policy);

        if (rc == 0 && h->tls)
            rc = make_tls(c);
        if (rc == 0)
            rc = fog_conn_dial(c->loop, a, h->tls ? c->tls : NULL, h->name, c->conf.connect_ms,
                               &dial_ops, h, &h->dial);
        if (rc == 0)
            return;
        h->last_err = rc;
    }
    dial_failed(h);
}

static void on_resolved(int err, const struct fog_addr *addrs, size_t n, void *arg)
{
    struct host *h = FOG_CAST(host, HOST_MAGIC, arg);

    h->resolve = NULL;
    h->last_err = err;
    h->n_addrs = n;
    h->next_addr = 0;
    h->addrs_ms = fog_loop_now_ms(h->client->loop);
    if (n > 0)
        memcpy(h->addrs, addrs, n * sizeof *addrs);
    dial_next(h);
}

static void start_dial(struct host *h)
{
    struct fog_http_client *c = h->client;
    struct fog_addr a;

    h->dialling = true;
    if (c->unix_path != NULL) {
        h->last_err = fog_conn_dial_unix(c->loop, c->unix_path, &dial_ops, h, &h->dial);
        h->n_addrs = 0;
        if (h->last_err != 0)
            dial_failed(h);
    } else if ((c->conf.resolve != NULL &&
                c->conf.resolve(c->conf.resolve_arg, h->name, h->port, &a)) ||
               fog_addr_parse_ip(h->name, h->port, &a) == 0) {
        on_resolved(0, &a, 1, h);
    } else if (h->n_addrs > 0 && fog_loop_now_ms(c->loop) - h->addrs_ms < ADDRESSES_MS) {
        if (h->next_addr >= h->n_addrs)
            h->next_addr = 0;
        dial_next(h);
    } else {
        if (c->resolver == NULL)
            c->resolver = fog_resolver_new(c->loop);
        h->resolve = fog_resolve(c->resolver, h->name, h->port, on_resolved, h);
    }
}

/* --- hosts --- */

static void host_free(struct host *h)
{
    FOG_LIST_EACH(&h->conns, it)
    pooled_free(FOG_CONTAINER(it, pooled, link));
    if (h->resolve != NULL)
        fog_resolve_cancel(h->resolve);
    if (h->dial != NULL) {
        fog_conn_adopt(h->dial, NULL, NULL);
        fog_conn_abort(h->dial);
    }
    fog_turn_cancel(&h->turn);
    fog_link_remove(&h->link);
    h->magic = 0;
    free(h);
}

/* Gives a waiting call to a connection that can take it. */
static bool place(struct host *h, struct fog_http_call *call)
{
    FOG_LIST_EACH(&h->conns, it)
    {
        struct pooled *p = FOG_CONTAINER(it, pooled, link);

        if (p->h1 != NULL && h1_client_idle(p->h1)) {
            fog_link_remove(&call->link);
            h1_client_submit(p->h1, call);
            return true;
        }
        if (p->h2 != NULL && h2_client_usable(p->h2)) {
            fog_link_remove(&call->link);
            call->reused = call->reused || h2_client_calls(p->h2) > 0 ||
                           p->idle_ms < fog_loop_now_ms(h->client->loop);
            h2_client_submit(p->h2, call);
            return true;
        }
    }
    return false;
}

static bool may_dial(const struct host *h)
{
    unsigned most = h->client->conf.per_host;

    if (h->dialling)
        return false;
    if (most == 0)
        most = h->proto == PROTO_H1 ? PER_HOST_H1 : 1;
    if (h->proto == PROTO_H2)
        return true; /* none of them was usable */
    return h->n_conns < most;
}

/* Everything that may have to be done for a host, from the end of a turn. */
static void work(struct host *h)
{
    FOG_LIST_EACH(&h->waiting, it)
    if (!place(h, FOG_CONTAINER(it, fog_http_call, link)))
        break;
    if (!fog_list_empty(&h->waiting) && may_dial(h))
        start_dial(h);
}

static void on_host_turn(void *arg)
{
    work(FOG_CAST(host, HOST_MAGIC, arg));
}

static struct host *host_for(struct fog_http_client *c, const struct fog_url *u)
{
    struct host *h;

    FOG_LIST_EACH(&c->hosts, it)
    {
        h = FOG_CONTAINER(it, host, link);
        if (h->port == u->port && h->tls == u->tls && strcmp(h->name, u->host) == 0)
            return h;
    }
    h = FOG_NEW(host);
    h->magic = HOST_MAGIC;
    h->client = c;
    memcpy(h->name, u->host, sizeof h->name);
    h->port = u->port;
    h->tls = u->tls;
    fog_list_init(&h->conns);
    fog_list_init(&h->waiting);
    h->turn = (struct fog_turn){.fn = on_host_turn, .arg = h};
    fog_list_push_front(&c->hosts, &h->link);
    return h;
}

/* Closes what has been idle, forgets hosts without anything. */
static void on_tick(void *arg)
{
    struct fog_http_client *c = FOG_CAST(fog_http_client, CLIENT_MAGIC, arg);
    fog_time_ms now_ms = fog_loop_now_ms(c->loop);

    FOG_LIST_EACH(&c->hosts, it)
    {
        struct host *h = FOG_CONTAINER(it, host, link);

        FOG_LIST_EACH(&h->conns, jt)
        {
            struct pooled *p = FOG_CONTAINER(jt, pooled, link);

            if (pooled_idle(p) && now_ms - p->idle_ms > IDLE_MS)
                pooled_free(p);
        }
        if (h->n_calls == 0 && h->n_conns == 0 && !h->dialling)
            host_free(h);
    }
    if (!fog_list_empty(&c->hosts))
        fog_timer_start(c->tick, TICK_MS);
}

/* --- the client --- */

struct fog_http_client *fog_http_client_new(struct fog_loop *loop,
                                            const struct fog_http_client_conf *conf)
{
    struct fog_http_client *c = FOG_NEW(fog_http_client);

    c->magic = CLIENT_MAGIC;
    c->loop = loop;
    c->conf = *conf;
    if (conf->ca_file != NULL)
        c->ca_file = fog_strdup(conf->ca_file);
    if (conf->unix_path != NULL)
        c->unix_path = fog_strdup(conf->unix_path);
    if (c->conf.connect_ms == 0)
        c->conf.connect_ms = 5000;
    if (c->conf.response_ms == 0)
        c->conf.response_ms = 15000;
    if (c->conf.stall_ms == 0)
        c->conf.stall_ms = 10000;
    fog_list_init(&c->hosts);
    fog_list_init(&c->calls);
    c->tick = fog_timer_new(loop, on_tick, c);
    return c;
}

void fog_http_client_free(struct fog_http_client **cp)
{
    struct fog_http_client *c = *cp;
    struct fog_link *it;

    *cp = NULL;
    if (c == NULL)
        return;
    while ((it = fog_list_pop_front(&c->calls)) != NULL) {
        struct fog_http_call *call = FOG_CONTAINER(it, fog_http_call, all_link);

        call->client = NULL;
        fog_http_call_cancel(call);
    }
    FOG_LIST_EACH(&c->hosts, jt)
    host_free(FOG_CONTAINER(jt, host, link));
    fog_resolver_free(&c->resolver);
    fog_tls_client_free(&c->tls);
    fog_timer_free(&c->tick);
    free(c->ca_file);
    free(c->unix_path);
    c->magic = 0;
    free(c);
}

void client_forget(struct fog_http_call *call)
{
    struct host *h = call->host;

    h->n_calls--;
    call->client = NULL;
    call->host = NULL;
}

bool client_retry(struct fog_http_call *call)
{
    struct host *h = call->host;

    if (call->client == NULL || call->ending || ++call->tries >= TRIES_MAX ||
        !call_can_repeat(call))
        return false;
    if (call->transport != NULL)
        call->transport->detach(call);
    call->transport = NULL;
    call->carrier = NULL;
    call->rejected = false;
    call->reused = false;
    call->sent = 0;
    call->body_left = call->body;
    call->piece = (struct fog_slice){0};
    call_clear_fields(call);
    fog_list_push_front(&h->waiting, &call->link);
    work_later(h);
    return true;
}

int fog_http_fetch(struct fog_http_client *c, const struct fog_http_fetch *f,
                   const struct fog_http_call_ops *ops, void *arg, struct fog_http_call **out)
{
    struct fog_http_call *call;
    struct fog_url u;
    struct host *h;
    int rc;

    if ((rc = fog_url_parse(f->url, &u)) != 0)
        return rc;
    h = host_for(c, &u);
    call = call_new(c->loop, f, ops, arg, c->conf.response_ms, c->conf.stall_ms);
    call->scheme = fog_bytes_str(u.tls ? "https" : "http");
    call->authority = fog_arena_copy(&call->arena, u.authority);
    call->path = fog_arena_copy(&call->arena, u.path);
    call_extend(call, c->conf.connect_ms + c->conf.response_ms);
    call->client = c;
    call->host = h;
    h->n_calls++;
    fog_list_push_back(&c->calls, &call->all_link);
    fog_list_push_back(&h->waiting, &call->link);
    work_later(h);
    if (!fog_timer_running(c->tick))
        fog_timer_start(c->tick, TICK_MS);
    *out = call;
    return 0;
}

/* --- a whole response --- */

static bool all_data(struct fog_http_call *call, struct fog_bytes data, void *arg)
{
    (void)arg;
    if (call->all.len + data.len > call->all_max)
        call_fail(call, FOG_ELIMIT);
    else
        fog_buf_append(&call->all, data.p, data.len);
    return true;
}

static void all_response(struct fog_http_call *call, int status,
                         const struct fog_http_header *headers, size_t n, void *arg)
{
    (void)status;
    (void)headers;
    (void)n;
    (void)arg;
    if (call->expect != UINT64_MAX && call->expect > call->all_max)
        call_fail(call, FOG_ELIMIT);
}

static void all_end(struct fog_http_call *call, int err, void *arg)
{
    call->all_done(err, call->status, call->fields, call->n_fields, fog_buf_bytes(&call->all), arg);
}

int fog_http_fetch_all(struct fog_http_client *c, const struct fog_http_fetch *f, size_t max,
                       void (*on_done)(int err, int status, const struct fog_http_header *headers,
                                       size_t n, struct fog_bytes body, void *arg),
                       void *arg, struct fog_http_call **out)
{
    static const struct fog_http_call_ops ops = {
        .on_response = all_response, .on_data = all_data, .on_end = all_end};
    struct fog_http_call *call;
    int rc = fog_http_fetch(c, f, &ops, arg, &call);

    if (rc != 0)
        return rc;
    call->all_max = max;
    call->all_done = on_done;
    *out = call;
    return 0;
}
