/*
 * Decisions for the gateway (PROTOCOL 4): which box gets a viewer, and under which grant. Owns the
 * table of sessions and the grants in use; never does HTTP and never signs. The types mirror the
 * steer port that the edge role declares; node/ copies one into the other.
 *
 * Sessions are opaque and bound to site and prefix by a keyed MAC: one that fell out of the bounded
 * table is made again from its id and loses only its history (last box, exclusions).
 */
#ifndef FOG_ROUTER_STEER_H
#define FOG_ROUTER_STEER_H

#include "core/base/err.h"
#include "core/base/types.h"
#include "core/io/addr.h"

#define STEER_SID_MAX    65
#define STEER_URL_MAX    1024
#define STEER_ANCHORS    4
#define STEER_TARGETS    4
#define STEER_EXCLUDE_MS 15000 /* a box that a viewer asked again for is left out that long */
#define STEER_GRANT_LEFT 60    /* seconds: a grant with less is not handed out */

struct steer;

enum steer_kind { STEER_ENTRY, STEER_SEGMENT, STEER_DOWNLOAD };
/* back_why, as the edge counts them. */
enum steer_back { STEER_BACK_NONE, STEER_BACK_GRANT, STEER_BACK_CONTENT, STEER_BACK_STAYS };
enum steer_verdict { STEER_HERE, STEER_REDIRECT, STEER_REFUSE };

/* Why; also the words of `fog route explain`. */
#define STEER_REASONS(X)                                                                           \
    X(STEER_WHY_NONE, "none")                                                                      \
    X(STEER_WHY_STICKY, "same-box-as-before")                                                      \
    X(STEER_WHY_HOLDER, "holds-the-content")                                                       \
    X(STEER_WHY_HOLDER_LESS_LOADED, "less-loaded-of-two-holders")                                  \
    X(STEER_WHY_RANK, "first-by-rendezvous-rank")                                                  \
    X(STEER_WHY_REASKED, "moved-after-asking-again")                                               \
    X(STEER_WHY_NO_BOX, "no-box-left")                                                             \
    X(STEER_WHY_NO_GRANT, "no-grant")                                                              \
    X(STEER_WHY_SENT_BACK, "sent-back-by-a-box")                                                   \
    X(STEER_WHY_BAD_SESSION, "bad-session")                                                        \
    X(STEER_WHY_RATE, "too-many-new-sessions")

enum steer_why {
#define X(name, text) name,
    STEER_REASONS(X)
#undef X
};

/* All pointers are borrowed during the call. Fields as in the edge's steer port. */
struct steer_ask {
    enum steer_kind kind;
    const char *site; /* 16 characters */
    struct fog_hash publisher_id;
    struct fog_bytes path; /* inside the site, canonical (core/content/path.h) */
    const char *sid;       /* "" without */
    const struct fog_addr *client;
    struct fog_hash object;
    uint64_t size;
    uint32_t slot;
    bool ranged;
    const char *back_box; /* "" for none */
    int back_why;
};

struct steer_decision {
    enum steer_verdict verdict;
    int status;
    char prefix[STEER_URL_MAX];
    unsigned retry_after_s;
    enum steer_why why;
    char box[27]; /* label, "" for none */
};

struct steer_assign_ask {
    const char *site;
    struct fog_hash publisher_id;
    struct fog_bytes path; /* directory prefix, canonical; empty: the whole site */
    const char *sid;
    const struct fog_addr *client;
    uint8_t anchors[STEER_ANCHORS][32];
    unsigned n_anchors;
};

struct steer_target {
    char box[27];
    char url_prefix[STEER_URL_MAX];
    uint8_t serial[16];
    uint32_t tick_bytes;
    uint64_t max_bytes;
    uint32_t not_after;
};

struct steer_assign {
    char sid[STEER_SID_MAX];
    struct steer_target targets[STEER_TARGETS];
    unsigned n_targets;
    int status;
    unsigned retry_after_s;
};

/* Both answer through done, once, on the router's loop, perhaps before they return. The decision is
 * valid during done. There is no cancel: a caller that has lost interest ignores the answer (ctx
 * must outlive it). */
void steer_decide(struct steer *s, const struct steer_ask *ask,
                  void (*done)(void *ctx, const struct steer_decision *d), void *ctx);
void steer_assign(struct steer *s, const struct steer_assign_ask *ask,
                  void (*done)(void *ctx, const struct steer_assign *a), void *ctx);

const char *steer_why_name(enum steer_why why);

#endif
