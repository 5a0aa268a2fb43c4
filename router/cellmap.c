#include "router/cellmap.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/crypto/hash.h"
#include "core/wire/frame.h"

#include <stdlib.h>

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct cellmap_row *)a)->key, ((const struct cellmap_row *)b)->key, 32);
}

static struct cellmap *map_alloc(size_t n)
{
    struct cellmap *m = FOG_NEW(cellmap);

    m->n = n;
    m->rows = fog_alloc((n + 1) * sizeof *m->rows);
    m->items = fog_alloc((n + 1) * sizeof *m->items);
    m->apart = fog_alloc((n + 1) * sizeof *m->apart);
    m->live = fog_alloc(n + 1);
    m->refs = 1;
    return m;
}

/* What is computed from the rows. */
static void derive(struct cellmap *m)
{
    static const uint8_t seed[16]; /* domains are not a table that strangers could overfill */

    for (size_t i = 0; i < m->n; i++) {
        struct cellmap_row *row = &m->rows[i];
        bool holds = !fog_hash_is_zero(&row->id) &&
                     (row->flags & (FOG_BOX_PENDING | FOG_BOX_DRAINING)) == 0 &&
                     (row->flags & FOG_BOX_STORAGE) != 0;

        fog_box_id_of(row->key, &row->box);
        m->items[i] = place_item_of(&row->id, holds ? row->weight : 0);
        memcpy(m->apart[i].operator_addr, row->operator_addr, sizeof row->operator_addr);
        m->apart[i].domain = fog_siphash(seed, fog_bytes_str(row->domain));
    }
}

int cellmap_make(uint64_t map_no, const struct fog_hash *prev, fog_time_ms issued_ms,
                 const struct cellmap_beacon *beacon, unsigned n_beacon,
                 const struct cellmap_row *rows, size_t n, struct cellmap **out)
{
    struct cellmap *m;

    if (n > CELLMAP_ROWS_MAX || n_beacon > CELLMAP_BEACON_MAX)
        return FOG_ELIMIT;
    m = map_alloc(n);
    m->map_no = map_no;
    m->prev = *prev;
    m->issued_ms = issued_ms;
    m->n_beacon = n_beacon;
    if (n_beacon > 0)
        memcpy(m->beacon, beacon, n_beacon * sizeof *beacon);
    if (n > 0)
        memcpy(m->rows, rows, n * sizeof *rows);
    qsort(m->rows, n, sizeof *rows, by_key);
    for (size_t i = 1; i < n; i++)
        if (by_key(&m->rows[i - 1], &m->rows[i]) == 0) {
            cellmap_unref(&m);
            return FOG_EFORMAT;
        }
    derive(m);
    *out = m;
    return 0;
}

struct cellmap *cellmap_ref(struct cellmap *m)
{
    __atomic_add_fetch(&m->refs, 1, __ATOMIC_RELAXED);
    return m;
}

