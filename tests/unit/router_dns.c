/* router/dns: answers of the authoritative server, byte by byte where it matters. */
#include "router/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <ldns/ldns.h>

#define LIVE "aaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DEAD "bbbbbbbbbbbbbbbbbbbbbbbbba"
#define SITE "abcdefghijklmnop"

static bool has_site(void *arg, struct fog_bytes label)
{
    (void)arg;
    return fog_bytes_eq(label, fog_bytes_str(SITE));
}

static enum dns_box box(void *arg, struct fog_bytes label, struct fog_addr *addr)
{
    (void)arg;
    if (fog_bytes_eq(label, fog_bytes_str(DEAD)))
        return DNS_BOX_DEAD;
    if (!fog_bytes_eq(label, fog_bytes_str(LIVE)))
        return DNS_BOX_UNKNOWN;
    return fog_addr_parse_ip("198.51.100.7", 443, addr) == 0 ? DNS_BOX_LIVE : DNS_BOX_DEAD;
}

static struct dns_zone zone(void)
{
    struct dns_zone z = {.zone = "fog.test", .serial = 7, .has_site = has_site, .box = box};

    assert_int_equal(fog_addr_parse_ip("192.0.2.1", 443, &z.self), 0);
    return z;
}

static ldns_pkt *ask_with(const char *name, ldns_rr_type type, uint16_t edns, uint8_t version,
                          bool tcp)
{
    struct dns_zone z = zone();
    struct fog_buf out = {0};
    ldns_pkt *q = NULL, *a = NULL;
    uint8_t *wire;
    size_t len;

    assert_int_equal(ldns_pkt_query_new_frm_str(&q, name, type, LDNS_RR_CLASS_IN, LDNS_RD),
                     LDNS_STATUS_OK);
    ldns_pkt_set_id(q, 4711);
    if (edns != 0) {
        ldns_pkt_set_edns_udp_size(q, edns);
        ldns_pkt_set_edns_version(q, version);
    }
    assert_int_equal(ldns_pkt2wire(&wire, q, &len), LDNS_STATUS_OK);
    assert_int_equal(dns_answer(&z, fog_bytes_of(wire, len), tcp, &out), 0);
    assert_true(out.len <= (tcp ? 65535 : edns == 0 ? 512u : 1232u));
    assert_int_equal(ldns_wire2pkt(&a, out.data, out.len), LDNS_STATUS_OK);
    assert_int_equal(ldns_pkt_id(a), 4711);
    assert_true(ldns_pkt_qr(a) && !ldns_pkt_ra(a));
    free(wire);
    ldns_pkt_free(q);
    fog_buf_fini(&out);
    return a;
}

static ldns_pkt *ask(const char *name, ldns_rr_type type)
{
    return ask_with(name, type, 0, 0, false);
}

static void expect_address(const char *name, const char *ip)
{
    ldns_pkt *a = ask(name, LDNS_RR_TYPE_A);
    char *text;

    assert_int_equal(ldns_pkt_get_rcode(a), LDNS_RCODE_NOERROR);
    assert_true(ldns_pkt_aa(a));
    assert_int_equal(ldns_pkt_ancount(a), 1);
    text = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(ldns_pkt_answer(a), 0), 0));
    assert_string_equal(text, ip);
    free(text);
    ldns_pkt_free(a);
}

/* Empty answer with the SOA that says how long it may be kept. */
static void expect_nothing(const char *name, ldns_rr_type type, ldns_pkt_rcode rcode)
{
    ldns_pkt *a = ask(name, type);

    assert_int_equal(ldns_pkt_get_rcode(a), rcode);
    assert_int_equal(ldns_pkt_ancount(a), 0);
    assert_int_equal(ldns_pkt_nscount(a), rcode == LDNS_RCODE_REFUSED ? 0 : 1);
    assert_int_equal(ldns_pkt_aa(a), rcode != LDNS_RCODE_REFUSED);
    ldns_pkt_free(a);
}

