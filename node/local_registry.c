#include "node/local_registry.h"

#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/obs/log.h"
#include "storage/storage.h"

#include <errno.h>
#include <stdlib.h>

#define NAMESPACE "ids"
#define HOUSE_ID  1
#define NO_CAP    (((fog_u128)1) << 96)

/* Records: 'n' ‖ node address -> id u32 ‖ box key 32 ‖ operator 20; 'p' ‖ publisher id -> id u32.
 */
struct local_registry {
    struct storage_ns *ns;
    struct registry *reg;
    uint32_t next_node, next_publisher;
};

static void must(int rc)
{
    FOG_ASSERT(rc == 0); /* rows of our own making */
}

static void add_node(struct registry *reg, uint32_t id, const uint8_t box[32],
                     const struct fog_ethaddr *node, const struct fog_ethaddr *operator_addr)
{
    struct registry_row row = {.what = REGISTRY_NODE, .id = id, .address = *node};
    /* Without a wallet contract the operator's account itself is the payee. */
    const struct registry_payee payee = {
        .node_id = id, .operator_addr = *operator_addr, .wallet = *operator_addr};

    memcpy(row.key, box, sizeof row.key);
    must(registry_add(reg, &row));
    if (!fog_ethaddr_is_zero(operator_addr))
        must(registry_set_payee(reg, &payee));
}

static void add_publisher(struct registry *reg, uint32_t id, const struct fog_hash *publisher_id)
{
    const struct registry_deal deal = {.publisher_id = id,
                                       .house_id = HOUSE_ID,
                                       .cap_tokens = NO_CAP,
                                       .until = UINT32_MAX,
                                       .live = true};
    struct registry_row row = {.what = REGISTRY_PUBLISHER, .id = id};

    memcpy(row.address.b, publisher_id->b, sizeof row.address.b);
    memcpy(row.key, publisher_id->b, sizeof row.key);
    must(registry_add(reg, &row));
    must(registry_set_deal(reg, &deal));
}

static int on_record(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    struct local_registry *r = arg;
    struct fog_rd k = fog_rd_of(key), v = fog_rd_of(value);
    uint8_t what = fog_rd_u8(&k), box[32];
    uint32_t id = fog_rd_u32(&v);

    if (what == 'n') {
        struct fog_ethaddr node = {{0}}, operator_addr = {{0}};

        fog_rd_copy(&k, node.b, sizeof node.b);
        fog_rd_copy(&v, box, sizeof box);
        fog_rd_copy(&v, operator_addr.b, sizeof operator_addr.b);
        if (fog_rd_done(&k) != 0 || fog_rd_done(&v) != 0)
            return FOG_ECORRUPT;
        add_node(r->reg, id, box, &node, &operator_addr);
        r->next_node = id >= r->next_node ? id + 1 : r->next_node;
    } else {
        struct fog_hash publisher_id;

        fog_rd_copy(&k, publisher_id.b, sizeof publisher_id.b);
        if (what != 'p' || fog_rd_done(&k) != 0 || fog_rd_done(&v) != 0)
            return FOG_ECORRUPT;
        add_publisher(r->reg, id, &publisher_id);
        r->next_publisher = id >= r->next_publisher ? id + 1 : r->next_publisher;
    }
    return 0;
}

int local_registry_new(struct storage *st, const struct local_registry_house *house,
                       struct local_registry **out)
{
    const struct registry_row rows[] = {
        {.what = REGISTRY_HOUSE, .id = HOUSE_ID, .address = house->house},
        {.what = REGISTRY_GRANT_SIGNER,
         .id = HOUSE_ID,
         .address = house->grant_signer,
         .to = UINT32_MAX},
        {.what = REGISTRY_VOUCHER_SIGNER,
         .id = HOUSE_ID,
         .address = house->voucher_signer,
         .to = UINT32_MAX}};
    struct local_registry *r = FOG_NEW(local_registry);
    int rc = 0;

    r->ns = storage_ns(st, NAMESPACE);
    r->reg = registry_new();
    r->next_node = r->next_publisher = 1;
    for (size_t i = 0; rc == 0 && i < FOG_COUNT(rows); i++)
        rc = registry_add(r->reg, &rows[i]);
    if (rc == 0)
        rc = storage_ns_scan(r->ns, (struct fog_bytes){0}, (struct fog_bytes){0}, on_record, r);
    if (rc != 0)
        local_registry_free(&r);
    else
        *out = r;
    return rc;
}

void local_registry_free(struct local_registry **pr)
{
    struct local_registry *r = *pr;

    *pr = NULL;
    if (r == NULL)
        return;
    registry_unref(&r->reg);
    free(r);
}

/* Durable before anybody can see the id; then the new registry replaces the shared one. */
static bool keep(struct local_registry *r, const struct fog_buf *key, const struct fog_buf *value,
                 struct registry **next)
{
    int rc = storage_ns_put(r->ns, fog_buf_bytes(key), fog_buf_bytes(value), true);

    if (rc != 0) {
        fog_unusual("registry.keep", "error=\"%s\"", fog_strerror(rc));
        registry_unref(next);
        return false;
    }
    registry_unref(&r->reg);
    r->reg = *next;
    return true;
}

bool local_registry_node(struct local_registry *r, const uint8_t box[32],
                         const struct fog_ethaddr *node, const struct fog_ethaddr *operator_addr)
{
    struct fog_buf key = {0}, value = {0};
    struct registry *next;
    uint32_t id;
    bool kept;

    if (fog_ethaddr_is_zero(node) || registry_id(r->reg, REGISTRY_NODE, node, &id) == 0)
        return false;
    next = registry_copy(r->reg);
    id = r->next_node++;
    add_node(next, id, box, node, operator_addr);
    fog_wr_u8(&key, 'n');
    fog_wr_bytes(&key, node->b, sizeof node->b);
    fog_wr_u32(&value, id);
    fog_wr_bytes(&value, box, 32);
    fog_wr_bytes(&value, operator_addr->b, sizeof operator_addr->b);
    kept = keep(r, &key, &value, &next);
    fog_buf_fini(&key);
    fog_buf_fini(&value);
    return kept;
}

bool local_registry_publisher(struct local_registry *r, const struct fog_hash *publisher_id)
{
    struct fog_buf key = {0}, value = {0};
    struct registry *next;
    uint32_t id;
    bool kept;

    if (registry_by_key(r->reg, REGISTRY_PUBLISHER, publisher_id->b) != NULL)
        return false;
    next = registry_copy(r->reg);
    id = r->next_publisher++;
    add_publisher(next, id, publisher_id);
    fog_wr_u8(&key, 'p');
    fog_wr_bytes(&key, publisher_id->b, sizeof publisher_id->b);
    fog_wr_u32(&value, id);
    kept = keep(r, &key, &value, &next);
    fog_buf_fini(&key);
    fog_buf_fini(&value);
    return kept;
}

struct registry *local_registry_get(struct local_registry *r)
{
    return r->reg;
}
