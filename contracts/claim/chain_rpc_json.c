/* JSON-RPC bodies: asks to text, text to checked answers. No I/O. */
#include "contracts/claim/chain_rpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "contracts/claim/abi.h"
#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/json/json.h"

#define DATA_MAX ((size_t)1 << 20)

static const char *method_of(enum chain_op op)
{
    switch (op) {
    case CHAIN_ID:
        return "eth_chainId";
    case CHAIN_HEAD:
        return "eth_getBlockByNumber";
    case CHAIN_CALL:
        return "eth_call";
    case CHAIN_NONCE:
        return "eth_getTransactionCount";
    case CHAIN_ESTIMATE:
        return "eth_estimateGas";
    case CHAIN_TIP:
        return "eth_maxPriorityFeePerGas";
    case CHAIN_SEND:
        return "eth_sendRawTransaction";
    case CHAIN_RECEIPT:
        return "eth_getTransactionReceipt";
    case CHAIN_LOGS:
        return "eth_getLogs";
    case CHAIN_BALANCE:
        return "eth_getBalance";
    case CHAIN_DEV_TIME:
        return "evm_increaseTime";
    }
    return "";
}

static const char *tag_text(enum chain_tag tag)
{
    switch (tag) {
    case CHAIN_LATEST:
        return "latest";
    case CHAIN_SAFE:
        return "safe";
    case CHAIN_FINALIZED:
        return "finalized";
    }
    return "latest";
}

static void quantity(char out[40], fog_u128 v)
{
    char digits[33];
    size_t n = 0;

    do {
        digits[n++] = "0123456789abcdef"[v & 15];
        v >>= 4;
    } while (v != 0);
    memcpy(out, "0x", 2);
    for (size_t i = 0; i < n; i++)
        out[2 + i] = digits[n - 1 - i];
    out[2 + n] = '\0';
}

static struct fog_json *call_object(const struct chain_ask *a)
{
    struct fog_json *o = fog_json_new_object();
    char text[40];

    if (!fog_ethaddr_is_zero(&a->from))
        fog_json_set_hex(o, "from", a->from.b, sizeof a->from.b);
    if (!a->creates)
        fog_json_set_hex(o, "to", a->to.b, sizeof a->to.b);
    if (a->value != 0) {
        quantity(text, a->value);
        fog_json_set_str(o, "value", text);
    }
    fog_json_set_hex(o, "data", a->data.p, a->data.len);
    return o;
}

static struct fog_json *log_filter(const struct chain_ask *a)
{
    struct fog_json *o = fog_json_new_object();
    char text[40];

    fog_json_set_hex(o, "address", a->to.b, sizeof a->to.b);
    quantity(text, a->from_block);
    fog_json_set_str(o, "fromBlock", text);
    quantity(text, a->to_block);
    fog_json_set_str(o, "toBlock", text);
    return o;
}

static struct fog_json *params_of(const struct chain_ask *a)
{
    struct fog_json *p = fog_json_new_array(), *o = NULL;
    char text[40];

    switch (a->op) {
    case CHAIN_ID:
    case CHAIN_TIP:
        break;
    case CHAIN_HEAD:
        fog_json_append_str(p, tag_text(a->tag));
        o = fog_json_new_bool(false);
        fog_json_append_take(p, &o);
        break;
    case CHAIN_CALL:
    case CHAIN_ESTIMATE:
        o = call_object(a);
        fog_json_append_take(p, &o);
        if (a->op == CHAIN_CALL)
            fog_json_append_str(p, tag_text(a->tag));
        break;
    case CHAIN_NONCE:
    case CHAIN_BALANCE:
        fog_json_append_hex(p, a->from.b, sizeof a->from.b);
        fog_json_append_str(p, tag_text(a->tag));
        break;
    case CHAIN_SEND:
        fog_json_append_hex(p, a->data.p, a->data.len);
        break;
    case CHAIN_RECEIPT:
        fog_json_append_hex(p, a->hash.b, sizeof a->hash.b);
        break;
    case CHAIN_LOGS:
        o = log_filter(a);
        fog_json_append_take(p, &o);
        break;
    case CHAIN_DEV_TIME:
        quantity(text, a->number);
        fog_json_append_str(p, text);
        break;
    }
    return p;
}

static void append_request(struct fog_json *batch, const char *method, struct fog_json *params,
                           size_t id)
{
    struct fog_json *r = fog_json_append_object(batch);

    fog_json_set_str(r, "jsonrpc", "2.0");
    fog_json_set_u64(r, "id", id);
    fog_json_set_str(r, "method", method);
    fog_json_set_take(r, "params", &params);
}

