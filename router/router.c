#include "router/core.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/crypto/rng_system.h"
#include "core/io/tls.h"
#include "core/obs/log.h"
#include "router/ca.h"
#include "router/copies.h"
#include "router/dns.h"
#include "router/geo.h"
#include "router/mapper.h"
#include "router/order.h"
#include "router/probe.h"
#include "router/publish.h"
#include "router/steer_in.h"
#include "router/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define CUT_HOLD_MS     (15 * 60 * (fog_time_ms)1000)
#define CUT_HOLD_DEV_MS 30000

void router_label(const uint8_t key[32], char out[FOG_BOX_LABEL_LEN + 1])
{
    struct fog_box_id id;

    fog_box_id_of(key, &id);
    fog_box_label(&id, out);
}

/* --- the clockwork: one timer for everything that has deadlines --- */

/* Hub time that jumps (a development chain whose clock is moved) is told at once; boxes judge
 * grants by it. */
static void watch_clock(struct router *r, fog_time_ms now, fog_time_ms hub_ms)
{
    fog_time_ms offset = hub_ms - now, moved = offset - r->clock_offset;
    const struct cellmap *map = mapper_map(r->mapper);
    struct fog_wire_beat_ok m = {.hub_ms = hub_ms, .map_no = map == NULL ? 0 : map->map_no};
    struct fog_buf b = {0};

    if (r->clock_known && moved < 2000 && moved > -2000)
        return;
    if (r->clock_known)
        fog_info("router.clock", "moved_ms=%lld", (long long)moved);
    r->clock_offset = offset;
    r->clock_known = true;
    fog_wire_put_beat_ok(&b, &m);
    leasewire_send_all(r, FOG_WIRE_BEAT_OK, fog_buf_bytes(&b));
    fog_buf_fini(&b);
}

static void on_tick(void *arg)
{
    struct router *r = FOG_CAST(router, ROUTER_MAGIC, arg);
    fog_time_ms now = router_now(r), hub_ms = router_hub_ms(r), next, t;

    watch_clock(r, now, hub_ms);
    next = leases_tick(r->leases, now);
    if ((t = copies_tick(r->copies, now)) < next)
        next = t;
    if ((t = verdicts_tick(r->verdicts, &r->rng, hub_ms) - hub_ms + now) < next)
        next = t;
    if (next > now + 1000)
        next = now + 1000;
    fog_timer_start(r->tick, next <= now ? 1 : next - now);
}

void router_kick(struct router *r)
{
    fog_timer_start(r->tick, 0);
}

/* --- leases tell --- */

static void on_probe_wanted(void *arg, const uint8_t key[32], enum lease_why why)
{
    struct router *r = arg;

    (void)why;
    probes_ask(r->probes, key);
}

static void on_lease_changed(void *arg, const struct lease_box *box, enum lease_state from)
{
    struct router *r = arg;

    (void)from;
    if (r->mapper != NULL)
        mapper_live_changed(r->mapper);
    if (r->copies != NULL)
        copies_on_box(r->copies, box->key, router_now(r));
    if (r->tick != NULL)
        router_kick(r);
}

static void on_cut(void *arg, bool on)
{
    struct router *r = arg;

    (void)on;
    /* Whose copies count has changed for every box. */
    if (mapper_map(r->mapper) != NULL)
        copies_on_map(r->copies, mapper_map(r->mapper), router_now(r));
}

/* --- verdicts ask and tell --- */

struct audit_ctx {
    struct router *r;
    uint8_t box[32];
};

static void on_audited(void *ctx, int err, const struct fog_hash *expected,
                       const struct fog_hash *got)
{
    struct audit_ctx *a = ctx;

    verdicts_on_audit(a->r->verdicts, a->box, err, expected, got, router_hub_ms(a->r));
    router_kick(a->r);
    free(a);
}

