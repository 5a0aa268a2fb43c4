/* router: genesis, hub set replay, beacon, enrolment token. */
#include "tests/lib/fogkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct fogkit kit;

static int setup(void **state)
{
    (void)state;
    fogkit_init(&kit, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fogkit_fini(&kit);
    return 0;
}

static void test_fog_id_names_exactly_these_bytes(void **state)
{
    struct genesis g;
    struct fog_hash id;
    struct fog_buf b = {0};

    (void)state;
    fog_buf_append(&b, kit.genesis_bytes.data, kit.genesis_bytes.len);
    assert_int_equal(genesis_decode(fog_buf_bytes(&b), &g, &id), 0);
    assert_true(fog_hash_eq(&id, &kit.fog_id));
    assert_string_equal(g.zone, "fog.test");
    fog_buf_append(&b, "x", 1);
    assert_int_equal(genesis_decode(fog_buf_bytes(&b), &g, &id), FOG_ETRAIL);
    g.root_k = 2;
    assert_int_equal(genesis_encode(&g, &b), FOG_ERANGE);
    fog_buf_fini(&b);
}

/* Next version with a second instance, signed by `key`. */
static void next_set(struct hubset *next, const struct hubset *prev, const struct fog_sign_key *key)
{
    struct fog_buf body = {0};
    struct fog_sig sig;

    *next = *prev;
    next->version = prev->version + 1;
    next->prev = prev->id;
    next->n_sigs = 0;
    next->n = 2;
    next->t = hubset_t_of(2);
    next->instances[1] = prev->instances[0];
    memset(next->instances[1].key, 0xff, 32);
    memset(next->instances[1].map_key.b, 0xee, 32);
    assert_int_equal(hubset_body(next, &body), 0);
    fog_sign(key, FOG_SIGN_HUBSET, &kit.fog_id, fog_buf_bytes(&body), &sig);
    assert_int_equal(hubset_add_sig(next, &key->pub, &sig), 0);
    fog_buf_fini(&body);
}

static void test_a_box_replays_the_list_of_sets(void **state)
{
    struct hubset first, next, again;
    struct fog_buf b = {0};

    (void)state;
    assert_int_equal(hubset_decode(fog_buf_bytes(&kit.hubs_bytes), &first), 0);
    assert_int_equal(hubset_check(&first, NULL, &kit.genesis, &kit.fog_id), 0);
    next_set(&next, &first, &kit.map_key); /* signed by t = 1 of the first */
    assert_int_equal(hubset_check(&next, &first, &kit.genesis, &kit.fog_id), 0);
    assert_int_equal(hubset_check(&next, NULL, &kit.genesis, &kit.fog_id), FOG_EVERIFY);
    assert_int_equal(hubset_check(&first, &next, &kit.genesis, &kit.fog_id), FOG_ESTALE);
    assert_int_equal(hubset_encode(&next, &b), 0);
    assert_int_equal(hubset_decode(fog_buf_bytes(&b), &again), 0);
    assert_true(fog_hash_eq(&again.id, &next.id));
    fog_buf_fini(&b);
}

static void test_a_set_signed_by_a_stranger_or_off_the_chain_is_refused(void **state)
{
    struct hubset first = kit.hubs, next;

    (void)state;
    next_set(&next, &first, &kit.hub); /* a transport key has no vote */
    assert_int_equal(hubset_check(&next, &first, &kit.genesis, &kit.fog_id), FOG_EVERIFY);
    next_set(&next, &first, &kit.map_key);
    next.prev.b[0] ^= 1;
    assert_int_equal(hubset_check(&next, &first, &kit.genesis, &kit.fog_id), FOG_EVERIFY);
    next_set(&next, &first, &kit.root); /* the root may always */
    assert_int_equal(hubset_check(&next, &first, &kit.genesis, &kit.fog_id), 0);
    assert_int_equal(hubset_check(&next, &first, &kit.genesis, &first.id),
                     FOG_EVERIFY); /* other fog */
}

static void test_beacon_reveals_backwards_from_its_anchor(void **state)
{
    struct fog_hash one, two, none;

    (void)state;
    assert_int_equal(beacon_reveal(&kit.beacon, 1, &one), 0);
    assert_int_equal(beacon_reveal(&kit.beacon, 300, &two), 0);
    assert_true(beacon_leads_to(&one, &kit.beacon.anchor, 1));
    assert_true(beacon_leads_to(&two, &one, 299));
    assert_false(beacon_leads_to(&two, &one, 298));
    assert_int_equal(beacon_reveal(&kit.beacon, BEACON_LENGTH, &none), 0);
    assert_int_equal(beacon_reveal(&kit.beacon, BEACON_LENGTH + 1, &none), FOG_ERANGE);
}

static void test_token_round_trip_as_text(void **state)
{
    struct fog_buf token = {0}, text = {0}, back = {0};
    struct enrol_token t;

    (void)state;
    fogkit_token(&kit, 3, 99000, &token);
    enrol_token_to_text(fog_buf_bytes(&token), &text);
    fog_buf_append_str(&text, "\n");
    assert_int_equal(enrol_token_from_text(fog_buf_bytes(&text), &back), 0);
    assert_true(fog_bytes_eq(fog_buf_bytes(&token), fog_buf_bytes(&back)));
    assert_int_equal(enrol_token_decode(fog_buf_bytes(&back), &t), 0);
    assert_int_equal(t.uses, 3);
    assert_int_equal(enrol_token_check(&t, &kit.fog_id), 0);
    assert_int_equal(enrol_token_check(&t, &kit.hubs.id), FOG_EDENIED);
    t.uses = 4; /* more than was signed */
    assert_int_equal(enrol_token_check(&t, &kit.fog_id), FOG_EVERIFY);
    fog_buf_fini(&token);
    fog_buf_fini(&text);
    fog_buf_fini(&back);
}

static void test_enrolment_proof_is_bound_to_connection_and_token(void **state)
{
    uint8_t exporter[32] = {5}, seed[32];
    struct fog_buf token = {0};
    struct fog_sign_key box;
    struct fog_sig sig;

    (void)state;
    fogkit_box_seed(1, seed);
    fog_sign_key_of(seed, &box);
    fogkit_token(&kit, 1, 99000, &token);
    enrol_prove(seed, &kit.fog_id, exporter, fog_buf_bytes(&token), &sig);
    assert_int_equal(
        enrol_check_proof(box.pub.b, &kit.fog_id, exporter, fog_buf_bytes(&token), &sig), 0);
    exporter[0]++; /* replayed on another connection */
    assert_int_equal(
        enrol_check_proof(box.pub.b, &kit.fog_id, exporter, fog_buf_bytes(&token), &sig),
        FOG_EVERIFY);
    fog_buf_fini(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fog_id_names_exactly_these_bytes),
        cmocka_unit_test(test_a_box_replays_the_list_of_sets),
        cmocka_unit_test(test_a_set_signed_by_a_stranger_or_off_the_chain_is_refused),
        cmocka_unit_test(test_beacon_reveals_backwards_from_its_anchor),
        cmocka_unit_test(test_token_round_trip_as_text),
        cmocka_unit_test(test_enrolment_proof_is_bound_to_connection_and_token),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
