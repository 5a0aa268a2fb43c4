/*
 * Vector files of lines "name hex" (core/content/vectors/content.txt). Ends the test when a name is
 * missing.
 */
#ifndef TESTS_LIB_HEXVEC_H
#define TESTS_LIB_HEXVEC_H

#include "core/base/buf.h"

/* Opens the file at a path below the source folder; ends the program when it cannot. */
void hexvec_open(const char *path);
void hexvec_close(void);

/* The bytes of a name; valid until hexvec_close. */
struct fog_bytes vector(const char *name);

/* Bytes that must be 32 long. */
struct fog_hash vector_hash(const char *name);

/* The deterministic bytes that the tree vectors are made over: block j of 32 bytes is
 * SHA-256("fogbank vector" ‖ u64 j). Appended. */
void vector_data(size_t size, struct fog_buf *out);

#endif
