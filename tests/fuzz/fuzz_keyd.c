/* Messages of the key process, both ways: what decodes encodes to the same bytes, and the rules
 * never crash on it. First byte chooses. */
#include "contracts/claim/keyd_rules.h"
#include "core/base/assert.h"
#include "tests/lib/memstore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void request(struct fog_bytes in)
{
    struct keyd_rules_conf conf = {.house = {{0x22}}, .node = {{0x33}}};
    struct keyd_rules *rules;
    struct memstore store;
    struct fog_buf back = {0};
    struct fog_hash digest;
    enum keyd_key key;
    struct keyd_req q;

    if (keyd_req_decode(in, &q) != 0)
        return;
    keyd_req_encode(&q, &back);
    FOG_ASSERT(fog_bytes_eq(in, fog_buf_bytes(&back)));
    fog_buf_fini(&back);
    memstore_init(&store);
    claim_domain_init(&conf.domain, 31337, &conf.house);
    conf.store = &store.port;
    rules = keyd_rules_new(&conf);
    /* What was signed once is signed again, and nothing else in its place. */
    if (keyd_rules_check(rules, ~0u, &q, &key, &digest) == 0)
        FOG_ASSERT(keyd_rules_check(rules, ~0u, &q, &key, &digest) == 0);
    FOG_ASSERT(keyd_rules_check(rules, 0, &q, &key, &digest) == FOG_EDENIED);
    keyd_rules_free(&rules);
    memstore_fini(&store);
}

static void answer(struct fog_bytes in)
{
    struct keyd_answer a;
    struct fog_buf back = {0};

    if (keyd_answer_decode(in, &a) != 0)
        return;
    keyd_answer_encode(&a, &back);
    FOG_ASSERT(fog_bytes_eq(in, fog_buf_bytes(&back)));
    fog_buf_fini(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 'a')
        answer(fog_bytes_of(data + 1, size - 1));
    else
        request(fog_bytes_of(data + 1, size - 1));
    return 0;
}
