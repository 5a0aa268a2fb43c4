/* core/content: labels, host names, paths, media types. */
#include "core/base/str.h"
#include "core/content/media.h"
#include "core/content/names.h"
#include "core/content/path.h"
#include "tests/lib/hexvec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_labels_match_the_vectors(void **state)
{
    struct fog_hash fog_id = vector_hash("fog_id"), publisher = vector_hash("publisher_id");
    struct fog_hash box_key = vector_hash("pub.box"), pg = vector_hash("pg.7"), got;
    struct fog_site_id site, back;
    struct fog_box_id box, box_back;
    char label[FOG_BOX_LABEL_LEN + 1];

    (void)state;
    fog_site_id_of(&fog_id, &publisher, fog_bytes_str("demo"), &site);
    assert_memory_equal(site.b, vector("site.id").p, sizeof site.b);
    fog_site_label(&site, label);
    assert_int_equal(strlen(label), FOG_SITE_LABEL_LEN);
    assert_int_equal(fog_site_label_parse(fog_bytes_str(label), &back), 0);
    assert_memory_equal(site.b, back.b, sizeof site.b);
    fog_box_id_of(box_key.b, &box);
    assert_memory_equal(box.b, vector("box.id").p, sizeof box.b);
    fog_box_label(&box, label);
    assert_int_equal(strlen(label), FOG_BOX_LABEL_LEN);
    assert_int_equal(fog_box_label_parse(fog_bytes_str(label), &box_back), 0);
    assert_memory_equal(box.b, box_back.b, sizeof box.b);
    fog_placement_group(&site, 7, &got);
    assert_true(fog_hash_eq(&got, &pg));
    assert_int_equal(fog_slot_of_chunk(5, 63), 5);
    assert_int_equal(fog_slot_of_chunk(5, 64), 6);
}

static enum fog_host_kind kind_of(const char *host, struct fog_host *h)
{
    assert_int_equal(fog_host_parse(fog_bytes_str(host), "fog.test", h), 0);
    return h->kind;
}

static void test_host_names(void **state)
{
    struct fog_host h;

    (void)state;
    assert_int_equal(kind_of("api.fog.test:8443", &h), FOG_HOST_API);
    assert_int_equal(h.port, 8443);
    assert_int_equal(kind_of("NS.Fog.Test.", &h), FOG_HOST_NS);
    assert_int_equal(kind_of("fog.test", &h), FOG_HOST_ZONE);
    assert_int_equal(kind_of("aaaaaaaaaaaaaaab.fog.test", &h), FOG_HOST_SITE);
    assert_int_equal(h.site.b[9], 1);
    assert_int_equal(kind_of("AAAAAAAAAAAAAAAB.aaaaaaaaaaaaaaaaaaaaaaaabe.fog.test", &h),
                     FOG_HOST_BOX);
    assert_int_equal(h.box.b[15], 9);
    /* unused bits of the last letter must be zero: one box has one name */
    assert_int_equal(kind_of("aaaaaaaaaaaaaaab.aaaaaaaaaaaaaaaaaaaaaaaabf.fog.test", &h),
                     FOG_HOST_OTHER);
    assert_int_equal(kind_of("aaaaaaaaaaaaaaab.x.fog.test", &h), FOG_HOST_OTHER);
    assert_int_equal(kind_of("www.example.org", &h), FOG_HOST_OTHER);
    assert_int_equal(kind_of("notfog.test", &h), FOG_HOST_OTHER);
    assert_int_equal(kind_of("192.0.2.1:80", &h), FOG_HOST_OTHER);
}

static void test_what_is_no_host_name(void **state)
{
    static const char *const bad[] = {"",    ".",       "a..b", "fog.test..", "fog.test:", "a:0",
                                      "a:x", "a:65536", "a b",  "a/b",        "[::1]",     "a\xc3"};
    struct fog_host h;

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(bad); i++)
        assert_int_equal(fog_host_parse(fog_bytes_str(bad[i]), "fog.test", &h), FOG_EFORMAT);
}

static void test_site_names(void **state)
{
    (void)state;
    assert_int_equal(fog_site_name_check(fog_bytes_str("my-site2")), 0);
    assert_int_equal(fog_site_name_check(fog_bytes_str("")), FOG_EFORMAT);
    assert_int_equal(fog_site_name_check(fog_bytes_str("-a")), FOG_EFORMAT);
    assert_int_equal(fog_site_name_check(fog_bytes_str("a-")), FOG_EFORMAT);
    assert_int_equal(fog_site_name_check(fog_bytes_str("A")), FOG_EFORMAT);
    assert_int_equal(fog_site_name_check(fog_bytes_str("a.b")), FOG_EFORMAT);
}

