#include "node/role_house.h"

#include "contracts/claim/claim.h"
#include "contracts/claim/claimer.h"
#include "contracts/claim/mirror.h"
#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/crypto/rng_system.h"
#include "core/http/client.h"
#include "core/io/loop.h"
#include "core/json/json.h"
#include "core/obs/log.h"
#include "node/glue_store.h"
#include "node/keyc.h"
#include "node/local_registry.h"
#include "node/serve_in.h"
#include "router/cellmap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TURN_MS        1000
#define TURN_DEV_MS    250
#define REGISTRY_ROWS  4096
#define CLOCK_SLACK_MS 1500 /* blocks come once a second: less is no jump */
/* Closing a week by hand waits for boxes: they learn the time with their next beat, then state. */
#define CLOSE_FIRST_MS 12000 /* an idle box beats every 10 s */
#define CLOSE_QUIET_MS 3000
#define CLOSE_MOST_MS  45000
#define CLOSE_WEEKS    3 /* the contracts take none that is older */
#define DEAL_WAIT_MS   4000

/* `week close` under way. */
struct closing {
    uint32_t week;  /* being closed; 0: not begun */
    uint32_t shown; /* the newest that had something to post */
    bool any;
    fog_time_ms since_ms;
    void (*done)(void *ctx, int err, struct fog_bytes json);
    void *ctx;
};

/* A publisher's right under examination. */
struct deal_check {
    struct fog_link link;
    struct fog_hash publisher_id;
    uint8_t owner[20];
    fog_time_ms until_ms;
    void (*done)(void *ctx, int err, const char *why);
    void *ctx;
};

struct house_role {
    struct house_role_conf conf;
    struct serve *serve;
    struct glue_store store;
    struct house *house;
    struct fog_ethaddr addr;
    struct registry *registry;    /* newest; referenced */
    struct local_registry *local; /* without a chain */
    struct claim_addresses addresses;
    struct fog_http_client *http;
    struct chain_rpc *rpc;
    struct mirror *mirror;
    struct claimer *claimer;
    struct cellmap *map;
    struct fog_timer *turn;
    bool told;            /* boxes know this registry */
    fog_time_ms heard_ms; /* a statement came */
    struct closing *closing;
    struct fog_list deals; /* deal_check */
    struct fog_buf fog_json;
};

static fog_time_ms hub_ms(const struct house_role *h)
{
    return node_clock_now(&h->serve->clock);
}

static fog_time_ms now_ms(const struct house_role *h)
{
    return fog_loop_now_ms(h->serve->control->loop);
}

/* ---- registry to boxes ---- */

struct row_batch {
    struct house_role *h;
    const uint8_t *box;
    struct fog_buf rows;
    uint32_t n;
    bool first;
};

static void send_batch(struct row_batch *b)
{
    const struct fog_wire_registry m = {.reset = b->first,
                                        .as_of_ms = hub_ms(b->h),
                                        .rows = {.count = b->n, .raw = fog_buf_bytes(&b->rows)}};
    struct fog_buf body = {0};

    if (b->n > 0 || b->first) {
        fog_wire_put_registry(&body, &m);
        if (b->h->conf.send(b->h->conf.arg, b->box, FOG_WIRE_REGISTRY, fog_buf_bytes(&body)) != 0)
            fog_debug("house.registry", "error=\"box has no lease\"%s", "");
        fog_buf_fini(&body);
    }
    fog_buf_clear(&b->rows);
    b->n = 0;
    b->first = false;
}

static void on_row(void *arg, const struct registry_row *row)
{
    struct row_batch *b = arg;
    struct fog_wire_id_row w = {
        .what = (uint8_t)row->what, .id = row->id, .from = row->from, .to = row->to};

    memcpy(w.address, row->address.b, sizeof w.address);
    memcpy(w.key, row->key, sizeof w.key);
    fog_wire_put_id_row(&b->rows, &w);
    if (++b->n == REGISTRY_ROWS)
        send_batch(b);
}

static void send_registry(struct house_role *h, const uint8_t box[32])
{
    struct row_batch b = {.h = h, .box = box, .first = true};

    registry_each(h->registry, on_row, &b);
    if (b.n > 0 || b.first)
        send_batch(&b);
    fog_buf_fini(&b.rows);
}

