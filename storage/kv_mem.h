/*
 * The engine in memory, for tests and fuzzing: a sorted table per column family, and knobs that
 * make it fail like a disk does.
 */
#ifndef FOG_STORAGE_KV_MEM_H
#define FOG_STORAGE_KV_MEM_H

#include "storage/kv.h"

struct kv *kv_mem_new(void);

/* After `after` more successful writes each write fails with `rc`; rc 0 heals. */
void kv_mem_fail_writes(struct kv *kv, unsigned after, int rc);

/* Reads of this family fail with `rc`; 0 heals. */
void kv_mem_fail_reads(struct kv *kv, enum kv_cf cf, int rc);

/* Flips one bit of the nth value (in key order) of the family: damage that no checksum notices.
 * -ENOENT when there is none. */
int kv_mem_damage(struct kv *kv, enum kv_cf cf, size_t nth, size_t at) FOG_MUST_CHECK;

size_t kv_mem_count(struct kv *kv, enum kv_cf cf);

#endif
