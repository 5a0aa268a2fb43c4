/* Reads, puts and fills on a loop, over memory: what comes at once, what comes later, and to whom.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>

#include "core/io/loop.h"
#include "storage/kv_mem.h"
#include "storage/store.h"
#include "tests/lib/sample.h"

#define MIB ((uint64_t)1 << 20)

struct box {
    struct fog_loop *loop;
    struct storage *st;
    struct storage_loop *sl;
};

static int setup(void **state)
{
    struct storage_config cfg = {.quota_bytes = 64 * MIB, .queue_bytes = 3 * MIB};
    struct box *b = calloc(1, sizeof *b);

    b->loop = fog_loop_new();
    assert_int_equal(storage_open(&cfg, &b->st), 0);
    b->sl = storage_loop_new(b->st, b->loop, 4 * MIB);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct box *b = *state;
    struct fog_buf report = {0};

    storage_loop_free(&b->sl);
    assert_int_equal(storage_check(b->st, &report), 0);
    storage_close(&b->st);
    fog_loop_free(&b->loop);
    fog_buf_fini(&report);
    free(b);
    return 0;
}

/* An answer that a callback left here. */
struct answer {
    struct fog_loop *loop;
    unsigned calls;
    int rc;
    struct storage_piece piece;
    struct storage_op *op;
};

static void on_read(int rc, struct storage_piece *piece, void *arg)
{
    struct answer *a = arg;

    assert_null(a->op);
    a->calls++;
    a->rc = rc;
    a->piece = *piece;
}

static void on_done(int rc, void *arg)
{
    struct answer *a = arg;

    a->calls++;
    a->rc = rc;
}

static void wait_for(struct box *b, const struct answer *a)
{
    while (a->calls == 0)
        fog_loop_turn(b->loop, true);
}

static void put(struct box *b, const struct sample *s)
{
    assert_int_equal(storage_put_sync(b->st, s->kind, &s->id, fog_buf_bytes(&s->body), NULL, false),
                     0);
}

static int ask(struct box *b, const struct sample *s, uint32_t offset, struct answer *a)
{
    struct fog_chunk_ref ref = sample_ref(s);

    return storage_read(b->sl, &ref, offset, &a->piece, on_read, a, &a->op);
}

static void assert_piece(const struct answer *a, const struct sample *s, uint32_t offset,
                         size_t len)
{
    assert_int_equal(a->piece.slice.len, len);
    assert_memory_equal(a->piece.slice.p, s->body.data + offset, len);
    assert_int_equal(a->piece.n_leaves, s->n_leaves);
    assert_memory_equal(a->piece.leaves, s->leaves, s->n_leaves * sizeof s->leaves[0]);
}

static struct storage_stat stat_of(struct box *b)
{
    struct storage_stat s;

    storage_stat(b->st, &s);
    return s;
}

static void test_first_from_disk_then_from_memory(void **state)
{
    struct sample s = sample_make(FOG_KIND_CHUNK, 1, MIB - 5);
    struct answer a = {0}, c = {0};
    struct box *b = *state;

    put(b, &s);
    assert_int_equal(ask(b, &s, 300000, &a), STORAGE_LATER);
    wait_for(b, &a);
    assert_int_equal(a.rc, 0);
    assert_piece(&a, &s, 300000, 2 * FOG_EXTENT_SIZE - 300000);
    assert_int_equal(ask(b, &s, FOG_EXTENT_SIZE, &c), 0);
    assert_piece(&c, &s, FOG_EXTENT_SIZE, FOG_EXTENT_SIZE);
    assert_int_equal((uintptr_t)c.piece.slice.p % 64, 0);
    assert_int_equal(stat_of(b).disk_reads, 1);
    assert_int_equal(stat_of(b).ram_hits, 1);
    fog_slice_done(&a.piece.slice);
    fog_slice_done(&c.piece.slice);
    assert_int_equal(ask(b, &s, (uint32_t)MIB - 5, &a), FOG_ERANGE);
    sample_fini(&s);
}

