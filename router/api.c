#include "router/api.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/api_auth.h"
#include "core/crypto/hash.h"
#include "core/obs/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Bodies being read by all routers of this process: there is one. */
static unsigned bodies;

static void end(struct api_call *c)
{
    if (c->counted)
        bodies--;
    fog_buf_fini(&c->body);
    fog_buf_fini(&c->scratch);
    free(c);
}

bool api_alive(struct api_call *c)
{
    if (c->req != NULL)
        return true;
    end(c);
    return false;
}

static void on_abort(void *arg)
{
    ((struct api_call *)arg)->req = NULL;
}

static void respond(struct api_call *c, int status, const char *type, struct fog_bytes body)
{
    struct fog_http_header h[] = {
        {fog_bytes_str("content-type"), fog_bytes_str(type)},
        {fog_bytes_str("cache-control"), fog_bytes_str("no-store")},
        {fog_bytes_str("access-control-allow-origin"), fog_bytes_str("*")},
        {fog_bytes_str("x-content-type-options"), fog_bytes_str("nosniff")},
    };
    struct fog_http_req *req = c->req;

    c->req = NULL;
    if (status == 204)
        fog_http_respond_bytes(req, status, h + 1, FOG_COUNT(h) - 1, (struct fog_bytes){0});
    else
        fog_http_respond_bytes(req, status, h, FOG_COUNT(h), body);
    end(c);
}

void api_bytes(struct api_call *c, int status, const char *type, struct fog_bytes body)
{
    respond(c, status, type, body);
}

void api_json(struct api_call *c, int status, struct fog_json **j)
{
    struct fog_buf text = {0};

    fog_json_write(*j, true, &text);
    fog_buf_append_str(&text, "\n");
    fog_json_free(j);
    respond(c, status, "application/json", fog_buf_bytes(&text));
    fog_buf_fini(&text);
}

void api_empty(struct api_call *c, int status)
{
    respond(c, status, "", (struct fog_bytes){0});
}

