#include "router/genesis.h"

#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/crypto/hash.h"

static const char head[] = "fogbank genesis";

static bool zone_is_fine(const char *z)
{
    size_t n = strlen(z);

    if (n == 0 || z[0] == '.' || z[n - 1] == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!(z[i] >= 'a' && z[i] <= 'z') && !(z[i] >= '0' && z[i] <= '9') && z[i] != '-' &&
            z[i] != '.')
            return false;
    return true;
}

static int check(const struct genesis *g)
{
    if (!zone_is_fine(g->zone) || g->copies < 1 || g->copies > 16)
        return FOG_ERANGE;
    if (g->n_roots < 1 || g->n_roots > GENESIS_ROOTS_MAX || g->root_k < 1 || g->root_k > g->n_roots)
        return FOG_ERANGE;
    for (unsigned i = 1; i < g->n_roots; i++)
        if (memcmp(g->roots[i - 1].b, g->roots[i].b, FOG_PUB_LEN) >= 0)
            return FOG_ECANON;
    return 0;
}

int genesis_decode(struct fog_bytes in, struct genesis *out, struct fog_hash *fog_id)
{
    struct fog_rd r = fog_rd_of(in);
    struct genesis g = {0};
    struct fog_bytes got;
    int rc;

    if (in.len > GENESIS_MAX)
        return FOG_ELIMIT;
    got = fog_rd_take(&r, sizeof head - 1);
    if (!fog_bytes_eq(got, fog_bytes_str(head)))
        return FOG_EFORMAT;
    if (fog_rd_u8(&r) != 1)
        return r.err != 0 ? r.err : FOG_EVERSION;
    fog_rd_str8(&r, g.zone, sizeof g.zone);
    g.chain_id = fog_rd_u64(&r);
    fog_rd_copy(&r, g.settlement, sizeof g.settlement);
    g.created_ms = (fog_time_ms)fog_rd_u64(&r);
    g.copies = fog_rd_u8(&r);
    g.root_k = fog_rd_u8(&r);
    g.n_roots = fog_rd_u8(&r);
    if (g.n_roots > GENESIS_ROOTS_MAX)
        return FOG_ELIMIT;
    for (unsigned i = 0; i < g.n_roots; i++)
        fog_rd_copy(&r, g.roots[i].b, FOG_PUB_LEN);
    if ((rc = fog_rd_done(&r)) != 0 || (rc = check(&g)) != 0)
        return rc;
    *out = g;
    if (fog_id != NULL)
        fog_sha256(in, fog_id);
    return 0;
}

int genesis_encode(const struct genesis *g, struct fog_buf *out)
{
    int rc = check(g);

    if (rc != 0)
        return rc;
    fog_buf_append_str(out, head);
    fog_wr_u8(out, 1);
    fog_wr_str8(out, g->zone);
    fog_wr_u64(out, g->chain_id);
    fog_wr_bytes(out, g->settlement, sizeof g->settlement);
    fog_wr_u64(out, (uint64_t)g->created_ms);
    fog_wr_u8(out, (uint8_t)g->copies);
    fog_wr_u8(out, (uint8_t)g->root_k);
    fog_wr_u8(out, (uint8_t)g->n_roots);
    for (unsigned i = 0; i < g->n_roots; i++)
        fog_wr_bytes(out, g->roots[i].b, FOG_PUB_LEN);
    return 0;
}
