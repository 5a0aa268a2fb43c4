#include "core/content/delegate.h"

#include "core/base/rd.h"
#include "core/base/wr.h"

#define DELEGATE_VERSION 1

/* A prefix of a possible site name; empty covers all. */
static bool prefix_is_good(const char *prefix)
{
    size_t len = strlen(prefix);

    if (len == 0)
        return true;
    if (prefix[len - 1] == '-')
        len--; /* "live-" is a fine prefix, though no name ends so */
    return len > 0 && fog_site_name_check(fog_bytes_of(prefix, len)) == 0;
}

static int check(const struct fog_delegate *d)
{
    if (d->rights == 0 || (d->rights & ~FOG_RIGHTS_ALL) != 0 || !prefix_is_good(d->site_prefix) ||
        d->gen == 0 || d->not_after_ms <= 0)
        return FOG_EFORMAT;
    return 0;
}

static void put_body(const struct fog_delegate *d, struct fog_buf *out)
{
    fog_wr_u8(out, DELEGATE_VERSION);
    fog_wr_bytes(out, d->publisher_id.b, sizeof d->publisher_id.b);
    fog_wr_bytes(out, d->ingress.b, FOG_PUB_LEN);
    fog_wr_str8(out, d->site_prefix);
    fog_wr_u16(out, d->rights);
    fog_wr_u32(out, d->gen);
    fog_wr_u64(out, (uint64_t)d->not_after_ms);
    fog_wr_bytes(out, d->signer.b, FOG_PUB_LEN);
}

int fog_delegate_decode(struct fog_bytes in, struct fog_delegate *out)
{
    struct fog_rd r = fog_rd_of(in);
    struct fog_delegate d = {.rights = 0};
    uint64_t not_after;
    int rc;

    if (fog_rd_u8(&r) != DELEGATE_VERSION)
        fog_rd_fail(&r, FOG_EVERSION);
    fog_rd_copy(&r, d.publisher_id.b, sizeof d.publisher_id.b);
    fog_rd_copy(&r, d.ingress.b, FOG_PUB_LEN);
    fog_rd_str8(&r, d.site_prefix, sizeof d.site_prefix);
    d.rights = fog_rd_u16(&r);
    d.gen = fog_rd_u32(&r);
    not_after = fog_rd_u64(&r);
    if (not_after > INT64_MAX)
        fog_rd_fail(&r, FOG_ERANGE);
    d.not_after_ms = (fog_time_ms)(not_after & INT64_MAX);
    fog_rd_copy(&r, d.signer.b, FOG_PUB_LEN);
    fog_rd_copy(&r, d.sig.b, FOG_SIG_LEN);
    if ((rc = fog_rd_done(&r)) != 0 || (rc = check(&d)) != 0)
        return rc;
    *out = d;
    return 0;
}

int fog_delegate_seal(struct fog_delegate *d, const struct fog_sign_key *release,
                      const struct fog_hash *fog_id, struct fog_buf *out)
{
    struct fog_buf body = {0};
    int rc;

    d->signer = release->pub;
    if ((rc = check(d)) != 0)
        return rc;
    put_body(d, &body);
    fog_sign(release, FOG_SIGN_DELEGATE, fog_id, fog_buf_bytes(&body), &d->sig);
    fog_buf_append(out, body.data, body.len);
    fog_buf_append(out, d->sig.b, FOG_SIG_LEN);
    fog_buf_fini(&body);
    return 0;
}

int fog_delegate_verify(const struct fog_delegate *d, const struct fog_keydoc *doc,
                        const struct fog_hash *fog_id, fog_time_ms hub_ms)
{
    struct fog_buf body = {0};
    int rc;

    if (!fog_hash_eq(&d->publisher_id, &doc->publisher_id))
        return FOG_EDENIED;
    if (d->gen != doc->gen) /* a new document ends all delegations of the old one */
        return d->gen < doc->gen ? FOG_ESTALE : FOG_EDENIED;
    if (fog_keydoc_key_index(doc, &d->signer) < 0)
        return FOG_EDENIED;
    put_body(d, &body);
    rc = fog_sign_check(&d->signer, FOG_SIGN_DELEGATE, fog_id, fog_buf_bytes(&body), &d->sig);
    fog_buf_fini(&body);
    if (rc == 0 && hub_ms > d->not_after_ms)
        rc = FOG_EEXPIRED;
    return rc;
}

bool fog_delegate_covers(const struct fog_delegate *d, enum fog_right right, const char *site)
{
    return (d->rights & right) != 0 && strncmp(site, d->site_prefix, strlen(d->site_prefix)) == 0;
}
