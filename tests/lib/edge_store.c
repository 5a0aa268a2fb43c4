#include "tests/lib/edge_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/base/rng.h"
#include "core/content/encode.h"
#include "core/content/tree.h"

static void object_key(enum fog_kind kind, const struct fog_hash *id, uint8_t key[33])
{
    key[0] = (uint8_t)kind;
    memcpy(key + 1, id->b, sizeof id->b);
}

static void put_object(struct edge_store *s, enum fog_kind kind, const struct fog_hash *id,
                       struct fog_bytes body)
{
    uint8_t key[33];
    struct fog_buf *b, *old;

    object_key(kind, id, key);
    b = FOG_NEW(fog_buf);
    fog_buf_append(b, body.p, body.len);
    old = fog_map_put(s->objects, fog_bytes_of(key, sizeof key), b);
    if (old != NULL) {
        fog_buf_fini(old);
        free(old);
    }
}

const struct fog_buf *edge_store_get(const struct edge_store *s, enum fog_kind kind,
                                     const struct fog_hash *id)
{
    uint8_t key[33];

    object_key(kind, id, key);
    return fog_map_get(s->objects, fog_bytes_of(key, sizeof key));
}

static void add_variant(struct edge_store *s, struct fog_manifest *m, enum fog_encoding encoding,
                        struct fog_bytes bytes)
{
    struct fog_variant *v = &m->variants[m->n_variants++];
    struct fog_hasher h;

    fog_hasher_init(&h);
    FOG_ASSERT(fog_hasher_update(&h, bytes) == 0);
    fog_hasher_final(&h, encoding, v);
    fog_hasher_fini(&h);
    for (uint64_t i = 0; i < fog_chunk_count(v->size); i++) {
        struct fog_chunk_ref ref = fog_variant_chunk(v, i);

        put_object(s, FOG_KIND_CHUNK, &ref.id, fog_bytes_of(bytes.p + i * FOG_CHUNK_SIZE, ref.len));
    }
}

static void add_coded(struct edge_store *s, struct fog_manifest *m, enum fog_encoding encoding,
                      struct fog_bytes bytes)
{
    struct fog_buf coded = {0};

    FOG_ASSERT(fog_encode(encoding, 0, bytes, &coded) == 0);
    add_variant(s, m, encoding, fog_buf_bytes(&coded));
    fog_buf_fini(&coded);
}

static void add_file(struct edge_store *s, const struct world_file *f, struct fog_release_entry *e)
{
    struct fog_manifest m = {0};
    struct fog_buf bytes = {0};

    (void)snprintf(m.media_type, sizeof m.media_type, "%s", f->media_type);
    add_variant(s, &m, FOG_IDENTITY, f->bytes);
    if (f->compress) {
        add_coded(s, &m, FOG_GZIP, f->bytes);
        add_coded(s, &m, FOG_ZSTD, f->bytes);
    }
    FOG_ASSERT(fog_manifest_encode(&m, &bytes) == 0);
    e->path = fog_bytes_str(f->path);
    e->slot = 7;
    fog_manifest_id(fog_buf_bytes(&bytes), &e->manifest);
    if (f->header != NULL) {
        e->headers[0].name = fog_bytes_str(f->header);
        e->headers[0].value = fog_bytes_str(f->value);
        e->n_headers = 1;
    }
    put_object(s, FOG_KIND_MANIFEST, &e->manifest, fog_buf_bytes(&bytes));
    fog_manifest_fini(&m);
    fog_buf_fini(&bytes);
}

static void on_page(const struct fog_ref *ref, struct fog_bytes page, void *arg)
{
    put_object(arg, FOG_KIND_PAGE, &ref->id, page);
}

static int entry_cmp(const void *a, const void *b)
{
    return fog_release_path_cmp(((const struct fog_release_entry *)a)->path,
                                ((const struct fog_release_entry *)b)->path);
}

void edge_store_publish(struct edge_store *s, const struct world_file *files, size_t n,
                        fog_time_ms hub_ms)
{
    struct fog_release_entry *entries = fog_alloc((n + 1) * sizeof *entries);

    for (size_t i = 0; i < n; i++)
        add_file(s, &files[i], &entries[i]);
    qsort(entries, n, sizeof *entries, entry_cmp);
    FOG_ASSERT(fog_release_build(entries, n, on_page, s, &s->pointer.table) == 0);
    free(entries);
    s->pointer.seq++;
    s->pointer.as_of_ms = hub_ms;
}

struct fog_bytes edge_store_bytes(struct edge_store *s, size_t len, uint64_t seed)
{
    struct fog_rng_seeded st;
    struct fog_rng rng = fog_rng_seed(&st, seed);
    struct fog_buf *b = &s->kept[s->n_kept];

    FOG_ASSERT(s->n_kept++ < FOG_COUNT(s->kept));
    fog_rng_fill(&rng, fog_buf_reserve(b, len), len);
    fog_buf_added(b, len);
    return fog_buf_bytes(b);
}

void edge_store_init(struct edge_store *s)
{
    static const uint8_t seed[16] = {1};

    memset(s, 0, sizeof *s);
    s->objects = fog_map_new(seed);
    memset(s->pointer.publisher_id.b, 0x42, sizeof s->pointer.publisher_id.b);
    s->pointer.max_stale_ms = 7 * 86400000LL;
}

void edge_store_fini(struct edge_store *s)
{
    struct fog_bytes key;
    struct fog_buf *b;
    size_t cursor = 0;

    while ((b = fog_map_next(s->objects, &cursor, &key)) != NULL) {
        fog_map_del(s->objects, key);
        fog_buf_fini(b);
        free(b);
    }
    fog_map_free(&s->objects);
    for (size_t i = 0; i < s->n_kept; i++)
        fog_buf_fini(&s->kept[i]);
}
