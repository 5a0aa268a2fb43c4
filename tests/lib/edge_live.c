#include "tests/lib/edge_live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"

/* An answer on a later turn. A cancelled op is forgotten here. */
struct later {
    struct edge_live *l;
    struct edge_op *op;
    int err;
    struct edge_data data, *out;
};

static void on_later(void *arg)
{
    struct later *t = arg;
    struct edge_op *op = t->op;
    int err = t->err;

    if (op == NULL) {
        fog_slice_done(&t->data.bytes);
    } else {
        op->token = NULL;
        if (t->out != NULL)
            *t->out = t->data;
    }
    free(t);
    if (op != NULL)
        op->on_done(op, err);
}

static int answer(struct edge_live *l, struct edge_op *op, int err, struct edge_data *out)
{
    struct later *t;

    if (l->now)
        return err;
    t = FOG_NEW(later);
    *t = (struct later){.l = l, .op = op, .err = err};
    if (out != NULL && err == 0) {
        t->data = *out;
        t->out = out;
        *out = (struct edge_data){0};
    }
    op->token = t;
    fog_loop_post(l->loop, on_later, t);
    return -EINPROGRESS;
}

static void on_slice_done(void *owner)
{
    ((struct edge_live *)owner)->open--;
}

static void lend(struct edge_live *l, const struct fog_buf *b, size_t at, size_t max,
                 enum edge_from from, struct edge_data *out)
{
    size_t n = b->len - at;

    out->bytes = (struct fog_slice){b->data + at, n < max ? n : max, on_slice_done, l};
    out->from = from;
    l->open++;
}

static int source_pointer(void *arg, const char *site, struct edge_op *op, struct edge_pointer *out)
{
    struct edge_live *l = arg;

    *out = l->store.pointer;
    return answer(l, op, strcmp(site, LIVE_SITE) == 0 ? 0 : -ENOENT, NULL);
}

static int source_object(void *arg, enum fog_kind kind, const struct fog_hash *id, uint64_t size,
                         const struct edge_hints *hints, struct edge_op *op, struct edge_data *out)
{
    struct edge_live *l = arg;
    const struct fog_buf *b = edge_store_get(&l->store, kind, id);

    (void)size;
    (void)hints;
    if (b != NULL)
        lend(l, b, 0, b->len, EDGE_FROM_RAM, out);
    return answer(l, op, b != NULL ? 0 : -ENOENT, out);
}

static int source_read(void *arg, const struct fog_chunk_ref *chunk, uint32_t offset,
                       const struct edge_hints *hints, struct edge_op *op, struct edge_data *out)
{
    struct edge_live *l = arg;
    const struct fog_buf *b = edge_store_get(&l->store, FOG_KIND_CHUNK, &chunk->id);

    (void)hints;
    FOG_ASSERT(b != NULL && offset < b->len);
    if (l->read_err != 0 && offset >= l->err_at)
        return answer(l, op, l->read_err, NULL);
    lend(l, b, offset, FOG_EXTENT_SIZE - offset % FOG_EXTENT_SIZE,
         l->now ? EDGE_FROM_RAM : EDGE_FROM_DISK, out);
    return answer(l, op, 0, out);
}

static void port_cancel(void *arg, struct edge_op *op)
{
    struct later *t = op->token;

    (void)arg;
    t->op = NULL;
}

/* A router that keeps everything at the gateway. */
static int steer_decide(void *arg, const struct edge_ask *ask, struct edge_op *op,
                        struct edge_decision *out)
{
    (void)arg;
    (void)op;
    FOG_ASSERT(ask->client != NULL);
    *out = (struct edge_decision){.verdict = EDGE_HERE};
    return 0;
}

static int steer_assign(void *arg, const struct edge_assign_ask *ask, struct edge_op *op,
                        struct edge_assign *out)
{
    (void)arg;
    (void)ask;
    (void)op;
    *out = (struct edge_assign){.status = 503, .retry_after_s = 1};
    return 0;
}

static fog_time_ms hub_ms(void *arg)
{
    (void)arg;
    return 1700000000000;
}

static void on_accept(struct fog_conn *c, void *arg)
{
    fog_http_server_adopt(((struct edge_live *)arg)->http, c);
}

static void add_cert(struct edge_live *l, const char *pattern)
{
    struct fog_tls_cert *cert = testca_issue(l->ca, pattern);

    FOG_ASSERT(edge_certs_set(l->certs, pattern, cert) == 0);
    fog_tls_cert_unref(&cert);
}

static void listen_on_loopback(struct edge_live *l, const char *const *alpn)
{
    struct fog_tls_server_conf tls = {.pick = edge_certs_pick, .alpn = alpn};
    struct fog_addr any;

    l->ca = testca_new();
    l->certs = edge_certs_new();
    add_cert(l, "*." LIVE_ZONE);
    add_cert(l, "*." LIVE_BOX "." LIVE_ZONE);
    tls.arg = l->certs;
    FOG_ASSERT(fog_tls_server_new(&tls, &l->tls) == 0);
    FOG_ASSERT(fog_addr_parse("127.0.0.1:0", &any) == 0);
    FOG_ASSERT(fog_listener_new(l->loop, &any, l->tls, on_accept, l, &l->listener) == 0);
    fog_listener_addr(l->listener, &l->at);
}

void edge_live_init(struct edge_live *l, const char *const *alpn)
{
    struct fog_http_server_conf http = {.on_request = edge_on_request};
    struct edge_conf conf = {
        .zone = LIVE_ZONE, .box_label = LIVE_BOX, .version = "test", .hub_ms = hub_ms};

    memset(l, 0, sizeof *l);
    l->loop = fog_loop_new();
    edge_store_init(&l->store);
    l->source = (struct edge_source){.arg = l,
                                     .pointer = source_pointer,
                                     .object = source_object,
                                     .read = source_read,
                                     .cancel = port_cancel};
    l->steer = (struct edge_steer){
        .arg = l, .decide = steer_decide, .assign = steer_assign, .cancel = port_cancel};
    listen_on_loopback(l, alpn);
    conf.port = fog_addr_port(&l->at);
    conf.source = &l->source;
    conf.steer = &l->steer;
    FOG_ASSERT(edge_new(l->loop, &conf, &l->edge) == 0);
    http.arg = l->edge;
    l->http = fog_http_server_new(l->loop, &http);
}

void edge_live_fini(struct edge_live *l)
{
    fog_listener_free(&l->listener);
    fog_http_server_free(&l->http);
    edge_free(&l->edge);
    fog_loop_free(&l->loop);
    FOG_ASSERT(l->open == 0);
    fog_tls_server_free(&l->tls);
    edge_certs_free(&l->certs);
    testca_free(&l->ca);
    edge_store_fini(&l->store);
}