static void tell_boxes(struct house_role *h)
{
    for (size_t i = 0; h->map != NULL && i < h->map->n; i++)
        send_registry(h, h->map->rows[i].key);
    h->told = true;
}

static void set_registry(struct house_role *h, struct registry *reg)
{
    struct registry *old = h->registry;

    h->registry = registry_ref(reg);
    registry_unref(&old);
    if (h->house != NULL)
        house_set_registry(h->house, reg);
    h->told = false; /* boxes hear of it with the next turn */
}

/* ---- vouchers to boxes ---- */

struct voucher_note {
    struct house_role *h;
    const struct voucher *v;
    struct fog_buf body;
};

static void on_voucher_row(void *arg, const struct registry_row *row)
{
    struct voucher_note *n = arg;
    const struct registry_payee *payee;

    if (row->what != REGISTRY_NODE || (payee = registry_payee(n->h->registry, row->id)) == NULL ||
        !fog_ethaddr_eq(&payee->wallet, &n->v->payee))
        return;
    if (n->h->conf.send(n->h->conf.arg, row->key, FOG_WIRE_VOUCHER, fog_buf_bytes(&n->body)) != 0)
        fog_debug("house.voucher", "error=\"box has no lease\"%s", "");
}

static void voucher_body(const struct voucher *v, const struct fog_secp_sig *sig,
                         struct fog_buf *out)
{
    uint8_t bytes[VOUCHER_LEN];
    struct fog_wire_voucher w = {.voucher = fog_bytes_of(bytes, sizeof bytes)};

    voucher_encode(v, bytes);
    memcpy(w.signature, sig->b, sizeof w.signature);
    fog_wire_put_voucher(out, &w);
}

static void on_voucher(void *arg, const struct voucher *v, const struct fog_secp_sig *sig)
{
    struct voucher_note n = {.h = arg, .v = v};

    voucher_body(v, sig, &n.body);
    registry_each(n.h->registry, on_voucher_row, &n);
    fog_buf_fini(&n.body);
}

/* ---- the router's money port ---- */

static const struct registry_row *node_of(const struct house_role *h, const uint8_t box[32])
{
    return registry_by_key(h->registry, REGISTRY_NODE, box);
}

static void on_lease(void *arg, const uint8_t box[32])
{
    struct house_role *h = arg;
    const struct registry_row *row = node_of(h, box);
    const struct registry_payee *payee = row == NULL ? NULL : registry_payee(h->registry, row->id);
    struct fog_buf body = {0};
    struct fog_secp_sig sig;
    struct voucher v;

    send_registry(h, box);
    if (payee == NULL || voucher_newest(h->house, &payee->wallet, &v, &sig) != 0)
        return;
    voucher_body(&v, &sig, &body);
    if (h->conf.send(h->conf.arg, box, FOG_WIRE_VOUCHER, fog_buf_bytes(&body)) != 0)
        fog_debug("house.voucher", "error=\"box has no lease\"%s", "");
    fog_buf_fini(&body);
}

static int take_progress(struct house_role *h, const struct registry_row *node,
                         struct fog_bytes body)
{
    struct fog_wire_progress w;
    struct fog_rd rows;
    int rc = fog_wire_get_progress(body, &w);

    rows = fog_rd_of(w.rows.raw);
    for (uint32_t i = 0; rc == 0 && i < w.rows.count; i++) {
        struct fog_wire_progress_row row;
        struct tick_state tick;

        fog_wire_get_progress_row(&rows, &row);
        tick.i = row.i;
        memcpy(tick.w.b, row.w_i, sizeof tick.w.b);
        rc = accept_progress(h->house, &node->address, row.serial, &tick, row.bytes, hub_ms(h));
    }
    return rc;
}

