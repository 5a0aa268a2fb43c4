#include "router/lease.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/obs/log.h"

#include <stdlib.h>

#define BIT(s) (1u << (s))

struct leases {
    struct fog_map *boxes;
    struct leases_ops ops;
    fog_time_ms started, cut_hold_ms, cut_until; /* cut_until 0: no cut */
    fog_time_ms cut_grew;                        /* when a box was last counted into it */
};

/* Every legal move; leaving a state for itself is no move. */
static const unsigned moves[] = {
    [LEASE_NEW] = BIT(LEASE_ALIVE) | BIT(LEASE_DEAD) | BIT(LEASE_LEFT),
    [LEASE_ALIVE] = BIT(LEASE_SUSPECT) | BIT(LEASE_DEAD) | BIT(LEASE_LEFT),
    [LEASE_SUSPECT] = BIT(LEASE_ALIVE) | BIT(LEASE_DEAD) | BIT(LEASE_LEFT),
    [LEASE_DEAD] = BIT(LEASE_ALIVE) | BIT(LEASE_LEFT),
    [LEASE_LEFT] = BIT(LEASE_ALIVE),
};

const char *lease_state_name(enum lease_state s)
{
    static const char *const names[] = {
#define X(name, text) [name] = (text),
        LEASE_STATES(X)
#undef X
    };

    return names[s];
}

const char *lease_why_name(enum lease_why w)
{
    switch (w) {
    case LEASE_WHY_HELLO:
        return "hello";
    case LEASE_WHY_BEAT:
        return "beat";
    case LEASE_WHY_MISSED:
        return "beats-missed";
    case LEASE_WHY_RESET:
        return "connection-closed";
    case LEASE_WHY_REASK:
        return "viewer-asked-again";
    case LEASE_WHY_PROBE:
        return "probe";
    case LEASE_WHY_LEAVE:
        return "leave";
    case LEASE_WHY_WARMUP:
        return "not-back-after-start";
    }
    return "?";
}

struct leases *leases_new(const uint8_t map_seed[16], fog_time_ms now, fog_time_ms cut_hold_ms,
                          const struct leases_ops *ops)
{
    struct leases *l = FOG_NEW(leases);

    l->boxes = fog_map_new(map_seed);
    l->ops = *ops;
    l->started = now;
    l->cut_hold_ms = cut_hold_ms;
    return l;
}

void leases_free(struct leases **lp)
{
    struct leases *l = *lp;
    size_t at = 0;
    void *b;

    *lp = NULL;
    if (l == NULL)
        return;
    while ((b = fog_map_next(l->boxes, &at, NULL)) != NULL)
        free(b);
    fog_map_free(&l->boxes);
    free(l);
}

static struct lease_box *find(const struct leases *l, const uint8_t key[32])
{
    return fog_map_get(l->boxes, fog_bytes_of(key, 32));
}

const struct lease_box *leases_get(const struct leases *l, const uint8_t key[32])
{
    return find(l, key);
}

static void set_state(struct leases *l, struct lease_box *b, enum lease_state to,
                      enum lease_why why, fog_time_ms now)
{
    enum lease_state from = b->state;

    if (from == to)
        return;
    FOG_ASSERT((moves[from] & BIT(to)) != 0);
    b->state = to;
    b->since = now;
    if (to == LEASE_ALIVE)
        b->cut = false;
    fog_info("lease.state", "box=%02x%02x%02x%02x from=%s to=%s why=%s", b->key[0], b->key[1],
             b->key[2], b->key[3], lease_state_name(from), lease_state_name(to),
             lease_why_name(why));
    l->ops.changed(l->ops.arg, b, from);
}

static void probe(struct leases *l, struct lease_box *b, enum lease_why why, fog_time_ms now)
{
    if (b->probe_until != 0)
        return;
    if (why == LEASE_WHY_REASK && b->last_probe != 0 && now < b->last_probe + LEASE_PROBE_GAP)
        return;
    b->probe_until = now + LEASE_PROBE_MS;
    b->last_probe = now;
    b->probe_why = why;
    l->ops.probe(l->ops.arg, b->key, why);
}

