/* Calls of publishers: key document, what is missing, objects, pointer. */
#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/api_missing.h"
#include "router/api.h"
#include "router/copies.h"
#include "router/publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* --- PUT /v1/publisher --- */

static void on_pub_stored(void *ctx, int err)
{
    struct api_call *c = ctx;

    if (!api_alive(c))
        return;
    if (err != 0)
        api_problem(c, 503, "store_unavailable", "the key document could not be stored: try again");
    else
        api_empty(c, 204);
}

static void on_deal(void *ctx, int err, const char *why)
{
    struct api_call *c = ctx;
    const struct record_pub *known;
    struct fog_keydoc doc;

    if (!api_alive(c))
        return;
    if (err == FOG_EDENIED) {
        api_problem(c, 403, "no_deal", "%s", why == NULL ? "no deal names this publisher" : why);
        return;
    }
    if (err != 0 || fog_keydoc_decode(fog_buf_bytes(&c->body), &c->r->fog_id, &doc) != 0) {
        api_problem(c, 503, "deal_unknown",
                    "whether a deal covers this publisher could not be found out (%s): try again",
                    fog_strerror(err));
        return;
    }
    known = records_pub(c->r->rec, &doc.publisher_id);
    if (known != NULL && known->doc.gen > doc.gen) {
        api_problem(c, 409, "stale_keydoc", "generation %u is older than %u, which is known here",
                    doc.gen, known->doc.gen);
        return;
    }
    if (known != NULL && known->doc.gen == doc.gen &&
        !fog_bytes_eq(fog_buf_bytes(&known->bytes), fog_buf_bytes(&c->body))) {
        api_problem(c, 409, "keydoc_conflict",
                    "another key document of generation %u is known here: use the next generation",
                    doc.gen);
        return;
    }
    records_put_pub(c->r->rec, &doc, fog_buf_bytes(&c->body), on_pub_stored, c);
}

static void publisher_go(struct api_call *c)
{
    struct fog_keydoc doc;
    int rc = fog_keydoc_decode(fog_buf_bytes(&c->body), &c->r->fog_id, &doc);

    if (rc != 0) {
        api_problem(c, 400, "bad_keydoc", "the body is not a valid key document of this fog: %s",
                    fog_strerror(rc));
        return;
    }
    c->who = doc.publisher_id;
    c->r->ports.deals.check(c->r->ports.deals.arg, &doc.publisher_id, doc.escrow_owner, on_deal, c);
}

void api_publisher(struct api_call *c)
{
    api_read(c, FOG_KEYDOC_MAX, publisher_go);
}

/* --- POST /v1/missing --- */

