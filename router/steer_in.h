/*
 * Building a steer (steer.h): what it asks of the rest of the router. Inside the router and its
 * tests only.
 */
#ifndef FOG_ROUTER_STEER_IN_H
#define FOG_ROUTER_STEER_IN_H

#include "router/cellmap.h"
#include "router/geo.h"
#include "router/pick.h"
#include "router/ports.h"
#include "router/steer.h"

struct router;

#define STEER_SESSIONS_MAX   20000
#define STEER_BUCKETS_MAX    8192 /* client prefixes with a rate of their own */
#define STEER_SESSION_LIFE_S 300  /* of a session's grants */
#define STEER_FILE_LIFE_S    3600
#define STEER_WAITS_MAX      10000 /* requests waiting for a signature */

struct steer_conf {
    const char *zone; /* copied */
    uint8_t secret[16];
    size_t sessions_max;
    unsigned new_per_s; /* sessions per client prefix */
};

struct steer_ops {
    void *arg;
    const struct cellmap *(*map)(void *arg); /* NULL: none yet */
    bool (*usable)(void *arg, const uint8_t box[32]);
    uint32_t (*load)(void *arg, const uint8_t box[32]);
    size_t (*holders)(void *arg, const struct fog_hash *pg, uint8_t (*out)[32], size_t max);
    void (*locate)(void *arg, const struct fog_addr *a, struct geo_place *out);
    void (*reask)(
        void *arg,
        const uint8_t box[32]); /* a viewer had to ask again for what this box should have given */
    fog_time_ms (*now)(void *arg);
    fog_time_ms (*hub_ms)(void *arg);
    struct router_grants grants;
    struct fog_rng *rng;
};

struct steer *steer_new(const struct steer_conf *conf, const struct steer_ops *ops);
void steer_free(struct steer **s);

/* For `fog route explain`: the choice for a client without a session, and how it came about. */
struct steer_explain {
    struct geo_place client;
    struct fog_hash pg;
    struct pick pick;
    char box[27];
    uint64_t score;
    uint32_t load;
};
/* False when there is no map yet. */
bool steer_explain(struct steer *s, const struct fog_addr *client, const char *site, uint32_t slot,
                   struct steer_explain *out);

size_t steer_sessions(const struct steer *s);

/* router.c's own, steer_glue.c. */
struct steer *steer_start(struct router *r);

#endif
