/*
 * The addresses file: where the contracts of one fog live on its chain, as JSON, written by
 * `fogd chain deploy` and read by every process that has a chain. All members are mandatory.
 */
#ifndef FOG_CLAIM_ADDRESSES_H
#define FOG_CLAIM_ADDRESSES_H

#include "core/base/buf.h"
#include "core/crypto/ethaddr.h"

struct claim_addresses {
    uint64_t chain_id;
    uint64_t block; /* of the deployment: events are read from here */
    struct fog_ethaddr token;
    struct fog_ethaddr settlement;
    struct fog_ethaddr escrow;
    struct fog_ethaddr houses;
    struct fog_ethaddr nodes;
    struct fog_ethaddr factory;
    uint32_t week_length_s;
    uint32_t post_window_s;
    uint32_t mature_window_s;
    uint32_t hold_length_s;
};

/* FOG_EFORMAT with `why` for people ("settlement: no address"), FOG_ELIMIT. */
int addresses_parse(struct fog_bytes text, struct claim_addresses *out, char *why,
                    size_t why_size) FOG_MUST_CHECK;
void addresses_format(const struct claim_addresses *a, struct fog_buf *out);

/* The file, whole or not at all. -ENOENT and the like; `why` may be NULL. */
int addresses_load(const char *path, struct claim_addresses *out, char *why,
                   size_t why_size) FOG_MUST_CHECK;
int addresses_save(const char *path, const struct claim_addresses *a) FOG_MUST_CHECK;

#endif
