#include "cli/session.h"

#include "core/base/str.h"
#include "core/content/api_auth.h"
#include "core/crypto/hash.h"
#include "core/io/loop.h"
#include "core/json/json.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int answer_exit(const struct api_answer *a)
{
    if (a->err != 0)
        return a->err == FOG_ELIMIT ? CLI_LIMIT : CLI_UNREACHABLE;
    if (a->status >= 200 && a->status < 300)
        return CLI_OK;
    switch (a->status) {
    case 401:
    case 402:
    case 403:
        return CLI_AUTH;
    case 413:
    case 429:
    case 507:
        return CLI_LIMIT;
    case 502:
    case 503:
    case 504:
        return CLI_UNREACHABLE;
    default:
        return CLI_FAILED;
    }
}

int answer_fail(struct cli *cli, const char *what, const struct api_answer *a)
{
    struct fog_json *j = NULL;
    const char *detail = NULL, *code = NULL;
    int exit = answer_exit(a);

    if (a->err != 0)
        return cli_fail(cli, exit, "%s: %s (%s)", what, fog_strerror(a->err), cli->api);
    if (fog_json_parse(a->body, NULL, &j, NULL, 0) == 0) {
        if (fog_json_get_str(j, "detail", &detail) != 0)
            detail = NULL;
        if (fog_json_get_str(j, "code", &code) != 0)
            code = NULL;
    }
    if (detail != NULL)
        cli_fail(cli, exit, "%s: %s (%d%s%s)", what, detail, a->status, code != NULL ? " " : "",
                 code != NULL ? code : "");
    else
        cli_fail(cli, exit, "%s: the fog answered %d", what, a->status);
    fog_json_free(&j);
    return exit;
}

fog_time_ms session_hub_ms(const struct session *s)
{
    return fog_wall_ms() + s->hub_ahead_ms;
}

void session_sign(const struct session *s, const char *method, const char *target,
                  struct fog_bytes body, struct fog_buf *out)
{
    struct fog_api_request r = {.method = fog_bytes_str(method), .target = fog_bytes_str(target)};

    fog_sha256(body, &r.body_hash);
    fog_api_auth_write(&r, &s->id.doc.publisher_id, (uint64_t)(session_hub_ms(s) / 1000),
                       s->id.key_index, &s->id.release, &s->fog_id, out);
}

int session_get(struct session *s, const char *target, bool absent, struct fog_json **out)
{
    struct api_request r = {.method = "GET", .target = target};
    struct fog_buf body = {0}, auth = {0};
    struct api_answer a = {.err = 0};
    char why[128];
    int rc = CLI_OK;

    *out = NULL;
    if (s->has_identity) {
        session_sign(s, r.method, target, fog_bytes_of(NULL, 0), &auth);
        r.auth = fog_buf_cstr(&auth);
    }
    a.err = api_http_call(s->http, &r, &a.status, &body);
    a.body = fog_buf_bytes(&body);
    if (absent && a.err == 0 && a.status == 404)
        rc = CLI_OK;
    else if (answer_exit(&a) != CLI_OK)
        rc = answer_fail(s->cli, target, &a);
    else if (fog_json_parse(a.body, &(struct fog_json_limits){.bytes = API_ANSWER_MAX}, out, why,
                            sizeof why) != 0)
        rc = cli_fail(s->cli, CLI_FAILED, "%s: answer is no JSON: %s", target, why);
    fog_buf_fini(&body);
    fog_buf_fini(&auth);
    return rc;
}

static int read_fog(struct session *s)
{
    fog_time_ms before = fog_wall_ms();
    const char *zone;
    uint64_t hub_ms;
    int rc = session_get(s, "/v1/fog", false, &s->fog);

    if (rc != CLI_OK)
        return rc;
    if (fog_json_get_hex(s->fog, "fog_id", s->fog_id.b, sizeof s->fog_id.b) != 0 ||
        fog_json_get_str(s->fog, "zone", &zone) != 0 ||
        fog_json_get_u64(s->fog, "hub_ms", &hub_ms) != 0 || hub_ms > INT64_MAX ||
        !fog_strcpy(s->zone, sizeof s->zone, fog_bytes_str(zone)))
        return cli_fail(s->cli, CLI_FAILED, "%s does not answer like a fog", s->cli->api);
    s->hub_ahead_ms = (fog_time_ms)hub_ms - before;
    return CLI_OK;
}

int session_open(struct session *s, struct cli *cli, enum session_need need, unsigned wait_s)
{
    int rc;

    *s = (struct session){.cli = cli};
    if (cli->ca[0] != '\0' && access(cli->ca, R_OK) != 0)
        return cli_fail(cli, CLI_USAGE, "CA file %s: %s", cli->ca, fog_strerror(-errno));
    rc = api_http_new(cli, wait_s, &s->http);
    if (rc == FOG_ECONFIG)
        return cli_fail(cli, CLI_USAGE,
                        "which fog? Give --fog URL, FOG_API, or api in %s/context.conf", cli->home);
    if (rc != 0)
        return cli_fail(cli, CLI_FAILED, "%s: %s", cli->ca, fog_strerror(rc));
    if ((rc = read_fog(s)) != CLI_OK || need == SESSION_PLAIN)
        return rc;
    s->has_identity = true;
    return identity_load(cli, &s->fog_id, need == SESSION_MAKE_KEYS, &s->id);
}

void session_fini(struct session *s)
{
    if (s->has_identity)
        identity_fini(&s->id);
    fog_json_free(&s->fog);
    api_http_free(&s->http);
}

void session_site_label(const struct session *s, const char *site, char out[FOG_SITE_LABEL_LEN + 1])
{
    struct fog_site_id id;

    fog_site_id_of(&s->fog_id, &s->id.doc.publisher_id, fog_bytes_str(site), &id);
    fog_site_label(&id, out);
}
