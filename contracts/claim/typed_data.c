#include "contracts/claim/typed_data.h"

#include <pthread.h>

#include "contracts/claim/grant.h"
#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/crypto/keccak.h"

enum typed {
    TYPED_DOMAIN,
    TYPED_GRANT,
    TYPED_STATEMENT,
    TYPED_VOUCHER,
    TYPED_CONSENT,
    TYPED_COUNT
};

static const char *const type_texts[TYPED_COUNT] = {
    [TYPED_DOMAIN] =
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
    [TYPED_GRANT] =
        "Grant(address publisher,address house,address node,uint32 week,uint32 notBefore,"
        "uint32 notAfter,bytes16 serial,bytes10 site,bytes32 scope,uint8 depth,bytes32 anchor,"
        "uint64 maxBytes,uint32 tickBytes,uint16 passiveBps,uint16 flags,uint64 pricePerGiB)",
    [TYPED_STATEMENT] =
        "Statement(address node,address house,uint32 week,uint32 round,uint32 rev,bytes32 root,"
        "uint32 leaves,uint128 bytesSum,uint128 units,bytes32 prev)",
    [TYPED_VOUCHER] = "Voucher(address house,address payee,uint32 week,uint32 seq,"
                      "uint128 cumBytes,uint128 cumUnits,bytes32 covers)",
    [TYPED_CONSENT] = "NodeConsent(address operator,address node,bytes32 boxKey)",
};

/* The texts never change, so they are hashed once: a third of what a digest costs. */
static pthread_once_t types_once = PTHREAD_ONCE_INIT;
static struct fog_hash type_hashes[TYPED_COUNT];

static void hash_types(void)
{
    for (int i = 0; i < TYPED_COUNT; i++)
        fog_keccak256(fog_bytes_str(type_texts[i]), &type_hashes[i]);
}

/* Feeds 32-byte words to the hash: numbers and addresses on the right, bytesN on the left. */
static void put_type(struct fog_keccak *k, enum typed type)
{
    FOG_ASSERT(pthread_once(&types_once, hash_types) == 0);
    fog_keccak_init(k);
    fog_keccak_update(k, type_hashes[type].b, sizeof type_hashes[type].b);
}

static void put_number(struct fog_keccak *k, fog_u128 v)
{
    uint8_t word[32] = {0};

    for (size_t i = 0; i < 16; i++)
        word[31 - i] = (uint8_t)(v >> (8 * i));
    fog_keccak_update(k, word, sizeof word);
}

static void put_address(struct fog_keccak *k, const struct fog_ethaddr *a)
{
    uint8_t word[32] = {0};

    memcpy(word + 12, a->b, sizeof a->b);
    fog_keccak_update(k, word, sizeof word);
}

static void put_bytes(struct fog_keccak *k, const void *p, size_t len)
{
    uint8_t word[32] = {0};

    memcpy(word, p, len);
    fog_keccak_update(k, word, sizeof word);
}

void claim_domain_init(struct claim_domain *d, uint64_t chain_id,
                       const struct fog_ethaddr *settlement)
{
    struct fog_hash name, version;
    struct fog_keccak k;

    fog_keccak256(fog_bytes_str("Fog"), &name);
    fog_keccak256(fog_bytes_str("1"), &version);
    put_type(&k, TYPED_DOMAIN);
    put_bytes(&k, name.b, sizeof name.b);
    put_bytes(&k, version.b, sizeof version.b);
    put_number(&k, chain_id);
    put_address(&k, settlement);
    d->chain_id = chain_id;
    d->settlement = *settlement;
    fog_keccak_final(&k, &d->separator);
}

static void finish(const struct claim_domain *d, struct fog_keccak *k, struct fog_hash *digest)
{
    struct fog_hash struct_hash;

    fog_keccak_final(k, &struct_hash);
    fog_keccak_init(k);
    fog_keccak_update(k, "\x19\x01", 2);
    fog_keccak_update(k, d->separator.b, sizeof d->separator.b);
    fog_keccak_update(k, struct_hash.b, sizeof struct_hash.b);
    fog_keccak_final(k, digest);
}

void typed_grant(const struct claim_domain *d, const struct grant *g, struct fog_hash *digest)
{
    struct fog_keccak k;

    put_type(&k, TYPED_GRANT);
    put_address(&k, &g->publisher);
    put_address(&k, &g->house);
    put_address(&k, &g->node);
    put_number(&k, g->week);
    put_number(&k, g->not_before);
    put_number(&k, g->not_after);
    put_bytes(&k, g->serial, sizeof g->serial);
    put_bytes(&k, g->site, sizeof g->site);
    put_bytes(&k, g->scope.b, sizeof g->scope.b);
    put_number(&k, g->depth);
    put_bytes(&k, g->anchor.b, sizeof g->anchor.b);
    put_number(&k, g->max_bytes);
    put_number(&k, g->tick_bytes);
    put_number(&k, g->passive_bps);
    put_number(&k, g->flags);
    put_number(&k, g->price_per_gib);
    finish(d, &k, digest);
}

