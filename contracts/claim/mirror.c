#include "contracts/claim/mirror.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "contracts/claim/abi.h"
#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/obs/log.h"

#define MIRROR_MAGIC 0x6d697272
#define DEV_CHAIN    31337
#define PAGE_BLOCKS  2000
#define RETRY_MS     2000

#define EVENTS(X)                                                                                  \
    X(HOUSE_REGISTERED, "HouseRegistered(uint32,address)", 3)                                      \
    X(SIGNER_SET, "SignerSet(address,uint8,address,uint32,uint32,uint96)", 4)                      \
    X(NODE_ADDED, "NodeAdded(uint32,address,address,bytes32)", 4)                                  \
    X(NODE_REVOKED, "NodeRevoked(uint32)", 2)                                                      \
    X(PUBLISHER_REGISTERED, "PublisherRegistered(uint32,address)", 3)                              \
    X(PUBLISHER_BOUND, "PublisherBound(address,bytes32)", 3)

enum mirror_event {
#define X(name, text, topics) name,
    EVENTS(X)
#undef X
        EVENT_COUNT
};

/* What is read next; each step is one batch of asks. */
enum mirror_step { STEP_HEAD, STEP_LOGS, STEP_WALLETS, STEP_DEALS };

struct operator_row {
    struct fog_ethaddr addr;
    struct fog_ethaddr wallet; /* zero: not asked yet */
};

/* An item of mirror.op_list. */
struct operator_ref {
    struct operator_row *row;
};

struct node_row {
    uint32_t id;
    struct operator_row *owner;
};

struct mirror {
    uint32_t magic;
    struct mirror_conf conf;
    struct mirror_events events;
    struct fog_hash topics[EVENT_COUNT];
    struct registry *current;
    struct registry *draft; /* during a refresh */
    bool changed;
    bool caught_up;
    bool dev;
    bool busy;
    bool freed;
    enum mirror_step step;
    uint64_t next_block;
    uint64_t target_block;
    fog_time_ms next_ms;
    fog_time_ms now_ms;
    struct fog_map *operators; /* address -> operator_row */
    struct fog_buf op_list;    /* struct operator_ref */
    struct fog_buf nodes;      /* struct node_row */
    struct fog_buf publishers; /* u32 ids */
    uint32_t house_id;
    size_t at; /* in the list of the step at hand */
};

static void ask(struct mirror *m, const struct chain_ask *asks, size_t n);

struct mirror *mirror_new(const struct mirror_conf *conf, const struct mirror_events *events)
{
    static const char *const texts[] = {
#define X(name, text, topics) [name] = (text),
        EVENTS(X)
#undef X
    };
    static const uint8_t seed[16] = "fog chain mirror";
    struct mirror *m = FOG_NEW(mirror);

    m->magic = MIRROR_MAGIC;
    m->conf = *conf;
    m->events = *events;
    for (int i = 0; i < EVENT_COUNT; i++)
        abi_topic(texts[i], &m->topics[i]);
    m->dev = conf->addresses.chain_id == DEV_CHAIN;
    if (m->conf.refresh_ms == 0)
        m->conf.refresh_ms = m->dev ? 1000 : MIRROR_REFRESH_MS;
    m->current = registry_new();
    m->next_block = conf->addresses.block;
    m->operators = fog_map_new(seed);
    return m;
}

static void free_now(struct mirror *m)
{
    size_t cursor = 0;
    void *v;

    while ((v = fog_map_next(m->operators, &cursor, NULL)) != NULL)
        free(v);
    fog_map_free(&m->operators);
    fog_buf_fini(&m->op_list);
    fog_buf_fini(&m->nodes);
    fog_buf_fini(&m->publishers);
    registry_unref(&m->current);
    registry_unref(&m->draft);
    m->magic = 0;
    free(m);
}

void mirror_free(struct mirror **mp)
{
    struct mirror *m = *mp;

    *mp = NULL;
    if (m == NULL)
        return;
    FOG_ASSERT(m->magic == MIRROR_MAGIC);
    if (m->busy)
        m->freed = true;
    else
        free_now(m);
}

