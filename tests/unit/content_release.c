/* core/content: release pages, look-up, walk. */
#include "core/base/map.h"
#include "core/base/rng.h"
#include "core/content/release.h"
#include "core/crypto/hash.h"
#include "tests/lib/hexvec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Pages by id, as a store would hold them. */
struct shelf {
    struct fog_map *map;
    struct fog_buf *pages[2000];
    size_t n;
    struct fog_buf ids; /* in order of making */
    struct fog_ref root;
};

static void on_page(const struct fog_ref *ref, struct fog_bytes page, void *arg)
{
    struct shelf *s = arg;
    struct fog_buf *b = calloc(1, sizeof *b);

    assert_true(s->n < FOG_COUNT(s->pages));
    assert_int_equal(ref->size, page.len);
    assert_int_equal(fog_page_check(page), 0);
    fog_buf_append(b, page.p, page.len);
    fog_buf_append(&s->ids, ref->id.b, 32);
    s->pages[s->n++] = b;
    fog_map_put(s->map, fog_bytes_of(ref->id.b, 32), b);
}

static void shelf_init(struct shelf *s, const struct fog_release_entry *e, size_t n)
{
    static const uint8_t seed[16];

    *s = (struct shelf){.map = fog_map_new(seed)};
    assert_int_equal(fog_release_build(e, n, on_page, s, &s->root), 0);
}

static void shelf_fini(struct shelf *s)
{
    for (size_t i = 0; i < s->n; i++) {
        fog_buf_fini(s->pages[i]);
        free(s->pages[i]);
    }
    fog_map_free(&s->map);
    fog_buf_fini(&s->ids);
}

static struct fog_bytes page_of(const struct shelf *s, const struct fog_ref *ref)
{
    struct fog_buf *b = fog_map_get(s->map, fog_bytes_of(ref->id.b, 32));

    assert_non_null(b);
    return fog_buf_bytes(b);
}

static int find(const struct shelf *s, const char *path, struct fog_release_entry *out,
                unsigned *pages)
{
    struct fog_release_find f;
    int rc = fog_release_find_begin(&f, &s->root, fog_bytes_str(path));

    if (rc != 0)
        return rc;
    do {
        rc = fog_release_find_feed(&f, page_of(s, &f.need), false, out);
    } while (rc == FOG_FIND_MORE);
    *pages = f.pages;
    return rc;
}

struct entries {
    struct fog_release_entry *e;
    char (*paths)[80];
    char (*values)[24];
    size_t n;
};

enum naming { SEGMENTS, DOCS };

/* SEGMENTS: the entries of big_release() in make.py. */
static void entries_init(struct entries *x, size_t n, enum naming naming)
{
    *x = (struct entries){.e = calloc(n + 1, sizeof *x->e),
                          .paths = calloc(n + 1, sizeof *x->paths),
                          .values = calloc(n + 1, sizeof *x->values),
                          .n = n};
    for (size_t i = 0; i < n; i++) {
        uint8_t be[4] = {0, 0, (uint8_t)(i >> 8), (uint8_t)i};

        if (naming == SEGMENTS)
            snprintf(x->paths[i], sizeof x->paths[i], "seg/%03zu/part-%05zu.m4s", i / 100, i);
        else
            snprintf(x->paths[i], sizeof x->paths[i],
                     "docs/%04zu/%06zu-a-page-with-a-usual-name.html", i / 100, i);
        snprintf(x->values[i], sizeof x->values[i], "%zu", i);
        x->e[i].path = fog_bytes_str(x->paths[i]);
        x->e[i].slot = (uint32_t)(i / 75);
        fog_sha256_parts((struct fog_bytes[]){fog_bytes_str("manifest"), fog_bytes_of(be, 4)}, 2,
                         &x->e[i].manifest);
        if (i % 50 == 0) {
            x->e[i].n_headers = 2;
            x->e[i].headers[0] = (struct fog_release_header){fog_bytes_str("cache-control"),
                                                             fog_bytes_str("max-age=60")};
            x->e[i].headers[1] =
                (struct fog_release_header){fog_bytes_str("x-demo"), fog_bytes_str(x->values[i])};
        }
    }
}

static void entries_fini(struct entries *x)
{
    free(x->e);
    free(x->paths);
    free(x->values);
}

