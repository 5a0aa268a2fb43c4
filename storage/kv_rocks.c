#include "storage/kv.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/obs/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <rocksdb/c.h>

/* XXH3 by its number in the C API: Debian's build has no hardware CRC32C (docs of the table
 * option). */
#define CHECKSUM_XXH3 4

struct kv_rocks {
    struct kv kv;
    char *dir;
    rocksdb_t *db;
    rocksdb_column_family_handle_t *cf[KV_CF_COUNT];
    rocksdb_options_t *cf_options[KV_CF_COUNT];
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read;      /* small records: blocks are cached */
    rocksdb_readoptions_t *read_data; /* extents: never through the block cache */
    rocksdb_writeoptions_t *write;
    rocksdb_writeoptions_t *write_sync;
};

struct kv_batch {
    rocksdb_writebatch_t *wb;
    struct kv_rocks *r;
};

static const char *const family_names[KV_CF_COUNT] = {
#define X(id, name) name,
    KV_FAMILIES(X)
#undef X
};

static struct kv_rocks *rocks_of(struct kv *kv)
{
    return FOG_CONTAINER(kv, kv_rocks, kv);
}

/* The C API tells errors as text only; takes and frees it. */
static int error_take(char *err, const char *what)
{
    int rc = -EIO;

    if (err == NULL)
        return 0;
    if (strncmp(err, "Corruption", 10) == 0)
        rc = FOG_ECORRUPT;
    else if (strstr(err, "No space left") != NULL || strstr(err, "Disk quota exceeded") != NULL)
        rc = -ENOSPC;
    else if (strstr(err, "lock") != NULL && strncmp(err, "IO error", 8) == 0)
        rc = FOG_EBUSY;
    fog_unusual("storage.engine", "op=%s error=\"%s\"", what, err);
    rocksdb_free(err);
    return rc;
}

static void value_release(void *own)
{
    rocksdb_pinnableslice_destroy(own);
}

static int rocks_get(struct kv *kv, enum kv_cf cf, struct fog_bytes key, struct kv_value *out)
{
    struct kv_rocks *r = rocks_of(kv);
    rocksdb_readoptions_t *opt = cf == KV_DATA ? r->read_data : r->read;
    rocksdb_pinnableslice_t *v;
    char *err = NULL;
    size_t len = 0;
    int rc;

    v = rocksdb_get_pinned_cf(r->db, opt, r->cf[cf], (const char *)key.p, key.len, &err);
    if ((rc = error_take(err, "get")) != 0)
        return rc;
    if (v == NULL)
        return -ENOENT;
    out->bytes.p = (const uint8_t *)rocksdb_pinnableslice_value(v, &len);
    out->bytes.len = len;
    out->own = v;
    out->release = value_release;
    return 0;
}

static struct fog_bytes iter_key(const rocksdb_iterator_t *it)
{
    size_t len;
    const char *p = rocksdb_iter_key(it, &len);

    return fog_bytes_of(p, len);
}

static struct fog_bytes iter_value(const rocksdb_iterator_t *it)
{
    size_t len;
    const char *p = rocksdb_iter_value(it, &len);

    return fog_bytes_of(p, len);
}

static int rocks_scan(struct kv *kv, enum kv_cf cf, struct fog_bytes from, struct fog_bytes to,
                      kv_scan_fn fn, void *arg)
{
    struct kv_rocks *r = rocks_of(kv);
    rocksdb_readoptions_t *opt = rocksdb_readoptions_create();
    rocksdb_iterator_t *it;
    char *err = NULL;
    int rc = 0;

    rocksdb_readoptions_set_verify_checksums(opt, 1);
    rocksdb_readoptions_set_fill_cache(opt, cf != KV_DATA);
    /* the bound also keeps the iterator from wading through deleted rows beyond the range */
    if (to.len != 0)
        rocksdb_readoptions_set_iterate_upper_bound(opt, (const char *)to.p, to.len);
    it = rocksdb_create_iterator_cf(r->db, opt, r->cf[cf]);
    if (from.len == 0)
        rocksdb_iter_seek_to_first(it);
    else
        rocksdb_iter_seek(it, (const char *)from.p, from.len);
    while (rc == 0 && rocksdb_iter_valid(it)) {
        rc = fn(iter_key(it), iter_value(it), arg);
        if (rc == 0)
            rocksdb_iter_next(it);
    }
    if (rc == 0) {
        rocksdb_iter_get_error(it, &err);
        rc = error_take(err, "scan");
    }
    rocksdb_iter_destroy(it);
    rocksdb_readoptions_destroy(opt);
    return rc;
}

