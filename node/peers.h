/*
 * Whom this process may ask for content and whom it answers: the newest cell map, the hubs, and the
 * peers that were caught giving bad bytes. One object per process; every function may be called
 * from any thread (a lock is held for one look-up; none of this is on the path of a RAM hit).
 */
#ifndef FOG_NODE_PEERS_H
#define FOG_NODE_PEERS_H

#include "node/links.h"

struct cellmap;
struct peers;

#define PEERS_RANKED      4 /* boxes asked by rank before the hubs */
#define PEERS_HUBS        4 /* router instances */
#define PEERS_CANDIDATES  (PEERS_RANKED + PEERS_HUBS)
#define PEERS_DISTRUST_MS 600000 /* how long a liar is not asked */

struct peers_hub {
    uint8_t key[32];
    struct fog_addr addr;
};

/* `reachable`: others can dial us. If not, peers that cannot be dialled either are never asked. */
struct peers *peers_new(const uint8_t self[32], bool reachable);
void peers_free(struct peers **p);

/* Takes a reference of its own to the map. */
void peers_set_map(struct peers *p, struct cellmap *map);
void peers_set_hubs(struct peers *p, const struct peers_hub *hubs, size_t n);

/* The current map with a reference for the caller, or NULL. */
struct cellmap *peers_map(struct peers *p);

/* Who may have a group's content, best first: live boxes in rendezvous order, then hubs; without
 * ourselves and without peers that lied. `first` (may be NULL) are keys to be asked before all
 * others. Returns how many. */
size_t peers_candidates(struct peers *p, const struct fog_hash *pg, const uint8_t (*first)[32],
                        size_t n_first, fog_time_ms now_ms,
                        struct links_peer out[PEERS_CANDIDATES]);

/* The address and kind of a known box or hub; false when it is unknown. */
bool peers_find(struct peers *p, const uint8_t key[32], struct links_peer *out);

/* Whether a node connection of this key is answered: in the map, or a hub. */
bool peers_is_known(struct peers *p, const uint8_t key[32]);

/* The peer gave bytes that do not verify: not asked again for PEERS_DISTRUST_MS. */
void peers_distrust(struct peers *p, const uint8_t key[32], fog_time_ms now_ms);

#endif
