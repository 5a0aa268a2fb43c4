/* Ticks: in the query of a segment request, or alone by POST /~t/<grant>. */
#include <string.h>

#include "edge/req.h"

#define TICK_TEXT_MAX 128 /* "<i>.<43 characters>" and the line end that tools add */

static int apply(struct edge_req *r, const struct edge_tick *t)
{
    const struct edge_grants *g = r->e->conf.grants;
    int rc = g->tick(g->arg, r->grant, t->i, t->preimage, edge_hub_ms(r->e));

    if (rc == 0 || rc == FOG_EREPLAY)
        r->e->stats.tick_ok++;
    else
        r->e->stats.tick_bad++;
    return rc;
}

void edge_tick_apply(struct edge_req *r)
{
    /* a bad tick earns nothing; the request stands on the credit that is left */
    if (r->query.tick_is_bad)
        r->e->stats.tick_bad++;
    else if (r->query.has_tick)
        (void)apply(r, &r->query.tick);
}

static void accepted(struct edge_req *r)
{
    struct edge_fields f = {0};

    edge_fields_add_cors(&f);
    edge_fields_add(&f, "cache-control", fog_bytes_str("no-store"));
    r->e->stats.req_ok++;
    edge_req_release(r);
    fog_http_respond_bytes(r->http, 204, f.v, f.n, (struct fog_bytes){0});
}

static void on_tick_body(struct fog_http_req *http, int err, struct fog_bytes body, void *arg)
{
    struct edge_req *r = arg;
    struct edge_tick t;

    (void)http;
    if (r->state == REQ_DONE)
        return;
    if (err != 0) { /* answered, or the peer is gone */
        r->e->stats.req_aborted++;
        edge_req_release(r);
        return;
    }
    while (body.len > 0 && (body.p[body.len - 1] == '\n' || body.p[body.len - 1] == '\r'))
        body.len--;
    if (edge_tick_parse(body, &t) != 0) {
        r->e->stats.tick_bad++;
        edge_req_problem(r, 400, "bad_tick", "a tick is <number>.<43 characters base64url>");
        return;
    }
    switch (apply(r, &t)) {
    case 0:
    case FOG_EREPLAY: /* known already: the sender did not hear our answer */
        accepted(r);
        return;
    case FOG_EEXPIRED:
        edge_req_problem(r, 410, "grant_closed", "this grant takes no more ticks");
        return;
    case FOG_ERANGE:
        edge_req_problem(r, 400, "bad_tick", "the grant has no tick of that number");
        return;
    default:
        edge_req_problem(r, 403, "bad_tick", "the preimage does not belong to this grant");
        return;
    }
}

void edge_tick_post(struct edge_req *r)
{
    const struct edge_grants *g = r->e->conf.grants;
    enum edge_grant_verdict verdict = EDGE_GRANT_ELSEWHERE;

    if (!fog_bytes_eq(fog_http_req_method(r->http), fog_bytes_str("POST"))) {
        edge_req_refuse_method(r, "POST, OPTIONS");
        return;
    }
    if (g != NULL)
        verdict = g->find(g->arg, r->target.token, r->site, edge_hub_ms(r->e), &r->grant);
    switch (verdict) {
    case EDGE_GRANT_OK:
        edge_req_set_state(r, REQ_COLLECT);
        fog_http_req_collect(r->http, TICK_TEXT_MAX, on_tick_body, r);
        return;
    case EDGE_GRANT_ELSEWHERE:
        edge_req_problem(r, 410, "grant_closed", "this grant takes no ticks here");
        return;
    case EDGE_GRANT_GARBAGE:
        edge_req_problem(r, 400, "bad_grant", "this is not a grant");
        return;
    }
}
