/* `fogd store stat|check`: the store explained on a terminal. */
#include "storage/store.h"

#include "core/base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

static int open_existing(const char *dir, uint64_t quota_bytes, struct storage **out)
{
    struct storage_config cfg = {.dir = dir, .quota_bytes = quota_bytes};
    struct stat st;
    int rc;

    if (stat(dir, &st) != 0)
        rc = -ENOENT;
    else
        rc = storage_open(&cfg, out);
    if (rc == FOG_EBUSY)
        (void)fprintf(stderr, "store: %s is in use: stop fogd first\n", dir);
    else if (rc != 0)
        (void)fprintf(stderr, "store: cannot open %s: %s\n", dir, fog_strerror(rc));
    return rc;
}

static void print_size(const char *what, uint64_t bytes)
{
    char text[16];

    fog_format_size(bytes, text);
    (void)printf("%-20s %s (%" PRIu64 " bytes)\n", what, text, bytes);
}

int storage_tool_stat(const char *dir, uint64_t quota_bytes)
{
    struct storage_stat s;
    struct storage *st;
    uint64_t disk = 0;

    if (open_existing(dir, quota_bytes, &st) != 0)
        return 1;
    storage_stat(st, &s);
    print_size("quota", s.quota_bytes);
    print_size("usable for objects", s.usable_bytes);
    print_size("used by objects", s.charged_bytes);
    print_size("pinned of it", s.pinned_bytes);
    if (kv_disk_bytes(st->kv, &disk) == 0)
        print_size("on disk now", disk);
    for (unsigned k = 1; k < STORAGE_KINDS; k++)
        (void)printf("%-20s %" PRIu64 " objects, %" PRIu64 " bytes\n", fog_kind_name(k),
                     s.objects[k], s.bytes[k]);
    storage_close(&st);
    return 0;
}

int storage_tool_check(const char *dir, uint64_t quota_bytes)
{
    struct fog_buf report = {0};
    struct storage *st;
    int rc;

    if (open_existing(dir, quota_bytes, &st) != 0)
        return 1;
    rc = storage_check(st, &report);
    if (report.len != 0)
        (void)fputs(fog_buf_cstr(&report), stdout);
    (void)printf("%s: %s\n", dir, rc == 0 ? "everything is whole" : "damaged, see above");
    fog_buf_fini(&report);
    storage_close(&st);
    return rc == 0 ? 0 : 1;
}
