/* contracts/claim: money, typed data, sum trees, ticks and grants against the shared vectors. */
#include "contracts/claim/claim.h"
#include "core/base/str.h"
#include "core/crypto/hash.h"
#include "tests/lib/vectors.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_units_vectors(void **state)
{
    struct fog_json *v = vectors_load("contracts/vectors/units.json");
    const struct fog_json *rows = fog_json_member(v, "sums");

    (void)state;
    assert_true(fog_json_count(rows) > 5);
    for (size_t i = 0; i < fog_json_count(rows); i++) {
        const struct fog_json *row = fog_json_item(rows, i);
        struct amount a = amount_of_units(vectors_number(row, "units"));

        assert_true(amount_tokens_floor(a) == vectors_number(row, "floor"));
        assert_true(amount_tokens_ceil(a) == vectors_number(row, "ceil"));
    }
    rows = fog_json_member(v, "products");
    assert_true(fog_json_count(rows) > 3);
    for (size_t i = 0; i < fog_json_count(rows); i++) {
        const struct fog_json *row = fog_json_item(rows, i);
        struct amount a = amount_of_bytes((uint64_t)vectors_number(row, "bytes"),
                                          (uint64_t)vectors_number(row, "pricePerGiB"));

        assert_true(amount_units(a) == vectors_number(row, "units"));
    }
    fog_json_free(&v);
}

static void test_amounts_never_wrap(void **state)
{
    struct amount max = amount_of_units(~(fog_u128)0), one = amount_of_units(1), out = one;

    (void)state;
    assert_int_equal(amount_add(&out, max, one), FOG_ERANGE);
    assert_int_equal(amount_sub(&out, one, max), FOG_ERANGE);
    assert_true(amount_units(out) == 1);
    assert_int_equal(amount_share(&out, max, 10000), 0);
    assert_int_equal(amount_cmp(out, max), 0);
    assert_int_equal(amount_share(&out, amount_of_units(19999), 2500), 0);
    assert_true(amount_units(out) == 4999);
    assert_int_equal(amount_share(&out, max, 10001), FOG_ERANGE);
    assert_int_equal(amount_of_tokens((fog_u128)1 << 98, &out), FOG_ERANGE);
    assert_int_equal(amount_of_tokens(3, &out), 0);
    assert_true(amount_units(out) == (fog_u128)3 << 30);
}

static void read_grant(const struct fog_json *j, struct grant *g)
{
    memset(g, 0, sizeof *g);
    vectors_hex(j, "publisher", g->publisher.b, 20);
    vectors_hex(j, "house", g->house.b, 20);
    vectors_hex(j, "node", g->node.b, 20);
    vectors_hex(j, "serial", g->serial, 16);
    vectors_hex(j, "site", g->site, 10);
    vectors_hex(j, "scope", g->scope.b, 32);
    vectors_hex(j, "anchor", g->anchor.b, 32);
    g->week = (uint32_t)vectors_number(j, "week");
    g->not_before = (uint32_t)vectors_number(j, "notBefore");
    g->not_after = (uint32_t)vectors_number(j, "notAfter");
    g->depth = (uint8_t)vectors_number(j, "depth");
    g->max_bytes = (uint64_t)vectors_number(j, "maxBytes");
    g->tick_bytes = (uint32_t)vectors_number(j, "tickBytes");
    g->passive_bps = (uint16_t)vectors_number(j, "passiveBps");
    g->flags = (uint16_t)vectors_number(j, "flags");
    g->price_per_gib = (uint64_t)vectors_number(j, "pricePerGiB");
}

static void read_statement(const struct fog_json *j, struct statement *s)
{
    vectors_hex(j, "node", s->node.b, 20);
    vectors_hex(j, "house", s->house.b, 20);
    s->week = (uint32_t)vectors_number(j, "week");
    s->round = (uint32_t)vectors_number(j, "round");
    s->rev = (uint32_t)vectors_number(j, "rev");
    vectors_hex(j, "root", s->root.b, 32);
    s->leaves = (uint32_t)vectors_number(j, "leaves");
    s->bytes_sum = vectors_number(j, "bytesSum");
    s->worth = amount_of_units(vectors_number(j, "units"));
    vectors_hex(j, "prev", s->prev.b, 32);
}

