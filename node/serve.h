/*
 * The serving process: every role as threads (DESIGN 2). Makes and ends what serve_in.h lists;
 * wires roles to each other by their ports. Started by the supervisor.
 */
#ifndef FOG_NODE_SERVE_H
#define FOG_NODE_SERVE_H

#include "node/conf.h"

/* Runs until it was asked to stop; returns the exit code. */
int serve_run(const struct node_conf *conf);

#endif
