/* contracts/claim: what the key process signs and remembers, its messages, transactions, the log
 * file. */
#include "contracts/claim/keyd_rules.h"
#include "contracts/claim/rlp.h"
#include "contracts/claim/store_file.h"
#include "core/base/str.h"
#include "core/obs/log.h"
#include "tests/lib/memstore.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define ALL_KINDS 0xffu

struct world {
    struct memstore store;
    struct keyd_rules_conf conf;
    struct keyd_rules *rules;
};

static void world_init(struct world *w)
{
    struct fog_ethaddr settlement = {{0x55}};

    memstore_init(&w->store);
    w->conf =
        (struct keyd_rules_conf){.house = {{0x22}}, .node = {{0x33}}, .store = &w->store.port};
    claim_domain_init(&w->conf.domain, 31337, &settlement);
    w->rules = keyd_rules_new(&w->conf);
}

/* The process is killed and started again. */
static void world_restart(struct world *w)
{
    keyd_rules_free(&w->rules);
    memstore_crash(&w->store);
    w->rules = keyd_rules_new(&w->conf);
}

static void world_fini(struct world *w)
{
    keyd_rules_free(&w->rules);
    memstore_fini(&w->store);
}

static int check(struct world *w, const struct keyd_req *q)
{
    struct fog_hash digest;
    enum keyd_key key;

    return keyd_rules_check(w->rules, ALL_KINDS, q, &key, &digest);
}

static struct keyd_req statement_req(uint32_t round, uint32_t rev, uint8_t root)
{
    struct keyd_req q = {.kind = KEYD_SIGN_STATEMENT};

    q.statement = (struct statement){.node = {{0x33}},
                                     .house = {{0x22}},
                                     .week = 5,
                                     .round = round,
                                     .rev = rev,
                                     .root = {{root}},
                                     .leaves = 1};
    return q;
}

static void test_one_statement_per_round_and_rev(void **state)
{
    struct keyd_req a = statement_req(7, 0, 1), b = statement_req(7, 0, 2),
                    next = statement_req(7, 1, 2), other_round = statement_req(8, 0, 2);
    struct world w;

    (void)state;
    world_init(&w);
    assert_int_equal(check(&w, &a), 0);
    assert_int_equal(check(&w, &b), FOG_EREPLAY);
    world_restart(&w);
    assert_int_equal(check(&w, &b), FOG_EREPLAY);
    assert_int_equal(check(&w, &a), 0); /* the same again: the answer was lost */
    assert_int_equal(check(&w, &next), 0);
    assert_int_equal(check(&w, &a), FOG_ESTALE);
    assert_int_equal(check(&w, &other_round), 0);
    a.statement.node.b[0] = 0x34;
    assert_int_equal(check(&w, &a), FOG_EDENIED);
    world_fini(&w);
}

static void test_nothing_is_signed_that_could_not_be_remembered(void **state)
{
    struct keyd_req a = statement_req(7, 0, 1), b = statement_req(7, 0, 2);
    struct world w;

    (void)state;
    world_init(&w);
    w.store.fail_at = 1;
    assert_int_equal(check(&w, &a), -EIO);
    world_restart(&w);
    assert_int_equal(check(&w, &b), 0); /* a was never signed */
    /* The write reached the disk but its caller heard of an error: b2 must not pass later. */
    a = statement_req(9, 0, 1);
    b = statement_req(9, 0, 2);
    w.store.fail_at = w.store.applies + 1;
    w.store.fail_after_write = true;
    assert_int_equal(check(&w, &a), -EIO);
    world_restart(&w);
    assert_int_equal(check(&w, &b), FOG_EREPLAY);
    assert_int_equal(check(&w, &a), 0);
    assert_true(w.store.durable_count == w.store.applies - 1);
    world_fini(&w);
}

static struct keyd_req voucher_req(uint32_t seq, uint32_t week, uint64_t units)
{
    struct keyd_req q = {.kind = KEYD_SIGN_VOUCHER};

    q.voucher = (struct voucher){.house = {{0x22}},
                                 .payee = {{0x44}},
                                 .week = week,
                                 .seq = seq,
                                 .cum = amount_of_units(units)};
    return q;
}

