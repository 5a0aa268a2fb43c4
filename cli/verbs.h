/*
 * What `fog` can do, as one table: verbs and options. It drives the parser, the help, the bash
 * completion and the manual page, so that they cannot disagree.
 */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include <stdbool.h>
#include <stddef.h>

struct cli;

/* X(name, long option, argument or NULL, text) */
#define CLI_OPTIONS(X)                                                                             \
    X(HELP, "help", NULL, "show help on the verb")                                                 \
    X(JSON, "json", NULL, "one JSON object on standard output instead of text")                    \
    X(VERBOSE, "verbose", NULL, "show progress even when standard error is no terminal")           \
    X(HOME, "home", "DIR", "folder of keys and context.conf (FOG_HOME; ~/.config/fogbank)")        \
    X(FOG, "fog", "URL", "API of the fog, https://api.ZONE[:PORT] (FOG_API; api in context.conf)") \
    X(CA, "ca", "FILE", "trust these authorities, not the system's (FOG_CA; ca in context.conf)")  \
    X(RESOLVE, "resolve", "HOST:PORT:IP", "address of a host, as with curl; may be repeated")      \
    X(SITE, "site", "NAME", "name of the site, a-z 0-9 and hyphens")                               \
    X(PREVIEW, "preview", NULL, "publish under a name of its own and leave the site as it is")     \
    X(WAIT, "wait", "SECONDS", "how long to wait for all copies (default 60)")                     \
    X(OPERATOR, "operator", "ADDRESS", "earnings of one operator")                                 \
    X(OWNER, "owner", "ADDRESS", "escrow account of a wallet that you have, instead of a new key") \
    X(MAN, "man", NULL, "print the manual page (roff)")

enum cli_option {
#define X(name, text, arg, help) CLI_##name,
    CLI_OPTIONS(X)
#undef X
        CLI_OPTION_COUNT
};

#define CLI_BIT(name) (1u << CLI_##name)
/* Every verb takes these. */
#define CLI_COMMON                                                                                 \
    (CLI_BIT(HELP) | CLI_BIT(JSON) | CLI_BIT(VERBOSE) | CLI_BIT(HOME) | CLI_BIT(FOG) |             \
     CLI_BIT(CA) | CLI_BIT(RESOLVE))

struct cli_option_row {
    const char *name;
    const char *arg; /* NULL: a flag */
    const char *text;
};

struct cli_verb {
    const char *name; /* one or two words */
    const char *args;
    unsigned min_args, max_args;
    unsigned options; /* beside CLI_COMMON */
    const char *summary;
    const char *details; /* paragraphs for help and manual, may be empty */
    int (*run)(struct cli *cli);
};

extern const struct cli_option_row cli_options[CLI_OPTION_COUNT];
extern const struct cli_verb cli_verbs[];
extern const size_t cli_verb_count;

/* The verbs; each returns an exit code of cli.h. */
int cmd_key_new(struct cli *cli);
int cmd_key_show(struct cli *cli);
int cmd_key_export(struct cli *cli);
int cmd_deploy(struct cli *cli);
int cmd_put(struct cli *cli);
int cmd_status(struct cli *cli);
int cmd_earnings(struct cli *cli);
int cmd_route_explain(struct cli *cli);
int cmd_dev(struct cli *cli);
int cmd_version(struct cli *cli);
int cmd_help(struct cli *cli);
int cmd_completion(struct cli *cli);

#endif
