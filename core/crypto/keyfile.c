#include "core/crypto/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/str.h"
#include "core/crypto/rng_system.h"

static int read_exactly(int fd, uint8_t *out, size_t len)
{
    size_t got = 0;
    uint8_t extra;

    while (got < len) {
        ssize_t n = read(fd, out + got, len - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return FOG_EFORMAT;
        got += (size_t)n;
    }
    return read(fd, &extra, 1) == 0 ? 0 : FOG_EFORMAT;
}

static int write_all(int fd, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0 ? 0 : -errno;
}

int fog_keyfile_read(const char *path, void *out, size_t len)
{
    struct stat st;
    int rc, fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return errno == ELOOP ? FOG_EDENIED : -errno;
    if (fstat(fd, &st) != 0)
        rc = -errno;
    else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
        rc = FOG_EDENIED;
    else if ((rc = read_exactly(fd, out, len)) != 0)
        fog_wipe(out, len);
    close(fd);
    return rc;
}

/* The entry of a new name is durable only when its folder is. */
static int sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int rc, fd;

    if (slash == NULL)
        slash = path;
    if (!fog_strcpy(folder, sizeof folder, fog_bytes_of(path, (size_t)(slash - path))))
        return -ENAMETOOLONG;
    if (folder[0] == '\0')
        fog_strcpy(folder, sizeof folder, fog_bytes_str(path[0] == '/' ? "/" : "."));
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    rc = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return rc;
}

int fog_keyfile_write(const char *path, const void *in, size_t len, bool replace)
{
    struct fog_rng rng = fog_rng_system();
    char tmp[PATH_MAX];
    int rc, fd;

    if (snprintf(tmp, sizeof tmp, "%s.%016llx", path, (unsigned long long)fog_rng_u64(&rng)) >=
        (int)sizeof tmp)
        return -ENAMETOOLONG;
    fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    /* the umask may only take rights away, but 0400 from it would break the next writer */
    rc = fchmod(fd, 0600) == 0 ? write_all(fd, in, len) : -errno;
    close(fd);
    if (rc == 0 && replace)
        rc = rename(tmp, path) == 0 ? 0 : -errno;
    else if (rc == 0)
        rc = link(tmp, path) == 0 ? 0 : -errno; /* unlike rename, fails when the name is taken */
    if (rc != 0 || !replace)
        unlink(tmp);
    return rc != 0 ? rc : sync_folder_of(path);
}

int fog_keyfile_ensure(const char *path, struct fog_rng *rng, void *out, size_t len, bool *created)
{
    int rc = fog_keyfile_read(path, out, len);

    if (created != NULL)
        *created = false;
    if (rc != -ENOENT)
        return rc;
    fog_rng_fill(rng, out, len);
    rc = fog_keyfile_write(path, out, len, false);
    if (rc == -EEXIST) /* somebody else was faster: his key counts */
        return fog_keyfile_read(path, out, len);
    if (rc != 0)
        fog_wipe(out, len);
    else if (created != NULL)
        *created = true;
    return rc;
}
