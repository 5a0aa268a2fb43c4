/* Grants from URLs, ticks, and the leaves of statements: what decodes encodes to the same bytes.
 * First byte chooses. */
#include "contracts/claim/ledger.h"
#include "contracts/claim/registry.h"
#include "core/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wire_form(struct fog_bytes in)
{
    static struct registry *reg;
    uint8_t back[GRANT_WIRE_LEN];
    struct grant_signed g;
    struct amount worth;

    if (reg == NULL)
        reg = registry_new();
    (void)!grant_decode(in, reg, &g);
    if (grant_decode_fields(in, &g) != 0)
        return;
    grant_encode(&g, back);
    FOG_ASSERT(fog_bytes_eq(in, fog_bytes_of(back, sizeof back)));
    FOG_ASSERT(grant_paid_bytes(&g.grant, UINT64_MAX, TICK_CHAIN) <= g.grant.max_bytes);
    (void)!grant_worth(&g.grant, g.grant.max_bytes, g.grant.passive_bps, &worth);
}

static void text_form(struct fog_bytes in)
{
    uint8_t wire[GRANT_WIRE_LEN];
    char text[GRANT_TEXT_LEN + 1];

    if (grant_from_text(in, wire) != 0)
        return;
    grant_text(wire, text);
    FOG_ASSERT(fog_bytes_eq(in, fog_bytes_str(text)));
}

static void tick(struct fog_bytes in)
{
    char text[TICK_TEXT_MAX];
    struct fog_hash w;
    unsigned i;

    if (tick_parse(in, &i, &w) != 0)
        return;
    tick_format(i, &w, text);
    FOG_ASSERT(fog_bytes_eq(in, fog_bytes_str(text)));
}

static void leaves(struct fog_bytes in)
{
    struct ledger_leaf leaf;
    size_t at = 0, before;

    do
        before = at;
    while (at < in.len && ledger_leaf_parse(in, &at, &leaf) == 0 && at > before && at <= in.len);
    FOG_ASSERT(at <= in.len);
}

static void records(struct fog_bytes in)
{
    uint8_t s_back[STATEMENT_LEN], v_back[VOUCHER_LEN];
    struct statement s;
    struct voucher v;

    if (statement_decode(in, &s) == 0) {
        statement_encode(&s, s_back);
        FOG_ASSERT(fog_bytes_eq(in, fog_bytes_of(s_back, sizeof s_back)));
    }
    if (voucher_decode(in, &v) == 0) {
        voucher_encode(&v, v_back);
        FOG_ASSERT(fog_bytes_eq(in, fog_bytes_of(v_back, sizeof v_back)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fog_bytes in;

    if (size == 0)
        return 0;
    in = fog_bytes_of(data + 1, size - 1);
    switch (data[0]) {
    case 'w':
        wire_form(in);
        break;
    case 't':
        text_form(in);
        break;
    case 'i':
        tick(in);
        break;
    case 'l':
        leaves(in);
        break;
    default:
        records(in);
        break;
    }
    return 0;
}