static void test_pages_match_the_vectors(void **state)
{
    struct fog_hash want = vector_hash("release.root"), all = vector_hash("release.all"), got;
    struct entries x;
    struct shelf s;

    (void)state;
    entries_init(&x, 2500, SEGMENTS);
    shelf_init(&s, x.e, x.n);
    assert_int_equal(s.n, vector("release.pages").p[3]);
    assert_true(fog_hash_eq(&s.root.id, &want));
    fog_sha256(fog_buf_bytes(&s.ids), &got);
    assert_true(fog_hash_eq(&got, &all));
    shelf_fini(&s);
    entries_fini(&x);
}

static void test_every_entry_is_found_and_what_lies_between_is_absent(void **state)
{
    struct fog_release_entry e;
    struct entries x;
    struct shelf s;
    unsigned pages;

    (void)state;
    entries_init(&x, 2500, SEGMENTS);
    shelf_init(&s, x.e, x.n);
    for (size_t i = 0; i < x.n; i++) {
        char near[96];

        assert_int_equal(find(&s, x.paths[i], &e, &pages), FOG_FIND_FOUND);
        assert_true(pages <= FOG_RELEASE_LEVELS);
        assert_true(fog_hash_eq(&e.manifest, &x.e[i].manifest));
        assert_int_equal(e.slot, x.e[i].slot);
        assert_int_equal(e.n_headers, x.e[i].n_headers);
        if (e.n_headers == 2)
            assert_true(fog_bytes_eq(e.headers[1].value, x.e[i].headers[1].value));
        snprintf(near, sizeof near, "%s0", x.paths[i]);
        assert_int_equal(find(&s, near, &e, &pages), FOG_FIND_ABSENT);
    }
    assert_int_equal(find(&s, "a", &e, &pages), FOG_FIND_ABSENT);
    assert_int_equal(find(&s, "zzz", &e, &pages), FOG_FIND_ABSENT);
    assert_int_equal(find(&s, "a/../b", &e, &pages), FOG_EFORMAT);
    shelf_fini(&s);
    entries_fini(&x);
}

static void test_small_and_empty_releases_are_one_page(void **state)
{
    struct fog_release_entry e[2] = {{.path = fog_bytes_str("404.html"), .slot = 7},
                                     {.path = fog_bytes_str("index.html"), .slot = 7}};
    struct fog_hash want = vector_hash("release.small.id");
    struct fog_release_entry out;
    struct shelf s;
    unsigned pages;

    (void)state;
    fog_sha256(fog_bytes_str("m1"), &e[0].manifest);
    fog_sha256(fog_bytes_str("m2"), &e[1].manifest);
    e[1].n_headers = 1;
    e[1].headers[0] = (struct fog_release_header){fog_bytes_str("x-a"), fog_bytes_str("1")};
    shelf_init(&s, e, 2);
    assert_true(fog_hash_eq(&s.root.id, &want));
    assert_int_equal(find(&s, "index.html", &out, &pages), FOG_FIND_FOUND);
    assert_int_equal(pages, 1);
    shelf_fini(&s);
    shelf_init(&s, NULL, 0);
    assert_true(fog_bytes_eq(page_of(&s, &s.root), vector("release.empty")));
    assert_int_equal(find(&s, "index.html", &out, &pages), FOG_FIND_ABSENT);
    shelf_fini(&s);
}

static void test_a_redeploy_changes_few_pages(void **state)
{
    struct entries x;
    struct shelf a, b;
    size_t fresh = 0;

    (void)state;
    entries_init(&x, 20000, DOCS);
    shelf_init(&a, x.e, x.n);
    x.e[10000].manifest.b[0] ^= 1;                              /* one file changed */
    memmove(&x.e[500], &x.e[501], (x.n - 501) * sizeof x.e[0]); /* one file gone */
    shelf_init(&b, x.e, x.n - 1);
    for (size_t i = 0; i < b.n; i++)
        fresh += fog_map_get(a.map, fog_bytes_of(b.ids.data + i * 32, 32)) == NULL;
    assert_true(a.n > 100);
    assert_in_range(fresh, 3, 7); /* two leaves (one may be split), their parents, the root */
    shelf_fini(&a);
    shelf_fini(&b);
    entries_fini(&x);
}

