/*
 * A router instance and boxes over real connections in one process: enrolment, leases, maps,
 * publishing, placement, death and repair, certificates.
 */
#include "core/content/manifest.h"
#include "core/content/pointer.h"
#include "core/content/release.h"
#include "core/crypto/x509.h"
#include "core/http/server.h"
#include "router/copies.h"
#include "router/enrol.h"
#include "router/publish.h"
#include "router/router.h"
#include "router/steer_in.h"
#include "tests/lib/routerkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BOXES 4

struct box {
    struct member *m;
    struct fog_listener *listener;
    struct fog_tls_cert *cert;
    struct fog_tls_server *tls;
    uint8_t seed[32];
    uint8_t key[32];
    char label[32];
    unsigned places, pointers, maps, certs;
    bool enrolled;
    struct fog_buf chain;
    struct fog_tls_cert *public_cert; /* once it has one */
    unsigned asked;                   /* public requests */
};

static struct box boxes[BOXES];

/* --- boxes --- */

static void on_place(void *arg, const struct fog_wire_place *m)
{
    struct box *b = arg;
    struct fog_wire_placed p = {
        .order = m->order, .pg = m->pg, .rev = m->rev, .state = m->op == 1 ? 1 : 3, .bytes = 1};

    b->places++;
    if (m->part + 1 == m->parts)
        assert_int_equal(member_placed(b->m, &p), 0);
}

static void on_enrolled(void *arg, const char *label, const uint8_t operator_addr[20])
{
    struct box *b = arg;

    (void)operator_addr;
    assert_string_equal(label, member_label(b->m));
    b->enrolled = true;
}

static void on_map(void *arg)
{
    ((struct box *)arg)->maps++;
}

static void on_pointer(void *arg, const struct fog_wire_pointer *m)
{
    struct fog_pointer p;

    assert_int_equal(fog_pointer_decode(m->pointer, &p), 0);
    ((struct box *)arg)->pointers++;
}

static void on_cert(void *arg, struct fog_bytes chain, int64_t not_after_ms)
{
    struct box *b = arg;

    (void)not_after_ms;
    b->certs++;
    fog_buf_clear(&b->chain);
    fog_buf_append(&b->chain, chain.p, chain.len);
}

static struct fog_http_server *public_server;

static void on_public_request(struct fog_http_req *req, void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < BOXES; i++) {
        struct fog_bytes host = fog_http_req_authority(req);
        boxes[i].asked +=
            boxes[i].label[0] != 0 && memmem(host.p, host.len, boxes[i].label, 26) != NULL;
    }
    fog_http_respond_bytes(req, 200, NULL, 0, fog_bytes_str("{}"));
}

static struct fog_tls_cert *pick(void *arg, const char *sni)
{
    struct box *b = arg;

    return b->public_cert == NULL || sni == NULL ? NULL : fog_tls_cert_ref(b->public_cert);
}

static void on_box_accept(struct fog_conn *c, void *arg)
{
    uint8_t key[32];

    (void)arg;
    if (!fog_conn_peer_key(c, key)) {
        fog_http_server_adopt(public_server, c);
        return;
    }
    fog_conn_adopt(c, NULL, NULL);
    fog_conn_close(c);
}

static void box_listen(struct box *b)
{
    static const char *const node_alpn[] = {"fog-fill/1", NULL}, *const alpn[] = {"h2", NULL};
    struct fog_tls_server_conf conf = {
        .pick = pick, .arg = b, .alpn = alpn, .node_alpn = node_alpn};
    struct fog_addr at;

    assert_int_equal(fog_tls_cert_node(b->seed, &b->cert), 0);
    conf.node = b->cert;
    assert_int_equal(fog_tls_server_new(&conf, &b->tls), 0);
    assert_int_equal(fog_addr_parse("127.0.0.1:0", &at), 0);
    assert_int_equal(fog_listener_new(rk.loop, &at, b->tls, on_box_accept, b, &b->listener), 0);
}

