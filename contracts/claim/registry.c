#include "contracts/claim/registry.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/map.h"

#define ROWS_MAX 1000000
#define WHATS    6

/* Rows are allocated one by one because the maps point at them. A signer row hangs in a list under
 * its house: a house has at most a few dozen over its life. */
struct row_node {
    struct registry_row row;
    struct row_node *next; /* signers of one house, newest first */
};

struct registry {
    atomic_uint refs;
    size_t count;
    struct fog_map *by_id[WHATS];      /* publisher, house, node */
    struct fog_map *by_address[WHATS]; /* publisher, house, node */
    struct fog_map *by_key[WHATS];     /* publisher, node */
    struct fog_map *signers;           /* house id -> struct row_node list */
    struct fog_map *payees;            /* node id -> struct registry_payee */
    struct fog_map *deals;             /* publisher id, house id -> struct registry_deal */
};

/* Ids come from the chain in order and addresses are hashes that cost money to choose, so the map's
 * seed need not be secret here. */
static const uint8_t map_seed[16] = "fog registry map";

static struct fog_bytes id_key(const uint32_t *id)
{
    return fog_bytes_of(id, sizeof *id);
}

struct registry *registry_new(void)
{
    struct registry *r = FOG_NEW(registry);

    atomic_init(&r->refs, 1);
    for (int w = REGISTRY_PUBLISHER; w <= REGISTRY_NODE; w++) {
        r->by_id[w] = fog_map_new(map_seed);
        r->by_address[w] = fog_map_new(map_seed);
        r->by_key[w] = fog_map_new(map_seed);
    }
    r->signers = fog_map_new(map_seed);
    r->payees = fog_map_new(map_seed);
    r->deals = fog_map_new(map_seed);
    return r;
}

