/*
 * A temporary folder for one test: files by path and text, removed whole at the end.
 */
#ifndef TESTS_LIB_FOLDER_H
#define TESTS_LIB_FOLDER_H

#include "core/base/types.h"

struct folder {
    char path[64];
};

void folder_make(struct folder *f);
/* Writes a file, with the folders above it. */
void folder_put(const struct folder *f, const char *path, struct fog_bytes content);
void folder_drop(struct folder *f);

#endif
