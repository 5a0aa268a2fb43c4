/* cli: which files, which slots, which playlists. */
#include "cli/hls.h"
#include "cli/scan.h"
#include "cli/site_name.h"
#include "cli/slot.h"
#include "tests/lib/folder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void put(const struct folder *f, const char *path, const char *text)
{
    folder_put(f, path, fog_bytes_str(text));
}

static void test_scan_lists_files_in_release_order(void **state)
{
    struct folder f;
    struct scan s;
    char link[128];

    (void)state;
    folder_make(&f);
    put(&f, "b/c.txt", "12345");
    put(&f, "b.html", "");
    put(&f, "index.html", "x");
    put(&f, ".git/config", "secret");
    put(&f, ".well-known/security.txt", "mail");
    put(&f, "_headers", "/*");
    put(&f, "b/_headers", "content");
    snprintf(link, sizeof link, "%s/link", f.path);
    assert_int_equal(symlink("/etc/passwd", link), 0);
    assert_int_equal(scan_open(f.path, &s), 0);
    assert_int_equal(s.n, 5);
    assert_string_equal(s.files[0].path, ".well-known/security.txt");
    assert_string_equal(s.files[1].path, "b.html"); /* '.' is before '/' */
    assert_string_equal(s.files[2].path, "b/_headers");
    assert_string_equal(s.files[3].path, "b/c.txt");
    assert_string_equal(s.files[4].path, "index.html");
    assert_int_equal(s.bytes, 5 + 1 + 4 + 7);
    assert_int_equal(s.skipped, 3);
    assert_int_equal(scan_find(&s, fog_bytes_str("b/c.txt")), 3);
    assert_int_equal(scan_find(&s, fog_bytes_str("b/c")), -1);
    scan_fini(&s);
    folder_drop(&f);
}

static void test_scan_of_one_file_and_of_nothing(void **state)
{
    struct folder f;
    struct scan s;
    char path[128];

    (void)state;
    folder_make(&f);
    put(&f, "film.mp4", "bytes");
    snprintf(path, sizeof path, "%s/film.mp4", f.path);
    assert_int_equal(scan_open(path, &s), 0);
    assert_true(s.single && s.n == 1);
    assert_string_equal(s.files[0].path, "film.mp4");
    scan_fini(&s);
    snprintf(path, sizeof path, "%s/none", f.path);
    assert_int_equal(scan_open(path, &s), -ENOENT);
    assert_non_null(strstr(s.problem, "none"));
    scan_fini(&s);
    put(&f, "bad\nname", "x");
    assert_int_equal(scan_open(f.path, &s), FOG_EFORMAT);
    scan_fini(&s);
    folder_drop(&f);
}

static void assert_resolves(const char *uri, const char *base, const char *want)
{
    struct fog_path p;

    assert_int_equal(hls_resolve(fog_bytes_str(uri), fog_bytes_str(base), &p), 0);
    assert_string_equal(p.text, want);
}

static void test_relative_uris(void **state)
{
    static const char *const absolute[] = {"/x", "//h/x", "https://h/x", "data:text"};
    struct fog_path p;

    (void)state;
    assert_resolves("seg%201.ts?x=1#f", "v/720/i.m3u8", "v/720/seg 1.ts");
    assert_resolves("../a/./b.ts", "v/720/i.m3u8", "v/a/b.ts");
    assert_resolves("i.m3u8", "master.m3u8", "i.m3u8");
    assert_resolves("12:30.ts", "i b/x.m3u8", "i b/12:30.ts"); /* a digit begins no scheme */
    for (size_t i = 0; i < FOG_COUNT(absolute); i++)
        assert_int_equal(hls_resolve(fog_bytes_str(absolute[i]), fog_bytes_str("i.m3u8"), &p),
                         FOG_EADDR);
    assert_int_equal(hls_resolve(fog_bytes_str("../x"), fog_bytes_str("i.m3u8"), &p), FOG_ERANGE);
    assert_int_equal(hls_resolve(fog_bytes_str(".."), fog_bytes_str("a/i.m3u8"), &p), FOG_EFORMAT);
}

#define MASTER                                                                                     \
    "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"audio/i.m3u8\"\n"                       \
    "#EXT-X-STREAM-INF:BANDWIDTH=1\n720/i.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\n360/i.m3u8\n"

static void media_playlist(const struct folder *f, const char *path, unsigned n, const char *ext)
{
    struct fog_buf b = {0};

    fog_buf_append_str(&b, "#EXTM3U\r\n#EXT-X-MAP:URI=\"init.mp4\"\r\n");
    for (unsigned i = 0; i < n; i++)
        fog_buf_printf(&b, "#EXTINF:6.000,\r\nseg%u.%s\r\n", i, ext);
    folder_put(f, path, fog_buf_bytes(&b));
    fog_buf_fini(&b);
}

static uint32_t slot_of(const struct scan *s, const char *path)
{
    long i = scan_find(s, fog_bytes_str(path));

    assert_true(i >= 0);
    return s->files[i].slot;
}

