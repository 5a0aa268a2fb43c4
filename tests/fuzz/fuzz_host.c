/* Host names as they come from TLS and HTTP. */
#include "core/base/assert.h"
#include "core/content/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fog_host h, again;
    char text[FOG_SITE_LABEL_LEN + 16];

    if (fog_host_parse(fog_bytes_of(data, size), "fog.test", &h) != 0)
        return 0;
    if (h.kind == FOG_HOST_SITE) { /* a label has one spelling */
        fog_site_label(&h.site, text);
        strcat(text, ".fog.test");
        FOG_ASSERT(fog_host_parse(fog_bytes_str(text), "fog.test", &again) == 0);
        FOG_ASSERT(memcmp(&again.site, &h.site, sizeof h.site) == 0);
    }
    return 0;
}
