#include "contracts/claim/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contracts/claim/store_table.h"
#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/crypto/hash.h"
#include "core/obs/log.h"

#define FILE_MAGIC    0x73746669
#define FILE_MAX      ((off_t)256 << 20)
#define HEAD          "fogstor1"
#define HEAD_LEN      8
#define RECORD_HEAD   (4 + 4 + 8) /* length, its complement, first bytes of the body's SHA-256 */
#define RECORD_MAX    ((size_t)64 << 20)
#define SLACK_BYTES   ((size_t)1 << 20) /* dead bytes that are not worth a rewrite */
#define DELETES       1
#define KEY_MAX_BYTES 4096

struct store_file {
    uint32_t magic;
    int fd;
    off_t size;  /* of what is known to be whole */
    bool broken; /* a write failed and could not be taken back: nothing more is accepted */
    char path[PATH_MAX];
    struct store_table table;
    struct claim_store port;
};

static int write_all(int fd, const uint8_t *p, size_t len, off_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        p += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int read_whole(int fd, struct fog_buf *out)
{
    for (;;) {
        ssize_t n = pread(fd, fog_buf_reserve(out, 65536), 65536, (off_t)out->len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        fog_buf_added(out, (size_t)n);
        if (out->len > (size_t)FILE_MAX)
            return FOG_ELIMIT;
    }
}

static void put_record(struct fog_buf *out, const struct fog_buf *body)
{
    struct fog_hash h;

    fog_sha256(fog_buf_bytes(body), &h);
    fog_wr_u32(out, (uint32_t)body->len);
    fog_wr_u32(out, ~(uint32_t)body->len);
    fog_wr_bytes(out, h.b, 8);
    fog_wr_bytes(out, body->data, body->len);
}

static void put_write(struct fog_buf *body, const struct claim_write *w)
{
    FOG_ASSERT(w->key.len != 0 && w->key.len <= KEY_MAX_BYTES);
    fog_wr_u8(body, w->value.p == NULL ? DELETES : 0);
    fog_wr_lp16(body, w->key);
    fog_wr_lp32(body, w->value); /* nothing for a deletion */
}

static int replay_body(struct store_table *t, struct fog_bytes body)
{
    struct fog_rd r = fog_rd_of(body);

    while (fog_rd_left(&r) > 0) {
        uint8_t flags = fog_rd_u8(&r);
        struct fog_bytes key = fog_rd_lp16(&r, KEY_MAX_BYTES);
        struct fog_bytes value = fog_rd_lp32(&r, RECORD_MAX);

        if (r.err != 0 || flags > DELETES || key.len == 0)
            return FOG_ECORRUPT;
        if (flags & DELETES)
            store_table_del(t, key);
        else
            store_table_set(t, key, value);
    }
    return fog_rd_done(&r) != 0 ? FOG_ECORRUPT : 0;
}

/* Replays the log; *good is where the whole records end. */
static int replay(struct store_table *t, struct fog_bytes file, size_t *good)
{
    size_t at = HEAD_LEN;

    if (file.len < HEAD_LEN || memcmp(file.p, HEAD, HEAD_LEN) != 0)
        return FOG_ECORRUPT;
    while (at < file.len) {
        struct fog_rd r = fog_rd_of(fog_bytes_of(file.p + at, file.len - at));
        uint32_t len = fog_rd_u32(&r), complement = fog_rd_u32(&r);
        struct fog_bytes sum = fog_rd_take(&r, 8), body;
        struct fog_hash h;
        int rc;

        if (r.err == 0 && len != ~complement)
            return FOG_ECORRUPT;
        body = fog_rd_take(&r, len);
        if (r.err != 0)
            break; /* cut off: the end of the last append is missing */
        fog_sha256(body, &h);
        if (memcmp(h.b, sum.p, 8) != 0) {
            if (fog_rd_left(&r) != 0)
                return FOG_ECORRUPT;
            break;
        }
        if ((rc = replay_body(t, body)) != 0)
            return rc;
        at += RECORD_HEAD + len;
    }
    *good = at;
    return 0;
}

static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    int fd, rc;

    if (slash == NULL || slash == path)
        snprintf(folder, sizeof folder, "%s", slash == NULL ? "." : "/");
    else
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    rc = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return rc;
}

static int put_row(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct claim_write w = {.key = key, .value = value};

    put_write(arg, &w);
    return 0;
}

/* A new file with one record that holds everything, put in place of the old one. */
static int rewrite(struct store_file *f)
{
    struct fog_buf body = {0}, file = {0};
    char temp[PATH_MAX + 8];
    int fd, rc;

    snprintf(temp, sizeof temp, "%s.new", f->path);
    fog_wr_bytes(&file, HEAD, HEAD_LEN);
    rc = store_table_scan(&f->table, (struct fog_bytes){0}, put_row, &body);
    FOG_ASSERT(rc == 0);
    if (body.len != 0)
        put_record(&file, &body);
    fd = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        rc = -errno;
        goto out;
    }
    if ((rc = write_all(fd, file.data, file.len, 0)) != 0)
        goto out;
    if (fsync(fd) != 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || rename(temp, f->path) != 0) {
        rc = -errno;
        goto out;
    }
    if ((rc = sync_folder(f->path)) != 0)
        goto out;
    close(f->fd);
    f->fd = fd;
    f->size = (off_t)file.len;
    fd = -1;
out:
    if (fd >= 0)
        close(fd);
    fog_buf_fini(&body);
    fog_buf_fini(&file);
    return rc;
}

