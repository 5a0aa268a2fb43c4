#include "node/serve.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/crypto/rng_system.h"
#include "core/io/loop.h"
#include "core/io/tls.h"
#include "core/obs/log.h"
#include "edge/edge.h"
#include "node/admin.h"
#include "node/fill.h"
#include "node/hold.h"
#include "node/home.h"
#include "node/keyc.h"
#include "node/links.h"
#include "node/peers.h"
#include "node/serve_in.h"
#include "node/sites.h"
#include "node/super.h"
#include "storage/storage.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREAD_STACK_BYTES ((size_t)512 << 10)
#define KEYD_WAIT_MS       10000
#define LEAVE_LINGER_MS    1000 /* viewers that were sent here just before we left still come */

/* ---- making ---- */

static int make_identity(struct serve *s)
{
    struct fog_sign_key key;
    struct fog_ethaddr settlement;
    struct fog_box_id box;
    int rc = home_key(s->conf, HOME_TRANSPORT, s->seed, sizeof s->seed);

    if (rc == -ENOENT) {
        fprintf(stderr, "fogd: %s/%s: missing; run `fogd %s -c FILE` first\n", s->conf->state,
                HOME_TRANSPORT, s->conf->is_router ? "init-router" : "init-box");
        return rc;
    }
    if (rc != 0)
        return rc;
    fog_sign_key_of(s->seed, &key);
    memcpy(s->key, key.pub.b, sizeof s->key);
    fog_sign_key_wipe(&key);
    fog_box_id_of(s->key, &box);
    fog_box_label(&box, s->label);
    if ((rc = home_genesis(s->conf, &s->genesis, &s->fog_id, &s->genesis_bytes)) != 0)
        return rc;
    if (strcmp(s->genesis.zone, s->conf->zone) != 0) {
        fprintf(stderr, "fogd: 'zone' is %s, but this fog's zone is %s\n", s->conf->zone,
                s->genesis.zone);
        return FOG_ECONFIG;
    }
    memcpy(settlement.b, s->genesis.settlement, sizeof settlement.b);
    claim_domain_init(&s->domain, s->genesis.chain_id, &settlement);
    return fog_tls_cert_node(s->seed, &s->node_cert);
}

static int open_store(struct serve *s)
{
    struct storage_config cfg = {.quota_bytes = s->conf->disk};
    char dir[NODE_PATH_MAX];
    int rc;

    node_path(s->conf, HOME_STORE, dir);
    cfg.dir = dir;
    rc = storage_open(&cfg, &s->store);
    if (rc != 0)
        fprintf(stderr, "fogd: cannot open the store %s: %s%s\n", dir, fog_strerror(rc),
                rc == FOG_EBUSY      ? "; another fogd has it open"
                : rc == FOG_EVERSION ? "; it was written by a newer fogd"
                : rc == -ENOSPC      ? "; make room or lower limits.disk"
                                     : "");
    return rc;
}

static void on_call_peer_note(void *arg)
{
    struct {
        struct serve *s;
        uint8_t key[32];
    } *n = arg;

    if (n->s->router != NULL)
        role_router_call_peer(n->s->router, n->key);
    else if (n->s->box != NULL)
        role_box_call_peer(n->s->box, n->key);
    free(n);
}

static void call_peer(void *arg, const uint8_t key[32])
{
    struct serve *s = arg;
    struct {
        struct serve *s;
        uint8_t key[32];
    } *n = fog_alloc(sizeof *n);

    n->s = s;
    memcpy(n->key, key, sizeof n->key);
    fog_loop_post(s->control->loop, on_call_peer_note, n);
}

static int make_links(struct serve *s)
{
    struct links_conf links = {
        .n_loops = s->n_loops + (s->conf->is_router ? 0 : 1),
        .node = s->node_cert,
        .policy = {.allow_any = s->conf->dev},
        .call_peer = call_peer,
        .arg = s,
    };

    links.policy.own[0] = s->conf->advertise_addr;
    s->peers = peers_new(s->key, s->conf->reachable);
    s->fills = fill_table_new();
    return links_new(&links, &s->links);
}