static void read_voucher(const struct fog_json *j, struct voucher *v)
{
    vectors_hex(j, "house", v->house.b, 20);
    vectors_hex(j, "payee", v->payee.b, 20);
    v->week = (uint32_t)vectors_number(j, "week");
    v->seq = (uint32_t)vectors_number(j, "seq");
    v->cum_bytes = vectors_number(j, "cumBytes");
    v->cum = amount_of_units(vectors_number(j, "cumUnits"));
    vectors_hex(j, "covers", v->covers.b, 32);
}

static void assert_digest(const struct fog_json *row, const struct fog_hash *digest,
                          const struct fog_json *all, const char *key_path)
{
    struct fog_secp_key key;
    struct fog_secp_sig sig;
    uint8_t want[65];

    vectors_hex(row, "digest", want, 32);
    assert_memory_equal(digest->b, want, 32);
    vectors_hex(all, key_path, key.b, 32);
    vectors_hex(row, "signature", want, 65);
    assert_int_equal(fog_secp_sign(&key, digest, &sig), 0);
    assert_memory_equal(sig.b, want, 65);
}

static void test_typed_data_vectors(void **state)
{
    struct fog_json *v = vectors_load("contracts/vectors/typed_data.json");
    const struct fog_json *rows;
    struct claim_domain d;
    struct fog_ethaddr settlement;
    struct fog_hash digest, want;

    (void)state;
    vectors_hex(v, "domain.verifyingContract", settlement.b, 20);
    claim_domain_init(&d, (uint64_t)vectors_number(v, "domain.chainId"), &settlement);
    vectors_hex(v, "domainSeparator", want.b, 32);
    assert_true(fog_hash_eq(&d.separator, &want));

    rows = fog_json_member(v, "grants");
    assert_true(fog_json_count(rows) > 0);
    for (size_t i = 0; i < fog_json_count(rows); i++) {
        struct grant g;

        read_grant(fog_json_item(rows, i), &g);
        typed_grant(&d, &g, &digest);
        assert_digest(fog_json_item(rows, i), &digest, v, "keys.grant.secret");
    }
    rows = fog_json_member(v, "statements");
    assert_true(fog_json_count(rows) > 0);
    for (size_t i = 0; i < fog_json_count(rows); i++) {
        struct statement s, back;
        uint8_t wire[STATEMENT_LEN];

        read_statement(fog_json_item(rows, i), &s);
        typed_statement(&d, &s, &digest);
        assert_digest(fog_json_item(rows, i), &digest, v, "keys.node.secret");
        statement_encode(&s, wire);
        assert_int_equal(statement_decode(fog_bytes_of(wire, sizeof wire), &back), 0);
        typed_statement(&d, &back, &want);
        assert_true(fog_hash_eq(&digest, &want));
    }
    rows = fog_json_member(v, "vouchers");
    assert_true(fog_json_count(rows) > 0);
    for (size_t i = 0; i < fog_json_count(rows); i++) {
        struct voucher s, back;
        uint8_t wire[VOUCHER_LEN];

        read_voucher(fog_json_item(rows, i), &s);
        typed_voucher(&d, &s, &digest);
        assert_digest(fog_json_item(rows, i), &digest, v, "keys.voucher.secret");
        voucher_encode(&s, wire);
        assert_int_equal(voucher_decode(fog_bytes_of(wire, sizeof wire), &back), 0);
        typed_voucher(&d, &back, &want);
        assert_true(fog_hash_eq(&digest, &want));
        assert_int_equal(voucher_decode(fog_bytes_of(wire, sizeof wire - 1), &back), FOG_ETRUNC);
    }
    fog_json_free(&v);
}

