/*
 * The publisher on this machine: secret keys and key documents in the home. Owns the files
 * keys/release.key, keys/recovery.key, keys/owner.key (32 raw bytes each, mode 0600),
 * keys/owner.address (a wallet elsewhere) and keys/keydoc-<fog> (signed for one fog). The recovery
 * key is only needed until a document is there for the fog.
 */
#ifndef CLI_IDENTITY_H
#define CLI_IDENTITY_H

#include "cli/cli.h"
#include "core/content/keydoc.h"
#include "core/crypto/ethaddr.h"

struct identity {
    struct fog_sign_key release;
    struct fog_keydoc doc;
    unsigned key_index; /* of the release key in the document */
    struct fog_buf doc_bytes;
    bool made; /* the keys were made just now */
};

/* Makes what is missing of the keys; never replaces one. `owner` NULL: a key of our own. CLI exit
 * code; -EEXIST is reported as a failure only with `must_be_new`. */
int identity_make(struct cli *cli, const char *owner, bool must_be_new);

/* Loads keys and the document for the fog, signing one when there is none. FOG errors are reported;
 * returns a CLI exit code. With `make` missing keys are made. */
int identity_load(struct cli *cli, const struct fog_hash *fog_id, bool make, struct identity *out);
void identity_fini(struct identity *id);

/* The escrow owner's address, zero when there is none. */
int identity_owner(struct cli *cli, struct fog_ethaddr *out) FOG_MUST_CHECK;

/* Path of a file in keys/. */
int identity_path(struct cli *cli, const char *name, char *out, size_t size) FOG_MUST_CHECK;

#endif
