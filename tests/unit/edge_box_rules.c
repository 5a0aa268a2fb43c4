/* edge/box_rules: what stays on the site's own name, how long caches keep what, which fields go
 * out. */
#include "edge/box_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_classes(void **state)
{
    (void)state;
    assert_int_equal(edge_class_of("text/html; charset=utf-8"), EDGE_CLASS_DOCUMENT);
    assert_int_equal(edge_class_of("Text/HTML"), EDGE_CLASS_DOCUMENT);
    assert_int_equal(edge_class_of("image/svg+xml"), EDGE_CLASS_DOCUMENT);
    assert_int_equal(edge_class_of("application/dash+xml"), EDGE_CLASS_PLAYLIST);
    assert_int_equal(edge_class_of("application/vnd.apple.mpegurl"), EDGE_CLASS_PLAYLIST);
    assert_int_equal(edge_class_of("text/javascript"), EDGE_CLASS_SCRIPT);
    assert_int_equal(edge_class_of("text/css"), EDGE_CLASS_STYLE);
    assert_int_equal(edge_class_of("font/woff2"), EDGE_CLASS_FONT);
    assert_int_equal(edge_class_of("video/mp4"), EDGE_CLASS_SEGMENT);
    assert_int_equal(edge_class_of("application/json"), EDGE_CLASS_DATA);
    assert_int_equal(edge_class_of("image/png"), EDGE_CLASS_OTHER);
    assert_int_equal(edge_class_of(""), EDGE_CLASS_OTHER);
}

static void test_what_stays_on_the_sites_own_name(void **state)
{
    (void)state;
    assert_true(edge_stays_on_site(EDGE_CLASS_DOCUMENT, 1 << 30, true));
    assert_true(edge_stays_on_site(EDGE_CLASS_PLAYLIST, 1 << 30, true));
    assert_true(edge_stays_on_site(EDGE_CLASS_OTHER, 65536, false));
    assert_false(edge_stays_on_site(EDGE_CLASS_OTHER, 65537, false));
    assert_true(edge_stays_on_site(EDGE_CLASS_SEGMENT, 65536, false));
    assert_false(edge_stays_on_site(EDGE_CLASS_SEGMENT, 1, true));
    assert_false(edge_stays_on_site(EDGE_CLASS_SEGMENT, 1 << 20, false));
}

static const char *policy(enum edge_class c, const char *path)
{
    const char *text = edge_cache_control(c, fog_bytes_str(path));

    return strstr(text, "immutable") != NULL    ? "long"
           : strstr(text, "max-age=0,") != NULL ? "ask"
                                                : "hour";
}

static void test_cache_control_by_name(void **state)
{
    (void)state;
    assert_string_equal(policy(EDGE_CLASS_SCRIPT, "assets/app.3f9a1c2b.js"), "long");
    assert_string_equal(policy(EDGE_CLASS_SCRIPT, "assets/index-BX9s0dQk.js"), "long");
    assert_string_equal(policy(EDGE_CLASS_STYLE, "chunk-7FZJ3KPL.css"), "long");
    assert_string_equal(policy(EDGE_CLASS_OTHER, "i/3f9a1c2b3f9a1c2b.png"), "long");
    assert_string_equal(policy(EDGE_CLASS_FONT, "f/inter.0a1b2c3d.woff2"), "long");
    /* names that only look like it */
    assert_string_equal(policy(EDGE_CLASS_SEGMENT, "v/segment00000001.m4s"), "hour");
    assert_string_equal(policy(EDGE_CLASS_OTHER, "IMG_20240101.jpg"), "hour");
    assert_string_equal(policy(EDGE_CLASS_OTHER, "photo-Paris2x1.jpg"), "hour");
    assert_string_equal(policy(EDGE_CLASS_OTHER, "deadbeef.png"),
                        "hour"); /* a word without digits */
    assert_string_equal(policy(EDGE_CLASS_OTHER, "3f9a1c2b/photo.png"), "hour");
    assert_string_equal(policy(EDGE_CLASS_OTHER, "3f9a1c2b"), "hour");
    assert_string_equal(policy(EDGE_CLASS_SCRIPT, "main.js"), "ask");
    assert_string_equal(policy(EDGE_CLASS_DATA, "data.json"), "ask");
    /* pages and playlists are asked for whatever their name */
    assert_string_equal(policy(EDGE_CLASS_DOCUMENT, "page.3f9a1c2b.html"), "ask");
    assert_string_equal(policy(EDGE_CLASS_PLAYLIST, "v.3f9a1c2b.m3u8"), "ask");
}

static bool allowed(const char *name, bool box_name)
{
    return edge_header_is_allowed(fog_bytes_str(name), box_name);
}

static void test_publishers_fields(void **state)
{
    static const char *const never[] = {
        "set-cookie",
        "Set-Cookie",
        "service-worker-allowed",
        "clear-site-data",
        "content-length",
        "etag",
        "transfer-encoding",
        "access-control-allow-origin",
        "strict-transport-security",
    };

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(never); i++) {
        assert_false(allowed(never[i], true));
        assert_false(allowed(never[i], false));
    }
    assert_true(allowed("content-disposition", true));
    assert_true(allowed("cache-control", true));
    assert_true(allowed("content-security-policy", false));
    assert_false(allowed("content-security-policy", true)); /* ours is "sandbox" there */
    assert_true(allowed("x-frame-options", false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_what_stays_on_the_sites_own_name),
        cmocka_unit_test(test_cache_control_by_name),
        cmocka_unit_test(test_publishers_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
