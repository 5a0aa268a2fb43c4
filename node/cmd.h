/*
 * The commands of fogd: preparing state directories, talking to a running fogd, setting things up
 * on a chain. Each prints its result on stdout and what is wrong on stderr; exit codes of super.h.
 */
#ifndef FOG_NODE_CMD_H
#define FOG_NODE_CMD_H

#include "node/conf.h"

/* X(words, arguments, handler, needs -c, text) */
#define CMDS(X)                                                                                    \
    X("init-router", "", cmd_init_router, true, "make keys, genesis and CA of a router instance")  \
    X("init-box", "", cmd_init_box, true, "make the keys of a box")                                \
    X("token", "[--operator 0x..] [--uses N] [--life 7d]", cmd_token, true,                        \
      "an enrolment file for a box, from a running router")                                        \
    X("status", "", cmd_status, true, "state of a running fogd as JSON")                           \
    X("stop", "", cmd_stop, true, "stop a running fogd in order")                                  \
    X("week close", "", cmd_week_close, true, "development: close and post the running week")      \
    X("claim export", "[--week N]", cmd_claim_export, true, "receipts behind what was earned")     \
    X("store stat", "", cmd_store_stat, true, "figures of the store of a stopped fogd")            \
    X("store check", "", cmd_store_check, true, "read everything back and compare all counters")   \
    X("chain address", "--key FILE", cmd_chain_address, false, "account of a key file")            \
    X("chain deploy", "--rpc URL --key FILE --out FILE", cmd_chain_deploy, false,                  \
      "deploy the contracts, write their addresses")                                               \
    X("chain house", "--bond N", cmd_chain_house, true, "register this router's house")            \
    X("chain node", "--chain FILE --rpc URL --key FILE", cmd_chain_node, true,                     \
      "register this box and its operator, who owns --key")                                        \
    X("chain publisher",                                                                           \
      "--chain FILE --rpc URL --key FILE --publisher ID --deposit N --cap N [--house 0x..]",       \
      cmd_chain_publisher, true, "deposit, and a deal with this router's house")

#define CMD_HELP_ROW(words, args, fn, conf, text) "  " words " " args "\n      " text "\n"
#define CMD_HELP                                  CMDS(CMD_HELP_ROW)

/* Values of the options above; NULL when not given. */
struct cmd_args {
    const char *conf_path;
    struct node_conf *conf; /* NULL for commands without -c */
    const char *rpc, *key, *out, *chain, *publisher, *operator_addr, *house, *artifacts;
    const char *uses, *life, *bond, *deposit, *cap, *week;
    const char *week_length, *post_window, *mature_window, *hold_length;
};

#define CMD_DECLARE(words, args, fn, conf, text) int fn(const struct cmd_args *a);
CMDS(CMD_DECLARE)
#undef CMD_DECLARE

/* argv[0] is the command's first word. Returns the exit code. */
int cmd_main(int argc, char **argv);

/* One request over the control socket of a running fogd. Prints the body on stdout for 2xx, the
 * reason on stderr otherwise; `out` (may be NULL) gets the body instead of stdout. Exit code. */
int cmd_ask(const struct node_conf *conf, const char *method, const char *path, const char *body,
            struct fog_buf *out);

/* A number of token units; prints and returns false when it is none. */
bool cmd_number(const char *name, const char *text, fog_u128 *out);

#endif
