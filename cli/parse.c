/* Command line and context. */
#include "cli/cli.h"
#include "core/base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int find_option(const char *name, size_t len)
{
    for (int i = 0; i < CLI_OPTION_COUNT; i++)
        if (strlen(cli_options[i].name) == len && memcmp(cli_options[i].name, name, len) == 0)
            return i;
    return -1;
}

/* The verb whose words the arguments begin with. */
static const struct cli_verb *find_verb(char **args, unsigned n, unsigned *words)
{
    for (size_t i = 0; i < cli_verb_count; i++) {
        const char *name = cli_verbs[i].name, *space = strchr(name, ' ');
        size_t first = space == NULL ? strlen(name) : (size_t)(space - name);

        if (n < 1 || strlen(args[0]) != first || memcmp(args[0], name, first) != 0)
            continue;
        if (space != NULL && (n < 2 || strcmp(args[1], space + 1) != 0))
            continue;
        *words = space == NULL ? 1 : 2;
        return &cli_verbs[i];
    }
    return NULL;
}

static int set_option(struct cli *cli, int o, const char *value)
{
    if (o == CLI_RESOLVE) {
        if (cli->n_resolves == CLI_RESOLVE_MAX)
            return cli_fail(cli, CLI_USAGE, "at most %d --resolve", CLI_RESOLVE_MAX);
        if (cli_resolve_parse(value, &cli->resolves[cli->n_resolves]) != 0)
            return cli_fail(cli, CLI_USAGE, "--resolve %s: want HOST:PORT:IP", value);
        cli->n_resolves++;
    }
    cli->values[o] = value;
    return CLI_OK;
}

/* One "--name", "--name=value" or "--name value" at argv[*i]. */
static int parse_option(struct cli *cli, int argc, char **argv, int *i)
{
    const char *text = argv[*i] + 2, *eq = strchr(text, '=');
    size_t len = eq == NULL ? strlen(text) : (size_t)(eq - text);
    int o = find_option(text, len);

    if (o < 0)
        return cli_fail(cli, CLI_USAGE, "unknown option %s (see fog help)", argv[*i]);
    if (cli_options[o].arg == NULL)
        return eq == NULL ? set_option(cli, o, "")
                          : cli_fail(cli, CLI_USAGE, "--%s takes no value", cli_options[o].name);
    if (eq != NULL)
        return set_option(cli, o, eq + 1);
    if (*i + 1 >= argc)
        return cli_fail(cli, CLI_USAGE, "--%s wants %s", cli_options[o].name, cli_options[o].arg);
    return set_option(cli, o, argv[++*i]);
}

static int check_verb(struct cli *cli)
{
    const struct cli_verb *v = cli->verb;

    for (int o = 0; o < CLI_OPTION_COUNT; o++)
        if (cli->values[o] != NULL && ((v->options | CLI_COMMON) & 1u << o) == 0)
            return cli_fail(cli, CLI_USAGE, "fog %s has no option --%s", v->name,
                            cli_options[o].name);
    if (!cli_is_set(cli, CLI_HELP) && (cli->n_args < v->min_args || cli->n_args > v->max_args))
        return cli_fail(cli, CLI_USAGE, "usage: fog %s%s%s", v->name, v->args[0] ? " " : "",
                        v->args);
    return CLI_OK;
}

int cli_parse(struct cli *cli, int argc, char **argv)
{
    static char no_verb[] = "help";
    unsigned n = 0, words = 0;
    char **args = argv; /* positional arguments move to the front */
    bool plain = false;
    int rc;

    for (int i = 1; i < argc; i++) {
        bool foreign = n > 0 && strcmp(args[0], "dev") == 0; /* fog-dev reads its own options */

        if (!plain && !foreign && strcmp(argv[i], "--") == 0) {
            plain = true;
        } else if (!plain && !foreign && strcmp(argv[i], "--version") == 0) {
            args[n++] = argv[i] + 2;
        } else if (!plain && !foreign && strcmp(argv[i], "-h") == 0) {
            cli->values[CLI_HELP] = "";
        } else if (!plain && !foreign && argv[i][0] == '-' && argv[i][1] == '-') {
            if ((rc = parse_option(cli, argc, argv, &i)) != CLI_OK)
                return rc;
        } else if (!plain && !foreign && argv[i][0] == '-' && argv[i][1] != '\0') {
            return cli_fail(cli, CLI_USAGE, "unknown option %s (see fog help)", argv[i]);
        } else {
            args[n++] = argv[i];
        }
    }
    cli->json = cli_is_set(cli, CLI_JSON);
    if (n == 0)
        args[n++] = no_verb;
    cli->verb = find_verb(args, n, &words);
    if (cli->verb == NULL)
        return cli_fail(cli, CLI_USAGE, "no verb \"%s%s%s\" (see fog help)", args[0],
                        n > 1 ? " " : "", n > 1 ? args[1] : "");
    cli->args = args + words;
    cli->n_args = n - words;
    return check_verb(cli);
}

