#include "core/content/manifest.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/wr.h"

#define MANIFEST_VERSION 1

const char *fog_encoding_name(unsigned encoding)
{
    static const char *const names[] = {
        [FOG_IDENTITY] = "identity", [FOG_GZIP] = "gzip", [FOG_ZSTD] = "zstd"};

    return encoding < FOG_COUNT(names) ? names[encoding] : NULL;
}

/* type "/" subtype with optional parameters: visible ASCII and single spaces, no upper case before
 * the parameters, so that one meaning has one spelling where it matters. */
static bool media_type_is_good(const char *text)
{
    const char *slash = strchr(text, '/');
    size_t len = strlen(text);
    bool params = false;

    if (slash == NULL || slash == text || slash[1] == '\0' || slash[1] == ';' ||
        text[len - 1] == ' ')
        return false;
    for (const char *p = text; *p != '\0'; p++) {
        params = params || *p == ';';
        if (*p < ' ' || *p > '~' || (!params && (*p == ' ' || (*p >= 'A' && *p <= 'Z'))))
            return false;
    }
    return true;
}

/* What both directions demand of a variant beyond its bytes. */
static int variant_check(const struct fog_variant *v)
{
    struct fog_hash root;

    if (v->size > FOG_OBJECT_MAX)
        return FOG_ELIMIT;
    fog_tree_root(v->chunk_ids, (size_t)fog_chunk_count(v->size), &root);
    return fog_hash_eq(&root, &v->root) ? 0 : FOG_EVERIFY;
}

static int decode_variant(struct fog_rd *r, int last_encoding, struct fog_variant *v)
{
    uint8_t encoding, has_plain;
    struct fog_bytes ids;

    encoding = fog_rd_u8(r);
    fog_rd_copy(r, v->root.b, sizeof v->root.b);
    v->size = fog_rd_u64(r);
    has_plain = fog_rd_u8(r);
    if (has_plain > 1 || encoding >= FOG_ENCODINGS || (int)encoding <= last_encoding)
        fog_rd_fail(r, FOG_EFORMAT);
    v->encoding = (enum fog_encoding)encoding;
    v->has_plain = has_plain == 1;
    if (v->has_plain)
        fog_rd_copy(r, v->plain.b, sizeof v->plain.b);
    if (v->size > FOG_OBJECT_MAX)
        fog_rd_fail(r, FOG_ELIMIT);
    if (r->err != 0)
        return r->err;
    ids = fog_rd_take(r, (size_t)fog_chunk_count(v->size) * sizeof(struct fog_hash));
    if (r->err != 0)
        return r->err;
    v->chunk_ids = malloc(ids.len);
    if (v->chunk_ids == NULL)
        return -ENOMEM;
    memcpy(v->chunk_ids, ids.p, ids.len);
    return variant_check(v);
}

int fog_manifest_decode(struct fog_bytes in, struct fog_manifest *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct fog_manifest m = {.n_variants = 0};
    unsigned n;
    int rc = 0, last = -1;

    if (in.len > FOG_MANIFEST_MAX)
        return FOG_ELIMIT;
    if (fog_rd_u8(&r) != MANIFEST_VERSION)
        fog_rd_fail(&r, FOG_EVERSION);
    fog_rd_str8(&r, m.media_type, sizeof m.media_type);
    n = fog_rd_u8(&r);
    if (r.err != 0)
        return r.err;
    if (n < 1 || n > FOG_ENCODINGS || !media_type_is_good(m.media_type))
        return FOG_EFORMAT;
    for (unsigned i = 0; i < n && rc == 0; i++) {
        rc = decode_variant(&r, last, &m.variants[i]);
        last = (int)m.variants[i].encoding;
    }
    m.n_variants = n;
    if (rc == 0)
        rc = fog_rd_done(&r);
    if (rc == 0 && m.variants[0].encoding != FOG_IDENTITY)
        rc = FOG_EFORMAT;
    if (rc != 0) {
        fog_manifest_fini(&m);
        return rc;
    }
    *out = m;
    return 0;
}

static size_t encoded_size(const struct fog_manifest *m)
{
    size_t len = 1 + 1 + strlen(m->media_type) + 1;

    for (unsigned i = 0; i < m->n_variants; i++)
        len += 42 + (m->variants[i].has_plain ? 32u : 0u) +
               (size_t)fog_chunk_count(m->variants[i].size) * 32;
    return len;
}

static int encode_check(const struct fog_manifest *m)
{
    int rc;

    if (m->n_variants < 1 || m->n_variants > FOG_ENCODINGS || !media_type_is_good(m->media_type) ||
        m->variants[0].encoding != FOG_IDENTITY)
        return FOG_EFORMAT;
    for (unsigned i = 0; i < m->n_variants; i++) {
        if (i > 0 && m->variants[i].encoding <= m->variants[i - 1].encoding)
            return FOG_EFORMAT;
        if ((rc = variant_check(&m->variants[i])) != 0)
            return rc;
    }
    return encoded_size(m) <= FOG_MANIFEST_MAX ? 0 : FOG_ELIMIT;
}

int fog_manifest_encode(const struct fog_manifest *m, struct fog_buf *out)
{
    int rc = encode_check(m);

    if (rc != 0)
        return rc;
    fog_wr_u8(out, MANIFEST_VERSION);
    fog_wr_str8(out, m->media_type);
    fog_wr_u8(out, (uint8_t)m->n_variants);
    for (unsigned i = 0; i < m->n_variants; i++) {
        const struct fog_variant *v = &m->variants[i];

        fog_wr_u8(out, (uint8_t)v->encoding);
        fog_wr_bytes(out, v->root.b, sizeof v->root.b);
        fog_wr_u64(out, v->size);
        fog_wr_u8(out, v->has_plain ? 1 : 0);
        if (v->has_plain)
            fog_wr_bytes(out, v->plain.b, sizeof v->plain.b);
        fog_wr_bytes(out, v->chunk_ids, (size_t)fog_chunk_count(v->size) * sizeof(struct fog_hash));
    }
    return 0;
}

void fog_manifest_id(struct fog_bytes encoded, struct fog_hash *id)
{
    fog_object_id(FOG_KIND_MANIFEST, encoded, id);
}

int fog_manifest_open(struct fog_bytes in, const struct fog_hash *id, struct fog_manifest *out)
{
    struct fog_hash got;

    if (in.len > FOG_MANIFEST_MAX)
        return FOG_ELIMIT;
    fog_manifest_id(in, &got);
    return fog_hash_eq(&got, id) ? fog_manifest_decode(in, out) : FOG_EVERIFY;
}

const struct fog_variant *fog_manifest_variant(const struct fog_manifest *m,
                                               enum fog_encoding encoding)
{
    for (unsigned i = 0; i < m->n_variants; i++)
        if (m->variants[i].encoding == encoding)
            return &m->variants[i];
    return NULL;
}

struct fog_chunk_ref fog_variant_chunk(const struct fog_variant *v, uint64_t index)
{
    FOG_ASSERT(index < fog_chunk_count(v->size));
    return (struct fog_chunk_ref){.id = v->chunk_ids[index], .len = fog_chunk_len(v->size, index)};
}

void fog_manifest_fini(struct fog_manifest *m)
{
    for (unsigned i = 0; i < FOG_ENCODINGS; i++)
        free(m->variants[i].chunk_ids);
    *m = (struct fog_manifest){.n_variants = 0};
}
