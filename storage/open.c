#include "storage/kv_mem.h"
#include "storage/store.h"

#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/obs/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MIB               ((uint64_t)1 << 20)
#define QUOTA_MIN         (64 * MIB)
#define QUEUE_DEFAULT     ((uint32_t)16 << 20)
#define WORKERS_DEFAULT   2u
#define SLACK_PERCENT     5         /* of the quota: dead extents between living ones */
#define SMALL_FILES_BYTES (6 * MIB) /* the engine's own logs and manifests, at their limits */

static uint64_t clamp(uint64_t v, uint64_t lo, uint64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static struct kv_rocks_config engine_config(const char *dir, uint64_t quota)
{
    return (struct kv_rocks_config){
        .dir = dir,
        .memtable_bytes = clamp(quota / 128, MIB, 8 * MIB),
        .wal_bytes = clamp(quota / 16, 8 * MIB, 64 * MIB),
        .file_bytes = clamp(quota / 128, MIB, 32 * MIB),
        .cache_bytes = clamp(quota / 1024, MIB, 4 * MIB),
    };
}

/* What the engine may take at one moment beside the living objects: its log, memtables on their way
 * to disk, and a compaction of records whose input is not deleted yet. */
static uint64_t engine_bytes(const struct kv_rocks_config *e)
{
    return e->wal_bytes + 2 * e->memtable_bytes + 4 * e->file_bytes + SMALL_FILES_BYTES;
}

static int write_first(struct storage *st)
{
    struct schema_key key = schema_key_version();
    struct fog_buf buf = {0};
    struct txn x;

    st->totals = (struct totals){.next_place = 1, .next_fifo = 1, .fifo_head = 1};
    txn_begin(&x, st);
    fog_wr_u32(&buf, SCHEMA_VERSION);
    txn_put(&x, KV_MAIN, &key, fog_buf_bytes(&buf));
    fog_buf_fini(&buf);
    return txn_commit(&x, true);
}

static int load_totals(struct storage *st)
{
    struct schema_key key = schema_key_totals();
    struct kv_value v = {0};
    int rc = kv_get(st->kv, KV_MAIN, schema_bytes(&key), &v);

    if (rc == 0)
        rc = totals_decode(v.bytes, &st->totals);
    else if (rc == -ENOENT)
        rc = FOG_ECORRUPT;
    kv_value_done(&v);
    st->shown = st->totals;
    return rc;
}

/* Migrations of older schemas go here, one step per version; there is only one yet. */
static int load(struct storage *st)
{
    struct schema_key key = schema_key_version();
    struct kv_value v = {0};
    uint32_t version = 0;
    int rc = kv_get(st->kv, KV_MAIN, schema_bytes(&key), &v);

    if (rc == -ENOENT)
        return write_first(st);
    if (rc == 0) {
        struct fog_rd r = fog_rd_of(v.bytes);
        version = fog_rd_u32(&r);
        rc = fog_rd_done(&r) != 0 ? FOG_ECORRUPT : version != SCHEMA_VERSION ? FOG_EVERSION : 0;
    }
    kv_value_done(&v);
    return rc != 0 ? rc : load_totals(st);
}

static void destroy(struct storage *st)
{
    struct storage_ns *ns;

    kv_close(&st->kv);
    while ((ns = st->spaces) != NULL) {
        st->spaces = ns->next;
        free(ns);
    }
    ram_pool_unref(&st->mem);
    pthread_mutex_destroy(&st->lock);
    pthread_mutex_destroy(&st->shown_lock);
    pthread_mutex_destroy(&st->ns_lock);
    free((void *)st->used_bits);
    free(st->dir);
    free(st);
}

int storage_open_kv(struct kv *kv, const struct storage_config *cfg, struct storage **out)
{
    struct storage *st = FOG_NEW(storage);
    int rc;

    st->kv = kv;
    st->cfg = *cfg;
    st->dir = cfg->dir == NULL ? NULL : fog_strdup(cfg->dir);
    st->cfg.dir = st->dir;
    if (st->cfg.queue_bytes == 0)
        st->cfg.queue_bytes = QUEUE_DEFAULT;
    if (st->cfg.workers == 0)
        st->cfg.workers = WORKERS_DEFAULT;
    st->usable_bytes = cfg->quota_bytes;
    if (st->dir != NULL) {
        struct kv_rocks_config e = engine_config(st->dir, cfg->quota_bytes);
        st->engine_bytes = engine_bytes(&e);
        st->usable_bytes = (cfg->quota_bytes - st->engine_bytes) / 100 * (100 - SLACK_PERCENT);
    }
    st->since_watch_bytes = UINT32_MAX; /* the first put measures */
    pthread_mutex_init(&st->lock, NULL);
    pthread_mutex_init(&st->shown_lock, NULL);
    pthread_mutex_init(&st->ns_lock, NULL);
    used_init(st);
    st->mem = ram_pool_new();
    ram_pool_grow(st->mem, (int64_t)STORAGE_READ_SLACK_BYTES);
    if ((rc = load(st)) != 0) {
        destroy(st);
        return rc;
    }
    st->pool = pool_new(st->cfg.workers);
    *out = st;
    return 0;
}

int storage_open(const struct storage_config *cfg, struct storage **out)
{
    struct kv_rocks_config e;
    struct kv *kv;
    int rc;

    if (cfg->dir == NULL)
        return storage_open_kv(kv_mem_new(), cfg, out);
    if (cfg->quota_bytes < QUOTA_MIN)
        return FOG_ECONFIG;
    if (mkdir(cfg->dir, 0700) != 0 && errno != EEXIST)
        return -errno;
    e = engine_config(cfg->dir, cfg->quota_bytes);
    if ((rc = kv_rocks_open(&e, &kv)) != 0 || (rc = storage_open_kv(kv, cfg, out)) != 0)
        return rc;
    fog_info("storage.open", "dir=%s quota_bytes=%" PRIu64 " charged_bytes=%" PRIu64, cfg->dir,
             cfg->quota_bytes, (*out)->totals.charged);
    return 0;
}

void storage_close(struct storage **pst)
{
    struct storage *st = *pst;

    *pst = NULL;
    if (st == NULL)
        return;
    pool_free(&st->pool);
    if (atomic_load(&st->health) != STORAGE_READ_ONLY && kv_flush(st->kv) != 0)
        fog_unusual("storage.flush_failed",
                    "note=\"the log has everything that was acknowledged\"");
    destroy(st);
}

void storage_stat(struct storage *st, struct storage_stat *out)
{
    const struct storage_figures *f = &st->fig;
    struct totals t;

    pthread_mutex_lock(&st->shown_lock);
    t = st->shown;
    pthread_mutex_unlock(&st->shown_lock);
    *out = (struct storage_stat){
        .health = (enum storage_health)atomic_load(&st->health),
        .quota_bytes = st->cfg.quota_bytes,
        .usable_bytes = st->usable_bytes,
        .charged_bytes = t.charged,
        .pinned_bytes = t.pinned,
        .puts = atomic_load_explicit(&f->puts, memory_order_relaxed),
        .evicted = atomic_load_explicit(&f->evicted, memory_order_relaxed),
        .evicted_bytes = atomic_load_explicit(&f->evicted_bytes, memory_order_relaxed),
        .expired = atomic_load_explicit(&f->expired, memory_order_relaxed),
        .ram_hits = atomic_load_explicit(&f->ram_hits, memory_order_relaxed),
        .disk_reads = atomic_load_explicit(&f->disk_reads, memory_order_relaxed),
        .misses = atomic_load_explicit(&f->misses, memory_order_relaxed),
        .corrupt = atomic_load_explicit(&f->corrupt, memory_order_relaxed),
        .ram_bytes = ram_pool_used(st->mem),
    };
    memcpy(out->bytes, t.bytes, sizeof t.bytes);
    memcpy(out->objects, t.objects, sizeof t.objects);
}
