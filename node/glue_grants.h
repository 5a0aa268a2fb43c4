/*
 * The edge's grants port over the box's ledger. One object per serving loop; the ledger is shared
 * and guards itself. Owns the waits for ticks of its loop.
 */
#ifndef FOG_NODE_GLUE_GRANTS_H
#define FOG_NODE_GLUE_GRANTS_H

#include "edge/grants.h"

struct fog_loop;
struct glue_grants;
struct ledger;
struct node_clock;

/* `unmetered`: stable URLs are served without a standing grant (a private fog without a chain:
 * there is nobody who pays for them). */
struct glue_grants *glue_grants_new(struct fog_loop *loop, struct ledger *ledger,
                                    const struct node_clock *clock, bool unmetered);
void glue_grants_free(struct glue_grants **g); /* no request may be open */
const struct edge_grants *glue_grants_port(struct glue_grants *g);

#endif
