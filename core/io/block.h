/*
 * What all connections of one loop share: aligned blocks for bytes that wait for the socket (a
 * connection holds blocks only while bytes wait), one read buffer, one plaintext buffer and one
 * staging buffer for the record being filled. So an idle connection owns no I/O memory.
 */
#ifndef FOG_IO_BLOCK_H
#define FOG_IO_BLOCK_H

#include "core/base/list.h"
#include "core/base/types.h"

#define BLOCK_BYTES  65536 /* with its header; aligned to a page */
#define BLOCK_ALIGN  4096
#define BLOCK_SPARE  16 /* kept for reuse per loop: 1 MiB */
#define RECORD_PLAIN 16384

struct fog_conn;
struct fog_loop;

/* Header at the start of the block; data follows at a 64-byte offset, where copies run fast. */
struct block {
    struct block *next;
    uint32_t start; /* first byte not yet sent */
    uint32_t end;
};
#define BLOCK_DATA 64
#define BLOCK_ROOM (BLOCK_BYTES - BLOCK_DATA)

static inline uint8_t *block_data(struct block *b)
{
    return (uint8_t *)b + BLOCK_DATA;
}

struct io_shared {
    struct fog_loop *loop;
    struct block *spare;
    unsigned n_spare;
    struct fog_list conns; /* all connections of the loop */
    uint8_t *in;           /* IN_BYTES */
    uint8_t *plain;        /* RECORD_PLAIN */
    uint8_t *stage;        /* RECORD_PLAIN: plaintext of the record being filled */
    size_t stage_len;
    struct fog_conn *stage_owner;
};
#define IN_BYTES 65536

struct io_shared *io_shared_of(struct fog_loop *loop);

struct block *block_take(struct io_shared *io);
void block_give(struct io_shared *io, struct block *b);

#endif
