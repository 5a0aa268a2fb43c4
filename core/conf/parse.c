/* Configuration text to fields (door to libconfuse). Every option is a string to libconfuse; types
 * and bounds are ours, so that all errors read alike. */
#include "core/conf/conf_int.h"

#include "core/base/assert.h"
#include "core/base/str.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_LEN 64

/* One run of the parser. libconfuse's callbacks carry no pointer of ours, so the run is found
 * through the thread. */
struct run {
    const struct fog_conf_schema *schema;
    const char *file;
    void *into;
    struct fog_buf *error; /* the first error stays */
    bool *seen;            /* per item: given in the file */
    cfg_opt_t *top;        /* libconfuse's table, one array per section */
    cfg_opt_t **subs;
    size_t n_subs;
    bool reading; /* libconfuse checks its own defaults, too: not our business */
};

static _Thread_local struct run *current;

/* Edits (insert, delete, replace, swap) between two short names. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    size_t rows[3][NAME_MAX_LEN + 1];

    if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN)
        return NAME_MAX_LEN;
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];

        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);

            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                older[j - 2] + 1 < best)
                best = older[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[la % 3][lb];
}

/* The option that somebody who wrote `name` inside `section` ("" at the top) probably meant: the
 * same name elsewhere, or the nearest one. NULL when nothing is near. */
static const char *guess(const struct fog_conf_schema *schema, const char *section,
                         const char *name)
{
    const char *best = NULL;
    size_t best_far = 3;

    for (size_t i = 0; i < schema->count; i++) {
        const char *full = schema->items[i].name;
        size_t len = fog_conf_section_len(full);
        bool here = len == strlen(section) && memcmp(full, section, len) == 0;
        size_t far = edit_distance(fog_conf_leaf(full), name) + (here ? 0 : 1);

        if (far < best_far) {
            best_far = far;
            best = full;
        }
    }
    return best;
}

static void note_error(const char *section, int line, const char *text)
{
    static const char unknown[] = "no such option '";
    struct run *r = current;
    char name[NAME_MAX_LEN + 1];
    const char *meant;

    if (r->error->len > 0)
        return;
    fog_buf_printf(r->error, "%s:%d: ", r->file, line);
    if (strncmp(text, unknown, sizeof unknown - 1) != 0) {
        fog_buf_append_str(r->error, text);
        return;
    }
    text += sizeof unknown - 1;
    (void)fog_strcpy(name, sizeof name, fog_bytes_of(text, strcspn(text, "'")));
    fog_buf_printf(r->error, "unknown option '%s%s%s'", section, section[0] != '\0' ? "." : "",
                   name);
    if ((meant = guess(r->schema, section, name)) != NULL)
        fog_buf_printf(r->error, "; did you mean '%s'?", meant);
    fog_buf_append_str(r->error, " (fogd --help-config lists all options)");
}

static const char *section_of(const cfg_t *cfg)
{
    return cfg == NULL || cfg->name == NULL || strcmp(cfg->name, "root") == 0 ? "" : cfg->name;
}

__attribute__((format(printf, 2, 0))) static void on_confuse_error(cfg_t *cfg, const char *fmt,
                                                                   va_list ap)
{
    struct fog_buf text = {0};

    fog_buf_vprintf(&text, fmt, ap);
    note_error(section_of(cfg), cfg == NULL ? 0 : cfg->line, fog_buf_cstr(&text));
    fog_buf_fini(&text);
}

static int set_all(const struct fog_conf_item *item, cfg_opt_t *opt, struct fog_buf *why)
{
    int rc = 0;

    if (item->type == FOG_CONF_LIST)
        fog_conf_clear(item, current->into);
    for (unsigned i = 0; rc == 0 && i < cfg_opt_size(opt); i++) {
        const char *text = cfg_opt_getnstr(opt, i);

        rc = fog_conf_set(item, current->into, text == NULL ? "" : text, why);
    }
    return rc;
}

