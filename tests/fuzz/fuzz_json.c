/* JSON text of strangers: what parses is written and parses again. */
#include "core/base/assert.h"
#include "core/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fog_json_limits limits = {.bytes = 65536, .depth = 8};
    struct fog_json *j = NULL, *again = NULL;
    struct fog_buf text = {0};
    char why[80];
    uint64_t u;
    fog_u128 wide;
    uint8_t hex[8];

    if (fog_json_parse(fog_bytes_of(data, size), &limits, &j, why, sizeof why) != 0)
        return 0;
    (void)!fog_json_get_u64(j, "a.0.b", &u);
    (void)!fog_json_get_u128(j, "1", &wide);
    (void)!fog_json_get_quantity(j, "a", &wide);
    (void)!fog_json_get_hex(j, "h", hex, sizeof hex);
    fog_json_write(j, false, &text);
    FOG_ASSERT(fog_json_parse(fog_buf_bytes(&text), NULL, &again, NULL, 0) == 0);
    FOG_ASSERT(fog_json_count(j) == fog_json_count(again));
    fog_json_free(&again);
    fog_json_free(&j);
    fog_buf_fini(&text);
    return 0;
}
