#include "tests/lib/sample.h"

#include "core/base/assert.h"
#include "core/base/rng.h"
#include "core/content/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct sample sample_make(uint8_t kind, uint64_t number, size_t len)
{
    struct fog_rng_seeded state;
    struct fog_rng rng = fog_rng_seed(&state, number * 1000003 + len);
    struct sample s = {.kind = kind};

    fog_rng_fill(&rng, fog_buf_reserve(&s.body, len == 0 ? 1 : len), len);
    fog_buf_added(&s.body, len);
    fog_object_id((enum fog_kind)kind, fog_buf_bytes(&s.body), &s.id);
    if (kind == FOG_KIND_CHUNK)
        s.n_leaves = fog_chunk_leaves(fog_buf_bytes(&s.body), s.leaves);
    return s;
}

void sample_fini(struct sample *s)
{
    fog_buf_fini(&s->body);
}

struct fog_chunk_ref sample_ref(const struct sample *s)
{
    return (struct fog_chunk_ref){.id = s->id, .len = (uint32_t)s->body.len};
}

struct fog_bytes sample_leaf(const struct sample *s, unsigned i)
{
    return fog_bytes_of(s->body.data + (size_t)i * FOG_LEAF_SIZE, fog_leaf_len(s->body.len, i));
}

struct fog_hash sample_hash(uint64_t number)
{
    struct fog_rng_seeded state;
    struct fog_rng rng = fog_rng_seed(&state, ~number);
    struct fog_hash h;

    fog_rng_fill(&rng, h.b, sizeof h.b);
    return h;
}

/* Memory where there is enough of it: a busy disk would only make the tests slow. */
static const char *place_for_files(void)
{
    const char *tmp = getenv("TMPDIR");
    struct statvfs fs;

    if (tmp != NULL && strlen(tmp) < 40)
        return tmp;
    if (access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &fs) == 0 &&
        (uint64_t)fs.f_bavail * fs.f_frsize > (uint64_t)1 << 30)
        return "/dev/shm";
    return "/tmp";
}

void sample_dir_make(char *path)
{
    int n = snprintf(path, 64, "%s/fog-test-XXXXXX", place_for_files());

    FOG_ASSERT(n > 0 && n < 64 && mkdtemp(path) != NULL);
}

static void remove_files(int fd)
{
    DIR *d = fdopendir(fd);
    struct dirent *e;

    FOG_ASSERT(d != NULL);
    while ((e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(d), e->d_name, 0) != 0) {
            int sub = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (sub >= 0)
                remove_files(sub);
            (void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
        }
    }
    closedir(d);
}

void sample_dir_remove(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        remove_files(fd);
    (void)rmdir(path);
}
