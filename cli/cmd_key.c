/* key new, key show, key export. */
#include "cli/cli.h"
#include "cli/identity.h"
#include "core/base/str.h"
#include "core/crypto/keyfile.h"
#include "core/crypto/rng_system.h"
#include "core/json/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static int show(struct cli *cli, const struct identity *id)
{
    char publisher[65], release[65], recovery[65], owner[FOG_ETHADDR_TEXT], path[PATH_MAX];
    struct fog_ethaddr address;
    bool has_key;
    int rc;

    memcpy(address.b, id->doc.escrow_owner, sizeof address.b);
    fog_ethaddr_text(&address, owner);
    fog_hex_encode(id->doc.publisher_id.b, 32, publisher);
    fog_hex_encode(id->release.pub.b, 32, release);
    fog_hex_encode(id->doc.recovery.b, 32, recovery);
    if ((rc = identity_path(cli, "owner.key", path, sizeof path)) != 0)
        return cli_fail(cli, CLI_FAILED, "%s", fog_strerror(rc));
    has_key = access(path, R_OK) == 0;
    if (cli->json) {
        struct fog_json *j = fog_json_new_object();

        fog_json_set_str(j, "publisher_id", publisher);
        fog_json_set_str(j, "release", release);
        fog_json_set_str(j, "recovery", recovery);
        fog_json_set_str(j, "owner", owner);
        if (has_key)
            fog_json_set_str(j, "owner_key_file", path);
        fog_json_set_u64(j, "gen", id->doc.gen);
        fog_json_set_str(j, "home", cli->home);
        cli_print_json(&j);
        return CLI_OK;
    }
    printf("publisher     %s\nrelease key   %s\nrecovery key  %s\nescrow owner  %s\nhome          "
           "%s\n",
           publisher, release, recovery, fog_ethaddr_is_zero(&address) ? "none" : owner, cli->home);
    return CLI_OK;
}

/* The publisher id does not depend on the fog, so the documents of one under a zero id will do. */
static int load_offline(struct cli *cli, struct identity *id)
{
    static const struct fog_hash no_fog;

    return identity_load(cli, &no_fog, false, id);
}

int cmd_key_new(struct cli *cli)
{
    struct identity id = {.made = false};
    int rc = identity_make(cli, cli_value(cli, CLI_OWNER, NULL), true);

    if (rc == CLI_OK && (rc = load_offline(cli, &id)) == CLI_OK)
        rc = show(cli, &id);
    identity_fini(&id);
    return rc;
}

int cmd_key_show(struct cli *cli)
{
    struct identity id = {.made = false};
    int rc = load_offline(cli, &id);

    if (rc == CLI_OK)
        rc = show(cli, &id);
    identity_fini(&id);
    return rc;
}

int cmd_key_export(struct cli *cli)
{
    static const char *const names[] = {"release", "recovery", "owner"};
    char file[32], path[PATH_MAX], hex[65];
    uint8_t key[32];
    size_t i = 0;
    int rc;

    while (i < FOG_COUNT(names) && strcmp(cli->args[0], names[i]) != 0)
        i++;
    if (i == FOG_COUNT(names))
        return cli_fail(cli, CLI_USAGE, "no key \"%s\": release, recovery or owner", cli->args[0]);
    snprintf(file, sizeof file, "%s.key", names[i]);
    rc = identity_path(cli, file, path, sizeof path);
    if (rc == 0)
        rc = fog_keyfile_read(path, key, sizeof key);
    if (rc != 0)
        return cli_fail(cli, rc == -ENOENT || rc == FOG_EDENIED ? CLI_AUTH : CLI_FAILED, "%s: %s",
                        path, fog_strerror(rc));
    fog_hex_encode(key, sizeof key, hex);
    if (cli->json) {
        struct fog_json *j = fog_json_new_object();

        fog_json_set_str(j, names[i], hex);
        cli_print_json(&j);
    } else {
        puts(hex);
    }
    fog_wipe(key, sizeof key);
    fog_wipe(hex, sizeof hex);
    return CLI_OK;
}
