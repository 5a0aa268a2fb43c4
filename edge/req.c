#include "edge/req.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/obs/log.h"

#define REQ_MAGIC 0x65726571
#define BIT(s)    (1u << (s))

#define REQ_STATES(X)                                                                              \
    X(REQ_START, "start", BIT(REQ_LOOKUP) | BIT(REQ_COLLECT) | BIT(REQ_DONE))                      \
    X(REQ_LOOKUP, "lookup",                                                                        \
      BIT(REQ_LOOKUP) | BIT(REQ_STEER) | BIT(REQ_OPEN) | BIT(REQ_SEND) | BIT(REQ_DONE))            \
    X(REQ_STEER, "steer", BIT(REQ_OPEN) | BIT(REQ_SEND) | BIT(REQ_DONE))                           \
    X(REQ_COLLECT, "collect", BIT(REQ_DONE))                                                       \
    X(REQ_OPEN, "open", BIT(REQ_SEND) | BIT(REQ_DONE))                                             \
    X(REQ_SEND, "send", BIT(REQ_DONE))                                                             \
    X(REQ_DONE, "done", 0)

static const struct {
    const char *name;
    unsigned next;
} states[] = {
#define X(state, text, moves) [state] = {text, moves},
    REQ_STATES(X)
#undef X
};

void edge_req_set_state(struct edge_req *r, enum edge_req_state to)
{
    FOG_ASSERT((states[r->state].next & BIT(to)) != 0);
    if (r->state == REQ_START && to != REQ_DONE)
        r->e->stats.req_open++;
    if (r->state != REQ_START && to == REQ_DONE)
        r->e->stats.req_open--;
    r->state = to;
}

/* --- ends --- */

void edge_req_release(struct edge_req *r)
{
    switch (r->state) {
    case REQ_LOOKUP:
        edge_lookup_cancel(&r->lookup);
        break;
    case REQ_STEER:
        edge_gateway_cancel(r);
        break;
    case REQ_OPEN:
        edge_body_drop(&r->body);
        break;
    case REQ_START:
    case REQ_COLLECT:
    case REQ_SEND: /* the body was closed */
    case REQ_DONE:
        break;
    }
    edge_wait_stop(&r->wait);
    edge_object_unref(&r->obj);
    if (r->grant != NULL)
        r->e->conf.grants->done(r->e->conf.grants->arg, r->grant);
    r->grant = NULL;
    edge_req_set_state(r, REQ_DONE);
}

static void on_abort(void *arg)
{
    struct edge_req *r = FOG_CAST(edge_req, REQ_MAGIC, arg);

    if (r->state == REQ_DONE)
        return;
    r->e->stats.req_aborted++;
    edge_req_release(r);
}

void edge_req_problem_with(struct edge_req *r, int status, const char *code, const char *detail,
                           struct edge_fields *fields)
{
    if (status == 404)
        r->e->stats.req_absent++;
    else
        r->e->stats.req_refused++;
    edge_req_release(r);
    edge_respond_problem(r->http, status, code, detail, fields);
}

void edge_req_problem(struct edge_req *r, int status, const char *code, const char *detail)
{
    edge_req_problem_with(r, status, code, detail, NULL);
}

void edge_req_refuse_method(struct edge_req *r, const char *allow)
{
    struct edge_fields f = {0};

    edge_fields_add(&f, "allow", fog_bytes_str(allow));
    edge_req_problem_with(r, 405, "method", "this method is not served here", &f);
}

void edge_req_redirect(struct edge_req *r, int status, const struct fog_buf *location)
{
    /* a directory's 301 must not outlive the next release in browsers' caches */
    const char *cache_control = status == 301 ? "public, max-age=0, must-revalidate" : "no-store";

    r->e->stats.req_redirected++;
    edge_req_release(r);
    edge_respond_redirect(r->http, status, fog_buf_bytes(location), cache_control);
}

/* Appends the path as a URL spells it, with the '/' of a directory. */
static void append_path(const struct edge_req *r, struct fog_buf *out)
{
    const struct fog_path *p = &r->target.path;

    fog_path_to_url(fog_bytes_of(p->text, p->len), out);
    if (p->dir && p->len > 0)
        fog_buf_append_str(out, "/");
}

