/* cli: publishing against a fog in memory that checks what it is given, with failures at every
 * place. */
#include "cli/plan.h"
#include "cli/publish.h"
#include "cli/slot.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/content/api_missing.h"
#include "core/content/encode.h"
#include "core/content/release.h"
#include "tests/lib/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct event {
    struct event *next;
    char *method, *target;
    struct fog_buf body;
    void (*on_done)(void *arg, const struct api_answer *a);
    void (*fn)(void *arg); /* a delay instead */
    void *arg;
};

struct fake {
    struct api api; /* first */
    struct event *head, **tail;
    struct fog_map *store; /* kind byte + id -> buf */
    unsigned requests, uploads, busy_each, cut_after, in_flight, most_in_flight;
    uint64_t seq;       /* of the site's pointer, 0: none */
    unsigned conflicts; /* answers 409 that are left */
    unsigned pointers;  /* refused as busy */
    bool denies, pointer_busy;
    uint64_t delays;
};

static struct event *push(struct fake *f)
{
    struct event *e = calloc(1, sizeof *e);

    *f->tail = e;
    f->tail = &e->next;
    return e;
}

static void fake_send(struct api *api, const struct api_request *r,
                      void (*on_done)(void *arg, const struct api_answer *a), void *arg)
{
    struct fake *f = (struct fake *)(void *)api;
    struct event *e = push(f);

    assert_true(r->auth != NULL || strcmp(r->target, "/v1/publisher") == 0);
    e->method = strdup(r->method);
    e->target = strdup(r->target);
    fog_buf_append(&e->body, r->body.p, r->body.len);
    e->on_done = on_done;
    e->arg = arg;
    if (++f->in_flight > f->most_in_flight)
        f->most_in_flight = f->in_flight;
}

static void fake_later(struct api *api, unsigned after_ms, void (*fn)(void *arg), void *arg)
{
    struct fake *f = (struct fake *)(void *)api;
    struct event *e = push(f);

    f->delays += after_ms;
    e->fn = fn;
    e->arg = arg;
}

static void *stored(struct fake *f, unsigned kind, const struct fog_hash *id)
{
    uint8_t key[33] = {(uint8_t)kind};

    memcpy(key + 1, id->b, 32);
    return fog_map_get(f->store, fog_bytes_of(key, sizeof key));
}

/* What a page or a manifest names must be there before it: the order is part of the contract. */
static void check_children(struct fake *f, unsigned kind, struct fog_bytes body)
{
    struct fog_page_cursor c;
    struct fog_manifest m;

    if (kind == FOG_KIND_MANIFEST) {
        assert_int_equal(fog_manifest_decode(body, &m), 0);
        for (unsigned v = 0; v < m.n_variants; v++)
            for (uint64_t i = 0; i < fog_chunk_count(m.variants[v].size); i++)
                assert_non_null(stored(f, FOG_KIND_CHUNK, &m.variants[v].chunk_ids[i]));
        fog_manifest_fini(&m);
    } else if (kind == FOG_KIND_PAGE) {
        assert_int_equal(fog_page_open(body, &c), 0);
        while (fog_page_next(&c) == 1) {
            if (c.level == 0)
                assert_non_null(stored(f, FOG_KIND_MANIFEST, &c.entry.manifest));
            else
                assert_non_null(stored(f, FOG_KIND_PAGE, &c.child.id));
        }
    }
}

static int take_object(struct fake *f, const struct event *e)
{
    unsigned kind = (unsigned)(e->target[12] - '0');
    struct fog_hash id, want;
    uint8_t key[33] = {(uint8_t)kind};
    struct fog_buf *b;

    if (f->busy_each > 0 && ++f->uploads % f->busy_each == 0)
        return 503;
    fog_object_id((enum fog_kind)kind, fog_buf_bytes(&e->body), &id);
    assert_int_equal(fog_hex_decode(fog_bytes_str(e->target + 14), want.b, 32), 0);
    assert_true(fog_hash_eq(&id, &want));
    assert_null(stored(f, kind, &id)); /* nothing is sent twice */
    check_children(f, kind, fog_buf_bytes(&e->body));
    b = calloc(1, sizeof *b);
    fog_buf_append(b, e->body.data, e->body.len);
    memcpy(key + 1, id.b, 32);
    fog_map_put(f->store, fog_bytes_of(key, sizeof key), b);
    return 204;
}

