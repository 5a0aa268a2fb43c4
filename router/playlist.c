#include "router/playlist.h"

#include "core/base/str.h"

/* Relative: does not begin with '/', and no ':' comes before the first '/', '?' or '#'. */
static bool is_relative(struct fog_bytes uri)
{
    if (uri.len > 0 && (uri.p[0] == '/' || uri.p[0] == '\\'))
        return false;
    for (size_t i = 0; i < uri.len; i++) {
        if (uri.p[i] == ':')
            return false;
        if (uri.p[i] == '/' || uri.p[i] == '?' || uri.p[i] == '#')
            break;
    }
    return true;
}

static struct fog_bytes trim(struct fog_bytes t)
{
    while (t.len > 0 && (t.p[0] <= ' '))
        t = fog_bytes_of(t.p + 1, t.len - 1);
    while (t.len > 0 && t.p[t.len - 1] <= ' ')
        t.len--;
    return t;
}

static int refuse(struct playlist_fault *fault, unsigned line, struct fog_bytes uri)
{
    fault->line = line;
    (void)fog_strcpy(fault->uri, sizeof fault->uri, uri);
    for (char *c = fault->uri; *c != 0; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return FOG_EDENIED;
}

static bool find(struct fog_bytes in, const char *what, size_t *at)
{
    size_t n = strlen(what);

    for (size_t i = 0; i + n <= in.len; i++)
        if (fog_ascii_ieq(fog_bytes_of(in.p + i, n), fog_bytes_str(what))) {
            *at = i;
            return true;
        }
    return false;
}

/* Every `name"value"` of the text. */
static int quoted(struct fog_bytes in, const char *name, unsigned line,
                  struct playlist_fault *fault)
{
    size_t at;

    while (find(in, name, &at)) {
        const uint8_t *p = in.p + at + strlen(name), *end = in.p + in.len, *close;
        struct fog_bytes uri;
        close = p < end ? memchr(p, '"', (size_t)(end - p)) : NULL;
        uri = fog_bytes_of(p, (size_t)((close == NULL ? end : close) - p));
        if (!is_relative(trim(uri)))
            return refuse(fault, line, trim(uri));
        if (close == NULL)
            break;
        in = fog_bytes_of(close, (size_t)(end - close));
    }
    return 0;
}

/* Calls each(line) with a line number; lines end with LF or CRLF. */
static int each_line(struct fog_bytes text,
                     int (*each)(struct fog_bytes line, unsigned no, struct playlist_fault *fault),
                     struct playlist_fault *fault)
{
    unsigned no = 0;

    while (text.len > 0) {
        const uint8_t *lf = memchr(text.p, '\n', text.len);
        size_t n = lf == NULL ? text.len : (size_t)(lf - text.p);
        int rc = each(trim(fog_bytes_of(text.p, n)), ++no, fault);
        if (rc != 0)
            return rc;
        n += lf != NULL;
        text = fog_bytes_of(text.p + n, text.len - n);
    }
    return 0;
}

static int hls_line(struct fog_bytes line, unsigned no, struct playlist_fault *fault)
{
    if (line.len == 0)
        return 0;
    if (line.p[0] != '#')
        return is_relative(line) ? 0 : refuse(fault, no, line);
    return quoted(line, "URI=\"", no, fault);
}

static int dash_line(struct fog_bytes line, unsigned no, struct playlist_fault *fault)
{
    static const char *const attributes[] = {"media=\"", "initialization=\"", "sourceURL=\"",
                                             "index=\"", "href=\""};
    size_t at;

    for (size_t i = 0; i < FOG_COUNT(attributes); i++) {
        int rc = quoted(line, attributes[i], no, fault);
        if (rc != 0)
            return rc;
    }
    while (find(line, "<BaseURL", &at)) {
        const uint8_t *end = line.p + line.len, *p = memchr(line.p + at, '>', line.len - at), *stop;
        if (p == NULL)
            break;
        p++;
        stop = p < end ? memchr(p, '<', (size_t)(end - p)) : NULL;
        if (!is_relative(trim(fog_bytes_of(p, (size_t)((stop == NULL ? end : stop) - p)))))
            return refuse(fault, no,
                          trim(fog_bytes_of(p, (size_t)((stop == NULL ? end : stop) - p))));
        line = fog_bytes_of(p, (size_t)(end - p));
    }
    return 0;
}

int playlist_check(const char *media_type, struct fog_bytes text, struct playlist_fault *fault)
{
    memset(fault, 0, sizeof *fault);
    if (text.len > PLAYLIST_MAX)
        return FOG_ELIMIT;
    if (strstr(media_type, "mpegurl") != NULL)
        return each_line(text, hls_line, fault);
    if (strstr(media_type, "dash+xml") != NULL)
        return each_line(text, dash_line, fault);
    return 0;
}
