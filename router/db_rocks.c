/*
 * db.h on RocksDB (door). One writer thread: it takes everything that is queued, writes it as one
 * synced batch, and hands the jobs back in order (a list and an eventfd), so that a burst of small
 * changes costs one fsync.
 */
#include "core/base/assert.h"
#include "core/io/loop.h"
#include "core/obs/log.h"
#include "router/db.h"

#include <errno.h>
#include <pthread.h>
#include <rocksdb/c.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job {
    struct job *next;
    rocksdb_writebatch_t *batch;
    size_t bytes;
    void (*done)(void *ctx, int err);
    void *ctx;
    int err;
};

struct db_rocks {
    struct db db;
    rocksdb_t *rocks;
    rocksdb_options_t *options;
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *sync;
    pthread_t writer;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *head, **tail;           /* to write */
    struct job *done_head, **done_tail; /* to tell */
    int event;                          /* wakes the loop */
    struct fog_watch *watch;
    bool stop;
};

static int log_error(const char *what, char *err)
{
    fog_broken("db.error", "what=%s error=\"%s\"", what, err);
    rocksdb_free(err);
    return -EIO;
}

static int rocks_get(struct db *db, struct fog_bytes key, struct fog_buf *out)
{
    struct db_rocks *d = (struct db_rocks *)db;
    char *err = NULL, *value;
    size_t len;

    value = rocksdb_get(d->rocks, d->read, (const char *)key.p, key.len, &len, &err);
    if (err != NULL)
        return log_error("get", err);
    if (value == NULL)
        return -ENOENT;
    fog_buf_append(out, value, len);
    rocksdb_free(value);
    return 0;
}

static int rocks_scan(struct db *db, struct fog_bytes prefix, struct fog_bytes from, size_t limit,
                      bool (*each)(void *arg, struct fog_bytes key, struct fog_bytes value),
                      void *arg)
{
    struct db_rocks *d = (struct db_rocks *)db;
    rocksdb_iterator_t *it = rocksdb_create_iterator(d->rocks, d->read);
    struct fog_bytes start = from.len > 0 ? from : prefix;
    char *err = NULL;

    for (rocksdb_iter_seek(it, (const char *)start.p, start.len);
         rocksdb_iter_valid(it) && limit > 0; rocksdb_iter_next(it), limit--) {
        size_t klen, vlen;
        const char *k = rocksdb_iter_key(it, &klen), *v = rocksdb_iter_value(it, &vlen);
        if (klen < prefix.len || memcmp(k, prefix.p, prefix.len) != 0)
            break;
        if (!each(arg, fog_bytes_of(k, klen), fog_bytes_of(v, vlen)))
            break;
    }
    rocksdb_iter_get_error(it, &err);
    rocksdb_iter_destroy(it);
    return err == NULL ? 0 : log_error("scan", err);
}

static void job_free(struct job *j)
{
    rocksdb_writebatch_destroy(j->batch);
    free(j);
}

/* From either thread, with the lock held. */
static void put_done(struct db_rocks *d, struct job *j)
{
    uint64_t one = 1;

    j->next = NULL;
    *d->done_tail = j;
    d->done_tail = &j->next;
    (void)!write(d->event, &one, sizeof one); /* fails only when 2^64 - 1 are waiting */
}

/* On the loop: tells the callers, in the order of their batches. */
static void on_event(void *arg)
{
    struct db_rocks *d = arg;
    struct job *j, *next;
    uint64_t n;

    (void)!read(d->event, &n, sizeof n);
    pthread_mutex_lock(&d->lock);
    j = d->done_head;
    d->done_head = NULL;
    d->done_tail = &d->done_head;
    pthread_mutex_unlock(&d->lock);
    for (; j != NULL; j = next) {
        next = j->next;
        if (j->done != NULL)
            j->done(j->ctx, j->err);
        job_free(j);
    }
}

static int write_job(struct db_rocks *d, struct job *j)
{
    char *err = NULL;

    rocksdb_write(d->rocks, d->sync, j->batch, &err);
    return err == NULL ? 0 : log_error("write", err);
}

static void merge_put(void *state, const char *k, size_t klen, const char *v, size_t vlen)
{
    rocksdb_writebatch_put(state, k, klen, v, vlen);
}

static void merge_del(void *state, const char *k, size_t klen)
{
    rocksdb_writebatch_delete(state, k, klen);
}

