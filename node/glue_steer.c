#include "node/glue_steer.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "router/steer.h"

#include <errno.h>
#include <stdlib.h>

_Static_assert(STEER_URL_MAX == EDGE_STEER_URL_MAX, "URL prefixes fit");
_Static_assert(STEER_ANCHORS == EDGE_ASSIGN_ANCHORS, "anchors fit");
_Static_assert(STEER_TARGETS == EDGE_ASSIGN_TARGETS, "targets fit");
_Static_assert(STEER_SID_MAX == EDGE_SID_MAX, "session ids fit");

struct glue_steer {
    struct steer *steer;
    struct edge_steer port;
};

/* One question; lives until the router has answered, whoever still listens. */
struct question {
    struct edge_op *op; /* NULL: cancelled */
    struct edge_decision *decision;
    struct edge_assign *assign;
    bool in_call; /* the answer came before the call returned */
    bool answered;
};

static enum steer_kind kind_of(enum edge_ask_kind kind)
{
    switch (kind) {
    case EDGE_ASK_ENTRY:
        return STEER_ENTRY;
    case EDGE_ASK_SEGMENT:
        return STEER_SEGMENT;
    case EDGE_ASK_DOWNLOAD:
        return STEER_DOWNLOAD;
    }
    return STEER_ENTRY;
}

static enum edge_verdict verdict_of(enum steer_verdict v)
{
    switch (v) {
    case STEER_HERE:
        return EDGE_HERE;
    case STEER_REDIRECT:
        return EDGE_REDIRECT;
    case STEER_REFUSE:
        return EDGE_REFUSE;
    }
    return EDGE_HERE;
}

/* Ends a question whose answer has been copied, unless its asker has not returned yet. */
static void answered(struct question *q)
{
    struct edge_op *op = q->op;

    q->answered = true;
    if (q->in_call)
        return;
    free(q);
    if (op != NULL) {
        op->token = NULL;
        op->on_done(op, 0);
    }
}

static void on_decision(void *ctx, const struct steer_decision *d)
{
    struct question *q = ctx;

    if (q->op != NULL) {
        q->decision->verdict = verdict_of(d->verdict);
        q->decision->status = d->status;
        q->decision->retry_after_s = d->retry_after_s;
        (void)fog_strcpy(q->decision->prefix, sizeof q->decision->prefix, fog_bytes_str(d->prefix));
    }
    answered(q);
}

static void copy_target(const struct steer_target *from, struct edge_target *to)
{
    (void)fog_strcpy(to->box, sizeof to->box, fog_bytes_str(from->box));
    (void)fog_strcpy(to->url_prefix, sizeof to->url_prefix, fog_bytes_str(from->url_prefix));
    memcpy(to->serial, from->serial, sizeof to->serial);
    to->tick_bytes = from->tick_bytes;
    to->max_bytes = from->max_bytes;
    to->not_after = from->not_after;
}

static void on_assign(void *ctx, const struct steer_assign *a)
{
    struct question *q = ctx;

    if (q->op != NULL) {
        (void)fog_strcpy(q->assign->sid, sizeof q->assign->sid, fog_bytes_str(a->sid));
        q->assign->n_targets = a->n_targets;
        for (unsigned i = 0; i < a->n_targets; i++)
            copy_target(&a->targets[i], &q->assign->targets[i]);
        q->assign->status = a->status;
        q->assign->retry_after_s = a->retry_after_s;
    }
    answered(q);
}

/* After the router was asked: 0 when it has answered already. */
static int settle(struct question *q)
{
    q->in_call = false;
    if (!q->answered)
        return -EINPROGRESS;
    q->op->token = NULL;
    free(q);
    return 0;
}

static int port_decide(void *arg, const struct edge_ask *ask, struct edge_op *op,
                       struct edge_decision *out)
{
    struct glue_steer *g = arg;
    struct question *q = FOG_NEW(question);
    struct steer_ask s = {
        .kind = kind_of(ask->kind),
        .site = ask->site,
        .publisher_id = ask->publisher_id,
        .path = ask->path,
        .sid = ask->sid,
        .client = ask->client,
        .object = ask->object,
        .size = ask->size,
        .slot = ask->slot,
        .ranged = ask->ranged,
        .back_box = ask->back_box,
        .back_why = (int)ask->back_why,
    };

    q->op = op;
    q->decision = out;
    q->in_call = true;
    op->token = q;
    steer_decide(g->steer, &s, on_decision, q);
    return settle(q);
}

static int port_assign(void *arg, const struct edge_assign_ask *ask, struct edge_op *op,
                       struct edge_assign *out)
{
    struct glue_steer *g = arg;
    struct question *q = FOG_NEW(question);
    struct steer_assign_ask s = {
        .site = ask->site,
        .publisher_id = ask->publisher_id,
        .path = ask->path,
        .sid = ask->sid,
        .client = ask->client,
        .n_anchors = ask->n_anchors,
    };

    memcpy(s.anchors, ask->anchors, sizeof s.anchors);
    q->op = op;
    q->assign = out;
    q->in_call = true;
    op->token = q;
    steer_assign(g->steer, &s, on_assign, q);
    return settle(q);
}

static void port_cancel(void *arg, struct edge_op *op)
{
    struct question *q = op->token;

    (void)arg;
    if (q == NULL)
        return;
    op->token = NULL;
    q->op = NULL; /* the router's answer frees it */
}

struct glue_steer *glue_steer_new(struct steer *steer)
{
    struct glue_steer *g = FOG_NEW(glue_steer);

    g->steer = steer;
    g->port = (struct edge_steer){
        .arg = g, .decide = port_decide, .assign = port_assign, .cancel = port_cancel};
    return g;
}

void glue_steer_free(struct glue_steer **g)
{
    free(*g);
    *g = NULL;
}

const struct edge_steer *glue_steer_port(struct glue_steer *g)
{
    return &g->port;
}