void cellmap_unref(struct cellmap **mp)
{
    struct cellmap *m = *mp;

    *mp = NULL;
    if (m == NULL || __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    free(m->rows);
    free(m->items);
    free(m->apart);
    free(m->live);
    free(m);
}

static void write_row(struct fog_buf *b, const struct cellmap_row *row)
{
    fog_wr_bytes(b, row->key, sizeof row->key);
    fog_wr_bytes(b, row->id.b, sizeof row->id.b);
    fog_wr_u32(b, row->node_id);
    fog_wr_bytes(b, row->node, sizeof row->node);
    fog_wr_bytes(b, row->operator_addr, sizeof row->operator_addr);
    fog_wr_bytes(b, row->ip, sizeof row->ip);
    fog_wr_u16(b, row->port);
    fog_wr_u16(b, row->weight);
    fog_wr_u8(b, row->class);
    fog_wr_u16(b, row->flags);
    fog_wr_str8(b, row->country);
    fog_wr_u32(b, row->asn);
    fog_wr_str8(b, row->domain);
}

static void read_row(struct fog_rd *r, struct cellmap_row *row)
{
    fog_rd_copy(r, row->key, sizeof row->key);
    fog_rd_copy(r, row->id.b, sizeof row->id.b);
    row->node_id = fog_rd_u32(r);
    fog_rd_copy(r, row->node, sizeof row->node);
    fog_rd_copy(r, row->operator_addr, sizeof row->operator_addr);
    fog_rd_copy(r, row->ip, sizeof row->ip);
    row->port = fog_rd_u16(r);
    row->weight = fog_rd_u16(r);
    row->class = fog_rd_u8(r);
    row->flags = fog_rd_u16(r);
    fog_rd_str8(r, row->country, sizeof row->country);
    row->asn = fog_rd_u32(r);
    fog_rd_str8(r, row->domain, sizeof row->domain);
}

void cellmap_body(struct cellmap *m, struct fog_buf *out)
{
    size_t from = out->len;

    fog_wr_u8(out, 1);
    fog_wr_u64(out, m->map_no);
    fog_wr_bytes(out, m->prev.b, sizeof m->prev.b);
    fog_wr_u64(out, (uint64_t)m->issued_ms);
    fog_wr_u8(out, (uint8_t)m->n_beacon);
    for (unsigned i = 0; i < m->n_beacon; i++) {
        fog_wr_bytes(out, m->beacon[i].key, sizeof m->beacon[i].key);
        fog_wr_bytes(out, m->beacon[i].preimage.b, sizeof m->beacon[i].preimage.b);
    }
    fog_wr_u16(out, (uint16_t)m->n);
    for (size_t i = 0; i < m->n; i++)
        write_row(out, &m->rows[i]);
    fog_sha256(fog_bytes_of(out->data + from, out->len - from), &m->self);
}

void cellmap_seal(struct fog_buf *body, const struct fog_pub *keys, const struct fog_sig *sigs,
                  unsigned n)
{
    fog_wr_u8(body, (uint8_t)n);
    for (unsigned i = 0; i < n; i++) {
        fog_wr_bytes(body, keys[i].b, sizeof keys[i].b);
        fog_wr_bytes(body, sigs[i].b, sizeof sigs[i].b);
    }
}

/* Head of the body; the number of rows that follow. */
static size_t read_head(struct fog_rd *r, struct cellmap *m)
{
    size_t n;

    if (fog_rd_u8(r) != 1)
        fog_rd_fail(r, FOG_EVERSION);
    m->map_no = fog_rd_u64(r);
    fog_rd_copy(r, m->prev.b, sizeof m->prev.b);
    m->issued_ms = (fog_time_ms)fog_rd_u64(r);
    m->n_beacon = fog_rd_u8(r);
    if (m->n_beacon > CELLMAP_BEACON_MAX)
        fog_rd_fail(r, FOG_ELIMIT);
    for (unsigned i = 0; i < m->n_beacon && r->err == 0; i++) {
        fog_rd_copy(r, m->beacon[i].key, sizeof m->beacon[i].key);
        fog_rd_copy(r, m->beacon[i].preimage.b, sizeof m->beacon[i].preimage.b);
        if (i > 0 && memcmp(m->beacon[i - 1].key, m->beacon[i].key, 32) >= 0)
            fog_rd_fail(r, FOG_ECANON);
    }
    n = fog_rd_u16(r);
    if (n > CELLMAP_ROWS_MAX)
        fog_rd_fail(r, FOG_ELIMIT);
    return r->err != 0 ? 0 : n;
}

static int row_check(const struct cellmap_row *row)
{
    size_t cc = strlen(row->country);

    if (cc != 0 && (cc != 2 || row->country[0] < 'a' || row->country[0] > 'z' ||
                    row->country[1] < 'a' || row->country[1] > 'z'))
        return FOG_EFORMAT;
    /* An id and the pending flag exclude each other. */
    if (fog_hash_is_zero(&row->id) != ((row->flags & FOG_BOX_PENDING) != 0))
        return FOG_ECANON;
    return 0;
}

/* Reads the body; `rest` is what follows it (the signatures). */
static int read_body(struct fog_bytes in, struct cellmap **out, struct fog_bytes *body,
                     struct fog_bytes *rest)
{
    struct fog_rd r = fog_rd_of(in);
    struct cellmap head = {0}, *m;
    size_t n;

    if (in.len > CELLMAP_BYTES_MAX)
        return FOG_ELIMIT;
    n = read_head(&r, &head);
    if (r.err != 0)
        return r.err;
    m = map_alloc(n);
    m->map_no = head.map_no;
    m->prev = head.prev;
    m->issued_ms = head.issued_ms;
    m->n_beacon = head.n_beacon;
    memcpy(m->beacon, head.beacon, sizeof head.beacon);
    for (size_t i = 0; i < n && r.err == 0; i++) {
        read_row(&r, &m->rows[i]);
        if (r.err == 0)
            fog_rd_fail(&r, row_check(&m->rows[i]));
        if (r.err == 0 && i > 0 && by_key(&m->rows[i - 1], &m->rows[i]) >= 0)
            fog_rd_fail(&r, FOG_ECANON);
    }
    if (r.err != 0) {
        cellmap_unref(&m);
        return r.err;
    }
    *body = fog_bytes_of(in.p, (size_t)(r.p - in.p));
    *rest = fog_bytes_of(r.p, (size_t)(r.end - r.p));
    fog_sha256(*body, &m->self);
    derive(m);
    *out = m;
    return 0;
}

static int check_sigs(struct fog_bytes rest, struct fog_bytes body, const struct hubset *hubs,
                      const struct fog_hash *fog_id)
{
    struct fog_rd r = fog_rd_of(rest);
    unsigned n = fog_rd_u8(&r), good = 0;
    struct fog_pub last = {0}, key = {0};
    struct fog_sig sig;
    int rc;

    if (n > HUBSET_SIGS_MAX)
        return FOG_ELIMIT;
    for (unsigned i = 0; i < n; i++) {
        fog_rd_copy(&r, key.b, sizeof key.b);
        fog_rd_copy(&r, sig.b, sizeof sig.b);
        if (i > 0 && memcmp(last.b, key.b, sizeof key.b) >= 0)
            fog_rd_fail(&r, FOG_ECANON);
        last = key;
        if (r.err == 0 && hubs != NULL && hubset_by_map_key(hubs, &key) != NULL &&
            fog_sign_check(&key, FOG_SIGN_CELL_MAP, fog_id, body, &sig) == 0)
            good++;
    }
    if ((rc = fog_rd_done(&r)) != 0)
        return rc;
    return hubs == NULL || good >= hubs->t ? 0 : FOG_EVERIFY;
}

static int decode(struct fog_bytes in, const struct hubset *hubs, const struct fog_hash *fog_id,
                  struct cellmap **out)
{
    struct fog_bytes body, rest;
    struct cellmap *m;
    int rc = read_body(in, &m, &body, &rest);

    if (rc != 0)
        return rc;
    rc = check_sigs(rest, body, hubs, fog_id);
    if (rc != 0) {
        cellmap_unref(&m);
        return rc;
    }
    *out = m;
    return 0;
}

int cellmap_decode(struct fog_bytes in, const struct hubset *hubs, const struct fog_hash *fog_id,
                   struct cellmap **out)
{
    FOG_ASSERT(hubs != NULL);
    return decode(in, hubs, fog_id, out);
}

int cellmap_decode_unsigned(struct fog_bytes in, struct cellmap **out)
{
    return decode(in, NULL, NULL, out);
}

void cellmap_id_of(const struct cellmap_beacon *beacon, unsigned n, const struct fog_hash *fog_id,
                   const uint8_t key[32], struct fog_hash *id)
{
    struct fog_bytes parts[4];
    struct fog_sha256_stream s;
    struct fog_hash mixed;

    fog_sha256_init(&s);
    for (unsigned i = 0; i < n; i++)
        fog_sha256_update(&s, fog_bytes_of(beacon[i].preimage.b, 32));
    fog_sha256_final(&s, &mixed);
    fog_sha256_fini(&s);
    parts[0] = fog_bytes_str("id");
    parts[1] = fog_bytes_of(fog_id->b, sizeof fog_id->b);
    parts[2] = fog_bytes_of(key, 32);
    parts[3] = fog_bytes_of(mixed.b, sizeof mixed.b);
    fog_sha256_parts(parts, FOG_COUNT(parts), id);
}

int cellmap_follows(const struct cellmap *prev, const struct cellmap *next,
                    const struct fog_hash *fog_id)
{
    if (next->map_no < prev->map_no)
        return FOG_ESTALE;
    if (next->map_no == prev->map_no)
        return fog_hash_eq(&prev->self, &next->self) ? FOG_ESTALE : FOG_EVERIFY;
    if (next->map_no == prev->map_no + 1 && !fog_hash_eq(&next->prev, &prev->self))
        return FOG_EVERIFY;
    for (size_t i = 0; i < next->n; i++) {
        const struct cellmap_row *now = &next->rows[i];
        int at = cellmap_find_key(prev, now->key);
        struct fog_hash want;

        if (at < 0)
            continue;
        if (!fog_hash_is_zero(&prev->rows[at].id)) {
            if (!fog_hash_eq(&prev->rows[at].id, &now->id))
                return FOG_EVERIFY; /* ids are for life */
        } else if (next->map_no == prev->map_no + 1 && !fog_hash_is_zero(&now->id)) {
            cellmap_id_of(next->beacon, next->n_beacon, fog_id, now->key, &want);
            if (!fog_hash_eq(&want, &now->id))
                return FOG_EVERIFY;
        }
    }
    return 0;
}

static int key_to_row(const void *key, const void *row)
{
    return memcmp(key, ((const struct cellmap_row *)row)->key, 32);
}

int cellmap_find_key(const struct cellmap *m, const uint8_t key[32])
{
    const struct cellmap_row *hit = bsearch(key, m->rows, m->n, sizeof *m->rows, key_to_row);

    return hit == NULL ? -1 : (int)(hit - m->rows);
}

int cellmap_find_box(const struct cellmap *m, const struct fog_box_id *box)
{
    for (size_t i = 0; i < m->n; i++)
        if (memcmp(m->rows[i].box.b, box->b, sizeof box->b) == 0)
            return (int)i;
    return -1;
}