static void test_many_who_wait_cost_one_read(void **state)
{
    struct sample s = sample_make(FOG_KIND_CHUNK, 1, 100000);
    struct answer a[8] = {{0}};
    struct box *b = *state;

    put(b, &s);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(ask(b, &s, i * 1000, &a[i]), STORAGE_LATER);
    storage_cancel(&a[3].op);
    assert_null(a[3].op);
    wait_for(b, &a[7]);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(a[i].calls, i == 3 ? 0 : 1);
        if (i != 3)
            assert_piece(&a[i], &s, i * 1000, 100000 - i * 1000);
        fog_slice_done(&a[i].piece.slice);
    }
    assert_int_equal(stat_of(b).disk_reads, 1);
    sample_fini(&s);
}

static void test_what_is_not_there_is_said_so(void **state)
{
    struct sample s = sample_make(FOG_KIND_CHUNK, 1, 100), t = sample_make(FOG_KIND_CHUNK, 2, 100);
    struct answer a = {0}, c = {0};
    struct box *b = *state;

    put(b, &s);
    assert_int_equal(ask(b, &t, 0, &a), STORAGE_LATER);
    wait_for(b, &a);
    assert_int_equal(a.rc, -ENOENT);
    assert_null(a.piece.slice.p);
    /* a reference with another length names another chunk */
    s.body.len = 99;
    assert_int_equal(ask(b, &s, 0, &c), STORAGE_LATER);
    wait_for(b, &c);
    assert_int_equal(c.rc, -ENOENT);
    sample_fini(&s);
    sample_fini(&t);
}

static void test_damage_is_never_handed_out(void **state)
{
    struct sample s = sample_make(FOG_KIND_CHUNK, 1, MIB);
    struct answer a = {0}, c = {0};
    struct box *b = *state;

    put(b, &s);
    assert_int_equal(kv_mem_damage(b->st->kv, KV_DATA, 1, 77777), 0);
    assert_int_equal(ask(b, &s, FOG_EXTENT_SIZE, &a), STORAGE_LATER);
    wait_for(b, &a);
    assert_int_equal(a.rc, FOG_ECORRUPT);
    assert_null(a.piece.slice.p);
    assert_int_equal(ask(b, &s, 0, &c), STORAGE_LATER);
    wait_for(b, &c);
    assert_int_equal(c.rc, -ENOENT); /* the whole chunk is gone, to be fetched again */
    sample_fini(&s);
}

static void test_whole_objects_and_their_newest_version(void **state)
{
    struct sample m = sample_make(FOG_KIND_MANIFEST, 1, 400000);
    struct fog_hash name = {{5}};
    struct answer a = {0};
    struct box *b = *state;

    put(b, &m);
    assert_int_equal(storage_get(b->sl, m.kind, &m.id, &a.piece, on_read, &a, &a.op),
                     STORAGE_LATER);
    wait_for(b, &a);
    assert_int_equal(a.rc, 0);
    assert_true(
        fog_bytes_eq(fog_bytes_of(a.piece.slice.p, a.piece.slice.len), fog_buf_bytes(&m.body)));
    fog_slice_done(&a.piece.slice);
    assert_int_equal(storage_get(b->sl, m.kind, &m.id, &a.piece, on_read, &a, &a.op), 0);
    fog_slice_done(&a.piece.slice);
    for (uint64_t seq = 1; seq < 4; seq++) {
        char body = (char)('0' + seq);
        a = (struct answer){0};
        assert_int_equal(storage_put_named_sync(b->st, FOG_KIND_POINTER, &name, 1, seq,
                                                fog_bytes_of(&body, 1), NULL, false),
                         0);
        assert_int_equal(storage_get(b->sl, FOG_KIND_POINTER, &name, &a.piece, on_read, &a, NULL),
                         STORAGE_LATER);
        wait_for(b, &a);
        assert_int_equal(a.piece.slice.p[0], body);
        fog_slice_done(&a.piece.slice);
    }
    assert_int_equal(storage_get(b->sl, FOG_KIND_CHUNK, &name, &a.piece, on_read, &a, NULL),
                     FOG_ERANGE);
    sample_fini(&m);
}

