#include "node/conf.h"

#include "core/base/assert.h"
#include "core/base/str.h"

#include <stdio.h>
#include <unistd.h>

static const struct fog_conf_item items[] = {
#define X(type, field, name, fallback, min, max, choices, help)                                    \
    {name, FOG_CONF_##type, offsetof(struct node_conf, field), fallback, min, max, choices, help},
#include "node/conf.tbl"
#undef X
};

const struct fog_conf_schema node_conf_schema = {items, FOG_COUNT(items)};

static int refuse(struct fog_buf *error, const char *name, const char *option, const char *why)
{
    fog_buf_clear(error);
    fog_buf_printf(error, "%s: '%s' %s", name, option, why);
    return FOG_ECONFIG;
}

static int check_roles(struct node_conf *c, const char *name, struct fog_buf *error)
{
    for (size_t i = 0; i < c->roles.n; i++) {
        c->is_edge |= strcmp(c->roles.v[i], "edge") == 0;
        c->is_storage |= strcmp(c->roles.v[i], "storage") == 0;
        c->is_router |= strcmp(c->roles.v[i], "router") == 0;
    }
    if (!c->is_storage)
        return refuse(error, name, "roles",
                      "must hold \"storage\": edge and router serve from the process's own store");
    if (c->is_router && !c->is_edge)
        return refuse(error, name, "roles",
                      "must hold \"edge\" beside \"router\": it is the gateway of the site names");
    return 0;
}

/* A host name of lower-case labels, as it stands in URLs and certificates. */
static bool is_zone(const char *s)
{
    size_t label = 0, len = strlen(s);

    for (size_t i = 0; i < len; i++) {
        bool alnum = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9');

        if (s[i] == '.' && label == 0)
            return false;
        if (s[i] != '.' && s[i] != '-' && !alnum)
            return false;
        label = s[i] == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return len > 0 && len < 128 && label > 0;
}

static int check_addresses(struct node_conf *c, const char *name, struct fog_buf *error)
{
    if (fog_addr_parse(c->listen, &c->listen_addr) != 0)
        return refuse(error, name, "listen", "must be ip:port, for example 0.0.0.0:443");
    c->advertise_addr = c->listen_addr;
    if (c->advertise[0] != '\0' && fog_addr_parse(c->advertise, &c->advertise_addr) != 0)
        return refuse(error, name, "advertise", "must be ip:port, for example 192.0.2.7:443");
    if (c->operator_address[0] != '\0' &&
        fog_ethaddr_parse(fog_bytes_str(c->operator_address), &c->operator_account) != 0)
        return refuse(error, name, "operator",
                      "must be an account: 0x and 40 hex digits (mixed case must check)");
    return 0;
}

static int check_places(struct node_conf *c, const char *name, struct fog_buf *error)
{
    const char *cc = c->place_country;

    if (cc[0] != '\0' &&
        (strlen(cc) != 2 || cc[0] < 'A' || cc[0] > 'Z' || cc[1] < 'A' || cc[1] > 'Z'))
        return refuse(error, name, "place.country", "must be two capital letters, for example DE");
    if (strlen(c->place_domain) > 63)
        return refuse(error, name, "place.domain", "is longer than 63 characters");
    if (!c->dev && (cc[0] != '\0' || c->place_asn != 0 || c->place_domain[0] != '\0'))
        return refuse(error, name, "place",
                      "is declared, which counts with 'dev = true' only; "
                      "routers find out places by themselves");
    return 0;
}

int node_conf_check(struct node_conf *c, const char *name, struct fog_buf *error)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int rc;

    c->is_edge = c->is_storage = c->is_router = false;
    memset(&c->operator_account, 0, sizeof c->operator_account);
    if ((rc = check_roles(c, name, error)) != 0 || (rc = check_addresses(c, name, error)) != 0 ||
        (rc = check_places(c, name, error)) != 0)
        return rc;
    if (!is_zone(c->zone))
        return refuse(error, name, "zone", "must be a host name in lower case");
    if (c->state[0] == '\0' || strlen(c->state) > NODE_PATH_MAX - 64)
        return refuse(error, name, "state", "must name a directory");
    if (fog_parse_u64(fog_bytes_str(c->router_price), UINT64_MAX, &c->price_per_gib) != 0)
        return refuse(error, name, "router.price", "must be a whole number of token units");
    if (c->chain_id != 0 && c->is_router &&
        (c->chain_rpc[0] == '\0' || c->chain_addresses[0] == '\0'))
        return refuse(error, name, "chain.id",
                      "is set: chain.rpc and chain.addresses are needed, too");
    c->n_loops = c->loops != 0 ? (unsigned)c->loops
                 : cores < 1   ? 1
                 : cores > 64  ? 64
                               : (unsigned)cores;
    return 0;
}

int node_conf_load(const char *path, struct node_conf *out, struct fog_buf *error)
{
    int rc = fog_conf_load(&node_conf_schema, path, out, error);

    return rc != 0 ? rc : node_conf_check(out, path, error);
}

void node_conf_fini(struct node_conf *c)
{
    fog_conf_fini(&node_conf_schema, c);
}

void node_path(const struct node_conf *c, const char *leaf, char out[NODE_PATH_MAX])
{
    int n = snprintf(out, NODE_PATH_MAX, "%s/%s", c->state, leaf);

    FOG_ASSERT(n > 0 && n < NODE_PATH_MAX);
}
