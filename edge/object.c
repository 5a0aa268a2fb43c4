#include "edge/object.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/str.h"
#include "core/base/wr.h"
#include "edge/negotiate.h"

#define HEAD_BYTES_GUESS 1536 /* what a header block takes, charged before it exists */
#define ETAG_BYTES       18   /* of the variant's root: 24 characters, 144 bits */

/* Strong, and different for each variant: the root names the exact bytes. */
static void make_etag(const struct fog_hash *root, char out[EDGE_ETAG_MAX])
{
    out[0] = '"';
    fog_base64url_encode(root->b, ETAG_BYTES, out + 1);
    memcpy(out + 1 + FOG_BASE64_LEN(ETAG_BYTES), "\"", 2);
}

static void copy_fields(struct edge_object *o, const struct fog_release_entry *entry)
{
    o->modified_s = -1;
    for (unsigned i = 0; i < entry->n_headers; i++) {
        const struct fog_release_header *h = &entry->headers[i];

        if (fog_bytes_eq(h->name, fog_bytes_str("last-modified")) &&
            edge_date_parse(h->value, &o->modified_s) != 0)
            continue; /* a date that nobody can read helps nobody */
        fog_wr_lp8(&o->fields, h->name);
        fog_wr_lp16(&o->fields, h->value);
    }
}

struct edge_object *edge_object_new(const struct fog_release_entry *entry,
                                    const struct fog_hash *publisher_id,
                                    struct fog_manifest *manifest)
{
    struct edge_object *o = FOG_NEW(edge_object);

    o->refs = 1;
    o->class = edge_class_of(manifest->media_type);
    o->slot = entry->slot;
    o->id = entry->manifest;
    o->publisher_id = *publisher_id;
    o->path = fog_alloc(entry->path.len + 1);
    memcpy(o->path, entry->path.p, entry->path.len);
    o->path_len = entry->path.len;
    copy_fields(o, entry);
    o->bytes = sizeof *o + o->path_len + o->fields.cap;
    for (unsigned i = 0; i < manifest->n_variants; i++) {
        const struct fog_variant *v = &manifest->variants[i];

        o->variants |= 1u << v->encoding;
        o->sizes[v->encoding] = v->size;
        make_etag(&v->root, o->etags[v->encoding]);
        o->bytes += HEAD_BYTES_GUESS + fog_chunk_count(v->size) * sizeof *v->chunk_ids;
    }
    o->manifest = *manifest;
    memset(manifest, 0, sizeof *manifest);
    return o;
}

struct edge_object *edge_object_new_absent(const struct fog_hash *publisher_id)
{
    struct edge_object *o = FOG_NEW(edge_object);

    o->refs = 1;
    o->absent = true;
    o->publisher_id = *publisher_id;
    o->bytes = sizeof *o;
    return o;
}

struct edge_object *edge_object_ref(struct edge_object *o)
{
    o->refs++;
    return o;
}

void edge_object_unref(struct edge_object **op)
{
    struct edge_object *o = *op;

    *op = NULL;
    if (o == NULL || --o->refs > 0)
        return;
    for (size_t i = 0; i < FOG_ENCODINGS; i++) {
        free(o->heads[0][i]);
        free(o->heads[1][i]);
    }
    fog_manifest_fini(&o->manifest);
    fog_buf_fini(&o->fields);
    free(o->path);
    free(o);
}

/* --- header blocks --- */

/* Fields under construction: views of static text, of the object, or of `text`, which is copied
 * behind the block at the end. */
struct builder {
    size_t n;
    struct fog_http_header v[EDGE_HEADS_MAX];
};

static void add(struct builder *b, const char *name, struct fog_bytes value)
{
    FOG_ASSERT(b->n < EDGE_HEADS_MAX);
    b->v[b->n++] = (struct fog_http_header){.name = fog_bytes_str(name), .value = value};
}

static bool has(const struct builder *b, const char *name)
{
    for (size_t i = 0; i < b->n; i++) {
        if (fog_bytes_eq(b->v[i].name, fog_bytes_str(name)))
            return true;
    }
    return false;
}

