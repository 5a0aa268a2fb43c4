/* core/content: key documents, delegations, pointers, freshness. */
#include "core/base/str.h"
#include "core/content/api_auth.h"
#include "core/content/pointer.h"
#include "core/crypto/hash.h"
#include "tests/lib/hexvec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fog_hash fog_id;

static struct fog_sign_key key(const char *name)
{
    struct fog_hash seed = vector_hash(name);
    struct fog_sign_key k;

    fog_sign_key_of(seed.b, &k);
    return k;
}

static struct fog_keydoc doc_of(const char *name)
{
    struct fog_keydoc d;

    assert_int_equal(fog_keydoc_decode(vector(name), &fog_id, &d), 0);
    return d;
}

static void test_key_document_vectors(void **state)
{
    struct fog_hash id = vector_hash("publisher_id");
    struct fog_sign_key recovery = key("seed.recovery");
    struct fog_keydoc d = doc_of("keydoc"), d2 = doc_of("keydoc.2");
    struct fog_buf out = {0};

    (void)state;
    assert_true(fog_hash_eq(&d.publisher_id, &id));
    assert_true(fog_hash_eq(&d2.publisher_id, &id)); /* keys change, the publisher stays */
    assert_int_equal(d2.gen, 2);
    assert_int_equal(d2.escrow_owner[0], 0xee);
    assert_int_equal(fog_keydoc_seal(&d, fog_bytes_of(NULL, 0), &recovery, &fog_id, &out), 0);
    assert_true(fog_bytes_eq(fog_buf_bytes(&out), vector("keydoc")));
    fog_buf_clear(&out);
    assert_int_equal(fog_keydoc_seal(&d2, vector("keydoc"), &recovery, &fog_id, &out), 0);
    assert_true(fog_bytes_eq(fog_buf_bytes(&out), vector("keydoc.2")));
    fog_buf_fini(&out);
}

static void test_only_the_recovery_key_replaces_a_document(void **state)
{
    struct fog_sign_key thief = key("seed.ingress");
    struct fog_hash other = {{1}};
    struct fog_keydoc d = doc_of("keydoc.2"), e;
    struct fog_buf b = {0};
    struct fog_bytes in = vector("keydoc.2");

    (void)state;
    assert_int_equal(fog_keydoc_seal(&d, vector("keydoc"), &thief, &fog_id, &b), FOG_EVERIFY);
    fog_buf_append(&b, in.p, in.len);
    b.data[7] ^= 1; /* a release key: the signature does not fit any more */
    assert_int_equal(fog_keydoc_decode(fog_buf_bytes(&b), &fog_id, &e), FOG_EVERIFY);
    assert_int_equal(fog_keydoc_decode(in, &other, &e), FOG_EVERIFY);
    assert_int_equal(fog_keydoc_decode(fog_bytes_of(in.p, in.len - 1), &fog_id, &e), FOG_ETRUNC);
    d.gen = 1;
    assert_int_equal(fog_keydoc_seal(&d, vector("keydoc"), &thief, &fog_id, &b), FOG_EFORMAT);
    d.keys[1] = d.keys[0];
    assert_int_equal(fog_keydoc_seal(&d, fog_bytes_of(NULL, 0), &thief, &fog_id, &b), FOG_ECANON);
    fog_buf_fini(&b);
}

static void test_pointer_vector_and_its_rights(void **state)
{
    struct fog_hash id = vector_hash("pointer.id"), root = vector_hash("release.root"), got;
    struct fog_sign_key release = key("seed.release"), thief = key("seed.ingress");
    struct fog_keydoc d = doc_of("keydoc"), d2 = doc_of("keydoc.2");
    struct fog_pointer p;
    struct fog_buf out = {0};

    (void)state;
    assert_int_equal(fog_pointer_decode(vector("pointer"), &p), 0);
    assert_string_equal(p.site, "demo");
    assert_true(p.seq == 3 && fog_hash_eq(&p.table.id, &root));
    fog_pointer_id(&p, &got);
    assert_true(fog_hash_eq(&got, &id));
    assert_int_equal(fog_pointer_verify(&p, &d, NULL, &fog_id, 0), 0);
    assert_int_equal(fog_pointer_verify(&p, &d2, NULL, &fog_id, 0), FOG_ESTALE);
    assert_int_equal(fog_pointer_seal(&p, &release, &fog_id, &out), 0);
    assert_true(fog_bytes_eq(fog_buf_bytes(&out), vector("pointer")));
    fog_buf_clear(&out);
    assert_int_equal(fog_pointer_seal(&p, &thief, &fog_id, &out), 0);
    assert_int_equal(fog_pointer_verify(&p, &d, NULL, &fog_id, 0), FOG_EDENIED);
    p.signer = release.pub; /* the name of a good key over the signature of another */
    assert_int_equal(fog_pointer_verify(&p, &d, NULL, &fog_id, 0), FOG_EVERIFY);
    d.publisher_id.b[0] ^= 1;
    assert_int_equal(fog_pointer_verify(&p, &d, NULL, &fog_id, 0), FOG_EDENIED);
    fog_buf_fini(&out);
}

