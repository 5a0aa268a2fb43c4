/*
 * A box comes to the door: HELLO, enrolment by token, and what it is sent when its lease begins.
 * Also the struct of a lease connection, which leasewire.c owns. Inside the router only.
 */
#ifndef FOG_ROUTER_WELCOME_H
#define FOG_ROUTER_WELCOME_H

#include "core/wire/frame.h"
#include "router/core.h"

#define LCONN_MAGIC       0x6c636f6e
#define LCONN_HELLO_MS    10000 /* from accept to a held lease */
#define LCONN_SILENT_MS   60000 /* a leased connection without a byte */
#define LCONN_QUEUE_MAX   ((size_t)8 << 20)
#define LCONN_BYTES_PER_S (1 << 20)
#define LCONN_BYTES_BURST (4 << 20)
#define LCONN_MSGS_PER_S  100           /* and thousandths per ms, which is the same number */
#define LCONN_MSGS_BURST  (1000 * 1000) /* thousandths */

enum lconn_state {
    LCONN_NEW,     /* waits for HELLO */
    LCONN_UNKNOWN, /* waits for ENROLL */
    LCONN_STORING, /* enrolment is on its way to disk */
    LCONN_LEASED,
    LCONN_CLOSING,
};

struct lconn {
    uint32_t magic;
    struct fog_link link;
    struct router *r;
    struct fog_conn *conn;
    struct fog_frame_reader reader;
    struct fog_timer *deadline;
    enum lconn_state state;
    bool leased; /* was ever */
    uint8_t key[32];
    char label[FOG_BOX_LABEL_LEN + 1];
    struct fog_addr advertise; /* family 0: none */
    struct fog_wire_hello hello;
    uint64_t nonce; /* of a probe over this connection */
    fog_time_ms budget_at;
    int64_t budget_bytes;
    int64_t budget_msgs; /* thousandths */
};

/* leasewire.c */
void lconn_send(struct lconn *l, uint16_t type, struct fog_bytes body);
void lconn_refuse(struct lconn *l, uint16_t about, unsigned code, bool fatal, uint32_t retry_ms,
                  const char *text);
void lconn_replace(struct lconn *newer);

/* welcome.c; a negative answer is a protocol error of the peer. */
int welcome_hello(struct lconn *l, struct fog_bytes body) FOG_MUST_CHECK;
int welcome_enroll(struct lconn *l, struct fog_bytes body) FOG_MUST_CHECK;
void lconn_send_pointer(struct lconn *l, const struct record_site *s);

#endif
