/* node: content from other holders over real connections on loopback, and the placement executor on
 * top of it. One loop, two stores: "there" holds content, "here" lacks it. */
#include "core/base/assert.h"
#include "core/content/manifest.h"
#include "core/content/tree.h"
#include "core/crypto/sign.h"
#include "core/http/server.h"
#include "core/io/conn.h"
#include "core/io/loop.h"
#include "core/wire/frame.h"
#include "node/fill.h"
#include "node/hold.h"
#include "node/serve_node.h"
#include "router/cellmap.h"
#include "storage/storage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define CHUNK_LEN (3 * FOG_LEAF_SIZE + 1000)

/* A holder: its identity, listener and HTTP server. `lies` flips a bit of everything it serves. */
struct holder {
    uint8_t seed[32], key[32];
    struct fog_tls_cert *cert;
    struct fog_tls_server *tls;
    struct fog_listener *listener;
    struct fog_http_server *http;
    struct fog_addr addr;
    bool lies;
};

/* A second loop of the filling process. */
struct second {
    struct fog_loop *loop;
    struct storage_loop *store;
    struct links_loop *links;
    struct fill *fill;
};

struct world {
    struct fog_loop *loop;
    struct second second;
    struct storage *there, *here;
    struct storage_loop *there_loop, *here_loop;
    struct peers *server_peers, *peers;
    struct serve_node *node;
    struct holder honest, liar;
    uint8_t self_seed[32], self_key[32];
    struct fog_tls_cert *self_cert;
    struct links *links;
    struct links_loop *links_loop;
    struct fill_table *table;
    struct fill *fill;
    struct hold *hold;
    unsigned lies;
    struct fill_lie last_lie;
    uint8_t body[CHUNK_LEN];
    struct fog_chunk_ref ref;
};

struct waiter {
    struct fill_wait wait;
    bool done;
    int err;
};

static void on_done(struct fill_wait *w, int err)
{
    struct waiter *x = FOG_CONTAINER(w, waiter, wait);

    x->done = true;
    x->err = err;
}

static void run_until(struct world *w, const bool *done)
{
    time_t end = time(NULL) + 20;

    while (!*done && time(NULL) < end) {
        fog_loop_turn(w->loop, false);
        fog_loop_turn(w->second.loop, false);
    }
    assert_true(*done);
}

/* ---- holders ---- */

static void answer_lie(struct world *w, struct fog_http_req *req)
{
    struct fog_hash leaves[FOG_CHUNK_LEAVES];
    unsigned n = fog_chunk_leaves(fog_bytes_of(w->body, CHUNK_LEN), leaves);
    struct fog_buf out = {0};

    fog_buf_append(&out, leaves, n * sizeof *leaves);
    fog_buf_append(&out, w->body, CHUNK_LEN);
    out.data[n * sizeof *leaves + FOG_LEAF_SIZE + 5] ^= 1; /* in the second leaf */
    fog_http_respond_bytes(req, 200, NULL, 0, fog_buf_bytes(&out));
    fog_buf_fini(&out);
}

static struct world *world; /* the HTTP servers' handlers find it here */

static void on_request(struct fog_http_req *req, void *arg)
{
    struct holder *h = arg;

    if (h->lies)
        answer_lie(world, req);
    else
        serve_node_on_request(world->node, req);
}

static void on_accept(struct fog_conn *c, void *arg)
{
    struct holder *h = arg;

    fog_http_server_adopt(h->http, c);
}

static void identity(uint8_t fill, uint8_t seed[32], uint8_t key[32], struct fog_tls_cert **cert)
{
    struct fog_sign_key k;

    memset(seed, fill, 32);
    fog_sign_key_of(seed, &k);
    memcpy(key, k.pub.b, 32);
    assert_int_equal(fog_tls_cert_node(seed, cert), 0);
}

static void holder_start(struct holder *h, uint8_t fill, bool lies)
{
    static const char *const alpn[] = {"fog-fill/1", NULL};
    const struct fog_http_server_conf http = {.on_request = on_request, .arg = h};
    struct fog_tls_server_conf tls = {.node_alpn = alpn};
    struct fog_addr at;

    identity(fill, h->seed, h->key, &h->cert);
    h->lies = lies;
    tls.node = h->cert;
    assert_int_equal(fog_tls_server_new(&tls, &h->tls), 0);
    h->http = fog_http_server_new(world->loop, &http);
    assert_int_equal(fog_addr_parse("127.0.0.1:0", &at), 0);
    assert_int_equal(fog_listener_new(world->loop, &at, h->tls, on_accept, h, &h->listener), 0);
    fog_listener_addr(h->listener, &h->addr);
}

