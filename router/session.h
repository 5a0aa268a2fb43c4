/*
 * Viewers' sessions at the gateway: ids that prove themselves, and a bounded table of what is
 * remembered about each (last box, boxes to leave out, objects asked for lately, grants in use).
 * Owns the table; decides nothing. An id whose entry was dropped gets a fresh one.
 *
 * Id: base64url of random 8 ‖ depth u8 ‖ MAC 8; the MAC (SipHash-2-4, key of the instance) covers
 * random, depth, site label and the scope of the path's first `depth` segments, so that a session
 * fits its own folder only.
 */
#ifndef FOG_ROUTER_SESSION_H
#define FOG_ROUTER_SESSION_H

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/rng.h"
#include "router/ports.h"
#include "router/steer.h"

#define SESSION_RAW     17
#define SESSION_TEXT    23
#define SESSION_EXCLUDE 8
#define SESSION_ASKED   16
#define SESSION_GRANTS  4

struct session_wait; /* of steer.c */

struct session_grant {
    uint8_t box[32];
    struct router_grant *grant; /* NULL: being signed */
    struct session_wait *waiting;
};

struct session {
    struct fog_link lru;
    uint8_t id[8];
    unsigned depth;
    fog_time_ms used;
    bool has_box;
    uint8_t box[32]; /* last one given */
    struct {
        uint8_t box[32];
        fog_time_ms until;
    } excluded[SESSION_EXCLUDE];
    struct {
        uint64_t object;
        fog_time_ms at;
        uint8_t box[32];
    } asked[SESSION_ASKED];
    unsigned next_asked;
    unsigned backs; /* boxes that sent it back lately */
    fog_time_ms back_at;
    unsigned n_grants;
    struct session_grant grants[SESSION_GRANTS];
};

struct sessions {
    uint8_t key[16];
    struct fog_map *map;
    struct fog_list lru; /* oldest first */
    size_t max;
};

void sessions_init(struct sessions *t, const uint8_t key[16], size_t max);
void sessions_fini(struct sessions *t);

/* A new id for this site and folder. depth segments of path are its scope. */
void session_make_id(struct sessions *t, const char *site, struct fog_bytes path, unsigned depth,
                     struct fog_rng *rng, char out[STEER_SID_MAX]);
/* FOG_EFORMAT, FOG_EVERIFY; the entry on success (made when missing). */
int session_find(struct sessions *t, const char *site, struct fog_bytes path, const char *sid,
                 fog_time_ms now, struct session **out) FOG_MUST_CHECK;
/* A session without an id in the URL (plain downloads), by 8 bytes that name it. */
struct session *session_by_id(struct sessions *t, const uint8_t id[8], unsigned depth,
                              fog_time_ms now);

void session_exclude(struct session *s, const uint8_t box[32], fog_time_ms until);
bool session_excludes(const struct session *s, const uint8_t box[32], fog_time_ms now);
/* Notes a request; returns the box it was sent to when the same object was asked for within
 * `window`, else NULL. */
const uint8_t *session_asked_before(const struct session *s, uint64_t object, fog_time_ms now,
                                    fog_time_ms window);
void session_note(struct session *s, uint64_t object, const uint8_t box[32], fog_time_ms now);

#endif
