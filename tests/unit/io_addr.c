#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/io/addr.h"

static struct fog_addr addr(const char *text)
{
    struct fog_addr a = {0};

    assert_int_equal(fog_addr_parse(text, &a), 0);
    return a;
}

static void test_addresses_have_one_text_form(void **state)
{
    static const char *const good[] = {"192.0.2.1:443", "[2001:db8::1]:8443", "0.0.0.0:0",
                                       "[::]:65535"};
    static const char *const bad[] = {"",          "192.0.2.1",    "192.0.2.1:", "192.0.2.1:65536",
                                      "::1:443",   "[::1]",        "[::1:443",   "[192.0.2.1]:1",
                                      "host:80",   "192.0.2.1:-1", ":443",       "[]:1",
                                      "1.2.3.4 :5"};
    char text[FOG_ADDR_TEXT_MAX];
    struct fog_addr a;

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(good); i++) {
        a = addr(good[i]);
        fog_addr_format(&a, text);
        assert_string_equal(text, good[i]);
    }
    for (size_t i = 0; i < FOG_COUNT(bad); i++)
        assert_int_equal(fog_addr_parse(bad[i], &a), FOG_EFORMAT);
}

static void test_logs_see_a_prefix_only(void **state)
{
    char text[FOG_ADDR_TEXT_MAX];
    struct fog_addr a = addr("203.0.113.77:1"), b = addr("[2001:db8:1:2:3::4]:1");

    (void)state;
    fog_addr_prefix_text(&a, text);
    assert_string_equal(text, "203.0.113.0/24");
    fog_addr_prefix_text(&b, text);
    assert_string_equal(text, "2001:db8:1::/48");
}

static void test_mapped_and_plain_ipv4_are_one_address(void **state)
{
    struct fog_addr a = addr("1.2.3.4:1"), b = addr("[::ffff:1.2.3.4]:2"), c = addr("1.2.3.5:1");

    (void)state;
    assert_true(fog_addr_ip_eq(&a, &b));
    assert_false(fog_addr_ip_eq(&a, &c));
}

static void test_private_and_special_networks_are_refused(void **state)
{
    static const char *const refused[] = {
        "0.1.2.3:443",
        "10.255.0.1:443",
        "100.64.0.1:443",
        "100.127.255.255:443",
        "127.0.0.1:443",
        "169.254.169.254:80",
        "172.16.0.1:443",
        "172.31.255.255:443",
        "192.0.0.1:443",
        "192.168.1.1:443",
        "198.18.0.1:443",
        "198.19.255.255:443",
        "224.0.0.1:443",
        "255.255.255.255:443",
        "[::1]:443",
        "[::]:443",
        "[fc00::1]:443",
        "[fdff::1]:443",
        "[fe80::1]:443",
        "[ff02::1]:443",
        "[::ffff:10.0.0.1]:443",
        "[::ffff:127.0.0.1]:80",
        "[64:ff9b::a00:1]:443",
        "[2002:a00:1::]:443",
        "[2001:db8::1]:443",
        "[2001::1]:443",
        "[::10.0.0.1]:443",
    };
    static const char *const allowed[] = {
        "1.1.1.1:443",       "9.255.255.255:80",     "11.0.0.0:443",   "100.63.255.255:443",
        "100.128.0.0:443",   "172.15.255.255:443",   "172.32.0.0:443", "192.167.255.255:443",
        "198.17.255.255:80", "223.255.255.255:443",  "198.20.0.0:443", "[2606:4700::1]:443",
        "[2a00:1450::1]:80", "[::ffff:1.1.1.1]:443",
    };
    struct fog_addr_policy policy = {0};

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(refused); i++) {
        struct fog_addr a = addr(refused[i]);
        assert_int_equal(fog_addr_check(&a, &policy), FOG_EADDR);
    }
    for (size_t i = 0; i < FOG_COUNT(allowed); i++) {
        struct fog_addr a = addr(allowed[i]);
        assert_int_equal(fog_addr_check(&a, &policy), 0);
    }
}

static void test_ports_and_own_addresses(void **state)
{
    struct fog_addr_policy policy = {.extra_ports = {8443}, .own = {addr("1.1.1.1:443")}};
    struct fog_addr own = addr("[::ffff:1.1.1.1]:443"), ok = addr("1.1.1.2:8443"),
                    smtp = addr("1.1.1.2:25"), loop = addr("127.0.0.1:25"), none = {0};

    (void)state;
    assert_int_equal(fog_addr_check(&own, &policy), FOG_EADDR);
    assert_int_equal(fog_addr_check(&ok, &policy), 0);
    assert_int_equal(fog_addr_check(&smtp, &policy), FOG_EADDR);
    policy.allow_any = true;
    assert_int_equal(fog_addr_check(&loop, &policy), 0);
    assert_int_equal(fog_addr_check(&none, &policy), FOG_EADDR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_have_one_text_form),
        cmocka_unit_test(test_logs_see_a_prefix_only),
        cmocka_unit_test(test_mapped_and_plain_ipv4_are_one_address),
        cmocka_unit_test(test_private_and_special_networks_are_refused),
        cmocka_unit_test(test_ports_and_own_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