static void holder_stop(struct holder *h)
{
    fog_listener_free(&h->listener);
    fog_http_server_free(&h->http);
    fog_tls_server_free(&h->tls);
    fog_tls_cert_unref(&h->cert);
}

/* ---- the world ---- */

static void on_lie(void *arg, const struct fill_lie *lie)
{
    struct world *w = arg;

    w->lies++;
    w->last_lie = *lie;
}

static void status(void *arg, struct fog_buf *out)
{
    (void)arg;
    fog_buf_append_str(out, "{}");
}

/* A map of one box whose key is `self`: what the holders check their peers against. */
static void set_known(struct peers *p, const uint8_t key[32])
{
    const struct fog_hash prev = {{0}};
    struct cellmap_row row = {.weight = 1, .flags = FOG_BOX_STORAGE, .id = {{1}}};
    struct cellmap *map;

    memcpy(row.key, key, 32);
    assert_int_equal(cellmap_make(1, &prev, 0, NULL, 0, &row, 1, &map), 0);
    peers_set_map(p, map);
    cellmap_unref(&map);
}

static int setup(void **state)
{
    const struct storage_config mem = {.quota_bytes = (uint64_t)256 << 20, .workers = 1};
    struct world *w = FOG_NEW(world);
    struct links_conf links = {.n_loops = 2, .policy = {.allow_any = true}};
    struct serve_node_conf node = {.status = status};
    struct fill_conf fill;

    world = w;
    w->loop = fog_loop_new();
    assert_int_equal(storage_open(&mem, &w->there), 0);
    assert_int_equal(storage_open(&mem, &w->here), 0);
    w->there_loop = storage_loop_new(w->there, w->loop, 4 << 20);
    w->here_loop = storage_loop_new(w->here, w->loop, 4 << 20);
    identity(1, w->self_seed, w->self_key, &w->self_cert);
    w->server_peers = peers_new((const uint8_t[32]){9}, true);
    set_known(w->server_peers, w->self_key);
    node.store = w->there_loop;
    node.peers = w->server_peers;
    w->node = serve_node_new(&node);
    holder_start(&w->honest, 2, false);
    holder_start(&w->liar, 3, true);
    w->peers = peers_new(w->self_key, true);
    links.node = w->self_cert;
    assert_int_equal(links_new(&links, &w->links), 0);
    w->links_loop = links_loop_new(w->links, 0, w->loop);
    w->table = fill_table_new();
    fill = (struct fill_conf){.loop = w->loop,
                              .store = w->here_loop,
                              .links = w->links_loop,
                              .peers = w->peers,
                              .table = w->table,
                              .on_lie = on_lie,
                              .arg = w};
    w->fill = fill_new(&fill);
    fill.loop = w->second.loop = fog_loop_new();
    fill.store = w->second.store = storage_loop_new(w->here, w->second.loop, 4 << 20);
    fill.links = w->second.links = links_loop_new(w->links, 1, w->second.loop);
    w->second.fill = fill_new(&fill);
    w->hold = hold_new(w->loop, w->here, w->here_loop, w->fill);
    for (size_t i = 0; i < CHUNK_LEN; i++)
        w->body[i] = (uint8_t)(i * 31 + (i >> 8));
    fog_chunk_id(fog_bytes_of(w->body, CHUNK_LEN), &w->ref.id);
    w->ref.len = CHUNK_LEN;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    fill_free(&w->fill);
    fill_free(&w->second.fill);
    links_loop_free(&w->links_loop);
    links_loop_free(&w->second.links);
    holder_stop(&w->honest);
    holder_stop(&w->liar);
    for (int i = 0; i < 20; i++) { /* connections close */
        fog_loop_turn(w->loop, false);
        fog_loop_turn(w->second.loop, false);
    }
    fill_table_free(&w->table);
    links_free(&w->links);
    serve_node_free(&w->node);
    peers_free(&w->peers);
    peers_free(&w->server_peers);
    storage_loop_free(&w->there_loop);
    storage_loop_free(&w->here_loop);
    storage_loop_free(&w->second.store);
    storage_close(&w->there);
    storage_close(&w->here);
    hold_free(&w->hold);
    fog_loop_free(&w->loop);
    fog_loop_free(&w->second.loop);
    fog_tls_cert_unref(&w->self_cert);
    free(w);
    return 0;
}