void edge_req_back(struct edge_req *r, enum edge_back why)
{
    const struct edge *e = r->e;
    struct fog_buf url = {0};
    size_t before;

    if (why == EDGE_BACK_GRANT)
        r->e->stats.back_grant++;
    else if (why == EDGE_BACK_CONTENT)
        r->e->stats.back_content++;
    fog_buf_printf(&url, "https://%s.%s%s/", r->site, e->zone, e->port_text);
    append_path(r, &url);
    before = url.len;
    edge_query_strip(fog_http_req_query(r->http), &url);
    fog_buf_printf(&url, "%cfogback=%s.%s", url.len == before ? '?' : '&', e->box_label,
                   edge_back_name(why));
    edge_req_redirect(r, 307, &url);
    fog_buf_fini(&url);
}

void edge_req_unavailable(struct edge_req *r)
{
    struct edge_fields f = {0};

    if (r->host == EDGE_HOST_BOX) {
        edge_req_back(r, EDGE_BACK_CONTENT);
        return;
    }
    edge_fields_add(&f, "retry-after", fog_bytes_str("2"));
    edge_req_problem_with(r, 503, "unavailable", "the content cannot be had right now", &f);
}

/* --- serving --- */

static void on_body_close(struct edge_body *b, int err)
{
    struct edge_req *r = FOG_CAST(edge_req, REQ_MAGIC, FOG_CONTAINER(b, edge_req, body));

    if (err != 0)
        r->e->stats.req_aborted++;
    edge_req_release(r);
}

static struct edge_want want_of(const struct edge_req *r)
{
    const struct fog_http_req *q = r->http;

    return (struct edge_want){
        .head = r->head,
        .accept_encoding = fog_http_req_header(q, "accept-encoding"),
        .range = fog_http_req_header(q, "range"),
        .conditions =
            {
                .if_match = fog_http_req_header(q, "if-match"),
                .if_none_match = fog_http_req_header(q, "if-none-match"),
                .if_modified_since = fog_http_req_header(q, "if-modified-since"),
                .if_unmodified_since = fog_http_req_header(q, "if-unmodified-since"),
                .if_range = fog_http_req_header(q, "if-range"),
            },
    };
}

/* 304, 412, 416: an answer without content. */
static void respond_bare(struct edge_req *r)
{
    struct edge_object *obj = edge_object_ref(r->obj); /* the fields view it */
    struct edge_content_text text;
    struct edge_fields f = {0};
    int status = r->plan.status;

    edge_fields_of_content(&f, r->obj, &r->plan, r->host == EDGE_HOST_BOX, "", &text);
    if (status == 304)
        r->e->stats.req_not_modified++;
    else
        r->e->stats.req_refused++;
    edge_req_release(r);
    /* the Content-Length of a 304 is that of the 200 (RFC 9110 8.6) */
    fog_http_respond(r->http, status, f.v, f.n, status == 304 ? r->plan.size : 0, NULL);
    edge_object_unref(&obj);
}

/* The first piece is here, or none is needed. */
static void respond_content(struct edge_req *r)
{
    struct edge_content_text text;
    struct edge_fields f = {0};
    struct fog_http_source source = edge_body_source(&r->body);
    char cache_status[80] = "";

    if (!r->head && r->plan.len > 0)
        edge_cache_status(r->e->cache_name, edge_body_from(&r->body), cache_status,
                          sizeof cache_status);
    edge_fields_of_content(&f, r->obj, &r->plan, r->host == EDGE_HOST_BOX, cache_status, &text);
    if (r->status == 404)
        r->e->stats.req_absent++;
    else
        r->e->stats.req_ok++;
    edge_req_set_state(r, REQ_SEND);
    fog_http_respond(r->http, r->status != 0 ? r->status : r->plan.status, f.v, f.n, r->plan.len,
                     &source);
}

static void on_body_open(struct edge_body *b, int err)
{
    struct edge_req *r = FOG_CAST(edge_req, REQ_MAGIC, FOG_CONTAINER(b, edge_req, body));

    if (err == 0) {
        respond_content(r);
        return;
    }
    fog_debug("edge.read_failed", "site=%s err=%s", r->site, fog_errname(err));
    edge_req_unavailable(r);
}

/* A grant that cannot carry the whole answer does not start it. */
static bool grant_is_used_up(const struct edge_req *r)
{
    const struct edge_grants *g = r->e->conf.grants;
    int64_t left;

    if (r->grant == NULL)
        return false;
    left = g->left != NULL ? g->left(g->arg, r->grant) : INT64_MAX;
    return g->allow(g->arg, r->grant) < 0 || left < 0 || (uint64_t)left < r->plan.len;
}