void api_problem(struct api_call *c, int status, const char *code, const char *fmt, ...)
{
    struct fog_http_req *req = c->req;
    char detail[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    fog_info("api.refused", "method=%s path=%s status=%d code=%s", c->method, c->path, status,
             code);
    c->req = NULL;
    fog_http_respond_problem(req, status, code, detail);
    end(c);
}

static void on_body(struct fog_http_req *req, int err, struct fog_bytes body, void *arg)
{
    struct api_call *c = arg;

    (void)req;
    if (err != 0) {
        /* Answered already (413) or gone. */
        c->req = NULL;
        end(c);
        return;
    }
    fog_buf_append(&c->body, body.p, body.len);
    c->go(c);
}

void api_read(struct api_call *c, size_t max, void (*go)(struct api_call *c))
{
    if (bodies >= API_BODIES_MAX) {
        api_problem(c, 503, "busy", "too many requests are being read: send it again in a second");
        return;
    }
    bodies++;
    c->counted = true;
    c->go = go;
    fog_http_req_collect(c->req, max, on_body, c);
}

bool api_auth(struct api_call *c)
{
    struct fog_bytes field = fog_http_req_header(c->req, "authorization");
    char target[2 * API_TARGET_MAX];
    struct fog_api_request req = {.method = fog_bytes_str(c->method)};
    struct fog_api_auth auth;
    const struct record_pub *pub;
    int rc;

    if (field.p == NULL || fog_api_auth_parse(field, &auth) != 0) {
        api_problem(c, 401, "no_authorization",
                    "sign the request: authorization: Fog <publisher>.<time>.<key>.<signature>");
        return false;
    }
    pub = records_pub(c->r->rec, &auth.publisher_id);
    if (pub == NULL) {
        api_problem(c, 401, "unknown_publisher",
                    "this publisher is not known here: PUT /v1/publisher with the key document");
        return false;
    }
    snprintf(target, sizeof target, "%s%s%s", c->path, c->query[0] == 0 ? "" : "?", c->query);
    req.target = fog_bytes_str(target);
    fog_sha256(fog_buf_bytes(&c->body), &req.body_hash);
    rc = fog_api_auth_verify(&auth, &req, &pub->doc, &c->r->fog_id,
                             (uint64_t)(router_hub_ms(c->r) / 1000));
    if (rc == FOG_EEXPIRED)
        api_problem(
            c, 401, "clock_skew",
            "the request's time is more than %d s from hub time %lld: see GET /v1/fog, hub_ms",
            FOG_API_SKEW_S, (long long)(router_hub_ms(c->r) / 1000));
    else if (rc != 0)
        api_problem(c, 401, "bad_signature", "the request's signature is not accepted: %s",
                    fog_strerror(rc));
    else
        c->who = auth.publisher_id; /* a refused call is gone */
    return rc == 0;
}

static int unhex(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    if (ch >= 'a' && ch <= 'f')
        return ch - 'a' + 10;
    return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

bool api_query(const struct api_call *c, const char *name, char *out, size_t size)
{
    size_t n = strlen(name), at = 0;
    const char *p = c->query;

    while (*p != 0) {
        const char *stop = strchr(p, '&');
        size_t len = stop == NULL ? strlen(p) : (size_t)(stop - p);
        if (len > n && memcmp(p, name, n) == 0 && p[n] == '=') {
            for (size_t i = n + 1; i < len && at + 1 < size; i++) {
                if (p[i] == '%' && i + 2 < len && unhex(p[i + 1]) >= 0 && unhex(p[i + 2]) >= 0) {
                    out[at++] = (char)((unsigned)unhex(p[i + 1]) << 4 | (unsigned)unhex(p[i + 2]));
                    i += 2;
                } else {
                    out[at++] = p[i];
                }
                if (out[at - 1] == 0)
                    return false;
            }
            out[at] = 0;
            return len - n - 1 <= 3 * (size - 1);
        }
        p += len + (stop != NULL);
    }
    return false;
}

void api_set_plain_hex(struct fog_json *j, const char *name, const void *bytes, size_t len)
{
    char hex[2 * 64 + 1];

    FOG_ASSERT(len <= 64);
    fog_hex_encode(bytes, len, hex);
    fog_json_set_str(j, name, hex);
}

void api_gateway_url(const struct router *r, const char *label, char out[320])
{
    char port[8] = "";

    if (r->conf.public_port != 443 && r->conf.public_port != 0)
        snprintf(port, sizeof port, ":%u", r->conf.public_port);
    snprintf(out, 320, "https://%s.%s%s/", label, r->conf.zone, port);
}

/* --- dispatch --- */

static const struct {
    const char *method;
    const char *path; /* ends in '/': a prefix */
    void (*handle)(struct api_call *c);
    bool admin; /* only by the admin socket */
} routes[] = {
    {"GET", "/v1/fog", api_fog, false},           {"PUT", "/v1/publisher", api_publisher, false},
    {"POST", "/v1/missing", api_missing, false},  {"PUT", "/v1/objects/", api_object, false},
    {"POST", "/v1/pointer", api_pointer, false},  {"GET", "/v1/sites/", api_site, false},
    {"GET", "/v1/status", api_status, false},     {"GET", "/v1/route", api_route, false},
    {"GET", "/v1/earnings", api_earnings, false}, {"POST", "/v1/admin/", api_admin, true},
};

static bool matches(const char *route, const char *path)
{
    size_t n = strlen(route);

    return route[n - 1] == '/' ? strncmp(route, path, n) == 0 : strcmp(route, path) == 0;
}

static void dispatch(struct api_call *c)
{
    bool known = false;

    for (size_t i = 0; i < FOG_COUNT(routes); i++) {
        if (!matches(routes[i].path, c->path))
            continue;
        known = true;
        if (strcmp(routes[i].method, c->method) != 0)
            continue;
        if (routes[i].admin && !c->admin)
            api_problem(c, 403, "admin_only",
                        "this call is taken from the admin socket of the instance only");
        else
            routes[i].handle(c);
        return;
    }
    if (known)
        api_problem(c, 405, "method_not_allowed", "%s is not a method of %s", c->method, c->path);
    else
        api_problem(c, 404, "no_such_call", "the API has no %s", c->path);
}

void router_on_request(struct router *r, struct fog_http_req *req, bool admin)
{
    struct api_call *c = FOG_NEW(api_call);

    c->r = r;
    c->req = req;
    c->admin = admin;
    fog_http_req_on_abort(req, on_abort, c);
    if (!fog_strcpy(c->method, sizeof c->method, fog_http_req_method(req)) ||
        !fog_strcpy(c->path, sizeof c->path, fog_http_req_path(req)) ||
        !fog_strcpy(c->query, sizeof c->query, fog_http_req_query(req)))
        api_problem(c, 414, "uri_too_long", "method or target is longer than %d bytes",
                    API_TARGET_MAX - 1);
    else
        dispatch(c);
}
