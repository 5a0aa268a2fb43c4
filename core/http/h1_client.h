/*
 * Inside of core/http: the client side of HTTP/1.1 on one connection, one call at a time. Its owner
 * (client.c) owns this object and hears when it is idle and when the connection ends.
 */
#ifndef FOG_HTTP_H1_CLIENT_H
#define FOG_HTTP_H1_CLIENT_H

#include "core/http/call.h"

struct h1_client;

struct h1_client_events {
    void (*on_idle)(void *arg); /* ready for the next call */
    void (*on_close)(int err, void *arg);
};

struct h1_client *h1_client_new(struct fog_conn *c, const struct h1_client_events *events,
                                void *arg);
/* Closes; a call that still runs ends with FOG_ECANCELED. No event follows. */
void h1_client_free(struct h1_client **h);

/* Only when it is idle. */
void h1_client_submit(struct h1_client *h, struct fog_http_call *call);
bool h1_client_idle(const struct h1_client *h);

#endif