bool mirror_caught_up(const struct mirror *m)
{
    return m->caught_up;
}

struct registry *mirror_registry(struct mirror *m)
{
    return m->current;
}

void mirror_poke(struct mirror *m)
{
    m->next_ms = 0;
}

/* --- events --- */

static struct operator_row *operator_of(struct mirror *m, const struct fog_ethaddr *a)
{
    struct operator_row *o = fog_map_get(m->operators, fog_bytes_of(a->b, 20));
    struct operator_ref ref;

    if (o == NULL) {
        o = FOG_NEW(operator_row);
        o->addr = *a;
        fog_map_put(m->operators, fog_bytes_of(o->addr.b, 20), o);
        ref.row = o;
        fog_buf_append(&m->op_list, &ref, sizeof ref);
    }
    return o;
}

static int add_row(struct mirror *m, const struct registry_row *row)
{
    m->changed = true;
    return registry_add(m->draft, row);
}

static int topic_u32(const struct fog_hash *t, uint32_t *out)
{
    fog_u128 v;
    int rc = abi_word_number(t, 32, &v);

    if (rc == 0)
        *out = (uint32_t)v;
    return rc;
}

static int on_id_and_address(struct mirror *m, enum registry_what what, const struct chain_log *log)
{
    struct registry_row row = {.what = what};
    int rc = topic_u32(&log->topics[1], &row.id);

    if (rc == 0)
        rc = abi_word_address(&log->topics[2], &row.address);
    if (rc != 0)
        return rc;
    if (what == REGISTRY_PUBLISHER)
        fog_buf_append(&m->publishers, &row.id, sizeof row.id);
    if (what == REGISTRY_HOUSE && fog_ethaddr_eq(&row.address, &m->conf.house))
        m->house_id = row.id;
    return add_row(m, &row);
}

static int on_signer_set(struct mirror *m, const struct chain_log *log)
{
    struct fog_rd r = fog_rd_of(log->data);
    struct registry_row row = {0};
    struct fog_ethaddr house;
    fog_u128 kind;
    int rc = abi_word_address(&log->topics[1], &house);

    if (rc == 0)
        rc = abi_word_number(&log->topics[2], 8, &kind);
    if (rc == 0)
        rc = abi_word_address(&log->topics[3], &row.address);
    if (rc != 0)
        return rc;
    row.from = (uint32_t)abi_rd_number(&r, 32);
    row.to = (uint32_t)abi_rd_number(&r, 32);
    (void)abi_rd_number(&r, 96);
    if ((rc = fog_rd_done(&r)) != 0)
        return rc;
    if (kind != 1 && kind != 2)
        return 0; /* a kind that we do not use */
    row.what = kind == 1 ? REGISTRY_GRANT_SIGNER : REGISTRY_VOUCHER_SIGNER;
    if ((rc = registry_id(m->draft, REGISTRY_HOUSE, &house, &row.id)) != 0)
        return rc;
    return add_row(m, &row);
}

static int on_node_added(struct mirror *m, const struct chain_log *log)
{
    struct registry_row row = {.what = REGISTRY_NODE};
    struct fog_rd r = fog_rd_of(log->data);
    struct fog_ethaddr owner;
    struct node_row node;
    int rc = topic_u32(&log->topics[1], &row.id);

    if (rc == 0)
        rc = abi_word_address(&log->topics[2], &owner);
    if (rc == 0)
        rc = abi_word_address(&log->topics[3], &row.address);
    if (rc != 0)
        return rc;
    fog_rd_copy(&r, row.key, sizeof row.key);
    if ((rc = fog_rd_done(&r)) != 0)
        return rc;
    node = (struct node_row){.id = row.id, .owner = operator_of(m, &owner)};
    fog_buf_append(&m->nodes, &node, sizeof node);
    return add_row(m, &row);
}

