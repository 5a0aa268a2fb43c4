#include "cli/identity.h"

#include "core/base/str.h"
#include "core/crypto/keyfile.h"
#include "core/crypto/rng_system.h"
#include "core/crypto/secp.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int identity_path(struct cli *cli, const char *name, char *out, size_t size)
{
    char rel[300];

    snprintf(rel, sizeof rel, "keys/%s", name);
    return cli_home_path(cli, rel, out, size);
}

static int key_failed(struct cli *cli, const char *path, int rc)
{
    if (rc == FOG_EDENIED)
        return cli_fail(cli, CLI_AUTH, "%s: others may read this key; chmod 600 it", path);
    return cli_fail(cli, CLI_FAILED, "%s: %s", path, fog_strerror(rc));
}

/* 0, 1 when it was there already, or an error. */
static int make_key(struct cli *cli, const char *name, bool secp)
{
    struct fog_rng rng = fog_rng_system();
    struct fog_secp_key key;
    char path[PATH_MAX];
    int rc = identity_path(cli, name, path, sizeof path);

    if (rc != 0)
        return rc;
    if (secp)
        fog_secp_keygen(&rng, &key);
    else
        fog_rng_fill(&rng, key.b, sizeof key.b);
    rc = fog_keyfile_write(path, key.b, sizeof key.b, false);
    fog_secp_wipe(&key);
    return rc == -EEXIST ? 1 : rc;
}

static int write_owner(struct cli *cli, const char *owner)
{
    struct fog_ethaddr address;
    char path[PATH_MAX], text[FOG_ETHADDR_TEXT];
    int rc;

    if (fog_ethaddr_parse(fog_bytes_str(owner), &address) != 0)
        return FOG_EFORMAT;
    if ((rc = identity_path(cli, "owner.address", path, sizeof path)) != 0)
        return rc;
    fog_ethaddr_text(&address, text);
    return fog_keyfile_write(path, text, FOG_ETHADDR_TEXT - 1, false);
}

int identity_make(struct cli *cli, const char *owner, bool must_be_new)
{
    static const char *const names[] = {"release.key", "recovery.key"};
    char path[PATH_MAX];
    int rc;

    for (size_t i = 0; i < FOG_COUNT(names); i++) {
        rc = make_key(cli, names[i], false);
        if (rc == 1 && must_be_new && identity_path(cli, names[i], path, sizeof path) == 0)
            return cli_fail(cli, CLI_FAILED, "%s is there already; nothing was changed", path);
        if (rc < 0)
            return cli_fail(cli, CLI_FAILED, "%s: %s", names[i], fog_strerror(rc));
    }
    rc = owner == NULL ? make_key(cli, "owner.key", true) : write_owner(cli, owner);
    if (rc == FOG_EFORMAT)
        return cli_fail(cli, CLI_USAGE, "--owner %s: no address", owner);
    if (rc < 0 && rc != -EEXIST)
        return cli_fail(cli, CLI_FAILED, "owner: %s", fog_strerror(rc));
    return CLI_OK;
}

int identity_owner(struct cli *cli, struct fog_ethaddr *out)
{
    char path[PATH_MAX], text[FOG_ETHADDR_TEXT - 1];
    struct fog_secp_key key;
    int rc;

    memset(out, 0, sizeof *out);
    if ((rc = identity_path(cli, "owner.address", path, sizeof path)) != 0)
        return rc;
    rc = fog_keyfile_read(path, text, sizeof text);
    if (rc != -ENOENT)
        return rc != 0 ? rc : fog_ethaddr_parse(fog_bytes_of(text, sizeof text), out);
    if ((rc = identity_path(cli, "owner.key", path, sizeof path)) != 0)
        return rc;
    rc = fog_keyfile_read(path, key.b, sizeof key.b);
    if (rc == -ENOENT)
        return 0;
    if (rc == 0)
        rc = fog_secp_address(&key, out);
    fog_secp_wipe(&key);
    return rc;
}

static int read_document(struct cli *cli, const char *path, const struct fog_hash *fog_id,
                         struct identity *out)
{
    FILE *f = fopen(path, "re");
    size_t n;
    int rc;