static void on_audit_wanted(void *arg, const uint8_t box[32], const struct fog_hash *chunk,
                            uint32_t len, uint32_t leaf)
{
    struct router *r = arg;
    struct probe_leaf what = {.chunk = *chunk, .len = len, .leaf = leaf};
    struct audit_ctx *a = FOG_NEW(audit_ctx);

    a->r = r;
    memcpy(a->box, box, sizeof a->box);
    memcpy(what.box, box, sizeof what.box);
    probes_audit(r->probes, &what, on_audited, a);
}

static void on_verdict(void *arg, const struct verdict *v)
{
    struct router *r = arg;
    char name[80] = "verdict/";
    struct fog_buf b = {0};

    fog_hex_encode(v->box, 32, name + strlen(name));
    verdict_encode(v, &b);
    records_put(r->rec, name, fog_buf_bytes(&b), NULL, NULL);
    fog_buf_fini(&b);
    if (v->state == VERDICT_WITHDRAWN && r->copies != NULL)
        copies_distrust(r->copies, v->box, router_now(r));
}

static bool load_verdict(void *arg, struct fog_bytes name, struct fog_bytes value)
{
    struct router *r = arg;
    struct verdict v;

    (void)name;
    if (verdict_decode(value, &v) == 0)
        verdicts_load(r->verdicts, &v);
    return true;
}

void router_report(struct router *r, const struct fog_wire_report *m)
{
    static const uint8_t self[20]; /* this instance's own word counts as one reporter */

    if (records_box(r->rec, m->peer) != NULL)
        verdicts_report(r->verdicts, m->peer, self, &m->chunk, m->len, m->leaf, &m->expected,
                        &m->got, &r->rng, router_hub_ms(r));
    router_kick(r);
}

/* --- what node/ asks --- */

struct steer *router_steer(struct router *r)
{
    return r->steer;
}

const struct cellmap *router_cellmap(const struct router *r)
{
    return mapper_map(r->mapper);
}

const struct fog_hash *router_fog_id(const struct router *r)
{
    return &r->fog_id;
}

int router_send(struct router *r, const uint8_t box[32], uint16_t type, struct fog_bytes body)
{
    return leasewire_send(r, box, type, body);
}

int router_site(struct router *r, const uint8_t site[10], struct fog_bytes *pointer,
                struct fog_bytes *keydoc, struct fog_bytes *delegate)
{
    struct fog_site_id id;
    const struct record_site *s;
    const struct record_pub *p;

    memcpy(id.b, site, sizeof id.b);
    s = records_site(r->rec, &id);
    p = s == NULL ? NULL : records_pub(r->rec, &s->pointer.publisher_id);
    if (p == NULL)
        return -ENOENT;
    *pointer = fog_buf_bytes(&s->pointer_bytes);
    *keydoc = fog_buf_bytes(&p->bytes);
    *delegate = fog_buf_bytes(&s->delegate);
    return 0;
}

int router_call_peer(struct router *r, const uint8_t box[32])
{
    struct fog_wire_call_you m = {0};
    struct fog_buf b = {0};
    int rc;

    memcpy(m.peer, r->self->key, sizeof m.peer);
    fog_addr_format(&r->conf.public_addr, m.addr);
    fog_wire_put_call_you(&b, &m);
    rc = leasewire_send(r, box, FOG_WIRE_CALL_YOU, fog_buf_bytes(&b));
    fog_buf_fini(&b);
    return rc;
}

bool router_knows_box(const struct router *r, const uint8_t key[32])
{
    const struct record_box *b = records_box(r->rec, key);

    return b != NULL && !b->revoked;
}

/* --- who may publish, without a chain --- */