static void test_sum_tree_vectors(void **state)
{
    struct fog_json *v = vectors_load("contracts/vectors/sum_tree.json");

    (void)state;
    assert_true(fog_json_count(v) > 3);
    for (size_t i = 0; i < fog_json_count(v); i++) {
        const struct fog_json *tree = fog_json_item(v, i);
        const struct fog_json *leaves = fog_json_member(tree, "leaves");
        struct sum_tree t = {0};
        struct sum_node node;
        uint8_t want[32];

        for (size_t n = 0; n < fog_json_count(leaves); n++) {
            const struct fog_json *leaf = fog_json_item(leaves, n);
            uint8_t serial[16];
            struct fog_hash digest;

            vectors_hex(leaf, "serial", serial, 16);
            vectors_hex(leaf, "grantDigest", digest.b, 32);
            sum_leaf_box(serial, &digest, (unsigned)vectors_number(leaf, "ticks"),
                         (uint64_t)vectors_number(leaf, "bytes"),
                         amount_of_units(vectors_number(leaf, "units")), &node);
            vectors_hex(leaf, "hash", want, 32);
            assert_memory_equal(node.hash.b, want, 32);
            assert_int_equal(sum_tree_push(&t, &node), 0);
        }
        assert_int_equal(sum_tree_root(&t, &node), 0);
        vectors_hex(tree, "root", want, 32);
        assert_memory_equal(node.hash.b, want, 32);
        assert_true(node.bytes == vectors_number(tree, "bytesSum"));
        assert_true(amount_units(node.worth) == vectors_number(tree, "units"));
    }
    fog_json_free(&v);
}

static void test_sum_tree_refuses_sums_beyond_128_bits(void **state)
{
    struct sum_node big = {.worth = amount_of_units(~(fog_u128)0)}, root;
    struct sum_tree t = {0};

    (void)state;
    assert_int_equal(sum_tree_root(&t, &root), -ENOENT);
    assert_int_equal(sum_tree_push(&t, &big), 0);
    assert_int_equal(sum_tree_push(&t, &big), FOG_ERANGE);
}

/* The root over n leaves by the definition, to compare with the stack form. */
static void cover_by_definition(const struct fog_hash *roots, size_t n, struct fog_hash *out)
{
    struct cover_tree t = {0};
    size_t k = 1;
    struct fog_hash sides[2];

    if (n == 1) {
        cover_tree_push(&t, roots);
        cover_tree_root(&t, out);
        return;
    }
    while (k * 2 < n)
        k *= 2;
    cover_by_definition(roots, k, &sides[0]);
    cover_by_definition(roots + k, n - k, &sides[1]);
    t.leaves = 3; /* a stack of two complete subtrees */
    t.stack[0] = sides[0];
    t.stack[1] = sides[1];
    cover_tree_root(&t, out);
}

static void test_cover_tree_is_rfc6962_and_survives_storage(void **state)
{
    struct fog_hash roots[21], want, got;
    struct cover_tree t = {0};

    (void)state;
    for (size_t n = 0; n < FOG_COUNT(roots); n++) {
        struct fog_buf b = {0};
        struct cover_tree back;

        memset(&roots[n], (int)n, sizeof roots[n]);
        cover_tree_push(&t, &roots[n]);
        cover_by_definition(roots, n + 1, &want);
        cover_tree_encode(&t, &b);
        assert_int_equal(cover_tree_decode(fog_buf_bytes(&b), &back), 0);
        cover_tree_root(&back, &got);
        assert_true(fog_hash_eq(&want, &got));
        fog_buf_fini(&b);
        t = back;
    }
}

static void test_ticks_pay_forward_only(void **state)
{
    struct fog_hash seed = {{7}}, w[TICK_CHAIN + 1];
    struct tick_state s = {0};
    char text[TICK_TEXT_MAX];
    struct fog_hash back;
    unsigned i;

    (void)state;
    tick_chain_make(&seed, w);
    s.w = w[0];
    assert_int_equal(tick_accept(&s, 1, &w[1]), 0);
    assert_int_equal(tick_accept(&s, 1, &w[1]), FOG_EREPLAY);
    assert_int_equal(tick_accept(&s, 3, &w[4]), FOG_EVERIFY);
    assert_int_equal(tick_accept(&s, 5, &w[5]), 0);
    assert_int_equal(s.i, 5);
    assert_int_equal(tick_accept(&s, 0, &w[0]), FOG_ERANGE);
    assert_int_equal(tick_accept(&s, 257, &w[5]), FOG_ERANGE);
    assert_int_equal(tick_accept(&s, 256, &w[256]), 0);
    assert_int_equal(tick_check(&w[0], 256, &w[256]), 0);
    assert_int_equal(tick_check(&w[0], 255, &w[256]), FOG_EVERIFY);
    assert_int_equal(tick_check(&w[0], 0, &w[9]), 0);

    tick_format(12, &w[12], text);
    assert_int_equal(tick_parse(fog_bytes_str(text), &i, &back), 0);
    assert_int_equal(i, 12);
    assert_true(fog_hash_eq(&back, &w[12]));
    text[0] = '0';
    assert_int_equal(tick_parse(fog_bytes_str(text), &i, &back), FOG_EFORMAT);
    assert_int_equal(tick_parse(fog_bytes_str("1."), &i, &back), FOG_EFORMAT);
    assert_int_equal(tick_window(0), 1);
    assert_int_equal(tick_window(2), 4);
    assert_int_equal(tick_window(200), 8);
}