static int count_entry(const struct fog_release_entry *e, void *arg)
{
    struct fog_release_entry **next = arg;

    assert_true(fog_bytes_eq(e->path, (*next)->path));
    assert_true(fog_hash_eq(&e->manifest, &(*next)->manifest));
    ++*next;
    return 0;
}

static void test_walk_gives_all_entries_in_order(void **state)
{
    static const size_t counts[] = {0, 1, 100, 2500, 20000};

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(counts); i++) {
        struct fog_release_entry *next;
        struct fog_release_walk *w;
        const struct fog_ref *need;
        struct entries x;
        struct shelf s;
        size_t fed = 0;

        entries_init(&x, counts[i], DOCS);
        shelf_init(&s, x.e, x.n);
        next = x.e;
        w = fog_release_walk_new(&s.root);
        while ((need = fog_release_walk_need(w)) != NULL) {
            assert_int_equal(fog_release_walk_feed(w, page_of(&s, need), count_entry, &next), 0);
            fed++;
        }
        assert_int_equal(next - x.e, counts[i]);
        assert_int_equal(fed, s.n);
        fog_release_walk_free(&w);
        shelf_fini(&s);
        entries_fini(&x);
    }
}

static int stop_entry(const struct fog_release_entry *e, void *arg)
{
    (void)e;
    (void)arg;
    return FOG_EQUOTA;
}

static void test_walk_refuses_wrong_pages_and_stops_when_told(void **state)
{
    struct fog_bytes page = vector("release.small");
    struct fog_ref root = {.size = page.len};
    struct fog_release_walk *w;

    (void)state;
    fog_page_id(page, &root.id);
    w = fog_release_walk_new(&root);
    assert_int_equal(fog_release_walk_feed(w, page, stop_entry, NULL), FOG_EQUOTA);
    assert_null(fog_release_walk_need(w));
    fog_release_walk_free(&w);
    root.id.b[0] ^= 1;
    w = fog_release_walk_new(&root);
    assert_int_equal(fog_release_walk_feed(w, page, stop_entry, NULL), FOG_EVERIFY);
    assert_int_equal(fog_release_walk_feed(w, page, stop_entry, NULL), FOG_EVERIFY); /* sticky */
    fog_release_walk_free(&w);
}

static void test_bad_entries_are_not_built(void **state)
{
    struct fog_release_entry e[2] = {{.path = fog_bytes_str("b")}, {.path = fog_bytes_str("a")}};
    struct fog_ref root;
    struct shelf s = {.map = NULL};

    (void)state;
    assert_int_equal(fog_release_build(e, 2, on_page, &s, &root), FOG_EFORMAT); /* order */
    e[1].path = e[0].path;
    assert_int_equal(fog_release_build(e, 2, on_page, &s, &root), FOG_EFORMAT); /* twice */
    e[1].path = fog_bytes_str("c//d");
    assert_int_equal(fog_release_build(e, 2, on_page, &s, &root), FOG_EFORMAT);
    e[0].n_headers = 1;
    e[0].headers[0] = (struct fog_release_header){fog_bytes_str("X-Upper"), fog_bytes_str("1")};
    assert_int_equal(fog_release_build(e, 1, on_page, &s, &root), FOG_EFORMAT);
    e[0].headers[0] = (struct fog_release_header){fog_bytes_str("x"), fog_bytes_str("a\r\nb: c")};
    assert_int_equal(fog_release_build(e, 1, on_page, &s, &root), FOG_EFORMAT);
    assert_int_equal(s.n, 0);
}

static int page_rc(const uint8_t *p, size_t len)
{
    return fog_page_check(fog_bytes_of(p, len));
}