static void check_list(void *arg, const struct fog_hash *publisher_id, const uint8_t owner[20],
                       void (*done)(void *ctx, int err, const char *why), void *ctx)
{
    struct router *r = arg;

    (void)owner;
    for (size_t i = 0; i < r->conf.n_publishers; i++)
        if (fog_hash_eq(&r->conf.publishers[i], publisher_id)) {
            done(ctx, 0, NULL);
            return;
        }
    if (r->conf.any_publisher)
        done(ctx, 0, NULL);
    else
        done(ctx, FOG_EDENIED,
             "this publisher is not on the operator's list: ask him to add your publisher id");
}

/* --- birth and death --- */

static void free_conf(struct router_conf *c)
{
    free((char *)(uintptr_t)c->zone);
    free((char *)(uintptr_t)c->state_dir);
    free((char *)(uintptr_t)c->ca_file);
    free((char *)(uintptr_t)c->dns_listen);
    free((char *)(uintptr_t)c->geo_db);
    free((char *)(uintptr_t)c->prefix_map);
    free((struct fog_hash *)(uintptr_t)c->publishers);
}

static const char *dup_or_null(const char *s)
{
    return s == NULL ? NULL : fog_strdup(s);
}

static void copy_conf(struct router *r, const struct router_conf *in)
{
    struct router_conf *c = &r->conf;

    *c = *in;
    c->zone = fog_strdup(in->zone);
    c->state_dir = dup_or_null(in->state_dir);
    c->ca_file = dup_or_null(in->ca_file);
    c->dns_listen = dup_or_null(in->dns_listen);
    c->geo_db = dup_or_null(in->geo_db);
    c->prefix_map = dup_or_null(in->prefix_map);
    c->publishers = NULL;
    if (in->n_publishers > 0) {
        struct fog_hash *p = fog_alloc(in->n_publishers * sizeof *p);
        memcpy(p, in->publishers, in->n_publishers * sizeof *p);
        c->publishers = p;
    }
    c->hub_set = c->genesis = (struct fog_bytes){0};
    c->root_seed = c->seed = NULL; /* used while starting only */
    if (c->k == 0)
        c->k = r->genesis.copies;
    if (c->k > COPIES_K_MAX)
        c->k = COPIES_K_MAX;
    if (c->grace_ms == 0)
        c->grace_ms = c->dev ? 2000 : 3600 * 1000;
    if (c->drop_after_ms == 0)
        c->drop_after_ms = 10 * 60 * 1000;
    if (c->ramp_ms == 0 && !c->dev)
        c->ramp_ms = 72 * 3600 * (fog_time_ms)1000;
    if (c->new_sessions_per_s == 0)
        c->new_sessions_per_s = 100;
}

static int open_db(struct router *r)
{
    char path[4096];

    if (r->conf.state_dir == NULL) {
        r->db = db_open_mem(NULL);
        return 0;
    }
    if (mkdir(r->conf.state_dir, 0700) != 0 && errno != EEXIST) {
        int rc = -errno;
        fog_unusual("router.state", "folder=%s error=\"%s\"", r->conf.state_dir, fog_strerror(rc));
        return rc;
    }
    snprintf(path, sizeof path, "%s/router-db", r->conf.state_dir);
    return db_open_rocks(r->loop, path, &r->db);
}

/* The secret of the hash chain, made once. It is on its way to disk before any map reveals a value;
 * a crash in between leaves no map behind either. */
static int beacon_seed(struct router *r)
{
    struct fog_hash *seed = &r->beacon_seed;
    struct fog_buf v = {0};
    int rc = records_get(r->rec, "beacon", &v);

    if (rc == 0 && v.len == sizeof seed->b) {
        memcpy(seed->b, v.data, sizeof seed->b);
    } else if (rc == -ENOENT) {
        fog_rng_fill(&r->rng, seed->b, sizeof seed->b);
        records_put(r->rec, "beacon", fog_bytes_of(seed->b, sizeof seed->b), NULL, NULL);
        rc = 0;
    }
    fog_buf_fini(&v);
    return rc;
}

