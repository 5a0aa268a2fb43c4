/* A pointer that decodes has one encoding (up to signer and signature, which are made anew). */
#include "core/base/assert.h"
#include "core/content/pointer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[32] = {1};
    struct fog_hash fog_id = {{0}};
    struct fog_buf again = {0};
    struct fog_sign_key key;
    struct fog_pointer x;

    if (fog_pointer_decode(fog_bytes_of(data, size), &x) != 0)
        return 0;
    fog_sign_key_of(seed, &key);
    FOG_ASSERT(fog_pointer_seal(&x, &key, &fog_id, &again) == 0);
    FOG_ASSERT(again.len == size &&
               memcmp(again.data, data, size - FOG_PUB_LEN - FOG_SIG_LEN) == 0);
    fog_buf_fini(&again);
    return 0;
}
