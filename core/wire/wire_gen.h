/* Written by tools/gen_wire.py from wire.tbl: do not edit. */
#ifndef FOG_WIRE_GEN_H
#define FOG_WIRE_GEN_H

#include "core/base/buf.h"
#include "core/base/rd.h"

#define FOG_WIRE_VERSION 1
/* First bytes of the table's SHA-256: two builds with one version and two stamps are a mistake. */
#define FOG_WIRE_STAMP "f904f82ae75ae6c6"

/* Rows of a list in their encoded form: walk them with a fog_rd over `raw` and fog_wire_get_<row>(). */
struct fog_wire_list {
    uint32_t count;
    struct fog_bytes raw;
};

enum fog_wire_type {
    FOG_WIRE_HELLO = 1,
    FOG_WIRE_ENROLL = 2,
    FOG_WIRE_ENROLL_OK = 3,
    FOG_WIRE_REFUSE = 4,
    FOG_WIRE_LEASE = 5,
    FOG_WIRE_BEAT = 6,
    FOG_WIRE_BEAT_OK = 7,
    FOG_WIRE_CELL_MAP = 8,
    FOG_WIRE_LIVE = 9,
    FOG_WIRE_FRESH = 10,
    FOG_WIRE_POINTER = 11,
    FOG_WIRE_PLACE = 12,
    FOG_WIRE_PLACED = 13,
    FOG_WIRE_CSR = 14,
    FOG_WIRE_CERT = 15,
    FOG_WIRE_CALL_PEER = 16,
    FOG_WIRE_CALL_YOU = 17,
    FOG_WIRE_LEAVE = 18,
    FOG_WIRE_REGISTRY = 19,
    FOG_WIRE_PROGRESS = 20,
    FOG_WIRE_STATEMENT = 21,
    FOG_WIRE_STATEMENT_OK = 22,
    FOG_WIRE_VOUCHER = 23,
    FOG_WIRE_REPORT = 24,
    FOG_WIRE_PROBE = 25,
    FOG_WIRE_PROBE_OK = 26,
    FOG_WIRE_HUB_SET = 27,
    FOG_WIRE_SITE_ASK = 28,
};

/* A content object: kind as in core/content, id, and for a chunk its length. */
struct fog_wire_ref {
    uint8_t kind;
    struct fog_hash id;
    uint32_t len;
};
void fog_wire_put_ref(struct fog_buf *b, const struct fog_wire_ref *m);
void fog_wire_get_ref(struct fog_rd *r, struct fog_wire_ref *m);

/* A box or instance, by its transport key. */
struct fog_wire_peer {
    uint8_t key[32];
};
void fog_wire_put_peer(struct fog_buf *b, const struct fog_wire_peer *m);
void fog_wire_get_peer(struct fog_rd *r, struct fog_wire_peer *m);

/* A signed piece of bytes. */
struct fog_wire_signed {
    struct fog_bytes bytes; /* <= 4096 bytes, borrowed */
};
void fog_wire_put_signed(struct fog_buf *b, const struct fog_wire_signed *m);
void fog_wire_get_signed(struct fog_rd *r, struct fog_wire_signed *m);

/* A registry row that boxes need to check grants: what 1 publisher, 2 house, 3 node, 4 grant signer, 5 voucher signer.
 * For signers `id` is the house's and from/to are weeks, inclusive. */
struct fog_wire_id_row {
    uint8_t what;
    uint32_t id;
    uint8_t address[20];
    uint8_t key[32];
    uint32_t from;
    uint32_t to;
};
void fog_wire_put_id_row(struct fog_buf *b, const struct fog_wire_id_row *m);
void fog_wire_get_id_row(struct fog_rd *r, struct fog_wire_id_row *m);

/* Bytes served so far under one grant; w_i is the highest tick preimage seen (tick number i, 0: none). */
struct fog_wire_progress_row {
    uint8_t serial[16];
    uint16_t i;
    uint8_t w_i[32];
    uint64_t bytes;
};
void fog_wire_put_progress_row(struct fog_buf *b, const struct fog_wire_progress_row *m);
void fog_wire_get_progress_row(struct fog_rd *r, struct fog_wire_progress_row *m);

