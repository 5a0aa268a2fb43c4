#include "node/fill_in.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/content/tree.h"
#include "core/crypto/rng_system.h"
#include "core/io/loop.h"
#include "core/obs/log.h"
#include "storage/storage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define RUNNING_MAX 6 /* chunks filled at a time on one loop: each holds up to 1 MiB */
#define RACERS      2

struct job;

/* One holder being asked for a chunk. */
struct attempt {
    struct job *job;
    struct links_fetch *fetch;
    struct links_peer peer;
    struct fog_hash list[FOG_CHUNK_LEAVES];
    size_t list_got; /* bytes */
    bool proven;     /* the list is the chunk's */
    bool refused;    /* answered with another status than 200 */
    unsigned leaf;
    uint32_t leaf_got;
    uint8_t *leaf_buf;
};

/* One chunk wanted on this loop. */
struct job {
    struct fill *f;
    struct fog_link in_queue;
    struct fog_chunk_ref ref;
    struct fill_want want;
    struct links_peer candidates[PEERS_CANDIDATES];
    size_t n_candidates, next;
    struct attempt *racers[RACERS];
    struct storage_fill *sf;
    struct fog_list readers; /* fill_wait: content can be read */
    struct fog_list keepers; /* fill_wait: it is on the disk */
    bool sync;
    enum { JOB_QUEUED, JOB_ELSEWHERE, JOB_RUNNING, JOB_COMMITTING } state;
    struct fog_timer *timer; /* patience with the holders */
    struct fog_timer *kick;  /* readers that came after the fill had begun */
    int last_err;
};

static void job_run(struct job *j);
static void job_end(struct job *j, int readers_err, int keepers_err);

struct fog_map *fill_map_new(void)
{
    struct fog_rng rng = fog_rng_system();
    uint8_t seed[16];

    fog_rng_fill(&rng, seed, sizeof seed);
    return fog_map_new(seed);
}

struct fill_want fill_want_copy(const struct fill_want *want)
{
    struct fill_want copy = *want;

    copy.sources = NULL;
    copy.n_sources = 0;
    return copy;
}

void fill_wake(struct fog_list *waits, int err)
{
    struct fog_list now;
    struct fog_link *it;

    /* Moved first: a woken waiter may wait again. */
    fog_list_init(&now);
    while ((it = fog_list_pop_front(waits)) != NULL)
        fog_list_push_back(&now, it);
    while ((it = fog_list_pop_front(&now)) != NULL) {
        struct fill_wait *w = FOG_CONTAINER(it, fill_wait, link);

        w->on_done(w, err);
    }
}

void fill_forget(struct fog_list *waits)
{
    while (fog_list_pop_front(waits) != NULL)
        continue;
}

void fill_caught(struct fill *f, const struct fill_lie *lie)
{
    char peer[FOG_HEX_LEN(8) + 1], chunk[FOG_HEX_LEN(8) + 1];

    f->stats.lies++;
    peers_distrust(f->conf.peers, lie->peer, fog_loop_now_ms(f->conf.loop));
    fog_hex_encode(lie->peer, 8, peer);
    fog_hex_encode(lie->chunk.id.b, 8, chunk);
    fog_unusual("fill.lie", "peer=%s chunk=%s leaf=%u", peer, chunk, lie->leaf);
    if (f->conf.on_lie != NULL)
        f->conf.on_lie(f->conf.arg, lie);
}

/* ---- attempts ---- */

static void attempt_free(struct attempt **pa)
{
    struct attempt *a = *pa;

    *pa = NULL;
    if (a == NULL)
        return;
    links_cancel(&a->fetch);
    free(a->leaf_buf);
    free(a);
}

static void attempt_drop(struct attempt *a)
{
    struct job *j = a->job;

    for (int i = 0; i < RACERS; i++) {
        if (j->racers[i] == a) {
            attempt_free(&j->racers[i]);
            return;
        }
    }
}

static int racing(const struct job *j)
{
    int n = 0;

    for (int i = 0; i < RACERS; i++)
        n += j->racers[i] != NULL;
    return n;
}

static void lied(struct attempt *a, uint32_t leaf, const struct fog_hash *expected,
                 const struct fog_hash *got)
{
    struct fill_lie lie = {.chunk = a->job->ref, .leaf = leaf, .expected = *expected, .got = *got};

    memcpy(lie.peer, a->peer.key, sizeof lie.peer);
    a->job->last_err = FOG_EVERIFY;
    fill_caught(a->job->f, &lie);
}

