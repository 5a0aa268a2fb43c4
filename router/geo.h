/*
 * Where an address is (DESIGN 4): the operator's prefix map first (longest match), then the country
 * database (MaxMind DB file, door to libmaxminddb), else unknown, which is a value and not an
 * error. Owns the loaded tables; reads files only in geo_new.
 *
 * Prefix map: text, one "PREFIX COUNTRY [ASN [METRO]]" per line, '#' comments, any case:
 * "203.0.113.0/24 de", "203.0.113.0/24 DE 64500 berlin"; COUNTRY may be "unknown" (then nothing
 * follows).
 */
#ifndef FOG_ROUTER_GEO_H
#define FOG_ROUTER_GEO_H

#include "core/base/err.h"
#include "core/base/types.h"
#include "core/io/addr.h"

#define GEO_PREFIXES_MAX 200000
#define GEO_FILE_MAX     (16 * 1024 * 1024)

#define GEO_SOURCES(X)                                                                             \
    X(GEO_UNKNOWN, "unknown")                                                                      \
    X(GEO_PREFIX_MAP, "prefix-map")                                                                \
    X(GEO_COUNTRY_DB, "country-db")

enum geo_source {
#define X(name, text) name,
    GEO_SOURCES(X)
#undef X
};

struct geo_place {
    enum geo_source source;
    char country[3]; /* lower case, "" unknown */
    uint32_t asn;    /* 0 unknown */
    char metro[32];
    char prefix[FOG_ADDR_TEXT_MAX + 4]; /* the map's prefix that matched, "" otherwise */
};

struct geo;

/* Either file may be NULL. FOG_ECONFIG with a log line (file, line) for a bad prefix map; -ENOENT,
 * FOG_EFORMAT for the database. */
int geo_new(const char *country_db, const char *prefix_map, struct geo **out) FOG_MUST_CHECK;
void geo_free(struct geo **g);

void geo_locate(const struct geo *g, const struct fog_addr *a, struct geo_place *out);

/* The prefix map alone, from memory (fuzzer, tests). *bad_line tells where it stopped. */
int geo_parse_map(struct fog_bytes text, struct geo **out, unsigned *bad_line) FOG_MUST_CHECK;

/* How far a box is: 0 same metro, 1 same network, 2 same country, 3 elsewhere or unknown. */
unsigned geo_distance(const struct geo_place *client, const char *country, uint32_t asn,
                      const char *metro);
const char *geo_distance_name(unsigned distance);
const char *geo_source_name(enum geo_source s);

#endif