/* box -> hub, first on every connection: who I am and what I offer. flags: FOG_BOX_* of frame.h. */
struct fog_wire_hello {
    uint16_t version;
    struct fog_hash fog_id;
    char software[33];
    char advertise[56];
    uint16_t flags;
    uint8_t class;
    uint16_t weight;
    uint8_t node[20];
    uint32_t node_id;
    char country[3];
    uint32_t asn;
    char domain[33];
    uint64_t disk_bytes;
    uint64_t map_no;
    uint32_t hubset_version;
};
void fog_wire_put_hello(struct fog_buf *b, const struct fog_wire_hello *m);
int fog_wire_get_hello(struct fog_bytes body, struct fog_wire_hello *m) FOG_MUST_CHECK;

/* box -> hub, after HELLO of an unknown key: the token, and the box key's signature over the TLS exporter. */
struct fog_wire_enroll {
    struct fog_bytes token; /* <= 2048 bytes, borrowed */
    uint8_t signature[64];
};
void fog_wire_put_enroll(struct fog_buf *b, const struct fog_wire_enroll *m);
int fog_wire_get_enroll(struct fog_bytes body, struct fog_wire_enroll *m) FOG_MUST_CHECK;

/* hub -> box: enrolled (again: a repeated redemption by the same key is the same enrolment). */
struct fog_wire_enroll_ok {
    char label[27];
    uint8_t operator[20];
};
void fog_wire_put_enroll_ok(struct fog_buf *b, const struct fog_wire_enroll_ok *m);
int fog_wire_get_enroll_ok(struct fog_bytes body, struct fog_wire_enroll_ok *m) FOG_MUST_CHECK;

/* either way: what was asked is refused; the connection ends when fatal is 1. */
struct fog_wire_refuse {
    uint16_t about;
    uint16_t code;
    uint8_t fatal;
    uint32_t retry_ms;
    char text[201];
};
void fog_wire_put_refuse(struct fog_buf *b, const struct fog_wire_refuse *m);
int fog_wire_get_refuse(struct fog_bytes body, struct fog_wire_refuse *m) FOG_MUST_CHECK;

/* hub -> box: the lease holds. standing: pre-issued class L grants, opaque here. */
struct fog_wire_lease {
    int64_t hub_ms;
    uint64_t map_no;
    uint32_t beat_serving_ms;
    uint32_t beat_idle_ms;
    uint32_t lease_ms;
    uint32_t hubset_version;
    struct fog_wire_list standing; /* of SIGNED, <= 64 */
};
void fog_wire_put_lease(struct fog_buf *b, const struct fog_wire_lease *m);
int fog_wire_get_lease(struct fog_bytes body, struct fog_wire_lease *m) FOG_MUST_CHECK;

/* box -> hub, every beat. */
struct fog_wire_beat {
    uint32_t seq;
    uint32_t active;
    uint32_t conns;
    uint64_t egress_bps;
    uint64_t bytes_total;
    uint64_t free_bytes;
    uint8_t drain;
    uint64_t map_no;
};
void fog_wire_put_beat(struct fog_buf *b, const struct fog_wire_beat *m);
int fog_wire_get_beat(struct fog_bytes body, struct fog_wire_beat *m) FOG_MUST_CHECK;

/* hub -> box, the answer. Unasked, with seq 0: hub time has been set. */
struct fog_wire_beat_ok {
    uint32_t seq;
    int64_t hub_ms;
    uint64_t map_no;
};
void fog_wire_put_beat_ok(struct fog_buf *b, const struct fog_wire_beat_ok *m);
int fog_wire_get_beat_ok(struct fog_bytes body, struct fog_wire_beat_ok *m) FOG_MUST_CHECK;

/* hub -> box: a signed cell map (router/cellmap.h). */
struct fog_wire_cell_map {
    struct fog_bytes map; /* <= 1000000 bytes, borrowed */
};
void fog_wire_put_cell_map(struct fog_buf *b, const struct fog_wire_cell_map *m);
int fog_wire_get_cell_map(struct fog_bytes body, struct fog_wire_cell_map *m) FOG_MUST_CHECK;

/* hub -> box: signed liveness of the boxes of that map. */
struct fog_wire_live {
    struct fog_bytes live; /* <= 8192 bytes, borrowed */
};
void fog_wire_put_live(struct fog_buf *b, const struct fog_wire_live *m);
int fog_wire_get_live(struct fog_bytes body, struct fog_wire_live *m) FOG_MUST_CHECK;

/* hub -> box: signed freshness of the pointers of sites that the box serves. */
struct fog_wire_fresh {
    struct fog_wire_list rows; /* of SIGNED, <= 1024 */
};
void fog_wire_put_fresh(struct fog_buf *b, const struct fog_wire_fresh *m);
int fog_wire_get_fresh(struct fog_bytes body, struct fog_wire_fresh *m) FOG_MUST_CHECK;

