/* The quota as the file system sees it. Counters keep the objects inside usable_bytes; what the
 * engine adds (log, dead extents) is measured now and then, and reclaimed before it can reach the
 * wall. */
#include "storage/store.h"

#include "core/obs/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <sys/statvfs.h>

#define FREE_MIN_BYTES ((uint64_t)16 << 20) /* of the file system, left to its other users */

static void set_health(struct storage *st, enum storage_health from, enum storage_health to)
{
    int expected = (int)from;

    if (!atomic_compare_exchange_strong(&st->health, &expected, (int)to))
        return;
    if (to == STORAGE_DISK_FULL)
        fog_unusual("storage.disk_full", "dir=%s note=\"reads go on, puts wait for room\"",
                    st->dir);
    else
        fog_info("storage.disk_room", "dir=%s", st->dir);
}

static int check_file_system(struct storage *st, uint64_t need)
{
    struct statvfs fs;
    uint64_t room;

    if (statvfs(st->dir, &fs) != 0)
        return -errno;
    room = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (room < 2 * need + FREE_MIN_BYTES + st->engine_bytes / 4) {
        set_health(st, STORAGE_HEALTHY, STORAGE_DISK_FULL);
        return -ENOSPC;
    }
    set_health(st, STORAGE_DISK_FULL, STORAGE_HEALTHY);
    return 0;
}

/* Near the wall: dead tables go; when that is not enough, the log goes to its tables too. */
static int make_room(struct storage *st, uint64_t need, uint64_t limit)
{
    uint64_t disk;
    int rc;

    for (int tries = 0; tries < 4; tries++) {
        if ((rc = kv_disk_bytes(st->kv, &disk)) != 0)
            return rc;
        /* the second look only wants the wall itself */
        if (disk + need <= (tries == 0 ? limit : st->cfg.quota_bytes))
            return 0;
        if (tries > 0 && (rc = kv_flush(st->kv)) != 0)
            return rc;
        if ((rc = reclaim(st, disk + need - limit + limit / 64, true)) != 0)
            return rc;
    }
    fog_unusual("storage.over_quota", "disk_bytes=%" PRIu64 " quota_bytes=%" PRIu64, disk,
                st->cfg.quota_bytes);
    return FOG_EBUSY; /* measured again at the next put */
}

int space_check(struct storage *st, uint64_t need)
{
    uint64_t step = st->cfg.quota_bytes / 256;
    int rc;

    if (st->dir == NULL)
        return 0;
    if ((rc = check_file_system(st, need)) != 0)
        return rc;
    if (step < st->engine_bytes / 8)
        step = st->engine_bytes / 8;
    if (st->since_watch_bytes < step)
        return 0;
    if ((rc = make_room(st, need, st->cfg.quota_bytes - st->engine_bytes / 2)) != 0)
        return rc;
    if (st->dead_bytes > st->cfg.quota_bytes / 16 && (rc = reclaim(st, UINT64_MAX, false)) != 0)
        return rc;
    st->since_watch_bytes = 0;
    return 0;
}