/* The leaf list is complete: the first one that is right wins the race. */
static int on_list(struct attempt *a)
{
    struct job *j = a->job;
    unsigned n = (unsigned)fog_leaf_count(j->ref.len);
    int rc;

    if (fog_leaf_list_verify(a->list, n, &j->ref) != 0) {
        struct fog_hash got;

        fog_tree_root(a->list, n, &got);
        lied(a, UINT32_MAX, &j->ref.id, &got);
        return FOG_EVERIFY;
    }
    a->proven = true;
    for (int i = 0; i < RACERS; i++)
        if (j->racers[i] != a)
            attempt_free(&j->racers[i]);
    if (j->sf == NULL) {
        const struct storage_attr attr = {.publisher = j->want.publisher, .pg = j->want.pg};

        rc = storage_fill_begin(j->f->conf.store, &j->ref, a->list, n, &attr, &j->sf);
        if (rc != 0)
            return rc;
        fill_wake(&j->readers, 0);
    }
    return 0;
}

static int on_leaf(struct attempt *a)
{
    struct job *j = a->job;
    const struct fog_bytes leaf = fog_bytes_of(a->leaf_buf, a->leaf_got);
    int rc = storage_fill_leaf(j->sf, leaf);

    if (rc == FOG_EVERIFY) {
        struct fog_hash got;

        fog_leaf_hash(leaf, &got);
        lied(a, a->leaf, &a->list[a->leaf], &got);
    }
    if (rc != 0)
        return rc;
    j->f->stats.bytes += leaf.len;
    a->leaf++;
    a->leaf_got = 0;
    return 0;
}

static bool is_complete(const struct job *j)
{
    return j->sf != NULL && storage_fill_next(j->sf) == fog_leaf_count(j->ref.len);
}

/* Takes bytes of the body. 0, or why this holder is of no more use. */
static int attempt_feed(struct attempt *a, struct fog_bytes in)
{
    struct job *j = a->job;
    size_t list_len = (size_t)fog_leaf_count(j->ref.len) * sizeof(struct fog_hash);
    int rc;

    if (!a->proven) {
        size_t n = list_len - a->list_got < in.len ? list_len - a->list_got : in.len;

        memcpy((uint8_t *)a->list + a->list_got, in.p, n);
        a->list_got += n;
        in = fog_bytes_of(in.p + n, in.len - n);
        if (a->list_got < list_len)
            return 0;
        if ((rc = on_list(a)) != 0)
            return rc;
    }
    while (in.len > 0 || (j->ref.len == 0 && !is_complete(j))) {
        uint32_t want, n;

        if (a->leaf >= fog_leaf_count(j->ref.len))
            return FOG_ETRAIL;
        want = fog_leaf_len(j->ref.len, a->leaf) - a->leaf_got;
        n = in.len < want ? (uint32_t)in.len : want;
        if (a->leaf_buf == NULL)
            a->leaf_buf = fog_alloc(FOG_LEAF_SIZE);
        if (n > 0)
            memcpy(a->leaf_buf + a->leaf_got, in.p, n);
        a->leaf_got += n;
        in = fog_bytes_of(in.p + n, in.len - n);
        if (n == want && (rc = on_leaf(a)) != 0)
            return rc;
    }
    return 0;
}

static void on_stored(int rc, void *arg)
{
    struct job *j = arg;

    j->f->stats.chunks++;
    job_end(j, 0, rc);
}

static void job_commit(struct job *j)
{
    int rc;

    fog_timer_stop(j->timer);
    for (int i = 0; i < RACERS; i++)
        attempt_free(&j->racers[i]);
    j->state = JOB_COMMITTING;
    rc = storage_fill_commit(&j->sf, j->sync, on_stored, j);
    if (rc != 0) /* in RAM only, for as long as it stays there */
        on_stored(rc, j);
}

/* The holder is of no use (any more): the next one is asked. */
static void attempt_failed(struct attempt *a, int err)
{
    struct job *j = a->job;

    if (j->last_err == 0 || j->last_err == -ENOENT)
        j->last_err = err;
    attempt_drop(a);
    if (racing(j) == 0)
        job_run(j);
}

