#include "cli/api.h"
#include "cli/cli.h"
#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/http/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct api_http {
    struct api port; /* first: api_of() */
    struct cli *cli;
    struct fog_loop *loop;
    struct fog_http_client *client;
    struct fog_list delays;
};

struct delay {
    struct fog_link link;
    struct api_http *h;
    struct fog_timer *timer;
    void (*fn)(void *arg);
    void *arg;
};

struct pending {
    struct api_http *h;
    void (*on_done)(void *arg, const struct api_answer *a);
    void *arg;
    int err; /* of a request that could not be started */
};

static struct api_http *api_of(struct api *api)
{
    return FOG_CONTAINER(api, api_http, port);
}

static bool host_matches(const char *pattern, const char *host)
{
    size_t p = strlen(pattern), h = strlen(host);

    if (pattern[0] == '*' && pattern[1] == '.')
        return h > p - 1 && strcmp(host + h - (p - 1), pattern + 1) == 0;
    return strcmp(pattern, host) == 0;
}

/* --resolve first; names below localhost are this machine everywhere (RFC 6761 6.3). */
static bool resolve(void *arg, const char *host, uint16_t port, struct fog_addr *out)
{
    struct cli *cli = arg;
    size_t len = strlen(host);

    for (unsigned i = 0; i < cli->n_resolves; i++) {
        const struct cli_resolve *r = &cli->resolves[i];

        if (r->port == port && host_matches(r->host, host)) {
            *out = r->addr;
            return true;
        }
    }
    if (strcmp(host, "localhost") == 0 || (len > 10 && strcmp(host + len - 10, ".localhost") == 0))
        return fog_addr_parse_ip("127.0.0.1", port, out) == 0;
    return false;
}

static void on_response(int err, int status, const struct fog_http_header *headers, size_t n,
                        struct fog_bytes body, void *arg)
{
    struct pending *p = arg;
    struct api_answer a = {.err = err, .status = status, .body = body};

    (void)headers;
    (void)n;
    p->on_done(p->arg, &a);
    free(p);
}

static void on_refused(void *arg)
{
    struct pending *p = arg;
    struct api_answer a = {.err = p->err};

    p->on_done(p->arg, &a);
    free(p);
}

static void http_send(struct api *api, const struct api_request *r,
                      void (*on_done)(void *arg, const struct api_answer *a), void *arg)
{
    struct api_http *h = api_of(api);
    struct pending *p = FOG_NEW(pending);
    struct fog_http_header auth = {.name = fog_bytes_str("authorization")};
    struct fog_http_call *call;
    struct fog_buf url = {0};
    struct fog_http_fetch f = {.method = r->method, .body = r->body};

    *p = (struct pending){.h = h, .on_done = on_done, .arg = arg};
    fog_buf_printf(&url, "%s%s", h->cli->api, r->target);
    f.url = fog_buf_cstr(&url);
    f.content_length = r->body.len;
    if (r->auth != NULL) {
        auth.value = fog_bytes_str(r->auth);
        f.headers = &auth;
        f.n_headers = 1;
    }
    p->err = fog_http_fetch_all(h->client, &f, API_ANSWER_MAX, on_response, p, &call);
    if (p->err != 0)
        fog_loop_post(h->loop, on_refused, p);
    fog_buf_fini(&url);
}

static void delay_free(struct delay *d)
{
    fog_link_remove(&d->link);
    fog_timer_free(&d->timer);
    free(d);
}

static void on_timer(void *arg)
{
    struct delay *d = arg;
    void (*fn)(void *) = d->fn;
    void *fn_arg = d->arg;

    delay_free(d);
    fn(fn_arg);
}

static void http_later(struct api *api, unsigned after_ms, void (*fn)(void *arg), void *arg)
{
    struct api_http *h = api_of(api);
    struct delay *d = FOG_NEW(delay);

    *d = (struct delay){.h = h, .fn = fn, .arg = arg};
    d->timer = fog_timer_new(h->loop, on_timer, d);
    fog_list_push_back(&h->delays, &d->link);
    fog_timer_start(d->timer, (fog_time_ms)after_ms);
}

int api_http_new(struct cli *cli, unsigned wait_s, struct api_http **out)
{
    struct fog_http_client_conf conf = {
        .ca_file = cli->ca[0] != '\0' ? cli->ca : NULL,
        .policy.allow_any = true, /* the user named this fog himself */
        .response_ms = (fog_time_ms)(wait_s + 15) * 1000,
        .resolve = resolve,
        .resolve_arg = cli,
    };
    struct api_http *h;

    if (cli->api[0] == '\0')
        return FOG_ECONFIG;
    h = FOG_NEW(api_http);
    h->port = (struct api){.send = http_send, .later = http_later};
    h->cli = cli;
    fog_list_init(&h->delays);
    h->loop = fog_loop_new();
    h->client = fog_http_client_new(h->loop, &conf);
    if (h->client == NULL) {
        api_http_free(&h);
        return FOG_ETLS;
    }
    *out = h;
    return 0;
}

void api_http_free(struct api_http **hh)
{
    struct api_http *h = *hh;

    *hh = NULL;
    if (h == NULL)
        return;
    FOG_LIST_EACH(&h->delays, it)
    delay_free(FOG_CONTAINER(it, delay, link));
    if (h->client != NULL)
        fog_http_client_free(&h->client);
    fog_loop_free(&h->loop);
    free(h);
}

struct api *api_http_port(struct api_http *h)
{
    return &h->port;
}

void api_http_run(struct api_http *h)
{
    fog_loop_run(h->loop);
}

void api_http_stop(struct api_http *h)
{
    fog_loop_stop(h->loop);
}

struct waited {
    struct api_http *h;
    int err, status;
    struct fog_buf *body;
};

static void on_waited(void *arg, const struct api_answer *a)
{
    struct waited *w = arg;

    w->err = a->err;
    w->status = a->status;
    fog_buf_append(w->body, a->body.p, a->body.len);
    api_http_stop(w->h);
}

int api_http_call(struct api_http *h, const struct api_request *r, int *status,
                  struct fog_buf *body)
{
    struct waited w = {.h = h, .body = body};

    h->port.send(&h->port, r, on_waited, &w);
    api_http_run(h);
    *status = w.status;
    return w.err;
}
