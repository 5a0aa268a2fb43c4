/*
 * A stream connection: TCP with or without TLS, non-blocking, on one loop. Owns the socket, the TLS
 * state and the write side that collects records and sends once per turn (docs/decisions: own TLS
 * filter). Knows nothing of what the bytes mean.
 *
 * Callbacks come from the loop; none is called from inside the function that caused it. After
 * on_close the connection is gone. A callback may call fog_conn_close at any time.
 */
#ifndef FOG_IO_CONN_H
#define FOG_IO_CONN_H

#include "core/base/err.h"
#include "core/base/types.h"
#include "core/io/addr.h"
#include "core/io/loop.h"
#include "core/io/tls.h"

struct fog_conn;
struct fog_listener;

struct fog_conn_ops {
    /* Connected, and TLS established where asked for. */
    void (*on_open)(struct fog_conn *c, void *arg);
    /* Bytes arrived; returns how many were taken (the rest is offered again with more). Taking none
     * while the buffer is at its limit (64 KiB) closes the connection with FOG_ELIMIT. */
    size_t (*on_read)(struct fog_conn *c, struct fog_bytes in, void *arg);
    /* All written bytes have left for the socket: the producer may write more. */
    void (*on_drain)(struct fog_conn *c, void *arg);
    /* The end: 0 for a clean close (the peer's, or ours once all bytes left), else why
     * (FOG_ECANCELED after our abort). Called once, last, never from inside another call. */
    void (*on_close)(struct fog_conn *c, int err, void *arg);
};

/* Dials an address. tls NULL: plain TCP. `host` is the SNI and verified name (NULL with a node
 * client). */
int fog_conn_dial(struct fog_loop *loop, const struct fog_addr *to, struct fog_tls_client *tls,
                  const char *host, fog_time_ms timeout_ms, const struct fog_conn_ops *ops,
                  void *arg, struct fog_conn **out) FOG_MUST_CHECK;

/* Listens with SO_REUSEPORT, so that each loop has its own listener. on_accept is called when the
 * handshake is done (at once for plain TCP) and must call fog_conn_adopt or fog_conn_close. Port 0
 * picks one: fog_listener_addr. */
int fog_listener_new(struct fog_loop *loop, const struct fog_addr *at, struct fog_tls_server *tls,
                     void (*on_accept)(struct fog_conn *c, void *arg), void *arg,
                     struct fog_listener **out) FOG_MUST_CHECK;
void fog_listener_free(struct fog_listener **l); /* stops accepting; accepted connections go on */
void fog_listener_addr(const struct fog_listener *l, struct fog_addr *out);

/* The same on a bound and listening socket (a Unix socket, or one handed over by systemd); takes
 * the descriptor over, also on failure. */
int fog_listener_from_fd(struct fog_loop *loop, int fd, struct fog_tls_server *tls,
                         void (*on_accept)(struct fog_conn *c, void *arg), void *arg,
                         struct fog_listener **out) FOG_MUST_CHECK;
/* Binds a Unix socket of mode 0600, replacing a stale one. For fog_listener_from_fd. */
int fog_listen_unix(const char *path, int *fd_out) FOG_MUST_CHECK;

/* A connected stream socket (socketpair, Unix socket) as an open plain connection; takes the
 * descriptor over. on_open is not called. */
struct fog_conn *fog_conn_from_fd(struct fog_loop *loop, int fd, const struct fog_conn_ops *ops,
                                  void *arg);
/* Connects to a Unix socket (local: answers at once). */
int fog_conn_dial_unix(struct fog_loop *loop, const char *path, const struct fog_conn_ops *ops,
                       void *arg, struct fog_conn **out) FOG_MUST_CHECK;

/* Sets who is called back from now on. NULL ops: nobody, for an owner that goes away before the
 * connection does. Bytes that nobody took yet are offered to the new owner. */
void fog_conn_adopt(struct fog_conn *c, const struct fog_conn_ops *ops, void *arg);

/* Queues a copy of the bytes; sent at the end of the turn. Bytes above FOG_CONN_HIGH queued: stop
 * and wait for on_drain. */
void fog_conn_write(struct fog_conn *c, struct fog_bytes bytes);
/* The same for a message in pieces: they share records, so a frame header does not cost one. */
void fog_conn_writev(struct fog_conn *c, const struct fog_bytes *v, size_t n);
size_t fog_conn_queued(const struct fog_conn *c);
/* Bytes (of TLS records where there is TLS) that the socket has taken so far, and those of them
 * that the peer has acknowledged: whether a slow peer makes progress. The kernel may hold
 * megabytes, so a peer may take minutes while the first of the two stands still. */
uint64_t fog_conn_sent(const struct fog_conn *c);
uint64_t fog_conn_acked(const struct fog_conn *c);
/* False from the moment the connection is closing; writes are then dropped. */
bool fog_conn_is_open(const struct fog_conn *c);
#define FOG_CONN_HIGH (128 * 1024)

/* Closes after what is queued has left (graceful) or at once (abort: RST, never a clean end of a
 * truncated body). */
void fog_conn_close(struct fog_conn *c);
void fog_conn_abort(struct fog_conn *c);

/* A paused connection leaves bytes with the peer; ending the pause offers what was not taken. */
void fog_conn_pause_read(struct fog_conn *c, bool paused);
/* Offers again what was not taken, later in this turn or in the next. */
void fog_conn_offer(struct fog_conn *c);
struct fog_loop *fog_conn_loop(struct fog_conn *c);
const struct fog_addr *fog_conn_peer_addr(const struct fog_conn *c);
bool fog_conn_is_tls(const struct fog_conn *c);
/* Negotiated protocol, "" without. */
const char *fog_conn_alpn(const struct fog_conn *c);
/* Host name of the TLS handshake, "" without. */
const char *fog_conn_sni(const struct fog_conn *c);
/* The peer's Ed25519 key on a node connection; false otherwise. */
bool fog_conn_peer_key(const struct fog_conn *c, uint8_t out[32]);
/* Keying material by RFC 8446 7.5 / RFC 5705, for proofs bound to this connection. */
int fog_conn_export(struct fog_conn *c, const char *label, void *out, size_t len) FOG_MUST_CHECK;

#endif
