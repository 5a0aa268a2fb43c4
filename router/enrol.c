#include "router/enrol.h"

#include "core/base/rd.h"
#include "core/base/str.h"
#include "core/base/wr.h"
#include "core/crypto/hash.h"

static void read_hub(struct fog_rd *r, struct fog_addr *addr, uint8_t key[32])
{
    char text[FOG_ADDR_TEXT_MAX], again[FOG_ADDR_TEXT_MAX];

    fog_rd_str8(r, text, sizeof text);
    fog_rd_copy(r, key, 32);
    if (r->err != 0)
        return;
    if (fog_addr_parse(text, addr) != 0) {
        fog_rd_fail(r, FOG_EFORMAT);
        return;
    }
    fog_addr_format(addr, again);
    if (strcmp(text, again) != 0)
        fog_rd_fail(r, FOG_ECANON);
}

int enrol_token_decode(struct fog_bytes in, struct enrol_token *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct enrol_token t = {0};
    int rc;

    if (in.len > ENROL_TOKEN_MAX)
        return FOG_ELIMIT;
    if (fog_rd_u8(&r) != 1)
        return r.err != 0 ? r.err : FOG_EVERSION;
    fog_rd_copy(&r, t.fog_id.b, sizeof t.fog_id.b);
    fog_rd_copy(&r, t.hub_set.b, sizeof t.hub_set.b);
    t.n_hubs = fog_rd_u8(&r);
    if (t.n_hubs == 0 || t.n_hubs > ENROL_HUBS_MAX)
        return r.err != 0 ? r.err : FOG_ELIMIT;
    for (unsigned i = 0; i < t.n_hubs; i++)
        read_hub(&r, &t.hubs[i].addr, t.hubs[i].key);
    fog_rd_copy(&r, t.operator_addr, sizeof t.operator_addr);
    t.uses = fog_rd_u16(&r);
    t.not_after_ms = (fog_time_ms)fog_rd_u64(&r);
    fog_rd_copy(&r, t.serial, sizeof t.serial);
    fog_rd_copy(&r, t.signer.b, sizeof t.signer.b);
    fog_rd_copy(&r, t.sig.b, sizeof t.sig.b);
    if ((rc = fog_rd_done(&r)) != 0)
        return rc;
    if (t.uses == 0 || t.not_after_ms < 0)
        return FOG_ERANGE;
    *out = t;
    return 0;
}

int enrol_token_body(const struct enrol_token *t, struct fog_buf *out)
{
    if (t->n_hubs == 0 || t->n_hubs > ENROL_HUBS_MAX || t->uses == 0 || t->uses > UINT16_MAX)
        return FOG_ERANGE;
    fog_wr_u8(out, 1);
    fog_wr_bytes(out, t->fog_id.b, sizeof t->fog_id.b);
    fog_wr_bytes(out, t->hub_set.b, sizeof t->hub_set.b);
    fog_wr_u8(out, (uint8_t)t->n_hubs);
    for (unsigned i = 0; i < t->n_hubs; i++) {
        char text[FOG_ADDR_TEXT_MAX];
        fog_addr_format(&t->hubs[i].addr, text);
        fog_wr_str8(out, text);
        fog_wr_bytes(out, t->hubs[i].key, 32);
    }
    fog_wr_bytes(out, t->operator_addr, sizeof t->operator_addr);
    fog_wr_u16(out, (uint16_t)t->uses);
    fog_wr_u64(out, (uint64_t)t->not_after_ms);
    fog_wr_bytes(out, t->serial, sizeof t->serial);
    fog_wr_bytes(out, t->signer.b, sizeof t->signer.b);
    return 0;
}

int enrol_token_check(const struct enrol_token *t, const struct fog_hash *fog_id)
{
    struct fog_buf body = {0};
    int rc;

    if (!fog_hash_eq(&t->fog_id, fog_id))
        return FOG_EDENIED;
    rc = enrol_token_body(t, &body);
    if (rc == 0)
        rc = fog_sign_check(&t->signer, FOG_SIGN_ENROLL_TOKEN, fog_id, fog_buf_bytes(&body),
                            &t->sig);
    fog_buf_fini(&body);
    return rc;
}

void enrol_token_to_text(struct fog_bytes token, struct fog_buf *out)
{
    fog_buf_append_str(out, ENROL_TOKEN_TEXT);
    fog_base64url_encode(token.p, token.len,
                         (char *)fog_buf_reserve(out, FOG_BASE64_LEN(token.len) + 1));
    fog_buf_added(out, FOG_BASE64_LEN(token.len));
}

int enrol_token_from_text(struct fog_bytes text, struct fog_buf *out)
{
    const size_t head = sizeof ENROL_TOKEN_TEXT - 1;
    size_t len;
    int rc;

    while (text.len > 0 && (text.p[0] == ' ' || text.p[0] == '\n'))
        text = fog_bytes_of(text.p + 1, text.len - 1);
    while (text.len > 0 && (text.p[text.len - 1] == ' ' || text.p[text.len - 1] == '\n'))
        text.len--;
    if (text.len < head || memcmp(text.p, ENROL_TOKEN_TEXT, head) != 0)
        return FOG_EFORMAT;
    text = fog_bytes_of(text.p + head, text.len - head);
    len = text.len * 3 / 4;
    if (len > ENROL_TOKEN_MAX)
        return FOG_ELIMIT;
    rc = fog_base64url_decode(text, fog_buf_reserve(out, len + 1), len);
    if (rc == 0)
        fog_buf_added(out, len);
    return rc;
}

static void proof_body(const uint8_t exporter[32], struct fog_bytes token, uint8_t out[64])
{
    struct fog_hash h;

    memcpy(out, exporter, 32);
    fog_sha256(token, &h);
    memcpy(out + 32, h.b, 32);
}

void enrol_prove(const uint8_t seed[32], const struct fog_hash *fog_id, const uint8_t exporter[32],
                 struct fog_bytes token, struct fog_sig *out)
{
    struct fog_sign_key key;
    uint8_t body[64];

    proof_body(exporter, token, body);
    fog_sign_key_of(seed, &key);
    fog_sign(&key, FOG_SIGN_ENROLL_PROOF, fog_id, fog_bytes_of(body, sizeof body), out);
    fog_sign_key_wipe(&key);
}

int enrol_check_proof(const uint8_t box_key[32], const struct fog_hash *fog_id,
                      const uint8_t exporter[32], struct fog_bytes token, const struct fog_sig *sig)
{
    struct fog_pub pub;
    uint8_t body[64];

    memcpy(pub.b, box_key, sizeof pub.b);
    proof_body(exporter, token, body);
    return fog_sign_check(&pub, FOG_SIGN_ENROLL_PROOF, fog_id, fog_bytes_of(body, sizeof body),
                          sig);
}