/* hub -> box: the newest pointer of a site with what is needed to verify it; delegate is empty when the publisher
 * signed it himself. */
struct fog_wire_pointer {
    uint8_t site[10];
    struct fog_bytes pointer; /* <= 4096 bytes, borrowed */
    struct fog_bytes keydoc; /* <= 8192 bytes, borrowed */
    struct fog_bytes delegate; /* <= 4096 bytes, borrowed */
};
void fog_wire_put_pointer(struct fog_buf *b, const struct fog_wire_pointer *m);
int fog_wire_get_pointer(struct fog_bytes body, struct fog_wire_pointer *m) FOG_MUST_CHECK;

/* hub -> box: hold exactly these objects for a placement group (op 1 hold, 2 drop). A manifest with len 0 means itself
 * and all chunks that it names, with len 1 its own bytes alone (the object is spread over several groups). Long lists come in parts of one order; the last part has part + 1 == parts. */
struct fog_wire_place {
    uint64_t order;
    uint8_t op;
    uint8_t priority;
    struct fog_hash pg;
    struct fog_hash rev;
    uint8_t site[10];
    uint32_t slot;
    uint16_t part;
    uint16_t parts;
    struct fog_wire_list refs; /* of REF, <= 8192 */
    struct fog_wire_list sources; /* of PEER, <= 16 */
};
void fog_wire_put_place(struct fog_buf *b, const struct fog_wire_place *m);
int fog_wire_get_place(struct fog_bytes body, struct fog_wire_place *m) FOG_MUST_CHECK;

/* box -> hub: outcome of an order (state 1 held durably, 2 failed and may be asked again, 3 dropped). */
struct fog_wire_placed {
    uint64_t order;
    struct fog_hash pg;
    struct fog_hash rev;
    uint8_t state;
    int64_t code;
    uint64_t bytes;
};
void fog_wire_put_placed(struct fog_buf *b, const struct fog_wire_placed *m);
int fog_wire_get_placed(struct fog_bytes body, struct fog_wire_placed *m) FOG_MUST_CHECK;

/* box -> hub: certificate request (PKCS#10 DER) for *.<box>.<zone>. */
struct fog_wire_csr {
    struct fog_bytes der; /* <= 4096 bytes, borrowed */
};
void fog_wire_put_csr(struct fog_buf *b, const struct fog_wire_csr *m);
int fog_wire_get_csr(struct fog_bytes body, struct fog_wire_csr *m) FOG_MUST_CHECK;

/* hub -> box: chain in PEM, leaf first. */
struct fog_wire_cert {
    struct fog_bytes chain_pem; /* <= 32768 bytes, borrowed */
    int64_t not_after_ms;
};
void fog_wire_put_cert(struct fog_buf *b, const struct fog_wire_cert *m);
int fog_wire_get_cert(struct fog_bytes body, struct fog_wire_cert *m) FOG_MUST_CHECK;

/* box -> hub: I want content of a holder that accepts no inbound connection: ask it to dial me at addr. */
struct fog_wire_call_peer {
    uint8_t peer[32];
    char addr[56];
};
void fog_wire_put_call_peer(struct fog_buf *b, const struct fog_wire_call_peer *m);
int fog_wire_get_call_peer(struct fog_bytes body, struct fog_wire_call_peer *m) FOG_MUST_CHECK;

/* hub -> box: dial this peer with ALPN fog-serve/1. */
struct fog_wire_call_you {
    uint8_t peer[32];
    char addr[56];
};
void fog_wire_put_call_you(struct fog_buf *b, const struct fog_wire_call_you *m);
int fog_wire_get_call_you(struct fog_bytes body, struct fog_wire_call_you *m) FOG_MUST_CHECK;

/* box -> hub: leaving; nothing new is to be sent here from now on. */
struct fog_wire_leave {
    uint8_t reason;
    uint32_t drain_ms;
};
void fog_wire_put_leave(struct fog_buf *b, const struct fog_wire_leave *m);
int fog_wire_get_leave(struct fog_bytes body, struct fog_wire_leave *m) FOG_MUST_CHECK;

