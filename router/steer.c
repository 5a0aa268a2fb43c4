#include "router/steer_in.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/names.h"
#include "core/content/path.h"
#include "core/obs/log.h"
#include "router/steer_core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A request whose grant is being signed. */
struct session_wait {
    struct session_wait *next;
    struct steer_decision d;
    struct fog_addr addr; /* of the box */
    char site[17];
    void (*done)(void *ctx, const struct steer_decision *d);
    void *ctx;
};

/* A grant on its way from keyd; outlives sessions and even the steer. */
struct signing {
    struct fog_link link;
    struct steer *s; /* NULL: the steer is gone */
    uint8_t session[8];
    uint8_t box[32];
};

struct bucket {
    int64_t milli; /* thousandths of a session */
    fog_time_ms at;
};

const char *steer_why_name(enum steer_why why)
{
    static const char *const names[] = {
#define X(name, text) [name] = (text),
        STEER_REASONS(X)
#undef X
    };

    return names[why];
}

struct steer *steer_new(const struct steer_conf *conf, const struct steer_ops *ops)
{
    struct steer *s = FOG_NEW(steer);

    fog_strcpy(s->zone, sizeof s->zone, fog_bytes_str(conf->zone));
    s->ops = *ops;
    s->new_per_s = conf->new_per_s;
    sessions_init(&s->sessions, conf->secret, conf->sessions_max);
    s->buckets = fog_map_new(conf->secret);
    fog_list_init(&s->signings);
    return s;
}

static void drop_buckets(struct steer *s)
{
    size_t at = 0;
    struct fog_bytes key;
    void *b;

    while ((b = fog_map_next(s->buckets, &at, &key)) != NULL) {
        fog_map_del(s->buckets, key);
        free(b);
    }
}

/* Answers everybody who waits for this grant slot. */
static void release(struct steer *s, struct session_grant *g, bool ok);

void steer_free(struct steer **sp)
{
    struct steer *s = *sp;

    *sp = NULL;
    if (s == NULL)
        return;
    FOG_LIST_EACH(&s->sessions.lru, it)
    {
        struct session *one = FOG_CONTAINER(it, session, lru);
        for (unsigned i = 0; i < one->n_grants; i++)
            release(s, &one->grants[i], false);
    }
    FOG_LIST_EACH(&s->signings, it)
    {
        FOG_CONTAINER(it, signing, link)->s = NULL;
        fog_link_remove(it);
    }
    sessions_fini(&s->sessions);
    drop_buckets(s);
    fog_map_free(&s->buckets);
    free(s);
}

size_t steer_sessions(const struct steer *s)
{
    return fog_map_count(s->sessions.map);
}

/* --- small decisions --- */

static struct steer_decision here(enum steer_why why)
{
    return (struct steer_decision){.verdict = STEER_HERE, .why = why};
}

bool steer_may_open(struct steer *s, const struct fog_addr *client)
{
    char prefix[FOG_ADDR_TEXT_MAX];
    fog_time_ms now = s->ops.now(s->ops.arg);
    struct bucket *b;

    fog_addr_prefix_text(client, prefix);
    b = fog_map_get(s->buckets, fog_bytes_str(prefix));
    if (b == NULL) {
        if (fog_map_count(s->buckets) >= STEER_BUCKETS_MAX)
            drop_buckets(s); /* a flood from everywhere: all start with a full bucket again, and are
                                counted anew */
        b = FOG_NEW(bucket);
        b->milli = (int64_t)s->new_per_s * 2000;
        b->at = now;
        fog_map_put(s->buckets, fog_bytes_str(prefix), b);
    }
    b->milli += (now - b->at) * s->new_per_s;
    b->at = now;
    if (b->milli > (int64_t)s->new_per_s * 2000)
        b->milli = (int64_t)s->new_per_s * 2000;
    if (b->milli < 1000)
        return false;
    b->milli -= 1000;
    return true;
}

unsigned steer_depth(struct fog_bytes path)
{
    unsigned n = path.len > 0;

    for (size_t i = 0; i < path.len; i++)
        n += path.p[i] == '/';
    return n;
}

static struct steer_decision entry(struct steer *s, const struct steer_ask *ask, int status)
{
    struct steer_decision d = {.verdict = STEER_REDIRECT, .status = status, .why = STEER_WHY_NONE};
    unsigned depth = steer_depth(ask->path);
    char sid[STEER_SID_MAX];

    if (!steer_may_open(s, ask->client)) {
        d = here(STEER_WHY_RATE);
        d.verdict = STEER_REFUSE;
        d.status = 429;
        d.retry_after_s = 1;
        return d;
    }
    session_make_id(&s->sessions, ask->site, ask->path, depth > 0 ? depth - 1 : 0, s->ops.rng, sid);
    snprintf(d.prefix, sizeof d.prefix, "/~s/%s/", sid);
    return d;
}

