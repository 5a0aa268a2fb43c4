#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>

#include "core/obs/log.h"
#include "tests/lib/storebox.h"

static int setup(void **state, bool on_disk)
{
    struct storebox *b = calloc(1, sizeof *b);

    fog_log_setup(FOG_LOG_UNUSUAL, "test");
    b->on_disk = on_disk;
    b->cfg.quota_bytes = 32 * STOREBOX_MIB;
    if (on_disk) {
        sample_dir_make(b->dir);
        b->cfg.dir = b->dir;
        b->cfg.quota_bytes = 64 * STOREBOX_MIB;
    }
    assert_int_equal(storage_open(&b->cfg, &b->st), 0);
    *state = b;
    return 0;
}

int storebox_setup_mem(void **state)
{
    return setup(state, false);
}

int storebox_setup_disk(void **state)
{
    return setup(state, true);
}

int storebox_teardown(void **state)
{
    struct storebox *b = *state;

    storebox_assert_whole(b);
    storage_close(&b->st);
    if (b->on_disk)
        sample_dir_remove(b->dir);
    free(b);
    return 0;
}

void storebox_reopen(struct storebox *b)
{
    if (!b->on_disk)
        return;
    storage_close(&b->st);
    assert_int_equal(storage_open(&b->cfg, &b->st), 0);
}

void storebox_assert_whole(struct storebox *b)
{
    struct fog_buf report = {0};
    int rc = storage_check(b->st, &report);

    if (rc != 0)
        print_error("%s", fog_buf_cstr(&report));
    assert_int_equal(rc, 0);
    fog_buf_fini(&report);
}

struct storage_stat storebox_stat(struct storebox *b)
{
    struct storage_stat s;

    storage_stat(b->st, &s);
    return s;
}

int storebox_put(struct storebox *b, const struct sample *s, const struct storage_attr *attr)
{
    return storage_put_sync(b->st, s->kind, &s->id, fog_buf_bytes(&s->body), attr, false);
}

void storebox_assert_there(struct storebox *b, const struct sample *s)
{
    struct fog_buf got = {0};

    assert_int_equal(storage_get_sync(b->st, s->kind, &s->id, &got), 0);
    assert_true(fog_bytes_eq(fog_buf_bytes(&got), fog_buf_bytes(&s->body)));
    fog_buf_fini(&got);
}

void storebox_put_chunks(struct storebox *b, unsigned from, unsigned to,
                         const struct storage_attr *attr)
{
    for (unsigned i = from; i < to; i++) {
        struct sample s = sample_make(FOG_KIND_CHUNK, i, STOREBOX_MIB);
        assert_int_equal(storebox_put(b, &s, attr), 0);
        sample_fini(&s);
    }
}

bool storebox_has_chunk(struct storebox *b, unsigned n)
{
    struct sample s = sample_make(FOG_KIND_CHUNK, n, STOREBOX_MIB);
    int rc = storage_have(b->st, s.kind, &s.id, NULL);

    sample_fini(&s);
    assert_true(rc == 0 || rc == -ENOENT);
    return rc == 0;
}
