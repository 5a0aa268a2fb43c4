/* The table as text: effective configuration, help, manual. */
#include "core/conf/conf_int.h"

#include "core/base/assert.h"

void fog_conf_dump(const struct fog_conf_schema *schema, const void *from, struct fog_buf *out)
{
    const char *open = NULL;
    size_t open_len = 0;

    for (size_t i = 0; i < schema->count; i++) {
        const struct fog_conf_item *item = &schema->items[i];
        size_t len = fog_conf_section_len(item->name);

        if (open != NULL && (len != open_len || memcmp(open, item->name, len) != 0)) {
            fog_buf_append_str(out, "}\n");
            open = NULL;
        }
        if (open == NULL && len > 0) {
            fog_buf_printf(out, "%.*s {\n", (int)len, item->name);
            open = item->name;
            open_len = len;
        }
        fog_buf_printf(out, "%s%s = ", len > 0 ? "    " : "", fog_conf_leaf(item->name));
        fog_conf_print(item, from, out);
        fog_buf_append_str(out, "\n");
    }
    if (open != NULL)
        fog_buf_append_str(out, "}\n");
}

/* "size, default 64MiB, 1MiB to 1TiB" */
static void append_facts(const struct fog_conf_schema *schema, const struct fog_conf_item *item,
                         struct fog_buf *out)
{
    (void)schema;
    fog_buf_append_str(out, fog_conf_type_text(item->type));
    if (item->choices != NULL)
        fog_buf_printf(out, " of %s", item->choices);
    if (item->fallback[0] != '\0')
        fog_buf_printf(out, ", default %s", item->fallback);
}

void fog_conf_help(const struct fog_conf_schema *schema, struct fog_buf *out)
{
    for (size_t i = 0; i < schema->count; i++) {
        const struct fog_conf_item *item = &schema->items[i];

        fog_buf_printf(out, "%s (", item->name);
        append_facts(schema, item, out);
        fog_buf_printf(out, ")\n    %s\n", item->help);
    }
}

/* A line of man(7) text may not begin with a dot or quote, and `-` and `\` need care. */
static void append_man(const char *s, struct fog_buf *out)
{
    for (; *s != '\0'; s++) {
        if (*s == '\\')
            fog_buf_append_str(out, "\\e");
        else if (*s == '-')
            fog_buf_append_str(out, "\\-");
        else
            fog_buf_append(out, s, 1);
    }
}

void fog_conf_man(const struct fog_conf_schema *schema, struct fog_buf *out)
{
    for (size_t i = 0; i < schema->count; i++) {
        const struct fog_conf_item *item = &schema->items[i];
        struct fog_buf facts = {0};

        append_facts(schema, item, &facts);
        fog_buf_printf(out, ".TP\n.B %s\n(", item->name);
        append_man(fog_buf_cstr(&facts), out);
        fog_buf_append_str(out, ") ");
        append_man(item->help, out);
        fog_buf_append_str(out, "\n");
        fog_buf_fini(&facts);
    }
}
