/* The assign call of kit players: up to four boxes, each with a grant over an anchor of its own. */
#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/names.h"
#include "router/steer_core.h"

#include <stdlib.h>

struct assignment { /* on its own: the steer may go before the last signature comes */
    char zone[64];
    struct steer_assign a;
    struct fog_addr addrs[STEER_TARGETS];
    char boxes[STEER_TARGETS][27];
    char site[17];
    unsigned wanted, answered;
    void (*done)(void *ctx, const struct steer_assign *a);
    void *ctx;
};

struct assign_part {
    struct assignment *all;
    unsigned i;
};

static void on_part(void *ctx, int err, const struct router_grant *grant)
{
    struct assign_part *part = ctx;
    struct assignment *all = part->all;

    if (err == 0) {
        struct steer_target *t = &all->a.targets[all->a.n_targets++];
        memcpy(t->box, all->boxes[part->i], sizeof t->box);
        steer_url(all->zone, all->site, t->box, &all->addrs[part->i], grant->text, t->url_prefix,
                  sizeof t->url_prefix);
        memcpy(t->serial, grant->serial, sizeof t->serial);
        t->tick_bytes = grant->tick_bytes;
        t->max_bytes = grant->max_bytes;
        t->not_after = grant->not_after;
    }
    free(part);
    if (++all->answered < all->wanted)
        return;
    if (all->a.n_targets == 0) {
        all->a.status = 503;
        all->a.retry_after_s = 2;
    }
    all->done(all->ctx, &all->a);
    free(all);
}

/* Up to n boxes for the viewer, best first, all different. */
static unsigned targets(struct steer *s, const struct steer_assign_ask *ask,
                        const struct session *session, unsigned n, struct cellmap_row *rows,
                        struct assignment *all)
{
    uint8_t given[STEER_TARGETS][32];
    unsigned have = 0;

    while (have < n) {
        struct steer_choice c = {.pick = {.row = -1}};
        if (!steer_choose(s, ask->client, ask->site, 0, have == 0 ? session : NULL,
                          (const uint8_t(*)[32])given, have, &c))
            break;
        rows[have] = c.map->rows[c.pick.row];
        if (!cellmap_row_addr(&rows[have], &all->addrs[have]))
            break;
        fog_box_label(&rows[have].box, all->boxes[have]);
        memcpy(given[have], rows[have].key, 32);
        have++;
    }
    return have;
}

static void refuse_assign(unsigned status, unsigned retry_s,
                          void (*done)(void *ctx, const struct steer_assign *a), void *ctx)
{
    struct steer_assign a = {.status = (int)status, .retry_after_s = retry_s};

    done(ctx, &a);
}

void steer_assign(struct steer *s, const struct steer_assign_ask *ask,
                  void (*done)(void *ctx, const struct steer_assign *a), void *ctx)
{
    unsigned depth = steer_depth(ask->path),
             n = ask->n_anchors < STEER_TARGETS ? ask->n_anchors : STEER_TARGETS;
    struct cellmap_row rows[STEER_TARGETS];
    struct session *session = NULL;
    struct assignment *all;
    struct fog_site_id site;
    unsigned wanted;

    if (fog_site_label_parse(fog_bytes_str(ask->site), &site) != 0 || n == 0 || depth > 64) {
        refuse_assign(400, 0, done, ctx);
        return;
    }
    if (!steer_may_open(s, ask->client)) {
        refuse_assign(429, 1, done, ctx);
        return;
    }
    all = FOG_NEW(assignment);
    memcpy(all->zone, s->zone, sizeof all->zone);
    all->done = done;
    all->ctx = ctx;
    all->a.status = 200;
    fog_strcpy(all->site, sizeof all->site, fog_bytes_str(ask->site));
    if (ask->sid[0] == 0 || session_find(&s->sessions, ask->site, ask->path, ask->sid,
                                         s->ops.now(s->ops.arg), &session) != 0)
        session_make_id(&s->sessions, ask->site, ask->path, depth, s->ops.rng, all->a.sid);
    else
        fog_strcpy(all->a.sid, sizeof all->a.sid, fog_bytes_str(ask->sid));
    wanted = all->wanted = targets(s, ask, session, n, rows, all);
    if (wanted == 0 || s->ops.grants.issue == NULL) {
        free(all);
        refuse_assign(503, 2, done, ctx);
        return;
    }
    for (unsigned i = 0; i < wanted; i++) {
        struct router_grant_ask g = {.publisher_id = ask->publisher_id,
                                     .node_id = rows[i].node_id,
                                     .path = ask->path,
                                     .depth = depth,
                                     .anchor = ask->anchors[i],
                                     .life_s = STEER_SESSION_LIFE_S};
        struct assign_part *part = FOG_NEW(assign_part);
        part->all = all;
        part->i = i;
        memcpy(g.site, site.b, sizeof g.site);
        memcpy(g.box, rows[i].key, sizeof g.box);
        memcpy(g.node, rows[i].node, sizeof g.node);
        s->ops.grants.issue(s->ops.grants.arg, &g, on_part, part); /* the last answer frees `all` */
    }
}
