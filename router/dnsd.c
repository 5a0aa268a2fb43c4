/* The sockets of dns.h: UDP and TCP on one address, on the router's loop. */
#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/io/conn.h"
#include "core/obs/log.h"
#include "router/core.h"
#include "router/dns.h"
#include "router/mapper.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH        64 /* datagrams per wake-up */
#define TCP_CONNS    64
#define TCP_IDLE_MS  10000
#define RATE_PER_S   200 /* answers per client prefix */
#define RATE_BURST   400
#define RATE_BUCKETS 8192

struct tcp_client {
    struct fog_link link;
    struct dnsd *d;
    struct fog_conn *conn;
    struct fog_timer *idle;
};

struct bucket {
    int64_t milli;
    fog_time_ms at;
    unsigned over; /* answers held back: every second one goes out truncated, so that real clients
                      come by TCP */
};

struct dnsd {
    struct router *r;
    struct dns_zone zone;
    int fd;
    struct fog_addr at;
    struct fog_watch *watch;
    struct fog_listener *listener;
    struct fog_list clients;
    unsigned n_clients;
    struct fog_map *buckets;
};

/* --- what the zone holds --- */

static bool has_site(void *arg, struct fog_bytes label)
{
    struct router *r = arg;
    struct fog_site_id site;

    return fog_site_label_parse(label, &site) == 0 && records_site(r->rec, &site) != NULL;
}

static enum dns_box find_box(void *arg, struct fog_bytes label, struct fog_addr *addr)
{
    struct router *r = arg;
    const struct cellmap *map = mapper_map(r->mapper);
    struct fog_box_id box;
    int row;

    if (map == NULL || fog_box_label_parse(label, &box) != 0 ||
        (row = cellmap_find_box(map, &box)) < 0)
        return DNS_BOX_UNKNOWN;
    if (!leases_counts_alive(r->leases, map->rows[row].key) ||
        !cellmap_row_addr(&map->rows[row], addr))
        return DNS_BOX_DEAD;
    return DNS_BOX_LIVE;
}

static void refresh_zone(struct dnsd *d)
{
    const struct cellmap *map = mapper_map(d->r->mapper);

    d->zone.serial = map == NULL ? 1 : (uint32_t)map->map_no;
}

/* --- rate --- */

static void drop_buckets(struct dnsd *d)
{
    struct fog_bytes key;
    size_t at = 0;
    void *b;

    while ((b = fog_map_next(d->buckets, &at, &key)) != NULL) {
        fog_map_del(d->buckets, key);
        free(b);
    }
}

enum rate { RATE_OK, RATE_SLIP, RATE_DROP };

static enum rate rate_of(struct dnsd *d, const struct fog_addr *from)
{
    char prefix[FOG_ADDR_TEXT_MAX];
    fog_time_ms now = router_now(d->r);
    struct bucket *b;

    fog_addr_prefix_text(from, prefix);
    b = fog_map_get(d->buckets, fog_bytes_str(prefix));
    if (b == NULL) {
        if (fog_map_count(d->buckets) >= RATE_BUCKETS)
            drop_buckets(d);
        b = FOG_NEW(bucket);
        b->milli = RATE_BURST * 1000;
        b->at = now;
        fog_map_put(d->buckets, fog_bytes_str(prefix), b);
    }
    b->milli += (now - b->at) * RATE_PER_S;
    b->at = now;
    if (b->milli > RATE_BURST * 1000)
        b->milli = RATE_BURST * 1000;
    if (b->milli >= 1000) {
        b->milli -= 1000;
        return RATE_OK;
    }
    return b->over++ % 2 == 0 ? RATE_SLIP : RATE_DROP;
}

/* --- UDP --- */

static void answer_datagram(struct dnsd *d, struct fog_bytes query, const struct fog_addr *from)
{
    enum rate rate = rate_of(d, from);
    struct fog_buf out = {0};

    if (rate == RATE_SLIP && query.len >= 12 && (query.p[2] & 0x80) == 0) {
        uint8_t h[12] = {query.p[0], query.p[1], (uint8_t)(0x82 | (query.p[2] & 0x79))};
        (void)!sendto(d->fd, h, sizeof h, MSG_DONTWAIT, &from->u.sa, fog_addr_len(from));
    } else if (rate == RATE_OK && dns_answer(&d->zone, query, false, &out) == 0) {
        /* A full socket buffer loses the answer, as the network may: the client asks again. */
        (void)!sendto(d->fd, out.data, out.len, MSG_DONTWAIT, &from->u.sa, fog_addr_len(from));
    }
    fog_buf_fini(&out);
}

static void on_readable(void *arg)
{
    struct dnsd *d = arg;
    uint8_t buf[DNS_TCP_MAX];

    refresh_zone(d);
    for (int i = 0; i < BATCH; i++) {
        struct fog_addr from = {0};
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(d->fd, buf, sizeof buf, MSG_DONTWAIT, &from.u.sa, &len);
        if (n < 0)
            return;
        answer_datagram(d, fog_bytes_of(buf, (size_t)n), &from);
    }
}

/* --- TCP: two bytes of length before each message (RFC 7766) --- */

static void client_free(struct tcp_client *c)
{
    fog_link_remove(&c->link);
    c->d->n_clients--;
    fog_timer_free(&c->idle);
    free(c);
}

