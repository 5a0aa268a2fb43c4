/*
 * Framing of the lease protocol: len u32 | type u16 | body; len counts the body alone. Owns the
 * reader's buffer; knows nothing of what a body means (wire_gen.h does). PROTOCOL 5, "Frames".
 */
#ifndef FOG_WIRE_FRAME_H
#define FOG_WIRE_FRAME_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/wire/wire_gen.h"

#define FOG_FRAME_HEAD 6
#define FOG_FRAME_MAX  (1024 * 1024) /* head and body together */

/* HELLO.flags and the flags of a cell map's row. */
#define FOG_BOX_REACHABLE 0x0001 /* accepts inbound connections at its address */
#define FOG_BOX_STEADY    0x0002 /* PROTOCOL 1 */
#define FOG_BOX_EDGE      0x0004 /* serves viewers */
#define FOG_BOX_STORAGE   0x0008 /* keeps pinned copies */
#define FOG_BOX_PENDING   0x0010 /* in this map for the first time: no id yet, holds nothing */
#define FOG_BOX_DRAINING  0x0020

/* HELLO.class */
enum fog_box_class { FOG_CLASS_HOME = 1, FOG_CLASS_RACK = 2, FOG_CLASS_STEADY = 3 };

/* REFUSE.code */
enum fog_refuse {
    FOG_REFUSE_VERSION = 1,
    FOG_REFUSE_FOG = 2,      /* another fog_id */
    FOG_REFUSE_UNKNOWN = 3,  /* not enrolled: send ENROLL */
    FOG_REFUSE_TOKEN = 4,    /* token bad, used up, or expired */
    FOG_REFUSE_PROTOCOL = 5, /* malformed or out of order */
    FOG_REFUSE_BUSY = 6,     /* limits; try again after retry_ms */
    FOG_REFUSE_REVOKED = 7,  /* taken out of the fog */
    FOG_REFUSE_CSR = 8,      /* certificate request refused */
    FOG_REFUSE_REPLACED = 9, /* the same box opened a newer connection */
};

/* Starts a frame at the end of the buffer; returns the mark that fog_frame_end wants. */
size_t fog_frame_begin(struct fog_buf *b, uint16_t type);
void fog_frame_end(struct fog_buf *b, size_t mark);

struct fog_frame {
    uint16_t type;
    struct fog_bytes body; /* borrowed from the reader, until its next call */
};

/* Puts frames together from pieces of any size. A zeroed struct is ready. */
struct fog_frame_reader {
    struct fog_buf buf;
    size_t taken; /* bytes of the frame given out last */
};

/* Adds bytes that arrived; they are copied. FOG_ELIMIT as soon as a head announces more than
 * FOG_FRAME_MAX: the connection is then useless. */
int fog_frame_feed(struct fog_frame_reader *r, struct fog_bytes in) FOG_MUST_CHECK;

/* 1: a frame in *out; 0: more bytes are needed; FOG_ELIMIT as above. */
int fog_frame_next(struct fog_frame_reader *r, struct fog_frame *out) FOG_MUST_CHECK;

void fog_frame_reader_fini(struct fog_frame_reader *r);

/* Appends a whole frame of a generated message: FOG_FRAME_PUT(&buf, BEAT, beat, &m). */
#define FOG_FRAME_PUT(b, TYPE, name, m)                                                            \
    do {                                                                                           \
        size_t fog_mark_ = fog_frame_begin((b), FOG_WIRE_##TYPE);                                  \
        fog_wire_put_##name((b), (m));                                                             \
        fog_frame_end((b), fog_mark_);                                                             \
    } while (0)

#endif
