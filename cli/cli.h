/*
 * The client's frame: parsed command line, context (which fog, whose keys), output and errors. One
 * object lives as long as the process.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/verbs.h"
#include "core/base/buf.h"
#include "core/io/addr.h"

struct fog_json;

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_UNREACHABLE = 3,
    CLI_AUTH = 4,
    CLI_LIMIT = 5,
};

#define CLI_RESOLVE_MAX 8

struct cli_resolve {
    char host[256]; /* lower case; a leading "*." covers all names below */
    uint16_t port;
    struct fog_addr addr;
};

struct cli {
    const struct cli_verb *verb;
    const char *values[CLI_OPTION_COUNT]; /* NULL: not given; "" for flags */
    char **args;                          /* after the verb */
    unsigned n_args;
    char home[3072];
    char api[512]; /* without a trailing slash; "" when no fog is known */
    char ca[3072]; /* "": the system's store */
    struct cli_resolve resolves[CLI_RESOLVE_MAX];
    unsigned n_resolves;
    bool json, progress, tty;
    struct fog_json *failure; /* details of an error, for --json */
};

/* Reads options and verb. CLI_OK, or CLI_USAGE after saying what is wrong. */
int cli_parse(struct cli *cli, int argc, char **argv);

/* Home, context.conf, environment, options (the later wins). CLI_OK or CLI_USAGE. */
int cli_context_load(struct cli *cli);

/* "host:port:ip", the ip with or without brackets. FOG_EFORMAT. */
int cli_resolve_parse(const char *text, struct cli_resolve *out) FOG_MUST_CHECK;

/* One setting of context.conf or the environment; unknown names are FOG_ECONFIG. */
int cli_context_set(struct cli *cli, const char *name, const char *value) FOG_MUST_CHECK;

bool cli_is_set(const struct cli *cli, enum cli_option o);
const char *cli_value(const struct cli *cli, enum cli_option o, const char *otherwise);

/* "fog: ..." on standard error (with --json an object with "error" on standard output as well).
 * Returns the code. */
int cli_fail(struct cli *cli, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void cli_warn(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Writes and frees the object: the whole output of a verb under --json. */
void cli_print_json(struct fog_json **j);

/* A line of progress that replaces the one before on a terminal. */
void cli_progress(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_progress_end(struct cli *cli);

/* "DIR/name" in the home; creates the folder above it with mode 0700. FOG errors. */
int cli_home_path(const struct cli *cli, const char *name, char *out, size_t size) FOG_MUST_CHECK;

/* Help texts. */
void help_program(struct fog_buf *out);
void help_verb(const struct cli_verb *verb, struct fog_buf *out);
void help_man(struct fog_buf *out);
void help_completion(struct fog_buf *out);

#endif
