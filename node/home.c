#include "node/home.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/crypto/hash.h"
#include "core/crypto/keyfile.h"
#include "core/crypto/rng_system.h"
#include "router/enrol.h"
#include "router/genesis.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void complain(const char *path, int rc)
{
    const char *advice = "";

    if (rc == FOG_EDENIED)
        advice = "; it must be a plain file that only its owner can read (chmod 600)";
    else if (rc == -EACCES)
        advice = "; run fogd as the owner of the state directory";
    else if (rc == FOG_EFORMAT || rc == FOG_ERANGE)
        advice = "; it is damaged or not the file that belongs here";
    fprintf(stderr, "fogd: %s: %s%s\n", path, fog_strerror(rc), advice);
}

int home_make(const struct node_conf *c)
{
    static const char *const leaves[] = {"", HOME_KEYS, HOME_KEYD, HOME_BOOKS, HOME_TLS};
    char path[NODE_PATH_MAX];
    int rc;

    for (size_t i = 0; i < FOG_COUNT(leaves); i++) {
        node_path(c, leaves[i], path);
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            rc = -errno;
            fprintf(stderr, "fogd: cannot make %s: %s; make its parent first, or change 'state'\n",
                    path, fog_strerror(rc));
            return rc;
        }
    }
    return 0;
}

static int read_all(const char *path, size_t max, struct fog_buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    size_t before = out->len;
    ssize_t n;

    if (fd < 0)
        return -errno;
    do {
        n = read(fd, fog_buf_reserve(out, 4096), 4096);
        if (n > 0)
            fog_buf_added(out, (size_t)n);
        if (out->len - before > max)
            rc = FOG_ELIMIT;
    } while (n > 0 && rc == 0);
    if (n < 0)
        rc = -errno;
    close(fd);
    return rc;
}

int home_read_path(const char *path, size_t max, struct fog_buf *out)
{
    int rc = read_all(path, max, out);

    if (rc != 0)
        complain(path, rc);
    return rc;
}

int home_read(const struct node_conf *c, const char *leaf, size_t max, struct fog_buf *out)
{
    char path[NODE_PATH_MAX];
    int rc;

    node_path(c, leaf, path);
    rc = read_all(path, max, out);
    if (rc != 0 && rc != -ENOENT)
        complain(path, rc);
    return rc;
}

int home_write(const struct node_conf *c, const char *leaf, struct fog_bytes bytes, unsigned mode)
{
    char path[NODE_PATH_MAX], temp[NODE_PATH_MAX + 8];
    int fd, rc = 0;
    size_t done = 0;

    node_path(c, leaf, path);
    (void)snprintf(temp, sizeof temp, "%s.new", path);
    fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        rc = -errno;
        complain(temp, rc);
        return rc;
    }
    while (rc == 0 && done < bytes.len) {
        ssize_t n = write(fd, bytes.p + done, bytes.len - done);

        if (n < 0)
            rc = -errno;
        else
            done += (size_t)n;
    }
    if (rc == 0 && fsync(fd) != 0)
        rc = -errno;
    close(fd);
    if (rc == 0 && rename(temp, path) != 0)
        rc = -errno;
    if (rc != 0) {
        complain(path, rc);
        (void)unlink(temp);
    }
    return rc;
}

int home_key(const struct node_conf *c, const char *leaf, void *out, size_t len)
{
    char path[NODE_PATH_MAX];
    int rc;

    node_path(c, leaf, path);
    rc = fog_keyfile_read(path, out, len);
    if (rc != 0 && rc != -ENOENT)
        complain(path, rc);
    return rc;
}

int home_make_key(const struct node_conf *c, const char *leaf, bool secp, uint8_t out[32])
{
    struct fog_rng rng = fog_rng_system();
    struct fog_secp_key key;
    char path[NODE_PATH_MAX];
    int rc = home_key(c, leaf, out, 32);

    if (rc != -ENOENT)
        return rc;
    node_path(c, leaf, path);
    if (secp)
        fog_secp_keygen(&rng, &key);
    else
        fog_rng_fill(&rng, key.b, sizeof key.b);
    rc = fog_keyfile_write(path, key.b, sizeof key.b, false);
    if (rc == 0)
        memcpy(out, key.b, sizeof key.b);
    else
        complain(path, rc);
    fog_secp_wipe(&key);
    return rc;
}

