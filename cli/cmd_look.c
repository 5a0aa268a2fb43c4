/* status, earnings, route explain: what the fog says, as a table or as it is. */
#include "cli/cli.h"
#include "cli/session.h"
#include "cli/table.h"
#include "core/base/str.h"
#include "core/json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Text of a member, whatever its type; "-" when it is not there. */
static const char *text_of(const struct fog_json *j, const char *name, char number[40])
{
    const char *s;
    fog_u128 u;
    bool b;

    if (fog_json_get_str(j, name, &s) == 0)
        return s[0] == '\0' ? "-" : s;
    if (fog_json_get_bool(j, name, &b) == 0)
        return b ? "yes" : "no";
    if (fog_json_get_u128(j, name, &u) == 0) {
        fog_json_u128_text(u, number);
        return number;
    }
    return "-";
}

/* Times as RFC 3339, amounts of bytes for people, everything else as it is. */
static void print_member(const struct fog_json *j, const char *name, struct fog_buf *out)
{
    char text[40] = "";
    size_t len = strlen(name);
    struct tm tm;
    uint64_t v;
    time_t seconds;

    if (len > 3 && strcmp(name + len - 3, "_ms") == 0 && fog_json_get_u64(j, name, &v) == 0) {
        seconds = (time_t)(v / 1000);
        if (gmtime_r(&seconds, &tm) != NULL)
            strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    } else if (strstr(name, "bytes") != NULL && fog_json_get_u64(j, name, &v) == 0) {
        fog_format_size(v, text);
    }
    fog_buf_append_str(out, text[0] != '\0' ? text : text_of(j, name, text));
}

struct column {
    const char *head, *member;
    bool number;
};

/* A table of an array of objects; nothing for an empty one. */
static void print_rows(const struct fog_json *rows, const struct column *columns, unsigned n,
                       struct fog_buf *out)
{
    struct table t;
    unsigned right = 0;

    if (fog_json_count(rows) == 0)
        return;
    for (unsigned c = 0; c < n; c++)
        right |= columns[c].number ? 1u << c : 0;
    table_init(&t, n, right);
    for (unsigned c = 0; c < n; c++)
        table_cell(&t, columns[c].head);
    for (size_t i = 0; i < fog_json_count(rows); i++) {
        for (unsigned c = 0; c < n; c++) {
            struct fog_buf text = {0};

            print_member(fog_json_item(rows, i), columns[c].member, &text);
            table_cell(&t, fog_buf_cstr(&text));
            fog_buf_fini(&text);
        }
    }
    if (out->len > 0)
        fog_buf_append_str(out, "\n");
    table_print(&t, out);
    table_fini(&t);
}

static void print_head(const struct fog_json *j, const char *const *members, size_t n,
                       struct fog_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (fog_json_at(j, members[i]) == NULL)
            continue;
        fog_buf_printf(out, "%-14s ", members[i]);
        print_member(j, members[i], out);
        fog_buf_append_str(out, "\n");
    }
}

static int print(struct cli *cli, struct fog_json **j, struct fog_buf *text)
{
    if (cli->json)
        cli_print_json(j);
    else
        fwrite(text->data, 1, text->len, stdout);
    fog_buf_fini(text);
    fog_json_free(j);
    return CLI_OK;
}

static int fog_status(struct session *s)
{
    static const char *const head[] = {"zone",        "hub_ms",        "map_no",
                                       "boxes_alive", "sites",         "sessions",
                                       "cut",         "copies.groups", "copies.below"};
    static const struct column instances[] = {
        {"INSTANCE", "addr", false}, {"KEY", "key", false}, {"SELF", "self", false}};
    static const struct column boxes[] = {
        {"BOX", "box", false},           {"OPERATOR", "operator", false},
        {"COUNTRY", "country", false},   {"DOMAIN", "domain", false},
        {"CLASS", "class", false},       {"STATE", "state", false},
        {"ALIVE", "alive", false},       {"CONNS", "connections", true},
        {"SERVED", "bytes_total", true}, {"FREE", "free_bytes", true}};
    static const struct column verdicts[] = {
        {"VERDICT ON", "box", false}, {"STATE", "state", false},  {"REASON", "reason", false},
        {"REPORTS", "reports", true}, {"AUDITS", "audits", true}, {"FAILED", "failed", true},
        {"CHUNK", "chunk", false}};
    struct fog_buf text = {0};
    struct fog_json *j;
    int rc = session_get(s, "/v1/status", false, &j);

    if (rc != CLI_OK)
        return rc;
    print_head(j, head, FOG_COUNT(head), &text);
    print_rows(fog_json_at(j, "instances"), instances, FOG_COUNT(instances), &text);
    print_rows(fog_json_at(j, "boxes"), boxes, FOG_COUNT(boxes), &text);
    print_rows(fog_json_at(j, "verdicts"), verdicts, FOG_COUNT(verdicts), &text);
    return print(s->cli, &j, &text);
}

