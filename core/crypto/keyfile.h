/*
 * Files with secrets: raw bytes, mode 0600. Written whole or not at all (temporary file, fsync,
 * rename or link, fsync of the folder), never through a symbolic link. A file that others may read
 * is refused, so that a wrong umask or a careless copy is noticed before the key is used.
 */
#ifndef FOG_CRYPTO_KEYFILE_H
#define FOG_CRYPTO_KEYFILE_H

#include "core/base/err.h"
#include "core/base/rng.h"
#include "core/base/types.h"

/* Reads exactly `len` bytes. -ENOENT; FOG_EDENIED when group or others have any right on it, or it
 * is a symbolic link or no regular file; FOG_EFORMAT for another size. */
int fog_keyfile_read(const char *path, void *out, size_t len) FOG_MUST_CHECK;

/* Creates or (replace) replaces. -EEXIST when it is there and replace is false. Durable when it
 * returns 0. */
int fog_keyfile_write(const char *path, const void *in, size_t len, bool replace) FOG_MUST_CHECK;

/* Reads the file, or makes it of fresh random bytes when there is none. *created may be NULL. */
int fog_keyfile_ensure(const char *path, struct fog_rng *rng, void *out, size_t len,
                       bool *created) FOG_MUST_CHECK;

#endif
