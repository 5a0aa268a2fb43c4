/* Raw URL paths: what is accepted is canonical and survives a round trip. */
#include "core/base/assert.h"
#include "core/content/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fog_path p, again;
    struct fog_buf url = {0};

    if (fog_path_from_url(fog_bytes_of(data, size), &p) != 0 || p.len == 0)
        return 0;
    FOG_ASSERT(fog_path_check(fog_bytes_of(p.text, p.len)) == 0);
    fog_buf_append_str(&url, "/");
    fog_path_to_url(fog_bytes_of(p.text, p.len), &url);
    FOG_ASSERT(fog_path_from_url(fog_buf_bytes(&url), &again) == 0);
    FOG_ASSERT(fog_bytes_eq(fog_bytes_of(p.text, p.len), fog_bytes_of(again.text, again.len)));
    fog_buf_fini(&url);
    return 0;
}
