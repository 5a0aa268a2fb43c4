/*
 * A world for one edge without sockets: fakes of the HTTP server's request, of the loop's clock and
 * timers, and of the three ports, all in one thread and virtual time. Objects live in memory;
 * answers of the source and the router come at once, or later when the test says so, or never.
 *
 * Programs that use it do not link core/http and core/io: the functions that the edge needs of them
 * are defined in edge_world_http.c.
 */
#ifndef FOG_TESTS_LIB_EDGE_WORLD_H
#define FOG_TESTS_LIB_EDGE_WORLD_H

#include "core/base/buf.h"
#include "core/content/manifest.h"
#include "core/content/release.h"
#include "edge/edge.h"
#include "tests/lib/edge_store.h"

#define WORLD_SITE         "abcdefghijklmnop"
#define WORLD_BOX          "abcdefghijklmnopqrstuvwxya"
#define WORLD_ZONE         "fog.test"
#define WORLD_GATEWAY_HOST WORLD_SITE "." WORLD_ZONE
#define WORLD_BOX_HOST     WORLD_SITE "." WORLD_BOX "." WORLD_ZONE

/* How a port behaves from now on. */
enum world_mode {
    WORLD_NOW,   /* answers inside the call */
    WORLD_LATER, /* answers in world_run */
    WORLD_NEVER, /* does not answer */
};

struct world;

/* gateway: with a steer port. grants: with a grants port. */
struct world *world_new(bool gateway, bool grants);
/* The same with another budget of the look-up cache. */
struct world *world_new_sized(bool gateway, bool grants, size_t site_cache_bytes);
void world_free(struct world **w);
struct edge *world_edge(struct world *w);

/* --- content --- */

/* Publishes a release and moves the pointer of WORLD_SITE to it. */
void world_publish(struct world *w, const struct world_file *files, size_t n);

/* Deterministic bytes. */
struct fog_bytes world_bytes(struct world *w, size_t len, uint64_t seed);

/* --- behaviour --- */

struct world_knobs {
    enum world_mode pointer, object, read, steer;
    int pointer_err, object_err, read_err, steer_err; /* 0, or what the port answers */
    size_t read_max;                                  /* bytes per read, default 256 KiB */
    uint64_t read_err_from; /* reads fail only from this offset in a chunk on */
    enum edge_from from;
    struct edge_decision decision;
    struct edge_assign assign;
    enum edge_grant_verdict verdict;
    int64_t allow; /* bytes the grant still allows, EDGE_GRANT_NEVER; spent from */
    int64_t left;  /* to the grant's limit */
    int tick_rc;
    bool no_standing;
};
struct world_knobs *world_knobs(struct world *w);

/* What the edge asked the ports. */
struct world_seen {
    unsigned pointers, objects, reads, cancels, asks, assigns, checks, ticks, waits, grants_open;
    struct edge_ask ask; /* its texts are copied below */
    char ask_path[FOG_PATH_MAX + 1], ask_sid[EDGE_SID_MAX], ask_back[EDGE_LABEL_MAX];
    struct edge_assign_ask assign;
    char assign_path[FOG_PATH_MAX + 1];
    char check_path[FOG_PATH_MAX + 1];
    unsigned tick_i;
    uint64_t spent, unspent;
};
struct world_seen *world_seen(struct world *w);

/* Raises the grant's allowance and tells who waits. */
void world_credit(struct world *w, int64_t allow);

/* Gives the answers that are due, and those they cause, until nothing moves. */
void world_run(struct world *w);

/* Lets time pass (timers fire, hub time moves too). */
void world_pass(struct world *w, fog_time_ms ms);

/* --- requests --- */

struct world_header {
    const char *name, *value;
};

struct world_answer {
    int status;          /* 0: no response was started */
    bool ended;          /* all of content_length was delivered */
    bool reset;          /* the stream was aborted */
    int err;             /* why */
    uint64_t length;     /* content_length */
    struct fog_buf head; /* "name: value\n" lines */
    struct fog_buf body;
};

struct world_req; /* a running request */

/* `target` is "/path?query". Headers end with a NULL name; NULL: none. body NULL: none. */
struct world_req *world_start(struct world *w, const char *method, const char *host,
                              const char *target, const struct world_header *headers,
                              const char *body);
/* The answer so far. */
const struct world_answer *world_answer(const struct world_req *r);
/* The value of a response field, NULL when absent. Valid until the next call. */
const char *world_field(const struct world_req *r, const char *name);
/* The viewer leaves: the request is aborted. */
void world_leave(struct world_req *r);
void world_end(struct world_req **r); /* frees; leaves first when it runs */

/* world_start and world_run for a plain GET. */
struct world_req *world_get(struct world *w, const char *host, const char *target,
                            const struct world_header *headers);

#endif