/* --- grants --- */

struct world {
    struct claim_domain domain;
    struct registry *reg;
    struct fog_secp_key grant_key;
    struct fog_ethaddr signer;
};

static void add_row(struct registry *r, enum registry_what what, uint32_t id, uint8_t fill,
                    uint32_t from, uint32_t to)
{
    struct registry_row row = {.what = what, .id = id, .from = from, .to = to};

    memset(row.address.b, fill, 20);
    memset(row.key, fill, 32);
    assert_int_equal(registry_add(r, &row), 0);
}

static void world_init(struct world *w)
{
    struct registry_row row = {.what = REGISTRY_GRANT_SIGNER, .id = 2, .from = 10, .to = 20};
    struct fog_rng_seeded st;
    struct fog_rng rng = fog_rng_seed(&st, 3);
    struct fog_ethaddr settlement = {{0x55}};

    claim_domain_init(&w->domain, 31337, &settlement);
    w->reg = registry_new();
    add_row(w->reg, REGISTRY_PUBLISHER, 1, 0x11, 0, 0);
    add_row(w->reg, REGISTRY_HOUSE, 2, 0x22, 0, 0);
    add_row(w->reg, REGISTRY_NODE, 3, 0x33, 0, 0);
    fog_secp_keygen(&rng, &w->grant_key);
    assert_int_equal(fog_secp_address(&w->grant_key, &w->signer), 0);
    row.address = w->signer;
    assert_int_equal(registry_add(w->reg, &row), 0);
}

static void sign_grant(struct world *w, struct grant_signed *g)
{
    struct fog_hash digest;

    typed_grant(&w->domain, &g->grant, &digest);
    assert_int_equal(fog_secp_sign(&w->grant_key, &digest, &g->sig), 0);
}

static void make_grant(struct world *w, struct grant_signed *g)
{
    static const struct fog_bytes path[] = {{(const uint8_t *)"v", 1}, {(const uint8_t *)"a b", 3}};

    *g = (struct grant_signed){.publisher_id = 1, .house_id = 2, .node_id = 3};
    memset(g->grant.publisher.b, 0x11, 20);
    memset(g->grant.house.b, 0x22, 20);
    memset(g->grant.node.b, 0x33, 20);
    memset(g->grant.serial, 0xab, 16);
    memset(g->grant.site, 0x77, 10);
    g->grant.week = 12;
    g->grant.not_before = 1000;
    g->grant.not_after = 1300;
    g->grant.depth = 2;
    assert_int_equal(grant_scope(path, 2, 2, &g->grant.scope), 0);
    g->grant.anchor.b[0] = 1;
    g->grant.max_bytes = 1000000;
    g->grant.tick_bytes = 10000;
    g->grant.passive_bps = 2500;
    g->grant.price_per_gib = 2000;
    sign_grant(w, g);
}

