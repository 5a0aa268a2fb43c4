#include "core/http/h1_parse.h"

#include "core/base/str.h"
#include "core/http/fields.h"

#define CHUNK_DIGITS_MAX   15          /* below 2^60 */
#define CHUNK_OVERHEAD_MAX (16 * 1024) /* extensions of all chunks, trailers */

/* --- characters --- */

static bool is_tchar(uint8_t c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

bool fog_h1_is_token(struct fog_bytes v)
{
    for (size_t i = 0; i < v.len; i++)
        if (!is_tchar(v.p[i]))
            return false;
    return v.len > 0;
}

bool fog_h1_value_ok(struct fog_bytes v)
{
    for (size_t i = 0; i < v.len; i++)
        if ((v.p[i] < 0x20 && v.p[i] != '\t') || v.p[i] == 0x7f)
            return false;
    return true;
}

static bool is_visible(struct fog_bytes v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.p[i] <= 0x20 || v.p[i] == 0x7f)
            return false;
    return v.len > 0;
}

/* --- header section --- */

int64_t fog_h1_find_end(struct fog_bytes in, size_t *scanned, size_t max)
{
    size_t from = *scanned < 3 ? 0 : *scanned - 3; /* the mark may straddle two reads */
    size_t len = in.len < max ? in.len : max;
    const uint8_t *hit = from >= len ? NULL : memmem(in.p + from, len - from, "\r\n\r\n", 4);

    if (hit != NULL)
        return hit - in.p + 4;
    if (in.len >= max)
        return FOG_ELIMIT;
    *scanned = in.len;
    return 0;
}

/* A cursor over the lines of a section. */
struct lines {
    uint8_t *p;
    uint8_t *end;
};

/* The next line without CRLF; a CR or LF elsewhere is an error, so a line has one end only. */
static int next_line(struct lines *l, struct fog_bytes *out)
{
    uint8_t *lf = memchr(l->p, '\n', (size_t)(l->end - l->p));
    uint8_t *start = l->p;

    if (lf == NULL || lf == start || lf[-1] != '\r')
        return FOG_EFORMAT;
    *out = fog_bytes_of(start, (size_t)(lf - start) - 1);
    l->p = lf + 1;
    return memchr(out->p, '\r', out->len) == NULL ? 0 : FOG_EFORMAT;
}

static int parse_field(uint8_t *section, struct fog_bytes line, struct fog_http_header *out)
{
    const uint8_t *colon = memchr(line.p, ':', line.len);
    uint8_t *name = section + (line.p - section);

    if (colon == NULL)
        return FOG_EFORMAT;
    out->name = fog_bytes_of(line.p, (size_t)(colon - line.p));
    out->value = fog_http_trim(fog_bytes_of(colon + 1, line.len - out->name.len - 1));
    /* A space before the colon or at the line's start (folding) fails here. */
    if (!fog_h1_is_token(out->name) || !fog_h1_value_ok(out->value))
        return FOG_EFORMAT;
    for (size_t i = 0; i < out->name.len; i++)
        if (name[i] >= 'A' && name[i] <= 'Z')
            name[i] = (uint8_t)(name[i] + 32);
    return 0;
}

static int parse_fields(uint8_t *section, struct lines *l, struct fog_h1_head *out)
{
    for (;;) {
        struct fog_bytes line;
        int rc = next_line(l, &line);

        if (rc != 0)
            return rc;
        if (line.len == 0)
            return l->p == l->end ? 0 : FOG_EFORMAT;
        if (out->n_fields == FOG_H1_FIELDS_MAX)
            return FOG_ELIMIT;
        if ((rc = parse_field(section, line, &out->fields[out->n_fields])) != 0)
            return rc;
        out->n_fields++;
    }
}

static int parse_version(struct fog_bytes v, int *minor)
{
    if (v.len != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[6] != '.')
        return FOG_EFORMAT;
    if (v.p[5] != '1' || (v.p[7] != '0' && v.p[7] != '1'))
        return FOG_EVERSION;
    *minor = v.p[7] - '0';
    return 0;
}

/* Up to the next single space. */
static bool next_word(struct fog_bytes *line, struct fog_bytes *out)
{
    const uint8_t *sp = memchr(line->p, ' ', line->len);

    if (sp == NULL)
        return false;
    *out = fog_bytes_of(line->p, (size_t)(sp - line->p));
    *line = fog_bytes_of(sp + 1, line->len - out->len - 1);
    return true;
}

