/*
 * One viewer's request, from its header section to the end of its answer. The states and their
 * legal moves are one table in req.c. Split over files by concern: req.c (entry, look-up, serving),
 * gateway.c (steering, assign), tick.c (ticks that come alone).
 */
#ifndef FOG_EDGE_REQ_H
#define FOG_EDGE_REQ_H

#include "edge/body.h"
#include "edge/hostpath.h"
#include "edge/instance.h"
#include "edge/plan.h"
#include "edge/respond.h"

enum edge_req_state {
    REQ_START,   /* reading the header section */
    REQ_LOOKUP,  /* waiting for site and path */
    REQ_STEER,   /* waiting for the router's decision */
    REQ_COLLECT, /* waiting for a tick's body */
    REQ_OPEN,    /* waiting for the first bytes */
    REQ_SEND,    /* the HTTP server pulls */
    REQ_DONE,
};

/* What is being looked for: the path as asked, or something in its place. */
enum edge_req_goal {
    GOAL_PATH,      /* the path, or index.html of a directory */
    GOAL_DIRECTORY, /* absent: is there <path>/index.html? then 301 */
    GOAL_NOT_FOUND, /* absent: /404.html */
    GOAL_SITE,      /* the site alone (assign) */
};

struct edge_gateway_work; /* gateway.c */

struct edge_req {
    uint32_t magic;
    enum edge_req_state state;
    struct edge *e;
    struct fog_http_req *http;
    enum edge_host host;
    bool head;
    char site[FOG_SITE_LABEL_LEN + 1];
    struct edge_target_path target;
    struct edge_query query;
    struct edge_grant *grant; /* NULL: none */
    enum edge_req_goal goal;
    char path[FOG_PATH_MAX + 16]; /* what is looked up */
    size_t path_len;
    struct edge_lookup lookup;
    struct edge_object *obj;
    struct edge_wait wait; /* LOOKUP and STEER */
    struct edge_gateway_work *gateway;
    struct edge_plan plan;
    int status; /* of the content: 0 as planned, 404 for 404.html */
    struct edge_body body;
};

void edge_req_start(struct edge *e, struct fog_http_req *http);

/* --- between the files of a request --- */

void edge_req_set_state(struct edge_req *r, enum edge_req_state to);

/* Each of these ends the request: gives everything back, counts, answers. */
void edge_req_problem(struct edge_req *r, int status, const char *code, const char *detail);
void edge_req_problem_with(struct edge_req *r, int status, const char *code, const char *detail,
                           struct edge_fields *fields);
void edge_req_refuse_method(struct edge_req *r, const char *allow);
void edge_req_redirect(struct edge_req *r, int status, const struct fog_buf *location);
/* Sends the viewer to the gateway's URL for the same object. Only on box names. */
void edge_req_back(struct edge_req *r, enum edge_back why);
/* The site or its content cannot be had now: on a box back to the gateway, there 503. */
void edge_req_unavailable(struct edge_req *r);

/* Gives back whatever the current state holds, without an answer. */
void edge_req_release(struct edge_req *r);

/* Looks up r->site and a path; edge_req_found or a failure follows. */
void edge_req_lookup(struct edge_req *r, enum edge_req_goal goal);

/* Serves r->obj from here. */
void edge_req_serve(struct edge_req *r);

/* gateway.c: asks the router what to do with r->obj (ends in edge_req_serve, a redirect or a
 * refusal); answers the assign call once the site is known; cancels. */
void edge_gateway_steer(struct edge_req *r);
void edge_gateway_assign(struct edge_req *r);
void edge_gateway_cancel(struct edge_req *r);

/* tick.c: POST /~t/<grant>, and the tick in a query. */
void edge_tick_post(struct edge_req *r);
void edge_tick_apply(struct edge_req *r);

#endif
