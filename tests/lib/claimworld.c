#include "tests/lib/claimworld.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define START_WEEK 3000

static const uint8_t site[11] = "site-label";
static const char *const path_text[] = {"v", "film", "1.m4s"};

static void on_statement(void *arg, const struct fog_ethaddr *house, struct fog_bytes statement,
                         const struct fog_secp_sig *sig, struct fog_bytes leaves)
{
    struct world_box *b = arg;
    struct world *w = b->world;

    b->statements++;
    assert_true(fog_ethaddr_eq(house, &w->house_addr));
    if (b->cut)
        return;
    assert_int_equal(
        accept_statement(w->house, &b->node, statement, sig, leaves, w->hub_ms, &b->last), 0);
}

static void on_voucher(void *arg, const struct voucher *v, const struct fog_secp_sig *sig)
{
    struct world *w = arg;
    uint8_t wire[VOUCHER_LEN];

    w->newest = *v;
    w->vouchers++;
    voucher_encode(v, wire);
    for (unsigned i = 0; i < WORLD_BOXES; i++)
        if (w->box[i].ledger != NULL && fog_ethaddr_eq(&w->box[i].wallet, &v->payee)) {
            int rc = ledger_take_voucher(w->box[i].ledger, fog_bytes_of(wire, sizeof wire), sig);

            assert_true(rc == 0 || rc == FOG_ESTALE || rc == -EIO); /* a disk that fails */
        }
}

static void open_box(struct world_box *b)
{
    struct world *w = b->world;
    struct ledger_conf conf = {.domain = w->domain,
                               .node = b->node,
                               .max_live = w->max_live,
                               .week_length_s = w->week_length_s,
                               .store = &b->store.port,
                               .signer = &b->keys.port};
    struct ledger_events events = {.arg = b, .on_statement = on_statement};

    assert_int_equal(ledger_new(&conf, &events, w->reg, w->hub_ms, &b->ledger), 0);
}

static void open_house(struct world *w)
{
    struct house_conf conf = {.domain = w->domain,
                              .addr = w->house_addr,
                              .instance = 0x0102,
                              .week_length_s = w->week_length_s,
                              .price_per_gib = 2000000,
                              .tick_min_bytes = 1000,
                              .rng = fog_rng_seed(&w->rng, 77 + w->vouchers),
                              .db = &w->db.port,
                              .signer = &w->keys.port};
    struct house_events events = {.arg = w, .on_voucher = on_voucher};

    assert_int_equal(house_new(&conf, &events, w->reg, w->hub_ms, &w->house), 0);
}

static void add_row(struct world *w, enum registry_what what, uint32_t id,
                    const struct fog_ethaddr *a, uint8_t key, uint32_t to)
{
    struct registry_row row = {.what = what, .id = id, .address = *a, .to = to};

    memset(row.key, key, sizeof row.key);
    assert_int_equal(registry_add(w->reg, &row), 0);
}

static void fill_registry(struct world *w)
{
    struct registry_deal deal = {.publisher_id = 7,
                                 .house_id = 2,
                                 .cap_tokens = 1000000,
                                 .from = START_WEEK,
                                 .until = START_WEEK + 50,
                                 .live = true};

    w->reg = registry_new();
    add_row(w, REGISTRY_PUBLISHER, 7, &w->publisher, 0x71, 0);
    memset(w->publisher_id, 0x71, 32);
    add_row(w, REGISTRY_HOUSE, 2, &w->house_addr, 0, 0);
    add_row(w, REGISTRY_GRANT_SIGNER, 2, &w->keys.addresses[KEYD_KEY_GRANT], 0, UINT32_MAX);
    add_row(w, REGISTRY_VOUCHER_SIGNER, 2, &w->keys.addresses[KEYD_KEY_VOUCHER], 0, UINT32_MAX);
    assert_int_equal(registry_set_deal(w->reg, &deal), 0);
    for (unsigned i = 0; i < WORLD_BOXES; i++) {
        struct world_box *b = &w->box[i];
        struct registry_payee p = {.node_id = b->node_id, .wallet = b->wallet};

        add_row(w, REGISTRY_NODE, b->node_id, &b->node, (uint8_t)(0x80 + i), 0);
        assert_int_equal(registry_set_payee(w->reg, &p), 0);
    }
}

void world_init(struct world *w)
{
    world_init_live(w, 100);
}

