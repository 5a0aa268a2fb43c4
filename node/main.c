/* fogd: reads the command line and becomes one of its processes or runs one of its commands. */
#include "core/obs/log.h"
#include "node/cmd.h"
#include "node/conf.h"
#include "node/home.h"
#include "node/keyd.h"
#include "node/serve.h"
#include "node/super.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* jemalloc reads this at start: memory goes back to the system soon after it was needed, and few
 * arenas keep the sum of all processes small (docs/DEPENDENCIES.md). */
#ifndef FOG_SANITIZED
extern const char *malloc_conf;
const char *malloc_conf = "narenas:2,background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,"
                          "tcache_max:4096";
#endif

static const char usage[] =
    "usage: fogd -c FILE              run (supervisor, key process, serving process)\n"
    "       fogd -t -c FILE           test the configuration\n"
    "       fogd --dump -c FILE       print the configuration that is in effect\n"
    "       fogd --help-config        explain every option\n"
    "       fogd --version\n"
    "       fogd COMMAND ... -c FILE\n"
    "\n"
    "commands:\n" CMD_HELP;

enum mode {
    MODE_RUN,
    MODE_TEST,
    MODE_DUMP,
    MODE_HELP_CONFIG,
    MODE_MAN_CONFIG,
    MODE_KEYD,
    MODE_SERVE
};

static enum fog_log_level level_of(const char *name)
{
    static const char *const names[] = {"debug", "info", "unusual", "broken"};

    for (size_t i = 0; i < FOG_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            return (enum fog_log_level)i;
    return FOG_LOG_INFO;
}

static int print_config_help(enum mode mode)
{
    struct fog_buf text = {0};

    if (mode == MODE_MAN_CONFIG)
        fog_conf_man(&node_conf_schema, &text);
    else
        fog_conf_help(&node_conf_schema, &text);
    fputs(fog_buf_cstr(&text), stdout);
    fog_buf_fini(&text);
    return 0;
}

static int dump(const struct node_conf *conf)
{
    struct fog_buf text = {0};

    fog_conf_dump(&node_conf_schema, conf, &text);
    fputs(fog_buf_cstr(&text), stdout);
    fog_buf_fini(&text);
    return 0;
}

static int run(enum mode mode, const struct node_conf *conf, const char *path)
{
    fog_log_setup(level_of(conf->log), mode == MODE_KEYD ? "keyd" : "fogd");
    switch (mode) {
    case MODE_TEST:
        printf("%s: correct\n", path);
        return 0;
    case MODE_DUMP:
        return dump(conf);
    case MODE_KEYD:
        return keyd_run(conf);
    case MODE_SERVE:
        return serve_run(conf);
    case MODE_RUN:
        if (home_make(conf) != 0 || home_adopt_join(conf) != 0)
            return FOGD_EXIT_FAILED;
        return super_run(conf, path);
    case MODE_HELP_CONFIG:
    case MODE_MAN_CONFIG:
        break;
    }
    return print_config_help(mode);
}

static int load_and_run(enum mode mode, const char *path)
{
    struct fog_buf error = {0};
    struct node_conf conf = {0};
    int code = FOGD_EXIT_USAGE;

    if (path == NULL)
        fprintf(stderr, "fogd: name a configuration with -c FILE (fogd --help)\n");
    else if (node_conf_load(path, &conf, &error) != 0)
        fprintf(stderr, "fogd: %s\n", fog_buf_cstr(&error));
    else
        code = run(mode, &conf, path);
    node_conf_fini(&conf);
    fog_buf_fini(&error);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},        {"version", no_argument, NULL, 'V'},
        {"help-config", no_argument, NULL, 'H'}, {"man-config", no_argument, NULL, 'M'},
        {"dump", no_argument, NULL, 'D'},        {"keyd", no_argument, NULL, 'K'},
        {"serve", no_argument, NULL, 'S'},       {NULL, 0, NULL, 0}};
    enum mode mode = MODE_RUN;
    const char *path = NULL;
    int opt;

    if (argc > 1 && argv[1][0] != '-')
        return cmd_main(argc - 1, argv + 1);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    while ((opt = getopt_long(argc, argv, "c:th", options, NULL)) != -1) {
        if (opt == 'c') {
            path = optarg;
        } else if (opt == 't') {
            mode = MODE_TEST;
        } else if (opt == 'h') {
            fputs(usage, stdout);
            return 0;
        } else if (opt == 'V') {
            puts("fogd 0.1.0");
            return 0;
        } else if (opt == 'H' || opt == 'M') {
            return print_config_help(opt == 'H' ? MODE_HELP_CONFIG : MODE_MAN_CONFIG);
        } else if (opt == 'D' || opt == 'K' || opt == 'S') {
            mode = opt == 'D' ? MODE_DUMP : opt == 'K' ? MODE_KEYD : MODE_SERVE;
        } else {
            fputs(usage, stderr);
            return FOGD_EXIT_USAGE;
        }
    }
    if (optind != argc) {
        fprintf(stderr, "fogd: a command goes first: fogd %s ...\n", argv[optind]);
        return FOGD_EXIT_USAGE;
    }
    return load_and_run(mode, path);
}