static void box_start(unsigned i, unsigned uses)
{
    struct box *b = &boxes[i];
    struct fog_sign_key key;
    struct fog_buf token = {0};
    struct fog_addr at;
    struct member_conf conf = {.seed = b->seed, .jitter_seed = i};
    struct member_ops ops = {.arg = b,
                             .on_enrolled = on_enrolled,
                             .on_map = on_map,
                             .on_pointer = on_pointer,
                             .on_place = on_place,
                             .on_cert = on_cert};

    fogkit_box_seed(i, b->seed);
    fog_sign_key_of(b->seed, &key);
    memcpy(b->key, key.pub.b, 32);
    box_listen(b);
    fog_listener_addr(b->listener, &at);
    rk.kit.hubs = rk.router->hubs;
    {
        struct enrol_token t = {
            .fog_id = rk.kit.fog_id, .hub_set = rk.kit.hubs.id, .n_hubs = 1, .uses = uses};
        struct fog_sig sig;
        t.not_after_ms = fog_wall_ms() + 100000;
        fog_listener_addr(rk.hub_listener, &t.hubs[0].addr);
        memcpy(t.hubs[0].key, rk.kit.hub.pub.b, 32);
        t.operator_addr[0] = (uint8_t)(i + 1);
        t.serial[0] = (uint8_t)(i + 1);
        t.signer = rk.kit.map_key.pub;
        assert_int_equal(enrol_token_body(&t, &token), 0);
        fog_sign(&rk.kit.map_key, FOG_SIGN_ENROLL_TOKEN, &rk.kit.fog_id, fog_buf_bytes(&token),
                 &sig);
        fog_buf_append(&token, sig.b, 64);
    }
    conf.genesis = fog_buf_bytes(&rk.kit.genesis_bytes);
    conf.token = fog_buf_bytes(&token);
    fog_addr_format(&at, conf.hello.advertise);
    conf.hello.flags = FOG_BOX_REACHABLE | FOG_BOX_EDGE | FOG_BOX_STORAGE;
    conf.hello.weight = 100;
    conf.hello.class = FOG_CLASS_RACK;
    memcpy(conf.hello.country, i % 2 == 0 ? "de" : "fr", 3);
    snprintf(conf.hello.domain, sizeof conf.hello.domain, "rack-%u", i);
    assert_int_equal(member_new(rk.loop, &conf, &ops, &b->m), 0);
    fog_buf_fini(&token);
}

static void box_kill(unsigned i)
{
    struct box *b = &boxes[i];

    fog_listener_free(&b->listener);
    member_free(&b->m); /* the connection goes without a word, and so do those of viewers */
    fog_http_server_free(&public_server);
    public_server = fog_http_server_new(
        rk.loop, &(struct fog_http_server_conf){.on_request = on_public_request});
}

/* --- set-up --- */

static int setup(void **state)
{
    (void)state;
    routerkit_start();
    public_server = fog_http_server_new(
        rk.loop, &(struct fog_http_server_conf){.on_request = on_public_request});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BOXES; i++) {
        member_free(&boxes[i].m);
        fog_listener_free(&boxes[i].listener);
        fog_tls_server_free(&boxes[i].tls);
        fog_tls_cert_unref(&boxes[i].cert);
        fog_tls_cert_unref(&boxes[i].public_cert);
        fog_buf_fini(&boxes[i].chain);
    }
    fog_http_server_free(&public_server);
    routerkit_stop();
    return 0;
}

/* --- the story, in order --- */

static bool all_have_ids(void)
{
    for (unsigned i = 0; i < BOXES; i++) {
        const struct cellmap *map = boxes[i].m == NULL ? NULL : member_map(boxes[i].m);
        if (map == NULL || map->n != BOXES || map->live_as_of == 0)
            return false;
        for (size_t r = 0; r < map->n; r++)
            if (map->items[r].weight == 0 || map->rows[r].port == 0 || !cellmap_is_live(map, r))
                return false;
    }
    return true;
}

static void test_boxes_enrol_and_everybody_has_the_same_map(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BOXES; i++)
        box_start(i, 1);
    routerkit_until(all_have_ids);
    for (unsigned i = 0; i < BOXES; i++) {
        assert_true(boxes[i].enrolled);
        assert_true(member_is_leased(boxes[i].m));
        assert_true(member_is_hub(boxes[i].m, rk.kit.hub.pub.b));
        assert_in_range(member_hub_ms(boxes[i].m) - fog_wall_ms() + 1500, 0, 3000);
        assert_true(fog_hash_eq(&member_map(boxes[i].m)->self, &router_cellmap(rk.router)->self));
        assert_true(router_knows_box(rk.router, boxes[i].key));
    }
}

