/*
 * A conversation with one fog: what it says about itself, hub time, and our signatures on requests.
 * Also turns answers that are no success into messages and exit codes.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli/api.h"
#include "cli/identity.h"
#include "core/content/names.h"

struct fog_json;

struct session {
    struct cli *cli;
    struct api_http *http;
    struct fog_json *fog; /* answer of /v1/fog */
    struct fog_hash fog_id;
    char zone[FOG_HOST_MAX + 1];
    fog_time_ms hub_ahead_ms; /* hub time minus our clock */
    bool has_identity;
    struct identity id;
};

enum session_need { SESSION_PLAIN, SESSION_KEYS, SESSION_MAKE_KEYS };

/* Connects and reads /v1/fog, loads the publisher's keys as needed. CLI exit code; call _fini in
 * any case. wait_s: how long an answer may take beyond the usual. */
int session_open(struct session *s, struct cli *cli, enum session_need need, unsigned wait_s);
void session_fini(struct session *s);

fog_time_ms session_hub_ms(const struct session *s);

/* Appends the authorization value for a request. */
void session_sign(const struct session *s, const char *method, const char *target,
                  struct fog_bytes body, struct fog_buf *out);

/* A request with JSON answer, signed when we have keys. CLI exit code; *out is the caller's. With
 * `absent` a 404 gives CLI_OK and *out NULL. */
int session_get(struct session *s, const char *target, bool absent, struct fog_json **out);

/* Exit code of an answer; 0 for 2xx. */
int answer_exit(const struct api_answer *a);
/* Says what the answer says ("what: detail") and returns its exit code. */
int answer_fail(struct cli *cli, const char *what, const struct api_answer *a);

void session_site_label(const struct session *s, const char *site,
                        char out[FOG_SITE_LABEL_LEN + 1]);

#endif