int fog_h1_parse_request(uint8_t *section, size_t len, struct fog_h1_head *out)
{
    struct lines l = {.p = section, .end = section + len};
    struct fog_bytes line;
    int rc;

    out->status = 0;
    out->n_fields = 0;
    if ((rc = next_line(&l, &line)) != 0)
        return rc;
    if (!next_word(&line, &out->method) || !fog_h1_is_token(out->method) ||
        !next_word(&line, &out->target) || !is_visible(out->target))
        return FOG_EFORMAT;
    if ((rc = parse_version(line, &out->minor)) != 0)
        return rc;
    return parse_fields(section, &l, out);
}

int fog_h1_parse_response(uint8_t *section, size_t len, struct fog_h1_head *out)
{
    struct lines l = {.p = section, .end = section + len};
    struct fog_bytes line, version;
    uint64_t status;
    int rc;

    out->method = out->target = (struct fog_bytes){0};
    out->n_fields = 0;
    if ((rc = next_line(&l, &line)) != 0)
        return rc;
    if (!next_word(&line, &version))
        return FOG_EFORMAT;
    if ((rc = parse_version(version, &out->minor)) != 0)
        return rc;
    /* "HTTP/1.1 200" without reason and space is common enough to be read. */
    if (line.len < 3 || (line.len > 3 && line.p[3] != ' ') ||
        fog_parse_u64(fog_bytes_of(line.p, 3), 999, &status) != 0 || status < 100 ||
        !fog_h1_value_ok(line))
        return FOG_EFORMAT;
    out->status = (int)status;
    return parse_fields(section, &l, out);
}

/* --- framing --- */

static bool name_is(const struct fog_http_header *h, const char *name)
{
    return fog_bytes_eq(h->name, fog_bytes_str(name));
}

struct framing_fields {
    unsigned lengths;
    uint64_t length;
    unsigned codings;
    bool chunked;
    bool close;
    bool keep_alive;
    bool expect_continue;
};

/* 1*DIGIT and nothing else: no sign, no list, no space. */
static int parse_length(struct fog_bytes v, uint64_t *out)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.p[i] < '0' || v.p[i] > '9')
            return FOG_EFORMAT;
    return fog_parse_u64(v, INT64_MAX, out) == 0 ? 0 : FOG_EFORMAT;
}

static int read_framing(const struct fog_h1_head *h, struct framing_fields *f)
{
    for (size_t i = 0; i < h->n_fields; i++) {
        const struct fog_http_header *x = &h->fields[i];

        if (name_is(x, "content-length")) {
            if (f->lengths++ > 0 || parse_length(x->value, &f->length) != 0)
                return FOG_EFORMAT;
        } else if (name_is(x, "transfer-encoding")) {
            if (f->codings++ > 0)
                return FOG_EFORMAT;
            f->chunked = fog_ascii_ieq(x->value, fog_bytes_str("chunked"));
        } else if (name_is(x, "connection")) {
            f->close = f->close || fog_http_list_has(x->value, "close");
            f->keep_alive = f->keep_alive || fog_http_list_has(x->value, "keep-alive");
        } else if (name_is(x, "expect")) {
            f->expect_continue = fog_ascii_ieq(x->value, fog_bytes_str("100-continue"));
        }
    }
    /* Both, or a coding from an HTTP/1.0 sender: two readers may see two messages. */
    if (f->codings > 0 && (f->lengths > 0 || h->minor == 0))
        return FOG_EFORMAT;
    if (f->codings > 0 && !f->chunked)
        return FOG_EVERSION;
    return 0;
}

static void set_keep_alive(const struct fog_h1_head *h, const struct framing_fields *f,
                           struct fog_h1_framing *out)
{
    out->keep_alive = !f->close && (h->minor >= 1 || f->keep_alive);
}

int fog_h1_request_framing(const struct fog_h1_head *h, struct fog_h1_framing *out)
{
    struct framing_fields f = {0};
    int rc = read_framing(h, &f);

    if (rc != 0)
        return rc;
    *out = (struct fog_h1_framing){.body = FOG_H1_NO_BODY, .length = f.length};
    if (f.codings > 0)
        out->body = FOG_H1_CHUNKED;
    else if (f.lengths > 0 && f.length > 0)
        out->body = FOG_H1_LENGTH;
    out->expect_continue = f.expect_continue && h->minor >= 1 && out->body != FOG_H1_NO_BODY;
    set_keep_alive(h, &f, out);
    return 0;
}

