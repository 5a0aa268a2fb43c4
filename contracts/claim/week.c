/* Weeks: closing, the rows that are posted, the export for recomputation. */
#include "contracts/claim/house_books.h"

#include <errno.h>
#include <stdlib.h>

#include "contracts/claim/typed_data.h"
#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/json/json.h"
#include "core/obs/log.h"

#define ROWS_MAX 256

static void week_key(struct fog_buf *key, char letter, uint32_t week)
{
    fog_wr_u8(key, (uint8_t)letter);
    fog_wr_u32(key, week);
}

bool week_is_closed(struct house *h, uint32_t week)
{
    struct fog_buf key = {0}, value = {0};
    int rc;

    week_key(&key, 'k', week);
    rc = h->conf.db->get(h->conf.db->arg, fog_buf_bytes(&key), &value);
    fog_buf_fini(&key);
    fog_buf_fini(&value);
    return rc == 0;
}

/* --- boxes that vanished --- */

/* What its PROGRESS shows of one open grant; false when that is nothing. */
static bool leaf_of_progress(struct house *h, const struct open_grant *o,
                             const struct fog_ethaddr *payee, struct house_leaf *out)
{
    const struct grant *g = &o->g.grant;
    int err = 0;

    if (!o->has_progress)
        return false; /* never reported, did not serve; for a lease: no probe succeeded */
    *out = (struct house_leaf){.g = o->g, .payee = *payee, .digest = o->digest, .tick = o->tick};
    out->paid_bytes = grant_paid_bytes(g, o->bytes, o->tick.i);
    return out->paid_bytes != 0 && !house_is_settled(h, g, &err) && err == 0 &&
           house_worth(h, g, out->paid_bytes, &out->worth) == 0;
}

static int payee_of(const struct house *h, const struct fog_ethaddr *node,
                    struct fog_ethaddr *payee)
{
    const struct registry_payee *p;
    uint32_t id;
    int rc = registry_id(h->reg, REGISTRY_NODE, node, &id);

    if (rc != 0)
        return rc;
    p = registry_payee(h->reg, id);
    if (p == NULL)
        return -ENOENT;
    *payee = p->wallet;
    return 0;
}

struct vanished {
    struct claim_batch batch;
    struct amount worth;
    fog_u128 bytes;
    uint32_t leaves;
};

/* The leaves that PROGRESS proves, into the batch. */
static int collect_leaves(struct house *h, struct open_round *r, const struct fog_ethaddr *payee,
                          struct vanished *v)
{
    FOG_LIST_EACH(&r->grants, it)
    {
        struct open_grant *o = FOG_CONTAINER(it, open_grant, in_round);
        struct house_leaf leaf;
        int rc;

        if (!leaf_of_progress(h, o, payee, &leaf))
            continue;
        house_put_leaf(&v->batch, &leaf);
        if ((rc = amount_add(&v->worth, v->worth, leaf.worth)) != 0)
            return rc;
        v->bytes += leaf.paid_bytes;
        v->leaves++;
    }
    return 0;
}

/* Adds them to the payee's account, in one batch guarded by it as in accept.c. */
static int pay_leaves(struct house *h, struct open_round *r, const struct fog_ethaddr *payee,
                      struct vanished *v)
{
    struct house_account account;
    struct fog_buf key = {0}, raw = {0};
    struct claim_guard guard = {0};
    int rc = voucher_load(h, payee, &account, &raw);

    if (rc == 0)
        rc = house_add_node_sum(h, &v->batch, r->week, payee, &r->node, v->bytes, v->worth,
                                v->leaves);
    if (rc == 0)
        rc = voucher_advance(&account, r->week, v->bytes, v->worth, NULL, &v->batch);
    fog_wr_u8(&key, 'v');
    fog_wr_bytes(&key, payee->b, 20);
    guard.key = fog_buf_bytes(&key);
    if (raw.len != 0)
        guard.expect = fog_buf_bytes(&raw);
    if (rc == 0)
        rc = claim_batch_apply(&v->batch, h->conf.db, &guard, true);
    fog_buf_fini(&key);
    fog_buf_fini(&raw);
    return rc;
}

/* Settles one node's round from its PROGRESS, as accept.c does from a statement; `covers` gets
 * nothing, because there is no statement. What PROGRESS does not show is void. */
