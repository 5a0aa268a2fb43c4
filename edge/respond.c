#include "edge/respond.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/base/assert.h"
#include "core/base/buf.h"

void edge_fields_add(struct edge_fields *f, const char *name, struct fog_bytes value)
{
    FOG_ASSERT(f->n < EDGE_FIELDS_MAX);
    f->v[f->n++] = (struct fog_http_header){.name = fog_bytes_str(name), .value = value};
}

void edge_fields_add_cors(struct edge_fields *f)
{
    edge_fields_add(f, "access-control-allow-origin", fog_bytes_str("*"));
    edge_fields_add(f, "timing-allow-origin", fog_bytes_str("*"));
}

static void add_range(struct edge_fields *f, const struct edge_plan *plan,
                      struct edge_content_text *text)
{
    if (plan->status == 206)
        (void)snprintf(text->range, sizeof text->range, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
                       plan->first, plan->first + plan->len - 1, plan->size);
    else
        (void)snprintf(text->range, sizeof text->range, "bytes */%" PRIu64, plan->size);
    edge_fields_add(f, "content-range", fog_bytes_str(text->range));
}

void edge_fields_of_content(struct edge_fields *f, struct edge_object *o,
                            const struct edge_plan *plan, bool box_name, const char *cache_status,
                            struct edge_content_text *text)
{
    const struct edge_head *h = edge_object_head(o, plan->encoding, box_name);
    bool whole = plan->status == 200 || plan->status == 206;
    size_t n = whole ? h->n : h->n_validators;

    FOG_ASSERT(f->n + n <= EDGE_FIELDS_MAX);
    memcpy(f->v + f->n, h->v, n * sizeof h->v[0]);
    f->n += n;
    if (plan->status == 206 || plan->status == 416)
        add_range(f, plan, text);
    if (cache_status[0] != '\0') {
        (void)snprintf(text->status, sizeof text->status, "%s", cache_status);
        edge_fields_add(f, "cache-status", fog_bytes_str(text->status));
    }
}

void edge_cache_status(const char *cache_name, enum edge_from from, char *out, size_t size)
{
    static const char *const how[] = {
        [EDGE_FROM_RAM] = "hit; detail=ram",
        [EDGE_FROM_DISK] = "hit; detail=disk",
        [EDGE_FROM_PEER] = "fwd=uri-miss; stored; detail=peer",
        [EDGE_FROM_ORIGIN] = "fwd=uri-miss; stored; detail=origin",
    };

    (void)snprintf(out, size, "%s; %s", cache_name, how[from]);
}

void edge_respond_problem(struct fog_http_req *req, int status, const char *code,
                          const char *detail, struct edge_fields *fields)
{
    struct edge_fields none = {0}, *f = fields != NULL ? fields : &none;
    char body[256];
    int n;

    n = snprintf(body, sizeof body, "{\"status\":%d,\"code\":\"%s\",\"detail\":\"%s\"}\n", status,
                 code, detail);
    FOG_ASSERT(n > 0 && (size_t)n < sizeof body);
    edge_fields_add_cors(f);
    edge_fields_add(f, "cache-control", fog_bytes_str("no-store"));
    edge_fields_add(f, "content-type", fog_bytes_str("application/problem+json"));
    edge_fields_add(f, "x-content-type-options", fog_bytes_str("nosniff"));
    fog_http_respond_bytes(req, status, f->v, f->n, fog_bytes_of(body, (size_t)n));
}

void edge_respond_redirect(struct fog_http_req *req, int status, struct fog_bytes location,
                           const char *cache_control)
{
    struct edge_fields f = {0};

    edge_fields_add(&f, "location", location);
    edge_fields_add(&f, "cache-control", fog_bytes_str(cache_control));
    edge_fields_add_cors(&f);
    fog_http_respond_bytes(req, status, f.v, f.n, (struct fog_bytes){0});
}
