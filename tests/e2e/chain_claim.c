/*
 * Money end to end on a real EVM node: deploys the contracts, registers a house, two operators and
 * two publishers, serves under passive and ticked grants over the production ledger, has statements
 * accepted, posts the week, lets it mature and cashes; then every balance must be what the receipts
 * say. Run by chain_claim.sh with chain_claim URL ARTIFACTS OUTDIR Leaves addresses.json,
 * export.jsonl and earnings.json in OUTDIR for tools/recompute.py.
 */
#include "contracts/claim/abi.h"
#include "contracts/claim/claim.h"
#include "core/base/str.h"
#include "core/http/client.h"
#include "core/io/loop.h"
#include "core/json/json.h"
#include "core/obs/log.h"
#include "tests/lib/fakekeys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BOXES      3
#define OPERATORS  2
#define PUBLISHERS 2
#define WEEK_S     7200
#define MATURE_S   300
#define ETHER      ((fog_u128)1000000000000000000)
#define TOKEN      ((fog_u128)1000000)
#define PRICE      ((uint64_t)2000000) /* two tokens per GiB */

/* The first account of the public development mnemonic: anvil gives it coins. */
static const char dev_key[] = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

struct box {
    struct fakekeys keys;
    struct memstore store;
    struct ledger *ledger;
    struct fog_ethaddr node;
    unsigned operator_i;
    uint32_t id;
};

static struct {
    struct fog_loop *loop;
    struct fog_http_client *http;
    struct chain_rpc *rpc;
    struct deploy deploy;
    struct claim_addresses a;
    struct claim_domain domain;
    struct fog_secp_key dev, operators[OPERATORS], publishers[PUBLISHERS];
    struct fog_ethaddr publisher_addr[PUBLISHERS], wallet[OPERATORS];
    uint8_t publisher_id[PUBLISHERS][32];
    struct fakekeys keys; /* of the house */
    struct fog_ethaddr house;
    struct memstore db;
    struct house *books;
    struct box box[BOXES];
    struct mirror *mirror;
    struct claimer *claimer;
    struct fog_rng_seeded st;
    struct fog_rng rng;
    fog_time_ms hub_ms;
} w;

#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __LINE__))

static _Noreturn void check_failed(const char *what, int line)
{
    fprintf(stderr, "chain_claim: line %d: %s\n  last step: %s\n  last answer: %s\n", line, what,
            w.deploy.error, w.deploy.wait.answer.text);
    exit(1);
}

static void on_step(void *arg, const char *text)
{
    (void)arg;
    printf("  %s\n", text);
}

static void open_chain(const char *url)
{
    struct fog_http_client_conf conf = {.policy = {.allow_any = true}};

    w.loop = fog_loop_new();
    w.http = fog_http_client_new(w.loop, &conf);
    CHECK(chain_rpc_new(w.http, url, DEPLOY_DEV_CHAIN, &w.rpc) == 0);
    w.deploy.wait.chain = chain_rpc_port(w.rpc);
    w.deploy.wait.loop = w.loop;
    w.deploy.on_step = on_step;
    w.rng = fog_rng_seed(&w.st, 20);
}

/* --- setting up --- */

static void set_up_house(void)
{
    struct fog_ethaddr nobody = {{0}};
    struct deploy_house h = {.n_grant_signers = 1, .bond = 1000 * TOKEN};
    uint32_t id = 0;

    fakekeys_init(&w.keys, 1);
    w.house = w.keys.addresses[KEYD_KEY_OWNER];
    fakekeys_rules(&w.keys, &w.domain, &w.house, &nobody);
    h.grant_signers[0] = w.keys.addresses[KEYD_KEY_GRANT];
    h.voucher_signer = w.keys.addresses[KEYD_KEY_VOUCHER];
    CHECK(deploy_fund(&w.deploy, &w.a, &w.dev, &w.house, ETHER, 2000 * TOKEN) == 0);
    CHECK(deploy_fund(&w.deploy, &w.a, &w.dev, &h.voucher_signer, ETHER, 0) == 0);
    CHECK(deploy_house(&w.deploy, &w.a, &w.keys.keys[KEYD_KEY_OWNER], &h, &id) == 0);
    CHECK(id == 1);
    h.bond = 0; /* a step that is run again changes nothing */
    CHECK(deploy_house(&w.deploy, &w.a, &w.keys.keys[KEYD_KEY_OWNER], &h, &id) == 0);
}

