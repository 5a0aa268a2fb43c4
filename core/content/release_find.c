/* Look-up and walk: state machines that are fed pages. */
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/buf.h"
#include "core/content/release.h"

static int page_verify(struct fog_bytes page, const struct fog_ref *ref)
{
    struct fog_hash id;

    if (page.len != ref->size)
        return FOG_EVERIFY;
    fog_page_id(page, &id);
    return fog_hash_eq(&id, &ref->id) ? 0 : FOG_EVERIFY;
}

int fog_release_find_begin(struct fog_release_find *f, const struct fog_ref *root,
                           struct fog_bytes path)
{
    int rc = fog_path_check(path);

    if (rc != 0)
        return rc;
    if (root->size > FOG_PAGE_MAX)
        return FOG_ELIMIT;
    f->need = *root;
    memcpy(f->path, path.p, path.len);
    f->path_len = path.len;
    f->bound = false;
    f->pages = 0;
    return 0;
}

/* Level 0: the entry, or its absence between two neighbours. */
static int find_entry(struct fog_release_find *f, struct fog_release_entry *out)
{
    struct fog_bytes want = fog_bytes_of(f->path, f->path_len);
    int rc;

    while ((rc = fog_page_next(&f->cursor)) == 1) {
        int c = fog_release_path_cmp(f->cursor.entry.path, want);

        if (c > 0)
            return FOG_FIND_ABSENT;
        if (c == 0) {
            *out = f->cursor.entry;
            out->path = want;
            return FOG_FIND_FOUND;
        }
    }
    return rc == 0 ? FOG_FIND_ABSENT : rc;
}

/* Above: the last child whose first path is not behind the wanted one. */
static int find_child(struct fog_release_find *f)
{
    struct fog_bytes want = fog_bytes_of(f->path, f->path_len);
    bool found = false;
    int rc;

    while ((rc = fog_page_next(&f->cursor)) == 1) {
        if (fog_release_path_cmp(fog_bytes_of(f->cursor.path, f->cursor.path_len), want) > 0)
            break;
        found = true;
        f->need = f->cursor.child;
        memcpy(f->lo, f->cursor.path, f->cursor.path_len);
        f->lo_len = f->cursor.path_len;
    }
    if (rc < 0)
        return rc;
    f->bound = true;
    f->level = f->cursor.level - 1;
    return found ? FOG_FIND_MORE : FOG_FIND_ABSENT;
}

/* The page must begin with the path under which its parent names it. */
static int check_first(struct fog_bytes page, struct fog_bytes lo)
{
    struct fog_page_cursor c;
    int rc = fog_page_open(page, &c);

    if (rc == 0 && (rc = fog_page_next(&c)) == 1)
        return fog_bytes_eq(fog_bytes_of(c.path, c.path_len), lo) ? 0 : FOG_EFORMAT;
    return rc < 0 ? rc : FOG_EFORMAT;
}

int fog_release_find_feed(struct fog_release_find *f, struct fog_bytes page, bool verified,
                          struct fog_release_entry *out)
{
    int rc;

    if (!verified && (rc = page_verify(page, &f->need)) != 0)
        return rc;
    if (f->bound && (rc = check_first(page, fog_bytes_of(f->lo, f->lo_len))) != 0)
        return rc;
    if ((rc = fog_page_open(page, &f->cursor)) != 0)
        return rc;
    if (f->pages++ > 0 && f->cursor.level != f->level)
        return FOG_EFORMAT;
    return f->cursor.level == 0 ? find_entry(f, out) : find_child(f);
}

struct open_page {
    struct fog_buf bytes;
    struct fog_page_cursor cursor;
};

struct fog_release_walk {
    struct fog_ref need;
    bool done;
    int err; /* sticky */
    unsigned depth;
    struct open_page open[FOG_RELEASE_LEVELS - 1];
    char last[FOG_PATH_MAX]; /* the entry before */
    size_t last_len;
    size_t entries;
};

struct fog_release_walk *fog_release_walk_new(const struct fog_ref *root)
{
    struct fog_release_walk *w = FOG_NEW(fog_release_walk);

    w->need = *root;
    return w;
}

void fog_release_walk_free(struct fog_release_walk **ww)
{
    struct fog_release_walk *w = *ww;

    *ww = NULL;
    if (w == NULL)
        return;
    for (size_t i = 0; i < FOG_COUNT(w->open); i++)
        fog_buf_fini(&w->open[i].bytes);
    free(w);
}

const struct fog_ref *fog_release_walk_need(const struct fog_release_walk *w)
{
    return w->done || w->err != 0 ? NULL : &w->need;
}

static int walk_entries(struct fog_release_walk *w, struct fog_page_cursor *c,
                        int (*on_entry)(const struct fog_release_entry *e, void *arg), void *arg)
{
    int rc;

    while ((rc = fog_page_next(c)) == 1) {
        if ((rc = fog_path_check(c->entry.path)) != 0)
            return rc;
        if (fog_release_path_cmp(c->entry.path, fog_bytes_of(w->last, w->last_len)) <= 0)
            return FOG_EFORMAT;
        if (++w->entries > FOG_RELEASE_ENTRIES_MAX)
            return FOG_ELIMIT;
        memcpy(w->last, c->path, c->path_len);
        w->last_len = c->path_len;
        if ((rc = on_entry(&c->entry, arg)) < 0)
            return rc;
    }
    return rc;
}

/* To the next child of the deepest open page that has one. */
static int walk_advance(struct fog_release_walk *w)
{
    while (w->depth > 0) {
        struct fog_page_cursor *c = &w->open[w->depth - 1].cursor;
        int rc = fog_page_next(c);

        if (rc < 0)
            return rc;
        if (rc == 1) {
            w->need = c->child;
            return 0;
        }
        w->depth--;
    }
    w->done = true;
    return 0;
}

static int walk_page(struct fog_release_walk *w, struct fog_bytes page,
                     int (*on_entry)(const struct fog_release_entry *e, void *arg), void *arg)
{
    struct fog_page_cursor c;
    struct open_page *o;
    int rc;

    if ((rc = page_verify(page, &w->need)) != 0 || (rc = fog_page_open(page, &c)) != 0)
        return rc;
    if (w->depth > 0) {
        const struct fog_page_cursor *parent = &w->open[w->depth - 1].cursor;

        if (c.level + 1 != parent->level)
            return FOG_EFORMAT;
        if ((rc = check_first(page, fog_bytes_of(parent->path, parent->path_len))) != 0)
            return rc;
    }
    if (c.level == 0) {
        rc = walk_entries(w, &c, on_entry, arg);
        return rc == 0 ? walk_advance(w) : rc;
    }
    o = &w->open[w->depth++];
    fog_buf_clear(&o->bytes);
    fog_buf_append(&o->bytes, page.p, page.len);
    rc = fog_page_open(fog_buf_bytes(&o->bytes), &o->cursor);
    return rc == 0 ? walk_advance(w) : rc;
}

int fog_release_walk_feed(struct fog_release_walk *w, struct fog_bytes page,
                          int (*on_entry)(const struct fog_release_entry *e, void *arg), void *arg)
{
    FOG_ASSERT(!w->done);
    if (w->err == 0)
        w->err = walk_page(w, page, on_entry, arg);
    return w->err;
}
