/* Gives steer.h what it asks of this router. */
#include "core/obs/log.h"
#include "router/copies.h"
#include "router/core.h"
#include "router/geo.h"
#include "router/mapper.h"
#include "router/steer_in.h"
#include "router/verdict.h"

#include <errno.h>

static const struct cellmap *glue_map(void *arg)
{
    return mapper_map(((struct router *)arg)->mapper);
}

static bool glue_usable(void *arg, const uint8_t box[32])
{
    struct router *r = arg;

    return leases_is_usable(r->leases, box) && !verdicts_is_withdrawn(r->verdicts, box);
}

static uint32_t glue_load(void *arg, const uint8_t box[32])
{
    const struct lease_box *b = leases_get(((struct router *)arg)->leases, box);

    return b == NULL ? 0 : b->load.active;
}

static size_t glue_holders(void *arg, const struct fog_hash *pg, uint8_t (*out)[32], size_t max)
{
    return copies_holders(((struct router *)arg)->copies, pg, out, max);
}

static void glue_locate(void *arg, const struct fog_addr *a, struct geo_place *out)
{
    geo_locate(((struct router *)arg)->geo, a, out);
}

static void glue_reask(void *arg, const uint8_t box[32])
{
    struct router *r = arg;

    leases_on_reask(r->leases, box, router_now(r));
    router_kick(r);
}

static fog_time_ms glue_now(void *arg)
{
    return router_now(arg);
}

static fog_time_ms glue_hub_ms(void *arg)
{
    return router_hub_ms(arg);
}

struct steer *steer_start(struct router *r)
{
    struct steer_conf conf = {.zone = r->conf.zone,
                              .sessions_max = STEER_SESSIONS_MAX,
                              .new_per_s = r->conf.new_sessions_per_s};
    struct steer_ops ops = {.arg = r,
                            .map = glue_map,
                            .usable = glue_usable,
                            .load = glue_load,
                            .holders = glue_holders,
                            .locate = glue_locate,
                            .reask = glue_reask,
                            .now = glue_now,
                            .hub_ms = glue_hub_ms,
                            .grants = r->ports.grants,
                            .rng = &r->rng};
    struct fog_buf v = {0};

    /* Sessions outlive a restart: their key is kept. */
    if (records_get(r->rec, "steer-secret", &v) == 0 && v.len == sizeof conf.secret) {
        memcpy(conf.secret, v.data, sizeof conf.secret);
    } else {
        fog_rng_fill(&r->rng, conf.secret, sizeof conf.secret);
        records_put(r->rec, "steer-secret", fog_bytes_of(conf.secret, sizeof conf.secret), NULL,
                    NULL);
    }
    fog_buf_fini(&v);
    return steer_new(&conf, &ops);
}
