/* Lease frames and messages: bytes from a stranger in arbitrary pieces. First byte: size of the
 * pieces. */
#include "core/base/assert.h"
#include "core/wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fog_frame_reader r = {0};
    struct fog_frame f;
    struct fog_buf out = {0};
    size_t piece;
    int rc = 0;

    if (size == 0)
        return 0;
    piece = (size_t)data[0] + 1;
    for (size_t at = 1; at < size && rc >= 0; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        if (fog_frame_feed(&r, fog_bytes_of(data + at, n)) != 0)
            break;
        while ((rc = fog_frame_next(&r, &f)) == 1) {
            fog_buf_clear(&out);
            if (fog_wire_recode(f.type, f.body, &out) == 0)
                FOG_ASSERT(
                    fog_bytes_eq(fog_buf_bytes(&out), f.body)); /* one encoding per message */
        }
    }
    fog_buf_fini(&out);
    fog_frame_reader_fini(&r);
    return 0;
}