static void test_grant_wire_round_trip(void **state)
{
    struct world w;
    struct grant_signed g, back;
    uint8_t wire[GRANT_WIRE_LEN], again[GRANT_WIRE_LEN], serial[16];
    char text[GRANT_TEXT_LEN + 1];

    (void)state;
    world_init(&w);
    make_grant(&w, &g);
    grant_encode(&g, wire);
    grant_text(wire, text);
    assert_int_equal(strlen(text), GRANT_TEXT_LEN);
    assert_int_equal(grant_from_text(fog_bytes_str(text), again), 0);
    assert_memory_equal(wire, again, sizeof wire);
    assert_int_equal(grant_decode(fog_bytes_of(wire, sizeof wire), w.reg, &back), 0);
    assert_int_equal(grant_verify(&back, &w.domain, w.reg, NULL), 0);
    assert_int_equal(grant_peek_serial(fog_bytes_of(wire, sizeof wire), serial), 0);
    assert_memory_equal(serial, g.grant.serial, 16);
    assert_int_equal(grant_decode(fog_bytes_of(wire, 204), w.reg, &back), FOG_ETRUNC);
    wire[0] = 2;
    assert_int_equal(grant_decode(fog_bytes_of(wire, sizeof wire), w.reg, &back), FOG_EVERSION);
    wire[0] = 1;
    wire[6] = 9; /* publisher id 9 */
    assert_int_equal(grant_decode(fog_bytes_of(wire, sizeof wire), w.reg, &back), -ENOENT);
    registry_unref(&w.reg);
}

/* Every byte of the signed part matters: no changed grant may verify. */
static void test_a_changed_grant_never_verifies(void **state)
{
    struct world w;
    struct grant_signed g, back;
    uint8_t wire[GRANT_WIRE_LEN];
    unsigned refused = 0;

    (void)state;
    world_init(&w);
    make_grant(&w, &g);
    grant_encode(&g, wire);
    for (size_t i = 0; i < GRANT_WIRE_LEN; i++) {
        wire[i] ^= 1;
        if (grant_decode(fog_bytes_of(wire, sizeof wire), w.reg, &back) != 0 ||
            grant_verify(&back, &w.domain, w.reg, NULL) != 0)
            refused++;
        wire[i] ^= 1;
    }
    assert_int_equal(refused, GRANT_WIRE_LEN);
    registry_unref(&w.reg);
}

static void test_signers_count_in_their_own_weeks_only(void **state)
{
    struct world w;
    struct grant_signed g;

    (void)state;
    world_init(&w);
    make_grant(&w, &g);
    g.grant.week = 21;
    sign_grant(&w, &g);
    assert_int_equal(grant_verify(&g, &w.domain, w.reg, NULL), FOG_EDENIED);
    g.grant.week = 20;
    sign_grant(&w, &g);
    assert_int_equal(grant_verify(&g, &w.domain, w.reg, NULL), 0);
    memset(g.grant.house.b, 0x44, 20); /* another house */
    sign_grant(&w, &g);
    assert_int_equal(grant_verify(&g, &w.domain, w.reg, NULL), FOG_EDENIED);
    registry_unref(&w.reg);
}

static void test_scope_is_whole_decoded_segments(void **state)
{
    struct world w;
    struct grant_signed g;
    struct fog_bytes good[] = {fog_bytes_str("v"), fog_bytes_str("a b"), fog_bytes_str("1.m4s")};
    struct fog_bytes half[] = {fog_bytes_str("v"), fog_bytes_str("a bc")};
    struct fog_bytes dots[] = {fog_bytes_str("v"), fog_bytes_str("..")};
    struct grant_use use = {.segments = good, .n_segments = 3, .hub_ms = 1100000};
    struct fog_hash h;

    (void)state;
    world_init(&w);
    make_grant(&w, &g);
    use.site = g.grant.site;
    assert_int_equal(grant_allows(&g.grant, &use), 0);
    use.segments = half;
    use.n_segments = 2;
    assert_int_equal(grant_allows(&g.grant, &use), FOG_EADDR);
    use.segments = dots;
    assert_int_equal(grant_allows(&g.grant, &use), FOG_EADDR);
    assert_int_equal(grant_scope(dots, 2, 2, &h), FOG_EFORMAT);
    assert_int_equal(grant_scope(good, 1, 2, &h), FOG_ERANGE);
    use.any_path = true;
    use.hub_ms = 999999;
    assert_int_equal(grant_allows(&g.grant, &use), FOG_EEXPIRED);
    use.hub_ms = 1300000;
    assert_int_equal(grant_allows(&g.grant, &use), FOG_EEXPIRED);
    use.hub_ms = 1299999;
    assert_int_equal(grant_allows(&g.grant, &use), 0);
    use.site = (const uint8_t *)"0123456789";
    assert_int_equal(grant_allows(&g.grant, &use), FOG_EADDR);
    registry_unref(&w.reg);
}

