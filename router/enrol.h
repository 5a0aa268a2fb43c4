/*
 * Enrolment (PROTOCOL 5): a token lets a box into the fog; the box redeems it with its transport
 * key over this very connection (TLS exporter). Pure: counting the uses is records.h, the
 * connection is leasewire.h.
 *
 * Token body: version u8=1 ‖ fog_id 32 ‖ hub set id 32 ‖ n u8 ‖ n x { address str8 ‖ transport key
 * 32 } ‖ operator 20 ‖ uses u16 ‖ not_after_ms u64 ‖ serial 16 ‖ signer 32; then the signature
 * (FOG_SIGN_ENROLL_TOKEN). The signer is an instance's map key, or an operator's key that the
 * router knows. Text form: "fogtoken1." and base64url.
 */
#ifndef FOG_ROUTER_ENROL_H
#define FOG_ROUTER_ENROL_H

#include "core/io/addr.h"
#include "router/hubset.h"

#define ENROL_TOKEN_MAX  1024
#define ENROL_TOKEN_TEXT "fogtoken1."
#define ENROL_HUBS_MAX   4
#define ENROL_EXPORTER   "EXPORTER-fogbank-enrol"

struct enrol_token {
    struct fog_hash fog_id;
    struct fog_hash hub_set; /* id */
    unsigned n_hubs;         /* 1..4 */
    struct {
        struct fog_addr addr;
        uint8_t key[32];
    } hubs[ENROL_HUBS_MAX];
    uint8_t operator_addr[20];
    unsigned uses; /* 1..65535 */
    fog_time_ms not_after_ms;
    uint8_t serial[16];
    struct fog_pub signer;
    struct fog_sig sig;
};

/* Form only. */
int enrol_token_decode(struct fog_bytes in, struct enrol_token *out) FOG_MUST_CHECK;
/* The body to sign; then the whole is body ‖ signature. */
int enrol_token_body(const struct enrol_token *t, struct fog_buf *out) FOG_MUST_CHECK;
/* Signature and fog. FOG_EVERIFY, FOG_EDENIED (other fog). Whether the signer may issue is the
 * caller's question, time too. */
int enrol_token_check(const struct enrol_token *t, const struct fog_hash *fog_id) FOG_MUST_CHECK;

void enrol_token_to_text(struct fog_bytes token, struct fog_buf *out);
/* Takes surrounding white space (a file with a newline). */
int enrol_token_from_text(struct fog_bytes text, struct fog_buf *out) FOG_MUST_CHECK;

/* Signature of the box: over exporter(32) ‖ SHA-256(token), type FOG_SIGN_ENROLL_PROOF. */
void enrol_prove(const uint8_t seed[32], const struct fog_hash *fog_id, const uint8_t exporter[32],
                 struct fog_bytes token, struct fog_sig *out);
int enrol_check_proof(const uint8_t box_key[32], const struct fog_hash *fog_id,
                      const uint8_t exporter[32], struct fog_bytes token,
                      const struct fog_sig *sig) FOG_MUST_CHECK;

#endif
