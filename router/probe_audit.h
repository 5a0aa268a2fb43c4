/*
 * Audits: fetches one leaf of a chunk from a box over the node connection and checks it against the
 * chunk's id. Part of probe.h; a file of its own because it speaks HTTP/2 on a connection it dials.
 */
#ifndef FOG_ROUTER_PROBE_AUDIT_H
#define FOG_ROUTER_PROBE_AUDIT_H

#include "router/probe.h"

struct audits;

#define AUDIT_MS  10000
#define AUDIT_MAX 256 /* in flight */

struct audits *audits_new(struct router *r);
void audits_free(struct audits **a); /* nothing is called back any more */

/* As probes_audit. -ENOTCONN for a box that cannot be dialled, -ETIMEDOUT, FOG_EBUSY. */
void audits_ask(struct audits *a, const struct probe_leaf *what,
                void (*done)(void *ctx, int err, const struct fog_hash *expected,
                             const struct fog_hash *got),
                void *ctx);

/* Judges an answer: leaf list, then the leaf. 0, FOG_EVERIFY with expected and got, FOG_ETRUNC.
 * Pure. */
int audit_judge(const struct probe_leaf *what, struct fog_bytes answer, struct fog_hash *expected,
                struct fog_hash *got) FOG_MUST_CHECK;

#endif