static void test_puts_are_verified_and_bounded(void **state)
{
    struct sample s[5];
    struct answer a[5] = {{0}};
    struct box *b = *state;
    unsigned busy = 0;

    for (unsigned i = 0; i < 5; i++) {
        int rc;
        s[i] = sample_make(FOG_KIND_CHUNK, i, MIB);
        if (i == 1)
            s[i].body.data[500] ^= 1;
        rc = storage_put_take(b->sl, s[i].kind, &s[i].id, &s[i].body, NULL, false, on_done, &a[i],
                              &a[i].op);
        if (rc == FOG_EBUSY) {
            assert_int_equal(s[i].body.len, MIB); /* still the caller's */
            assert_null(a[i].op);
            busy++;
            a[i].calls = 1;
        } else {
            assert_int_equal(rc, STORAGE_LATER);
            assert_int_equal(s[i].body.len, 0);
        }
    }
    assert_int_equal(busy, 2); /* the queue takes 3 MiB */
    for (unsigned i = 0; i < 5; i++)
        wait_for(b, &a[i]);
    assert_int_equal(a[0].rc, 0);
    assert_int_equal(a[1].rc, FOG_EVERIFY);
    assert_int_equal(storage_have(b->st, FOG_KIND_CHUNK, &s[0].id, NULL), 0);
    assert_int_equal(storage_have(b->st, FOG_KIND_CHUNK, &s[1].id, NULL), -ENOENT);
    for (unsigned i = 0; i < 5; i++)
        sample_fini(&s[i]);
}

static struct storage_fill *begin(struct box *b, const struct sample *s)
{
    struct fog_chunk_ref ref = sample_ref(s);
    struct storage_fill *f = NULL;

    assert_int_equal(storage_fill_begin(b->sl, &ref, s->leaves, s->n_leaves, NULL, &f), 0);
    return f;
}

static void test_a_chunk_is_read_while_it_arrives(void **state)
{
    struct sample s = sample_make(FOG_KIND_CHUNK, 1, 5 * FOG_LEAF_SIZE + 100);
    struct answer first = {0}, last = {0}, again = {0}, stored = {0};
    struct fog_chunk_ref ref = sample_ref(&s);
    struct storage_fill *f, *twice = NULL;
    struct fog_buf got = {0};
    struct box *b = *state;

    f = begin(b, &s);
    assert_int_equal(storage_fill_begin(b->sl, &ref, s.leaves, s.n_leaves, NULL, &twice), -EEXIST);
    assert_int_equal(ask(b, &s, 10, &first), STORAGE_LATER);
    assert_int_equal(ask(b, &s, 5 * FOG_LEAF_SIZE, &last), STORAGE_LATER);
    assert_int_equal(storage_fill_leaf(f, sample_leaf(&s, 0)), 0);
    assert_int_equal(first.calls, 1);
    assert_piece(&first, &s, 10, FOG_LEAF_SIZE - 10);
    assert_int_equal(storage_fill_leaf(f, sample_leaf(&s, 1)), 0);
    assert_int_equal(ask(b, &s, 10, &again), 0); /* what is there now, at once */
    assert_piece(&again, &s, 10, 2 * FOG_LEAF_SIZE - 10);
    fog_slice_done(&again.piece.slice);
    for (unsigned i = 2; i < 6; i++) {
        assert_int_equal(storage_fill_next(f), i);
        assert_int_equal(last.calls, 0);
        assert_int_equal(storage_fill_leaf(f, sample_leaf(&s, i)), 0);
    }
    assert_int_equal(storage_fill_leaf(f, sample_leaf(&s, 5)), FOG_ETRAIL);
    assert_piece(&last, &s, 5 * FOG_LEAF_SIZE, 100);
    assert_int_equal(storage_fill_commit(&f, true, on_done, &stored), 0);
    assert_null(f);
    wait_for(b, &stored);
    assert_int_equal(stored.rc, 0);
    assert_int_equal(storage_get_sync(b->st, s.kind, &s.id, &got), 0);
    assert_true(fog_bytes_eq(fog_buf_bytes(&got), fog_buf_bytes(&s.body)));
    /* slices from the middle of the fill are still what they were */
    assert_piece(&first, &s, 10, FOG_LEAF_SIZE - 10);
    fog_slice_done(&first.piece.slice);
    fog_slice_done(&last.piece.slice);
    fog_buf_fini(&got);
    sample_fini(&s);
}

