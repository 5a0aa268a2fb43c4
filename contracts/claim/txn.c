#include "contracts/claim/txn_journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/obs/log.h"

#define TXNS_MAGIC      0x74786e73
#define DEV_CHAIN       31337
#define DEFAULT_MAX_FEE ((uint64_t)500 * 1000000000)
#define GAS_SLACK_PCT   30
#define BUMP_NUM        9 /* +12.5 %: what nodes want to replace a transaction */
#define BUMP_DEN        8

/* One transaction is worked on at a time: the oldest that is neither FINAL nor FAILED and not
 * waiting in MINED for depth. `asking` is the one that an ask or a signature is under way for. */
struct txns {
    uint32_t magic;
    struct txn_conf conf;
    struct txn_events events;
    struct fog_list list; /* by id */
    uint64_t next_id;
    struct txn *asking;
    struct tx signing; /* fields that keyd was asked for; data is borrowed from `asking` */
    bool busy;
    bool freed; /* txns_free was called while busy: the callback ends it */
    bool woken; /* something was submitted: do not wait for the poll */
    fog_time_ms next_ms;
};

const char *txn_state_text(enum txn_state s)
{
    static const char *const texts[] = {
#define X(name, text) [name] = (text),
        TXN_STATES(X)
#undef X
    };

    return texts[s];
}

static void view_of(const struct txn *t, struct txn_view *v)
{
    memset(v, 0, sizeof *v);
    memcpy(v->intent, t->intent, sizeof v->intent);
    v->state = t->state;
    v->nonce = t->nonce;
    v->block = t->block;
    v->gas_used = t->gas_used;
    v->gas_price = t->gas_price;
    if (t->state == TXN_MINED || t->state == TXN_FINAL)
        v->hash = t->mined_hash;
    else if (t->n_hashes > 0)
        v->hash = t->hashes[t->n_hashes - 1];
}

/* The one door for state changes: durable, then logged, then told. On failure the state is what it
 * was, and the same is tried with the next turn. */
static int set_state(struct txns *x, struct txn *t, enum txn_state to, const struct chain_log *logs,
                     size_t n_logs, const char *text)
{
    enum txn_state from = t->state;
    struct txn_view v;
    int rc;

    t->state = to;
    if ((rc = txn_save(x->conf.store, t)) != 0) {
        t->state = from;
        fog_unusual("txn.save", "intent=%s error=\"%s\"", t->intent, fog_strerror(rc));
        return rc;
    }
    fog_info("txn.state", "intent=%s nonce=%" PRIu64 " from=%s to=%s", t->intent, t->nonce,
             txn_state_text(from), txn_state_text(to));
    if (to >= TXN_MINED && x->events.on_state != NULL) {
        view_of(t, &v);
        x->events.on_state(x->events.arg, &v, logs, n_logs, text);
    }
    return 0;
}

static int take(void *arg, struct txn *t)
{
    struct txns *x = arg;

    fog_list_push_back(&x->list, &t->link);
    x->next_id = t->id + 1;
    return 0;
}

static void free_all(struct txns *x)
{
    struct fog_link *n;

    while ((n = fog_list_first(&x->list)) != NULL)
        txn_free(FOG_CONTAINER(n, txn, link));
    x->magic = 0;
    free(x);
}

int txns_new(const struct txn_conf *conf, const struct txn_events *events, struct txns **out)
{
    struct txns *x = FOG_NEW(txns);
    bool dev = conf->chain_id == DEV_CHAIN;
    int rc;

    x->magic = TXNS_MAGIC;
    x->conf = *conf;
    x->events = *events;
    x->next_id = 1;
    fog_list_init(&x->list);
    if (x->conf.final_blocks == 0)
        x->conf.final_blocks = dev ? 1 : 64;
    if (x->conf.stuck_blocks == 0)
        x->conf.stuck_blocks = 3;
    if (x->conf.max_fee == 0)
        x->conf.max_fee = DEFAULT_MAX_FEE;
    if (x->conf.poll_ms == 0)
        x->conf.poll_ms = dev ? 200 : 4000;
    if ((rc = txn_load_all(x->conf.store, take, x)) != 0) {
        free_all(x);
        return rc;
    }
    *out = x;
    return 0;
}

