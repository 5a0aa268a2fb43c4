/* The second plane of cellmap.h: liveness, and what readers ask of a map. */
#include "router/cellmap.h"

#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/wire/frame.h"

void cellmap_live_body(const struct cellmap *m, const uint8_t *live, fog_time_ms as_of_ms,
                       const struct fog_pub *map_key, struct fog_buf *out)
{
    size_t bytes = (m->n + 7) / 8;
    uint8_t *bits;

    fog_wr_u8(out, 1);
    fog_wr_u64(out, m->map_no);
    fog_wr_bytes(out, m->self.b, sizeof m->self.b);
    fog_wr_u64(out, (uint64_t)as_of_ms);
    fog_wr_u16(out, (uint16_t)m->n);
    bits = fog_buf_reserve(out, bytes);
    memset(bits, 0, bytes);
    for (size_t i = 0; i < m->n; i++)
        if (live[i] != 0)
            bits[i / 8] |= (uint8_t)(1u << i % 8);
    fog_buf_added(out, bytes);
    fog_wr_bytes(out, map_key->b, sizeof map_key->b);
}

struct cellmap *cellmap_with_own_live(const struct cellmap *m, const uint8_t *live,
                                      fog_time_ms as_of_ms)
{
    struct cellmap *copy;
    int rc = cellmap_make(m->map_no, &m->prev, m->issued_ms, m->beacon, m->n_beacon, m->rows, m->n,
                          &copy);

    FOG_ASSERT(rc == 0); /* the rows passed once already */
    copy->self = m->self;
    memcpy(copy->live, live, m->n);
    copy->live_as_of = as_of_ms;
    return copy;
}

int cellmap_with_live(const struct cellmap *m, struct fog_bytes in, const struct hubset *hubs,
                      const struct fog_hash *fog_id, struct cellmap **out)
{
    struct fog_rd r = fog_rd_of(in);
    uint8_t live[CELLMAP_ROWS_MAX];
    struct fog_bytes bits, body;
    struct fog_hash self;
    struct fog_pub key;
    struct fog_sig sig;
    fog_time_ms as_of;
    uint64_t map_no;
    size_t n;
    int rc;

    if (fog_rd_u8(&r) != 1)
        return r.err != 0 ? r.err : FOG_EVERSION;
    map_no = fog_rd_u64(&r);
    fog_rd_copy(&r, self.b, sizeof self.b);
    as_of = (fog_time_ms)fog_rd_u64(&r);
    n = fog_rd_u16(&r);
    bits = fog_rd_take(&r, (n + 7) / 8);
    fog_rd_copy(&r, key.b, sizeof key.b);
    if (r.err != 0)
        return r.err;
    body = fog_bytes_of(in.p, (size_t)(r.p - in.p));
    fog_rd_copy(&r, sig.b, sizeof sig.b);
    if ((rc = fog_rd_done(&r)) != 0)
        return rc;
    if (map_no != m->map_no || !fog_hash_eq(&self, &m->self) || n != m->n || as_of <= m->live_as_of)
        return FOG_ESTALE;
    if (n % 8 != 0 && (bits.p[n / 8] >> n % 8) != 0)
        return FOG_ECANON;
    if (hubset_by_map_key(hubs, &key) == NULL ||
        fog_sign_check(&key, FOG_SIGN_LIVENESS, fog_id, body, &sig) != 0)
        return FOG_EVERIFY;
    for (size_t i = 0; i < n; i++)
        live[i] = bits.p[i / 8] >> i % 8 & 1;
    *out = cellmap_with_own_live(m, live, as_of);
    return 0;
}

bool cellmap_row_addr(const struct cellmap_row *row, struct fog_addr *out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (row->port == 0)
        return false;
    memset(out, 0, sizeof *out);
    if (memcmp(row->ip, mapped, sizeof mapped) == 0) {
        out->u.v4.sin_family = AF_INET;
        memcpy(&out->u.v4.sin_addr, row->ip + 12, 4);
    } else {
        out->u.v6.sin6_family = AF_INET6;
        memcpy(&out->u.v6.sin6_addr, row->ip, 16);
    }
    fog_addr_set_port(out, row->port);
    return true;
}

void cellmap_row_set_addr(struct cellmap_row *row, const struct fog_addr *a)
{
    fog_addr_ip16(a, row->ip);
    row->port = fog_addr_port(a);
}

uint16_t cellmap_ramped(uint16_t weight, fog_time_ms age_ms, fog_time_ms ramp_ms)
{
    uint64_t part, w;

    if (weight == 0 || age_ms >= ramp_ms)
        return weight;
    if (age_ms < 0)
        age_ms = 0;
    part = 100 + 900 * (uint64_t)age_ms / (uint64_t)ramp_ms; /* per mille */
    w = weight * part / 1000;
    return w == 0 ? 1 : (uint16_t)w;
}

size_t cellmap_rank(const struct cellmap *m, const struct fog_hash *pg, uint32_t *out, size_t max)
{
    struct place_hit hits[PLACE_TOP_MAX];
    const uint8_t *ok = m->live_as_of == 0 ? NULL : m->live;
    size_t n = place_top(m->items, m->n, ok, pg, hits, max < PLACE_TOP_MAX ? max : PLACE_TOP_MAX);

    for (size_t i = 0; i < n; i++)
        out[i] = hits[i].index;
    return n;
}
