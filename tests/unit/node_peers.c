/* node: whom a process asks for content, and in which order. */
#include "node/peers.h"

#include "core/wire/frame.h"
#include "router/cellmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BOXES 6

static struct cellmap_row rows[BOXES];

static struct cellmap *make_map(void)
{
    const struct fog_hash prev = {{0}};
    struct fog_addr addr;
    struct cellmap *map;

    for (uint8_t i = 0; i < BOXES; i++) {
        struct cellmap_row *r = &rows[i];

        memset(r, 0, sizeof *r);
        memset(r->key, 0x10 + i, sizeof r->key);
        memset(r->id.b, 0xa0 + i, sizeof r->id.b);
        r->weight = 100;
        r->flags = FOG_BOX_STORAGE | FOG_BOX_REACHABLE;
        assert_int_equal(fog_addr_parse_ip("192.0.2.1", (uint16_t)(1000 + i), &addr), 0);
        cellmap_row_set_addr(r, &addr);
    }
    rows[3].flags = FOG_BOX_STORAGE;
    assert_int_equal(cellmap_make(1, &prev, 0, NULL, 0, rows, BOXES, &map), 0);
    return map;
}

static struct peers *make_peers(const uint8_t self[32], bool reachable)
{
    struct peers *p = peers_new(self, reachable);
    struct cellmap *map = make_map();
    struct peers_hub hub = {.key = {0xee}};

    assert_int_equal(fog_addr_parse("192.0.2.9:443", &hub.addr), 0);
    peers_set_map(p, map);
    cellmap_unref(&map);
    peers_set_hubs(p, &hub, 1);
    return p;
}

static bool is_in(const struct links_peer *list, size_t n, const uint8_t key[32])
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(list[i].key, key, 32) == 0)
            return true;
    return false;
}

static void test_boxes_by_rank_then_hubs(void **state)
{
    static const uint8_t stranger[32] = {1};
    struct links_peer out[PEERS_CANDIDATES];
    struct peers *p = make_peers(stranger, true);
    struct cellmap *map = peers_map(p);
    const struct fog_hash pg = {{7}};
    uint32_t rank[BOXES];
    size_t n, ranked = cellmap_rank(map, &pg, rank, BOXES);

    (void)state;
    n = peers_candidates(p, &pg, NULL, 0, 0, out);
    assert_int_equal(n, PEERS_RANKED + 1);
    assert_true(ranked >= PEERS_RANKED);
    for (size_t i = 0; i < PEERS_RANKED; i++)
        assert_memory_equal(out[i].key, map->rows[rank[i]].key, 32);
    assert_int_equal(out[PEERS_RANKED].key[0], 0xee);
    assert_true(out[PEERS_RANKED].reachable);
    cellmap_unref(&map);
    peers_free(&p);
}

static void test_named_sources_go_first_once(void **state)
{
    static const uint8_t stranger[32] = {1};
    uint8_t first[3][32];
    struct links_peer out[PEERS_CANDIDATES];
    struct peers *p = make_peers(stranger, true);
    const struct fog_hash pg = {{7}};
    size_t n;

    (void)state;
    memset(first[0], 0x15, 32); /* a box */
    memset(first[1], 0x77, 32); /* nobody knows it */
    memset(first[2], 0x15, 32); /* again */
    n = peers_candidates(p, &pg, (const uint8_t(*)[32])first, 3, 0, out);
    assert_int_equal(n, PEERS_RANKED + 1);
    assert_int_equal(out[0].key[0], 0x15);
    for (size_t i = 1; i < n; i++)
        assert_int_not_equal(out[i].key[0], 0x15);
    assert_false(is_in(out, n, first[1]));
    peers_free(&p);
}

static void test_neither_oneself_nor_a_liar(void **state)
{
    uint8_t self[32], liar[32];
    struct links_peer out[PEERS_CANDIDATES];
    const struct fog_hash pg = {{7}};
    struct peers *p;
    size_t n;

    (void)state;
    memset(self, 0x11, sizeof self);
    memset(liar, 0x12, sizeof liar);
    p = make_peers(self, true);
    peers_distrust(p, liar, 1000);
    n = peers_candidates(p, &pg, NULL, 0, 2000, out);
    assert_false(is_in(out, n, self));
    assert_false(is_in(out, n, liar));
    assert_true(peers_is_known(p, liar)); /* it is still answered */
    n = peers_candidates(p, &pg, (const uint8_t(*)[32]) & liar, 1, 1000 + PEERS_DISTRUST_MS, out);
    assert_true(is_in(out, n, liar));
    peers_free(&p);
}

static void test_two_without_inbound_connections_never_meet(void **state)
{
    uint8_t self[32] = {1};
    struct links_peer out[PEERS_CANDIDATES];
    const struct fog_hash pg = {{7}};
    struct peers *p = make_peers(self, false);
    size_t n = peers_candidates(p, &pg, (const uint8_t(*)[32]) & rows[3].key, 1, 0, out);

    (void)state;
    assert_false(is_in(out, n, rows[3].key));
    for (size_t i = 0; i < n; i++)
        assert_true(out[i].reachable);
    peers_free(&p);
    p = make_peers(self, true);
    n = peers_candidates(p, &pg, (const uint8_t(*)[32]) & rows[3].key, 1, 0, out);
    assert_memory_equal(out[0].key, rows[3].key, 32);
    assert_false(out[0].reachable); /* it is called through its hub */
    peers_free(&p);
}

static void test_strangers_are_unknown(void **state)
{
    static const uint8_t stranger[32] = {1};
    uint8_t hub[32] = {0xee};
    struct peers *p = make_peers(stranger, true);

    (void)state;
    assert_false(peers_is_known(p, stranger));
    assert_true(peers_is_known(p, rows[0].key));
    assert_true(peers_is_known(p, hub));
    peers_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxes_by_rank_then_hubs),
        cmocka_unit_test(test_named_sources_go_first_once),
        cmocka_unit_test(test_neither_oneself_nor_a_liar),
        cmocka_unit_test(test_two_without_inbound_connections_never_meet),
        cmocka_unit_test(test_strangers_are_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