static void on_has(void *ctx, int err, const bool *present)
{
    struct api_call *c = ctx;
    size_t n = c->body.len / FOG_MISSING_ROW;
    uint8_t bits[FOG_MISSING_MAX / 8] = {0};

    free(c->part);
    if (!api_alive(c))
        return;
    if (err != 0) {
        api_problem(c, 503, "store_unavailable", "the store does not answer (%s): try again",
                    fog_strerror(err));
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (!present[i])
            fog_missing_set(bits, i);
    api_bytes(c, 200, "application/octet-stream", fog_bytes_of(bits, fog_missing_answer_len(n)));
}

static void missing_go(struct api_call *c)
{
    size_t n = c->body.len / FOG_MISSING_ROW;
    struct fog_missing_row row;
    struct router_ref *refs;

    if (!api_auth(c))
        return;
    if (n == 0 || c->body.len % FOG_MISSING_ROW != 0) {
        api_problem(c, 400, "bad_rows", "the body is not 1 to %zu rows of %zu bytes",
                    FOG_MISSING_MAX, FOG_MISSING_ROW);
        return;
    }
    c->part = refs = fog_alloc(n * sizeof *refs);
    for (size_t i = 0; i < n; i++) {
        int rc = fog_missing_get(fog_buf_bytes(&c->body), i, &row);
        if (rc != 0) {
            free(refs);
            api_problem(c, 400, "bad_rows", "row %zu: %s", i, fog_strerror(rc));
            return;
        }
        refs[i] = (struct router_ref){(uint8_t)row.kind, row.id, row.len};
    }
    c->r->ports.objects.has(c->r->ports.objects.arg, refs, n, on_has, c);
}

void api_missing(struct api_call *c)
{
    api_read(c, FOG_MISSING_MAX * FOG_MISSING_ROW, missing_go);
}

/* --- PUT /v1/objects/<kind>/<id> --- */

static void on_put(void *ctx, int err)
{
    struct api_call *c = ctx;

    if (!api_alive(c))
        return;
    switch (err) {
    case 0:
        api_empty(c, 204);
        break;
    case FOG_EVERIFY:
        api_problem(c, 422, "wrong_bytes",
                    "the bytes are not what the id names: upload them again");
        break;
    case FOG_EQUOTA:
    case -ENOSPC:
        api_problem(c, 507, "store_full", "the gateway's store is full: ask the operator");
        break;
    case FOG_EFORMAT:
    case FOG_ECANON:
    case FOG_ELIMIT:
        api_problem(c, 422, "bad_object", "the object is malformed: %s", fog_strerror(err));
        break;
    default:
        api_problem(c, 503, "store_unavailable", "the object could not be stored (%s): try again",
                    fog_strerror(err));
    }
}

static bool object_of(const struct api_call *c, struct router_ref *ref)
{
    const char *p = c->path + strlen("/v1/objects/");

    if (p[0] < '1' || p[0] > '3' || p[1] != '/')
        return false;
    ref->kind = (uint8_t)(p[0] - '0');
    return fog_hex_decode(fog_bytes_str(p + 2), ref->id.b, sizeof ref->id.b) == 0;
}

static void object_go(struct api_call *c)
{
    struct router_ref ref = {0};

    if (!api_auth(c))
        return;
    (void)object_of(c, &ref); /* looked at before the body was read */
    ref.len = (uint32_t)c->body.len;
    c->r->ports.objects.put(c->r->ports.objects.arg, &ref, fog_buf_bytes(&c->body), on_put, c);
}

void api_object(struct api_call *c)
{
    struct router_ref ref = {0};

    if (!object_of(c, &ref))
        api_problem(c, 400, "bad_object_name",
                    "want /v1/objects/<kind 1 to 3>/<id, 64 hex digits>");
    else
        api_read(c, fog_kind_max(ref.kind), object_go);
}

/* --- POST /v1/pointer --- */

static void answer_pointer(struct api_call *c, const struct fog_site_id *site)
{
    struct fog_json *j = fog_json_new_object();
    struct copies_status st;
    char label[FOG_SITE_LABEL_LEN + 1], url[320];

    copies_status(c->r->copies, site, router_now(c->r), &st);
    fog_site_label(site, label);
    api_gateway_url(c->r, label, url);
    fog_json_set_str(j, "site", label);
    fog_json_set_str(j, "gateway_url", url);
    fog_json_set_u64(j, "copies", st.copies_min);
    fog_json_set_u64(j, "wanted", st.wanted);
    fog_json_set_u64(j, "groups", st.groups);
    fog_json_set_u64(j, "bytes", st.bytes);
    api_json(c, 200, &j);
}

static void on_waited(void *ctx)
{
    struct api_call *c = ctx;
    struct fog_site_id site;

    memcpy(site.b, c->scratch.data, sizeof site.b);
    if (api_alive(c))
        answer_pointer(c, &site);
}

static void on_published(void *ctx, const struct publish_result *res)
{
    struct api_call *c = ctx;

    if (!api_alive(c))
        return;
    if (res->status != 200) {
        api_problem(c, res->status, res->code, "%s", res->detail);
        return;
    }
    fog_buf_append(&c->scratch, res->site.b, sizeof res->site.b);
    if (c->number == 0 || publish_wait(c->r->publish, &res->site, (fog_time_ms)c->number * 1000,
                                       on_waited, c) == NULL)
        answer_pointer(c, &res->site);
}

static void pointer_go(struct api_call *c)
{
    struct fog_bytes field = fog_http_req_header(c->req, "fog-delegate");
    uint8_t delegate[FOG_DELEGATE_MAX];
    size_t len = 0;

    if (!api_auth(c))
        return;
    if (field.p != NULL) {
        len = field.len * 3 / 4;
        if (len > sizeof delegate || fog_base64url_decode(field, delegate, len) != 0) {
            api_problem(c, 400, "bad_delegate", "fog-delegate is not base64url of a delegation");
            return;
        }
    }
    publish_pointer(c->r->publish, &c->who, fog_buf_bytes(&c->body), fog_bytes_of(delegate, len),
                    on_published, c);
}

void api_pointer(struct api_call *c)
{
    char wait[16];

    if (api_query(c, "wait", wait, sizeof wait) &&
        fog_parse_u64(fog_bytes_str(wait), API_WAIT_MAX_S, &c->number) != 0) {
        api_problem(c, 400, "bad_wait", "wait is a number of seconds, at most %d", API_WAIT_MAX_S);
        return;
    }
    api_read(c, FOG_POINTER_MAX, pointer_go);
}
