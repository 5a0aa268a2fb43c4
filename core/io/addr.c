#include "core/io/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "core/base/str.h"

int fog_addr_parse_ip(const char *text, uint16_t port, struct fog_addr *out)
{
    struct fog_addr a = {0};

    if (inet_pton(AF_INET, text, &a.u.v4.sin_addr) == 1) {
        a.u.v4.sin_family = AF_INET;
        a.u.v4.sin_port = htons(port);
    } else if (inet_pton(AF_INET6, text, &a.u.v6.sin6_addr) == 1) {
        a.u.v6.sin6_family = AF_INET6;
        a.u.v6.sin6_port = htons(port);
    } else {
        return FOG_EFORMAT;
    }
    *out = a;
    return 0;
}

int fog_addr_parse(const char *text, struct fog_addr *out)
{
    char ip[INET6_ADDRSTRLEN];
    const char *colon = strrchr(text, ':');
    struct fog_bytes host;
    bool bracketed = text[0] == '[';
    uint64_t port;
    struct fog_addr a;

    if (colon == NULL || colon == text)
        return FOG_EFORMAT;
    host = fog_bytes_of(text, (size_t)(colon - text));
    if (bracketed) {
        if (host.len < 3 || host.p[host.len - 1] != ']')
            return FOG_EFORMAT;
        host = fog_bytes_of(text + 1, host.len - 2);
    }
    if (!fog_strcpy(ip, sizeof ip, host) ||
        fog_parse_u64(fog_bytes_str(colon + 1), UINT16_MAX, &port) != 0 ||
        fog_addr_parse_ip(ip, (uint16_t)port, &a) != 0)
        return FOG_EFORMAT;
    /* "::1:443" would be ambiguous: brackets belong to IPv6 and to nothing else. */
    if (bracketed != (a.u.sa.sa_family == AF_INET6))
        return FOG_EFORMAT;
    *out = a;
    return 0;
}

void fog_addr_format_ip(const struct fog_addr *a, char out[FOG_ADDR_TEXT_MAX])
{
    const void *ip = a->u.sa.sa_family == AF_INET6 ? (const void *)&a->u.v6.sin6_addr
                                                   : (const void *)&a->u.v4.sin_addr;

    if ((a->u.sa.sa_family != AF_INET && a->u.sa.sa_family != AF_INET6) ||
        inet_ntop(a->u.sa.sa_family, ip, out, FOG_ADDR_TEXT_MAX) == NULL)
        (void)snprintf(out, FOG_ADDR_TEXT_MAX, "local");
}

void fog_addr_format(const struct fog_addr *a, char out[FOG_ADDR_TEXT_MAX])
{
    char ip[FOG_ADDR_TEXT_MAX];

    fog_addr_format_ip(a, ip);
    (void)snprintf(out, FOG_ADDR_TEXT_MAX,
                   a->u.sa.sa_family == AF_INET6 ? "[%.46s]:%u" : "%.46s:%u", ip,
                   (unsigned)fog_addr_port(a));
}

uint16_t fog_addr_port(const struct fog_addr *a)
{
    return ntohs(a->u.sa.sa_family == AF_INET6 ? a->u.v6.sin6_port : a->u.v4.sin_port);
}

void fog_addr_set_port(struct fog_addr *a, uint16_t port)
{
    if (a->u.sa.sa_family == AF_INET6)
        a->u.v6.sin6_port = htons(port);
    else
        a->u.v4.sin_port = htons(port);
}

socklen_t fog_addr_len(const struct fog_addr *a)
{
    return a->u.sa.sa_family == AF_INET6 ? sizeof a->u.v6 : sizeof a->u.v4;
}

void fog_addr_ip16(const struct fog_addr *a, uint8_t out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (a->u.sa.sa_family == AF_INET6) {
        memcpy(out, &a->u.v6.sin6_addr, 16);
    } else {
        memcpy(out, mapped, 12);
        memcpy(out + 12, &a->u.v4.sin_addr, 4);
    }
}

bool fog_addr_ip_eq(const struct fog_addr *a, const struct fog_addr *b)
{
    uint8_t x[16], y[16];

    fog_addr_ip16(a, x);
    fog_addr_ip16(b, y);
    return memcmp(x, y, sizeof x) == 0;
}