/* Appends b's operations to a's batch. */
static void merge(struct job *a, struct job *b)
{
    rocksdb_writebatch_iterate(b->batch, a->batch, merge_put, merge_del);
}

static void *writer_main(void *arg)
{
    struct db_rocks *d = arg;

    pthread_mutex_lock(&d->lock);
    for (;;) {
        struct job *first, *j, *next;
        int err;

        while (d->head == NULL && !d->stop)
            pthread_cond_wait(&d->wake, &d->lock);
        if (d->head == NULL)
            break;
        first = d->head;
        d->head = NULL;
        d->tail = &d->head;
        pthread_mutex_unlock(&d->lock);
        for (j = first->next; j != NULL; j = j->next)
            merge(first, j);
        err = write_job(d, first);
        pthread_mutex_lock(&d->lock);
        for (j = first; j != NULL; j = next) {
            next = j->next;
            j->err = err;
            put_done(d, j);
        }
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

static void rocks_batch(struct db *db, const struct db_op *ops, size_t n,
                        void (*done)(void *ctx, int err), void *ctx)
{
    struct db_rocks *d = (struct db_rocks *)db;
    struct job *j = FOG_NEW(job);

    j->batch = rocksdb_writebatch_create();
    j->done = done;
    j->ctx = ctx;
    for (size_t i = 0; i < n; i++) {
        j->bytes += ops[i].key.len + ops[i].value.len;
        if (ops[i].value.p == NULL)
            rocksdb_writebatch_delete(j->batch, (const char *)ops[i].key.p, ops[i].key.len);
        else
            rocksdb_writebatch_put(j->batch, (const char *)ops[i].key.p, ops[i].key.len,
                                   (const char *)ops[i].value.p, ops[i].value.len);
    }
    if (j->bytes > DB_BATCH_MAX) {
        j->err = FOG_ELIMIT;
        pthread_mutex_lock(&d->lock);
        put_done(d, j);
        pthread_mutex_unlock(&d->lock);
        return;
    }
    pthread_mutex_lock(&d->lock);
    *d->tail = j;
    d->tail = &j->next;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
}

static void rocks_close(struct db *db)
{
    struct db_rocks *d = (struct db_rocks *)db;
    struct job *j, *next;

    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->writer, NULL);
    rocksdb_close(d->rocks);
    rocksdb_readoptions_destroy(d->read);
    rocksdb_writeoptions_destroy(d->sync);
    rocksdb_options_destroy(d->options);
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->wake);
    fog_watch_free(&d->watch);
    close(d->event);
    for (j = d->done_head; j != NULL; j = next) {
        next = j->next;
        job_free(j); /* nobody is told any more */
    }
    free(d);
}

static const struct db_engine rocks_engine = {rocks_get, rocks_scan, rocks_batch, rocks_close};

int db_open_rocks(struct fog_loop *loop, const char *folder, struct db **out)
{
    struct db_rocks *d = FOG_NEW(db_rocks);
    char *err = NULL;

    d->db.engine = &rocks_engine;
    d->tail = &d->head;
    d->done_tail = &d->done_head;
    d->options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(d->options, 1);
    rocksdb_options_set_write_buffer_size(d->options, (size_t)2 << 20);
    rocksdb_options_set_max_open_files(d->options, 32);
    rocksdb_options_set_keep_log_file_num(d->options, 2);
    rocksdb_options_set_max_log_file_size(d->options, (size_t)1 << 20);
    d->read = rocksdb_readoptions_create();
    d->sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(d->sync, 1);
    d->rocks = rocksdb_open(d->options, folder, &err);
    if (err != NULL) {
        fog_unusual("db.open", "folder=%s error=\"%s\"", folder, err);
        rocksdb_free(err);
        rocksdb_readoptions_destroy(d->read);
        rocksdb_writeoptions_destroy(d->sync);
        rocksdb_options_destroy(d->options);
        free(d);
        return -EIO;
    }
    d->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    FOG_ASSERT(d->event >= 0);
    d->watch = fog_watch_new(loop, d->event, on_event, NULL, d);
    fog_watch_want(d->watch, true, false);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->wake, NULL);
    if (pthread_create(&d->writer, NULL, writer_main, d) != 0)
        fog_assert_failed("pthread_create", __FILE__, __LINE__);
    *out = &d->db;
    return 0;
}
