#include "router/place.h"

#include "core/base/assert.h"

#include <pthread.h>

#define STEPS 2048

static uint64_t log_table[STEPS + 1];
static pthread_once_t log_once = PTHREAD_ONCE_INIT;

static void make_log_table(void)
{
    for (unsigned i = 0; i < STEPS; i++) {
        fog_u128 y = (fog_u128)(STEPS + i) << 52; /* 1 + i/2048 in Q63 */
        uint64_t bits = 0;

        for (int n = 0; n < 48; n++) {
            y = y * y >> 63;
            bits <<= 1;
            if (y >> 64 != 0) {
                bits |= 1;
                y >>= 1;
            }
        }
        log_table[i] = bits;
    }
    log_table[STEPS] = (uint64_t)1 << 48;
}

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

struct place_item place_item_of(const struct fog_hash *id, uint16_t weight)
{
    return (struct place_item){.a = load64(id->b), .b = load64(id->b + 8), .weight = weight};
}

/* -log2(v / 2^64) in Q48, v odd. At most 64 * 2^48 = 2^54. */
static uint64_t minus_log2(uint64_t v)
{
    unsigned e = (unsigned)__builtin_clzll(v);
    uint64_t m = v << e;
    uint64_t i = m >> 52 & (STEPS - 1), f = m >> 20 & 0xffffffff;
    uint64_t step = (uint64_t)((fog_u128)(log_table[i + 1] - log_table[i]) * f >> 32);
    uint64_t lg = log_table[i] + step;

    return ((uint64_t)64 << 48) - (((uint64_t)(63 - e) << 48) + lg);
}

static uint64_t draw(const struct place_item *it, uint64_t p0, uint64_t p1)
{
    return mix(mix(it->a ^ p0) ^ it->b ^ p1) | 1;
}

uint64_t place_score(const struct place_item *item, const struct fog_hash *pg)
{
    pthread_once(&log_once, make_log_table);
    if (item->weight == 0)
        return UINT64_MAX;
    return minus_log2(draw(item, load64(pg->b), load64(pg->b + 8))) / item->weight;
}

static bool comes_before(const struct place_item *items, const struct place_hit *x,
                         const struct place_hit *y)
{
    const struct place_item *a = &items[x->index], *b = &items[y->index];

    if (x->score != y->score)
        return x->score < y->score;
    return a->a != b->a ? a->a < b->a : a->b < b->b;
}

/* floor(l / weight) > worst, for an l that is at most the true one. */
static bool cannot_enter(uint64_t l, uint64_t worst, uint64_t weight)
{
    uint64_t limit;

    return !__builtin_mul_overflow(worst + 1, weight, &limit) && l >= limit;
}

size_t place_top(const struct place_item *items, size_t n, const uint8_t *ok,
                 const struct fog_hash *pg, struct place_hit *out, size_t max)
{
    uint64_t p0 = load64(pg->b), p1 = load64(pg->b + 8);
    size_t have = 0;

    FOG_ASSERT(max > 0 && max <= PLACE_TOP_MAX);
    pthread_once(&log_once, make_log_table);
    for (size_t i = 0; i < n; i++) {
        struct place_hit hit = {.index = (uint32_t)i};
        uint64_t v, l;
        size_t at;

        if (items[i].weight == 0 || (ok != NULL && ok[i] == 0))
            continue;
        v = draw(&items[i], p0, p1);
        /* -log2(u) >= 1 - u: most boxes end here, without the table and without a division. */
        if (have == max && cannot_enter(~v >> 16, out[have - 1].score, items[i].weight))
            continue;
        l = minus_log2(v);
        if (have == max && cannot_enter(l, out[have - 1].score, items[i].weight))
            continue;
        hit.score = l / items[i].weight;
        if (have == max && !comes_before(items, &hit, &out[have - 1]))
            continue;
        at = have < max ? have++ : max - 1;
        while (at > 0 && comes_before(items, &hit, &out[at - 1])) {
            out[at] = out[at - 1];
            at--;
        }
        out[at] = hit;
    }
    return have;
}

static bool shares_operator(const struct place_apart *apart, const uint32_t *chosen, size_t n,
                            uint32_t i)
{
    for (size_t c = 0; c < n; c++)
        if (memcmp(apart[chosen[c]].operator_addr, apart[i].operator_addr, 20) == 0)
            return true;
    return false;
}

static bool one_domain(const struct place_apart *apart, const uint32_t *chosen, size_t n,
                       uint64_t domain)
{
    for (size_t c = 0; c < n; c++)
        if (apart[chosen[c]].domain != domain)
            return false;
    return true;
}

size_t place_pick(const struct place_item *items, const struct place_apart *apart, size_t n,
                  const uint8_t *ok, const struct fog_hash *pg, size_t k, uint32_t *out,
                  bool *spread)
{
    struct place_hit hits[PLACE_TOP_MAX];
    size_t ranked = place_top(items, n, ok, pg, hits, PLACE_TOP_MAX), have = 0;
    uint32_t kept = UINT32_MAX;

    *spread = k < 2;
    for (size_t r = 0; r < ranked && have < k; r++) {
        uint32_t i = hits[r].index;
        if (shares_operator(apart, out, have, i))
            continue;
        if (k >= 2 && have == k - 1 && one_domain(apart, out, have, apart[i].domain)) {
            /* The last copy must bring a second domain; this box waits in case none does. */
            if (kept == UINT32_MAX)
                kept = i;
            continue;
        }
        out[have++] = i;
    }
    if (have < k && kept != UINT32_MAX)
        out[have++] = kept;
    if (have >= 2)
        *spread = !one_domain(apart, out, have, apart[out[0]].domain);
    return have;
}
