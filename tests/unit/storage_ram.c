#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/rng.h"
#include "storage/ram.h"

static const uint8_t seed[16] = {7};

static struct ram_key key_of(unsigned n)
{
    struct fog_hash id = {{0}};

    memcpy(id.b, &n, sizeof n);
    return ram_key_of(FOG_KIND_CHUNK, &id, 0);
}

static void put(struct ram *ram, struct ram_pool *pool, unsigned n, uint32_t cap)
{
    struct ram_extent *e = ram_extent_new(pool, cap);
    struct ram_key key = key_of(n);

    assert_non_null(e);
    e->len = cap;
    ram_put(ram, &key, e);
    ram_extent_unref(e);
}

static struct ram_extent *get(struct ram *ram, unsigned n)
{
    struct ram_key key = key_of(n);

    return ram_get(ram, &key);
}

/* SIEVE as the paper writes it, over an array: index 0 is the oldest. */
struct model {
    unsigned key[64];
    bool visited[64];
    int n, cap, hand;
};

static int model_find(const struct model *m, unsigned key)
{
    for (int i = 0; i < m->n; i++)
        if (m->key[i] == key)
            return i;
    return -1;
}

static void model_evict(struct model *m)
{
    int at = m->hand < m->n ? m->hand : 0;

    while (m->visited[at]) {
        m->visited[at] = false;
        at = at + 1 == m->n ? 0 : at + 1;
    }
    for (int i = at; i + 1 < m->n; i++) {
        m->key[i] = m->key[i + 1];
        m->visited[i] = m->visited[i + 1];
    }
    m->n--;
    /* the hand stays where the next newer one has moved to; past the end it starts over */
    m->hand = at == m->n ? 0 : at;
}

static bool model_access(struct model *m, unsigned key)
{
    int at = model_find(m, key);

    if (at >= 0) {
        m->visited[at] = true;
        return true;
    }
    if (m->n == m->cap)
        model_evict(m);
    m->key[m->n] = key;
    m->visited[m->n++] = false;
    return false;
}

static void test_sieve_is_the_paper_s(void **state)
{
    struct fog_rng_seeded rs;
    struct fog_rng rng = fog_rng_seed(&rs, 42);
    struct ram_pool *pool = ram_pool_new();
    struct model m = {.cap = 16};
    struct ram *ram = ram_new(16 * 64, seed);
    unsigned hits = 0;

    (void)state;
    ram_pool_grow(pool, 1 << 20);
    for (int i = 0; i < 20000; i++) {
        /* skewed: the smaller of two numbers */
        unsigned a = (unsigned)fog_rng_below(&rng, 64), b = (unsigned)fog_rng_below(&rng, 64);
        unsigned key = a < b ? a : b;
        bool want = model_access(&m, key), hit = get(ram, key) != NULL;
        assert_int_equal(hit, want);
        if (!hit)
            put(ram, pool, key, 64);
        hits += hit;
        assert_int_equal(ram_count(ram), m.n);
    }
    assert_true(hits > 6000); /* random replacement of 16 out of 64 gets about 40 % here */
    ram_free(&ram);
    assert_int_equal(ram_pool_used(pool), 0);
    ram_pool_unref(&pool);
}

static void test_budget_counts_bytes(void **state)
{
    struct ram_pool *pool = ram_pool_new();
    struct ram *ram = ram_new(1000, seed);

    (void)state;
    ram_pool_grow(pool, 4096);
    put(ram, pool, 1, 500); /* 512 with alignment */
    put(ram, pool, 2, 300);
    assert_int_equal(ram_bytes(ram), 512 + 320);
    put(ram, pool, 3, 200); /* 1 goes */
    assert_int_equal(ram_bytes(ram), 320 + 256);
    assert_null(get(ram, 1));
    assert_non_null(get(ram, 2));
    put(ram, pool, 4, 1001); /* larger than everything: not taken */
    assert_int_equal(ram_count(ram), 2);
    assert_int_equal(ram_pool_used(pool), 320 + 256);
    ram_free(&ram);
    ram_pool_unref(&pool);
}

static void test_slices_outlive_tier_and_pool(void **state)
{
    struct ram_pool *pool = ram_pool_new();
    struct ram *ram = ram_new(1024, seed);
    struct fog_slice s;

    (void)state;
    ram_pool_grow(pool, 4096);
    put(ram, pool, 1, 100);
    get(ram, 1)->data[99] = 'x';
    s = ram_extent_slice(get(ram, 1), 90);
    assert_int_equal((uintptr_t)get(ram, 1)->data % 64, 0);
    ram_free(&ram);
    assert_int_equal(ram_pool_used(pool), 128);
    ram_pool_unref(&pool);
    assert_int_equal(s.len, 10);
    assert_int_equal(s.p[9], 'x');
    fog_slice_done(&s);
}

static void test_held_extents_are_stepped_over(void **state)
{
    struct ram_pool *pool = ram_pool_new();
    struct ram *ram = ram_new(4 * 64, seed);
    struct fog_slice held[4];

    (void)state;
    ram_pool_grow(pool, 6 * 64);
    for (unsigned i = 0; i < 4; i++)
        put(ram, pool, i, 64);
    held[0] = ram_extent_slice(get(ram, 0), 0);
    put(ram, pool, 4, 64);
    assert_non_null(get(ram, 0)); /* the oldest, but dropping it would give nothing back */
    assert_null(get(ram, 1));
    for (unsigned i = 2; i < 5; i++)
        held[i - 1] = ram_extent_slice(get(ram, i), 0);
    put(ram, pool, 5, 64); /* everything is held: still ends, and one is dropped */
    assert_int_equal(ram_count(ram), 4);
    assert_int_equal(ram_pool_used(pool), 5 * 64);
    for (unsigned i = 0; i < 4; i++)
        fog_slice_done(&held[i]);
    assert_int_equal(ram_pool_used(pool), 4 * 64);
    ram_free(&ram);
    ram_pool_unref(&pool);
}

static void test_pool_refuses_above_its_limit(void **state)
{
    struct ram_pool *pool = ram_pool_new();
    struct ram_extent *a, *b;

    (void)state;
    ram_pool_grow(pool, 100);
    a = ram_extent_new(pool, 64);
    assert_non_null(a);
    assert_null(ram_extent_new(pool, 64));
    ram_extent_unref(a);
    b = ram_extent_new(pool, 0); /* an empty extent is still an extent */
    assert_non_null(b);
    ram_extent_unref(b);
    ram_pool_unref(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sieve_is_the_paper_s),
        cmocka_unit_test(test_budget_counts_bytes),
        cmocka_unit_test(test_slices_outlive_tier_and_pool),
        cmocka_unit_test(test_held_extents_are_stepped_over),
        cmocka_unit_test(test_pool_refuses_above_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
