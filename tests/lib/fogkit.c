#include "tests/lib/fogkit.h"

#include "core/base/assert.h"
#include "core/base/wr.h"
#include "core/wire/frame.h"

#include <stdio.h>

void fogkit_init(struct fogkit *k, unsigned copies)
{
    struct fog_hash seed = {{9}};
    struct fog_buf body = {0};
    struct fog_sig sig;

    memset(k, 0, sizeof *k);
    memset(k->root_seed, 1, sizeof k->root_seed);
    memset(k->hub_seed, 2, sizeof k->hub_seed);
    fog_sign_key_of(k->root_seed, &k->root);
    fog_sign_key_of(k->hub_seed, &k->hub);
    fog_sign_key_of((const uint8_t[32]){3}, &k->map_key);
    k->genesis = (struct genesis){
        .zone = "fog.test", .created_ms = 1000, .copies = copies, .root_k = 1, .n_roots = 1};
    k->genesis.roots[0] = k->root.pub;
    FOG_ASSERT(genesis_encode(&k->genesis, &k->genesis_bytes) == 0);
    FOG_ASSERT(genesis_decode(fog_buf_bytes(&k->genesis_bytes), &k->genesis, &k->fog_id) == 0);
    beacon_init(&k->beacon, &seed);
    k->hubs.version = 1;
    k->hubs.t = k->hubs.n = 1;
    memcpy(k->hubs.instances[0].key, k->hub.pub.b, 32);
    k->hubs.instances[0].map_key = k->map_key.pub;
    k->hubs.instances[0].anchor = k->beacon.anchor;
    k->hubs.instances[0].n_addrs = 1;
    FOG_ASSERT(fog_addr_parse("127.0.0.1:4430", &k->hubs.instances[0].addrs[0]) == 0);
    FOG_ASSERT(hubset_body(&k->hubs, &body) == 0);
    fog_sign(&k->root, FOG_SIGN_HUBSET, &k->fog_id, fog_buf_bytes(&body), &sig);
    FOG_ASSERT(hubset_add_sig(&k->hubs, &k->root.pub, &sig) == 0);
    FOG_ASSERT(hubset_encode(&k->hubs, &k->hubs_bytes) == 0);
    fog_buf_fini(&body);
}

void fogkit_fini(struct fogkit *k)
{
    fog_buf_fini(&k->genesis_bytes);
    fog_buf_fini(&k->hubs_bytes);
}

void fogkit_box_seed(unsigned i, uint8_t seed[32])
{
    memset(seed, 0, 32);
    seed[0] = 0xb0;
    seed[1] = (uint8_t)(i >> 8);
    seed[2] = (uint8_t)i;
}

void fogkit_row(unsigned i, bool pending, const struct fogkit *k, struct cellmap_row *out)
{
    struct cellmap_beacon b = {0};
    struct fog_sign_key key;
    struct fog_addr addr;
    uint8_t seed[32];
    char text[64];

    memset(out, 0, sizeof *out);
    fogkit_box_seed(i, seed);
    fog_sign_key_of(seed, &key);
    memcpy(out->key, key.pub.b, 32);
    FOG_ASSERT(beacon_reveal(&k->beacon, 1, &b.preimage) == 0);
    if (!pending)
        cellmap_id_of(&b, 1, &k->fog_id, out->key, &out->id);
    out->operator_addr[18] = (uint8_t)(i >> 8);
    out->operator_addr[19] = (uint8_t)i;
    snprintf(text, sizeof text, "127.0.%u.%u:4443", i >> 8 & 255, 1 + (i & 127));
    FOG_ASSERT(fog_addr_parse(text, &addr) == 0);
    cellmap_row_set_addr(out, &addr);
    out->weight = 100;
    out->class = FOG_CLASS_RACK;
    out->flags = FOG_BOX_REACHABLE | FOG_BOX_EDGE | FOG_BOX_STORAGE;
    if (pending)
        out->flags |= FOG_BOX_PENDING;
    memcpy(out->country, i % 2 == 0 ? "de" : "fr", 3);
    out->asn = 64500 + i % 4;
    snprintf(out->domain, sizeof out->domain, "domain-%u", i % 3);
}

struct cellmap *fogkit_map(struct fogkit *k, uint64_t map_no, unsigned n, struct fog_buf *out)
{
    struct cellmap_row rows[256];
    struct cellmap_beacon beacon;
    struct fog_hash prev = {{(uint8_t)map_no}};
    struct cellmap *m;
    struct fog_sig sig;

    FOG_ASSERT(n <= FOG_COUNT(rows));
    for (unsigned i = 0; i < n; i++)
        fogkit_row(i, false, k, &rows[i]);
    memcpy(beacon.key, k->hub.pub.b, 32);
    FOG_ASSERT(beacon_reveal(&k->beacon, map_no, &beacon.preimage) == 0);
    FOG_ASSERT(cellmap_make(map_no, &prev, 5000, &beacon, 1, rows, n, &m) == 0);
    cellmap_body(m, out);
    fog_sign(&k->map_key, FOG_SIGN_CELL_MAP, &k->fog_id, fog_buf_bytes(out), &sig);
    cellmap_seal(out, &k->map_key.pub, &sig, 1);
    return m;
}

void fogkit_token(struct fogkit *k, unsigned uses, fog_time_ms not_after_ms, struct fog_buf *out)
{
    struct enrol_token t = {.fog_id = k->fog_id, .hub_set = k->hubs.id, .n_hubs = 1, .uses = uses};
    struct fog_sig sig;

    t.not_after_ms = not_after_ms;
    t.hubs[0].addr = k->hubs.instances[0].addrs[0];
    memcpy(t.hubs[0].key, k->hub.pub.b, 32);
    memset(t.operator_addr, 0x0a, sizeof t.operator_addr);
    memset(t.serial, (int)uses, sizeof t.serial);
    t.signer = k->map_key.pub;
    FOG_ASSERT(enrol_token_body(&t, out) == 0);
    fog_sign(&k->map_key, FOG_SIGN_ENROLL_TOKEN, &k->fog_id, fog_buf_bytes(out), &sig);
    fog_wr_bytes(out, sig.b, sizeof sig.b);
}