static int on_node_revoked(struct mirror *m, const struct chain_log *log)
{
    const struct registry_row *had;
    struct registry_row row;
    uint32_t id;
    int rc = topic_u32(&log->topics[1], &id);

    if (rc != 0)
        return rc;
    had = registry_find(m->draft, REGISTRY_NODE, id);
    if (had == NULL)
        return -ENOENT;
    row = *had;
    row.to = 1;
    return add_row(m, &row);
}

static int on_publisher_bound(struct mirror *m, const struct chain_log *log)
{
    struct registry_row row = {.what = REGISTRY_PUBLISHER};
    int rc = abi_word_address(&log->topics[1], &row.address);

    if (rc == 0)
        rc = registry_id(m->draft, REGISTRY_PUBLISHER, &row.address, &row.id);
    if (rc != 0)
        return rc;
    memcpy(row.key, log->topics[2].b, sizeof row.key);
    return add_row(m, &row);
}

static int on_log(struct mirror *m, const struct chain_log *log)
{
    static const unsigned n_topics[] = {
#define X(name, text, topics) [name] = (topics),
        EVENTS(X)
#undef X
    };
    int event = 0;

    while (event < EVENT_COUNT &&
           (log->n_topics == 0 || !fog_hash_eq(&log->topics[0], &m->topics[event])))
        event++;
    if (event == EVENT_COUNT)
        return 0;
    if (log->n_topics != n_topics[event])
        return FOG_EFORMAT;
    switch ((enum mirror_event)event) {
    case HOUSE_REGISTERED:
        return on_id_and_address(m, REGISTRY_HOUSE, log);
    case PUBLISHER_REGISTERED:
        return on_id_and_address(m, REGISTRY_PUBLISHER, log);
    case SIGNER_SET:
        return on_signer_set(m, log);
    case NODE_ADDED:
        return on_node_added(m, log);
    case NODE_REVOKED:
        return on_node_revoked(m, log);
    case PUBLISHER_BOUND:
        return on_publisher_bound(m, log);
    case EVENT_COUNT:
        break;
    }
    return 0;
}

/* --- steps --- */

static void end_refresh(struct mirror *m, bool whole)
{
    m->step = STEP_HEAD;
    m->at = 0;
    m->next_ms = m->now_ms + (whole ? m->conf.refresh_ms : RETRY_MS);
    if (whole && (m->changed || !m->caught_up)) {
        registry_unref(&m->current);
        m->current = registry_ref(m->draft);
        m->caught_up = true;
        if (m->events.on_registry != NULL)
            m->events.on_registry(m->events.arg, m->current);
        m->changed = false;
    }
    /* What was read of a refresh that was cut off is kept: its blocks are not read again. */
    if (whole)
        registry_unref(&m->draft);
}

static void ask_logs(struct mirror *m)
{
    const struct fog_ethaddr *of[] = {&m->conf.addresses.houses, &m->conf.addresses.nodes,
                                      &m->conf.addresses.escrow};
    struct chain_ask asks[FOG_COUNT(of)];
    uint64_t last = m->next_block + PAGE_BLOCKS - 1;

    if (last > m->target_block)
        last = m->target_block;
    for (size_t i = 0; i < FOG_COUNT(of); i++)
        asks[i] = (struct chain_ask){
            .op = CHAIN_LOGS, .to = *of[i], .from_block = m->next_block, .to_block = last};
    ask(m, asks, FOG_COUNT(of));
}

static int take_logs(struct mirror *m, const struct chain_answer *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < a[i].n_logs; k++) {
            int rc = on_log(m, &a[i].logs[k]);

            if (rc != 0) {
                fog_unusual("mirror.event", "block=%" PRIu64 " error=\"%s\"", a[i].logs[k].block,
                            fog_strerror(rc));
                return rc;
            }
        }
    m->next_block += PAGE_BLOCKS;
    if (m->next_block > m->target_block)
        m->next_block = m->target_block + 1;
    return 0;
}

static struct operator_row *operator_at(const struct mirror *m, size_t i)
{
    struct operator_ref ref;

    memcpy(&ref, m->op_list.data + i * sizeof ref, sizeof ref);
    return ref.row;
}