void edge_req_serve(struct edge_req *r)
{
    struct edge_want want = want_of(r);
    int rc = 0;

    if (r->status == 404) /* 404.html is not what was asked for: no conditions, no ranges */
        want = (struct edge_want){.head = r->head, .accept_encoding = want.accept_encoding};
    edge_plan_make(&want, r->obj, &r->plan);
    if (r->plan.status != 200 && r->plan.status != 206) {
        respond_bare(r);
        return;
    }
    if (!r->head && r->plan.len > 0 && grant_is_used_up(r)) {
        edge_req_back(r, EDGE_BACK_GRANT);
        return;
    }
    r->body = (struct edge_body){
        .e = r->e,
        .http = r->http,
        .site = r->site,
        .obj = edge_object_ref(r->obj),
        .variant = fog_manifest_variant(&r->obj->manifest, r->plan.encoding),
        .grant = r->grant,
        .on_open = on_body_open,
        .on_close = on_body_close,
    };
    r->grant = NULL;
    edge_req_set_state(r, REQ_OPEN);
    if (!r->head && r->plan.len > 0)
        rc = edge_body_open(&r->body, r->plan.first, r->plan.len);
    if (rc != -EINPROGRESS)
        on_body_open(&r->body, rc);
}

/* --- finding --- */

/* Stable URLs of a box are served under its standing grant, where the port knows of such. */
static bool take_standing_grant(struct edge_req *r)
{
    const struct edge_grants *g = r->e->conf.grants;

    if (r->target.route == EDGE_ROUTE_GRANT || g == NULL || g->standing == NULL)
        return true;
    return g->standing(g->arg, r->site, &r->lookup.publisher_id, edge_hub_ms(r->e), &r->grant);
}

/* What the object's kind and the host say: serve, send back, or ask the router. */
static void found(struct edge_req *r)
{
    enum edge_class class = r->obj->class;
    uint64_t size = r->obj->sizes[FOG_IDENTITY];

    if (r->host == EDGE_HOST_BOX) {
        if (edge_stays_on_site(class, size, r->target.route == EDGE_ROUTE_GRANT))
            edge_req_back(r, EDGE_BACK_STAYS);
        else if (!take_standing_grant(r))
            edge_req_back(r, EDGE_BACK_GRANT);
        else
            edge_req_serve(r);
        return;
    }
    if (class == EDGE_CLASS_PLAYLIST ? r->target.route == EDGE_ROUTE_PLAIN
                                     : !edge_stays_on_site(class, size, false))
        edge_gateway_steer(r);
    else
        edge_req_serve(r);
}

/* "docs" exists as a directory: 301 to "docs/", under the same prefix. */
static void redirect_to_directory(struct edge_req *r)
{
    struct fog_buf url = {0};

    if (r->target.route == EDGE_ROUTE_SESSION) {
        fog_buf_append_str(&url, "/~s/");
        fog_buf_append(&url, r->target.token.p, r->target.token.len);
    }
    fog_buf_append_str(&url, "/");
    append_path(r, &url);
    fog_buf_append_str(&url, "/");
    edge_query_strip(fog_http_req_query(r->http), &url);
    edge_req_redirect(r, 301, &url);
    fog_buf_fini(&url);
}

/* The release proves that the path does not exist. */
static void absent(struct edge_req *r)
{
    if (r->host == EDGE_HOST_BOX) {
        /* a grant was given for something that exists: this box is behind the newest release */
        if (r->target.route == EDGE_ROUTE_GRANT)
            edge_req_back(r, EDGE_BACK_CONTENT);
        else
            edge_req_problem(r, 404, "not_found", "there is no such path in this site");
        return;
    }
    edge_object_unref(&r->obj);
    if (r->goal == GOAL_PATH && !r->target.path.dir)
        edge_req_lookup(r, GOAL_DIRECTORY);
    else
        edge_req_lookup(r, GOAL_NOT_FOUND);
}

