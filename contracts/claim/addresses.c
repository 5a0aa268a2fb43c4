#include "contracts/claim/addresses.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "core/json/json.h"

#define FILE_MAX_BYTES ((size_t)64 * 1024)

#define ADDRESS_MEMBERS(X)                                                                         \
    X(token)                                                                                       \
    X(settlement)                                                                                  \
    X(escrow)                                                                                      \
    X(houses)                                                                                      \
    X(nodes)                                                                                       \
    X(factory)

#define NUMBER_MEMBERS(X)                                                                          \
    X("weekLength", week_length_s)                                                                 \
    X("postWindow", post_window_s)                                                                 \
    X("matureWindow", mature_window_s)                                                             \
    X("holdLength", hold_length_s)

static int get_address(const struct fog_json *j, const char *name, struct fog_ethaddr *out)
{
    const char *text;
    int rc = fog_json_get_str(j, name, &text);

    return rc != 0 ? FOG_EFORMAT : fog_ethaddr_parse(fog_bytes_str(text), out);
}

static int read_members(const struct fog_json *j, struct claim_addresses *a, const char **member)
{
    int rc;

    *member = "chainId";
    if ((rc = fog_json_get_u64(j, *member, &a->chain_id)) != 0)
        return rc;
    *member = "block";
    if ((rc = fog_json_get_u64(j, *member, &a->block)) != 0)
        return rc;
#define X(name)                                                                                    \
    *member = #name;                                                                               \
    if ((rc = get_address(j, #name, &a->name)) != 0)                                               \
        return rc;
    ADDRESS_MEMBERS(X)
#undef X
#define X(text, name)                                                                              \
    *member = text;                                                                                \
    if ((rc = fog_json_get_u32(j, text, &a->name)) != 0)                                           \
        return rc;
    NUMBER_MEMBERS(X)
#undef X
    *member = "weekLength";
    return a->week_length_s == 0 ? FOG_ERANGE : 0;
}

int addresses_parse(struct fog_bytes text, struct claim_addresses *out, char *why, size_t why_size)
{
    struct fog_json_limits limits = {.bytes = FILE_MAX_BYTES, .depth = 4};
    struct claim_addresses a = {0};
    struct fog_json *j = NULL;
    const char *member = "";
    int rc;

    if ((rc = fog_json_parse(text, &limits, &j, why, why_size)) != 0)
        return rc;
    rc = read_members(j, &a, &member);
    fog_json_free(&j);
    if (rc != 0) {
        if (why != NULL)
            snprintf(why, why_size, "%s: %s", member, rc == -ENOENT ? "missing" : fog_strerror(rc));
        return FOG_EFORMAT;
    }
    *out = a;
    return 0;
}

void addresses_format(const struct claim_addresses *a, struct fog_buf *out)
{
    struct fog_json *j = fog_json_new_object();
    char text[FOG_ETHADDR_TEXT];

    fog_json_set_u64(j, "chainId", a->chain_id);
    fog_json_set_u64(j, "block", a->block);
#define X(name) fog_json_set_str(j, #name, fog_ethaddr_text(&a->name, text));
    ADDRESS_MEMBERS(X)
#undef X
#define X(member, name) fog_json_set_u64(j, member, a->name);
    NUMBER_MEMBERS(X)
#undef X
    fog_json_write(j, true, out);
    fog_buf_append_str(out, "\n");
    fog_json_free(&j);
}

int addresses_load(const char *path, struct claim_addresses *out, char *why, size_t why_size)
{
    struct fog_buf text = {0};
    FILE *f = fopen(path, "re");
    size_t n;
    int rc;

    if (f == NULL) {
        rc = -errno;
        if (why != NULL)
            snprintf(why, why_size, "%s", fog_strerror(rc));
        return rc;
    }
    do {
        n = fread(fog_buf_reserve(&text, 4096), 1, 4096, f);
        fog_buf_added(&text, n);
    } while (n > 0 && text.len <= FILE_MAX_BYTES);
    rc = ferror(f) ? -EIO : addresses_parse(fog_buf_bytes(&text), out, why, why_size);
    fclose(f);
    fog_buf_fini(&text);
    return rc;
}

int addresses_save(const char *path, const struct claim_addresses *a)
{
    struct fog_buf text = {0};
    char temp[PATH_MAX];
    FILE *f;
    int rc = 0;

    if ((size_t)snprintf(temp, sizeof temp, "%s.new", path) >= sizeof temp)
        return -ENAMETOOLONG;
    f = fopen(temp, "we");
    if (f == NULL)
        return -errno;
    addresses_format(a, &text);
    if (fwrite(text.data, 1, text.len, f) != text.len || fflush(f) != 0 || fsync(fileno(f)) != 0)
        rc = -EIO;
    if (fclose(f) != 0 && rc == 0)
        rc = -EIO;
    if (rc == 0 && rename(temp, path) != 0)
        rc = -errno;
    if (rc != 0)
        unlink(temp);
    fog_buf_fini(&text);
    return rc;
}
