/*
 * Paths of a release (PROTOCOL 2). Canonical form: decoded segments joined by '/', no leading or
 * trailing slash, no empty segment, no "." or "..", no control characters, at most FOG_PATH_MAX
 * bytes. Bytes above 0x7f are kept as they are. The empty path is the site's root (a folder, never
 * an entry).
 */
#ifndef FOG_CONTENT_PATH_H
#define FOG_CONTENT_PATH_H

#include "core/base/buf.h"
#include "core/base/err.h"

#define FOG_PATH_MAX 1024

struct fog_path {
    char text[FOG_PATH_MAX + 1]; /* canonical, NUL-terminated */
    size_t len;
    unsigned depth; /* number of segments */
    bool dir;       /* the URL ended with '/' (always true for the root) */
};

/* From the raw path of a URL ("/a%20b/c", begins with '/', no query). An encoded slash or NUL, an
 * empty segment, "." or ".." in any spelling: FOG_EFORMAT. Too long: FOG_ELIMIT. */
int fog_path_from_url(struct fog_bytes raw, struct fog_path *out) FOG_MUST_CHECK;

/* Whether bytes are a canonical non-empty path. 0, FOG_EFORMAT, FOG_ELIMIT. */
int fog_path_check(struct fog_bytes path) FOG_MUST_CHECK;

/* Appends the path percent-encoded for a URL (RFC 3986 pchar stays, '/' stays), without a leading
 * slash. */
void fog_path_to_url(struct fog_bytes path, struct fog_buf *out);

/* Scope of a grant: SHA-256 over the first `depth` segments of a canonical path, each u16 length ‖
 * bytes. FOG_ERANGE when the path has fewer. Depth 0 covers the whole site. */
int fog_path_scope(struct fog_bytes path, unsigned depth, struct fog_hash *out) FOG_MUST_CHECK;

#endif
