#include "storage/schema.h"

#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/wr.h"

#define META_VERSION 1

struct fog_hash schema_name_id(const struct schema_name *n)
{
    struct fog_hash id;

    memcpy(id.b, n->b + 1, sizeof id.b);
    return id;
}

void meta_encode(const struct meta *m, struct fog_buf *out)
{
    fog_wr_u8(out, META_VERSION);
    fog_wr_u8(out, m->n_leaves);
    fog_wr_u8(out, m->use_class);
    fog_wr_u64(out, m->len);
    fog_wr_u64(out, m->place);
    fog_wr_u64(out, m->fifo);
    fog_wr_u64(out, m->expiry_row_ms);
    fog_wr_u64(out, (uint64_t)m->expires_hub_ms);
    fog_wr_u32(out, m->pins);
    fog_wr_u32(out, m->gen);
    fog_wr_u64(out, m->seq);
    fog_wr_bytes(out, m->publisher.b, sizeof m->publisher.b);
}

int meta_decode(struct fog_bytes in, struct meta *out, struct fog_bytes *body)
{
    struct fog_rd r = fog_rd_of(in);
    struct meta m = {0};
    uint8_t version = fog_rd_u8(&r);

    m.n_leaves = fog_rd_u8(&r);
    m.use_class = fog_rd_u8(&r);
    m.len = fog_rd_u64(&r);
    m.place = fog_rd_u64(&r);
    m.fifo = fog_rd_u64(&r);
    m.expiry_row_ms = fog_rd_u64(&r);
    m.expires_hub_ms = (fog_time_ms)fog_rd_u64(&r);
    m.pins = fog_rd_u32(&r);
    m.gen = fog_rd_u32(&r);
    m.seq = fog_rd_u64(&r);
    fog_rd_copy(&r, m.publisher.b, sizeof m.publisher.b);
    *body = fog_rd_take(&r, m.place == 0 ? (size_t)m.len : 0);
    if (fog_rd_done(&r) != 0 || version != META_VERSION || m.n_leaves > FOG_CHUNK_LEAVES ||
        m.len > SCHEMA_BODY_MAX)
        return FOG_ECORRUPT;
    *out = m;
    return 0;
}

uint64_t meta_charge(const struct meta *m)
{
    uint64_t extents = m->place == 0 ? 0 : schema_extents(m->len);

    return m->len + SCHEMA_OBJECT_OVERHEAD +
           extents * (SCHEMA_EXTENT_OVERHEAD + sizeof(struct fog_hash) * m->n_leaves);
}

int schema_extent_split(struct fog_bytes value, uint32_t want_len, unsigned n_leaves,
                        struct fog_bytes *data, const struct fog_hash **leaves)
{
    size_t list = n_leaves * sizeof(struct fog_hash);

    if (value.len != want_len + list + 1 || value.p[value.len - 1] != n_leaves)
        return FOG_ECORRUPT;
    *data = fog_bytes_of(value.p, want_len);
    /* a hash is bytes: no alignment to keep */
    *leaves = n_leaves == 0 ? NULL : (const struct fog_hash *)(const void *)(value.p + want_len);
    return 0;
}

void totals_encode(const struct totals *t, struct fog_buf *out)
{
    fog_wr_u8(out, STORAGE_KINDS);
    for (int k = 0; k < STORAGE_KINDS; k++) {
        fog_wr_u64(out, t->bytes[k]);
        fog_wr_u64(out, t->objects[k]);
    }
    fog_wr_u64(out, t->charged);
    fog_wr_u64(out, t->pinned);
    fog_wr_u64(out, t->next_place);
    fog_wr_u64(out, t->next_fifo);
    fog_wr_u64(out, t->fifo_head);
    fog_wr_u64(out, t->expiry_head_ms);
}

int totals_decode(struct fog_bytes in, struct totals *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct totals t = {0};

    if (fog_rd_u8(&r) != STORAGE_KINDS)
        return FOG_ECORRUPT;
    for (int k = 0; k < STORAGE_KINDS; k++) {
        t.bytes[k] = fog_rd_u64(&r);
        t.objects[k] = fog_rd_u64(&r);
    }
    t.charged = fog_rd_u64(&r);
    t.pinned = fog_rd_u64(&r);
    t.next_place = fog_rd_u64(&r);
    t.next_fifo = fog_rd_u64(&r);
    t.fifo_head = fog_rd_u64(&r);
    t.expiry_head_ms = fog_rd_u64(&r);
    if (fog_rd_done(&r) != 0)
        return FOG_ECORRUPT;
    *out = t;
    return 0;
}

void publisher_row_encode(const struct publisher_row *p, struct fog_buf *out)
{
    fog_wr_u64(out, p->bytes);
    fog_wr_u64(out, p->objects);
}

