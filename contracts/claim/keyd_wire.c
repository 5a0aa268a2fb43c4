/* The wire form of keyd_rules.h's requests and answers. Both ends are ours, but the serving process
 * may have been taken over: the decoders trust nothing. */
#include "contracts/claim/keyd_rules.h"
#include "core/base/rd.h"
#include "core/base/wr.h"

#define MESSAGE_VERSION 1
#define TX_CREATES      1

static void put_addr(struct fog_buf *b, const struct fog_ethaddr *a)
{
    fog_wr_bytes(b, a->b, sizeof a->b);
}

static void put_grant(struct fog_buf *b, const struct grant *g)
{
    put_addr(b, &g->publisher);
    put_addr(b, &g->house);
    put_addr(b, &g->node);
    fog_wr_u32(b, g->week);
    fog_wr_u32(b, g->not_before);
    fog_wr_u32(b, g->not_after);
    fog_wr_bytes(b, g->serial, sizeof g->serial);
    fog_wr_bytes(b, g->site, sizeof g->site);
    fog_wr_bytes(b, g->scope.b, sizeof g->scope.b);
    fog_wr_u8(b, g->depth);
    fog_wr_bytes(b, g->anchor.b, sizeof g->anchor.b);
    fog_wr_u64(b, g->max_bytes);
    fog_wr_u32(b, g->tick_bytes);
    fog_wr_u16(b, g->passive_bps);
    fog_wr_u16(b, g->flags);
    fog_wr_u64(b, g->price_per_gib);
}

static void read_grant(struct fog_rd *r, struct grant *g)
{
    fog_rd_copy(r, g->publisher.b, 20);
    fog_rd_copy(r, g->house.b, 20);
    fog_rd_copy(r, g->node.b, 20);
    g->week = fog_rd_u32(r);
    g->not_before = fog_rd_u32(r);
    g->not_after = fog_rd_u32(r);
    fog_rd_copy(r, g->serial, sizeof g->serial);
    fog_rd_copy(r, g->site, sizeof g->site);
    fog_rd_copy(r, g->scope.b, sizeof g->scope.b);
    g->depth = fog_rd_u8(r);
    fog_rd_copy(r, g->anchor.b, sizeof g->anchor.b);
    g->max_bytes = fog_rd_u64(r);
    g->tick_bytes = fog_rd_u32(r);
    g->passive_bps = fog_rd_u16(r);
    g->flags = fog_rd_u16(r);
    g->price_per_gib = fog_rd_u64(r);
}

static void put_tx(struct fog_buf *b, const struct tx *t)
{
    fog_wr_u64(b, t->chain_id);
    fog_wr_u64(b, t->nonce);
    fog_wr_u64(b, t->max_priority_fee);
    fog_wr_u64(b, t->max_fee);
    fog_wr_u64(b, t->gas_limit);
    fog_wr_u8(b, t->creates ? TX_CREATES : 0);
    put_addr(b, &t->to);
    fog_wr_u128(b, t->value);
    fog_wr_lp32(b, t->data);
}

static void read_tx(struct fog_rd *r, struct tx *t)
{
    uint8_t flags;

    t->chain_id = fog_rd_u64(r);
    t->nonce = fog_rd_u64(r);
    t->max_priority_fee = fog_rd_u64(r);
    t->max_fee = fog_rd_u64(r);
    t->gas_limit = fog_rd_u64(r);
    flags = fog_rd_u8(r);
    if (flags > TX_CREATES)
        fog_rd_fail(r, FOG_EFORMAT);
    t->creates = flags == TX_CREATES;
    fog_rd_copy(r, t->to.b, 20);
    t->value = fog_rd_u128(r);
    t->data = fog_rd_lp32(r, TX_DATA_MAX);
}

static void put_body(struct fog_buf *b, const struct keyd_req *q)
{
    uint8_t statement[STATEMENT_LEN], voucher[VOUCHER_LEN];

    switch (q->kind) {
    case KEYD_SIGN_GRANT:
        put_grant(b, &q->grant);
        return;
    case KEYD_SIGN_STATEMENT:
        statement_encode(&q->statement, statement);
        fog_wr_bytes(b, statement, sizeof statement);
        return;
    case KEYD_SIGN_VOUCHER:
        voucher_encode(&q->voucher, voucher);
        fog_wr_bytes(b, voucher, sizeof voucher);
        return;
    case KEYD_SIGN_TX:
        fog_wr_u8(b, (uint8_t)q->tx.key);
        put_tx(b, &q->tx.tx);
        return;
    case KEYD_SIGN_ED25519:
        fog_wr_u16(b, q->ed25519.type);
        fog_wr_lp32(b, q->ed25519.body);
        return;
    case KEYD_ISSUE_CERT:
        fog_wr_lp16(b, q->cert.spki);
        fog_wr_lp16(b, fog_bytes_str(q->cert.dns_name));
        fog_wr_u64(b, (uint64_t)q->cert.not_before);
        fog_wr_u64(b, (uint64_t)q->cert.not_after);
        return;
    case KEYD_GET_ADDRESSES:
        return;
    }
}

