/*
 * Keys of session tickets: a short ring that rotates, so that a stolen key opens few sessions
 * (RFC 5077 5.5). Pure: time and randomness are arguments. The process-wide instance with its lock
 * is in tls_ticket.c.
 */
#ifndef FOG_IO_TLS_TICKET_H
#define FOG_IO_TLS_TICKET_H

#include "core/base/rng.h"
#include "core/base/types.h"

#define TLS_TICKET_KEYS    3
#define TLS_TICKET_LIFE_MS (6 * 3600 * 1000) /* a key seals this long, then only opens */

struct tls_ticket_key {
    uint8_t name[16];
    uint8_t aes[16];
    uint8_t mac[32];
    fog_time_ms made_ms;
    bool used;
};

struct tls_ticket_ring {
    struct tls_ticket_key keys[TLS_TICKET_KEYS]; /* [0] seals */
};

/* The key that seals now; makes a new one when the last has served its time. */
const struct tls_ticket_key *tls_ticket_seal_key(struct tls_ticket_ring *r, fog_time_ms now_ms,
                                                 struct fog_rng *rng);

/* The key of that name, or NULL when it is unknown or too old. *renew says that the holder should
 * get a new ticket. */
const struct tls_ticket_key *tls_ticket_open_key(const struct tls_ticket_ring *r,
                                                 const uint8_t name[16], fog_time_ms now_ms,
                                                 bool *renew);

#endif