static bool refused;

static void on_refused(void *arg, unsigned code, const char *text)
{
    (void)arg;
    (void)text;
    refused = code == FOG_REFUSE_TOKEN;
}

static bool was_refused(void)
{
    return refused;
}

static void test_a_used_token_lets_nobody_else_in(void **state)
{
    struct member_conf conf = {.jitter_seed = 9};
    struct member_ops ops = {.on_refused = on_refused};
    struct enrol_token t = {.fog_id = rk.kit.fog_id,
                            .hub_set = rk.router->hubs.id,
                            .n_hubs = 1,
                            .uses = 1,
                            .serial = {1}};
    struct fog_buf token = {0};
    struct member *thief;
    struct fog_sig sig;
    uint8_t seed[32] = {0x66};

    (void)state;
    t.not_after_ms = fog_wall_ms() + 100000;
    t.operator_addr[0] = 1;
    fog_listener_addr(rk.hub_listener, &t.hubs[0].addr);
    memcpy(t.hubs[0].key, rk.kit.hub.pub.b, 32);
    t.signer = rk.kit.map_key.pub;
    assert_int_equal(enrol_token_body(&t, &token), 0);
    fog_sign(&rk.kit.map_key, FOG_SIGN_ENROLL_TOKEN, &rk.kit.fog_id, fog_buf_bytes(&token), &sig);
    fog_buf_append(&token, sig.b, 64);
    conf.genesis = fog_buf_bytes(&rk.kit.genesis_bytes);
    conf.token = fog_buf_bytes(&token);
    conf.seed = seed;
    assert_int_equal(member_new(rk.loop, &conf, &ops, &thief), 0);
    routerkit_until(was_refused);
    assert_false(member_is_leased(thief));
    member_free(&thief);
    fog_buf_fini(&token);
}

static bool clocks_followed(void)
{
    for (unsigned i = 0; i < BOXES; i++)
        if (llabs(member_hub_ms(boxes[i].m) - fog_wall_ms() - rk.clock_shift) > 1500)
            return false;
    return true;
}

static void test_a_clock_that_is_set_is_followed_within_a_second_or_so(void **state)
{
    (void)state;
    rk.clock_shift = 7 * 86400 * (fog_time_ms)1000; /* a development chain moved by a week */
    routerkit_until(clocks_followed);
    rk.clock_shift = 0;
    routerkit_until(clocks_followed);
}

/* --- publishing --- */

static struct fog_hash publisher_id;
static struct fog_keydoc doc;
static struct fog_sign_key release_key;
static struct publish_result result;
static bool published;

static void make_file(const char *text, const char *type, struct fog_hash *manifest)
{
    struct fog_manifest m = {.n_variants = 1};
    struct fog_hasher h;
    struct fog_buf b = {0};

    snprintf(m.media_type, sizeof m.media_type, "%s", type);
    fog_hasher_init(&h);
    assert_int_equal(fog_hasher_update(&h, fog_bytes_str(text)), 0);
    fog_hasher_final(&h, FOG_IDENTITY, &m.variants[0]);
    assert_int_equal(fog_manifest_encode(&m, &b), 0);
    fog_manifest_id(fog_buf_bytes(&b), manifest);
    routerkit_put(FOG_KIND_CHUNK, &m.variants[0].chunk_ids[0], fog_bytes_str(text));
    routerkit_put(FOG_KIND_MANIFEST, manifest, fog_buf_bytes(&b));
    fog_buf_fini(&b);
    fog_hasher_fini(&h);
    fog_manifest_fini(&m);
}

static void on_page(const struct fog_ref *ref, struct fog_bytes page, void *arg)
{
    (void)arg;
    routerkit_put(FOG_KIND_PAGE, &ref->id, page);
}

static void on_published(void *ctx, const struct publish_result *res)
{
    (void)ctx;
    result = *res;
    published = true;
}

static bool is_published(void)
{
    return published;
}

