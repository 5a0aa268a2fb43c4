#include <stdlib.h>

#include "core/base/assert.h"
#include "core/http/call.h"
#include "core/http/client.h"
#include "core/http/h2_client.h"
#include "core/io/tls.h"

#define LINK_MAGIC 0x484c4e4bu

/* Node connections are between boxes that know each other: the limits of client.h's defaults. */
#define RESPONSE_MS 15000
#define STALL_MS    10000

struct fog_http_link {
    uint32_t magic;
    struct h2_client *h2;
    struct fog_loop *loop;
    struct fog_list calls;
    void (*on_close)(struct fog_http_link *l, int err, void *arg);
    void *arg;
};

static void on_h2_close(int err, void *arg)
{
    struct fog_http_link *l = FOG_CAST(fog_http_link, LINK_MAGIC, arg);

    if (l->on_close != NULL)
        l->on_close(l, err, l->arg);
}

struct fog_http_link *fog_http_link_new(
    struct fog_conn *c, void (*on_close)(struct fog_http_link *l, int err, void *arg), void *arg)
{
    static const struct h2_client_events events = {.on_close = on_h2_close};
    struct fog_http_link *l = FOG_NEW(fog_http_link);

    l->magic = LINK_MAGIC;
    l->loop = fog_conn_loop(c);
    l->on_close = on_close;
    l->arg = arg;
    fog_list_init(&l->calls);
    l->h2 = h2_client_new(c, &events, l);
    return l;
}

void fog_http_link_free(struct fog_http_link **lp)
{
    struct fog_http_link *l = *lp;
    struct fog_link *it;

    *lp = NULL;
    if (l == NULL)
        return;
    while ((it = fog_list_pop_front(&l->calls)) != NULL)
        fog_http_call_cancel(FOG_CONTAINER(it, fog_http_call, all_link));
    h2_client_free(&l->h2);
    l->magic = 0;
    free(l);
}

struct fog_conn *fog_http_link_conn(struct fog_http_link *l)
{
    return h2_client_conn(l->h2);
}

int fog_http_link_fetch(struct fog_http_link *l, const struct fog_http_fetch *f,
                        const struct fog_http_call_ops *ops, void *arg, struct fog_http_call **out)
{
    struct fog_bytes path = fog_bytes_str(f->url);
    struct fog_http_call *call;

    if (path.len == 0 || path.p[0] != '/')
        return FOG_EFORMAT;
    if (!h2_client_usable(l->h2))
        return FOG_ECLOSED;
    call = call_new(l->loop, f, ops, arg, RESPONSE_MS, STALL_MS);
    call->scheme = fog_bytes_str("https");
    call->authority = fog_bytes_str(FOG_NODE_SNI);
    call->path = fog_arena_copy(&call->arena, path);
    fog_list_push_back(&l->calls, &call->all_link);
    h2_client_submit(l->h2, call);
    *out = call;
    return 0;
}
