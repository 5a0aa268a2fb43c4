/* Two serving loops, a thread of blocking calls and the workers on one store at once. Meant for the
 * thread sanitizer; without it, it still proves that nobody gets wrong bytes and counters hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>

#include "core/base/rng.h"
#include "core/io/loop.h"
#include "core/obs/log.h"
#include "storage/storage.h"
#include "tests/lib/sample.h"

#define MIB     ((uint64_t)1 << 20)
#define SAMPLES 24u
#define STEPS   400u

/* cmocka's asserts are for one thread; here a wrong turn ends the process. */
#define MUST(cond) ((cond) ? (void)0 : abort())

static struct sample samples[SAMPLES];

struct side {
    struct storage *st;
    struct fog_loop *loop;
    struct storage_loop *sl;
    struct fog_rng_seeded rs;
    struct fog_rng rng;
    unsigned steps, waiting;
    struct fog_slice kept[4]; /* held for a while, given back later */
};

struct asked {
    struct side *side;
    const struct sample *s;
    uint32_t offset;
};

static void keep(struct side *d, const struct sample *s, uint32_t offset, struct fog_slice *slice)
{
    size_t i = (size_t)fog_rng_below(&d->rng, FOG_COUNT(d->kept));

    MUST(slice->len > 0 && memcmp(slice->p, s->body.data + offset, slice->len) == 0);
    fog_slice_done(&d->kept[i]);
    d->kept[i] = *slice;
}

static void on_read(int rc, struct storage_piece *piece, void *arg)
{
    struct asked *a = arg;

    MUST(rc == 0 || rc == -ENOENT || rc == FOG_EBUSY);
    if (rc == 0)
        keep(a->side, a->s, a->offset, &piece->slice);
    a->side->waiting--;
    free(a);
}

static void on_done(int rc, void *arg)
{
    struct side *d = arg;

    MUST(rc == 0);
    d->waiting--;
}

static void step_read(struct side *d, const struct sample *s)
{
    struct asked *a = calloc(1, sizeof *a);
    struct fog_chunk_ref ref = sample_ref(s);
    struct storage_piece piece;
    int rc;

    *a = (struct asked){.side = d, .s = s, .offset = (uint32_t)fog_rng_below(&d->rng, s->body.len)};
    rc = storage_read(d->sl, &ref, a->offset, &piece, on_read, a, NULL);
    if (rc == STORAGE_LATER) {
        d->waiting++;
        return;
    }
    if (rc == 0)
        keep(d, s, a->offset, &piece.slice);
    free(a);
}

static void step_put(struct side *d, const struct sample *s)
{
    struct fog_buf body = {0};

    fog_buf_append(&body, s->body.data, s->body.len);
    if (storage_put_take(d->sl, s->kind, &s->id, &body, NULL, false, on_done, d, NULL) ==
        STORAGE_LATER)
        d->waiting++;
    fog_buf_fini(&body);
}

static void step_fill(struct side *d, const struct sample *s)
{
    struct fog_chunk_ref ref = sample_ref(s);
    struct storage_fill *f;

    if (storage_fill_begin(d->sl, &ref, s->leaves, s->n_leaves, NULL, &f) != 0)
        return;
    for (unsigned i = 0; i < s->n_leaves; i++)
        MUST(storage_fill_leaf(f, sample_leaf(s, i)) == 0);
    if (storage_fill_commit(&f, false, on_done, d) == 0)
        d->waiting++;
}

static void *serve(void *arg)
{
    struct side *d = arg;

    while (d->steps > 0 || d->waiting > 0) {
        if (d->steps > 0 && d->waiting < 8) {
            const struct sample *s = &samples[fog_rng_below(&d->rng, SAMPLES)];
            uint64_t what = fog_rng_below(&d->rng, 10);
            d->steps--;
            if (what == 0)
                step_put(d, s);
            else if (what == 1)
                step_fill(d, s);
            else
                step_read(d, s);
        }
        fog_loop_turn(d->loop, d->steps == 0 || d->waiting >= 8);
    }
    for (size_t i = 0; i < FOG_COUNT(d->kept); i++)
        fog_slice_done(&d->kept[i]);
    return NULL;
}

static void *block(void *arg)
{
    struct side *d = arg;
    struct storage_stat stat;

    while (d->steps-- > 0) {
        const struct sample *s = &samples[fog_rng_below(&d->rng, SAMPLES)];
        struct fog_hash owner = sample_hash(fog_rng_below(&d->rng, 4));
        struct storage_ref ref = {.id = s->id, .kind = s->kind};
        int rc = 0;
        switch (fog_rng_below(&d->rng, 4)) {
        case 0:
            rc = storage_delete(d->st, s->kind, &s->id);
            break;
        case 1:
            rc = storage_pin_exact(d->st, &owner, 1, &ref, 1, false);
            break;
        case 2:
            rc = storage_unpin(d->st, &owner, 1);
            break;
        default:
            rc = storage_have(d->st, s->kind, &s->id, NULL);
            break;
        }
        MUST(rc == 0 || rc == -ENOENT);
        storage_stat(d->st, &stat);
        MUST(stat.charged_bytes <= stat.usable_bytes);
    }
    return NULL;
}

static void test_many_threads_one_store(void **state)
{
    /* too small for all samples, so that eviction takes part */
    struct storage_config cfg = {.quota_bytes = 4 * MIB};
    struct side sides[3] = {{0}};
    struct fog_buf report = {0};
    pthread_t threads[3];
    struct storage *st;

    (void)state;
    for (unsigned i = 0; i < SAMPLES; i++)
        samples[i] = sample_make(FOG_KIND_CHUNK, i, i % 4 == 0 ? 1500 : 100000 + i * 20000);
    assert_int_equal(storage_open(&cfg, &st), 0);
    for (unsigned i = 0; i < 3; i++) {
        sides[i].st = st;
        sides[i].steps = STEPS;
        sides[i].rng = fog_rng_seed(&sides[i].rs, 100 + i);
        if (i < 2) {
            sides[i].loop = fog_loop_new();
            sides[i].sl = storage_loop_new(st, sides[i].loop, MIB);
        }
    }
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < 2 ? serve : block, &sides[i]), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        storage_loop_free(&sides[i].sl);
        fog_loop_free(&sides[i].loop);
    }
    assert_int_equal(storage_check(st, &report), 0);
    storage_close(&st);
    fog_buf_fini(&report);
    for (unsigned i = 0; i < SAMPLES; i++)
        sample_fini(&samples[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_threads_one_store),
    };

    fog_log_setup(FOG_LOG_UNUSUAL, "test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
