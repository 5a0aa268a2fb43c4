#include "cli/hls.h"

#include "core/base/str.h"

static bool begins(struct fog_bytes text, const char *with)
{
    size_t n = strlen(with);

    return text.len >= n && memcmp(text.p, with, n) == 0;
}

/* The next line without its end; false at the end of the text. */
static bool next_line(struct fog_bytes *rest, struct fog_bytes *line)
{
    const uint8_t *nl;
    size_t len;

    if (rest->len == 0)
        return false;
    nl = memchr(rest->p, '\n', rest->len);
    len = nl == NULL ? rest->len : (size_t)(nl - rest->p);
    *line = fog_bytes_of(rest->p, len > 0 && rest->p[len - 1] == '\r' ? len - 1 : len);
    *rest = nl == NULL ? fog_bytes_of(NULL, 0) : fog_bytes_of(nl + 1, rest->len - len - 1);
    return true;
}

static bool is_absolute(struct fog_bytes uri)
{
    if (uri.len > 0 && uri.p[0] == '/')
        return true;
    for (size_t i = 0; i < uri.len; i++) { /* a scheme (RFC 3986 3.1) */
        uint8_t c = uri.p[i];

        if (c == ':')
            return i > 0;
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (i > 0 && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))))
            return false;
    }
    return false;
}

/* Appends one raw segment to the raw path "/a/b", or takes one away. False below the root. */
static bool push_segment(struct fog_buf *raw, struct fog_bytes seg)
{
    if (seg.len == 1 && seg.p[0] == '.')
        return true;
    if (seg.len == 2 && seg.p[0] == '.' && seg.p[1] == '.') {
        if (raw->len == 0)
            return false;
        while (raw->data[--raw->len] != '/')
            ;
        return true;
    }
    fog_buf_append_str(raw, "/");
    fog_buf_append(raw, seg.p, seg.len);
    return true;
}

int hls_resolve(struct fog_bytes uri, struct fog_bytes base, struct fog_path *out)
{
    struct fog_buf raw = {0};
    size_t end = 0, folder = base.len;
    int rc = 0;

    if (is_absolute(uri))
        return FOG_EADDR;
    while (end < uri.len && uri.p[end] != '?' && uri.p[end] != '#')
        end++;
    while (folder > 0 && base.p[folder - 1] != '/')
        folder--;
    if (folder > 0) {
        fog_buf_append_str(&raw, "/");
        fog_path_to_url(fog_bytes_of(base.p, folder - 1), &raw);
    }
    for (size_t at = 0; at <= end && rc == 0;) {
        size_t stop = at;

        while (stop < end && uri.p[stop] != '/')
            stop++;
        if (!push_segment(&raw, fog_bytes_of(uri.p + at, stop - at)))
            rc = FOG_ERANGE;
        at = stop + 1;
    }
    if (rc == 0)
        rc = fog_path_from_url(fog_buf_bytes(&raw), out);
    if (rc == 0 && out->len == 0)
        rc = FOG_EFORMAT;
    fog_buf_fini(&raw);
    return rc;
}

/* Seconds with a fraction, to milliseconds; hours are enough for anybody. */
static uint64_t duration_ms(struct fog_bytes text)
{
    uint64_t ms = 0;
    unsigned digits = 0;
    bool fraction = false;

    for (size_t i = 0; i < text.len && ms < 1000000000; i++) {
        if (text.p[i] == '.' && !fraction) {
            fraction = true;
        } else if (text.p[i] >= '0' && text.p[i] <= '9') {
            if (fraction && ++digits > 3)
                continue;
            ms = ms * 10 + (uint64_t)(text.p[i] - '0');
        } else {
            break;
        }
    }
    for (unsigned d = digits > 3 ? 3 : digits; d < 3; d++)
        ms *= 10;
    return ms;
}

/* The quoted value of URI= in an attribute list; empty when there is none. */
static struct fog_bytes uri_attribute(struct fog_bytes line)
{
    const uint8_t *at = memmem(line.p, line.len, "URI=\"", 5), *end;
    size_t left;

    if (at == NULL)
        return fog_bytes_of(NULL, 0);
    at += 5;
    left = line.len - (size_t)(at - line.p);
    end = memchr(at, '"', left);
    return fog_bytes_of(at, end == NULL ? 0 : (size_t)(end - at));
}

bool hls_is_master(struct fog_bytes text)
{
    return text.len > 0 && memmem(text.p, text.len, "\n#EXT-X-STREAM-INF", 18) != NULL;
}

struct reader {
    struct fog_bytes path;
    int (*on_uri)(enum hls_kind kind, struct fog_bytes target, uint64_t start_ms, void *arg);
    void *arg;
    bool master;
    uint64_t start_ms, part_ms;
};

static int give(struct reader *r, enum hls_kind kind, struct fog_bytes uri)
{
    struct fog_path target;
    int rc = hls_resolve(uri, r->path, &target);

    if (rc != 0)
        return rc;
    return r->on_uri(kind, fog_bytes_of(target.text, target.len), r->start_ms, r->arg);
}

static int read_tag(struct reader *r, struct fog_bytes line)
{
    struct fog_bytes uri;

    if (begins(line, "#EXTINF:")) {
        r->part_ms = duration_ms(fog_bytes_of(line.p + 8, line.len - 8));
        return 0;
    }
    uri = uri_attribute(line);
    if (uri.len == 0)
        return 0;
    if (begins(line, "#EXT-X-MEDIA:") || begins(line, "#EXT-X-I-FRAME-STREAM-INF:"))
        return give(r, HLS_PLAYLIST, uri);
    if (begins(line, "#EXT-X-MAP:"))
        return give(r, HLS_SETUP, uri);
    /* keys often come from a licence server: only what lies in the release is ours */
    if ((begins(line, "#EXT-X-KEY:") || begins(line, "#EXT-X-SESSION-KEY:")) && !is_absolute(uri))
        return give(r, HLS_SETUP, uri);
    return 0;
}

int hls_read(struct fog_bytes text, struct fog_bytes path,
             int (*on_uri)(enum hls_kind kind, struct fog_bytes target, uint64_t start_ms,
                           void *arg),
             void *arg, unsigned *line_no)
{
    struct reader r = {.path = path, .on_uri = on_uri, .arg = arg, .master = hls_is_master(text)};
    struct fog_bytes line;
    int rc = 0;

    *line_no = 0;
    while (rc == 0 && next_line(&text, &line)) {
        if (++*line_no == 1) {
            rc = begins(line, "#EXTM3U") || begins(line, "\xef\xbb\xbf#EXTM3U") ? 0 : FOG_EFORMAT;
        } else if (line.len > 0 && line.p[0] == '#') {
            rc = read_tag(&r, line);
        } else if (line.len > 0) {
            rc = give(&r, r.master ? HLS_PLAYLIST : HLS_PART, line);
            r.start_ms += r.part_ms;
            r.part_ms = 0;
        }
    }
    return *line_no == 0 ? FOG_EFORMAT : rc;
}
