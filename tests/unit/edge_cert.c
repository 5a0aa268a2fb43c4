/* edge/cert: which certificate a host name gets. The certificates are counters here. */
#include "edge/cert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/io/tls.h"

struct fog_tls_cert {
    int refs;
    int64_t not_after;
};

struct fog_tls_cert *fog_tls_cert_ref(struct fog_tls_cert *c)
{
    c->refs++;
    return c;
}

void fog_tls_cert_unref(struct fog_tls_cert **c)
{
    (*c)->refs--;
    *c = NULL;
}

int64_t fog_tls_cert_not_after(const struct fog_tls_cert *c)
{
    return c->not_after;
}

static void expect_pick(struct edge_certs *s, const char *sni, const struct fog_tls_cert *want)
{
    struct fog_tls_cert *got = edge_certs_pick(s, sni);

    assert_ptr_equal(got, want);
    if (got != NULL)
        fog_tls_cert_unref(&got);
}

static void test_exact_name_wins_over_wildcard(void **state)
{
    struct fog_tls_cert zone = {0, 1}, box = {0, 2}, api = {0, 3};
    struct edge_certs *s = edge_certs_new();

    (void)state;
    assert_int_equal(edge_certs_set(s, "*.fog.test", &zone), 0);
    assert_int_equal(edge_certs_set(s, "*.bbb.fog.test", &box), 0);
    assert_int_equal(edge_certs_set(s, "api.fog.test", &api), 0);
    expect_pick(s, "site.fog.test", &zone);
    expect_pick(s, "site.bbb.fog.test", &box);
    expect_pick(s, "api.fog.test", &api);
    /* a wildcard stands for one label, no more and no less */
    expect_pick(s, "a.site.fog.test", NULL);
    expect_pick(s, "fog.test", NULL);
    expect_pick(s, ".fog.test", NULL);
    expect_pick(s, "", NULL);
    expect_pick(s, NULL, NULL);
    edge_certs_free(&s);
    assert_int_equal(zone.refs + box.refs + api.refs, 0);
}

static void test_swap_keeps_what_is_in_use(void **state)
{
    struct fog_tls_cert old = {0, 100}, young = {0, 200};
    struct edge_certs *s = edge_certs_new();
    struct fog_tls_cert *in_use;

    (void)state;
    assert_int_equal(edge_certs_set(s, "*.fog.test", &old), 0);
    in_use = edge_certs_pick(s, "x.fog.test");
    assert_int_equal(edge_certs_set(s, "*.fog.test", &young), 0);
    assert_int_equal(old.refs, 1); /* only the handshake's */
    expect_pick(s, "x.fog.test", &young);
    assert_int_equal(edge_certs_not_after(s, "*.fog.test"), 200);
    fog_tls_cert_unref(&in_use);
    edge_certs_remove(s, "*.fog.test");
    expect_pick(s, "x.fog.test", NULL);
    assert_int_equal(edge_certs_not_after(s, "*.fog.test"), 0);
    edge_certs_free(&s);
    assert_int_equal(old.refs + young.refs, 0);
}

static void test_bad_patterns_and_the_limit(void **state)
{
    static const char *const bad[] = {"",        "*",        "*.",    "A.test",
                                      "a..test", "a.*.test", ".test", "a."};
    struct fog_tls_cert c = {0, 1};
    struct edge_certs *s = edge_certs_new();
    char name[32];

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(bad); i++)
        assert_int_equal(edge_certs_set(s, bad[i], &c), FOG_EFORMAT);
    for (int i = 0; i < 1024; i++) {
        snprintf(name, sizeof name, "n%d.test", i);
        assert_int_equal(edge_certs_set(s, name, &c), 0);
    }
    assert_int_equal(edge_certs_set(s, "one-more.test", &c), FOG_ELIMIT);
    expect_pick(s, "n1023.test", &c);
    edge_certs_free(&s);
    assert_int_equal(c.refs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_name_wins_over_wildcard),
        cmocka_unit_test(test_swap_keeps_what_is_in_use),
        cmocka_unit_test(test_bad_patterns_and_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