/* Publishes a site of a playlist and two segments in two slots. */
static void publish(const char *playlist, uint64_t seq, bool forget_a_segment)
{
    struct fog_release_entry e[3] = {{.path = fog_bytes_str("movie/master.m3u8")},
                                     {.path = fog_bytes_str("movie/s1.m4s"), .slot = 1},
                                     {.path = fog_bytes_str("movie/s2.m4s"), .slot = 2}};
    struct fog_pointer p = {.publisher_id = publisher_id,
                            .site = "films",
                            .kind = FOG_POINTER_SITE,
                            .gen = 1,
                            .seq = seq};
    struct fog_buf bytes = {0};

    make_file(playlist, "application/vnd.apple.mpegurl", &e[0].manifest);
    make_file("segment one", "video/mp4", &e[1].manifest);
    make_file("segment two", "video/mp4", &e[2].manifest);
    if (forget_a_segment)
        routerkit_forget(&e[2].manifest);
    assert_int_equal(fog_release_build(e, 3, on_page, NULL, &p.table), 0);
    p.issued_ms = fog_wall_ms();
    p.max_stale_s = FOG_SITE_STALE_S;
    assert_int_equal(fog_pointer_seal(&p, &release_key, &rk.kit.fog_id, &bytes), 0);
    published = false;
    publish_pointer(rk.router->publish, &publisher_id, fog_buf_bytes(&bytes), (struct fog_bytes){0},
                    on_published, NULL);
    routerkit_until(is_published);
    fog_buf_fini(&bytes);
}

static bool copies_are_made(void)
{
    struct copies_status st;

    copies_status(rk.router->copies, &result.site, 0, &st);
    return st.groups == 4 && st.copies_min == 2;
}

static void test_a_release_is_checked_then_placed_twice(void **state)
{
    static const uint8_t recovery_seed[32] = {0x51}, release_seed[32] = {0x52};
    struct fog_sign_key recovery;
    struct fog_buf keydoc = {0};
    struct copies_status st;

    (void)state;
    fog_sign_key_of(recovery_seed, &recovery);
    fog_sign_key_of(release_seed, &release_key);
    doc = (struct fog_keydoc){.gen = 1, .n_keys = 1};
    doc.keys[0] = release_key.pub;
    assert_int_equal(
        fog_keydoc_seal(&doc, (struct fog_bytes){0}, &recovery, &rk.kit.fog_id, &keydoc), 0);
    publisher_id = doc.publisher_id;
    records_put_pub(rk.router->rec, &doc, fog_buf_bytes(&keydoc), NULL, NULL);
    fog_buf_fini(&keydoc);

    publish("#EXTM3U\nhttps://elsewhere.example/s1.m4s\n", 1, false);
    assert_int_equal(result.status, 422);
    assert_string_equal(result.code, "absolute_uri");
    assert_non_null(strstr(result.detail, "line 2"));
    publish("#EXTM3U\ns1.m4s\ns2.m4s\n", 1, true);
    assert_int_equal(result.status, 409);
    assert_string_equal(result.code, "missing_object");
    publish("#EXTM3U\ns1.m4s\ns2.m4s\n", 1, false);
    assert_int_equal(result.status, 200);
    routerkit_until(copies_are_made);
    copies_status(rk.router->copies, &result.site, 0, &st);
    assert_true(st.spread);
    for (unsigned i = 0; i < BOXES; i++)
        assert_true(boxes[i].pointers >= 1);
    publish("#EXTM3U\ns1.m4s\ns2.m4s\n#", 1, false); /* other content under the same seq */
    assert_int_equal(result.status, 409);
    assert_string_equal(result.code, "stale_pointer");
}

/* --- viewers --- */

static struct steer_decision decision;
static unsigned decided;

static void on_decision(void *ctx, const struct steer_decision *d)
{
    (void)ctx;
    decision = *d;
    decided++;
}

