/*
 * kill -9 of a process that writes to a store, at random points: whatever it had reported as
 * acknowledged must be there afterwards, bytes verified, and all counters must equal a walk.
 *
 *   store_crash [ROUNDS [SEED]]        default 5 rounds, seed from the clock (printed)
 *
 * The child is this program again (a fresh process, as after a real crash). It reports through a
 * pipe, each report a struct in one write, after the store has acknowledged; before it takes a
 * guarantee back (unpin) it says so first.
 */
#include "core/base/rng.h"
#include "core/base/str.h"
#include "core/obs/log.h"
#include "storage/store.h"
#include "tests/lib/sample.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define QUOTA        ((uint64_t)64 << 20)
#define RECENT_BYTES ((uint64_t)12 << 20) /* so many of the last bytes cannot have been evicted */
#define PINNED_MAX   16
#define CHUNKS_MAX   200000

enum what { CHUNK = 1, PINNED, UNPINNING, POINTER, LEDGER, READY };

struct report {
    uint32_t what;
    uint32_t n;
    uint32_t slot;
};

/* What the parent knows to be acknowledged, and where the next child goes on. */
struct model {
    uint32_t next_chunk;        /* not tried yet */
    uint32_t acked[CHUNKS_MAX]; /* chunk numbers in the order of their acknowledgement */
    uint32_t n_acked;
    uint32_t pinned[PINNED_MAX]; /* numbers; 0: free */
    uint32_t pointer, ledger;    /* highest acknowledged */
    uint64_t reports;
    uint64_t most_on_disk;
};

static const struct fog_hash pointer_name = {{9}};

static size_t size_of_chunk(uint32_t n)
{
    return n % 7 == 0 ? n % 2000 : (size_t)(n * 2654435761u % 400000) + 1;
}

static struct fog_hash owner_of_slot(uint32_t slot)
{
    return sample_hash(1000 + slot);
}

_Noreturn static void fail(const char *what, uint32_t n, int rc)
{
    (void)fprintf(stderr, "store_crash: %s n=%u rc=%s\n", what, n, fog_errname(rc));
    _exit(1);
}

static void check(const char *what, uint32_t n, int rc)
{
    if (rc != 0)
        fail(what, n, rc);
}

/* ---- the child ---- */

struct child {
    struct storage *st;
    int fd;
    uint32_t next_chunk, pointer, ledger;
};

static void tell(const struct child *c, enum what what, uint32_t n, uint32_t slot)
{
    struct report r = {.what = (uint32_t)what, .n = n, .slot = slot};

    if (write(c->fd, &r, sizeof r) != sizeof r)
        _exit(3); /* the parent is gone */
}

static void put_chunk(struct child *c, struct fog_rng *rng)
{
    uint32_t n = c->next_chunk++;
    struct sample s = sample_make(FOG_KIND_CHUNK, n, size_of_chunk(n));
    struct storage_attr attr = {.publisher = sample_hash(n % 5), .pg = sample_hash(n % 9)};
    struct storage_ref ref = {.id = s.id, .kind = s.kind};

    check("put", n, storage_put_sync(c->st, s.kind, &s.id, fog_buf_bytes(&s.body), &attr, false));
    tell(c, CHUNK, n, 0);
    if (fog_rng_below(rng, 4) == 0) {
        uint32_t slot = (uint32_t)fog_rng_below(rng, PINNED_MAX);
        struct fog_hash owner = owner_of_slot(slot);
        tell(c, UNPINNING, 0, slot);
        check("pin", n, storage_pin_exact(c->st, &owner, 1, &ref, 1, false));
        tell(c, PINNED, n, slot);
    }
    sample_fini(&s);
}

static void put_pointer(struct child *c)
{
    char body[32];

    (void)snprintf(body, sizeof body, "%u", ++c->pointer);
    check("pointer", c->pointer,
          storage_put_named_sync(c->st, FOG_KIND_POINTER, &pointer_name, 1, c->pointer,
                                 fog_bytes_str(body), NULL, false));
    tell(c, POINTER, c->pointer, 0);
}

/* Two keys in two spaces, always equal. */
static void put_ledger(struct child *c)
{
    struct storage_batch *b = storage_batch_new(c->st);
    uint32_t n = ++c->ledger;

    storage_batch_put(b, storage_ns(c->st, "ledger"), fog_bytes_str("n"),
                      fog_bytes_of(&n, sizeof n));
    storage_batch_put(b, storage_ns(c->st, "node"), fog_bytes_str("n"), fog_bytes_of(&n, sizeof n));
    check("ledger", n, storage_batch_commit(&b, false));
    tell(c, LEDGER, n, 0);
}

