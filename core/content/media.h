/*
 * Media types by file name, one table (media.tbl). The table wins over what tools guess: several
 * call .ts a translation file and .m3u8 text.
 */
#ifndef FOG_CONTENT_MEDIA_H
#define FOG_CONTENT_MEDIA_H

#include "core/base/types.h"

/* By the last extension, in any case; "application/octet-stream" when unknown. Static storage. */
const char *fog_media_type(struct fog_bytes path);

/* Text and the like: worth trying to compress. */
bool fog_media_is_compressible(const char *media_type);

/* Playlists of HLS and DASH. */
bool fog_media_is_playlist(const char *media_type);

/* Parts of a stream: what viewers fetch in sequence (video, audio, init segments). */
bool fog_media_is_segment(const char *media_type);

#endif
