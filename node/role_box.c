/* A box in its fog: the lease, what comes down it, the certificate of its names, orders, money. */
#include "node/serve_in.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/crypto/rng_system.h"
#include "core/crypto/x509.h"
#include "core/io/loop.h"
#include "core/io/tls.h"
#include "core/obs/log.h"
#include "edge/cert.h"
#include "node/fill.h"
#include "node/home.h"
#include "node/peers.h"
#include "node/role_claim.h"
#include "node/role_storage.h"
#include "node/sites.h"
#include "router/cellmap.h"
#include "router/member.h"
#include "storage/storage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TLS_KEY       HOME_TLS "/key.pem"
#define TLS_CERT      HOME_TLS "/cert.pem"
#define PEM_MAX       65536
#define RENEW_S       (30 * 86400) /* before the end */
#define CERT_RETRY_MS 10000
#define WEIGHT_UNIT   ((uint64_t)64 << 20) /* of disk, per unit of placement weight */
#define ASKED_MAX     1024

/* Sites asked for and not answered, oldest first: a REFUSE does not say which it means. */
struct asked {
    struct fog_link link;
    struct fog_site_id site;
};

struct role_box {
    struct serve *serve;
    struct member *member;
    struct box_money *money; /* NULL without a node key */
    struct orders *orders;
    struct fog_buf key_pem; /* of the box's names; born here */
    char pattern[FOG_HOST_MAX + 1];
    struct fog_timer *cert_timer;
    int64_t cert_not_after; /* Unix seconds; 0: none yet */
    struct fog_list asked;
    size_t n_asked;
    uint64_t beat_bytes;
    fog_time_ms beat_ms;
};

/* ---- certificate of the box's names ---- */

static int install_cert(struct role_box *b, struct fog_bytes chain)
{
    struct fog_tls_cert *cert;
    int rc = fog_tls_cert_from_pem(chain, fog_buf_bytes(&b->key_pem), &cert);

    if (rc != 0)
        return rc;
    b->cert_not_after = fog_tls_cert_not_after(cert);
    rc = edge_certs_set(b->serve->certs, b->pattern, cert);
    fog_tls_cert_unref(&cert);
    return rc;
}

static void on_cert(void *arg, struct fog_bytes chain, int64_t not_after_ms)
{
    struct role_box *b = arg;
    int rc = install_cert(b, chain);

    if (rc == 0)
        rc = home_write(b->serve->conf, TLS_CERT, chain, 0644);
    if (rc != 0)
        fog_unusual("box.cert", "error=\"%s\"", fog_strerror(rc));
    else
        fog_info("box.cert", "name=%s not_after_s=%" PRId64, b->pattern, not_after_ms / 1000);
}

/* Asks for a certificate while there is none, and for the next one in time. */
static void on_cert_timer(void *arg)
{
    struct role_box *b = arg;
    struct fog_buf der = {0};
    int64_t now_s = fog_wall_ms() / 1000;
    int rc;

    fog_timer_start(b->cert_timer, CERT_RETRY_MS);
    if (b->cert_not_after - RENEW_S > now_s || !member_is_leased(b->member))
        return;
    rc = fog_x509_csr_make(fog_buf_bytes(&b->key_pem), b->pattern, &der);
    if (rc == 0)
        rc = member_csr(b->member, fog_buf_bytes(&der));
    if (rc != 0 && rc != -ENOTCONN)
        fog_unusual("box.csr", "error=\"%s\"", fog_strerror(rc));
    fog_buf_fini(&der);
}

static int load_cert(struct role_box *b)
{
    const struct node_conf *conf = b->serve->conf;
    struct fog_buf chain = {0};
    int rc = home_read(conf, TLS_KEY, PEM_MAX, &b->key_pem);

    if (rc == -ENOENT) {
        rc = fog_x509_key_new(&b->key_pem);
        return rc != 0 ? rc : home_write(conf, TLS_KEY, fog_buf_bytes(&b->key_pem), 0600);
    }
    if (rc == 0)
        rc = home_read(conf, TLS_CERT, PEM_MAX, &chain);
    if (rc == 0 && (rc = install_cert(b, fog_buf_bytes(&chain))) != 0) {
        fog_unusual("box.stored_cert", "error=\"%s\"", fog_strerror(rc));
        rc = -ENOENT; /* asked for again */
    }
    fog_buf_fini(&chain);
    return rc == -ENOENT ? 0 : rc;
}

/* ---- what the hub says ---- */

