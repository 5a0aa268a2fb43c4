#include "contracts/claim/grant.h"

#include <errno.h>

#include "contracts/claim/registry.h"
#include "contracts/claim/typed_data.h"
#include "core/base/rd.h"
#include "core/base/str.h"
#include "core/base/wr.h"
#include "core/crypto/hash.h"

#define WIRE_VERSION 1
#define SERIAL_AT    27

enum grant_class grant_class(const struct grant *g)
{
    if (g->flags & GRANT_FLAG_LEASE)
        return GRANT_LEASE;
    return fog_hash_is_zero(&g->anchor) ? GRANT_PASSIVE : GRANT_WITNESSED;
}

uint64_t grant_close_s(const struct grant *g)
{
    return (uint64_t)g->not_after + GRANT_CLOSE_S;
}

uint32_t grant_round(const struct grant *g)
{
    return (uint32_t)(grant_close_s(g) / GRANT_ROUND_S);
}

uint64_t grant_round_end_s(uint32_t round)
{
    return ((uint64_t)round + 1) * GRANT_ROUND_S;
}

uint32_t grant_week_of_close(uint32_t not_after, uint32_t week_length_s)
{
    return (uint32_t)(((uint64_t)not_after + GRANT_CLOSE_S) / week_length_s);
}

int grant_check_fields(const struct grant *g)
{
    bool has_anchor = !fog_hash_is_zero(&g->anchor);

    if (g->max_bytes == 0 || g->not_after <= g->not_before ||
        g->not_after - g->not_before > GRANT_LIFE_MAX_S)
        return FOG_EFORMAT;
    if (g->depth > GRANT_DEPTH_MAX || g->passive_bps > AMOUNT_BPS_ALL ||
        (g->flags & ~GRANT_FLAG_LEASE) != 0)
        return FOG_EFORMAT;
    if (has_anchor != (g->tick_bytes != 0))
        return FOG_EFORMAT;
    if (has_anchor && (g->flags & GRANT_FLAG_LEASE))
        return FOG_EFORMAT;
    return 0;
}

void grant_encode(const struct grant_signed *s, uint8_t out[GRANT_WIRE_LEN])
{
    const struct grant *g = &s->grant;
    struct fog_buf b = {0};

    fog_wr_u8(&b, WIRE_VERSION);
    fog_wr_u16(&b, g->flags);
    fog_wr_u32(&b, s->publisher_id);
    fog_wr_u32(&b, s->house_id);
    fog_wr_u32(&b, s->node_id);
    fog_wr_u32(&b, g->week);
    fog_wr_u32(&b, g->not_before);
    fog_wr_u32(&b, g->not_after - g->not_before);
    fog_wr_bytes(&b, g->serial, sizeof g->serial);
    fog_wr_bytes(&b, g->site, sizeof g->site);
    fog_wr_bytes(&b, g->scope.b, sizeof g->scope.b);
    fog_wr_u8(&b, g->depth);
    fog_wr_bytes(&b, g->anchor.b, sizeof g->anchor.b);
    fog_wr_u64(&b, g->max_bytes);
    fog_wr_u32(&b, g->tick_bytes);
    fog_wr_u16(&b, g->passive_bps);
    fog_wr_u64(&b, g->price_per_gib);
    fog_wr_bytes(&b, s->sig.b, sizeof s->sig.b);
    memcpy(out, b.data, GRANT_WIRE_LEN);
    fog_buf_fini(&b);
}

int grant_decode_fields(struct fog_bytes wire, struct grant_signed *out)
{
    struct fog_rd r = fog_rd_of(wire);
    struct grant_signed read = {0}, *s = &read;
    struct grant *g = &s->grant;
    uint32_t ttl;
    int rc;

    if (fog_rd_u8(&r) != WIRE_VERSION && r.err == 0)
        return FOG_EVERSION;
    g->flags = fog_rd_u16(&r);
    s->publisher_id = fog_rd_u32(&r);
    s->house_id = fog_rd_u32(&r);
    s->node_id = fog_rd_u32(&r);
    g->week = fog_rd_u32(&r);
    g->not_before = fog_rd_u32(&r);
    ttl = fog_rd_u32(&r);
    fog_rd_copy(&r, g->serial, sizeof g->serial);
    fog_rd_copy(&r, g->site, sizeof g->site);
    fog_rd_copy(&r, g->scope.b, sizeof g->scope.b);
    g->depth = fog_rd_u8(&r);
    fog_rd_copy(&r, g->anchor.b, sizeof g->anchor.b);
    g->max_bytes = fog_rd_u64(&r);
    g->tick_bytes = fog_rd_u32(&r);
    g->passive_bps = fog_rd_u16(&r);
    g->price_per_gib = fog_rd_u64(&r);
    fog_rd_copy(&r, s->sig.b, sizeof s->sig.b);
    if ((rc = fog_rd_done(&r)) != 0)
        return rc;
    if (ttl > UINT32_MAX - g->not_before)
        return FOG_EFORMAT;
    g->not_after = g->not_before + ttl;
    if ((rc = grant_check_fields(g)) != 0)
        return rc;
    *out = read;
    return 0;
}