static int make_loops(struct serve *s)
{
    int rc = 0;

    s->loops = fog_alloc(s->n_loops * sizeof *s->loops);
    for (unsigned i = 0; rc == 0 && i < s->n_loops; i++)
        rc = serve_loop_init(&s->loops[i], s, i, true);
    if (rc != 0 || s->conf->is_router)
        return rc;
    return serve_loop_init(&s->control_own, s, s->n_loops, false);
}

static void ask_site(void *arg, const struct fog_site_id *site)
{
    struct serve *s = arg;

    role_box_ask_site(s->box, site);
}

static int make_sites(struct serve *s)
{
    struct sites_conf conf = {
        .fog_id = s->fog_id,
        .store = s->store,
        .control_store = s->control->store,
        .control = s->control->loop,
        .hub_ms = node_clock_port,
        .hub_arg = &s->clock,
        .own = s->conf->is_router,
        .ask = s->conf->is_router ? NULL : ask_site,
        .ask_arg = s,
    };
    int rc = sites_new(&conf, &s->sites);

    if (rc != 0)
        return rc;
    for (unsigned i = 0; i < s->n_loops; i++)
        serve_loop_attach_sites(&s->loops[i]);
    if (!s->conf->is_router)
        serve_loop_attach_sites(&s->control_own);
    return 0;
}

static int make_keys(struct serve *s)
{
    struct fog_rng rng = fog_rng_system();
    int rc;

    s->keyc = keyc_new(s->control->loop, SUPER_FD_CHAN, (uint32_t)fog_rng_u64(&rng));
    rc = keyc_addresses(s->keyc, KEYD_WAIT_MS, &s->keys);
    if (rc != 0)
        fprintf(stderr, "fogd: the key process does not answer: %s\n", fog_strerror(rc));
    return rc;
}

static int make_tls(struct serve *s)
{
    static const char *const alpn[] = {"h2", "http/1.1", NULL};
    static const char *const box[] = {"fog-fill/1", "fog-serve/1", NULL};
    static const char *const router[] = {"fog-lease/1", "fog-fill/1", "fog-serve/1", NULL};
    const struct fog_tls_server_conf tls = {
        .pick = edge_certs_pick,
        .arg = s->certs,
        .alpn = alpn,
        .node = s->node_cert,
        .node_alpn = s->conf->is_router ? router : box,
    };

    return fog_tls_server_new(&tls, &s->tls);
}

static int make_all(struct serve *s)
{
    int rc;

    s->n_loops = s->conf->is_router ? 1 : s->conf->n_loops;
    s->certs = edge_certs_new();
    node_clock_init(&s->clock);
    if ((rc = make_identity(s)) != 0 || (rc = open_store(s)) != 0 || (rc = make_links(s)) != 0 ||
        (rc = make_loops(s)) != 0)
        return rc;
    s->control = s->conf->is_router ? &s->loops[0] : &s->control_own;
    if ((rc = make_keys(s)) != 0 || (rc = make_sites(s)) != 0 || (rc = make_tls(s)) != 0)
        return rc;
    s->hold = hold_new(s->control->loop, s->store, s->control->store, s->control->fill);
    return s->conf->is_router ? role_router_new(s, &s->router) : role_box_new(s, &s->box);
}

/* ---- running ---- */

static void *thread_main(void *arg)
{
    struct serve_loop *l = arg;

    fog_loop_run(l->loop);
    return NULL;
}

static int start_threads(struct serve *s)
{
    pthread_attr_t attr;
    int rc = 0;

    if (s->conf->is_router)
        return 0;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
    for (unsigned i = 0; rc == 0 && i < s->n_loops; i++) {
        rc = -pthread_create(&s->loops[i].thread, &attr, thread_main, &s->loops[i]);
        s->loops[i].has_thread = rc == 0;
    }
    pthread_attr_destroy(&attr);
    if (rc != 0)
        fprintf(stderr, "fogd: cannot start threads: %s\n", fog_strerror(rc));
    return rc;
}