static void on_response(void *arg, int status)
{
    struct attempt *a = arg;

    a->refused = status != 200;
}

static void on_data(void *arg, struct fog_bytes data)
{
    struct attempt *a = arg;
    struct job *j = a->job;
    int rc;

    if (a->refused)
        return;
    rc = attempt_feed(a, data);
    if (is_complete(j)) {
        job_commit(j);
    } else if (rc == -EEXIST) { /* it is in RAM already */
        job_end(j, 0, FOG_EBUSY);
    } else if (rc == FOG_EBUSY) {
        job_end(j, rc, rc);
    } else if (rc != 0) {
        attempt_failed(a, rc);
    } else {
        fog_timer_start(j->timer, j->sf == NULL ? FILL_FIRST_MS : FILL_STALL_MS);
    }
}

static void on_end(void *arg, int err)
{
    struct attempt *a = arg;

    a->fetch = NULL;
    attempt_failed(a, err != 0 ? err : a->refused ? -ENOENT : FOG_ETRUNC);
}

static void attempt_start(struct job *j, int slot)
{
    static const struct links_ops ops = {on_response, on_data, on_end};
    struct attempt *a = FOG_NEW(attempt);
    char id[FOG_HEX_LEN(32) + 1], path[LINKS_PATH_MAX];

    a->job = j;
    a->peer = j->candidates[j->next++];
    a->leaf = j->sf == NULL ? 0 : storage_fill_next(j->sf);
    fog_hex_encode(j->ref.id.b, 32, id);
    (void)snprintf(path, sizeof path, "/n/chunk/%s?len=%u&from=%u", id, j->ref.len, a->leaf);
    j->racers[slot] = a;
    a->fetch = links_get(j->f->conf.links, &a->peer, path,
                         FOG_CHUNK_SIZE + FOG_CHUNK_LEAVES * sizeof(struct fog_hash), &ops, a);
}

/* ---- jobs ---- */

/* Asks the next holder, or ends when there is none left to wait for. */
static void job_run(struct job *j)
{
    for (int i = 0; i < RACERS && j->next < j->n_candidates; i++) {
        if (j->racers[i] == NULL) {
            attempt_start(j, i);
            fog_timer_start(j->timer, j->sf == NULL ? FILL_FIRST_MS : FILL_STALL_MS);
            return;
        }
    }
    if (racing(j) == 0) {
        char id[FOG_HEX_LEN(8) + 1];
        int err = j->last_err == 0 ? -ENOENT : j->last_err;

        fog_hex_encode(j->ref.id.b, 8, id);
        fog_unusual("fill.failed", "chunk=%s asked=%zu error=\"%s\"", id, j->n_candidates,
                    fog_strerror(err));
        j->f->stats.failed++;
        job_end(j, err, err);
    }
}

static void on_patience(void *arg)
{
    struct job *j = arg;

    if (j->state != JOB_RUNNING)
        return;
    if (j->sf != NULL) { /* it began and stalled: on to the next from the leaf that is wanted */
        j->last_err = -ETIMEDOUT;
        for (int i = 0; i < RACERS; i++)
            attempt_free(&j->racers[i]);
        job_run(j);
        return;
    }
    if (j->next < j->n_candidates && racing(j) == RACERS)
        attempt_free(&j->racers[0]); /* the oldest had two turns */
    if (racing(j) == RACERS || j->next == j->n_candidates) {
        /* Nobody left to race: the last ones get one stall more, then it is over. */
        if (j->last_err == -ETIMEDOUT) {
            for (int i = 0; i < RACERS; i++)
                attempt_free(&j->racers[i]);
            job_run(j);
            return;
        }
        j->last_err = -ETIMEDOUT;
        fog_timer_start(j->timer, FILL_STALL_MS);
        return;
    }
    job_run(j);
}

static void start_queued(struct fill *f)
{
    while (f->running < RUNNING_MAX && !fog_list_empty(&f->queue)) {
        struct job *j = FOG_CONTAINER(fog_list_pop_front(&f->queue), job, in_queue);

        if (!fill_table_claim(f->conf.table, &j->ref.id, f)) {
            j->state = JOB_ELSEWHERE;
            continue;
        }
        j->state = JOB_RUNNING;
        f->running++;
        job_run(j);
    }
}

