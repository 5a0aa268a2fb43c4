/* What a chain endpoint answers: JSON-RPC bodies, ABI words and reverts inside them, and the
 * addresses file. First byte chooses. */
#include "contracts/claim/abi.h"
#include "contracts/claim/addresses.h"
#include "contracts/claim/chain_rpc.h"
#include "core/base/assert.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void words(struct fog_bytes in)
{
    struct fog_rd r = fog_rd_of(in);
    struct fog_ethaddr a;
    struct fog_hash h;
    char text[64];

    (void)abi_rd_number(&r, 96);
    abi_rd_address(&r, &a);
    (void)abi_rd_bool(&r);
    abi_rd_hash(&r, &h);
    (void)!fog_rd_done(&r);
    abi_revert_text(in, text, sizeof text);
    FOG_ASSERT(strlen(text) < sizeof text);
}

static void answers(struct fog_bytes in)
{
    static const enum chain_op ops[] = {CHAIN_ID,    CHAIN_HEAD,    CHAIN_CALL,
                                        CHAIN_NONCE, CHAIN_SEND,    CHAIN_RECEIPT,
                                        CHAIN_LOGS,  CHAIN_BALANCE, CHAIN_DEV_TIME};
    struct chain_ask asks[FOG_COUNT(ops)] = {{0}};
    struct chain_answer got[FOG_COUNT(ops)];

    for (size_t i = 0; i < FOG_COUNT(ops); i++)
        asks[i].op = ops[i];
    chain_rpc_read(asks, FOG_COUNT(ops), in, "http://fuzz", got);
    for (size_t i = 0; i < FOG_COUNT(ops); i++) {
        FOG_ASSERT(got[i].err <= 0 && (got[i].err == 0 || got[i].text[0] != '\0'));
        if (got[i].data.p != NULL)
            words(got[i].data);
    }
    chain_rpc_clear(got, FOG_COUNT(ops));
}

static void addresses(struct fog_bytes in)
{
    struct claim_addresses a, back;
    struct fog_buf text = {0};
    char why[64];

    if (addresses_parse(in, &a, why, sizeof why) != 0)
        return;
    addresses_format(&a, &text);
    FOG_ASSERT(addresses_parse(fog_buf_bytes(&text), &back, NULL, 0) == 0);
    FOG_ASSERT(back.chain_id == a.chain_id && fog_ethaddr_eq(&back.factory, &a.factory));
    fog_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0]) {
    case 'w':
        words(fog_bytes_of(data + 1, size - 1));
        break;
    case '{':
        addresses(fog_bytes_of(data, size));
        break;
    default:
        answers(fog_bytes_of(data, size));
        break;
    }
    return 0;
}
