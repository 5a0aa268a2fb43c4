/*
 * Configuration files: a table says every option once (name, type, default, bounds, text) and
 * drives the parser, the help, the manual and the dump. Owns the syntax (libconfuse) and the error
 * texts with line numbers; never decides what an option means.
 *
 * A file is `name = value` and `section { name = value }`. An unknown or repeated option is an
 * error. Values go into a struct of the caller's, at the offset of each row.
 */
#ifndef FOG_CONF_CONF_H
#define FOG_CONF_CONF_H

#include "core/base/buf.h"

#define FOG_CONF_FILE_MAX (256 * 1024)

/* Type of the field that receives the value. */
enum fog_conf_type {
    FOG_CONF_STR,      /* char * (never NULL; "" when empty) */
    FOG_CONF_INT,      /* int64_t */
    FOG_CONF_BOOL,     /* bool */
    FOG_CONF_SIZE,     /* uint64_t, bytes: "40GB", "512KiB" */
    FOG_CONF_DURATION, /* fog_time_ms: "90s", "2h" */
    FOG_CONF_LIST,     /* struct fog_conf_list of strings: {"a", "b"} */
};

struct fog_conf_list {
    char **v;
    size_t n;
};

struct fog_conf_item {
    const char *name; /* "zone", or "router.k" for `router { k = .. }`; one level of sections */
    enum fog_conf_type type;
    size_t offset;
    const char *fallback; /* as written in a file; a list's elements separated by one space */
    int64_t min, max;     /* of the number, bytes or milliseconds; both 0: no bounds */
    const char *choices;  /* NULL, or "a|b|c": what a string or a list element may be */
    const char *help;     /* one sentence */
};

struct fog_conf_schema {
    const struct fog_conf_item *items; /* options of one section stand together */
    size_t count;
};

/* Sets every field of `into` (zeroed or finished before) to its default. */
void fog_conf_defaults(const struct fog_conf_schema *schema, void *into);

/* Reads `text` over the defaults. `name` is what errors call the file. On failure FOG_ECONFIG, and
 * `error` holds "file:line: what, and what to do"; `into` holds defaults then. */
int fog_conf_parse(const struct fog_conf_schema *schema, const char *name, struct fog_bytes text,
                   void *into, struct fog_buf *error) FOG_MUST_CHECK;

/* The same for a file. A file that cannot be read: FOG_ECONFIG with the reason in `error`. */
int fog_conf_load(const struct fog_conf_schema *schema, const char *path, void *into,
                  struct fog_buf *error) FOG_MUST_CHECK;

/* Frees what the fields own and zeroes them. */
void fog_conf_fini(const struct fog_conf_schema *schema, void *into);

/* The effective configuration in the syntax of a file; parsing it gives the same values. */
void fog_conf_dump(const struct fog_conf_schema *schema, const void *from, struct fog_buf *out);

/* Every option with type, default, bounds and text: for people, or as man(7) markup. */
void fog_conf_help(const struct fog_conf_schema *schema, struct fog_buf *out);
void fog_conf_man(const struct fog_conf_schema *schema, struct fog_buf *out);

#endif
