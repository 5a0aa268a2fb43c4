/* core/conf: table-driven configuration. */
#include "core/conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct settings {
    char *zone;
    struct fog_conf_list roles;
    bool dev;
    uint64_t ram;
    fog_time_ms grace_ms;
    int64_t k;
    char *geo;
};

#define AT(f) offsetof(struct settings, f)
static const struct fog_conf_item items[] = {
    {"zone", FOG_CONF_STR, AT(zone), "fog.localhost", 0, 0, NULL, "the zone"},
    {"roles", FOG_CONF_LIST, AT(roles), "edge storage", 0, 0, "edge|storage|router",
     "what it does"},
    {"dev", FOG_CONF_BOOL, AT(dev), "false", 0, 0, NULL, "development"},
    {"limits.ram", FOG_CONF_SIZE, AT(ram), "16MiB", 1 << 20, INT64_C(1) << 40, NULL, "memory"},
    {"limits.grace", FOG_CONF_DURATION, AT(grace_ms), "5s", 0, 60000, NULL, "time to drain"},
    {"router.k", FOG_CONF_INT, AT(k), "3", 1, 16, NULL, "copies"},
    {"router.geo", FOG_CONF_STR, AT(geo), "", 0, 0, NULL, "database"},
};
static const struct fog_conf_schema schema = {items, FOG_COUNT(items)};

static void expect_error(const char *text, const char *want)
{
    struct settings s = {0};
    struct fog_buf error = {0};

    assert_int_equal(fog_conf_parse(&schema, "f", fog_bytes_str(text), &s, &error), FOG_ECONFIG);
    assert_string_equal(fog_buf_cstr(&error), want);
    assert_string_equal(s.zone, "fog.localhost"); /* defaults after a failure */
    fog_buf_fini(&error);
    fog_conf_fini(&schema, &s);
}

static void test_file_overrides_defaults(void **state)
{
    struct settings s = {0};
    struct fog_buf error = {0};

    (void)state;
    assert_int_equal(fog_conf_parse(&schema, "f",
                                    fog_bytes_str("# a box\nzone = \"a.example\"\ndev = true\n"
                                                  "roles = {\"router\", \"edge\"}\n"
                                                  "limits { ram = 40MB grace = 250ms }\n"
                                                  "router {\n k = 2\n geo = \"/x y\" }\n"),
                                    &s, &error),
                     0);
    assert_string_equal(s.zone, "a.example");
    assert_true(s.dev);
    assert_int_equal(s.roles.n, 2);
    assert_string_equal(s.roles.v[0], "router");
    assert_int_equal(s.ram, 40000000);
    assert_int_equal(s.grace_ms, 250);
    assert_int_equal(s.k, 2);
    assert_string_equal(s.geo, "/x y");
    fog_conf_fini(&schema, &s);
    fog_buf_fini(&error);
}

static void test_empty_file_gives_defaults(void **state)
{
    struct settings s = {0};
    struct fog_buf error = {0};

    (void)state;
    assert_int_equal(fog_conf_parse(&schema, "f", fog_bytes_str(""), &s, &error), 0);
    assert_string_equal(s.zone, "fog.localhost");
    assert_int_equal(s.roles.n, 2);
    assert_string_equal(s.roles.v[1], "storage");
    assert_int_equal(s.ram, 16 << 20);
    assert_string_equal(s.geo, "");
    fog_conf_fini(&schema, &s);
    fog_buf_fini(&error);
}