static int take_statement(struct house_role *h, const uint8_t box[32],
                          const struct registry_row *node, struct fog_bytes body)
{
    struct fog_wire_statement_ok ok = {0};
    struct fog_wire_statement w;
    struct accept_answer answer;
    struct fog_buf out = {0};
    struct fog_secp_sig sig;
    int rc = fog_wire_get_statement(body, &w);

    if (rc != 0)
        return rc;
    memcpy(sig.b, w.signature, sizeof sig.b);
    h->heard_ms = now_ms(h);
    rc =
        accept_statement(h->house, &node->address, w.statement, &sig, w.leaves, hub_ms(h), &answer);
    if (rc != 0)
        return rc;
    if (answer.code != 0)
        fog_unusual("house.refused", "week=%u round=%u rev=%u bad=%u text=\"%s\"", answer.week,
                    answer.round, answer.rev, answer.n_bad, answer.text);
    ok.week = answer.week;
    ok.round = answer.round;
    ok.rev = answer.rev;
    ok.code = answer.code;
    (void)fog_strcpy(ok.text, sizeof ok.text, fog_bytes_str(answer.text));
    fog_wire_put_statement_ok(&out, &ok);
    rc = h->conf.send(h->conf.arg, box, FOG_WIRE_STATEMENT_OK, fog_buf_bytes(&out));
    fog_buf_fini(&out);
    return rc == -ENOTCONN ? 0 : rc; /* it is stated again, and answered the same */
}

static void on_message(void *arg, const uint8_t box[32], uint16_t type, struct fog_bytes body)
{
    struct house_role *h = arg;
    const struct registry_row *node = node_of(h, box);
    int rc = FOG_EPROTO;

    if (node == NULL)
        rc = -ENOENT;
    else if (type == FOG_WIRE_PROGRESS)
        rc = take_progress(h, node, body);
    else if (type == FOG_WIRE_STATEMENT)
        rc = take_statement(h, box, node, body);
    if (rc != 0)
        fog_unusual("house.message", "type=%s error=\"%s\"", fog_wire_name(type), fog_strerror(rc));
}

static void on_earnings(void *arg, const uint8_t *operator_addr,
                        void (*done)(void *ctx, int err, struct fog_bytes json), void *ctx)
{
    struct house_role *h = arg;
    struct fog_json *all = fog_json_new_object(), *rows = NULL, *weeks = NULL;
    struct fog_ethaddr only;
    struct fog_buf text = {0};
    int rc;

    if (operator_addr != NULL)
        memcpy(only.b, operator_addr, sizeof only.b);
    rc = claimer_earnings(h->claimer, operator_addr == NULL ? NULL : &only, &rows);
    if (rc == 0 && (rc = claimer_weeks(h->claimer, &weeks)) == 0)
        fog_json_set_take(all, "weeks", &weeks);
    if (rc == 0) {
        fog_json_set_take(all, "rows", &rows);
        fog_json_write(all, false, &text);
    }
    done(ctx, rc, fog_buf_bytes(&text));
    fog_json_free(&rows);
    fog_json_free(&weeks);
    fog_json_free(&all);
    fog_buf_fini(&text);
}

/* ---- closing a week by hand ---- */

static uint32_t week_now(const struct house_role *h)
{
    return (uint32_t)(hub_ms(h) / 1000 / h->addresses.week_length_s);
}

static void closing_end(struct house_role *h, int err)
{
    struct closing *c = h->closing;
    struct fog_buf text = {0};
    char state[128];

    h->closing = NULL;
    claimer_week_state(h->claimer, c->shown, state, sizeof state);
    fog_buf_printf(&text, "{\"week\": %u, \"state\": \"%s\"}\n", c->shown,
                   c->any ? state : "empty");
    c->done(c->ctx, err, fog_buf_bytes(&text));
    fog_buf_fini(&text);
    free(c);
}

/* Whether a closed week needs no more waiting: empty, on chain, or failed for good. */
static bool is_through(struct house_role *h, uint32_t week, int *err)
{
    struct week_row *rows = NULL;
    char state[128];
    size_t n = 0;

    if ((*err = week_rows(h->house, week, &rows, &n)) != 0 || n == 0) {
        free(rows);
        return true;
    }
    free(rows);
    h->closing->any = true;
    h->closing->shown = week;
    claimer_week_state(h->claimer, week, state, sizeof state);
    if (strncmp(state, "failed", 6) == 0)
        *err = FOG_ECHAIN;
    return h->rpc == NULL || (strcmp(state, "closed") != 0 && strcmp(state, "posting") != 0);
}

