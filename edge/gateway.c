/* The gateway's part of a request: what the router decided, and the assign call of kit players. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/base/str.h"
#include "edge/req.h"

/* Lives as long as the request (its memory), runs while the state is STEER. */
struct edge_gateway_work {
    struct edge_op op;
    struct edge_req *r;
    bool running;
    char sid[EDGE_SID_MAX];
    struct edge_decision decision;
    struct edge_assign_query query;
    struct edge_assign assign;
};

static struct edge_gateway_work *work_new(struct edge_req *r,
                                          void (*on_done)(struct edge_op *, int))
{
    struct edge_gateway_work *w = fog_http_req_alloc(r->http, sizeof *w);

    memset(w, 0, sizeof *w);
    w->r = r;
    w->op.on_done = on_done;
    r->gateway = w;
    return w;
}

void edge_gateway_cancel(struct edge_req *r)
{
    const struct edge_steer *steer = r->e->conf.steer;

    if (r->gateway->running)
        steer->cancel(steer->arg, &r->gateway->op);
    r->gateway->running = false;
}

/* The wait for a decision is bounded: the caller goes on without one. */
static void wait_for_router(struct edge_req *r, void (*on_due)(struct edge_wait *))
{
    r->gateway->running = true;
    r->wait.on_due = on_due;
    edge_wait_start(&r->e->source_waits, &r->wait);
}

static void refuse(struct edge_req *r, int status, unsigned retry_after_s)
{
    char text[16];
    struct edge_fields f = {0};

    if (retry_after_s > 0) {
        (void)snprintf(text, sizeof text, "%u", retry_after_s);
        edge_fields_add(&f, "retry-after", fog_bytes_str(text));
    }
    if (status < 400 || status > 599)
        status = 503;
    edge_req_problem_with(r, status, "refused", "the router does not serve this request", &f);
}

/* --- steering --- */

static void redirect_to(struct edge_req *r, const struct edge_decision *d)
{
    const struct fog_path *p = &r->target.path;
    struct fog_buf url = {0};

    fog_buf_append_str(&url, d->prefix);
    fog_path_to_url(fog_bytes_of(p->text, p->len), &url);
    if (p->dir && p->len > 0)
        fog_buf_append_str(&url, "/");
    edge_query_strip(fog_http_req_query(r->http), &url);
    edge_req_redirect(r, d->status == 302 ? 302 : 307, &url);
    fog_buf_fini(&url);
}

/* On a box "g/..." of a stable URL would read as a grant: such an object is served from here. */
static bool is_misread_there(const struct edge_req *r, const struct edge_decision *d)
{
    const struct fog_path *p = &r->target.path;

    return strncmp(d->prefix, "https://", 8) == 0 && strstr(d->prefix, "/g/") == NULL &&
           edge_path_is_reserved(fog_bytes_of(p->text, p->len));
}

static void decided(struct edge_req *r, int err)
{
    const struct edge_decision *d = &r->gateway->decision;

    r->gateway->running = false;
    edge_wait_stop(&r->wait);
    if (err == 0 && d->verdict == EDGE_REFUSE)
        refuse(r, d->status, d->retry_after_s);
    else if (err == 0 && d->verdict == EDGE_REDIRECT && !is_misread_there(r, d))
        redirect_to(r, d);
    else
        edge_req_serve(r);
}

static void on_decided(struct edge_op *op, int err)
{
    decided(FOG_CONTAINER(op, edge_gateway_work, op)->r, err);
}

static void on_decision_late(struct edge_wait *wait)
{
    struct edge_req *r = FOG_CONTAINER(wait, edge_req, wait);

    edge_gateway_cancel(r);
    decided(r, -ETIMEDOUT);
}

void edge_gateway_steer(struct edge_req *r)
{
    const struct edge_steer *steer = r->e->conf.steer;
    struct edge_gateway_work *w = work_new(r, on_decided);
    struct edge_ask ask = {
        .site = r->site,
        .publisher_id = r->obj->publisher_id,
        .path = fog_bytes_of(r->path, r->path_len),
        .client = fog_conn_peer_addr(fog_http_req_conn(r->http)),
        .object = r->obj->id,
        .size = r->obj->sizes[FOG_IDENTITY],
        .slot = r->obj->slot,
        .ranged = fog_http_req_header(r->http, "range").p != NULL,
        .back_box = r->query.back_box,
        .back_why = r->query.back_why,
    };
    int rc;

    if (r->target.route == EDGE_ROUTE_SESSION)
        (void)fog_strcpy(w->sid, sizeof w->sid, r->target.token);
    ask.sid = w->sid;
    if (r->obj->class == EDGE_CLASS_PLAYLIST)
        ask.kind = EDGE_ASK_ENTRY;
    else
        ask.kind = r->target.route == EDGE_ROUTE_SESSION ? EDGE_ASK_SEGMENT : EDGE_ASK_DOWNLOAD;
    edge_req_set_state(r, REQ_STEER);
    rc = steer->decide(steer->arg, &ask, &w->op, &w->decision);
    if (rc == -EINPROGRESS)
        wait_for_router(r, on_decision_late);
    else
        decided(r, rc);
}

