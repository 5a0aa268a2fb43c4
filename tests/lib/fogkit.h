/* A small fog made of fixed seeds, for tests of the router: genesis, one instance, its hub set,
 * boxes. */
#ifndef FOG_TESTS_FOGKIT_H
#define FOG_TESTS_FOGKIT_H

#include "router/beacon.h"
#include "router/cellmap.h"
#include "router/enrol.h"
#include "router/hubset.h"

struct fogkit {
    struct genesis genesis;
    struct fog_buf genesis_bytes;
    struct fog_hash fog_id;
    uint8_t root_seed[32];
    struct fog_sign_key root;
    uint8_t hub_seed[32]; /* transport key of the instance */
    struct fog_sign_key hub;
    struct fog_sign_key map_key;
    struct beacon beacon;
    struct hubset hubs;
    struct fog_buf hubs_bytes;
};

void fogkit_init(struct fogkit *k, unsigned copies);
void fogkit_fini(struct fogkit *k);

/* Seed of box i and a map row for it: operator i, domain i % 3, alternating countries de and fr. */
void fogkit_box_seed(unsigned i, uint8_t seed[32]);
void fogkit_row(unsigned i, bool pending, const struct fogkit *k, struct cellmap_row *out);

/* A signed map of n boxes with ids; bytes into out. */
struct cellmap *fogkit_map(struct fogkit *k, uint64_t map_no, unsigned n, struct fog_buf *out);

/* A token of this instance, signed. */
void fogkit_token(struct fogkit *k, unsigned uses, fog_time_ms not_after_ms, struct fog_buf *out);

#endif