/* Closes the weeks that are over, oldest first: a house posts them in order. */
static void closing_turn(struct house_role *h)
{
    struct closing *c = h->closing;
    fog_time_ms waited = now_ms(h) - c->since_ms;
    bool quiet = now_ms(h) - h->heard_ms >= CLOSE_QUIET_MS;
    int rc = 0;

    if (waited < CLOSE_FIRST_MS || (!quiet && waited < CLOSE_MOST_MS))
        return;
    if (c->week == 0)
        c->week = week_now(h) - CLOSE_WEEKS;
    for (; c->week < week_now(h); c->week++) {
        c->shown = c->any ? c->shown : c->week;
        if (!week_is_closed(h->house, c->week) &&
            (rc = claimer_close_week(h->claimer, c->week, hub_ms(h))) != 0)
            break;
        if (!is_through(h, c->week, &rc) && waited < 2 * CLOSE_MOST_MS)
            return;
        if (rc != 0)
            break;
    }
    if (rc == FOG_EBUSY && waited < 2 * CLOSE_MOST_MS)
        return;
    closing_end(h, rc != 0 ? rc : waited >= 2 * CLOSE_MOST_MS ? -ETIMEDOUT : 0);
}

static void week_close_verb(struct house_role *h,
                            void (*done)(void *ctx, int err, struct fog_bytes json), void *ctx)
{
    if (!h->serve->conf->dev) {
        done(ctx, FOG_EDENIED, (struct fog_bytes){0});
        return;
    }
    if (h->closing != NULL) {
        done(ctx, FOG_EBUSY, (struct fog_bytes){0});
        return;
    }
    if (h->mirror != NULL)
        mirror_poke(h->mirror); /* the clock follows the chain */
    h->closing = FOG_NEW(closing);
    h->closing->since_ms = now_ms(h);
    h->closing->done = done;
    h->closing->ctx = ctx;
}

static void on_admin(void *arg, const char *verb, struct fog_bytes body,
                     void (*done)(void *ctx, int err, struct fog_bytes json), void *ctx)
{
    struct house_role *h = arg;
    struct fog_json *j = NULL;
    struct fog_buf out = {0};
    uint32_t week = week_now(h);
    int rc = 0;

    if (strcmp(verb, "week/close") == 0) {
        week_close_verb(h, done, ctx);
        return;
    }
    if (strcmp(verb, "claim/export") != 0) {
        done(ctx, -ENOENT, (struct fog_bytes){0});
        return;
    }
    if (body.len > 0 && (rc = fog_json_parse(body, NULL, &j, NULL, 0)) == 0) {
        rc = fog_json_get_u32(j, "week", &week);
        rc = rc == -ENOENT ? 0 : rc;
    }
    if (rc == 0)
        rc = week_export(h->house, week, &out);
    done(ctx, rc, fog_buf_bytes(&out));
    fog_json_free(&j);
    fog_buf_fini(&out);
}

static const char *fog_json(void *arg)
{
    struct house_role *h = arg;
    char house[FOG_ETHADDR_TEXT], settlement[FOG_ETHADDR_TEXT];
    uint32_t id = 0;

    if (registry_id(h->registry, REGISTRY_HOUSE, &h->addr, &id) != 0)
        id = 0;
    fog_buf_clear(&h->fog_json);
    fog_buf_printf(&h->fog_json,
                   "{\"house\":\"%s\",\"house_id\":%u,\"settlement\":\"%s\",\"week_length_s\":%u,"
                   "\"week\":%u}",
                   fog_ethaddr_text(&h->addr, house), id,
                   fog_ethaddr_text(&h->addresses.settlement, settlement),
                   h->addresses.week_length_s, week_now(h));
    return fog_buf_cstr(&h->fog_json);
}

/* ---- the router's grants port ---- */

struct grant_note {
    void (*done)(void *ctx, int err, const struct router_grant *grant);
    void *ctx;
};

_Static_assert(sizeof(((struct router_grant *)0)->text) > GRANT_TEXT_LEN, "a grant's text fits");

