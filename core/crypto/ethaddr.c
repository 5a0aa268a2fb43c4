#include "core/crypto/ethaddr.h"

#include "core/base/str.h"
#include "core/crypto/keccak.h"

const char *fog_ethaddr_text(const struct fog_ethaddr *a, char out[FOG_ETHADDR_TEXT])
{
    struct fog_hash h;

    out[0] = '0';
    out[1] = 'x';
    fog_hex_encode(a->b, sizeof a->b, out + 2);
    fog_keccak256(fog_bytes_of(out + 2, 40), &h);
    for (size_t i = 0; i < 40; i++) {
        unsigned nibble = i % 2 == 0 ? h.b[i / 2] >> 4 : h.b[i / 2] & 15;

        if (nibble >= 8 && out[2 + i] >= 'a')
            out[2 + i] = (char)(out[2 + i] - 32);
    }
    return out;
}

int fog_ethaddr_parse(struct fog_bytes text, struct fog_ethaddr *out)
{
    char checked[FOG_ETHADDR_TEXT];
    bool lower = false, upper = false;
    struct fog_ethaddr a;
    int rc;

    if (text.len != 42 || text.p[0] != '0' || text.p[1] != 'x')
        return FOG_EFORMAT;
    rc = fog_hex_decode(fog_bytes_of(text.p + 2, 40), a.b, sizeof a.b);
    if (rc != 0)
        return rc;
    for (size_t i = 2; i < 42; i++) {
        lower |= text.p[i] >= 'a';
        upper |= text.p[i] >= 'A' && text.p[i] < 'a';
    }
    if (lower && upper && memcmp(fog_ethaddr_text(&a, checked), text.p, 42) != 0)
        return FOG_EVERIFY;
    *out = a;
    return 0;
}

void fog_ethaddr_of_pubkey(const uint8_t xy[64], struct fog_ethaddr *out)
{
    struct fog_hash h;

    fog_keccak256(fog_bytes_of(xy, 64), &h);
    memcpy(out->b, h.b + 12, sizeof out->b);
}
