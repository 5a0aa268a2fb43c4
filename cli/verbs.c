#include "cli/verbs.h"

const struct cli_option_row cli_options[CLI_OPTION_COUNT] = {
#define X(name, text, arg, help) {text, arg, help},
    CLI_OPTIONS(X)
#undef X
};

#define PUBLISH (CLI_BIT(SITE) | CLI_BIT(WAIT))
#define ANY     255

const struct cli_verb cli_verbs[] = {
    {"deploy", "DIR", 1, 1, PUBLISH | CLI_BIT(PREVIEW), "publish a folder as a web site",
     "Uploads what the fog does not have yet, then moves the site's pointer: the site changes at "
     "once and whole. A run that was interrupted is continued by running it again. The site is "
     "live as soon as the command ends; --preview publishes under a name of its own instead. "
     "Without --site the name is that of the folder (or of its parent for public, dist, build, "
     "out, _site). Files whose name begins with a dot are left out, except .well-known. The last "
     "line is the URL.",
     cmd_deploy},
    {"put", "PATH", 1, 1, PUBLISH, "publish one file or a folder such as an HLS output",
     "Like deploy, for downloads and video: the last line is the URL of the file, or of the "
     "playlist that the folder begins with. Playlists must name their parts relatively.",
     cmd_put},
    {"status", "[SITE]", 0, 1, 0, "what the fog or one of your sites looks like", "", cmd_status},
    {"earnings", "", 0, 0, CLI_BIT(OPERATOR), "what boxes served and earned, week by week",
     "Gross, fee, held and net in units of the payment token, and the transaction that paid.",
     cmd_earnings},
    {"route explain", "IP URL", 2, 2, 0, "which box a viewer at IP gets for URL, and why", "",
     cmd_route_explain},
    {"key new", "", 0, 0, CLI_BIT(OWNER), "make the keys of a publisher",
     "Makes release.key (signs releases), recovery.key (replaces lost release keys; keep a copy "
     "elsewhere) and owner.key (escrow account, unless --owner) in the folder keys of the home.",
     cmd_key_new},
    {"key show", "", 0, 0, 0, "publisher id, public keys and escrow owner", "", cmd_key_show},
    {"key export", "release|recovery|owner", 1, 1, 0, "print a secret key in hex",
     "Whoever has it can act as you. Nothing else is printed.", cmd_key_export},
    {"dev", "[DIR] [OPTION...]", 0, ANY, 0, "run a whole fog on this machine",
     "Starts the program fog-dev, which explains itself with --help.", cmd_dev},
    {"version", "", 0, 0, 0, "print the version", "", cmd_version},
    {"completion", "bash", 1, 1, 0, "print a completion script for the shell",
     "For example: fog completion bash > ~/.local/share/bash-completion/completions/fog",
     cmd_completion},
    {"help", "[VERB]", 0, 2, CLI_BIT(MAN), "help on the program or on a verb", "", cmd_help},
};

const size_t cli_verb_count = sizeof cli_verbs / sizeof cli_verbs[0];
