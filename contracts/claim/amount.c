#include "contracts/claim/amount.h"

struct amount amount_of_bytes(uint64_t bytes, uint64_t price_per_gib)
{
    return (struct amount){.raw_units = (fog_u128)bytes * price_per_gib};
}

int amount_of_tokens(fog_u128 tokens, struct amount *out)
{
    if (tokens >> (128 - AMOUNT_SHIFT) != 0)
        return FOG_ERANGE;
    out->raw_units = tokens << AMOUNT_SHIFT;
    return 0;
}

int amount_add(struct amount *out, struct amount a, struct amount b)
{
    fog_u128 sum = a.raw_units + b.raw_units;

    if (sum < a.raw_units)
        return FOG_ERANGE;
    out->raw_units = sum;
    return 0;
}

int amount_sub(struct amount *out, struct amount a, struct amount b)
{
    if (a.raw_units < b.raw_units)
        return FOG_ERANGE;
    out->raw_units = a.raw_units - b.raw_units;
    return 0;
}

int amount_share(struct amount *out, struct amount a, uint32_t bps)
{
    fog_u128 whole = a.raw_units / AMOUNT_BPS_ALL;
    fog_u128 rest = a.raw_units % AMOUNT_BPS_ALL;

    if (bps > AMOUNT_BPS_ALL)
        return FOG_ERANGE;
    /* Split so that no product leaves 128 bits: floor(a x bps / 10000) exactly. */
    out->raw_units = whole * bps + rest * bps / AMOUNT_BPS_ALL;
    return 0;
}

int amount_cmp(struct amount a, struct amount b)
{
    return (a.raw_units > b.raw_units) - (a.raw_units < b.raw_units);
}

bool amount_is_zero(struct amount a)
{
    return a.raw_units == 0;
}

fog_u128 amount_tokens_floor(struct amount a)
{
    return a.raw_units >> AMOUNT_SHIFT;
}

fog_u128 amount_tokens_ceil(struct amount a)
{
    fog_u128 mask = ((fog_u128)1 << AMOUNT_SHIFT) - 1;

    return (a.raw_units >> AMOUNT_SHIFT) + ((a.raw_units & mask) != 0);
}
