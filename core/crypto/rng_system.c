#include "core/crypto/rng_system.h"

#include <sodium.h>

#include "core/base/assert.h"

static void system_fill(void *state, void *out, size_t len)
{
    (void)state;
    randombytes_buf(out, len);
}

struct fog_rng fog_rng_system(void)
{
    FOG_ASSERT(sodium_init() >= 0);
    return (struct fog_rng){.fill = system_fill};
}

void fog_wipe(void *p, size_t len)
{
    sodium_memzero(p, len);
}