static void test_renditions_of_the_same_minutes_share_a_slot(void **state)
{
    struct folder f;
    struct scan s;

    (void)state;
    folder_make(&f);
    put(&f, "v/master.m3u8", MASTER);
    media_playlist(&f, "v/720/i.m3u8", 60, "m4s");
    media_playlist(&f, "v/360/i.m3u8", 60, "m4s");
    media_playlist(&f, "v/audio/i.m3u8", 1, "aac");
    put(&f, "v/720/init.mp4", "i");
    put(&f, "v/720/seg0.m4s", "a");
    put(&f, "v/720/seg49.m4s", "a"); /* 294 s */
    put(&f, "v/720/seg50.m4s", "a"); /* 300 s */
    put(&f, "v/360/seg0.m4s", "b");
    put(&f, "v/360/seg50.m4s", "b");
    put(&f, "v/audio/seg0.aac", "c");
    put(&f, "other.txt", "d");
    assert_int_equal(scan_open(f.path, &s), 0);
    assert_int_equal(slot_assign(&s), 0);
    assert_int_equal(slot_of(&s, "v/720/seg0.m4s"), slot_of(&s, "v/360/seg0.m4s"));
    assert_int_equal(slot_of(&s, "v/720/seg0.m4s"), slot_of(&s, "v/audio/seg0.aac"));
    assert_int_equal(slot_of(&s, "v/720/seg0.m4s"), slot_of(&s, "v/720/init.mp4"));
    assert_int_equal(slot_of(&s, "v/720/seg0.m4s"), slot_of(&s, "v/720/seg49.m4s"));
    assert_int_equal(slot_of(&s, "v/720/seg50.m4s"), slot_of(&s, "v/360/seg50.m4s"));
    assert_true(slot_of(&s, "v/720/seg0.m4s") != slot_of(&s, "v/720/seg50.m4s"));
    assert_int_equal(slot_of(&s, "other.txt"), slot_of(&s, "v/master.m3u8"));
    assert_string_equal(s.files[slot_entry_playlist(&s)].path, "v/master.m3u8");
    scan_fini(&s);
    folder_drop(&f);
}

static void test_slots_stay_when_the_folder_grows(void **state)
{
    struct folder f;
    struct scan a, b;

    (void)state;
    folder_make(&f);
    for (int i = 0; i < 1000; i++) {
        char name[32];

        snprintf(name, sizeof name, "p/%04d.html", i);
        put(&f, name, "page");
    }
    assert_int_equal(scan_open(f.path, &a), 0);
    assert_int_equal(slot_assign(&a), 0);
    put(&f, "p/0500-new.html", "page");
    assert_int_equal(scan_open(f.path, &b), 0);
    assert_int_equal(slot_assign(&b), 0);
    for (size_t i = 0; i < a.n; i++)
        assert_int_equal(slot_of(&b, a.files[i].path), a.files[i].slot);
    scan_fini(&a);
    scan_fini(&b);
    folder_drop(&f);
}

static void test_playlist_that_leaves_the_fog_is_refused(void **state)
{
    struct folder f;
    struct scan s;

    (void)state;
    folder_make(&f);
    put(&f, "i.m3u8", "#EXTM3U\n#EXTINF:6,\nhttps://elsewhere.example/seg.ts\n");
    assert_int_equal(scan_open(f.path, &s), 0);
    assert_int_equal(slot_assign(&s), FOG_EADDR);
    assert_non_null(strstr(s.problem, "i.m3u8, line 3: URI must be relative"));
    scan_fini(&s);
    put(&f, "i.m3u8", "not a playlist");
    assert_int_equal(scan_open(f.path, &s), 0);
    assert_int_equal(slot_assign(&s), FOG_EFORMAT);
    scan_fini(&s);
    folder_drop(&f);
}

static void assert_named(const char *path, const char *want)
{
    char name[FOG_SITE_NAME_MAX + 1];

    assert_int_equal(site_name_of_path(path, name), 0);
    assert_string_equal(name, want);
    assert_int_equal(fog_site_name_check(fog_bytes_str(name)), 0);
}

static void test_names_of_sites(void **state)
{
    struct fog_hash root = {{0xab, 0xcd, 0xef}};
    char name[FOG_SITE_NAME_MAX + 1];

    (void)state;
    assert_named("/home/ana/My Blog/", "my-blog");
    assert_named("/home/ana/blog/public", "blog");
    assert_named("/public", "public");
    assert_named("/x/film.mp4", "film-mp4");
    assert_int_equal(site_name_of_path("/", name), FOG_EFORMAT);
    site_name_preview("blog", &root, name);
    assert_string_equal(name, "blog-abcdef");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_lists_files_in_release_order),
        cmocka_unit_test(test_scan_of_one_file_and_of_nothing),
        cmocka_unit_test(test_relative_uris),
        cmocka_unit_test(test_renditions_of_the_same_minutes_share_a_slot),
        cmocka_unit_test(test_slots_stay_when_the_folder_grows),
        cmocka_unit_test(test_playlist_that_leaves_the_fog_is_refused),
        cmocka_unit_test(test_names_of_sites),
    };

    return cmocka_run_group_tests_name("cli_scan", tests, NULL, NULL);
}
