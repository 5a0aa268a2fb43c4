#include "cli/cli.h"

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/json/json.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool cli_is_set(const struct cli *cli, enum cli_option o)
{
    return cli->values[o] != NULL;
}

const char *cli_value(const struct cli *cli, enum cli_option o, const char *otherwise)
{
    return cli->values[o] != NULL ? cli->values[o] : otherwise;
}

int cli_fail(struct cli *cli, int code, const char *fmt, ...)
{
    struct fog_buf text = {0};
    struct fog_json *j;
    va_list ap;

    va_start(ap, fmt);
    fog_buf_vprintf(&text, fmt, ap);
    va_end(ap);
    cli_progress_end(cli);
    fprintf(stderr, "fog: %s\n", fog_buf_cstr(&text));
    if (cli->json) {
        j = fog_json_new_object();
        fog_json_set_text(j, "error", fog_buf_bytes(&text));
        fog_json_set_i64(j, "exit", code);
        cli_print_json(&j);
    }
    fog_buf_fini(&text);
    return code;
}

void cli_warn(struct cli *cli, const char *fmt, ...)
{
    va_list ap;

    cli_progress_end(cli);
    fputs("fog: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

void cli_print_json(struct fog_json **j)
{
    struct fog_buf b = {0};

    fog_json_write(*j, false, &b);
    fog_buf_append(&b, "\n", 1);
    fwrite(b.data, 1, b.len, stdout);
    fog_buf_fini(&b);
    fog_json_free(j);
}

void cli_progress(struct cli *cli, const char *fmt, ...)
{
    va_list ap;

    if (!cli->progress)
        return;
    va_start(ap, fmt);
    fputs(cli->tty ? "\r\033[K  " : "  ", stderr);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    if (!cli->tty)
        fputc('\n', stderr);
    fflush(stderr);
}

void cli_progress_end(struct cli *cli)
{
    if (cli->progress && cli->tty)
        fputs("\r\033[K", stderr);
}

/* mkdir -p of everything before the last slash, private to the user. */
static int make_folders(const char *path)
{
    char part[PATH_MAX];

    for (const char *p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        if (!fog_strcpy(part, sizeof part, fog_bytes_of(path, (size_t)(p - path))))
            return -ENAMETOOLONG;
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

int cli_home_path(const struct cli *cli, const char *name, char *out, size_t size)
{
    int n = snprintf(out, size, "%s/%s", cli->home, name);

    if (n < 0 || (size_t)n >= size)
        return -ENAMETOOLONG;
    return make_folders(out);
}
