/*
 * What fogd was told: the options of conf.tbl as a struct, with the checks that need more than one
 * option. Owns no meaning beyond that.
 */
#ifndef FOG_NODE_CONF_H
#define FOG_NODE_CONF_H

#include "core/conf/conf.h"
#include "core/crypto/ethaddr.h"
#include "core/io/addr.h"

struct node_conf {
#define FIELD_STR                                               char *
#define FIELD_INT                                               int64_t
#define FIELD_BOOL                                              bool
#define FIELD_SIZE                                              uint64_t
#define FIELD_DURATION                                          fog_time_ms
#define FIELD_LIST                                              struct fog_conf_list
#define X(type, field, name, fallback, min, max, choices, help) FIELD_##type field;
#include "node/conf.tbl"
#undef X
#undef FIELD_STR
#undef FIELD_INT
#undef FIELD_BOOL
#undef FIELD_SIZE
#undef FIELD_DURATION
#undef FIELD_LIST
    /* Derived by node_conf_check. */
    bool is_edge, is_storage, is_router;
    struct fog_addr listen_addr, advertise_addr;
    struct fog_ethaddr operator_account; /* zero: none */
    unsigned n_loops;
    uint64_t price_per_gib;
};

extern const struct fog_conf_schema node_conf_schema;

/* Reads and checks a file. FOG_ECONFIG with the text for people in `error`. */
int node_conf_load(const char *path, struct node_conf *out, struct fog_buf *error) FOG_MUST_CHECK;

/* The checks alone, on a parsed configuration called `name` in errors; fills the derived fields. */
int node_conf_check(struct node_conf *c, const char *name, struct fog_buf *error) FOG_MUST_CHECK;

void node_conf_fini(struct node_conf *c);

/* "<state>/<leaf>". */
#define NODE_PATH_MAX 512
void node_path(const struct node_conf *c, const char *leaf, char out[NODE_PATH_MAX]);

#endif
