/*
 * Port: the gateway's decisions. The edge does the HTTP; who serves what is decided behind this
 * port (the router role on router instances). A box has no such port (NULL).
 *
 * Calls have the asynchronous form of source.h (0, -EINPROGRESS, error): a new grant is signed by
 * another process. An error counts as "serve it here".
 */
#ifndef FOG_EDGE_STEER_H
#define FOG_EDGE_STEER_H

#include "core/base/err.h"
#include "core/base/types.h"
#include "edge/source.h" /* EDGE_LABEL_MAX, edge_op */

struct fog_addr;

#define EDGE_SID_MAX        65   /* session id as it stands in the path, with its NUL */
#define EDGE_STEER_URL_MAX  1024 /* URL prefix with grant, with its NUL */
#define EDGE_ASSIGN_ANCHORS 4
#define EDGE_ASSIGN_TARGETS 4

enum edge_ask_kind {
    EDGE_ASK_ENTRY,    /* playlist without a session: make one, or answer HERE */
    EDGE_ASK_SEGMENT,  /* object under /~s/<sid>/ */
    EDGE_ASK_DOWNLOAD, /* object without a session that need not stay on the site's own name */
};

/* Why a box sent the viewer back (reserved query name `fogback`). */
enum edge_back {
    EDGE_BACK_NONE,
    EDGE_BACK_GRANT,   /* the box does not take the grant: expired, foreign, unknown or used up */
    EDGE_BACK_CONTENT, /* the box could not obtain the content */
    EDGE_BACK_STAYS,   /* the object is one that stays on the site's own name */
};

/* All pointers are borrowed during the call. */
struct edge_ask {
    enum edge_ask_kind kind;
    const char *site; /* site label */
    struct fog_hash publisher_id;
    struct fog_bytes path; /* inside the site, canonical (core/content/path.h) */
    const char *sid;       /* "" without */
    const struct fog_addr *client;
    struct fog_hash object; /* manifest id */
    uint64_t size;          /* of the identity variant */
    uint32_t slot;
    bool ranged; /* a part was asked for */
    /* The box that sent the viewer back, "" for none: not to be answered again, and when in doubt
     * HERE (two boxes that disagree must not play ping-pong with a viewer). */
    const char *back_box;
    enum edge_back back_why;
};

enum edge_verdict {
    EDGE_HERE,     /* the gateway serves it itself */
    EDGE_REDIRECT, /* to `prefix` ‖ path */
    EDGE_REFUSE,   /* with `status` (4xx, or 503 when nothing is left) */
};

struct edge_decision {
    enum edge_verdict verdict;
    int status; /* redirect: 302 or 307; refusal: its code */
    /* ENTRY: path prefix on the same host, "/~s/<sid>/". Else an absolute URL that ends in '/', for
     * example "https://<site>.<box>.<zone>/g/<grant>/". The edge appends the rest of the path as
     * the client wrote it. */
    char prefix[EDGE_STEER_URL_MAX];
    unsigned retry_after_s; /* refusal, 0 = none */
};

/* The assign call of kit players. */
struct edge_assign_ask {
    const char *site;
    struct fog_hash publisher_id;
    struct fog_bytes path; /* directory prefix, canonical; empty: the whole site */
    const char *sid;       /* to renew, "" for a new session */
    const struct fog_addr *client;
    uint8_t anchors[EDGE_ASSIGN_ANCHORS][32];
    unsigned n_anchors; /* >= 1 */
};

struct edge_target {
    char box[EDGE_LABEL_MAX];
    char url_prefix[EDGE_STEER_URL_MAX]; /* ends in "/g/<grant>/" */
    uint8_t serial[16];
    uint32_t tick_bytes;
    uint64_t max_bytes;
    uint32_t not_after; /* Unix seconds, hub time */
};

struct edge_assign {
    char sid[EDGE_SID_MAX];
    struct edge_target targets[EDGE_ASSIGN_TARGETS];
    unsigned n_targets;
    int status;             /* 200, or the refusal's code */
    unsigned retry_after_s; /* refusal, 0 = none */
};

struct edge_steer {
    void *arg;
    int (*decide)(void *arg, const struct edge_ask *ask, struct edge_op *op,
                  struct edge_decision *out);
    int (*assign)(void *arg, const struct edge_assign_ask *ask, struct edge_op *op,
                  struct edge_assign *out);
    void (*cancel)(void *arg, struct edge_op *op);
};

#endif
