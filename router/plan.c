#include "router/plan.h"

#include "core/base/assert.h"

#include <stdlib.h>

struct row {
    uint32_t slot;
    struct router_ref ref;
    uint64_t bytes;
};

struct plan {
    struct fog_site_id site;
    struct plan_entry *entries;
    size_t n_entries, cap_entries;
    struct row *rows;
    size_t n_rows, cap_rows;
    struct router_ref *chunks;
    size_t n_chunks, cap_chunks;
};

struct plan *plan_new(const struct fog_site_id *site)
{
    struct plan *p = FOG_NEW(plan);

    p->site = *site;
    return p;
}

void plan_free(struct plan **pp)
{
    struct plan *p = *pp;

    *pp = NULL;
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->n_entries; i++)
        free((char *)(uintptr_t)p->entries[i].path);
    free(p->entries);
    free(p->rows);
    free(p->chunks);
    free(p);
}

/* Room for one more of `size` bytes in a growing array. */
static void *grow(void *array, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return array;
    *cap = *cap == 0 ? 64 : *cap * 2;
    array = realloc(array, *cap * size);
    FOG_ASSERT(array != NULL);
    return array;
}

static void add_row(struct plan *p, uint32_t slot, uint8_t kind, const struct fog_hash *id,
                    uint32_t len, uint64_t bytes)
{
    p->rows = grow(p->rows, p->n_rows, &p->cap_rows, sizeof *p->rows);
    p->rows[p->n_rows++] = (struct row){slot, {kind, *id, len}, bytes};
}

int plan_add_page(struct plan *p, const struct fog_ref *page)
{
    if (p->n_rows >= PLAN_ENTRIES_MAX)
        return FOG_ELIMIT;
    add_row(p, PLAN_TABLE_SLOT, FOG_KIND_PAGE, &page->id, (uint32_t)page->size, page->size);
    return 0;
}

int plan_add_entry(struct plan *p, struct fog_bytes path, const struct fog_hash *manifest,
                   uint32_t slot)
{
    struct plan_entry *e;
    char *text;

    if (p->n_entries >= PLAN_ENTRIES_MAX || slot >= PLAN_TABLE_SLOT - 65536)
        return FOG_ELIMIT;
    p->entries = grow(p->entries, p->n_entries, &p->cap_entries, sizeof *p->entries);
    text = fog_alloc(path.len + 1);
    memcpy(text, path.p, path.len);
    e = &p->entries[p->n_entries++];
    e->manifest = *manifest;
    e->slot = slot;
    e->path = text;
    return 0;
}

static int by_entry(const void *a, const void *b)
{
    const struct plan_entry *x = a, *y = b;
    int c = memcmp(x->manifest.b, y->manifest.b, 32);

    if (c != 0)
        return c;
    return x->slot != y->slot ? (x->slot > y->slot) - (x->slot < y->slot)
                              : strcmp(x->path, y->path);
}

void plan_entries_done(struct plan *p)
{
    size_t n = 0;

    if (p->n_entries == 0)
        return;
    qsort(p->entries, p->n_entries, sizeof *p->entries, by_entry);
    for (size_t i = 0; i < p->n_entries; i++) {
        struct plan_entry *e = &p->entries[i];
        if (n > 0 && fog_hash_eq(&p->entries[n - 1].manifest, &e->manifest) &&
            p->entries[n - 1].slot == e->slot)
            free((char *)(uintptr_t)e->path);
        else
            p->entries[n++] = *e;
    }
    p->n_entries = n;
}

size_t plan_n_entries(const struct plan *p)
{
    return p->n_entries;
}

const struct plan_entry *plan_entry(const struct plan *p, size_t i)
{
    return &p->entries[i];
}

static int add_chunks(struct plan *p, const struct fog_variant *v)
{
    uint64_t n = fog_chunk_count(v->size);

    if (n > PLAN_CHUNKS_MAX - p->n_chunks)
        return FOG_ELIMIT;
    for (uint64_t c = 0; c < n; c++) {
        struct fog_chunk_ref ref = fog_variant_chunk(v, c);
        p->chunks = grow(p->chunks, p->n_chunks, &p->cap_chunks, sizeof *p->chunks);
        p->chunks[p->n_chunks++] = (struct router_ref){FOG_KIND_CHUNK, ref.id, ref.len};
    }
    return 0;
}