static int read_body(struct fog_rd *r, struct keyd_req *q)
{
    struct fog_bytes name;

    switch (q->kind) {
    case KEYD_SIGN_GRANT:
        read_grant(r, &q->grant);
        return fog_rd_done(r);
    case KEYD_SIGN_STATEMENT:
        return r->err != 0 ? r->err
                           : statement_decode(fog_rd_take(r, fog_rd_left(r)), &q->statement);
    case KEYD_SIGN_VOUCHER:
        return r->err != 0 ? r->err : voucher_decode(fog_rd_take(r, fog_rd_left(r)), &q->voucher);
    case KEYD_SIGN_TX:
        q->tx.key = (enum keyd_key)fog_rd_u8(r);
        if (q->tx.key >= KEYD_KEYS)
            fog_rd_fail(r, FOG_EFORMAT);
        read_tx(r, &q->tx.tx);
        return fog_rd_done(r);
    case KEYD_SIGN_ED25519:
        q->ed25519.type = fog_rd_u16(r);
        q->ed25519.body = fog_rd_lp32(r, KEYD_BODY_MAX);
        return fog_rd_done(r);
    case KEYD_ISSUE_CERT:
        q->cert.spki = fog_rd_lp16(r, KEYD_SPKI_MAX);
        name = fog_rd_lp16(r, KEYD_NAME_MAX - 1);
        if (name.len != 0 && memchr(name.p, 0, name.len) != NULL)
            fog_rd_fail(r, FOG_EFORMAT);
        if (name.len != 0)
            memcpy(q->cert.dns_name, name.p, name.len);
        q->cert.not_before = (int64_t)fog_rd_u64(r);
        q->cert.not_after = (int64_t)fog_rd_u64(r);
        return fog_rd_done(r);
    case KEYD_GET_ADDRESSES:
        return fog_rd_done(r);
    }
    return FOG_EFORMAT;
}

void keyd_req_encode(const struct keyd_req *q, struct fog_buf *out)
{
    fog_wr_u8(out, MESSAGE_VERSION);
    fog_wr_u32(out, q->id);
    fog_wr_u8(out, (uint8_t)q->kind);
    put_body(out, q);
}

int keyd_req_decode(struct fog_bytes in, struct keyd_req *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct keyd_req q;
    int rc;

    memset(&q, 0, sizeof q);
    if (fog_rd_u8(&r) != MESSAGE_VERSION && r.err == 0)
        return FOG_EVERSION;
    q.id = fog_rd_u32(&r);
    q.kind = (enum keyd_kind)fog_rd_u8(&r);
    if (r.err != 0)
        return r.err;
    if ((rc = read_body(&r, &q)) != 0)
        return rc;
    *out = q;
    return 0;
}

void keyd_answer_encode(const struct keyd_answer *a, struct fog_buf *out)
{
    fog_wr_u8(out, MESSAGE_VERSION);
    fog_wr_u32(out, a->id);
    fog_wr_u8(out, (uint8_t)a->kind);
    fog_wr_u32(out, (uint32_t)a->err);
    if (a->err != 0)
        return;
    switch (a->kind) {
    case KEYD_SIGN_GRANT:
    case KEYD_SIGN_STATEMENT:
    case KEYD_SIGN_VOUCHER:
    case KEYD_SIGN_TX:
        fog_wr_bytes(out, a->sig.b, sizeof a->sig.b);
        return;
    case KEYD_SIGN_ED25519:
        fog_wr_bytes(out, a->ed25519, sizeof a->ed25519);
        return;
    case KEYD_ISSUE_CERT:
        fog_wr_lp32(out, a->pem);
        return;
    case KEYD_GET_ADDRESSES:
        for (int i = 0; i < KEYD_KEYS; i++) {
            fog_wr_u8(out, a->addresses.present[i]);
            put_addr(out, &a->addresses.money[i]);
        }
        fog_wr_bytes(out, a->addresses.ed25519, sizeof a->addresses.ed25519);
        fog_wr_bytes(out, a->addresses.ca.b, sizeof a->addresses.ca.b);
        return;
    }
}

static void read_addresses(struct fog_rd *r, struct keyd_answer *a)
{
    for (int i = 0; i < KEYD_KEYS; i++) {
        uint8_t present = fog_rd_u8(r);

        if (present > 1)
            fog_rd_fail(r, FOG_EFORMAT);
        a->addresses.present[i] = present == 1;
        fog_rd_copy(r, a->addresses.money[i].b, 20);
    }
    fog_rd_copy(r, a->addresses.ed25519, sizeof a->addresses.ed25519);
    fog_rd_copy(r, a->addresses.ca.b, sizeof a->addresses.ca.b);
}

int keyd_answer_decode(struct fog_bytes in, struct keyd_answer *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct keyd_answer a;
    int rc;

    memset(&a, 0, sizeof a);
    if (fog_rd_u8(&r) != MESSAGE_VERSION && r.err == 0)
        return FOG_EVERSION;
    a.id = fog_rd_u32(&r);
    a.kind = (enum keyd_kind)fog_rd_u8(&r);
    a.err = (int)fog_rd_u32(&r);
    if (a.kind < KEYD_SIGN_GRANT || a.kind > KEYD_GET_ADDRESSES || a.err > 0)
        fog_rd_fail(&r, FOG_EFORMAT);
    if (a.err == 0 && a.kind <= KEYD_SIGN_TX)
        fog_rd_copy(&r, a.sig.b, sizeof a.sig.b);
    else if (a.err == 0 && a.kind == KEYD_SIGN_ED25519)
        fog_rd_copy(&r, a.ed25519, sizeof a.ed25519);
    else if (a.err == 0 && a.kind == KEYD_ISSUE_CERT)
        a.pem = fog_rd_lp32(&r, KEYD_PEM_MAX);
    else if (a.err == 0 && a.kind == KEYD_GET_ADDRESSES)
        read_addresses(&r, &a);
    if ((rc = fog_rd_done(&r)) != 0)
        return rc;
    *out = a;
    return 0;
}
