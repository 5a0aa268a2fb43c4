#include "contracts/claim/chain_wait.h"

#include <errno.h>
#include <stdio.h>

#include "core/base/assert.h"
#include "core/io/loop.h"

#define POLL_MS       200
#define GAS_SLACK_PCT 25 /* state may change between estimate and block */

static void keep_logs(struct chain_wait *w, const struct chain_answer *a)
{
    size_t at[FOG_COUNT(w->logs)];
    size_t n = a->n_logs < FOG_COUNT(w->logs) ? a->n_logs : FOG_COUNT(w->logs);

    for (size_t i = 0; i < n; i++) {
        w->logs[i] = a->logs[i];
        at[i] = w->log_data.len;
        if (a->logs[i].data.len != 0)
            fog_buf_append(&w->log_data, a->logs[i].data.p, a->logs[i].data.len);
    }
    for (size_t i = 0; i < n; i++)
        w->logs[i].data = fog_bytes_of(w->log_data.data + at[i], a->logs[i].data.len);
    w->answer.logs = w->logs;
    w->answer.n_logs = n;
}

static void on_answer(void *ctx, const struct chain_answer *answers, size_t n)
{
    struct chain_wait *w = ctx;

    FOG_ASSERT(n == 1);
    w->answer = answers[0];
    fog_buf_append(&w->data, answers[0].data.p, answers[0].data.len);
    w->answer.data = fog_buf_bytes(&w->data);
    keep_logs(w, &answers[0]);
    w->done = true;
    if (w->loop != NULL)
        fog_loop_stop(w->loop);
}

int chain_wait_ask(struct chain_wait *w, const struct chain_ask *ask)
{
    fog_buf_clear(&w->data);
    fog_buf_clear(&w->log_data);
    w->done = false;
    w->chain->ask(w->chain->arg, ask, 1, on_answer, w);
    while (!w->done && w->loop != NULL)
        fog_loop_run(w->loop);
    FOG_ASSERT(w->done);
    return w->answer.err;
}

void chain_wait_fini(struct chain_wait *w)
{
    fog_buf_fini(&w->data);
    fog_buf_fini(&w->log_data);
}

int chain_wait_view(struct chain_wait *w, const struct fog_ethaddr *to, struct fog_bytes call)
{
    struct chain_ask ask = {.op = CHAIN_CALL, .to = *to, .data = call};

    return chain_wait_ask(w, &ask);
}

static void on_timer(void *arg)
{
    fog_loop_stop(arg);
}

static void pause_ms(struct chain_wait *w, fog_time_ms ms)
{
    struct fog_timer *t;

    if (w->loop == NULL)
        return;
    t = fog_timer_new(w->loop, on_timer, w->loop);
    fog_timer_start(t, ms);
    fog_loop_run(w->loop);
    fog_timer_free(&t);
}

/* Fee and gas of a transaction whose other fields are set. */
static int price(struct chain_wait *w, const struct fog_ethaddr *from, struct tx *t)
{
    struct chain_ask head = {.op = CHAIN_HEAD}, tip = {.op = CHAIN_TIP};
    struct chain_ask nonce = {.op = CHAIN_NONCE, .from = *from}, id = {.op = CHAIN_ID};
    struct chain_ask gas = {.op = CHAIN_ESTIMATE,
                            .creates = t->creates,
                            .from = *from,
                            .to = t->to,
                            .value = t->value,
                            .data = t->data};
    uint64_t base_fee;
    int rc;

    if ((rc = chain_wait_ask(w, &id)) != 0)
        return rc;
    t->chain_id = w->answer.number;
    if ((rc = chain_wait_ask(w, &head)) != 0)
        return rc;
    base_fee = w->answer.head.base_fee;
    if ((rc = chain_wait_ask(w, &tip)) != 0)
        return rc;
    t->max_priority_fee = w->answer.number;
    t->max_fee = 2 * base_fee + t->max_priority_fee;
    if ((rc = chain_wait_ask(w, &nonce)) != 0)
        return rc;
    t->nonce = w->answer.number;
    if ((rc = chain_wait_ask(w, &gas)) != 0)
        return rc;
    t->gas_limit = w->answer.number + w->answer.number * GAS_SLACK_PCT / 100;
    return 0;
}

static int wait_mined(struct chain_wait *w, const struct fog_hash *hash, fog_time_ms timeout_ms)
{
    struct chain_ask receipt = {.op = CHAIN_RECEIPT, .hash = *hash};

    for (fog_time_ms waited = 0;; waited += POLL_MS) {
        int rc = chain_wait_ask(w, &receipt);

        if (rc != 0)
            return rc;
        if (w->answer.found)
            break;
        if (waited >= timeout_ms) {
            w->answer.hash = *hash;
            return -ETIMEDOUT;
        }
        pause_ms(w, POLL_MS);
    }
    w->answer.hash = *hash;
    if (w->answer.receipt.ok)
        return 0;
    snprintf(w->answer.text, sizeof w->answer.text, "the transaction was mined but refused");
    return FOG_EDENIED;
}

int chain_wait_send(struct chain_wait *w, const struct fog_secp_key *key,
                    const struct fog_ethaddr *to, fog_u128 value, struct fog_bytes data,
                    fog_time_ms timeout_ms)
{
    struct tx t = {.value = value, .data = data, .creates = to == NULL};
    struct fog_buf raw = {0};
    struct fog_ethaddr from;
    struct fog_hash digest, hash;
    struct fog_secp_sig sig;
    int rc;

    if (to != NULL)
        t.to = *to;
    if ((rc = fog_secp_address(key, &from)) != 0)
        goto out;
    if ((rc = price(w, &from, &t)) != 0)
        goto out;
    tx_digest(&t, &digest);
    if ((rc = fog_secp_sign(key, &digest, &sig)) != 0)
        goto out;
    tx_assemble(&t, &sig, &raw, &hash);
    rc = chain_wait_ask(w, &(struct chain_ask){.op = CHAIN_SEND, .data = fog_buf_bytes(&raw)});
    if (rc == 0 && !fog_hash_eq(&w->answer.hash, &hash)) {
        snprintf(w->answer.text, sizeof w->answer.text, "endpoint gave another hash");
        rc = FOG_ECHAIN;
    }
    if (rc == 0)
        rc = wait_mined(w, &hash, timeout_ms);
out:
    fog_buf_fini(&raw);
    return rc;
}
