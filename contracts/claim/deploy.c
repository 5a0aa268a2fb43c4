#include "contracts/claim/deploy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "contracts/claim/abi.h"
#include "core/base/assert.h"
#include "core/json/json.h"

#define DEFAULT_TIMEOUT_MS 120000
#define ARTIFACT_MAX       ((size_t)32 << 20)
#define NO_CAP             (((fog_u128)1 << 96) - 1)
#define KIND_GRANT         1
#define KIND_VOUCHER       2

static void say(struct deploy *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct deploy *d, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    if (d->on_step == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    d->on_step(d->step_arg, text);
}

/* Notes what was being done when rc came; returns rc. */
static int failed(struct deploy *d, int rc, const char *doing)
{
    if (rc != 0)
        snprintf(d->error, sizeof d->error, "%.100s: %.60s%s%s", doing, fog_strerror(rc),
                 d->wait.answer.text[0] == '\0' ? "" : ": ", d->wait.answer.text);
    return rc;
}

static int send(struct deploy *d, const struct fog_secp_key *key, const struct fog_ethaddr *to,
                struct fog_buf *call, const char *doing)
{
    fog_time_ms timeout = d->timeout_ms != 0 ? d->timeout_ms : DEFAULT_TIMEOUT_MS;
    int rc = chain_wait_send(&d->wait, key, to, 0, fog_buf_bytes(call), timeout);

    fog_buf_clear(call);
    return failed(d, rc, doing);
}

/* A view that gives numbers and addresses; r reads the words. */
static int view(struct deploy *d, const struct fog_ethaddr *to, struct fog_buf *call,
                struct fog_rd *r, const char *doing)
{
    int rc = chain_wait_view(&d->wait, to, fog_buf_bytes(call));

    fog_buf_clear(call);
    if (rc == 0)
        *r = fog_rd_of(d->wait.answer.data);
    return failed(d, rc, doing);
}

/* name(address) -> u32, the shape of all id look-ups. */
static int id_of(struct deploy *d, const struct fog_ethaddr *contract, const char *signature,
                 const struct fog_ethaddr *who, uint32_t *id)
{
    struct fog_buf call = {0};
    struct fog_rd r;
    int rc;

    abi_put_selector(&call, signature);
    abi_put_address(&call, who);
    rc = view(d, contract, &call, &r, signature);
    if (rc == 0) {
        *id = (uint32_t)abi_rd_number(&r, 32);
        rc = failed(d, fog_rd_done(&r), signature);
    }
    fog_buf_fini(&call);
    return rc;
}

static int week_now(struct deploy *d, const struct claim_addresses *a, uint32_t *week)
{
    struct fog_buf call = {0};
    struct fog_rd r;
    int rc;

    abi_put_selector(&call, "weekNow()");
    rc = view(d, &a->settlement, &call, &r, "weekNow()");
    if (rc == 0) {
        *week = (uint32_t)abi_rd_number(&r, 32);
        rc = failed(d, fog_rd_done(&r), "weekNow()");
    }
    fog_buf_fini(&call);
    return rc;
}

/* --- contracts --- */

/* The creation code of an artifact. */
static int load_code(struct deploy *d, const char *artifacts, const char *name,
                     struct fog_buf *code)
{
    struct fog_json_limits limits = {.bytes = ARTIFACT_MAX, .depth = 64};
    struct fog_json *j = NULL;
    struct fog_buf text = {0};
    char path[512];
    FILE *f;
    size_t n;
    int rc;

    snprintf(path, sizeof path, "%s/%s.sol/%s.json", artifacts, name, name);
    d->wait.answer.text[0] = '\0';
    f = fopen(path, "re");
    if (f == NULL)
        return failed(d, -errno, path);
    do {
        n = fread(fog_buf_reserve(&text, 65536), 1, 65536, f);
        fog_buf_added(&text, n);
    } while (n > 0 && text.len <= ARTIFACT_MAX);
    fclose(f);
    rc = fog_json_parse(fog_buf_bytes(&text), &limits, &j, d->wait.answer.text,
                        sizeof d->wait.answer.text);
    if (rc == 0)
        rc = fog_json_get_hex_buf(j, "bytecode.object", ARTIFACT_MAX, code);
    fog_json_free(&j);
    fog_buf_fini(&text);
    return failed(d, rc, path);
}

static uint32_t or_default(uint32_t v, uint32_t otherwise)
{
    return v != 0 ? v : otherwise;
}

static int deploy_token(struct deploy *d, const char *artifacts, const struct fog_secp_key *key,
                        struct fog_ethaddr *token)
{
    struct fog_buf code = {0};
    int rc;

    if ((rc = load_code(d, artifacts, "TestToken", &code)) != 0)
        goto out;
    if ((rc = send(d, key, NULL, &code, "deploying TestToken")) != 0)
        goto out;
    *token = d->wait.answer.receipt.created;
    say(d, "deployed a test token");
out:
    fog_buf_fini(&code);
    return rc;
}

/* Deployed(address settlement,address escrow,address houses,address nodes,address factory) */
static int read_deployed(struct deploy *d, struct claim_addresses *a)
{
    struct fog_hash topic;

    abi_topic("Deployed(address,address,address,address,address)", &topic);
    for (size_t i = 0; i < d->wait.answer.n_logs; i++) {
        const struct chain_log *log = &d->wait.answer.logs[i];
        struct fog_rd r = fog_rd_of(log->data);

        if (log->n_topics != 1 || !fog_hash_eq(&log->topics[0], &topic))
            continue;
        abi_rd_address(&r, &a->settlement);
        abi_rd_address(&r, &a->escrow);
        abi_rd_address(&r, &a->houses);
        abi_rd_address(&r, &a->nodes);
        abi_rd_address(&r, &a->factory);
        return failed(d, fog_rd_done(&r), "reading the Deployed event");
    }
    return failed(d, FOG_ECHAIN, "no Deployed event in the receipt");
}

int deploy_contracts(struct deploy *d, const char *artifacts, const struct fog_secp_key *key,
                     const struct deploy_params *params, struct claim_addresses *out)
{
    struct claim_addresses a = {.token = params->token,
                                .week_length_s = or_default(params->week_length_s, 604800),
                                .post_window_s = or_default(params->post_window_s, 172800),
                                .mature_window_s = or_default(params->mature_window_s, 259200),
                                .hold_length_s = or_default(params->hold_length_s, 1209600)};
    struct fog_ethaddr treasury = params->treasury;
    struct fog_buf code = {0};
    int rc;

    if ((rc = failed(d, chain_wait_ask(&d->wait, &(struct chain_ask){.op = CHAIN_ID}), "chain id")))
        goto out;
    a.chain_id = d->wait.answer.number;
    if (fog_ethaddr_is_zero(&treasury) &&
        (rc = failed(d, fog_secp_address(key, &treasury), "deployer's key")) != 0)
        goto out;
    if (fog_ethaddr_is_zero(&a.token) && (rc = deploy_token(d, artifacts, key, &a.token)) != 0)
        goto out;
    if ((rc = load_code(d, artifacts, "FogDeploy", &code)) != 0)
        goto out;
    abi_put_address(&code, &a.token);
    abi_put_address(&code, &treasury);
    abi_put_number(&code, a.week_length_s);
    abi_put_number(&code, a.post_window_s);
    abi_put_number(&code, a.mature_window_s);
    abi_put_number(&code, or_default(params->thaw_window_s, 1814400));
    abi_put_number(&code, a.hold_length_s);
    abi_put_number(&code, or_default(params->bond_delay_s, 604800));
    if ((rc = send(d, key, NULL, &code, "deploying FogDeploy")) != 0)
        goto out;
    a.block = d->wait.answer.receipt.block;
    if ((rc = read_deployed(d, &a)) != 0)
        goto out;
    say(d, "deployed the contracts in block %" PRIu64 ", gas %" PRIu64, a.block,
        d->wait.answer.receipt.gas_used);
    *out = a;
out:
    fog_buf_fini(&code);
    return rc;
}

int deploy_fund(struct deploy *d, const struct claim_addresses *a, const struct fog_secp_key *from,
                const struct fog_ethaddr *to, fog_u128 wei, fog_u128 tokens)
{
    struct fog_buf call = {0};
    int rc = 0;

    if (wei != 0)
        rc = failed(d,
                    chain_wait_send(&d->wait, from, to, wei, (struct fog_bytes){0},
                                    d->timeout_ms != 0 ? d->timeout_ms : DEFAULT_TIMEOUT_MS),
                    "sending coins");
    if (rc == 0 && tokens != 0) {
        abi_put_selector(&call, "mint(address,uint256)");
        abi_put_address(&call, to);
        abi_put_number(&call, tokens);
        rc = send(d, from, &a->token, &call, "minting test tokens");
    }
    fog_buf_fini(&call);
    return rc;
}

/* --- house --- */

static int approve(struct deploy *d, const struct claim_addresses *a,
                   const struct fog_secp_key *key, const struct fog_ethaddr *spender,
                   fog_u128 amount)
{
    struct fog_buf call = {0};
    int rc;

    abi_put_selector(&call, "approve(address,uint256)");
    abi_put_address(&call, spender);
    abi_put_number(&call, amount);
    rc = send(d, key, &a->token, &call, "approving tokens");
    fog_buf_fini(&call);
    return rc;
}

static int is_signer(struct deploy *d, const struct claim_addresses *a,
                     const struct fog_ethaddr *house, unsigned kind,
                     const struct fog_ethaddr *signer, uint32_t week, bool *out)
{
    struct fog_buf call = {0};
    struct fog_rd r;
    int rc;

    abi_put_selector(&call, "isSigner(address,uint8,address,uint32)");
    abi_put_address(&call, house);
    abi_put_number(&call, kind);
    abi_put_address(&call, signer);
    abi_put_number(&call, week);
    rc = view(d, &a->houses, &call, &r, "isSigner");
    if (rc == 0) {
        *out = abi_rd_bool(&r);
        rc = failed(d, fog_rd_done(&r), "isSigner");
    }
    fog_buf_fini(&call);
    return rc;
}

static int set_signer(struct deploy *d, const struct claim_addresses *a,
                      const struct fog_secp_key *key, const struct fog_ethaddr *house,
                      unsigned kind, const struct fog_ethaddr *signer, uint32_t week,
                      const struct deploy_house *h)
{
    struct fog_buf call = {0};
    bool known;
    int rc = is_signer(d, a, house, kind, signer, week, &known);

    if (rc != 0 || known)
        return rc;
    abi_put_selector(&call, "setSigner(uint8,address,uint32,uint32,uint96)");
    abi_put_number(&call, kind);
    abi_put_address(&call, signer);
    abi_put_number(&call, week);
    abi_put_number(&call, (fog_u128)week + or_default(h->weeks, 520));
    abi_put_number(&call, h->signer_cap != 0 ? h->signer_cap : NO_CAP);
    rc = send(d, key, &a->houses, &call, "setting a signer");
    if (rc == 0)
        say(d, "set the %s signer", kind == KIND_GRANT ? "grant" : "voucher");
    fog_buf_fini(&call);
    return rc;
}

static int set_bond(struct deploy *d, const struct claim_addresses *a,
                    const struct fog_secp_key *key, const struct fog_ethaddr *house, fog_u128 bond)
{
    struct fog_buf call = {0};
    int rc;

    if ((rc = approve(d, a, key, &a->houses, bond)) != 0)
        return rc;
    abi_put_selector(&call, "bond(address,uint96)");
    abi_put_address(&call, house);
    abi_put_number(&call, bond);
    rc = send(d, key, &a->houses, &call, "bonding");
    if (rc == 0)
        say(d, "bonded");
    fog_buf_fini(&call);
    return rc;
}

int deploy_house(struct deploy *d, const struct claim_addresses *a, const struct fog_secp_key *key,
                 const struct deploy_house *h, uint32_t *house_id)
{
    struct fog_buf call = {0};
    struct fog_ethaddr house;
    uint32_t id, week;
    int rc;

    if ((rc = failed(d, fog_secp_address(key, &house), "house key")) != 0)
        return rc;
    if ((rc = id_of(d, &a->houses, "houseIdOf(address)", &house, &id)) != 0)
        return rc;
    if (id == 0) {
        abi_put_selector(&call, "registerHouse()");
        rc = send(d, key, &a->houses, &call, "registering the house");
        fog_buf_fini(&call);
        if (rc == 0)
            rc = id_of(d, &a->houses, "houseIdOf(address)", &house, &id);
        if (rc != 0)
            return rc;
        say(d, "registered house %u", id);
    }
    if ((rc = week_now(d, a, &week)) != 0)
        return rc;
    for (size_t i = 0; i < h->n_grant_signers; i++)
        if ((rc = set_signer(d, a, key, &house, KIND_GRANT, &h->grant_signers[i], week, h)) != 0)
            return rc;
    if (!fog_ethaddr_is_zero(&h->voucher_signer) &&
        (rc = set_signer(d, a, key, &house, KIND_VOUCHER, &h->voucher_signer, week, h)) != 0)
        return rc;
    if (h->bond != 0 && (rc = set_bond(d, a, key, &house, h->bond)) != 0)
        return rc;
    *house_id = id;
    return 0;
}

/* --- operator --- */

static int wallet_of(struct deploy *d, const struct claim_addresses *a,
                     const struct fog_secp_key *key, const struct fog_ethaddr *owner,
                     struct fog_ethaddr *wallet)
{
    struct fog_buf call = {0};
    struct fog_rd r;
    bool exists = false;
    int rc;

    abi_put_selector(&call, "walletOf(address)");
    abi_put_address(&call, owner);
    if ((rc = view(d, &a->factory, &call, &r, "walletOf(address)")) != 0)
        goto out;
    abi_rd_address(&r, wallet);
    if ((rc = failed(d, fog_rd_done(&r), "walletOf(address)")) != 0)
        goto out;
    abi_put_selector(&call, "isWallet(address)");
    abi_put_address(&call, wallet);
    if ((rc = view(d, &a->factory, &call, &r, "isWallet(address)")) != 0)
        goto out;
    exists = abi_rd_bool(&r);
    if ((rc = failed(d, fog_rd_done(&r), "isWallet(address)")) != 0 || exists)
        goto out;
    abi_put_selector(&call, "createWallet(address)");
    abi_put_address(&call, owner);
    if ((rc = send(d, key, &a->factory, &call, "making the wallet")) == 0)
        say(d, "made the operator's wallet");
out:
    fog_buf_fini(&call);
    return rc;
}

static int add_node(struct deploy *d, const struct claim_addresses *a,
                    const struct fog_secp_key *key, const struct deploy_node *n, uint32_t *id)
{
    struct fog_buf call = {0};
    int rc = id_of(d, &a->nodes, "nodeIdOf(address)", &n->key, id);

    if (rc != 0 || *id != 0)
        return rc;
    abi_put_selector(&call, "addNode(address,bytes32,bytes)");
    abi_put_address(&call, &n->key);
    abi_put_fixed(&call, n->box_key, sizeof n->box_key);
    abi_put_number(&call, 3 * ABI_WORD);
    abi_put_bytes(&call, fog_bytes_of(n->consent.b, sizeof n->consent.b));
    rc = send(d, key, &a->nodes, &call, "adding a node");
    fog_buf_fini(&call);
    if (rc == 0)
        rc = id_of(d, &a->nodes, "nodeIdOf(address)", &n->key, id);
    if (rc == 0)
        say(d, "added node %u", *id);
    return rc;
}

int deploy_operator(struct deploy *d, const struct claim_addresses *a,
                    const struct fog_secp_key *key, const struct deploy_node *nodes, size_t n,
                    uint32_t *ids, struct fog_ethaddr *wallet)
{
    struct fog_buf call = {0};
    struct fog_ethaddr owner;
    uint32_t id;
    int rc;

    if ((rc = failed(d, fog_secp_address(key, &owner), "operator's key")) != 0)
        return rc;
    if ((rc = id_of(d, &a->nodes, "operatorIdOf(address)", &owner, &id)) != 0)
        return rc;
    if (id == 0) {
        abi_put_selector(&call, "registerOperator()");
        rc = send(d, key, &a->nodes, &call, "registering the operator");
        fog_buf_fini(&call);
        if (rc != 0)
            return rc;
        say(d, "registered the operator");
    }
    if ((rc = wallet_of(d, a, key, &owner, wallet)) != 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        uint32_t node_id;

        if ((rc = add_node(d, a, key, &nodes[i], &node_id)) != 0)
            return rc;
        if (ids != NULL)
            ids[i] = node_id;
    }
    return 0;
}

/* --- publisher --- */

static int deposit(struct deploy *d, const struct claim_addresses *a,
                   const struct fog_secp_key *key, const struct fog_ethaddr *publisher,
                   fog_u128 amount)
{
    struct fog_buf call = {0};
    int rc;

    if ((rc = approve(d, a, key, &a->escrow, amount)) != 0)
        return rc;
    abi_put_selector(&call, "deposit(address,uint96)");
    abi_put_address(&call, publisher);
    abi_put_number(&call, amount);
    rc = send(d, key, &a->escrow, &call, "depositing");
    if (rc == 0)
        say(d, "deposited into the escrow");
    fog_buf_fini(&call);
    return rc;
}

static int bind_id(struct deploy *d, const struct claim_addresses *a,
                   const struct fog_secp_key *key, const struct fog_ethaddr *publisher,
                   const uint8_t publisher_id[32])
{
    struct fog_buf call = {0};
    struct fog_hash bound;
    struct fog_rd r;
    int rc;

    abi_put_selector(&call, "account(address)");
    abi_put_address(&call, publisher);
    if ((rc = view(d, &a->escrow, &call, &r, "account(address)")) != 0)
        goto out;
    (void)abi_rd_number(&r, 32);
    abi_rd_hash(&r, &bound);
    if (r.err == 0 && memcmp(bound.b, publisher_id, 32) == 0)
        goto out;
    abi_put_selector(&call, "bindPublisher(bytes32)");
    abi_put_fixed(&call, publisher_id, 32);
    if ((rc = send(d, key, &a->escrow, &call, "binding the publisher's identity")) == 0)
        say(d, "bound the publisher's identity");
out:
    fog_buf_fini(&call);
    return rc;
}

static int open_deal(struct deploy *d, const struct claim_addresses *a,
                     const struct fog_secp_key *key, const struct fog_ethaddr *publisher,
                     const struct deploy_publisher *p)
{
    struct fog_buf call = {0};
    uint32_t week, from, until;
    fog_u128 cap;
    struct fog_rd r;
    int rc;

    if ((rc = week_now(d, a, &week)) != 0)
        goto out;
    abi_put_selector(&call, "deal(address,address)");
    abi_put_address(&call, publisher);
    abi_put_address(&call, &p->house);
    if ((rc = view(d, &a->escrow, &call, &r, "deal(address,address)")) != 0)
        goto out;
    cap = abi_rd_number(&r, 96);
    (void)abi_rd_number(&r, 96);
    from = (uint32_t)abi_rd_number(&r, 32);
    until = (uint32_t)abi_rd_number(&r, 32);
    if (r.err == 0 && from != 0 && cap >= p->cap_per_week && until >= week)
        goto out;
    abi_put_selector(&call, "openDeal(address,uint96,uint32)");
    abi_put_address(&call, &p->house);
    abi_put_number(&call, p->cap_per_week);
    abi_put_number(&call, (fog_u128)week + or_default(p->weeks, 52));
    if ((rc = send(d, key, &a->escrow, &call, "opening the deal")) == 0)
        say(d, "opened a deal with the house");
out:
    fog_buf_fini(&call);
    return rc;
}

int deploy_publisher(struct deploy *d, const struct claim_addresses *a,
                     const struct fog_secp_key *key, const struct deploy_publisher *p,
                     uint32_t *publisher_id)
{
    struct fog_ethaddr publisher;
    int rc;

    if ((rc = failed(d, fog_secp_address(key, &publisher), "publisher's key")) != 0)
        return rc;
    if (p->deposit != 0 && (rc = deposit(d, a, key, &publisher, p->deposit)) != 0)
        return rc;
    if ((rc = bind_id(d, a, key, &publisher, p->publisher_id)) != 0)
        return rc;
    if (p->cap_per_week != 0 && (rc = open_deal(d, a, key, &publisher, p)) != 0)
        return rc;
    return id_of(d, &a->escrow, "publisherIdOf(address)", &publisher, publisher_id);
}

int deploy_pass_time(struct deploy *d, uint64_t seconds)
{
    struct chain_ask ask = {.op = CHAIN_DEV_TIME, .number = seconds};

    return failed(d, chain_wait_ask(&d->wait, &ask), "moving the chain's clock");
}

int deploy_balance(struct deploy *d, const struct claim_addresses *a, const struct fog_ethaddr *of,
                   fog_u128 *out)
{
    struct fog_buf call = {0};
    struct fog_rd r;
    int rc;

    abi_put_selector(&call, "balanceOf(address)");
    abi_put_address(&call, of);
    rc = view(d, &a->token, &call, &r, "balanceOf(address)");
    if (rc == 0) {
        *out = abi_rd_number(&r, 128);
        rc = failed(d, fog_rd_done(&r), "balanceOf(address)");
    }
    fog_buf_fini(&call);
    return rc;
}

void deploy_fini(struct deploy *d)
{
    chain_wait_fini(&d->wait);
}