int fog_h1_response_framing(const struct fog_h1_head *h, bool was_head, struct fog_h1_framing *out)
{
    struct framing_fields f = {0};
    int rc = read_framing(h, &f);

    if (rc != 0)
        return rc;
    *out = (struct fog_h1_framing){.length = f.length};
    if (was_head || h->status < 200 || h->status == 204 || h->status == 304)
        out->body = FOG_H1_NO_BODY;
    else if (f.codings > 0)
        out->body = FOG_H1_CHUNKED;
    else if (f.lengths > 0)
        out->body = f.length == 0 ? FOG_H1_NO_BODY : FOG_H1_LENGTH;
    else
        out->body = FOG_H1_UNTIL_CLOSE;
    set_keep_alive(h, &f, out);
    if (out->body == FOG_H1_UNTIL_CLOSE)
        out->keep_alive = false;
    return 0;
}

/* --- chunked --- */

enum {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START,
    TRAILER,
    TRAILER_LF,
    LAST_LF,
    ENDED
};

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

static int chunk_size_byte(struct fog_h1_chunks *c, uint8_t b)
{
    int d = hex_digit(b);

    if (d >= 0) {
        if (c->digits++ == CHUNK_DIGITS_MAX)
            return FOG_EFORMAT;
        c->left = c->left * 16 + (uint64_t)d;
        return 0;
    }
    if (c->digits == 0)
        return FOG_EFORMAT;
    if (b == '\r')
        c->state = SIZE_LF;
    else if (b == ';')
        c->state = EXTENSION;
    else
        return FOG_EFORMAT;
    return 0;
}

static int expect_byte(struct fog_h1_chunks *c, uint8_t b, uint8_t want, int next)
{
    if (b != want)
        return FOG_EFORMAT;
    c->state = next;
    return 0;
}

/* Text that is read over: extensions and trailer lines. */
static int skip_byte(struct fog_h1_chunks *c, uint8_t b, int at_cr)
{
    if (++c->overhead > CHUNK_OVERHEAD_MAX)
        return FOG_ELIMIT;
    if (b == '\r')
        c->state = at_cr;
    else if ((b < 0x20 && b != '\t') || b == 0x7f)
        return FOG_EFORMAT;
    return 0;
}

static int chunk_byte(struct fog_h1_chunks *c, uint8_t b)
{
    switch (c->state) {
    case SIZE:
        return chunk_size_byte(c, b);
    case EXTENSION:
        return skip_byte(c, b, SIZE_LF);
    case SIZE_LF:
        return expect_byte(c, b, '\n', c->left > 0 ? DATA : TRAILER_START);
    case DATA_CR:
        return expect_byte(c, b, '\r', DATA_LF);
    case DATA_LF:
        c->digits = 0;
        return expect_byte(c, b, '\n', SIZE);
    case TRAILER_START:
        c->state = TRAILER;
        return skip_byte(c, b, LAST_LF);
    case TRAILER:
        return skip_byte(c, b, TRAILER_LF);
    case TRAILER_LF:
        return expect_byte(c, b, '\n', TRAILER_START);
    case LAST_LF:
        return expect_byte(c, b, '\n', ENDED);
    default:
        return FOG_EFORMAT;
    }
}

int fog_h1_chunks_next(struct fog_h1_chunks *c, struct fog_bytes in, size_t *taken,
                       struct fog_bytes *data)
{
    size_t i = 0;

    *data = (struct fog_bytes){0};
    while (i < in.len && c->state != ENDED) {
        int rc;

        if (c->state == DATA) {
            size_t n = c->left < in.len - i ? (size_t)c->left : in.len - i;

            *data = fog_bytes_of(in.p + i, n);
            c->left -= n;
            if (c->left == 0)
                c->state = DATA_CR;
            i += n;
            break;
        }
        if ((rc = chunk_byte(c, in.p[i])) != 0)
            return rc;
        i++;
    }
    *taken = i;
    return c->state == ENDED ? 1 : 0;
}