static void test_vouchers_only_rise(void **state)
{
    struct keyd_req one = voucher_req(1, 5, 100), one_again = voucher_req(1, 5, 101),
                    two = voucher_req(2, 5, 99), three = voucher_req(3, 5, 100),
                    passed_over = voucher_req(2, 5, 100), back = voucher_req(4, 4, 200);
    struct world w;

    (void)state;
    world_init(&w);
    assert_int_equal(check(&w, &one), 0);
    world_restart(&w);
    assert_int_equal(check(&w, &one), 0);
    assert_int_equal(check(&w, &one_again), FOG_EREPLAY);
    assert_int_equal(check(&w, &two), FOG_ERANGE);
    assert_int_equal(check(&w, &three), 0);
    assert_int_equal(check(&w, &passed_over), FOG_EREPLAY);
    assert_int_equal(check(&w, &back), FOG_ERANGE);
    one.voucher.house.b[0] = 0x23;
    assert_int_equal(check(&w, &one), FOG_EDENIED);
    world_fini(&w);
}

static struct keyd_req tx_req(uint64_t nonce, const char *data, uint64_t max_fee)
{
    struct keyd_req q = {.kind = KEYD_SIGN_TX, .tx.key = KEYD_KEY_OWNER};

    q.tx.tx = (struct tx){.chain_id = 31337,
                          .nonce = nonce,
                          .max_fee = max_fee,
                          .gas_limit = 21000,
                          .to = {{0x66}},
                          .data = fog_bytes_str(data)};
    return q;
}

static void test_one_deed_per_nonce(void **state)
{
    struct keyd_req a = tx_req(4, "cash", 100), dearer = tx_req(4, "cash", 113),
                    other = tx_req(4, "drain", 100), cancel = tx_req(4, "", 120),
                    elsewhere = tx_req(5, "cash", 100), rich = tx_req(6, "", 100),
                    fee = tx_req(6, "cash", (uint64_t)501 * 1000000000);
    struct world w;

    (void)state;
    world_init(&w);
    assert_int_equal(check(&w, &a), 0);
    assert_int_equal(check(&w, &dearer), 0);
    world_restart(&w);
    assert_int_equal(check(&w, &other), FOG_EREPLAY);
    assert_int_equal(check(&w, &cancel), 0);
    elsewhere.tx.tx.chain_id = 1;
    assert_int_equal(check(&w, &elsewhere), FOG_EDENIED);
    rich.tx.tx.value = 1;
    assert_int_equal(check(&w, &rich), FOG_ERANGE);
    assert_int_equal(check(&w, &fee), FOG_ERANGE);
    other.tx.key = KEYD_KEY_VOUCHER; /* another key, another nonce line */
    assert_int_equal(check(&w, &other), 0);
    world_fini(&w);
}

static struct keyd_req grant_req(void)
{
    struct keyd_req q = {.kind = KEYD_SIGN_GRANT};

    q.grant = (struct grant){.publisher = {{0x11}},
                             .house = {{0x22}},
                             .node = {{0x33}},
                             .week = 5,
                             .not_before = 100,
                             .not_after = 400,
                             .depth = 1,
                             .max_bytes = 1000,
                             .passive_bps = 2500,
                             .price_per_gib = 2000};
    return q;
}

static void test_permissions_and_other_peoples_houses(void **state)
{
    struct keyd_req g = grant_req();
    struct fog_hash digest;
    enum keyd_key key = KEYD_KEY_OWNER;
    struct world w;

    (void)state;
    world_init(&w);
    assert_int_equal(keyd_rules_check(w.rules, KEYD_MAY(KEYD_SIGN_STATEMENT), &g, &key, &digest),
                     FOG_EDENIED);
    assert_int_equal(key, KEYD_KEY_OWNER);
    assert_int_equal(keyd_rules_check(w.rules, KEYD_MAY(KEYD_SIGN_GRANT), &g, &key, &digest), 0);
    assert_int_equal(key, KEYD_KEY_GRANT);
    assert_int_equal(w.store.applies,
                     0); /* a grant may be signed twice: its serial is what counts */
    g.grant.house.b[0] = 9;
    assert_int_equal(check(&w, &g), FOG_EDENIED);
    g = grant_req();
    g.grant.passive_bps = 10001;
    assert_int_equal(check(&w, &g), FOG_EFORMAT);
    world_fini(&w);
}

