#include "cli/slot.h"

#include "cli/hls.h"
#include "core/base/wr.h"
#include "core/content/media.h"
#include "core/content/names.h"
#include "core/crypto/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct assign {
    struct scan *s;
    bool *done;                     /* per file: listed by a playlist */
    struct fog_bytes *folder_of;    /* per file: folder of the master playlist that names it */
    size_t playlist;                /* being read */
    struct fog_bytes stream_folder; /* of the playlist being read */
};

static struct fog_bytes folder(const char *path)
{
    const char *slash = strrchr(path, '/');

    return fog_bytes_of(path, slash == NULL ? 0 : (size_t)(slash - path));
}

static uint32_t slot_hash(const char *what, const struct fog_bytes *text, const uint32_t *number)
{
    struct fog_buf b = {0};
    struct fog_hash h;

    fog_buf_append_str(&b, what);
    fog_wr_lp16(&b, *text);
    if (number != NULL)
        fog_wr_u32(&b, *number);
    fog_sha256(fog_buf_bytes(&b), &h);
    fog_buf_fini(&b);
    return (uint32_t)h.b[0] << 24 | (uint32_t)h.b[1] << 16 | (uint32_t)h.b[2] << 8 | h.b[3];
}

static bool is_hls(const struct scan_file *f)
{
    return strcmp(fog_media_type(fog_bytes_str(f->path)), "application/vnd.apple.mpegurl") == 0;
}

static int read_whole(const struct scan *s, size_t i, struct fog_buf *out)
{
    int fd, rc;

    if (s->files[i].size > SLOT_PLAYLIST_MAX)
        return FOG_ELIMIT;
    if ((fd = scan_file_open(s, i)) < 0)
        return fd;
    rc = scan_read(fd, 0, (size_t)s->files[i].size, out);
    close(fd);
    return rc;
}

static int on_master_uri(enum hls_kind kind, struct fog_bytes target, uint64_t start_ms, void *arg)
{
    struct assign *a = arg;
    long i = scan_find(a->s, target);

    (void)start_ms;
    if (kind == HLS_PLAYLIST && i >= 0)
        a->folder_of[i] = folder(a->s->files[a->playlist].path);
    return 0;
}

static int on_media_uri(enum hls_kind kind, struct fog_bytes target, uint64_t start_ms, void *arg)
{
    struct assign *a = arg;
    uint32_t window = kind == HLS_SETUP ? 0 : (uint32_t)(start_ms / SLOT_STREAM_MS);
    long i = scan_find(a->s, target);

    if (i < 0 || a->done[i] || kind == HLS_PLAYLIST)
        return 0;
    a->done[i] = true;
    a->s->files[i].slot = slot_hash("stream", &a->stream_folder, &window);
    return 0;
}

/* Reads every playlist of one kind: masters first, so that renditions know their common folder. */
static int read_playlists(struct assign *a, bool masters)
{
    struct fog_buf text = {0};
    unsigned line = 0;
    int rc = 0;

    for (size_t i = 0; i < a->s->n && rc == 0; i++) {
        const struct scan_file *f = &a->s->files[i];

        if (!is_hls(f))
            continue;
        fog_buf_clear(&text);
        line = 0;
        rc = read_whole(a->s, i, &text);
        a->playlist = i;
        a->stream_folder = a->folder_of[i].p != NULL ? a->folder_of[i] : folder(f->path);
        if (rc == 0 && hls_is_master(fog_buf_bytes(&text)) == masters)
            rc = hls_read(fog_buf_bytes(&text), fog_bytes_str(f->path),
                          masters ? on_master_uri : on_media_uri, a, &line);
        if (rc != 0)
            snprintf(a->s->problem, sizeof a->s->problem, "%s, line %u: %s", f->path, line,
                     rc == FOG_EADDR     ? "URI must be relative to the playlist"
                     : rc == FOG_EFORMAT ? "not a playlist"
                                         : fog_strerror(rc));
    }
    fog_buf_fini(&text);
    return rc;
}

static bool cuts_before(const char *path)
{
    struct fog_hash h;

    fog_sha256_parts((struct fog_bytes[]){fog_bytes_str("group"), fog_bytes_str(path)}, 2, &h);
    return h.b[0] == 0;
}

static void assign_files(struct assign *a)
{
    uint64_t group_bytes = 0;
    uint32_t slot = 0;
    bool open = false;

    for (size_t i = 0; i < a->s->n; i++) {
        struct scan_file *f = &a->s->files[i];
        struct fog_bytes path = fog_bytes_str(f->path);

        if (a->done[i])
            continue;
        if (f->size > FOG_SLOT_WINDOW) {
            f->slot = slot_hash("large", &path, NULL);
            continue;
        }
        if (!open || group_bytes + f->size > FOG_SLOT_WINDOW || cuts_before(f->path)) {
            slot = slot_hash("files", &path, NULL);
            group_bytes = 0;
            open = true;
        }
        group_bytes += f->size;
        f->slot = slot;
    }
}

int slot_assign(struct scan *s)
{
    struct assign a = {.s = s};
    int rc = -ENOMEM;

    a.done = calloc(s->n + 1, sizeof *a.done);
    a.folder_of = calloc(s->n + 1, sizeof *a.folder_of);
    if (a.done != NULL && a.folder_of != NULL && (rc = read_playlists(&a, true)) == 0 &&
        (rc = read_playlists(&a, false)) == 0)
        assign_files(&a);
    free(a.done);
    free(a.folder_of);
    return rc;
}

long slot_entry_playlist(const struct scan *s)
{
    long best = -1;
    bool best_master = false;

    for (size_t i = 0; i < s->n; i++) {
        struct fog_buf text = {0};
        bool master;

        if (is_hls(&s->files[i]) && read_whole(s, i, &text) == 0) {
            master = hls_is_master(fog_buf_bytes(&text));
            if (best < 0 || (master && !best_master) ||
                (master == best_master && strlen(s->files[i].path) < strlen(s->files[best].path))) {
                best = (long)i;
                best_master = master;
            }
        }
        fog_buf_fini(&text);
    }
    for (size_t i = 0; best < 0 && i < s->n; i++) /* DASH */
        if (fog_media_is_playlist(fog_media_type(fog_bytes_str(s->files[i].path))))
            best = (long)i;
    return best;
}
