#include "cli/plan.h"

#include "core/base/wr.h"
#include "core/content/encode.h"
#include "core/content/media.h"
#include "core/content/release.h"
#include "core/crypto/rng_system.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NO_FILE SIZE_MAX

static int add_object(struct plan *p, const struct plan_object *o)
{
    uint8_t key[33];
    struct plan_object *grown;

    key[0] = (uint8_t)o->kind;
    memcpy(key + 1, o->id.b, 32);
    if (fog_map_get(p->seen, fog_bytes_of(key, sizeof key)) != NULL)
        return 0; /* the same bytes elsewhere: stored once */
    if (p->n == p->cap) {
        size_t cap = p->cap == 0 ? 256 : p->cap * 2;

        if ((grown = realloc(p->objects, cap * sizeof *grown)) == NULL)
            return -ENOMEM;
        p->objects = grown;
        p->cap = cap;
    }
    p->objects[p->n++] = *o;
    p->bytes += o->len;
    fog_map_put(p->seen, fog_bytes_of(key, sizeof key), p); /* only its presence counts */
    return 0;
}

static int add_body(struct plan *p, enum fog_kind kind, const struct fog_hash *id,
                    struct fog_bytes body)
{
    struct plan_object o = {.kind = kind,
                            .id = *id,
                            .len = (uint32_t)body.len,
                            .file = NO_FILE,
                            .offset = p->bodies.len};

    fog_buf_append(&p->bodies, body.p, body.len);
    return add_object(p, &o);
}

static int add_chunks(struct plan *p, size_t file, const struct fog_variant *v)
{
    int rc = 0;

    for (uint64_t i = 0; i < fog_chunk_count(v->size) && rc == 0; i++) {
        struct fog_chunk_ref ref = fog_variant_chunk(v, i);
        struct plan_object o = {.kind = FOG_KIND_CHUNK,
                                .id = ref.id,
                                .len = ref.len,
                                .coding = v->encoding,
                                .file = file,
                                .offset = i * FOG_CHUNK_SIZE};

        rc = add_object(p, &o);
    }
    return rc;
}

struct progress {
    void (*call)(uint64_t bytes, void *arg);
    void *arg;
    uint64_t bytes;
};

/* Identity variant of a file, piece by piece; the bytes are kept when they will be coded. */
static int hash_file(int fd, uint64_t size, struct fog_buf *keep, struct progress *pr,
                     struct fog_variant *out)
{
    struct fog_buf piece = {0};
    struct fog_hasher h;
    int rc = 0;

    fog_hasher_init(&h);
    for (uint64_t at = 0; at < size && rc == 0; at += FOG_CHUNK_SIZE) {
        size_t n = size - at < FOG_CHUNK_SIZE ? (size_t)(size - at) : FOG_CHUNK_SIZE;

        fog_buf_clear(&piece);
        if ((rc = scan_read(fd, at, n, &piece)) != 0 ||
            (rc = fog_hasher_update(&h, fog_buf_bytes(&piece))) != 0)
            break;
        if (keep != NULL)
            fog_buf_append(keep, piece.data, piece.len);
        pr->bytes += n;
        pr->call(pr->bytes, pr->arg);
    }
    if (rc == 0)
        fog_hasher_final(&h, FOG_IDENTITY, out);
    fog_hasher_fini(&h);
    fog_buf_fini(&piece);
    return rc;
}

static int hash_coded(struct fog_bytes in, enum fog_encoding e, struct fog_manifest *m)
{
    struct fog_buf coded = {0};
    struct fog_hasher h;
    int rc = fog_encode(e, 0, in, &coded);

    if (rc == 0 && fog_encode_is_worthwhile(in.len, coded.len)) {
        fog_hasher_init(&h);
        rc = fog_hasher_update(&h, fog_buf_bytes(&coded));
        if (rc == 0)
            fog_hasher_final(&h, e, &m->variants[m->n_variants++]);
        fog_hasher_fini(&h);
    }
    fog_buf_fini(&coded);
    return rc;
}

static int make_manifest(const struct scan_file *f, int fd, struct progress *pr,
                         struct fog_manifest *m)
{
    const char *type = fog_media_type(fog_bytes_str(f->path));
    bool code = fog_media_is_compressible(type) && f->size <= PLAN_CODED_MAX;
    struct fog_buf plain = {0};
    int rc;

    *m = (struct fog_manifest){.n_variants = 0};
    snprintf(m->media_type, sizeof m->media_type, "%s", type);
    rc = hash_file(fd, f->size, code ? &plain : NULL, pr, &m->variants[0]);
    if (rc == 0) {
        m->n_variants = 1;
        if (code && (rc = hash_coded(fog_buf_bytes(&plain), FOG_GZIP, m)) == 0)
            rc = hash_coded(fog_buf_bytes(&plain), FOG_ZSTD, m);
    }
    fog_buf_fini(&plain);
    return rc;
}