static void on_load(void *arg, struct member_load *out)
{
    struct role_box *b = arg;
    struct serve *s = b->serve;
    fog_time_ms now = fog_loop_now_ms(s->control->loop);
    struct storage_stat st;

    if (member_is_leased(b->member))
        node_clock_set(&s->clock, member_hub_ms(b->member));
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < s->n_loops; i++) {
        out->bytes_total += atomic_load(&s->loops[i].bytes_sent);
        out->conns += atomic_load(&s->loops[i].conns);
        out->active += atomic_load(&s->loops[i].active);
    }
    if (now > b->beat_ms && out->bytes_total >= b->beat_bytes)
        out->egress_bps = (out->bytes_total - b->beat_bytes) * 8000 / (uint64_t)(now - b->beat_ms);
    /* Between two segments nothing is open; whoever sent since the last beat is serving. */
    if (out->active == 0 && out->bytes_total > b->beat_bytes)
        out->active = 1;
    b->beat_ms = now;
    b->beat_bytes = out->bytes_total;
    storage_stat(s->store, &st);
    out->free_bytes = st.usable_bytes > st.pinned_bytes ? st.usable_bytes - st.pinned_bytes : 0;
}

static void set_hubs(struct role_box *b, struct fog_bytes set)
{
    struct hubset *hubs = FOG_NEW(hubset);
    struct fog_pub keys[HUBSET_INSTANCES_MAX];
    struct peers_hub out[PEERS_HUBS];
    size_t n = 0;

    if (set.len > 0 && hubset_decode(set, hubs) == 0) {
        for (unsigned i = 0; i < hubs->n; i++)
            keys[i] = hubs->instances[i].map_key;
        sites_set_hubs(b->serve->sites, keys, hubs->n);
        for (unsigned i = 0; i < hubs->n && n < PEERS_HUBS; i++) {
            if (hubs->instances[i].n_addrs == 0)
                continue;
            memcpy(out[n].key, hubs->instances[i].key, sizeof out[n].key);
            out[n++].addr = hubs->instances[i].addrs[0];
        }
        peers_set_hubs(b->serve->peers, out, n);
    }
    free(hubs);
}

static void save_hub_set(void *arg, struct fog_bytes set)
{
    struct role_box *b = arg;

    set_hubs(b, set);
    if (home_write(b->serve->conf, HOME_HUB_SET, set, 0600) != 0)
        fog_unusual("box.hub_set", "error=\"could not be kept, is asked for again\"%s", "");
}

static void on_lease(void *arg, bool up)
{
    struct role_box *b = arg;

    if (!up) {
        fog_unusual("box.lease", "state=lost%s", "");
        return;
    }
    node_clock_set(&b->serve->clock, member_hub_ms(b->member));
    fog_info("box.lease", "state=held label=%s", b->serve->label);
    if (b->money != NULL)
        box_money_leased(b->money);
    fog_timer_start(b->cert_timer, 0);
}

static void on_enrolled(void *arg, const char *label, const uint8_t operator_addr[20])
{
    (void)arg;
    (void)operator_addr;
    fog_info("box.enrolled", "label=%s", label);
}

static void on_refused(void *arg, unsigned code, const char *text)
{
    (void)arg;
    fog_unusual("box.refused", "code=%u text=\"%s\"", code, text);
}

static void on_map(void *arg)
{
    struct role_box *b = arg;
    /* Immutable and reference-counted; the member gives it out as const because it is shared. */
    struct cellmap *map = (struct cellmap *)(uintptr_t)member_map(b->member);

    node_clock_set(&b->serve->clock, member_hub_ms(b->member));
    if (map != NULL)
        peers_set_map(b->serve->peers, map);
}

static void forget_asked(struct role_box *b, struct asked *a)
{
    fog_link_remove(&a->link);
    b->n_asked--;
    free(a);
}

static void on_pointer(void *arg, const struct fog_wire_pointer *m)
{
    struct role_box *b = arg;
    struct fog_site_id site;
    int rc;

    memcpy(site.b, m->site, sizeof site.b);
    FOG_LIST_EACH(&b->asked, it)
    {
        struct asked *a = FOG_CONTAINER(it, asked, link);

        if (memcmp(a->site.b, site.b, sizeof site.b) == 0)
            forget_asked(b, a);
    }
    rc = sites_take(b->serve->sites, &site, m->pointer, m->keydoc, m->delegate);
    if (rc != 0 && rc != FOG_ESTALE)
        fog_unusual("box.pointer", "error=\"%s\"", fog_strerror(rc));
}

static void on_fresh(void *arg, const struct fog_wire_fresh *m)
{
    struct role_box *b = arg;
    struct fog_rd rows = fog_rd_of(m->rows.raw);
    int rc;

    for (uint32_t i = 0; i < m->rows.count; i++) {
        struct fog_wire_signed one;

        fog_wire_get_signed(&rows, &one);
        rc = sites_fresh(b->serve->sites, one.bytes);
        if (rc != 0)
            fog_unusual("box.fresh", "error=\"%s\"", fog_strerror(rc));
    }
}