static void use_hubs(struct world *w, const struct holder *first, const struct holder *second)
{
    struct peers_hub hubs[2];
    size_t n = 0;

    for (int i = 0; i < 2; i++) {
        const struct holder *h = i == 0 ? first : second;

        if (h == NULL)
            continue;
        memcpy(hubs[n].key, h->key, 32);
        hubs[n++].addr = h->addr;
    }
    peers_set_hubs(w->peers, hubs, n);
}

static void give_there(struct world *w)
{
    assert_int_equal(storage_put_sync(w->there, FOG_KIND_CHUNK, &w->ref.id,
                                      fog_bytes_of(w->body, CHUNK_LEN), NULL, false),
                     0);
}

static void expect_here(struct world *w)
{
    struct fog_buf got = {0};

    assert_int_equal(storage_get_sync(w->here, FOG_KIND_CHUNK, &w->ref.id, &got), 0);
    assert_int_equal(got.len, CHUNK_LEN);
    assert_memory_equal(got.data, w->body, CHUNK_LEN);
    fog_buf_fini(&got);
}

/* ---- tests ---- */

static void test_a_chunk_comes_from_its_holder(void **state)
{
    struct world *w = *state;
    const struct fill_want want = {.pg = {{1}}};
    struct waiter reader = {.wait = {.on_done = on_done}};
    struct waiter keeper = {.wait = {.on_done = on_done}};

    give_there(w);
    use_hubs(w, &w->honest, NULL);
    fill_chunk(w->fill, &w->ref, &want, false, false, &reader.wait);
    fill_chunk(w->fill, &w->ref, &want, true, true, &keeper.wait);
    assert_false(reader.done); /* never from inside */
    run_until(w, &reader.done);
    assert_int_equal(reader.err, 0);
    run_until(w, &keeper.done);
    assert_int_equal(keeper.err, 0);
    expect_here(w);
    assert_int_equal(fill_stats(w->fill)->chunks, 1); /* one fill for both */
    assert_int_equal(w->lies, 0);
}

static void test_one_fill_for_all_loops(void **state)
{
    struct world *w = *state;
    const struct fill_want want = {.pg = {{1}}};
    struct waiter here = {.wait = {.on_done = on_done}};
    struct waiter there = {.wait = {.on_done = on_done}};

    give_there(w);
    use_hubs(w, &w->honest, NULL);
    fill_chunk(w->fill, &w->ref, &want, true, false, &here.wait);
    fill_chunk(w->second.fill, &w->ref, &want, false, false, &there.wait);
    run_until(w, &here.done);
    run_until(w, &there.done);
    assert_int_equal(here.err, 0);
    assert_int_equal(there.err, 0);
    assert_int_equal(fill_stats(w->fill)->chunks + fill_stats(w->second.fill)->chunks, 1);
    expect_here(w);
}

static void test_every_loop_reaches_every_peer(void **state)
{
    struct world *w = *state;
    const struct fill_want want = {.pg = {{1}}};
    struct waiter first = {.wait = {.on_done = on_done}};
    struct waiter second = {.wait = {.on_done = on_done}};
    struct fog_chunk_ref other = {.len = 5};

    /* The connection lives on one of the two loops; the other asks through it. */
    give_there(w);
    fog_chunk_id(fog_bytes_str("other"), &other.id);
    assert_int_equal(
        storage_put_sync(w->there, FOG_KIND_CHUNK, &other.id, fog_bytes_str("other"), NULL, false),
        0);
    use_hubs(w, &w->honest, NULL);
    fill_chunk(w->fill, &w->ref, &want, true, false, &first.wait);
    run_until(w, &first.done);
    fill_chunk(w->second.fill, &other, &want, true, false, &second.wait);
    run_until(w, &second.done);
    assert_int_equal(first.err, 0);
    assert_int_equal(second.err, 0);
    assert_int_equal(fog_http_server_open(w->honest.http), 1);
}