void leases_add(struct leases *l, const uint8_t key[32], fog_time_ms now)
{
    struct lease_box *b;

    if (find(l, key) != NULL)
        return;
    b = FOG_NEW(lease_box);
    memcpy(b->key, key, sizeof b->key);
    b->since = now;
    fog_map_put(l->boxes, fog_bytes_of(key, 32), b);
}

void leases_remove(struct leases *l, const uint8_t key[32])
{
    free(fog_map_del(l->boxes, fog_bytes_of(key, 32)));
}

static fog_time_ms beat_due(const struct lease_box *b)
{
    return b->last_beat + (b->load.active > 0 ? 2 * LEASE_SERVING_MS : LEASE_IDLE_MS + 1000);
}

void leases_on_hello(struct leases *l, const uint8_t key[32], fog_time_ms now)
{
    struct lease_box *b = find(l, key);

    if (b == NULL)
        return;
    b->connected = true;
    b->last_beat = now;
    b->silent_at = b->orphan_until = b->probe_until = 0;
    b->load = (struct lease_load){0};
    set_state(l, b, LEASE_ALIVE, LEASE_WHY_HELLO, now);
}

void leases_on_beat(struct leases *l, const uint8_t key[32], const struct lease_load *load,
                    fog_time_ms now)
{
    struct lease_box *b = find(l, key);

    if (b == NULL || !b->connected || b->state == LEASE_LEFT)
        return;
    b->last_beat = now;
    b->silent_at = 0;
    b->load = *load;
    /* A beat answers the question whether a silent box lives, not whether viewers reach it. */
    if (b->probe_why == LEASE_WHY_MISSED)
        b->probe_until = 0;
    set_state(l, b, LEASE_ALIVE, LEASE_WHY_BEAT, now);
}

/* Was this one silence too many? Then everybody who fell silent in the window is marked. */
static void look_for_cut(struct leases *l, fog_time_ms now)
{
    size_t at = 0, silent = 0, living = 0;
    struct lease_box *b;

    while ((b = fog_map_next(l->boxes, &at, NULL)) != NULL) {
        bool recent =
            b->silent_at != 0 && now - b->silent_at <= LEASE_CUT_WINDOW && b->state != LEASE_LEFT;
        silent += recent;
        living += recent || b->state == LEASE_ALIVE || b->state == LEASE_SUSPECT;
    }
    if (silent < 2 || silent * 10 <= living * 3)
        return;
    for (at = 0; (b = fog_map_next(l->boxes, &at, NULL)) != NULL;)
        if (b->silent_at != 0 && now - b->silent_at <= LEASE_CUT_WINDOW)
            b->cut = true;
    if (l->cut_until == 0) {
        fog_unusual("lease.cut", "silent=%zu living=%zu: no copies are made for them", silent,
                    living);
        l->cut_until = now + l->cut_hold_ms;
        l->ops.cut(l->ops.arg, true);
    }
    l->cut_until = now + l->cut_hold_ms;
    l->cut_grew = now;
}

static void fell_silent(struct leases *l, struct lease_box *b, fog_time_ms now)
{
    if (b->silent_at == 0)
        b->silent_at = now;
    /* Idle boxes are noticed up to a beat later than those whose connection broke: the cut grows
     * while it does. */
    if (l->cut_until != 0 && now - l->cut_grew <= LEASE_CUT_WINDOW) {
        b->cut = true;
        l->cut_grew = now;
    }
    look_for_cut(l, now);
}

void leases_on_closed(struct leases *l, const uint8_t key[32], fog_time_ms now)
{
    struct lease_box *b = find(l, key);

    if (b == NULL || !b->connected)
        return;
    b->connected = false;
    if (b->state != LEASE_ALIVE && b->state != LEASE_SUSPECT)
        return;
    fell_silent(l, b, now);
    set_state(l, b, LEASE_SUSPECT, LEASE_WHY_RESET, now);
    b->probe_until = 0; /* an answer on the old connection would say nothing */
    probe(l, b, LEASE_WHY_RESET, now);
}

void leases_on_leave(struct leases *l, const uint8_t key[32], fog_time_ms now)
{
    struct lease_box *b = find(l, key);

    if (b == NULL)
        return;
    b->probe_until = b->orphan_until = b->silent_at = 0;
    set_state(l, b, LEASE_LEFT, LEASE_WHY_LEAVE, now);
}

