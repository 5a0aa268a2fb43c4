#include "router/geo.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/obs/log.h"

#include <errno.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>

struct prefix {
    uint8_t ip[16]; /* IPv4 mapped */
    uint8_t bits;   /* of 128 */
    char country[3];
    uint32_t asn;
    char metro[32];
    int32_t parent; /* row that holds this one, -1 */
};

struct geo {
    struct prefix *rows; /* sorted by address, then length: a longer prefix comes after the one that
                            holds it */
    size_t n, cap;
    bool have_db;
    MMDB_s db;
};

static const char *const source_names[] = {
#define X(name, text) [name] = (text),
    GEO_SOURCES(X)
#undef X
};

const char *geo_source_name(enum geo_source s)
{
    return source_names[s];
}

const char *geo_distance_name(unsigned distance)
{
    static const char *const names[] = {"same-metro", "same-network", "same-country", "elsewhere"};

    return names[distance < FOG_COUNT(names) ? distance : FOG_COUNT(names) - 1];
}

unsigned geo_distance(const struct geo_place *client, const char *country, uint32_t asn,
                      const char *metro)
{
    bool same_country = client->country[0] != 0 && strcmp(client->country, country) == 0;
    bool same_network = client->asn != 0 && client->asn == asn;

    if (same_country && client->metro[0] != 0 && strcmp(client->metro, metro) == 0)
        return 0;
    if (same_network)
        return 1;
    return same_country ? 2 : 3;
}

/* --- prefix map --- */

static bool inside(const struct prefix *p, const uint8_t ip[16])
{
    unsigned whole = p->bits / 8, rest = p->bits % 8;

    if (memcmp(p->ip, ip, whole) != 0)
        return false;
    return rest == 0 || ((p->ip[whole] ^ ip[whole]) >> (8 - rest)) == 0;
}

static int by_prefix(const void *a, const void *b)
{
    const struct prefix *x = a, *y = b;
    int c = memcmp(x->ip, y->ip, sizeof x->ip);

    return c != 0 ? c : (int)x->bits - (int)y->bits;
}

/* "203.0.113.0/24", "2001:db8::/32"; bits behind the length must be zero. */
static int parse_prefix(struct fog_bytes text, struct prefix *out)
{
    const uint8_t *slash = memchr(text.p, '/', text.len);
    char ip[FOG_ADDR_TEXT_MAX];
    struct fog_addr a;
    uint64_t bits;
    unsigned most;

    if (slash == NULL ||
        !fog_strcpy(ip, sizeof ip, fog_bytes_of(text.p, (size_t)(slash - text.p))) ||
        fog_addr_parse_ip(ip, 1, &a) != 0)
        return FOG_EFORMAT;
    most = a.u.sa.sa_family == AF_INET ? 32 : 128;
    text = fog_bytes_of(slash + 1, (size_t)(text.p + text.len - slash - 1));
    if (fog_parse_u64(text, most, &bits) != 0)
        return FOG_EFORMAT;
    fog_addr_ip16(&a, out->ip);
    out->bits = (uint8_t)(bits + (128 - most));
    for (unsigned i = out->bits; i < 128; i++)
        if ((out->ip[i / 8] >> (7 - i % 8) & 1) != 0)
            return FOG_EFORMAT;
    return 0;
}

static struct fog_bytes cut(struct fog_bytes *rest, char at)
{
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->p, at, rest->len);
    struct fog_bytes head = *rest;

    if (end != NULL)
        head.len = (size_t)(end - rest->p);
    *rest = end == NULL ? fog_bytes_of(rest->p + rest->len, 0)
                        : fog_bytes_of(end + 1, rest->len - head.len - 1);
    return head;
}

static struct fog_bytes trim(struct fog_bytes t)
{
    while (t.len > 0 && (t.p[0] == ' ' || t.p[0] == '\t'))
        t = fog_bytes_of(t.p + 1, t.len - 1);
    while (t.len > 0 && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t' || t.p[t.len - 1] == '\r'))
        t.len--;
    return t;
}

/* The first word; *rest is what follows it, without the spaces between. */
static struct fog_bytes next_word(struct fog_bytes *rest)
{
    size_t n = 0;
    struct fog_bytes word;

