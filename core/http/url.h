/*
 * http and https URLs as callers write them: scheme, host, port, path with query. No user part, no
 * fragment, nothing that would need escaping. Pure functions.
 */
#ifndef FOG_HTTP_URL_H
#define FOG_HTTP_URL_H

#include "core/base/err.h"
#include "core/base/types.h"

#define FOG_URL_HOST_MAX 254

struct fog_url {
    bool tls;
    bool default_port;
    uint16_t port;
    char host[FOG_URL_HOST_MAX]; /* lower case; IPv6 without brackets */
    bool ipv6;
    struct fog_bytes authority; /* as written */
    struct fog_bytes path;      /* from '/', with query; "/" when the URL has none */
};

/* Views point into the text. FOG_EFORMAT. */
int fog_url_parse(const char *text, struct fog_url *out) FOG_MUST_CHECK;

#endif
