/* Records as a damaged disk may give them: the first byte chooses the decoder. What is accepted is
 * canonical: encoding it again gives the same bytes. */
#include "core/base/assert.h"
#include "storage/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_meta(struct fog_bytes in)
{
    struct fog_buf again = {0};
    struct fog_bytes body;
    struct meta m;

    if (meta_decode(in, &m, &body) != 0)
        return;
    FOG_ASSERT(body.len == (m.place == 0 ? m.len : 0));
    FOG_ASSERT(schema_extents(m.len) <= 4 && meta_charge(&m) > m.len);
    meta_encode(&m, &again);
    fog_buf_append(&again, body.p, body.len);
    FOG_ASSERT(fog_bytes_eq(fog_buf_bytes(&again), in));
    fog_buf_fini(&again);
}

static void try_totals(struct fog_bytes in)
{
    struct fog_buf again = {0};
    struct totals t;

    if (totals_decode(in, &t) != 0)
        return;
    totals_encode(&t, &again);
    FOG_ASSERT(fog_bytes_eq(fog_buf_bytes(&again), in));
    fog_buf_fini(&again);
}

static void try_publisher(struct fog_bytes in)
{
    struct fog_buf again = {0};
    struct publisher_row p;

    if (publisher_row_decode(in, &p) != 0)
        return;
    publisher_row_encode(&p, &again);
    FOG_ASSERT(fog_bytes_eq(fog_buf_bytes(&again), in));
    fog_buf_fini(&again);
}

static void try_extent(struct fog_bytes in)
{
    const struct fog_hash *leaves;
    struct fog_bytes bytes;
    unsigned n = in.len == 0 ? 0 : in.p[in.len - 1] % (FOG_CHUNK_LEAVES + 1);
    size_t list = n * sizeof(struct fog_hash) + 1;
    uint32_t want = in.len < list ? 0 : (uint32_t)(in.len - list);

    if (schema_extent_split(in, want, n, &bytes, &leaves) != 0)
        return;
    FOG_ASSERT(bytes.p == in.p && bytes.len + list == in.len);
    FOG_ASSERT((n == 0) == (leaves == NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fog_bytes in = fog_bytes_of(data + (size != 0), size == 0 ? 0 : size - 1);

    if (size == 0)
        return 0;
    switch (data[0] % 4) {
    case 0:
        try_meta(in);
        break;
    case 1:
        try_totals(in);
        break;
    case 2:
        try_publisher(in);
        break;
    default:
        try_extent(in);
        break;
    }
    return 0;
}