void txns_free(struct txns **xp)
{
    struct txns *x = *xp;

    *xp = NULL;
    if (x == NULL)
        return;
    FOG_ASSERT(x->magic == TXNS_MAGIC);
    if (x->busy)
        x->freed = true;
    else
        free_all(x);
}

/* Called first by each callback: true when nothing may be touched any more. */
static bool ended(struct txns *x)
{
    x->busy = false;
    if (!x->freed)
        return false;
    free_all(x);
    return true;
}

static struct txn *find(struct txns *x, const char *intent)
{
    struct txn *found = NULL;

    FOG_LIST_EACH(&x->list, it)
    {
        struct txn *t = FOG_CONTAINER(it, txn, link);

        if (strcmp(t->intent, intent) == 0)
            found = t; /* the newest of that name */
    }
    return found;
}

int txns_find(struct txns *x, const char *intent, struct txn_view *out)
{
    struct txn *t = find(x, intent);

    if (t == NULL)
        return -ENOENT;
    view_of(t, out);
    return 0;
}

int txns_submit(struct txns *x, const char *intent, const struct fog_ethaddr *to,
                struct fog_bytes data)
{
    struct txn *had = find(x, intent), *t;
    int rc;

    if (strlen(intent) > TXN_INTENT_MAX || data.len > TX_DATA_MAX)
        return FOG_ELIMIT;
    if (had != NULL && had->state != TXN_FAILED)
        return -EEXIST;
    t = FOG_NEW(txn);
    t->id = x->next_id;
    snprintf(t->intent, sizeof t->intent, "%s", intent);
    t->to = *to;
    if (data.len != 0)
        fog_buf_append(&t->data, data.p, data.len);
    if ((rc = txn_save(x->conf.store, t)) != 0) {
        txn_free(t);
        return rc;
    }
    x->next_id++;
    x->woken = true;
    fog_list_push_back(&x->list, &t->link);
    return 0;
}

/* --- INTENT: fees, nonce, signature --- */

static void fields_of(const struct txns *x, const struct txn *t, struct tx *out)
{
    *out = (struct tx){.chain_id = x->conf.chain_id,
                       .nonce = t->nonce,
                       .max_priority_fee = t->tip,
                       .max_fee = t->max_fee,
                       .gas_limit = t->gas_limit,
                       .to = t->to,
                       .data = fog_buf_bytes(&t->data)};
}

static void broadcast(struct txns *x, struct txn *t);

static void on_signed(void *ctx, const struct keyd_answer *answer)
{
    struct txns *x = ctx;
    struct txn *t = x->asking;
    struct fog_buf raw = {0};
    struct fog_hash hash;

    if (ended(x))
        return;
    if (answer->err != 0) {
        fog_unusual("txn.unsigned", "intent=%s nonce=%" PRIu64 " error=\"%s\"", t->intent,
                    x->signing.nonce, fog_strerror(answer->err));
        return;
    }
    tx_assemble(&x->signing, &answer->sig, &raw, &hash);
    t->nonce = x->signing.nonce;
    t->tip = x->signing.max_priority_fee;
    t->max_fee = x->signing.max_fee;
    t->gas_limit = x->signing.gas_limit;
    if (t->n_hashes == TXN_VERSIONS_MAX) { /* the oldest has the lowest fee */
        memmove(t->hashes, t->hashes + 1, (TXN_VERSIONS_MAX - 1) * sizeof t->hashes[0]);
        t->n_hashes--;
    }
    t->hashes[t->n_hashes++] = hash;
    fog_buf_move(&t->raw, &raw);
    if (set_state(x, t, TXN_SIGNED, NULL, 0, NULL) == 0)
        broadcast(x, t);
}

static void sign(struct txns *x, struct txn *t)
{
    struct keyd_req q = {.kind = KEYD_SIGN_TX};

    q.tx.key = x->conf.key;
    q.tx.tx = x->signing;
    x->busy = true;
    x->asking = t;
    x->conf.signer->sign(x->conf.signer->arg, &q, on_signed, x);
}

