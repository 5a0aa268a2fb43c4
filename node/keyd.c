#include "node/keyd.h"

#include "contracts/claim/keyd_rules.h"
#include "contracts/claim/store_file.h"
#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/crypto/rng_system.h"
#include "core/json/json.h"
#include "core/obs/log.h"
#include "node/home.h"
#include "node/keyd_ca.h"
#include "node/super.h"
#include "router/genesis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

struct keyd {
    struct fog_secp_key keys[KEYD_KEYS];
    bool present[KEYD_KEYS];
    struct fog_ethaddr money[KEYD_KEYS];
    struct fog_sign_key map;
    bool has_map;
    struct keyd_ca *ca; /* NULL: none */
    struct fog_hash fog_id;
    struct store_file *memory;
    struct keyd_rules *rules;
    unsigned permissions;
    uint8_t *in; /* KEYD_MESSAGE_MAX */
};

static const char *const key_files[KEYD_KEYS] = {
    [KEYD_KEY_NODE] = HOME_NODE,
    [KEYD_KEY_GRANT] = HOME_GRANT,
    [KEYD_KEY_VOUCHER] = HOME_VOUCHER,
    [KEYD_KEY_OWNER] = HOME_OWNER,
};

/* Nobody reads this process's memory: no core file, no ptrace by others of the same user. */
static void harden(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int load_keys(struct keyd *k, const struct node_conf *conf)
{
    uint8_t seed[32];
    int rc;

    for (int i = 0; i < KEYD_KEYS; i++) {
        rc = home_key(conf, key_files[i], k->keys[i].b, sizeof k->keys[i].b);
        if (rc == -ENOENT)
            continue;
        if (rc != 0)
            return rc;
        if ((rc = fog_secp_address(&k->keys[i], &k->money[i])) != 0) {
            fprintf(stderr, "fogd: %s/%s: not a secp256k1 key\n", conf->state, key_files[i]);
            return rc;
        }
        k->present[i] = true;
    }
    rc = home_key(conf, HOME_MAP, seed, sizeof seed);
    if (rc == 0) {
        fog_sign_key_of(seed, &k->map);
        k->has_map = true;
        fog_wipe(seed, sizeof seed);
    } else if (rc != -ENOENT) {
        return rc;
    }
    return keyd_ca_load(conf, &k->ca);
}

static int load_rules(struct keyd *k, const struct node_conf *conf)
{
    struct keyd_rules_conf rules = {0};
    struct fog_ethaddr settlement;
    struct fog_buf bytes = {0};
    char path[NODE_PATH_MAX];
    struct genesis g;
    int rc = home_genesis(conf, &g, &k->fog_id, &bytes);

    fog_buf_fini(&bytes);
    if (rc != 0)
        return rc;
    node_path(conf, HOME_KEYD "/signed", path);
    if ((rc = store_file_open(path, &k->memory)) != 0) {
        fprintf(stderr, "fogd: %s: %s\n", path, fog_strerror(rc));
        return rc;
    }
    memcpy(settlement.b, g.settlement, sizeof settlement.b);
    claim_domain_init(&rules.domain, g.chain_id, &settlement);
    if (conf->is_router)
        rules.house = k->money[KEYD_KEY_OWNER];
    rules.node = k->money[KEYD_KEY_NODE];
    rules.fog_id = k->fog_id;
    rules.store = store_file_port(k->memory);
    k->rules = keyd_rules_new(&rules);
    k->permissions = KEYD_MAY(KEYD_GET_ADDRESSES) | KEYD_MAY(KEYD_SIGN_STATEMENT);
    if (conf->is_router)
        k->permissions |= KEYD_MAY(KEYD_SIGN_GRANT) | KEYD_MAY(KEYD_SIGN_VOUCHER) |
                          KEYD_MAY(KEYD_SIGN_TX) | KEYD_MAY(KEYD_SIGN_ED25519) |
                          KEYD_MAY(KEYD_ISSUE_CERT);
    return 0;
}

/* The map key speaks for the instance: maps, liveness, freshness, tokens, hub sets. */
static int sign_ed25519(struct keyd *k, const struct keyd_req *req, struct keyd_answer *a)
{
    static const uint16_t allowed[] = {FOG_SIGN_HUBSET, FOG_SIGN_CELL_MAP,     FOG_SIGN_LIVENESS,
                                       FOG_SIGN_FRESH,  FOG_SIGN_ENROLL_TOKEN, FOG_SIGN_BLACKLIST};
    struct fog_sig sig;

    if (!k->has_map)
        return -ENOENT;
    for (size_t i = 0; i < FOG_COUNT(allowed); i++) {
        if (req->ed25519.type != allowed[i])
            continue;
        fog_sign(&k->map, (enum fog_sign_type)req->ed25519.type, &k->fog_id, req->ed25519.body,
                 &sig);
        memcpy(a->ed25519, sig.b, sizeof a->ed25519);
        return 0;
    }
    return FOG_EDENIED;
}

/* The journal of what a box ever said: shows and operators find a second form of a statement here.
 */
static void note_statement(const struct statement *s, const struct fog_hash *digest)
{
    char node[FOG_ETHADDR_TEXT], house[FOG_ETHADDR_TEXT], hex[FOG_HEX_LEN(32) + 1];
    char bytes[40];

    fog_hex_encode(digest->b, sizeof digest->b, hex);
    fog_json_u128_text(s->bytes_sum, bytes);
    fog_info("keyd.statement", "node=%s house=%s week=%u round=%u rev=%u bytes=%s digest=0x%s",
             fog_ethaddr_text(&s->node, node), fog_ethaddr_text(&s->house, house), s->week,
             s->round, s->rev, bytes, hex);
}

static int sign_secp(struct keyd *k, const struct keyd_req *req, enum keyd_key key,
                     const struct fog_hash *digest, struct keyd_answer *a)
{
    if (!k->present[key])
        return -ENOENT;
    if (req->kind == KEYD_SIGN_STATEMENT)
        note_statement(&req->statement, digest);
    return fog_secp_sign(&k->keys[key], digest, &a->sig);
}

static void fill_addresses(const struct keyd *k, struct keyd_answer *a)
{
    for (int i = 0; i < KEYD_KEYS; i++) {
        a->addresses.present[i] = k->present[i];
        a->addresses.money[i] = k->money[i];
    }
    if (k->has_map)
        memcpy(a->addresses.ed25519, k->map.pub.b, sizeof a->addresses.ed25519);
    if (k->ca != NULL)
        keyd_ca_hash(k->ca, &a->addresses.ca);
}

/* Everything that may be refused is refused here; the answer's pem lives in `pem`. */
static int serve(struct keyd *k, const struct keyd_req *req, struct keyd_answer *a,
                 struct fog_buf *pem)
{
    enum keyd_key key = KEYD_KEY_NODE;
    struct fog_hash digest;
    int rc = keyd_rules_check(k->rules, k->permissions, req, &key, &digest);

    if (rc != 0)
        return rc;
    switch (req->kind) {
    case KEYD_SIGN_GRANT:
    case KEYD_SIGN_STATEMENT:
    case KEYD_SIGN_VOUCHER:
    case KEYD_SIGN_TX:
        return sign_secp(k, req, key, &digest, a);
    case KEYD_SIGN_ED25519:
        return sign_ed25519(k, req, a);
    case KEYD_ISSUE_CERT:
        if (k->ca == NULL)
            return -ENOENT;
        rc = keyd_ca_issue(k->ca, req, pem);
        a->pem = fog_buf_bytes(pem);
        return rc;
    case KEYD_GET_ADDRESSES:
        fill_addresses(k, a);
        return 0;
    }
    return FOG_EPROTO;
}

static int send_answer(const struct keyd_answer *a)
{
    struct fog_buf out = {0};
    ssize_t n;

    keyd_answer_encode(a, &out);
    do /* a full channel means that the serving process is slow: wait with it */
        n = send(SUPER_FD_CHAN, out.data, out.len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    fog_buf_fini(&out);
    return n < 0 ? -errno : 0;
}

static void handle(struct keyd *k, struct fog_bytes message)
{
    struct keyd_answer a = {0};
    struct fog_buf pem = {0};
    struct keyd_req req;
    int rc = keyd_req_decode(message, &req);

    if (rc != 0) {
        fog_broken("keyd.request", "len=%zu error=\"%s\"", message.len, fog_strerror(rc));
        return;
    }
    a.id = req.id;
    a.kind = req.kind;
    a.err = serve(k, &req, &a, &pem);
    if (a.err != 0)
        fog_unusual("keyd.refused", "kind=%d error=\"%s\"", (int)req.kind, fog_strerror(a.err));
    if ((rc = send_answer(&a)) != 0)
        fog_unusual("keyd.answer", "error=\"%s\"", fog_strerror(rc));
    fog_buf_fini(&pem);
}

static void keyd_fini(struct keyd *k)
{
    keyd_rules_free(&k->rules);
    store_file_close(&k->memory);
    keyd_ca_free(&k->ca);
    for (int i = 0; i < KEYD_KEYS; i++)
        fog_secp_wipe(&k->keys[i]);
    fog_sign_key_wipe(&k->map);
    free(k->in);
}

int keyd_run(const struct node_conf *conf)
{
    struct keyd_answer hello = {.id = 0, .kind = KEYD_GET_ADDRESSES};
    struct keyd k = {0};
    int size = 1 << 20, code = FOGD_EXIT_FAILED;

    harden();
    (void)setsockopt(SUPER_FD_CHAN, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    k.in = fog_alloc(KEYD_MESSAGE_MAX);
    if (load_keys(&k, conf) != 0 || load_rules(&k, conf) != 0)
        goto out;
    fill_addresses(&k, &hello);
    if (send_answer(&hello) != 0)
        goto out;
    fog_info("keyd.ready", "house=%d node=%d map=%d ca=%d", k.present[KEYD_KEY_OWNER],
             k.present[KEYD_KEY_NODE], k.has_map, k.ca != NULL);
    for (;;) {
        ssize_t n = recv(SUPER_FD_CHAN, k.in, KEYD_MESSAGE_MAX, 0);

        if (n > 0)
            handle(&k, fog_bytes_of(k.in, (size_t)n));
        else if (n == 0 || errno != EINTR)
            break; /* the supervisor, which holds the other end too, is gone */
    }
    code = 0;
out:
    keyd_fini(&k);
    return code;
}