static void on_issued(void *ctx, int err, const struct issued *g)
{
    struct grant_note *n = ctx;
    struct router_grant out = {.text = ""};

    if (err == 0) {
        (void)fog_strcpy(out.text, sizeof out.text, fog_bytes_str(g->text));
        memcpy(out.serial, g->serial, sizeof out.serial);
        out.tick_bytes = g->tick_bytes;
        out.max_bytes = g->max_bytes;
        out.not_after = g->not_after;
    }
    n->done(n->ctx, err, err == 0 ? &out : NULL);
    free(n);
}

static size_t split(struct fog_bytes path, struct fog_bytes out[GRANT_DEPTH_MAX], unsigned depth)
{
    size_t n = 0;

    while (path.len > 0 && n < depth && n < GRANT_DEPTH_MAX) {
        const uint8_t *slash = memchr(path.p, '/', path.len);
        size_t len = slash == NULL ? path.len : (size_t)(slash - path.p);

        out[n++] = fog_bytes_of(path.p, len);
        len += slash != NULL;
        path = fog_bytes_of(path.p + len, path.len - len);
    }
    return n;
}

static void issue(void *arg, const struct router_grant_ask *ask,
                  void (*done)(void *ctx, int err, const struct router_grant *grant), void *ctx)
{
    struct house_role *h = arg;
    struct fog_bytes segments[GRANT_DEPTH_MAX];
    struct grant_note *n;
    struct issue_ask q = {.segments = segments,
                          .n_segments = split(ask->path, segments, ask->depth),
                          .depth = ask->depth,
                          .anchor = ask->anchor,
                          .max_bytes = ask->max_bytes,
                          .life_s = ask->life_s};

    memcpy(q.publisher_id, ask->publisher_id.b, sizeof q.publisher_id);
    memcpy(q.site, ask->site, sizeof q.site);
    memcpy(q.node.b, ask->node, sizeof q.node.b);
    n = FOG_NEW(grant_note);
    n->done = done;
    n->ctx = ctx;
    issuer_issue(h->house, &q, hub_ms(h), on_issued, n);
}

/* ---- deals ---- */

/* 0, or why not. */
static int judge_deal(const struct house_role *h, const struct deal_check *c, const char **why)
{
    const struct registry_row *row =
        registry_by_key(h->registry, REGISTRY_PUBLISHER, c->publisher_id.b);
    const struct registry_deal *deal;
    static const uint8_t nobody[20];
    uint32_t house_id;

    if (!mirror_caught_up(h->mirror)) {
        *why = "the chain is being read, try again";
        return FOG_EBUSY;
    }
    *why = "no escrow account is bound to this publisher id";
    if (row == NULL)
        return FOG_EDENIED;
    *why = "the key document names another escrow owner";
    if (memcmp(c->owner, nobody, sizeof nobody) != 0 && memcmp(c->owner, row->address.b, 20) != 0)
        return FOG_EDENIED;
    *why = "no live deal with this house";
    if (registry_id(h->registry, REGISTRY_HOUSE, &h->addr, &house_id) != 0 ||
        (deal = registry_deal(h->registry, row->id, house_id)) == NULL || !deal->live)
        return FOG_EDENIED;
    *why = "";
    return 0;
}

/* Answers what can be answered; a refusal waits for news from the chain first, because an account
 * may be seconds old. */
static void judge_deals(struct house_role *h)
{
    FOG_LIST_EACH(&h->deals, it)
    {
        struct deal_check *c = FOG_CONTAINER(it, deal_check, link);
        const char *why;
        int rc = judge_deal(h, c, &why);

        if (rc != 0 && now_ms(h) < c->until_ms)
            continue;
        fog_link_remove(&c->link);
        c->done(c->ctx, rc, why);
        free(c);
    }
}