static void test_delegate_lets_an_ingress_sign_within_its_limits(void **state)
{
    struct fog_sign_key ingress = key("seed.ingress"), release2 = key("seed.release2");
    struct fog_keydoc d = doc_of("keydoc"), d2 = doc_of("keydoc.2");
    struct fog_delegate g;
    struct fog_pointer p;
    struct fog_buf out = {0};

    (void)state;
    assert_int_equal(fog_delegate_decode(vector("delegate"), &g), 0);
    assert_int_equal(fog_pointer_decode(vector("pointer.delegated"), &p), 0);
    assert_int_equal(fog_pointer_verify(&p, &d2, &g, &fog_id, 1900000000000), 0);
    assert_int_equal(fog_pointer_verify(&p, &d2, NULL, &fog_id, 1900000000000), FOG_EDENIED);
    assert_int_equal(fog_pointer_verify(&p, &d2, &g, &fog_id, 2000000000001), FOG_EEXPIRED);
    assert_int_equal(fog_delegate_verify(&g, &d, &fog_id, 1), FOG_EDENIED); /* a later document */
    assert_int_equal(fog_delegate_seal(&g, &release2, &fog_id, &out), 0);
    assert_true(fog_bytes_eq(fog_buf_bytes(&out), vector("delegate")));
    strcpy(p.site, "other"); /* outside the prefix */
    assert_int_equal(fog_pointer_seal(&p, &ingress, &fog_id, &out), 0);
    assert_int_equal(fog_pointer_verify(&p, &d2, &g, &fog_id, 1), FOG_EDENIED);
    g.rights = 1; /* a promise that the publisher did not sign */
    assert_int_equal(fog_delegate_verify(&g, &d2, &fog_id, 1), FOG_EVERIFY);
    g.rights = 8;
    assert_int_equal(fog_delegate_seal(&g, &release2, &fog_id, &out), FOG_EFORMAT);
    fog_buf_fini(&out);
}

static void test_pointers_are_ordered_by_generation_then_number(void **state)
{
    struct fog_pointer a = {.gen = 1, .seq = 9}, b = {.gen = 2, .seq = 1}, c = {.gen = 2, .seq = 2};

    (void)state;
    assert_true(fog_pointer_cmp(&a, &b) < 0);
    assert_true(fog_pointer_cmp(&c, &b) > 0);
    assert_int_equal(fog_pointer_cmp(&c, &c), 0);
}

static void test_fresh_keeps_a_pointer_servable(void **state)
{
    struct fog_hash hub = vector_hash("pub.hub");
    struct fog_sign_key k = key("seed.hub");
    struct fog_buf out = {0};
    struct fog_pointer p;
    struct fog_fresh f;
    struct fog_pub pub;

    (void)state;
    memcpy(pub.b, hub.b, sizeof pub.b);
    assert_int_equal(fog_fresh_decode(vector("fresh"), &f), 0);
    assert_int_equal(fog_fresh_verify(&f, &pub, &fog_id), 0);
    assert_int_equal(fog_fresh_seal(&f, &k, &fog_id, &out), 0);
    assert_true(fog_bytes_eq(fog_buf_bytes(&out), vector("fresh")));
    f.seq++;
    assert_int_equal(fog_fresh_verify(&f, &pub, &fog_id), FOG_EVERIFY);
    assert_int_equal(fog_pointer_decode(vector("pointer"), &p), 0);
    assert_int_equal(fog_pointer_is_servable(&p, 0, p.issued_ms + 604800000), 0);
    assert_int_equal(fog_pointer_is_servable(&p, 0, p.issued_ms + 604800001), FOG_EEXPIRED);
    assert_int_equal(fog_pointer_is_servable(&p, f.as_of_ms, p.issued_ms + 604800001), 0);
    fog_buf_fini(&out);
}

