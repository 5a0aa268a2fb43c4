#include "contracts/claim/tx.h"

#include "contracts/claim/rlp.h"
#include "core/base/wr.h"
#include "core/crypto/keccak.h"

#define TYPE_2 0x02

static struct fog_bytes recipient(const struct tx *t)
{
    return fog_bytes_of(t->to.b, t->creates ? 0 : sizeof t->to.b);
}

/* EIP-1559: 0x02 || rlp([chain_id, nonce, tip, max fee, gas, to, value, data, access list, ...]) */
static void put_fields(const struct tx *t, struct fog_buf *items)
{
    struct fog_buf none = {0};

    rlp_put_number(items, t->chain_id);
    rlp_put_number(items, t->nonce);
    rlp_put_number(items, t->max_priority_fee);
    rlp_put_number(items, t->max_fee);
    rlp_put_number(items, t->gas_limit);
    rlp_put_bytes(items, recipient(t));
    rlp_put_number(items, t->value);
    rlp_put_bytes(items, t->data);
    fog_buf_reserve(&none, 1);
    rlp_put_list(items, &none);
    fog_buf_fini(&none);
}

void tx_digest(const struct tx *t, struct fog_hash *out)
{
    struct fog_buf items = {0}, raw = {0};

    put_fields(t, &items);
    fog_wr_u8(&raw, TYPE_2);
    rlp_put_list(&raw, &items);
    fog_keccak256(fog_buf_bytes(&raw), out);
    fog_buf_fini(&raw);
    fog_buf_fini(&items);
}

/* r and s are integers: leading zeros do not belong into RLP. */
static void put_scalar(struct fog_buf *items, const uint8_t be[32])
{
    size_t zeros = 0;

    while (zeros < 32 && be[zeros] == 0)
        zeros++;
    rlp_put_bytes(items, fog_bytes_of(be + zeros, 32 - zeros));
}

void tx_assemble(const struct tx *t, const struct fog_secp_sig *sig, struct fog_buf *raw,
                 struct fog_hash *hash)
{
    struct fog_buf items = {0};
    size_t start = raw->len;

    put_fields(t, &items);
    rlp_put_number(&items, (fog_u128)(sig->b[64] - 27));
    put_scalar(&items, sig->b);
    put_scalar(&items, sig->b + 32);
    fog_wr_u8(raw, TYPE_2);
    rlp_put_list(raw, &items);
    if (hash != NULL)
        fog_keccak256(fog_bytes_of(raw->data + start, raw->len - start), hash);
    fog_buf_fini(&items);
}

void tx_created_address(const struct fog_ethaddr *sender, uint64_t nonce, struct fog_ethaddr *out)
{
    struct fog_buf items = {0}, list = {0};
    struct fog_hash h;

    rlp_put_bytes(&items, fog_bytes_of(sender->b, sizeof sender->b));
    rlp_put_number(&items, nonce);
    rlp_put_list(&list, &items);
    fog_keccak256(fog_buf_bytes(&list), &h);
    memcpy(out->b, h.b + 12, sizeof out->b);
    fog_buf_fini(&list);
    fog_buf_fini(&items);
}

void tx_deed(const struct tx *t, struct fog_hash *out)
{
    struct fog_buf items = {0};

    rlp_put_number(&items, t->chain_id);
    rlp_put_number(&items, t->nonce);
    rlp_put_bytes(&items, recipient(t));
    rlp_put_number(&items, t->value);
    rlp_put_bytes(&items, t->data);
    fog_keccak256(fog_buf_bytes(&items), out);
    fog_buf_fini(&items);
}
