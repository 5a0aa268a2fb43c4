/*
 * The supervisor: starts keyd and the serving process (this same program, executed again), starts a
 * crashed one again with back-off, passes signals on, and leaves nothing behind. Owns both ends of
 * their channel, so that either child may die and come back without the other. Holds no keys and
 * parses nothing from the network.
 */
#ifndef FOG_NODE_SUPER_H
#define FOG_NODE_SUPER_H

#include "node/conf.h"

/* Descriptors that a child finds open. */
#define SUPER_FD_CHAN  3 /* SOCK_SEQPACKET to the other child */
#define SUPER_FD_READY 4 /* serving process: one byte when it listens */

/* Exit codes of every process of fogd. */
#define FOGD_EXIT_FAILED 1 /* could not start or run: the last line on stderr says why */
#define FOGD_EXIT_USAGE  2 /* command line or configuration */

/* Runs until it was asked to stop; returns the exit code. */
int super_run(const struct node_conf *conf, const char *conf_path);

#endif