static void test_a_liar_is_caught_and_the_next_goes_on(void **state)
{
    struct world *w = *state;
    const struct fill_want want = {.pg = {{1}}};
    struct waiter keeper = {.wait = {.on_done = on_done}};
    struct fog_hash leaves[FOG_CHUNK_LEAVES];
    struct links_peer out[PEERS_CANDIDATES];

    give_there(w);
    use_hubs(w, &w->liar, &w->honest);
    fill_chunk(w->fill, &w->ref, &want, true, false, &keeper.wait);
    run_until(w, &keeper.done);
    assert_int_equal(keeper.err, 0);
    expect_here(w);
    assert_int_equal(w->lies, 1);
    assert_memory_equal(w->last_lie.peer, w->liar.key, 32);
    assert_int_equal(w->last_lie.leaf, 1);
    (void)fog_chunk_leaves(fog_bytes_of(w->body, CHUNK_LEN), leaves);
    assert_true(fog_hash_eq(&w->last_lie.expected, &leaves[1]));
    assert_false(fog_hash_eq(&w->last_lie.got, &leaves[1]));
    /* and it is not asked again */
    assert_int_equal(peers_candidates(w->peers, &want.pg, NULL, 0, fog_loop_now_ms(w->loop), out),
                     1);
    assert_memory_equal(out[0].key, w->honest.key, 32);
}

static void test_what_nobody_has_ends_with_enoent(void **state)
{
    struct world *w = *state;
    const struct fill_want want = {.pg = {{1}}};
    struct waiter x = {.wait = {.on_done = on_done}};

    use_hubs(w, &w->honest, NULL);
    fill_chunk(w->fill, &w->ref, &want, false, false, &x.wait);
    run_until(w, &x.done);
    assert_int_equal(x.err, -ENOENT);
    x = (struct waiter){.wait = {.on_done = on_done}};
    use_hubs(w, NULL, NULL);
    fill_chunk(w->fill, &w->ref, &want, false, false, &x.wait);
    run_until(w, &x.done);
    assert_int_equal(x.err, -ENOENT);
}

static void test_who_no_longer_waits_is_not_called(void **state)
{
    struct world *w = *state;
    const struct fill_want want = {.pg = {{1}}};
    struct waiter gone = {.wait = {.on_done = on_done}};
    struct waiter keeper = {.wait = {.on_done = on_done}};

    give_there(w);
    use_hubs(w, &w->honest, NULL);
    fill_chunk(w->fill, &w->ref, &want, false, false, &gone.wait);
    fill_unwait(&gone.wait);
    fill_chunk(w->fill, &w->ref, &want, true, false, &keeper.wait);
    run_until(w, &keeper.done);
    assert_false(gone.done);
    expect_here(w); /* the fill itself went on */
}

/* ---- placement ---- */

struct outcome {
    bool done;
    int err;
    uint64_t bytes;
};

static void on_held(void *ctx, int err, uint64_t bytes)
{
    struct outcome *o = ctx;

    o->done = true;
    o->err = err;
    o->bytes = bytes;
}

/* A manifest that names the chunk, put "there". */
static void make_manifest(struct world *w, struct fog_hash *id)
{
    struct fog_manifest m = {.n_variants = 1};
    struct fog_buf bytes = {0};
    struct fog_hasher h;

    fog_hasher_init(&h);
    assert_int_equal(fog_hasher_update(&h, fog_bytes_of(w->body, CHUNK_LEN)), 0);
    fog_hasher_final(&h, FOG_IDENTITY, &m.variants[0]);
    fog_hasher_fini(&h);
    (void)snprintf(m.media_type, sizeof m.media_type, "video/mp4");
    assert_int_equal(fog_manifest_encode(&m, &bytes), 0);
    fog_manifest_id(fog_buf_bytes(&bytes), id);
    assert_int_equal(
        storage_put_sync(w->there, FOG_KIND_MANIFEST, id, fog_buf_bytes(&bytes), NULL, false), 0);
    fog_buf_fini(&bytes);
    fog_manifest_fini(&m);
}

