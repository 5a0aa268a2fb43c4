/* fogd init-router, init-box: keys and trust root, idempotent. */
#include "contracts/claim/addresses.h"
#include "core/base/str.h"
#include "core/crypto/rng_system.h"
#include "core/io/loop.h"
#include "node/cmd.h"
#include "node/home.h"
#include "node/keyd_ca.h"
#include "node/super.h"
#include "router/genesis.h"

#include "core/content/names.h"

#include <errno.h>
#include <stdio.h>

static void print_address(const char *name, const uint8_t key[32], bool last)
{
    char text[FOG_ETHADDR_TEXT];
    struct fog_ethaddr addr;
    struct fog_secp_key k;

    memcpy(k.b, key, sizeof k.b);
    if (fog_secp_address(&k, &addr) == 0)
        printf("\"%s\": \"%s\"%s", name, fog_ethaddr_text(&addr, text), last ? "" : ", ");
    fog_secp_wipe(&k);
}

static void print_transport(const uint8_t seed[32])
{
    char label[FOG_BOX_LABEL_LEN + 1], hex[FOG_HEX_LEN(32) + 1];
    struct fog_sign_key key;
    struct fog_box_id box;

    fog_sign_key_of(seed, &key);
    fog_box_id_of(key.pub.b, &box);
    fog_box_label(&box, label);
    fog_hex_encode(key.pub.b, 32, hex);
    printf("\"box\": \"%s\", \"key\": \"%s\", ", label, hex);
    fog_sign_key_wipe(&key);
}

/* Makes the genesis unless there is one; *fog_id names it. */
static int make_genesis(const struct node_conf *c, const uint8_t root[32], struct fog_hash *fog_id)
{
    struct genesis g = {.chain_id = (uint64_t)c->chain_id,
                        .created_ms = fog_wall_ms(),
                        .copies = (unsigned)c->router_k,
                        .root_k = 1,
                        .n_roots = 1};
    struct claim_addresses addresses;
    struct fog_buf bytes = {0};
    struct fog_sign_key key;
    char why[200] = "";
    int rc = home_read(c, HOME_GENESIS, GENESIS_MAX, &bytes);

    if (rc == 0) {
        rc = genesis_decode(fog_buf_bytes(&bytes), &g, fog_id);
        goto out;
    }
    if (rc != -ENOENT)
        goto out;
    if (c->chain_id != 0) {
        if ((rc = addresses_load(c->chain_addresses, &addresses, why, sizeof why)) != 0) {
            fprintf(stderr, "fogd: %s: %s; run `fogd chain deploy` first\n", c->chain_addresses,
                    why[0] != '\0' ? why : fog_strerror(rc));
            goto out;
        }
        memcpy(g.settlement, addresses.settlement.b, sizeof g.settlement);
    }
    fog_sign_key_of(root, &key);
    g.roots[0] = key.pub;
    fog_sign_key_wipe(&key);
    (void)fog_strcpy(g.zone, sizeof g.zone, fog_bytes_str(c->zone));
    fog_buf_clear(&bytes);
    if ((rc = genesis_encode(&g, &bytes)) == 0 &&
        (rc = genesis_decode(fog_buf_bytes(&bytes), &g, fog_id)) == 0)
        rc = home_write(c, HOME_GENESIS, fog_buf_bytes(&bytes), 0644);
out:
    if (rc != 0)
        fprintf(stderr, "fogd: genesis: %s\n", fog_strerror(rc));
    fog_buf_fini(&bytes);
    return rc;
}

int cmd_init_router(const struct cmd_args *a)
{
    const struct node_conf *c = a->conf;
    uint8_t transport[32], grant[32], voucher[32], owner[32], map[32], root[32];
    char hex[FOG_HEX_LEN(32) + 1];
    struct fog_hash fog_id;
    int rc;

    if (!c->is_router) {
        fprintf(stderr, "fogd: %s: 'roles' has no \"router\"\n", a->conf_path);
        return FOGD_EXIT_USAGE;
    }
    if (home_make(c) != 0 || home_make_key(c, HOME_TRANSPORT, false, transport) != 0 ||
        home_make_key(c, HOME_GRANT, true, grant) != 0 ||
        home_make_key(c, HOME_VOUCHER, true, voucher) != 0 ||
        home_make_key(c, HOME_OWNER, true, owner) != 0 ||
        home_make_key(c, HOME_MAP, false, map) != 0 ||
        home_make_key(c, HOME_ROOT, false, root) != 0 ||
        keyd_ca_make(c, fog_wall_ms() / 1000) != 0 || make_genesis(c, root, &fog_id) != 0) {
        rc = FOGD_EXIT_FAILED;
        goto out;
    }
    fog_hex_encode(fog_id.b, sizeof fog_id.b, hex);
    printf("{\"fog_id\": \"%s\", ", hex);
    print_transport(transport);
    print_address("house", owner, false);
    print_address("grant_signer", grant, false);
    print_address("voucher_signer", voucher, false);
    printf("\"ca\": \"%s/%s\"}\n", c->state, HOME_CA_CERT);
    rc = 0;
out:
    fog_wipe(transport, sizeof transport);
    fog_wipe(grant, sizeof grant);
    fog_wipe(voucher, sizeof voucher);
    fog_wipe(owner, sizeof owner);
    fog_wipe(map, sizeof map);
    fog_wipe(root, sizeof root);
    return rc;
}

int cmd_init_box(const struct cmd_args *a)
{
    const struct node_conf *c = a->conf;
    uint8_t transport[32], node[32];
    int rc = FOGD_EXIT_FAILED;

    if (c->is_router) {
        fprintf(stderr, "fogd: %s: this is a router instance: fogd init-router\n", a->conf_path);
        return FOGD_EXIT_USAGE;
    }
    if (home_make(c) == 0 && home_make_key(c, HOME_TRANSPORT, false, transport) == 0 &&
        home_make_key(c, HOME_NODE, true, node) == 0) {
        printf("{");
        print_transport(transport);
        print_address("node", node, true);
        printf("}\n");
        rc = 0;
    }
    fog_wipe(transport, sizeof transport);
    fog_wipe(node, sizeof node);
    return rc;
}