int cli_resolve_parse(const char *text, struct cli_resolve *out)
{
    const char *c1 = strchr(text, ':'), *c2 = c1 == NULL ? NULL : strchr(c1 + 1, ':');
    char ip[64];
    size_t len;
    uint64_t port;

    if (c2 == NULL || c1 == text ||
        !fog_strcpy(out->host, sizeof out->host, fog_bytes_of(text, (size_t)(c1 - text))) ||
        fog_parse_u64(fog_bytes_of(c1 + 1, (size_t)(c2 - c1 - 1)), UINT16_MAX, &port) != 0)
        return FOG_EFORMAT;
    for (char *p = out->host; *p != '\0'; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    c2++;
    len = strlen(c2);
    if (len >= 2 && c2[0] == '[' && c2[len - 1] == ']') {
        c2++;
        len -= 2;
    }
    if (!fog_strcpy(ip, sizeof ip, fog_bytes_of(c2, len)))
        return FOG_EFORMAT;
    out->port = (uint16_t)port;
    return fog_addr_parse_ip(ip, out->port, &out->addr);
}

int cli_context_set(struct cli *cli, const char *name, const char *value)
{
    size_t len = strlen(value);

    if (strcmp(name, "api") == 0) {
        while (len > 0 && value[len - 1] == '/')
            len--;
        if (strncmp(value, "https://", 8) != 0 && strncmp(value, "http://", 7) != 0)
            return FOG_EFORMAT;
        return fog_strcpy(cli->api, sizeof cli->api, fog_bytes_of(value, len)) ? 0 : FOG_ELIMIT;
    }
    if (strcmp(name, "ca") == 0)
        return fog_strcpy(cli->ca, sizeof cli->ca, fog_bytes_str(value)) ? 0 : FOG_ELIMIT;
    if (strcmp(name, "resolve") == 0)
        return cli->n_resolves == CLI_RESOLVE_MAX
                   ? FOG_ELIMIT
                   : cli_resolve_parse(value, &cli->resolves[cli->n_resolves++]);
    return FOG_ECONFIG;
}

/* name = value or name = "value"; '#' begins a comment line. */
static int context_line(struct cli *cli, char *line)
{
    char *eq, *value, *end;

    line += strspn(line, " \t");
    if (line[0] == '#' || line[0] == '\n' || line[0] == '\0')
        return 0;
    if ((eq = strchr(line, '=')) == NULL)
        return FOG_EFORMAT;
    value = eq + 1 + strspn(eq + 1, " \t");
    while (eq > line && (eq[-1] == ' ' || eq[-1] == '\t'))
        eq--;
    *eq = '\0';
    end = value + strlen(value);
    while (end > value && strchr(" \t\r\n", end[-1]) != NULL)
        end--;
    if (end - value >= 2 && value[0] == '"' && end[-1] == '"') {
        value++;
        end--;
    }
    *end = '\0';
    return cli_context_set(cli, line, value);
}

static int context_file(struct cli *cli)
{
    char path[4096], *line = NULL;
    size_t cap = 0;
    unsigned no = 0;
    int rc = 0;
    FILE *f;

    snprintf(path, sizeof path, "%s/context.conf", cli->home);
    if ((f = fopen(path, "re")) == NULL)
        return errno == ENOENT ? CLI_OK
                               : cli_fail(cli, CLI_USAGE, "%s: %s", path, fog_strerror(-errno));
    while (rc == 0 && getline(&line, &cap, f) > 0) {
        no++;
        rc = context_line(cli, line);
    }
    free(line);
    fclose(f);
    if (rc != 0)
        return cli_fail(cli, CLI_USAGE, "%s:%u: %s", path, no,
                        rc == FOG_ECONFIG ? "unknown setting (api, ca, resolve)"
                                          : fog_strerror(rc));
    return CLI_OK;
}

/* NULL when unset; the client is one thread. */
static const char *env(const char *name)
{
    return getenv(name); /* NOLINT(concurrency-mt-unsafe) */
}

static int context_home(struct cli *cli)
{
    const char *given = cli_value(cli, CLI_HOME, env("FOG_HOME"));
    const char *xdg = env("XDG_CONFIG_HOME"), *user = env("HOME");
    char here[2048] = "";
    int n;

    if (given != NULL && given[0] != '\0' && given[0] != '/' && getcwd(here, sizeof here) == NULL)
        return cli_fail(cli, CLI_FAILED, "this folder: %s", fog_strerror(-errno));
    if (given != NULL && given[0] != '\0') /* absolute: paths in our output stay good elsewhere */
        n = snprintf(cli->home, sizeof cli->home, "%s%s%s", here, here[0] == '\0' ? "" : "/",
                     given);
    else if (xdg != NULL && xdg[0] == '/')
        n = snprintf(cli->home, sizeof cli->home, "%s/fogbank", xdg);
    else
        n = snprintf(cli->home, sizeof cli->home, "%s/.config/fogbank", user == NULL ? "" : user);
    return n > 0 && (size_t)n < sizeof cli->home ? CLI_OK
                                                 : cli_fail(cli, CLI_USAGE, "home: path too long");
}

int cli_context_load(struct cli *cli)
{
    static const struct {
        const char *name, *env;
        enum cli_option option;
    } rows[] = {{"api", "FOG_API", CLI_FOG}, {"ca", "FOG_CA", CLI_CA}};
    int rc;

    cli->tty = isatty(STDERR_FILENO) == 1;
    cli->progress = cli->tty || cli_is_set(cli, CLI_VERBOSE);
    if ((rc = context_home(cli)) != CLI_OK || (rc = context_file(cli)) != CLI_OK)
        return rc;
    for (size_t i = 0; i < FOG_COUNT(rows); i++) {
        const char *value = cli_value(cli, rows[i].option, env(rows[i].env));

        if (value == NULL || value[0] == '\0')
            continue;
        if ((rc = cli_context_set(cli, rows[i].name, value)) != 0)
            return cli_fail(cli, CLI_USAGE, "%s %s: %s", rows[i].name, value, fog_strerror(rc));
    }
    return CLI_OK;
}
