#include "core/conf/conf_int.h"

#include "core/base/assert.h"
#include "core/base/str.h"

#include <inttypes.h>
#include <stdlib.h>

static void *field_of(const struct fog_conf_item *item, void *into)
{
    return (char *)into + item->offset;
}

static const void *field_of_const(const struct fog_conf_item *item, const void *from)
{
    return (const char *)from + item->offset;
}

size_t fog_conf_section_len(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot == NULL ? 0 : (size_t)(dot - name);
}

const char *fog_conf_leaf(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot == NULL ? name : dot + 1;
}

const char *fog_conf_type_text(enum fog_conf_type type)
{
    switch (type) {
    case FOG_CONF_STR:
        return "text";
    case FOG_CONF_INT:
        return "number";
    case FOG_CONF_BOOL:
        return "true or false";
    case FOG_CONF_SIZE:
        return "size";
    case FOG_CONF_DURATION:
        return "duration";
    case FOG_CONF_LIST:
        return "list";
    }
    return "?";
}

static bool is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);

    if (choices == NULL)
        return true;
    for (const char *p = choices;; p++) {
        size_t n = strcspn(p, "|");

        if (n == len && memcmp(p, text, n) == 0)
            return true;
        p += n;
        if (*p == '\0')
            return false;
    }
}

static int parse_int(const char *text, int64_t *out)
{
    bool negative = text[0] == '-';
    uint64_t v;
    int rc = fog_parse_u64(fog_bytes_str(text + negative), INT64_MAX, &v);

    if (rc == 0)
        *out = negative ? -(int64_t)v : (int64_t)v;
    return rc;
}

static int parse_bool(const char *text, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on"};
    static const char *const no[] = {"false", "no", "off"};

    for (size_t i = 0; i < FOG_COUNT(yes); i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *out = strcmp(text, yes[i]) == 0;
            return 0;
        }
    }
    return FOG_EFORMAT;
}

static void list_append(struct fog_conf_list *l, const char *text)
{
    char **grown = realloc(l->v, (l->n + 1) * sizeof *grown);

    FOG_ASSERT(grown != NULL);
    l->v = grown;
    l->v[l->n++] = fog_strdup(text);
}

/* Numbers of the three kinds, each to be checked against the bounds. */
static int parse_number(const struct fog_conf_item *item, const char *text, int64_t *out)
{
    uint64_t bytes = 0;
    int rc;

    if (item->type == FOG_CONF_INT)
        return parse_int(text, out);
    if (item->type == FOG_CONF_DURATION)
        return fog_parse_duration(text, out);
    if ((rc = fog_parse_size(text, &bytes)) != 0)
        return rc;
    if (bytes > INT64_MAX)
        return FOG_ERANGE;
    *out = (int64_t)bytes;
    return 0;
}

static const char *example_of(enum fog_conf_type type)
{
    switch (type) {
    case FOG_CONF_SIZE:
        return "a size like 512MiB or 40GB";
    case FOG_CONF_DURATION:
        return "a duration like 250ms, 90s or 2h";
    case FOG_CONF_INT:
        return "a whole number";
    case FOG_CONF_BOOL:
    case FOG_CONF_STR:
    case FOG_CONF_LIST:
        break;
    }
    return "true or false";
}

