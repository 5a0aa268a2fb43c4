/* router/place: committed vectors, spread of copies, weights, stability. */
#include "router/place.h"

#include "core/base/rng.h"
#include "core/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

static void unhex(json_t *o, const char *name, struct fog_hash *out)
{
    const char *s = json_string_value(json_object_get(o, name));

    assert_non_null(s);
    assert_int_equal(fog_hex_decode(fog_bytes_str(s), out->b, sizeof out->b), 0);
}

static void test_ranks_are_those_of_the_vectors(void **state)
{
    json_t *doc = json_load_file(FOG_SRCDIR "/router/vectors/place.json", 0, NULL);
    json_t *boxes = json_object_get(doc, "boxes"), *groups = json_object_get(doc, "groups"), *o;
    struct place_item items[64];
    struct place_hit hits[64];
    struct fog_hash h;
    size_t i;

    (void)state;
    assert_non_null(doc);
    json_array_foreach(boxes, i, o)
    {
        unhex(o, "id", &h);
        items[i] = place_item_of(&h, (uint16_t)json_integer_value(json_object_get(o, "weight")));
    }
    assert_true(json_array_size(groups) >= 10);
    json_array_foreach(groups, i, o)
    {
        json_t *rank = json_object_get(o, "rank"), *scores = json_object_get(o, "scores");
        size_t want = json_array_size(rank), have;
        unhex(o, "pg", &h);
        have = place_top(items, json_array_size(boxes), NULL, &h, hits, 64);
        assert_int_equal(have, want);
        for (size_t r = 0; r < want; r++) {
            const char *s = json_string_value(json_array_get(scores, r));
            assert_int_equal(hits[r].index, json_integer_value(json_array_get(rank, r)));
            assert_true(hits[r].score == strtoull(s, NULL, 10));
            assert_true(place_score(&items[hits[r].index], &h) == hits[r].score);
        }
        /* A short list is the head of the long one. */
        assert_int_equal(place_top(items, json_array_size(boxes), NULL, &h, hits, 3), 3);
        for (size_t r = 0; r < 3; r++)
            assert_int_equal(hits[r].index, json_integer_value(json_array_get(rank, r)));
    }
    json_decref(doc);
}

static void fill(struct place_item *items, struct place_apart *apart, size_t n, unsigned operators,
                 unsigned domains)
{
    struct fog_rng_seeded st;
    struct fog_rng rng = fog_rng_seed(&st, 7);
    struct fog_hash id;

    for (size_t i = 0; i < n; i++) {
        fog_rng_fill(&rng, id.b, sizeof id.b);
        items[i] = place_item_of(&id, 100);
        memset(&apart[i], 0, sizeof apart[i]);
        apart[i].operator_addr[0] = (uint8_t)(i % operators);
        apart[i].domain = i % domains;
    }
}

static void test_copies_have_different_operators_and_two_domains(void **state)
{
    struct place_item items[40];
    struct place_apart apart[40];
    struct fog_rng_seeded st;
    struct fog_rng rng = fog_rng_seed(&st, 9);
    struct fog_hash pg;
    uint32_t out[16];
    bool spread;

    (void)state;
    fill(items, apart, 40, 7, 3);
    for (int g = 0; g < 500; g++) {
        size_t n;
        bool two = false;
        fog_rng_fill(&rng, pg.b, sizeof pg.b);
        n = place_pick(items, apart, 40, NULL, &pg, 3, out, &spread);
        assert_int_equal(n, 3);
        assert_true(spread);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++) {
                assert_int_not_equal(apart[out[i]].operator_addr[0],
                                     apart[out[j]].operator_addr[0]);
                two |= apart[out[i]].domain != apart[out[j]].domain;
            }
        assert_true(two);
    }
}

static void test_one_domain_alone_is_used_and_said(void **state)
{
    struct place_item items[10];
    struct place_apart apart[10];
    struct fog_hash pg = {{1}};
    uint32_t out[16];
    bool spread = true;

    (void)state;
    fill(items, apart, 10, 10, 1);
    assert_int_equal(place_pick(items, apart, 10, NULL, &pg, 3, out, &spread), 3);
    assert_false(spread);
    fill(items, apart, 10, 1, 2); /* one operator holds at most one copy */
    assert_int_equal(place_pick(items, apart, 10, NULL, &pg, 3, out, &spread), 1);
}

static void test_load_follows_weight_and_a_death_moves_only_its_groups(void **state)
{
    struct place_item items[20];
    struct place_apart apart[20];
    struct fog_rng_seeded st;
    struct fog_rng rng = fog_rng_seed(&st, 11);
    struct place_hit before, after;
    unsigned heavy = 0, moved = 0, owned = 0;
    uint8_t ok[20];

    (void)state;
    fill(items, apart, 20, 20, 20);
    items[0].weight = 400; /* four times the others: 4/23 of the groups */
    memset(ok, 1, sizeof ok);
    ok[5] = 0;
    for (int g = 0; g < 20000; g++) {
        struct fog_hash pg;
        fog_rng_fill(&rng, pg.b, sizeof pg.b);
        assert_int_equal(place_top(items, 20, NULL, &pg, &before, 1), 1);
        assert_int_equal(place_top(items, 20, ok, &pg, &after, 1), 1);
        heavy += before.index == 0;
        owned += before.index == 5;
        moved += before.index != after.index;
    }
    assert_int_equal(moved, owned);
    assert_in_range(heavy, 20000 * 4 / 23 * 95 / 100, 20000 * 4 / 23 * 105 / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks_are_those_of_the_vectors),
        cmocka_unit_test(test_copies_have_different_operators_and_two_domains),
        cmocka_unit_test(test_one_domain_alone_is_used_and_said),
        cmocka_unit_test(test_load_follows_weight_and_a_death_moves_only_its_groups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
