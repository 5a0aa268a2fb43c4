#include "tests/lib/fakechain.h"

#include <stdio.h>

#include "core/base/assert.h"
#include "core/crypto/keccak.h"

/* The next RLP item of a list as a number; enough for chain id, nonce, tip and fee. */
static uint64_t rlp_number(const uint8_t **p)
{
    uint8_t head = *(*p)++;
    uint64_t v = 0;

    if (head < 0x80)
        return head;
    for (unsigned i = 0; i < (unsigned)(head - 0x80); i++)
        v = v << 8 | *(*p)++;
    return v;
}

static struct fakechain_tx *find(struct fakechain *c, const struct fog_hash *hash)
{
    for (size_t i = 0; i < c->n; i++)
        if (fog_hash_eq(&c->txs[i].hash, hash))
            return &c->txs[i];
    return NULL;
}

static void take_raw(struct fakechain *c, struct fog_bytes raw, struct chain_answer *a)
{
    const uint8_t *p = raw.p + 1;
    struct fakechain_tx t = {.sends = 1}, *had;

    fog_keccak256(raw, &t.hash);
    a->hash = t.hash;
    p += *p >= 0xf8 ? 1 + (*p - 0xf7) : 1; /* list head */
    (void)rlp_number(&p);                  /* chain id */
    t.nonce = rlp_number(&p);
    (void)rlp_number(&p); /* tip */
    t.max_fee = rlp_number(&p);
    had = find(c, &t.hash);
    if (had != NULL) {
        had->sends++;
        a->err = FOG_ECHAIN;
        snprintf(a->text, sizeof a->text, "already known");
    } else if (t.nonce < c->nonce) {
        a->err = FOG_ECHAIN;
        snprintf(a->text, sizeof a->text, "nonce too low");
    } else {
        FOG_ASSERT(c->n < FAKECHAIN_TXS);
        c->txs[c->n++] = t;
    }
}

static struct fog_hash block_hash(const struct fakechain *c, uint64_t number)
{
    uint64_t in[2] = {number, c->fork};
    struct fog_hash h;

    fog_keccak256(fog_bytes_of(in, sizeof in), &h);
    return h;
}

static void answer_one(struct fakechain *c, const struct chain_ask *q, struct chain_answer *a)
{
    const struct fakechain_tx *t;

    if (c->away) {
        a->err = FOG_ECHAIN;
        snprintf(a->text, sizeof a->text, "away");
        return;
    }
    switch (q->op) {
    case CHAIN_ID:
        a->number = 31337;
        return;
    case CHAIN_HEAD:
        a->head.number = c->head;
        a->head.time_s = c->time_s;
        a->head.base_fee = c->base_fee;
        a->head.hash = block_hash(c, c->head);
        return;
    case CHAIN_NONCE:
        a->number = c->nonce;
        return;
    case CHAIN_ESTIMATE:
        a->number = 100000;
        if (c->refuses) {
            a->err = FOG_EDENIED;
            snprintf(a->text, sizeof a->text, "BondTooLow(uint256,uint256)");
        }
        return;
    case CHAIN_TIP:
        a->number = 10;
        return;
    case CHAIN_SEND:
        take_raw(c, q->data, a);
        return;
    case CHAIN_RECEIPT:
        t = find(c, &q->hash);
        a->found = t != NULL && t->block != 0;
        if (a->found) {
            a->receipt.ok = !c->fails_inside;
            a->receipt.block = t->block;
            a->receipt.block_hash = block_hash(c, t->block);
            a->receipt.gas_used = 90000;
        }
        return;
    case CHAIN_CALL:
    case CHAIN_LOGS:
    case CHAIN_BALANCE:
    case CHAIN_DEV_TIME:
        a->err = FOG_ECHAIN;
        snprintf(a->text, sizeof a->text, "not in this fake");
        return;
    }
}

static void ask(void *arg, const struct chain_ask *asks, size_t n,
                void (*done)(void *ctx, const struct chain_answer *answers, size_t n), void *ctx)
{
    static struct chain_answer answers[CHAIN_ASKS_MAX];

    memset(answers, 0, sizeof answers);
    for (size_t i = 0; i < n; i++)
        answer_one(arg, &asks[i], &answers[i]);
    done(ctx, answers, n);
}

void fakechain_init(struct fakechain *c)
{
    *c = (struct fakechain){.head = 100, .time_s = 1000000, .base_fee = 100};
    c->port = (struct chain){.arg = c, .ask = ask};
}

void fakechain_mine(struct fakechain *c)
{
    c->head++;
    c->time_s += 12;
    for (size_t i = 0; i < c->n; i++) {
        struct fakechain_tx *t = &c->txs[i];

        if (t->block == 0 && t->nonce == c->nonce && t->max_fee >= c->base_fee) {
            t->block = c->head;
            c->nonce++;
            i = (size_t)-1; /* the next nonce may stand before */
        }
    }
}

void fakechain_reorg(struct fakechain *c, uint64_t depth)
{
    size_t kept = 0;

    c->fork++;
    c->head -= depth;
    for (size_t i = 0; i < c->n; i++) {
        if (c->txs[i].block > c->head) {
            c->nonce--;
            continue;
        }
        c->txs[kept++] = c->txs[i];
    }
    c->n = kept;
}

void fakechain_steal_nonce(struct fakechain *c)
{
    c->nonce++;
}

size_t fakechain_mined(const struct fakechain *c)
{
    size_t mined = 0;

    for (size_t i = 0; i < c->n; i++)
        mined += c->txs[i].block != 0;
    return mined;
}
