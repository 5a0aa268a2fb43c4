/*
 * Port: grants of `/g/<grant>/`, their byte limits and ticks. The logic is contracts/claim's; node/
 * wires it. The edge counts bytes as it hands them to the socket and sends no byte that allow() has
 * not allowed.
 *
 * Called on the loop's thread of one edge instance; requests of one grant may arrive on several
 * loops, so the implementation does its own sharing behind the handle. A handle is one request's
 * use of one grant: from check/find/standing until done().
 */
#ifndef FOG_EDGE_GRANTS_H
#define FOG_EDGE_GRANTS_H

#include "core/base/err.h"
#include "core/base/types.h"

struct edge_grant; /* the implementation's */

enum edge_grant_verdict {
    EDGE_GRANT_OK,
    EDGE_GRANT_ELSEWHERE, /* expired, not yet valid, another box's, unknown signer, wrong site or
                             scope: 307 to the gateway */
    EDGE_GRANT_GARBAGE,   /* not a grant at all: 400 */
};

/* Called once when allow() may have risen, or with the grant's end; on the edge's loop, never from
 * inside another call of the port. */
struct edge_credit_wait {
    void (*on_credit)(struct edge_credit_wait *w);
    void *token; /* the implementation's while waiting */
};

#define EDGE_GRANT_NEVER (-1)

struct edge_grants {
    void *arg;

    /* `grant` is the text from the URL; `path` the canonical path after it (core/content/path.h:
     * what scopes are hashed from). */
    enum edge_grant_verdict (*check)(void *arg, struct fog_bytes grant, const char *site,
                                     struct fog_bytes path, fog_time_ms hub_ms,
                                     struct edge_grant **out);

    /* The same without a path, for a tick that comes alone. */
    enum edge_grant_verdict (*find)(void *arg, struct fog_bytes grant, const char *site,
                                    fog_time_ms hub_ms, struct edge_grant **out);

    /* The box's standing grant (class L) for a site's stable URLs. NULL function: stable URLs are
     * served unmetered; false: there is none, the viewer is sent to the gateway. */
    bool (*standing)(void *arg, const char *site, const struct fog_hash *publisher_id,
                     fog_time_ms hub_ms, struct edge_grant **out);

    /* Bytes that may be handed out now (> 0), 0: wait for a tick, EDGE_GRANT_NEVER: the grant is
     * used up. */
    int64_t (*allow)(void *arg, struct edge_grant *g);

    /* Bytes to the grant's limit whatever the ticks, INT64_MAX without a limit. An answer that is
     * longer is not begun: it would be cut. NULL: not known, only allow() counts. */
    int64_t (*left)(void *arg, struct edge_grant *g);

    /* n body bytes were handed to the socket (n <= what allow() said). */
    void (*spend)(void *arg, struct edge_grant *g, uint64_t n);

    /* n bytes that were spent did not leave after all. */
    void (*unspend)(void *arg, struct edge_grant *g, uint64_t n);

    /* Preimage i of the grant's chain. 0, FOG_EREPLAY when i was already known, FOG_EVERIFY when it
     * does not match, FOG_EEXPIRED, FOG_ERANGE. */
    int (*tick)(void *arg, struct edge_grant *g, unsigned i, const uint8_t preimage[32],
                fog_time_ms hub_ms);

    /* Asks for on_credit; unwait takes it back. */
    void (*wait)(void *arg, struct edge_grant *g, struct edge_credit_wait *w);
    void (*unwait)(void *arg, struct edge_grant *g, struct edge_credit_wait *w);

    /* The request is over. */
    void (*done)(void *arg, struct edge_grant *g);
};

#endif