static uint32_t pins_of(struct world *w, uint8_t kind, const struct fog_hash *id)
{
    struct storage_info info;

    assert_int_equal(storage_have(w->here, kind, id, &info), 0);
    return info.pins;
}

static void test_an_order_means_the_chunks_of_its_manifests(void **state)
{
    struct world *w = *state;
    struct hold_ref ref = {.kind = FOG_KIND_MANIFEST};
    struct hold_order order = {.pg = {{5}}, .rev = {{1}}, .refs = &ref, .n = 1};
    struct outcome o = {0};

    give_there(w);
    make_manifest(w, &ref.id);
    use_hubs(w, &w->honest, NULL);
    assert_int_equal(hold_take(w->hold, &order, on_held, &o), 0);
    run_until(w, &o.done);
    assert_int_equal(o.err, 0);
    assert_true(o.bytes > CHUNK_LEN);
    expect_here(w);
    assert_int_equal(pins_of(w, FOG_KIND_CHUNK, &w->ref.id), 1);

    /* The same again is the same; then the group is let go. */
    o = (struct outcome){0};
    assert_int_equal(hold_take(w->hold, &order, on_held, &o), 0);
    run_until(w, &o.done);
    assert_int_equal(o.err, 0);
    assert_int_equal(pins_of(w, FOG_KIND_CHUNK, &w->ref.id), 1);
    o = (struct outcome){0};
    order.n = 0;
    assert_int_equal(hold_take(w->hold, &order, on_held, &o), 0);
    run_until(w, &o.done);
    assert_int_equal(o.err, 0);
    assert_int_equal(pins_of(w, FOG_KIND_CHUNK, &w->ref.id), 0);
}

static void test_a_failed_order_keeps_the_earlier_one(void **state)
{
    struct world *w = *state;
    struct hold_ref old = {.kind = FOG_KIND_CHUNK, .id = w->ref.id, .len = CHUNK_LEN};
    struct hold_ref absent = {.kind = FOG_KIND_CHUNK, .id = {{0xab}}, .len = 10};
    struct hold_order order = {.pg = {{5}}, .rev = {{1}}, .refs = &old, .n = 1};
    struct outcome o = {0};

    give_there(w);
    use_hubs(w, &w->honest, NULL);
    assert_int_equal(hold_take(w->hold, &order, on_held, &o), 0);
    run_until(w, &o.done);
    assert_int_equal(o.err, 0);
    o = (struct outcome){0};
    order.rev.b[0] = 2;
    order.refs = &absent;
    assert_int_equal(hold_take(w->hold, &order, on_held, &o), 0);
    run_until(w, &o.done);
    assert_int_equal(o.err, -ENOENT);
    assert_int_equal(pins_of(w, FOG_KIND_CHUNK, &w->ref.id), 1);
}

static void test_a_waiting_order_is_replaced_by_a_newer_one(void **state)
{
    struct world *w = *state;
    struct hold_ref ref = {.kind = FOG_KIND_CHUNK, .id = w->ref.id, .len = CHUNK_LEN};
    struct hold_order order = {.pg = {{5}}, .rev = {{1}}, .refs = &ref, .n = 1};
    struct outcome first = {0}, second = {0};

    give_there(w);
    use_hubs(w, &w->honest, NULL);
    assert_int_equal(hold_take(w->hold, &order, on_held, &first), 0);
    order.rev.b[0] = 2;
    assert_int_equal(hold_take(w->hold, &order, on_held, &second), 0);
    assert_true(first.done);
    assert_int_equal(first.err, FOG_ECANCELED);
    run_until(w, &second.done);
    assert_int_equal(second.err, 0);
    assert_int_equal(pins_of(w, FOG_KIND_CHUNK, &w->ref.id), 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_chunk_comes_from_its_holder),
        T(test_one_fill_for_all_loops),
        T(test_every_loop_reaches_every_peer),
        T(test_a_liar_is_caught_and_the_next_goes_on),
        T(test_what_nobody_has_ends_with_enoent),
        T(test_who_no_longer_waits_is_not_called),
        T(test_an_order_means_the_chunks_of_its_manifests),
        T(test_a_failed_order_keeps_the_earlier_one),
        T(test_a_waiting_order_is_replaced_by_a_newer_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