void chain_rpc_write(const struct chain_ask *asks, size_t n, struct fog_buf *out)
{
    struct fog_json *batch = fog_json_new_array();

    for (size_t i = 0; i < n; i++) {
        append_request(batch, method_of(asks[i].op), params_of(&asks[i]), i);
        if (asks[i].op == CHAIN_DEV_TIME) /* the new time shows in the next block only */
            append_request(batch, "evm_mine", fog_json_new_array(), n + i);
    }
    fog_json_write(batch, false, out);
    fog_json_free(&batch);
}

/* --- answers --- */

static void bad(struct chain_answer *a, int err, const char *where, const char *method,
                const char *what)
{
    a->err = err;
    snprintf(a->text, sizeof a->text, "%.60s: %s: %.70s", where, method, what);
}

static int get_u64(const struct fog_json *j, const char *path, uint64_t *out)
{
    fog_u128 v;
    int rc = fog_json_get_quantity(j, path, &v);

    if (rc != 0)
        return rc;
    if (v > UINT64_MAX)
        return FOG_ERANGE;
    *out = (uint64_t)v;
    return 0;
}

/* The bytes that an answer points at live in memory of their own. */
static int get_data(const struct fog_json *j, const char *path, struct fog_bytes *out)
{
    struct fog_buf b = {0};
    int rc = fog_json_get_hex_buf(j, path, DATA_MAX, &b);

    if (rc != 0) {
        fog_buf_fini(&b);
        return rc;
    }
    fog_buf_reserve(&b, 1);
    *out = fog_bytes_of(b.data, b.len);
    return 0;
}

static int read_head(const struct fog_json *r, struct chain_answer *a)
{
    int rc = get_u64(r, "number", &a->head.number);

    if (rc == 0)
        rc = get_u64(r, "timestamp", &a->head.time_s);
    if (rc == 0)
        rc = fog_json_get_hex(r, "hash", a->head.hash.b, 32);
    if (rc == 0 && fog_json_member(r, "baseFeePerGas") != NULL)
        rc = get_u64(r, "baseFeePerGas", &a->head.base_fee);
    return rc;
}

static int read_log(const struct fog_json *r, struct chain_log *log)
{
    const struct fog_json *topics = fog_json_member(r, "topics");
    int rc = fog_json_get_hex(r, "address", log->address.b, 20);

    if (rc == 0)
        rc = get_u64(r, "blockNumber", &log->block);
    if (rc == 0)
        rc = fog_json_get_hex(r, "transactionHash", log->tx.b, 32);
    if (rc == 0 && (!fog_json_is_array(topics) || fog_json_count(topics) > CHAIN_TOPICS_MAX))
        rc = FOG_EFORMAT;
    for (size_t i = 0; rc == 0 && i < fog_json_count(topics); i++) {
        rc = fog_json_get_hex(fog_json_item(topics, i), "", log->topics[i].b, 32);
        log->n_topics++;
    }
    return rc != 0 ? rc : get_data(r, "data", &log->data);
}

static int read_logs(const struct fog_json *r, struct chain_answer *a)
{
    size_t n = fog_json_count(r);
    struct chain_log *logs;

    if (!fog_json_is_array(r))
        return FOG_EFORMAT;
    if (n > CHAIN_LOGS_MAX)
        return FOG_ELIMIT;
    logs = fog_alloc((n + 1) * sizeof *logs);
    a->logs = logs;
    for (size_t i = 0; i < n; i++) {
        int rc;

        a->n_logs = i + 1;
        if ((rc = read_log(fog_json_item(r, i), &logs[i])) != 0)
            return rc;
    }
    return 0;
}

static int read_receipt(const struct fog_json *r, struct chain_answer *a)
{
    uint64_t status;
    int rc;

    if (r == NULL || fog_json_is_null(r))
        return 0; /* not mined, or not known any more */
    if ((rc = get_u64(r, "status", &status)) != 0 || status > 1)
        return FOG_EFORMAT;
    rc = get_u64(r, "blockNumber", &a->receipt.block);
    if (rc == 0)
        rc = fog_json_get_hex(r, "blockHash", a->receipt.block_hash.b, 32);
    if (rc == 0)
        rc = get_u64(r, "gasUsed", &a->receipt.gas_used);
    if (rc == 0 && fog_json_member(r, "effectiveGasPrice") != NULL)
        rc = fog_json_get_quantity(r, "effectiveGasPrice", &a->receipt.gas_price);
    if (rc == 0 && fog_json_is_string(fog_json_member(r, "contractAddress")))
        rc = fog_json_get_hex(r, "contractAddress", a->receipt.created.b, 20);
    if (rc == 0)
        rc = read_logs(fog_json_member(r, "logs"), a);
    a->receipt.ok = status == 1;
    a->found = rc == 0;
    return rc;
}

