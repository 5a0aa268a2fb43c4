/* Commands that talk to a running fogd over its control socket, and those on a stopped one's store.
 */
#include "core/base/str.h"
#include "core/json/json.h"
#include "node/cmd.h"
#include "node/home.h"
#include "node/super.h"
#include "router/genesis.h"
#include "storage/storage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)64 << 20)

static int connect_admin(const struct node_conf *conf, char path[NODE_PATH_MAX])
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd;

    node_path(conf, HOME_ADMIN, path);
    if (!fog_strcpy(to.sun_path, sizeof to.sun_path, fog_bytes_str(path)))
        return -ENAMETOOLONG;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        int rc = -errno;

        close(fd);
        return rc;
    }
    return fd;
}

static int exchange(int fd, struct fog_bytes request, struct fog_buf *answer)
{
    ssize_t n;

    while (request.len > 0) {
        n = send(fd, request.p, request.len, MSG_NOSIGNAL);
        if (n < 0)
            return -errno;
        request = fog_bytes_of(request.p + n, request.len - (size_t)n);
    }
    do {
        n = recv(fd, fog_buf_reserve(answer, 65536), 65536, 0);
        if (n > 0)
            fog_buf_added(answer, (size_t)n);
        if (answer->len > ANSWER_MAX)
            return FOG_ELIMIT;
    } while (n > 0);
    return n < 0 ? -errno : 0;
}

/* Status and body of an answer that ended with the connection. */
static int split_answer(struct fog_buf *answer, int *status, struct fog_bytes *body)
{
    const char *text = fog_buf_cstr(answer), *head_end = strstr(text, "\r\n\r\n");
    uint64_t code;

    if (strncmp(text, "HTTP/1.1 ", 9) != 0 || head_end == NULL ||
        fog_parse_u64(fog_bytes_of(text + 9, 3), 599, &code) != 0)
        return FOG_EPROTO;
    *status = (int)code;
    head_end += 4;
    *body = fog_bytes_of(head_end, answer->len - (size_t)(head_end - text));
    return 0;
}

static void print_refusal(int status, struct fog_bytes body)
{
    struct fog_json *j = NULL;
    const char *detail = NULL;

    if (fog_json_parse(body, NULL, &j, NULL, 0) != 0 || fog_json_get_str(j, "detail", &detail) != 0)
        detail = NULL;
    fprintf(stderr, "fogd: refused (%d): %s\n", status,
            detail == NULL ? "no reason given" : detail);
    fog_json_free(&j);
}

int cmd_ask(const struct node_conf *conf, const char *method, const char *path, const char *body,
            struct fog_buf *out)
{
    struct fog_buf request = {0}, answer = {0};
    char socket_path[NODE_PATH_MAX];
    struct fog_bytes got;
    int code = FOGD_EXIT_FAILED, status, rc, fd = connect_admin(conf, socket_path);

    if (fd < 0) {
        fprintf(stderr, "fogd: %s: %s; is this fogd running?\n", socket_path, fog_strerror(fd));
        return FOGD_EXIT_FAILED;
    }
    fog_buf_printf(&request,
                   "%s %s HTTP/1.1\r\nhost: fogd\r\nconnection: close\r\n"
                   "content-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                   method, path, strlen(body), body);
    rc = exchange(fd, fog_buf_bytes(&request), &answer);
    if (rc == 0)
        rc = split_answer(&answer, &status, &got);
    if (rc != 0) {
        fprintf(stderr, "fogd: %s: %s\n", socket_path, fog_strerror(rc));
    } else if (status / 100 != 2) {
        print_refusal(status, got);
    } else if (out != NULL) {
        fog_buf_append(out, got.p, got.len);
        code = 0;
    } else {
        (void)fwrite(got.p, 1, got.len, stdout);
        code = 0;
    }
    close(fd);
    fog_buf_fini(&request);
    fog_buf_fini(&answer);
    return code;
}

int cmd_status(const struct cmd_args *a)
{
    return cmd_ask(a->conf, "GET", "/v1/process", "", NULL);
}

int cmd_stop(const struct cmd_args *a)
{
    return cmd_ask(a->conf, "POST", "/v1/admin/stop", "", NULL);
}

int cmd_week_close(const struct cmd_args *a)
{
    return cmd_ask(a->conf, "POST", "/v1/admin/week/close", "", NULL);
}

int cmd_claim_export(const struct cmd_args *a)
{
    char path[64] = "/v1/admin/claim/export";
    fog_u128 week;
    char body[64] = "";

    if (a->week != NULL) {
        if (!cmd_number("week", a->week, &week))
            return FOGD_EXIT_USAGE;
        (void)snprintf(body, sizeof body, "{\"week\": %llu}", (unsigned long long)week);
    }
    return cmd_ask(a->conf, "POST", path, body, NULL);
}

/* The enrolment file: the token of the running router, and the genesis that it belongs to. */
int cmd_token(const struct cmd_args *a)
{
    struct fog_buf body = {0}, answer = {0}, genesis = {0}, text = {0};
    fog_time_ms life_ms = 7 * 86400000LL;
    struct fog_json *j = NULL;
    const char *token = NULL;
    fog_u128 uses = 1;
    int code = FOGD_EXIT_USAGE;

    if (a->uses != NULL && !cmd_number("uses", a->uses, &uses))
        goto out;
    if (a->life != NULL && fog_parse_duration(a->life, &life_ms) != 0) {
        fprintf(stderr, "fogd: --life must be a duration like 7d\n");
        goto out;
    }
    code = FOGD_EXIT_FAILED;
    fog_buf_printf(&body, "{\"operator\": \"%s\", \"uses\": %llu, \"life_s\": %lld}",
                   a->operator_addr == NULL ? "" : a->operator_addr, (unsigned long long)uses,
                   (long long)(life_ms / 1000));
    if (cmd_ask(a->conf, "POST", "/v1/admin/token", fog_buf_cstr(&body), &answer) != 0)
        goto out;
    if (fog_json_parse(fog_buf_bytes(&answer), NULL, &j, NULL, 0) != 0 ||
        fog_json_get_str(j, "token", &token) != 0) {
        fprintf(stderr, "fogd: the router's answer holds no token\n");
        goto out;
    }
    if (home_read(a->conf, HOME_GENESIS, GENESIS_MAX, &genesis) != 0)
        goto out;
    (void)fog_buf_reserve(&text, FOG_BASE64_LEN(genesis.len) + 1);
    fog_base64url_encode(genesis.data, genesis.len, (char *)text.data);
    printf("%s\n%s%s\n", token, HOME_JOIN_GENESIS, (char *)text.data);
    code = 0;
out:
    fog_json_free(&j);
    fog_buf_fini(&body);
    fog_buf_fini(&answer);
    fog_buf_fini(&genesis);
    fog_buf_fini(&text);
    return code;
}

int cmd_store_stat(const struct cmd_args *a)
{
    char dir[NODE_PATH_MAX];

    node_path(a->conf, HOME_STORE, dir);
    return storage_tool_stat(dir, a->conf->disk);
}

int cmd_store_check(const struct cmd_args *a)
{
    char dir[NODE_PATH_MAX];

    node_path(a->conf, HOME_STORE, dir);
    return storage_tool_check(dir, a->conf->disk);
}
