/* Entries to pages. A level that fits one page is the root; else it is cut where the paths say. */
#include <errno.h>
#include <stdlib.h>

#include "core/base/wr.h"
#include "core/content/release.h"
#include "core/content/release_page.h"
#include "core/crypto/hash.h"

/* A page starts at a path with probability 1/128: about 10 KiB with usual paths. */
#define CUT_MASK 0x7f

struct item {
    struct fog_bytes path;
    const struct fog_release_entry *entry; /* level 0 */
    struct fog_ref child;                  /* above */
};

struct builder {
    unsigned level;
    struct fog_buf page; /* being filled */
    struct fog_buf item; /* scratch */
    unsigned count;
    struct fog_bytes first, last; /* paths of the page */
    struct item *up;              /* items of the next level */
    size_t n_up, cap_up;
    void (*on_page)(const struct fog_ref *ref, struct fog_bytes page, void *arg);
    void *arg;
};

static void page_begin(struct builder *b)
{
    fog_buf_clear(&b->page);
    fog_wr_u8(&b->page, FOG_PAGE_VERSION);
    fog_wr_u8(&b->page, (uint8_t)b->level);
    fog_wr_u16(&b->page, 0);
    b->count = 0;
    b->last = fog_bytes_of(NULL, 0);
}

static void item_encode(struct builder *b, const struct item *it)
{
    size_t shared = 0;

    while (shared < b->last.len && shared < it->path.len && b->last.p[shared] == it->path.p[shared])
        shared++;
    fog_buf_clear(&b->item);
    fog_wr_u16(&b->item, (uint16_t)shared);
    fog_wr_lp16(&b->item, fog_bytes_of(it->path.p + shared, it->path.len - shared));
    if (b->level > 0) {
        fog_wr_bytes(&b->item, it->child.id.b, sizeof it->child.id.b);
        fog_wr_u32(&b->item, (uint32_t)it->child.size);
        return;
    }
    fog_wr_bytes(&b->item, it->entry->manifest.b, sizeof it->entry->manifest.b);
    fog_wr_u32(&b->item, it->entry->slot);
    fog_wr_u8(&b->item, (uint8_t)it->entry->n_headers);
    for (unsigned i = 0; i < it->entry->n_headers; i++) {
        fog_wr_lp8(&b->item, it->entry->headers[i].name);
        fog_wr_lp16(&b->item, it->entry->headers[i].value);
    }
}

static bool item_fits(const struct builder *b)
{
    return b->page.len + b->item.len <= FOG_PAGE_MAX && b->count < UINT16_MAX;
}

static void item_append(struct builder *b, const struct item *it)
{
    if (b->count++ == 0)
        b->first = it->path;
    b->last = it->path;
    fog_buf_append(&b->page, b->item.data, b->item.len);
}

static int page_end(struct builder *b)
{
    struct item *up;

    b->page.data[2] = (uint8_t)(b->count >> 8);
    b->page.data[3] = (uint8_t)b->count;
    if (b->n_up == b->cap_up) {
        size_t cap = b->cap_up == 0 ? 64 : b->cap_up * 2;

        if ((up = realloc(b->up, cap * sizeof *up)) == NULL)
            return -ENOMEM;
        b->up = up;
        b->cap_up = cap;
    }
    up = &b->up[b->n_up++];
    *up = (struct item){.path = b->first, .child.size = b->page.len};
    fog_page_id(fog_buf_bytes(&b->page), &up->child.id);
    b->on_page(&up->child, fog_buf_bytes(&b->page), b->arg);
    return 0;
}

static bool cuts_before(unsigned level, struct fog_bytes path)
{
    uint8_t l = (uint8_t)level;
    struct fog_hash h;

    fog_sha256_parts((struct fog_bytes[]){fog_bytes_of(&l, 1), path}, 2, &h);
    return (h.b[0] & CUT_MASK) == 0;
}

/* True when the whole level is in b->page. */
static bool fill_one_page(struct builder *b, const struct item *items, size_t n)
{
    page_begin(b);
    for (size_t i = 0; i < n; i++) {
        item_encode(b, &items[i]);
        if (!item_fits(b))
            return false;
        item_append(b, &items[i]);
    }
    return true;
}

static int fill_pages(struct builder *b, const struct item *items, size_t n)
{
    int rc;

    page_begin(b);
    for (size_t i = 0; i < n; i++) {
        item_encode(b, &items[i]);
        if (b->count > 0 && (cuts_before(b->level, items[i].path) || !item_fits(b))) {
            if ((rc = page_end(b)) != 0)
                return rc;
            page_begin(b);
            item_encode(b, &items[i]); /* shares nothing with the page before */
        }
        item_append(b, &items[i]);
    }
    return page_end(b);
}

static int build_levels(struct builder *b, struct item **items, size_t n)
{
    int rc;

    for (b->level = 0; b->level < FOG_RELEASE_LEVELS; b->level++) {
        b->n_up = 0;
        if (fill_one_page(b, *items, n))
            return page_end(b);
        if (b->level + 1 == FOG_RELEASE_LEVELS)
            break;
        if ((rc = fill_pages(b, *items, n)) != 0)
            return rc;
        free(*items);
        *items = b->up;
        n = b->n_up;
        b->up = NULL;
        b->cap_up = 0;
    }
    return FOG_ELIMIT;
}

static int entries_check(const struct fog_release_entry *e, size_t n)
{
    int rc;

    if (n > FOG_RELEASE_ENTRIES_MAX)
        return FOG_ELIMIT;
    for (size_t i = 0; i < n; i++) {
        if ((rc = fog_path_check(e[i].path)) != 0 ||
            (rc = fog_release_headers_check(e[i].headers, e[i].n_headers)) != 0)
            return rc;
        if (i > 0 && fog_release_path_cmp(e[i - 1].path, e[i].path) >= 0)
            return FOG_EFORMAT;
    }
    return 0;
}

int fog_release_build(const struct fog_release_entry *entries, size_t n,
                      void (*on_page)(const struct fog_ref *ref, struct fog_bytes page, void *arg),
                      void *arg, struct fog_ref *root)
{
    struct builder b = {.on_page = on_page, .arg = arg};
    struct item *items;
    int rc = entries_check(entries, n);

    if (rc != 0)
        return rc;
    items = calloc(n == 0 ? 1 : n, sizeof *items);
    if (items == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        items[i] = (struct item){.path = entries[i].path, .entry = &entries[i]};
    if ((rc = build_levels(&b, &items, n)) == 0)
        *root = b.up[0].child;
    free(items);
    free(b.up);
    fog_buf_fini(&b.page);
    fog_buf_fini(&b.item);
    return rc;
}
