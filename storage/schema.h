/*
 * What is on the disk: keys and records of every column family, and how much an object is charged
 * for. Pure encoding and decoding, big-endian; no I/O. A change here is a new SCHEMA_VERSION and a
 * migration in open.c.
 *
 *   main   0x01 "schema"                      -> version u32
 *          0x01 "totals"                      -> struct totals
 *          'u' publisher                      -> bytes u64, objects u64
 *          's' name(lp8) key                  -> record of another role
 *   meta   kind id                            -> struct meta, then the body when it is small
 *   data   place extent                       -> bytes, leaf list of the chunk, its count u8
 *   index  'f' fifo                           -> kind id                 eviction order
 *          'g' pg kind id                     -> len u64                 placement group
 *          'h' kind id pg                     ->                         the same, by object
 *          'd' place                          -> kind id len u64         what is alive in data
 *          'p' publisher kind id              -> len u64
 *          'x' expiry kind id                 ->
 *          'o' owner reason kind id           ->                         pins, by who pinned
 *          'n' kind id owner reason           ->                         pins, by object
 *   ledger key                                -> record of the claims role
 *
 * `place` counts up with every object written and never changes: extents lie on the disk in the
 * order of writing, so compaction moves files instead of rewriting them and what is evicted
 * together lies together.
 */
#ifndef FOG_STORAGE_SCHEMA_H
#define FOG_STORAGE_SCHEMA_H

#include "core/base/buf.h"
#include "core/content/leaf.h"
#include "storage/storage.h"

#define SCHEMA_VERSION 1u

/* Bodies up to this length live in the metadata record: one look-up, no extent. */
#define SCHEMA_INLINE_BYTES 2048u

/* The largest body of any kind: a chunk or a manifest. */
#define SCHEMA_BODY_MAX ((uint64_t)FOG_CHUNK_SIZE)
_Static_assert(FOG_MANIFEST_MAX <= FOG_CHUNK_SIZE, "bodies have at most four extents");

/* Metadata, index rows and their share of the engine's blocks, per object. */
#define SCHEMA_OBJECT_OVERHEAD 640u
/* Key and block of an extent; its leaf list comes on top. */
#define SCHEMA_EXTENT_OVERHEAD 96u

struct schema_key {
    uint8_t b[160];
    size_t len;
};

static inline struct fog_bytes schema_bytes(const struct schema_key *k)
{
    return fog_bytes_of(k->b, k->len);
}

/* An object's name: kind ‖ id. */
#define SCHEMA_NAME_LEN 33
struct schema_name {
    uint8_t b[SCHEMA_NAME_LEN];
};

static inline struct schema_name schema_name_of(uint8_t kind, const struct fog_hash *id)
{
    struct schema_name n;

    n.b[0] = kind;
    memcpy(n.b + 1, id->b, sizeof id->b);
    return n;
}

static inline struct fog_bytes schema_name_bytes(const struct schema_name *n)
{
    return fog_bytes_of(n->b, sizeof n->b);
}

static inline uint8_t schema_name_kind(const struct schema_name *n)
{
    return n->b[0];
}

struct fog_hash schema_name_id(const struct schema_name *n);

/* One per object. */
struct meta {
    uint64_t len;
    uint64_t place;         /* 0: the body is in the record */
    uint64_t fifo;          /* its row in the eviction order; 0: not evictable */
    uint64_t expiry_row_ms; /* its row in the expiry order; 0: none */
    fog_time_ms expires_hub_ms;
    uint32_t pins;
    uint32_t gen;
    uint64_t seq;
    struct fog_hash publisher;
    uint8_t n_leaves; /* chunks: 1..16; else 0 */
    uint8_t use_class;
};

/* Appends the record without a body. */
void meta_encode(const struct meta *m, struct fog_buf *out);

/* *body views the inline body (empty when place != 0). FOG_ECORRUPT for anything malformed. */
int meta_decode(struct fog_bytes in, struct meta *out, struct fog_bytes *body) FOG_MUST_CHECK;

/* Number of extents of a body: at least one. */
static inline unsigned schema_extents(uint64_t len)
{
    return len == 0 ? 1 : (unsigned)((len + FOG_EXTENT_SIZE - 1) / FOG_EXTENT_SIZE);
}

static inline uint32_t schema_extent_len(uint64_t len, unsigned extent)
{
    uint64_t at = (uint64_t)extent * FOG_EXTENT_SIZE;

    return len - at < FOG_EXTENT_SIZE ? (uint32_t)(len - at) : FOG_EXTENT_SIZE;
}

/* What the object takes of the quota. */
uint64_t meta_charge(const struct meta *m);

/* Splits an extent's value. FOG_ECORRUPT when the parts do not fit `want_len` bytes and `n_leaves`.
 */
int schema_extent_split(struct fog_bytes value, uint32_t want_len, unsigned n_leaves,
                        struct fog_bytes *data, const struct fog_hash **leaves) FOG_MUST_CHECK;

/* Everything that is counted, in one record that is written with every change. */
struct totals {
    uint64_t bytes[STORAGE_KINDS]; /* bodies */
    uint64_t objects[STORAGE_KINDS];
    uint64_t charged;
    uint64_t pinned;         /* charged of what is pinned or never evicted */
    uint64_t next_place;     /* from 1 */
    uint64_t next_fifo;      /* from 1 */
    uint64_t fifo_head;      /* no living row of the eviction order is below */
    uint64_t expiry_head_ms; /* no living row of the expiry order is below */
};

void totals_encode(const struct totals *t, struct fog_buf *out);
int totals_decode(struct fog_bytes in, struct totals *out) FOG_MUST_CHECK;

struct publisher_row {
    uint64_t bytes; /* charged */
    uint64_t objects;
};

void publisher_row_encode(const struct publisher_row *p, struct fog_buf *out);
int publisher_row_decode(struct fog_bytes in, struct publisher_row *out) FOG_MUST_CHECK;

/* Keys. */
struct schema_key schema_key_version(void);
struct schema_key schema_key_totals(void);
struct schema_key schema_key_publisher(const struct fog_hash *publisher);
struct schema_key schema_key_extent(uint64_t place, unsigned extent);
struct schema_key schema_key_place(uint64_t place);
struct schema_key schema_key_fifo(uint64_t fifo);
struct schema_key schema_key_pg(const struct fog_hash *pg, const struct schema_name *name);
struct schema_key schema_key_object_pg(const struct schema_name *name, const struct fog_hash *pg);
struct schema_key schema_key_owned(const struct fog_hash *publisher,
                                   const struct schema_name *name);
struct schema_key schema_key_expiry(uint64_t expiry_ms, const struct schema_name *name);
struct schema_key schema_key_owner_pin(const struct fog_hash *owner, uint8_t reason,
                                       const struct schema_name *name);
struct schema_key schema_key_object_pin(const struct schema_name *name,
                                        const struct fog_hash *owner, uint8_t reason);

/* Prefixes for scans. `name` NULL leaves out what follows. */
struct schema_key schema_prefix(char table);
struct schema_key schema_prefix_hash(char table, const struct fog_hash *hash);
struct schema_key schema_prefix_name(char table, const struct schema_name *name);
struct schema_key schema_prefix_owner(const struct fog_hash *owner, uint8_t reason);

/* Big-endian u64 inside a key. */
uint64_t schema_u64_at(struct fog_bytes key, size_t at);

/* The name in the last (or given) bytes of an index key. FOG_ECORRUPT when it is too short. */
int schema_name_at(struct fog_bytes key, size_t at, struct schema_name *out) FOG_MUST_CHECK;

#endif