static int site_status(struct session *s, const char *site)
{
    static const char *const head[] = {"name",        "site",       "gen",        "seq",
                                       "issued_ms",   "bytes",      "copies_min", "wanted",
                                       "two_domains", "gateway_url"};
    static const struct column holders[] = {
        {"HOLDER", "label", false}, {"OPERATOR", "operator", false}, {"ALIVE", "alive", false}};
    char label[FOG_SITE_LABEL_LEN + 1], target[64];
    struct fog_buf text = {0};
    struct fog_site_id id;
    struct fog_json *j;
    const struct fog_json *list;
    const char *holder;
    int rc;

    if (fog_site_label_parse(fog_bytes_str(site), &id) == 0)
        fog_strcpy(label, sizeof label, fog_bytes_str(site)); /* a label was given */
    else if (fog_site_name_check(fog_bytes_str(site)) == 0)
        session_site_label(s, site, label);
    else
        return cli_fail(s->cli, CLI_USAGE, "%s is no site name", site);
    snprintf(target, sizeof target, "/v1/sites/%s", label);
    if ((rc = session_get(s, target, true, &j)) != CLI_OK)
        return rc;
    if (j == NULL)
        return cli_fail(s->cli, CLI_FAILED, "the fog knows no site \"%s\" of yours", site);
    print_head(j, head, FOG_COUNT(head), &text);
    list = fog_json_at(j, "holders");
    if (fog_json_get_str(j, "holders.0", &holder) == 0)
        for (size_t i = 0; i < fog_json_count(list); i++)
            fog_buf_printf(&text, "%-14s %s\n", i == 0 ? "holders" : "",
                           fog_json_get_str(fog_json_item(list, i), "", &holder) == 0 ? holder
                                                                                      : "-");
    else
        print_rows(list, holders, FOG_COUNT(holders), &text);
    return print(s->cli, &j, &text);
}

int cmd_status(struct cli *cli)
{
    bool site = cli->n_args == 1;
    struct session s;
    int rc = session_open(&s, cli, site ? SESSION_KEYS : SESSION_PLAIN, 0);

    if (rc == CLI_OK)
        rc = site ? site_status(&s, cli->args[0]) : fog_status(&s);
    session_fini(&s);
    return rc;
}

int cmd_earnings(struct cli *cli)
{
    static const struct column columns[] = {
        {"WEEK", "week", true},   {"NODE", "node", false},  {"PAYEE", "payee", false},
        {"BYTES", "bytes", true}, {"GROSS", "gross", true}, {"FEE", "fee", true},
        {"HELD", "held", true},   {"NET", "net", true},     {"TRANSACTION", "tx", false}};
    const char *operator_text = cli_value(cli, CLI_OPERATOR, NULL);
    struct fog_json *j, *wrapped;
    struct fog_ethaddr address;
    struct fog_buf text = {0};
    struct session s;
    char target[96];
    int rc;

    if (operator_text != NULL && fog_ethaddr_parse(fog_bytes_str(operator_text), &address) != 0)
        return cli_fail(cli, CLI_USAGE, "--operator %s: no address", operator_text);
    snprintf(target, sizeof target, "/v1/earnings%s%s", operator_text != NULL ? "?operator=" : "",
             operator_text != NULL ? operator_text : "");
    rc = session_open(&s, cli, SESSION_PLAIN, 0);
    if (rc == CLI_OK && (rc = session_get(&s, target, false, &j)) == CLI_OK) {
        if (fog_json_is_array(j)) {
            wrapped = fog_json_new_object();
            fog_json_set_take(wrapped, "rows", &j);
            j = wrapped;
        }
        print_rows(fog_json_at(j, "rows"), columns, FOG_COUNT(columns), &text);
        if (text.len == 0)
            fog_buf_append_str(&text, "nothing earned yet\n");
        rc = print(cli, &j, &text);
    }
    session_fini(&s);
    return rc;
}

/* Percent-encodes what is not unreserved (RFC 3986 2.3). */
static void query_value(const char *value, struct fog_buf *out)
{
    static const char keep[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

    for (; *value != '\0'; value++) {
        if (strchr(keep, *value) != NULL)
            fog_buf_append(out, value, 1);
        else
            fog_buf_printf(out, "%%%02X", (unsigned)(uint8_t)*value);
    }
}

static void print_words(const struct fog_json *j, struct fog_buf *out)
{
    const struct fog_json *words = fog_json_at(j, "words");
    const char *line;

    if (fog_json_get_str(j, "words", &line) == 0)
        fog_buf_printf(out, "%s\n", line);
    for (size_t i = 0; fog_json_is_array(words) && i < fog_json_count(words); i++)
        if (fog_json_get_str(fog_json_item(words, i), "", &line) == 0)
            fog_buf_printf(out, "%s\n", line);
    if (out->len == 0) { /* a fog that gives no words */
        fog_json_write(j, true, out);
        fog_buf_append_str(out, "\n");
    }
}

int cmd_route_explain(struct cli *cli)
{
    struct fog_buf target = {0}, text = {0};
    struct fog_addr address;
    struct fog_json *j;
    struct session s;
    int rc;

    if (fog_addr_parse_ip(cli->args[0], 0, &address) != 0)
        return cli_fail(cli, CLI_USAGE, "%s is no IP address", cli->args[0]);
    fog_buf_append_str(&target, "/v1/route?ip=");
    query_value(cli->args[0], &target);
    fog_buf_append_str(&target, "&url=");
    query_value(cli->args[1], &target);
    rc = session_open(&s, cli, SESSION_PLAIN, 0);
    if (rc == CLI_OK && (rc = session_get(&s, fog_buf_cstr(&target), false, &j)) == CLI_OK) {
        print_words(j, &text);
        rc = print(cli, &j, &text);
    }
    session_fini(&s);
    fog_buf_fini(&target);
    return rc;
}
