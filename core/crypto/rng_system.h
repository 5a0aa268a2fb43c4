/*
 * The system's random generator as a fog_rng: good for keys, thread-safe. Logic takes a fog_rng as
 * an argument; only processes and tools call this.
 */
#ifndef FOG_CRYPTO_RNG_SYSTEM_H
#define FOG_CRYPTO_RNG_SYSTEM_H

#include "core/base/rng.h"

struct fog_rng fog_rng_system(void);

/* Overwrites secrets so that the compiler may not leave it out. */
void fog_wipe(void *p, size_t len);

#endif
