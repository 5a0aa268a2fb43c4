/*
 * What an HLS playlist (RFC 8216) names: parts with their start times, other playlists, keys. Pure
 * text. URIs that are absolute or begin with a slash are refused: through the fog they would leave
 * the session's host (PROTOCOL 4).
 */
#ifndef CLI_HLS_H
#define CLI_HLS_H

#include "core/content/path.h"

enum hls_kind {
    HLS_PLAYLIST, /* a media playlist, named by a master playlist */
    HLS_PART,     /* a segment; start_ms is its time in the playlist */
    HLS_SETUP,    /* init segment or key */
};

/* Calls on_uri with the canonical release path that each URI leads to, seen from the playlist's own
 * path. FOG_EFORMAT for no playlist, FOG_EADDR for an absolute or root-relative URI, FOG_ERANGE for
 * one that leaves the release; *line is the number of the bad line. A negative return of on_uri
 * ends the reading. */
int hls_read(struct fog_bytes text, struct fog_bytes path,
             int (*on_uri)(enum hls_kind kind, struct fog_bytes target, uint64_t start_ms,
                           void *arg),
             void *arg, unsigned *line) FOG_MUST_CHECK;

/* Whether it is a master (multivariant) playlist. */
bool hls_is_master(struct fog_bytes text);

/* The path that a relative URI means, seen from a file of the release. FOG_EADDR, FOG_ERANGE,
 * FOG_EFORMAT, FOG_ELIMIT. */
int hls_resolve(struct fog_bytes uri, struct fog_bytes base, struct fog_path *out) FOG_MUST_CHECK;

#endif
