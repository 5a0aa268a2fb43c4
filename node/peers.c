#include "node/peers.h"

#include "core/base/assert.h"
#include "core/wire/frame.h"
#include "router/cellmap.h"

#include <pthread.h>
#include <stdlib.h>

#define DISTRUSTED_MAX 64

struct peers {
    pthread_mutex_t lock;
    uint8_t self[32];
    bool reachable;
    struct cellmap *map;
    struct peers_hub hubs[PEERS_HUBS];
    size_t n_hubs;
    struct {
        uint8_t key[32];
        fog_time_ms until_ms;
    } liars[DISTRUSTED_MAX]; /* a ring: the oldest entry is overwritten */
    size_t next_liar;
};

struct peers *peers_new(const uint8_t self[32], bool reachable)
{
    struct peers *p = FOG_NEW(peers);

    pthread_mutex_init(&p->lock, NULL);
    memcpy(p->self, self, sizeof p->self);
    p->reachable = reachable;
    return p;
}

void peers_free(struct peers **pp)
{
    struct peers *p = *pp;

    *pp = NULL;
    if (p == NULL)
        return;
    cellmap_unref(&p->map);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void peers_set_map(struct peers *p, struct cellmap *map)
{
    struct cellmap *old;

    pthread_mutex_lock(&p->lock);
    old = p->map;
    p->map = cellmap_ref(map);
    pthread_mutex_unlock(&p->lock);
    cellmap_unref(&old);
}

void peers_set_hubs(struct peers *p, const struct peers_hub *hubs, size_t n)
{
    pthread_mutex_lock(&p->lock);
    p->n_hubs = n < PEERS_HUBS ? n : PEERS_HUBS;
    if (p->n_hubs > 0)
        memcpy(p->hubs, hubs, p->n_hubs * sizeof *hubs);
    pthread_mutex_unlock(&p->lock);
}

struct cellmap *peers_map(struct peers *p)
{
    struct cellmap *map;

    pthread_mutex_lock(&p->lock);
    map = p->map == NULL ? NULL : cellmap_ref(p->map);
    pthread_mutex_unlock(&p->lock);
    return map;
}

static bool is_liar(const struct peers *p, const uint8_t key[32], fog_time_ms now_ms)
{
    for (size_t i = 0; i < DISTRUSTED_MAX; i++)
        if (p->liars[i].until_ms > now_ms && memcmp(p->liars[i].key, key, 32) == 0)
            return true;
    return false;
}

/* Under the lock. */
static bool find(const struct peers *p, const uint8_t key[32], struct links_peer *out)
{
    int row = p->map == NULL ? -1 : cellmap_find_key(p->map, key);

    memcpy(out->key, key, sizeof out->key);
    for (size_t i = 0; i < p->n_hubs; i++) {
        if (memcmp(p->hubs[i].key, key, 32) == 0) {
            out->addr = p->hubs[i].addr;
            out->reachable = true;
            return true;
        }
    }
    if (row < 0)
        return false;
    out->reachable = (p->map->rows[row].flags & FOG_BOX_REACHABLE) != 0 &&
                     cellmap_row_addr(&p->map->rows[row], &out->addr);
    return true;
}

/* Adds a peer unless it is ourselves, a liar, unknown, or there already. */
static size_t add(const struct peers *p, const uint8_t key[32], fog_time_ms now_ms,
                  struct links_peer *out, size_t n)
{
    struct links_peer peer;

    if (n == PEERS_CANDIDATES || memcmp(key, p->self, 32) == 0 || is_liar(p, key, now_ms) ||
        !find(p, key, &peer) || !(peer.reachable || p->reachable))
        return n;
    for (size_t i = 0; i < n; i++)
        if (memcmp(out[i].key, key, 32) == 0)
            return n;
    out[n] = peer;
    return n + 1;
}

size_t peers_candidates(struct peers *p, const struct fog_hash *pg, const uint8_t (*first)[32],
                        size_t n_first, fog_time_ms now_ms, struct links_peer out[PEERS_CANDIDATES])
{
    uint32_t ranked[PEERS_RANKED + 1]; /* one more: we may be among them */
    size_t n = 0, n_ranked;

    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < n_first && n < PEERS_RANKED; i++)
        n = add(p, first[i], now_ms, out, n);
    n_ranked = p->map == NULL ? 0 : cellmap_rank(p->map, pg, ranked, FOG_COUNT(ranked));
    for (size_t i = 0; i < n_ranked && n < PEERS_RANKED; i++)
        n = add(p, p->map->rows[ranked[i]].key, now_ms, out, n);
    for (size_t i = 0; i < p->n_hubs; i++)
        n = add(p, p->hubs[i].key, now_ms, out, n);
    pthread_mutex_unlock(&p->lock);
    return n;
}

bool peers_find(struct peers *p, const uint8_t key[32], struct links_peer *out)
{
    bool found;

    pthread_mutex_lock(&p->lock);
    found = find(p, key, out);
    pthread_mutex_unlock(&p->lock);
    return found;
}

bool peers_is_known(struct peers *p, const uint8_t key[32])
{
    struct links_peer peer;

    return peers_find(p, key, &peer);
}

void peers_distrust(struct peers *p, const uint8_t key[32], fog_time_ms now_ms)
{
    pthread_mutex_lock(&p->lock);
    memcpy(p->liars[p->next_liar].key, key, 32);
    p->liars[p->next_liar].until_ms = now_ms + PEERS_DISTRUST_MS;
    p->next_liar = (p->next_liar + 1) % DISTRUSTED_MAX;
    pthread_mutex_unlock(&p->lock);
}