/* Called by libconfuse after each option; cfg->line is the option's line. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *section = section_of(cfg);
    size_t len = strlen(section);

    if (!current->reading)
        return 0;
    for (size_t i = 0; i < current->schema->count; i++) {
        const struct fog_conf_item *item = &current->schema->items[i];
        struct fog_buf why = {0};
        int rc = 0;

        if (fog_conf_section_len(item->name) != len || memcmp(item->name, section, len) != 0 ||
            strcmp(fog_conf_leaf(item->name), opt->name) != 0)
            continue;
        if (current->seen[i] && item->type != FOG_CONF_LIST) {
            fog_buf_printf(&why, "'%s' is given twice", item->name);
            rc = FOG_ECONFIG;
        } else {
            rc = set_all(item, opt, &why);
        }
        current->seen[i] = true;
        if (rc != 0)
            note_error(section, cfg->line, fog_buf_cstr(&why));
        fog_buf_fini(&why);
        return rc == 0 ? 0 : -1;
    }
    note_error(section, cfg->line, "an option without a row in the table");
    return -1;
}

static void fill_opt(cfg_opt_t *o, const struct fog_conf_item *item)
{
    const char *name = fog_conf_leaf(item->name);
    const cfg_opt_t one = CFG_STR(name, NULL, CFGF_NODEFAULT);
    const cfg_opt_t many = CFG_STR_LIST(name, "{unset}", CFGF_NONE);

    *o = item->type == FOG_CONF_LIST ? many : one;
    o->validcb = on_value;
}

/* One array of libconfuse options for the rows [from, to), ended by CFG_END. */
static cfg_opt_t *opts_of(const struct fog_conf_schema *schema, size_t from, size_t to)
{
    const cfg_opt_t end = CFG_END();
    cfg_opt_t *opts = fog_alloc((to - from + 1) * sizeof *opts);

    for (size_t i = from; i < to; i++)
        fill_opt(&opts[i - from], &schema->items[i]);
    opts[to - from] = end;
    return opts;
}

static void build_tables(struct run *r, char (*names)[NAME_MAX_LEN])
{
    const struct fog_conf_item *items = r->schema->items;
    const cfg_opt_t end = CFG_END();
    size_t n = 0;

    for (size_t i = 0; i < r->schema->count;) {
        size_t len = fog_conf_section_len(items[i].name), to = i + 1;

        if (len == 0) {
            fill_opt(&r->top[n++], &items[i++]);
            continue;
        }
        while (to < r->schema->count && fog_conf_section_len(items[to].name) == len &&
               memcmp(items[to].name, items[i].name, len) == 0)
            to++;
        r->subs[r->n_subs] = opts_of(r->schema, i, to);
        FOG_ASSERT(fog_strcpy(names[r->n_subs], NAME_MAX_LEN, fog_bytes_of(items[i].name, len)));
        {
            const cfg_opt_t sec = CFG_SEC(names[r->n_subs], r->subs[r->n_subs], CFGF_NONE);

            r->top[n++] = sec;
        }
        r->n_subs++;
        i = to;
    }
    r->top[n] = end;
}

/* libconfuse calls nobody for `list = {}`: it shows as a list that lost its "unset" element. */
static void clear_emptied_lists(const struct run *r, cfg_t *cfg)
{
    for (size_t i = 0; i < r->schema->count; i++) {
        const struct fog_conf_item *item = &r->schema->items[i];
        size_t len = fog_conf_section_len(item->name);
        char section[NAME_MAX_LEN];
        cfg_t *sec = cfg;

        if (item->type != FOG_CONF_LIST || r->seen[i])
            continue;
        FOG_ASSERT(fog_strcpy(section, sizeof section, fog_bytes_of(item->name, len)));
        if (len > 0)
            sec = cfg_getsec(cfg, section);
        if (sec != NULL && cfg_size(sec, fog_conf_leaf(item->name)) == 0)
            fog_conf_clear(item, r->into);
    }
}

void fog_conf_defaults(const struct fog_conf_schema *schema, void *into)
{
    for (size_t i = 0; i < schema->count; i++) {
        const struct fog_conf_item *item = &schema->items[i];
        struct fog_buf why = {0};

        fog_conf_clear(item, into);
        if (item->type != FOG_CONF_LIST) {
            FOG_ASSERT(fog_conf_set(item, into, item->fallback, &why) == 0);
        } else {
            for (const char *p = item->fallback; *p != '\0'; p += strspn(p, " ")) {
                char word[NAME_MAX_LEN];
                size_t n = strcspn(p, " ");

                FOG_ASSERT(fog_strcpy(word, sizeof word, fog_bytes_of(p, n)));
                FOG_ASSERT(fog_conf_set(item, into, word, &why) == 0);
                p += n;
            }
        }
        fog_buf_fini(&why);
    }
}

