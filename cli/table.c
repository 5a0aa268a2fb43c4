#include "cli/table.h"

#include "core/base/assert.h"

void table_init(struct table *t, unsigned columns, unsigned right)
{
    FOG_ASSERT(columns > 0 && columns <= TABLE_COLUMNS);
    *t = (struct table){.columns = columns, .right = right};
}

void table_cell(struct table *t, const char *text)
{
    size_t len = strlen(text), column = t->n++ % t->columns;

    fog_buf_append(&t->cells, text, len + 1);
    if (len > t->width[column])
        t->width[column] = len;
}

void table_print(const struct table *t, struct fog_buf *out)
{
    const char *cell = (const char *)t->cells.data;

    for (size_t i = 0; i < t->n; i++) {
        size_t column = i % t->columns, len = strlen(cell), pad = t->width[column] - len;
        bool last = column + 1 == t->columns;

        if ((t->right & 1u << column) != 0)
            fog_buf_printf(out, "%*s%s", (int)pad, "", cell);
        else
            fog_buf_printf(out, "%s%*s", cell, last ? 0 : (int)pad, "");
        fog_buf_append_str(out, last ? "\n" : "  ");
        cell += len + 1;
    }
}

void table_fini(struct table *t)
{
    fog_buf_fini(&t->cells);
}
