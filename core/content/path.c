#include "core/content/path.h"

#include "core/base/str.h"
#include "core/base/wr.h"
#include "core/crypto/hash.h"

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* A byte that a decoded segment may hold. */
static bool is_segment_byte(int c)
{
    return c >= 0x20 && c != 0x7f && c != '/';
}

static bool segment_is_good(const char *p, size_t len)
{
    return len > 0 && !(len == 1 && p[0] == '.') && !(len == 2 && p[0] == '.' && p[1] == '.');
}

/* One byte of the raw path, decoded; -1 for bad escapes. */
static int next_byte(struct fog_bytes raw, size_t *at)
{
    int hi, lo, c = raw.p[(*at)++];

    if (c != '%')
        return c;
    if (raw.len - *at < 2)
        return -1;
    hi = hex_digit(raw.p[*at]);
    lo = hex_digit(raw.p[*at + 1]);
    *at += 2;
    return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
}

int fog_path_from_url(struct fog_bytes raw, struct fog_path *out)
{
    struct fog_path p = {.dir = true};
    size_t at = 1;

    if (raw.len == 0 || raw.p[0] != '/')
        return FOG_EFORMAT;
    while (at < raw.len) {
        size_t start = p.len == 0 ? 0 : p.len + 1;

        if (p.len > 0) {
            if (p.len == FOG_PATH_MAX)
                return FOG_ELIMIT;
            p.text[p.len++] = '/';
        }
        while (at < raw.len && raw.p[at] != '/') {
            int c = next_byte(raw, &at);

            if (!is_segment_byte(c))
                return FOG_EFORMAT;
            if (p.len == FOG_PATH_MAX)
                return FOG_ELIMIT;
            p.text[p.len++] = (char)c;
        }
        if (!segment_is_good(p.text + start, p.len - start))
            return FOG_EFORMAT;
        p.depth++;
        p.dir = at < raw.len; /* stopped at a slash */
        at++;
    }
    p.text[p.len] = '\0';
    *out = p;
    return 0;
}

int fog_path_check(struct fog_bytes path)
{
    size_t start = 0;

    if (path.len > FOG_PATH_MAX)
        return FOG_ELIMIT;
    for (size_t i = 0; i <= path.len; i++) {
        if (i < path.len && is_segment_byte(path.p[i]))
            continue;
        if (i < path.len && path.p[i] != '/')
            return FOG_EFORMAT;
        if (!segment_is_good((const char *)path.p + start, i - start))
            return FOG_EFORMAT;
        start = i + 1;
    }
    return 0;
}

void fog_path_to_url(struct fog_bytes path, struct fog_buf *out)
{
    static const char keep[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-._~!$&'()*+,;=:@/";

    for (size_t i = 0; i < path.len; i++) {
        if (path.p[i] != '\0' && strchr(keep, path.p[i]) != NULL)
            fog_wr_u8(out, path.p[i]);
        else
            fog_buf_printf(out, "%%%02X", (unsigned)path.p[i]);
    }
}

int fog_path_scope(struct fog_bytes path, unsigned depth, struct fog_hash *out)
{
    struct fog_buf b = {0};
    size_t at = 0;
    int rc = 0;

    for (unsigned i = 0; i < depth && rc == 0; i++) {
        size_t end = at;

        while (end < path.len && path.p[end] != '/')
            end++;
        if (end == at)
            rc = FOG_ERANGE;
        else
            fog_wr_lp16(&b, fog_bytes_of(path.p + at, end - at));
        at = end < path.len ? end + 1 : end;
    }
    if (rc == 0)
        fog_sha256(fog_buf_bytes(&b), out);
    fog_buf_fini(&b);
    return rc;
}
