/* core/content: leaf, tree, chunk transfer, hasher. */
#include "core/base/rng.h"
#include "core/content/manifest.h"
#include "core/content/tree.h"
#include "tests/lib/hexvec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 1048576, 1048577, 5242880};

static void hash_object(struct fog_bytes in, size_t step, struct fog_variant *out)
{
    struct fog_hasher h;

    fog_hasher_init(&h);
    for (size_t at = 0; at < in.len; at += step)
        assert_int_equal(
            fog_hasher_update(&h, fog_bytes_of(in.p + at, in.len - at < step ? in.len - at : step)),
            0);
    fog_hasher_final(&h, FOG_IDENTITY, out);
    fog_hasher_fini(&h);
}

static void test_sizes_of_leaves_and_chunks(void **state)
{
    (void)state;
    assert_int_equal(fog_leaf_count(0), 1);
    assert_int_equal(fog_leaf_len(0, 0), 0);
    assert_int_equal(fog_leaf_count(65536), 1);
    assert_int_equal(fog_leaf_count(65537), 2);
    assert_int_equal(fog_leaf_len(65537, 1), 1);
    assert_int_equal(fog_chunk_count(1048576), 1);
    assert_int_equal(fog_chunk_count(1048577), 2);
    assert_int_equal(fog_chunk_len(1048577, 0), 1048576);
    assert_int_equal(fog_chunk_len(1048577, 1), 1);
    assert_true(fog_chunk_count(FOG_OBJECT_MAX) == 32768);
}

static void test_trees_match_the_vectors(void **state)
{
    struct fog_buf data = {0};

    (void)state;
    vector_data(sizes[FOG_COUNT(sizes) - 1], &data);
    for (size_t i = 0; i < FOG_COUNT(sizes); i++) {
        struct fog_bytes in = fog_bytes_of(data.data, sizes[i]);
        struct fog_hash want, leaf;
        struct fog_variant v;
        char name[64];

        hash_object(in, 50001, &v);
        snprintf(name, sizeof name, "tree.%zu.root", sizes[i]);
        want = vector_hash(name);
        assert_true(fog_hash_eq(&v.root, &want));
        snprintf(name, sizeof name, "tree.%zu.plain", sizes[i]);
        want = vector_hash(name);
        assert_true(fog_hash_eq(&v.plain, &want));
        snprintf(name, sizeof name, "tree.%zu.last_chunk", sizes[i]);
        want = vector_hash(name);
        assert_true(fog_hash_eq(&v.chunk_ids[fog_chunk_count(in.len) - 1], &want));
        fog_leaf_hash(fog_bytes_of(in.p, in.len < FOG_LEAF_SIZE ? in.len : FOG_LEAF_SIZE), &leaf);
        snprintf(name, sizeof name, "tree.%zu.first_leaf", sizes[i]);
        want = vector_hash(name);
        assert_true(fog_hash_eq(&leaf, &want));
        free(v.chunk_ids);
    }
    fog_buf_fini(&data);
}

/* RFC 6962 2.1 word for word. */
static void slow_root(const struct fog_hash *h, size_t n, struct fog_hash *out)
{
    struct fog_hash l, r;
    size_t k = 1;

    if (n == 1) {
        *out = h[0];
        return;
    }
    while (k * 2 < n)
        k *= 2;
    slow_root(h, k, &l);
    slow_root(h + k, n - k, &r);
    fog_tree_node(&l, &r, out);
}

static void test_root_over_leaves_is_root_over_chunks(void **state)
{
    struct fog_hash leaves[200], ids[16], a, b, c;
    struct fog_rng_seeded st;
    struct fog_rng rng = fog_rng_seed(&st, 42);

    (void)state;
    fog_rng_fill(&rng, leaves, sizeof leaves);
    for (size_t n = 1; n <= FOG_COUNT(leaves); n++) {
        size_t chunks = 0;

        for (size_t i = 0; i < n; i += FOG_CHUNK_LEAVES)
            fog_tree_root(leaves + i, n - i < FOG_CHUNK_LEAVES ? n - i : FOG_CHUNK_LEAVES,
                          &ids[chunks++]);
        fog_tree_root(leaves, n, &a);
        fog_tree_root(ids, chunks, &b);
        slow_root(leaves, n, &c);
        assert_true(fog_hash_eq(&a, &b));
        assert_true(fog_hash_eq(&a, &c));
    }
}

static void test_a_leaf_is_no_node(void **state)
{
    struct fog_hash l, r, node, leaf;
    uint8_t both[64];

    (void)state;
    fog_leaf_hash(fog_bytes_str("l"), &l);
    fog_leaf_hash(fog_bytes_str("r"), &r);
    fog_tree_node(&l, &r, &node);
    memcpy(both, l.b, 32);
    memcpy(both + 32, r.b, 32);
    fog_leaf_hash(fog_bytes_of(both, sizeof both), &leaf);
    assert_false(fog_hash_eq(&leaf, &node));
}

struct wire {
    struct fog_buf plain, bytes; /* bytes: leaf list, then leaves */
    struct fog_chunk_ref ref;
};

static void make_wire(struct wire *w, size_t size, unsigned first_leaf)
{
    struct fog_hash leaves[FOG_CHUNK_LEAVES];
    unsigned n;

    *w = (struct wire){.ref.len = (uint32_t)size};
    vector_data(size, &w->plain);
    n = fog_chunk_leaves(fog_buf_bytes(&w->plain), leaves);
    fog_tree_root(leaves, n, &w->ref.id);
    fog_buf_append(&w->bytes, leaves, n * sizeof leaves[0]);
    if (size > 0)
        fog_buf_append(&w->bytes, w->plain.data + (size_t)first_leaf * FOG_LEAF_SIZE,
                       size - (size_t)first_leaf * FOG_LEAF_SIZE);
}