/* --- choosing a box --- */

static void group_of(const char *site, uint32_t slot, struct fog_hash *pg)
{
    struct fog_site_id id = {{0}};

    if (fog_site_label_parse(fog_bytes_str(site), &id) == 0)
        fog_placement_group(&id, slot, pg);
    else
        memset(pg, 0, sizeof *pg);
}

bool steer_choose(struct steer *s, const struct fog_addr *client, const char *site, uint32_t slot,
                  const struct session *session, const uint8_t (*also_not)[32], size_t n_not,
                  struct steer_choice *out)
{
    uint8_t usable[CELLMAP_ROWS_MAX], holders[32][32];
    uint32_t load[CELLMAP_ROWS_MAX];
    struct geo_place place;
    struct pick_ask ask = {
        .client = &place, .usable = usable, .holders = (const uint8_t(*)[32])holders, .load = load};
    const struct cellmap *map = s->ops.map(s->ops.arg);
    fog_time_ms now = s->ops.now(s->ops.arg);

    if (map == NULL)
        return false;
    s->ops.locate(s->ops.arg, client, &place);
    group_of(site, slot, &ask.pg);
    ask.map = out->map = map;
    ask.n_holders = s->ops.holders(s->ops.arg, &ask.pg, holders, FOG_COUNT(holders));
    ask.coin = (unsigned)fog_rng_below(s->ops.rng, 2);
    for (size_t i = 0; i < map->n; i++) {
        const uint8_t *key = map->rows[i].key;
        usable[i] = pick_row_serves(&map->rows[i]) && s->ops.usable(s->ops.arg, key) &&
                    (session == NULL || !session_excludes(session, key, now));
        for (size_t x = 0; x < n_not && usable[i] != 0; x++)
            usable[i] = memcmp(also_not[x], key, 32) != 0;
        load[i] = s->ops.load(s->ops.arg, key);
    }
    pick_box(&ask, &out->pick);
    /* Sticky: the box this viewer has is kept while nothing speaks for another. */
    if (session != NULL && session->has_box && out->pick.row >= 0) {
        int had = cellmap_find_key(map, session->box);
        bool holds = false;
        for (size_t i = 0; i < ask.n_holders; i++)
            holds |= memcmp(holders[i], session->box, 32) == 0;
        if (had >= 0 && usable[had] != 0 && (holds || !out->pick.holder) &&
            geo_distance(&place, map->rows[had].country, map->rows[had].asn,
                         map->rows[had].domain) <= out->pick.distance) {
            out->pick.row = had;
            out->pick.why = STEER_WHY_STICKY;
        }
    }
    return out->pick.row >= 0;
}

bool steer_explain(struct steer *s, const struct fog_addr *client, const char *site, uint32_t slot,
                   struct steer_explain *out)
{
    struct steer_choice c = {.pick = {.row = -1}};

    memset(out, 0, sizeof *out);
    (void)steer_choose(s, client, site, slot, NULL, NULL, 0, &c);
    if (c.map == NULL)
        return false;
    s->ops.locate(s->ops.arg, client, &out->client);
    group_of(site, slot, &out->pg);
    out->pick = c.pick;
    if (c.pick.row >= 0) {
        const struct cellmap_row *row = &c.map->rows[c.pick.row];
        fog_box_label(&row->box, out->box);
        out->score = place_score(&c.map->items[c.pick.row], &out->pg);
        out->load = s->ops.load(s->ops.arg, row->key);
    }
    return true;
}

/* --- URLs and grants --- */

void steer_url(const char *zone, const char *site, const char *box, const struct fog_addr *addr,
               const char *grant, char *out, size_t size)
{
    uint16_t port = fog_addr_port(addr);
    char tail[8] = "", url[STEER_URL_MAX];

    if (port != 443)
        snprintf(tail, sizeof tail, ":%u", port);
    snprintf(url, sizeof url, "https://%s.%s.%s%s/g/%s/", site, box, zone, tail, grant);
    (void)fog_strcpy(out, size, fog_bytes_str(url));
}

static bool is_fresh(const struct steer *s, const struct router_grant *g)
{
    return (int64_t)g->not_after - s->ops.hub_ms(s->ops.arg) / 1000 >= STEER_GRANT_LEFT;
}

/* The slot for this box's grant in the session; the one of an unused box makes room. */
static struct session_grant *grant_slot(struct session *s, const uint8_t box[32])
{
    struct session_grant *g;