/* Wallets of operators that have none yet; false when there is nothing to ask. */
static bool ask_wallets(struct mirror *m)
{
    struct chain_ask asks[CHAIN_ASKS_MAX] = {{0}};
    struct fog_buf calls[CHAIN_ASKS_MAX] = {{0}};
    size_t count = m->op_list.len / sizeof(struct operator_ref), n = 0;

    for (; m->at + n < count && n < CHAIN_ASKS_MAX; n++) {
        struct operator_row *o = operator_at(m, m->at + n);

        abi_put_selector(&calls[n], "walletOf(address)");
        abi_put_address(&calls[n], &o->addr);
        asks[n] = (struct chain_ask){
            .op = CHAIN_CALL, .to = m->conf.addresses.factory, .data = fog_buf_bytes(&calls[n])};
    }
    if (n > 0)
        ask(m, asks, n);
    for (size_t i = 0; i < n; i++)
        fog_buf_fini(&calls[i]);
    return n > 0;
}

static int take_wallets(struct mirror *m, const struct chain_answer *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct operator_row *o = operator_at(m, m->at + i);
        struct fog_rd r = fog_rd_of(a[i].data);
        int rc;

        abi_rd_address(&r, &o->wallet);
        if ((rc = fog_rd_done(&r)) != 0)
            return rc;
    }
    m->at += n;
    return 0;
}

static int set_payees(struct mirror *m)
{
    for (size_t at = 0; at < m->nodes.len; at += sizeof(struct node_row)) {
        struct registry_payee p;
        struct node_row n;
        int rc;

        memcpy(&n, m->nodes.data + at, sizeof n);
        if (fog_ethaddr_is_zero(&n.owner->wallet) || registry_payee(m->draft, n.id) != NULL)
            continue;
        p = (struct registry_payee){
            .node_id = n.id, .operator_addr = n.owner->addr, .wallet = n.owner->wallet};
        m->changed = true;
        if ((rc = registry_set_payee(m->draft, &p)) != 0)
            return rc;
    }
    return 0;
}

static uint32_t publisher_at(const struct mirror *m, size_t i)
{
    uint32_t id;

    memcpy(&id, m->publishers.data + i * sizeof id, sizeof id);
    return id;
}

/* deal() and isLive() of each publisher with our house. */
static bool ask_deals(struct mirror *m)
{
    static const char *const views[] = {"deal(address,address)", "isLive(address,address)"};
    struct chain_ask asks[CHAIN_ASKS_MAX] = {{0}};
    struct fog_buf calls[CHAIN_ASKS_MAX] = {{0}};
    size_t count = m->publishers.len / sizeof(uint32_t), n = 0;

    if (m->house_id == 0)
        return false;
    for (size_t i = m->at; i < count && n + 2 <= CHAIN_ASKS_MAX; i++) {
        const struct registry_row *p =
            registry_find(m->draft, REGISTRY_PUBLISHER, publisher_at(m, i));

        for (size_t v = 0; v < FOG_COUNT(views); v++, n++) {
            abi_put_selector(&calls[n], views[v]);
            abi_put_address(&calls[n], &p->address);
            abi_put_address(&calls[n], &m->conf.house);
            asks[n] = (struct chain_ask){
                .op = CHAIN_CALL, .to = m->conf.addresses.escrow, .data = fog_buf_bytes(&calls[n])};
        }
    }
    if (n > 0)
        ask(m, asks, n);
    for (size_t i = 0; i < n; i++)
        fog_buf_fini(&calls[i]);
    return n > 0;
}

static bool same_deal(const struct registry_deal *a, const struct registry_deal *b)
{
    return a != NULL && a->cap_tokens == b->cap_tokens && a->from == b->from &&
           a->until == b->until && a->live == b->live;
}