/* --- assign --- */

static void append_json(struct fog_buf *b, const char *s)
{
    fog_buf_append_str(b, "\"");
    for (; *s != '\0'; s++) {
        uint8_t c = (uint8_t)*s;

        if (c == '"' || c == '\\' || c < 0x20)
            fog_buf_printf(b, "\\u%04x", c);
        else
            fog_buf_append(b, &c, 1);
    }
    fog_buf_append_str(b, "\"");
}

static void append_target(struct fog_buf *b, const struct edge_target *t)
{
    char serial[FOG_HEX_LEN(sizeof t->serial) + 1];

    fog_hex_encode(t->serial, sizeof t->serial, serial);
    fog_buf_append_str(b, "{\"box\":");
    append_json(b, t->box);
    fog_buf_append_str(b, ",\"url_prefix\":");
    append_json(b, t->url_prefix);
    fog_buf_printf(b,
                   ",\"serial\":\"%s\",\"tick_bytes\":%" PRIu32 ",\"max_bytes\":%" PRIu64
                   ",\"not_after\":%" PRIu32 "}",
                   serial, t->tick_bytes, t->max_bytes, t->not_after);
}

static void respond_targets(struct edge_req *r, const struct edge_assign *a)
{
    struct edge_fields f = {0};
    struct fog_buf b = {0};

    fog_buf_append_str(&b, "{\"sid\":");
    append_json(&b, a->sid);
    fog_buf_printf(&b, ",\"hub_ms\":%" PRId64 ",\"targets\":[", edge_hub_ms(r->e));
    for (unsigned i = 0; i < a->n_targets; i++) {
        fog_buf_append_str(&b, i == 0 ? "" : ",");
        append_target(&b, &a->targets[i]);
    }
    fog_buf_append_str(&b, "]}\n");
    edge_fields_add_cors(&f);
    edge_fields_add(&f, "cache-control", fog_bytes_str("no-store"));
    edge_fields_add(&f, "content-type", fog_bytes_str("application/json"));
    r->e->stats.req_ok++;
    edge_req_release(r);
    fog_http_respond_bytes(r->http, 200, f.v, f.n, fog_buf_bytes(&b));
    fog_buf_fini(&b);
}

static void assigned(struct edge_req *r, int err)
{
    const struct edge_assign *a = &r->gateway->assign;

    r->gateway->running = false;
    edge_wait_stop(&r->wait);
    if (err != 0)
        refuse(r, 503, 2);
    else if (a->status != 200 || a->n_targets == 0)
        refuse(r, a->status, a->retry_after_s);
    else
        respond_targets(r, a);
}

static void on_assigned(struct edge_op *op, int err)
{
    assigned(FOG_CONTAINER(op, edge_gateway_work, op)->r, err);
}

static void on_assign_late(struct edge_wait *wait)
{
    struct edge_req *r = FOG_CONTAINER(wait, edge_req, wait);

    edge_gateway_cancel(r);
    assigned(r, -ETIMEDOUT);
}

void edge_gateway_assign(struct edge_req *r)
{
    const struct edge_steer *steer = r->e->conf.steer;
    struct edge_gateway_work *w = work_new(r, on_assigned);
    struct edge_assign_query *q = &w->query;
    struct edge_assign_ask ask = {.site = r->site, .publisher_id = r->lookup.publisher_id};
    int rc;

    if (edge_assign_parse(fog_http_req_query(r->http), q) != 0) {
        edge_req_problem(r, 400, "bad_query", "path and one to four anchors are needed");
        return;
    }
    ask.path = fog_bytes_of(q->dir.text, q->dir.len);
    ask.sid = q->sid;
    ask.client = fog_conn_peer_addr(fog_http_req_conn(r->http));
    ask.n_anchors = q->n_anchors;
    memcpy(ask.anchors, q->anchors, sizeof ask.anchors);
    edge_req_set_state(r, REQ_STEER);
    rc = steer->assign(steer->arg, &ask, &w->op, &w->assign);
    if (rc == -EINPROGRESS)
        wait_for_router(r, on_assign_late);
    else
        assigned(r, rc);
}
