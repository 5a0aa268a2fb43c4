/*
 * The serving process's side of keyd: asks for signatures, answers on the control loop. Owns the
 * descriptor of the channel and the requests under way. When keyd was started anew it says so, and
 * what it left unanswered is asked again (a signature asked for twice is the same signature).
 */
#ifndef FOG_NODE_KEYC_H
#define FOG_NODE_KEYC_H

#include "contracts/claim/keyd_rules.h"

struct fog_loop;
struct keyc;

#define KEYC_PENDING_MAX 65536

/* Takes over the descriptor. `first_id` is random, so that answers to an earlier serving process
 * are not taken for ours. */
struct keyc *keyc_new(struct fog_loop *loop, int fd, uint32_t first_id);
void keyc_free(struct keyc **k); /* requests under way end without a call */

/* The claim_signer port over this client; lives as long as the client. done gets err FOG_EBUSY when
 * too much is under way. */
const struct claim_signer *keyc_signer(struct keyc *k);

/* Ed25519 by the instance's map key. The body is copied. */
void keyc_sign(struct keyc *k, uint16_t type, struct fog_bytes body,
               void (*done)(void *ctx, int err, const uint8_t sig[64]), void *ctx);

/* Blocking, before the loop runs: what keyd holds. -ETIMEDOUT after `wait_ms`. */
int keyc_addresses(struct keyc *k, int wait_ms, struct keyd_answer *out) FOG_MUST_CHECK;

#endif