/* Encodes, decodes, encodes again: nothing is lost, and no shorter or longer message is taken. */
static void assert_req_round_trip(const struct keyd_req *q)
{
    struct fog_buf one = {0}, two = {0};
    struct keyd_req back;

    keyd_req_encode(q, &one);
    assert_int_equal(keyd_req_decode(fog_buf_bytes(&one), &back), 0);
    keyd_req_encode(&back, &two);
    assert_true(fog_bytes_eq(fog_buf_bytes(&one), fog_buf_bytes(&two)));
    for (size_t len = 0; len < one.len; len++)
        assert_int_not_equal(keyd_req_decode(fog_bytes_of(one.data, len), &back), 0);
    fog_buf_append(&one, "x", 1);
    assert_int_not_equal(keyd_req_decode(fog_buf_bytes(&one), &back), 0);
    fog_buf_fini(&one);
    fog_buf_fini(&two);
}

static void test_messages_round_trip(void **state)
{
    struct keyd_req q[] = {grant_req(),
                           statement_req(1, 2, 3),
                           voucher_req(1, 2, 3),
                           tx_req(1, "data", 9),
                           {.kind = KEYD_SIGN_ED25519},
                           {.kind = KEYD_ISSUE_CERT},
                           {.kind = KEYD_GET_ADDRESSES}};
    struct keyd_answer a = {.id = 7}, back;

    (void)state;
    q[4].ed25519.type = 3;
    q[4].ed25519.body = fog_bytes_str("body");
    q[5].cert.spki = fog_bytes_str("spki");
    snprintf(q[5].cert.dns_name, sizeof q[5].cert.dns_name, "*.box.fog.localhost");
    q[5].cert.not_after = 5;
    for (size_t i = 0; i < FOG_COUNT(q); i++) {
        q[i].id = (uint32_t)i + 1;
        assert_req_round_trip(&q[i]);
    }
    for (int kind = KEYD_SIGN_GRANT; kind <= KEYD_GET_ADDRESSES; kind++)
        for (int err = 0; err >= FOG_EDENIED; err += FOG_EDENIED) {
            struct fog_buf b = {0};

            a.kind = (enum keyd_kind)kind;
            a.err = err;
            a.pem = fog_bytes_str("pem");
            keyd_answer_encode(&a, &b);
            assert_int_equal(keyd_answer_decode(fog_buf_bytes(&b), &back), 0);
            assert_int_equal(back.err, err);
            assert_int_equal(back.id, 7);
            assert_int_not_equal(keyd_answer_decode(fog_bytes_of(b.data, b.len - 1), &back), 0);
            fog_buf_fini(&b);
        }
}

static void assert_rlp(struct fog_buf *b, const char *hex)
{
    char got[300];

    assert_true(b->len * 2 < sizeof got);
    fog_hex_encode(b->data, b->len, got);
    assert_string_equal(got, hex);
    fog_buf_fini(b);
}

static void test_rlp_examples_of_the_specification(void **state)
{
    struct fog_buf b = {0}, items = {0};

    (void)state;
    rlp_put_bytes(&b, fog_bytes_str("dog"));
    assert_rlp(&b, "83646f67");
    rlp_put_bytes(&items, fog_bytes_str("cat"));
    rlp_put_bytes(&items, fog_bytes_str("dog"));
    rlp_put_list(&b, &items);
    assert_rlp(&b, "c88363617483646f67");
    rlp_put_bytes(&b, fog_bytes_str(""));
    rlp_put_number(&b, 0);
    rlp_put_number(&b, 15);
    rlp_put_number(&b, 1024);
    assert_rlp(&b, "80800f820400");
    rlp_put_bytes(&b, fog_bytes_str("Lorem ipsum dolor sit amet, consectetur adipisicing elit"));
    assert_int_equal(b.data[0], 0xb8);
    assert_int_equal(b.data[1], 56);
    fog_buf_fini(&b);
    fog_buf_fini(&items);
}

static void test_created_addresses(void **state)
{
    struct fog_ethaddr sender, made;
    char text[FOG_ETHADDR_TEXT];

    (void)state;
    assert_int_equal(
        fog_ethaddr_parse(fog_bytes_str("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"), &sender), 0);
    tx_created_address(&sender, 0, &made);
    assert_string_equal(fog_ethaddr_text(&made, text),
                        "0xcd234A471b72ba2F1Ccf0A70FCABA648a5eeCD8d");
    tx_created_address(&sender, 1, &made);
    assert_string_equal(fog_ethaddr_text(&made, text),
                        "0x343c43A37D37dfF08AE8C4A11544c718AbB4fCF8");
}

/* --- the log file --- */

static void put(const struct claim_store *s, const char *key, const char *value, bool durable)
{
    struct claim_write w = {.key = fog_bytes_str(key), .value = fog_bytes_str(value)};

    assert_int_equal(s->apply(s->arg, &w, 1, NULL, durable), 0);
}