static size_t on_read(struct fog_conn *conn, struct fog_bytes in, void *arg)
{
    struct tcp_client *c = arg;
    size_t used = 0;

    refresh_zone(c->d);
    while (in.len - used >= 2) {
        size_t n = (size_t)(in.p[used] << 8 | in.p[used + 1]);
        struct fog_buf out = {0};
        uint8_t head[2];
        struct fog_bytes parts[2];
        if (n > DNS_TCP_MAX) {
            fog_conn_abort(conn);
            return in.len;
        }
        if (in.len - used - 2 < n)
            break;
        if (dns_answer(&c->d->zone, fog_bytes_of(in.p + used + 2, n), true, &out) != 0) {
            fog_buf_fini(&out);
            fog_conn_abort(conn);
            return in.len;
        }
        head[0] = (uint8_t)(out.len >> 8);
        head[1] = (uint8_t)out.len;
        parts[0] = fog_bytes_of(head, 2);
        parts[1] = fog_buf_bytes(&out);
        fog_conn_writev(conn, parts, 2);
        fog_buf_fini(&out);
        used += 2 + n;
        fog_timer_start(c->idle, TCP_IDLE_MS);
    }
    return used;
}

static void on_close(struct fog_conn *conn, int err, void *arg)
{
    (void)conn;
    (void)err;
    client_free(arg);
}

static void on_idle(void *arg)
{
    fog_conn_abort(((struct tcp_client *)arg)->conn);
}

static void on_accept(struct fog_conn *conn, void *arg)
{
    static const struct fog_conn_ops ops = {.on_read = on_read, .on_close = on_close};
    struct dnsd *d = arg;
    struct tcp_client *c;

    if (d->n_clients >= TCP_CONNS) {
        fog_conn_abort(conn);
        return;
    }
    c = FOG_NEW(tcp_client);
    c->d = d;
    c->conn = conn;
    c->idle = fog_timer_new(d->r->loop, on_idle, c);
    fog_timer_start(c->idle, TCP_IDLE_MS);
    fog_list_push_back(&d->clients, &c->link);
    d->n_clients++;
    fog_conn_adopt(conn, &ops, c);
}

/* --- birth and death --- */

static int bind_udp(struct dnsd *d)
{
    socklen_t len = sizeof d->at;
    const int queue = 1 << 20; /* bursts of questions wait here, not at the askers */

    d->fd = socket(d->at.u.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (d->fd >= 0) /* the kernel may give less */
        (void)!setsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof queue);
    if (d->fd < 0 || bind(d->fd, &d->at.u.sa, fog_addr_len(&d->at)) != 0 ||
        getsockname(d->fd, &d->at.u.sa, &len) != 0)
        return -errno;
    return 0;
}

/* One port for both. With port 0 the one that UDP got may be taken for TCP: another is tried. */
static int bind_both(struct dnsd *d)
{
    struct fog_addr want = d->at;
    int rc = 0;

    for (int i = 0; i < 16; i++) {
        d->at = want;
        rc = bind_udp(d);
        if (rc == 0)
            rc = fog_listener_new(d->r->loop, &d->at, NULL, on_accept, d, &d->listener);
        if (rc != -EADDRINUSE || fog_addr_port(&want) != 0)
            break;
        close(d->fd);
        d->fd = -1;
    }
    return rc;
}

int dns_start(struct router *r, struct dnsd **out)
{
    struct dnsd *d;
    int rc;

    *out = NULL;
    if (r->conf.dns_listen == NULL)
        return 0;
    d = FOG_NEW(dnsd);
    d->r = r;
    d->fd = -1;
    fog_list_init(&d->clients);
    d->buckets = fog_map_new(r->secret);
    d->zone = (struct dns_zone){.zone = r->conf.zone,
                                .self = r->conf.public_addr,
                                .arg = r,
                                .has_site = has_site,
                                .box = find_box};
    rc = fog_addr_parse(r->conf.dns_listen, &d->at);
    if (rc == 0)
        rc = bind_both(d);
    if (rc != 0) {
        fog_unusual("dns.listen", "at=%s error=\"%s\"", r->conf.dns_listen, fog_strerror(rc));
        dns_stop(&d);
        return rc;
    }
    d->watch = fog_watch_new(r->loop, d->fd, on_readable, NULL, d);
    fog_watch_want(d->watch, true, false);
    fog_info("dns.listening", "at=%s zone=%s", r->conf.dns_listen, r->conf.zone);
    *out = d;
    return 0;
}

void dns_stop(struct dnsd **dp)
{
    struct dnsd *d = *dp;

    *dp = NULL;
    if (d == NULL)
        return;
    FOG_LIST_EACH(&d->clients, it)
    {
        struct tcp_client *c = FOG_CONTAINER(it, tcp_client, link);
        fog_conn_adopt(c->conn, NULL, NULL);
        fog_conn_abort(c->conn);
        client_free(c);
    }
    fog_listener_free(&d->listener);
    fog_watch_free(&d->watch);
    if (d->fd >= 0)
        close(d->fd);
    drop_buckets(d);
    fog_map_free(&d->buckets);
    free(d);
}

uint16_t dns_port(const struct dnsd *d)
{
    return fog_addr_port(&d->at);
}