int plan_add_manifest(struct plan *p, size_t i, const struct fog_manifest *m)
{
    const struct plan_entry *e = &p->entries[i];
    uint64_t total = 0;
    bool large = false;
    int rc = 0;

    for (unsigned v = 0; v < m->n_variants && rc == 0; v++) {
        total += m->variants[v].size;
        large |= m->variants[v].size > FOG_SLOT_WINDOW;
        rc = add_chunks(p, &m->variants[v]);
    }
    if (rc != 0)
        return rc;
    if (!large) {
        add_row(p, e->slot, FOG_KIND_MANIFEST, &e->manifest, PLAN_WHOLE, total);
        return 0;
    }
    for (unsigned v = 0; v < m->n_variants; v++) {
        uint64_t n = fog_chunk_count(m->variants[v].size);
        for (uint64_t c = 0; c < n; c++) {
            struct fog_chunk_ref ref = fog_variant_chunk(&m->variants[v], c);
            uint32_t slot = fog_slot_of_chunk(e->slot, c);
            /* Every holder of a window can serve it: it has the manifest too. */
            if (c % (FOG_SLOT_WINDOW / FOG_CHUNK_SIZE) == 0)
                add_row(p, slot, FOG_KIND_MANIFEST, &e->manifest, PLAN_BYTES, 0);
            add_row(p, slot, FOG_KIND_CHUNK, &ref.id, ref.len, ref.len);
        }
    }
    return 0;
}

static int by_ref(const struct router_ref *x, const struct router_ref *y)
{
    int c = (int)x->kind - (int)y->kind;

    if (c == 0)
        c = memcmp(x->id.b, y->id.b, 32);
    return c != 0 ? c : (x->len > y->len) - (x->len < y->len);
}

static int by_chunk(const void *a, const void *b)
{
    return by_ref(a, b);
}

const struct router_ref *plan_chunks(struct plan *p, size_t *n)
{
    size_t kept = 0;

    if (p->n_chunks > 0)
        qsort(p->chunks, p->n_chunks, sizeof *p->chunks, by_chunk);
    for (size_t i = 0; i < p->n_chunks; i++)
        if (kept == 0 || by_ref(&p->chunks[kept - 1], &p->chunks[i]) != 0)
            p->chunks[kept++] = p->chunks[i];
    *n = p->n_chunks = kept;
    return p->chunks;
}

static int by_row(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    return x->slot != y->slot ? (x->slot > y->slot) - (x->slot < y->slot)
                              : by_ref(&x->ref, &y->ref);
}

/* The rows [from, to) of one slot, without repeats. */
static void fill_group(const struct plan *p, size_t from, size_t to, struct record_group *g)
{
    memset(g, 0, sizeof *g);
    g->site = p->site;
    g->slot = p->rows[from].slot;
    g->refs = fog_alloc((to - from) * sizeof *g->refs);
    for (size_t i = from; i < to; i++) {
        if (g->n_refs > 0 && by_ref(&g->refs[g->n_refs - 1], &p->rows[i].ref) == 0)
            continue;
        g->refs[g->n_refs++] = p->rows[i].ref;
        g->bytes += p->rows[i].bytes;
    }
    fog_placement_group(&g->site, g->slot, &g->pg);
    record_group_rev(g->refs, g->n_refs, &g->rev);
}

struct record_group *plan_groups(struct plan *p, size_t *n)
{
    struct record_group *out = fog_alloc((p->n_rows + 1) * sizeof *out);
    size_t from = 0;

    *n = 0;
    if (p->n_rows > 0)
        qsort(p->rows, p->n_rows, sizeof *p->rows, by_row);
    while (from < p->n_rows) {
        size_t to = from;
        while (to < p->n_rows && p->rows[to].slot == p->rows[from].slot)
            to++;
        fill_group(p, from, to, &out[(*n)++]);
        from = to;
    }
    return out;
}
