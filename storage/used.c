/* Second chance: who was read since he got into line. Ids are hashes, so their own bits choose the
 * slot; two objects that share one share their luck. Not kept over a restart. */
#include "storage/store.h"

#include "core/base/assert.h"

#include <stdatomic.h>

#define BITS_MIN ((uint64_t)1 << 13)
#define BITS_MAX ((uint64_t)1 << 22) /* 512 KiB */

void used_init(struct storage *st)
{
    /* about four slots per chunk of a full store */
    uint64_t want = st->cfg.quota_bytes / FOG_CHUNK_SIZE * 4, bits = BITS_MIN;

    while (bits < want && bits < BITS_MAX)
        bits *= 2;
    st->used_bits = fog_alloc((size_t)(bits / 8));
    st->used_mask = bits - 1;
}

static _Atomic uint64_t *slot_of(struct storage *st, const struct fog_hash *id, uint64_t *bit)
{
    uint64_t h;

    memcpy(&h, id->b, sizeof h);
    h &= st->used_mask;
    *bit = (uint64_t)1 << (h & 63);
    return &st->used_bits[h / 64];
}

void used_mark(struct storage *st, const struct fog_hash *id)
{
    uint64_t bit;
    _Atomic uint64_t *slot = slot_of(st, id, &bit);

    /* usually set already: reading does not take the line away from other cores */
    if ((atomic_load_explicit(slot, memory_order_relaxed) & bit) == 0)
        atomic_fetch_or_explicit(slot, bit, memory_order_relaxed);
}

bool used_take(struct storage *st, const struct fog_hash *id)
{
    uint64_t bit;
    _Atomic uint64_t *slot = slot_of(st, id, &bit);

    return (atomic_fetch_and_explicit(slot, ~bit, memory_order_relaxed) & bit) != 0;
}
