/*
 * What the key process signs, for whom, and what it must remember first. Pure logic: the process,
 * its socket and the keys themselves are node/keyd.c. Owns the typed requests and their wire form,
 * the permissions of a peer, and the memory (through a claim_store, durable before rules_check
 * returns 0) that makes a second, different signature of the same thing impossible.
 *
 * keyd never signs bytes that it cannot read: digests are computed here, from typed fields.
 */
#ifndef FOG_CLAIM_KEYD_RULES_H
#define FOG_CLAIM_KEYD_RULES_H

#include "contracts/claim/grant.h"
#include "contracts/claim/store.h"
#include "contracts/claim/tx.h"
#include "contracts/claim/typed_data.h"

enum keyd_kind {
    KEYD_SIGN_GRANT = 1,
    KEYD_SIGN_STATEMENT = 2,
    KEYD_SIGN_VOUCHER = 3,
    KEYD_SIGN_TX = 4,
    KEYD_SIGN_ED25519 = 5,
    KEYD_ISSUE_CERT = 6,
    KEYD_GET_ADDRESSES = 7,
};

#define KEYD_MAY(kind) (1u << (kind))

/* secp256k1 keys in the key process. A box has NODE (and OWNER when its operator keeps the wallet
 * key there); a house has GRANT, VOUCHER and OWNER. */
enum keyd_key {
    KEYD_KEY_NODE = 0,
    KEYD_KEY_GRANT = 1,
    KEYD_KEY_VOUCHER = 2,
    KEYD_KEY_OWNER = 3,
};
#define KEYD_KEYS 4

#define KEYD_BODY_MAX    ((size_t)60 * 1024) /* Ed25519 body */
#define KEYD_SPKI_MAX    128
#define KEYD_NAME_MAX    256
#define KEYD_PEM_MAX     ((size_t)32 * 1024)
#define KEYD_MESSAGE_MAX (TX_DATA_MAX + 512) /* one request or answer on the socket */

/* Byte views are borrowed: from the caller when encoding, from the message when decoded. */
struct keyd_req {
    uint32_t id; /* the caller's; comes back with the answer */
    enum keyd_kind kind;
    struct grant grant;
    struct statement statement;
    struct voucher voucher;
    struct {
        enum keyd_key key;
        struct tx tx;
    } tx;
    struct {
        uint16_t type; /* core/crypto/sign.h */
        struct fog_bytes body;
    } ed25519;
    struct {
        struct fog_bytes spki;
        char dns_name[KEYD_NAME_MAX];
        int64_t not_before;
        int64_t not_after;
    } cert;
};

struct keyd_answer {
    uint32_t id;
    int err;                 /* 0 or a code of core/base/err.h */
    enum keyd_kind kind;     /* of the request */
    struct fog_secp_sig sig; /* GRANT, STATEMENT, VOUCHER, TX */
    uint8_t ed25519[64];
    struct fog_bytes pem; /* ISSUE_CERT: chain */
    struct {
        bool present[KEYD_KEYS];
        struct fog_ethaddr money[KEYD_KEYS];
        uint8_t ed25519[32]; /* the instance's public map key, zeros without */
        struct fog_hash ca;  /* SHA-256 of the CA certificate, zeros without */
    } addresses;
};

/* One message is one SOCK_SEQPACKET datagram. Decoders: FOG_EFORMAT, FOG_ETRUNC, FOG_ETRAIL,
 * FOG_ELIMIT. */
void keyd_req_encode(const struct keyd_req *q, struct fog_buf *out);
int keyd_req_decode(struct fog_bytes in, struct keyd_req *out) FOG_MUST_CHECK;
void keyd_answer_encode(const struct keyd_answer *a, struct fog_buf *out);
int keyd_answer_decode(struct fog_bytes in, struct keyd_answer *out) FOG_MUST_CHECK;

struct keyd_rules_conf {
    struct claim_domain domain;
    struct fog_ethaddr house;        /* zero: no grants and vouchers are signed */
    struct fog_ethaddr node;         /* zero: no statements are signed */
    struct fog_hash fog_id;          /* shown in logs only */
    uint64_t max_price_per_gib;      /* of a grant; 0: no limit */
    uint64_t max_fee;                /* wei per gas of a transaction; 0: 500 gwei */
    fog_u128 max_value;              /* wei of a transaction; default none may be sent */
    const struct claim_store *store; /* outlives the rules */
};

struct keyd_rules;

struct keyd_rules *keyd_rules_new(const struct keyd_rules_conf *conf);
void keyd_rules_free(struct keyd_rules **r);

/* May a peer with these permissions (bits KEYD_MAY) have this signed? 0: sign *digest with *key
 * (secp256k1 kinds; both untouched for the others). FOG_EDENIED: not permitted, or another house's,
 * node's or chain's; FOG_EREPLAY: something else was signed in its place already (statement of one
 * house, week, round and rev; voucher of one payee and seq; transaction of one key and nonce, but
 * the same deed with another fee, or an empty transfer that cancels it, is signed);
 * FOG_ESTALE: a rev below one that was signed; FOG_ERANGE: a voucher that takes back money, a fee
 * or a value above its limit; or what the store gave. */
int keyd_rules_check(struct keyd_rules *r, unsigned permissions, const struct keyd_req *req,
                     enum keyd_key *key, struct fog_hash *digest) FOG_MUST_CHECK;

/* Port: asks the key process. `done` is called once, on the caller's thread, maybe before sign
 * returns; also after the asker was freed, who has seen to it that this is harmless (FOG_ECANCELED
 * when the port itself ends). The request is copied. `id` is set by the implementation. */
struct claim_signer {
    void *arg;
    void (*sign)(void *arg, const struct keyd_req *req,
                 void (*done)(void *ctx, const struct keyd_answer *answer), void *ctx);
};

#endif