/* A fog of one instance whose root key is at hand: its first hub set. */
static int make_hub_set(struct router *r, const struct router_conf *conf)
{
    struct hubset *s = FOG_NEW(hubset);
    struct beacon *chain = FOG_NEW(beacon);
    struct fog_sign_key root, self;
    struct fog_buf body = {0};
    struct fog_sig sig;
    int rc;

    beacon_init(chain, &r->beacon_seed);
    fog_sign_key_of(conf->seed, &self);
    s->version = 1;
    s->n = s->t = 1;
    memcpy(s->instances[0].key, self.pub.b, 32);
    memcpy(s->instances[0].map_key.b, r->ports.signer.key, 32);
    s->instances[0].anchor = chain->anchor;
    s->instances[0].n_addrs = 1;
    s->instances[0].addrs[0] = conf->public_addr;
    rc = hubset_body(s, &body);
    if (rc == 0) {
        fog_sign_key_of(conf->root_seed, &root);
        fog_sign(&root, FOG_SIGN_HUBSET, &r->fog_id, fog_buf_bytes(&body), &sig);
        rc = hubset_add_sig(s, &root.pub, &sig);
        fog_sign_key_wipe(&root);
    }
    if (rc == 0)
        rc = hubset_encode(s, &r->hubs_bytes);
    if (rc == 0)
        records_put(r->rec, "hubset", fog_buf_bytes(&r->hubs_bytes), NULL, NULL);
    fog_sign_key_wipe(&self);
    fog_buf_fini(&body);
    free(chain);
    free(s);
    return rc;
}

static int load_hub_set(struct router *r, const struct router_conf *conf)
{
    struct fog_sign_key self;
    int rc = beacon_seed(r);

    if (rc != 0)
        return rc;
    if (conf->hub_set.len > 0) {
        fog_buf_append(&r->hubs_bytes, conf->hub_set.p, conf->hub_set.len);
    } else {
        rc = records_get(r->rec, "hubset", &r->hubs_bytes);
        if (rc == -ENOENT && conf->root_seed != NULL)
            rc = make_hub_set(r, conf);
    }
    if (rc == 0)
        rc = hubset_decode(fog_buf_bytes(&r->hubs_bytes), &r->hubs);
    if (rc == 0)
        rc = hubset_check(&r->hubs, NULL, &r->genesis, &r->fog_id);
    if (rc != 0) {
        fog_unusual("router.hub_set", "error=%s: no valid hub set, and no root key to make one",
                    fog_errname(rc));
        return rc;
    }
    fog_sign_key_of(conf->seed, &self);
    r->self = hubset_by_key(&r->hubs, self.pub.b);
    fog_sign_key_wipe(&self);
    if (r->self == NULL || memcmp(r->self->map_key.b, r->ports.signer.key, 32) != 0) {
        fog_unusual("router.hub_set", "this instance's keys are not in the hub set");
        return FOG_ECONFIG;
    }
    if (r->hubs.t > 1) {
        fog_unusual("router.hub_set",
                    "instances=%u: maps signed by several instances are not supported yet",
                    r->hubs.n);
        return FOG_ECONFIG;
    }
    return 0;
}

static int open_tls(struct router *r, const uint8_t seed[32])
{
    static const char *const alpn[] = {"fog-fill/1", NULL};
    int rc = fog_tls_cert_node(seed, &r->cert);

    if (rc != 0)
        return rc;
    return fog_tls_client_new(&(struct fog_tls_client_conf){.node = r->cert, .alpn = alpn},
                              &r->dialler);
}

static void start_leases(struct router *r)
{
    struct leases_ops ops = {
        .arg = r, .probe = on_probe_wanted, .changed = on_lease_changed, .cut = on_cut};
    struct record_box *b;
    size_t at = 0;

    r->leases =
        leases_new(r->secret, router_now(r), r->conf.dev ? CUT_HOLD_DEV_MS : CUT_HOLD_MS, &ops);
    while ((b = records_next_box(r->rec, &at)) != NULL)
        if (!b->revoked)
            leases_add(r->leases, b->key, router_now(r));
}

