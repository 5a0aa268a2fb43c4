#include "core/http/url.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/base/str.h"

static int parse_scheme(struct fog_bytes *rest, bool *tls)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < FOG_COUNT(schemes); i++) {
        size_t n = strlen(schemes[i]);

        if (rest->len > n && fog_ascii_ieq(fog_bytes_of(rest->p, n), fog_bytes_of(schemes[i], n))) {
            *tls = i == 1;
            *rest = fog_bytes_of(rest->p + n, rest->len - n);
            return 0;
        }
    }
    return FOG_EFORMAT;
}

static bool host_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static int set_host(struct fog_bytes host, struct fog_url *out)
{
    struct in6_addr ip;

    out->ipv6 = host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']';
    if (out->ipv6)
        host = fog_bytes_of(host.p + 1, host.len - 2);
    if (host.len == 0 || !fog_strcpy(out->host, sizeof out->host, host))
        return FOG_EFORMAT;
    for (char *c = out->host; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 32);
    if (out->ipv6)
        return inet_pton(AF_INET6, out->host, &ip) == 1 ? 0 : FOG_EFORMAT;
    for (const char *c = out->host; *c != '\0'; c++)
        if (!host_char((uint8_t)*c))
            return FOG_EFORMAT;
    return 0;
}

static int set_authority(struct fog_bytes a, struct fog_url *out)
{
    const uint8_t *bracket = memchr(a.p, ']', a.len);
    size_t from = bracket == NULL ? 0 : (size_t)(bracket - a.p);
    const uint8_t *colon = memchr(a.p + from, ':', a.len - from);
    size_t host_len = colon == NULL ? a.len : (size_t)(colon - a.p);
    uint64_t port = out->tls ? 443 : 80;

    if (colon != NULL &&
        (fog_parse_u64(fog_bytes_of(colon + 1, a.len - host_len - 1), 65535, &port) != 0 ||
         port == 0))
        return FOG_EFORMAT;
    out->port = (uint16_t)port;
    out->default_port = port == (out->tls ? 443 : 80);
    return set_host(fog_bytes_of(a.p, host_len), out);
}

int fog_url_parse(const char *text, struct fog_url *out)
{
    struct fog_bytes rest = fog_bytes_str(text), authority;
    struct fog_url u = {0};
    const uint8_t *end;
    int rc;

    for (size_t i = 0; i < rest.len; i++)
        if (rest.p[i] <= 0x20 || rest.p[i] >= 0x7f || rest.p[i] == '#')
            return FOG_EFORMAT;
    if ((rc = parse_scheme(&rest, &u.tls)) != 0)
        return rc;
    end = memchr(rest.p, '/', rest.len);
    if (end == NULL && memchr(rest.p, '?', rest.len) != NULL)
        return FOG_EFORMAT; /* "http://host?x" would need a '/' put in */
    authority = fog_bytes_of(rest.p, end == NULL ? rest.len : (size_t)(end - rest.p));
    if (authority.len == 0 || (rc = set_authority(authority, &u)) != 0)
        return FOG_EFORMAT;
    u.authority = authority;
    u.path = end == NULL ? fog_bytes_str("/") : fog_bytes_of(end, rest.len - authority.len);
    *out = u;
    return 0;
}