static void test_names_of_the_fog(void **state)
{
    (void)state;
    expect_address("fog.test.", "192.0.2.1");
    expect_address("api.fog.test.", "192.0.2.1");
    expect_address("ns.fog.test.", "192.0.2.1");
    expect_address(SITE ".fog.test.", "192.0.2.1");
    expect_address(SITE "." LIVE ".fog.test.", "198.51.100.7");
    expect_address("probe." LIVE ".fog.test.", "198.51.100.7");
    expect_nothing("nosuchsite.fog.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NXDOMAIN);
    expect_nothing(SITE "." DEAD ".fog.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR);
    expect_nothing(SITE ".cccccccccccccccccccccccccc.fog.test.", LDNS_RR_TYPE_A,
                   LDNS_RCODE_NXDOMAIN);
    expect_nothing(LIVE ".fog.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR);
    expect_nothing("a." SITE "." LIVE ".fog.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NXDOMAIN);
    expect_nothing(SITE "." LIVE ".fog.test.", LDNS_RR_TYPE_AAAA, LDNS_RCODE_NOERROR);
    expect_nothing(SITE ".fog.test.", LDNS_RR_TYPE_MX, LDNS_RCODE_NOERROR);
}

static void test_other_zones_and_transfers_are_refused(void **state)
{
    (void)state;
    expect_nothing("example.org.", LDNS_RR_TYPE_A, LDNS_RCODE_REFUSED);
    expect_nothing("xfog.test.", LDNS_RR_TYPE_A, LDNS_RCODE_REFUSED);
    expect_nothing("test.", LDNS_RR_TYPE_A, LDNS_RCODE_REFUSED);
    expect_nothing("fog.test.", LDNS_RR_TYPE_AXFR, LDNS_RCODE_REFUSED);
}

static void test_soa_ns_and_any(void **state)
{
    ldns_pkt *a = ask("fog.test.", LDNS_RR_TYPE_SOA);

    (void)state;
    assert_int_equal(ldns_pkt_ancount(a), 1);
    assert_int_equal(ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_answer(a), 0)), LDNS_RR_TYPE_SOA);
    ldns_pkt_free(a);
    a = ask("fog.test.", LDNS_RR_TYPE_NS);
    assert_int_equal(ldns_pkt_ancount(a), 1);
    assert_int_equal(ldns_pkt_arcount(a), 1); /* glue */
    ldns_pkt_free(a);
    a = ask(SITE ".fog.test.", LDNS_RR_TYPE_ANY);
    assert_int_equal(ldns_pkt_ancount(a), 1);
    assert_int_equal(ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_answer(a), 0)), LDNS_RR_TYPE_HINFO);
    ldns_pkt_free(a);
}

static void test_the_case_of_the_question_comes_back(void **state)
{
    ldns_pkt *a = ask("AbCdEfGhIjKlMnOp.fOg.TeSt.", LDNS_RR_TYPE_A);
    char *name;

    (void)state;
    assert_int_equal(ldns_pkt_ancount(a), 1);
    name = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_question(a), 0)));
    assert_string_equal(name, "AbCdEfGhIjKlMnOp.fOg.TeSt.");
    free(name);
    name = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_answer(a), 0)));
    assert_string_equal(name, "AbCdEfGhIjKlMnOp.fOg.TeSt.");
    free(name);
    ldns_pkt_free(a);
}

static void test_edns(void **state)
{
    ldns_pkt *a = ask_with(SITE ".fog.test.", LDNS_RR_TYPE_A, 4096, 0, false);

    (void)state;
    assert_true(ldns_pkt_edns(a));
    assert_int_equal(ldns_pkt_edns_udp_size(a), DNS_UDP_MAX);
    assert_int_equal(ldns_pkt_ancount(a), 1);
    ldns_pkt_free(a);
    a = ask_with(SITE ".fog.test.", LDNS_RR_TYPE_A, 4096, 1, false);
    assert_int_equal(ldns_pkt_edns_extended_rcode(a), 1); /* BADVERS */
    assert_int_equal(ldns_pkt_ancount(a), 0);
    ldns_pkt_free(a);
    a = ask(SITE ".fog.test.", LDNS_RR_TYPE_A);
    assert_false(ldns_pkt_edns(a)); /* none asked, none given */
    ldns_pkt_free(a);
}

static void test_what_is_no_query_is_dropped_or_told_off(void **state)
{
    static const uint8_t response[12] = {1, 2, 0x80}, notify[12] = {1, 2, 0x20},
                         two[12] = {1, 2, 0, 0, 0, 2};
    struct dns_zone z = zone();
    struct fog_buf out = {0};

    (void)state;
    assert_int_not_equal(dns_answer(&z, fog_bytes_of(response, 12), false, &out), 0);
    assert_int_not_equal(dns_answer(&z, fog_bytes_of(two, 11), false, &out), 0);
    assert_int_equal(out.len, 0);
    assert_int_equal(dns_answer(&z, fog_bytes_of(notify, 12), false, &out), 0);
    assert_int_equal(out.data[3] & 15, 4);
    fog_buf_clear(&out);
    assert_int_equal(dns_answer(&z, fog_bytes_of(two, 12), false, &out), 0);
    assert_int_equal(out.len, 12);
    assert_int_equal(out.data[3] & 15, 1);
    fog_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_the_fog),
        cmocka_unit_test(test_other_zones_and_transfers_are_refused),
        cmocka_unit_test(test_soa_ns_and_any),
        cmocka_unit_test(test_the_case_of_the_question_comes_back),
        cmocka_unit_test(test_edns),
        cmocka_unit_test(test_what_is_no_query_is_dropped_or_told_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