    if (f == NULL)
        return errno == ENOENT ? -ENOENT
                               : cli_fail(cli, CLI_FAILED, "%s: %s", path, fog_strerror(-errno));
    n = fread(fog_buf_reserve(&out->doc_bytes, FOG_KEYDOC_MAX + 1), 1, FOG_KEYDOC_MAX + 1, f);
    fclose(f);
    fog_buf_added(&out->doc_bytes, n);
    rc = fog_keydoc_decode(fog_buf_bytes(&out->doc_bytes), fog_id, &out->doc);
    return rc == 0 ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s: %s", path, fog_strerror(rc));
}

/* Generation 1 for this fog. */
static int sign_document(struct cli *cli, const char *path, const struct fog_hash *fog_id,
                         struct identity *out)
{
    struct fog_sign_key recovery;
    struct fog_ethaddr owner;
    char key_path[PATH_MAX];
    uint8_t seed[FOG_SEED_LEN];
    int rc = identity_path(cli, "recovery.key", key_path, sizeof key_path);

    if (rc == 0)
        rc = fog_keyfile_read(key_path, seed, sizeof seed);
    if (rc != 0)
        return key_failed(cli, key_path, rc);
    fog_sign_key_of(seed, &recovery);
    fog_wipe(seed, sizeof seed);
    if ((rc = identity_owner(cli, &owner)) == 0) {
        out->doc = (struct fog_keydoc){.gen = 1, .n_keys = 1, .keys[0] = out->release.pub};
        memcpy(out->doc.escrow_owner, owner.b, sizeof owner.b);
        rc = fog_keydoc_seal(&out->doc, fog_bytes_of(NULL, 0), &recovery, fog_id, &out->doc_bytes);
    }
    fog_sign_key_wipe(&recovery);
    if (rc == 0)
        rc = fog_keyfile_write(path, out->doc_bytes.data, out->doc_bytes.len, true);
    return rc == 0 ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s: %s", path, fog_strerror(rc));
}

static int load_release(struct cli *cli, bool make, struct identity *out)
{
    char path[PATH_MAX];
    uint8_t seed[FOG_SEED_LEN];
    int rc = identity_path(cli, "release.key", path, sizeof path);

    if (rc == 0)
        rc = fog_keyfile_read(path, seed, sizeof seed);
    if (rc == -ENOENT && !make)
        return cli_fail(cli, CLI_AUTH, "no keys in %s: run fog key new", cli->home);
    if (rc == -ENOENT) {
        if ((rc = identity_make(cli, NULL, false)) != CLI_OK)
            return rc;
        out->made = true;
        rc = fog_keyfile_read(path, seed, sizeof seed);
    }
    if (rc != 0)
        return key_failed(cli, path, rc);
    fog_sign_key_of(seed, &out->release);
    fog_wipe(seed, sizeof seed);
    return CLI_OK;
}

int identity_load(struct cli *cli, const struct fog_hash *fog_id, bool make, struct identity *out)
{
    char name[64], hex[17], path[PATH_MAX];
    int rc, index;

    *out = (struct identity){.made = false};
    if ((rc = load_release(cli, make, out)) != CLI_OK)
        return rc;
    fog_hex_encode(fog_id->b, 8, hex);
    snprintf(name, sizeof name, "keydoc-%s", hex);
    if ((rc = identity_path(cli, name, path, sizeof path)) != 0)
        return cli_fail(cli, CLI_FAILED, "%s: %s", cli->home, fog_strerror(rc));
    rc = read_document(cli, path, fog_id, out);
    if (rc == -ENOENT)
        rc = sign_document(cli, path, fog_id, out);
    if (rc != CLI_OK)
        return rc;
    if ((index = fog_keydoc_key_index(&out->doc, &out->release.pub)) < 0)
        return cli_fail(cli, CLI_AUTH, "%s does not name keys/release.key", path);
    out->key_index = (unsigned)index;
    return CLI_OK;
}

void identity_fini(struct identity *id)
{
    fog_sign_key_wipe(&id->release);
    fog_buf_fini(&id->doc_bytes);
}
