/*
 * Outcome questions about boxes, asked over the network: is the address a box gives really its own
 * (dial-back on the node connection), does a suspected box still answer viewers (public TLS under
 * its name), and does it hold what it says (a random leaf by /n/chunk, verdict.h). Owns the calls
 * in flight; decides nothing.
 */
#ifndef FOG_ROUTER_PROBE_H
#define FOG_ROUTER_PROBE_H

#include "router/core.h"

#define PROBE_DIALBACK_MS 5000

int probes_new(struct router *r, struct probes **out) FOG_MUST_CHECK;
void probes_free(struct probes **p);

/* Asks the box by the way it can be reached; the answer goes to leases_on_probe. */
void probes_ask(struct probes *p, const uint8_t key[32]);

/* Does addr answer with this box's key? done(ctx, ok) once, or never when probes_free comes first.
 */
void probes_dialback(struct probes *p, const uint8_t key[32], const struct fog_addr *addr);

/* One leaf of a chunk from a box. done: 0 verified; FOG_EVERIFY wrong bytes (got = their hash);
 * -ENOENT it does not have it; other codes: it could not be asked. Views die with the call. */
struct probe_leaf {
    uint8_t box[32];
    struct fog_hash chunk;
    uint32_t len;
    uint32_t leaf;
};
void probes_audit(struct probes *p, const struct probe_leaf *what,
                  void (*done)(void *ctx, int err, const struct fog_hash *expected,
                               const struct fog_hash *got),
                  void *ctx);

#endif