static void assert_path(const char *url, const char *path, unsigned depth, bool dir)
{
    struct fog_path p;

    assert_int_equal(fog_path_from_url(fog_bytes_str(url), &p), 0);
    assert_string_equal(p.text, path);
    assert_int_equal(p.len, strlen(path));
    assert_int_equal(p.depth, depth);
    assert_int_equal(p.dir, dir);
    if (p.len > 0)
        assert_int_equal(fog_path_check(fog_bytes_str(path)), 0);
}

static void test_paths_are_decoded_to_one_form(void **state)
{
    struct fog_buf url = {0};

    (void)state;
    assert_path("/", "", 0, true);
    assert_path("/a", "a", 1, false);
    assert_path("/a/", "a", 1, true);
    assert_path("/a%20b/c%2eHTML", "a b/c.HTML", 2, false);
    assert_path("/%C3%A9", "\xc3\xa9", 1, false);
    assert_path("/...", "...", 1, false);
    fog_path_to_url(fog_bytes_str("a b/\xc3\xa9%.html"), &url);
    assert_string_equal(fog_buf_cstr(&url), "a%20b/%C3%A9%25.html");
    fog_buf_fini(&url);
}

static void test_paths_that_mean_something_else_are_refused(void **state)
{
    static const char *const bad[] = {"",        "a",     "//",    "/a//b",   "/./a", "/a/..",
                                      "/%2e%2E", "/%2f",  "/a%00", "/a%",     "/a%4", "/a%zz",
                                      "/a\n",    "/\x7f", "/%1f",  "/a/%2e/b"};
    char text[FOG_PATH_MAX + 3] = "/";
    struct fog_path p;

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(bad); i++)
        assert_int_equal(fog_path_from_url(fog_bytes_str(bad[i]), &p), FOG_EFORMAT);
    memset(text + 1, 'a', FOG_PATH_MAX);
    assert_int_equal(fog_path_from_url(fog_bytes_str(text), &p), 0);
    text[FOG_PATH_MAX + 1] = 'a';
    assert_int_equal(fog_path_from_url(fog_bytes_str(text), &p), FOG_ELIMIT);
    assert_int_equal(fog_path_check(fog_bytes_str("")), FOG_EFORMAT);
    assert_int_equal(fog_path_check(fog_bytes_str("/a")), FOG_EFORMAT);
    assert_int_equal(fog_path_check(fog_bytes_str("a/")), FOG_EFORMAT);
    assert_int_equal(fog_path_check(fog_bytes_str("a/../b")), FOG_EFORMAT);
}

static void test_scope_covers_whole_segments(void **state)
{
    struct fog_hash want = vector_hash("scope.video/seg.2"), got, root;

    (void)state;
    assert_int_equal(fog_path_scope(fog_bytes_str("video/seg/1.m4s"), 2, &got), 0);
    assert_true(fog_hash_eq(&got, &want));
    assert_int_equal(fog_path_scope(fog_bytes_str("video/segment/1.m4s"), 2, &got), 0);
    assert_false(fog_hash_eq(&got, &want));
    assert_int_equal(fog_path_scope(fog_bytes_str("a"), 2, &got), FOG_ERANGE);
    assert_int_equal(fog_path_scope(fog_bytes_str(""), 0, &root), 0);
    assert_int_equal(fog_path_scope(fog_bytes_str("a"), 0, &got), 0);
    assert_true(fog_hash_eq(&root, &got));
}

static void test_media_types(void **state)
{
    (void)state;
    assert_string_equal(fog_media_type(fog_bytes_str("v/seg1.TS")), "video/mp2t");
    assert_string_equal(fog_media_type(fog_bytes_str("i.m3u8")), "application/vnd.apple.mpegurl");
    assert_string_equal(fog_media_type(fog_bytes_str("README")), "application/octet-stream");
    assert_string_equal(fog_media_type(fog_bytes_str("a.b/c")), "application/octet-stream");
    assert_true(fog_media_is_compressible("text/html; charset=utf-8"));
    assert_false(fog_media_is_compressible("video/mp4"));
    assert_true(fog_media_is_playlist("application/dash+xml"));
    assert_true(fog_media_is_segment("video/iso.segment"));
    assert_false(fog_media_is_segment("text/css; charset=utf-8"));
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
        cmocka_unit_test(test_labels_match_the_vectors),
        cmocka_unit_test(test_host_names),
        cmocka_unit_test(test_what_is_no_host_name),
        cmocka_unit_test(test_site_names),
        cmocka_unit_test(test_paths_are_decoded_to_one_form),
        cmocka_unit_test(test_paths_that_mean_something_else_are_refused),
        cmocka_unit_test(test_scope_covers_whole_segments),
        cmocka_unit_test(test_media_types),
    };

    return cmocka_run_group_tests_name("content_names", tests, open_vectors, close_vectors);
}