static void test_a_lie_does_not_enter_and_another_source_goes_on(void **state)
{
    struct sample s = sample_make(FOG_KIND_CHUNK, 1, 3 * FOG_LEAF_SIZE), lie;
    struct answer a = {0}, stored = {0};
    struct fog_chunk_ref ref = sample_ref(&s);
    struct storage_fill *f = NULL;
    struct fog_bytes leaf;
    struct box *b = *state;

    lie = sample_make(FOG_KIND_CHUNK, 2, 3 * FOG_LEAF_SIZE);
    assert_int_equal(storage_fill_begin(b->sl, &ref, lie.leaves, 3, NULL, &f), FOG_EVERIFY);
    assert_int_equal(storage_fill_begin(b->sl, &ref, s.leaves, 2, NULL, &f), FOG_EVERIFY);
    f = begin(b, &s);
    assert_int_equal(storage_fill_leaf(f, sample_leaf(&s, 0)), 0);
    assert_int_equal(ask(b, &s, FOG_LEAF_SIZE, &a), STORAGE_LATER);
    assert_int_equal(storage_fill_leaf(f, sample_leaf(&lie, 1)), FOG_EVERIFY);
    leaf = sample_leaf(&s, 1);
    leaf.len--;
    assert_int_equal(storage_fill_leaf(f, leaf), FOG_EVERIFY);
    assert_int_equal(a.calls, 0);
    assert_int_equal(storage_fill_next(f), 1);
    assert_int_equal(storage_fill_leaf(f, sample_leaf(&s, 1)), 0);
    assert_piece(&a, &s, FOG_LEAF_SIZE, FOG_LEAF_SIZE);
    assert_int_equal(storage_fill_leaf(f, sample_leaf(&s, 2)), 0);
    assert_int_equal(storage_fill_commit(&f, false, on_done, &stored), 0);
    wait_for(b, &stored);
    fog_slice_done(&a.piece.slice);
    sample_fini(&s);
    sample_fini(&lie);
}

/* A reader that gives the fill up from inside its callback, as a source does when its last reader
 * leaves. */
struct quitter {
    struct storage_fill *fill;
    struct answer *other;
    unsigned calls;
};

static void on_read_quit(int rc, struct storage_piece *piece, void *arg)
{
    struct quitter *q = arg;

    assert_int_equal(rc, 0);
    q->calls++;
    fog_slice_done(&piece->slice);
    storage_cancel(&q->other->op);
    storage_fill_abort(&q->fill, FOG_ECANCELED);
}

static void test_abort_tells_those_who_wait(void **state)
{
    struct sample s = sample_make(FOG_KIND_CHUNK, 1, 3 * FOG_LEAF_SIZE);
    struct answer other = {0}, late = {0}, disk = {0};
    struct fog_chunk_ref ref = sample_ref(&s);
    struct storage_piece piece;
    struct quitter q = {.other = &other};
    struct box *b = *state;

    q.fill = begin(b, &s);
    assert_int_equal(storage_read(b->sl, &ref, 0, &piece, on_read_quit, &q, NULL), STORAGE_LATER);
    assert_int_equal(ask(b, &s, 5, &other), STORAGE_LATER);
    assert_int_equal(ask(b, &s, FOG_LEAF_SIZE, &late), STORAGE_LATER);
    assert_int_equal(storage_fill_leaf(q.fill, sample_leaf(&s, 0)), 0);
    assert_null(q.fill);
    assert_int_equal(q.calls, 1);
    assert_int_equal(other.calls, 0);
    assert_int_equal(late.rc, FOG_ECANCELED);
    assert_int_equal(ask(b, &s, 0, &disk), STORAGE_LATER);
    wait_for(b, &disk);
    assert_int_equal(disk.rc, -ENOENT);
    assert_int_equal(stat_of(b).ram_bytes, 0);
    sample_fini(&s);
}

