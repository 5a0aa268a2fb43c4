#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/assert.h"
#include "core/io/conn_in.h"
#include "core/io/loop_in.h"
#include "core/obs/log.h"

#define LISTENER_MAGIC   0x4c53544eu
#define HANDSHAKE_MS     10000
#define HANDSHAKES_MAX   256 /* at once; the oldest goes first, so silent clients cannot fill it */
#define ACCEPTS_PER_TURN 64
#define BACKLOG          1024
#define NO_FD_PAUSE_MS   100 /* out of descriptors: wait for connections to end */

struct fog_listener {
    uint32_t magic;
    struct fog_loop *loop;
    int fd;
    struct event acceptable;
    struct event resume;
    struct fog_tls_server *tls;
    void (*on_accept)(struct fog_conn *c, void *arg);
    void *arg;
    struct fog_list handshakes;
    unsigned n_handshakes;
    struct fog_addr at;
};

void listener_handshake_lost(struct fog_conn *c)
{
    c->listener->n_handshakes--;
    c->listener = NULL;
    fog_link_remove(&c->handshake);
}

void listener_handshake_done(struct fog_conn *c)
{
    struct fog_listener *l = c->listener;

    listener_handshake_lost(c);
    l->on_accept(c, l->arg);
}

/* A client over a dual-stack socket shows as ::ffff:a.b.c.d; everybody else wants a.b.c.d. */
static void unmap(struct fog_addr *a)
{
    uint16_t port = fog_addr_port(a);
    struct in_addr v4;

    if (a->u.sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->u.v6.sin6_addr))
        return;
    memcpy(&v4, a->u.v6.sin6_addr.s6_addr + 12, sizeof v4);
    *a = (struct fog_addr){0};
    a->u.v4.sin_family = AF_INET;
    a->u.v4.sin_addr = v4;
    fog_addr_set_port(a, port);
}

static void welcome(struct fog_listener *l, int fd, const struct fog_addr *peer)
{
    struct fog_conn *c = conn_new(l->loop, fd, l->tls == NULL ? CONN_OPEN : CONN_HANDSHAKE);
    int one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->peer = *peer;
    unmap(&c->peer);
    conn_read_wanted(c);
    if (l->tls == NULL) {
        l->on_accept(c, l->arg);
        return;
    }
    if (l->n_handshakes >= HANDSHAKES_MAX)
        conn_end(FOG_CONTAINER(fog_list_first(&l->handshakes), fog_conn, handshake), FOG_EBUSY);
    c->tls = fog_tls_new_accept(l->tls, conn_tls_out, c);
    c->listener = l;
    l->n_handshakes++;
    fog_list_push_back(&l->handshakes, &c->handshake);
    conn_set_timer(c, HANDSHAKE_MS);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    struct fog_listener *l = FOG_CAST(fog_listener, LISTENER_MAGIC, arg);
    struct timeval pause = {.tv_usec = NO_FD_PAUSE_MS * 1000};

    (void)what;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct fog_addr peer = {0};
        socklen_t len = sizeof peer;
        int s = accept4(fd, &peer.u.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (s >= 0) {
            welcome(l, s, &peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            fog_unusual("listen.accept", "error=\"%s\"", fog_strerror(-errno));
            event_del(&l->acceptable);
            FOG_ASSERT(evtimer_add(&l->resume, &pause) == 0);
        }
        return; /* EAGAIN, or a client that went away in the queue: the event comes again */
    }
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct fog_listener *l = FOG_CAST(fog_listener, LISTENER_MAGIC, arg);

    (void)fd;
    (void)what;
    FOG_ASSERT(event_add(&l->acceptable, NULL) == 0);
}

int fog_listener_from_fd(struct fog_loop *loop, int fd, struct fog_tls_server *tls,
                         void (*on_accept)(struct fog_conn *c, void *arg), void *arg,
                         struct fog_listener **out)
{
    struct fog_listener *l;
    socklen_t len = sizeof l->at;

    if (evutil_make_socket_nonblocking(fd) != 0) {
        int rc = -errno;

        (void)close(fd);
        return rc;
    }
    l = FOG_NEW(fog_listener);
    l->magic = LISTENER_MAGIC;
    l->loop = loop;
    l->fd = fd;
    l->tls = tls == NULL ? NULL : fog_tls_server_ref(tls);
    l->on_accept = on_accept;
    l->arg = arg;
    fog_list_init(&l->handshakes);
    if (getsockname(fd, &l->at.u.sa, &len) != 0)
        l->at = (struct fog_addr){0};
    FOG_ASSERT(event_assign(&l->acceptable, fog_loop_base(loop), fd, EV_READ | EV_PERSIST,
                            on_acceptable, l) == 0);
    FOG_ASSERT(evtimer_assign(&l->resume, fog_loop_base(loop), on_resume, l) == 0);
    FOG_ASSERT(event_add(&l->acceptable, NULL) == 0);
    *out = l;
    return 0;
}

int fog_listener_new(struct fog_loop *loop, const struct fog_addr *at, struct fog_tls_server *tls,
                     void (*on_accept)(struct fog_conn *c, void *arg), void *arg,
                     struct fog_listener **out)
{
    int fd = socket(at->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1, zero = 0, rc;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0 ||
        (at->u.sa.sa_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero) != 0) ||
        bind(fd, &at->u.sa, fog_addr_len(at)) != 0 || listen(fd, BACKLOG) != 0) {
        rc = -errno;
        (void)close(fd);
        return rc;
    }
    return fog_listener_from_fd(loop, fd, tls, on_accept, arg, out);
}

void fog_listener_free(struct fog_listener **lp)
{
    struct fog_listener *l = *lp;
    struct fog_link *it;

    *lp = NULL;
    if (l == NULL)
        return;
    while ((it = fog_list_first(&l->handshakes)) != NULL)
        conn_end(FOG_CONTAINER(it, fog_conn, handshake), FOG_ECANCELED);
    event_del(&l->acceptable);
    event_del(&l->resume);
    (void)close(l->fd);
    fog_tls_server_free(&l->tls);
    l->magic = 0;
    free(l);
}

void fog_listener_addr(const struct fog_listener *l, struct fog_addr *out)
{
    *out = l->at;
}