static void assert_value(const struct claim_store *s, const char *key, const char *value)
{
    struct fog_buf b = {0};
    int rc = s->get(s->arg, fog_bytes_str(key), &b);

    if (value == NULL)
        assert_int_equal(rc, -ENOENT);
    else
        assert_string_equal(fog_buf_cstr(&b), value);
    fog_buf_fini(&b);
}

static void test_log_file_keeps_and_guards(void **state)
{
    char path[] = "/tmp/fog-store-XXXXXX";
    struct store_file *f = NULL, *second = NULL;
    struct claim_guard none = {.key = fog_bytes_str("a")};
    struct claim_write w = {.key = fog_bytes_str("a"), .value = fog_bytes_str("2")};
    const struct claim_store *s;

    (void)state;
    close(mkstemp(path));
    assert_int_equal(store_file_open(path, &f), 0);
    assert_int_equal(store_file_open(path, &second), -EWOULDBLOCK);
    s = store_file_port(f);
    put(s, "a", "1", true);
    put(s, "b", "", false);
    assert_int_equal(s->apply(s->arg, &w, 1, &none, true), FOG_ESTALE);
    none.expect = fog_bytes_str("1");
    assert_int_equal(s->apply(s->arg, &w, 1, &none, true), 0);
    w = (struct claim_write){.key = fog_bytes_str("b")};
    assert_int_equal(s->apply(s->arg, &w, 1, NULL, false), 0);
    store_file_close(&f);
    assert_int_equal(store_file_open(path, &f), 0);
    assert_value(store_file_port(f), "a", "2");
    assert_value(store_file_port(f), "b", NULL);
    store_file_close(&f);
    unlink(path);
}

static void test_log_file_cut_anywhere_loses_only_the_end(void **state)
{
    char path[] = "/tmp/fog-store-XXXXXX";
    struct store_file *f = NULL;
    off_t full, first;
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(store_file_open(path, &f), 0);
    put(store_file_port(f), "k", "one", true);
    store_file_close(&f);
    close(fd);
    fd = open(path, O_RDWR);
    first = lseek(fd, 0, SEEK_END);
    close(fd);
    for (int cut = 1;; cut++) {
        assert_int_equal(store_file_open(path, &f), 0);
        assert_value(store_file_port(f), "k", "one");
        put(store_file_port(f), "l", "two", true);
        store_file_close(&f);
        fd = open(path, O_RDWR);
        full = lseek(fd, 0, SEEK_END);
        assert_int_equal(ftruncate(fd, full - cut), 0);
        close(fd);
        if (full - cut < first)
            break;
    }
    unlink(path);
}

static void test_log_file_damage_inside_is_never_forgotten(void **state)
{
    char path[] = "/tmp/fog-store-XXXXXX";
    struct store_file *f = NULL;
    off_t first;
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(store_file_open(path, &f), 0);
    put(store_file_port(f), "k", "one", true);
    store_file_close(&f);
    close(fd);
    fd = open(path, O_RDWR);
    first = lseek(fd, 0, SEEK_END);
    assert_int_equal(store_file_open(path, &f), 0);
    put(store_file_port(f), "l", "two", true);
    store_file_close(&f);
    for (off_t at = 0; at < first; at++) {
        uint8_t byte, bad;

        assert_int_equal(pread(fd, &byte, 1, at), 1);
        bad = byte ^ 0x10;
        assert_int_equal(pwrite(fd, &bad, 1, at), 1);
        assert_int_equal(store_file_open(path, &f), FOG_ECORRUPT);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    assert_int_equal(store_file_open(path, &f), 0);
    store_file_close(&f);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_statement_per_round_and_rev),
        cmocka_unit_test(test_nothing_is_signed_that_could_not_be_remembered),
        cmocka_unit_test(test_vouchers_only_rise),
        cmocka_unit_test(test_one_deed_per_nonce),
        cmocka_unit_test(test_permissions_and_other_peoples_houses),
        cmocka_unit_test(test_messages_round_trip),
        cmocka_unit_test(test_rlp_examples_of_the_specification),
        cmocka_unit_test(test_created_addresses),
        cmocka_unit_test(test_log_file_keeps_and_guards),
        cmocka_unit_test(test_log_file_cut_anywhere_loses_only_the_end),
        cmocka_unit_test(test_log_file_damage_inside_is_never_forgotten),
    };

    fog_log_setup(FOG_LOG_BROKEN, "test"); /* crashes on purpose are not news */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