void typed_statement(const struct claim_domain *d, const struct statement *s,
                     struct fog_hash *digest)
{
    struct fog_keccak k;

    put_type(&k, TYPED_STATEMENT);
    put_address(&k, &s->node);
    put_address(&k, &s->house);
    put_number(&k, s->week);
    put_number(&k, s->round);
    put_number(&k, s->rev);
    put_bytes(&k, s->root.b, sizeof s->root.b);
    put_number(&k, s->leaves);
    put_number(&k, s->bytes_sum);
    put_number(&k, amount_units(s->worth));
    put_bytes(&k, s->prev.b, sizeof s->prev.b);
    finish(d, &k, digest);
}

void typed_voucher(const struct claim_domain *d, const struct voucher *v, struct fog_hash *digest)
{
    struct fog_keccak k;

    put_type(&k, TYPED_VOUCHER);
    put_address(&k, &v->house);
    put_address(&k, &v->payee);
    put_number(&k, v->week);
    put_number(&k, v->seq);
    put_number(&k, v->cum_bytes);
    put_number(&k, amount_units(v->cum));
    put_bytes(&k, v->covers.b, sizeof v->covers.b);
    finish(d, &k, digest);
}

void typed_node_consent(const struct claim_domain *d, const struct fog_ethaddr *operator_addr,
                        const struct fog_ethaddr *node, const uint8_t box_key[32],
                        struct fog_hash *digest)
{
    struct fog_keccak k;

    put_type(&k, TYPED_CONSENT);
    put_address(&k, operator_addr);
    put_address(&k, node);
    put_bytes(&k, box_key, 32);
    finish(d, &k, digest);
}

void statement_encode(const struct statement *s, uint8_t out[STATEMENT_LEN])
{
    struct fog_buf b = {0};

    fog_wr_bytes(&b, s->node.b, sizeof s->node.b);
    fog_wr_bytes(&b, s->house.b, sizeof s->house.b);
    fog_wr_u32(&b, s->week);
    fog_wr_u32(&b, s->round);
    fog_wr_u32(&b, s->rev);
    fog_wr_bytes(&b, s->root.b, sizeof s->root.b);
    fog_wr_u32(&b, s->leaves);
    fog_wr_u128(&b, s->bytes_sum);
    fog_wr_u128(&b, amount_units(s->worth));
    fog_wr_bytes(&b, s->prev.b, sizeof s->prev.b);
    memcpy(out, b.data, STATEMENT_LEN);
    fog_buf_fini(&b);
}

int statement_decode(struct fog_bytes in, struct statement *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct statement s = {0};
    int rc;

    fog_rd_copy(&r, s.node.b, sizeof s.node.b);
    fog_rd_copy(&r, s.house.b, sizeof s.house.b);
    s.week = fog_rd_u32(&r);
    s.round = fog_rd_u32(&r);
    s.rev = fog_rd_u32(&r);
    fog_rd_copy(&r, s.root.b, sizeof s.root.b);
    s.leaves = fog_rd_u32(&r);
    s.bytes_sum = fog_rd_u128(&r);
    s.worth = amount_of_units(fog_rd_u128(&r));
    fog_rd_copy(&r, s.prev.b, sizeof s.prev.b);
    if ((rc = fog_rd_done(&r)) != 0)
        return rc;
    *out = s;
    return 0;
}

void voucher_encode(const struct voucher *v, uint8_t out[VOUCHER_LEN])
{
    struct fog_buf b = {0};

    fog_wr_bytes(&b, v->house.b, sizeof v->house.b);
    fog_wr_bytes(&b, v->payee.b, sizeof v->payee.b);
    fog_wr_u32(&b, v->week);
    fog_wr_u32(&b, v->seq);
    fog_wr_u128(&b, v->cum_bytes);
    fog_wr_u128(&b, amount_units(v->cum));
    fog_wr_bytes(&b, v->covers.b, sizeof v->covers.b);
    memcpy(out, b.data, VOUCHER_LEN);
    fog_buf_fini(&b);
}

int voucher_decode(struct fog_bytes in, struct voucher *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct voucher v = {0};
    int rc;

    fog_rd_copy(&r, v.house.b, sizeof v.house.b);
    fog_rd_copy(&r, v.payee.b, sizeof v.payee.b);
    v.week = fog_rd_u32(&r);
    v.seq = fog_rd_u32(&r);
    v.cum_bytes = fog_rd_u128(&r);
    v.cum = amount_of_units(fog_rd_u128(&r));
    fog_rd_copy(&r, v.covers.b, sizeof v.covers.b);
    if ((rc = fog_rd_done(&r)) != 0)
        return rc;
    *out = v;
    return 0;
}
