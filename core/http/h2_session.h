/*
 * Inside of core/http: what server and client sides of HTTP/2 share around nghttp2: moving bytes
 * between session and connection, DATA frames that are written from the owner's memory, limits
 * against floods.
 */
#ifndef FOG_HTTP_H2_SESSION_H
#define FOG_HTTP_H2_SESSION_H

#include <nghttp2/nghttp2.h>

#include "core/http/server.h"

/* A DATA frame of this payload and its 9-byte header fill one TLS record. */
#define H2_DATA_MAX 16375

/* Writes what the session has to say while the connection has room. 0; FOG_EPROTO when the session
 * is broken. After it, a session that wants neither to read nor to write is over. */
int h2_pump(nghttp2_session *s, struct fog_conn *c) FOG_MUST_CHECK;

/* Feeds received bytes. FOG_EPROTO on a violation after which nothing can be read. */
int h2_feed(nghttp2_session *s, struct fog_bytes in) FOG_MUST_CHECK;

/* Options common to both sides. */
nghttp2_option *h2_options(void);

/* Writes one DATA frame (the callback of NGHTTP2_DATA_FLAG_NO_COPY). Returns 0 or
 * NGHTTP2_ERR_WOULDBLOCK when the connection is full. */
int h2_write_data(struct fog_conn *c, const uint8_t header[9], struct fog_bytes payload);

static inline nghttp2_nv h2_nv(struct fog_bytes name, struct fog_bytes value)
{
    /* The views outlive the frame: they lie in the request's arena, so nghttp2 need not copy. */
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name.p,
                        .value = (uint8_t *)(uintptr_t)value.p,
                        .namelen = name.len,
                        .valuelen = value.len,
                        .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

#endif
