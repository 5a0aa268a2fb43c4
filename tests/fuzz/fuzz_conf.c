/* Configuration text: parse, check, dump, parse again. */
#include "core/base/assert.h"
#include "node/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fog_buf error = {0}, text = {0}, again = {0};
    struct node_conf c = {0}, d = {0};

    /* ${NAME} would read the fuzzer's environment. */
    if (memchr(data, '$', size) == NULL &&
        fog_conf_parse(&node_conf_schema, "f", fog_bytes_of(data, size), &c, &error) == 0) {
        fog_conf_dump(&node_conf_schema, &c, &text);
        FOG_ASSERT(fog_conf_parse(&node_conf_schema, "dump", fog_buf_bytes(&text), &d, &error) ==
                   0);
        fog_conf_dump(&node_conf_schema, &d, &again);
        FOG_ASSERT(fog_bytes_eq(fog_buf_bytes(&text), fog_buf_bytes(&again)));
        if (node_conf_check(&c, "f", &error) != 0)
            FOG_ASSERT(error.len > 0);
    }
    node_conf_fini(&c);
    node_conf_fini(&d);
    fog_buf_fini(&error);
    fog_buf_fini(&text);
    fog_buf_fini(&again);
    return 0;
}
