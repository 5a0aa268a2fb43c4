#include "core/content/api_auth.h"

#include "core/base/str.h"
#include "core/base/wr.h"

#include <inttypes.h>

static void put_body(const struct fog_api_request *r, uint64_t unix_s, struct fog_buf *out)
{
    fog_wr_lp8(out, r->method);
    fog_wr_lp16(out, r->target);
    fog_wr_u64(out, unix_s);
    fog_wr_bytes(out, r->body_hash.b, sizeof r->body_hash.b);
}

void fog_api_auth_write(const struct fog_api_request *r, const struct fog_hash *publisher_id,
                        uint64_t unix_s, uint32_t key_index, const struct fog_sign_key *key,
                        const struct fog_hash *fog_id, struct fog_buf *out)
{
    char id[FOG_HEX_LEN(32) + 1], sig[FOG_HEX_LEN(FOG_SIG_LEN) + 1];
    struct fog_buf body = {0};
    struct fog_sig s;

    put_body(r, unix_s, &body);
    fog_sign(key, FOG_SIGN_API, fog_id, fog_buf_bytes(&body), &s);
    fog_hex_encode(publisher_id->b, sizeof publisher_id->b, id);
    fog_hex_encode(s.b, sizeof s.b, sig);
    fog_buf_printf(out, "Fog %s.%" PRIu64 ".%" PRIu32 ".%s", id, unix_s, key_index, sig);
    fog_buf_fini(&body);
}

/* The text up to the next '.', which is dropped. */
static struct fog_bytes part(struct fog_bytes *rest)
{
    const uint8_t *dot = rest->len == 0 ? NULL : memchr(rest->p, '.', rest->len);
    size_t len = dot == NULL ? rest->len : (size_t)(dot - rest->p);
    struct fog_bytes out = fog_bytes_of(rest->p, len);

    *rest = dot == NULL ? fog_bytes_of(NULL, 0) : fog_bytes_of(dot + 1, rest->len - len - 1);
    return out;
}

int fog_api_auth_parse(struct fog_bytes value, struct fog_api_auth *out)
{
    struct fog_api_auth a = {.unix_s = 0};
    uint64_t index;

    if (value.len < 4 || memcmp(value.p, "Fog ", 4) != 0)
        return FOG_EFORMAT;
    value = fog_bytes_of(value.p + 4, value.len - 4);
    if (fog_hex_decode(part(&value), a.publisher_id.b, sizeof a.publisher_id.b) != 0 ||
        fog_parse_u64(part(&value), INT64_MAX, &a.unix_s) != 0 ||
        fog_parse_u64(part(&value), FOG_RELEASE_KEYS_MAX - 1, &index) != 0 ||
        fog_hex_decode(value, a.sig.b, sizeof a.sig.b) != 0)
        return FOG_EFORMAT;
    a.key_index = (uint32_t)index;
    *out = a;
    return 0;
}

int fog_api_auth_verify(const struct fog_api_auth *a, const struct fog_api_request *r,
                        const struct fog_keydoc *doc, const struct fog_hash *fog_id, uint64_t hub_s)
{
    struct fog_buf body = {0};
    int rc;

    if (!fog_hash_eq(&a->publisher_id, &doc->publisher_id) || a->key_index >= doc->n_keys ||
        r->method.len > UINT8_MAX || r->target.len > UINT16_MAX)
        return FOG_EDENIED;
    if (a->unix_s + FOG_API_SKEW_S < hub_s || hub_s + FOG_API_SKEW_S < a->unix_s)
        return FOG_EEXPIRED;
    put_body(r, a->unix_s, &body);
    rc = fog_sign_check(&doc->keys[a->key_index], FOG_SIGN_API, fog_id, fog_buf_bytes(&body),
                        &a->sig);
    fog_buf_fini(&body);
    return rc;
}
