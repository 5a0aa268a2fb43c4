/* node: the table of sites: verified pointers, freshness, asking a hub. */
#include "node/sites.h"

#include "core/base/assert.h"
#include "core/content/pointer.h"
#include "core/io/loop.h"
#include "storage/storage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define HUB_MS ((fog_time_ms)1800000000000)

struct world {
    struct fog_loop *loop;
    struct storage *st;
    struct storage_loop *sl;
    struct sites *sites;
    struct sites_loop *view;
    struct fog_hash fog_id;
    struct fog_sign_key recovery, release, hub;
    struct fog_keydoc doc;
    struct fog_buf keydoc;
    struct fog_site_id site;
    char label[FOG_SITE_LABEL_LEN + 1];
    unsigned asked, changed;
};

static fog_time_ms hub_ms(void *arg)
{
    (void)arg;
    return HUB_MS;
}

static void on_ask(void *arg, const struct fog_site_id *site)
{
    struct world *w = arg;

    (void)site;
    w->asked++;
}

static void on_changed(void *arg, const char *site)
{
    struct world *w = arg;

    assert_string_equal(site, w->label);
    w->changed++;
}

static void turn(struct world *w)
{
    for (int i = 0; i < 10; i++)
        fog_loop_turn(w->loop, false);
}

static void key(uint8_t fill, struct fog_sign_key *out)
{
    uint8_t seed[32];

    memset(seed, fill, sizeof seed);
    fog_sign_key_of(seed, out);
}

static void open_sites(struct world *w, bool own)
{
    const struct sites_conf conf = {
        .fog_id = w->fog_id,
        .store = w->st,
        .control_store = w->sl,
        .control = w->loop,
        .hub_ms = hub_ms,
        .own = own,
        .ask = own ? NULL : on_ask,
        .ask_arg = w,
    };

    assert_int_equal(sites_new(&conf, &w->sites), 0);
    w->view = sites_loop_new(w->sites, w->loop, on_changed, w);
}

static int setup(void **state)
{
    const struct storage_config mem = {.quota_bytes = (uint64_t)256 << 20, .workers = 1};
    struct world *w = FOG_NEW(world);

    w->loop = fog_loop_new();
    assert_int_equal(storage_open(&mem, &w->st), 0);
    w->sl = storage_loop_new(w->st, w->loop, 1 << 20);
    memset(w->fog_id.b, 7, sizeof w->fog_id.b);
    key(1, &w->recovery);
    key(2, &w->release);
    key(3, &w->hub);
    w->doc = (struct fog_keydoc){.gen = 1, .n_keys = 1, .keys = {w->release.pub}};
    assert_int_equal(
        fog_keydoc_seal(&w->doc, (struct fog_bytes){0}, &w->recovery, &w->fog_id, &w->keydoc), 0);
    fog_site_id_of(&w->fog_id, &w->doc.publisher_id, fog_bytes_str("blog"), &w->site);
    fog_site_label(&w->site, w->label);
    open_sites(w, false);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    turn(w); /* what was posted is heard */

    sites_loop_free(&w->view);
    storage_loop_free(&w->sl);
    storage_close(&w->st);
    sites_free(&w->sites);
    fog_loop_free(&w->loop);
    fog_buf_fini(&w->keydoc);
    free(w);
    return 0;
}

static int take(struct world *w, const char *name, uint64_t seq, const struct fog_sign_key *signer)
{
    struct fog_pointer p = {.publisher_id = w->doc.publisher_id,
                            .kind = FOG_POINTER_SITE,
                            .gen = 1,
                            .seq = seq,
                            .table = {.id = {{5}}, .size = 100},
                            .issued_ms = HUB_MS - 1000000,
                            .max_stale_s = FOG_SITE_STALE_S};
    struct fog_buf bytes = {0};
    int rc;

    (void)snprintf(p.site, sizeof p.site, "%s", name);
    assert_int_equal(fog_pointer_seal(&p, signer, &w->fog_id, &bytes), 0);
    rc = sites_take(w->sites, &w->site, fog_buf_bytes(&bytes), fog_buf_bytes(&w->keydoc),
                    (struct fog_bytes){0});
    fog_buf_fini(&bytes);
    return rc;
}

struct asker {
    struct sites_wait wait;
    int calls, err;
};

static void on_done(struct sites_wait *w, int err)
{
    struct asker *a = FOG_CONTAINER(w, asker, wait);

    a->calls++;
    a->err = err;
}

static void test_only_what_the_publisher_signed_is_taken(void **state)
{
    struct world *w = *state;
    struct asker a = {.wait = {.on_done = on_done}};
    struct edge_pointer out;

    assert_int_equal(take(w, "blog", 3, &w->hub), FOG_EDENIED);      /* not a release key */
    assert_int_equal(take(w, "other", 3, &w->release), FOG_EVERIFY); /* another site's */
    assert_int_equal(take(w, "blog", 3, &w->release), 0);
    assert_int_equal(take(w, "blog", 2, &w->release), FOG_ESTALE);
    assert_int_equal(take(w, "blog", 3, &w->release), 0); /* the same again */
    turn(w);
    assert_true(w->changed >= 1);
    assert_int_equal(sites_get(w->view, w->label, &out, &a.wait), 0);
    assert_int_equal(out.seq, 3);
    assert_int_equal(out.table.size, 100);
    assert_int_equal(out.as_of_ms, HUB_MS);
    assert_int_equal(sites_count(w->sites), 1);
}

