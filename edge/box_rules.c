#include "edge/box_rules.h"

#include <string.h>

#include "core/base/str.h"

/* --- classes --- */

static bool starts_with(struct fog_bytes s, const char *prefix)
{
    size_t n = strlen(prefix);

    return s.len >= n && fog_ascii_ieq(fog_bytes_of(s.p, n), fog_bytes_str(prefix));
}

static bool ends_with(struct fog_bytes s, const char *suffix)
{
    size_t n = strlen(suffix);

    return s.len >= n && fog_ascii_ieq(fog_bytes_of(s.p + s.len - n, n), fog_bytes_str(suffix));
}

enum match { EXACT, PREFIX, SUFFIX };

static const struct {
    const char *text;
    enum match how;
    enum edge_class class;
} classes[] = {
    {"text/html", EXACT, EDGE_CLASS_DOCUMENT},
    {"application/xhtml+xml", EXACT, EDGE_CLASS_DOCUMENT},
    {"text/xml", EXACT, EDGE_CLASS_DOCUMENT},
    {"application/xml", EXACT, EDGE_CLASS_DOCUMENT},
    {"application/dash+xml", EXACT, EDGE_CLASS_PLAYLIST},
    {"application/vnd.apple.mpegurl", EXACT, EDGE_CLASS_PLAYLIST},
    {"application/x-mpegurl", EXACT, EDGE_CLASS_PLAYLIST},
    {"audio/mpegurl", EXACT, EDGE_CLASS_PLAYLIST},
    {"audio/x-mpegurl", EXACT, EDGE_CLASS_PLAYLIST},
    {"+xml", SUFFIX, EDGE_CLASS_DOCUMENT}, /* image/svg+xml, application/rss+xml */
    {"text/javascript", EXACT, EDGE_CLASS_SCRIPT},
    {"application/javascript", EXACT, EDGE_CLASS_SCRIPT},
    {"application/x-javascript", EXACT, EDGE_CLASS_SCRIPT},
    {"application/ecmascript", EXACT, EDGE_CLASS_SCRIPT},
    {"text/ecmascript", EXACT, EDGE_CLASS_SCRIPT},
    {"application/wasm", EXACT, EDGE_CLASS_SCRIPT},
    {"text/css", EXACT, EDGE_CLASS_STYLE},
    {"font/", PREFIX, EDGE_CLASS_FONT},
    {"application/font-", PREFIX, EDGE_CLASS_FONT},
    {"application/x-font-", PREFIX, EDGE_CLASS_FONT},
    {"application/vnd.ms-fontobject", EXACT, EDGE_CLASS_FONT},
    {"video/", PREFIX, EDGE_CLASS_SEGMENT},
    {"audio/", PREFIX, EDGE_CLASS_SEGMENT},
    {"application/json", EXACT, EDGE_CLASS_DATA},
    {"application/manifest+json", EXACT, EDGE_CLASS_DATA},
    {"+json", SUFFIX, EDGE_CLASS_DATA},
    {"text/", PREFIX, EDGE_CLASS_DATA},
};

enum edge_class edge_class_of(const char *media_type)
{
    struct fog_bytes type = fog_bytes_of(media_type, strcspn(media_type, "; \t"));

    for (size_t i = 0; i < FOG_COUNT(classes); i++) {
        const char *text = classes[i].text;
        bool hit = false;

        switch (classes[i].how) {
        case EXACT:
            hit = fog_ascii_ieq(type, fog_bytes_str(text));
            break;
        case PREFIX:
            hit = starts_with(type, text);
            break;
        case SUFFIX:
            hit = ends_with(type, text);
            break;
        }
        if (hit)
            return classes[i].class;
    }
    return EDGE_CLASS_OTHER;
}

bool edge_is_active(enum edge_class c)
{
    /* a type that we do not know, or text that a browser may sniff, is treated as active too */
    return c != EDGE_CLASS_SEGMENT && c != EDGE_CLASS_FONT;
}