static int settle_round(struct house *h, struct open_round *r)
{
    struct fog_ethaddr node = r->node, payee;
    uint32_t round = r->round;
    struct vanished v = {0};
    struct open_round *left;
    int rc = 0;

    if (payee_of(h, &node, &payee) == 0)
        rc = collect_leaves(h, r, &payee, &v);
    if (rc == 0 && v.leaves > 0) {
        rc = pay_leaves(h, r, &payee, &v);
        fog_info("week.vanished", "week=%u round=%u leaves=%u code=%d", r->week, round, v.leaves,
                 rc);
    }
    while (rc == 0 && (left = house_round(h, &node, round)) != NULL)
        house_void(h, FOG_CONTAINER(fog_list_first(&left->grants), open_grant, in_round), &v.batch);
    if (rc == 0)
        rc = claim_batch_apply(&v.batch, h->conf.db, NULL, false);
    if (rc == 0 && v.leaves > 0)
        voucher_sign(h, &payee);
    claim_batch_fini(&v.batch);
    return rc;
}

int week_close(struct house *h, uint32_t week, fog_time_ms grace_ms, fog_time_ms hub_ms)
{
    uint64_t end_s = ((uint64_t)week + 1) * h->conf.week_length_s;
    struct claim_batch batch = {0};
    struct fog_buf key = {0};
    int rc = 0;

    if (week_is_closed(h, week))
        return 0;
    /* The last rounds of a week end with it or, where the week is not whole hours, within the hour.
     */
    if ((uint64_t)hub_ms < end_s * 1000 + (uint64_t)grace_ms)
        return FOG_EBUSY;
    FOG_LIST_EACH(&h->rounds, it)
    {
        struct open_round *r = FOG_CONTAINER(it, open_round, link);

        if (r->week == week && (rc = settle_round(h, r)) != 0)
            return rc;
    }
    week_key(&key, 'k', week);
    claim_batch_put(&batch, fog_buf_bytes(&key), fog_bytes_of("\1", 1));
    rc = claim_batch_apply(&batch, h->conf.db, NULL, true);
    claim_batch_fini(&batch);
    fog_buf_fini(&key);
    if (rc == 0)
        fog_info("week.closed", "week=%u", week);
    return rc;
}

/* --- rows --- */

struct rows {
    struct house *house;
    struct week_row *row; /* ROWS_MAX of them */
    size_t n;
    struct sum_tree tree; /* of the publisher at hand */
};

static int end_row(struct rows *x)
{
    struct week_row *row;
    struct sum_node root;
    int rc;

    if (x->tree.leaves == 0)
        return 0;
    if ((rc = sum_tree_root(&x->tree, &root)) != 0)
        return rc;
    row = &x->row[x->n++];
    row->bytes = root.bytes;
    row->worth = root.worth;
    row->leaves = x->tree.leaves;
    row->subroot = root.hash;
    x->tree = (struct sum_tree){0};
    return 0;
}

/* Leaves come sorted by publisher, then serial. */
static int add_row_leaf(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct rows *x = arg;
    struct house_leaf leaf;
    struct sum_node node;
    int rc = house_read_leaf(value, x->house, &leaf);

    (void)key;
    if (rc != 0)
        return rc;
    if (x->tree.leaves > 0 && !fog_ethaddr_eq(&x->row[x->n].publisher, &leaf.g.grant.publisher) &&
        (rc = end_row(x)) != 0)
        return rc;
    if (x->n == ROWS_MAX)
        return FOG_ELIMIT;
    x->row[x->n].publisher = leaf.g.grant.publisher;
    sum_leaf_box(leaf.g.grant.serial, &leaf.digest, leaf.tick.i, leaf.paid_bytes, leaf.worth,
                 &node);
    return sum_tree_push(&x->tree, &node);
}

int week_rows(struct house *h, uint32_t week, struct week_row **out, size_t *n)
{
    struct rows x = {.house = h, .row = fog_alloc((ROWS_MAX + 1) * sizeof *x.row)};
    struct fog_buf prefix = {0};
    int rc;

    week_key(&prefix, 'l', week);
    rc = h->conf.db->scan(h->conf.db->arg, fog_buf_bytes(&prefix), add_row_leaf, &x);
    if (rc == 0)
        rc = end_row(&x);
    fog_buf_fini(&prefix);
    if (rc != 0) {
        free(x.row);
        return rc;
    }
    *out = x.row;
    *n = x.n;
    return 0;
}

