/* deploy and put: a folder or a file becomes a release. */
#include "cli/cli.h"
#include "cli/plan.h"
#include "cli/publish.h"
#include "cli/session.h"
#include "cli/site_name.h"
#include "cli/slot.h"
#include "core/base/str.h"
#include "core/content/path.h"
#include "core/content/pointer.h"
#include "core/json/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WAIT_DEFAULT_S 60
#define WAIT_MAX_S     3600

struct deploy {
    struct cli *cli;
    bool is_site; /* deploy, not put */
    unsigned wait_s;
    char site[FOG_SITE_NAME_MAX + 1];
    char label[FOG_SITE_LABEL_LEN + 1];
    struct session s;
    struct scan scan;
    struct plan plan;
    int exit;
    struct fog_buf answer;
    unsigned shown; /* progress: last percent */
    const char *shown_what;
};

/* --- what publish.h asks of us --- */

static void on_sign(void *arg, const char *method, const char *target, struct fog_bytes body,
                    struct fog_buf *out)
{
    struct deploy *d = arg;

    session_sign(&d->s, method, target, body, out);
}

static int on_make_pointer(void *arg, uint64_t seq, const struct fog_hash *prev,
                           struct fog_buf *out)
{
    struct deploy *d = arg;
    struct fog_pointer p = {
        .publisher_id = d->s.id.doc.publisher_id,
        .kind = FOG_POINTER_SITE,
        .gen = d->s.id.doc.gen,
        .seq = seq,
        .table = d->plan.root,
        .prev = *prev,
        .issued_ms = session_hub_ms(&d->s),
        .max_stale_s = FOG_SITE_STALE_S,
    };

    fog_strcpy(p.site, sizeof p.site, fog_bytes_str(d->site));
    return fog_pointer_seal(&p, &d->s.id.release, &d->s.fog_id, out);
}

static void on_publish_progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
    struct deploy *d = arg;
    unsigned percent = total == 0 ? 0 : (unsigned)(done * 100 / total);
    unsigned step = d->cli->tty ? 1 : 25; /* a log wants few lines */
    char a[16], b[16];

    if (what == d->shown_what && percent < d->shown + step && percent < 100)
        return;
    d->shown_what = what;
    d->shown = percent;
    if (total == 0) {
        cli_progress(d->cli, "%s", what);
        return;
    }
    fog_format_size(done, a);
    fog_format_size(total, b);
    cli_progress(d->cli, "%s %s of %s (%u %%)", what, a, b, percent);
}

static void on_hashed(uint64_t bytes, void *arg)
{
    struct deploy *d = arg;

    on_publish_progress(d, "hashing", bytes, d->scan.bytes);
}

static void on_published(void *arg, int rc, const char *what, const struct api_answer *failed,
                         struct fog_bytes answer)
{
    struct deploy *d = arg;

    if (failed == NULL)
        fog_buf_append(&d->answer, answer.p, answer.len);
    else if (rc == 0)
        d->exit = answer_fail(d->cli, what, failed);
    else
        d->exit = cli_fail(d->cli, CLI_FAILED, "%s",
                           d->plan.problem[0] != '\0' ? d->plan.problem : fog_strerror(rc));
    api_http_stop(d->s.http);
}

/* --- the steps --- */

static int read_wait(struct deploy *d)
{
    const char *text = cli_value(d->cli, CLI_WAIT, NULL);
    uint64_t v = WAIT_DEFAULT_S;

    if (text != NULL && fog_parse_u64(fog_bytes_str(text), WAIT_MAX_S, &v) != 0)
        return cli_fail(d->cli, CLI_USAGE, "--wait %s: want seconds, at most %d", text, WAIT_MAX_S);
    d->wait_s = (unsigned)v;
    return CLI_OK;
}

