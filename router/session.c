#include "router/session.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/base/wr.h"
#include "core/content/path.h"

#include <stdlib.h>

void sessions_init(struct sessions *t, const uint8_t key[16], size_t max)
{
    memcpy(t->key, key, sizeof t->key);
    t->map = fog_map_new(key);
    t->max = max;
    fog_list_init(&t->lru);
}

static void session_free(struct sessions *t, struct session *s)
{
    fog_map_del(t->map, fog_bytes_of(s->id, sizeof s->id));
    fog_link_remove(&s->lru);
    for (unsigned i = 0; i < s->n_grants; i++)
        free(s->grants[i].grant);
    free(s);
}

void sessions_fini(struct sessions *t)
{
    struct fog_link *l;

    if (t->map == NULL)
        return;
    while ((l = fog_list_first(&t->lru)) != NULL)
        session_free(t, FOG_CONTAINER(l, session, lru));
    fog_map_free(&t->map);
}

static bool is_waiting(const struct session *s)
{
    for (unsigned i = 0; i < s->n_grants; i++)
        if (s->grants[i].waiting != NULL)
            return true;
    return false;
}

struct session *session_by_id(struct sessions *t, const uint8_t id[8], unsigned depth,
                              fog_time_ms now)
{
    struct session *s = fog_map_get(t->map, fog_bytes_of(id, 8));

    if (s == NULL) {
        struct fog_link *oldest = fog_list_first(&t->lru);
        /* One that waits for a signature is at most seconds old. */
        if (fog_map_count(t->map) >= t->max && oldest != NULL &&
            !is_waiting(FOG_CONTAINER(oldest, session, lru)))
            session_free(t, FOG_CONTAINER(oldest, session, lru));
        s = FOG_NEW(session);
        memcpy(s->id, id, sizeof s->id);
        s->depth = depth;
        fog_map_put(t->map, fog_bytes_of(s->id, sizeof s->id), s);
    } else {
        fog_link_remove(&s->lru);
    }
    s->used = now;
    fog_list_push_back(&t->lru, &s->lru);
    return s;
}

static int mac(const struct sessions *t, const uint8_t id[8], unsigned depth, const char *site,
               struct fog_bytes path, uint8_t out[8])
{
    struct fog_buf b = {0};
    struct fog_hash scope;
    uint64_t v;
    int rc = fog_path_scope(path, depth, &scope);

    if (rc != 0)
        return rc;
    fog_wr_bytes(&b, id, 8);
    fog_wr_u8(&b, (uint8_t)depth);
    fog_wr_str8(&b, site);
    fog_wr_bytes(&b, scope.b, sizeof scope.b);
    v = fog_siphash(t->key, fog_buf_bytes(&b));
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (56 - 8 * i));
    fog_buf_fini(&b);
    return 0;
}

void session_make_id(struct sessions *t, const char *site, struct fog_bytes path, unsigned depth,
                     struct fog_rng *rng, char out[STEER_SID_MAX])
{
    uint8_t raw[SESSION_RAW];
    int rc;

    fog_rng_fill(rng, raw, 8);
    raw[8] = (uint8_t)depth;
    rc = mac(t, raw, depth, site, path, raw + 9);
    FOG_ASSERT(rc == 0); /* the caller counted the segments */
    fog_base64url_encode(raw, sizeof raw, out);
}

int session_find(struct sessions *t, const char *site, struct fog_bytes path, const char *sid,
                 fog_time_ms now, struct session **out)
{
    uint8_t raw[SESSION_RAW], want[8];
    int rc;

    if (strlen(sid) != SESSION_TEXT ||
        fog_base64url_decode(fog_bytes_str(sid), raw, sizeof raw) != 0)
        return FOG_EFORMAT;
    rc = mac(t, raw, raw[8], site, path, want);
    if (rc != 0 || !fog_secret_eq(want, raw + 9, sizeof want))
        return FOG_EVERIFY;
    *out = session_by_id(t, raw, raw[8], now);
    return 0;
}

void session_exclude(struct session *s, const uint8_t box[32], fog_time_ms until)
{
    size_t at = 0;

    for (size_t i = 0; i < SESSION_EXCLUDE; i++) {
        if (memcmp(s->excluded[i].box, box, 32) == 0) {
            at = i;
            break;
        }
        if (s->excluded[i].until < s->excluded[at].until)
            at = i;
    }
    memcpy(s->excluded[at].box, box, 32);
    s->excluded[at].until = until;
}

bool session_excludes(const struct session *s, const uint8_t box[32], fog_time_ms now)
{
    for (size_t i = 0; i < SESSION_EXCLUDE; i++)
        if (s->excluded[i].until > now && memcmp(s->excluded[i].box, box, 32) == 0)
            return true;
    return false;
}

const uint8_t *session_asked_before(const struct session *s, uint64_t object, fog_time_ms now,
                                    fog_time_ms window)
{
    const uint8_t *box = NULL;
    fog_time_ms newest = 0;

    for (size_t i = 0; i < SESSION_ASKED; i++)
        if (s->asked[i].at != 0 && s->asked[i].object == object && now - s->asked[i].at <= window &&
            s->asked[i].at >= newest) {
            newest = s->asked[i].at;
            box = s->asked[i].box;
        }
    return box;
}

void session_note(struct session *s, uint64_t object, const uint8_t box[32], fog_time_ms now)
{
    unsigned at = s->next_asked++ % SESSION_ASKED;

    s->asked[at].object = object;
    s->asked[at].at = now;
    memcpy(s->asked[at].box, box, 32);
}
