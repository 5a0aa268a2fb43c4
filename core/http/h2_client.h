/*
 * Inside of core/http: the client side of HTTP/2 on one connection. Owns the session; its owner
 * (client.c or link.c) owns this object and hears when the connection ends.
 */
#ifndef FOG_HTTP_H2_CLIENT_H
#define FOG_HTTP_H2_CLIENT_H

#include "core/http/call.h"

struct h2_client;

struct h2_client_events {
    void (*on_idle)(void *arg); /* the last call has ended */
    void (*on_close)(int err, void *arg);
};

struct h2_client *h2_client_new(struct fog_conn *c, const struct h2_client_events *events,
                                void *arg);
/* Says GOAWAY and closes; calls that still run end with FOG_ECANCELED. No event follows. */
void h2_client_free(struct h2_client **h);

void h2_client_submit(struct h2_client *h, struct fog_http_call *call);
/* Whether new calls may be given to it. */
bool h2_client_usable(const struct h2_client *h);
unsigned h2_client_calls(const struct h2_client *h);
struct fog_conn *h2_client_conn(struct h2_client *h);

#endif