struct registry *registry_ref(struct registry *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

static void free_values(struct fog_map **m, bool is_list)
{
    size_t cursor = 0;
    void *v;

    while ((v = fog_map_next(*m, &cursor, NULL)) != NULL) {
        struct row_node *next = is_list ? ((struct row_node *)v)->next : NULL;

        free(v);
        while (next != NULL) {
            struct row_node *after = next->next;

            free(next);
            next = after;
        }
    }
    fog_map_free(m);
}

void registry_unref(struct registry **rp)
{
    struct registry *r = *rp;

    *rp = NULL;
    if (r == NULL || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (int w = REGISTRY_PUBLISHER; w <= REGISTRY_NODE; w++) {
        fog_map_free(&r->by_address[w]);
        fog_map_free(&r->by_key[w]);
        free_values(&r->by_id[w], false);
    }
    free_values(&r->signers, true);
    free_values(&r->payees, false);
    free_values(&r->deals, false);
    free(r);
}

static bool is_signer(enum registry_what what)
{
    return what == REGISTRY_GRANT_SIGNER || what == REGISTRY_VOUCHER_SIGNER;
}

static int add_signer(struct registry *r, const struct registry_row *row)
{
    struct row_node *first = fog_map_get(r->signers, id_key(&row->id));
    struct row_node *n;

    for (n = first; n != NULL; n = n->next)
        if (n->row.what == row->what && fog_ethaddr_eq(&n->row.address, &row->address)) {
            n->row = *row;
            return 0;
        }
    if (r->count >= ROWS_MAX)
        return FOG_ELIMIT;
    n = FOG_NEW(row_node);
    n->row = *row;
    n->next = first;
    fog_map_put(r->signers, id_key(&row->id), n);
    r->count++;
    return 0;
}

static bool has_key(const struct registry_row *row)
{
    static const uint8_t zero[32];

    return row->what != REGISTRY_HOUSE && memcmp(row->key, zero, sizeof zero) != 0;
}

int registry_add(struct registry *r, const struct registry_row *row)
{
    struct row_node *n;

    if (row->what < REGISTRY_PUBLISHER || row->what > REGISTRY_VOUCHER_SIGNER || row->id == 0 ||
        fog_ethaddr_is_zero(&row->address))
        return FOG_EFORMAT;
    if (is_signer(row->what))
        return add_signer(r, row);
    n = fog_map_get(r->by_id[row->what], id_key(&row->id));
    if (n == NULL) {
        if (r->count >= ROWS_MAX)
            return FOG_ELIMIT;
        n = FOG_NEW(row_node);
        fog_map_put(r->by_id[row->what], id_key(&row->id), n);
        r->count++;
    } else {
        fog_map_del(r->by_address[row->what], fog_bytes_of(n->row.address.b, 20));
        if (has_key(&n->row))
            fog_map_del(r->by_key[row->what], fog_bytes_of(n->row.key, 32));
    }
    n->row = *row;
    fog_map_put(r->by_address[row->what], fog_bytes_of(n->row.address.b, 20), n);
    if (has_key(row))
        fog_map_put(r->by_key[row->what], fog_bytes_of(n->row.key, 32), n);
    return 0;
}

int registry_set_payee(struct registry *r, const struct registry_payee *p)
{
    struct registry_payee *copy;

    if (p->node_id == 0 || fog_ethaddr_is_zero(&p->wallet))
        return FOG_EFORMAT;
    copy = FOG_NEW(registry_payee);
    *copy = *p;
    free(fog_map_put(r->payees, id_key(&copy->node_id), copy));
    return 0;
}

static void deal_key(uint32_t publisher_id, uint32_t house_id, uint32_t out[2])
{
    out[0] = publisher_id;
    out[1] = house_id;
}

int registry_set_deal(struct registry *r, const struct registry_deal *d)
{
    struct registry_deal *copy;
    uint32_t key[2];

    if (d->publisher_id == 0 || d->house_id == 0)
        return FOG_EFORMAT;
    copy = FOG_NEW(registry_deal);
    *copy = *d;
    deal_key(d->publisher_id, d->house_id, key);
    free(fog_map_put(r->deals, fog_bytes_of(key, sizeof key), copy));
    return 0;
}

struct registry *registry_copy(const struct registry *r)
{
    struct registry *c = registry_new();
    size_t cursor;
    void *v;

    for (int w = REGISTRY_PUBLISHER; w <= REGISTRY_NODE; w++)
        for (cursor = 0; (v = fog_map_next(r->by_id[w], &cursor, NULL)) != NULL;)
            FOG_ASSERT(registry_add(c, &((struct row_node *)v)->row) == 0);
    for (cursor = 0; (v = fog_map_next(r->signers, &cursor, NULL)) != NULL;)
        for (struct row_node *n = v; n != NULL; n = n->next)
            FOG_ASSERT(registry_add(c, &n->row) == 0);
    for (cursor = 0; (v = fog_map_next(r->payees, &cursor, NULL)) != NULL;)
        FOG_ASSERT(registry_set_payee(c, v) == 0);
    for (cursor = 0; (v = fog_map_next(r->deals, &cursor, NULL)) != NULL;)
        FOG_ASSERT(registry_set_deal(c, v) == 0);
    return c;
}

const struct registry_row *registry_find(const struct registry *r, enum registry_what what,
                                         uint32_t id)
{
    struct row_node *n = is_signer(what) ? NULL : fog_map_get(r->by_id[what], id_key(&id));

    return n == NULL ? NULL : &n->row;
}

int registry_address(const struct registry *r, enum registry_what what, uint32_t id,
                     struct fog_ethaddr *out)
{
    const struct registry_row *row = registry_find(r, what, id);

    if (row == NULL)
        return -ENOENT;
    *out = row->address;
    return 0;
}

int registry_id(const struct registry *r, enum registry_what what, const struct fog_ethaddr *a,
                uint32_t *out)
{
    struct row_node *n =
        is_signer(what) ? NULL : fog_map_get(r->by_address[what], fog_bytes_of(a->b, 20));

    if (n == NULL)
        return -ENOENT;
    *out = n->row.id;
    return 0;
}

const struct registry_row *registry_by_key(const struct registry *r, enum registry_what what,
                                           const uint8_t key[32])
{
    struct row_node *n =
        is_signer(what) ? NULL : fog_map_get(r->by_key[what], fog_bytes_of(key, 32));

    return n == NULL ? NULL : &n->row;
}

bool registry_is_signer(const struct registry *r, enum registry_what kind,
                        const struct fog_ethaddr *house, const struct fog_ethaddr *signer,
                        uint32_t week)
{
    uint32_t id;

    if (registry_id(r, REGISTRY_HOUSE, house, &id) != 0)
        return false;
    for (struct row_node *n = fog_map_get(r->signers, id_key(&id)); n != NULL; n = n->next)
        if (n->row.what == kind && fog_ethaddr_eq(&n->row.address, signer) && week >= n->row.from &&
            week <= n->row.to)
            return true;
    return false;
}

const struct registry_payee *registry_payee(const struct registry *r, uint32_t node_id)
{
    return fog_map_get(r->payees, id_key(&node_id));
}

const struct registry_deal *registry_deal(const struct registry *r, uint32_t publisher_id,
                                          uint32_t house_id)
{
    uint32_t key[2];

    deal_key(publisher_id, house_id, key);
    return fog_map_get(r->deals, fog_bytes_of(key, sizeof key));
}

void registry_each(const struct registry *r,
                   void (*on_row)(void *arg, const struct registry_row *row), void *arg)
{
    size_t cursor;
    void *v;

    for (int w = REGISTRY_PUBLISHER; w <= REGISTRY_NODE; w++)
        for (cursor = 0; (v = fog_map_next(r->by_id[w], &cursor, NULL)) != NULL;)
            on_row(arg, &((struct row_node *)v)->row);
    for (cursor = 0; (v = fog_map_next(r->signers, &cursor, NULL)) != NULL;)
        for (struct row_node *n = v; n != NULL; n = n->next)
            on_row(arg, &n->row);
}