    for (unsigned i = 0; i < s->n_grants; i++)
        if (memcmp(s->grants[i].box, box, 32) == 0)
            return &s->grants[i];
    if (s->n_grants < SESSION_GRANTS) {
        g = &s->grants[s->n_grants++];
    } else {
        g = &s->grants[0];
        for (unsigned i = 0;
             i < s->n_grants && (g->waiting != NULL || memcmp(g->box, s->box, 32) == 0); i++)
            g = &s->grants[i];
        if (g->waiting != NULL)
            return NULL;
        free(g->grant);
    }
    memset(g, 0, sizeof *g);
    memcpy(g->box, box, sizeof g->box);
    return g;
}

static void forget_grant(struct session *s, const uint8_t box[32])
{
    for (unsigned i = 0; i < s->n_grants; i++)
        if (memcmp(s->grants[i].box, box, 32) == 0 && s->grants[i].waiting == NULL) {
            free(s->grants[i].grant);
            s->grants[i] = s->grants[--s->n_grants];
            return;
        }
}

static void release(struct steer *s, struct session_grant *g, bool ok)
{
    struct session_wait *w;

    while ((w = g->waiting) != NULL) {
        g->waiting = w->next;
        s->n_waits--;
        if (ok) {
            steer_url(s->zone, w->site, w->d.box, &w->addr, g->grant->text, w->d.prefix,
                      sizeof w->d.prefix);
        } else {
            w->d.verdict = STEER_HERE;
            w->d.why = STEER_WHY_NO_GRANT;
        }
        w->done(w->ctx, &w->d);
        free(w);
    }
}

static void on_signed(void *ctx, int err, const struct router_grant *grant)
{
    struct signing *sig = ctx;
    struct steer *s = sig->s;
    struct session *one;

    if (s != NULL) {
        fog_link_remove(&sig->link);
        if (err != 0 && err != FOG_EDENIED)
            fog_unusual("steer.grant", "error=%s", fog_errname(err));
        one = fog_map_get(s->sessions.map, fog_bytes_of(sig->session, sizeof sig->session));
        for (unsigned i = 0; one != NULL && i < one->n_grants; i++) {
            struct session_grant *g = &one->grants[i];
            if (memcmp(g->box, sig->box, 32) != 0 || g->waiting == NULL)
                continue;
            if (err == 0) {
                free(g->grant);
                g->grant = FOG_NEW(router_grant);
                *g->grant = *grant;
            }
            release(s, g, err == 0);
            break;
        }
    }
    free(sig);
}

static void sign(struct steer *s, const struct steer_ask *ask, struct session *session,
                 const struct cellmap_row *row)
{
    bool file = ask->kind == STEER_DOWNLOAD;
    struct router_grant_ask g = {.publisher_id = ask->publisher_id,
                                 .node_id = row->node_id,
                                 .path = ask->path,
                                 .depth = session->depth,
                                 .max_bytes = file ? ask->size + ask->size / 10 + 65536 : 0,
                                 .life_s = file ? STEER_FILE_LIFE_S : STEER_SESSION_LIFE_S};
    struct signing *sig = FOG_NEW(signing);
    struct fog_site_id site = {{0}};
    int rc = fog_site_label_parse(fog_bytes_str(ask->site), &site);

    FOG_ASSERT(rc == 0); /* steer_decide looked */
    memcpy(g.site, site.b, sizeof g.site);
    memcpy(g.box, row->key, sizeof g.box);
    memcpy(g.node, row->node, sizeof g.node);
    sig->s = s;
    memcpy(sig->session, session->id, sizeof sig->session);
    memcpy(sig->box, row->key, sizeof sig->box);
    fog_list_push_back(&s->signings, &sig->link);
    s->ops.grants.issue(s->ops.grants.arg, &g, on_signed, sig);
}

/* Redirects to that row, with the grant in use or a new one. */
static void redirect(struct steer *s, const struct steer_ask *ask, struct session *session,
                     const struct steer_choice *c, enum steer_why why,
                     void (*done)(void *ctx, const struct steer_decision *d), void *ctx)
{
    const struct cellmap_row *row = &c->map->rows[c->pick.row];
    struct session_grant *g = grant_slot(session, row->key);
    struct steer_decision d = {.verdict = STEER_REDIRECT, .status = 307, .why = why};
    struct fog_addr addr;
    struct session_wait *w;
    bool first;

    if (!cellmap_row_addr(row, &addr) || g == NULL || s->n_waits >= STEER_WAITS_MAX) {
        d = here(STEER_WHY_NO_GRANT);
        done(ctx, &d);
        return;
    }
    fog_box_label(&row->box, d.box);
    session->has_box = true;
    memcpy(session->box, row->key, sizeof session->box);
    if (g->grant != NULL && g->waiting == NULL && is_fresh(s, g->grant)) {
        steer_url(s->zone, ask->site, d.box, &addr, g->grant->text, d.prefix, sizeof d.prefix);
        done(ctx, &d);
        return;
    }
    first = g->waiting == NULL;
    w = FOG_NEW(session_wait);
    w->d = d;
    w->addr = addr;
    fog_strcpy(w->site, sizeof w->site, fog_bytes_str(ask->site));
    w->done = done;
    w->ctx = ctx;
    w->next = g->waiting;
    g->waiting = w;
    s->n_waits++;
    if (first)
        sign(s, ask, session, row);
}

