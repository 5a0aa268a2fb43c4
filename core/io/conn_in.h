/*
 * Inside of core/io: the connection itself, shared by conn.c (life and reading), conn_out.c
 * (writing), conn_dial.c and listener.c (where connections come from).
 */
#ifndef FOG_IO_CONN_IN_H
#define FOG_IO_CONN_IN_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/io/block.h"
#include "core/io/conn.h"
#include "core/io/tls_in.h"

#define CONN_MAGIC 0x434f4e4eu

/* Untaken plaintext per connection; header sections and frames are smaller. */
#define CONN_REST_MAX (64 * 1024)

/* Answers to what the peer sends (acknowledgements, alerts) may pile up to this before we stop
 * reading: a peer that floods and does not read holds itself up. */
#define CONN_OUT_MAX (2 * FOG_CONN_HIGH)

enum conn_state {
    CONN_CONNECTING, /* TCP */
    CONN_HANDSHAKE,  /* TLS */
    CONN_OPEN,
    CONN_FLUSHING, /* closed by its owner, bytes are leaving */
    CONN_LINGER,   /* write side shut; waits for the peer so that a reset does not eat our bytes */
    CONN_DEAD      /* socket closed, on_close due */
};

struct fog_conn {
    uint32_t magic;
    enum conn_state state;
    struct io_shared *io;
    struct fog_link link; /* in io->conns */
    int fd;
    int err; /* for on_close */
    bool paused;
    bool closed_cb; /* on_close was called */
    bool peer_closed;
    struct event readable;
    struct event writable;
    struct event timer;

    const struct fog_conn_ops *ops; /* NULL: nobody */
    void *arg;

    struct fog_tls *tls;        /* NULL: plain */
    struct fog_buf cipher_rest; /* received, not decrypted because the reader paused */
    struct fog_buf rest;        /* decrypted, not taken */

    struct block *out; /* bytes for the socket */
    struct block *out_last;
    size_t out_bytes;
    uint64_t sent;
    struct fog_turn send_turn;
    struct fog_turn life_turn; /* delivers what waited, or ends the connection */

    struct fog_listener *listener; /* while its handshake runs */
    struct fog_link handshake;     /* in listener->handshakes */
    struct fog_addr peer;
};

/* conn.c */
struct fog_conn *conn_new(struct fog_loop *loop, int fd, enum conn_state state);
void conn_destroy(struct fog_conn *c);
/* Closes the socket now; on_close(err) comes at the end of the turn. */
void conn_end(struct fog_conn *c, int err);
/* TCP is there: starts TLS or opens. */
void conn_connected(struct fog_conn *c);
void conn_read_wanted(struct fog_conn *c);
void conn_set_timer(struct fog_conn *c, fog_time_ms after_ms); /* 0 stops it */
void conn_tls_out(void *arg, const void *p, size_t len);       /* a fog_tls_out_fn */

/* conn_out.c */
void conn_out_init(struct fog_conn *c);
void conn_out_append(struct fog_conn *c, const void *p, size_t len);
void conn_out_drop(struct fog_conn *c);
void conn_out_seal(struct fog_conn *c);  /* the staged record, if it is ours */
void conn_out_flush(struct fog_conn *c); /* sends as much as the socket takes */
void conn_on_writable(evutil_socket_t fd, short what, void *arg);

/* listener.c: a handshake of the listener has ended; ok or not. */
void listener_handshake_done(struct fog_conn *c);
void listener_handshake_lost(struct fog_conn *c);

#endif
