#include "core/http/fields.h"

#include <stdio.h>

#include "core/base/str.h"

/* --- lists --- */

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct fog_bytes trim(struct fog_bytes v)
{
    while (v.len > 0 && is_space(v.p[0]))
        v = fog_bytes_of(v.p + 1, v.len - 1);
    while (v.len > 0 && is_space(v.p[v.len - 1]))
        v.len--;
    return v;
}

/* Bytes up to the separator, which may not count inside a quoted string. */
static size_t span(struct fog_bytes v, uint8_t separator)
{
    bool quoted = false;

    for (size_t i = 0; i < v.len; i++) {
        if (quoted && v.p[i] == '\\' && i + 1 < v.len)
            i++;
        else if (v.p[i] == '"')
            quoted = !quoted;
        else if (!quoted && v.p[i] == separator)
            return i;
    }
    return v.len;
}

static struct fog_bytes split(struct fog_bytes *v, uint8_t separator)
{
    size_t n = span(*v, separator);
    struct fog_bytes first = trim(fog_bytes_of(v->p, n));

    if (n < v->len)
        n++;
    *v = fog_bytes_of(v->p + n, v->len - n);
    return first;
}

bool fog_http_list_next(struct fog_bytes *list, struct fog_bytes *item)
{
    while (list->len > 0) {
        *item = split(list, ',');
        if (item->len > 0)
            return true;
    }
    return false;
}

bool fog_http_list_has(struct fog_bytes list, const char *token)
{
    struct fog_bytes want = fog_bytes_str(token), item;

    while (fog_http_list_next(&list, &item))
        if (fog_ascii_ieq(item, want))
            return true;
    return false;
}

/* --- entity tags --- */

static struct fog_bytes opaque_tag(struct fog_bytes tag, bool *weak)
{
    *weak = tag.len >= 2 && tag.p[0] == 'W' && tag.p[1] == '/';
    return *weak ? fog_bytes_of(tag.p + 2, tag.len - 2) : tag;
}

bool fog_http_etag_matches(struct fog_bytes list, struct fog_bytes etag, bool strong)
{
    struct fog_bytes item, ours, theirs;
    bool our_weak, their_weak;

    ours = opaque_tag(etag, &our_weak);
    if (fog_bytes_eq(trim(list), fog_bytes_str("*")))
        return true;
    if (ours.len < 2 || ours.p[0] != '"')
        return false;
    while (fog_http_list_next(&list, &item)) {
        theirs = opaque_tag(item, &their_weak);
        if (fog_bytes_eq(theirs, ours) && !(strong && (our_weak || their_weak)))
            return true;
    }
    return false;
}

/* --- dates --- */

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct civil {
    int64_t year;
    unsigned month; /* 1..12 */
    unsigned day;
    unsigned hour, minute, second;
};

/* Days since 1970-01-01 of a proleptic Gregorian date; March-based years put the leap day last. */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
    int64_t era, doe;
    unsigned yoe, doy;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = (unsigned)(y - era * 400);
    doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t z, struct civil *out)
{
    int64_t era, doe, yoe;
    unsigned doy, mp;

    z += 719468;
    era = (z >= 0 ? z : z - 146096) / 146097;
    doe = z - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = (unsigned)(doe - (365 * yoe + yoe / 4 - yoe / 100));
    mp = (5 * doy + 2) / 153;
    out->day = doy - (153 * mp + 2) / 5 + 1;
    out->month = mp < 10 ? mp + 3 : mp - 9;
    out->year = yoe + era * 400 + (out->month <= 2);
}

#define YEAR_9999_S 253402300799