static int start_parts(struct router *r)
{
    struct verdicts_ops vops = {.arg = r, .audit = on_audit_wanted, .changed = on_verdict};
    int rc;

    start_leases(r);
    r->verdicts = verdicts_new(r->secret, &vops);
    if ((rc = records_each_named(r->rec, "verdict/", load_verdict, r)) != 0)
        return rc;
    if ((rc = geo_new(r->conf.geo_db, r->conf.prefix_map, &r->geo)) != 0)
        return rc;
    if ((rc = probes_new(r, &r->probes)) != 0)
        return rc;
    r->ca = ca_new(r);
    if ((rc = orders_start(r)) != 0)
        return rc;
    if ((rc = mapper_new(r, &r->mapper)) != 0)
        return rc;
    if (mapper_map(r->mapper) != NULL)
        copies_on_map(r->copies, mapper_map(r->mapper), router_now(r));
    r->steer = steer_start(r);
    r->publish = publish_new(r);
    return dns_start(r, &r->dns);
}

int router_new(struct fog_loop *loop, const struct router_conf *conf,
               const struct router_all_ports *ports, struct router **out)
{
    struct router *r = FOG_NEW(router);
    int rc;

    r->magic = ROUTER_MAGIC;
    r->loop = loop;
    r->ports = *ports;
    r->rng = fog_rng_system();
    fog_rng_fill(&r->rng, r->secret, sizeof r->secret);
    fog_list_init(&r->conns);
    rc = genesis_decode(conf->genesis, &r->genesis, &r->fog_id);
    if (rc != 0 || strcmp(r->genesis.zone, conf->zone) != 0) {
        fog_unusual("router.genesis", "error=%s zone=%s", fog_errname(rc),
                    rc == 0 ? r->genesis.zone : "");
        rc = rc != 0 ? rc : FOG_ECONFIG;
        goto fail;
    }
    fog_buf_append(&r->genesis_bytes, conf->genesis.p, conf->genesis.len);
    copy_conf(r, conf);
    if (r->ports.deals.check == NULL)
        r->ports.deals = (struct router_deals){.arg = r, .check = check_list};
    if ((rc = open_db(r)) != 0 || (rc = records_open(r->db, &r->fog_id, &r->rec)) != 0)
        goto fail;
    if ((rc = load_hub_set(r, conf)) != 0 || (rc = open_tls(r, conf->seed)) != 0)
        goto fail;
    if ((rc = start_parts(r)) != 0)
        goto fail;
    r->tick = fog_timer_new(loop, on_tick, r);
    router_kick(r);
    fog_info("router.started", "zone=%s boxes=%zu sites=%zu k=%u", r->conf.zone,
             records_box_count(r->rec), records_site_count(r->rec), r->conf.k);
    *out = r;
    return 0;
fail:
    router_free(&r);
    return rc;
}

void router_free(struct router **rp)
{
    struct router *r = *rp;

    *rp = NULL;
    if (r == NULL)
        return;
    fog_timer_free(&r->tick);
    if (r->leases != NULL)
        leasewire_close_all(r);
    dns_stop(&r->dns);
    publish_free(&r->publish);
    steer_free(&r->steer);
    probes_free(&r->probes);
    ca_free(&r->ca);
    mapper_free(&r->mapper);
    copies_free(&r->copies);
    verdicts_free(&r->verdicts);
    leases_free(&r->leases);
    geo_free(&r->geo);
    if (r->db != NULL)
        db_close(&r->db);
    records_free(&r->rec);
    fog_tls_client_free(&r->dialler);
    fog_tls_cert_unref(&r->cert);
    fog_buf_fini(&r->genesis_bytes);
    fog_buf_fini(&r->hubs_bytes);
    free_conf(&r->conf);
    r->magic = 0;
    free(r);
}