static void answer_missing(struct fake *f, const struct event *e, struct fog_buf *out)
{
    size_t n = e->body.len / FOG_MISSING_ROW;
    uint8_t *bits = calloc(1, fog_missing_answer_len(n) + 1);

    assert_true(n > 0 && n <= FOG_MISSING_MAX && e->body.len % FOG_MISSING_ROW == 0);
    for (size_t i = 0; i < n; i++) {
        struct fog_missing_row row;

        assert_int_equal(fog_missing_get(fog_buf_bytes(&e->body), i, &row), 0);
        if (stored(f, row.kind, &row.id) == NULL)
            fog_missing_set(bits, i);
    }
    fog_buf_append(out, bits, fog_missing_answer_len(n));
    free(bits);
}

static int answer(struct fake *f, const struct event *e, struct fog_buf *out)
{
    if (f->denies)
        return 403;
    if (strcmp(e->target, "/v1/publisher") == 0)
        return 204;
    if (strcmp(e->target, "/v1/missing") == 0) {
        answer_missing(f, e, out);
        return 200;
    }
    if (strncmp(e->target, "/v1/objects/", 12) == 0)
        return take_object(f, e);
    if (strncmp(e->target, "/v1/sites/", 10) == 0) {
        if (f->seq == 0)
            return 404;
        fog_buf_printf(out, "{\"seq\":%u}", (unsigned)f->seq);
        return 200;
    }
    assert_string_equal(e->target, "/v1/pointer?wait=7");
    if (f->pointer_busy) {
        f->pointers++;
        return 503;
    }
    if (f->conflicts > 0) {
        f->conflicts--;
        f->seq++;
        return 409;
    }
    f->seq++;
    fog_buf_append_str(out, "{\"copies\":2,\"wanted\":2}");
    return 200;
}

static void pump(struct fake *f)
{
    while (f->head != NULL) {
        struct event *e = f->head;
        struct fog_buf out = {0};
        struct api_answer a = {.err = 0};

        f->head = e->next;
        if (f->head == NULL)
            f->tail = &f->head;
        if (e->fn != NULL) {
            e->fn(e->arg);
        } else {
            f->in_flight--;
            if (f->cut_after > 0 && ++f->requests > f->cut_after)
                a.err = FOG_ECLOSED;
            else
                a.status = answer(f, e, &out);
            a.body = fog_buf_bytes(&out);
            e->on_done(e->arg, &a);
        }
        fog_buf_fini(&out);
        fog_buf_fini(&e->body);
        free(e->method);
        free(e->target);
        free(e);
    }
}

struct run {
    struct fake fake;
    struct folder folder;
    struct scan scan;
    struct plan plan;
    bool done;
    int rc, status, err;
    char what[96];
    struct publish_sums sums;
};

static void on_sign(void *arg, const char *method, const char *target, struct fog_bytes body,
                    struct fog_buf *out)
{
    (void)arg;
    (void)method;
    (void)target;
    (void)body;
    fog_buf_append_str(out, "Fog test");
}

static int on_pointer(void *arg, uint64_t seq, const struct fog_hash *prev, struct fog_buf *out)
{
    struct run *r = arg;

    (void)prev;
    assert_int_equal(seq, r->fake.seq + 1);
    assert_non_null(stored(&r->fake, FOG_KIND_PAGE, &r->plan.root.id));
    fog_buf_append_str(out, "pointer");
    return 0;
}

static void on_progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
    (void)arg;
    (void)what;
    assert_true(done <= total);
}

