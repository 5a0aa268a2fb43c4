/* fogd chain ...: setting a fog up on a chain. Thin: the steps are contracts/claim/deploy.h. */
#include "contracts/claim/claim.h"
#include "core/base/str.h"
#include "core/crypto/rng_system.h"
#include "core/http/client.h"
#include "core/io/loop.h"
#include "node/cmd.h"
#include "node/home.h"
#include "node/super.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Everything a step needs: the endpoint, the addresses, the account that pays. */
struct session {
    struct fog_loop *loop;
    struct fog_http_client *http;
    struct chain_rpc *rpc;
    struct claim_addresses addresses;
    struct fog_secp_key key;
    struct fog_ethaddr account;
    struct deploy deploy;
};

static void on_step(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "  %s\n", text);
}

static bool open_chain(struct session *s, const char *url, uint64_t chain_id)
{
    /* The operator named the endpoint himself. */
    const struct fog_http_client_conf http = {.policy = {.allow_any = true}};
    int rc;

    if (url == NULL || url[0] == '\0') {
        fprintf(stderr, "fogd: name the chain's endpoint with --rpc URL or chain.rpc\n");
        return false;
    }
    s->loop = fog_loop_new();
    s->http = fog_http_client_new(s->loop, &http);
    if ((rc = chain_rpc_new(s->http, url, chain_id, &s->rpc)) != 0) {
        fprintf(stderr, "fogd: %s: %s; an http or https URL is needed\n", url, fog_strerror(rc));
        return false;
    }
    s->deploy.wait.chain = chain_rpc_port(s->rpc);
    s->deploy.wait.loop = s->loop;
    s->deploy.on_step = on_step;
    return true;
}

static bool load_addresses(struct session *s, const char *path)
{
    char why[200] = "";
    int rc;

    if (path == NULL || path[0] == '\0') {
        fprintf(stderr, "fogd: name the addresses with --chain FILE or chain.addresses\n");
        return false;
    }
    if ((rc = addresses_load(path, &s->addresses, why, sizeof why)) != 0) {
        fprintf(stderr, "fogd: %s: %s\n", path, why[0] != '\0' ? why : fog_strerror(rc));
        return false;
    }
    return true;
}

static bool load_key(struct session *s, const char *path)
{
    if (path == NULL) {
        fprintf(stderr, "fogd: name the paying account's key with --key FILE\n");
        return false;
    }
    return home_account(path, &s->key) == 0 && fog_secp_address(&s->key, &s->account) == 0;
}

/* On a development chain the account gets the test tokens that it is about to spend. */
static int mint(struct session *s, fog_u128 tokens)
{
    if (s->addresses.chain_id != DEPLOY_DEV_CHAIN || tokens == 0)
        return 0;
    return deploy_fund(&s->deploy, &s->addresses, &s->key, &s->account, 0, tokens);
}

static int finish(struct session *s, int rc)
{
    if (rc != 0)
        fprintf(stderr, "fogd: %s\n",
                s->deploy.error[0] != '\0' ? s->deploy.error : fog_strerror(rc));
    deploy_fini(&s->deploy);
    chain_rpc_free(&s->rpc);
    if (s->http != NULL)
        fog_http_client_free(&s->http);
    if (s->loop != NULL)
        fog_loop_free(&s->loop);
    fog_secp_wipe(&s->key);
    return rc == 0 ? 0 : FOGD_EXIT_FAILED;
}

int cmd_chain_address(const struct cmd_args *a)
{
    char text[FOG_ETHADDR_TEXT];
    struct session s = {0};

    if (!load_key(&s, a->key))
        return FOGD_EXIT_FAILED;
    printf("%s\n", fog_ethaddr_text(&s.account, text));
    return finish(&s, 0);
}

static const char *artifacts_of(const struct cmd_args *a)
{
    static const char tree[] = FOG_SRCDIR "/contracts/solidity/out";

    if (a->artifacts != NULL)
        return a->artifacts;
    return access(tree, R_OK) == 0 ? tree : FOG_DATADIR "/contracts";
}

