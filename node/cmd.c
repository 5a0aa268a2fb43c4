#include "node/cmd.h"

#include "core/base/str.h"
#include "core/obs/log.h"
#include "node/super.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command {
    const char *words;
    const char *args;
    int (*fn)(const struct cmd_args *a);
    bool needs_conf;
};

static const struct command commands[] = {
#define X(words, args, fn, conf, text) {words, args, fn, conf},
    CMDS(X)
#undef X
};

#define OPTIONS(X)                                                                                 \
    X("rpc", rpc)                                                                                  \
    X("key", key)                                                                                  \
    X("out", out)                                                                                  \
    X("chain", chain)                                                                              \
    X("publisher", publisher)                                                                      \
    X("operator", operator_addr)                                                                   \
    X("house", house)                                                                              \
    X("artifacts", artifacts)                                                                      \
    X("uses", uses)                                                                                \
    X("life", life)                                                                                \
    X("bond", bond)                                                                                \
    X("deposit", deposit)                                                                          \
    X("cap", cap)                                                                                  \
    X("week", week)                                                                                \
    X("week-length", week_length)                                                                  \
    X("post-window", post_window)                                                                  \
    X("mature-window", mature_window)                                                              \
    X("hold-length", hold_length)

static const struct option options[] = {
#define X(name, field) {name, required_argument, NULL, 0},
    OPTIONS(X)
#undef X
        {NULL, 0, NULL, 0}};

static void set_option(struct cmd_args *a, int which, const char *value)
{
    const char **const fields[] = {
#define X(name, field) &a->field,
        OPTIONS(X)
#undef X
    };

    *fields[which] = value;
}

/* How many words of argv the command's name takes; 0 when it is another command. */
static int matches(const struct command *c, int argc, char **argv)
{
    size_t first = strcspn(c->words, " ");
    const char *second = c->words[first] == '\0' ? NULL : c->words + first + 1;

    if (strlen(argv[0]) != first || memcmp(argv[0], c->words, first) != 0)
        return 0;
    if (second == NULL)
        return 1;
    return argc > 1 && strcmp(argv[1], second) == 0 ? 2 : 0;
}

static int parse_options(struct cmd_args *a, const struct command *c, int argc, char **argv)
{
    int opt, which;

    optind = 1;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    while ((opt = getopt_long(argc, argv, "c:", options, &which)) != -1) {
        if (opt == 'c')
            a->conf_path = optarg;
        else if (opt == 0)
            set_option(a, which, optarg);
        else
            return FOGD_EXIT_USAGE;
    }
    if (optind != argc) {
        fprintf(stderr, "fogd: unexpected '%s'; usage: fogd %s %s\n", argv[optind], c->words,
                c->args);
        return FOGD_EXIT_USAGE;
    }
    if (c->needs_conf && a->conf_path == NULL) {
        fprintf(stderr, "fogd: usage: fogd %s %s -c FILE\n", c->words, c->args);
        return FOGD_EXIT_USAGE;
    }
    return 0;
}

static int run(const struct command *c, int argc, char **argv)
{
    struct fog_buf error = {0};
    struct node_conf conf = {0};
    struct cmd_args a = {0};
    int code = parse_options(&a, c, argc, argv);

    if (code != 0)
        return code;
    fog_log_setup(FOG_LOG_UNUSUAL, "fogd");
    if (c->needs_conf && node_conf_load(a.conf_path, &conf, &error) != 0) {
        fprintf(stderr, "fogd: %s\n", fog_buf_cstr(&error));
        code = FOGD_EXIT_USAGE;
    } else {
        a.conf = c->needs_conf ? &conf : NULL;
        code = c->fn(&a);
    }
    node_conf_fini(&conf);
    fog_buf_fini(&error);
    return code;
}

int cmd_main(int argc, char **argv)
{
    for (size_t i = 0; i < FOG_COUNT(commands); i++) {
        int words = matches(&commands[i], argc, argv);

        if (words > 0)
            return run(&commands[i], argc - words + 1, argv + words - 1);
    }
    fprintf(stderr, "fogd: no command '%s' (fogd --help)\n", argv[0]);
    return FOGD_EXIT_USAGE;
}

bool cmd_number(const char *name, const char *text, fog_u128 *out)
{
    uint64_t v = 0;

    if (text == NULL || fog_parse_u64(fog_bytes_str(text), UINT64_MAX, &v) != 0) {
        fprintf(stderr, "fogd: --%s must be a whole number\n", name);
        return false;
    }
    *out = v;
    return true;
}