static int choose_name(struct deploy *d)
{
    const char *given = cli_value(d->cli, CLI_SITE, NULL);
    char absolute[PATH_MAX];

    if (given != NULL) {
        if (fog_site_name_check(fog_bytes_str(given)) != 0)
            return cli_fail(d->cli, CLI_USAGE,
                            "--site %s: want 1 to 63 of a-z 0-9 and inner hyphens", given);
        fog_strcpy(d->site, sizeof d->site, fog_bytes_str(given));
        return CLI_OK;
    }
    if (realpath(d->cli->args[0], absolute) == NULL)
        return cli_fail(d->cli, CLI_FAILED, "%s: %s", d->cli->args[0], fog_strerror(-errno));
    if (site_name_of_path(absolute, d->site) != 0)
        return cli_fail(d->cli, CLI_USAGE, "%s gives no site name: use --site", absolute);
    return CLI_OK;
}

static void warn_about_rules(struct deploy *d)
{
    static const char *const names[] = {"_headers", "_redirects"};
    char path[PATH_MAX];

    for (size_t i = 0; i < FOG_COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", d->cli->args[0], names[i]);
        if (access(path, F_OK) == 0)
            cli_warn(d->cli, "%s is not applied by this version and was left out", names[i]);
    }
}

static int scan_step(struct deploy *d)
{
    int rc = scan_open(d->cli->args[0], &d->scan);

    if (rc == 0 && d->is_site && d->scan.single)
        return cli_fail(d->cli, CLI_USAGE, "%s is a file: use fog put", d->cli->args[0]);
    if (rc == 0)
        rc = slot_assign(&d->scan);
    if (rc != 0)
        return cli_fail(d->cli, rc == FOG_ELIMIT ? CLI_LIMIT : CLI_FAILED, "%s", d->scan.problem);
    if (d->scan.n == 0)
        return cli_fail(d->cli, CLI_FAILED, "%s has no files", d->cli->args[0]);
    if (d->is_site && scan_find(&d->scan, fog_bytes_str("index.html")) < 0)
        cli_warn(d->cli, "%s has no index.html: the site's first page will be missing",
                 d->cli->args[0]);
    warn_about_rules(d);
    return CLI_OK;
}

static int plan_step(struct deploy *d)
{
    char name[FOG_SITE_NAME_MAX + 1];
    int rc = plan_make(&d->plan, &d->scan, on_hashed, d);

    if (rc != 0)
        return cli_fail(d->cli, rc == FOG_ELIMIT ? CLI_LIMIT : CLI_FAILED, "%s", d->plan.problem);
    if (cli_is_set(d->cli, CLI_PREVIEW)) {
        site_name_preview(d->site, &d->plan.root.id, name);
        memcpy(d->site, name, sizeof d->site);
    }
    session_site_label(&d->s, d->site, d->label);
    return CLI_OK;
}

static void publish_step(struct deploy *d, struct publish_sums *sums)
{
    struct publish_conf conf = {
        .api = api_http_port(d->s.http),
        .plan = &d->plan,
        .label = d->label,
        .keydoc = fog_buf_bytes(&d->s.id.doc_bytes),
        .wait_s = d->wait_s,
        .sign = on_sign,
        .make_pointer = on_make_pointer,
        .on_progress = on_publish_progress,
        .on_done = on_published,
        .arg = d,
    };
    struct publish *p = publish_new(&conf);

    publish_start(p);
    api_http_run(d->s.http);
    publish_sums(p, sums);
    publish_free(&p);
    cli_progress_end(d->cli);
}

/* --- the result --- */

static void put_url(const struct deploy *d, const struct fog_json *answer, struct fog_buf *out)
{
    const char *gateway = NULL;
    size_t len;
    long entry = -1;

    if (answer != NULL && fog_json_get_str(answer, "gateway_url", &gateway) == 0) {
        for (len = strlen(gateway); len > 0 && gateway[len - 1] == '/'; len--)
            ;
        fog_buf_append(out, gateway, len);
    } else { /* same port as the API */
        const char *port = strrchr(d->cli->api, ':');

        fog_buf_printf(out, "https://%s.%s%s", d->label, d->s.zone,
                       port != NULL && port[1] != '/' ? port : "");
    }
    fog_buf_append_str(out, "/");
    if (d->scan.single)
        entry = 0;
    else if (!d->is_site)
        entry = slot_entry_playlist(&d->scan);
    if (entry >= 0)
        fog_path_to_url(fog_bytes_str(d->scan.files[entry].path), out);
}

