#include "core/io/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/assert.h"
#include "core/io/conn_in.h"
#include "core/io/loop_in.h"

#define FLUSH_STALL_MS 30000 /* a closing connection without progress */
#define LINGER_MS      2000

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_life_turn(void *arg);
static void on_conn_timer(evutil_socket_t fd, short what, void *arg);

struct fog_conn *conn_new(struct fog_loop *loop, int fd, enum conn_state state)
{
    struct fog_conn *c = FOG_NEW(fog_conn);
    struct event_base *base = fog_loop_base(loop);

    c->magic = CONN_MAGIC;
    c->state = state;
    c->io = io_shared_of(loop);
    c->fd = fd;
    fog_list_push_back(&c->io->conns, &c->link);
    FOG_ASSERT(event_assign(&c->readable, base, fd, EV_READ | EV_PERSIST, on_readable, c) == 0);
    FOG_ASSERT(event_assign(&c->writable, base, fd, EV_WRITE | EV_PERSIST, conn_on_writable, c) ==
               0);
    FOG_ASSERT(evtimer_assign(&c->timer, base, on_conn_timer, c) == 0);
    c->life_turn.fn = on_life_turn;
    c->life_turn.arg = c;
    conn_out_init(c);
    return c;
}

static void close_socket(struct fog_conn *c)
{
    if (c->fd < 0)
        return;
    event_del(&c->readable);
    event_del(&c->writable);
    event_del(&c->timer);
    (void)close(c->fd);
    c->fd = -1;
    conn_out_drop(c);
    fog_turn_cancel(&c->send_turn);
}

void conn_destroy(struct fog_conn *c)
{
    close_socket(c);
    fog_turn_cancel(&c->life_turn);
    fog_link_remove(&c->link);
    fog_link_remove(&c->handshake);
    fog_tls_free(&c->tls);
    fog_buf_fini(&c->cipher_rest);
    fog_buf_fini(&c->rest);
    c->magic = 0;
    free(c);
}

void conn_end(struct fog_conn *c, int err)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    if (c->state == CONN_DEAD)
        return;
    /* Whatever was cut short must not look like a clean end to the peer. */
    if (err != 0 && (c->state == CONN_OPEN || c->state == CONN_FLUSHING))
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (c->listener != NULL)
        listener_handshake_lost(c);
    c->state = CONN_DEAD;
    c->err = err;
    close_socket(c);
    fog_turn_schedule(c->io->loop, &c->life_turn, FOG_TURN_SEND);
}

void conn_set_timer(struct fog_conn *c, fog_time_ms after_ms)
{
    struct timeval tv = {.tv_sec = (time_t)(after_ms / 1000),
                         .tv_usec = (suseconds_t)(after_ms % 1000) * 1000};

    if (after_ms == 0)
        event_del(&c->timer);
    else
        FOG_ASSERT(evtimer_add(&c->timer, &tv) == 0);
}

void conn_read_wanted(struct fog_conn *c)
{
    bool want = false;

    switch (c->state) {
    case CONN_OPEN:
        want = !c->paused && c->out_bytes <= CONN_OUT_MAX;
        break;
    case CONN_HANDSHAKE:
        want = c->out_bytes <= CONN_OUT_MAX;
        break;
    case CONN_FLUSHING:
    case CONN_LINGER:
        want = !c->peer_closed;
        break;
    case CONN_CONNECTING:
    case CONN_DEAD:
        break;
    }
    if (c->fd < 0)
        return;
    if (!want)
        event_del(&c->readable);
    else if (event_pending(&c->readable, EV_READ, NULL) == 0)
        FOG_ASSERT(event_add(&c->readable, NULL) == 0);
}

void conn_tls_out(void *arg, const void *p, size_t len)
{
    struct fog_conn *c = FOG_CAST(fog_conn, CONN_MAGIC, arg);

    if (c->state == CONN_DEAD)
        return;
    conn_out_append(c, p, len);
    fog_turn_schedule(c->io->loop, &c->send_turn, FOG_TURN_SEND);
}

/* --- reading --- */

static void keep_untaken(struct fog_conn *c, struct fog_bytes in, size_t taken)
{
    if (c->rest.len > 0)
        fog_buf_consume(&c->rest, taken);
    else if (taken < in.len)
        fog_buf_append(&c->rest, in.p + taken, in.len - taken);
    if (c->rest.len == 0)
        fog_buf_fini(&c->rest);
    else if (taken == 0 && !c->paused && c->rest.len >= CONN_REST_MAX)
        conn_end(c, FOG_ELIMIT);
}

