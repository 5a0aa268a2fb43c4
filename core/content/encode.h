/*
 * Content codings (door to zstd and zlib): made once by the uploader, never per request. One-shot
 * over memory; the caller bounds the input.
 */
#ifndef FOG_CONTENT_ENCODE_H
#define FOG_CONTENT_ENCODE_H

#include "core/base/buf.h"
#include "core/content/manifest.h"

/* Appends the coded form (zstd with content size and checksum off, gzip without time or name: the
 * same input gives the same bytes with one library version). FOG_EFORMAT for FOG_IDENTITY; -ENOMEM.
 * Level: 1..22 for zstd, 1..9 for gzip; 0 = the default of publishing (12 and 9). */
int fog_encode(enum fog_encoding encoding, int level, struct fog_bytes in,
               struct fog_buf *out) FOG_MUST_CHECK;

/* Appends the plain form of at most max bytes. FOG_EFORMAT, FOG_ELIMIT. */
int fog_decode(enum fog_encoding encoding, struct fog_bytes in, size_t max,
               struct fog_buf *out) FOG_MUST_CHECK;

/* A variant is worth publishing when it saves at least 5 % and 64 bytes. */
bool fog_encode_is_worthwhile(uint64_t plain_size, uint64_t coded_size);

#endif
