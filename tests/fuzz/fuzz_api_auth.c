/* Authorization fields of the publisher API. */
#include "core/base/assert.h"
#include "core/content/api_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fog_api_auth a;

    if (fog_api_auth_parse(fog_bytes_of(data, size), &a) == 0)
        FOG_ASSERT(a.key_index < FOG_RELEASE_KEYS_MAX && size >= 4 + 64 + 128);
    return 0;
}
