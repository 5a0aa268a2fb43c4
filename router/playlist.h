/*
 * Playlists that would lead a session's viewers away from it: HLS (RFC 8216) and DASH documents may
 * only name relative URIs (PROTOCOL 4), because an absolute or root-relative one loses the
 * `/~s/<sid>/` in front. Pure; finds, does not rewrite.
 */
#ifndef FOG_ROUTER_PLAYLIST_H
#define FOG_ROUTER_PLAYLIST_H

#include "core/base/err.h"
#include "core/base/types.h"

#define PLAYLIST_MAX (1024 * 1024)

struct playlist_fault {
    unsigned line; /* from 1 */
    char uri[80];  /* its beginning */
};

/* 0, or FOG_EDENIED with the first URI that is absolute, root-relative or has a scheme; FOG_ELIMIT
 * when it is too large. Media types as in core/content/media.h; anything that is neither HLS nor
 * DASH passes. */
int playlist_check(const char *media_type, struct fog_bytes text,
                   struct playlist_fault *fault) FOG_MUST_CHECK;

#endif
