#include "router/beacon.h"

#include "core/crypto/hash.h"

static void step(struct fog_hash *h, unsigned times)
{
    while (times-- > 0)
        fog_sha256(fog_bytes_of(h->b, sizeof h->b), h);
}

void beacon_init(struct beacon *b, const struct fog_hash *seed)
{
    struct fog_hash h = *seed;

    for (size_t i = 0; i < FOG_COUNT(b->marks); i++) {
        b->marks[i] = h;
        step(&h, BEACON_STRIDE);
    }
    b->anchor = h;
}

int beacon_reveal(const struct beacon *b, uint64_t n, struct fog_hash *out)
{
    uint64_t at;

    if (n == 0 || n > BEACON_LENGTH)
        return FOG_ERANGE;
    at = BEACON_LENGTH - n;
    *out = b->marks[at / BEACON_STRIDE];
    step(out, (unsigned)(at % BEACON_STRIDE));
    return 0;
}

bool beacon_leads_to(const struct fog_hash *value, const struct fog_hash *later, unsigned within)
{
    struct fog_hash h = *value;

    for (unsigned i = 0; i < within; i++) {
        step(&h, 1);
        if (fog_hash_eq(&h, later))
            return true;
    }
    return false;
}