static void set_up_operators(void)
{
    struct fog_ethaddr nobody = {{0}}, owner;

    for (unsigned i = 0; i < OPERATORS; i++) {
        struct deploy_node nodes[BOXES];
        unsigned of[BOXES], n = 0;
        uint32_t ids[BOXES];

        fog_secp_keygen(&w.rng, &w.operators[i]);
        CHECK(fog_secp_address(&w.operators[i], &owner) == 0);
        CHECK(deploy_fund(&w.deploy, &w.a, &w.dev, &owner, ETHER, 0) == 0);
        for (unsigned b = 0; b < BOXES; b++) {
            struct box *box = &w.box[b];
            struct fog_hash digest;

            if (b % OPERATORS != i)
                continue;
            fakekeys_init(&box->keys, 100 + b);
            box->node = box->keys.addresses[KEYD_KEY_NODE];
            box->operator_i = i;
            fakekeys_rules(&box->keys, &w.domain, &nobody, &box->node);
            memstore_init(&box->store);
            nodes[n].key = box->node;
            memset(nodes[n].box_key, (int)(0xb0 + b), 32);
            typed_node_consent(&w.domain, &owner, &box->node, nodes[n].box_key, &digest);
            CHECK(fog_secp_sign(&box->keys.keys[KEYD_KEY_NODE], &digest, &nodes[n].consent) == 0);
            of[n++] = b;
        }
        CHECK(deploy_operator(&w.deploy, &w.a, &w.operators[i], nodes, n, ids, &w.wallet[i]) == 0);
        for (unsigned k = 0; k < n; k++)
            w.box[of[k]].id = ids[k];
    }
}

static void set_up_publishers(void)
{
    for (unsigned i = 0; i < PUBLISHERS; i++) {
        struct deploy_publisher p = {
            .deposit = 100 * TOKEN, .house = w.house, .cap_per_week = 20 * TOKEN, .weeks = 10};
        uint32_t id;

        fog_secp_keygen(&w.rng, &w.publishers[i]);
        CHECK(fog_secp_address(&w.publishers[i], &w.publisher_addr[i]) == 0);
        fog_rng_fill(&w.rng, w.publisher_id[i], 32);
        memcpy(p.publisher_id, w.publisher_id[i], 32);
        CHECK(deploy_fund(&w.deploy, &w.a, &w.dev, &w.publisher_addr[i], ETHER, 200 * TOKEN) == 0);
        CHECK(deploy_publisher(&w.deploy, &w.a, &w.publishers[i], &p, &id) == 0);
        CHECK(id == i + 1);
    }
}

/* --- the fog's own clock and turns --- */

static void on_head(void *arg, uint64_t number, uint64_t time_s)
{
    (void)arg;
    (void)number;
    w.hub_ms = (fog_time_ms)time_s * 1000;
}

static void stop_loop(void *arg)
{
    fog_loop_stop(arg);
}

/* Lets the loop run for a while: asks that are under way come back. */
static void run_for(fog_time_ms ms)
{
    struct fog_timer *t = fog_timer_new(w.loop, stop_loop, w.loop);

    fog_timer_start(t, ms);
    fog_loop_run(w.loop);
    fog_timer_free(&t);
}