/* A second writer: commits of the ledger share the log with those of objects. */
static void *ledger_thread(void *arg)
{
    for (;;)
        put_ledger(arg);
    return NULL;
}

static int run_child(char **argv)
{
    struct storage_config cfg = {.dir = argv[2], .quota_bytes = QUOTA};
    struct child c = {.fd = STDOUT_FILENO};
    struct fog_rng_seeded rs;
    struct fog_rng rng = fog_rng_seed(&rs, strtoull(argv[3], NULL, 10));
    pthread_t thread;

    c.next_chunk = (uint32_t)strtoul(argv[4], NULL, 10);
    c.pointer = (uint32_t)strtoul(argv[5], NULL, 10);
    c.ledger = (uint32_t)strtoul(argv[6], NULL, 10);
    fog_log_setup(FOG_LOG_UNUSUAL, "child");
    check("open", 0, storage_open(&cfg, &c.st));
    tell(&c, READY, 0, 0);
    if (pthread_create(&thread, NULL, ledger_thread, &c) != 0)
        return 1;
    for (;;) {
        put_chunk(&c, &rng);
        if (fog_rng_below(&rng, 3) == 0)
            put_pointer(&c);
        if (fog_rng_below(&rng, 20) == 0)
            check("expire", 0, storage_expire(c.st, 1, 1));
    }
}

/* ---- the parent ---- */

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static pid_t start_child(const char *dir, uint64_t seed, const struct model *m, int *fd)
{
    char args[4][32];
    char *argv[] = {"store_crash", "--child", (char *)dir, args[0],
                    args[1],       args[2],   args[3],     NULL};
    posix_spawn_file_actions_t actions;
    int p[2];
    pid_t pid;

    if (pipe2(p, O_CLOEXEC) != 0)
        fail("pipe", 0, -errno);
    (void)snprintf(args[0], sizeof args[0], "%" PRIu64, seed);
    (void)snprintf(args[1], sizeof args[1], "%u", m->next_chunk);
    /* what was not acknowledged may be there all the same: the next one is above it */
    (void)snprintf(args[2], sizeof args[2], "%u", m->pointer + 1);
    (void)snprintf(args[3], sizeof args[3], "%u", m->ledger + 1);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, p[1], STDOUT_FILENO);
    if (posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ) != 0)
        fail("spawn", 0, -errno);
    posix_spawn_file_actions_destroy(&actions);
    close(p[1]);
    *fd = p[0];
    return pid;
}

static void note(struct model *m, const struct report *r)
{
    m->reports++;
    switch ((enum what)r->what) {
    case CHUNK:
        if (m->n_acked == CHUNKS_MAX)
            fail("too many chunks", r->n, FOG_ELIMIT);
        m->acked[m->n_acked++] = r->n;
        m->next_chunk = r->n + 2; /* one more may be there without a report */
        break;
    case PINNED:
        m->pinned[r->slot] = r->n;
        break;
    case UNPINNING:
        m->pinned[r->slot] = 0;
        break;
    case POINTER:
        m->pointer = r->n;
        break;
    case LEDGER:
        m->ledger = r->n;
        break;
    case READY:
        break;
    }
}

/* Listens for so long, so that the child does not wait for its pipe. */
static void listen_for(struct model *m, int fd, double how_long)
{
    double until = seconds() + how_long;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct report r;

    for (double left = how_long; left > 0; left = until - seconds()) {
        if (poll(&p, 1, (int)(left * 1000) + 1) != 1)
            continue;
        if (read(fd, &r, sizeof r) != sizeof r)
            fail("the child ended by itself", 0, FOG_EPROTO);
        note(m, &r);
    }
}

static void read_reports(struct model *m, int fd)
{
    struct report r;
    ssize_t n;

    while ((n = read(fd, &r, sizeof r)) == sizeof r)
        note(m, &r);
    if (n != 0)
        fail("torn report", 0, FOG_ETRUNC);
}

static void assert_chunk(struct storage *st, uint32_t n, const char *why)
{
    struct sample s = sample_make(FOG_KIND_CHUNK, n, size_of_chunk(n));
    struct fog_buf got = {0};

    check(why, n, storage_get_sync(st, s.kind, &s.id, &got));
    if (!fog_bytes_eq(fog_buf_bytes(&got), fog_buf_bytes(&s.body)))
        fail("wrong bytes", n, FOG_ECORRUPT);
    fog_buf_fini(&got);
    sample_fini(&s);
}