static void on_done(void *arg, int rc, const char *what, const struct api_answer *failed,
                    struct fog_bytes answer_body)
{
    struct run *r = arg;

    assert_false(r->done);
    r->done = true;
    r->rc = rc;
    snprintf(r->what, sizeof r->what, "%s", failed == NULL ? "" : what);
    r->status = failed == NULL ? 200 : failed->status;
    r->err = failed == NULL ? 0 : failed->err;
    if (failed == NULL)
        assert_true(answer_body.len > 0);
}

static void on_hashed(uint64_t bytes, void *arg)
{
    struct run *r = arg;

    assert_true(bytes <= r->scan.bytes);
}

static void publish_once(struct run *r)
{
    struct publish_conf conf = {.api = &r->fake.api,
                                .plan = &r->plan,
                                .label = "aaaaaaaaaaaaaaaa",
                                .keydoc = fog_bytes_str("doc"),
                                .wait_s = 7,
                                .sign = on_sign,
                                .make_pointer = on_pointer,
                                .on_progress = on_progress,
                                .on_done = on_done,
                                .arg = r};
    struct publish *p = publish_new(&conf);

    r->done = false;
    publish_start(p);
    pump(&r->fake);
    assert_true(r->done);
    publish_sums(p, &r->sums);
    publish_free(&p);
}

static void plan_again(struct run *r)
{
    plan_fini(&r->plan);
    scan_fini(&r->scan);
    assert_int_equal(scan_open(r->folder.path, &r->scan), 0);
    assert_int_equal(slot_assign(&r->scan), 0);
    assert_int_equal(plan_make(&r->plan, &r->scan, on_hashed, r), 0);
}

static int setup(void **state)
{
    static const uint8_t seed[16];
    struct run *r = calloc(1, sizeof *r);
    struct fog_buf big = {0}, text = {0};

    r->fake.api = (struct api){.send = fake_send, .later = fake_later};
    r->fake.tail = &r->fake.head;
    r->fake.store = fog_map_new(seed);
    folder_make(&r->folder);
    for (int i = 0; i < 700000; i++)
        fog_buf_printf(&big, "%06d", i);
    for (int i = 0; i < 5000; i++)
        fog_buf_printf(&text, "<p>%d</p>\n", i);
    folder_put(&r->folder, "film.mp4", fog_buf_bytes(&big)); /* 5 chunks */
    folder_put(&r->folder, "copy.mp4", fog_buf_bytes(&big)); /* the same ones */
    folder_put(&r->folder, "index.html", fog_buf_bytes(&text));
    folder_put(&r->folder, "empty", fog_bytes_of(NULL, 0));
    fog_buf_fini(&big);
    fog_buf_fini(&text);
    plan_again(r);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct run *r = *state;
    struct fog_buf *b;
    size_t cursor = 0;

    plan_fini(&r->plan);
    scan_fini(&r->scan);
    folder_drop(&r->folder);
    while ((b = fog_map_next(r->fake.store, &cursor, NULL)) != NULL) {
        fog_buf_fini(b);
        free(b);
    }
    fog_map_free(&r->fake.store);
    free(r);
    return 0;
}

static void test_all_is_sent_once_and_in_order(void **state)
{
    struct run *r = *state;

    publish_once(r);
    assert_string_equal(r->what, "");
    assert_int_equal(r->sums.seq, 1);
    assert_int_equal(r->sums.objects_sent, r->plan.n);
    assert_int_equal(fog_map_count(r->fake.store), r->plan.n);
    /* 5 + empty + html, gzip, zstd; 3 manifests (the films share theirs); 1 page */
    assert_int_equal(r->plan.n, 5 + 1 + 3 + 3 + 1);
    assert_true(r->fake.most_in_flight > 1 && r->fake.most_in_flight <= PUBLISH_IN_FLIGHT);
}

