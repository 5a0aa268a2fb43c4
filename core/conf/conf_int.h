/*
 * Values of options: text to field and back. Shared by parse.c and dump.c; not for callers.
 */
#ifndef FOG_CONF_CONF_INT_H
#define FOG_CONF_CONF_INT_H

#include "core/conf/conf.h"

/* Sets a field from its text (lists: appends one element). FOG_ECONFIG with the reason, without
 * file and line, in `why`. */
int fog_conf_set(const struct fog_conf_item *item, void *into, const char *text,
                 struct fog_buf *why) FOG_MUST_CHECK;

/* Frees the value of one field and zeroes it. */
void fog_conf_clear(const struct fog_conf_item *item, void *into);

/* The value as a file would have it. */
void fog_conf_print(const struct fog_conf_item *item, const void *from, struct fog_buf *out);

/* Length of the section's name in "section.option"; 0 at the top level. */
size_t fog_conf_section_len(const char *name);

/* "section.option" -> "option". */
const char *fog_conf_leaf(const char *name);

/* What people read: "size", "true or false". */
const char *fog_conf_type_text(enum fog_conf_type type);

#endif
