/*
 * The body of struct steer and what its two files share: steer.c (redirects), steer_assign.c (the
 * kit's assign call).
 */
#ifndef FOG_ROUTER_STEER_CORE_H
#define FOG_ROUTER_STEER_CORE_H

#include "router/session.h"
#include "router/steer_in.h"

struct steer {
    char zone[64];
    struct steer_ops ops;
    unsigned new_per_s;
    struct sessions sessions;
    struct fog_map *buckets;
    struct fog_list signings;
    unsigned n_waits;
};

struct steer_choice {
    struct pick pick;
    const struct cellmap *map;
};

/* The box for this client; `also_not` names boxes to leave out. False: nobody. */
bool steer_choose(struct steer *s, const struct fog_addr *client, const char *site, uint32_t slot,
                  const struct session *session, const uint8_t (*also_not)[32], size_t n_not,
                  struct steer_choice *out);
/* May this client prefix open another session now? */
bool steer_may_open(struct steer *s, const struct fog_addr *client);
/* Number of segments of a canonical path. */
unsigned steer_depth(struct fog_bytes path);
/* "https://<site>.<box>.<zone>[:port]/g/<grant>/". */
void steer_url(const char *zone, const char *site, const char *box, const struct fog_addr *addr,
               const char *grant, char *out, size_t size);

#endif
