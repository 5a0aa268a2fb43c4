#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/assert.h"
#include "core/io/conn_in.h"

static struct fog_conn *conn_start(struct fog_loop *loop, int fd, enum conn_state state,
                                   const struct fog_conn_ops *ops, void *arg)
{
    struct fog_conn *c = conn_new(loop, fd, state);

    c->ops = ops;
    c->arg = arg;
    return c;
}

int fog_conn_dial(struct fog_loop *loop, const struct fog_addr *to, struct fog_tls_client *tls,
                  const char *host, fog_time_ms timeout_ms, const struct fog_conn_ops *ops,
                  void *arg, struct fog_conn **out)
{
    int one = 1, rc;
    int fd = socket(to->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct fog_conn *c;

    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c = conn_start(loop, fd, CONN_CONNECTING, ops, arg);
    c->peer = *to;
    if (tls != NULL && (rc = fog_tls_new_dial(tls, host, conn_tls_out, c, &c->tls)) != 0) {
        conn_destroy(c);
        return rc;
    }
    conn_set_timer(c, timeout_ms);
    if (connect(fd, &to->u.sa, fog_addr_len(to)) == 0 || errno == EINPROGRESS)
        FOG_ASSERT(event_add(&c->writable, NULL) == 0);
    else
        conn_end(c, -errno); /* on_close tells, like every later failure */
    *out = c;
    return 0;
}

static int unix_addr(const char *path, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof out->sun_path)
        return -ENAMETOOLONG;
    memcpy(out->sun_path, path, strlen(path) + 1);
    return 0;
}

int fog_conn_dial_unix(struct fog_loop *loop, const char *path, const struct fog_conn_ops *ops,
                       void *arg, struct fog_conn **out)
{
    struct sockaddr_un to;
    struct fog_conn *c;
    int fd, rc;

    if ((rc = unix_addr(path, &to)) != 0)
        return rc;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        rc = -errno;
        (void)close(fd);
        return rc;
    }
    c = conn_start(loop, fd, CONN_CONNECTING, ops, arg);
    FOG_ASSERT(event_add(&c->writable, NULL) == 0);
    *out = c;
    return 0;
}

struct fog_conn *fog_conn_from_fd(struct fog_loop *loop, int fd, const struct fog_conn_ops *ops,
                                  void *arg)
{
    struct fog_conn *c = conn_start(loop, fd, CONN_OPEN, ops, arg);
    socklen_t len = sizeof c->peer;

    if (getpeername(fd, &c->peer.u.sa, &len) != 0)
        c->peer = (struct fog_addr){0};
    conn_read_wanted(c);
    return c;
}

int fog_listen_unix(const char *path, int *fd_out)
{
    struct sockaddr_un at;
    mode_t old;
    int fd, rc;

    if ((rc = unix_addr(path, &at)) != 0)
        return rc;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    (void)unlink(path);
    old = umask(0177);
    rc = bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 64) != 0 ? -errno : 0;
    (void)umask(old);
    if (rc != 0) {
        (void)close(fd);
        return rc;
    }
    *fd_out = fd;
    return 0;
}
