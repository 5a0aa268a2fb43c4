#include "router/pick.h"

#include "core/wire/frame.h"

bool pick_row_serves(const struct cellmap_row *row)
{
    const uint16_t need = FOG_BOX_REACHABLE | FOG_BOX_EDGE;

    return row->port != 0 && (row->flags & need) == need &&
           (row->flags & (FOG_BOX_PENDING | FOG_BOX_DRAINING)) == 0 && row->weight > 0;
}

static bool is_holder(const struct pick_ask *ask, const uint8_t key[32])
{
    for (size_t i = 0; i < ask->n_holders; i++)
        if (memcmp(ask->holders[i], key, 32) == 0)
            return true;
    return false;
}

static unsigned distance_of(const struct pick_ask *ask, const struct cellmap_row *row)
{
    return geo_distance(ask->client, row->country, row->asn, row->domain);
}

static int less_loaded(const struct pick_ask *ask, const struct place_hit *two)
{
    uint64_t a = (uint64_t)ask->load[two[0].index] * ask->map->items[two[1].index].weight;
    uint64_t b = (uint64_t)ask->load[two[1].index] * ask->map->items[two[0].index].weight;

    if (a == b)
        return (int)two[ask->coin & 1].index;
    return (int)two[a < b ? 0 : 1].index;
}

void pick_box(const struct pick_ask *ask, struct pick *out)
{
    uint8_t near[CELLMAP_ROWS_MAX] = {0}, holding[CELLMAP_ROWS_MAX] = {0};
    struct place_hit hits[2];
    size_t n;

    *out = (struct pick){.row = -1, .distance = UINT32_MAX, .why = STEER_WHY_NO_BOX};
    for (size_t i = 0; i < ask->map->n; i++) {
        unsigned d;
        if (ask->usable[i] == 0)
            continue;
        out->n_usable++;
        d = distance_of(ask, &ask->map->rows[i]);
        if (d < out->distance)
            out->distance = d;
    }
    for (size_t i = 0; i < ask->map->n; i++) {
        if (ask->usable[i] == 0 || distance_of(ask, &ask->map->rows[i]) != out->distance)
            continue;
        near[i] = 1;
        out->n_near++;
        holding[i] = is_holder(ask, ask->map->rows[i].key);
        out->n_near_holders += holding[i];
    }
    n = place_top(ask->map->items, ask->map->n, out->n_near_holders > 0 ? holding : near, &ask->pg,
                  hits, 2);
    if (n == 0)
        return;
    out->holder = out->n_near_holders > 0;
    if (out->holder && n == 2) {
        out->row = less_loaded(ask, hits);
        out->why = STEER_WHY_HOLDER_LESS_LOADED;
    } else {
        out->row = (int)hits[0].index;
        out->why = out->holder ? STEER_WHY_HOLDER : STEER_WHY_RANK;
    }
}
