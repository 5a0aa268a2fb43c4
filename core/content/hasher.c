/* fog_hasher of manifest.h: bytes in, variant out. */
#include "core/content/manifest.h"

static void begin_leaf(struct fog_hasher *h)
{
    fog_sha256_update(&h->leaf, fog_bytes_of("\0", 1));
}

static void end_leaf(struct fog_hasher *h)
{
    struct fog_hash leaf;

    fog_sha256_final(&h->leaf, &leaf);
    fog_tree_add(&h->chunk, &leaf);
}

static void end_chunk(struct fog_hasher *h)
{
    struct fog_hash id;

    fog_tree_sum(&h->chunk, &id);
    h->chunk.count = 0;
    fog_tree_add(&h->root, &id);
    fog_buf_append(&h->ids, id.b, sizeof id.b);
}

void fog_hasher_init(struct fog_hasher *h)
{
    *h = (struct fog_hasher){.size = 0};
    fog_sha256_init(&h->leaf);
    fog_sha256_init(&h->plain);
    begin_leaf(h);
}

int fog_hasher_update(struct fog_hasher *h, struct fog_bytes in)
{
    if (in.len > FOG_OBJECT_MAX - h->size)
        return FOG_ELIMIT;
    fog_sha256_update(&h->plain, in);
    while (in.len > 0) {
        size_t room = FOG_LEAF_SIZE - (size_t)(h->size % FOG_LEAF_SIZE), n = in.len;

        /* A full leaf is closed only when another byte follows: the last one is closed by final. */
        if (h->size > 0 && h->size % FOG_LEAF_SIZE == 0) {
            end_leaf(h);
            if (h->size % FOG_CHUNK_SIZE == 0)
                end_chunk(h);
            begin_leaf(h);
        }
        if (n > room)
            n = room;
        fog_sha256_update(&h->leaf, fog_bytes_of(in.p, n));
        h->size += n;
        in = fog_bytes_of(in.p + n, in.len - n);
    }
    return 0;
}

void fog_hasher_final(struct fog_hasher *h, enum fog_encoding encoding, struct fog_variant *out)
{
    end_leaf(h);
    end_chunk(h);
    *out = (struct fog_variant){.encoding = encoding, .size = h->size, .has_plain = true};
    fog_sha256_final(&h->plain, &out->plain);
    fog_tree_sum(&h->root, &out->root);
    out->chunk_ids = (struct fog_hash *)(void *)h->ids.data; /* bytes only: no alignment needed */
    h->ids = (struct fog_buf){0};
}

void fog_hasher_fini(struct fog_hasher *h)
{
    fog_sha256_fini(&h->leaf);
    fog_sha256_fini(&h->plain);
    fog_buf_fini(&h->ids);
}
