/* A manifest that decodes has exactly one encoding. */
#include "core/base/assert.h"
#include "core/content/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fog_buf again = {0};
    struct fog_manifest m;

    if (fog_manifest_decode(fog_bytes_of(data, size), &m) != 0)
        return 0;
    FOG_ASSERT(fog_manifest_encode(&m, &again) == 0);
    FOG_ASSERT(fog_bytes_eq(fog_buf_bytes(&again), fog_bytes_of(data, size)));
    fog_buf_fini(&again);
    fog_manifest_fini(&m);
    return 0;
}