void fog_http_date_format(int64_t unix_s, char out[FOG_HTTP_DATE_MAX])
{
    struct civil c;
    int64_t day, s;

    if (unix_s < 0)
        unix_s = 0;
    if (unix_s > YEAR_9999_S)
        unix_s = YEAR_9999_S;
    day = unix_s / 86400;
    s = unix_s % 86400;
    civil_from_days(day, &c);
    (void)snprintf(out, FOG_HTTP_DATE_MAX, "%s, %02u %s %04u %02u:%02u:%02u GMT",
                   days[(day + 4) % 7], c.day, months[c.month - 1], (unsigned)c.year % 10000,
                   (unsigned)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
}

/* A cursor over fixed text; any mismatch sticks. */
struct date_rd {
    struct fog_bytes in;
    bool bad;
};

static void want(struct date_rd *r, const char *text)
{
    size_t n = strlen(text);

    if (r->bad || r->in.len < n || memcmp(r->in.p, text, n) != 0) {
        r->bad = true;
        return;
    }
    r->in = fog_bytes_of(r->in.p + n, r->in.len - n);
}

/* Exactly n digits; a leading space counts as zero where asctime pads with one. */
static unsigned digits(struct date_rd *r, size_t n, bool padded)
{
    unsigned v = 0;

    if (r->bad || r->in.len < n) {
        r->bad = true;
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t c = r->in.p[i];

        if (padded && i == 0 && c == ' ')
            c = '0';
        if (c < '0' || c > '9')
            r->bad = true;
        v = v * 10 + (unsigned)(c - '0');
    }
    r->in = fog_bytes_of(r->in.p + n, r->in.len - n);
    return v;
}

static unsigned month(struct date_rd *r)
{
    for (unsigned i = 0; i < 12 && !r->bad && r->in.len >= 3; i++) {
        if (memcmp(r->in.p, months[i], 3) == 0) {
            want(r, months[i]);
            return i + 1;
        }
    }
    r->bad = true;
    return 1;
}

static void clock_time(struct date_rd *r, struct civil *c)
{
    c->hour = digits(r, 2, false);
    want(r, ":");
    c->minute = digits(r, 2, false);
    want(r, ":");
    c->second = digits(r, 2, false);
}

static unsigned month_days(int64_t year, unsigned m)
{
    static const uint8_t n[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return n[m - 1] + (m == 2 && leap ? 1u : 0u);
}

/* "06 Nov 1994" or, in RFC 850's form, "06-Nov-94". */
static void day_month_year(struct date_rd *r, struct civil *c, const char *gap, size_t year_digits)
{
    c->day = digits(r, 2, false);
    want(r, gap);
    c->month = month(r);
    want(r, gap);
    c->year = digits(r, year_digits, false);
    if (year_digits == 2)
        c->year += c->year < 70 ? 2000 : 1900;
}

int fog_http_date_parse(struct fog_bytes text, int64_t *unix_s)
{
    const uint8_t *comma = memchr(text.p == NULL ? (const uint8_t *)"" : text.p, ',', text.len);
    struct date_rd r = {.in = text};
    struct civil c = {0};

    if (comma == NULL) { /* asctime: "Sun Nov  6 08:49:37 1994" */
        if (text.len < 4)
            return FOG_EFORMAT;
        r.in = fog_bytes_of(text.p + 3, text.len - 3);
        want(&r, " ");
        c.month = month(&r);
        want(&r, " ");
        c.day = digits(&r, 2, true);
        want(&r, " ");
        clock_time(&r, &c);
        want(&r, " ");
        c.year = digits(&r, 4, false);
    } else {
        bool imf = comma - text.p == 3; /* a short name of the day; RFC 850 spells it out */

        r.in = fog_bytes_of(comma, text.len - (size_t)(comma - text.p));
        want(&r, ", ");
        day_month_year(&r, &c, imf ? " " : "-", imf ? 4 : 2);
        want(&r, " ");
        clock_time(&r, &c);
        want(&r, " GMT");
    }
    if (r.bad || r.in.len != 0 || c.day == 0 || c.day > month_days(c.year, c.month) ||
        c.hour > 23 || c.minute > 59 || c.second > 60)
        return FOG_EFORMAT;
    *unix_s =
        days_from_civil(c.year, c.month, c.day) * 86400 + c.hour * 3600 + c.minute * 60 + c.second;
    return 0;
}

/* --- content coding --- */

/* qvalue in thousandths, RFC 9110 12.4.2; -1 when malformed. */
static int parse_weight(struct fog_bytes v)
{
    int q, scale = 100;

    if (v.len == 0 || v.len > 5 || (v.p[0] != '0' && v.p[0] != '1') || (v.len > 1 && v.p[1] != '.'))
        return -1;
    q = (v.p[0] - '0') * 1000;
    for (size_t i = 2; i < v.len; i++, scale /= 10) {
        if (v.p[i] < '0' || v.p[i] > '9')
            return -1;
        q += (v.p[i] - '0') * scale;
    }
    return q > 1000 ? -1 : q;
}

/* "gzip;q=0.5" to its name and weight. */
static int item_weight(struct fog_bytes item, struct fog_bytes *name)
{
    struct fog_bytes param;
    int q = 1000;

    *name = split(&item, ';');
    while (item.len > 0) {
        param = split(&item, ';');
        if (param.len >= 2 && (param.p[0] == 'q' || param.p[0] == 'Q') && param.p[1] == '=')
            q = parse_weight(fog_bytes_of(param.p + 2, param.len - 2));
    }
    return q;
}

/* The weight of one coding in the whole value; "*" speaks for what is not named. */
static int coding_weight(struct fog_bytes accept, const char *coding)
{
    struct fog_bytes want_name = fog_bytes_str(coding), item, name;
    int any = -1;

    while (fog_http_list_next(&accept, &item)) {
        int q = item_weight(item, &name);

        if (q >= 0 && fog_ascii_ieq(name, want_name))
            return q;
        if (q >= 0 && fog_bytes_eq(name, fog_bytes_str("*")))
            any = q;
    }
    return any;
}

int fog_http_pick_coding(struct fog_bytes accept, const char *const *codings, size_t n)
{
    int best = -1, best_q = 0;
    int identity_q = coding_weight(accept, "identity");

    for (size_t i = 0; i < n; i++) {
        int q = coding_weight(accept, codings[i]);

        if (q > best_q) {
            best = (int)i;
            best_q = q;
        }
    }
    /* "identity;q=1, gzip;q=0.5": the client likes the plain form better. */
    return best >= 0 && identity_q > best_q ? -1 : best;
}

/* --- structured fields --- */

void fog_http_sf_string(struct fog_buf *b, struct fog_bytes text)
{
    fog_buf_append(b, "\"", 1);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];

        if (c == '"' || c == '\\')
            fog_buf_append(b, "\\", 1);
        else if (c < 0x20 || c > 0x7e)
            c = '?';
        fog_buf_append(b, &c, 1);
    }
    fog_buf_append(b, "\"", 1);
}

void fog_http_sf_integer(struct fog_buf *b, int64_t v)
{
    const int64_t most = 999999999999999;

    if (v > most)
        v = most;
    if (v < -most)
        v = -most;
    fog_buf_printf(b, "%lld", (long long)v);
}

void fog_http_sf_bytes(struct fog_buf *b, struct fog_bytes v)
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    fog_buf_append(b, ":", 1);
    for (size_t i = 0; i < v.len; i += 3) {
        size_t left = v.len - i;
        uint32_t w = (uint32_t)v.p[i] << 16;
        char out[4];

        if (left > 1)
            w |= (uint32_t)v.p[i + 1] << 8;
        if (left > 2)
            w |= v.p[i + 2];
        out[0] = abc[w >> 18];
        out[1] = abc[w >> 12 & 63];
        out[2] = left > 1 ? abc[w >> 6 & 63] : '=';
        out[3] = left > 2 ? abc[w & 63] : '=';
        fog_buf_append(b, out, sizeof out);
    }
    fog_buf_append(b, ":", 1);
}
