/*
 * The files of a folder, in the order of a release. Reads folders and file states, no contents.
 */
#ifndef CLI_SCAN_H
#define CLI_SCAN_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/types.h"

struct scan_file {
    char *path; /* canonical path in the release */
    uint64_t size;
    uint32_t slot; /* filled by slot_assign */
};

struct scan {
    char *root; /* folder; the file itself when `single` */
    bool single;
    struct scan_file *files; /* ascending by path */
    size_t n;
    uint64_t bytes;
    unsigned skipped;   /* hidden names, links, devices */
    char problem[1200]; /* what was wrong with which file, after an error */
};

/* A folder, or one file (its path is its name). Names with a leading dot are left out, except
 * .well-known; so are _headers and _redirects at the top (not content). Links and devices are
 * counted in `skipped`. -ENOENT and the like, FOG_EFORMAT (a name that no release can hold),
 * FOG_ELIMIT (too many or too large). The caller calls scan_fini in any case. */
int scan_open(const char *path, struct scan *out) FOG_MUST_CHECK;
void scan_fini(struct scan *s);

/* Opens a file for reading; a descriptor or a negative error. */
int scan_file_open(const struct scan *s, size_t index) FOG_MUST_CHECK;

/* Reads exactly len bytes at an offset, appended. FOG_ETRUNC when the file is shorter. */
int scan_read(int fd, uint64_t offset, size_t len, struct fog_buf *out) FOG_MUST_CHECK;

/* Index of a path, or -1. */
long scan_find(const struct scan *s, struct fog_bytes path);

#endif