static void looked_up(struct edge_req *r, int err)
{
    edge_wait_stop(&r->wait);
    if (err == -ENOENT && r->target.route != EDGE_ROUTE_GRANT) {
        edge_req_problem(r, 404, "no_such_site", "no site of this name is served here");
        return;
    }
    if (err == FOG_ERANGE) {
        edge_req_problem(r, 404, "not_found", "no site can have such a path");
        return;
    }
    if (err != 0) {
        fog_debug("edge.lookup_failed", "site=%s err=%s", r->site, fog_errname(err));
        edge_req_unavailable(r);
        return;
    }
    r->obj = r->lookup.obj;
    switch (r->goal) {
    case GOAL_SITE:
        edge_gateway_assign(r);
        return;
    case GOAL_PATH:
        if (r->obj->absent)
            absent(r);
        else
            found(r);
        return;
    case GOAL_DIRECTORY:
        if (r->obj->absent)
            absent(r);
        else
            redirect_to_directory(r);
        return;
    case GOAL_NOT_FOUND:
        r->status = 404;
        if (r->obj->absent)
            edge_req_problem(r, 404, "not_found", "there is no such path in this site");
        else
            edge_req_serve(r);
        return;
    }
}

static void on_lookup(struct edge_lookup *l, int err)
{
    looked_up(FOG_CAST(edge_req, REQ_MAGIC, FOG_CONTAINER(l, edge_req, lookup)), err);
}

static void on_lookup_late(struct edge_wait *w)
{
    struct edge_req *r = FOG_CAST(edge_req, REQ_MAGIC, FOG_CONTAINER(w, edge_req, wait));

    r->e->stats.source_timeout++;
    edge_lookup_cancel(&r->lookup);
    looked_up(r, -ETIMEDOUT);
}

/* The path to look up for a goal. */
static void set_path(struct edge_req *r, enum edge_req_goal goal)
{
    const struct fog_path *p = &r->target.path;
    int n = 0;

    switch (goal) {
    case GOAL_PATH:
        n = snprintf(r->path, sizeof r->path, "%s%s%s", p->text, p->dir && p->len > 0 ? "/" : "",
                     p->dir ? "index.html" : "");
        break;
    case GOAL_DIRECTORY:
        n = snprintf(r->path, sizeof r->path, "%s/index.html", p->text);
        break;
    case GOAL_NOT_FOUND:
        n = snprintf(r->path, sizeof r->path, "404.html");
        break;
    case GOAL_SITE:
        break;
    }
    FOG_ASSERT(n >= 0 && (size_t)n < sizeof r->path);
    r->path_len = (size_t)n;
}

void edge_req_lookup(struct edge_req *r, enum edge_req_goal goal)
{
    int rc;

    edge_req_set_state(r, REQ_LOOKUP);
    r->goal = goal;
    set_path(r, goal);
    r->lookup.on_done = on_lookup;
    rc = edge_lookup_start(r->e->sites, r->site, fog_bytes_of(r->path, r->path_len), &r->lookup);
    if (rc != -EINPROGRESS) {
        looked_up(r, rc);
        return;
    }
    r->wait.on_due = on_lookup_late;
    edge_wait_start(&r->e->source_waits, &r->wait);
}

/* --- reading the request --- */

static bool method_is(const struct edge_req *r, const char *name)
{
    return fog_bytes_eq(fog_http_req_method(r->http), fog_bytes_str(name));
}

static void preflight(struct edge_req *r)
{
    struct edge_fields f = {0};

    edge_fields_add_cors(&f);
    edge_fields_add(&f, "allow", fog_bytes_str("GET, HEAD, OPTIONS, POST"));
    edge_fields_add(&f, "access-control-allow-methods", fog_bytes_str("GET, HEAD, POST"));
    edge_fields_add(&f, "access-control-allow-headers", fog_bytes_str("*"));
    edge_fields_add(&f, "access-control-max-age", fog_bytes_str("86400"));
    r->e->stats.req_ok++;
    edge_req_release(r);
    fog_http_respond_bytes(r->http, 204, f.v, f.n, (struct fog_bytes){0});
}

static void well_known(struct edge_req *r)
{
    struct edge_fields f = {0};
    char body[160];
    int n =
        snprintf(body, sizeof body, "{\"name\":\"fogbank\",\"version\":\"%s\",\"box\":\"%s\"}\n",
                 r->e->version, r->e->box_label);

    if (!method_is(r, "GET") && !r->head) {
        edge_req_refuse_method(r, "GET, HEAD, OPTIONS");
        return;
    }
    FOG_ASSERT(n > 0 && (size_t)n < sizeof body);
    edge_fields_add_cors(&f);
    edge_fields_add(&f, "cache-control", fog_bytes_str("no-store"));
    edge_fields_add(&f, "content-type", fog_bytes_str("application/json"));
    edge_fields_add(&f, "x-content-type-options", fog_bytes_str("nosniff"));
    r->e->stats.req_ok++;
    edge_req_release(r);
    fog_http_respond_bytes(r->http, 200, f.v, f.n, fog_bytes_of(body, (size_t)n));
}