/* Offers new plaintext after what nobody took before. */
static void deliver(struct fog_conn *c, struct fog_bytes in)
{
    void *owner = c->arg;
    size_t taken;

    if (c->rest.len > 0) {
        fog_buf_append(&c->rest, in.p, in.len);
        in = fog_buf_bytes(&c->rest);
    }
    if (in.len == 0)
        return;
    taken = c->ops == NULL ? in.len : c->ops->on_read(c, in, c->arg);
    FOG_ASSERT(taken <= in.len);
    if (c->state == CONN_DEAD)
        return;
    keep_untaken(c, in, taken);
    if (c->arg != owner) /* handed on while reading: the new owner has seen nothing yet */
        fog_conn_offer(c);
}

static void opened(struct fog_conn *c)
{
    c->state = CONN_OPEN;
    conn_set_timer(c, 0);
    conn_read_wanted(c);
    if (c->listener != NULL)
        listener_handshake_done(c);
    else if (c->ops != NULL && c->ops->on_open != NULL)
        c->ops->on_open(c, c->arg);
}

static void handshake_step(struct fog_conn *c)
{
    int rc = fog_tls_handshake(c->tls);

    if (rc == -EAGAIN)
        return;
    if (rc == 0) {
        opened(c);
        return;
    }
    conn_out_flush(c); /* the alert tells the peer why */
    conn_end(c, rc);
}

static void decrypt(struct fog_conn *c)
{
    while (c->state == CONN_OPEN && !c->paused) {
        size_t n;
        int rc = fog_tls_read(c->tls, c->io->plain, RECORD_PLAIN, &n);

        if (rc == -EAGAIN)
            return;
        if (rc != 0) {
            conn_end(c, rc == FOG_ECLOSED ? 0 : rc);
            return;
        }
        deliver(c, fog_bytes_of(c->io->plain, n));
    }
}

/* Feeds ciphertext through libssl and keeps what a pause left over. */
static void take_cipher(struct fog_conn *c, struct fog_bytes in)
{
    bool waited = c->cipher_rest.len > 0;
    size_t left;

    if (waited) {
        fog_buf_append(&c->cipher_rest, in.p, in.len);
        in = fog_buf_bytes(&c->cipher_rest);
    }
    fog_tls_feed(c->tls, in);
    if (c->state == CONN_HANDSHAKE)
        handshake_step(c);
    decrypt(c);
    left = fog_tls_fed(c->tls).len;
    fog_tls_feed(c->tls, (struct fog_bytes){0});
    if (waited)
        fog_buf_consume(&c->cipher_rest, in.len - left);
    else if (left > 0)
        fog_buf_append(&c->cipher_rest, in.p + in.len - left, left);
    if (c->cipher_rest.len == 0)
        fog_buf_fini(&c->cipher_rest);
}

static void on_eof(struct fog_conn *c)
{
    switch (c->state) {
    case CONN_LINGER:
        conn_end(c, 0);
        break;
    case CONN_FLUSHING: /* a half-closed peer may still read */
        c->peer_closed = true;
        conn_read_wanted(c);
        break;
    case CONN_HANDSHAKE:
    case CONN_OPEN:
        /* TLS ends with close_notify; without it somebody may have cut the stream. */
        conn_end(c, c->tls == NULL ? 0 : FOG_ECLOSED);
        break;
    case CONN_CONNECTING:
    case CONN_DEAD:
        break;
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct fog_conn *c = FOG_CAST(fog_conn, CONN_MAGIC, arg);
    ssize_t n = recv(fd, c->io->in, IN_BYTES, MSG_DONTWAIT);

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        conn_end(c, -errno);
        return;
    }
    if (n == 0) {
        on_eof(c);
        return;
    }
    if (c->state == CONN_FLUSHING || c->state == CONN_LINGER)
        return; /* read and forgotten, so that the peer can finish writing and see our answer */
    if (c->tls != NULL)
        take_cipher(c, fog_bytes_of(c->io->in, (size_t)n));
    else
        deliver(c, fog_bytes_of(c->io->in, (size_t)n));
    if (c->state != CONN_DEAD)
        conn_read_wanted(c);
}

/* --- life --- */

void conn_connected(struct fog_conn *c)
{
    int err = 0;
    socklen_t len = sizeof err;

    event_del(&c->writable);
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
        err = errno;
    if (err != 0) {
        conn_end(c, -err);
        return;
    }
    if (c->tls == NULL) {
        opened(c);
        return;
    }
    c->state = CONN_HANDSHAKE;
    conn_read_wanted(c);
    handshake_step(c);
}

