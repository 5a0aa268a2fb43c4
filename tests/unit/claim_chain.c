/* contracts/claim: what is asked of a chain endpoint, what is believed of its answers, ABI words,
 * the addresses file. */
#include "contracts/claim/abi.h"
#include "contracts/claim/addresses.h"
#include "contracts/claim/chain_rpc.h"
#include "core/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void test_asks_become_one_batch(void **state)
{
    struct chain_ask asks[] = {{.op = CHAIN_CALL, .to = {{0x11}}, .data = fog_bytes_str("ab")},
                               {.op = CHAIN_LOGS, .to = {{0x22}}, .from_block = 5, .to_block = 255},
                               {.op = CHAIN_HEAD, .tag = CHAIN_SAFE}};
    struct fog_buf b = {0};

    (void)state;
    chain_rpc_write(asks, FOG_COUNT(asks), &b);
    assert_string_equal(
        fog_buf_cstr(&b),
        "[{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"eth_call\",\"params\":[{\"to\":"
        "\"0x1100000000000000000000000000000000000000\",\"data\":\"0x6162\"},\"latest\"]},"
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getLogs\",\"params\":[{\"address\":"
        "\"0x2200000000000000000000000000000000000000\",\"fromBlock\":\"0x5\",\"toBlock\":\"0xff\"}"
        "]},{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_getBlockByNumber\",\"params\":[\"safe\","
        "false]}]");
    fog_buf_fini(&b);
}

/* One ask of that kind, answered by this body. */
static struct chain_answer read_one(enum chain_op op, const char *body)
{
    struct chain_ask ask = {.op = op};
    struct chain_answer a;

    chain_rpc_read(&ask, 1, fog_bytes_str(body), "http://node:1", &a);
    return a;
}

