/*
 * Who is alive, as this instance sees it (PROTOCOL 5): a state machine per enrolled box, fed with
 * heartbeats, closed connections, viewers that ask again, and outcomes of probes. Owns states and
 * deadlines; probes and tells through `ops`; has no socket and no clock.
 *
 *   serving box: no beat for 2 periods (3 s each) -> probe     idle box: none for 1 period (10 s) +
 * 1 s -> probe connection reset: suspect at once, probe                   a viewer asked again:
 * probe, the box stays in use probe failed or silent for 1 s: dead                       clean
 * LEAVE: left, at once > 30 % (and at least 2) of the living silent within 10 s: a cut; those
 * deaths are marked, nothing is repaired
 */
#ifndef FOG_ROUTER_LEASE_H
#define FOG_ROUTER_LEASE_H

#include "core/base/err.h"
#include "core/base/types.h"

#define LEASE_SERVING_MS 3000
#define LEASE_IDLE_MS    10000
#define LEASE_PROBE_MS   1000  /* a probe that takes longer has failed */
#define LEASE_PROBE_GAP  1000  /* between probes of one box that viewers asked for */
#define LEASE_ORPHAN_MS  10000 /* answers probes but holds no lease: so long it stays in use */
#define LEASE_WARMUP_MS  15000 /* after our own start, boxes may take that long to come back */
#define LEASE_CUT_WINDOW 10000

/* NEW: enrolled, not heard of since this instance started. */
#define LEASE_STATES(X)                                                                            \
    X(LEASE_NEW, "new")                                                                            \
    X(LEASE_ALIVE, "alive")                                                                        \
    X(LEASE_SUSPECT, "suspect")                                                                    \
    X(LEASE_DEAD, "dead")                                                                          \
    X(LEASE_LEFT, "left")

enum lease_state {
#define X(name, text) name,
    LEASE_STATES(X)
#undef X
};

enum lease_why {
    LEASE_WHY_HELLO,
    LEASE_WHY_BEAT,
    LEASE_WHY_MISSED,
    LEASE_WHY_RESET,
    LEASE_WHY_REASK,
    LEASE_WHY_PROBE,
    LEASE_WHY_LEAVE,
    LEASE_WHY_WARMUP,
};

struct lease_load {
    uint32_t active, conns;
    uint64_t egress_bps, bytes_total, free_bytes;
    bool drain;
};

struct lease_box {
    uint8_t key[32];
    enum lease_state state;
    bool connected;
    bool cut;          /* died in a cut: do not repair */
    fog_time_ms since; /* in this state */
    fog_time_ms last_beat;
    fog_time_ms silent_at;   /* when it fell silent last */
    fog_time_ms probe_until; /* 0: none in flight */
    fog_time_ms last_probe;
    fog_time_ms orphan_until; /* 0: holds a lease */
    enum lease_why probe_why;
    struct lease_load load;
};

struct leases_ops {
    void *arg;
    /* Find out whether it lives; the answer comes by leases_on_probe. */
    void (*probe)(void *arg, const uint8_t key[32], enum lease_why why);
    /* After each change of state. */
    void (*changed)(void *arg, const struct lease_box *box, enum lease_state from);
    /* A cut began or ended. */
    void (*cut)(void *arg, bool on);
};

struct leases;

struct leases *leases_new(const uint8_t map_seed[16], fog_time_ms now, fog_time_ms cut_hold_ms,
                          const struct leases_ops *ops);
void leases_free(struct leases **l);

/* An enrolled box; does nothing when it is known. */
void leases_add(struct leases *l, const uint8_t key[32], fog_time_ms now);
void leases_remove(struct leases *l, const uint8_t key[32]);

void leases_on_hello(struct leases *l, const uint8_t key[32], fog_time_ms now);
void leases_on_beat(struct leases *l, const uint8_t key[32], const struct lease_load *load,
                    fog_time_ms now);
void leases_on_closed(struct leases *l, const uint8_t key[32], fog_time_ms now);
void leases_on_leave(struct leases *l, const uint8_t key[32], fog_time_ms now);
void leases_on_reask(struct leases *l, const uint8_t key[32], fog_time_ms now);
void leases_on_probe(struct leases *l, const uint8_t key[32], bool answered, fog_time_ms now);

/* Does what is due; returns the next time it wants to be called (at most 1 s ahead). */
fog_time_ms leases_tick(struct leases *l, fog_time_ms now);

/* NULL when unknown. */
const struct lease_box *leases_get(const struct leases *l, const uint8_t key[32]);
/* Should new viewers be sent there? */
bool leases_is_usable(const struct leases *l, const uint8_t key[32]);
/* For the live bitmap: alive, or suspected and not yet judged. */
bool leases_counts_alive(const struct leases *l, const uint8_t key[32]);
bool leases_in_cut(const struct leases *l);

void leases_each(const struct leases *l, void (*each)(void *arg, const struct lease_box *box),
                 void *arg);

const char *lease_state_name(enum lease_state s);
const char *lease_why_name(enum lease_why w);

#endif
