#include "core/content/leaf.h"

#include "core/base/assert.h"
#include "core/crypto/hash.h"

_Static_assert(FOG_CHUNK_SIZE == FOG_CHUNK_LEAVES * FOG_LEAF_SIZE, "16 leaves");
_Static_assert(FOG_EXTENT_SIZE == 4 * FOG_LEAF_SIZE, "4 leaves");

static const struct {
    const char *name;
    size_t max;
} kinds[] = {
    [FOG_KIND_CHUNK] = {"chunk", FOG_CHUNK_SIZE},
    [FOG_KIND_MANIFEST] = {"manifest", FOG_MANIFEST_MAX},
    [FOG_KIND_PAGE] = {"page", FOG_PAGE_MAX},
    [FOG_KIND_KEYDOC] = {"keydoc", FOG_KEYDOC_MAX},
    [FOG_KIND_DELEGATE] = {"delegate", FOG_DELEGATE_MAX},
    [FOG_KIND_POINTER] = {"pointer", FOG_POINTER_MAX},
};

size_t fog_kind_max(unsigned kind)
{
    return kind < FOG_COUNT(kinds) ? kinds[kind].max : 0;
}

const char *fog_kind_name(unsigned kind)
{
    return kind < FOG_COUNT(kinds) ? kinds[kind].name : NULL;
}

/* How many units cover the size, at least one. */
static uint64_t units(uint64_t size, uint32_t unit)
{
    return size == 0 ? 1 : (size - 1) / unit + 1;
}

static uint32_t unit_len(uint64_t size, uint64_t index, uint32_t unit)
{
    FOG_ASSERT(index < units(size, unit));
    return size - index * unit < unit ? (uint32_t)(size - index * unit) : unit;
}

uint64_t fog_leaf_count(uint64_t size)
{
    return units(size, FOG_LEAF_SIZE);
}

uint32_t fog_leaf_len(uint64_t size, uint64_t index)
{
    return unit_len(size, index, FOG_LEAF_SIZE);
}

uint64_t fog_chunk_count(uint64_t size)
{
    return units(size, FOG_CHUNK_SIZE);
}

uint32_t fog_chunk_len(uint64_t size, uint64_t index)
{
    return unit_len(size, index, FOG_CHUNK_SIZE);
}

void fog_leaf_hash(struct fog_bytes bytes, struct fog_hash *out)
{
    FOG_ASSERT(bytes.len <= FOG_LEAF_SIZE);
    fog_sha256_parts((struct fog_bytes[]){fog_bytes_of("\0", 1), bytes}, 2, out);
}

int fog_leaf_verify(struct fog_bytes bytes, const struct fog_hash *want)
{
    struct fog_hash got;

    if (bytes.len > FOG_LEAF_SIZE)
        return FOG_EVERIFY;
    fog_leaf_hash(bytes, &got);
    return fog_hash_eq(&got, want) ? 0 : FOG_EVERIFY;
}