static void on_place(void *arg, const struct fog_wire_place *m)
{
    struct role_box *b = arg;

    orders_on_place(b->orders, m);
}

static void on_placed(void *arg, const struct fog_wire_placed *p)
{
    struct role_box *b = arg;

    if (member_placed(b->member, p) != 0)
        fog_debug("box.placed", "order=%" PRIu64 " error=\"no lease\"", p->order);
}

static void on_call_you(void *arg, const uint8_t peer[32], const char *addr)
{
    struct role_box *b = arg;

    serve_loop_call_back(b->serve, peer, addr);
}

static void on_money(void *arg, uint16_t type, struct fog_bytes body)
{
    struct role_box *b = arg;

    if (b->money != NULL)
        box_money_on_message(b->money, type, body);
}

static void on_refuse(void *arg, const struct fog_wire_refuse *m)
{
    struct role_box *b = arg;
    struct asked *a;

    if (m->about != FOG_WIRE_SITE_ASK) {
        fog_unusual("box.refuse", "about=%s code=%u text=\"%s\"", fog_wire_name(m->about), m->code,
                    m->text);
        return;
    }
    /* Answers come in the order of the questions. */
    if (fog_list_empty(&b->asked))
        return;
    a = FOG_CONTAINER(fog_list_first(&b->asked), asked, link);
    sites_refused(b->serve->sites, &a->site);
    forget_asked(b, a);
}

static int send_money(void *arg, uint16_t type, struct fog_bytes body)
{
    struct role_box *b = arg;

    return member_money(b->member, type, body);
}

/* ---- what other parts ask ---- */

void role_box_report(struct role_box *b, const struct fill_lie *lie)
{
    struct fog_wire_report r = {.chunk = lie->chunk.id,
                                .len = lie->chunk.len,
                                .leaf = lie->leaf,
                                .expected = lie->expected,
                                .got = lie->got};

    memcpy(r.peer, lie->peer, sizeof r.peer);
    if (member_report(b->member, &r) != 0)
        fog_unusual("box.report", "error=\"no lease\"%s", "");
}

void role_box_call_peer(struct role_box *b, const uint8_t key[32])
{
    if (member_call_peer(b->member, key) != 0)
        fog_debug("box.call_peer", "error=\"no lease\"%s", "");
}

void role_box_ask_site(struct role_box *b, const struct fog_site_id *site)
{
    struct asked *a;

    if (b->n_asked >= ASKED_MAX || member_site_ask(b->member, site->b) != 0) {
        sites_refused(b->serve->sites, site);
        return;
    }
    a = FOG_NEW(asked);
    a->site = *site;
    fog_list_push_back(&b->asked, &a->link);
    b->n_asked++;
}

struct ledger *role_box_ledger(struct role_box *b)
{
    return b == NULL || b->money == NULL ? NULL : box_money_ledger(b->money);
}

void role_box_leave(struct role_box *b, void (*done)(void *arg), void *arg)
{
    if (b->money != NULL)
        box_money_settle(b->money);
    member_leave(b->member, (uint32_t)b->serve->conf->grace, done, arg);
}

void role_box_status(struct role_box *b, struct fog_buf *json)
{
    const struct cellmap *map = member_map(b->member);

    fog_buf_printf(
        json, "\"leased\":%s,\"map_no\":%" PRIu64 ",\"boxes\":%zu,\"cert_not_after_s\":%" PRId64,
        member_is_leased(b->member) ? "true" : "false", map == NULL ? 0 : map->map_no,
        map == NULL ? 0 : map->n, b->cert_not_after);
    if (b->money != NULL) {
        fog_buf_append_str(json, ",\"money\":{");
        box_money_status(b->money, json);
        fog_buf_append_str(json, "}");
    }
}

/* ---- life ---- */

