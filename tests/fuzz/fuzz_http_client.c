/* Bytes of a server into our client, over a socket pair. First byte: bit 0 HTTP/2 instead of
 * HTTP/1.1, bit 1 the owner pauses after each piece; the second byte is the size of the pieces. */
#include "core/base/assert.h"
#include "core/http/client.h"
#include "core/http/h1_client.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct got {
    bool pause;
    unsigned ends;
    unsigned responses;
    struct fog_http_call *call;
};

static void on_response(struct fog_http_call *call, int status,
                        const struct fog_http_header *headers, size_t n, void *arg)
{
    struct got *g = arg;

    (void)call;
    (void)headers;
    (void)n;
    FOG_ASSERT(status >= 200 && status <= 999 && g->ends == 0 && g->responses++ == 0);
}

static bool on_data(struct fog_http_call *call, struct fog_bytes data, void *arg)
{
    struct got *g = arg;

    (void)call;
    FOG_ASSERT(data.len > 0 && g->responses == 1 && g->ends == 0);
    return !g->pause;
}

static void on_end(struct fog_http_call *call, int err, void *arg)
{
    struct got *g = arg;

    FOG_ASSERT(call == g->call && (err != 0 || g->responses == 1));
    g->ends++;
    g->call = NULL;
}

static const struct fog_http_call_ops ops = {
    .on_response = on_response, .on_data = on_data, .on_end = on_end};

struct peer {
    struct fog_loop *loop;
    struct h1_client *h1;
    struct fog_http_link *link;
};

static void on_h1_idle(void *arg)
{
    (void)arg;
}

static void on_h1_close(int err, void *arg)
{
    struct peer *p = arg;

    (void)err;
    h1_client_free(&p->h1);
}

static void ask(struct peer *p, int fd, bool h2, struct got *g)
{
    static const struct h1_client_events events = {.on_idle = on_h1_idle, .on_close = on_h1_close};
    struct fog_conn *c = fog_conn_from_fd(p->loop, fd, NULL, NULL);
    struct fog_http_fetch f = {.url = "/path", .method = "POST", .body = fog_bytes_str("body")};

    if (h2) {
        p->link = fog_http_link_new(c, NULL, NULL);
        FOG_ASSERT(fog_http_link_fetch(p->link, &f, &ops, g, &g->call) == 0);
        return;
    }
    p->h1 = h1_client_new(c, &events, p);
    g->call = call_new(p->loop, &f, &ops, g, 1000, 1000);
    g->call->authority = fog_bytes_str("a");
    g->call->path = fog_bytes_str("/");
    h1_client_submit(p->h1, g->call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fog_loop *loop;
    struct got g = {0};
    struct peer p;
    uint8_t junk[4096];
    int fds[2];

    if (size < 2)
        return 0;
    if (loop == NULL)
        loop = fog_loop_new();
    p = (struct peer){.loop = loop};
    FOG_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    g.pause = (data[0] & 2) != 0;
    ask(&p, fds[1], (data[0] & 1) != 0, &g);
    for (size_t at = 2; at < size && g.ends == 0;) {
        size_t step = data[1] == 0 ? 65536 : data[1];
        size_t n = size - at < step ? size - at : step;
        ssize_t sent = send(fds[0], data + at, n, MSG_NOSIGNAL);

        if (sent < 0 && errno != EAGAIN)
            break;
        at += sent > 0 ? (size_t)sent : 0;
        fog_loop_turn(loop, false);
        while (recv(fds[0], junk, sizeof junk, 0) > 0)
            ;
        if (g.pause && g.call != NULL)
            fog_http_call_resume(g.call);
    }
    (void)close(fds[0]);
    for (int i = 0; i < 10 && g.call != NULL; i++) {
        if (g.pause)
            fog_http_call_resume(g.call);
        fog_loop_turn(loop, false);
    }
    FOG_ASSERT(g.ends == 1); /* the connection is gone: the call has ended, once */
    h1_client_free(&p.h1);
    fog_http_link_free(&p.link);
    for (int i = 0; i < 4; i++)
        fog_loop_turn(loop, false);
    return 0;
}