/* hub -> box: rows of the registries; the first message of a set has reset 1. */
struct fog_wire_registry {
    uint8_t reset;
    int64_t as_of_ms;
    struct fog_wire_list rows; /* of ID_ROW, <= 4096 */
};
void fog_wire_put_registry(struct fog_buf *b, const struct fog_wire_registry *m);
int fog_wire_get_registry(struct fog_bytes body, struct fog_wire_registry *m) FOG_MUST_CHECK;

/* box -> hub, every 60 s while serving. */
struct fog_wire_progress {
    struct fog_wire_list rows; /* of PROGRESS_ROW, <= 4096 */
};
void fog_wire_put_progress(struct fog_buf *b, const struct fog_wire_progress *m);
int fog_wire_get_progress(struct fog_bytes body, struct fog_wire_progress *m) FOG_MUST_CHECK;

/* box -> hub: a round's statement, its signature, and the leaves under its root (formats: contracts/README.md). */
struct fog_wire_statement {
    struct fog_bytes statement; /* <= 1024 bytes, borrowed */
    uint8_t signature[65];
    struct fog_bytes leaves; /* <= 900000 bytes, borrowed */
};
void fog_wire_put_statement(struct fog_buf *b, const struct fog_wire_statement *m);
int fog_wire_get_statement(struct fog_bytes body, struct fog_wire_statement *m) FOG_MUST_CHECK;

/* hub -> box: the statement was accepted (code 0) or why not. */
struct fog_wire_statement_ok {
    uint32_t week;
    uint32_t round;
    uint32_t rev;
    int64_t code;
    char text[201];
};
void fog_wire_put_statement_ok(struct fog_buf *b, const struct fog_wire_statement_ok *m);
int fog_wire_get_statement_ok(struct fog_bytes body, struct fog_wire_statement_ok *m) FOG_MUST_CHECK;

/* hub -> box: money. */
struct fog_wire_voucher {
    struct fog_bytes voucher; /* <= 1024 bytes, borrowed */
    uint8_t signature[65];
};
void fog_wire_put_voucher(struct fog_buf *b, const struct fog_wire_voucher *m);
int fog_wire_get_voucher(struct fog_bytes body, struct fog_wire_voucher *m) FOG_MUST_CHECK;

/* box -> hub: a peer gave bytes that do not verify. expected is the leaf hash, got the hash of what came. */
struct fog_wire_report {
    uint8_t peer[32];
    struct fog_hash chunk;
    uint32_t len;
    uint32_t leaf;
    struct fog_hash expected;
    struct fog_hash got;
    struct fog_bytes evidence; /* <= 512 bytes, borrowed */
};
void fog_wire_put_report(struct fog_buf *b, const struct fog_wire_report *m);
int fog_wire_get_report(struct fog_bytes body, struct fog_wire_report *m) FOG_MUST_CHECK;

/* hub -> box, and the answer: is this connection alive? */
struct fog_wire_probe {
    uint64_t nonce;
};
void fog_wire_put_probe(struct fog_buf *b, const struct fog_wire_probe *m);
int fog_wire_get_probe(struct fog_bytes body, struct fog_wire_probe *m) FOG_MUST_CHECK;

struct fog_wire_probe_ok {
    uint64_t nonce;
};
void fog_wire_put_probe_ok(struct fog_buf *b, const struct fog_wire_probe_ok *m);
int fog_wire_get_probe_ok(struct fog_bytes body, struct fog_wire_probe_ok *m) FOG_MUST_CHECK;

/* hub -> box: the hub set, when the box has an older one. */
struct fog_wire_hub_set {
    struct fog_bytes set; /* <= 16384 bytes, borrowed */
};
void fog_wire_put_hub_set(struct fog_buf *b, const struct fog_wire_hub_set *m);
int fog_wire_get_hub_set(struct fog_bytes body, struct fog_wire_hub_set *m) FOG_MUST_CHECK;

/* box -> hub: somebody asks me for this site: send its pointer (answer: POINTER, or REFUSE about this type). */
struct fog_wire_site_ask {
    uint8_t site[10];
};
void fog_wire_put_site_ask(struct fog_buf *b, const struct fog_wire_site_ask *m);
int fog_wire_get_site_ask(struct fog_bytes body, struct fog_wire_site_ask *m) FOG_MUST_CHECK;

/* "HELLO", or "?" for an unknown type. */
const char *fog_wire_name(uint16_t type);

/* Decodes and encodes again; FOG_EVERSION for an unknown type. For tests and the fuzzer. */
int fog_wire_recode(uint16_t type, struct fog_bytes body, struct fog_buf *out) FOG_MUST_CHECK;

#endif