static void fill_hello(const struct role_box *b, struct fog_wire_hello *h)
{
    const struct serve *s = b->serve;
    const struct node_conf *c = s->conf;
    uint64_t weight = c->disk / WEIGHT_UNIT;

    *h = (struct fog_wire_hello){
        .version = FOG_WIRE_VERSION,
        .fog_id = s->fog_id,
        .flags = FOG_BOX_STORAGE,
        .class = c->reachable ? FOG_CLASS_RACK : FOG_CLASS_HOME,
        .weight = (uint16_t)(weight < 1       ? 1
                             : weight > 65535 ? 65535
                                              : weight),
        .asn = (uint32_t)c->place_asn,
        .disk_bytes = c->disk,
    };
    (void)fog_strcpy(h->software, sizeof h->software, fog_bytes_str(SERVE_VERSION));
    fog_addr_format(&c->advertise_addr, h->advertise);
    if (c->reachable)
        h->flags |= FOG_BOX_REACHABLE;
    if (c->reachable && c->is_edge)
        h->flags |= FOG_BOX_EDGE;
    if (s->keys.addresses.present[KEYD_KEY_NODE])
        memcpy(h->node, s->keys.addresses.money[KEYD_KEY_NODE].b, sizeof h->node);
    (void)fog_strcpy(h->country, sizeof h->country, fog_bytes_str(c->place_country));
    (void)fog_strcpy(h->domain, sizeof h->domain, fog_bytes_str(c->place_domain));
}

int role_box_new(struct serve *s, struct role_box **out)
{
    struct role_box *b = FOG_NEW(role_box);
    int rc;

    b->serve = s;
    fog_list_init(&b->asked);
    (void)snprintf(b->pattern, sizeof b->pattern, "*.%s.%s", s->label, s->conf->zone);
    b->cert_timer = fog_timer_new(s->control->loop, on_cert_timer, b);
    if ((rc = load_cert(b)) == 0 && s->keys.addresses.present[KEYD_KEY_NODE]) {
        const struct box_money_conf money = {.serve = s, .send = send_money, .arg = b};

        rc = box_money_new(&money, &b->money);
    }
    if (rc != 0) {
        role_box_free(&b);
        return rc;
    }
    *out = b;
    return 0;
}

/* Everything stands: takes the lease. */
int role_box_start(struct role_box *b)
{
    struct serve *s = b->serve;
    const struct member_ops ops = {.arg = b,
                                   .load = on_load,
                                   .on_lease = on_lease,
                                   .on_enrolled = on_enrolled,
                                   .on_refused = on_refused,
                                   .on_map = on_map,
                                   .on_pointer = on_pointer,
                                   .on_fresh = on_fresh,
                                   .on_place = on_place,
                                   .on_cert = on_cert,
                                   .on_call_you = on_call_you,
                                   .on_money = on_money,
                                   .on_refuse = on_refuse};
    const struct orders_conf orders = {
        .hold = s->hold, .sites = s->sites, .placed = on_placed, .arg = b};
    struct fog_buf hubs = {0}, token = {0}, genesis = {0};
    struct fog_rng rng = fog_rng_system();
    struct member_conf conf = {
        .genesis = fog_buf_bytes(&s->genesis_bytes),
        .seed = s->seed,
        .save_hub_set = save_hub_set,
        .save_arg = b,
        .jitter_seed = fog_rng_u64(&rng),
    };
    int rc = home_read(s->conf, HOME_HUB_SET, HUBSET_MAX, &hubs);

    if (rc != 0 && rc != -ENOENT)
        goto out;
    /* Needed until the box has enrolled once; later a missing file is no fault. */
    if (s->conf->join[0] != '\0' && (rc = home_join(s->conf->join, &token, &genesis)) != 0 &&
        hubs.len == 0)
        goto out;
    if (hubs.len == 0 && token.len == 0) {
        fprintf(stderr, "fogd: this box has not enrolled yet: set 'join' to the file that `fogd "
                        "token` of a router wrote\n");
        rc = FOG_ECONFIG;
        goto out;
    }
    set_hubs(b, fog_buf_bytes(&hubs));
    conf.hub_set = fog_buf_bytes(&hubs);
    conf.token = fog_buf_bytes(&token);
    fill_hello(b, &conf.hello);
    b->orders = orders_new(&orders);
    rc = member_new(s->control->loop, &conf, &ops, &b->member);
    if (rc != 0)
        fprintf(stderr, "fogd: cannot join the fog: %s\n", fog_strerror(rc));
    fog_timer_start(b->cert_timer, CERT_RETRY_MS);
out:
    fog_buf_fini(&hubs);
    fog_buf_fini(&token);
    fog_buf_fini(&genesis);
    return rc;
}

void role_box_free(struct role_box **pb)
{
    struct role_box *b = *pb;

    *pb = NULL;
    if (b == NULL)
        return;
    member_free(&b->member);
    orders_free(&b->orders);
    box_money_free(&b->money);
    FOG_LIST_EACH(&b->asked, it)
    forget_asked(b, FOG_CONTAINER(it, asked, link));
    fog_timer_free(&b->cert_timer);
    if (b->key_pem.data != NULL)
        fog_wipe(b->key_pem.data, b->key_pem.len);
    fog_buf_fini(&b->key_pem);
    free(b);
}