static void tell_closed(struct fog_conn *c)
{
    if (c->closed_cb)
        return;
    c->closed_cb = true;
    if (c->ops != NULL)
        c->ops->on_close(c, c->err, c->arg);
    c->ops = NULL;
}

static void on_life_turn(void *arg)
{
    struct fog_conn *c = FOG_CAST(fog_conn, CONN_MAGIC, arg);

    switch (c->state) {
    case CONN_DEAD:
        tell_closed(c);
        conn_destroy(c);
        break;
    case CONN_LINGER:
        tell_closed(c);
        if (c->peer_closed) {
            conn_destroy(c);
            break;
        }
        conn_set_timer(c, LINGER_MS);
        conn_read_wanted(c);
        break;
    case CONN_OPEN: /* what waited for a pause to end, or for a new owner */
        if (!c->paused)
            deliver(c, (struct fog_bytes){0});
        if (c->tls != NULL && c->cipher_rest.len > 0 && !c->paused && c->state == CONN_OPEN)
            take_cipher(c, (struct fog_bytes){0});
        conn_read_wanted(c);
        break;
    case CONN_CONNECTING:
    case CONN_HANDSHAKE:
    case CONN_FLUSHING:
        break;
    }
}

static void on_conn_timer(evutil_socket_t fd, short what, void *arg)
{
    struct fog_conn *c = FOG_CAST(fog_conn, CONN_MAGIC, arg);

    (void)fd;
    (void)what;
    if (c->state == CONN_LINGER)
        conn_end(c, 0);
    else if (c->state != CONN_OPEN)
        conn_end(c, -ETIMEDOUT);
}

void fog_conn_adopt(struct fog_conn *c, const struct fog_conn_ops *ops, void *arg)
{
    FOG_ASSERT(c->magic == CONN_MAGIC);
    c->ops = ops;
    c->arg = arg;
    fog_conn_offer(c);
}

void fog_conn_offer(struct fog_conn *c)
{
    if (c->rest.len > 0)
        fog_turn_schedule(c->io->loop, &c->life_turn, FOG_TURN_PRODUCE);
}

void fog_conn_close(struct fog_conn *c)
{
    FOG_ASSERT(c->magic == CONN_MAGIC);
    if (c->state == CONN_CONNECTING || c->state == CONN_HANDSHAKE)
        conn_end(c, FOG_ECANCELED);
    if (c->state != CONN_OPEN)
        return;
    conn_out_seal(c);
    if (c->state != CONN_OPEN)
        return;
    if (c->tls != NULL)
        fog_tls_close(c->tls);
    c->state = CONN_FLUSHING;
    fog_buf_fini(&c->cipher_rest);
    conn_set_timer(c, FLUSH_STALL_MS);
    conn_read_wanted(c);
    fog_turn_schedule(c->io->loop, &c->send_turn, FOG_TURN_SEND);
}

void fog_conn_abort(struct fog_conn *c)
{
    FOG_ASSERT(c->magic == CONN_MAGIC);
    if (c->state != CONN_LINGER)
        conn_end(c, FOG_ECANCELED);
}

void fog_conn_pause_read(struct fog_conn *c, bool paused)
{
    if (c->paused == paused)
        return;
    c->paused = paused;
    conn_read_wanted(c);
    if (!paused && (c->rest.len > 0 || c->cipher_rest.len > 0))
        fog_turn_schedule(c->io->loop, &c->life_turn, FOG_TURN_PRODUCE);
}

bool fog_conn_is_open(const struct fog_conn *c)
{
    return c->state == CONN_OPEN;
}

struct fog_loop *fog_conn_loop(struct fog_conn *c)
{
    return c->io->loop;
}

const struct fog_addr *fog_conn_peer_addr(const struct fog_conn *c)
{
    return &c->peer;
}

bool fog_conn_is_tls(const struct fog_conn *c)
{
    return c->tls != NULL;
}

const char *fog_conn_alpn(const struct fog_conn *c)
{
    return c->tls == NULL ? "" : fog_tls_alpn(c->tls);
}

const char *fog_conn_sni(const struct fog_conn *c)
{
    return c->tls == NULL ? "" : fog_tls_sni(c->tls);
}

bool fog_conn_peer_key(const struct fog_conn *c, uint8_t out[32])
{
    return c->tls != NULL && fog_tls_peer_key(c->tls, out);
}

int fog_conn_export(struct fog_conn *c, const char *label, void *out, size_t len)
{
    return c->tls == NULL ? FOG_ETLS : fog_tls_export(c->tls, label, out, len);
}