static void print_number(enum fog_conf_type type, int64_t v, struct fog_buf *out)
{
    static const struct {
        const char *unit;
        int64_t by;
    } sizes[] = {{"TiB", INT64_C(1) << 40}, {"TB", 1000000000000}, {"GiB", 1 << 30},
                 {"GB", 1000000000},        {"MiB", 1 << 20},      {"MB", 1000000},
                 {"KiB", 1 << 10},          {"KB", 1000}},
      times[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

    for (size_t i = 0; type == FOG_CONF_SIZE && v > 0 && i < FOG_COUNT(sizes); i++) {
        if (v % sizes[i].by == 0) {
            fog_buf_printf(out, "%" PRId64 "%s", v / sizes[i].by, sizes[i].unit);
            return;
        }
    }
    for (size_t i = 0; type == FOG_CONF_DURATION && i < FOG_COUNT(times); i++) {
        if (v == 0 || v % times[i].by == 0) {
            size_t at = v == 0 ? 3 : i;

            fog_buf_printf(out, "%" PRId64 "%s", v / times[at].by, times[at].unit);
            return;
        }
    }
    fog_buf_printf(out, "%" PRId64, v);
}

static int check_bounds(const struct fog_conf_item *item, int64_t v, struct fog_buf *why)
{
    if ((item->min == 0 && item->max == 0) || (v >= item->min && v <= item->max))
        return 0;
    fog_buf_printf(why, "'%s' must be between ", item->name);
    print_number(item->type, item->min, why);
    fog_buf_append_str(why, " and ");
    print_number(item->type, item->max, why);
    return FOG_ECONFIG;
}

static int set_text(const struct fog_conf_item *item, void *into, const char *text,
                    struct fog_buf *why)
{
    char **s = field_of(item, into);

    if (!is_choice(item->choices, text)) {
        fog_buf_printf(why, "'%s' is '%.60s', but must be one of %s", item->name, text,
                       item->choices);
        return FOG_ECONFIG;
    }
    if (item->type == FOG_CONF_LIST) {
        list_append(field_of(item, into), text);
        return 0;
    }
    free(*s);
    *s = fog_strdup(text);
    return 0;
}

int fog_conf_set(const struct fog_conf_item *item, void *into, const char *text,
                 struct fog_buf *why)
{
    int64_t number = 0;
    bool flag = false;
    int rc;

    if (item->type == FOG_CONF_STR || item->type == FOG_CONF_LIST)
        return set_text(item, into, text, why);
    rc = item->type == FOG_CONF_BOOL ? parse_bool(text, &flag) : parse_number(item, text, &number);
    if (rc != 0) {
        fog_buf_printf(why, "'%s' is '%.60s', but must be %s", item->name, text,
                       example_of(item->type));
        return FOG_ECONFIG;
    }
    if (item->type == FOG_CONF_BOOL) {
        *(bool *)field_of(item, into) = flag;
        return 0;
    }
    if ((rc = check_bounds(item, number, why)) != 0)
        return rc;
    if (item->type == FOG_CONF_SIZE)
        *(uint64_t *)field_of(item, into) = (uint64_t)number;
    else
        *(int64_t *)field_of(item, into) = number;
    return 0;
}

void fog_conf_clear(const struct fog_conf_item *item, void *into)
{
    struct fog_conf_list *l;
    char **s;

    switch (item->type) {
    case FOG_CONF_STR:
        s = field_of(item, into);
        free(*s);
        *s = NULL;
        return;
    case FOG_CONF_LIST:
        l = field_of(item, into);
        for (size_t i = 0; i < l->n; i++)
            free(l->v[i]);
        free(l->v);
        *l = (struct fog_conf_list){0};
        return;
    case FOG_CONF_INT:
    case FOG_CONF_DURATION:
        *(int64_t *)field_of(item, into) = 0;
        return;
    case FOG_CONF_SIZE:
        *(uint64_t *)field_of(item, into) = 0;
        return;
    case FOG_CONF_BOOL:
        *(bool *)field_of(item, into) = false;
        return;
    }
}

static void print_quoted(const char *s, struct fog_buf *out)
{
    fog_buf_append_str(out, "\"");
    for (; *s != '\0'; s++) {
        /* `$` starts an environment variable in the parser's strings. */
        if (*s == '"' || *s == '\\' || *s == '$')
            fog_buf_append_str(out, "\\");
        fog_buf_append(out, s, 1);
    }
    fog_buf_append_str(out, "\"");
}

void fog_conf_print(const struct fog_conf_item *item, const void *from, struct fog_buf *out)
{
    const void *field = field_of_const(item, from);
    const struct fog_conf_list *l = field;

    switch (item->type) {
    case FOG_CONF_STR:
        print_quoted(*(char *const *)field, out);
        return;
    case FOG_CONF_LIST:
        fog_buf_append_str(out, "{");
        for (size_t i = 0; i < l->n; i++) {
            if (i > 0)
                fog_buf_append_str(out, ", ");
            print_quoted(l->v[i], out);
        }
        fog_buf_append_str(out, "}");
        return;
    case FOG_CONF_BOOL:
        fog_buf_append_str(out, *(const bool *)field ? "true" : "false");
        return;
    case FOG_CONF_SIZE:
        print_number(item->type, (int64_t) * (const uint64_t *)field, out);
        return;
    case FOG_CONF_INT:
    case FOG_CONF_DURATION:
        print_number(item->type, *(const int64_t *)field, out);
        return;
    }
}