int week_root(const struct week_row *rows, size_t n, struct fog_hash *root)
{
    struct sum_tree tree = {0};
    struct sum_node node;
    int rc;

    for (size_t i = 0; i < n; i++) {
        sum_leaf_week(&rows[i].publisher, rows[i].bytes, rows[i].worth, rows[i].leaves,
                      &rows[i].subroot, &node);
        if ((rc = sum_tree_push(&tree, &node)) != 0)
            return rc;
    }
    if ((rc = sum_tree_root(&tree, &node)) != 0)
        return rc;
    *root = node.hash;
    return 0;
}

/* --- export --- */

struct export_to {
    struct house *house;
    struct fog_buf *out;
    uint32_t week;
};

static void export_line(struct fog_json **j, struct fog_buf *out)
{
    fog_json_write(*j, false, out);
    fog_buf_append_str(out, "\n");
    fog_json_free(j);
}

static int export_leaf(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct export_to *x = arg;
    struct house_leaf leaf;
    struct fog_json *j;
    uint8_t wire[GRANT_WIRE_LEN];
    int rc = house_read_leaf(value, x->house, &leaf);

    (void)key;
    if (rc != 0)
        return rc;
    grant_encode(&leaf.g, wire);
    j = fog_json_new_object();
    fog_json_set_str(j, "kind", "leaf");
    fog_json_set_u64(j, "week", leaf.g.grant.week);
    fog_json_set_hex(j, "grant", wire, sizeof wire);
    fog_json_set_hex(j, "publisher", leaf.g.grant.publisher.b, 20);
    fog_json_set_hex(j, "node", leaf.g.grant.node.b, 20);
    fog_json_set_hex(j, "payee", leaf.payee.b, 20);
    fog_json_set_u64(j, "ticks", leaf.tick.i);
    fog_json_set_hex(j, "w", leaf.tick.w.b, 32);
    fog_json_set_u64(j, "bytes", leaf.paid_bytes);
    fog_json_set_u128(j, "units", amount_units(leaf.worth));
    export_line(&j, x->out);
    return 0;
}

/* Records 's' of house_books.h: key s | node 20 | week u32 | round u32, value rev u32 | digest 32.
 */
static int export_statement(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct export_to *x = arg;
    struct fog_rd k = fog_rd_of(key), v = fog_rd_of(value);
    uint8_t node[20], digest[32];
    uint32_t week, round, rev;
    struct fog_json *j;

    (void)fog_rd_u8(&k);
    fog_rd_copy(&k, node, sizeof node);
    week = fog_rd_u32(&k);
    round = fog_rd_u32(&k);
    rev = fog_rd_u32(&v);
    fog_rd_copy(&v, digest, sizeof digest);
    if (k.err != 0 || v.err != 0)
        return FOG_ECORRUPT;
    if (week != x->week)
        return 0;
    j = fog_json_new_object();
    fog_json_set_str(j, "kind", "statement");
    fog_json_set_u64(j, "week", week);
    fog_json_set_u64(j, "round", round);
    fog_json_set_u64(j, "rev", rev);
    fog_json_set_hex(j, "node", node, sizeof node);
    fog_json_set_hex(j, "digest", digest, sizeof digest);
    export_line(&j, x->out);
    return 0;
}

int week_export(struct house *h, uint32_t week, struct fog_buf *out)
{
    struct export_to x = {.house = h, .out = out, .week = week};
    struct fog_json *j = fog_json_new_object();
    struct fog_buf prefix = {0};
    int rc;

    fog_json_set_str(j, "kind", "week");
    fog_json_set_u64(j, "week", week);
    fog_json_set_hex(j, "house", h->conf.addr.b, 20);
    fog_json_set_u64(j, "chainId", h->conf.domain.chain_id);
    fog_json_set_hex(j, "settlement", h->conf.domain.settlement.b, 20);
    fog_json_set_u64(j, "weekLength", h->conf.week_length_s);
    fog_json_set_u64(j, "passivePayBps", h->conf.passive_pay_bps);
    export_line(&j, out);
    week_key(&prefix, 'l', week);
    rc = h->conf.db->scan(h->conf.db->arg, fog_buf_bytes(&prefix), export_leaf, &x);
    if (rc == 0) /* kept by node, so that all weeks are looked at */
        rc = h->conf.db->scan(h->conf.db->arg, fog_bytes_str("s"), export_statement, &x);
    fog_buf_fini(&prefix);
    return rc;
}