static void check_deal(void *arg, const struct fog_hash *publisher_id, const uint8_t owner[20],
                       void (*done)(void *ctx, int err, const char *why), void *ctx)
{
    struct house_role *h = arg;
    struct deal_check *c = FOG_NEW(deal_check);
    const char *why;

    c->publisher_id = *publisher_id;
    memcpy(c->owner, owner, sizeof c->owner);
    c->until_ms = now_ms(h) + DEAL_WAIT_MS;
    c->done = done;
    c->ctx = ctx;
    fog_list_push_back(&h->deals, &c->link);
    if (judge_deal(h, c, &why) != 0)
        mirror_poke(h->mirror);
    judge_deals(h);
}

/* ---- time ---- */

static void on_head(void *arg, uint64_t number, uint64_t time_s)
{
    struct house_role *h = arg;
    fog_time_ms chain_ms = (fog_time_ms)time_s * 1000, off = chain_ms - hub_ms(h);

    (void)number;
    if (h->serve->conf->dev && (off > CLOCK_SLACK_MS || off < -CLOCK_SLACK_MS))
        node_clock_set(&h->serve->clock, chain_ms);
}

static void on_registry(void *arg, struct registry *reg)
{
    set_registry(arg, reg);
}

static void on_turn(void *arg)
{
    struct house_role *h = arg;
    int rc = house_turn(h->house, hub_ms(h));

    if (rc != 0)
        fog_unusual("house.turn", "error=\"%s\"", fog_strerror(rc));
    if (h->mirror != NULL)
        mirror_turn(h->mirror, now_ms(h));
    if (h->claimer != NULL)
        claimer_turn(h->claimer, now_ms(h), hub_ms(h));
    if (!h->told)
        tell_boxes(h);
    if (h->mirror != NULL)
        judge_deals(h);
    if (h->closing != NULL)
        closing_turn(h);
    fog_timer_start(h->turn, h->serve->conf->dev ? TURN_DEV_MS : TURN_MS);
}

void house_role_on_map(struct house_role *h, const struct cellmap *map)
{
    bool changed = false;

    cellmap_unref(&h->map);
    h->map = cellmap_ref((struct cellmap *)(uintptr_t)map); /* immutable, shared by count */
    for (size_t i = 0; h->local != NULL && i < map->n; i++) {
        struct fog_ethaddr node, operator_addr;

        memcpy(node.b, map->rows[i].node, sizeof node.b);
        memcpy(operator_addr.b, map->rows[i].operator_addr, sizeof operator_addr.b);
        changed |= local_registry_node(h->local, map->rows[i].key, &node, &operator_addr);
    }
    if (changed)
        set_registry(h, local_registry_get(h->local));
}

void house_role_on_publisher(struct house_role *h, const struct fog_hash *publisher_id)
{
    if (h->local != NULL && local_registry_publisher(h->local, publisher_id))
        set_registry(h, local_registry_get(h->local));
}

void house_role_ports(struct house_role *h, struct router_grants *grants,
                      struct router_deals *deals, struct router_money *money)
{
    *grants = (struct router_grants){.arg = h, .issue = issue};
    if (h->mirror != NULL)
        *deals = (struct router_deals){.arg = h, .check = check_deal};
    *money = (struct router_money){.arg = h,
                                   .on_message = on_message,
                                   .on_lease = on_lease,
                                   .earnings = on_earnings,
                                   .admin = on_admin,
                                   .fog_json = fog_json};
}

/* ---- life ---- */

static int open_chain(struct house_role *h)
{
    /* The operator named the endpoint himself: it may well be on this machine. */
    const struct fog_http_client_conf http = {.policy = {.allow_any = true}};
    const struct mirror_events events = {.arg = h, .on_registry = on_registry, .on_head = on_head};
    const struct node_conf *c = h->serve->conf;
    struct mirror_conf mirror = {.house = h->addr};
    char why[200] = "";
    int rc = addresses_load(c->chain_addresses, &h->addresses, why, sizeof why);

    if (rc != 0) {
        fprintf(stderr, "fogd: %s: %s\n", c->chain_addresses,
                why[0] != '\0' ? why : fog_strerror(rc));
        return rc;
    }
    if (h->addresses.chain_id != h->serve->genesis.chain_id ||
        memcmp(h->addresses.settlement.b, h->serve->genesis.settlement, 20) != 0) {
        fprintf(stderr, "fogd: %s: not the chain and contracts that the fog's genesis names\n",
                c->chain_addresses);
        return FOG_ECONFIG;
    }
    h->http = fog_http_client_new(h->serve->control->loop, &http);
    rc = chain_rpc_new(h->http, c->chain_rpc, h->addresses.chain_id, &h->rpc);
    if (rc != 0) {
        fprintf(stderr, "fogd: 'chain.rpc' %s: %s\n", c->chain_rpc, fog_strerror(rc));
        return rc;
    }
    mirror.chain = chain_rpc_port(h->rpc);
    mirror.addresses = h->addresses;
    h->mirror = mirror_new(&mirror, &events);
    return 0;
}