void leases_on_reask(struct leases *l, const uint8_t key[32], fog_time_ms now)
{
    struct lease_box *b = find(l, key);

    if (b != NULL && b->state == LEASE_ALIVE)
        probe(l, b, LEASE_WHY_REASK, now);
}

static void judge(struct leases *l, struct lease_box *b, bool answered, fog_time_ms now)
{
    b->probe_until = 0;
    if (b->state != LEASE_ALIVE && b->state != LEASE_SUSPECT)
        return;
    if (!answered) {
        fell_silent(l, b, now);
        b->orphan_until = 0;
        set_state(l, b, LEASE_DEAD, LEASE_WHY_PROBE, now);
        return;
    }
    b->silent_at = 0;
    if (b->connected)
        b->last_beat = now; /* one more period before the next question */
    else if (b->orphan_until == 0)
        b->orphan_until = now + LEASE_ORPHAN_MS;
    set_state(l, b, LEASE_ALIVE, LEASE_WHY_PROBE, now);
}

void leases_on_probe(struct leases *l, const uint8_t key[32], bool answered, fog_time_ms now)
{
    struct lease_box *b = find(l, key);

    if (b != NULL && b->probe_until != 0)
        judge(l, b, answered, now);
}

/* What this box's clock says; returns its next deadline. */
static fog_time_ms tick_box(struct leases *l, struct lease_box *b, fog_time_ms now)
{
    if (b->probe_until != 0 && now >= b->probe_until)
        judge(l, b, false, now);
    if (b->state == LEASE_NEW && now >= l->started + LEASE_WARMUP_MS)
        set_state(l, b, LEASE_DEAD, LEASE_WHY_WARMUP, now);
    if (b->state == LEASE_ALIVE && b->orphan_until != 0 && now >= b->orphan_until) {
        b->orphan_until = 0;
        set_state(l, b, LEASE_DEAD, LEASE_WHY_RESET, now);
    }
    if (b->state == LEASE_ALIVE && b->connected && now >= beat_due(b)) {
        fell_silent(l, b, now);
        set_state(l, b, LEASE_SUSPECT, LEASE_WHY_MISSED, now);
        b->probe_until = 0;
        probe(l, b, LEASE_WHY_MISSED, now);
    }
    if (b->probe_until != 0)
        return b->probe_until;
    if (b->state == LEASE_ALIVE && b->connected)
        return beat_due(b);
    return b->orphan_until != 0 ? b->orphan_until : now + 1000;
}

fog_time_ms leases_tick(struct leases *l, fog_time_ms now)
{
    fog_time_ms next = now + 1000;
    struct lease_box *b;
    size_t at = 0;

    while ((b = fog_map_next(l->boxes, &at, NULL)) != NULL) {
        fog_time_ms t = tick_box(l, b, now);
        if (t < next)
            next = t;
    }
    if (l->cut_until != 0 && now >= l->cut_until) {
        fog_info("lease.cut_over", "held_ms=%lld", (long long)l->cut_hold_ms);
        l->cut_until = 0;
        for (at = 0; (b = fog_map_next(l->boxes, &at, NULL)) != NULL;)
            b->cut = false;
        l->ops.cut(l->ops.arg, false);
    }
    return next <= now ? now + 1 : next;
}

bool leases_is_usable(const struct leases *l, const uint8_t key[32])
{
    const struct lease_box *b = find(l, key);

    return b != NULL && b->state == LEASE_ALIVE && !b->load.drain;
}

bool leases_counts_alive(const struct leases *l, const uint8_t key[32])
{
    const struct lease_box *b = find(l, key);

    return b != NULL && (b->state == LEASE_ALIVE || b->state == LEASE_SUSPECT);
}

bool leases_in_cut(const struct leases *l)
{
    return l->cut_until != 0;
}

void leases_each(const struct leases *l, void (*each)(void *arg, const struct lease_box *box),
                 void *arg)
{
    struct lease_box *b;
    size_t at = 0;

    while ((b = fog_map_next(l->boxes, &at, NULL)) != NULL)
        each(arg, b);
}