static void add_publishers_fields(struct builder *b, const struct edge_object *o, bool box_name)
{
    struct fog_rd r = fog_rd_of(fog_buf_bytes(&o->fields));

    while (fog_rd_left(&r) > 0 && b->n < FOG_RELEASE_HEADERS_MAX) {
        struct fog_bytes name = fog_rd_lp8(&r, UINT8_MAX);
        struct fog_bytes value = fog_rd_lp16(&r, UINT16_MAX);

        if (edge_header_is_allowed(name, box_name))
            b->v[b->n++] = (struct fog_http_header){.name = name, .value = value};
    }
}

/* RFC 9530: `sha-256=:<base64>:`; base64 with padding. */
static size_t repr_digest(const struct fog_hash *plain, char *out)
{
    size_t n = 9;

    memcpy(out, "sha-256=:", n);
    fog_base64url_encode(plain->b, sizeof plain->b, out + n);
    for (; out[n] != '\0'; n++) {
        if (out[n] == '-')
            out[n] = '+';
        else if (out[n] == '_')
            out[n] = '/';
    }
    memcpy(out + n, "=:", 3);
    return n + 2;
}

static struct edge_head *finish(const struct builder *b, size_t n_validators,
                                struct fog_bytes digest)
{
    size_t fields = b->n + (digest.len > 0 ? 1 : 0);
    struct edge_head *h = fog_alloc(sizeof *h + fields * sizeof h->v[0] + digest.len);
    uint8_t *text = (uint8_t *)&h->v[fields];

    h->n = fields;
    h->n_validators = n_validators;
    memcpy(h->v, b->v, b->n * sizeof h->v[0]);
    if (digest.len > 0) {
        memcpy(text, digest.p, digest.len);
        h->v[b->n] = (struct fog_http_header){.name = fog_bytes_str("repr-digest"),
                                              .value = fog_bytes_of(text, digest.len)};
    }
    return h;
}

/* Fields that a 304 carries too (RFC 9110 15.4.5), and those that browsers check on every answer.
 */
static void add_validators(struct builder *b, const struct edge_object *o,
                           enum fog_encoding encoding)
{
    if (!has(b, "cache-control"))
        add(b, "cache-control",
            fog_bytes_str(edge_cache_control(o->class, fog_bytes_of(o->path, o->path_len))));
    add(b, "etag", fog_bytes_str(o->etags[encoding]));
    if (o->manifest.n_variants > 1)
        add(b, "vary", fog_bytes_str("accept-encoding"));
    add(b, "access-control-allow-origin", fog_bytes_str("*"));
    add(b, "access-control-expose-headers",
        fog_bytes_str("content-length, content-range, content-encoding, etag, cache-status, "
                      "repr-digest, age, date"));
    add(b, "timing-allow-origin", fog_bytes_str("*"));
}

static struct edge_head *build(const struct edge_object *o, enum fog_encoding encoding,
                               bool box_name)
{
    const struct fog_variant *v = fog_manifest_variant(&o->manifest, encoding);
    struct builder b = {0};
    char digest[64];
    size_t n_validators;

    FOG_ASSERT(v != NULL);
    add_publishers_fields(&b, o, box_name);
    add_validators(&b, o, encoding);
    n_validators = b.n;
    if (o->manifest.media_type[0] != '\0')
        add(&b, "content-type", fog_bytes_str(o->manifest.media_type));
    if (encoding != FOG_IDENTITY)
        add(&b, "content-encoding", fog_bytes_str(fog_encoding_name(encoding)));
    add(&b, "accept-ranges", fog_bytes_str("bytes"));
    add(&b, "x-content-type-options", fog_bytes_str("nosniff"));
    if (box_name) {
        add(&b, "cross-origin-resource-policy", fog_bytes_str("cross-origin"));
        if (edge_is_active(o->class))
            add(&b, "content-security-policy", fog_bytes_str("sandbox"));
    }
    return finish(&b, n_validators,
                  fog_bytes_of(digest, v->has_plain ? repr_digest(&v->plain, digest) : 0));
}

const struct edge_head *edge_object_head(struct edge_object *o, enum fog_encoding encoding,
                                         bool box_name)
{
    struct edge_head **slot = &o->heads[box_name][encoding];

    if (*slot == NULL)
        *slot = build(o, encoding, box_name);
    return *slot;
}
