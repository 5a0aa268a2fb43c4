#include "edge/edge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/crypto/rng_system.h"
#include "core/io/loop.h"
#include "edge/body.h"
#include "edge/instance.h"
#include "edge/req.h"

static const struct edge_limits default_limits = {
    .site_cache_bytes = 4 << 20,
    .source_ms = 8000,
    .credit_ms = 15000,
    .pointer_ttl_ms = 1000,
};

static void set_limits(struct edge_limits *l)
{
    if (l->site_cache_bytes == 0)
        l->site_cache_bytes = default_limits.site_cache_bytes;
    if (l->source_ms == 0)
        l->source_ms = default_limits.source_ms;
    if (l->credit_ms == 0)
        l->credit_ms = default_limits.credit_ms;
    if (l->pointer_ttl_ms == 0)
        l->pointer_ttl_ms = default_limits.pointer_ttl_ms;
}

/* Texts that stand in JSON and in header fields as they are. */
static bool is_plain(const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s <= 0x20 || *s >= 0x7f || *s == '"' || *s == '\\')
            return false;
    }
    return true;
}

/* Copies and checks names. 0 or FOG_ECONFIG. */
static int set_names(struct edge *e, const struct edge_conf *conf)
{
    if (conf->zone == NULL || conf->zone[0] == '\0' || conf->box_label == NULL ||
        conf->version == NULL || conf->port == 0 || !is_plain(conf->zone) ||
        !is_plain(conf->version))
        return FOG_ECONFIG;
    if (!fog_strcpy(e->zone, sizeof e->zone, fog_bytes_str(conf->zone)) ||
        !fog_strcpy(e->version, sizeof e->version, fog_bytes_str(conf->version)))
        return FOG_ECONFIG;
    e->has_box = conf->box_label[0] != '\0';
    if (e->has_box && fog_box_label_parse(fog_bytes_str(conf->box_label), &e->box) != 0)
        return FOG_ECONFIG;
    if (e->has_box)
        fog_box_label(&e->box, e->box_label);
    (void)snprintf(e->cache_name, sizeof e->cache_name, "fog-%.8s",
                   e->has_box ? e->box_label : "gateway");
    if (conf->port != 443)
        (void)snprintf(e->port_text, sizeof e->port_text, ":%u", conf->port);
    return 0;
}

int edge_new(struct fog_loop *loop, const struct edge_conf *conf, struct edge **out)
{
    struct edge *e = FOG_NEW(edge);
    struct edge_sites_conf sites;
    struct fog_rng rng = fog_rng_system();
    int rc;

    e->loop = loop;
    e->conf = *conf;
    if (conf->source == NULL || conf->hub_ms == NULL) {
        rc = FOG_ECONFIG;
        goto out;
    }
    if ((rc = set_names(e, conf)) != 0)
        goto out;
    e->conf.zone = e->zone;
    e->conf.box_label = e->box_label;
    e->conf.version = e->version;
    set_limits(&e->conf.limits);
    sites = (struct edge_sites_conf){
        .loop = loop,
        .source = conf->source,
        .budget_bytes = e->conf.limits.site_cache_bytes,
        .pointer_ttl_ms = e->conf.limits.pointer_ttl_ms,
        .hub_ms = conf->hub_ms,
        .hub_arg = conf->hub_arg,
        .stats = &e->stats,
    };
    fog_rng_fill(&rng, sites.seed, sizeof sites.seed);
    e->sites = edge_sites_new(&sites);
    e->tally = edge_tally_new(sites.seed);
    edge_waits_init(&e->source_waits, loop, e->conf.limits.source_ms);
    edge_waits_init(&e->credit_waits, loop, e->conf.limits.credit_ms);
    *out = e;
    e = NULL;
out:
    free(e);
    return rc;
}

void edge_free(struct edge **ep)
{
    struct edge *e = *ep;

    *ep = NULL;
    if (e == NULL)
        return;
    FOG_ASSERT(e->stats.req_open == 0);
    edge_sites_free(&e->sites);
    edge_tally_free(&e->tally);
    edge_waits_fini(&e->source_waits);
    edge_waits_fini(&e->credit_waits);
    edge_pieces_free(e);
    free(e);
}

void edge_on_request(struct fog_http_req *req, void *edge)
{
    edge_req_start(edge, req);
}

void edge_pointer_changed(struct edge *e, const char *site)
{
    edge_sites_pointer_changed(e->sites, site);
}

const struct edge_stats *edge_stats(const struct edge *e)
{
    return &e->stats;
}

void edge_tally_drain(struct edge *e,
                      void (*each)(void *arg, const char *site, uint64_t requests, uint64_t bytes),
                      void *arg)
{
    edge_tally_take(e->tally, each, arg);
}
