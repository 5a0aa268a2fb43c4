/*
 * The control socket: HTTP/1.1 on `<state>/admin.sock`, mode 0600. GET /v1/status of this process
 * and POST /v1/admin/stop are answered here, everything else goes to the router role when there is
 * one. Control loop.
 */
#ifndef FOG_NODE_ADMIN_H
#define FOG_NODE_ADMIN_H

#include "core/base/err.h"

struct admin;
struct serve;

/* Prints what is wrong. */
int admin_new(struct serve *s, struct admin **out) FOG_MUST_CHECK;
void admin_free(struct admin **a);

#endif
