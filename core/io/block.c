#include "core/io/block.h"

#include <stdlib.h>

#include "core/base/assert.h"
#include "core/io/conn_in.h"
#include "core/io/loop_in.h"

static void *aligned_new(size_t size)
{
    void *p = aligned_alloc(BLOCK_ALIGN, size);

    FOG_ASSERT(p != NULL);
    return p;
}

static void *shared_make(struct fog_loop *loop)
{
    struct io_shared *io = FOG_NEW(io_shared);

    io->loop = loop;
    fog_list_init(&io->conns);
    io->in = aligned_new(IN_BYTES);
    io->plain = aligned_new(RECORD_PLAIN);
    io->stage = aligned_new(RECORD_PLAIN);
    return io;
}

static void shared_fini(void *arg)
{
    struct io_shared *io = arg;
    struct fog_link *it;

    /* Connections whose owners are gone already (lingering closes). */
    while ((it = fog_list_first(&io->conns)) != NULL)
        conn_destroy(FOG_CONTAINER(it, fog_conn, link));
    while (io->spare != NULL) {
        struct block *b = io->spare;

        io->spare = b->next;
        free(b);
    }
    free(io->in);
    free(io->plain);
    free(io->stage);
    free(io);
}

struct io_shared *io_shared_of(struct fog_loop *loop)
{
    return fog_loop_shared(loop, shared_make, shared_fini);
}

struct block *block_take(struct io_shared *io)
{
    struct block *b = io->spare;

    if (b != NULL) {
        io->spare = b->next;
        io->n_spare--;
    } else {
        b = aligned_new(BLOCK_BYTES);
    }
    b->next = NULL;
    b->start = b->end = 0;
    return b;
}

void block_give(struct io_shared *io, struct block *b)
{
    if (io->n_spare >= BLOCK_SPARE) {
        free(b);
        return;
    }
    b->next = io->spare;
    io->spare = b;
    io->n_spare++;
}
