/*
 * keyd: the process that holds every key whose signature costs money or that others rely on. It
 * knows one peer, the serving process, over one SOCK_SEQPACKET descriptor, and has no other socket.
 * What it may sign and must remember is contracts/claim/keyd_rules.h; here are the keys and the
 * process. A request is answered after what it changes is on the disk.
 */
#ifndef FOG_NODE_KEYD_H
#define FOG_NODE_KEYD_H

#include "node/conf.h"

/* Runs until the supervisor ends it; returns an exit code when it cannot. */
int keyd_run(const struct node_conf *conf);

#endif
