/* core/content: manifests and codings. */
#include "core/base/rng.h"
#include "core/content/encode.h"
#include "core/content/manifest.h"
#include "tests/lib/hexvec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_manifest_vectors_decode_and_encode_again(void **state)
{
    static const char *const names[][2] = {{"manifest", "manifest.id"},
                                           {"manifest.tiny", "manifest.tiny.id"}};

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(names); i++) {
        struct fog_hash id = vector_hash(names[i][1]);
        struct fog_bytes in = vector(names[i][0]);
        struct fog_manifest m;
        struct fog_buf out = {0};

        assert_int_equal(fog_manifest_open(in, &id, &m), 0);
        assert_int_equal(fog_manifest_encode(&m, &out), 0);
        assert_true(fog_bytes_eq(fog_buf_bytes(&out), in));
        fog_buf_fini(&out);
        fog_manifest_fini(&m);
    }
}

static void test_manifest_tells_its_variants(void **state)
{
    struct fog_hash root = vector_hash("tree.65537.root"),
                    last = vector_hash("tree.1048577.last_chunk");
    const struct fog_variant *v;
    struct fog_manifest m;
    struct fog_chunk_ref ref;

    (void)state;
    assert_int_equal(fog_manifest_decode(vector("manifest"), &m), 0);
    assert_string_equal(m.media_type, "text/html; charset=utf-8");
    assert_null(fog_manifest_variant(&m, FOG_GZIP));
    v = fog_manifest_variant(&m, FOG_ZSTD);
    assert_non_null(v);
    assert_true(fog_hash_eq(&v->root, &root));
    v = fog_manifest_variant(&m, FOG_IDENTITY);
    ref = fog_variant_chunk(v, 1);
    assert_int_equal(ref.len, 1);
    assert_true(fog_hash_eq(&ref.id, &last));
    fog_manifest_fini(&m);
}

/* A copy of a vector with one byte changed. */
static int decode_changed(const char *name, size_t at, uint8_t value)
{
    struct fog_buf b = {0};
    struct fog_bytes in = vector(name);
    struct fog_manifest m;
    int rc;

    fog_buf_append(&b, in.p, in.len);
    b.data[at] = value;
    rc = fog_manifest_decode(fog_buf_bytes(&b), &m);
    if (rc == 0)
        fog_manifest_fini(&m);
    fog_buf_fini(&b);
    return rc;
}

static void test_bad_manifests_are_refused_with_the_reason(void **state)
{
    struct fog_hash wrong = {{1}};
    struct fog_bytes in = vector("manifest");
    const size_t variant = 2 + 24 + 1; /* version, media type, count */
    struct fog_manifest m;

    (void)state;
    assert_int_equal(decode_changed("manifest", 0, 2), FOG_EVERSION);
    assert_int_equal(decode_changed("manifest", 2, 'T'), FOG_EFORMAT);         /* upper case */
    assert_int_equal(decode_changed("manifest", 6, 'x'), FOG_EFORMAT);         /* no slash */
    assert_int_equal(decode_changed("manifest", variant - 1, 0), FOG_EFORMAT); /* no variant */
    assert_int_equal(decode_changed("manifest", variant - 1, 4), FOG_EFORMAT);
    assert_int_equal(decode_changed("manifest", variant, 1), FOG_EFORMAT); /* no identity */
    assert_int_equal(decode_changed("manifest", variant, 9), FOG_EFORMAT);
    assert_int_equal(decode_changed("manifest", variant + 1, 0), FOG_EVERIFY);  /* root */
    assert_int_equal(decode_changed("manifest", variant + 33, 1), FOG_ELIMIT);  /* size */
    assert_int_equal(decode_changed("manifest", variant + 41, 2), FOG_EFORMAT); /* flag */
    assert_int_equal(decode_changed("manifest", variant + 74, 0), FOG_EVERIFY); /* chunk id */
    assert_int_equal(decode_changed("manifest", variant + 138, 0),
                     FOG_EFORMAT); /* identity twice */
    assert_int_equal(fog_manifest_decode(fog_bytes_of(in.p, in.len - 1), &m), FOG_ETRUNC);
    assert_int_equal(fog_manifest_open(in, &wrong, &m), FOG_EVERIFY);
}