int publisher_row_decode(struct fog_bytes in, struct publisher_row *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct publisher_row p = {0};

    p.bytes = fog_rd_u64(&r);
    p.objects = fog_rd_u64(&r);
    if (fog_rd_done(&r) != 0)
        return FOG_ECORRUPT;
    *out = p;
    return 0;
}

static void add(struct schema_key *k, const void *p, size_t len)
{
    FOG_ASSERT(k->len + len <= sizeof k->b);
    memcpy(k->b + k->len, p, len);
    k->len += len;
}

static void add_u8(struct schema_key *k, unsigned v)
{
    uint8_t b = (uint8_t)v;

    add(k, &b, 1);
}

static void add_u64(struct schema_key *k, uint64_t v)
{
    uint8_t b[8];

    for (int i = 0; i < 8; i++)
        b[i] = (uint8_t)(v >> (56 - 8 * i));
    add(k, b, sizeof b);
}

static void add_hash(struct schema_key *k, const struct fog_hash *h)
{
    add(k, h->b, sizeof h->b);
}

static void add_name(struct schema_key *k, const struct schema_name *n)
{
    add(k, n->b, sizeof n->b);
}

struct schema_key schema_key_version(void)
{
    struct schema_key k = {0};

    add(&k, "\1schema", 7);
    return k;
}

struct schema_key schema_key_totals(void)
{
    struct schema_key k = {0};

    add(&k, "\1totals", 7);
    return k;
}

struct schema_key schema_key_publisher(const struct fog_hash *publisher)
{
    return schema_prefix_hash('u', publisher);
}

struct schema_key schema_key_extent(uint64_t place, unsigned extent)
{
    struct schema_key k = {0};

    add_u64(&k, place);
    add_u8(&k, extent);
    return k;
}

struct schema_key schema_key_place(uint64_t place)
{
    struct schema_key k = schema_prefix('d');

    add_u64(&k, place);
    return k;
}

struct schema_key schema_key_fifo(uint64_t fifo)
{
    struct schema_key k = schema_prefix('f');

    add_u64(&k, fifo);
    return k;
}

struct schema_key schema_key_pg(const struct fog_hash *pg, const struct schema_name *name)
{
    struct schema_key k = schema_prefix_hash('g', pg);

    add_name(&k, name);
    return k;
}

struct schema_key schema_key_object_pg(const struct schema_name *name, const struct fog_hash *pg)
{
    struct schema_key k = schema_prefix_name('h', name);

    add_hash(&k, pg);
    return k;
}

struct schema_key schema_key_owned(const struct fog_hash *publisher, const struct schema_name *name)
{
    struct schema_key k = schema_prefix_hash('p', publisher);

    add_name(&k, name);
    return k;
}

struct schema_key schema_key_expiry(uint64_t expiry_ms, const struct schema_name *name)
{
    struct schema_key k = schema_prefix('x');

    add_u64(&k, expiry_ms);
    add_name(&k, name);
    return k;
}

struct schema_key schema_key_owner_pin(const struct fog_hash *owner, uint8_t reason,
                                       const struct schema_name *name)
{
    struct schema_key k = schema_prefix_owner(owner, reason);

    add_name(&k, name);
    return k;
}

struct schema_key schema_key_object_pin(const struct schema_name *name,
                                        const struct fog_hash *owner, uint8_t reason)
{
    struct schema_key k = schema_prefix_name('n', name);

    add_hash(&k, owner);
    add_u8(&k, reason);
    return k;
}

struct schema_key schema_prefix(char table)
{
    struct schema_key k = {0};

    add_u8(&k, (unsigned char)table);
    return k;
}

struct schema_key schema_prefix_hash(char table, const struct fog_hash *hash)
{
    struct schema_key k = schema_prefix(table);

    add_hash(&k, hash);
    return k;
}

struct schema_key schema_prefix_name(char table, const struct schema_name *name)
{
    struct schema_key k = schema_prefix(table);

    add_name(&k, name);
    return k;
}

struct schema_key schema_prefix_owner(const struct fog_hash *owner, uint8_t reason)
{
    struct schema_key k = schema_prefix_hash('o', owner);

    add_u8(&k, reason);
    return k;
}

uint64_t schema_u64_at(struct fog_bytes key, size_t at)
{
    struct fog_rd r = fog_rd_of(key);

    (void)fog_rd_take(&r, at);
    return fog_rd_u64(&r);
}

int schema_name_at(struct fog_bytes key, size_t at, struct schema_name *out)
{
    if (key.len < at + sizeof out->b)
        return FOG_ECORRUPT;
    memcpy(out->b, key.p + at, sizeof out->b);
    return 0;
}
