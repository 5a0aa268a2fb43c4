#include "core/io/conn_in.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "core/base/assert.h"

#define SEND_PIECES 8

void conn_out_append(struct fog_conn *c, const void *p, size_t len)
{
    const uint8_t *from = p;

    c->out_bytes += len;
    while (len > 0) {
        struct block *b = c->out_last;
        size_t n;

        if (b == NULL || b->end == BLOCK_ROOM) {
            b = block_take(c->io);
            if (c->out_last != NULL)
                c->out_last->next = b;
            else
                c->out = b;
            c->out_last = b;
        }
        n = BLOCK_ROOM - b->end < len ? BLOCK_ROOM - b->end : len;
        memcpy(block_data(b) + b->end, from, n);
        b->end += (uint32_t)n;
        from += n;
        len -= n;
    }
}

void conn_out_drop(struct fog_conn *c)
{
    while (c->out != NULL) {
        struct block *b = c->out;

        c->out = b->next;
        block_give(c->io, b);
    }
    c->out_last = NULL;
    c->out_bytes = 0;
    if (c->io->stage_owner == c) {
        c->io->stage_owner = NULL;
        c->io->stage_len = 0;
    }
}

static void seal(struct fog_conn *c, struct fog_bytes plain)
{
    if (fog_tls_write(c->tls, plain) != 0)
        conn_end(c, FOG_ETLS);
}

void conn_out_seal(struct fog_conn *c)
{
    struct io_shared *io = c->io;
    size_t len = io->stage_len;

    if (io->stage_owner != c)
        return;
    io->stage_owner = NULL;
    io->stage_len = 0;
    seal(c, fog_bytes_of(io->stage, len));
}

/* Collects plaintext to whole records. The stage belongs to the loop, so another connection's
 * half-filled record is sealed first. */
static void write_tls(struct fog_conn *c, struct fog_bytes in)
{
    struct io_shared *io = c->io;

    while (in.len > 0 && c->state != CONN_DEAD) {
        size_t n;

        if (io->stage_owner != c) {
            if (in.len >= RECORD_PLAIN) { /* whole records need no stage */
                n = in.len - in.len % RECORD_PLAIN;
                seal(c, fog_bytes_of(in.p, n));
                in = fog_bytes_of(in.p + n, in.len - n);
                continue;
            }
            if (io->stage_owner != NULL)
                conn_out_seal(io->stage_owner);
            io->stage_owner = c;
        }
        n = RECORD_PLAIN - io->stage_len < in.len ? RECORD_PLAIN - io->stage_len : in.len;
        memcpy(io->stage + io->stage_len, in.p, n);
        io->stage_len += n;
        in = fog_bytes_of(in.p + n, in.len - n);
        if (io->stage_len == RECORD_PLAIN)
            conn_out_seal(c);
    }
}

void fog_conn_writev(struct fog_conn *c, const struct fog_bytes *v, size_t n)
{
    FOG_ASSERT(c->magic == CONN_MAGIC);
    for (size_t i = 0; i < n && c->state == CONN_OPEN; i++) {
        if (c->tls != NULL)
            write_tls(c, v[i]);
        else
            conn_out_append(c, v[i].p, v[i].len);
    }
    if (c->state == CONN_OPEN)
        fog_turn_schedule(c->io->loop, &c->send_turn, FOG_TURN_SEND);
}

void fog_conn_write(struct fog_conn *c, struct fog_bytes bytes)
{
    fog_conn_writev(c, &bytes, 1);
}

size_t fog_conn_queued(const struct fog_conn *c)
{
    return c->out_bytes + (c->io->stage_owner == c ? c->io->stage_len : 0);
}

uint64_t fog_conn_sent(const struct fog_conn *c)
{
    return c->sent;
}

uint64_t fog_conn_acked(const struct fog_conn *c)
{
    int held = 0;

    if (c->fd < 0 || ioctl(c->fd, SIOCOUTQ, &held) != 0 || held < 0 || (uint64_t)held > c->sent)
        return c->sent;
    return c->sent - (uint64_t)held;
}

static void consume_sent(struct fog_conn *c, size_t n)
{
    c->sent += n;
    c->out_bytes -= n;
    while (n > 0) {
        struct block *b = c->out;
        size_t here;

        FOG_ASSERT(b != NULL); /* the socket takes no more than it was shown */
        here = b->end - b->start;

        if (n < here) {
            b->start += (uint32_t)n;
            return;
        }
        n -= here;
        c->out = b->next;
        if (c->out == NULL)
            c->out_last = NULL;
        block_give(c->io, b);
    }
}

/* Sends up to SEND_PIECES blocks; *all says whether the socket took everything it was shown. */
static ssize_t send_blocks(struct fog_conn *c, bool *all)
{
    size_t shown = 0;
    ssize_t n;

    struct iovec v[SEND_PIECES];
    struct msghdr msg = {.msg_iov = v};

    for (struct block *b = c->out; b != NULL && msg.msg_iovlen < SEND_PIECES; b = b->next) {
        v[msg.msg_iovlen].iov_base = block_data(b) + b->start;
        v[msg.msg_iovlen].iov_len = b->end - b->start;
        shown += b->end - b->start;
        msg.msg_iovlen++;
    }
    n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    *all = n >= 0 && (size_t)n == shown;
    return n;
}

/* All is with the socket. */
static void drained(struct fog_conn *c)
{
    event_del(&c->writable);
    if (c->state == CONN_FLUSHING) {
        (void)shutdown(c->fd, SHUT_WR);
        c->state = CONN_LINGER;
        fog_turn_schedule(c->io->loop, &c->life_turn, FOG_TURN_SEND);
        return;
    }
    conn_read_wanted(c);
    if (c->state == CONN_OPEN && c->ops != NULL && c->ops->on_drain != NULL)
        c->ops->on_drain(c, c->arg);
}

void conn_out_flush(struct fog_conn *c)
{
    if (c->state == CONN_DEAD || c->state == CONN_LINGER || c->state == CONN_CONNECTING)
        return;
    conn_out_seal(c);
    while (c->out != NULL && c->state != CONN_DEAD) {
        bool all;
        ssize_t n = send_blocks(c, &all);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN) {
            conn_end(c, -errno);
            return;
        }
        if (n > 0)
            consume_sent(c, (size_t)n);
        if (!all) {
            FOG_ASSERT(event_add(&c->writable, NULL) == 0);
            conn_read_wanted(c);
            return;
        }
    }
    if (c->state != CONN_DEAD)
        drained(c);
}

static void on_send_turn(void *arg)
{
    conn_out_flush(FOG_CAST(fog_conn, CONN_MAGIC, arg));
}

void conn_on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct fog_conn *c = FOG_CAST(fog_conn, CONN_MAGIC, arg);

    (void)fd;
    (void)what;
    if (c->state == CONN_CONNECTING)
        conn_connected(c);
    else
        conn_out_flush(c);
}

void conn_out_init(struct fog_conn *c)
{
    c->send_turn.fn = on_send_turn;
    c->send_turn.arg = c;
}
