/*
 * Answers: lists of header fields, problems, redirects, and the fields of a content answer that
 * differ from request to request. Decides nothing.
 */
#ifndef FOG_EDGE_RESPOND_H
#define FOG_EDGE_RESPOND_H

#include "core/http/server.h"
#include "edge/plan.h"
#include "edge/source.h"

#define EDGE_FIELDS_MAX (EDGE_HEADS_MAX + 8)

struct edge_fields {
    size_t n;
    struct fog_http_header v[EDGE_FIELDS_MAX];
};

/* Name: static text. Value: borrowed until the response was started. */
void edge_fields_add(struct edge_fields *f, const char *name, struct fog_bytes value);

/* What every answer carries: CORS for anybody, resource timing. */
void edge_fields_add_cors(struct edge_fields *f);

/* Memory for the values below; lives as long as the request. */
struct edge_content_text {
    char range[72];
    char status[96];
};

/* The head of a 200, 206, 304, 412 or 416. `cache_status` "" leaves that field out. */
void edge_fields_of_content(struct edge_fields *f, struct edge_object *o,
                            const struct edge_plan *plan, bool box_name, const char *cache_status,
                            struct edge_content_text *text);

/* `<name>; hit; detail=ram` and the like (RFC 9211). */
void edge_cache_status(const char *cache_name, enum edge_from from, char *out, size_t size);

/* {"status":..,"code":..,"detail":..} (RFC 9457), not stored by caches. `fields` may bring more
 * fields (Allow, Retry-After). Ends the request. */
void edge_respond_problem(struct fog_http_req *req, int status, const char *code,
                          const char *detail, struct edge_fields *fields);

/* Ends the request. */
void edge_respond_redirect(struct fog_http_req *req, int status, struct fog_bytes location,
                           const char *cache_control);

#endif
