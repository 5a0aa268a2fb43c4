#include "contracts/claim/tick.h"

#include <stdio.h>

#include "core/base/str.h"
#include "core/crypto/hash.h"

#define WINDOW_MAX 8

static void hash_times(const struct fog_hash *from, unsigned times, struct fog_hash *out)
{
    struct fog_hash w = *from;

    for (unsigned n = 0; n < times; n++)
        fog_sha256(fog_bytes_of(w.b, sizeof w.b), &w);
    *out = w;
}

int tick_accept(struct tick_state *s, unsigned i, const struct fog_hash *w)
{
    struct fog_hash end;

    if (i == 0 || i > TICK_CHAIN)
        return FOG_ERANGE;
    if (i <= s->i)
        return FOG_EREPLAY;
    hash_times(w, i - s->i, &end);
    if (!fog_hash_eq(&end, &s->w))
        return FOG_EVERIFY;
    s->i = (uint16_t)i;
    s->w = *w;
    return 0;
}

int tick_check(const struct fog_hash *anchor, unsigned i, const struct fog_hash *w)
{
    struct fog_hash end;

    if (i > TICK_CHAIN)
        return FOG_ERANGE;
    if (i == 0)
        return 0;
    hash_times(w, i, &end);
    return fog_hash_eq(&end, anchor) ? 0 : FOG_EVERIFY;
}

void tick_chain_make(const struct fog_hash *seed, struct fog_hash out[TICK_CHAIN + 1])
{
    out[TICK_CHAIN] = *seed;
    for (unsigned i = TICK_CHAIN; i > 0; i--)
        fog_sha256(fog_bytes_of(out[i].b, sizeof out[i].b), &out[i - 1]);
}

int tick_parse(struct fog_bytes text, unsigned *i, struct fog_hash *w)
{
    const uint8_t *dot = text.len == 0 ? NULL : memchr(text.p, '.', text.len);
    struct fog_hash got;
    uint64_t n;
    size_t head;
    int rc;

    if (dot == NULL)
        return FOG_EFORMAT;
    head = (size_t)(dot - text.p);
    if (head == 0 || head > 3 || text.p[0] == '0')
        return FOG_EFORMAT;
    if ((rc = fog_parse_u64(fog_bytes_of(text.p, head), TICK_CHAIN, &n)) != 0)
        return rc;
    rc = fog_base64url_decode(fog_bytes_of(dot + 1, text.len - head - 1), got.b, sizeof got.b);
    if (rc != 0)
        return rc;
    *i = (unsigned)n;
    *w = got;
    return 0;
}

void tick_format(unsigned i, const struct fog_hash *w, char out[TICK_TEXT_MAX])
{
    char b64[FOG_BASE64_LEN(32) + 1];

    fog_base64url_encode(w->b, sizeof w->b, b64);
    snprintf(out, TICK_TEXT_MAX, "%u.%s", i % 1000, b64);
}

unsigned tick_window(unsigned ticks)
{
    return ticks >= 3 ? WINDOW_MAX : 1u << ticks;
}
