#include "router/dns.h"

#include "core/base/str.h"
#include "core/content/names.h"

#include <ldns/ldns.h>

/* The question, taken apart: labels below the zone, lower case, nearest the zone last. */
struct question {
    ldns_rr *rr;
    bool in_zone;
    unsigned n; /* labels below the zone, counted up to 3 */
    char labels[3][64];
};

static bool label_at(const ldns_rdf *name, uint8_t i, char out[64])
{
    ldns_rdf *l = ldns_dname_label(name, i);
    size_t len;
    bool ok;

    if (l == NULL)
        return false;
    len = ldns_rdf_data(l)[0];
    ok = len > 0 && len <= 63 && ldns_rdf_size(l) > len;
    if (ok) {
        for (size_t c = 0; c < len; c++) {
            uint8_t b = ldns_rdf_data(l)[1 + c];
            out[c] = (char)(b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b == 0 ? '?' : b);
        }
        out[len] = 0;
    }
    ldns_rdf_deep_free(l);
    return ok;
}

static unsigned count_labels(const char *zone)
{
    unsigned n = 1;

    for (; *zone != 0; zone++)
        n += *zone == '.';
    return n;
}

/* Is the zone the end of the name? Compares label by label. */
static bool ends_with(const ldns_rdf *name, unsigned n, const char *zone, unsigned zone_labels)
{
    char text[256] = "", label[64];

    for (unsigned i = n - zone_labels; i < n; i++) {
        if (!label_at(name, (uint8_t)i, label) || strlen(text) + strlen(label) + 2 > sizeof text)
            return false;
        if (text[0] != 0)
            strncat(text, ".", sizeof text - strlen(text) - 1);
        strncat(text, label, sizeof text - strlen(text) - 1);
    }
    return strcmp(text, zone) == 0;
}

static void read_question(const struct dns_zone *z, ldns_rr *rr, struct question *q)
{
    const ldns_rdf *name = ldns_rr_owner(rr);
    unsigned n = ldns_dname_label_count(name), zone_labels = count_labels(z->zone);

    q->rr = rr;
    if (n < zone_labels || !ends_with(name, n, z->zone, zone_labels))
        return;
    q->in_zone = true;
    q->n = n - zone_labels;
    for (unsigned i = 0; i < q->n && i < 3; i++)
        if (!label_at(name, (uint8_t)i, q->labels[i]))
            q->labels[i][0] = 0;
}

/* --- records --- */

static void push_rdf(ldns_rr *rr, ldns_rdf *rdf)
{
    if (rdf != NULL)
        ldns_rr_push_rdf(rr, rdf);
}

static ldns_rdf *dname(const char *head, const char *zone)
{
    char text[256];

    snprintf(text, sizeof text, "%s%s%s.", head, head[0] == 0 ? "" : ".", zone);
    return ldns_dname_new_frm_str(text);
}

static ldns_rr *rr_new(ldns_rdf *owner, ldns_rr_type type, uint32_t ttl)
{
    ldns_rr *rr = ldns_rr_new();

    ldns_rr_set_owner(rr, owner);
    ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
    ldns_rr_set_type(rr, type);
    ldns_rr_set_ttl(rr, ttl);
    return rr;
}

static ldns_rr *soa(const struct dns_zone *z)
{
    ldns_rr *rr = rr_new(dname("", z->zone), LDNS_RR_TYPE_SOA, DNS_NEG_TTL);

    push_rdf(rr, dname("ns", z->zone));
    push_rdf(rr, dname("hostmaster", z->zone));
    push_rdf(rr, ldns_native2rdf_int32(LDNS_RDF_TYPE_INT32, z->serial));
    push_rdf(rr, ldns_native2rdf_int32(LDNS_RDF_TYPE_PERIOD, 300));
    push_rdf(rr, ldns_native2rdf_int32(LDNS_RDF_TYPE_PERIOD, 60));
    push_rdf(rr, ldns_native2rdf_int32(LDNS_RDF_TYPE_PERIOD, 86400));
    push_rdf(rr, ldns_native2rdf_int32(LDNS_RDF_TYPE_PERIOD, DNS_NEG_TTL));
    return rr;
}

static ldns_rr *address(ldns_rdf *owner, const struct fog_addr *a, uint32_t ttl)
{
    bool v4 = a->u.sa.sa_family == AF_INET;
    ldns_rr *rr = rr_new(owner, v4 ? LDNS_RR_TYPE_A : LDNS_RR_TYPE_AAAA, ttl);
    const void *ip = v4 ? (const void *)&a->u.v4.sin_addr : (const void *)&a->u.v6.sin6_addr;

    push_rdf(rr, ldns_rdf_new_frm_data(v4 ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA, v4 ? 4 : 16, ip));
    return rr;
}

