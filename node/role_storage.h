/*
 * Placement orders of a hub (PLACE): puts their parts together, gives them to the executor, and
 * answers PLACED when what was ordered is durable. Control loop.
 */
#ifndef FOG_NODE_ROLE_STORAGE_H
#define FOG_NODE_ROLE_STORAGE_H

#include "core/wire/frame.h"

struct hold;
struct orders;
struct sites;

#define ORDERS_OPEN_MAX 64 /* orders whose parts are still coming */

struct orders_conf {
    struct hold *hold;
    struct sites *sites;
    /* Sends PLACED; what cannot be sent is asked for again by the hub. */
    void (*placed)(void *arg, const struct fog_wire_placed *p);
    void *arg;
};

struct orders *orders_new(const struct orders_conf *conf);
void orders_free(struct orders **o); /* after the executor; nobody is called */
void orders_on_place(struct orders *o, const struct fog_wire_place *m);

#endif
