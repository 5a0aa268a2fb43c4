/*
 * Authoritative DNS of the fog's zone (RFC 1035, 2181, 4343, 6891, 8482), door to ldns. Answers
 * SOA, NS, and A/AAAA of the zone, api, ns and site names (this instance) and of box names (their
 * verified address). Never recurses, never answers for another zone. dns_answer is pure; dns_start
 * adds the sockets (UDP and TCP) and the response rate limit.
 */
#ifndef FOG_ROUTER_DNS_H
#define FOG_ROUTER_DNS_H

#include "core/base/buf.h"
#include "core/io/addr.h"

struct dnsd;
struct router;

#define DNS_UDP_PLAIN 512
#define DNS_UDP_MAX   1232 /* what we send in one datagram, whatever EDNS offers */
#define DNS_TCP_MAX   4096 /* a query; answers are small too */
#define DNS_BOX_TTL   30   /* dead boxes go out of names as fast as this */
#define DNS_SITE_TTL  60
#define DNS_NEG_TTL   30

enum dns_box { DNS_BOX_UNKNOWN, DNS_BOX_DEAD, DNS_BOX_LIVE };

struct dns_zone {
    const char *zone; /* lower case, without a dot at the end */
    uint32_t serial;
    struct fog_addr self; /* of this instance: api, ns, sites, the zone itself */
    void *arg;
    /* Is there such a site? Unknown sites get NXDOMAIN. */
    bool (*has_site)(void *arg, struct fog_bytes label);
    enum dns_box (*box)(void *arg, struct fog_bytes label, struct fog_addr *addr);
};

/* Appends the answer to a query; returns 0, or an error when there is nothing to answer (not a
 * query, or nothing that could be one: dropped). max: size the transport takes; longer answers are
 * truncated (TC). */
int dns_answer(const struct dns_zone *z, struct fog_bytes query, bool tcp,
               struct fog_buf *out) FOG_MUST_CHECK;

/* dns_listen of the router's configuration; *out NULL without it. */
int dns_start(struct router *r, struct dnsd **out) FOG_MUST_CHECK;
void dns_stop(struct dnsd **d);
/* The UDP port in use (tests bind port 0). */
uint16_t dns_port(const struct dnsd *d);

#endif