static void test_a_viewer_gets_a_box_keeps_it_and_moves_when_he_asks_again(void **state)
{
    struct fog_addr client;
    struct steer_ask ask = {.kind = STEER_ENTRY,
                            .client = &client,
                            .sid = "",
                            .back_box = "",
                            .publisher_id = publisher_id};
    char label[FOG_SITE_LABEL_LEN + 1], sid[STEER_SID_MAX] = "", first[27];
    unsigned before;

    (void)state;
    fog_site_label(&result.site, label);
    ask.site = label;
    ask.path = fog_bytes_str("movie/master.m3u8");
    assert_int_equal(fog_addr_parse("127.0.0.1:1", &client), 0);
    steer_decide(rk.router->steer, &ask, on_decision, NULL);
    assert_int_equal(decision.verdict, STEER_REDIRECT);
    assert_int_equal(decision.status, 302);
    assert_int_equal(sscanf(decision.prefix, "/~s/%64[^/]/", sid), 1);

    ask.kind = STEER_SEGMENT;
    ask.sid = sid;
    ask.path = fog_bytes_str("movie/s1.m4s");
    ask.slot = 1;
    ask.object.b[0] = 1;
    steer_decide(rk.router->steer, &ask, on_decision, NULL);
    assert_int_equal(decision.verdict, STEER_REDIRECT);
    assert_int_equal(decision.status, 307);
    assert_non_null(strstr(decision.prefix, "/g/GRANT/"));
    assert_true(decision.why == STEER_WHY_HOLDER_LESS_LOADED || decision.why == STEER_WHY_HOLDER);
    memcpy(first, decision.box, sizeof first);
    before = rk.grants_signed;
    ask.object.b[0] = 2;
    steer_decide(rk.router->steer, &ask, on_decision, NULL);
    assert_string_equal(decision.box, first);
    assert_int_equal(decision.why, STEER_WHY_STICKY);
    assert_int_equal(rk.grants_signed, before);              /* one grant per session and box */
    steer_decide(rk.router->steer, &ask, on_decision, NULL); /* the same object again */
    assert_int_equal(decision.why, STEER_WHY_REASKED);
    assert_string_not_equal(decision.box, first);

    ask.path = fog_bytes_str("other/s1.m4s"); /* a session is bound to its folder */
    steer_decide(rk.router->steer, &ask, on_decision, NULL);
    assert_int_equal(decision.why, STEER_WHY_BAD_SESSION);
    assert_int_equal(decided, 5);
}

static struct steer_assign assigned;

static void on_assigned(void *ctx, const struct steer_assign *a)
{
    (void)ctx;
    assigned = *a;
}

static void test_a_kit_player_gets_different_boxes_one_per_anchor(void **state)
{
    struct fog_addr client;
    struct steer_assign_ask ask = {
        .client = &client, .sid = "", .path = fog_bytes_str("movie"), .n_anchors = 3};
    char label[FOG_SITE_LABEL_LEN + 1], sid[STEER_SID_MAX];
    unsigned before = rk.grants_signed;

    (void)state;
    fog_site_label(&result.site, label);
    ask.site = label;
    assert_int_equal(fog_addr_parse("127.0.0.1:1", &client), 0);
    steer_assign(rk.router->steer, &ask, on_assigned, NULL);
    assert_int_equal(assigned.status, 200);
    assert_int_equal(assigned.n_targets, 3);
    assert_int_equal(rk.grants_signed, before + 3);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(assigned.targets[i].box, assigned.targets[j].box);
    memcpy(sid, assigned.sid, sizeof sid);
    ask.sid = sid; /* renewing keeps the session */
    steer_assign(rk.router->steer, &ask, on_assigned, NULL);
    assert_string_equal(assigned.sid, sid);
    ask.path = fog_bytes_str("other"); /* of another folder: a new one */
    steer_assign(rk.router->steer, &ask, on_assigned, NULL);
    assert_string_not_equal(assigned.sid, sid);
    ask.n_anchors = 0;
    steer_assign(rk.router->steer, &ask, on_assigned, NULL);
    assert_int_equal(assigned.status, 400);
}

/* --- certificates --- */

static bool has_cert(void)
{
    return boxes[0].certs == 1;
}

