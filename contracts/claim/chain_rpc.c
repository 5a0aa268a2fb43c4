#include "contracts/claim/chain_rpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/base/str.h"
#include "core/http/client.h"
#include "core/obs/log.h"

#define RPC_MAGIC 0x6a727063
#define URL_MAX   512

struct chain_rpc {
    uint32_t magic;
    struct fog_http_client *http;
    char url[URL_MAX];
    char where[64]; /* the URL without path and secrets, for texts */
    uint64_t chain_id;
    struct chain port;
    struct fog_list calls;
};

struct rpc_call {
    struct fog_link link;
    struct chain_rpc *rpc;
    struct fog_http_call *http;
    struct chain_ask *asks; /* asks[n] is our own question for the chain id */
    size_t n;
    void (*done)(void *ctx, const struct chain_answer *answers, size_t n);
    void *ctx;
};

static void call_free(struct rpc_call *c)
{
    fog_link_remove(&c->link);
    free(c->asks);
    free(c);
}

static void fail_all(struct chain_answer *answers, size_t n, const char *where, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        chain_rpc_clear(&answers[i], 1);
        answers[i].err = FOG_ECHAIN;
        snprintf(answers[i].text, sizeof answers[i].text, "%s: %.90s", where, what);
    }
}

/* Without the right chain id no other answer counts. */
static void check_chain(struct chain_rpc *r, struct chain_answer *answers, size_t n)
{
    const struct chain_answer *id = &answers[n];
    char text[sizeof id->text];

    if (id->err != 0) {
        snprintf(text, sizeof text, "%s", id->text);
        fail_all(answers, n, r->where, text);
        return;
    }
    if (r->chain_id == 0)
        r->chain_id = id->number;
    if (id->number == r->chain_id)
        return;
    snprintf(text, sizeof text, "chain id %" PRIu64 ", ours is %" PRIu64, id->number, r->chain_id);
    fog_unusual("chain.other", "endpoint=%s %s", r->where, text);
    fail_all(answers, n, r->where, text);
}

static void on_answer(int err, int status, const struct fog_http_header *headers, size_t n_headers,
                      struct fog_bytes body, void *arg)
{
    struct rpc_call *c = arg;
    struct chain_rpc *r = c->rpc;
    struct chain_answer *answers = fog_alloc((c->n + 1) * sizeof *answers);
    char text[96];

    (void)headers;
    (void)n_headers;
    if (err != 0 || status != 200) {
        if (err != 0)
            snprintf(text, sizeof text, "%s", fog_strerror(err));
        else
            snprintf(text, sizeof text, "HTTP status %d", status);
        fail_all(answers, c->n + 1, r->where, text);
    } else {
        chain_rpc_read(c->asks, c->n + 1, body, r->where, answers);
        check_chain(r, answers, c->n);
    }
    fog_link_remove(&c->link);
    c->done(c->ctx, answers, c->n);
    chain_rpc_clear(answers, c->n + 1);
    free(answers);
    call_free(c);
}

static void refuse_now(struct rpc_call *c, int err)
{
    struct chain_answer *answers = fog_alloc(c->n * sizeof *answers);

    fail_all(answers, c->n, c->rpc->where, fog_strerror(err));
    c->done(c->ctx, answers, c->n);
    free(answers);
    call_free(c);
}

static void port_ask(void *arg, const struct chain_ask *asks, size_t n,
                     void (*done)(void *ctx, const struct chain_answer *answers, size_t n),
                     void *ctx)
{
    const struct fog_http_header headers[] = {
        {.name = fog_bytes_str("content-type"), .value = fog_bytes_str("application/json")}};
    struct chain_rpc *r = FOG_CAST(chain_rpc, RPC_MAGIC, arg);
    struct rpc_call *c = FOG_NEW(rpc_call);
    struct fog_buf body = {0};
    struct fog_http_fetch fetch;
    int rc;

    FOG_ASSERT(n > 0 && n <= CHAIN_ASKS_MAX);
    c->rpc = r;
    c->n = n;
    c->done = done;
    c->ctx = ctx;
    /* The id is asked with every batch: a load balancer may have another chain behind it, and one
     * line more costs nothing. */
    c->asks = fog_alloc((n + 1) * sizeof *asks);
    memcpy(c->asks, asks, n * sizeof *asks);
    c->asks[n].op = CHAIN_ID;
    fog_list_push_back(&r->calls, &c->link);
    chain_rpc_write(c->asks, n + 1, &body);
    fetch = (struct fog_http_fetch){.method = "POST",
                                    .url = r->url,
                                    .headers = headers,
                                    .n_headers = FOG_COUNT(headers),
                                    .body = fog_buf_bytes(&body)};
    rc = fog_http_fetch_all(r->http, &fetch, CHAIN_RPC_ANSWER_MAX, on_answer, c, &c->http);
    fog_buf_fini(&body);
    if (rc != 0)
        refuse_now(c, rc);
}

/* "https://host:port" without user, path and query: those may hold an API key. */
static void shorten(const char *url, char *out, size_t size)
{
    const char *host = strstr(url, "://");
    size_t scheme = host == NULL ? 0 : (size_t)(host - url) + 3;
    size_t len = scheme + strcspn(url + scheme, "/?#");

    snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), url);
}

int chain_rpc_new(struct fog_http_client *http, const char *url, uint64_t chain_id,
                  struct chain_rpc **out)
{
    struct chain_rpc *r;

    if (strlen(url) >= URL_MAX ||
        (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0))
        return FOG_EFORMAT;
    r = FOG_NEW(chain_rpc);
    r->magic = RPC_MAGIC;
    r->http = http;
    r->chain_id = chain_id;
    snprintf(r->url, sizeof r->url, "%s", url);
    shorten(url, r->where, sizeof r->where);
    fog_list_init(&r->calls);
    r->port = (struct chain){.arg = r, .ask = port_ask};
    *out = r;
    return 0;
}

void chain_rpc_free(struct chain_rpc **r)
{
    struct chain_rpc *rpc = *r;

    *r = NULL;
    if (rpc == NULL)
        return;
    FOG_ASSERT(rpc->magic == RPC_MAGIC);
    FOG_LIST_EACH(&rpc->calls, it)
    {
        struct rpc_call *c = FOG_CONTAINER(it, rpc_call, link);

        fog_http_call_cancel(c->http);
        call_free(c);
    }
    rpc->magic = 0;
    free(rpc);
}

const struct chain *chain_rpc_port(struct chain_rpc *r)
{
    return &r->port;
}