void fog_conf_fini(const struct fog_conf_schema *schema, void *into)
{
    for (size_t i = 0; i < schema->count; i++)
        fog_conf_clear(&schema->items[i], into);
}

/* NUL ends libconfuse's text early and other control bytes hide what is written. */
static int check_text(const char *name, struct fog_bytes text, struct fog_buf *error)
{
    int line = 1;

    if (text.len > FOG_CONF_FILE_MAX) {
        fog_buf_printf(error, "%s: larger than %d bytes", name, FOG_CONF_FILE_MAX);
        return FOG_ECONFIG;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];

        if (c == '\n')
            line++;
        if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f) {
            fog_buf_printf(error, "%s:%d: control byte 0x%02x is not allowed", name, line, c);
            return FOG_ECONFIG;
        }
    }
    return 0;
}

int fog_conf_parse(const struct fog_conf_schema *schema, const char *name, struct fog_bytes text,
                   void *into, struct fog_buf *error)
{
    struct run r = {.schema = schema, .file = name, .into = into, .error = error};
    char(*names)[NAME_MAX_LEN] = fog_alloc((schema->count + 1) * sizeof *names);
    struct fog_buf copy = {0};
    cfg_t *cfg = NULL;
    int rc;

    fog_buf_clear(error);
    fog_conf_defaults(schema, into);
    r.seen = fog_alloc((schema->count + 1) * sizeof *r.seen);
    r.top = fog_alloc((schema->count + 1) * sizeof *r.top);
    r.subs = fog_alloc((schema->count + 1) * sizeof(cfg_opt_t *));
    if ((rc = check_text(name, text, error)) != 0)
        goto out;
    build_tables(&r, names);
    current = &r;
    cfg = cfg_init(r.top, CFGF_NONE);
    FOG_ASSERT(cfg != NULL);
    (void)cfg_set_error_function(cfg, on_confuse_error);
    r.reading = true;
    fog_buf_append(&copy, text.p, text.len);
    fog_buf_append_str(&copy, "\n"); /* libconfuse refuses an empty buffer */
    if (cfg_parse_buf(cfg, fog_buf_cstr(&copy)) != CFG_SUCCESS || error->len > 0) {
        rc = FOG_ECONFIG;
        if (error->len == 0)
            fog_buf_printf(error, "%s:%d: cannot be understood", name, cfg->line);
    } else {
        clear_emptied_lists(&r, cfg);
    }
out:
    if (cfg != NULL)
        cfg_free(cfg);
    current = NULL;
    if (rc != 0)
        fog_conf_defaults(schema, into);
    for (size_t i = 0; i < r.n_subs; i++)
        free(r.subs[i]);
    free(r.subs);
    free(r.top);
    free(r.seen);
    free(names);
    fog_buf_fini(&copy);
    return rc;
}

int fog_conf_load(const struct fog_conf_schema *schema, const char *path, void *into,
                  struct fog_buf *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct fog_buf text = {0};
    int rc = FOG_ECONFIG;
    ssize_t n;

    fog_buf_clear(error);
    if (fd < 0) {
        fog_buf_printf(error, "%s: %s; name a readable file with -c", path, fog_strerror(-errno));
        goto out;
    }
    do {
        n = read(fd, fog_buf_reserve(&text, 4096), 4096);
        if (n > 0)
            fog_buf_added(&text, (size_t)n);
    } while (n > 0 && text.len <= FOG_CONF_FILE_MAX);
    if (n < 0) {
        fog_buf_printf(error, "%s: %s", path, fog_strerror(-errno));
        goto out;
    }
    rc = fog_conf_parse(schema, path, fog_buf_bytes(&text), into, error);
out:
    if (rc != 0)
        fog_conf_defaults(schema, into);
    if (fd >= 0)
        close(fd);
    fog_buf_fini(&text);
    return rc;
}
