#include "core/content/keydoc.h"

#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/content/tree.h"

#define KEYDOC_VERSION 1

/* What generation 1 binds a later one to. */
struct origin {
    struct fog_hash publisher_id;
    struct fog_pub recovery;
};

static int check(const struct fog_keydoc *k)
{
    if (k->gen == 0 || k->n_keys < 1 || k->n_keys > FOG_RELEASE_KEYS_MAX)
        return FOG_EFORMAT;
    for (unsigned i = 1; i < k->n_keys; i++) /* ascending, so that a set has one spelling */
        if (memcmp(k->keys[i - 1].b, k->keys[i].b, FOG_PUB_LEN) >= 0)
            return FOG_ECANON;
    return 0;
}

static void put_body(const struct fog_keydoc *k, struct fog_bytes first, struct fog_buf *out)
{
    fog_wr_u8(out, KEYDOC_VERSION);
    fog_wr_u32(out, k->gen);
    fog_wr_u8(out, (uint8_t)k->n_keys);
    for (unsigned i = 0; i < k->n_keys; i++)
        fog_wr_bytes(out, k->keys[i].b, FOG_PUB_LEN);
    fog_wr_bytes(out, k->recovery.b, FOG_PUB_LEN);
    fog_wr_bytes(out, k->escrow_owner, sizeof k->escrow_owner);
    fog_wr_lp16(out, first);
}

static int decode_at(struct fog_bytes in, const struct fog_hash *fog_id, bool first_only,
                     struct fog_keydoc *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct fog_keydoc k = {.gen = 0}, origin;
    struct fog_bytes first, body;
    int rc;

    if (in.len > FOG_KEYDOC_MAX)
        return FOG_ELIMIT;
    if (fog_rd_u8(&r) != KEYDOC_VERSION)
        fog_rd_fail(&r, FOG_EVERSION);
    k.gen = fog_rd_u32(&r);
    k.n_keys = fog_rd_u8(&r);
    if (k.n_keys > FOG_RELEASE_KEYS_MAX)
        fog_rd_fail(&r, FOG_ELIMIT);
    for (unsigned i = 0; r.err == 0 && i < k.n_keys; i++)
        fog_rd_copy(&r, k.keys[i].b, FOG_PUB_LEN);
    fog_rd_copy(&r, k.recovery.b, FOG_PUB_LEN);
    fog_rd_copy(&r, k.escrow_owner, sizeof k.escrow_owner);
    first = fog_rd_lp16(&r, FOG_KEYDOC_MAX);
    body = fog_bytes_of(in.p, r.err != 0 ? 0 : (size_t)(r.p - in.p));
    fog_rd_copy(&r, k.sig.b, FOG_SIG_LEN);
    if ((rc = fog_rd_done(&r)) != 0 || (rc = check(&k)) != 0)
        return rc;
    if ((k.gen == 1) != (first.len == 0) || (first_only && k.gen != 1))
        return FOG_EFORMAT;
    if (k.gen == 1) {
        fog_object_id(FOG_KIND_KEYDOC, body, &k.publisher_id);
    } else {
        if ((rc = decode_at(first, fog_id, true, &origin)) != 0)
            return rc;
        if (!fog_pub_eq(&origin.recovery, &k.recovery))
            return FOG_EVERIFY;
        k.publisher_id = origin.publisher_id;
    }
    if ((rc = fog_sign_check(&k.recovery, FOG_SIGN_KEYDOC, fog_id, body, &k.sig)) != 0)
        return rc;
    *out = k;
    return 0;
}

int fog_keydoc_decode(struct fog_bytes in, const struct fog_hash *fog_id, struct fog_keydoc *out)
{
    return decode_at(in, fog_id, false, out);
}

int fog_keydoc_seal(struct fog_keydoc *k, struct fog_bytes first,
                    const struct fog_sign_key *recovery, const struct fog_hash *fog_id,
                    struct fog_buf *out)
{
    struct fog_keydoc origin;
    struct fog_buf body = {0};
    int rc;

    k->recovery = recovery->pub;
    if ((rc = check(k)) != 0)
        return rc;
    if ((k->gen == 1) != (first.len == 0))
        return FOG_EFORMAT;
    if (k->gen > 1) {
        if ((rc = decode_at(first, fog_id, true, &origin)) != 0)
            return rc;
        if (!fog_pub_eq(&origin.recovery, &k->recovery))
            return FOG_EVERIFY;
        k->publisher_id = origin.publisher_id;
    }
    put_body(k, first, &body);
    if (k->gen == 1)
        fog_object_id(FOG_KIND_KEYDOC, fog_buf_bytes(&body), &k->publisher_id);
    fog_sign(recovery, FOG_SIGN_KEYDOC, fog_id, fog_buf_bytes(&body), &k->sig);
    fog_buf_append(out, body.data, body.len);
    fog_buf_append(out, k->sig.b, FOG_SIG_LEN);
    fog_buf_fini(&body);
    return 0;
}

int fog_keydoc_key_index(const struct fog_keydoc *k, const struct fog_pub *key)
{
    for (unsigned i = 0; i < k->n_keys; i++)
        if (fog_pub_eq(&k->keys[i], key))
            return (int)i;
    return -1;
}
