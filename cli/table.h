/*
 * Columns for people: text to the left, numbers to the right, widths by content.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "core/base/buf.h"

#define TABLE_COLUMNS 12

struct table {
    unsigned columns;
    unsigned right;       /* bit per column that is a number */
    struct fog_buf cells; /* NUL-terminated, row by row */
    size_t width[TABLE_COLUMNS];
    size_t n;
};

/* Heads are the first row. */
void table_init(struct table *t, unsigned columns, unsigned right);
void table_cell(struct table *t, const char *text);
void table_print(const struct table *t, struct fog_buf *out);
void table_fini(struct table *t);

#endif
