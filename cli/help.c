/* Help, manual page and completion, all from the table of verbs. */
#include "cli/cli.h"

#include <stdio.h>

static void put_options(unsigned mask, struct fog_buf *out)
{
    for (int o = 0; o < CLI_OPTION_COUNT; o++) {
        const struct cli_option_row *row = &cli_options[o];
        char left[64];

        if ((mask & 1u << o) == 0)
            continue;
        snprintf(left, sizeof left, "--%s%s%s", row->name, row->arg != NULL ? " " : "",
                 row->arg != NULL ? row->arg : "");
        fog_buf_printf(out, "  %-26s %s\n", left, row->text);
    }
}

/* Wraps at 80 columns. */
static void put_paragraph(const char *text, struct fog_buf *out)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t word = strcspn(text, " ");

        if (column > 0 && column + 1 + word > 80) {
            fog_buf_append_str(out, "\n");
            column = 0;
        }
        if (column > 0) {
            fog_buf_append_str(out, " ");
            column++;
        }
        fog_buf_append(out, text, word);
        column += word;
        text += word + strspn(text + word, " ");
    }
    fog_buf_append_str(out, "\n");
}

void help_program(struct fog_buf *out)
{
    fog_buf_append_str(out,
                       "fog publishes to a fogbank and looks at it.\n\nusage: fog VERB ...\n\n");
    for (size_t i = 0; i < cli_verb_count; i++) {
        const struct cli_verb *v = &cli_verbs[i];
        char left[64];

        snprintf(left, sizeof left, "%s %s", v->name, v->args);
        fog_buf_printf(out, "  %-34s %s\n", left, v->summary);
    }
    fog_buf_append_str(out, "\nEvery verb takes:\n");
    put_options(CLI_COMMON, out);
    fog_buf_append_str(out, "\nExit status: 0 done, 1 failed, 2 usage, 3 unreachable, 4 not "
                            "authorised, 5 limit reached.\n");
}

void help_verb(const struct cli_verb *v, struct fog_buf *out)
{
    fog_buf_printf(out, "usage: fog %s%s%s\n\n%s.\n", v->name, v->args[0] != '\0' ? " " : "",
                   v->args, v->summary);
    if (v->details[0] != '\0') {
        fog_buf_append_str(out, "\n");
        put_paragraph(v->details, out);
    }
    fog_buf_append_str(out, "\n");
    put_options(v->options | CLI_COMMON, out);
}

/* Text for roff: hyphens are literal, a leading dot or quote is no request. */
static void put_roff(const char *text, struct fog_buf *out)
{
    if (text[0] == '.' || text[0] == '\'')
        fog_buf_append_str(out, "\\&");
    for (; *text != '\0'; text++) {
        if (*text == '-' || *text == '\\')
            fog_buf_append_str(out, "\\");
        fog_buf_append(out, text, 1);
    }
}

static void man_options(unsigned mask, struct fog_buf *out)
{
    for (int o = 0; o < CLI_OPTION_COUNT; o++) {
        if ((mask & 1u << o) == 0)
            continue;
        fog_buf_append_str(out, ".TP\n\\fB\\-\\-");
        put_roff(cli_options[o].name, out);
        fog_buf_append_str(out, "\\fR");
        if (cli_options[o].arg != NULL)
            fog_buf_printf(out, " \\fI%s\\fR", cli_options[o].arg);
        fog_buf_append_str(out, "\n");
        put_roff(cli_options[o].text, out);
        fog_buf_append_str(out, "\n");
    }
}

