/*
 * The registry as the chain has it: follows the events of the contracts from the deployment on, and
 * asks for the state of deals and wallets. Owns no copy on disk: it is read again at start. Events
 * are taken up to the `safe` block (`latest` on chain 31337), so a reorg below that never shows.
 * Never blocks; a chain that is away leaves the last registry standing.
 */
#ifndef FOG_CLAIM_MIRROR_H
#define FOG_CLAIM_MIRROR_H

#include "contracts/claim/addresses.h"
#include "contracts/claim/chain.h"
#include "contracts/claim/registry.h"

#define MIRROR_REFRESH_MS 60000

struct mirror;

struct mirror_conf {
    const struct chain *chain;
    struct claim_addresses addresses;
    struct fog_ethaddr house; /* whose deals are followed; zero: none */
    fog_time_ms refresh_ms;   /* default MIRROR_REFRESH_MS, 1 s on chain 31337 */
};

struct mirror_events {
    void *arg;
    /* Something changed, and once when the mirror has caught up: borrowed, take a reference. */
    void (*on_registry)(void *arg, struct registry *reg);
    /* Newest block seen: the clock of a development chain. */
    void (*on_head)(void *arg, uint64_t number, uint64_t time_s);
};

struct mirror *mirror_new(const struct mirror_conf *conf, const struct mirror_events *events);
void mirror_free(struct mirror **m);

/* Moves on; call every second or so. now_ms is monotonic. */
void mirror_turn(struct mirror *m, fog_time_ms now_ms);

/* Refreshes with the next turn. */
void mirror_poke(struct mirror *m);

/* Whether everything up to the head at start was read once. */
bool mirror_caught_up(const struct mirror *m);
struct registry *mirror_registry(struct mirror *m); /* borrowed */

#endif
