/*
 * The state directory: which file is what, made and read with errors for people. Owns names and
 * modes; the files' contents belong to others.
 */
#ifndef FOG_NODE_HOME_H
#define FOG_NODE_HOME_H

#include "core/crypto/secp.h"
#include "core/crypto/sign.h"
#include "node/conf.h"

#define HOME_GENESIS   "genesis"
#define HOME_HUB_SET   "hubset"
#define HOME_ADMIN     "admin.sock"
#define HOME_KEYS      "keys"
#define HOME_TRANSPORT "keys/transport.key"
#define HOME_NODE      "keys/node.key"
#define HOME_GRANT     "keys/grant.key"
#define HOME_VOUCHER   "keys/voucher.key"
#define HOME_OWNER     "keys/house.key"
#define HOME_MAP       "keys/map.key"
#define HOME_ROOT      "keys/root.key"
#define HOME_CA_KEY    "keys/ca.key"
#define HOME_CA_CERT   "keys/ca.pem"
#define HOME_KEYD      "keyd"
#define HOME_STORE     "store"
#define HOME_BOOKS     "ledger"
#define HOME_TLS       "tls"

/* Makes the state directory and its folders, mode 0700. Prints what is wrong. */
int home_make(const struct node_conf *c) FOG_MUST_CHECK;

/* A whole file below `state` (leaf) of at most max bytes, appended to out. -ENOENT is silent,
 * everything else is printed with the path and what to do. */
int home_read(const struct node_conf *c, const char *leaf, size_t max,
              struct fog_buf *out) FOG_MUST_CHECK;
/* Any path: the same, and -ENOENT is printed, too. */
int home_read_path(const char *path, size_t max, struct fog_buf *out) FOG_MUST_CHECK;
/* Whole or not at all, durable when 0. */
int home_write(const struct node_conf *c, const char *leaf, struct fog_bytes bytes,
               unsigned mode) FOG_MUST_CHECK;

/* A secret of `len` bytes; printed errors. -ENOENT is silent. */
int home_key(const struct node_conf *c, const char *leaf, void *out, size_t len) FOG_MUST_CHECK;
/* Makes a missing one: 32 random bytes, or a valid secp256k1 key. */
int home_make_key(const struct node_conf *c, const char *leaf, bool secp,
                  uint8_t out[32]) FOG_MUST_CHECK;

/* An account's key from any file: 32 raw bytes or 64 hex digits, readable by its owner only. */
int home_account(const char *path, struct fog_secp_key *out) FOG_MUST_CHECK;

/* The genesis of `state`, and the fog it names. FOG_ECONFIG with a printed reason when it is
 * missing. */
struct genesis;
int home_genesis(const struct node_conf *c, struct genesis *out, struct fog_hash *fog_id,
                 struct fog_buf *bytes) FOG_MUST_CHECK;

/* The enrolment file: the token (binary, appended) and the genesis that came with it. */
#define HOME_JOIN_GENESIS "foggenesis1."
int home_join(const char *path, struct fog_buf *token, struct fog_buf *genesis) FOG_MUST_CHECK;
/* Before the first start of a box: the genesis of the enrolment file becomes the box's own, after
 * the token was checked against it. A box that has a genesis keeps it. Prints what is wrong. */
int home_adopt_join(const struct node_conf *c) FOG_MUST_CHECK;

#endif