static int port_get(void *arg, struct fog_bytes key, struct fog_buf *out)
{
    struct store_file *f = FOG_CAST(store_file, FILE_MAGIC, arg);
    struct fog_bytes value;

    if (!store_table_get(&f->table, key, &value))
        return -ENOENT;
    fog_buf_append(out, value.p, value.len);
    return 0;
}

/* Takes a failed append back, so that the next one does not stand behind a torn record. */
static void take_back(struct store_file *f, int rc)
{
    if (ftruncate(f->fd, f->size) == 0)
        return;
    f->broken = true;
    fog_broken("claim.store", "path=%s error=\"%s\": closed after a failed write", f->path,
               fog_strerror(rc));
}

static int port_apply(void *arg, const struct claim_write *writes, size_t n,
                      const struct claim_guard *guard, bool durable)
{
    struct store_file *f = FOG_CAST(store_file, FILE_MAGIC, arg);
    struct fog_buf body = {0}, record = {0};
    int rc = 0;

    if (f->broken)
        return -EIO;
    if (!store_table_guard_holds(&f->table, guard))
        return FOG_ESTALE;
    for (size_t i = 0; i < n; i++)
        put_write(&body, &writes[i]);
    if (body.len > RECORD_MAX || f->size + (off_t)(body.len + RECORD_HEAD) > FILE_MAX) {
        rc = FOG_ELIMIT;
        goto out;
    }
    put_record(&record, &body);
    rc = write_all(f->fd, record.data, record.len, f->size);
    if (rc == 0 && durable && fdatasync(f->fd) != 0)
        rc = -errno;
    if (rc != 0) {
        take_back(f, rc);
        goto out;
    }
    f->size += (off_t)record.len;
    store_table_apply(&f->table, writes, n);
out:
    fog_buf_fini(&body);
    fog_buf_fini(&record);
    return rc;
}

static int port_scan(void *arg, struct fog_bytes prefix,
                     int (*on_row)(void *row_arg, struct fog_bytes key, struct fog_bytes value),
                     void *row_arg)
{
    struct store_file *f = FOG_CAST(store_file, FILE_MAGIC, arg);

    return store_table_scan(&f->table, prefix, on_row, row_arg);
}

static int load(struct store_file *f)
{
    struct fog_buf file = {0};
    size_t good = 0;
    int rc;

    if ((rc = read_whole(f->fd, &file)) != 0)
        goto out;
    if (file.len < HEAD_LEN &&
        memcmp(HEAD, file.len == 0 ? (const uint8_t *)"" : file.data, file.len) == 0) {
        rc = rewrite(f); /* new, or its creation was cut off */
        goto out;
    }
    if ((rc = replay(&f->table, fog_buf_bytes(&file), &good)) != 0)
        goto out;
    f->size = (off_t)good;
    if (good < file.len) {
        fog_unusual("claim.store", "path=%s dropped=%zu: cut off by a crash", f->path,
                    file.len - good);
        if (ftruncate(f->fd, f->size) != 0 || fsync(f->fd) != 0)
            rc = -errno;
    }
    if (rc == 0 && good > 2 * f->table.bytes + SLACK_BYTES)
        rc = rewrite(f);
out:
    fog_buf_fini(&file);
    return rc;
}

int store_file_open(const char *path, struct store_file **out)
{
    struct store_file *f;
    int rc;

    if (strlen(path) >= PATH_MAX - 8)
        return -ENAMETOOLONG;
    f = FOG_NEW(store_file);
    f->magic = FILE_MAGIC;
    snprintf(f->path, sizeof f->path, "%s", path);
    f->port =
        (struct claim_store){.arg = f, .get = port_get, .apply = port_apply, .scan = port_scan};
    f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    rc = f->fd < 0 ? -errno : 0;
    if (rc == 0 && flock(f->fd, LOCK_EX | LOCK_NB) != 0)
        rc = -errno;
    if (rc == 0)
        rc = load(f);
    if (rc != 0) {
        store_file_close(&f);
        return rc;
    }
    *out = f;
    return 0;
}

void store_file_close(struct store_file **fp)
{
    struct store_file *f = *fp;

    *fp = NULL;
    if (f == NULL)
        return;
    FOG_ASSERT(f->magic == FILE_MAGIC);
    if (f->fd >= 0)
        close(f->fd);
    store_table_fini(&f->table);
    f->magic = 0;
    free(f);
}

const struct claim_store *store_file_port(struct store_file *f)
{
    return &f->port;
}