void fog_addr_prefix_text(const struct fog_addr *a, char out[FOG_ADDR_TEXT_MAX])
{
    struct fog_addr cut = *a;
    char ip[FOG_ADDR_TEXT_MAX];
    bool v6 = a->u.sa.sa_family == AF_INET6;

    if (v6)
        memset(cut.u.v6.sin6_addr.s6_addr + 6, 0, 10);
    else
        cut.u.v4.sin_addr.s_addr &= htonl(0xffffff00);
    fog_addr_format_ip(&cut, ip);
    (void)snprintf(out, FOG_ADDR_TEXT_MAX, "%.46s/%d", ip, v6 ? 48 : 24);
}

/* --- the rule for outbound addresses --- */

struct block {
    uint8_t prefix[16];
    unsigned bits;
};

/* RFC 6890 registries: what is not globally reachable, plus multicast and reserved space. Written
 * in the mapped form, so one table serves both families. */
#define V4(a, b, c, d, n)                                                                          \
    {                                                                                              \
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + (n)                           \
    }
static const struct block refused[] = {
    V4(0, 0, 0, 0, 8),      V4(10, 0, 0, 0, 8),     V4(100, 64, 0, 0, 10), V4(127, 0, 0, 0, 8),
    V4(169, 254, 0, 0, 16), V4(172, 16, 0, 0, 12),  V4(192, 0, 0, 0, 24),  V4(192, 0, 2, 0, 24),
    V4(192, 88, 99, 0, 24), V4(192, 168, 0, 0, 16), V4(198, 18, 0, 0, 15), V4(198, 51, 100, 0, 24),
    V4(203, 0, 113, 0, 24), V4(224, 0, 0, 0, 4),    V4(240, 0, 0, 0, 4),
};

/* Everything outside 2000::/3 is refused (loopback, unspecified, unique local, link-local,
 * multicast, the translation prefixes 64:ff9b::/96 and 64:ff9b:1::/48); inside it, what leads to an
 * IPv4 address of somebody's choice or nowhere. */
static const struct block refused_v6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* IETF protocol assignments, Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4 carries any IPv4 address */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation, RFC 9637 */
};
#undef V4

static bool in_block(const uint8_t ip[16], const struct block *b)
{
    unsigned whole = b->bits / 8, rest = b->bits % 8;
    uint8_t mask = (uint8_t)(0xff00u >> rest);

    return memcmp(ip, b->prefix, whole) == 0 &&
           (rest == 0 || (ip[whole] & mask) == (b->prefix[whole] & mask));
}

static bool ip_is_refused(const uint8_t ip[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(ip, mapped, sizeof mapped) == 0) {
        for (size_t i = 0; i < FOG_COUNT(refused); i++)
            if (in_block(ip, &refused[i]))
                return true;
        return false;
    }
    if ((ip[0] & 0xe0) != 0x20)
        return true;
    for (size_t i = 0; i < FOG_COUNT(refused_v6); i++)
        if (in_block(ip, &refused_v6[i]))
            return true;
    return false;
}

static bool port_is_allowed(uint16_t port, const struct fog_addr_policy *policy)
{
    if (port == 443 || port == 80)
        return true;
    for (size_t i = 0; i < FOG_COUNT(policy->extra_ports) && policy->extra_ports[i] != 0; i++)
        if (policy->extra_ports[i] == port)
            return true;
    return false;
}

int fog_addr_check(const struct fog_addr *a, const struct fog_addr_policy *policy)
{
    uint8_t ip[16];

    if (a->u.sa.sa_family != AF_INET && a->u.sa.sa_family != AF_INET6)
        return FOG_EADDR;
    if (policy->allow_any)
        return 0;
    fog_addr_ip16(a, ip);
    if (ip_is_refused(ip) || !port_is_allowed(fog_addr_port(a), policy))
        return FOG_EADDR;
    for (size_t i = 0; i < FOG_COUNT(policy->own) && policy->own[i].u.sa.sa_family != 0; i++)
        if (fog_addr_ip_eq(a, &policy->own[i]))
            return FOG_EADDR;
    return 0;
}
