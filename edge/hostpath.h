/*
 * What a request names: authority -> kind of host and site label; request target -> route, path
 * inside the site, reserved query names (PROTOCOL 3 and 4). Pure functions over borrowed bytes; the
 * forms of host names and paths are core/content's (names.h, path.h).
 */
#ifndef FOG_EDGE_HOSTPATH_H
#define FOG_EDGE_HOSTPATH_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/types.h"
#include "core/content/names.h"
#include "core/content/path.h"
#include "edge/steer.h" /* EDGE_LABEL_MAX, EDGE_SID_MAX, enum edge_back, anchors */

#define EDGE_GRANT_TEXT_MAX 512

enum edge_host {
    EDGE_HOST_FOREIGN, /* not ours: 421 */
    EDGE_HOST_GATEWAY, /* <site>.<zone> */
    EDGE_HOST_BOX,     /* <site>.<own box>.<zone> */
};

/* `own` NULL: no box names. `site` gets the label of GATEWAY and BOX. The port is not looked at. */
enum edge_host edge_host_parse(const char *zone, const struct fog_box_id *own,
                               struct fog_bytes authority, char site[FOG_SITE_LABEL_LEN + 1]);

enum edge_route {
    EDGE_ROUTE_PLAIN,      /* /<path> */
    EDGE_ROUTE_SESSION,    /* gateway: /~s/<sid>/<path> */
    EDGE_ROUTE_GRANT,      /* box: /g/<grant>/<path> */
    EDGE_ROUTE_ASSIGN,     /* gateway: /~a */
    EDGE_ROUTE_TICK,       /* box: /~t/<grant> */
    EDGE_ROUTE_WELL_KNOWN, /* any host: /.well-known/fogbank */
};

struct edge_target_path {
    enum edge_route route;
    struct fog_bytes token; /* sid or grant text as written; borrowed from the request */
    struct fog_path path;   /* inside the site, canonical */
};

/* `raw` is the path of the request target without the query. FOG_EFORMAT for a path or token that
 * is not good, FOG_ELIMIT when it is too long. */
int edge_path_parse(enum edge_host host, struct fog_bytes raw,
                    struct edge_target_path *out) FOG_MUST_CHECK;

/* Whether a gateway path would read as something else on a box name ("g/...", "~..."): such an
 * object is not redirected to a stable URL. */
bool edge_path_is_reserved(struct fog_bytes path);

/* A tick: <i>.<43 characters base64url>. */
struct edge_tick {
    unsigned i;
    uint8_t preimage[32];
};
int edge_tick_parse(struct fog_bytes text, struct edge_tick *out) FOG_MUST_CHECK;

/* Reserved query names: fogtick=<tick>, fogback=<box label>.<why>. */
struct edge_query {
    bool has_tick;
    bool tick_is_bad; /* malformed: counted, and the request is served without it */
    struct edge_tick tick;
    enum edge_back back_why;
    char back_box[FOG_BOX_LABEL_LEN + 1]; /* "" unless back_why is set */
};
void edge_query_parse(struct fog_bytes raw, struct edge_query *out);

/* Appends '?' and the query without the reserved names; nothing when nothing is left. Bytes that a
 * query may not hold (RFC 3986 3.4) are percent-encoded. */
void edge_query_strip(struct fog_bytes raw, struct fog_buf *out);

/* The word for fogback. */
const char *edge_back_name(enum edge_back why);

/* path=<dir>&anchor=<a>[,<b>..][&sid=<sid>]; other names are ignored. */
struct edge_assign_query {
    struct fog_path dir;
    unsigned n_anchors;
    uint8_t anchors[EDGE_ASSIGN_ANCHORS][32];
    char sid[EDGE_SID_MAX]; /* "" without */
};
/* FOG_EFORMAT when path or anchor is missing or malformed, FOG_ELIMIT for too many anchors. */
int edge_assign_parse(struct fog_bytes raw, struct edge_assign_query *out) FOG_MUST_CHECK;

#endif