static void test_memory_has_a_wall(void **state)
{
    struct box *b = *state;
    struct storage_fill *fills[32];
    struct sample s[32];
    unsigned n = 0;
    int rc = 0;

    /* 4 MiB of tier and 16 MiB of slack */
    for (; n < 32; n++) {
        struct fog_chunk_ref ref;
        s[n] = sample_make(FOG_KIND_CHUNK, n, MIB);
        ref = sample_ref(&s[n]);
        rc = storage_fill_begin(b->sl, &ref, s[n].leaves, 16, NULL, &fills[n]);
        if (rc != 0)
            break;
    }
    assert_int_equal(rc, FOG_EBUSY);
    assert_int_equal(n, 20);
    sample_fini(&s[n]);
    while (n-- > 0) {
        storage_fill_abort(&fills[n], FOG_ECANCELED);
        sample_fini(&s[n]);
    }
    assert_int_equal(stat_of(b).ram_bytes, 0);
}

static void work(struct storage *st, void *arg)
{
    struct answer *a = arg;
    struct fog_hash none = {{0}};

    a->rc = storage_have(st, FOG_KIND_CHUNK, &none, NULL);
}

static void worked(void *arg)
{
    ((struct answer *)arg)->calls++;
}

static void test_work_is_sent_to_a_worker(void **state)
{
    struct box *b = *state;
    struct answer a = {0};

    assert_int_equal(storage_submit(b->sl, work, worked, &a), 0);
    wait_for(b, &a);
    assert_int_equal(a.rc, -ENOENT);
}

static void test_a_loop_may_go_with_work_outstanding(void **state)
{
    struct box *b = *state;
    struct sample s[3];
    struct answer a[6] = {{0}};
    struct storage_fill *f;

    for (unsigned i = 0; i < 3; i++) {
        s[i] = sample_make(FOG_KIND_CHUNK, i, 300000);
        put(b, &s[i]);
        assert_int_equal(ask(b, &s[i], 0, &a[i]), STORAGE_LATER);
        assert_int_equal(storage_put_take(b->sl, s[i].kind, &s[i].id, &s[i].body, NULL, false,
                                          on_done, &a[3 + i], &a[3 + i].op),
                         STORAGE_LATER);
        sample_fini(&s[i]);
    }
    s[0] = sample_make(FOG_KIND_CHUNK, 9, 100);
    f = begin(b, &s[0]);
    assert_int_equal(storage_fill_leaf(f, sample_leaf(&s[0], 0)), 0);
    assert_int_equal(storage_fill_commit(&f, false, on_done, &a[0]), 0);
    storage_loop_free(&b->sl);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(a[i].calls, 0);
        assert_null(a[i].op);
    }
    fog_loop_turn(b->loop, false);
    storage_close(&b->st); /* waits for the workers */
    sample_fini(&s[0]);
    fog_loop_free(&b->loop);
    free(b);
    (void)setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_first_from_disk_then_from_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_who_wait_cost_one_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_there_is_said_so, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_is_never_handed_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whole_objects_and_their_newest_version, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_puts_are_verified_and_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_chunk_is_read_while_it_arrives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_lie_does_not_enter_and_another_source_goes_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_abort_tells_those_who_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_has_a_wall, setup, teardown),
        cmocka_unit_test_setup_teardown(test_work_is_sent_to_a_worker, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_loop_may_go_with_work_outstanding, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
