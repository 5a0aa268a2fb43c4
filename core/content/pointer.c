#include "core/content/pointer.h"

#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/content/tree.h"

#define POINTER_VERSION 1
#define FRESH_VERSION   1

static int pointer_check(const struct fog_pointer *p)
{
    if (fog_site_name_check(fog_bytes_str(p->site)) != 0 ||
        (p->kind != FOG_POINTER_SITE && p->kind != FOG_POINTER_LIVE) || p->gen == 0 ||
        p->seq == 0 || p->issued_ms <= 0 || p->max_stale_s == 0)
        return FOG_EFORMAT;
    if (p->kind == FOG_POINTER_SITE && p->table.size > FOG_PAGE_MAX)
        return FOG_ELIMIT;
    return 0;
}

static void put_pointer(const struct fog_pointer *p, struct fog_buf *out)
{
    fog_wr_u8(out, POINTER_VERSION);
    fog_wr_bytes(out, p->publisher_id.b, sizeof p->publisher_id.b);
    fog_wr_str8(out, p->site);
    fog_wr_u8(out, (uint8_t)p->kind);
    fog_wr_u32(out, p->gen);
    fog_wr_u64(out, p->seq);
    fog_wr_bytes(out, p->table.id.b, sizeof p->table.id.b);
    fog_wr_u64(out, p->table.size);
    fog_wr_bytes(out, p->prev.b, sizeof p->prev.b);
    fog_wr_u64(out, (uint64_t)p->issued_ms);
    fog_wr_u32(out, p->max_stale_s);
    fog_wr_bytes(out, p->signer.b, FOG_PUB_LEN);
}

static fog_time_ms rd_time(struct fog_rd *r)
{
    uint64_t v = fog_rd_u64(r);

    if (v > INT64_MAX)
        fog_rd_fail(r, FOG_ERANGE);
    return (fog_time_ms)(v & INT64_MAX);
}

int fog_pointer_decode(struct fog_bytes in, struct fog_pointer *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct fog_pointer p = {.gen = 0};
    int rc;

    if (fog_rd_u8(&r) != POINTER_VERSION)
        fog_rd_fail(&r, FOG_EVERSION);
    fog_rd_copy(&r, p.publisher_id.b, sizeof p.publisher_id.b);
    fog_rd_str8(&r, p.site, sizeof p.site);
    p.kind = (enum fog_pointer_kind)fog_rd_u8(&r);
    p.gen = fog_rd_u32(&r);
    p.seq = fog_rd_u64(&r);
    fog_rd_copy(&r, p.table.id.b, sizeof p.table.id.b);
    p.table.size = fog_rd_u64(&r);
    fog_rd_copy(&r, p.prev.b, sizeof p.prev.b);
    p.issued_ms = rd_time(&r);
    p.max_stale_s = fog_rd_u32(&r);
    fog_rd_copy(&r, p.signer.b, FOG_PUB_LEN);
    fog_rd_copy(&r, p.sig.b, FOG_SIG_LEN);
    if ((rc = fog_rd_done(&r)) != 0 || (rc = pointer_check(&p)) != 0)
        return rc;
    *out = p;
    return 0;
}

int fog_pointer_seal(struct fog_pointer *p, const struct fog_sign_key *key,
                     const struct fog_hash *fog_id, struct fog_buf *out)
{
    struct fog_buf body = {0};
    int rc;

    p->signer = key->pub;
    if ((rc = pointer_check(p)) != 0)
        return rc;
    put_pointer(p, &body);
    fog_sign(key, FOG_SIGN_POINTER, fog_id, fog_buf_bytes(&body), &p->sig);
    fog_buf_append(out, body.data, body.len);
    fog_buf_append(out, p->sig.b, FOG_SIG_LEN);
    fog_buf_fini(&body);
    return 0;
}

void fog_pointer_id(const struct fog_pointer *p, struct fog_hash *id)
{
    struct fog_buf body = {0};

    put_pointer(p, &body);
    fog_object_id(FOG_KIND_POINTER, fog_buf_bytes(&body), id);
    fog_buf_fini(&body);
}

static int may_sign(const struct fog_pointer *p, const struct fog_keydoc *doc,
                    const struct fog_delegate *delegate, const struct fog_hash *fog_id,
                    fog_time_ms hub_ms)
{
    enum fog_right right = p->kind == FOG_POINTER_SITE ? FOG_RIGHT_SITE : FOG_RIGHT_LIVE;

    if (fog_keydoc_key_index(doc, &p->signer) >= 0)
        return 0;
    if (delegate == NULL || !fog_pub_eq(&delegate->ingress, &p->signer) ||
        !fog_delegate_covers(delegate, right, p->site))
        return FOG_EDENIED;
    return fog_delegate_verify(delegate, doc, fog_id, hub_ms);
}