static void turn(void)
{
    mirror_turn(w.mirror, fog_loop_now_ms(w.loop));
    if (w.books != NULL)
        CHECK(house_turn(w.books, w.hub_ms) == 0);
    for (unsigned b = 0; b < BOXES; b++)
        if (w.box[b].ledger != NULL) {
            CHECK(ledger_flush(w.box[b].ledger, w.hub_ms) == 0);
            CHECK(ledger_turn(w.box[b].ledger, w.hub_ms, 10000) == 0);
        }
    if (w.claimer != NULL)
        claimer_turn(w.claimer, fog_loop_now_ms(w.loop), w.hub_ms);
    run_for(50);
}

static void pass_time(uint64_t seconds)
{
    fog_time_ms want = w.hub_ms + (fog_time_ms)seconds * 1000;

    CHECK(deploy_pass_time(&w.deploy, seconds) == 0);
    for (int i = 0; i < 200 && w.hub_ms < want; i++) {
        mirror_poke(w.mirror);
        turn();
    }
    CHECK(w.hub_ms >= want);
}

/* --- serving --- */

static void on_statement(void *arg, const struct fog_ethaddr *house, struct fog_bytes statement,
                         const struct fog_secp_sig *sig, struct fog_bytes leaves)
{
    struct box *b = arg;
    struct accept_answer a;

    CHECK(accept_statement(w.books, &b->node, statement, sig, leaves, w.hub_ms, &a) == 0);
    CHECK(a.code == 0);
    CHECK(ledger_answered(b->ledger, house, a.week, a.round, a.rev, a.code, a.text, w.hub_ms) == 0);
}

static void on_voucher(void *arg, const struct voucher *v, const struct fog_secp_sig *sig)
{
    uint8_t wire[VOUCHER_LEN];

    (void)arg;
    voucher_encode(v, wire);
    for (unsigned b = 0; b < BOXES; b++)
        if (fog_ethaddr_eq(&w.wallet[w.box[b].operator_i], &v->payee))
            CHECK(ledger_take_voucher(w.box[b].ledger, fog_bytes_of(wire, sizeof wire), sig) == 0);
}

static void start_mirror(void)
{
    struct mirror_conf conf = {
        .chain = chain_rpc_port(w.rpc), .addresses = w.a, .house = w.house, .refresh_ms = 100};
    struct mirror_events events = {.on_head = on_head};

    w.mirror = mirror_new(&conf, &events);
    for (int i = 0; i < 100 && !mirror_caught_up(w.mirror); i++)
        turn();
    CHECK(mirror_caught_up(w.mirror));
    CHECK(w.hub_ms > 0);
}

static void start_books(void)
{
    struct registry *reg = mirror_registry(w.mirror);
    struct house_conf house = {.domain = w.domain,
                               .addr = w.house,
                               .instance = 1,
                               .week_length_s = WEEK_S,
                               .price_per_gib = PRICE,
                               .tick_min_bytes = 65536,
                               .rng = w.rng,
                               .db = &w.db.port,
                               .signer = &w.keys.port};
    struct house_events house_events = {.on_voucher = on_voucher};
    struct claimer_conf claimer = {.chain = chain_rpc_port(w.rpc),
                                   .addresses = w.a,
                                   .house_addr = w.house,
                                   .db = &w.db.port,
                                   .signer = &w.keys.port,
                                   .key = KEYD_KEY_VOUCHER,
                                   .from = w.keys.addresses[KEYD_KEY_VOUCHER]};

    memstore_init(&w.db);
    CHECK(house_new(&house, &house_events, reg, w.hub_ms, &w.books) == 0);
    for (unsigned b = 0; b < BOXES; b++) {
        struct ledger_conf conf = {.domain = w.domain,
                                   .node = w.box[b].node,
                                   .week_length_s = WEEK_S,
                                   .store = &w.box[b].store.port,
                                   .signer = &w.box[b].keys.port};
        struct ledger_events events = {.arg = &w.box[b], .on_statement = on_statement};

        CHECK(registry_payee(reg, w.box[b].id) != NULL);
        CHECK(fog_ethaddr_eq(&registry_payee(reg, w.box[b].id)->wallet,
                             &w.wallet[w.box[b].operator_i]));
        CHECK(ledger_new(&conf, &events, reg, w.hub_ms, &w.box[b].ledger) == 0);
    }
    claimer.house = w.books;
    CHECK(claimer_new(&claimer, &w.claimer) == 0);
}

