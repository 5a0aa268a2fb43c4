/* A release page that passes the check can be walked, and a page of entries is what building them
 * again gives. */
#include "core/base/assert.h"
#include "core/content/release.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct fog_ref *ref, struct fog_bytes page, void *arg)
{
    (void)ref;
    FOG_ASSERT(fog_bytes_eq(page, *(struct fog_bytes *)arg));
}

static void build_again(struct fog_bytes page)
{
    struct fog_release_entry *e = calloc(65536, sizeof *e);
    char(*paths)[FOG_PATH_MAX] = calloc(65536, sizeof *paths);
    struct fog_page_cursor c;
    struct fog_ref root;
    size_t n = 0;

    FOG_ASSERT(e != NULL && paths != NULL && fog_page_open(page, &c) == 0);
    while (fog_page_next(&c) == 1) {
        e[n] = c.entry;
        memcpy(paths[n], c.path, c.path_len);
        e[n].path = fog_bytes_of(paths[n], c.path_len);
        n++;
    }
    FOG_ASSERT(fog_release_build(e, n, compare, &page, &root) == 0);
    free(e);
    free(paths);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fog_bytes page = fog_bytes_of(data, size);
    struct fog_release_entry out;
    struct fog_release_find f;
    struct fog_ref ref = {.size = size};

    if (fog_release_find_begin(&f, &ref, fog_bytes_str("index.html")) == 0 &&
        fog_release_find_feed(&f, page, true, &out) == FOG_FIND_MORE)
        FOG_ASSERT(f.need.size <= FOG_PAGE_MAX);
    if (fog_page_check(page) == 0 && data[1] == 0)
        build_again(page);
    return 0;
}
