#include "node/role_house.h"

#include "contracts/claim/claimer.h"
#include "contracts/claim/mirror.h"
#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/crypto/rng_system.h"
#include "core/http/client.h"
#include "core/io/loop.h"
#include "core/obs/log.h"
#include "node/house_in.h"
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
#define CLOCK_SLACK_MS 1500 /* blocks come once a second: less is no jump */
#define DEAL_WAIT_MS   4000

fog_time_ms house_hub_ms(const struct house_role *h)
{
    return node_clock_now(&h->serve->clock);
}

fog_time_ms house_now_ms(const struct house_role *h)
{
    return fog_loop_now_ms(h->serve->control->loop);
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
                   h->addresses.week_length_s, house_week_now(h));
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
    issuer_issue(h->house, &q, house_hub_ms(h), on_issued, n);
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

        if (rc != 0 && house_now_ms(h) < c->until_ms)
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
    c->until_ms = house_now_ms(h) + DEAL_WAIT_MS;
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
    fog_time_ms chain_ms = (fog_time_ms)time_s * 1000, off = chain_ms - house_hub_ms(h);

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
    int rc = house_turn(h->house, house_hub_ms(h));

    if (rc != 0)
        fog_unusual("house.turn", "error=\"%s\"", fog_strerror(rc));
    if (h->mirror != NULL)
        mirror_turn(h->mirror, house_now_ms(h));
    if (h->claimer != NULL)
        claimer_turn(h->claimer, house_now_ms(h), house_hub_ms(h));
    if (!h->told)
        house_boxes_tell(h);
    if (h->mirror != NULL)
        judge_deals(h);
    if (h->closing != NULL)
        house_weeks_turn(h);
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
                                   .on_message = house_boxes_on_message,
                                   .on_lease = house_boxes_on_lease,
                                   .earnings = house_weeks_earnings,
                                   .admin = house_weeks_admin,
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
    const struct house_events events = {.arg = h, .on_voucher = house_boxes_on_voucher};
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
    rc = house_new(&conf, &events, h->registry, house_hub_ms(h), &h->house);
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