static void job_free(struct job *j)
{
    fill_forget(&j->readers);
    fill_forget(&j->keepers);
    for (int i = 0; i < RACERS; i++)
        attempt_free(&j->racers[i]);
    fog_link_remove(&j->in_queue);
    fog_timer_free(&j->timer);
    fog_timer_free(&j->kick);
    free(j);
}

static void on_job_free(void *arg)
{
    job_free(arg);
}

static void job_end(struct job *j, int readers_err, int keepers_err)
{
    struct fill *f = j->f;
    bool was_mine = j->state == JOB_RUNNING || j->state == JOB_COMMITTING;
    struct fog_hash id = j->ref.id;

    fog_timer_stop(j->timer);
    fog_timer_stop(j->kick);
    for (int i = 0; i < RACERS; i++)
        attempt_free(&j->racers[i]);
    if (j->sf != NULL)
        storage_fill_abort(&j->sf, readers_err != 0 ? readers_err : FOG_ECANCELED);
    (void)fog_map_del(f->chunks, fog_bytes_of(&id, sizeof id));
    if (was_mine) {
        f->running--;
        fill_table_release(f->conf.table, &id, keepers_err);
    }
    fill_wake(&j->readers, readers_err);
    fill_wake(&j->keepers, keepers_err);
    /* A timer of this job may be what called us. */
    fog_loop_post(f->conf.loop, on_job_free, j);
    start_queued(f);
}

void fill_on_released(struct fill *f, const struct fog_hash *id, int err)
{
    struct job *j = fog_map_get(f->chunks, fog_bytes_of(id, sizeof *id));

    if (j == NULL || j->state != JOB_ELSEWHERE)
        return;
    if (err == 0) {
        job_end(j, 0, 0);
        return;
    }
    j->state = JOB_QUEUED; /* the other loop did not succeed: our own turn */
    fog_list_push_back(&f->queue, &j->in_queue);
    start_queued(f);
}

static void on_kick(void *arg)
{
    struct job *j = arg;

    if (j->state == JOB_QUEUED)
        start_queued(j->f);
    else if (j->sf != NULL || j->state == JOB_COMMITTING)
        fill_wake(&j->readers, 0);
}

void fill_chunk(struct fill *f, const struct fog_chunk_ref *ref, const struct fill_want *want,
                bool stored, bool sync, struct fill_wait *w)
{
    struct job *j = fog_map_get(f->chunks, fog_bytes_of(&ref->id, sizeof ref->id));

    if (j == NULL) {
        j = FOG_NEW(job);
        j->f = f;
        j->ref = *ref;
        j->want = fill_want_copy(want);
        fog_list_init(&j->readers);
        fog_list_init(&j->keepers);
        j->timer = fog_timer_new(f->conf.loop, on_patience, j);
        j->kick = fog_timer_new(f->conf.loop, on_kick, j);
        j->n_candidates = peers_candidates(f->conf.peers, &want->pg, want->sources, want->n_sources,
                                           fog_loop_now_ms(f->conf.loop), j->candidates);
        (void)fog_map_put(f->chunks, fog_bytes_of(&ref->id, sizeof ref->id), j);
        fog_list_push_back(&f->queue, &j->in_queue);
        fog_timer_start(j->kick, 0); /* callbacks never come from inside this call */
    }
    j->sync |= sync;
    fog_list_push_back(stored ? &j->keepers : &j->readers, &w->link);
    if (!stored && j->state != JOB_QUEUED)
        fog_timer_start(j->kick, 0);
}

void fill_unwait(struct fill_wait *w)
{
    fog_link_remove(&w->link);
}

struct fill *fill_new(const struct fill_conf *conf)
{
    struct fill *f = FOG_NEW(fill);

    f->conf = *conf;
    f->chunks = fill_map_new();
    f->objects = fill_map_new();
    fog_list_init(&f->queue);
    return f;
}

void fill_free(struct fill **pf)
{
    struct fill *f = *pf;
    struct job *j;
    size_t at = 0;

    *pf = NULL;
    if (f == NULL)
        return;
    while ((j = fog_map_next(f->chunks, &at, NULL)) != NULL) {
        if (j->sf != NULL)
            storage_fill_abort(&j->sf, FOG_ECANCELED);
        job_free(j);
    }
    fog_map_free(&f->chunks);
    fill_objects_free(f);
    free(f);
}

const struct fill_stats *fill_stats(const struct fill *f)
{
    return &f->stats;
}