/* --- the two kinds of requests that go to boxes --- */

static uint64_t object_tag(const struct fog_hash *h)
{
    uint64_t v;

    memcpy(&v, h->b, sizeof v);
    return v;
}

/* A box sent the viewer back: it is left out, and after two of them the gateway serves. */
static bool sent_back(struct steer *s, const struct steer_ask *ask, struct session *session,
                      fog_time_ms now)
{
    const struct cellmap *map = s->ops.map(s->ops.arg);
    struct fog_box_id box;
    int row;

    if (now - session->back_at > STEER_EXCLUDE_MS)
        session->backs = 0;
    session->back_at = now;
    if (++session->backs >= 2 || ask->back_why == STEER_BACK_STAYS || map == NULL ||
        fog_box_label_parse(fog_bytes_str(ask->back_box), &box) != 0)
        return true;
    row = cellmap_find_box(map, &box);
    if (row >= 0) {
        session_exclude(session, map->rows[row].key, now + STEER_EXCLUDE_MS);
        forget_grant(session, map->rows[row].key);
    }
    return false;
}

static void to_box(struct steer *s, const struct steer_ask *ask, struct session *session,
                   void (*done)(void *ctx, const struct steer_decision *d), void *ctx)
{
    fog_time_ms now = s->ops.now(s->ops.arg);
    uint64_t object = object_tag(&ask->object);
    struct steer_choice c = {.pick = {.row = -1}};
    struct steer_decision d = here(STEER_WHY_SENT_BACK);
    const uint8_t *before;
    bool moved = false;

    if (ask->back_box[0] != 0) {
        if (sent_back(s, ask, session, now)) {
            done(ctx, &d);
            return;
        }
    } else if (!ask->ranged &&
               (before = session_asked_before(session, object, now, STEER_EXCLUDE_MS)) != NULL) {
        /* Parts of one object are asked for side by side; a whole one is asked for twice when it
         * did not come. */
        session_exclude(session, before, now + STEER_EXCLUDE_MS);
        s->ops.reask(s->ops.arg, before);
        moved = true;
    }
    if (!steer_choose(s, ask->client, ask->site, ask->slot, session, NULL, 0, &c)) {
        d = here(STEER_WHY_NO_BOX);
        done(ctx, &d);
        return;
    }
    session_note(session, object, c.map->rows[c.pick.row].key, now);
    redirect(s, ask, session, &c, moved ? STEER_WHY_REASKED : c.pick.why, done, ctx);
}

/* A download has no session in its URL: client, site and object make one. */
static struct session *download_session(struct steer *s, const struct steer_ask *ask)
{
    uint8_t key[16 + 16 + 32], id[8];
    uint64_t v;

    fog_addr_ip16(ask->client, key);
    memcpy(key + 16, ask->site, 16);
    memcpy(key + 32, ask->object.b, 32);
    v = fog_siphash(s->sessions.key, fog_bytes_of(key, sizeof key));
    memcpy(id, &v, sizeof id);
    return session_by_id(&s->sessions, id, steer_depth(ask->path), s->ops.now(s->ops.arg));
}

void steer_decide(struct steer *s, const struct steer_ask *ask,
                  void (*done)(void *ctx, const struct steer_decision *d), void *ctx)
{
    struct steer_decision d = here(STEER_WHY_NONE);
    struct fog_site_id site;
    struct session *session;

    if (fog_site_label_parse(fog_bytes_str(ask->site), &site) != 0 || s->ops.grants.issue == NULL) {
        done(ctx, &d);
        return;
    }
    switch (ask->kind) {
    case STEER_ENTRY:
        d = entry(s, ask, 302);
        done(ctx, &d);
        return;
    case STEER_SEGMENT:
        if (session_find(&s->sessions, ask->site, ask->path, ask->sid, s->ops.now(s->ops.arg),
                         &session) != 0) {
            /* Our key changed, or somebody invents ids: a new session, at the rate of new sessions.
             */
            d = entry(s, ask, 307);
            if (d.verdict == STEER_REDIRECT)
                d.why = STEER_WHY_BAD_SESSION;
            done(ctx, &d);
            return;
        }
        to_box(s, ask, session, done, ctx);
        return;
    case STEER_DOWNLOAD:
        if (ask->path.len == 0)
            done(ctx, &d);
        else
            to_box(s, ask, download_session(s, ask), done, ctx);
        return;
    }
    done(ctx, &d);
}