int home_account(const char *path, struct fog_secp_key *out)
{
    struct fog_buf text = {0};
    struct fog_ethaddr addr;
    struct fog_bytes hex;
    struct stat st;
    int rc;

    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0) {
        complain(path, FOG_EDENIED);
        return FOG_EDENIED;
    }
    if ((rc = home_read_path(path, 256, &text)) != 0)
        goto out;
    hex = fog_buf_bytes(&text);
    while (hex.len > 0 && isspace(hex.p[hex.len - 1]))
        hex.len--;
    if (hex.len == 66 && memcmp(hex.p, "0x", 2) == 0)
        hex = fog_bytes_of(hex.p + 2, 64);
    if (text.len == sizeof out->b)
        memcpy(out->b, text.data, sizeof out->b);
    else
        rc = fog_hex_decode(hex, out->b, sizeof out->b);
    if (rc == 0)
        rc = fog_secp_address(out, &addr);
    if (rc != 0)
        fprintf(stderr, "fogd: %s: not an account's key: 32 raw bytes or 64 hex digits\n", path);
out:
    if (text.data != NULL)
        fog_wipe(text.data, text.len);
    fog_buf_fini(&text);
    return rc;
}

int home_genesis(const struct node_conf *c, struct genesis *out, struct fog_hash *fog_id,
                 struct fog_buf *bytes)
{
    int rc = home_read(c, HOME_GENESIS, GENESIS_MAX, bytes);

    if (rc == -ENOENT) {
        fprintf(stderr, "fogd: %s/%s: missing; %s\n", c->state, HOME_GENESIS,
                c->is_router ? "run `fogd init-router` first"
                             : "set 'join' to the file that `fogd token` of a router wrote");
        return FOG_ECONFIG;
    }
    if (rc == 0 && (rc = genesis_decode(fog_buf_bytes(bytes), out, fog_id)) != 0)
        fprintf(stderr, "fogd: %s/%s: %s\n", c->state, HOME_GENESIS, fog_strerror(rc));
    return rc;
}

int home_join(const char *path, struct fog_buf *token, struct fog_buf *genesis)
{
    const size_t mark = sizeof HOME_JOIN_GENESIS - 1;
    struct fog_buf text = {0};
    uint8_t *body;
    char *line;
    size_t len;
    int rc = home_read_path(path, 8192, &text);

    if (rc != 0)
        goto out;
    (void)fog_buf_cstr(&text);
    line = strstr((char *)text.data, HOME_JOIN_GENESIS);
    if (line == NULL || (len = strcspn(line + mark, " \r\n")) == 0) {
        rc = FOG_EFORMAT;
    } else {
        body = fog_buf_reserve(genesis, len * 3 / 4);
        rc = fog_base64url_decode(fog_bytes_of(line + mark, len), body, len * 3 / 4);
        if (rc == 0)
            fog_buf_added(genesis, len * 3 / 4);
        *line = '\0';
    }
    if (rc == 0)
        rc = enrol_token_from_text(fog_bytes_str((char *)text.data), token);
    if (rc != 0)
        fprintf(stderr, "fogd: %s: not an enrolment file; get one by `fogd token` on a router\n",
                path);
out:
    fog_buf_fini(&text);
    return rc;
}

int home_adopt_join(const struct node_conf *c)
{
    struct fog_buf genesis = {0}, token = {0};
    struct enrol_token t;
    struct fog_hash fog_id;
    struct genesis g;
    int rc = home_read(c, HOME_GENESIS, GENESIS_MAX, &genesis);

    if (rc != -ENOENT || c->join[0] == '\0') {
        rc = rc == -ENOENT ? 0 : rc; /* the serving process says what is missing */
        goto out;
    }
    fog_buf_clear(&genesis);
    if ((rc = home_join(c->join, &token, &genesis)) != 0)
        goto out;
    if ((rc = genesis_decode(fog_buf_bytes(&genesis), &g, &fog_id)) != 0 ||
        (rc = enrol_token_decode(fog_buf_bytes(&token), &t)) != 0 ||
        (rc = enrol_token_check(&t, &fog_id)) != 0)
        fprintf(stderr, "fogd: %s: token and genesis do not belong together: %s\n", c->join,
                fog_strerror(rc));
    else
        rc = home_write(c, HOME_GENESIS, fog_buf_bytes(&genesis), 0644);
out:
    fog_buf_fini(&genesis);
    fog_buf_fini(&token);
    return rc;
}
