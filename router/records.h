/*
 * What the router remembers: boxes, tokens used, publishers' key documents, sites' pointers,
 * placement groups with acknowledgements, verdicts, and its own state (map, hub set, beacon seed).
 * Loaded into RAM at start; every change is one atomic batch on db.h. Owns the forms of keys and
 * values; decides nothing.
 *
 * Keys: one letter, then the binary id. Values begin with a version byte (1).
 */
#ifndef FOG_ROUTER_RECORDS_H
#define FOG_ROUTER_RECORDS_H

#include "core/base/list.h"
#include "core/content/pointer.h"
#include "core/io/addr.h"
#include "router/db.h"
#include "router/objects.h"

struct records;

struct record_box {
    uint8_t key[32];
    struct fog_hash id;  /* zero until the beacon gave one */
    uint64_t pending_in; /* map in which it was shown as pending, 0: none yet */
    uint8_t operator_addr[20];
    uint8_t node[20];
    uint32_t node_id;
    struct fog_addr addr; /* family 0: none */
    bool verified;        /* dial-back found its key at addr */
    uint16_t weight;      /* declared; maps carry the ramped one */
    uint8_t class;
    uint16_t flags; /* FOG_BOX_*, as declared */
    char country[3];
    uint32_t asn;
    char domain[33];
    fog_time_ms joined_ms; /* hub time */
    bool revoked;
    int64_t cert_until; /* Unix seconds, 0: no certificate */
};

struct record_site {
    struct fog_site_id site;
    char label[FOG_SITE_LABEL_LEN + 1];
    struct fog_pointer pointer; /* decoded form of the bytes */
    struct fog_buf pointer_bytes;
    struct fog_buf delegate; /* empty: signed by the publisher */
    struct fog_buf fresh;    /* newest Fresh of this instance; in RAM only */
};

struct record_pub {
    struct fog_keydoc doc;
    struct fog_buf bytes;
};

/* One group of a site's release: what its holders keep. */
struct record_group {
    struct fog_hash pg;
    struct fog_hash rev; /* SHA-256 of the encoded refs */
    struct fog_site_id site;
    uint32_t slot;
    uint64_t bytes;
    size_t n_refs;
    struct router_ref *refs; /* owned */
};

/* Loads everything. FOG_ECORRUPT (with a log line) when a value does not decode. */
int records_open(struct db *db, const struct fog_hash *fog_id, struct records **out) FOG_MUST_CHECK;
void records_free(struct records **r); /* not the db */

/* done may be NULL everywhere. Structs given are copied; the RAM copy changes at once, the callback
 * says when the change is durable. Pointers returned live until the record is removed. */
typedef void records_done(void *ctx, int err);

struct record_box *records_box(const struct records *r, const uint8_t key[32]);
void records_put_box(struct records *r, const struct record_box *b, records_done *done, void *ctx);
size_t records_box_count(const struct records *r);
/* Walks; *cursor starts at 0. */
struct record_box *records_next_box(const struct records *r, size_t *cursor);

/* Uses of a token so far, and whether this box redeemed it. */
unsigned records_token_uses(struct records *r, const uint8_t serial[16], const uint8_t box[32],
                            bool *by_this_box);
/* Counts one use and stores the box in one batch. */
void records_enrol(struct records *r, const uint8_t serial[16], const struct record_box *b,
                   records_done *done, void *ctx);

struct record_pub *records_pub(const struct records *r, const struct fog_hash *publisher_id);
void records_put_pub(struct records *r, const struct fog_keydoc *doc, struct fog_bytes bytes,
                     records_done *done, void *ctx);

struct record_site *records_site(const struct records *r, const struct fog_site_id *site);
void records_put_site(struct records *r, const struct fog_site_id *site,
                      const struct fog_pointer *p, struct fog_bytes pointer,
                      struct fog_bytes delegate, records_done *done, void *ctx);
struct record_site *records_next_site(const struct records *r, size_t *cursor);
size_t records_site_count(const struct records *r);

/* Placement: groups and who acknowledged them (for which rev). Kept by copies.h; here only on disk.
 */
int records_each_group(struct records *r, void (*each)(void *arg, struct record_group *g),
                       void *arg) FOG_MUST_CHECK; /* each takes g->refs over */
int records_each_ack(struct records *r,
                     void (*each)(void *arg, const struct fog_hash *pg, const uint8_t box[32],
                                  const struct fog_hash *rev),
                     void *arg) FOG_MUST_CHECK;
void records_put_group(struct records *r, const struct record_group *g, records_done *done,
                       void *ctx);
void records_del_group(struct records *r, const struct fog_hash *pg);
/* rev NULL: the box no longer holds it. */
void records_put_ack(struct records *r, const struct fog_hash *pg, const uint8_t box[32],
                     const struct fog_hash *rev);
/* SHA-256 of the refs in their stored form. */
void record_group_rev(const struct router_ref *refs, size_t n, struct fog_hash *rev);

/* Small own values under a name ("map", "hubset", "beacon", "verdict/<hex>", "operator/<hex>"). */
int records_get(struct records *r, const char *name, struct fog_buf *out) FOG_MUST_CHECK;
void records_put(struct records *r, const char *name, struct fog_bytes value, records_done *done,
                 void *ctx);
int records_each_named(struct records *r, const char *prefix,
                       bool (*each)(void *arg, struct fog_bytes name, struct fog_bytes value),
                       void *arg) FOG_MUST_CHECK;

#endif