int grant_decode(struct fog_bytes wire, const struct registry *reg, struct grant_signed *out)
{
    struct grant_signed s;
    int rc = grant_decode_fields(wire, &s);

    if (rc != 0)
        return rc;
    rc = registry_address(reg, REGISTRY_PUBLISHER, s.publisher_id, &s.grant.publisher);
    if (rc == 0)
        rc = registry_address(reg, REGISTRY_HOUSE, s.house_id, &s.grant.house);
    if (rc == 0)
        rc = registry_address(reg, REGISTRY_NODE, s.node_id, &s.grant.node);
    if (rc != 0)
        return rc;
    *out = s;
    return 0;
}

int grant_peek_serial(struct fog_bytes wire, uint8_t out[16])
{
    if (wire.len != GRANT_WIRE_LEN || wire.p[0] != WIRE_VERSION)
        return FOG_EFORMAT;
    memcpy(out, wire.p + SERIAL_AT, 16);
    return 0;
}

void grant_text(const uint8_t wire[GRANT_WIRE_LEN], char out[GRANT_TEXT_LEN + 1])
{
    fog_base64url_encode(wire, GRANT_WIRE_LEN, out);
}

int grant_from_text(struct fog_bytes text, uint8_t wire[GRANT_WIRE_LEN])
{
    return fog_base64url_decode(text, wire, GRANT_WIRE_LEN);
}

static bool is_whole_segment(struct fog_bytes s)
{
    if (s.len == 0 || s.len > UINT16_MAX)
        return false;
    return !fog_bytes_eq(s, fog_bytes_of(".", 1)) && !fog_bytes_eq(s, fog_bytes_of("..", 2));
}

int grant_scope(const struct fog_bytes *segments, size_t n, unsigned depth, struct fog_hash *out)
{
    uint8_t lengths[GRANT_DEPTH_MAX][2];
    struct fog_bytes parts[2 * GRANT_DEPTH_MAX];

    if (depth > n || depth > GRANT_DEPTH_MAX)
        return FOG_ERANGE;
    for (unsigned i = 0; i < depth; i++) {
        if (!is_whole_segment(segments[i]))
            return FOG_EFORMAT;
        lengths[i][0] = (uint8_t)(segments[i].len >> 8);
        lengths[i][1] = (uint8_t)segments[i].len;
        parts[2 * i] = fog_bytes_of(lengths[i], 2);
        parts[2 * i + 1] = segments[i];
    }
    fog_sha256_parts(parts, 2 * (size_t)depth, out);
    return 0;
}

int grant_allows(const struct grant *g, const struct grant_use *use)
{
    struct fog_hash scope;

    if (memcmp(g->site, use->site, sizeof g->site) != 0)
        return FOG_EADDR;
    if (use->hub_ms < (fog_time_ms)g->not_before * 1000 ||
        use->hub_ms >= (fog_time_ms)g->not_after * 1000)
        return FOG_EEXPIRED;
    if (use->any_path)
        return 0;
    if (grant_scope(use->segments, use->n_segments, g->depth, &scope) != 0 ||
        !fog_hash_eq(&scope, &g->scope))
        return FOG_EADDR;
    return 0;
}

int grant_verify(const struct grant_signed *s, const struct claim_domain *domain,
                 const struct registry *reg, struct fog_hash *digest)
{
    struct fog_ethaddr signer;
    struct fog_hash d;
    int rc;

    typed_grant(domain, &s->grant, &d);
    if ((rc = fog_secp_recover(&d, &s->sig, &signer)) != 0)
        return FOG_EVERIFY;
    if (!registry_is_signer(reg, REGISTRY_GRANT_SIGNER, &s->grant.house, &signer, s->grant.week))
        return FOG_EDENIED;
    if (digest != NULL)
        *digest = d;
    return 0;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t grant_paid_bytes(const struct grant *g, uint64_t sent, unsigned ticks)
{
    switch (grant_class(g)) {
    case GRANT_LEASE:
        return g->max_bytes;
    case GRANT_PASSIVE:
        return smaller(sent, g->max_bytes);
    case GRANT_WITNESSED:
        break;
    }
    return smaller(smaller(sent, (uint64_t)ticks * g->tick_bytes), g->max_bytes);
}

int grant_worth(const struct grant *g, uint64_t paid_bytes, uint32_t passive_bps,
                struct amount *out)
{
    struct amount full = amount_of_bytes(paid_bytes, g->price_per_gib);

    if (grant_class(g) == GRANT_WITNESSED) {
        *out = full;
        return 0;
    }
    return amount_share(out, full, passive_bps);
}
