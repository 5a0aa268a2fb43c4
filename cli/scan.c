#include "cli/scan.h"

#include "core/base/assert.h"
#include "core/content/leaf.h"
#include "core/content/release.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 64

static int problem(struct scan *s, int rc, const char *path)
{
    snprintf(s->problem, sizeof s->problem, "%.1024s: %s", path, fog_strerror(rc));
    return rc;
}

static int add_file(struct scan *s, const char *path, uint64_t size)
{
    struct scan_file *f;
    int rc = fog_path_check(fog_bytes_str(path));

    if (rc != 0)
        return problem(s, rc, path);
    if (size > FOG_OBJECT_MAX || s->n == FOG_RELEASE_ENTRIES_MAX)
        return problem(s, FOG_ELIMIT, path);
    if ((s->n & (s->n - 1)) == 0) { /* full at every power of two */
        f = realloc(s->files, (s->n == 0 ? 1 : s->n * 2) * sizeof *f);
        if (f == NULL)
            return problem(s, -ENOMEM, path);
        s->files = f;
    }
    s->files[s->n++] = (struct scan_file){.path = fog_strdup(path), .size = size};
    s->bytes += size;
    return 0;
}

static bool is_left_out(const char *name, bool top)
{
    if (name[0] == '.')
        return strcmp(name, ".well-known") != 0;
    return top && (strcmp(name, "_headers") == 0 || strcmp(name, "_redirects") == 0);
}

static int scan_folder(struct scan *s, int at, const char *name, const char *prefix,
                       unsigned depth);

static int scan_name(struct scan *s, int dir, const char *name, const char *prefix, unsigned depth)
{
    char path[FOG_PATH_MAX + 300];
    struct stat st;

    snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] == '\0' ? "" : "/", name);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return problem(s, -errno, path);
    if (S_ISDIR(st.st_mode))
        return scan_folder(s, dir, name, path, depth + 1);
    if (S_ISREG(st.st_mode))
        return add_file(s, path, (uint64_t)st.st_size);
    s->skipped++;
    return 0;
}

/* NULL at the end with errno 0; the stream is ours alone. */
static struct dirent *next_name(DIR *d)
{
    errno = 0;
    return readdir(d); /* NOLINT(concurrency-mt-unsafe) */
}

static int scan_folder(struct scan *s, int at, const char *name, const char *prefix, unsigned depth)
{
    int fd, rc = 0;
    struct dirent *e;
    DIR *d;

    if (depth > DEPTH_MAX || strlen(prefix) > FOG_PATH_MAX)
        return problem(s, FOG_ELIMIT, prefix);
    fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth == 0 ? 0 : O_NOFOLLOW));
    if (fd < 0)
        return problem(s, -errno, prefix[0] == '\0' ? name : prefix);
    if ((d = fdopendir(fd)) == NULL) {
        close(fd);
        return problem(s, -ENOMEM, prefix);
    }
    while (rc == 0 && (e = next_name(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (is_left_out(e->d_name, depth == 0))
            s->skipped++;
        else
            rc = scan_name(s, fd, e->d_name, prefix, depth);
    }
    if (rc == 0 && errno != 0)
        rc = problem(s, -errno, prefix);
    closedir(d);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    const struct scan_file *x = a, *y = b;

    return fog_release_path_cmp(fog_bytes_str(x->path), fog_bytes_str(y->path));
}

int scan_open(const char *path, struct scan *out)
{
    struct stat st;
    const char *name;
    int rc;

    *out = (struct scan){.root = fog_strdup(path)};
    if (stat(path, &st) != 0)
        return problem(out, -errno, path);
    if (S_ISDIR(st.st_mode)) {
        rc = scan_folder(out, AT_FDCWD, path, "", 0);
    } else if (S_ISREG(st.st_mode)) {
        name = strrchr(path, '/');
        out->single = true;
        rc = add_file(out, name == NULL ? path : name + 1, (uint64_t)st.st_size);
    } else {
        rc = problem(out, FOG_EFORMAT, path);
    }
    if (rc == 0 && out->n > 1)
        qsort(out->files, out->n, sizeof *out->files, by_path);
    return rc;
}

void scan_fini(struct scan *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->files[i].path);
    free(s->files);
    free(s->root);
    *s = (struct scan){.n = 0};
}

int scan_file_open(const struct scan *s, size_t index)
{
    char path[PATH_MAX];
    int fd, n;

    if (s->single)
        n = snprintf(path, sizeof path, "%s", s->root);
    else
        n = snprintf(path, sizeof path, "%s/%s", s->root, s->files[index].path);
    if (n < 0 || (size_t)n >= sizeof path)
        return -ENAMETOOLONG;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int scan_read(int fd, uint64_t offset, size_t len, struct fog_buf *out)
{
    uint8_t *p = fog_buf_reserve(out, len);
    size_t got = 0;

    while (got < len) {
        ssize_t n = pread(fd, p + got, len - got, (off_t)(offset + got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return FOG_ETRUNC;
        got += (size_t)n;
    }
    fog_buf_added(out, len);
    return 0;
}

long scan_find(const struct scan *s, struct fog_bytes path)
{
    size_t lo = 0, hi = s->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = fog_release_path_cmp(fog_bytes_str(s->files[mid].path), path);

        if (c == 0)
            return (long)mid;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return -1;
}