static int open_local(struct house_role *h)
{
    const struct keyd_answer *k = &h->serve->keys;
    const struct local_registry_house house = {.house = h->addr,
                                               .grant_signer = k->addresses.money[KEYD_KEY_GRANT],
                                               .voucher_signer =
                                                   k->addresses.money[KEYD_KEY_VOUCHER]};
    int rc = local_registry_new(h->serve->store, &house, &h->local);

    if (rc != 0) {
        fprintf(stderr, "fogd: the registry of this instance: %s\n", fog_strerror(rc));
        return rc;
    }
    h->addresses.week_length_s = 604800;
    set_registry(h, local_registry_get(h->local));
    return 0;
}

static int open_books(struct house_role *h)
{
    const struct house_events events = {.arg = h, .on_voucher = on_voucher};
    struct fog_rng rng = fog_rng_system();
    struct house_conf conf = {
        .domain = h->serve->domain,
        .addr = h->addr,
        .instance = 1,
        .week_length_s = h->addresses.week_length_s,
        .price_per_gib = h->serve->conf->price_per_gib,
        .rng = rng,
        .db = &h->store.port,
        .signer = keyc_signer(h->serve->keyc),
    };
    struct claimer_conf claimer = {
        .addresses = h->addresses,
        .house_addr = h->addr,
        .db = &h->store.port,
        .signer = conf.signer,
        .key = KEYD_KEY_OWNER,
        .from = h->addr,
    };
    int rc;

    fog_rng_fill(&rng, conf.map_seed, sizeof conf.map_seed);
    rc = house_new(&conf, &events, h->registry, hub_ms(h), &h->house);
    if (rc == 0) {
        claimer.house = h->house;
        claimer.chain = h->rpc == NULL ? NULL : chain_rpc_port(h->rpc);
        rc = claimer_new(&claimer, &h->claimer);
    }
    if (rc != 0)
        fprintf(stderr, "fogd: the house's books: %s\n", fog_strerror(rc));
    return rc;
}

int house_role_new(const struct house_role_conf *conf, struct house_role **out)
{
    struct house_role *h = FOG_NEW(house_role);
    struct serve *s = conf->serve;
    int rc;

    h->conf = *conf;
    h->serve = s;
    h->addr = s->keys.addresses.money[KEYD_KEY_OWNER];
    h->registry = registry_new();
    fog_list_init(&h->deals);
    glue_store_init(&h->store, s->store, "house");
    h->turn = fog_timer_new(s->control->loop, on_turn, h);
    rc = s->genesis.chain_id != 0 ? open_chain(h) : open_local(h);
    if (rc == 0)
        rc = open_books(h);
    if (rc != 0) {
        house_role_free(&h);
        return rc;
    }
    fog_timer_start(h->turn, 0);
    *out = h;
    return 0;
}

void house_role_free(struct house_role **ph)
{
    struct house_role *h = *ph;

    *ph = NULL;
    if (h == NULL)
        return;
    free(h->closing);
    FOG_LIST_EACH(&h->deals, it)
    free(FOG_CONTAINER(it, deal_check, link));
    fog_timer_free(&h->turn);
    claimer_free(&h->claimer);
    mirror_free(&h->mirror);
    chain_rpc_free(&h->rpc);
    if (h->http != NULL)
        fog_http_client_free(&h->http);
    house_free(&h->house);
    local_registry_free(&h->local);
    registry_unref(&h->registry);
    cellmap_unref(&h->map);
    fog_buf_fini(&h->fog_json);
    free(h);
}