void help_man(struct fog_buf *out)
{
    fog_buf_append_str(
        out, ".\\\" Made by: fog help --man\n.TH FOG 1 \"\" \"fogbank\" \"User Commands\"\n"
             ".SH NAME\nfog \\- publish to a fogbank and look at it\n.SH SYNOPSIS\n.B fog\n"
             ".I VERB\n[\\fIARGUMENT\\fR...] [\\fIOPTION\\fR...]\n.SH VERBS\n");
    for (size_t i = 0; i < cli_verb_count; i++) {
        const struct cli_verb *v = &cli_verbs[i];

        fog_buf_printf(out, ".SS \"fog %s%s%s\"\n", v->name, v->args[0] != '\0' ? " " : "",
                       v->args);
        put_roff(v->summary, out);
        fog_buf_append_str(out, ".\n");
        if (v->details[0] != '\0') {
            fog_buf_append_str(out, ".PP\n");
            put_roff(v->details, out);
            fog_buf_append_str(out, "\n");
        }
        man_options(v->options, out);
    }
    fog_buf_append_str(out, ".SH OPTIONS OF EVERY VERB\n");
    man_options(CLI_COMMON, out);
    fog_buf_append_str(
        out, ".SH FILES\n.TP\n.I HOME/context.conf\nLines \\fIname\\fR = \"\\fIvalue\\fR\": "
             "\\fBapi\\fR, \\fBca\\fR, \\fBresolve\\fR. The environment (FOG_HOME, FOG_API, "
             "FOG_CA) and options come before it.\n.TP\n.I HOME/keys\nSecret keys, readable by "
             "their owner only.\n.SH ENVIRONMENT\n.TP\n.B NO_COLOR\nAccepted; nothing is "
             "coloured.\n.SH EXIT STATUS\n0 done, 1 failed, 2 usage, 3 the fog cannot be reached, "
             "4 not authorised, 5 a limit was reached.\n");
}

void help_completion(struct fog_buf *out)
{
    fog_buf_append_str(out,
                       "# bash completion of fog, made by: fog completion bash\n"
                       "_fog() {\n    local cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}\n"
                       "    local two=\"$verb ${COMP_WORDS[2]}\" opts words\n"
                       "    words=\"");
    for (size_t i = 0; i < cli_verb_count; i++) {
        const char *name = cli_verbs[i].name;
        size_t first = strcspn(name, " ");

        if (i > 0 && strncmp(cli_verbs[i - 1].name, name, first + 1) == 0)
            continue; /* the same first word again */
        fog_buf_printf(out, "%s%.*s", i > 0 ? " " : "", (int)first, name);
    }
    fog_buf_append_str(out,
                       "\"\n    if [ \"$COMP_CWORD\" = 1 ]; then COMPREPLY=($(compgen -W "
                       "\"$words\" -- \"$cur\")); return; fi\n    case $verb in\n"
                       "    key) words=\"new show export\" ;;\n    route) words=explain ;;\n"
                       "    completion) words=bash ;;\n    help) ;;\n    *) words= ;;\n    esac\n"
                       "    opts=\"");
    for (int o = 0; o < CLI_OPTION_COUNT; o++)
        if ((CLI_COMMON & 1u << o) != 0)
            fog_buf_printf(out, "--%s ", cli_options[o].name);
    fog_buf_append_str(out, "\"\n    case $two in\n");
    for (size_t i = 0; i < cli_verb_count; i++) {
        if (cli_verbs[i].options == 0)
            continue;
        fog_buf_printf(out, "    \"%s\"%s) opts+=\"", cli_verbs[i].name,
                       strchr(cli_verbs[i].name, ' ') != NULL ? "" : "*");
        for (int o = 0; o < CLI_OPTION_COUNT; o++)
            if ((cli_verbs[i].options & 1u << o) != 0)
                fog_buf_printf(out, "--%s ", cli_options[o].name);
        fog_buf_append_str(out, "\" ;;\n");
    }
    fog_buf_append_str(out, "    esac\n    case $cur in\n"
                            "    -*) COMPREPLY=($(compgen -W \"$opts\" -- \"$cur\")) ;;\n"
                            "    *) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
                            "    esac\n}\ncomplete -o default -F _fog fog\n");
}
