/*
 * The fog's local certificate authority inside keyd: issues certificates of box names on the
 * router's word. Owns the authority's key and certificate; decides nothing but bounds.
 */
#ifndef FOG_NODE_KEYD_CA_H
#define FOG_NODE_KEYD_CA_H

#include "contracts/claim/keyd_rules.h"
#include "node/conf.h"

#define KEYD_CA_LIFE_MAX_S (91 * 86400) /* 90 days, and the hour that validity begins early */

struct keyd_ca;

/* Reads keys/ca.key and keys/ca.pem; *out NULL when there is none. Prints what is wrong. */
int keyd_ca_load(const struct node_conf *conf, struct keyd_ca **out) FOG_MUST_CHECK;
void keyd_ca_free(struct keyd_ca **ca);

/* Makes both files unless they are there (`fogd init-router`). */
int keyd_ca_make(const struct node_conf *conf, int64_t now_s) FOG_MUST_CHECK;

/* Appends the chain in PEM, leaf first. FOG_ERANGE for a life beyond the authority's or the limit,
 * FOG_EFORMAT for a bad key or name, FOG_EDENIED for a name that is not below the fog's zone. */
int keyd_ca_issue(struct keyd_ca *ca, const struct keyd_req *req,
                  struct fog_buf *chain_pem) FOG_MUST_CHECK;

/* SHA-256 of the certificate file (PEM). */
void keyd_ca_hash(const struct keyd_ca *ca, struct fog_hash *out);

#endif
