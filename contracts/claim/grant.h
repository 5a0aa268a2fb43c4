/*
 * Grants: a house's promise, signed before service, to pay for up to max_bytes that one box serves
 * (PROTOCOL 6). This module owns the struct, its wire form in the URL of a box, its scope and the
 * checks that a box makes. It keeps no state and signs nothing.
 *
 * Wire, 205 bytes, big-endian: ver u8=1 | flags u16 | pubId u32 | houseId u32 | nodeId u32 |
 * week u32 | notBefore u32 | ttl u32 | serial 16 | site 10 | scope 32 | depth u8 | anchor 32 |
 * maxBytes u64 | tickBytes u32 | passiveBps u16 | price u64 | sig 65. base64url without padding in
 * a URL, 274 characters.
 */
#ifndef FOG_CLAIM_GRANT_H
#define FOG_CLAIM_GRANT_H

#include "contracts/claim/amount.h"
#include "core/crypto/secp.h"

struct claim_domain;
struct registry;

#define GRANT_WIRE_LEN   205
#define GRANT_TEXT_LEN   274 /* base64url of the wire form, without a NUL */
#define GRANT_DEPTH_MAX  32
#define GRANT_CLOSE_S    600   /* a grant closes that long after notAfter */
#define GRANT_LIFE_MAX_S 90000 /* 25 h: standing grants live for a day */
#define GRANT_ROUND_S    3600

#define GRANT_FLAG_LEASE 1 /* class L: paid by forecast, not by bytes */

enum grant_class {
    GRANT_WITNESSED, /* anchor set: paid by ticks */
    GRANT_PASSIVE,   /* no anchor: paid by bytes, in part (passiveBps) */
    GRANT_LEASE,     /* flag: paid by the signed forecast */
};

struct grant {
    struct fog_ethaddr publisher;
    struct fog_ethaddr house;
    struct fog_ethaddr node;
    uint32_t week;
    uint32_t not_before; /* hub time, Unix seconds, inclusive */
    uint32_t not_after;  /* exclusive */
    uint8_t serial[16];  /* instance u16, 14 random bytes */
    uint8_t site[10];
    struct fog_hash scope;
    uint8_t depth;
    struct fog_hash anchor; /* zero: no ticks */
    uint64_t max_bytes;
    uint32_t tick_bytes;
    uint16_t passive_bps; /* worth of a leaf without ticks when the house did not consent */
    uint16_t flags;
    uint64_t price_per_gib;
};

struct grant_signed {
    struct grant grant;
    uint32_t publisher_id; /* registry ids, the short form on the wire */
    uint32_t house_id;
    uint32_t node_id;
    struct fog_secp_sig sig;
};

enum grant_class grant_class(const struct grant *g);

/* The second from which bytes are unpaid, the round (hour since 1970) and the week it falls into.
 */
uint64_t grant_close_s(const struct grant *g);
uint32_t grant_round(const struct grant *g);
/* Unix seconds at which that round is over and its statement is made. */
uint64_t grant_round_end_s(uint32_t round);
/* The week that belongs to the grant's close; what `week` must be. */
uint32_t grant_week_of_close(uint32_t not_after, uint32_t week_length_s);

/* FOG_EFORMAT when fields contradict each other: zero limits, life, depth or bps out of range,
 * ticks without anchor, unknown flags. The issuer makes none that fails, a decoder takes none. */
int grant_check_fields(const struct grant *g) FOG_MUST_CHECK;

void grant_encode(const struct grant_signed *s, uint8_t out[GRANT_WIRE_LEN]);

/* Ids are expanded through the registry. FOG_EVERSION, FOG_ETRUNC, FOG_ETRAIL, FOG_EFORMAT; -ENOENT
 * when an id is unknown. Checks no signature. */
int grant_decode(struct fog_bytes wire, const struct registry *reg,
                 struct grant_signed *out) FOG_MUST_CHECK;

/* The same without a registry: the three addresses are left zero. For records of grants that were
 * checked when they were taken. */
int grant_decode_fields(struct fog_bytes wire, struct grant_signed *out) FOG_MUST_CHECK;

/* The serial of a wire grant without decoding the rest; FOG_EFORMAT for a wrong length or version.
 */
int grant_peek_serial(struct fog_bytes wire, uint8_t out[16]) FOG_MUST_CHECK;

/* `out` holds GRANT_TEXT_LEN + 1 bytes. */
void grant_text(const uint8_t wire[GRANT_WIRE_LEN], char out[GRANT_TEXT_LEN + 1]);
int grant_from_text(struct fog_bytes text, uint8_t wire[GRANT_WIRE_LEN]) FOG_MUST_CHECK;

/* SHA-256 over the first `depth` decoded segments, each as u16 length and bytes. FOG_EFORMAT for an
 * empty segment, "." or "..", FOG_ERANGE when there are fewer than depth. */
int grant_scope(const struct fog_bytes *segments, size_t n, unsigned depth,
                struct fog_hash *out) FOG_MUST_CHECK;

/* What one request asks of a grant. */
struct grant_use {
    const uint8_t *site; /* 10 bytes */
    const struct fog_bytes *segments;
    size_t n_segments;
    bool any_path; /* a tick that comes alone: scope is not checked */
    fog_time_ms hub_ms;
};

/* Site, scope and time. FOG_EADDR: another site or path; FOG_EEXPIRED: not before, not after. */
int grant_allows(const struct grant *g, const struct grant_use *use) FOG_MUST_CHECK;

/* The house's signature: by a grant signer of that house in the grant's own week. FOG_EVERIFY, or
 * FOG_EDENIED when the signer is none of the house's in that week. *digest may be NULL. */
int grant_verify(const struct grant_signed *s, const struct claim_domain *domain,
                 const struct registry *reg, struct fog_hash *digest) FOG_MUST_CHECK;

/* What is paid for: bytes, and their worth. A witnessed grant is paid min(sent, ticks x tickBytes,
 * maxBytes), so nothing without ticks; a passive one min(sent, maxBytes) at a share; a lease its
 * forecast maxBytes at a share, whatever was sent. The share `passive_bps` is the grant's own in a
 * statement, and what the house chose to pay in its books. */
uint64_t grant_paid_bytes(const struct grant *g, uint64_t sent, unsigned ticks);
int grant_worth(const struct grant *g, uint64_t paid_bytes, uint32_t passive_bps,
                struct amount *out) FOG_MUST_CHECK;

#endif