/* Checks the grant of the path, or takes the standing one. false: the request was answered. */
static bool take_grant(struct edge_req *r)
{
    const struct edge_grants *g = r->e->conf.grants;
    const struct fog_path *p = &r->target.path;
    enum edge_grant_verdict verdict = EDGE_GRANT_ELSEWHERE;

    if (r->target.route != EDGE_ROUTE_GRANT)
        return true;
    if (g != NULL)
        verdict = g->check(g->arg, r->target.token, r->site, fog_bytes_of(p->text, p->len),
                           edge_hub_ms(r->e), &r->grant);
    switch (verdict) {
    case EDGE_GRANT_OK:
        edge_tick_apply(r);
        return true;
    case EDGE_GRANT_ELSEWHERE:
        edge_req_back(r, EDGE_BACK_GRANT);
        return false;
    case EDGE_GRANT_GARBAGE:
        break;
    }
    edge_req_problem(r, 400, "bad_grant", "this is not a grant");
    return false;
}

/* A page of another site must not be able to plant a service worker on a box name (PROTOCOL 3). */
static bool asks_for_worker(const struct edge_req *r)
{
    return fog_bytes_eq(fog_http_req_header(r->http, "service-worker"), fog_bytes_str("script"));
}

static void start_content(struct edge_req *r)
{
    if (!method_is(r, "GET") && !r->head) {
        edge_req_refuse_method(r, "GET, HEAD, OPTIONS");
        return;
    }
    if (r->host == EDGE_HOST_BOX && asks_for_worker(r)) {
        edge_req_problem(r, 403, "service_worker", "no service workers on box names");
        return;
    }
    if (take_grant(r))
        edge_req_lookup(r, GOAL_PATH);
}

static void dispatch(struct edge_req *r)
{
    switch (r->target.route) {
    case EDGE_ROUTE_WELL_KNOWN:
        well_known(r);
        return;
    case EDGE_ROUTE_TICK:
        edge_tick_post(r);
        return;
    case EDGE_ROUTE_ASSIGN:
        if (method_is(r, "GET"))
            edge_req_lookup(r, GOAL_SITE);
        else
            edge_req_refuse_method(r, "GET, OPTIONS");
        return;
    case EDGE_ROUTE_PLAIN:
    case EDGE_ROUTE_SESSION:
    case EDGE_ROUTE_GRANT:
        start_content(r);
        return;
    }
}

void edge_req_start(struct edge *e, struct fog_http_req *http)
{
    struct edge_req *r = fog_http_req_alloc(http, sizeof *r);
    int rc;

    memset(r, 0, sizeof *r);
    r->magic = REQ_MAGIC;
    r->e = e;
    r->http = http;
    e->stats.req_total++;
    fog_http_req_on_abort(http, on_abort, r);
    r->head = method_is(r, "HEAD");
    r->host = edge_host_parse(e->zone, e->has_box ? &e->box : NULL, fog_http_req_authority(http),
                              r->site);
    rc = edge_path_parse(r->host, fog_http_req_path(http), &r->target);
    if (rc == 0 && r->target.route == EDGE_ROUTE_WELL_KNOWN && !method_is(r, "OPTIONS")) {
        well_known(r);
    } else if (r->host == EDGE_HOST_FOREIGN ||
               (r->host == EDGE_HOST_GATEWAY && e->conf.steer == NULL)) {
        edge_req_problem(r, 421, "misdirected", "no site of this host is served here");
    } else if (method_is(r, "OPTIONS")) {
        preflight(r);
    } else if (rc == FOG_ELIMIT) {
        edge_req_problem(r, 414, "path_too_long", "the path is too long");
    } else if (rc != 0) {
        edge_req_problem(r, 400, "bad_path", "the path is malformed");
    } else {
        edge_query_parse(fog_http_req_query(http), &r->query);
        dispatch(r);
    }
}
