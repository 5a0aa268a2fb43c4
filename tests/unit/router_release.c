/* router/plan and router/playlist: which objects belong together, and which playlists are refused.
 */
#include "router/plan.h"
#include "router/playlist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HLS  "application/vnd.apple.mpegurl"
#define DASH "application/dash+xml"

static void expect_line(const char *type, const char *text, unsigned line)
{
    struct playlist_fault f;
    int rc = playlist_check(type, fog_bytes_str(text), &f);

    assert_int_equal(rc, line == 0 ? 0 : FOG_EDENIED);
    assert_int_equal(f.line, line);
}

static void test_only_relative_uris_pass(void **state)
{
    (void)state;
    expect_line(HLS, "#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4\"\nv0/seg-1.m4s\nseg:2.m4s?a=b:c\n", 4);
    expect_line(HLS,
                "#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4\"\r\nv0/seg-1.m4s\r\n./seg-2.m4s?t=1:2\r\n", 0);
    expect_line(HLS, "#EXTM3U\nhttps://cdn.example/1.ts\n", 2);
    expect_line(HLS, "#EXTM3U\n\n/1.ts", 3);
    expect_line(HLS, "#EXTM3U\n//host/1.ts", 2);
    expect_line(HLS, "#EXT-X-KEY:METHOD=AES-128,URI=\"HTTP://k/\"", 1);
    expect_line(HLS, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",URI=\"/a.m3u8\"", 1);
    expect_line(HLS, "# https://a.comment/is/fine\n", 0);
    expect_line(DASH,
                "<MPD>\n<BaseURL>video/</BaseURL>\n<SegmentTemplate media=\"s-$Number$.m4s\"/>", 0);
    expect_line(DASH, "<MPD>\n<BaseURL serviceLocation=\"a\">https://cdn/</BaseURL>", 2);
    expect_line(DASH, "<SegmentTemplate media=\"/s-$Number$.m4s\"/>", 1);
    expect_line("text/plain", "https://anything", 0);
}

static void hash(struct fog_hash *h, uint8_t n)
{
    memset(h, 0, sizeof *h);
    h->b[0] = n;
}

static struct fog_manifest manifest(uint64_t size, uint8_t tag)
{
    struct fog_manifest m = {.media_type = "video/mp4", .n_variants = 1};
    uint64_t n = fog_chunk_count(size);

    m.variants[0].size = size;
    m.variants[0].chunk_ids = calloc(n, sizeof(struct fog_hash));
    for (uint64_t i = 0; i < n; i++) {
        m.variants[0].chunk_ids[i].b[0] = tag;
        m.variants[0].chunk_ids[i].b[1] = (uint8_t)i;
    }
    return m;
}

static void test_small_files_share_their_slot_and_large_ones_are_cut_in_windows(void **state)
{
    struct fog_site_id site = {{1}};
    struct plan *p = plan_new(&site);
    struct fog_ref page = {.size = 100};
    struct fog_hash a, b;
    struct record_group *g;
    size_t n;

    (void)state;
    hash(&page.id, 200);
    hash(&a, 1);
    hash(&b, 2);
    assert_int_equal(plan_add_page(p, &page), 0);
    assert_int_equal(plan_add_entry(p, fog_bytes_str("z/again"), &a, 5), 0);
    assert_int_equal(plan_add_entry(p, fog_bytes_str("a/first"), &a, 5), 0);
    assert_int_equal(plan_add_entry(p, fog_bytes_str("large"), &b, 10), 0);
    plan_entries_done(p);
    assert_int_equal(plan_n_entries(p), 2);
    assert_string_equal(plan_entry(p, 0)->path, "a/first");
    for (size_t i = 0; i < 2; i++) {
        struct fog_manifest m =
            i == 0 ? manifest(3 << 20, 1) : manifest(((uint64_t)130 << 20) + 5, 2);
        assert_int_equal(plan_add_manifest(p, i, &m), 0);
        fog_manifest_fini(&m);
    }
    assert_int_equal((plan_chunks(p, &n), n), 3 + 131);
    g = plan_groups(p, &n);
    assert_int_equal(n, 5); /* slot 5; windows 10, 11, 12; the pages */
    assert_int_equal(g[0].slot, 5);
    assert_int_equal(g[0].n_refs, 1);
    assert_int_equal(g[0].refs[0].len, PLAN_WHOLE);
    assert_int_equal(g[0].bytes, 3 << 20);
    for (unsigned w = 0; w < 3; w++) {
        assert_int_equal(g[1 + w].slot, 10 + w);
        assert_int_equal(g[1 + w].n_refs, w < 2 ? 65 : 4); /* chunks and the manifest */
    }
    assert_int_equal(g[4].slot, PLAN_TABLE_SLOT);
    assert_int_equal(g[4].refs[0].kind, FOG_KIND_PAGE);
    for (size_t i = 0; i < n; i++)
        free(g[i].refs);
    free(g);
    plan_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_relative_uris_pass),
        cmocka_unit_test(test_small_files_share_their_slot_and_large_ones_are_cut_in_windows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
