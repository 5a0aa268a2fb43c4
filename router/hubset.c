#include "router/hubset.h"

#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/crypto/hash.h"

#include <errno.h>

unsigned hubset_t_of(unsigned n)
{
    return n <= 2 ? n : n / 2 + 1;
}

static int check_form(const struct hubset *s)
{
    if (s->version == 0 || s->n == 0 || s->n > HUBSET_INSTANCES_MAX || s->t != hubset_t_of(s->n))
        return FOG_ERANGE;
    if ((s->version == 1) != fog_hash_is_zero(&s->prev))
        return FOG_ECANON;
    for (unsigned i = 1; i < s->n; i++)
        if (memcmp(s->instances[i - 1].key, s->instances[i].key, 32) >= 0)
            return FOG_ECANON;
    return 0;
}

static void read_instance(struct fog_rd *r, struct hubset_instance *i)
{
    char text[FOG_ADDR_TEXT_MAX], again[FOG_ADDR_TEXT_MAX];

    fog_rd_copy(r, i->key, sizeof i->key);
    fog_rd_copy(r, i->map_key.b, sizeof i->map_key.b);
    fog_rd_copy(r, i->house, sizeof i->house);
    fog_rd_copy(r, i->anchor.b, sizeof i->anchor.b);
    i->n_addrs = fog_rd_u8(r);
    if (i->n_addrs == 0 || i->n_addrs > HUBSET_ADDRS_MAX)
        fog_rd_fail(r, FOG_ELIMIT);
    for (unsigned a = 0; a < i->n_addrs && r->err == 0; a++) {
        fog_rd_str8(r, text, sizeof text);
        if (r->err != 0 || fog_addr_parse(text, &i->addrs[a]) != 0) {
            fog_rd_fail(r, FOG_EFORMAT);
            return;
        }
        fog_addr_format(&i->addrs[a], again);
        if (strcmp(text, again) != 0)
            fog_rd_fail(r, FOG_ECANON);
    }
}

int hubset_decode(struct fog_bytes in, struct hubset *out)
{
    struct fog_rd r = fog_rd_of(in);
    int rc;

    if (in.len > HUBSET_MAX)
        return FOG_ELIMIT;
    memset(out, 0, sizeof *out);
    out->version = fog_rd_u32(&r);
    fog_rd_copy(&r, out->prev.b, sizeof out->prev.b);
    out->t = fog_rd_u8(&r);
    out->n = fog_rd_u8(&r);
    if (out->n > HUBSET_INSTANCES_MAX)
        return FOG_ELIMIT;
    for (unsigned i = 0; i < out->n && r.err == 0; i++)
        read_instance(&r, &out->instances[i]);
    if (r.err != 0)
        return r.err;
    fog_sha256(fog_bytes_of(in.p, (size_t)(r.p - in.p)), &out->id);
    out->n_sigs = fog_rd_u8(&r);
    if (out->n_sigs > HUBSET_SIGS_MAX)
        return FOG_ELIMIT;
    for (unsigned i = 0; i < out->n_sigs; i++) {
        fog_rd_copy(&r, out->sigs[i].signer.b, FOG_PUB_LEN);
        fog_rd_copy(&r, out->sigs[i].sig.b, FOG_SIG_LEN);
        if (i > 0 && memcmp(out->sigs[i - 1].signer.b, out->sigs[i].signer.b, FOG_PUB_LEN) >= 0)
            fog_rd_fail(&r, FOG_ECANON);
    }
    if ((rc = fog_rd_done(&r)) != 0)
        return rc;
    return check_form(out);
}