static void test_second_run_sends_only_what_changed(void **state)
{
    struct run *r = *state;

    publish_once(r);
    publish_once(r);
    assert_int_equal(r->sums.objects_sent, 0);
    assert_int_equal(r->sums.seq, 2);
    folder_put(&r->folder, "empty", fog_bytes_str("no more"));
    plan_again(r);
    publish_once(r);
    assert_int_equal(r->sums.objects_sent, 3); /* chunk, manifest, page */
    assert_int_equal(r->sums.seq, 3);
}

static void test_busy_fog_is_asked_again(void **state)
{
    struct run *r = *state;

    r->fake.busy_each = 3;
    publish_once(r);
    assert_string_equal(r->what, "");
    assert_int_equal(r->sums.objects_sent, r->plan.n);
    assert_true(r->fake.delays > 0);
}

static void test_interrupted_anywhere_a_second_run_completes(void **state)
{
    struct run *r = *state;

    for (unsigned cut = 1; cut < 30; cut++) {
        r->fake.cut_after = cut;
        r->fake.requests = 0;
        publish_once(r);
        if (r->what[0] == '\0')
            break;
        assert_int_equal(r->err, FOG_ECLOSED);
        assert_int_equal(r->fake.seq, 0); /* no pointer before everything is there */
    }
    r->fake.cut_after = 0;
    publish_once(r);
    assert_string_equal(r->what, "");
    assert_int_equal(fog_map_count(r->fake.store), r->plan.n);
}

static void test_refusal_ends_it_at_once(void **state)
{
    struct run *r = *state;

    r->fake.denies = true;
    publish_once(r);
    assert_int_equal(r->status, 403);
    assert_string_equal(r->what, "publisher's keys");
    assert_int_equal(r->fake.delays, 0);
}

static void test_lost_race_of_pointers_is_run_again(void **state)
{
    struct run *r = *state;

    r->fake.conflicts = 2;
    publish_once(r);
    assert_string_equal(r->what, "");
    assert_int_equal(r->sums.seq, 3);
    r->fake.conflicts = 5;
    publish_once(r);
    assert_int_equal(r->status, 409);
}

static void test_pointer_that_is_never_taken_ends_with_its_reason(void **state)
{
    struct run *r = *state;

    r->fake.pointer_busy = true;
    publish_once(r);
    assert_int_equal(r->status, 503);
    assert_string_equal(r->what, "pointer");
    assert_int_equal(r->fake.pointers, PUBLISH_TRIES);
}

static void test_file_that_changes_meanwhile_is_noticed(void **state)
{
    struct run *r = *state;

    folder_put(&r->folder, "index.html", fog_bytes_str("shorter"));
    publish_once(r);
    assert_int_equal(r->rc, FOG_ESTALE);
    assert_non_null(strstr(r->plan.problem, "index.html"));
    assert_int_equal(r->fake.seq, 0);
}

static void test_many_files_are_asked_in_batches(void **state)
{
    struct run *r = *state;

    for (int i = 0; i < 4200; i++) {
        char name[32];

        snprintf(name, sizeof name, "n/%05d", i);
        folder_put(&r->folder, name, fog_bytes_str(name));
    }
    plan_again(r);
    assert_true(r->plan.n > FOG_MISSING_MAX);
    publish_once(r);
    assert_string_equal(r->what, "");
    assert_int_equal(fog_map_count(r->fake.store), r->plan.n);
}

#define WITH_RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RUN(test_all_is_sent_once_and_in_order),
        WITH_RUN(test_second_run_sends_only_what_changed),
        WITH_RUN(test_busy_fog_is_asked_again),
        WITH_RUN(test_interrupted_anywhere_a_second_run_completes),
        WITH_RUN(test_refusal_ends_it_at_once),
        WITH_RUN(test_lost_race_of_pointers_is_run_again),
        WITH_RUN(test_pointer_that_is_never_taken_ends_with_its_reason),
        WITH_RUN(test_file_that_changes_meanwhile_is_noticed),
        WITH_RUN(test_many_files_are_asked_in_batches),
    };

    return cmocka_run_group_tests_name("cli_publish", tests, NULL, NULL);
}