/* The owner as it was asked, case and all (0x20 randomisation is the asker's check). */
static ldns_rdf *asked_name(const struct question *q)
{
    return ldns_rdf_clone(ldns_rr_owner(q->rr));
}

static void no_data(const struct dns_zone *z, ldns_pkt *out, ldns_pkt_rcode rcode)
{
    ldns_pkt_set_rcode(out, (uint8_t)rcode);
    ldns_pkt_push_rr(out, LDNS_SECTION_AUTHORITY, soa(z));
}

static void answer_address(const struct dns_zone *z, const struct question *q, ldns_pkt *out,
                           const struct fog_addr *a, uint32_t ttl)
{
    ldns_rr_type type = ldns_rr_get_type(q->rr);
    ldns_rr_type have = a->u.sa.sa_family == AF_INET    ? LDNS_RR_TYPE_A
                        : a->u.sa.sa_family == AF_INET6 ? LDNS_RR_TYPE_AAAA
                                                        : LDNS_RR_TYPE_NULL;

    if (type == have)
        ldns_pkt_push_rr(out, LDNS_SECTION_ANSWER, address(asked_name(q), a, ttl));
    else
        no_data(z, out, LDNS_RCODE_NOERROR);
}

/* RFC 8482: ANY gets one small record, so that nobody uses us to flood others. */
static void answer_any(const struct question *q, ldns_pkt *out)
{
    ldns_rr *rr = rr_new(asked_name(q), LDNS_RR_TYPE_HINFO, 3600);

    push_rdf(rr, ldns_rdf_new_frm_str(LDNS_RDF_TYPE_STR, "RFC8482"));
    push_rdf(rr, ldns_rdf_new_frm_str(LDNS_RDF_TYPE_STR, ""));
    ldns_pkt_push_rr(out, LDNS_SECTION_ANSWER, rr);
}

static void answer_apex(const struct dns_zone *z, const struct question *q, ldns_pkt *out)
{
    ldns_rr_type type = ldns_rr_get_type(q->rr);
    ldns_rr *rr;

    if (type == LDNS_RR_TYPE_SOA) {
        rr = soa(z);
        ldns_rdf_deep_free(ldns_rr_owner(rr));
        ldns_rr_set_owner(rr, asked_name(q));
        ldns_pkt_push_rr(out, LDNS_SECTION_ANSWER, rr);
    } else if (type == LDNS_RR_TYPE_NS) {
        rr = rr_new(asked_name(q), LDNS_RR_TYPE_NS, 3600);
        push_rdf(rr, dname("ns", z->zone));
        ldns_pkt_push_rr(out, LDNS_SECTION_ANSWER, rr);
        if (z->self.u.sa.sa_family != 0)
            ldns_pkt_push_rr(out, LDNS_SECTION_ADDITIONAL,
                             address(dname("ns", z->zone), &z->self, 3600));
    } else {
        answer_address(z, q, out, &z->self, DNS_SITE_TTL);
    }
}

static void answer_box(const struct dns_zone *z, const struct question *q, ldns_pkt *out)
{
    struct fog_bytes label = fog_bytes_str(q->labels[q->n - 1]);
    struct fog_addr a = {0};

    switch (z->box(z->arg, label, &a)) {
    case DNS_BOX_UNKNOWN:
        no_data(z, out, LDNS_RCODE_NXDOMAIN);
        return;
    case DNS_BOX_DEAD:
        /* NODATA, not NXDOMAIN: the name exists and is back with the box; NXDOMAIN would be kept
         * for everything below it (RFC 8020). */
        no_data(z, out, LDNS_RCODE_NOERROR);
        return;
    case DNS_BOX_LIVE:
        break;
    }
    if (q->n == 1)
        no_data(z, out,
                LDNS_RCODE_NOERROR); /* the box label alone has names below it, and no address */
    else
        answer_address(z, q, out, &a, DNS_BOX_TTL);
}

static void answer_question(const struct dns_zone *z, const struct question *q, ldns_pkt *out)
{
    struct fog_bytes first = fog_bytes_str(q->labels[0]);

    ldns_pkt_set_aa(out, true);
    if (ldns_rr_get_type(q->rr) == LDNS_RR_TYPE_ANY) {
        answer_any(q, out);
    } else if (q->n == 0) {
        answer_apex(z, q, out);
    } else if (q->n == 1 && first.len != FOG_BOX_LABEL_LEN) {
        bool ours = strcmp(q->labels[0], "api") == 0 || strcmp(q->labels[0], "ns") == 0 ||
                    z->has_site(z->arg, first);
        if (ours)
            answer_address(z, q, out, &z->self, DNS_SITE_TTL);
        else
            no_data(z, out, LDNS_RCODE_NXDOMAIN);
    } else if (q->n <= 2) {
        answer_box(z, q, out);
    } else {
        no_data(z, out, LDNS_RCODE_NXDOMAIN);
    }
}

/* --- whole packets --- */