int hubset_body(struct hubset *s, struct fog_buf *out)
{
    size_t from = out->len;
    int rc = check_form(s);

    if (rc != 0)
        return rc;
    fog_wr_u32(out, s->version);
    fog_wr_bytes(out, s->prev.b, sizeof s->prev.b);
    fog_wr_u8(out, (uint8_t)s->t);
    fog_wr_u8(out, (uint8_t)s->n);
    for (unsigned i = 0; i < s->n; i++) {
        const struct hubset_instance *h = &s->instances[i];
        fog_wr_bytes(out, h->key, sizeof h->key);
        fog_wr_bytes(out, h->map_key.b, sizeof h->map_key.b);
        fog_wr_bytes(out, h->house, sizeof h->house);
        fog_wr_bytes(out, h->anchor.b, sizeof h->anchor.b);
        if (h->n_addrs == 0 || h->n_addrs > HUBSET_ADDRS_MAX)
            return FOG_ERANGE;
        fog_wr_u8(out, (uint8_t)h->n_addrs);
        for (unsigned a = 0; a < h->n_addrs; a++) {
            char text[FOG_ADDR_TEXT_MAX];
            fog_addr_format(&h->addrs[a], text);
            fog_wr_str8(out, text);
        }
    }
    fog_sha256(fog_bytes_of(out->data + from, out->len - from), &s->id);
    return 0;
}

int hubset_add_sig(struct hubset *s, const struct fog_pub *signer, const struct fog_sig *sig)
{
    unsigned at = 0;

    if (s->n_sigs == HUBSET_SIGS_MAX)
        return FOG_ELIMIT;
    while (at < s->n_sigs && memcmp(s->sigs[at].signer.b, signer->b, FOG_PUB_LEN) < 0)
        at++;
    if (at < s->n_sigs && fog_pub_eq(&s->sigs[at].signer, signer))
        return -EEXIST;
    memmove(&s->sigs[at + 1], &s->sigs[at], (s->n_sigs - at) * sizeof s->sigs[0]);
    s->sigs[at].signer = *signer;
    s->sigs[at].sig = *sig;
    s->n_sigs++;
    return 0;
}

int hubset_encode(struct hubset *s, struct fog_buf *out)
{
    int rc = hubset_body(s, out);

    if (rc != 0)
        return rc;
    fog_wr_u8(out, (uint8_t)s->n_sigs);
    for (unsigned i = 0; i < s->n_sigs; i++) {
        fog_wr_bytes(out, s->sigs[i].signer.b, FOG_PUB_LEN);
        fog_wr_bytes(out, s->sigs[i].sig.b, FOG_SIG_LEN);
    }
    return 0;
}

static bool is_root(const struct genesis *g, const struct fog_pub *key)
{
    for (unsigned i = 0; i < g->n_roots; i++)
        if (fog_pub_eq(&g->roots[i], key))
            return true;
    return false;
}

int hubset_check(const struct hubset *next, const struct hubset *prev, const struct genesis *g,
                 const struct fog_hash *fog_id)
{
    unsigned by_root = 0, by_prev = 0;
    struct fog_buf body = {0};
    struct hubset copy = *next;
    bool follows;
    int rc;

    if (prev != NULL && next->version <= prev->version)
        return FOG_ESTALE;
    if ((rc = hubset_body(&copy, &body)) != 0)
        goto out;
    /* Signers ascend without repeats (decode), so each counts once. */
    for (unsigned i = 0; i < next->n_sigs; i++) {
        bool root = is_root(g, &next->sigs[i].signer);
        bool inst = prev != NULL && hubset_by_map_key(prev, &next->sigs[i].signer) != NULL;
        if ((!root && !inst) || fog_sign_check(&next->sigs[i].signer, FOG_SIGN_HUBSET, fog_id,
                                               fog_buf_bytes(&body), &next->sigs[i].sig) != 0)
            continue;
        by_root += root;
        by_prev += inst;
    }
    follows = prev != NULL && by_prev >= prev->t && next->version == prev->version + 1 &&
              fog_hash_eq(&next->prev, &prev->id);
    rc = by_root >= g->root_k || follows ? 0 : FOG_EVERIFY;
out:
    fog_buf_fini(&body);
    return rc;
}

const struct hubset_instance *hubset_by_key(const struct hubset *s, const uint8_t key[32])
{
    for (unsigned i = 0; i < s->n; i++)
        if (memcmp(s->instances[i].key, key, 32) == 0)
            return &s->instances[i];
    return NULL;
}

const struct hubset_instance *hubset_by_map_key(const struct hubset *s, const struct fog_pub *key)
{
    for (unsigned i = 0; i < s->n; i++)
        if (fog_pub_eq(&s->instances[i].map_key, key))
            return &s->instances[i];
    return NULL;
}