static struct kv_batch *rocks_batch_new(struct kv *kv)
{
    struct kv_batch *b = FOG_NEW(kv_batch);

    b->wb = rocksdb_writebatch_create();
    b->r = rocks_of(kv);
    return b;
}

#define PARTS_MAX 4

static void rocks_batch_put(struct kv_batch *b, enum kv_cf cf, struct fog_bytes key,
                            const struct fog_bytes *parts, size_t n_parts)
{
    const char *keys[1] = {(const char *)key.p}, *values[PARTS_MAX];
    size_t key_lens[1] = {key.len}, value_lens[PARTS_MAX];

    FOG_ASSERT(n_parts >= 1 && n_parts <= PARTS_MAX);
    for (size_t i = 0; i < n_parts; i++) {
        values[i] = (const char *)parts[i].p;
        value_lens[i] = parts[i].len;
    }
    if (n_parts == 1)
        rocksdb_writebatch_put_cf(b->wb, b->r->cf[cf], keys[0], key.len, values[0], value_lens[0]);
    else
        rocksdb_writebatch_putv_cf(b->wb, b->r->cf[cf], 1, keys, key_lens, (int)n_parts, values,
                                   value_lens);
}

static void rocks_batch_del(struct kv_batch *b, enum kv_cf cf, struct fog_bytes key)
{
    rocksdb_writebatch_delete_cf(b->wb, b->r->cf[cf], (const char *)key.p, key.len);
}

static void rocks_batch_free(struct kv_batch *b)
{
    rocksdb_writebatch_destroy(b->wb);
    free(b);
}

static int rocks_write(struct kv *kv, struct kv_batch *b, bool sync)
{
    struct kv_rocks *r = rocks_of(kv);
    char *err = NULL;

    rocksdb_write(r->db, sync ? r->write_sync : r->write, b->wb, &err);
    return error_take(err, "write");
}

/* A sum over the directory: O(files), and the engine has at most a few per gigabyte. */
static int rocks_disk_bytes(struct kv *kv, uint64_t *out)
{
    struct kv_rocks *r = rocks_of(kv);
    DIR *d = opendir(r->dir);
    uint64_t sum = 0;
    struct dirent *e;

    if (d == NULL)
        return -errno;
    /* a table may vanish between readdir and stat: then it takes no space */
    while ((e = readdir(d)) != NULL) { /* NOLINT(concurrency-mt-unsafe): the stream is ours alone */
        struct stat st;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_blocks * 512;
    }
    closedir(d);
    *out = sum;
    return 0;
}

static int rocks_flush(struct kv *kv)
{
    struct kv_rocks *r = rocks_of(kv);
    rocksdb_flushoptions_t *opt = rocksdb_flushoptions_create();
    int rc = 0;

    for (int cf = 0; cf < KV_CF_COUNT && rc == 0; cf++) {
        char *err = NULL;
        rocksdb_flush_cf(r->db, opt, r->cf[cf], &err);
        rc = error_take(err, "flush");
    }
    rocksdb_flushoptions_destroy(opt);
    return rc;
}