static void test_bad_pointers_are_refused(void **state)
{
    struct fog_sign_key k = key("seed.release");
    struct fog_pointer good, p;
    struct fog_buf out = {0};

    (void)state;
    assert_int_equal(fog_pointer_decode(vector("pointer"), &good), 0);
    p = good;
    strcpy(p.site, "-bad");
    assert_int_equal(fog_pointer_seal(&p, &k, &fog_id, &out), FOG_EFORMAT);
    p = good;
    p.seq = 0;
    assert_int_equal(fog_pointer_seal(&p, &k, &fog_id, &out), FOG_EFORMAT);
    p = good;
    p.table.size = FOG_PAGE_MAX + 1;
    assert_int_equal(fog_pointer_seal(&p, &k, &fog_id, &out), FOG_ELIMIT);
    fog_buf_append(&out, vector("pointer").p, vector("pointer").len);
    fog_buf_append(&out, "x", 1);
    assert_int_equal(fog_pointer_decode(fog_buf_bytes(&out), &p), FOG_ETRAIL);
    fog_buf_fini(&out);
}

static void test_api_requests_are_bound_to_their_content(void **state)
{
    struct fog_api_request r = {.method = fog_bytes_str("PUT"),
                                .target = fog_bytes_str("/v1/pointer?wait=5")};
    struct fog_sign_key release = key("seed.release");
    struct fog_keydoc d = doc_of("keydoc");
    struct fog_api_auth a;
    struct fog_buf text = {0};

    (void)state;
    fog_sha256(fog_bytes_str("body"), &r.body_hash);
    fog_api_auth_write(&r, &d.publisher_id, 1000000, 0, &release, &fog_id, &text);
    assert_int_equal(fog_api_auth_parse(fog_buf_bytes(&text), &a), 0);
    assert_int_equal(fog_api_auth_verify(&a, &r, &d, &fog_id, 1000300), 0);
    assert_int_equal(fog_api_auth_verify(&a, &r, &d, &fog_id, 1000301), FOG_EEXPIRED);
    assert_int_equal(fog_api_auth_verify(&a, &r, &d, &fog_id, 999699), FOG_EEXPIRED);
    r.target = fog_bytes_str("/v1/pointer?wait=6");
    assert_int_equal(fog_api_auth_verify(&a, &r, &d, &fog_id, 1000000), FOG_EVERIFY);
    r.target = fog_bytes_str("/v1/pointer?wait=5");
    r.body_hash.b[0] ^= 1;
    assert_int_equal(fog_api_auth_verify(&a, &r, &d, &fog_id, 1000000), FOG_EVERIFY);
    a.key_index = 1;
    assert_int_equal(fog_api_auth_verify(&a, &r, &d, &fog_id, 1000000), FOG_EDENIED);
    assert_int_equal(fog_api_auth_parse(fog_bytes_of(text.data, text.len - 1), &a), FOG_EFORMAT);
    assert_int_equal(fog_api_auth_parse(fog_bytes_str("Fog ..."), &a), FOG_EFORMAT);
    assert_int_equal(fog_api_auth_parse(fog_bytes_str("Basic x"), &a), FOG_EFORMAT);
    fog_buf_fini(&text);
}

static int open_vectors(void **state)
{
    (void)state;
    hexvec_open("core/content/vectors/content.txt");
    fog_id = vector_hash("fog_id");
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
        cmocka_unit_test(test_key_document_vectors),
        cmocka_unit_test(test_only_the_recovery_key_replaces_a_document),
        cmocka_unit_test(test_pointer_vector_and_its_rights),
        cmocka_unit_test(test_delegate_lets_an_ingress_sign_within_its_limits),
        cmocka_unit_test(test_pointers_are_ordered_by_generation_then_number),
        cmocka_unit_test(test_fresh_keeps_a_pointer_servable),
        cmocka_unit_test(test_bad_pointers_are_refused),
        cmocka_unit_test(test_api_requests_are_bound_to_their_content),
    };

    return cmocka_run_group_tests_name("content_keys", tests, open_vectors, close_vectors);
}
