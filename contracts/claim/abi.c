#include "contracts/claim/abi.h"

#include <stdio.h>

#include "core/base/str.h"
#include "core/base/wr.h"
#include "core/crypto/keccak.h"

/* Every custom error of contracts/solidity/src, plus what OpenZeppelin's token reports. */
static const char *const errors[] = {
    "AboveCap(address,uint256,uint96)",
    "AboveSignerCap(uint256,uint96)",
    "AlreadyIdle()",
    "AlreadyRevoked(uint32)",
    "BadKind(uint8)",
    "BadRowCount(uint256)",
    "BadUntil(uint32,uint32)",
    "BadWeeks(uint32,uint32,uint32)",
    "BondNotDue(uint256)",
    "BondTooLow(uint256,uint256)",
    "BondTooSmall(uint256,uint256)",
    "DealShrinks()",
    "DealUnsettled(uint256)",
    "ERC20InsufficientAllowance(address,uint256,uint256)",
    "ERC20InsufficientBalance(address,uint256,uint256)",
    "FeeTooHigh(uint8)",
    "HouseExists(uint32)",
    "HouseOwes(uint256)",
    "KeyUsed(uint32)",
    "LengthMismatch()",
    "NoAddress()",
    "NoAmount()",
    "NoConsent(address)",
    "NoDeal(address,address,uint32)",
    "NoLeaves()",
    "NoMoney()",
    "NotAHouse(address)",
    "NotALocalChain(uint256)",
    "NotASigner(address,uint32)",
    "NotAWallet(address)",
    "NotAnOperator()",
    "NotFree(uint256,uint256)",
    "NotMatured(uint32,uint32)",
    "NotOwner()",
    "NotSettlement()",
    "NotSpendable(uint256,uint256)",
    "NotThePoster(address)",
    "NotYourDeal()",
    "NotYourNode(uint32)",
    "NothingOwed()",
    "NothingPosted(uint256)",
    "NothingShort()",
    "NothingThawing()",
    "NothingToCollect()",
    "OperatorExists(uint32)",
    "PaymentToken()",
    "RowsOutOfOrder(uint256)",
    "SignerShrinks(address)",
    "SignerUsed(address)",
    "StillThawing(uint40)",
    "TooLate(uint32)",
    "TooManyDeals()",
    "TooManySigners()",
    "UnknownHouse(address)",
    "UnknownPublisher(address)",
    "UnknownSigner(address)",
    "VoucherSignerActive(address,uint32)",
    "WalletExists(address)",
    "WeekDebited(address,uint32)",
    "WeekNotOver(uint32)",
    "WeekNotRising(uint32,uint32)",
    "WindowTooShort(string,uint256,uint256)",
    "WrongAddress(address,address)",
};

void abi_put_selector(struct fog_buf *b, const char *signature)
{
    struct fog_hash h;

    fog_keccak256(fog_bytes_str(signature), &h);
    fog_wr_bytes(b, h.b, 4);
}

void abi_put_number(struct fog_buf *b, fog_u128 v)
{
    static const uint8_t zeros[16];

    fog_wr_bytes(b, zeros, sizeof zeros);
    fog_wr_u128(b, v);
}

void abi_put_address(struct fog_buf *b, const struct fog_ethaddr *a)
{
    static const uint8_t zeros[12];

    fog_wr_bytes(b, zeros, sizeof zeros);
    fog_wr_bytes(b, a->b, sizeof a->b);
}

void abi_put_fixed(struct fog_buf *b, const void *p, size_t len)
{
    uint8_t word[ABI_WORD] = {0};

    memcpy(word, p, len);
    fog_wr_bytes(b, word, sizeof word);
}

void abi_put_bytes(struct fog_buf *b, struct fog_bytes v)
{
    static const uint8_t zeros[ABI_WORD];
    size_t rest = v.len % ABI_WORD;

    abi_put_number(b, v.len);
    if (v.len != 0)
        fog_wr_bytes(b, v.p, v.len);
    if (rest != 0)
        fog_wr_bytes(b, zeros, ABI_WORD - rest);
}

