/*
 * What kind of thing an object is and what follows from it: where it may be served from (PROTOCOL
 * 3), how long caches keep it, which of the publisher's own header fields go out. Pure.
 */
#ifndef FOG_EDGE_BOX_RULES_H
#define FOG_EDGE_BOX_RULES_H

#include "core/base/types.h"

#define EDGE_SMALL_BYTES 65536 /* at most this stays on the site's own name */

enum edge_class {
    EDGE_CLASS_DOCUMENT, /* HTML, XHTML, XML, SVG: what a browser may run */
    EDGE_CLASS_SCRIPT,   /* JavaScript, WebAssembly */
    EDGE_CLASS_STYLE,
    EDGE_CLASS_FONT,
    EDGE_CLASS_PLAYLIST, /* HLS, DASH */
    EDGE_CLASS_SEGMENT,  /* video and audio */
    EDGE_CLASS_DATA,     /* JSON and plain text */
    EDGE_CLASS_OTHER,    /* images, downloads */
};

enum edge_class edge_class_of(const char *media_type);

/* Documents, scripts, styles, fonts, playlists and anything small: never redirected to a box, and a
 * box sends the viewer back to the site's own name. Under a grant a box serves segments of any
 * size: the viewer was sent there, and a redirect would cost more than the bytes. */
bool edge_stays_on_site(enum edge_class c, uint64_t size, bool has_grant);

/* What a browser could run in the box's origin: sent with `content-security-policy: sandbox`. */
bool edge_is_active(enum edge_class c);

/* The default cache-control for a file of a release. Names that carry a hash of their content
 * ("app.3f9a1c2b.js") never change; pages and what belongs to them must match each other and are
 * asked for each time (answered 304); the rest may be an hour old. */
const char *edge_cache_control(enum edge_class c, struct fog_bytes path);

/* Whether a header field that the publisher set on a path is sent. Not: what framing, negotiation
 * and CORS own, connection fields, and what would reach beyond the site (cookies, HSTS, service
 * worker scope, clear-site-data, alt-svc, reporting endpoints). On box names only what says
 * something about the bytes: content-disposition, content-language, cache-control, link,
 * last-modified, x-robots-tag. */
bool edge_header_is_allowed(struct fog_bytes name, bool box_name);

#endif