bool edge_stays_on_site(enum edge_class c, uint64_t size, bool has_grant)
{
    switch (c) {
    case EDGE_CLASS_DOCUMENT:
    case EDGE_CLASS_SCRIPT:
    case EDGE_CLASS_STYLE:
    case EDGE_CLASS_FONT:
    case EDGE_CLASS_PLAYLIST:
        return true;
    case EDGE_CLASS_SEGMENT:
        return !has_grant && size <= EDGE_SMALL_BYTES;
    case EDGE_CLASS_DATA:
    case EDGE_CLASS_OTHER:
        break;
    }
    return size <= EDGE_SMALL_BYTES;
}

/* --- cache-control --- */

struct letters {
    bool upper, lower, digit, beyond_hex;
};

static bool letters_of(struct fog_bytes token, struct letters *l)
{
    memset(l, 0, sizeof *l);
    for (size_t i = 0; i < token.len; i++) {
        uint8_t c = token.p[i], low = c | 0x20;

        if (c >= '0' && c <= '9')
            l->digit = true;
        else if (low >= 'a' && low <= 'z')
            *(c == low ? &l->lower : &l->upper) = true;
        else
            return false;
        if (low > 'f' && low <= 'z')
            l->beyond_hex = true;
    }
    return true;
}

/* Does the last part of the file's stem look like a content hash? Hexadecimal of eight and more
 * with digits and letters; for scripts and styles also the eight mixed characters that build tools
 * use. "part0001", "20240101" and "Holiday" do not. */
static bool name_has_hash(enum edge_class c, struct fog_bytes path)
{
    struct fog_bytes name = path, token;
    struct letters l;
    size_t end, begin;

    for (size_t i = path.len; i > 0; i--) {
        if (path.p[i - 1] == '/') {
            name = fog_bytes_of(path.p + i, path.len - i);
            break;
        }
    }
    for (end = name.len; end > 0 && name.p[end - 1] != '.'; end--)
        ;
    if (end < 2)
        return false; /* no extension, or nothing before it */
    end--;
    for (begin = end; begin > 0 && strchr(".-_~", name.p[begin - 1]) == NULL; begin--)
        ;
    token = fog_bytes_of(name.p + begin, end - begin);
    if (token.len < 8 || token.len > 64 || !letters_of(token, &l) || !l.digit)
        return false;
    if (!l.beyond_hex && l.upper != l.lower)
        return true;
    return (c == EDGE_CLASS_SCRIPT || c == EDGE_CLASS_STYLE) && begin > 0 && token.len == 8 &&
           l.upper;
}

const char *edge_cache_control(enum edge_class c, struct fog_bytes path)
{
    if (c != EDGE_CLASS_DOCUMENT && c != EDGE_CLASS_PLAYLIST && name_has_hash(c, path))
        return "public, max-age=31536000, immutable";
    switch (c) {
    case EDGE_CLASS_DOCUMENT:
    case EDGE_CLASS_SCRIPT:
    case EDGE_CLASS_STYLE:
    case EDGE_CLASS_PLAYLIST:
    case EDGE_CLASS_DATA:
        return "public, max-age=0, must-revalidate";
    case EDGE_CLASS_FONT:
    case EDGE_CLASS_SEGMENT:
    case EDGE_CLASS_OTHER:
        break;
    }
    return "public, max-age=3600";
}

/* --- the publisher's header fields --- */

static bool is_in(struct fog_bytes name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fog_ascii_ieq(name, fog_bytes_str(list[i])))
            return true;
    }
    return false;
}

bool edge_header_is_allowed(struct fog_bytes name, bool box_name)
{
    static const char *const on_box[] = {
        "cache-control", "content-disposition", "content-language", "last-modified",
        "link",          "x-robots-tag",
    };
    static const char *const never[] = {
        "accept-ranges",
        "age",
        "alt-svc",
        "cache-status",
        "clear-site-data",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "date",
        "digest",
        "etag",
        "keep-alive",
        "location",
        "nel",
        "proxy-authenticate",
        "proxy-connection",
        "report-to",
        "reporting-endpoints",
        "repr-digest",
        "server",
        "service-worker-allowed",
        "set-cookie",
        "set-cookie2",
        "strict-transport-security",
        "te",
        "timing-allow-origin",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "vary",
        "via",
        "www-authenticate",
    };

    if (box_name)
        return is_in(name, on_box, FOG_COUNT(on_box));
    return !is_in(name, never, FOG_COUNT(never)) && !starts_with(name, "access-control-");
}