static int read_result(enum chain_op op, const struct fog_json *r, struct chain_answer *a)
{
    switch (op) {
    case CHAIN_ID:
    case CHAIN_NONCE:
    case CHAIN_ESTIMATE:
    case CHAIN_TIP:
        return get_u64(r, "", &a->number);
    case CHAIN_HEAD:
        return read_head(r, a);
    case CHAIN_CALL:
        return get_data(r, "", &a->data);
    case CHAIN_SEND:
        return fog_json_get_hex(r, "", a->hash.b, 32);
    case CHAIN_RECEIPT:
        return read_receipt(r, a);
    case CHAIN_LOGS:
        return read_logs(r, a);
    case CHAIN_BALANCE:
        return fog_json_get_quantity(r, "", &a->wide);
    case CHAIN_DEV_TIME:
        return r == NULL ? FOG_EFORMAT : 0; /* a number here, text there: only that it was done */
    }
    return FOG_EFORMAT;
}

/* A refusal of the contract carries the revert's bytes; everything else is the endpoint's. */
static void read_error(const struct fog_json *e, const char *where, const char *method,
                       struct chain_answer *a)
{
    const char *message = "no message";
    char text[120];
    int64_t code = 0;
    bool reverted;

    if (fog_json_get_str(e, "message", &message) != 0)
        message = "no message";
    if (fog_json_get_i64(e, "code", &code) != 0)
        code = 0;
    reverted = code == 3 || strstr(message, "revert") != NULL;
    if (reverted && get_data(e, "data", &a->data) == 0 && a->data.len >= 4) {
        abi_revert_text(a->data, text, sizeof text);
        bad(a, FOG_EDENIED, where, method, text);
        return;
    }
    bad(a, reverted ? FOG_EDENIED : FOG_ECHAIN, where, method, message);
    for (char *c = a->text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
            *c = '?';
}

static void read_one(enum chain_op op, const struct fog_json *j, const char *where,
                     struct chain_answer *a)
{
    const struct fog_json *error = fog_json_member(j, "error");
    const char *method = method_of(op);
    int rc;

    if (error != NULL && !fog_json_is_null(error)) {
        read_error(error, where, method, a);
        return;
    }
    rc = read_result(op, fog_json_member(j, "result"), a);
    if (rc != 0)
        bad(a, FOG_ECHAIN, where, method, fog_strerror(rc == -ENOENT ? FOG_EFORMAT : rc));
}

void chain_rpc_read(const struct chain_ask *asks, size_t n, struct fog_bytes body,
                    const char *where, struct chain_answer *answers)
{
    struct fog_json_limits limits = {.bytes = CHAIN_RPC_ANSWER_MAX, .depth = 16};
    struct fog_json *j = NULL;
    char why[80] = "answer without our id";
    int rc;

    memset(answers, 0, n * sizeof *answers);
    rc = fog_json_parse(body, &limits, &j, why, sizeof why);
    if (rc == 0 && fog_json_is_object(j)) { /* one error for the whole batch */
        const char *message;

        if (fog_json_get_str(j, "error.message", &message) == 0)
            snprintf(why, sizeof why, "%s", message);
    }
    for (size_t i = 0; i < n; i++)
        bad(&answers[i], FOG_ECHAIN, where, method_of(asks[i].op), why);
    for (size_t i = 0; rc == 0 && fog_json_is_array(j) && i < fog_json_count(j); i++) {
        const struct fog_json *one = fog_json_item(j, i);
        uint64_t id;

        if (fog_json_get_u64(one, "id", &id) != 0 || id >= n || answers[id].err != FOG_ECHAIN ||
            answers[id].data.p != NULL || answers[id].logs != NULL)
            continue; /* evm_mine, a stranger's, or a second answer */
        answers[id] = (struct chain_answer){0};
        read_one(asks[id].op, one, where, &answers[id]);
    }
    fog_json_free(&j);
}

void chain_rpc_clear(struct chain_answer *answers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t l = 0; l < answers[i].n_logs; l++)
            free((void *)(uintptr_t)answers[i].logs[l].data.p);
        free((void *)(uintptr_t)answers[i].logs);
        free((void *)(uintptr_t)answers[i].data.p);
        answers[i] = (struct chain_answer){0};
    }
}
