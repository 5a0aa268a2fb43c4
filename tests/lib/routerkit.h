/*
 * One router instance with fakes behind its ports, for tests over real connections: keys sign in
 * place, storage is a map, grants say GRANT. One at a time (the state is static).
 */
#ifndef FOG_TESTS_ROUTERKIT_H
#define FOG_TESTS_ROUTERKIT_H

#include "core/base/map.h"
#include "core/io/conn.h"
#include "core/io/loop.h"
#include "core/io/tls.h"
#include "router/core.h"
#include "tests/lib/fogkit.h"

struct routerkit {
    struct fogkit kit;
    struct fog_loop *loop;
    struct router *router;
    struct fog_listener *hub_listener; /* node connections, fog-lease/1 */
    struct fog_map *store;             /* id -> struct fog_buf */
    struct fog_buf ca_key, ca_cert;
    unsigned grants_signed;
    fog_time_ms clock_shift; /* added to hub time */
    bool allow_publishers;   /* answer of the deals port */
};

extern struct routerkit rk;

void routerkit_start(void);
void routerkit_stop(void);
/* Runs the loop until cond() holds; fails the test after 8 s. */
void routerkit_until(bool (*cond)(void));
void routerkit_put(uint8_t kind, const struct fog_hash *id, struct fog_bytes bytes);
void routerkit_forget(const struct fog_hash *id);

#endif