static void test_manifest_above_the_limit_is_not_made(void **state)
{
    struct fog_manifest m = {.media_type = "video/mp4", .n_variants = 1};
    size_t n = 32768;
    struct fog_buf out = {0};

    (void)state;
    m.variants[0].size = FOG_OBJECT_MAX; /* 32768 ids and a head are more than 1 MiB */
    m.variants[0].chunk_ids = calloc(n, sizeof(struct fog_hash));
    assert_non_null(m.variants[0].chunk_ids);
    fog_tree_root(m.variants[0].chunk_ids, n, &m.variants[0].root);
    assert_int_equal(fog_manifest_encode(&m, &out), FOG_ELIMIT);
    assert_int_equal(out.len, 0);
    m.variants[0].size = (n - 3) * FOG_CHUNK_SIZE;
    fog_tree_root(m.variants[0].chunk_ids, n - 3, &m.variants[0].root);
    assert_int_equal(fog_manifest_encode(&m, &out), 0);
    assert_true(out.len <= FOG_MANIFEST_MAX);
    m.variants[0].size++;
    assert_int_equal(fog_manifest_encode(&m, &out), FOG_EVERIFY);
    fog_buf_fini(&out);
    fog_manifest_fini(&m);
}

static void test_coding_round_trip(void **state)
{
    struct fog_buf plain = {0}, coded = {0}, back = {0}, again = {0};

    (void)state;
    for (int i = 0; i < 4000; i++)
        fog_buf_printf(&plain, "line %d of a text that compresses well\n", i % 97);
    for (unsigned e = FOG_GZIP; e <= FOG_ZSTD; e++) {
        fog_buf_clear(&coded);
        fog_buf_clear(&back);
        fog_buf_clear(&again);
        assert_int_equal(fog_encode((enum fog_encoding)e, 0, fog_buf_bytes(&plain), &coded), 0);
        assert_int_equal(fog_encode((enum fog_encoding)e, 0, fog_buf_bytes(&plain), &again), 0);
        assert_true(fog_bytes_eq(fog_buf_bytes(&coded), fog_buf_bytes(&again)));
        assert_true(fog_encode_is_worthwhile(plain.len, coded.len));
        assert_int_equal(fog_decode((enum fog_encoding)e, fog_buf_bytes(&coded), plain.len, &back),
                         0);
        assert_true(fog_bytes_eq(fog_buf_bytes(&back), fog_buf_bytes(&plain)));
        fog_buf_clear(&back);
        assert_int_equal(
            fog_decode((enum fog_encoding)e, fog_buf_bytes(&coded), plain.len - 1, &back),
            FOG_ELIMIT);
        assert_int_equal(fog_decode((enum fog_encoding)e, fog_bytes_of(coded.data, coded.len - 1),
                                    plain.len, &back),
                         FOG_ETRUNC);
        fog_buf_append(&coded, "x", 1);
        fog_buf_clear(&back);
        assert_int_equal(fog_decode((enum fog_encoding)e, fog_buf_bytes(&coded), plain.len, &back),
                         FOG_ETRAIL);
    }
    assert_int_equal(fog_encode(FOG_IDENTITY, 0, fog_buf_bytes(&plain), &coded), FOG_EFORMAT);
    fog_buf_fini(&plain);
    fog_buf_fini(&coded);
    fog_buf_fini(&back);
    fog_buf_fini(&again);
}

static void test_empty_input_has_coded_forms(void **state)
{
    struct fog_buf coded = {0}, back = {0};

    (void)state;
    for (unsigned e = FOG_GZIP; e <= FOG_ZSTD; e++) {
        fog_buf_clear(&coded);
        assert_int_equal(fog_encode((enum fog_encoding)e, 0, fog_bytes_of(NULL, 0), &coded), 0);
        assert_int_equal(fog_decode((enum fog_encoding)e, fog_buf_bytes(&coded), 0, &back), 0);
        assert_int_equal(back.len, 0);
    }
    fog_buf_fini(&coded);
    fog_buf_fini(&back);
}

static void test_what_is_worthwhile(void **state)
{
    (void)state;
    assert_false(fog_encode_is_worthwhile(0, 20));
    assert_false(fog_encode_is_worthwhile(1000, 1000));
    assert_false(fog_encode_is_worthwhile(10000, 9501));
    assert_true(fog_encode_is_worthwhile(10000, 9500));
    assert_false(fog_encode_is_worthwhile(200, 150)); /* 25 %, but a few bytes */
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
        cmocka_unit_test(test_manifest_vectors_decode_and_encode_again),
        cmocka_unit_test(test_manifest_tells_its_variants),
        cmocka_unit_test(test_bad_manifests_are_refused_with_the_reason),
        cmocka_unit_test(test_manifest_above_the_limit_is_not_made),
        cmocka_unit_test(test_coding_round_trip),
        cmocka_unit_test(test_empty_input_has_coded_forms),
        cmocka_unit_test(test_what_is_worthwhile),
    };

    return cmocka_run_group_tests_name("content_manifest", tests, open_vectors, close_vectors);
}
