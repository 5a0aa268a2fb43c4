/* Bytes of a client, HTTP/1.1 or HTTP/2 with prior knowledge, into a server over a socket pair. The
 * first byte says how large the pieces are. */
#include "core/base/assert.h"
#include "core/http/server.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned bodies_open;

static void on_body(struct fog_http_req *r, int err, struct fog_bytes body, void *arg)
{
    (void)arg;
    bodies_open--;
    if (err == 0)
        fog_http_respond_bytes(r, 200, NULL, 0, body);
}

static void on_request(struct fog_http_req *r, void *arg)
{
    struct fog_http_header h[] = {
        {.name = fog_bytes_str("x-path"), .value = fog_http_req_path(r)},
        {.name = fog_bytes_str("x-cookie"), .value = fog_http_req_header(r, "cookie")}};

    (void)arg;
    FOG_ASSERT(fog_http_req_method(r).len > 0 && fog_http_req_path(r).len > 0);
    if (fog_http_req_query(r).len > 0) {
        bodies_open++;
        fog_http_req_collect(r, 1000, on_body, NULL);
    } else {
        fog_http_respond_bytes(r, 200, h, FOG_COUNT(h), fog_http_req_authority(r));
    }
}

static void drop_answers(int fd)
{
    uint8_t junk[4096];

    while (recv(fd, junk, sizeof junk, 0) > 0)
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fog_loop *loop;
    static struct fog_http_server *server;
    struct fog_http_server_conf conf = {.on_request = on_request};
    size_t step = size == 0 ? 1 : (size_t)(data[0] % 16 == 0 ? 65536 : data[0]);
    int fds[2];

    if (loop == NULL) {
        loop = fog_loop_new();
        server = fog_http_server_new(loop, &conf);
    }
    FOG_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    fog_http_server_adopt(server, fog_conn_from_fd(loop, fds[1], NULL, NULL));
    for (size_t at = 1; at < size && fog_http_server_open(server) > 0;) {
        size_t n = size - at < step ? size - at : step;
        ssize_t sent = send(fds[0], data + at, n, MSG_NOSIGNAL);

        if (sent < 0 && errno != EAGAIN)
            break;
        at += sent > 0 ? (size_t)sent : 0;
        fog_loop_turn(loop, false);
        drop_answers(fds[0]);
    }
    for (int i = 0; i < 3; i++)
        fog_loop_turn(loop, false);
    (void)close(fds[0]);
    for (int i = 0; i < 10 && fog_http_server_open(server) > 0; i++)
        fog_loop_turn(loop, false);
    FOG_ASSERT(fog_http_server_open(server) == 0);
    FOG_ASSERT(bodies_open == 0); /* every sink hears the end */
    return 0;
}