static int plan_file(struct plan *p, size_t i, struct progress *pr)
{
    struct fog_buf body = {0};
    struct fog_manifest m = {.n_variants = 0};
    int rc, fd = scan_file_open(p->scan, i);

    if (fd < 0)
        return fd;
    rc = make_manifest(&p->scan->files[i], fd, pr, &m);
    close(fd);
    for (unsigned v = 0; v < m.n_variants && rc == 0; v++)
        rc = add_chunks(p, i, &m.variants[v]);
    if (rc == 0 && (rc = fog_manifest_encode(&m, &body)) == 0) {
        fog_manifest_id(fog_buf_bytes(&body), &p->manifests[i]);
        rc = add_body(p, FOG_KIND_MANIFEST, &p->manifests[i], fog_buf_bytes(&body));
    }
    fog_manifest_fini(&m);
    fog_buf_fini(&body);
    return rc;
}

struct page_sink {
    struct plan *p;
    int rc;
};

static void on_page(const struct fog_ref *ref, struct fog_bytes page, void *arg)
{
    struct page_sink *sink = arg;

    if (sink->rc == 0)
        sink->rc = add_body(sink->p, FOG_KIND_PAGE, &ref->id, page);
}

static int plan_release(struct plan *p)
{
    struct fog_release_entry *entries = calloc(p->scan->n + 1, sizeof *entries);
    struct page_sink sink = {.p = p};
    int rc;

    if (entries == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < p->scan->n; i++) {
        entries[i].path = fog_bytes_str(p->scan->files[i].path);
        entries[i].manifest = p->manifests[i];
        entries[i].slot = p->scan->files[i].slot;
    }
    rc = fog_release_build(entries, p->scan->n, on_page, &sink, &p->root);
    free(entries);
    return rc != 0 ? rc : sink.rc;
}

int plan_make(struct plan *p, const struct scan *s, void (*on_progress)(uint64_t bytes, void *arg),
              void *arg)
{
    struct progress pr = {.call = on_progress, .arg = arg};
    struct fog_rng rng = fog_rng_system();
    uint8_t seed[16];
    int rc = 0;

    fog_rng_fill(&rng, seed, sizeof seed);
    *p = (struct plan){.scan = s, .seen = fog_map_new(seed), .coded_file = NO_FILE};
    p->manifests = calloc(s->n + 1, sizeof *p->manifests);
    if (p->manifests == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < s->n; i++) {
        if ((rc = plan_file(p, i, &pr)) != 0) {
            snprintf(p->problem, sizeof p->problem, "%s: %s", s->files[i].path, fog_strerror(rc));
            return rc;
        }
    }
    if ((rc = plan_release(p)) != 0)
        snprintf(p->problem, sizeof p->problem, "release: %s", fog_strerror(rc));
    return rc;
}

void plan_fini(struct plan *p)
{
    free(p->objects);
    free(p->manifests);
    if (p->seen != NULL)
        fog_map_free(&p->seen);
    fog_buf_fini(&p->bodies);
    fog_buf_fini(&p->coded);
    *p = (struct plan){.n = 0};
}

/* Coded forms are made again instead of being kept: the coders give the same bytes each time. */
static int load_coded(struct plan *p, const struct plan_object *o)
{
    const struct scan_file *f = &p->scan->files[o->file];
    struct fog_buf plain = {0};
    int rc, fd;

    if (p->coded_file == o->file && p->coded_as == o->coding)
        return 0;
    if ((fd = scan_file_open(p->scan, o->file)) < 0)
        return fd;
    p->coded_file = NO_FILE;
    fog_buf_clear(&p->coded);
    rc = scan_read(fd, 0, (size_t)f->size, &plain);
    close(fd);
    if (rc == 0)
        rc = fog_encode(o->coding, 0, fog_buf_bytes(&plain), &p->coded);
    fog_buf_fini(&plain);
    if (rc != 0)
        return rc;
    p->coded_file = o->file;
    p->coded_as = o->coding;
    return 0;
}

static int read_chunk(struct plan *p, const struct plan_object *o, struct fog_buf *out)
{
    int rc, fd;

    if (o->coding != FOG_IDENTITY) {
        if ((rc = load_coded(p, o)) != 0)
            return rc;
        if (o->offset + o->len > p->coded.len)
            return FOG_ESTALE;
        fog_buf_append(out, p->coded.data + o->offset, o->len);
        return 0;
    }
    if ((fd = scan_file_open(p->scan, o->file)) < 0)
        return fd;
    rc = scan_read(fd, o->offset, o->len, out);
    close(fd);
    return rc == FOG_ETRUNC ? FOG_ESTALE : rc;
}

int plan_read(struct plan *p, size_t object, struct fog_buf *out)
{
    const struct plan_object *o = &p->objects[object];
    size_t start = out->len;
    struct fog_hash id;
    int rc;

    if (o->file == NO_FILE) {
        fog_buf_append(out, p->bodies.data + o->offset, o->len);
        return 0;
    }
    if ((rc = read_chunk(p, o, out)) == 0) {
        fog_object_id(o->kind, fog_bytes_of(out->data + start, out->len - start), &id);
        rc = fog_hash_eq(&id, &o->id) ? 0 : FOG_ESTALE;
    }
    if (rc != 0)
        snprintf(p->problem, sizeof p->problem, "%s: %s", p->scan->files[o->file].path,
                 rc == FOG_ESTALE ? "changed while it was being published" : fog_strerror(rc));
    return rc;
}