void world_init_live(struct world *w, size_t max_live)
{
    struct fog_ethaddr settlement = {{0x5e}}, nobody = {{0}};

    *w = (struct world){.week_length_s = 604800, .publisher = {{0x11}}, .max_live = max_live};
    w->hub_ms = (fog_time_ms)START_WEEK * 604800 * 1000 + 10000;
    claim_domain_init(&w->domain, 31337, &settlement);
    fakekeys_init(&w->keys, 1);
    w->house_addr = w->keys.addresses[KEYD_KEY_OWNER];
    fakekeys_rules(&w->keys, &w->domain, &w->house_addr, &nobody);
    memstore_init(&w->db);
    for (unsigned i = 0; i < WORLD_BOXES; i++) {
        struct world_box *b = &w->box[i];

        b->world = w;
        b->i = i;
        fakekeys_init(&b->keys, 10 + i);
        b->node = b->keys.addresses[KEYD_KEY_NODE];
        fakekeys_rules(&b->keys, &w->domain, &nobody, &b->node);
        b->node_id = 30 + i;
        memset(b->wallet.b, (int)(0xa0 + i), sizeof b->wallet.b);
        memstore_init(&b->store);
    }
    fill_registry(w);
    open_house(w);
    for (unsigned i = 0; i < WORLD_BOXES; i++)
        open_box(&w->box[i]);
}

void world_fini(struct world *w)
{
    for (unsigned i = 0; i < WORLD_BOXES; i++) {
        ledger_free(&w->box[i].ledger);
        memstore_fini(&w->box[i].store);
        fakekeys_fini(&w->box[i].keys);
    }
    house_free(&w->house);
    memstore_fini(&w->db);
    fakekeys_fini(&w->keys);
    registry_unref(&w->reg);
}

struct issue_result {
    int err;
    struct issued grant;
};

static void on_issued(void *ctx, int err, const struct issued *grant)
{
    struct issue_result *r = ctx;

    r->err = err;
    if (err == 0)
        r->grant = *grant;
}

int world_issue(struct world *w, unsigned box, const uint8_t *anchor, uint64_t max_bytes,
                struct issued *out)
{
    struct fog_bytes path[] = {fog_bytes_str(path_text[0]), fog_bytes_str(path_text[1])};
    struct issue_ask ask = {.node = w->box[box].node,
                            .segments = path,
                            .n_segments = FOG_COUNT(path),
                            .depth = 1,
                            .anchor = anchor,
                            .max_bytes = max_bytes};
    struct issue_result r = {.err = 1};

    memcpy(ask.publisher_id, w->publisher_id, 32);
    memcpy(ask.site, site, sizeof ask.site);
    issuer_issue(w->house, &ask, w->hub_ms, on_issued, &r);
    assert_int_not_equal(r.err, 1);
    if (r.err == 0)
        *out = r.grant;
    return r.err;
}

struct grant_use world_use(const struct world *w)
{
    static struct fog_bytes path[3];

    for (size_t i = 0; i < FOG_COUNT(path); i++)
        path[i] = fog_bytes_str(path_text[i]);
    return (struct grant_use){
        .site = site, .segments = path, .n_segments = FOG_COUNT(path), .hub_ms = w->hub_ms};
}

void world_serve(struct world *w, unsigned box, const struct issued *g, uint64_t bytes)
{
    struct ledger *l = w->box[box].ledger;
    struct grant_use use = world_use(w);
    struct ledger_grant *h = NULL;
    int why = 0;

    assert_int_equal(ledger_check(l, fog_bytes_str(g->text), &use, &h, &why), LEDGER_OK);
    ledger_spend(l, h, bytes, w->hub_ms);
    ledger_done(l, &h);
}

void world_pass(struct world *w, fog_time_ms ms)
{
    w->hub_ms += ms;
    assert_int_equal(house_turn(w->house, w->hub_ms), 0);
    for (unsigned i = 0; i < WORLD_BOXES; i++) {
        struct world_box *b = &w->box[i];

        if (b->ledger == NULL)
            continue;
        assert_int_equal(ledger_flush(b->ledger, w->hub_ms), 0);
        memset(&b->last, 0, sizeof b->last);
        assert_int_equal(ledger_turn(b->ledger, w->hub_ms, 10000), 0);
        if (b->last.round != 0)
            (void)!ledger_answered(b->ledger, &w->house_addr, b->last.week, b->last.round,
                                   b->last.rev, b->last.code, b->last.text, w->hub_ms);
    }
}

void world_crash_box(struct world *w, unsigned box)
{
    struct world_box *b = &w->box[box];

    ledger_free(&b->ledger);
    memstore_crash(&b->store);
    fakekeys_crash(&b->keys);
    open_box(b);
}

void world_crash_house(struct world *w)
{
    house_free(&w->house);
    memstore_crash(&w->db);
    fakekeys_crash(&w->keys);
    open_house(w);
}
