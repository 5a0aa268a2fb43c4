#include "node/admin.h"

#include "core/base/assert.h"
#include "core/http/server.h"
#include "core/io/conn.h"
#include "core/io/loop.h"
#include "node/home.h"
#include "node/serve_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct admin {
    struct serve *serve;
    struct fog_http_server *http;
    struct fog_listener *listener;
    char path[NODE_PATH_MAX];
};

static bool is(struct fog_http_req *req, const char *method, const char *path)
{
    return fog_bytes_eq(fog_http_req_method(req), fog_bytes_str(method)) &&
           fog_bytes_eq(fog_http_req_path(req), fog_bytes_str(path));
}

static void respond_status(struct serve *s, struct fog_http_req *req)
{
    const struct fog_http_header json = {fog_bytes_str("content-type"),
                                         fog_bytes_str("application/json")};
    struct fog_buf body = {0};

    serve_status(s, &body);
    fog_http_respond_bytes(req, 200, &json, 1, fog_buf_bytes(&body));
    fog_buf_fini(&body);
}

static void on_request(struct fog_http_req *req, void *arg)
{
    struct serve *s = arg;

    if (is(req, "GET", "/v1/process")) {
        respond_status(s, req);
    } else if (is(req, "POST", "/v1/admin/stop")) {
        fog_http_respond_bytes(req, 202, NULL, 0, (struct fog_bytes){0});
        serve_stop(s);
    } else if (s->router != NULL) {
        role_router_on_admin(s->router, req);
    } else {
        fog_http_respond_problem(req, 404, "unknown", "a box knows /v1/process and /v1/admin/stop");
    }
}

static void on_accept(struct fog_conn *c, void *arg)
{
    struct admin *a = arg;

    fog_http_server_adopt(a->http, c);
}

int admin_new(struct serve *s, struct admin **out)
{
    const struct fog_http_server_conf http = {
        .limits = {.connections = 16}, .on_request = on_request, .arg = s};
    struct admin *a = FOG_NEW(admin);
    int fd, rc;

    a->serve = s;
    node_path(s->conf, HOME_ADMIN, a->path);
    a->http = fog_http_server_new(s->control->loop, &http);
    rc = fog_listen_unix(a->path, &fd);
    if (rc == 0)
        rc = fog_listener_from_fd(s->control->loop, fd, NULL, on_accept, a, &a->listener);
    if (rc != 0) {
        fprintf(stderr, "fogd: cannot listen on %s: %s\n", a->path, fog_strerror(rc));
        admin_free(&a);
        return rc;
    }
    *out = a;
    return 0;
}

void admin_free(struct admin **pa)
{
    struct admin *a = *pa;

    *pa = NULL;
    if (a == NULL)
        return;
    fog_listener_free(&a->listener);
    fog_http_server_free(&a->http);
    (void)unlink(a->path);
    free(a);
}
