/*
 * Names (PROTOCOL 3): site names and labels, box labels, host names of a fog. Pure text and hashes;
 * resolves nothing.
 */
#ifndef FOG_CONTENT_NAMES_H
#define FOG_CONTENT_NAMES_H

#include "core/base/err.h"
#include "core/base/types.h"

#define FOG_SITE_NAME_MAX  63
#define FOG_SITE_LABEL_LEN 16 /* base32 of 10 bytes */
#define FOG_BOX_LABEL_LEN  26 /* base32 of 16 bytes */
#define FOG_HOST_MAX       253

struct fog_site_id {
    uint8_t b[10];
};

struct fog_box_id {
    uint8_t b[16];
};

/* Site names: 1..63 of a-z 0-9 '-', not at the ends. 0 or FOG_EFORMAT. */
int fog_site_name_check(struct fog_bytes name) FOG_MUST_CHECK;

/* First 10 bytes of SHA-256(fog_id ‖ publisher_id ‖ site name). */
void fog_site_id_of(const struct fog_hash *fog_id, const struct fog_hash *publisher_id,
                    struct fog_bytes site_name, struct fog_site_id *out);
/* First 16 bytes of SHA-256(transport public key). */
void fog_box_id_of(const uint8_t transport_pub[32], struct fog_box_id *out);

void fog_site_label(const struct fog_site_id *id, char out[FOG_SITE_LABEL_LEN + 1]);
void fog_box_label(const struct fog_box_id *id, char out[FOG_BOX_LABEL_LEN + 1]);
int fog_site_label_parse(struct fog_bytes label, struct fog_site_id *out) FOG_MUST_CHECK;
int fog_box_label_parse(struct fog_bytes label, struct fog_box_id *out) FOG_MUST_CHECK;

enum fog_host_kind {
    FOG_HOST_OTHER, /* not below the zone, or nothing we know: a publisher's own name, or an error
                     */
    FOG_HOST_ZONE,  /* the zone itself */
    FOG_HOST_SITE,  /* <site>.<zone>: gateway name */
    FOG_HOST_BOX,   /* <site>.<box>.<zone> */
    FOG_HOST_API,   /* api.<zone> */
    FOG_HOST_NS,    /* ns.<zone> */
};

struct fog_host {
    enum fog_host_kind kind;
    struct fog_site_id site; /* SITE, BOX */
    struct fog_box_id box;   /* BOX */
    uint16_t port;           /* 0 when the text had none */
};

/* `host` as in an authority: any case, optional trailing dot and ":port". FOG_EFORMAT for what is
 * no host name at all. `zone` is lower case without dots at the ends. */
int fog_host_parse(struct fog_bytes host, const char *zone, struct fog_host *out) FOG_MUST_CHECK;

/* Placement group of a slot (PROTOCOL 2): SHA-256(site id 10 bytes ‖ slot u32). */
void fog_placement_group(const struct fog_site_id *site, uint32_t slot, struct fog_hash *out);

/* Slot of a chunk of the identity (or any) variant: each 64 MiB window of a large object is the
 * next slot. */
uint32_t fog_slot_of_chunk(uint32_t slot, uint64_t chunk_index);
#define FOG_SLOT_WINDOW ((uint64_t)64 << 20)

#endif
