/* Vectors shared with other languages: a JSON file of the source tree. The test fails when it is
 * missing. */
#ifndef FOG_TESTS_LIB_VECTORS_H
#define FOG_TESTS_LIB_VECTORS_H

#include "core/json/json.h"

/* `path` from the top of the tree; the caller frees. */
struct fog_json *vectors_load(const char *path);

/* Values that must be there. */
fog_u128 vectors_number(const struct fog_json *j, const char *path);
void vectors_hex(const struct fog_json *j, const char *path, void *out, size_t len);

#endif
