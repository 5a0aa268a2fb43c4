#include "edge/body.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/assert.h"

#define FREE_PIECES_MAX 256

/* --- sharing one slice among several holders --- */

/* The source's slice goes to the HTTP server in parts; the last part to be sent gives it back. */
struct edge_piece {
    struct edge *e;
    unsigned refs;
    struct fog_slice slice;
    struct edge_piece *next_free;
};

static void piece_unref(void *owner)
{
    struct edge_piece *p = owner;
    struct edge *e = p->e;

    if (--p->refs > 0)
        return;
    fog_slice_done(&p->slice);
    if (e->n_free_pieces == FREE_PIECES_MAX) {
        free(p);
        return;
    }
    p->next_free = e->free_pieces;
    e->free_pieces = p;
    e->n_free_pieces++;
}

static struct edge_piece *piece_new(struct edge *e, struct fog_slice *slice)
{
    struct edge_piece *p = e->free_pieces;

    if (p != NULL) {
        e->free_pieces = p->next_free;
        e->n_free_pieces--;
    } else {
        p = FOG_NEW(edge_piece);
    }
    *p = (struct edge_piece){.e = e, .refs = 1, .slice = *slice};
    return p;
}

void edge_pieces_free(struct edge *e)
{
    struct edge_piece *p;

    while ((p = e->free_pieces) != NULL) {
        e->free_pieces = p->next_free;
        free(p);
    }
    e->n_free_pieces = 0;
}

/* The next n bytes of *from (of which `used` are gone) as a slice of their own. */
static struct fog_slice cut(struct edge *e, struct fog_slice *from, size_t used, size_t n)
{
    struct fog_slice part = {.p = from->p + used, .len = n};

    if (used + n == from->len) { /* the rest: hand over our own hold */
        part.unref = from->unref;
        part.owner = from->owner;
        *from = (struct fog_slice){0};
        return part;
    }
    if (from->unref == NULL)
        return part; /* memory that outlives everybody */
    if (from->unref != piece_unref) {
        struct edge_piece *p = piece_new(e, from);

        from->unref = piece_unref;
        from->owner = p;
    }
    part.unref = piece_unref;
    part.owner = from->owner;
    ((struct edge_piece *)from->owner)->refs++;
    return part;
}

/* --- reading --- */

static void read_stop(struct edge_body *b)
{
    const struct edge_source *src = b->e->conf.source;

    edge_wait_stop(&b->source_wait);
    if (b->reading)
        src->cancel(src->arg, &b->op);
    b->reading = false;
}

/* A read ended: *data has bytes, or err says why not. */
static void read_done(struct edge_body *b, int err)
{
    uint64_t left = b->end - b->at;

    b->reading = false;
    edge_wait_stop(&b->source_wait);
    if (err == 0 && b->data.bytes.len == 0)
        err = FOG_EPROTO; /* the port promises at least one byte */
    if (err != 0) {
        b->err = err;
        return;
    }
    if (b->data.bytes.len > left)
        b->data.bytes.len = (size_t)left;
    b->used = 0;
    b->at += b->data.bytes.len;
}

static void tell(struct edge_body *b)
{
    if (b->started)
        fog_http_resume(b->http);
    else
        b->on_open(b, b->err);
}

static void on_read(struct edge_op *op, int err)
{
    struct edge_body *b = FOG_CONTAINER(op, edge_body, op);

    read_done(b, err);
    tell(b);
}

static void on_source_late(struct edge_wait *w)
{
    struct edge_body *b = FOG_CONTAINER(w, edge_body, source_wait);

    b->e->stats.source_timeout++;
    read_stop(b);
    b->err = -ETIMEDOUT;
    tell(b);
}

/* 0: data has bytes; -EINPROGRESS; or the error. */
static int read_next(struct edge_body *b)
{
    const struct edge_source *src = b->e->conf.source;
    uint64_t index = b->at / (uint64_t)FOG_CHUNK_SIZE;
    struct fog_chunk_ref chunk = fog_variant_chunk(b->variant, index);
    struct edge_hints hints = {
        .site = b->site,
        .publisher_id = b->obj->publisher_id,
        .slot = fog_slot_of_chunk(b->obj->slot, index),
    };
    int rc;

    b->op.on_done = on_read;
    b->reading = true;
    rc = src->read(src->arg, &chunk, (uint32_t)(b->at % (uint64_t)FOG_CHUNK_SIZE), &hints, &b->op,
                   &b->data);
    if (rc == -EINPROGRESS) {
        b->source_wait.on_due = on_source_late;
        edge_wait_start(&b->e->source_waits, &b->source_wait);
        return rc;
    }
    read_done(b, rc);
    return b->err;
}

