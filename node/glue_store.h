/*
 * The claim_store port (ledger of a box, books of a house) over a namespace of the store. Calls
 * block for a disk write when they are asked to be durable; they belong to the control thread.
 */
#ifndef FOG_NODE_GLUE_STORE_H
#define FOG_NODE_GLUE_STORE_H

#include "contracts/claim/store.h"

struct storage;
struct storage_ns;

struct glue_store {
    struct storage *st;
    struct storage_ns *ns;
    struct claim_store port;
};

/* `g` stays where it is for as long as the port is used; nothing to free. */
void glue_store_init(struct glue_store *g, struct storage *st, const char *name);

#endif