int fog_pointer_verify(const struct fog_pointer *p, const struct fog_keydoc *doc,
                       const struct fog_delegate *delegate, const struct fog_hash *fog_id,
                       fog_time_ms hub_ms)
{
    struct fog_buf body = {0};
    int rc;

    if (!fog_hash_eq(&p->publisher_id, &doc->publisher_id))
        return FOG_EDENIED;
    if (p->gen != doc->gen)
        return p->gen < doc->gen ? FOG_ESTALE : FOG_EDENIED;
    if ((rc = may_sign(p, doc, delegate, fog_id, hub_ms)) != 0)
        return rc;
    put_pointer(p, &body);
    rc = fog_sign_check(&p->signer, FOG_SIGN_POINTER, fog_id, fog_buf_bytes(&body), &p->sig);
    fog_buf_fini(&body);
    return rc;
}

int fog_pointer_cmp(const struct fog_pointer *a, const struct fog_pointer *b)
{
    if (a->gen != b->gen)
        return a->gen < b->gen ? -1 : 1;
    return (a->seq > b->seq) - (a->seq < b->seq);
}

int fog_pointer_is_servable(const struct fog_pointer *p, fog_time_ms as_of_ms, fog_time_ms hub_ms)
{
    fog_time_ms known = as_of_ms > p->issued_ms ? as_of_ms : p->issued_ms;

    return hub_ms - known <= (fog_time_ms)p->max_stale_s * 1000 ? 0 : FOG_EEXPIRED;
}

static int fresh_check(const struct fog_fresh *f)
{
    return fog_site_name_check(fog_bytes_str(f->site)) != 0 || f->gen == 0 || f->seq == 0 ||
                   f->as_of_ms <= 0
               ? FOG_EFORMAT
               : 0;
}

int fog_fresh_body(const struct fog_fresh *f, struct fog_buf *out)
{
    int rc = fresh_check(f);

    if (rc != 0)
        return rc;
    fog_wr_u8(out, FRESH_VERSION);
    fog_wr_bytes(out, f->publisher_id.b, sizeof f->publisher_id.b);
    fog_wr_str8(out, f->site);
    fog_wr_u32(out, f->gen);
    fog_wr_u64(out, f->seq);
    fog_wr_u64(out, (uint64_t)f->as_of_ms);
    return 0;
}

int fog_fresh_decode(struct fog_bytes in, struct fog_fresh *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct fog_fresh f = {.gen = 0};
    int rc;

    if (fog_rd_u8(&r) != FRESH_VERSION)
        fog_rd_fail(&r, FOG_EVERSION);
    fog_rd_copy(&r, f.publisher_id.b, sizeof f.publisher_id.b);
    fog_rd_str8(&r, f.site, sizeof f.site);
    f.gen = fog_rd_u32(&r);
    f.seq = fog_rd_u64(&r);
    f.as_of_ms = rd_time(&r);
    fog_rd_copy(&r, f.sig.b, FOG_SIG_LEN);
    if ((rc = fog_rd_done(&r)) != 0 || (rc = fresh_check(&f)) != 0)
        return rc;
    *out = f;
    return 0;
}

int fog_fresh_seal(struct fog_fresh *f, const struct fog_sign_key *key,
                   const struct fog_hash *fog_id, struct fog_buf *out)
{
    struct fog_buf body = {0};
    int rc = fog_fresh_body(f, &body);

    if (rc == 0) {
        fog_sign(key, FOG_SIGN_FRESH, fog_id, fog_buf_bytes(&body), &f->sig);
        fog_buf_append(out, body.data, body.len);
        fog_buf_append(out, f->sig.b, FOG_SIG_LEN);
    }
    fog_buf_fini(&body);
    return rc;
}

int fog_fresh_verify(const struct fog_fresh *f, const struct fog_pub *hub,
                     const struct fog_hash *fog_id)
{
    struct fog_buf body = {0};
    int rc = fog_fresh_body(f, &body);

    if (rc == 0)
        rc = fog_sign_check(hub, FOG_SIGN_FRESH, fog_id, fog_buf_bytes(&body), &f->sig);
    fog_buf_fini(&body);
    return rc;
}