static int rocks_tables(struct kv *kv, kv_table_fn fn, void *arg)
{
    struct kv_rocks *r = rocks_of(kv);
    const rocksdb_livefiles_t *files = rocksdb_livefiles(r->db);
    int rc = 0, n = rocksdb_livefiles_count(files);

    for (int i = 0; rc == 0 && i < n; i++) {
        struct kv_table t = {.bytes = rocksdb_livefiles_size(files, i),
                             .settled = rocksdb_livefiles_level(files, i) > 0};
        if (strcmp(rocksdb_livefiles_column_family_name(files, i), family_names[KV_DATA]) != 0)
            continue;
        t.first.p = (const uint8_t *)rocksdb_livefiles_smallestkey(files, i, &t.first.len);
        t.last.p = (const uint8_t *)rocksdb_livefiles_largestkey(files, i, &t.last.len);
        rc = fn(&t, arg);
    }
    rocksdb_livefiles_destroy(files);
    return rc;
}

static int rocks_drop_tables(struct kv *kv, struct fog_bytes first, struct fog_bytes last)
{
    struct kv_rocks *r = rocks_of(kv);
    char *err = NULL;

    rocksdb_delete_file_in_range_cf(r->db, r->cf[KV_DATA], (const char *)first.p, first.len,
                                    (const char *)last.p, last.len, &err);
    return error_take(err, "drop");
}

static void rocks_close(struct kv *kv)
{
    struct kv_rocks *r = rocks_of(kv);

    for (int cf = 0; cf < KV_CF_COUNT; cf++)
        if (r->cf[cf] != NULL)
            rocksdb_column_family_handle_destroy(r->cf[cf]);
    if (r->db != NULL)
        rocksdb_close(r->db);
    for (int cf = 0; cf < KV_CF_COUNT; cf++)
        if (r->cf_options[cf] != NULL)
            rocksdb_options_destroy(r->cf_options[cf]);
    if (r->cache != NULL)
        rocksdb_cache_destroy(r->cache);
    if (r->read != NULL)
        rocksdb_readoptions_destroy(r->read);
    if (r->read_data != NULL)
        rocksdb_readoptions_destroy(r->read_data);
    if (r->write != NULL)
        rocksdb_writeoptions_destroy(r->write);
    if (r->write_sync != NULL)
        rocksdb_writeoptions_destroy(r->write_sync);
    free(r->dir);
    free(r);
}

static const struct kv_ops rocks_ops = {
    .get = rocks_get,
    .scan = rocks_scan,
    .batch_new = rocks_batch_new,
    .batch_put = rocks_batch_put,
    .batch_del = rocks_batch_del,
    .batch_free = rocks_batch_free,
    .write = rocks_write,
    .disk_bytes = rocks_disk_bytes,
    .tables = rocks_tables,
    .drop_tables = rocks_drop_tables,
    .flush = rocks_flush,
    .close = rocks_close,
};

