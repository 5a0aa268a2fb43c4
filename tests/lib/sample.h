/*
 * Repeatable content for tests of the store: a chunk (or other object) is its number and length.
 */
#ifndef FOG_TESTS_SAMPLE_H
#define FOG_TESTS_SAMPLE_H

#include "core/base/buf.h"
#include "core/content/leaf.h"

struct sample {
    uint8_t kind;
    struct fog_hash id;
    struct fog_buf body;
    struct fog_hash leaves[FOG_CHUNK_LEAVES]; /* of a chunk */
    unsigned n_leaves;
};

/* Incompressible bytes that depend on (number, len) alone; named by their hash. */
struct sample sample_make(uint8_t kind, uint64_t number, size_t len);
void sample_fini(struct sample *s);

struct fog_chunk_ref sample_ref(const struct sample *s);
struct fog_bytes sample_leaf(const struct sample *s, unsigned i);

struct fog_hash sample_hash(uint64_t number);

/* An empty directory under $TMPDIR, else /dev/shm or /tmp; `path` holds 64 bytes. */
void sample_dir_make(char *path);
/* Removes it with the files in it (one level of folders). */
void sample_dir_remove(const char *path);

#endif
