#include "router/memberlink.h"

#include "core/base/assert.h"
#include "core/base/wr.h"
#include "core/obs/log.h"

#include <errno.h>
#include <stdlib.h>

int member_take_hub_set(struct member *m, struct fog_bytes bytes)
{
    struct hubset *next = FOG_NEW(hubset);
    int rc = hubset_decode(bytes, next);

    if (rc == 0)
        rc = hubset_check(next, m->have_hubs ? &m->hubs : NULL, &m->genesis, &m->fog_id);
    /* A box that knows nothing yet may also trust the very set that its token names. */
    if (rc == FOG_EVERIFY && !m->have_hubs && m->have_token &&
        fog_hash_eq(&next->id, &m->token.hub_set))
        rc = 0;
    if (rc == 0) {
        m->hubs = *next;
        m->have_hubs = true;
        m->hello.hubset_version = next->version;
        fog_info("member.hub_set", "version=%u instances=%u", next->version, next->n);
        if (m->save_hub_set != NULL)
            m->save_hub_set(m->save_arg, bytes);
    }
    free(next);
    return rc == FOG_ESTALE ? 0 : rc;
}

int member_take_map(struct member *m, struct fog_bytes bytes)
{
    struct cellmap *next;
    int rc;

    if (!m->have_hubs)
        return FOG_EPROTO;
    rc = cellmap_decode(bytes, &m->hubs, &m->fog_id, &next);
    if (rc != 0)
        return rc;
    rc = m->map == NULL ? 0 : cellmap_follows(m->map, next, &m->fog_id);
    if (rc != 0) {
        if (rc == FOG_EVERIFY)
            fog_unusual("member.map_conflict",
                        "have=%llu got=%llu: maps that contradict each other",
                        (unsigned long long)m->map->map_no, (unsigned long long)next->map_no);
        cellmap_unref(&next);
        return rc == FOG_ESTALE ? 0 : rc;
    }
    cellmap_unref(&m->map);
    m->map = next;
    m->hello.map_no = next->map_no;
    if (m->ops.on_map != NULL)
        m->ops.on_map(m->ops.arg);
    return 0;
}

int member_take_live(struct member *m, struct fog_bytes bytes)
{
    struct cellmap *next;
    int rc;

    if (m->map == NULL)
        return 0; /* of a map we do not have: the next one comes within seconds */
    rc = cellmap_with_live(m->map, bytes, &m->hubs, &m->fog_id, &next);
    if (rc == FOG_ESTALE)
        return 0;
    if (rc != 0)
        return rc;
    cellmap_unref(&m->map);
    m->map = next;
    if (m->ops.on_map != NULL)
        m->ops.on_map(m->ops.arg);
    return 0;
}

/* Of the answers of the last minute the quickest is believed, unless the clock itself must have
 * been set: what the two round trips cannot explain. */
void member_take_time(struct member *m, fog_time_ms hub_ms, fog_time_ms rtt_ms)
{
    fog_time_ms now = fog_loop_now_ms(m->loop), offset = hub_ms + rtt_ms / 2 - now;
    fog_time_ms off_by =
        offset > m->clock_offset ? offset - m->clock_offset : m->clock_offset - offset;
    bool set = off_by > (rtt_ms + m->clock_rtt) / 2 + 1000;

    if (m->clock_known && !set && rtt_ms > m->clock_rtt && now - m->clock_at < 60000)
        return;
    m->clock_offset = offset;
    m->clock_rtt = rtt_ms;
    m->clock_at = now;
    m->clock_known = true;
}

bool member_is_leased(const struct member *m)
{
    for (unsigned i = 0; i < m->n_links; i++)
        if (m->links[i].state == MLINK_LEASED)
            return true;
    return false;
}

void member_lease_changed(struct member *m)
{
    bool now = member_is_leased(m);

    if (now == m->was_leased)
        return;
    m->was_leased = now;
    if (m->ops.on_lease != NULL)
        m->ops.on_lease(m->ops.arg, now);
}