    while (n < rest->len && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    word = fog_bytes_of(rest->p, n);
    *rest = trim(fog_bytes_of(rest->p + n, rest->len - n));
    return word;
}

/* Lower case letters, digits and '-', after lowering; at most size - 1 of them. */
static bool take_word(struct fog_bytes t, char *out, size_t size)
{
    if (t.len == 0 || !fog_strcpy(out, size, t))
        return false;
    for (char *c = out; *c != 0; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '-')
            return false;
    }
    return true;
}

/* "de", "DE 64500", "de as64500 berlin", "unknown". */
static int parse_place(struct fog_bytes text, struct prefix *out)
{
    struct fog_bytes country = next_word(&text), as = next_word(&text), metro = next_word(&text);
    char word[16];
    uint64_t asn;

    if (text.len > 0 || !take_word(country, word, sizeof word))
        return FOG_EFORMAT;
    if (strcmp(word, "unknown") == 0)
        return as.len == 0 ? 0 : FOG_EFORMAT;
    if (strlen(word) != 2 || word[0] < 'a' || word[1] < 'a')
        return FOG_EFORMAT;
    memcpy(out->country, word, sizeof out->country);
    if (as.len > 2 && fog_ascii_ieq(fog_bytes_of(as.p, 2), fog_bytes_str("as")))
        as = fog_bytes_of(as.p + 2, as.len - 2);
    if (as.len > 0) {
        if (fog_parse_u64(as, UINT32_MAX, &asn) != 0)
            return FOG_EFORMAT;
        out->asn = (uint32_t)asn;
    }
    return metro.len == 0 || take_word(metro, out->metro, sizeof out->metro) ? 0 : FOG_EFORMAT;
}

/* 1: a row; 0: nothing on this line. */
static int parse_line(struct fog_bytes line, struct prefix *out)
{
    struct fog_bytes rest = trim(cut(&line, '#'));
    int rc;

    if (rest.len == 0)
        return 0;
    memset(out, 0, sizeof *out);
    if ((rc = parse_prefix(next_word(&rest), out)) != 0 || (rc = parse_place(rest, out)) != 0)
        return rc;
    return 1;
}

/* Sorted rows nest like brackets: a row's parent is the row before it, or one of that row's
 * parents. */
static void link_parents(struct geo *g)
{
    for (size_t i = 0; i < g->n; i++) {
        int32_t p = (int32_t)i - 1;
        while (p >= 0 && !inside(&g->rows[p], g->rows[i].ip))
            p = g->rows[p].parent;
        g->rows[i].parent = p;
    }
}

int geo_parse_map(struct fog_bytes text, struct geo **out, unsigned *bad_line)
{
    struct geo *g = FOG_NEW(geo);
    unsigned line = 0;
    int rc = text.len > GEO_FILE_MAX ? FOG_ELIMIT : 0;

    while (rc == 0 && text.len > 0) {
        struct prefix p;
        line++;
        rc = parse_line(cut(&text, '\n'), &p);
        if (rc <= 0)
            continue;
        rc = 0;
        if (g->n == g->cap) {
            g->cap = g->cap == 0 ? 64 : g->cap * 2;
            g->rows = realloc(g->rows, g->cap * sizeof *g->rows);
            FOG_ASSERT(g->rows != NULL);
        }
        if (g->n == GEO_PREFIXES_MAX)
            rc = FOG_ELIMIT;
        else
            g->rows[g->n++] = p;
    }
    *bad_line = line;
    if (rc != 0) {
        geo_free(&g);
        return rc;
    }
    if (g->n > 0)
        qsort(g->rows, g->n, sizeof *g->rows, by_prefix);
    link_parents(g);
    *out = g;
    return 0;
}

/* The row before or at ip, or the innermost of those around it that holds ip. */
static const struct prefix *longest(const struct geo *g, const uint8_t ip[16])
{
    size_t lo = 0, hi = g->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (memcmp(g->rows[mid].ip, ip, 16) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (int32_t i = (int32_t)lo - 1; i >= 0; i = g->rows[i].parent)
        if (inside(&g->rows[i], ip))
            return &g->rows[i];
    return NULL;
}

/* --- country database --- */

/* Flat schema of ip-location-db ("country_code") or the nested one of GeoLite2 ("country" ->
 * "iso_code"). */
static bool country_of(const struct geo *g, const struct fog_addr *a, char out[3])
{
    MMDB_lookup_result_s hit;
    MMDB_entry_data_s data;
    int err = 0;

    if (!g->have_db)
        return false;
    hit = MMDB_lookup_sockaddr((MMDB_s *)&g->db, &a->u.sa, &err);
    if (err != MMDB_SUCCESS || !hit.found_entry)
        return false;
    if (MMDB_get_value(&hit.entry, &data, "country_code", NULL) != MMDB_SUCCESS || !data.has_data)
        if (MMDB_get_value(&hit.entry, &data, "country", "iso_code", NULL) != MMDB_SUCCESS ||
            !data.has_data)
            return false;
    if (data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2)
        return false;
    for (int i = 0; i < 2; i++) {
        char c = data.utf8_string[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        out[i] = c;
        if (out[i] < 'a' || out[i] > 'z')
            return false;
    }
    out[2] = 0;
    return true;
}

void geo_locate(const struct geo *g, const struct fog_addr *a, struct geo_place *out)
{
    const struct prefix *p;
    struct fog_addr at;
    uint8_t ip[16];

    memset(out, 0, sizeof *out);
    if (g == NULL)
        return;
    fog_addr_ip16(a, ip);
    p = longest(g, ip);
    if (p != NULL) {
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
        bool v4 = p->bits >= 96 && memcmp(p->ip, mapped, 12) == 0;
        char text[FOG_ADDR_TEXT_MAX];
        memset(&at, 0, sizeof at);
        if (v4) {
            at.u.v4.sin_family = AF_INET;
            memcpy(&at.u.v4.sin_addr, p->ip + 12, 4);
        } else {
            at.u.v6.sin6_family = AF_INET6;
            memcpy(&at.u.v6.sin6_addr, p->ip, 16);
        }
        fog_addr_format_ip(&at, text);
        out->source = GEO_PREFIX_MAP;
        memcpy(out->country, p->country, sizeof out->country);
        out->asn = p->asn;
        memcpy(out->metro, p->metro, sizeof out->metro);
        snprintf(out->prefix, sizeof out->prefix, "%s/%u", text, v4 ? p->bits - 96u : p->bits);
        return;
    }
    if (country_of(g, a, out->country))
        out->source = GEO_COUNTRY_DB;
}

static int read_map(const char *path, struct geo **out)
{
    struct fog_buf text = {0};
    unsigned line = 0;
    FILE *f = fopen(path, "rb");
    size_t n;
    int rc;

    if (f == NULL) {
        rc = -errno;
        fog_unusual("geo.prefix_map", "file=%s error=\"%s\"", path, fog_strerror(rc));
        return rc;
    }
    do {
        n = fread(fog_buf_reserve(&text, 65536), 1, 65536, f);
        fog_buf_added(&text, n);
    } while (n > 0 && text.len <= GEO_FILE_MAX);
    fclose(f);
    rc = geo_parse_map(fog_buf_bytes(&text), out, &line);
    fog_buf_fini(&text);
    if (rc != 0) {
        fog_unusual("geo.prefix_map",
                    "file=%s line=%u error=\"%s\": want PREFIX PLACE, as in 203.0.113.0/24 "
                    "de/as64500/berlin",
                    path, line, fog_strerror(rc));
        return FOG_ECONFIG;
    }
    return 0;
}

int geo_new(const char *country_db, const char *prefix_map, struct geo **out)
{
    struct geo *g = NULL;
    int rc;

    if (prefix_map != NULL) {
        if ((rc = read_map(prefix_map, &g)) != 0)
            return rc;
        FOG_ASSERT(g != NULL);
    } else {
        g = FOG_NEW(geo);
    }
    if (country_db != NULL) {
        rc = MMDB_open(country_db, MMDB_MODE_MMAP, &g->db);
        if (rc != MMDB_SUCCESS) {
            fog_unusual("geo.country_db", "file=%s error=\"%s\"", country_db, MMDB_strerror(rc));
            geo_free(&g);
            return rc == MMDB_FILE_OPEN_ERROR ? -ENOENT : FOG_EFORMAT;
        }
        g->have_db = true;
    }
    *out = g;
    return 0;
}

void geo_free(struct geo **gp)
{
    struct geo *g = *gp;

    *gp = NULL;
    if (g == NULL)
        return;
    if (g->have_db)
        MMDB_close(&g->db);
    free(g->rows);
    free(g);
}