static bool seconds_of(const char *name, const char *text, uint32_t *out)
{
    fog_u128 v;

    if (text == NULL)
        return true;
    if (!cmd_number(name, text, &v) || v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

int cmd_chain_deploy(const struct cmd_args *a)
{
    struct deploy_params params = {0};
    struct session s = {0};
    char text[FOG_ETHADDR_TEXT];
    int rc;

    if (a->out == NULL || !seconds_of("week-length", a->week_length, &params.week_length_s) ||
        !seconds_of("post-window", a->post_window, &params.post_window_s) ||
        !seconds_of("mature-window", a->mature_window, &params.mature_window_s) ||
        !seconds_of("hold-length", a->hold_length, &params.hold_length_s)) {
        fprintf(stderr, "fogd: usage: fogd chain deploy --rpc URL --key FILE --out FILE\n");
        return FOGD_EXIT_USAGE;
    }
    if (!load_key(&s, a->key) || !open_chain(&s, a->rpc, 0))
        return finish(&s, FOG_ECONFIG);
    rc = deploy_contracts(&s.deploy, artifacts_of(a), &s.key, &params, &s.addresses);
    if (rc == 0 && (rc = addresses_save(a->out, &s.addresses)) != 0)
        fprintf(stderr, "fogd: %s: %s\n", a->out, fog_strerror(rc));
    if (rc == 0)
        printf("{\"settlement\": \"%s\", \"addresses\": \"%s\"}\n",
               fog_ethaddr_text(&s.addresses.settlement, text), a->out);
    return finish(&s, rc);
}

static int own_address(const struct node_conf *c, const char *leaf, struct fog_ethaddr *out)
{
    struct fog_secp_key key;
    int rc = home_key(c, leaf, key.b, sizeof key.b);

    if (rc == -ENOENT)
        fprintf(stderr, "fogd: %s/%s: missing; run `fogd init-%s` first\n", c->state, leaf,
                c->is_router ? "router" : "box");
    if (rc == 0)
        rc = fog_secp_address(&key, out);
    fog_secp_wipe(&key);
    return rc;
}

int cmd_chain_house(const struct cmd_args *a)
{
    const struct node_conf *c = a->conf;
    struct deploy_house house = {.n_grant_signers = 1};
    struct session s = {0};
    char path[NODE_PATH_MAX];
    uint32_t id;
    int rc;

    if (!cmd_number("bond", a->bond == NULL ? "0" : a->bond, &house.bond))
        return FOGD_EXIT_USAGE;
    node_path(c, HOME_OWNER, path);
    if (own_address(c, HOME_GRANT, &house.grant_signers[0]) != 0 ||
        own_address(c, HOME_VOUCHER, &house.voucher_signer) != 0 || !load_key(&s, path) ||
        !load_addresses(&s, c->chain_addresses) ||
        !open_chain(&s, c->chain_rpc, s.addresses.chain_id))
        return finish(&s, FOG_ECONFIG);
    rc = mint(&s, house.bond);
    if (rc == 0)
        rc = deploy_house(&s.deploy, &s.addresses, &s.key, &house, &id);
    if (rc == 0)
        printf("{\"house_id\": %u}\n", id);
    return finish(&s, rc);
}

/* The node key says that it wants to belong to this operator (NodeConsent). */
static int consent_of(const struct cmd_args *a, const struct session *s, struct deploy_node *node)
{
    struct claim_domain domain;
    struct fog_sign_key transport;
    struct fog_secp_key key;
    struct fog_hash digest;
    uint8_t seed[32];
    int rc = own_address(a->conf, HOME_NODE, &node->key);

    if (rc != 0)
        return rc;
    if ((rc = home_key(a->conf, HOME_TRANSPORT, seed, sizeof seed)) != 0 ||
        (rc = home_key(a->conf, HOME_NODE, key.b, sizeof key.b)) != 0)
        goto out;
    fog_sign_key_of(seed, &transport);
    memcpy(node->box_key, transport.pub.b, sizeof node->box_key);
    claim_domain_init(&domain, s->addresses.chain_id, &s->addresses.settlement);
    typed_node_consent(&domain, &s->account, &node->key, node->box_key, &digest);
    rc = fog_secp_sign(&key, &digest, &node->consent);
    fog_sign_key_wipe(&transport);
out:
    fog_secp_wipe(&key);
    fog_wipe(seed, sizeof seed);
    return rc;
}

int cmd_chain_node(const struct cmd_args *a)
{
    const struct node_conf *c = a->conf;
    const char *chain = a->chain != NULL ? a->chain : c->chain_addresses;
    char text[FOG_ETHADDR_TEXT];
    struct deploy_node node = {0};
    struct session s = {0};
    struct fog_ethaddr wallet;
    uint32_t id;
    int rc;

    if (!load_key(&s, a->key) || !load_addresses(&s, chain) ||
        !open_chain(&s, a->rpc != NULL ? a->rpc : c->chain_rpc, s.addresses.chain_id) ||
        consent_of(a, &s, &node) != 0)
        return finish(&s, FOG_ECONFIG);
    rc = deploy_operator(&s.deploy, &s.addresses, &s.key, &node, 1, &id, &wallet);
    if (rc == 0)
        printf("{\"node_id\": %u, \"wallet\": \"%s\"}\n", id, fog_ethaddr_text(&wallet, text));
    return finish(&s, rc);
}

int cmd_chain_publisher(const struct cmd_args *a)
{
    const struct node_conf *c = a->conf;
    const char *chain = a->chain != NULL ? a->chain : c->chain_addresses;
    struct deploy_publisher p = {0};
    struct session s = {0};
    struct fog_bytes hex;
    uint32_t id;
    int rc;

    if (a->publisher == NULL || !cmd_number("deposit", a->deposit, &p.deposit) ||
        !cmd_number("cap", a->cap, &p.cap_per_week)) {
        fprintf(stderr, "fogd: --publisher, --deposit and --cap are needed\n");
        return FOGD_EXIT_USAGE;
    }
    hex = fog_bytes_str(a->publisher);
    if (hex.len == 66 && memcmp(hex.p, "0x", 2) == 0)
        hex = fog_bytes_of(hex.p + 2, 64);
    if (fog_hex_decode(hex, p.publisher_id, sizeof p.publisher_id) != 0) {
        fprintf(stderr, "fogd: --publisher must be a publisher id: 64 hex digits\n");
        return FOGD_EXIT_USAGE;
    }
    if (a->house != NULL ? fog_ethaddr_parse(fog_bytes_str(a->house), &p.house) != 0
                         : own_address(c, HOME_OWNER, &p.house) != 0) {
        fprintf(stderr, "fogd: name the house with --house 0x..\n");
        return FOGD_EXIT_USAGE;
    }
    if (!load_key(&s, a->key) || !load_addresses(&s, chain) ||
        !open_chain(&s, a->rpc != NULL ? a->rpc : c->chain_rpc, s.addresses.chain_id))
        return finish(&s, FOG_ECONFIG);
    rc = mint(&s, p.deposit);
    if (rc == 0)
        rc = deploy_publisher(&s.deploy, &s.addresses, &s.key, &p, &id);
    if (rc == 0)
        printf("{\"publisher_id\": %u}\n", id);
    return finish(&s, rc);
}
