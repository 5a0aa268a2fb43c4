/*
 * Runs a fuzz target without a fuzzer: over every file of its corpus (tests/fuzz/corpus/<x> for a
 * program named fuzz_<x>), over seeded mutations of each, and over the empty input. `make check`
 * runs this. Arguments: files to run instead (to reproduce a crash). Configured with --enable-fuzz
 * this file is empty and libFuzzer's own driver comes in: make fuzz.
 */
#ifndef FOG_LIBFUZZER

#include "core/base/rng.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1 << 20)
#define MUTANTS   200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t read_file(const char *path, uint8_t *buf)
{
    FILE *f = fopen(path, "rb");
    size_t n;

    if (f == NULL) {
        perror(path);
        exit(1);
    }
    n = fread(buf, 1, INPUT_MAX, f);
    fclose(f);
    return n;
}

/* An exact heap copy, so that a sanitizer sees a read past the end. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);

    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void mutate(const uint8_t *data, size_t size, uint64_t seed)
{
    struct fog_rng_seeded st;
    struct fog_rng rng = fog_rng_seed(&st, seed);
    uint8_t *m = malloc(size + 16);

    if (m == NULL)
        abort();
    for (int i = 0; i < MUTANTS && size > 0; i++) {
        size_t n = size;
        uint64_t edits = 1 + fog_rng_below(&rng, 4);
        memcpy(m, data, size);
        while (edits-- > 0) {
            size_t at = (size_t)fog_rng_below(&rng, n);
            uint64_t how = fog_rng_below(&rng, 4);
            if (how == 0)
                m[at] ^= (uint8_t)(1u << fog_rng_below(&rng, 8));
            else if (how == 1)
                m[at] = (uint8_t)(fog_rng_below(&rng, 2) == 0 ? 0xff : fog_rng_u64(&rng));
            else if (how == 2)
                n = at + 1; /* cut */
            else if (n < size + 8)
                m[n++] = (uint8_t)fog_rng_u64(&rng);
        }
        run(m, n);
    }
    free(m);
}

int main(int argc, char **argv)
{
    const char *base = strrchr(argv[0], '/');
    uint8_t *buf = malloc(INPUT_MAX);
    char path[4096];
    unsigned files = 0;
    struct dirent *e;
    DIR *d;

    if (buf == NULL)
        abort();
    for (int i = 1; i < argc; i++)
        run(buf, read_file(argv[i], buf));
    if (argc > 1) {
        free(buf);
        return 0;
    }
    base = base == NULL ? argv[0] : base + 1;
    base = strstr(base, "fuzz_");
    snprintf(path, sizeof path, FOG_SRCDIR "/tests/fuzz/corpus/%s", base == NULL ? "" : base + 5);
    d = opendir(path);
    if (d == NULL) {
        perror(path);
        return 1;
    }
    run(buf, 0);
    while ((e = readdir(d)) != NULL) {
        char file[4096 + 300];
        size_t n;
        if (e->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        n = read_file(file, buf);
        run(buf, n);
        mutate(buf, n, ++files);
    }
    closedir(d);
    free(buf);
    printf("%u corpus files, %u mutants\n", files, files * MUTANTS);
    return files == 0; /* a target without a corpus tests nothing */
}

#else
typedef int driver_is_libfuzzer; /* ISO C wants one declaration per file */
#endif