static void assert_model(struct storage *st, const struct model *m)
{
    struct fog_buf buf = {0}, other = {0};
    uint64_t recent = 0;

    for (uint32_t i = m->n_acked; i > 0 && recent < RECENT_BYTES; i--) {
        assert_chunk(st, m->acked[i - 1], "an acknowledged chunk is lost");
        recent += size_of_chunk(m->acked[i - 1]) + 2000;
    }
    for (uint32_t slot = 0; slot < PINNED_MAX; slot++)
        if (m->pinned[slot] != 0)
            assert_chunk(st, m->pinned[slot], "a pinned chunk is lost");
    if (m->pointer > 1) {
        check("the pointer is lost", m->pointer,
              storage_get_sync(st, FOG_KIND_POINTER, &pointer_name, &buf));
        if (strtoul(fog_buf_cstr(&buf), NULL, 10) < m->pointer)
            fail("the pointer went back", m->pointer, FOG_ESTALE);
    }
    if (m->ledger > 1) {
        uint32_t n = 0;
        check("the ledger is lost", m->ledger,
              storage_ns_get(storage_ns(st, "ledger"), fog_bytes_str("n"), &buf));
        check("its twin is lost", m->ledger,
              storage_ns_get(storage_ns(st, "node"), fog_bytes_str("n"), &other));
        memcpy(&n, buf.data, sizeof n);
        if (!fog_bytes_eq(fog_buf_bytes(&buf), fog_buf_bytes(&other)) || n < m->ledger)
            fail("half a batch, or an old one", n, FOG_ECORRUPT);
    }
    fog_buf_fini(&buf);
    fog_buf_fini(&other);
}

/* Returns how long opening took. */
static double check_store(const char *dir, struct model *m)
{
    struct storage_config cfg = {.dir = dir, .quota_bytes = QUOTA};
    struct fog_buf report = {0};
    uint64_t disk;
    struct storage *st;
    double from = seconds(), opened;

    check("open after a crash", 0, storage_open(&cfg, &st));
    opened = seconds() - from;
    assert_model(st, m);
    if (storage_check(st, &report) != 0) {
        (void)fprintf(stderr, "%s", fog_buf_cstr(&report));
        fail("the walk disagrees with the counters", 0, FOG_ECORRUPT);
    }
    check("size of the directory", 0, kv_disk_bytes(st->kv, &disk));
    if (disk > QUOTA)
        fail("the directory is above its quota, MiB", (uint32_t)(disk >> 20), FOG_EQUOTA);
    if (disk > m->most_on_disk)
        m->most_on_disk = disk;
    fog_buf_fini(&report);
    storage_close(&st);
    return opened;
}

static void round_of(const char *dir, struct model *m, struct fog_rng *rng)
{
    double how_long = (double)(fog_rng_below(rng, 200) + 1) / 1000;
    int fd, status;
    pid_t pid = start_child(dir, fog_rng_u64(rng), m, &fd);

    listen_for(m, fd, how_long);
    kill(pid, SIGKILL);
    read_reports(m, fd);
    close(fd);
    if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
        fail("the child ended by itself", 0, FOG_EPROTO);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    struct fog_rng_seeded rs;
    struct fog_rng rng = fog_rng_seed(&rs, seed);
    struct model *m = calloc(1, sizeof *m);
    double slowest = 0;
    char dir[64];

    if (argc == 7 && strcmp(argv[1], "--child") == 0)
        return run_child(argv);
    fog_log_setup(FOG_LOG_UNUSUAL, "parent");
    m->next_chunk = 1;
    sample_dir_make(dir);
    for (unsigned i = 0; i < rounds; i++) {
        double opened;
        round_of(dir, m, &rng);
        opened = check_store(dir, m);
        slowest = opened > slowest ? opened : slowest;
    }
    printf("store_crash: rounds=%u seed=%" PRIu64 " acknowledged=%" PRIu64
           " chunks=%u lost=0 most_on_disk_mib=%u slowest_open_s=%.3f\n",
           rounds, seed, m->reports, m->n_acked, (unsigned)(m->most_on_disk >> 20), slowest);
    sample_dir_remove(dir);
    free(m);
    return 0;
}