static void test_a_box_gets_a_certificate_for_its_own_name_only(void **state)
{
    struct fog_buf key = {0}, der = {0};
    char name[64];
    int64_t until;

    (void)state;
    assert_int_equal(fog_x509_key_new(&key), 0);
    snprintf(name, sizeof name, "*.%s.fog.test", member_label(boxes[1].m));
    assert_int_equal(fog_x509_csr_make(fog_buf_bytes(&key), name, &der), 0);
    assert_int_equal(member_csr(boxes[0].m, fog_buf_bytes(&der)),
                     0); /* refused: another box's name */
    fog_buf_clear(&der);
    snprintf(name, sizeof name, "*.%s.fog.test", member_label(boxes[0].m));
    assert_int_equal(fog_x509_csr_make(fog_buf_bytes(&key), name, &der), 0);
    assert_int_equal(member_csr(boxes[0].m, fog_buf_bytes(&der)), 0);
    routerkit_until(has_cert);
    assert_int_equal(fog_x509_not_after(fog_buf_bytes(&boxes[0].chain), &until), 0);
    assert_true(until > fog_wall_ms() / 1000 + 80 * 86400);
    assert_int_equal(fog_tls_cert_from_pem(fog_buf_bytes(&boxes[0].chain), fog_buf_bytes(&key),
                                           &boxes[0].public_cert),
                     0);
    fog_buf_fini(&key);
    fog_buf_fini(&der);
}

static bool is_judged(void)
{
    /* Viewers go on asking: probes of one box keep a distance of a second. */
    if (boxes[0].asked == 0)
        leases_on_reask(rk.router->leases, boxes[0].key, fog_loop_now_ms(rk.loop));
    return boxes[0].asked > 0 && leases_get(rk.router->leases, boxes[0].key)->probe_until == 0;
}

static void test_a_box_that_viewers_complain_about_is_asked_as_they_ask(void **state)
{
    (void)state;
    memcpy(boxes[0].label, member_label(boxes[0].m), 26);
    routerkit_until(is_judged);
    assert_int_equal(boxes[0].asked, 1); /* by its public name, certificate checked */
    assert_true(leases_is_usable(rk.router->leases, boxes[0].key));
}

/* --- death --- */

static unsigned killed;

static bool copies_are_back(void)
{
    struct copies_status st;

    copies_status(rk.router->copies, &result.site, 0, &st);
    for (size_t i = 0; i < st.n_holders; i++)
        if (memcmp(st.holders[i], boxes[killed].key, 32) == 0)
            return false;
    return st.groups == 4 && st.copies_min == 2;
}

static void test_a_killed_box_is_out_at_once_and_its_copies_are_made_again(void **state)
{
    struct copies_status st;
    struct copies_totals t;

    (void)state;
    copies_status(rk.router->copies, &result.site, 0, &st);
    for (unsigned i = 0; i < BOXES; i++)
        if (memcmp(st.holders[0], boxes[i].key, 32) == 0)
            killed = i;
    box_kill(killed);
    routerkit_until(copies_are_back);
    assert_false(leases_is_usable(rk.router->leases, boxes[killed].key));
    copies_totals(rk.router->copies, 0, &t);
    assert_int_equal(t.below, 0);
}

static unsigned leaver;

static bool has_left(void)
{
    return leases_get(rk.router->leases, boxes[leaver].key)->state == LEASE_LEFT;
}

static void test_a_clean_leave_withdraws_at_once(void **state)
{
    (void)state;
    leaver = killed == 0 ? 1 : 0;
    member_leave(boxes[leaver].m, 1000, NULL, NULL);
    routerkit_until(has_left);
    assert_false(leases_is_usable(rk.router->leases, boxes[leaver].key));
    member_free(&boxes[leaver].m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxes_enrol_and_everybody_has_the_same_map),
        cmocka_unit_test(test_a_used_token_lets_nobody_else_in),
        cmocka_unit_test(test_a_clock_that_is_set_is_followed_within_a_second_or_so),
        cmocka_unit_test(test_a_release_is_checked_then_placed_twice),
        cmocka_unit_test(test_a_viewer_gets_a_box_keeps_it_and_moves_when_he_asks_again),
        cmocka_unit_test(test_a_kit_player_gets_different_boxes_one_per_anchor),
        cmocka_unit_test(test_a_box_gets_a_certificate_for_its_own_name_only),
        cmocka_unit_test(test_a_box_that_viewers_complain_about_is_asked_as_they_ask),
        cmocka_unit_test(test_a_killed_box_is_out_at_once_and_its_copies_are_made_again),
        cmocka_unit_test(test_a_clean_leave_withdraws_at_once),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
