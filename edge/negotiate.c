#include "edge/negotiate.h"

#include <string.h>

#include "core/base/str.h"

/* --- lists --- */

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct fog_bytes trim(struct fog_bytes s)
{
    while (s.len > 0 && is_space(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.p[s.len - 1]))
        s.len--;
    return s;
}

/* Takes the text up to the next `sep` off *left, trimmed. */
static struct fog_bytes take_until(struct fog_bytes *left, uint8_t sep)
{
    const uint8_t *at = left->len > 0 ? memchr(left->p, sep, left->len) : NULL;
    size_t n = at == NULL ? left->len : (size_t)(at - left->p);
    struct fog_bytes item = trim(fog_bytes_of(left->p, n));

    *left = at == NULL ? fog_bytes_of(left->p + n, 0) : fog_bytes_of(at + 1, left->len - n - 1);
    return item;
}

/* --- Accept-Encoding --- */

/* "0.5" -> 500; -1 when it is no weight (RFC 9110 12.4.2: at most three digits, at most 1). */
static int parse_weight(struct fog_bytes s)
{
    int q, unit = 100;

    if (s.len == 0 || s.len > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.len > 1 && s.p[1] != '.'))
        return -1;
    q = (s.p[0] - '0') * 1000;
    for (size_t i = 2; i < s.len; i++, unit /= 10) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -1;
        q += (s.p[i] - '0') * unit;
    }
    return q <= 1000 ? q : -1;
}

/* One "coding;q=weight"; returns the weight, -1 when malformed. */
static int parse_coding(struct fog_bytes item, struct fog_bytes *name)
{
    struct fog_bytes param;
    int q = 1000;

    *name = take_until(&item, ';');
    while (item.len > 0) {
        param = take_until(&item, ';');
        if (param.len >= 2 && (param.p[0] | 0x20) == 'q' && param.p[1] == '=')
            q = parse_weight(fog_bytes_of(param.p + 2, param.len - 2));
    }
    return q;
}

void edge_accept_parse(struct fog_bytes accept_encoding, struct edge_accept *out)
{
    struct fog_bytes left = accept_encoding, name;
    bool named[FOG_ENCODINGS] = {false};
    int star = -1;

    /* identity is acceptable unless it is excluded; a low weight so that any named coding wins */
    *out = (struct edge_accept){.q = {[FOG_IDENTITY] = 1}};
    while (left.len > 0) {
        struct fog_bytes item = take_until(&left, ',');
        int q = parse_coding(item, &name);

        if (q < 0 || name.len == 0)
            continue;
        if (fog_bytes_eq(name, fog_bytes_str("*")))
            star = q;
        if (fog_ascii_ieq(name, fog_bytes_str("x-gzip")))
            name = fog_bytes_str("gzip");
        for (unsigned e = 0; e < FOG_ENCODINGS; e++) {
            if (fog_ascii_ieq(name, fog_bytes_str(fog_encoding_name(e)))) {
                out->q[e] = (uint16_t)q;
                named[e] = true;
            }
        }
    }
    for (unsigned e = 0; e < FOG_ENCODINGS && star >= 0; e++) {
        if (!named[e])
            out->q[e] = (uint16_t)star;
    }
}

enum fog_encoding edge_accept_pick(const struct edge_accept *a, unsigned exists,
                                   const uint64_t sizes[FOG_ENCODINGS])
{
    unsigned best = FOG_IDENTITY;

    for (unsigned e = 0; e < FOG_ENCODINGS; e++) {
        if ((exists & 1u << e) == 0 || a->q[e] == 0)
            continue;
        if (a->q[e] > a->q[best] || (a->q[e] == a->q[best] && sizes[e] < sizes[best]))
            best = e;
    }
    return (enum fog_encoding)best;
}

/* --- Range --- */

enum edge_range edge_range_parse(struct fog_bytes range, uint64_t size, uint64_t *first,
                                 uint64_t *last)
{
    struct fog_bytes left = trim(range), unit, from;
    uint64_t a, b = UINT64_MAX;

    if (left.len == 0)
        return EDGE_RANGE_NONE;
    unit = take_until(&left, '=');
    left = trim(left);
    if (!fog_ascii_ieq(unit, fog_bytes_str("bytes")) || left.len == 0 ||
        memchr(left.p, '-', left.len) == NULL)
        return EDGE_RANGE_NONE;
    from = take_until(&left, '-');
    if (from.len == 0) { /* the last b bytes */
        if (fog_parse_u64(left, UINT64_MAX, &b) != 0)
            return EDGE_RANGE_NONE;
        if (b == 0 || size == 0)
            return EDGE_RANGE_UNSAT;
        *first = b >= size ? 0 : size - b;
        *last = size - 1;
        return EDGE_RANGE_PART;
    }
    if (fog_parse_u64(from, UINT64_MAX, &a) != 0)
        return EDGE_RANGE_NONE;
    left = trim(left);
    if (left.len > 0 && (fog_parse_u64(left, UINT64_MAX, &b) != 0 || b < a))
        return EDGE_RANGE_NONE;
    if (a >= size)
        return EDGE_RANGE_UNSAT;
    *first = a;
    *last = b >= size ? size - 1 : b;
    return EDGE_RANGE_PART;
}

/* --- dates --- */