/* The first nonce that neither the chain nor a transaction of ours has used. */
static uint64_t free_nonce(const struct txns *x, uint64_t on_chain)
{
    uint64_t nonce = on_chain;

    FOG_LIST_EACH(&x->list, it)
    {
        const struct txn *t = FOG_CONTAINER(it, txn, link);

        if (t->state >= TXN_SIGNED && t->n_hashes > 0 && t->state != TXN_FAILED &&
            t->nonce >= nonce)
            nonce = t->nonce + 1;
    }
    return nonce;
}

enum { ASK_GAS, ASK_HEAD, ASK_TIP, ASK_NONCE, ASK_COUNT };

static void on_priced(void *ctx, const struct chain_answer *a, size_t n)
{
    struct txns *x = ctx;
    struct txn *t = x->asking;

    FOG_ASSERT(n == ASK_COUNT);
    if (ended(x))
        return;
    if (a[ASK_GAS].err == FOG_EDENIED) {
        (void)set_state(x, t, TXN_FAILED, NULL, 0, a[ASK_GAS].text);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (a[i].err != 0) {
            fog_unusual("txn.chain", "intent=%s error=\"%s\"", t->intent, a[i].text);
            return;
        }
    t->gas_limit = a[ASK_GAS].number + a[ASK_GAS].number * GAS_SLACK_PCT / 100;
    t->nonce = free_nonce(x, a[ASK_NONCE].number);
    t->tip = a[ASK_TIP].number;
    t->max_fee = 2 * a[ASK_HEAD].head.base_fee + t->tip;
    t->sent_block = a[ASK_HEAD].head.number;
    if (t->max_fee > x->conf.max_fee) {
        fog_unusual("txn.dear", "intent=%s fee=%" PRIu64, t->intent, t->max_fee);
        return; /* later, when it is cheaper */
    }
    fields_of(x, t, &x->signing);
    sign(x, t);
}

static void price(struct txns *x, struct txn *t)
{
    struct chain_ask asks[ASK_COUNT] = {
        [ASK_GAS] = {.op = CHAIN_ESTIMATE,
                     .from = x->conf.from,
                     .to = t->to,
                     .data = fog_buf_bytes(&t->data)},
        [ASK_HEAD] = {.op = CHAIN_HEAD},
        [ASK_TIP] = {.op = CHAIN_TIP},
        [ASK_NONCE] = {.op = CHAIN_NONCE, .from = x->conf.from},
    };

    x->busy = true;
    x->asking = t;
    x->conf.chain->ask(x->conf.chain->arg, asks, ASK_COUNT, on_priced, x);
}

/* --- SIGNED: out with it --- */

static void on_broadcast(void *ctx, const struct chain_answer *a, size_t n)
{
    struct txns *x = ctx;
    struct txn *t = x->asking;

    FOG_ASSERT(n == 1);
    if (ended(x))
        return;
    /* "already known" and "nonce too low" come as errors too: the receipts tell which it is. */
    if (a[0].err != 0)
        fog_info("txn.broadcast", "intent=%s answer=\"%s\"", t->intent, a[0].text);
    if (t->state == TXN_SIGNED)
        (void)set_state(x, t, TXN_SENT, NULL, 0, NULL);
}

static void broadcast(struct txns *x, struct txn *t)
{
    struct chain_ask ask = {.op = CHAIN_SEND, .data = fog_buf_bytes(&t->raw)};

    x->busy = true;
    x->asking = t;
    x->conf.chain->ask(x->conf.chain->arg, &ask, 1, on_broadcast, x);
}

/* --- SENT and MINED: which version is in which block? --- */

static uint64_t raised(uint64_t fee)
{
    return fee / BUMP_DEN * BUMP_NUM + BUMP_NUM;
}

/* Same nonce, same deed, both fees higher; at the cap the old bytes are sent again. */
static void raise_fees(struct txns *x, struct txn *t, uint64_t head)
{
    uint64_t max_fee = raised(t->max_fee), tip = raised(t->tip);

    t->sent_block = head;
    if (max_fee > x->conf.max_fee) {
        broadcast(x, t);
        return;
    }
    fog_unusual("txn.stuck", "intent=%s nonce=%" PRIu64 " fee=%" PRIu64, t->intent, t->nonce,
                max_fee);
    fields_of(x, t, &x->signing);
    x->signing.max_fee = max_fee;
    x->signing.max_priority_fee = tip < max_fee ? tip : max_fee;
    sign(x, t);
}

static void on_found(struct txns *x, struct txn *t, const struct chain_answer *r, unsigned version,
                     uint64_t head)
{
    bool same_block = fog_hash_eq(&t->block_hash, &r->receipt.block_hash);

    if (t->state == TXN_MINED && same_block) {
        if (head >= t->block + x->conf.final_blocks)
            (void)set_state(x, t, r->receipt.ok ? TXN_FINAL : TXN_FAILED, r->logs, r->n_logs,
                            r->receipt.ok ? NULL : "refused in its block");
        return;
    }
    t->mined_hash = t->hashes[version];
    t->block_hash = r->receipt.block_hash;
    t->block = r->receipt.block;
    t->gas_used = r->receipt.gas_used;
    t->gas_price = r->receipt.gas_price;
    (void)set_state(x, t, TXN_MINED, r->logs, r->n_logs,
                    r->receipt.ok ? NULL : "refused in its block");
}

/* Answers: head, nonce, then one receipt per version. */
static void on_receipts(void *ctx, const struct chain_answer *a, size_t n)
{
    struct txns *x = ctx;
    struct txn *t = x->asking;

    if (ended(x))
        return;
    for (size_t i = 0; i < n; i++)
        if (a[i].err != 0) {
            fog_unusual("txn.chain", "intent=%s error=\"%s\"", t->intent, a[i].text);
            return;
        }
    for (size_t i = 2; i < n; i++)
        if (a[i].found) {
            on_found(x, t, &a[i], (unsigned)(i - 2), a[0].head.number);
            return;
        }
    if (t->state == TXN_MINED) {
        /* A reorganisation took it out of its block: it is as if it had only been sent. */
        t->sent_block = a[0].head.number;
        if (set_state(x, t, TXN_SENT, NULL, 0, NULL) == 0)
            broadcast(x, t);
    } else if (a[1].number > t->nonce) {
        /* The nonce is gone and none of ours took it: somebody else holds this key. */
        fog_unusual("txn.nonce_taken", "intent=%s nonce=%" PRIu64, t->intent, t->nonce);
        if (a[0].head.number >= t->sent_block + x->conf.final_blocks) {
            t->n_hashes = 0;
            (void)set_state(x, t, TXN_INTENT, NULL, 0, NULL);
        }
    } else if (a[0].head.number >= t->sent_block + x->conf.stuck_blocks) {
        raise_fees(x, t, a[0].head.number);
    }
}

static void look_for(struct txns *x, struct txn *t)
{
    struct chain_ask asks[2 + TXN_VERSIONS_MAX] = {
        {.op = CHAIN_HEAD},
        {.op = CHAIN_NONCE, .from = x->conf.from},
    };

    for (unsigned i = 0; i < t->n_hashes; i++)
        asks[2 + i] = (struct chain_ask){.op = CHAIN_RECEIPT, .hash = t->hashes[i]};
    x->busy = true;
    x->asking = t;
    x->conf.chain->ask(x->conf.chain->arg, asks, 2 + t->n_hashes, on_receipts, x);
}

/* --- choosing --- */

/* The oldest that is under way comes first: a later one waits until it is mined. Those that only
 * wait for depth take turns when nothing else is to be done. */
static struct txn *choose(struct txns *x)
{
    struct txn *mined = NULL;

    FOG_LIST_EACH(&x->list, it)
    {
        struct txn *t = FOG_CONTAINER(it, txn, link);

        if (t->state < TXN_MINED)
            return t;
        if (t->state == TXN_MINED && mined == NULL)
            mined = t;
    }
    return mined;
}

void txns_turn(struct txns *x, fog_time_ms now_ms)
{
    struct txn *t;

    FOG_ASSERT(x->magic == TXNS_MAGIC);
    if (x->busy || (!x->woken && now_ms < x->next_ms))
        return;
    x->woken = false;
    x->next_ms = now_ms + x->conf.poll_ms;
    t = choose(x);
    if (t == NULL)
        return;
    switch (t->state) {
    case TXN_INTENT:
        price(x, t);
        return;
    case TXN_SIGNED:
        broadcast(x, t);
        return;
    case TXN_SENT:
    case TXN_MINED:
        look_for(x, t);
        return;
    case TXN_FINAL:
    case TXN_FAILED:
        return;
    }
}