static int start_all(struct serve *s)
{
    char byte = 1;
    int rc;

    for (unsigned i = 0; i < s->n_loops; i++)
        if ((rc = serve_loop_listen(&s->loops[i])) != 0)
            return rc;
    if ((rc = admin_new(s, &s->admin)) != 0)
        return rc;
    rc = s->conf->is_router ? role_router_start(s->router) : role_box_start(s->box);
    if (rc != 0 || (rc = start_threads(s)) != 0)
        return rc;
    if (write(SUPER_FD_READY, &byte, 1) != 1)
        fog_debug("serve.ready", "error=\"no supervisor\"%s", "");
    fog_info("serve.ready", "label=%s loops=%u listen=%s", s->label, s->n_loops, s->conf->listen);
    return 0;
}

/* ---- stopping: routing is withdrawn, requests in flight end, then the loops ---- */

static void stop_loops(struct serve *s)
{
    for (unsigned i = 0; i < s->n_loops; i++)
        fog_loop_stop(s->loops[i].loop);
    fog_loop_stop(s->control->loop);
}

void serve_loop_drained(struct serve *s)
{
    if (s->draining > 0 && --s->draining == 0)
        stop_loops(s);
}

static void on_grace_over(void *arg)
{
    struct serve *s = arg;

    fog_info("serve.grace_over", "loops=%u", s->draining);
    stop_loops(s);
}

static void drain_all(struct serve *s)
{
    s->draining = s->n_loops;
    for (unsigned i = 0; i < s->n_loops; i++)
        serve_loop_drain(&s->loops[i]);
}

static void on_linger_over(void *arg)
{
    struct serve *s = arg;

    drain_all(s);
    fog_timer_free(&s->stop_timer);
    s->stop_timer = fog_timer_new(s->control->loop, on_grace_over, s);
    fog_timer_start(s->stop_timer, s->conf->grace);
}

static void on_left(void *arg)
{
    struct serve *s = arg;

    fog_timer_start(s->stop_timer,
                    LEAVE_LINGER_MS < s->conf->grace ? LEAVE_LINGER_MS : s->conf->grace);
}

void serve_stop(struct serve *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    fog_info("serve.stopping", "grace_ms=%lld", (long long)s->conf->grace);
    s->stop_timer = fog_timer_new(s->control->loop, on_linger_over, s);
    if (s->box != NULL)
        role_box_leave(s->box, on_left, s);
    else
        fog_timer_start(s->stop_timer, 0);
}

static void on_signal(int signo, void *arg)
{
    struct serve *s = arg;

    if (signo == SIGHUP) {
        if (s->router != NULL)
            role_router_reload(s->router);
        return;
    }
    serve_stop(s);
}

/* ---- figures ---- */

void serve_status_short(struct serve *s, struct fog_buf *out)
{
    struct storage_stat st;

    storage_stat(s->store, &st);
    fog_buf_printf(out,
                   "{\"label\":\"%s\",\"version\":\"%s\",\"store\":{\"quota\":%" PRIu64
                   ",\"charged\":%" PRIu64 ",\"pinned\":%" PRIu64 ",\"chunks\":%" PRIu64
                   ",\"manifests\":%" PRIu64 ",\"pages\":%" PRIu64 ",\"corrupt\":%" PRIu64
                   ",\"ram_hits\":%" PRIu64 ",\"disk_reads\":%" PRIu64 ",\"misses\":%" PRIu64
                   ",\"evicted\":%" PRIu64 ",\"health\":%d}}",
                   s->label, SERVE_VERSION, st.quota_bytes, st.charged_bytes, st.pinned_bytes,
                   st.objects[FOG_KIND_CHUNK], st.objects[FOG_KIND_MANIFEST],
                   st.objects[FOG_KIND_PAGE], st.corrupt, st.ram_hits, st.disk_reads, st.misses,
                   st.evicted, (int)st.health);
}

static void add_loops(struct serve *s, struct fog_buf *out)
{
    uint64_t sent = 0, lies = atomic_load(&s->control->fill_lies);
    uint32_t conns = 0;

    for (unsigned i = 0; i < s->n_loops; i++) {
        sent += atomic_load(&s->loops[i].bytes_sent);
        conns += atomic_load(&s->loops[i].conns);
        if (&s->loops[i] != s->control)
            lies += atomic_load(&s->loops[i].fill_lies);
    }
    fog_buf_printf(
        out, ",\"loops\":%u,\"bytes_sent\":%" PRIu64 ",\"connections\":%u,\"lies_caught\":%" PRIu64,
        s->n_loops, sent, conns, lies);
}

