/* help, version, completion, dev. */
#include "cli/cli.h"
#include "core/base/assert.h"
#include "core/base/err.h"
#include "core/json/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int print(struct cli *cli, const char *name, struct fog_buf *text)
{
    if (cli->json) {
        struct fog_json *j = fog_json_new_object();

        fog_json_set_text(j, name, fog_buf_bytes(text));
        cli_print_json(&j);
    } else {
        fwrite(text->data, 1, text->len, stdout);
    }
    fog_buf_fini(text);
    return CLI_OK;
}

int cmd_help(struct cli *cli)
{
    struct fog_buf text = {0};

    if (cli_is_set(cli, CLI_MAN)) {
        help_man(&text);
        return print(cli, "man", &text);
    }
    if (cli->n_args == 0) {
        help_program(&text);
        return print(cli, "help", &text);
    }
    for (size_t i = 0; i < cli_verb_count; i++) {
        size_t first = strcspn(cli_verbs[i].name, " ");
        const char *second =
            cli_verbs[i].name[first] == '\0' ? NULL : cli_verbs[i].name + first + 1;

        if (strlen(cli->args[0]) != first || memcmp(cli->args[0], cli_verbs[i].name, first) != 0)
            continue;
        if (cli->n_args == 2 && (second == NULL || strcmp(cli->args[1], second) != 0))
            continue;
        if (text.len > 0)
            fog_buf_append_str(&text, "\n");
        help_verb(&cli_verbs[i], &text);
    }
    if (text.len == 0)
        return cli_fail(cli, CLI_USAGE, "no verb \"%s\" (see fog help)", cli->args[0]);
    return print(cli, "help", &text);
}

int cmd_version(struct cli *cli)
{
    struct fog_buf text = {0};

    fog_buf_append_str(&text, cli->json ? PACKAGE_VERSION : "fog " PACKAGE_VERSION "\n");
    return print(cli, "version", &text);
}

int cmd_completion(struct cli *cli)
{
    struct fog_buf text = {0};

    if (strcmp(cli->args[0], "bash") != 0)
        return cli_fail(cli, CLI_USAGE, "completion is there for bash only");
    help_completion(&text);
    return print(cli, "completion", &text);
}

/* fog-dev lies beside us in a build tree, in libexec when installed. */
int cmd_dev(struct cli *cli)
{
    static const char *const places[] = {FOG_LIBEXECDIR "/fog-dev", FOG_SRCDIR "/tools/fog-dev"};
    char self[PATH_MAX], beside[PATH_MAX + 16], **argv;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *found = NULL;

    if (n > 0) {
        self[n] = '\0';
        *strrchr(self, '/') = '\0';
        snprintf(beside, sizeof beside, "%s/fog-dev", self);
        if (access(beside, X_OK) == 0)
            found = beside;
    }
    for (size_t i = 0; found == NULL && i < FOG_COUNT(places); i++)
        if (access(places[i], X_OK) == 0)
            found = places[i];
    if (found == NULL)
        return cli_fail(cli, CLI_FAILED, "fog-dev is not installed (looked for %s)", places[0]);
    if ((argv = calloc(cli->n_args + 2, sizeof *argv)) == NULL)
        return cli_fail(cli, CLI_FAILED, "out of memory");
    argv[0] = fog_strdup(found);
    for (unsigned i = 0; i < cli->n_args; i++)
        argv[i + 1] = cli->args[i];
    if (n > 0)                        /* the programs of one build belong together */
        setenv("FOG_BUILD", self, 0); /* NOLINT(concurrency-mt-unsafe): one thread */
    execv(found, argv);
    free(argv[0]);
    free(argv);
    return cli_fail(cli, CLI_FAILED, "%s: %s", found, fog_strerror(-errno));
}