static int take_deals(struct mirror *m, const struct chain_answer *a, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2) {
        struct registry_deal d = {.publisher_id = publisher_at(m, m->at), .house_id = m->house_id};
        struct fog_rd r = fog_rd_of(a[i].data), live = fog_rd_of(a[i + 1].data);
        const struct registry_deal *had;
        int rc;

        d.cap_tokens = abi_rd_number(&r, 96);
        (void)abi_rd_number(&r, 96);
        d.from = (uint32_t)abi_rd_number(&r, 32);
        d.until = (uint32_t)abi_rd_number(&r, 32);
        (void)abi_rd_number(&r, 32);
        d.live = abi_rd_bool(&live);
        if ((rc = fog_rd_done(&r)) != 0 || (rc = fog_rd_done(&live)) != 0)
            return rc;
        m->at++;
        had = registry_deal(m->draft, d.publisher_id, d.house_id);
        if (same_deal(had, &d) || (had == NULL && d.from == 0))
            continue;
        m->changed = true;
        if ((rc = registry_set_deal(m->draft, &d)) != 0)
            return rc;
    }
    return 0;
}

static void take_heads(struct mirror *m, const struct chain_answer *a)
{
    m->target_block = a[1].head.number;
    if (m->events.on_head != NULL)
        m->events.on_head(m->events.arg, a[0].head.number, a[0].head.time_s);
    if (m->draft == NULL)
        m->draft = registry_copy(m->current);
    m->step = STEP_LOGS;
}

/* Asks for what the step needs; false when it needs nothing (more). */
static bool step_asks(struct mirror *m)
{
    switch (m->step) {
    case STEP_HEAD:
        return false;
    case STEP_LOGS:
        if (m->next_block > m->target_block)
            return false;
        ask_logs(m);
        return true;
    case STEP_WALLETS:
        while (m->at < m->op_list.len / sizeof(struct operator_ref) &&
               !fog_ethaddr_is_zero(&operator_at(m, m->at)->wallet))
            m->at++;
        return ask_wallets(m);
    case STEP_DEALS:
        return ask_deals(m);
    }
    return false;
}

/* Asks what comes next, step by step, until the refresh is whole. */
static void go_on(struct mirror *m)
{
    while (!step_asks(m)) {
        m->at = 0;
        if (m->step == STEP_WALLETS && set_payees(m) != 0) {
            end_refresh(m, false);
            return;
        }
        if (m->step == STEP_DEALS) {
            end_refresh(m, true);
            return;
        }
        m->step = (enum mirror_step)(m->step + 1);
    }
}

static int take(struct mirror *m, const struct chain_answer *a, size_t n)
{
    switch (m->step) {
    case STEP_HEAD:
        take_heads(m, a);
        return 0;
    case STEP_LOGS:
        return take_logs(m, a, n);
    case STEP_WALLETS:
        return take_wallets(m, a, n);
    case STEP_DEALS:
        return take_deals(m, a, n);
    }
    return 0;
}

static void on_answers(void *ctx, const struct chain_answer *a, size_t n)
{
    struct mirror *m = ctx;
    int rc = 0;

    m->busy = false;
    if (m->freed) {
        free_now(m);
        return;
    }
    for (size_t i = 0; i < n && rc == 0; i++)
        if (a[i].err != 0) {
            fog_unusual("mirror.chain", "error=\"%s\"", a[i].text);
            rc = a[i].err;
        }
    if (rc == 0)
        rc = take(m, a, n);
    if (rc != 0)
        end_refresh(m, false);
    else
        go_on(m);
}

static void ask(struct mirror *m, const struct chain_ask *asks, size_t n)
{
    m->busy = true;
    m->conf.chain->ask(m->conf.chain->arg, asks, n, on_answers, m);
}

void mirror_turn(struct mirror *m, fog_time_ms now_ms)
{
    struct chain_ask heads[2] = {{.op = CHAIN_HEAD},
                                 {.op = CHAIN_HEAD, .tag = m->dev ? CHAIN_LATEST : CHAIN_SAFE}};

    FOG_ASSERT(m->magic == MIRROR_MAGIC);
    m->now_ms = now_ms;
    if (m->busy || now_ms < m->next_ms)
        return;
    m->step = STEP_HEAD;
    ask(m, heads, 2);
}