static void test_pages_have_one_spelling(void **state)
{
    /* two entries "a", "ab", without manifest bytes worth naming */
    uint8_t p[4 + 2 * 42] = {1, 0, 0, 2};

    (void)state;
    p[4 + 3] = 1;
    p[4 + 4] = 'a';
    p[46 + 1] = 1; /* shares "a" */
    p[46 + 3] = 1;
    p[46 + 4] = 'b';
    assert_int_equal(page_rc(p, sizeof p), 0);
    p[0] = 2;
    assert_int_equal(page_rc(p, sizeof p), FOG_EVERSION);
    p[0] = 1;
    p[1] = 3;
    assert_int_equal(page_rc(p, sizeof p), FOG_EFORMAT); /* level */
    p[1] = 0;
    p[3] = 1;
    assert_int_equal(page_rc(p, sizeof p), FOG_ETRAIL);
    p[3] = 3;
    assert_int_equal(page_rc(p, sizeof p), FOG_ETRUNC);
    p[3] = 2;
    p[46 + 1] = 2; /* shares more than there is */
    assert_int_equal(page_rc(p, sizeof p), FOG_ECANON);
    p[46 + 1] = 0;
    p[46 + 4] = 'a'; /* the same path again */
    assert_int_equal(page_rc(p, sizeof p), FOG_ECANON);
    p[46 + 4] = 'b';
    assert_int_equal(page_rc(p, sizeof p), 0);
    p[4 + 4] = '/';
    assert_int_equal(page_rc(p, sizeof p), FOG_EFORMAT);
    assert_int_equal(page_rc(p, 3), FOG_ETRUNC);
}

static void test_lying_page_is_noticed_by_a_look_up(void **state)
{
    struct fog_release_find f;
    struct fog_release_entry out;
    struct entries x;
    struct shelf s;
    struct fog_buf bad = {0};

    (void)state;
    entries_init(&x, 2500, SEGMENTS);
    shelf_init(&s, x.e, x.n);
    assert_int_equal(fog_release_find_begin(&f, &s.root, x.e[2000].path), 0);
    assert_int_equal(fog_release_find_feed(&f, page_of(&s, &f.need), false, &out), FOG_FIND_MORE);
    fog_buf_append(&bad, page_of(&s, &f.need).p, (size_t)f.need.size);
    bad.data[bad.len - 1] ^= 1;
    assert_int_equal(fog_release_find_feed(&f, fog_buf_bytes(&bad), false, &out), FOG_EVERIFY);
    /* even a page that the caller vouches for must be the one its parent meant */
    assert_int_equal(fog_release_find_feed(&f, fog_buf_bytes(s.pages[0]), true, &out), FOG_EFORMAT);
    fog_buf_fini(&bad);
    shelf_fini(&s);
    entries_fini(&x);
}

static void test_long_paths_fit_or_are_refused_clearly(void **state)
{
    enum { N = 200 };
    struct fog_release_entry *e = calloc(N, sizeof *e);
    char(*paths)[FOG_PATH_MAX + 1] = calloc(N, sizeof *paths);
    struct fog_release_entry out;
    struct shelf s;
    unsigned pages;

    (void)state;
    for (int i = 0; i < N; i++) {
        memset(paths[i], 'x', FOG_PATH_MAX);
        snprintf(paths[i], sizeof paths[i], "%04d", i);
        paths[i][4] = 'x';
        e[i].path = fog_bytes_str(paths[i]);
    }
    shelf_init(&s, e, N);
    for (int i = 0; i < N; i++)
        assert_int_equal(find(&s, paths[i], &out, &pages), FOG_FIND_FOUND);
    shelf_fini(&s);
    free(e);
    free(paths);
}

static int open_vectors(void **state)
{
    (void)state;
    hexvec_open("core/content/vectors/content.txt");
    return 0;
}

static int close_vectors(void **state)
{
    (void)state;
    hexvec_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_match_the_vectors),
        cmocka_unit_test(test_every_entry_is_found_and_what_lies_between_is_absent),
        cmocka_unit_test(test_small_and_empty_releases_are_one_page),
        cmocka_unit_test(test_a_redeploy_changes_few_pages),
        cmocka_unit_test(test_walk_gives_all_entries_in_order),
        cmocka_unit_test(test_walk_refuses_wrong_pages_and_stops_when_told),
        cmocka_unit_test(test_bad_entries_are_not_built),
        cmocka_unit_test(test_pages_have_one_spelling),
        cmocka_unit_test(test_lying_page_is_noticed_by_a_look_up),
        cmocka_unit_test(test_long_paths_fit_or_are_refused_clearly),
    };

    return cmocka_run_group_tests_name("content_release", tests, open_vectors, close_vectors);
}