/* Header alone, for what cannot be parsed or is not for us to parse. */
static void bare(struct fog_bytes query, uint8_t rcode, struct fog_buf *out)
{
    uint8_t h[12] = {0};

    h[0] = query.p[0];
    h[1] = query.p[1];
    h[2] = (uint8_t)(0x80 | (query.p[2] & 0x79)); /* QR, opcode and RD as asked */
    h[3] = rcode;
    fog_buf_append(out, h, sizeof h);
}

static void set_edns(ldns_pkt *in, ldns_pkt *out)
{
    if (!ldns_pkt_edns(in))
        return;
    ldns_pkt_set_edns_udp_size(out, DNS_UDP_MAX);
    if (ldns_pkt_edns_version(in) > 0) {
        /* BADVERS is 16: its upper bits live in the OPT record. */
        ldns_pkt_set_edns_extended_rcode(out, 1);
        ldns_pkt_set_rcode(out, LDNS_RCODE_NOERROR);
    }
}

static void fill(const struct dns_zone *z, ldns_pkt *in, ldns_pkt *out)
{
    struct question q = {0};
    ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_question(in), 0);

    ldns_pkt_push_rr(out, LDNS_SECTION_QUESTION, ldns_rr_clone(rr));
    set_edns(in, out);
    if (ldns_pkt_edns(in) && ldns_pkt_edns_version(in) > 0)
        return;
    read_question(z, rr, &q);
    if (!q.in_zone || ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN ||
        ldns_rr_get_type(rr) == LDNS_RR_TYPE_AXFR || ldns_rr_get_type(rr) == LDNS_RR_TYPE_IXFR)
        ldns_pkt_set_rcode(out, LDNS_RCODE_REFUSED);
    else
        answer_question(z, &q, out);
}

/* Without its records, when it does not fit. */
static int write_packet(ldns_pkt *out, size_t max, struct fog_buf *to)
{
    uint8_t *wire = NULL;
    size_t len = 0;

    if (ldns_pkt2wire(&wire, out, &len) != LDNS_STATUS_OK)
        return FOG_EFORMAT;
    if (len > max) {
        LDNS_FREE(wire);
        while (ldns_pkt_ancount(out) > 0) {
            ldns_rr_free(ldns_rr_list_pop_rr(ldns_pkt_answer(out)));
            ldns_pkt_set_ancount(out, (uint16_t)(ldns_pkt_ancount(out) - 1));
        }
        while (ldns_pkt_nscount(out) > 0) {
            ldns_rr_free(ldns_rr_list_pop_rr(ldns_pkt_authority(out)));
            ldns_pkt_set_nscount(out, (uint16_t)(ldns_pkt_nscount(out) - 1));
        }
        while (ldns_pkt_arcount(out) > 0) {
            ldns_rr_free(ldns_rr_list_pop_rr(ldns_pkt_additional(out)));
            ldns_pkt_set_arcount(out, (uint16_t)(ldns_pkt_arcount(out) - 1));
        }
        ldns_pkt_set_tc(out, true);
        if (ldns_pkt2wire(&wire, out, &len) != LDNS_STATUS_OK)
            return FOG_EFORMAT;
    }
    fog_buf_append(to, wire, len);
    LDNS_FREE(wire);
    return 0;
}

int dns_answer(const struct dns_zone *z, struct fog_bytes query, bool tcp, struct fog_buf *out)
{
    ldns_pkt *in = NULL, *reply;
    size_t max;
    int rc;

    if (query.len < 12 || (query.p[2] & 0x80) != 0)
        return FOG_EFORMAT; /* answers are never answered */
    if ((query.p[2] & 0x78) != 0) {
        bare(query, 4, out); /* NOTIMP: only standard queries */
        return 0;
    }
    if (query.p[4] != 0 || query.p[5] != 1 ||
        ldns_wire2pkt(&in, query.p, query.len) != LDNS_STATUS_OK ||
        ldns_rr_list_rr_count(ldns_pkt_question(in)) != 1) {
        if (in != NULL)
            ldns_pkt_free(in);
        bare(query, 1, out); /* FORMERR */
        return 0;
    }
    reply = ldns_pkt_new();
    ldns_pkt_set_id(reply, ldns_pkt_id(in));
    ldns_pkt_set_qr(reply, true);
    ldns_pkt_set_rd(reply, ldns_pkt_rd(in));
    fill(z, in, reply);
    max = ldns_pkt_edns(in) ? ldns_pkt_edns_udp_size(in) : DNS_UDP_PLAIN;
    max = tcp ? 65535 : max < DNS_UDP_PLAIN ? DNS_UDP_PLAIN : max > DNS_UDP_MAX ? DNS_UDP_MAX : max;
    rc = write_packet(reply, max, out);
    ldns_pkt_free(reply);
    ldns_pkt_free(in);
    return rc;
}
