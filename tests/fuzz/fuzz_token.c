/* Enrolment tokens, genesis and hub sets: what decodes encodes to the same bytes. First byte
 * chooses. */
#include "core/base/assert.h"
#include "core/base/wr.h"
#include "router/enrol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void token(struct fog_bytes in)
{
    struct enrol_token t;
    struct fog_buf b = {0};

    if (enrol_token_decode(in, &t) == 0) {
        FOG_ASSERT(enrol_token_body(&t, &b) == 0);
        fog_wr_bytes(&b, t.sig.b, sizeof t.sig.b);
        FOG_ASSERT(fog_bytes_eq(fog_buf_bytes(&b), in));
    }
    fog_buf_clear(&b);
    (void)!enrol_token_from_text(in, &b);
    fog_buf_fini(&b);
}

static void sets(struct fog_bytes in)
{
    struct genesis g;
    struct hubset s;
    struct fog_buf b = {0};

    if (genesis_decode(in, &g, NULL) == 0) {
        FOG_ASSERT(genesis_encode(&g, &b) == 0 && fog_bytes_eq(fog_buf_bytes(&b), in));
        fog_buf_clear(&b);
    }
    if (hubset_decode(in, &s) == 0)
        FOG_ASSERT(hubset_encode(&s, &b) == 0 && fog_bytes_eq(fog_buf_bytes(&b), in));
    fog_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        token(fog_bytes_of(data + 1, size - 1));
    else
        sets(fog_bytes_of(data + 1, size - 1));
    return 0;
}
