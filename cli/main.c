/* fog: the client. */
#include "cli/cli.h"
#include "core/obs/log.h"

#include <signal.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    static struct cli cli;
    struct fog_buf help = {0};
    int rc;

    signal(SIGPIPE, SIG_IGN);
    if ((rc = cli_parse(&cli, argc, argv)) != CLI_OK)
        return rc;
    /* the lines of the libraries are for daemons; a person reads our own words */
    fog_log_setup(cli_is_set(&cli, CLI_VERBOSE) ? FOG_LOG_UNUSUAL : FOG_LOG_BROKEN, "fog");
    if (cli_is_set(&cli, CLI_HELP)) {
        if (cli.verb->run == cmd_help)
            help_program(&help);
        else
            help_verb(cli.verb, &help);
        fwrite(help.data, 1, help.len, stdout);
        fog_buf_fini(&help);
        return CLI_OK;
    }
    if ((rc = cli_context_load(&cli)) != CLI_OK)
        return rc;
    rc = cli.verb->run(&cli);
    if (fflush(stdout) != 0 && rc == CLI_OK)
        rc = CLI_FAILED; /* a full disk or a closed pipe behind us */
    return rc;
}
