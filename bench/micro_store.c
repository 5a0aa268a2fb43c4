/*
 * What the store costs: CPU seconds per GB of puts and reads of 1 MiB chunks (extents of 256 KiB)
 * in RocksDB, all threads of the process counted; microseconds per RAM hit; memory at the end.
 *
 *   micro_store DIR [MiB of data, default 512]
 *
 * DIR must not exist or be a store; data is incompressible. Reads come from the page cache.
 */
#include "core/base/rng.h"
#include "core/content/tree.h"
#include "core/io/loop.h"
#include "storage/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define MIB ((uint64_t)1 << 20)

struct clock {
    double wall, cpu;
};

static struct clock clock_now(void)
{
    struct timespec t;
    struct rusage u;

    clock_gettime(CLOCK_MONOTONIC, &t);
    getrusage(RUSAGE_SELF, &u);
    return (struct clock){
        .wall = (double)t.tv_sec + (double)t.tv_nsec / 1e9,
        .cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
               (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
    };
}

static void report(const char *what, struct clock from, uint64_t bytes)
{
    struct clock to = clock_now();
    double gb = (double)bytes / 1e9;

    printf("%-34s %7.0f MB/s  %6.3f CPU-s/GB\n", what, gb * 1000 / (to.wall - from.wall),
           (to.cpu - from.cpu) / gb);
    (void)fflush(stdout);
}

/* The chunks are one random MiB with their number in front of every leaf. */
static void chunk_body(uint8_t *body, uint64_t n)
{
    for (size_t at = 0; at < MIB; at += FOG_LEAF_SIZE)
        memcpy(body + at, &n, sizeof n);
}

struct chunk {
    struct fog_hash id;
    struct fog_hash leaves[FOG_CHUNK_LEAVES];
};

static int put_all(struct storage *st, uint8_t *body, const struct chunk *c, unsigned from,
                   unsigned to, bool sync)
{
    struct storage_attr attr = {.publisher = {{1}}, .pg = {{2}}};

    for (unsigned i = from; i < to; i++) {
        struct fog_bytes extents[4];
        struct object_put put = {.name = schema_name_of(FOG_KIND_CHUNK, &c[i].id),
                                 .len = MIB,
                                 .extents = extents,
                                 .leaves = c[i].leaves,
                                 .n_leaves = FOG_CHUNK_LEAVES,
                                 .attr = attr,
                                 .sync = sync};
        int rc;
        chunk_body(body, i);
        for (unsigned e = 0; e < 4; e++)
            extents[e] = fog_bytes_of(body + (size_t)e * FOG_EXTENT_SIZE, FOG_EXTENT_SIZE);
        if ((rc = object_store(st, &put)) != 0)
            return rc;
    }
    return 0;
}

static int read_all(struct storage *st, const struct chunk *c, unsigned n, uint64_t seed)
{
    struct fog_rng_seeded rs;
    struct fog_rng rng = fog_rng_seed(&rs, seed);

    for (unsigned i = 0; i < n * 4; i++) {
        uint64_t at = fog_rng_below(&rng, n * 4);
        struct schema_name name = schema_name_of(FOG_KIND_CHUNK, &c[at / 4].id);
        struct ram_extent *e;
        int rc = extent_load(st, &name, MIB, (unsigned)(at % 4), &e);
        if (rc != 0)
            return rc;
        ram_extent_unref(e);
    }
    return 0;
}

static void on_read(int rc, struct storage_piece *piece, void *arg)
{
    *(int *)arg = rc;
    fog_slice_done(&piece->slice);
}

static int hot_reads(struct storage *st, const struct chunk *c)
{
    struct fog_loop *loop = fog_loop_new();
    struct storage_loop *sl = storage_loop_new(st, loop, 8 * MIB);
    struct fog_chunk_ref ref = {.id = c->id, .len = MIB};
    struct storage_piece piece;
    int rc = storage_read(sl, &ref, 0, &piece, on_read, &rc, NULL), later = 1;
    struct clock from;

    if (rc == STORAGE_LATER) {
        rc = storage_read(sl, &ref, 0, &piece, on_read, &later, NULL);
        while (later == 1)
            fog_loop_turn(loop, true);
    }
    from = clock_now();
    for (int i = 0; i < 1000000 && rc >= 0; i++) {
        rc = storage_read(sl, &ref, 0, &piece, on_read, &later, NULL);
        fog_slice_done(&piece.slice);
    }
    if (rc == 0)
        printf("%-34s %7.3f us each\n", "read of 256 KiB from the RAM tier",
               (clock_now().cpu - from.cpu) * 1e6 / 1000000);
    storage_loop_free(&sl);
    fog_loop_free(&loop);
    return rc;
}

static void print_memory(const char *when)
{
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    char line[128];

    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "Pss:", 4) == 0 || strncmp(line, "Rss:", 4) == 0)
            printf("%-34s %s", when, line);
    if (f != NULL)
        (void)fclose(f);
}

static int run(struct storage *st, const char *dir, unsigned n)
{
    struct chunk *c = calloc(n, sizeof *c);
    uint8_t *body = aligned_alloc(64, MIB);
    struct fog_rng_seeded rs;
    struct fog_rng rng = fog_rng_seed(&rs, 1);
    unsigned half = n / 2;
    struct clock from;
    int rc;

    (void)dir;
    fog_rng_fill(&rng, body, MIB);
    from = clock_now();
    for (unsigned i = 0; i < n; i++) {
        chunk_body(body, i);
        (void)fog_chunk_leaves(fog_bytes_of(body, MIB), c[i].leaves);
        fog_tree_root(c[i].leaves, FOG_CHUNK_LEAVES, &c[i].id);
    }
    report("leaf hashes (SHA-256)", from, n * MIB);
    from = clock_now();
    if ((rc = put_all(st, body, c, 0, half, false)) != 0 || (rc = kv_flush(st->kv)) != 0)
        goto out;
    report("put, durable over kill -9", from, half * MIB);
    from = clock_now();
    if ((rc = put_all(st, body, c, half, n, true)) != 0 || (rc = kv_flush(st->kv)) != 0)
        goto out;
    report("put, durable over power cut", from, (n - half) * MIB);
    print_memory("after the puts");
    for (int check = 1; check >= 0; check--) {
        st->cfg.skip_leaf_check = check == 0;
        from = clock_now();
        if ((rc = read_all(st, c, n, 7)) != 0)
            goto out;
        report(check ? "read 256 KiB, XXH3 and leaf hashes" : "read 256 KiB, XXH3 alone", from,
               n * MIB);
    }
    rc = hot_reads(st, c);
    print_memory("at the end");
out:
    free(body);
    free(c);
    return rc;
}

int main(int argc, char **argv)
{
    unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 512;
    struct storage_config cfg = {.quota_bytes = (uint64_t)n * MIB * 2 + 512 * MIB};
    struct storage *st;
    int rc;

    if (argc < 2 || n < 2) {
        (void)fprintf(stderr, "usage: micro_store DIR [MiB]\n");
        return 2;
    }
    cfg.dir = argv[1];
    if ((rc = storage_open(&cfg, &st)) == 0) {
        print_memory("open and empty");
        rc = run(st, cfg.dir, n);
        storage_close(&st);
    }
    if (rc != 0)
        (void)fprintf(stderr, "micro_store: %s\n", fog_strerror(rc));
    return rc == 0 ? 0 : 1;
}
