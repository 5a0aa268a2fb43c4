/* One page of a release: bytes to items. */
#include "core/content/release_page.h"
#include "core/base/rd.h"
#include "core/content/release.h"
#include "core/content/tree.h"

void fog_page_id(struct fog_bytes page, struct fog_hash *id)
{
    fog_object_id(FOG_KIND_PAGE, page, id);
}

int fog_release_path_cmp(struct fog_bytes a, struct fog_bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

int fog_page_open(struct fog_bytes page, struct fog_page_cursor *c)
{
    struct fog_rd r = fog_rd_of(page);
    uint8_t version = fog_rd_u8(&r), level = fog_rd_u8(&r);
    uint16_t count = fog_rd_u16(&r);

    if (r.err != 0)
        return r.err;
    if (page.len > FOG_PAGE_MAX)
        return FOG_ELIMIT;
    if (version != FOG_PAGE_VERSION)
        return FOG_EVERSION;
    if (level >= FOG_RELEASE_LEVELS || (level > 0 && count == 0))
        return FOG_EFORMAT;
    c->rest = fog_bytes_of(r.p, fog_rd_left(&r));
    c->level = level;
    c->left = count;
    c->path_len = 0;
    c->entry.n_headers = 0;
    return 0;
}

/* The path is given as the number of bytes shared with the one before and the rest. The rules below
 * make that form unique and the order strictly ascending at once. */
static void read_path(struct fog_rd *r, struct fog_page_cursor *c)
{
    size_t shared = fog_rd_u16(r);
    struct fog_bytes rest = fog_rd_lp16(r, FOG_PATH_MAX);

    if (r->err != 0)
        return;
    if (shared > c->path_len || rest.len == 0 ||
        (shared < c->path_len && rest.p[0] <= (uint8_t)c->path[shared]))
        fog_rd_fail(r, FOG_ECANON);
    else if (shared + rest.len > FOG_PATH_MAX)
        fog_rd_fail(r, FOG_ELIMIT);
    if (r->err != 0)
        return;
    memcpy(c->path + shared, rest.p, rest.len);
    c->path_len = shared + rest.len;
}

static bool name_is_good(struct fog_bytes name)
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~";

    if (name.len < 1 || name.len > 64)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.p[i] == '\0' || strchr(token, name.p[i]) == NULL)
            return false;
    return true;
}

static bool value_is_good(struct fog_bytes value)
{
    if (value.len > 1024 || (value.len > 0 && (value.p[0] == ' ' || value.p[value.len - 1] == ' ')))
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (value.p[i] < ' ' || value.p[i] > '~')
            return false;
    return true;
}

int fog_release_headers_check(const struct fog_release_header *h, unsigned n)
{
    size_t total = 0;

    if (n > FOG_RELEASE_HEADERS_MAX)
        return FOG_ELIMIT;
    for (unsigned i = 0; i < n; i++) {
        int c = i == 0 ? -1 : fog_release_path_cmp(h[i - 1].name, h[i].name);

        if (!name_is_good(h[i].name) || !value_is_good(h[i].value))
            return FOG_EFORMAT;
        if (c > 0 || (c == 0 && fog_release_path_cmp(h[i - 1].value, h[i].value) >= 0))
            return FOG_ECANON;
        total += h[i].name.len + h[i].value.len;
    }
    return total <= FOG_RELEASE_HEADER_BYTES ? 0 : FOG_ELIMIT;
}

static void read_entry(struct fog_rd *r, struct fog_page_cursor *c)
{
    struct fog_release_entry *e = &c->entry;

    e->path = fog_bytes_of(c->path, c->path_len);
    fog_rd_copy(r, e->manifest.b, sizeof e->manifest.b);
    e->slot = fog_rd_u32(r);
    e->n_headers = fog_rd_u8(r);
    if (e->n_headers > FOG_RELEASE_HEADERS_MAX) {
        e->n_headers = 0;
        fog_rd_fail(r, FOG_ELIMIT);
    }
    for (unsigned i = 0; i < e->n_headers; i++) {
        e->headers[i].name = fog_rd_lp8(r, 64);
        e->headers[i].value = fog_rd_lp16(r, 1024);
    }
    if (r->err == 0 && e->n_headers > 0)
        fog_rd_fail(r, fog_release_headers_check(e->headers, e->n_headers));
}

static void read_child(struct fog_rd *r, struct fog_page_cursor *c)
{
    fog_rd_copy(r, c->child.id.b, sizeof c->child.id.b);
    c->child.size = fog_rd_u32(r);
    if (c->child.size > FOG_PAGE_MAX)
        fog_rd_fail(r, FOG_ELIMIT);
}

int fog_page_next(struct fog_page_cursor *c)
{
    struct fog_rd r = fog_rd_of(c->rest);

    if (c->left == 0)
        return c->rest.len == 0 ? 0 : FOG_ETRAIL;
    read_path(&r, c);
    if (c->level == 0)
        read_entry(&r, c);
    else
        read_child(&r, c);
    if (r.err != 0)
        return r.err;
    c->rest = fog_bytes_of(r.p, fog_rd_left(&r));
    c->left--;
    return 1;
}

int fog_page_check(struct fog_bytes page)
{
    struct fog_page_cursor c;
    int rc = fog_page_open(page, &c);

    if (rc != 0)
        return rc;
    while ((rc = fog_page_next(&c)) == 1)
        if ((rc = fog_path_check(fog_bytes_of(c.path, c.path_len))) != 0)
            return rc;
    return rc;
}