void abi_topic(const char *signature, struct fog_hash *out)
{
    fog_keccak256(fog_bytes_str(signature), out);
}

fog_u128 abi_rd_number(struct fog_rd *r, unsigned bits)
{
    fog_u128 high = fog_rd_u128(r), low = fog_rd_u128(r);

    if (high != 0 || (bits < 128 && low >> bits != 0)) {
        fog_rd_fail(r, FOG_ERANGE);
        return 0;
    }
    return low;
}

void abi_rd_address(struct fog_rd *r, struct fog_ethaddr *out)
{
    static const uint8_t zeros[12];
    struct fog_bytes pad = fog_rd_take(r, sizeof zeros);

    if (pad.p != NULL && memcmp(pad.p, zeros, sizeof zeros) != 0)
        fog_rd_fail(r, FOG_ERANGE);
    fog_rd_copy(r, out->b, sizeof out->b);
}

bool abi_rd_bool(struct fog_rd *r)
{
    return abi_rd_number(r, 1) == 1;
}

void abi_rd_hash(struct fog_rd *r, struct fog_hash *out)
{
    fog_rd_copy(r, out->b, sizeof out->b);
}

int abi_word_address(const struct fog_hash *word, struct fog_ethaddr *out)
{
    struct fog_rd r = fog_rd_of(fog_bytes_of(word->b, sizeof word->b));
    struct fog_ethaddr a;
    int rc;

    abi_rd_address(&r, &a);
    if ((rc = fog_rd_done(&r)) != 0)
        return rc;
    *out = a;
    return 0;
}

int abi_word_number(const struct fog_hash *word, unsigned bits, fog_u128 *out)
{
    struct fog_rd r = fog_rd_of(fog_bytes_of(word->b, sizeof word->b));
    fog_u128 v = abi_rd_number(&r, bits);
    int rc = fog_rd_done(&r);

    if (rc != 0)
        return rc;
    *out = v;
    return 0;
}

/* Error(string): offset, length, text. Other bytes than printable ASCII become '?'. */
static void error_string(struct fog_rd *r, char *out, size_t size)
{
    fog_u128 offset = abi_rd_number(r, 32), len = abi_rd_number(r, 32);
    struct fog_bytes text;
    size_t n;

    if (offset != ABI_WORD || len > fog_rd_left(r)) {
        snprintf(out, size, "malformed Error(string)");
        return;
    }
    text = fog_rd_take(r, (size_t)len);
    n = text.len < size - 1 ? text.len : size - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(text.p[i] >= 0x20 && text.p[i] < 0x7f ? text.p[i] : '?');
    out[n] = '\0';
}

void abi_revert_text(struct fog_bytes revert, char *out, size_t size)
{
    struct fog_rd r = fog_rd_of(revert);
    struct fog_bytes selector = fog_rd_take(&r, 4);
    struct fog_buf want = {0};
    char hex[9];

    if (selector.len != 4) {
        snprintf(out, size, "refused without a reason");
        return;
    }
    fog_hex_encode(selector.p, 4, hex);
    snprintf(out, size, "error 0x%s", hex);
    if (memcmp(selector.p, "\x08\xc3\x79\xa0", 4) == 0)
        error_string(&r, out, size);
    else if (memcmp(selector.p, "\x4e\x48\x7b\x71", 4) == 0)
        snprintf(out, size, "Panic 0x%x", (unsigned)abi_rd_number(&r, 32));
    for (size_t i = 0; i < FOG_COUNT(errors); i++) {
        abi_put_selector(&want, errors[i]);
        if (memcmp(want.data, selector.p, 4) == 0)
            snprintf(out, size, "%s", errors[i]);
        fog_buf_clear(&want);
    }
    fog_buf_fini(&want);
}
