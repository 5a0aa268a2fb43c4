/*
 * A claim_store in RAM that behaves like a disk in a crash: what was not written durably is lost,
 * and a chosen call fails instead of being carried out.
 */
#ifndef FOG_TESTS_LIB_MEMSTORE_H
#define FOG_TESTS_LIB_MEMSTORE_H

#include "contracts/claim/store_table.h"

/* A zeroed struct, then memstore_init. */
struct memstore {
    struct store_table live;
    struct store_table durable;
    uint64_t applies;       /* so far */
    uint64_t durable_count; /* of them durable */
    uint64_t fail_at;       /* 1-based number of the apply that fails with -EIO; 0: none */
    bool fail_after_write;  /* that one reaches the disk, but the caller is told it failed */
    struct claim_store port;
};

void memstore_init(struct memstore *m);
/* The machine loses power: only what was durable is left. */
void memstore_crash(struct memstore *m);
void memstore_fini(struct memstore *m);

#endif
