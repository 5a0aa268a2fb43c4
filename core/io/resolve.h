/*
 * Host names to addresses by the system's resolver, on short-lived threads so that no loop waits.
 * Owns its threads; answers come on the loop that asked.
 */
#ifndef FOG_IO_RESOLVE_H
#define FOG_IO_RESOLVE_H

#include "core/io/addr.h"
#include "core/io/loop.h"

#define FOG_RESOLVE_MAX 8 /* addresses of one answer */

struct fog_resolver;
struct fog_resolve;

struct fog_resolver *fog_resolver_new(struct fog_loop *loop);
/* Cancels everything; threads that still wait for the system end by themselves. */
void fog_resolver_free(struct fog_resolver **r);

/* on_done is called once, from the loop: 0 with n > 0 addresses that carry the port, or -ENOENT
 * (no such name) or -EAGAIN (no answer). */
struct fog_resolve *fog_resolve(struct fog_resolver *r, const char *host, uint16_t port,
                                void (*on_done)(int err, const struct fog_addr *addrs, size_t n,
                                                void *arg),
                                void *arg);
void fog_resolve_cancel(struct fog_resolve *job); /* on_done is not called */

#endif