static void assert_unusable(enum chain_op op, const char *body, const char *says)
{
    struct chain_answer a = read_one(op, body);

    assert_int_equal(a.err, FOG_ECHAIN);
    assert_non_null(strstr(a.text, "http://node:1"));
    if (strstr(a.text, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", a.text, says);
    chain_rpc_clear(&a, 1);
}

static void test_unusable_answers_say_what_and_where(void **state)
{
    (void)state;
    assert_unusable(CHAIN_NONCE, "", "eth_getTransactionCount");
    assert_unusable(CHAIN_NONCE, "<html>", "line 1");
    assert_unusable(CHAIN_NONCE, "[]", "without our id");
    assert_unusable(CHAIN_NONCE, "[{\"id\":1,\"result\":\"0x1\"}]", "without our id");
    assert_unusable(CHAIN_NONCE, "{\"error\":{\"message\":\"too many\"}}", "too many");
    assert_unusable(CHAIN_NONCE, "[{\"id\":0,\"error\":{\"code\":-32005,\"message\":\"limit\"}}]",
                    "limit");
    assert_unusable(CHAIN_NONCE, "[{\"id\":0,\"result\":5}]", "malformed");
    assert_unusable(CHAIN_NONCE, "[{\"id\":0,\"result\":\"0x10000000000000000\"}]", "range");
    assert_unusable(CHAIN_HEAD, "[{\"id\":0,\"result\":null}]", "malformed");
    assert_unusable(CHAIN_HEAD, "[{\"id\":0,\"result\":{\"number\":\"0x1\"}}]", "malformed");
    assert_unusable(CHAIN_CALL, "[{\"id\":0,\"result\":\"0xabc\"}]", "malformed");
    assert_unusable(CHAIN_RECEIPT, "[{\"id\":0,\"result\":{\"status\":\"0x2\"}}]", "malformed");
    assert_unusable(CHAIN_LOGS, "[{\"id\":0,\"result\":[{\"topics\":[]}]}]", "malformed");
}

static void test_a_second_answer_changes_nothing(void **state)
{
    struct chain_answer a =
        read_one(CHAIN_NONCE, "[{\"id\":0,\"result\":\"0x7\"},{\"id\":0,\"result\":\"0x9\"}]");

    (void)state;
    assert_int_equal(a.err, 0);
    assert_true(a.number == 7);
    chain_rpc_clear(&a, 1);
}

static void test_a_refusal_names_the_contracts_error(void **state)
{
    struct chain_answer a =
        read_one(CHAIN_ESTIMATE,
                 "[{\"id\":0,\"error\":{\"code\":3,\"message\":\"execution reverted\","
                 "\"data\":\"0x08c379a00000000000000000000000000000000000000000000000000000"
                 "000000000020000000000000000000000000000000000000000000000000000000000000"
                 "00046f6f707300000000000000000000000000000000000000000000000000000000\"}}]");
    struct fog_buf revert = {0};
    char text[80];

    (void)state;
    assert_int_equal(a.err, FOG_EDENIED);
    assert_non_null(strstr(a.text, "oops"));
    chain_rpc_clear(&a, 1);
    abi_put_selector(&revert, "BondTooLow(uint256,uint256)");
    abi_put_number(&revert, 1);
    abi_revert_text(fog_buf_bytes(&revert), text, sizeof text);
    assert_string_equal(text, "BondTooLow(uint256,uint256)");
    fog_buf_clear(&revert);
    abi_put_selector(&revert, "NobodyKnows()");
    abi_revert_text(fog_buf_bytes(&revert), text, sizeof text);
    assert_non_null(strstr(text, "error 0x"));
    abi_revert_text((struct fog_bytes){0}, text, sizeof text);
    assert_string_equal(text, "refused without a reason");
    fog_buf_fini(&revert);
}

static void test_receipts_come_with_their_logs(void **state)
{
    struct chain_answer a = read_one(
        CHAIN_RECEIPT,
        "[{\"id\":0,\"result\":{\"status\":\"0x1\",\"blockNumber\":\"0x10\",\"blockHash\":"
        "\"0x1111111111111111111111111111111111111111111111111111111111111111\",\"gasUsed\":"
        "\"0x5208\",\"contractAddress\":null,\"logs\":[{\"address\":"
        "\"0x2222222222222222222222222222222222222222\",\"blockNumber\":\"0x10\","
        "\"transactionHash\":"
        "\"0x3333333333333333333333333333333333333333333333333333333333333333\",\"topics\":["
        "\"0x4444444444444444444444444444444444444444444444444444444444444444\"],\"data\":\"0x55\"}"
        "]}}]");
    struct chain_answer none = read_one(CHAIN_RECEIPT, "[{\"id\":0,\"result\":null}]");

    (void)state;
    assert_int_equal(a.err, 0);
    assert_true(a.found && a.receipt.ok);
    assert_true(a.receipt.block == 16 && a.receipt.gas_used == 21000);
    assert_int_equal(a.n_logs, 1);
    assert_int_equal(a.logs[0].n_topics, 1);
    assert_int_equal(a.logs[0].data.p[0], 0x55);
    chain_rpc_clear(&a, 1);
    assert_int_equal(none.err, 0);
    assert_false(none.found);
    chain_rpc_clear(&none, 1);
}

static void test_words_out_of_range_are_errors(void **state)
{
    struct fog_buf b = {0};
    struct fog_ethaddr a, back;
    struct fog_rd r;

    (void)state;
    memset(a.b, 0x7f, sizeof a.b);
    abi_put_number(&b, (fog_u128)1 << 96);
    abi_put_address(&b, &a);
    abi_put_bytes(&b, fog_bytes_str("hello"));
    assert_int_equal(b.len, 4 * ABI_WORD);
    r = fog_rd_of(fog_buf_bytes(&b));
    assert_true(abi_rd_number(&r, 97) == (fog_u128)1 << 96);
    abi_rd_address(&r, &back);
    assert_true(fog_ethaddr_eq(&a, &back));
    assert_true(abi_rd_number(&r, 8) == 5);
    assert_int_equal(r.err, 0);
    r = fog_rd_of(fog_buf_bytes(&b));
    (void)abi_rd_number(&r, 96);
    assert_int_equal(r.err, FOG_ERANGE);
    b.data[32] = 1; /* bytes above an address */
    r = fog_rd_of(fog_bytes_of(b.data + 32, 32));
    abi_rd_address(&r, &back);
    assert_int_equal(r.err, FOG_ERANGE);
    fog_buf_fini(&b);
}

static void test_addresses_file_round_trip_and_reasons(void **state)
{
    struct claim_addresses a = {.chain_id = 31337, .block = 2, .week_length_s = 604800}, back;
    struct fog_buf text = {0};
    char path[] = "/tmp/fog-addresses-XXXXXX", why[80];
    int fd = mkstemp(path);

    (void)state;
    memset(a.token.b, 0x1a, 20);
    memset(a.factory.b, 0x2b, 20);
    close(fd);
    assert_int_equal(addresses_save(path, &a), 0);
    assert_int_equal(addresses_load(path, &back, why, sizeof why), 0);
    assert_memory_equal(&a, &back, sizeof a);
    unlink(path);
    assert_true(addresses_load(path, &back, why, sizeof why) < 0);
    a.week_length_s = 0;
    addresses_format(&a, &text);
    assert_int_equal(addresses_parse(fog_buf_bytes(&text), &back, why, sizeof why), FOG_EFORMAT);
    assert_non_null(strstr(why, "weekLength"));
    assert_int_equal(
        addresses_parse(fog_bytes_str("{\"chainId\":1,\"block\":2}"), &back, why, sizeof why),
        FOG_EFORMAT);
    assert_non_null(strstr(why, "token"));
    fog_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks_become_one_batch),
        cmocka_unit_test(test_unusable_answers_say_what_and_where),
        cmocka_unit_test(test_a_second_answer_changes_nothing),
        cmocka_unit_test(test_a_refusal_names_the_contracts_error),
        cmocka_unit_test(test_receipts_come_with_their_logs),
        cmocka_unit_test(test_words_out_of_range_are_errors),
        cmocka_unit_test(test_addresses_file_round_trip_and_reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
