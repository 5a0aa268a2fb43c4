/* Inside of the faked world: shared by edge_world.c (ports), edge_world_http.c (HTTP and loop). */
#ifndef FOG_TESTS_LIB_EDGE_WORLD_IN_H
#define FOG_TESTS_LIB_EDGE_WORLD_IN_H

#include "core/base/list.h"
#include "core/http/server.h"
#include "tests/lib/edge_world.h"

#define TASKS_MAX 256

/* An answer that is due at world_run. */
struct task {
    struct edge_op *op; /* NULL: given up */
    bool never;
    int err;
    struct edge_data *out; /* NULL: the answer is no piece */
    struct edge_data data;
};

struct world {
    struct edge *e;
    struct edge_source source;
    struct edge_steer steer;
    struct edge_grants grants;
    fog_time_ms now_ms, hub_ms;
    struct edge_store store;
    struct task tasks[TASKS_MAX];
    size_t n_tasks;
    struct fog_list timers;
    struct fog_list reqs;
    struct edge_credit_wait *credit;
    unsigned slices; /* held by the edge */
    struct world_knobs knobs;
    struct world_seen seen;
};

struct fog_timer {
    struct fog_link link;
    struct world *w;
    fog_time_ms due_ms;
    bool running;
    void (*on_timer)(void *arg);
    void *arg;
};

struct world_req {
    struct fog_link link;
    struct world *w;
    struct fog_buf method, host, path, query;
    struct fog_buf names[32], values[32];
    size_t n_headers;
    void *allocs[16];
    size_t n_allocs;
    void (*on_abort)(void *arg);
    void *abort_arg;
    bool started, over, pull;
    struct fog_http_source source;
    bool has_source;
    struct world_answer answer;
    char field[1200];
    struct fog_buf body;
    void (*on_body)(struct fog_http_req *r, int err, struct fog_bytes body, void *arg);
    void *body_arg;
};

/* One step of a request that can go on; false when there is none. */
bool world_run_req(struct world *w);

#endif
