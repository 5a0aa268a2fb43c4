/*
 * An ordered table of byte strings in RAM: what store_file.c keeps of its log, and the store of
 * tests. Copies keys and values. Meant for up to some 100,000 records.
 */
#ifndef FOG_CLAIM_STORE_TABLE_H
#define FOG_CLAIM_STORE_TABLE_H

#include "contracts/claim/store.h"

struct store_row {
    uint8_t *bytes; /* key, then value */
    size_t key_len;
    size_t value_len;
};

/* A zeroed struct is empty. */
struct store_table {
    struct store_row *rows;
    size_t n;
    size_t cap;
    size_t bytes; /* keys and values */
};

void store_table_set(struct store_table *t, struct fog_bytes key, struct fog_bytes value);
void store_table_del(struct store_table *t, struct fog_bytes key);
/* False when there is none. The view lives until the next change. */
bool store_table_get(const struct store_table *t, struct fog_bytes key, struct fog_bytes *value);
bool store_table_guard_holds(const struct store_table *t, const struct claim_guard *guard);
void store_table_apply(struct store_table *t, const struct claim_write *writes, size_t n);
int store_table_scan(const struct store_table *t, struct fog_bytes prefix,
                     int (*on_row)(void *row_arg, struct fog_bytes key, struct fog_bytes value),
                     void *row_arg);
void store_table_fini(struct store_table *t);

#endif
