/* node: options of fogd and the supervisor's back-off. */
#include "node/backoff.h"
#include "node/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int load(const char *text, struct node_conf *c, struct fog_buf *error)
{
    int rc = fog_conf_parse(&node_conf_schema, "f", fog_bytes_str(text), c, error);

    return rc != 0 ? rc : node_conf_check(c, "f", error);
}

static void expect_refused(const char *text, const char *want)
{
    struct node_conf c = {0};
    struct fog_buf error = {0};

    assert_int_equal(load(text, &c, &error), FOG_ECONFIG);
    if (strstr(fog_buf_cstr(&error), want) == NULL)
        fail_msg("'%s' not in '%s'", want, fog_buf_cstr(&error));
    fog_buf_fini(&error);
    node_conf_fini(&c);
}

static void test_a_box_needs_nothing(void **state)
{
    struct node_conf c = {0};
    struct fog_buf error = {0};

    (void)state;
    assert_int_equal(load("", &c, &error), 0);
    assert_true(c.is_edge && c.is_storage && !c.is_router);
    assert_int_equal(fog_addr_port(&c.listen_addr), 443);
    assert_true(fog_addr_ip_eq(&c.listen_addr, &c.advertise_addr));
    assert_true(c.n_loops >= 1);
    assert_true(fog_ethaddr_is_zero(&c.operator_account));
    fog_buf_fini(&error);
    node_conf_fini(&c);
}

static void test_what_contradicts_is_refused(void **state)
{
    (void)state;
    expect_refused("roles = {\"edge\"}", "'roles' must hold \"storage\"");
    expect_refused("roles = {\"router\", \"storage\"}", "'roles' must hold \"edge\"");
    expect_refused("listen = localhost", "'listen' must be ip:port");
    expect_refused("operator = 0x12", "'operator' must be an account");
    expect_refused("place { country = DE }", "counts with 'dev = true' only");
    expect_refused("dev = true place { country = Germany }", "two capital letters");
    expect_refused("zone = Fog.Example", "'zone' must be a host name in lower case");
    expect_refused("zone = a..b", "'zone' must be a host name in lower case");
    expect_refused("router { price = 1.5 }", "'router.price' must be a whole number");
    expect_refused("roles = {\"router\",\"edge\",\"storage\"} chain { id = 5 }",
                   "chain.rpc and chain.addresses are needed");
    expect_refused("limits { disk = 1MiB }", "'limits.disk' must be between 128MiB and");
}

static void test_back_off_doubles_and_forgets(void **state)
{
    struct node_backoff b = {0};

    (void)state;
    assert_int_equal(node_backoff_died(&b, 5), 100);
    assert_int_equal(node_backoff_died(&b, 5), 200);
    assert_int_equal(node_backoff_died(&b, 5), 400);
    for (int i = 0; i < 10; i++)
        (void)node_backoff_died(&b, 5);
    assert_int_equal(node_backoff_died(&b, 5), NODE_BACKOFF_MAX_MS);
    assert_int_equal(node_backoff_died(&b, NODE_BACKOFF_LONG_MS), 100);
    assert_int_equal(node_backoff_died(&b, 5), 200);
}

/* The manual's list is what `fogd --man-config` prints. */
static void test_the_manual_is_up_to_date(void **state)
{
    struct fog_buf want = {0}, manual = {0};
    FILE *f = fopen(FOG_SRCDIR "/docs/man/fogd.8", "rb");
    size_t n;

    (void)state;
    assert_non_null(f);
    do {
        n = fread(fog_buf_reserve(&manual, 4096), 1, 4096, f);
        fog_buf_added(&manual, n);
    } while (n > 0);
    fclose(f);
    fog_conf_man(&node_conf_schema, &want);
    assert_non_null(strstr(fog_buf_cstr(&manual), fog_buf_cstr(&want)));
    fog_buf_fini(&want);
    fog_buf_fini(&manual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_box_needs_nothing),
        cmocka_unit_test(test_what_contradicts_is_refused),
        cmocka_unit_test(test_back_off_doubles_and_forgets),
        cmocka_unit_test(test_the_manual_is_up_to_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