static void on_issued(void *ctx, int err, const struct issued *grant)
{
    CHECK(err == 0);
    *(struct issued *)ctx = *grant;
}

/* One viewer: a grant for a box, and bytes under it; with a seed the viewer pays by ticks. */
static void view(unsigned publisher, unsigned box, const struct fog_hash *seed, uint64_t bytes)
{
    struct fog_bytes path[] = {fog_bytes_str("film"), fog_bytes_str("1.m4s")};
    struct fog_hash chain[TICK_CHAIN + 1];
    struct issue_ask ask = {.node = w.box[box].node,
                            .segments = path,
                            .n_segments = 2,
                            .depth = 1,
                            .max_bytes = 64 << 20};
    struct grant_use use = {
        .site = ask.site, .segments = path, .n_segments = 2, .hub_ms = w.hub_ms};
    struct ledger *l = w.box[box].ledger;
    struct ledger_grant *h = NULL;
    struct issued g = {0};
    uint64_t left = bytes;
    unsigned tick = 0;

    memcpy(ask.publisher_id, w.publisher_id[publisher], 32);
    if (seed != NULL) {
        tick_chain_make(seed, chain);
        ask.anchor = chain[0].b;
    }
    issuer_issue(w.books, &ask, w.hub_ms, on_issued, &g);
    CHECK(g.max_bytes != 0);
    CHECK(ledger_check(l, fog_bytes_str(g.text), &use, &h, NULL) == LEDGER_OK);
    while (left > 0) {
        int64_t may = ledger_allow(l, h, w.hub_ms);
        uint64_t now;

        CHECK(may >= 0);
        if (may == 0) {
            tick++;
            CHECK(ledger_tick(l, h, tick, &chain[tick], w.hub_ms) == 0);
            continue;
        }
        now = left < (uint64_t)may ? left : (uint64_t)may;
        ledger_spend(l, h, now, w.hub_ms);
        left -= now;
    }
    ledger_done(l, &h);
}

/* --- checks --- */

static void write_file(const char *dir, const char *name, struct fog_buf *b)
{
    char path[1024];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "we");
    CHECK(f != NULL);
    CHECK(fwrite(b->data, 1, b->len, f) == b->len);
    CHECK(fclose(f) == 0);
    fog_buf_fini(b);
}

static void wait_state(uint32_t week, const char *state)
{
    char got[32] = "";

    for (int i = 0; i < 400; i++) {
        claimer_week_state(w.claimer, week, got, sizeof got);
        if (strcmp(got, state) == 0)
            return;
        turn();
    }
    fprintf(stderr, "chain_claim: week %u is %s, not %s\n", week, got, state);
    exit(1);
}

/* What a wallet must hold after `units`: gross, less the fee of 0.5 %, rounded up.
 */
static void check_wallets(uint32_t week)
{
    for (unsigned i = 0; i < OPERATORS; i++) {
        struct voucher v;
        struct fog_secp_sig sig;
        fog_u128 balance = 0, gross;

        CHECK(voucher_of_week(w.books, &w.wallet[i], week, &v, &sig) == 0);
        gross = amount_tokens_floor(v.cum);
        CHECK(gross > 0);
        CHECK(deploy_balance(&w.deploy, &w.a, &w.wallet[i], &balance) == 0);
        printf("  wallet %u: vouchered %" PRIu64 ", holds %" PRIu64 "\n", i, (uint64_t)gross,
               (uint64_t)balance);
        CHECK(balance == gross - (gross * 50 + 9999) / 10000);
    }
}

