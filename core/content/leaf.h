/*
 * Sizes and names of content (PROTOCOL 2): leaves of 64 KiB, chunks of 16 leaves, extents of 4
 * leaves, kinds of objects. Pure arithmetic and the leaf hash; the tree is in tree.h.
 */
#ifndef FOG_CONTENT_LEAF_H
#define FOG_CONTENT_LEAF_H

#include "core/base/err.h"
#include "core/base/types.h"

#define FOG_LEAF_SIZE    ((uint32_t)65536)
#define FOG_CHUNK_LEAVES 16
#define FOG_CHUNK_SIZE   ((uint32_t)1048576)
#define FOG_EXTENT_SIZE  ((uint32_t)262144)

/* What a manifest of at most FOG_MANIFEST_MAX bytes can name in one variant is a little below this;
 * sizes above it are refused everywhere. */
#define FOG_OBJECT_MAX ((uint64_t)32768 * FOG_CHUNK_SIZE)

/* The number is also the prefix byte of the hash that names the object (fog_object_id); 0x00 and
 * 0x01 belong to leaves and inner nodes of the tree. */
enum fog_kind {
    FOG_KIND_CHUNK = 1,
    FOG_KIND_MANIFEST = 2,
    FOG_KIND_PAGE = 3,
    FOG_KIND_KEYDOC = 4,
    FOG_KIND_DELEGATE = 5,
    FOG_KIND_POINTER = 6,
};

#define FOG_MANIFEST_MAX ((size_t)1 << 20)
#define FOG_PAGE_MAX     ((size_t)65536)
#define FOG_KEYDOC_MAX   ((size_t)4096)
#define FOG_DELEGATE_MAX ((size_t)512)
#define FOG_POINTER_MAX  ((size_t)512)

/* The largest body of a kind in bytes; 0 for an unknown kind. */
size_t fog_kind_max(unsigned kind);

/* "chunk", "manifest", ...; NULL for an unknown kind. */
const char *fog_kind_name(unsigned kind);

struct fog_chunk_ref {
    struct fog_hash id;
    uint32_t len; /* bytes, 0 .. FOG_CHUNK_SIZE (0: the empty object's one chunk) */
};

/* A hash with the length of what it names: a release page, or a whole object by its root. */
struct fog_ref {
    struct fog_hash id;
    uint64_t size;
};

/* n = max(1, ceil(size / 65536)): the empty object has one empty leaf. */
uint64_t fog_leaf_count(uint64_t size);
uint32_t fog_leaf_len(uint64_t size, uint64_t index);
uint64_t fog_chunk_count(uint64_t size);
uint32_t fog_chunk_len(uint64_t size, uint64_t index);

/* SHA-256(0x00 ‖ bytes); at most FOG_LEAF_SIZE bytes. */
void fog_leaf_hash(struct fog_bytes bytes, struct fog_hash *out);

/* 0 or FOG_EVERIFY. */
int fog_leaf_verify(struct fog_bytes bytes, const struct fog_hash *want) FOG_MUST_CHECK;

#endif
