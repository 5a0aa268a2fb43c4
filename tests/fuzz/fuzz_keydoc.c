/* Key documents under the fog id of the vectors; their two signatures make changed ones fail late,
 * behind all parsing. */
#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/keydoc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char hex[] = "daf0fca182521cf0245550eff2881684556ec8b7f9109ba2cc944756da20c673";
    struct fog_hash fog_id;
    struct fog_keydoc k;

    FOG_ASSERT(fog_hex_decode(fog_bytes_str(hex), fog_id.b, sizeof fog_id.b) == 0);
    if (fog_keydoc_decode(fog_bytes_of(data, size), &fog_id, &k) == 0) {
        FOG_ASSERT(k.n_keys >= 1 && k.n_keys <= FOG_RELEASE_KEYS_MAX);
        FOG_ASSERT(fog_keydoc_key_index(&k, &k.keys[k.n_keys - 1]) == (int)k.n_keys - 1);
        FOG_ASSERT(!fog_hash_is_zero(&k.publisher_id));
    }
    return 0;
}
