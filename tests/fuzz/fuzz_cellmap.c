/* Cell maps and liveness from the wire. */
#include "core/base/assert.h"
#include "router/cellmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hubset hubs = {0};
    struct fog_hash fog_id = {{0}};
    struct fog_buf b = {0};
    struct cellmap *m, *live;

    if (cellmap_decode_unsigned(fog_bytes_of(data, size), &m) == 0) {
        struct fog_hash self = m->self;
        cellmap_body(m, &b);
        FOG_ASSERT(b.len <= size && memcmp(b.data, data, b.len) == 0 &&
                   fog_hash_eq(&self, &m->self));
        if (cellmap_with_live(m, fog_bytes_of(data, size), &hubs, &fog_id, &live) == 0)
            cellmap_unref(&live);
        cellmap_unref(&m);
    }
    hubs.t = 1;
    /* a map without signers never passes */
    FOG_ASSERT(cellmap_decode(fog_bytes_of(data, size), &hubs, &fog_id, &m) != 0);
    fog_buf_fini(&b);
    return 0;
}