static void test_pointers_outlive_the_process(void **state)
{
    struct world *w = *state;
    struct asker a = {.wait = {.on_done = on_done}};
    struct storage_info info;
    struct edge_pointer out;
    struct fog_hash name = {{0}};
    time_t end = time(NULL) + 20;

    assert_int_equal(take(w, "blog", 4, &w->release), 0);
    memcpy(name.b, w->site.b, sizeof w->site.b);
    while (storage_have(w->st, FOG_KIND_POINTER, &name, &info) != 0 && time(NULL) < end)
        turn(w);
    turn(w);
    sites_loop_free(&w->view);
    sites_free(&w->sites);
    open_sites(w, false);
    assert_int_equal(sites_get(w->view, w->label, &out, &a.wait), 0);
    assert_int_equal(out.seq, 4);
    assert_int_equal(out.as_of_ms, HUB_MS - 1000000); /* nobody has vouched for it since */
}

static int fresh(struct world *w, uint64_t seq, fog_time_ms as_of, const struct fog_sign_key *by)
{
    struct fog_fresh f = {
        .publisher_id = w->doc.publisher_id, .gen = 1, .seq = seq, .as_of_ms = as_of};
    struct fog_buf bytes = {0};
    int rc;

    (void)snprintf(f.site, sizeof f.site, "blog");
    assert_int_equal(fog_fresh_seal(&f, by, &w->fog_id, &bytes), 0);
    rc = sites_fresh(w->sites, fog_buf_bytes(&bytes));
    fog_buf_fini(&bytes);
    return rc;
}

static void test_freshness_needs_an_instance(void **state)
{
    struct world *w = *state;
    struct asker a = {.wait = {.on_done = on_done}};
    struct edge_pointer out;

    assert_int_equal(take(w, "blog", 3, &w->release), 0);
    assert_int_equal(fresh(w, 3, HUB_MS + 5000, &w->hub), FOG_EVERIFY);
    sites_set_hubs(w->sites, &w->hub.pub, 1);
    assert_int_equal(fresh(w, 3, HUB_MS + 9000, &w->release), FOG_EVERIFY);
    assert_int_equal(fresh(w, 3, HUB_MS + 5000, &w->hub), 0);
    assert_int_equal(fresh(w, 9, HUB_MS + 7000, &w->hub), 0); /* of a version we do not have */
    assert_int_equal(sites_get(w->view, w->label, &out, &a.wait), 0);
    assert_int_equal(out.as_of_ms, HUB_MS + 5000);
}

static void test_an_unknown_site_is_asked_for_once(void **state)
{
    struct world *w = *state;
    struct asker a = {.wait = {.on_done = on_done}}, b = {.wait = {.on_done = on_done}};
    struct edge_pointer out;

    assert_int_equal(sites_get(w->view, w->label, &out, &a.wait), -EINPROGRESS);
    assert_int_equal(sites_get(w->view, w->label, &out, &b.wait), -EINPROGRESS);
    turn(w);
    assert_int_equal(w->asked, 1);
    assert_int_equal(a.calls, 0);
    sites_unwait(&b.wait);
    assert_int_equal(take(w, "blog", 1, &w->release), 0);
    turn(w);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.err, 0);
    assert_int_equal(b.calls, 0);
    assert_int_equal(sites_get(w->view, w->label, &out, &a.wait), 0);
}

static void test_a_refusal_is_remembered_for_a_moment(void **state)
{
    struct world *w = *state;
    struct asker a = {.wait = {.on_done = on_done}};
    struct edge_pointer out;

    assert_int_equal(sites_get(w->view, w->label, &out, &a.wait), -EINPROGRESS);
    turn(w);
    sites_refused(w->sites, &w->site);
    turn(w);
    assert_int_equal(a.err, -ENOENT);
    assert_int_equal(sites_get(w->view, w->label, &out, &a.wait), -ENOENT);
    turn(w);
    assert_int_equal(w->asked, 1);
    assert_int_equal(sites_get(w->view, "no-label", &out, &a.wait), -ENOENT);
}

static void test_a_router_vouches_for_what_it_knows(void **state)
{
    struct world *w = *state;
    struct asker a = {.wait = {.on_done = on_done}};
    struct edge_pointer out;

    sites_loop_free(&w->view);
    sites_free(&w->sites);
    open_sites(w, true);
    assert_int_equal(sites_get(w->view, w->label, &out, &a.wait), -ENOENT);
    assert_int_equal(take(w, "blog", 1, &w->release), 0);
    assert_int_equal(sites_get(w->view, w->label, &out, &a.wait), 0);
    assert_int_equal(out.as_of_ms, HUB_MS);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_only_what_the_publisher_signed_is_taken),
        T(test_pointers_outlive_the_process),
        T(test_freshness_needs_an_instance),
        T(test_an_unknown_site_is_asked_for_once),
        T(test_a_refusal_is_remembered_for_a_moment),
        T(test_a_router_vouches_for_what_it_knows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