static void print_json(struct deploy *d, const struct publish_sums *sums, const char *url,
                       uint64_t copies, uint64_t wanted)
{
    struct fog_json *j = fog_json_new_object();

    fog_json_set_str(j, "url", url);
    fog_json_set_str(j, "site", d->label);
    fog_json_set_str(j, "name", d->site);
    fog_json_set_u64(j, "seq", sums->seq);
    fog_json_set_u64(j, "files", d->scan.n);
    fog_json_set_u64(j, "bytes", d->scan.bytes);
    fog_json_set_u64(j, "objects", d->plan.n);
    fog_json_set_u64(j, "sent_objects", sums->objects_sent);
    fog_json_set_u64(j, "sent_bytes", sums->bytes_sent);
    fog_json_set_u64(j, "copies", copies);
    fog_json_set_u64(j, "wanted", wanted);
    cli_print_json(&j);
}

static void print_text(struct deploy *d, const struct publish_sums *sums, const char *url,
                       uint64_t copies)
{
    char total[16], sent[16];

    fog_format_size(d->scan.bytes, total);
    fog_format_size(sums->bytes_sent, sent);
    printf("%s: %zu file%s, %s; sent %s in %llu object%s; %llu cop%s\n%s\n", d->site, d->scan.n,
           d->scan.n == 1 ? "" : "s", total, sent, (unsigned long long)sums->objects_sent,
           sums->objects_sent == 1 ? "" : "s", (unsigned long long)copies,
           copies == 1 ? "y" : "ies", url);
}

static int report(struct deploy *d, const struct publish_sums *sums)
{
    struct fog_json *answer = NULL;
    uint64_t copies = 0, wanted = 0;
    struct fog_buf url = {0};

    if (fog_json_parse(fog_buf_bytes(&d->answer), NULL, &answer, NULL, 0) != 0 ||
        fog_json_get_u64(answer, "copies", &copies) != 0 ||
        fog_json_get_u64(answer, "wanted", &wanted) != 0) {
        fog_json_free(&answer);
        return cli_fail(d->cli, CLI_FAILED,
                        "the fog took the pointer but its answer makes no sense");
    }
    if (copies < wanted)
        cli_warn(d->cli, "only %llu of %llu copies after %u s; the fog goes on making them",
                 (unsigned long long)copies, (unsigned long long)wanted, d->wait_s);
    if (d->s.id.made)
        cli_warn(d->cli, "new keys were made in %s/keys: keep a copy of recovery.key elsewhere",
                 d->cli->home);
    put_url(d, answer, &url);
    if (d->cli->json)
        print_json(d, sums, fog_buf_cstr(&url), copies, wanted);
    else
        print_text(d, sums, fog_buf_cstr(&url), copies);
    fog_buf_fini(&url);
    fog_json_free(&answer);
    return CLI_OK;
}

static int run(struct cli *cli, bool is_site)
{
    struct deploy d = {.cli = cli, .is_site = is_site};
    struct publish_sums sums = {0};

    if ((d.exit = read_wait(&d)) == CLI_OK && (d.exit = choose_name(&d)) == CLI_OK &&
        (d.exit = scan_step(&d)) == CLI_OK &&
        (d.exit = session_open(&d.s, cli, SESSION_MAKE_KEYS, d.wait_s)) == CLI_OK &&
        (d.exit = plan_step(&d)) == CLI_OK) {
        publish_step(&d, &sums);
        if (d.exit == CLI_OK)
            d.exit = report(&d, &sums);
    }
    plan_fini(&d.plan);
    scan_fini(&d.scan);
    session_fini(&d.s);
    fog_buf_fini(&d.answer);
    return d.exit;
}

int cmd_deploy(struct cli *cli)
{
    return run(cli, true);
}

int cmd_put(struct cli *cli)
{
    return run(cli, false);
}