static void test_errors_say_where_and_what(void **state)
{
    (void)state;
    expect_error("\nzonne = \"x\"\n", "f:2: unknown option 'zonne'; did you mean 'zone'? "
                                      "(fogd --help-config lists all options)");
    expect_error("limits {\n rma = 1MB\n}\n",
                 "f:2: unknown option 'limits.rma'; did you mean "
                 "'limits.ram'? (fogd --help-config lists all options)");
    expect_error("k = 3\n", "f:1: unknown option 'k'; did you mean 'router.k'? "
                            "(fogd --help-config lists all options)");
    expect_error("entirely = 3\n",
                 "f:1: unknown option 'entirely' (fogd --help-config lists all options)");
    expect_error("zone = a\nzone = b\n", "f:2: 'zone' is given twice");
    expect_error("limits { ram = 40QB }",
                 "f:1: 'limits.ram' is '40QB', but must be a size like 512MiB or 40GB");
    expect_error("router {\nk = 17\n}", "f:2: 'router.k' must be between 1 and 16");
    expect_error("limits { grace = 2m }", "f:1: 'limits.grace' must be between 0s and 1m");
    expect_error("dev = perhaps", "f:1: 'dev' is 'perhaps', but must be true or false");
    expect_error("roles = {\"edge\", \"king\"}",
                 "f:1: 'roles' is 'king', but must be one of edge|storage|router");
    expect_error("zone = \"a\001\"", "f:1: control byte 0x01 is not allowed");
}

static void test_syntax_errors_are_errors(void **state)
{
    static const char *const bad[] = {"zone", "zone = ",    "= 3",        "limits { ram = 1MB",
                                      "}",    "zone = \"a", "limits = 3", "{"};

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(bad); i++) {
        struct settings s = {0};
        struct fog_buf error = {0};

        if (fog_conf_parse(&schema, "f", fog_bytes_str(bad[i]), &s, &error) != FOG_ECONFIG)
            fail_msg("accepted: %s", bad[i]);
        assert_true(strncmp(fog_buf_cstr(&error), "f:", 2) == 0);
        fog_conf_fini(&schema, &s);
        fog_buf_fini(&error);
    }
}

static void test_dump_reads_back(void **state)
{
    struct settings s = {0}, t = {0};
    struct fog_buf error = {0}, text = {0}, again = {0};

    (void)state;
    assert_int_equal(fog_conf_parse(&schema, "f",
                                    fog_bytes_str("zone = 'a\"\\\\b$c'\nroles = {}\n"
                                                  "limits { ram = 1048577 grace = 30s }\n"),
                                    &s, &error),
                     0);
    fog_conf_dump(&schema, &s, &text);
    assert_int_equal(fog_conf_parse(&schema, "f", fog_buf_bytes(&text), &t, &error), 0);
    assert_string_equal(t.zone, s.zone);
    assert_int_equal(t.roles.n, 0);
    assert_int_equal(t.ram, 1048577);
    assert_int_equal(t.grace_ms, 30000);
    fog_conf_dump(&schema, &t, &again);
    assert_string_equal(fog_buf_cstr(&again), fog_buf_cstr(&text));
    fog_conf_fini(&schema, &s);
    fog_conf_fini(&schema, &t);
    fog_buf_fini(&error);
    fog_buf_fini(&text);
    fog_buf_fini(&again);
}

static void test_help_names_every_option(void **state)
{
    struct fog_buf help = {0}, man = {0};

    (void)state;
    fog_conf_help(&schema, &help);
    fog_conf_man(&schema, &man);
    for (size_t i = 0; i < schema.count; i++) {
        assert_non_null(strstr(fog_buf_cstr(&help), items[i].name));
        assert_non_null(strstr(fog_buf_cstr(&man), items[i].name));
    }
    assert_non_null(strstr(fog_buf_cstr(&help), "limits.ram (size, default 16MiB)\n    memory\n"));
    fog_buf_fini(&help);
    fog_buf_fini(&man);
}

static void test_missing_file_is_named(void **state)
{
    struct settings s = {0};
    struct fog_buf error = {0};

    (void)state;
    assert_int_equal(fog_conf_load(&schema, "/nonexistent/f", &s, &error), FOG_ECONFIG);
    assert_string_equal(fog_buf_cstr(&error), "/nonexistent/f: No such file or directory; name a "
                                              "readable file with -c");
    fog_conf_fini(&schema, &s);
    fog_buf_fini(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_overrides_defaults),
        cmocka_unit_test(test_empty_file_gives_defaults),
        cmocka_unit_test(test_errors_say_where_and_what),
        cmocka_unit_test(test_syntax_errors_are_errors),
        cmocka_unit_test(test_dump_reads_back),
        cmocka_unit_test(test_help_names_every_option),
        cmocka_unit_test(test_missing_file_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
