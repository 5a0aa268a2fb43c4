#include "tests/lib/folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

void folder_make(struct folder *f)
{
    snprintf(f->path, sizeof f->path, "/tmp/fog-test-XXXXXX");
    check(mkdtemp(f->path) != NULL, f->path);
}

void folder_put(const struct folder *f, const char *path, struct fog_bytes content)
{
    char full[4096];
    FILE *out;

    for (const char *p = strchr(path, '/'); p != NULL; p = strchr(p + 1, '/')) {
        snprintf(full, sizeof full, "%s/%.*s", f->path, (int)(p - path), path);
        mkdir(full, 0700);
    }
    snprintf(full, sizeof full, "%s/%s", f->path, path);
    out = fopen(full, "wb");
    check(out != NULL, full);
    check(content.len == 0 || fwrite(content.p, 1, content.len, out) == content.len, full);
    check(fclose(out) == 0, full);
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void folder_drop(struct folder *f)
{
    check(nftw(f->path, drop, 16, FTW_DEPTH | FTW_PHYS) == 0, f->path);
}