static void drop_wire(struct wire *w)
{
    fog_buf_fini(&w->plain);
    fog_buf_fini(&w->bytes);
}

/* Feeds all bytes in steps; returns the last result and counts the leaves. */
static int receive(struct wire *w, unsigned first_leaf, size_t step, uint8_t *chunk, unsigned *got)
{
    struct fog_chunk_rx rx;
    size_t at = 0;
    int rc;

    assert_int_equal(fog_chunk_rx_init(&rx, &w->ref, first_leaf, chunk), 0);
    *got = 0;
    do {
        struct fog_bytes leaf,
            in = fog_bytes_of(w->bytes.data + at,
                              w->bytes.len - at < step ? w->bytes.len - at : step);

        at += in.len;
        while ((rc = fog_chunk_rx_feed(&rx, &in, &leaf)) == 1)
            ++*got;
        if (rc < 0)
            return rc;
    } while (at < w->bytes.len);
    return fog_chunk_rx_is_done(&rx) ? 0 : FOG_ETRUNC;
}

static void test_chunk_arrives_leaf_by_leaf(void **state)
{
    uint8_t *chunk = malloc(FOG_CHUNK_SIZE);
    static const size_t steps[] = {1000, 65536, 4000000};
    static const size_t lens[] = {0, 1, 65536, 200000, 1048576};

    (void)state;
    for (size_t s = 0; s < FOG_COUNT(steps); s++) {
        for (size_t i = 0; i < FOG_COUNT(lens); i++) {
            struct wire w;
            unsigned got;

            make_wire(&w, lens[i], 0);
            assert_int_equal(receive(&w, 0, steps[s], chunk, &got), 0);
            assert_int_equal(got, fog_leaf_count(lens[i]));
            if (lens[i] > 0)
                assert_memory_equal(chunk, w.plain.data, lens[i]);
            drop_wire(&w);
        }
    }
    free(chunk);
}

static void test_transfer_may_start_at_a_leaf(void **state)
{
    uint8_t *chunk = calloc(1, 200000);
    struct wire w;
    unsigned got;

    (void)state;
    make_wire(&w, 200000, 2);
    assert_int_equal(receive(&w, 2, 7777, chunk, &got), 0);
    assert_int_equal(got, 2);
    assert_memory_equal(chunk + 2 * 65536, w.plain.data + 2 * 65536, 200000 - 2 * 65536);
    drop_wire(&w);
    free(chunk);
}

static void test_a_flipped_bit_stops_the_transfer_at_its_leaf(void **state)
{
    uint8_t *chunk = malloc(FOG_CHUNK_SIZE);
    struct wire w;
    unsigned got;

    (void)state;
    make_wire(&w, 200000, 0);
    w.bytes.data[4 * 32 + 65536 + 5] ^= 1; /* second leaf */
    assert_int_equal(receive(&w, 0, 10000, chunk, &got), FOG_EVERIFY);
    assert_int_equal(got, 1);
    w.bytes.data[4 * 32 + 65536 + 5] ^= 1;
    w.bytes.data[40] ^= 1; /* the list itself */
    assert_int_equal(receive(&w, 0, 10000, chunk, &got), FOG_EVERIFY);
    assert_int_equal(got, 0);
    w.bytes.data[40] ^= 1;
    fog_buf_append(&w.bytes, "x", 1);
    assert_int_equal(receive(&w, 0, 10000, chunk, &got), FOG_ETRAIL);
    assert_int_equal(got, 4);
    drop_wire(&w);
    free(chunk);
}

static void test_lengths_are_part_of_a_reference(void **state)
{
    struct fog_chunk_ref ref = {.len = 3};
    struct fog_chunk_rx rx;
    struct fog_hash leaf;

    (void)state;
    fog_chunk_id(fog_bytes_str("abc"), &ref.id);
    assert_int_equal(fog_chunk_verify(fog_bytes_str("abc"), &ref), 0);
    ref.len = 4;
    assert_int_equal(fog_chunk_verify(fog_bytes_str("abc"), &ref), FOG_EVERIFY);
    ref.len = 65537;
    fog_leaf_hash(fog_bytes_str("abc"), &leaf);
    assert_int_equal(fog_leaf_list_verify(&leaf, 1, &ref), FOG_EVERIFY);
    ref.len = FOG_CHUNK_SIZE + 1;
    assert_int_equal(fog_chunk_rx_init(&rx, &ref, 0, NULL), FOG_ERANGE);
    ref.len = 65536;
    assert_int_equal(fog_chunk_rx_init(&rx, &ref, 1, NULL), FOG_ERANGE);
}

static int open_vectors(void **state)
{
    (void)state;
    hexvec_open("core/content/vectors/content.txt");
    return 0;
}

static int close_vectors(void **state)
{
    (void)state;
    hexvec_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_of_leaves_and_chunks),
        cmocka_unit_test(test_trees_match_the_vectors),
        cmocka_unit_test(test_root_over_leaves_is_root_over_chunks),
        cmocka_unit_test(test_a_leaf_is_no_node),
        cmocka_unit_test(test_chunk_arrives_leaf_by_leaf),
        cmocka_unit_test(test_transfer_may_start_at_a_leaf),
        cmocka_unit_test(test_a_flipped_bit_stops_the_transfer_at_its_leaf),
        cmocka_unit_test(test_lengths_are_part_of_a_reference),
    };

    return cmocka_run_group_tests_name("content_tree", tests, open_vectors, close_vectors);
}
