/*
 * Box certificates: takes a box's certificate request off the lease, checks that it asks for its
 * own name alone, has the CA in keyd issue it, and sends the chain back. Owns requests in flight
 * (one per box); holds no key.
 */
#ifndef FOG_ROUTER_CA_H
#define FOG_ROUTER_CA_H

#include "router/core.h"

#define CA_LIFE_S    (90 * 86400)
#define CA_BACK_S    3600 /* validity begins that long ago: boxes' clocks may be late */
#define CA_PER_BOX_S 10   /* seconds between two certificates of one box */

struct ca *ca_new(struct router *r);
void ca_free(struct ca **ca);

/* 0, or why it was refused at once; the chain (CERT) or a REFUSE goes to the box later. */
int ca_on_csr(struct ca *ca, const uint8_t box[32], struct fog_bytes der) FOG_MUST_CHECK;

#endif