/* Which instances to hold leases with: those of the hub set, else those of the token. */
static void choose_hubs(struct member *m)
{
    unsigned first;

    if (!m->have_hubs) {
        for (unsigned i = 0; i < m->token.n_hubs && m->n_links < MEMBER_HUBS; i++) {
            struct mlink *l = &m->links[m->n_links++];
            l->hub.addr = m->token.hubs[i].addr;
            memcpy(l->hub.key, m->token.hubs[i].key, 32);
        }
        return;
    }
    first = (unsigned)fog_rng_below(&m->rng, m->hubs.n); /* boxes spread over the instances */
    for (unsigned i = 0; i < m->hubs.n && m->n_links < MEMBER_HUBS; i++) {
        const struct hubset_instance *h = &m->hubs.instances[(first + i) % m->hubs.n];
        struct mlink *l = &m->links[m->n_links++];
        l->hub.addr = h->addrs[0];
        memcpy(l->hub.key, h->key, 32);
    }
}

static int take_conf(struct member *m, const struct member_conf *conf)
{
    int rc = genesis_decode(conf->genesis, &m->genesis, &m->fog_id);

    if (rc != 0) {
        fog_unusual("member.genesis", "error=%s", fog_errname(rc));
        return rc;
    }
    if (conf->token.len > 0) {
        rc = enrol_token_decode(conf->token, &m->token);
        if (rc == 0)
            rc = enrol_token_check(&m->token, &m->fog_id);
        if (rc != 0) {
            fog_unusual("member.token", "error=%s", fog_errname(rc));
            return rc;
        }
        fog_buf_append(&m->token_bytes, conf->token.p, conf->token.len);
        m->have_token = true;
    }
    if (conf->hub_set.len > 0) {
        rc = member_take_hub_set(m, conf->hub_set);
        if (rc != 0) {
            fog_unusual("member.hub_set", "error=%s", fog_errname(rc));
            return rc;
        }
    }
    if (!m->have_hubs && !m->have_token) {
        fog_unusual("member.conf", "error=\"neither a hub set nor a token: no way into the fog\"");
        return FOG_ECONFIG;
    }
    return 0;
}

int member_new(struct fog_loop *loop, const struct member_conf *conf, const struct member_ops *ops,
               struct member **out)
{
    static const char *const alpn[] = {"fog-lease/1", NULL};
    struct member *m = FOG_NEW(member);
    struct fog_sign_key key;
    struct fog_box_id box;
    int rc;

    m->magic = MEMBER_MAGIC;
    m->loop = loop;
    m->ops = *ops;
    m->seed = conf->seed;
    m->hello = conf->hello;
    m->rng = fog_rng_seed(&m->rng_state, conf->jitter_seed);
    fog_sign_key_of(conf->seed, &key);
    memcpy(m->key, key.pub.b, sizeof m->key);
    fog_sign_key_wipe(&key);
    fog_box_id_of(m->key, &box);
    fog_box_label(&box, m->label);
    if ((rc = take_conf(m, conf)) != 0)
        goto fail;
    m->save_hub_set = conf->save_hub_set; /* only from now on: what came by conf is kept already */
    m->save_arg = conf->save_arg;
    m->hello.version = FOG_WIRE_VERSION;
    m->hello.fog_id = m->fog_id;
    if ((rc = fog_tls_cert_node(conf->seed, &m->cert)) != 0)
        goto fail;
    rc = fog_tls_client_new(&(struct fog_tls_client_conf){.node = m->cert, .alpn = alpn}, &m->tls);
    if (rc != 0)
        goto fail;
    choose_hubs(m);
    for (unsigned i = 0; i < m->n_links; i++) {
        m->links[i].m = m;
        mlink_start(&m->links[i], 0);
    }
    *out = m;
    return 0;
fail:
    member_free(&m);
    return rc;
}

void member_free(struct member **mp)
{
    struct member *m = *mp;

    *mp = NULL;
    if (m == NULL)
        return;
    for (unsigned i = 0; i < m->n_links; i++)
        mlink_stop(&m->links[i]);
    fog_timer_free(&m->leave);
    fog_tls_client_free(&m->tls);
    fog_tls_cert_unref(&m->cert);
    cellmap_unref(&m->map);
    fog_buf_fini(&m->token_bytes);
    m->magic = 0;
    free(m);
}

static void on_left(void *arg)
{
    struct member *m = FOG_CAST(member, MEMBER_MAGIC, arg);

    m->on_left(m->left_arg);
}