static uint32_t run_week(unsigned views)
{
    uint32_t week = (uint32_t)(w.hub_ms / 1000 / WEEK_S);
    struct fog_hash seed;

    for (unsigned i = 0; i < views; i++) {
        fog_rng_fill(&w.rng, seed.b, sizeof seed.b);
        view(i % PUBLISHERS, i % BOXES, i % 3 == 0 ? NULL : &seed,
             1000000 + fog_rng_below(&w.rng, 30000000));
    }
    pass_time(WEEK_S + 700);
    turn();
    CHECK(claimer_close_week(w.claimer, week, w.hub_ms) == 0);
    wait_state(week, "posted");
    pass_time(MATURE_S + 1);
    wait_state(week, "cashed");
    return week;
}

static void begin_at_a_weeks_start(void)
{
    uint64_t into = (uint64_t)w.hub_ms / 1000 % WEEK_S;

    pass_time(WEEK_S - into + 10);
}

static void close_all(void)
{
    claimer_free(&w.claimer);
    house_free(&w.books);
    for (unsigned b = 0; b < BOXES; b++) {
        ledger_free(&w.box[b].ledger);
        fakekeys_fini(&w.box[b].keys);
        memstore_fini(&w.box[b].store);
    }
    mirror_free(&w.mirror);
    fakekeys_fini(&w.keys);
    memstore_fini(&w.db);
    deploy_fini(&w.deploy);
    chain_rpc_free(&w.rpc);
    fog_http_client_free(&w.http);
    fog_loop_free(&w.loop);
}

int main(int argc, char **argv)
{
    struct deploy_params params = {.week_length_s = WEEK_S,
                                   .post_window_s = 3600,
                                   .mature_window_s = MATURE_S,
                                   .thaw_window_s = 60000,
                                   .hold_length_s = 600,
                                   .bond_delay_s = 60};
    struct claim_addresses back;
    struct fog_json *earnings = NULL;
    struct fog_buf out = {0};
    char path[1024], signer[FOG_ETHADDR_TEXT];
    uint32_t weeks[2];

    if (argc != 4) {
        fprintf(stderr, "usage: chain_claim URL ARTIFACTS OUTDIR\n");
        return 2;
    }
    fog_log_setup(FOG_LOG_UNUSUAL, "chain_claim");
    CHECK(fog_hex_decode(fog_bytes_str(dev_key), w.dev.b, sizeof w.dev.b) == 0);
    open_chain(argv[1]);
    CHECK(deploy_contracts(&w.deploy, argv[2], &w.dev, &params, &w.a) == 0);
    snprintf(path, sizeof path, "%s/addresses.json", argv[3]);
    CHECK(addresses_save(path, &w.a) == 0);
    CHECK(addresses_load(path, &back, NULL, 0) == 0);
    CHECK(memcmp(&back, &w.a, sizeof back) == 0);
    claim_domain_init(&w.domain, w.a.chain_id, &w.a.settlement);
    set_up_house();
    set_up_operators();
    set_up_publishers();
    start_mirror();
    begin_at_a_weeks_start();
    start_books();
    for (int i = 0; i < 2; i++) {
        weeks[i] = run_week(12 + 5 * (unsigned)i);
        printf("week %u posted, matured and cashed\n", weeks[i]);
        if (i == 0)
            check_wallets(weeks[i]);
        CHECK(week_export(w.books, weeks[i], &out) == 0);
    }
    write_file(argv[3], "export.jsonl", &out);
    CHECK(claimer_earnings(w.claimer, NULL, &earnings) == 0);
    fog_json_write(earnings, true, &out);
    fog_json_free(&earnings);
    write_file(argv[3], "earnings.json", &out);
    fog_buf_append_str(&out, fog_ethaddr_text(&w.keys.addresses[KEYD_KEY_GRANT], signer));
    write_file(argv[3], "signer", &out);
    close_all();
    printf("chain_claim: ok\n");
    return 0;
}
