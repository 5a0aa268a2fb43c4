#include "edge/hostpath.h"

#include <string.h>

#include "core/base/str.h"

enum edge_host edge_host_parse(const char *zone, const struct fog_box_id *own,
                               struct fog_bytes authority, char site[FOG_SITE_LABEL_LEN + 1])
{
    struct fog_host h;

    if (fog_host_parse(authority, zone, &h) != 0)
        return EDGE_HOST_FOREIGN;
    if (h.kind == FOG_HOST_SITE) {
        fog_site_label(&h.site, site);
        return EDGE_HOST_GATEWAY;
    }
    if (h.kind == FOG_HOST_BOX && own != NULL && memcmp(&h.box, own, sizeof *own) == 0) {
        fog_site_label(&h.site, site);
        return EDGE_HOST_BOX;
    }
    return EDGE_HOST_FOREIGN;
}

/* --- paths --- */

/* Characters of base64url, which also covers session ids. */
static bool is_token(struct fog_bytes s, size_t max)
{
    if (s.len == 0 || s.len > max)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i], low = c | 0x20;

        if (!((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return true;
}

static bool cut_head(struct fog_bytes *s, const char *head)
{
    size_t n = strlen(head);

    if (s->len < n || memcmp(s->p, head, n) != 0)
        return false;
    s->p += n;
    s->len -= n;
    return true;
}

/* "<token>/<rest>"; *raw_rest is the rest with its leading '/'. */
static int split_token(struct fog_bytes in, size_t max, struct edge_target_path *out,
                       struct fog_bytes *raw_rest)
{
    const uint8_t *slash = in.len > 0 ? memchr(in.p, '/', in.len) : NULL;

    if (slash == NULL)
        return FOG_EFORMAT;
    out->token = fog_bytes_of(in.p, (size_t)(slash - in.p));
    *raw_rest = fog_bytes_of(slash, in.len - out->token.len);
    return is_token(out->token, max) ? 0 : FOG_EFORMAT;
}

int edge_path_parse(enum edge_host host, struct fog_bytes raw, struct edge_target_path *out)
{
    static const uint8_t slash = '/';
    struct fog_bytes in = raw, rest = raw;
    int rc = 0;

    out->route = EDGE_ROUTE_PLAIN;
    out->token = (struct fog_bytes){0};
    if (!cut_head(&in, "/"))
        return FOG_EFORMAT;
    if (fog_bytes_eq(in, fog_bytes_str(".well-known/fogbank"))) {
        out->route = EDGE_ROUTE_WELL_KNOWN;
    } else if (host == EDGE_HOST_BOX && cut_head(&in, "g/")) {
        out->route = EDGE_ROUTE_GRANT;
        rc = split_token(in, EDGE_GRANT_TEXT_MAX, out, &rest);
    } else if (host == EDGE_HOST_BOX && cut_head(&in, "~t/")) {
        out->route = EDGE_ROUTE_TICK;
        out->token = in;
        rest = fog_bytes_of(&slash, 1);
        rc = is_token(in, EDGE_GRANT_TEXT_MAX) ? 0 : FOG_EFORMAT;
    } else if (host == EDGE_HOST_GATEWAY && cut_head(&in, "~s/")) {
        out->route = EDGE_ROUTE_SESSION;
        rc = split_token(in, EDGE_SID_MAX - 1, out, &rest);
    } else if (host == EDGE_HOST_GATEWAY && fog_bytes_eq(in, fog_bytes_str("~a"))) {
        out->route = EDGE_ROUTE_ASSIGN;
    }
    if (rc != 0)
        return rc;
    return fog_path_from_url(rest, &out->path);
}

bool edge_path_is_reserved(struct fog_bytes path)
{
    return path.len > 0 && (path.p[0] == '~' || cut_head(&path, "g/"));
}

/* --- query --- */

/* Takes the next "name=value" (or "name") off *left. */
static bool next_pair(struct fog_bytes *left, struct fog_bytes *whole, struct fog_bytes *name,
                      struct fog_bytes *value)
{
    const uint8_t *amp, *eq;

    if (left->p == NULL)
        return false;
    amp = left->len > 0 ? memchr(left->p, '&', left->len) : NULL;
    *whole = fog_bytes_of(left->p, amp == NULL ? left->len : (size_t)(amp - left->p));
    if (amp == NULL)
        *left = fog_bytes_of(NULL, 0);
    else
        *left = fog_bytes_of(amp + 1, left->len - whole->len - 1);
    eq = whole->len > 0 ? memchr(whole->p, '=', whole->len) : NULL;
    *name = fog_bytes_of(whole->p, eq == NULL ? whole->len : (size_t)(eq - whole->p));
    *value = eq == NULL ? fog_bytes_of(whole->p + whole->len, 0)
                        : fog_bytes_of(eq + 1, whole->len - name->len - 1);
    return true;
}

int edge_tick_parse(struct fog_bytes text, struct edge_tick *out)
{
    const uint8_t *dot = text.len > 0 ? memchr(text.p, '.', text.len) : NULL;
    struct edge_tick t;
    uint64_t i;
    int rc;

    if (dot == NULL)
        return FOG_EFORMAT;
    if ((rc = fog_parse_u64(fog_bytes_of(text.p, (size_t)(dot - text.p)), 65535, &i)) != 0)
        return rc;
    rc = fog_base64url_decode(fog_bytes_of(dot + 1, text.len - (size_t)(dot - text.p) - 1),
                              t.preimage, sizeof t.preimage);
    if (rc != 0)
        return rc;
    t.i = (unsigned)i;
    *out = t;
    return 0;
}

static const char *const back_names[] = {
    [EDGE_BACK_NONE] = "none",
    [EDGE_BACK_GRANT] = "grant",
    [EDGE_BACK_CONTENT] = "content",
    [EDGE_BACK_STAYS] = "stays",
};

const char *edge_back_name(enum edge_back why)
{
    return back_names[why];
}

/* fogback=<box label>.<why>; anything else is as if it were absent. */
static void parse_back(struct fog_bytes value, struct edge_query *out)
{
    struct fog_bytes box, why;
    struct fog_box_id id;

    if (value.len <= FOG_BOX_LABEL_LEN + 1 || value.p[FOG_BOX_LABEL_LEN] != '.')
        return;
    box = fog_bytes_of(value.p, FOG_BOX_LABEL_LEN);
    why = fog_bytes_of(value.p + FOG_BOX_LABEL_LEN + 1, value.len - FOG_BOX_LABEL_LEN - 1);
    if (fog_box_label_parse(box, &id) != 0)
        return;
    for (size_t i = EDGE_BACK_GRANT; i < FOG_COUNT(back_names); i++) {
        if (fog_bytes_eq(why, fog_bytes_str(back_names[i]))) {
            out->back_why = (enum edge_back)i;
            fog_box_label(&id, out->back_box);
        }
    }
}

void edge_query_parse(struct fog_bytes raw, struct edge_query *out)
{
    struct fog_bytes left = raw, whole, name, value;

    memset(out, 0, sizeof *out);
    while (left.len > 0 && next_pair(&left, &whole, &name, &value)) {
        if (fog_bytes_eq(name, fog_bytes_str("fogtick"))) {
            out->has_tick = edge_tick_parse(value, &out->tick) == 0;
            out->tick_is_bad = !out->has_tick;
        } else if (fog_bytes_eq(name, fog_bytes_str("fogback"))) {
            parse_back(value, out);
        }
    }
}

static void append_query(struct fog_bytes s, struct fog_buf *out)
{
    static const char other[] = "-._~!$&'()*+,;=:@/?%";

    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i], low = c | 0x20;

        if ((c >= '0' && c <= '9') || (low >= 'a' && low <= 'z') ||
            (c != '\0' && strchr(other, c) != NULL))
            fog_buf_append(out, &c, 1);
        else
            fog_buf_printf(out, "%%%02X", c);
    }
}