void serve_status(struct serve *s, struct fog_buf *out)
{
    char hex[FOG_HEX_LEN(32) + 1], node[FOG_ETHADDR_TEXT];
    struct hold_stats hold;

    serve_status_short(s, out);
    out->len--; /* the closing brace: more members follow */
    fog_hex_encode(s->fog_id.b, sizeof s->fog_id.b, hex);
    fog_buf_printf(out, ",\"fog_id\":\"%s\",\"zone\":\"%s\",\"hub_ms\":%" PRId64, hex,
                   s->conf->zone, node_clock_now(&s->clock));
    fog_hex_encode(s->key, sizeof s->key, hex);
    fog_buf_printf(out, ",\"key\":\"%s\",\"role\":\"%s\"", hex,
                   s->conf->is_router ? "router" : "box");
    if (s->keys.addresses.present[KEYD_KEY_NODE])
        fog_buf_printf(out, ",\"node\":\"%s\"",
                       fog_ethaddr_text(&s->keys.addresses.money[KEYD_KEY_NODE], node));
    hold_stats(s->hold, &hold);
    fog_buf_printf(out,
                   ",\"sites\":%zu,\"orders\":{\"done\":%" PRIu64 ",\"failed\":%" PRIu64
                   ",\"fetched\":%" PRIu64 ",\"waiting\":%zu}",
                   sites_count(s->sites), hold.done, hold.failed, hold.fetched, hold.waiting);
    add_loops(s, out);
    if (s->box != NULL) {
        fog_buf_append_str(out, ",");
        role_box_status(s->box, out);
    }
    fog_buf_append_str(out, "}\n");
}

/* ---- life ---- */

static void fini_all(struct serve *s)
{
    for (unsigned i = 0; i < s->n_loops && s->loops != NULL; i++)
        if (s->loops[i].has_thread)
            pthread_join(s->loops[i].thread, NULL);
    fog_timer_free(&s->stop_timer);
    admin_free(&s->admin);
    for (unsigned i = 0; i < s->n_loops && s->loops != NULL; i++)
        serve_loop_fini(&s->loops[i]);
    role_router_free(&s->router);
    role_box_free(&s->box);
    serve_loop_fini(&s->control_own);
    storage_close(&s->store); /* from here on no worker runs for hold and sites */
    hold_free(&s->hold);
    sites_free(&s->sites);
    keyc_free(&s->keyc);
    links_free(&s->links);
    fill_table_free(&s->fills);
    peers_free(&s->peers);
    for (unsigned i = 0; i < s->n_loops && s->loops != NULL; i++)
        if (s->loops[i].loop != NULL)
            fog_loop_free(&s->loops[i].loop);
    if (s->control_own.loop != NULL)
        fog_loop_free(&s->control_own.loop);
    fog_tls_server_free(&s->tls);
    fog_tls_cert_unref(&s->node_cert);
    edge_certs_free(&s->certs);
    fog_buf_fini(&s->genesis_bytes);
    fog_wipe(s->seed, sizeof s->seed);
    free(s->loops);
}

int serve_run(const struct node_conf *conf)
{
    struct serve *s = FOG_NEW(serve);
    int code = FOGD_EXIT_FAILED;

    signal(SIGPIPE, SIG_IGN);
    s->conf = conf;
    if (make_all(s) == 0 && fog_loop_on_signal(s->control->loop, SIGTERM, on_signal, s) == 0 &&
        fog_loop_on_signal(s->control->loop, SIGINT, on_signal, s) == 0 &&
        fog_loop_on_signal(s->control->loop, SIGHUP, on_signal, s) == 0 && start_all(s) == 0) {
        fog_loop_run(s->control->loop);
        code = 0;
    } else if (s->loops != NULL) {
        for (unsigned i = 0; i < s->n_loops; i++)
            if (s->loops[i].loop != NULL)
                fog_loop_stop(s->loops[i].loop);
    }
    fini_all(s);
    free(s);
    return code;
}