static void set_table(struct kv_rocks *r, rocksdb_options_t *o, bool filter)
{
    rocksdb_block_based_table_options_t *t = rocksdb_block_based_options_create();

    rocksdb_block_based_options_set_checksum(t, CHECKSUM_XXH3);
    rocksdb_block_based_options_set_format_version(t, 5);
    rocksdb_block_based_options_set_block_size(t, 4096);
    rocksdb_block_based_options_set_block_cache(t, r->cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(t, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(t, 1);
    if (filter)
        rocksdb_block_based_options_set_filter_policy(
            t, rocksdb_filterpolicy_create_ribbon_hybrid(10, 1));
    rocksdb_options_set_block_based_table_factory(o, t);
    rocksdb_block_based_options_destroy(t);
}

static rocksdb_options_t *family_options(struct kv_rocks *r, const struct kv_rocks_config *cfg,
                                         enum kv_cf cf)
{
    rocksdb_options_t *o = rocksdb_options_create();
    bool data = cf == KV_DATA;
    uint64_t memtable = data ? cfg->memtable_bytes : cfg->memtable_bytes / 8;
    uint64_t file = data ? cfg->file_bytes : cfg->file_bytes / 4;

    rocksdb_options_set_compression(o, rocksdb_no_compression);
    rocksdb_options_set_write_buffer_size(o, (size_t)memtable);
    rocksdb_options_set_arena_block_size(o, data ? 512 << 10 : 32 << 10);
    rocksdb_options_set_max_write_buffer_number(o, 2);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(o, 1);
    rocksdb_options_set_target_file_size_base(o, file);
    rocksdb_options_set_max_bytes_for_level_base(o, file * 4);
    rocksdb_options_set_max_compaction_bytes(o, file * 8);
    /* tables of extents never overlap: they are moved down at once, unread */
    rocksdb_options_set_level0_file_num_compaction_trigger(o, data ? 2 : 4);
    set_table(r, o, cf == KV_META);
    return o;
}

static rocksdb_options_t *db_options(const struct kv_rocks_config *cfg)
{
    rocksdb_options_t *o = rocksdb_options_create();

    rocksdb_options_set_create_if_missing(o, 1);
    rocksdb_options_set_create_missing_column_families(o, 1);
    /* A background write that fails must fail the next foreground one, else writers wait for ever.
     * Damaged extents do not get here: no background work reads them. */
    rocksdb_options_set_paranoid_checks(o, 1);
    rocksdb_options_set_max_background_jobs(o, 2);
    rocksdb_options_set_max_open_files(o, 64);
    rocksdb_options_set_max_file_opening_threads(o, 1);
    rocksdb_options_set_skip_stats_update_on_db_open(o, 1);
    rocksdb_options_set_skip_checking_sst_file_sizes_on_db_open(o, 1);
    rocksdb_options_set_max_total_wal_size(o, cfg->wal_bytes);
    rocksdb_options_set_wal_recovery_mode(o, rocksdb_point_in_time_recovery);
    rocksdb_options_set_bytes_per_sync(o, 1 << 20); /* no write bursts that delay reads */
    rocksdb_options_set_writable_file_max_buffer_size(o, 256 << 10);
    rocksdb_options_set_max_manifest_file_size(o, 4 << 20);
    rocksdb_options_set_max_log_file_size(o, 1 << 20);
    rocksdb_options_set_keep_log_file_num(o, 2);
    rocksdb_options_set_stats_dump_period_sec(o, 0);
    rocksdb_options_set_stats_persist_period_sec(o, 0);
    rocksdb_options_set_table_cache_numshardbits(o, 0);
    return o;
}

static void make_cache(struct kv_rocks *r, uint64_t bytes)
{
    rocksdb_lru_cache_options_t *c = rocksdb_lru_cache_options_create();

    rocksdb_lru_cache_options_set_capacity(c, (size_t)bytes);
    rocksdb_lru_cache_options_set_num_shard_bits(c, 1);
    r->cache = rocksdb_cache_create_lru_opts(c);
    rocksdb_lru_cache_options_destroy(c);
}

int kv_rocks_open(const struct kv_rocks_config *cfg, struct kv **out)
{
    struct kv_rocks *r = FOG_NEW(kv_rocks);
    const rocksdb_options_t *cf_options[KV_CF_COUNT];
    rocksdb_options_t *o = db_options(cfg);
    char *err = NULL;
    int rc;

    r->kv.ops = &rocks_ops;
    r->dir = fog_strdup(cfg->dir);
    make_cache(r, cfg->cache_bytes);
    r->read = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(r->read, 1);
    r->read_data = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(r->read_data, 1);
    rocksdb_readoptions_set_fill_cache(r->read_data, 0);
    r->write = rocksdb_writeoptions_create();
    r->write_sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(r->write_sync, 1);
    for (int cf = 0; cf < KV_CF_COUNT; cf++)
        cf_options[cf] = r->cf_options[cf] = family_options(r, cfg, (enum kv_cf)cf);
    r->db = rocksdb_open_column_families(o, cfg->dir, KV_CF_COUNT, family_names, cf_options, r->cf,
                                         &err);
    rocksdb_options_destroy(o);
    if ((rc = error_take(err, "open")) != 0) {
        rocks_close(&r->kv);
        return rc;
    }
    *out = &r->kv;
    return 0;
}