void edge_query_strip(struct fog_bytes raw, struct fog_buf *out)
{
    struct fog_bytes left = raw, whole, name, value;
    bool any = false;

    while (left.len > 0 && next_pair(&left, &whole, &name, &value)) {
        if (whole.len == 0 || fog_bytes_eq(name, fog_bytes_str("fogtick")) ||
            fog_bytes_eq(name, fog_bytes_str("fogback")))
            continue;
        fog_buf_append_str(out, any ? "&" : "?");
        append_query(whole, out);
        any = true;
    }
}

/* Query values spell the path with or without its leading '/'. */
static int parse_dir(struct fog_bytes value, struct fog_path *out)
{
    struct fog_buf raw = {0};
    int rc;

    if (value.len > (size_t)4 * FOG_PATH_MAX)
        return FOG_ELIMIT;
    if (value.len == 0 || value.p[0] != '/')
        fog_buf_append_str(&raw, "/");
    fog_buf_append(&raw, value.p, value.len);
    rc = fog_path_from_url(fog_buf_bytes(&raw), out);
    fog_buf_fini(&raw);
    return rc;
}

static int parse_anchors(struct fog_bytes list, struct edge_assign_query *out)
{
    int rc;

    out->n_anchors = 0;
    for (;;) {
        const uint8_t *comma = list.len > 0 ? memchr(list.p, ',', list.len) : NULL;
        size_t n = comma == NULL ? list.len : (size_t)(comma - list.p);

        if (out->n_anchors == EDGE_ASSIGN_ANCHORS)
            return FOG_ELIMIT;
        rc = fog_base64url_decode(fog_bytes_of(list.p, n), out->anchors[out->n_anchors], 32);
        if (rc != 0)
            return rc;
        out->n_anchors++;
        if (comma == NULL)
            return 0;
        list = fog_bytes_of(comma + 1, list.len - n - 1);
    }
}

int edge_assign_parse(struct fog_bytes raw, struct edge_assign_query *out)
{
    struct fog_bytes left = raw, whole, name, value;
    bool has_path = false;
    int rc = 0;

    out->n_anchors = 0;
    out->sid[0] = '\0';
    while (rc == 0 && left.len > 0 && next_pair(&left, &whole, &name, &value)) {
        if (fog_bytes_eq(name, fog_bytes_str("path"))) {
            rc = parse_dir(value, &out->dir);
            has_path = true;
        } else if (fog_bytes_eq(name, fog_bytes_str("anchor"))) {
            rc = parse_anchors(value, out);
        } else if (fog_bytes_eq(name, fog_bytes_str("sid"))) {
            if (!is_token(value, EDGE_SID_MAX - 1))
                return FOG_EFORMAT;
            (void)fog_strcpy(out->sid, sizeof out->sid, value);
        }
    }
    if (rc == 0 && (!has_path || out->n_anchors == 0))
        rc = FOG_EFORMAT;
    return rc;
}
