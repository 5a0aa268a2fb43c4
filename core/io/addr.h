/*
 * Socket addresses and the rule for outbound addresses of PROTOCOL 4: what others name may not lead
 * into loopback, private, link-local or multicast networks. Pure functions; no I/O, no name
 * resolution.
 */
#ifndef FOG_IO_ADDR_H
#define FOG_IO_ADDR_H

#include "core/base/err.h"
#include "core/base/types.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct fog_addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } u;
};

#define FOG_ADDR_TEXT_MAX 56

/* "192.0.2.1:443", "[2001:db8::1]:443". The port is mandatory. FOG_EFORMAT. */
int fog_addr_parse(const char *text, struct fog_addr *out) FOG_MUST_CHECK;

/* "192.0.2.1" or "2001:db8::1" with the given port. */
int fog_addr_parse_ip(const char *text, uint16_t port, struct fog_addr *out) FOG_MUST_CHECK;

void fog_addr_format(const struct fog_addr *a, char out[FOG_ADDR_TEXT_MAX]);    /* with port */
void fog_addr_format_ip(const struct fog_addr *a, char out[FOG_ADDR_TEXT_MAX]); /* without */
uint16_t fog_addr_port(const struct fog_addr *a);
void fog_addr_set_port(struct fog_addr *a, uint16_t port);
socklen_t fog_addr_len(const struct fog_addr *a);
bool fog_addr_ip_eq(const struct fog_addr *a, const struct fog_addr *b);

/* The IP as 16 bytes, IPv4 mapped (::ffff:a.b.c.d). */
void fog_addr_ip16(const struct fog_addr *a, uint8_t out[16]);

/* /24 (IPv4) or /48 (IPv6) with the rest zeroed, for logs and statistics: never the full client
 * address. */
void fog_addr_prefix_text(const struct fog_addr *a, char out[FOG_ADDR_TEXT_MAX]);

/* What may be connected to. `allow_any` is the one development flag that lifts the rule. */
struct fog_addr_policy {
    bool allow_any;
    uint16_t extra_ports[8]; /* beside 80 and 443; zero ends the list */
    struct fog_addr own[8];  /* own addresses, never dialled; family 0 ends the list */
};

/* 0 or FOG_EADDR. Checked on the connected IP after resolution, again after each redirect. */
int fog_addr_check(const struct fog_addr *a, const struct fog_addr_policy *policy) FOG_MUST_CHECK;

#endif