void member_leave(struct member *m, uint32_t drain_ms, void (*done)(void *arg), void *arg)
{
    struct fog_wire_leave msg = {.drain_ms = drain_ms};
    struct fog_buf b = {0};
    bool any = false;

    fog_wire_put_leave(&b, &msg);
    for (unsigned i = 0; i < m->n_links; i++) {
        struct mlink *l = &m->links[i];
        if (l->state == MLINK_LEASED) {
            mlink_send(l, FOG_WIRE_LEAVE, fog_buf_bytes(&b));
            any = true;
        }
        l->state = MLINK_LEAVING;
    }
    fog_buf_fini(&b);
    m->on_left = done;
    m->left_arg = arg;
    /* One turn of the loop sends it; a moment more lets the hub withdraw us before we refuse
     * anybody. */
    m->leave = fog_timer_new(m->loop, on_left, m);
    fog_timer_start(m->leave, any ? 200 : 0);
}

fog_time_ms member_hub_ms(const struct member *m)
{
    return m->clock_known ? fog_loop_now_ms(m->loop) + m->clock_offset : fog_wall_ms();
}

const struct cellmap *member_map(const struct member *m)
{
    return m->map;
}

const struct fog_hash *member_fog_id(const struct member *m)
{
    return &m->fog_id;
}

const char *member_label(const struct member *m)
{
    return m->label;
}

bool member_is_hub(const struct member *m, const uint8_t key[32])
{
    return m->have_hubs && hubset_by_key(&m->hubs, key) != NULL;
}

bool member_hub_now(const struct member *m, struct member_hub *out)
{
    for (unsigned i = 0; i < m->n_links; i++)
        if (m->links[i].state == MLINK_LEASED) {
            *out = m->links[i].hub;
            return true;
        }
    return false;
}

void member_beat_now(struct member *m)
{
    for (unsigned i = 0; i < m->n_links; i++)
        if (m->links[i].state == MLINK_LEASED)
            mlink_beat(&m->links[i]);
}

/* To every hub (acknowledgements, money) or to the first (questions). */
static int send_up(struct member *m, uint16_t type, const struct fog_buf *body, bool all)
{
    int rc = -ENOTCONN;

    for (unsigned i = 0; i < m->n_links && (all || rc != 0); i++)
        if (m->links[i].state == MLINK_LEASED) {
            mlink_send(&m->links[i], type, fog_buf_bytes(body));
            rc = 0;
        }
    return rc;
}

int member_placed(struct member *m, const struct fog_wire_placed *p)
{
    struct fog_buf b = {0};
    int rc;

    fog_wire_put_placed(&b, p);
    rc = send_up(m, FOG_WIRE_PLACED, &b, true);
    fog_buf_fini(&b);
    return rc;
}

int member_csr(struct member *m, struct fog_bytes der)
{
    struct fog_buf b = {0};
    int rc;

    fog_wire_put_csr(&b, &(struct fog_wire_csr){der});
    rc = send_up(m, FOG_WIRE_CSR, &b, false);
    fog_buf_fini(&b);
    return rc;
}

int member_call_peer(struct member *m, const uint8_t peer[32])
{
    struct fog_wire_call_peer msg = {0};
    struct fog_buf b = {0};
    int rc;

    if (m->hello.advertise[0] == 0)
        return FOG_EADDR;
    memcpy(msg.peer, peer, sizeof msg.peer);
    memcpy(msg.addr, m->hello.advertise, sizeof msg.addr);
    fog_wire_put_call_peer(&b, &msg);
    rc = send_up(m, FOG_WIRE_CALL_PEER, &b, true);
    fog_buf_fini(&b);
    return rc;
}

int member_report(struct member *m, const struct fog_wire_report *r)
{
    struct fog_buf b = {0};
    int rc;

    fog_wire_put_report(&b, r);
    rc = send_up(m, FOG_WIRE_REPORT, &b, true);
    fog_buf_fini(&b);
    return rc;
}

int member_site_ask(struct member *m, const uint8_t site[10])
{
    struct fog_wire_site_ask msg;
    struct fog_buf b = {0};
    int rc;

    memcpy(msg.site, site, sizeof msg.site);
    fog_wire_put_site_ask(&b, &msg);
    rc = send_up(m, FOG_WIRE_SITE_ASK, &b, false);
    fog_buf_fini(&b);
    return rc;
}

int member_money(struct member *m, uint16_t type, struct fog_bytes body)
{
    struct fog_buf b = {0};
    int rc;

    fog_buf_append(&b, body.p, body.len);
    rc = send_up(m, type, &b, true);
    fog_buf_fini(&b);
    return rc;
}