static int month_of(const uint8_t *p)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (size_t m = 0; m < 12; m++) {
        if (memcmp(p, &names[m * 3], 3) == 0)
            return (int)m + 1;
    }
    return 0;
}

/* Digits at p (a leading space counts as 0 in asctime's day); -1 when they are none. */
static int digits(const uint8_t *p, int n)
{
    int v = 0;

    for (int i = 0; i < n; i++) {
        if (p[i] == ' ' && i == 0 && n == 2)
            continue;
        if (p[i] < '0' || p[i] > '9')
            return -1;
        v = v * 10 + (p[i] - '0');
    }
    return v;
}

/* Days since 1970-01-01 of a Gregorian date. */
static int64_t days_of(int y, int m, int d)
{
    int64_t year = m <= 2 ? y - 1 : y;
    int64_t era = year / 400, yoe = year % 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int edge_date_parse(struct fog_bytes text, int64_t *unix_s)
{
    static const char gmt[] = " GMT";
    struct fog_bytes s = trim(text);
    const uint8_t *comma = s.len > 0 ? memchr(s.p, ',', s.len) : NULL;
    const uint8_t *clock;
    int y, m, d, hh, mm, ss;

    if (s.len == 29 && comma == s.p + 3 && memcmp(s.p + 25, gmt, 4) == 0) {
        d = digits(s.p + 5, 2); /* Sun, 06 Nov 1994 08:49:37 GMT */
        m = month_of(s.p + 8);
        y = digits(s.p + 12, 4);
        clock = s.p + 17;
    } else if (comma != NULL && s.p + s.len - comma == 24 && memcmp(comma + 20, gmt, 4) == 0) {
        d = digits(comma + 2, 2); /* Sunday, 06-Nov-94 08:49:37 GMT */
        m = month_of(comma + 5);
        y = digits(comma + 9, 2);
        y += y < 70 ? 2000 : 1900;
        clock = comma + 12;
    } else if (s.len == 24 && comma == NULL) {
        m = month_of(s.p + 4); /* Sun Nov  6 08:49:37 1994 */
        d = digits(s.p + 8, 2);
        y = digits(s.p + 20, 4);
        clock = s.p + 11;
    } else {
        return FOG_EFORMAT;
    }
    hh = digits(clock, 2);
    mm = digits(clock + 3, 2);
    ss = digits(clock + 6, 2);
    if (y < 1900 || m == 0 || d < 1 || d > 31 || hh < 0 || hh > 23 || mm < 0 || mm > 59 || ss < 0 ||
        ss > 60 || clock[2] != ':' || clock[5] != ':')
        return FOG_EFORMAT;
    *unix_s = days_of(y, m, d) * 86400 + (int64_t)hh * 3600 + (int64_t)mm * 60 + ss;
    return 0;
}

/* --- conditions --- */

/* Whether a list of entity tags ("*" or "a", W/"b", ...) holds `etag` (strong, with quotes).
 * `weak`: W/ does not matter (If-None-Match). */
static bool list_has_etag(struct fog_bytes list, struct fog_bytes etag, bool weak)
{
    struct fog_bytes s = trim(list);

    if (fog_bytes_eq(s, fog_bytes_str("*")))
        return true;
    while (s.len > 0) {
        bool is_weak = s.len > 2 && s.p[0] == 'W' && s.p[1] == '/';
        const uint8_t *end;
        size_t n;

        if (is_weak)
            s = fog_bytes_of(s.p + 2, s.len - 2);
        if (s.len < 2 || s.p[0] != '"' || (end = memchr(s.p + 1, '"', s.len - 1)) == NULL)
            return false; /* malformed from here on */
        n = (size_t)(end - s.p) + 1;
        if ((weak || !is_weak) && fog_bytes_eq(fog_bytes_of(s.p, n), etag))
            return true;
        s = fog_bytes_of(s.p + n, s.len - n);
        while (s.len > 0 && (is_space(s.p[0]) || s.p[0] == ','))
            s = fog_bytes_of(s.p + 1, s.len - 1);
    }
    return false;
}

enum edge_condition_result edge_conditions_check(const struct edge_conditions *c,
                                                 struct fog_bytes etag, int64_t modified_s)
{
    int64_t t;

    if (c->if_match.p != NULL) {
        if (!list_has_etag(c->if_match, etag, false))
            return EDGE_COND_FAILED;
    } else if (c->if_unmodified_since.p != NULL && modified_s >= 0 &&
               edge_date_parse(c->if_unmodified_since, &t) == 0 && modified_s > t) {
        return EDGE_COND_FAILED;
    }
    if (c->if_none_match.p != NULL)
        return list_has_etag(c->if_none_match, etag, true) ? EDGE_COND_NOT_MODIFIED : EDGE_COND_GO;
    if (c->if_modified_since.p != NULL && modified_s >= 0 &&
        edge_date_parse(c->if_modified_since, &t) == 0 && modified_s <= t)
        return EDGE_COND_NOT_MODIFIED;
    return EDGE_COND_GO;
}

bool edge_if_range_holds(struct fog_bytes if_range, struct fog_bytes etag, int64_t modified_s)
{
    struct fog_bytes s = trim(if_range);
    int64_t t;

    if (if_range.p == NULL)
        return true;
    if (s.len > 0 && s.p[0] == '"')
        return fog_bytes_eq(s, etag);
    return modified_s >= 0 && edge_date_parse(s, &t) == 0 && t == modified_s;
}