static void test_paid_bytes_by_class(void **state)
{
    struct world w;
    struct grant_signed g;
    struct amount a;

    (void)state;
    world_init(&w);
    make_grant(&w, &g);
    assert_true(grant_paid_bytes(&g.grant, 25000, 2) == 20000);
    assert_true(grant_paid_bytes(&g.grant, 15000, 2) == 15000);
    assert_true(grant_paid_bytes(&g.grant, 15000, 0) == 0);
    assert_true(grant_paid_bytes(&g.grant, 5000000, 200) == 1000000);
    assert_int_equal(grant_worth(&g.grant, 20000, 2500, &a), 0);
    assert_true(amount_units(a) == 20000 * 2000);
    memset(&g.grant.anchor, 0, 32);
    assert_int_equal(grant_check_fields(&g.grant), FOG_EFORMAT); /* ticks without an anchor */
    g.grant.tick_bytes = 0;
    assert_int_equal(grant_check_fields(&g.grant), 0);
    assert_int_equal(grant_class(&g.grant), GRANT_PASSIVE);
    assert_true(grant_paid_bytes(&g.grant, 5000000, 0) == 1000000);
    assert_int_equal(grant_worth(&g.grant, 20001, 2500, &a), 0);
    assert_true(amount_units(a) == 20001 * 2000 / 4);
    g.grant.flags = GRANT_FLAG_LEASE;
    assert_true(grant_paid_bytes(&g.grant, 1, 0) == 1000000); /* the forecast, whatever was sent */
    assert_int_equal(grant_round(&g.grant), 0);
    assert_true(grant_close_s(&g.grant) == 1900);
    assert_int_equal(grant_week_of_close(3000, 3600), 1);
    assert_int_equal(grant_week_of_close(2999, 3600), 0);
    registry_unref(&w.reg);
}

static void test_registry_replaces_and_copies(void **state)
{
    struct world w;
    struct registry *c;
    struct fog_ethaddr a;
    struct registry_deal deal = {.publisher_id = 1, .house_id = 2, .cap_tokens = 5, .live = true};
    struct registry_payee payee = {.node_id = 3, .wallet = {{9}}};
    uint8_t key[32];
    uint32_t id;

    (void)state;
    world_init(&w);
    assert_int_equal(registry_set_deal(w.reg, &deal), 0);
    assert_int_equal(registry_set_payee(w.reg, &payee), 0);
    c = registry_copy(w.reg);
    add_row(c, REGISTRY_NODE, 3, 0x66, 0, 0);
    memset(a.b, 0x33, 20);
    assert_int_equal(registry_id(c, REGISTRY_NODE, &a, &id), -ENOENT);
    assert_int_equal(registry_id(w.reg, REGISTRY_NODE, &a, &id), 0);
    memset(key, 0x66, 32);
    assert_non_null(registry_by_key(c, REGISTRY_NODE, key));
    assert_null(registry_by_key(w.reg, REGISTRY_NODE, key));
    registry_unref(&w.reg);
    assert_true(registry_deal(c, 1, 2)->cap_tokens == 5);
    assert_int_equal(registry_payee(c, 3)->wallet.b[0], 9);
    assert_true(registry_is_signer(c, REGISTRY_GRANT_SIGNER,
                                   &registry_find(c, REGISTRY_HOUSE, 2)->address, &w.signer, 10));
    registry_unref(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_vectors),
        cmocka_unit_test(test_amounts_never_wrap),
        cmocka_unit_test(test_typed_data_vectors),
        cmocka_unit_test(test_sum_tree_vectors),
        cmocka_unit_test(test_sum_tree_refuses_sums_beyond_128_bits),
        cmocka_unit_test(test_cover_tree_is_rfc6962_and_survives_storage),
        cmocka_unit_test(test_ticks_pay_forward_only),
        cmocka_unit_test(test_grant_wire_round_trip),
        cmocka_unit_test(test_a_changed_grant_never_verifies),
        cmocka_unit_test(test_signers_count_in_their_own_weeks_only),
        cmocka_unit_test(test_scope_is_whole_decoded_segments),
        cmocka_unit_test(test_paid_bytes_by_class),
        cmocka_unit_test(test_registry_replaces_and_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
