/*
 * One published site and the assertions that tests of whole requests share.
 */
#ifndef FOG_TESTS_LIB_EDGE_EXPECT_H
#define FOG_TESTS_LIB_EDGE_EXPECT_H

#include "tests/lib/edge_world.h"

#define BOX     WORLD_BOX_HOST
#define GATEWAY WORLD_GATEWAY_HOST
#define GRANT   "/g/AbCdEf"
#define T43     "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" /* bytes 0..31 */

#define EXPECT_PAGE      "<!doctype html><title>fog</title>" /* / and /docs/ */
#define EXPECT_NOT_FOUND "<h1>gone</h1>"                     /* /404.html */

/* A world with grants and the site. */
struct world *expect_world(bool gateway);

/* The answer is complete, has this status, and CORS. */
void expect_status(struct world_req *r, int status);
/* A response field; NULL: it is absent. */
void expect_field(struct world_req *r, const char *name, const char *value);
void expect_body(struct world_req *r, struct fog_bytes body);
/* One GET whose answer is `status` with Location `location` (NULL: none). */
void expect_get(struct world *w, const char *host, const char *target, int status,
                const char *location);

#endif