/* --- credit --- */

static void credit_stop(struct edge_body *b)
{
    const struct edge_grants *g = b->e->conf.grants;

    edge_wait_stop(&b->credit_wait);
    if (b->awaiting_credit)
        g->unwait(g->arg, b->grant, &b->credit);
    b->awaiting_credit = false;
}

static void on_credit(struct edge_credit_wait *w)
{
    struct edge_body *b = FOG_CONTAINER(w, edge_body, credit);

    b->awaiting_credit = false;
    edge_wait_stop(&b->credit_wait);
    fog_http_resume(b->http);
}

static void on_credit_late(struct edge_wait *w)
{
    struct edge_body *b = FOG_CONTAINER(w, edge_body, credit_wait);

    b->e->stats.credit_timeout++;
    credit_stop(b);
    b->err = FOG_EQUOTA;
    fog_http_resume(b->http);
}

/* How many of at most n bytes may go now; 0 with *rc set when none. */
static size_t allowance(struct edge_body *b, size_t n, int *rc)
{
    const struct edge_grants *g = b->e->conf.grants;
    int64_t may;

    if (b->grant == NULL)
        return n;
    may = g->allow(g->arg, b->grant);
    if (may > 0)
        return (uint64_t)may < n ? (size_t)may : n;
    if (may < 0) {
        *rc = FOG_EQUOTA;
        return 0;
    }
    if (!b->awaiting_credit) {
        b->credit.on_credit = on_credit;
        b->credit_wait.on_due = on_credit_late;
        b->awaiting_credit = true;
        g->wait(g->arg, b->grant, &b->credit);
        edge_wait_start(&b->e->credit_waits, &b->credit_wait);
    }
    *rc = -EAGAIN;
    return 0;
}

/* --- the HTTP server's side --- */

static void count(struct edge_body *b, size_t n)
{
    struct edge_stats *st = &b->e->stats;

    b->handed += n;
    st->bytes_sent += n;
    switch (b->data.from) {
    case EDGE_FROM_RAM:
        st->bytes_ram += n;
        break;
    case EDGE_FROM_DISK:
        st->bytes_disk += n;
        break;
    case EDGE_FROM_PEER:
    case EDGE_FROM_ORIGIN:
        st->bytes_peer += n;
        break;
    }
}

static int body_next(void *arg, size_t max, struct fog_slice *out)
{
    struct edge_body *b = arg;
    const struct edge_grants *g = b->e->conf.grants;
    size_t n;
    int rc = 0;

    if (b->err == 0 && !b->reading && b->data.bytes.len == b->used) {
        FOG_ASSERT(b->at < b->end); /* the server pulls content_length bytes, no more */
        fog_slice_done(&b->data.bytes);
        b->used = 0;
        (void)read_next(b);
    }
    if (b->err != 0)
        return b->err;
    if (b->reading)
        return -EAGAIN;
    n = b->data.bytes.len - b->used;
    n = allowance(b, n < max ? n : max, &rc);
    if (n == 0)
        return rc;
    *out = cut(b->e, &b->data.bytes, b->used, n);
    b->used = b->data.bytes.len == 0 ? 0 : b->used + n;
    count(b, n);
    if (b->grant != NULL)
        g->spend(g->arg, b->grant, n);
    return 0;
}

static void release(struct edge_body *b)
{
    const struct edge_grants *g = b->e->conf.grants;

    read_stop(b);
    credit_stop(b);
    fog_slice_done(&b->data.bytes);
    if (b->grant != NULL)
        g->done(g->arg, b->grant);
    b->grant = NULL;
    edge_object_unref(&b->obj);
}

static void body_close(void *arg, int err, uint64_t sent_bytes)
{
    struct edge_body *b = arg;
    const struct edge_grants *g = b->e->conf.grants;

    if (b->grant != NULL && sent_bytes < b->handed)
        g->unspend(g->arg, b->grant, b->handed - sent_bytes);
    edge_tally_add(b->e->tally, b->site, 1, sent_bytes);
    release(b);
    b->on_close(b, err);
}

int edge_body_open(struct edge_body *b, uint64_t first, uint64_t len)
{
    b->at = first;
    b->end = first + len;
    return read_next(b);
}

enum edge_from edge_body_from(const struct edge_body *b)
{
    return b->data.from;
}

struct fog_http_source edge_body_source(struct edge_body *b)
{
    b->started = true;
    return (struct fog_http_source){.next = body_next, .close = body_close, .arg = b};
}

void edge_body_drop(struct edge_body *b)
{
    release(b);
}
