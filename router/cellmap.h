/*
 * Cell map: which boxes there are, and which of them are alive. Two planes (PROTOCOL 5): the map is
 * numbered, hash-chained and signed by t instances; liveness is a bitmap over its rows signed by
 * one instance and fresh for 10 s. A cellmap object is immutable and reference-counted, so that
 * other threads may hold it.
 *
 * Map: body ‖ m u8 ‖ m x { map key 32 ‖ signature 64 }, ascending by key, type FOG_SIGN_CELL_MAP.
 * Body: version u8=1 ‖ map_no u64 ‖ prev 32 (SHA-256 of the body before) ‖ issued_ms u64 ‖ b u8 ‖ b
 * x { instance key 32 ‖ beacon preimage 32 } ‖ n u16 ‖ n rows ascending by key. Row: key 32 ‖ id 32
 * (zeros while pending) ‖ node_id u32 ‖ node 20 ‖ operator 20 ‖ ip 16 ‖ port u16 ‖ weight u16 ‖
 * class u8 ‖ flags u16 ‖ country str8 ‖ asn u32 ‖ domain str8. Liveness: version u8=1 ‖ map_no u64
 * ‖ map hash 32 ‖ as_of_ms u64 ‖ n u16 ‖ bits ceil(n/8), row i is bit i%8 of byte i/8 ‖ map key 32
 * ‖ signature 64 (FOG_SIGN_LIVENESS over what is before it, key included).
 */
#ifndef FOG_ROUTER_CELLMAP_H
#define FOG_ROUTER_CELLMAP_H

#include "core/content/names.h"
#include "router/hubset.h"
#include "router/place.h"

#define CELLMAP_ROWS_MAX   2048
#define CELLMAP_BYTES_MAX  1000000
#define CELLMAP_FRESH_MS   10000
#define CELLMAP_BEACON_MAX HUBSET_INSTANCES_MAX

struct cellmap_row {
    uint8_t key[32];
    struct fog_box_id box; /* derived from key */
    struct fog_hash id;    /* zero: pending */
    uint32_t node_id;
    uint8_t node[20];
    uint8_t operator_addr[20];
    uint8_t ip[16];
    uint16_t port; /* 0: no address */
    uint16_t weight;
    uint8_t class;
    uint16_t flags; /* FOG_BOX_* */
    char country[3];
    uint32_t asn;
    char domain[33];
};

struct cellmap_beacon {
    uint8_t key[32];
    struct fog_hash preimage;
};

struct cellmap {
    uint64_t map_no;
    struct fog_hash prev;
    struct fog_hash self; /* SHA-256 of the body */
    fog_time_ms issued_ms;
    unsigned n_beacon;
    struct cellmap_beacon beacon[CELLMAP_BEACON_MAX];
    size_t n;
    struct cellmap_row *rows;
    struct place_item *items; /* weight 0 for pending and draining rows */
    struct place_apart *apart;
    uint8_t *live;          /* one byte per row: 1 alive */
    fog_time_ms live_as_of; /* 0: no liveness known, all count as alive */
    unsigned refs;          /* atomic */
};

/* Builds from rows (sorted here; taken over by copy). FOG_ELIMIT, FOG_EFORMAT (two rows of one key,
 * bad text). */
int cellmap_make(uint64_t map_no, const struct fog_hash *prev, fog_time_ms issued_ms,
                 const struct cellmap_beacon *beacon, unsigned n_beacon,
                 const struct cellmap_row *rows, size_t n, struct cellmap **out) FOG_MUST_CHECK;
struct cellmap *cellmap_ref(struct cellmap *m);
void cellmap_unref(struct cellmap **m);

/* Body to sign; sets m->self. */
void cellmap_body(struct cellmap *m, struct fog_buf *out);
/* Appends the signatures part; sigs ascending by key. */
void cellmap_seal(struct fog_buf *body, const struct fog_pub *keys, const struct fog_sig *sigs,
                  unsigned n);

/* Form, canonical bytes, t signatures of the hub set. FOG_EVERIFY. */
int cellmap_decode(struct fog_bytes in, const struct hubset *hubs, const struct fog_hash *fog_id,
                   struct cellmap **out) FOG_MUST_CHECK;
/* Form only: what the fuzzer and an instance's own stored map need. */
int cellmap_decode_unsigned(struct fog_bytes in, struct cellmap **out) FOG_MUST_CHECK;

/* May next replace prev? 0; FOG_ESTALE for an older or the same map; FOG_EVERIFY when the chain is
 * broken, an id changed or was made of another beacon, or two different maps carry one number
 * (evidence). */
int cellmap_follows(const struct cellmap *prev, const struct cellmap *next,
                    const struct fog_hash *fog_id) FOG_MUST_CHECK;

/* SHA-256("id" ‖ fog_id ‖ key ‖ SHA-256(preimages of the map in which the id appears)). */
void cellmap_id_of(const struct cellmap_beacon *beacon, unsigned n, const struct fog_hash *fog_id,
                   const uint8_t key[32], struct fog_hash *id);

/* Liveness message without its signature; live[i] per row. */
void cellmap_live_body(const struct cellmap *m, const uint8_t *live, fog_time_ms as_of_ms,
                       const struct fog_pub *map_key, struct fog_buf *out);
/* A copy of m with that liveness. FOG_ESTALE (other map, or older than what m has), FOG_EVERIFY. */
int cellmap_with_live(const struct cellmap *m, struct fog_bytes in, const struct hubset *hubs,
                      const struct fog_hash *fog_id, struct cellmap **out) FOG_MUST_CHECK;
/* Without signature, for the instance itself. */
struct cellmap *cellmap_with_own_live(const struct cellmap *m, const uint8_t *live,
                                      fog_time_ms as_of_ms);

/* Row index or -1. */
int cellmap_find_key(const struct cellmap *m, const uint8_t key[32]);
int cellmap_find_box(const struct cellmap *m, const struct fog_box_id *box);

/* Alive by the newest liveness; an old bitmap (hub unreachable) says nothing new, so its word
 * stays. */
static inline bool cellmap_is_live(const struct cellmap *m, size_t i)
{
    return m->live_as_of == 0 || m->live[i] != 0;
}

bool cellmap_row_addr(const struct cellmap_row *row, struct fog_addr *out);
void cellmap_row_set_addr(struct cellmap_row *row, const struct fog_addr *a);

/* Weight of a box that joined age_ms ago: 10 % at first, all of it after ramp_ms; at least 1. */
uint16_t cellmap_ramped(uint16_t weight, fog_time_ms age_ms, fog_time_ms ramp_ms);

/* The first `max` live holders-to-be of a group for a reader (edge fill): rendezvous order over
 * live rows that keep content. Returns how many row indexes were written. */
size_t cellmap_rank(const struct cellmap *m, const struct fog_hash *pg, uint32_t *out, size_t max);

#endif
