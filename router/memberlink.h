/*
 * The inside of member.h: the member's state and one connection to one router instance. member.c
 * owns what is common to both leases, memberlink.c the connection's life and its messages.
 */
#ifndef FOG_ROUTER_MEMBERLINK_H
#define FOG_ROUTER_MEMBERLINK_H

#include "core/base/rng.h"
#include "core/io/conn.h"
#include "router/cellmap.h"
#include "router/enrol.h"
#include "router/member.h"

#define MEMBER_MAGIC     0x6d656d62
#define MEMBER_RETRY_MS  300   /* first reconnect; doubles with jitter */
#define MEMBER_RETRY_MAX 10000 /* a hub that restarts wants its boxes back soon */
#define MEMBER_REFUSED   300000
#define MEMBER_DIAL_MS   5000

enum mlink_state { MLINK_IDLE, MLINK_DIALLING, MLINK_HELLO, MLINK_LEASED, MLINK_LEAVING };

struct mlink {
    struct member *m;
    struct member_hub hub;
    struct fog_conn *conn;
    enum mlink_state state;
    struct fog_frame_reader reader;
    struct fog_timer *timer; /* redial, hello deadline, or next beat */
    struct fog_timer *quiet; /* no answer to beats: the hub is gone */
    fog_time_ms retry_ms;
    uint32_t retry_hint_ms; /* from REFUSE */
    uint32_t serving_ms, idle_ms;
    uint32_t seq;
    fog_time_ms beat_sent_at;
    bool proved; /* ENROLL was sent on this connection */
};

struct member {
    uint32_t magic;
    struct fog_loop *loop;
    struct member_ops ops;
    struct genesis genesis;
    struct fog_hash fog_id;
    struct hubset hubs;
    bool have_hubs;
    struct enrol_token token;
    struct fog_buf token_bytes;
    bool have_token;
    const uint8_t *seed;
    uint8_t key[32];
    char label[FOG_BOX_LABEL_LEN + 1];
    struct fog_wire_hello hello;
    void (*save_hub_set)(void *arg, struct fog_bytes set);
    void *save_arg;
    struct fog_rng rng;
    struct fog_rng_seeded rng_state;
    struct fog_tls_cert *cert;
    struct fog_tls_client *tls;
    struct mlink links[MEMBER_HUBS];
    unsigned n_links;
    struct cellmap *map;
    bool clock_known;
    fog_time_ms clock_offset; /* hub time minus monotonic */
    fog_time_ms clock_rtt;    /* of the best answer lately */
    fog_time_ms clock_at;
    bool was_leased;
    struct fog_timer *leave;
    void (*on_left)(void *arg);
    void *left_arg;
};

/* memberlink.c */
void mlink_start(struct mlink *l, fog_time_ms after_ms);
void mlink_stop(struct mlink *l);
void mlink_send(struct mlink *l, uint16_t type, struct fog_bytes body);
void mlink_beat(struct mlink *l);

/* member.c: what the links find. Negative: the hub broke the protocol. */
int member_take_hub_set(struct member *m, struct fog_bytes bytes) FOG_MUST_CHECK;
int member_take_map(struct member *m, struct fog_bytes bytes) FOG_MUST_CHECK;
int member_take_live(struct member *m, struct fog_bytes bytes) FOG_MUST_CHECK;
void member_take_time(struct member *m, fog_time_ms hub_ms, fog_time_ms rtt_ms);
void member_lease_changed(struct member *m);

#endif
