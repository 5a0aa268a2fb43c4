/* Statements of boxes: every leaf is checked, then all of them are settled in one batch. */
#include "contracts/claim/house_books.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "contracts/claim/typed_data.h"
#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/str.h"
#include "core/base/wr.h"
#include "core/obs/log.h"

#define LEAVES_MAX   20000
#define NAMED_LEAVES 4
#define TRIES        3 /* against other instances of this house */

const char *leaf_fault_text(enum leaf_fault f)
{
    static const char *const texts[] = {
#define X(name, text) [name] = (text),
        LEAF_FAULTS(X)
#undef X
    };

    return texts[f];
}

struct accepting {
    struct house *house;
    struct statement s;
    struct fog_hash digest;
    struct fog_ethaddr payee;
    struct house_leaf *leaves;
    size_t n;
    struct sum_tree tree; /* as the box made it */
    fog_u128 paid_bytes;
    struct amount worth; /* as we pay it */
    struct accept_answer *answer;
};

static void say(struct accept_answer *a, int code, enum leaf_fault first, const char *text)
{
    a->code = code;
    a->first = first;
    snprintf(a->text, sizeof a->text, "%s", text);
}

static void name_leaf(struct accept_answer *a, const uint8_t serial[16], enum leaf_fault fault)
{
    char hex[FOG_HEX_LEN(16) + 1];
    size_t used = strlen(a->text);

    if (a->n_bad++ == 0) {
        a->code = FOG_EDENIED;
        a->first = fault;
    }
    if (a->n_bad > NAMED_LEAVES)
        return;
    fog_hex_encode(serial, 16, hex);
    snprintf(a->text + used, sizeof a->text - used, "%s%s:%s", used == 0 ? "" : " ", hex,
             leaf_fault_text(fault));
}

/* --- the statement itself --- */

static bool operator_signed(const struct house *h, const struct statement *s,
                            const struct fog_ethaddr *signer)
{
    const struct registry_payee *p;
    uint32_t id;

    if (registry_id(h->reg, REGISTRY_NODE, &s->node, &id) != 0)
        return false;
    p = registry_payee(h->reg, id);
    return p != NULL && fog_ethaddr_eq(&p->operator_addr, signer);
}

static int check_signature(struct accepting *x, const struct fog_secp_sig *sig)
{
    struct fog_ethaddr signer;

    typed_statement(&x->house->conf.domain, &x->s, &x->digest);
    if (fog_secp_recover(&x->digest, sig, &signer) != 0)
        return FOG_EVERIFY;
    if (fog_ethaddr_eq(&signer, &x->s.node) || operator_signed(x->house, &x->s, &signer))
        return 0;
    return FOG_EVERIFY;
}

/* 0: go on; 1: this very statement was accepted before. */
static int check_round(struct accepting *x)
{
    struct fog_buf key = {0}, value = {0};
    int rc;

    fog_wr_u8(&key, 's');
    fog_wr_bytes(&key, x->s.node.b, 20);
    fog_wr_u32(&key, x->s.week);
    fog_wr_u32(&key, x->s.round);
    rc = x->house->conf.db->get(x->house->conf.db->arg, fog_buf_bytes(&key), &value);
    if (rc == 0 && value.len != 4 + 32)
        rc = FOG_ECORRUPT;
    else if (rc == 0)
        rc = memcmp(value.data + 4, x->digest.b, 32) == 0 ? 1 : FOG_EREPLAY;
    else if (rc == -ENOENT)
        rc = 0;
    fog_buf_fini(&key);
    fog_buf_fini(&value);
    return rc;
}

static int find_payee(struct accepting *x)
{
    const struct registry_payee *p;
    uint32_t id;

    if (registry_id(x->house->reg, REGISTRY_NODE, &x->s.node, &id) != 0)
        return FOG_EDENIED;
    p = registry_payee(x->house->reg, id);
    if (p == NULL)
        return FOG_EDENIED;
    x->payee = p->wallet;
    return 0;
}

/* Refusals are told to the box; other codes are ours and nobody is answered. */
static int check_statement(struct accepting *x, const struct fog_ethaddr *node,
                           const struct fog_secp_sig *sig, fog_time_ms hub_ms)
{
    struct accept_answer *a = x->answer;
    uint64_t end_s = grant_round_end_s(x->s.round);
    int rc;

    if (!fog_ethaddr_eq(&x->s.node, node) || !fog_ethaddr_eq(&x->s.house, &x->house->conf.addr)) {
        say(a, FOG_EDENIED, LEAF_OK, "statement of another node or for another house");
        return 0;
    }
    if (check_signature(x, sig) != 0) {
        say(a, FOG_EVERIFY, LEAF_OK, "signature is neither the node's nor its operator's");
        return 0;
    }
    if ((rc = check_round(x)) == 1)
        return 1;
    if (rc == FOG_EREPLAY) {
        say(a, FOG_EREPLAY, LEAF_SETTLED, "another statement of this round was accepted");
        return 0;
    }
    if (rc != 0)
        return rc;
    if (week_is_closed(x->house, x->s.week)) {
        say(a, FOG_EEXPIRED, LEAF_OK, "the week is closed");
        return 0;
    }
    if ((uint64_t)hub_ms / 1000 + HOUSE_CLOCK_S < end_s) {
        say(a, FOG_EBUSY, LEAF_OK, "the round is not over");
        return 0;
    }
    if (find_payee(x) != 0)
        say(a, FOG_EDENIED, LEAF_OK, "no wallet is known for this node");
    return 0;
}

/* --- leaves --- */

/* The grant of a leaf with its digest: from our books, or from its wire form by signature. */
static enum leaf_fault find_grant(struct house *h, const struct ledger_leaf *in,
                                  struct house_leaf *out)
{
    struct open_grant *o = house_find(h, in->serial);
    size_t sig_at = GRANT_WIRE_LEN - sizeof(struct fog_secp_sig);
    uint8_t wire[GRANT_WIRE_LEN];
    int rc;

    if (o != NULL) {
        grant_encode(&o->g, wire);
        if (in->wire.len != 0 && memcmp(in->wire.p, wire, sig_at) != 0)
            return LEAF_NOT_OURS; /* a changed grant under one of our serials */
        out->g = o->g;
        out->digest = o->digest;
        return LEAF_OK;
    }
    if (in->wire.len == 0)
        return LEAF_UNKNOWN_GRANT;
    rc = grant_decode(in->wire, h->reg, &out->g);
    if (rc != 0)
        return rc == -ENOENT ? LEAF_UNKNOWN_GRANT : LEAF_NOT_OURS;
    if (!fog_ethaddr_eq(&out->g.grant.house, &h->conf.addr) ||
        grant_verify(&out->g, &h->conf.domain, h->reg, &out->digest) != 0)
        return LEAF_NOT_OURS;
    return LEAF_OK;
}

static bool has_deal(const struct house *h, const struct grant_signed *g)
{
    const struct registry_deal *d = registry_deal(h->reg, g->publisher_id, g->house_id);

    return d != NULL && g->grant.week >= d->from && g->grant.week <= d->until;
}

static enum leaf_fault check_leaf(struct accepting *x, const struct ledger_leaf *in,
                                  struct house_leaf *out, int *err)
{
    struct house *h = x->house;
    const struct grant *g = &out->g.grant;
    enum leaf_fault fault = find_grant(h, in, out);

    if (fault != LEAF_OK)
        return fault;
    if (!fog_ethaddr_eq(&g->node, &x->s.node))
        return LEAF_OTHER_BOX;
    if (house_is_settled(h, g, err))
        return LEAF_SETTLED;
    if (g->week != x->s.week || grant_round(g) != x->s.round ||
        g->week != grant_week_of_close(g->not_after, h->conf.week_length_s))
        return LEAF_OTHER_ROUND;
    if (!has_deal(h, &out->g))
        return LEAF_NO_DEAL;
    if (in->bytes > g->max_bytes)
        return LEAF_ABOVE_GRANT;
    if (grant_class(g) != GRANT_WITNESSED ? in->ticks != 0
                                          : tick_check(&g->anchor, in->ticks, &in->w) != 0)
        return LEAF_BAD_TICK;
    out->payee = x->payee;
    out->tick.i = in->ticks;
    out->tick.w = in->w;
    out->paid_bytes = grant_paid_bytes(g, in->bytes, in->ticks);
    return out->paid_bytes == 0 ? LEAF_PADDED : LEAF_OK;
}

/* The leaf as it stands in the box's tree, and what it adds to what we pay. */
static int add_leaf(struct accepting *x, struct house_leaf *leaf)
{
    const struct grant *g = &leaf->g.grant;
    struct sum_node node;
    struct amount claimed;
    int rc;

    if ((rc = grant_worth(g, leaf->paid_bytes, g->passive_bps, &claimed)) != 0)
        return rc;
    sum_leaf_box(g->serial, &leaf->digest, leaf->tick.i, leaf->paid_bytes, claimed, &node);
    if ((rc = sum_tree_push(&x->tree, &node)) != 0)
        return rc;
    if ((rc = house_worth(x->house, g, leaf->paid_bytes, &leaf->worth)) != 0)
        return rc;
    x->paid_bytes += leaf->paid_bytes;
    return amount_add(&x->worth, x->worth, leaf->worth);
}

static int check_leaves(struct accepting *x, struct fog_bytes bytes)
{
    size_t at = 0, cap = bytes.len / LEDGER_LEAF_SHORT + 1;
    int rc = 0;

    if (cap > LEAVES_MAX) {
        say(x->answer, FOG_ELIMIT, LEAF_PADDED, "too many leaves");
        return 0;
    }
    x->leaves = fog_alloc(cap * sizeof *x->leaves);
    while (at < bytes.len) {
        struct house_leaf *leaf = &x->leaves[x->n];
        struct ledger_leaf in;
        enum leaf_fault fault;

        if (ledger_leaf_parse(bytes, &at, &in) != 0) {
            say(x->answer, FOG_EFORMAT, LEAF_PADDED, "malformed leaves");
            return 0;
        }
        fault = check_leaf(x, &in, leaf, &rc);
        if (rc != 0)
            return rc;
        if (fault == LEAF_OK && x->n > 0 &&
            memcmp(leaf[-1].g.grant.serial, leaf->g.grant.serial, 16) >= 0)
            fault = LEAF_PADDED; /* not strictly rising: one serial twice */
        if (fault != LEAF_OK) {
            name_leaf(x->answer, in.serial, fault);
            continue;
        }
        if (add_leaf(x, leaf) != 0) {
            name_leaf(x->answer, in.serial, LEAF_ABOVE_GRANT);
            continue;
        }
        x->n++;
    }
    return 0;
}

/* The tree over the leaves that were sent must be the one that was signed. */
static void check_tree(struct accepting *x)
{
    struct sum_node root;

    if (sum_tree_root(&x->tree, &root) != 0 || !fog_hash_eq(&root.hash, &x->s.root) ||
        x->tree.leaves != x->s.leaves || root.bytes != x->s.bytes_sum ||
        amount_cmp(root.worth, x->s.worth) != 0)
        say(x->answer, FOG_EVERIFY, LEAF_PADDED,
            "padded: root or sums are not those of the leaves");
}

/* --- settling --- */

static void put_accepted(struct claim_batch *batch, const struct accepting *x)
{
    struct fog_buf key = {0}, value = {0};

    fog_wr_u8(&key, 's');
    fog_wr_bytes(&key, x->s.node.b, 20);
    fog_wr_u32(&key, x->s.week);
    fog_wr_u32(&key, x->s.round);
    fog_wr_u32(&value, x->s.rev);
    fog_wr_bytes(&value, x->digest.b, 32);
    claim_batch_put(batch, fog_buf_bytes(&key), fog_buf_bytes(&value));
    fog_buf_fini(&key);
    fog_buf_fini(&value);
}

/* One batch, guarded by the payee's account: of two instances that settle for one payee at once one
 * has to start again and then sees what the other settled. */
static int write_settled(struct accepting *x)
{
    struct claim_batch batch = {0};
    struct claim_guard guard = {0};
    struct fog_buf key = {0}, raw = {0};
    struct house_account account;
    int rc = voucher_load(x->house, &x->payee, &account, &raw);

    if (rc != 0)
        goto out;
    fog_wr_u8(&key, 'v');
    fog_wr_bytes(&key, x->payee.b, 20);
    guard.key = fog_buf_bytes(&key);
    if (raw.len != 0)
        guard.expect = fog_buf_bytes(&raw);
    for (size_t i = 0; i < x->n; i++)
        house_put_leaf(&batch, &x->leaves[i]);
    put_accepted(&batch, x);
    rc = house_add_node_sum(x->house, &batch, x->s.week, &x->payee, &x->s.node, x->paid_bytes,
                            x->worth, (uint32_t)x->n);
    if (rc != 0)
        goto out;
    rc = voucher_advance(&account, x->s.week, x->paid_bytes, x->worth, &x->s.root, &batch);
    if (rc == 0)
        rc = claim_batch_apply(&batch, x->house->conf.db, &guard, true);
out:
    claim_batch_fini(&batch);
    fog_buf_fini(&key);
    fog_buf_fini(&raw);
    return rc;
}

/* The node's round is settled: its other grants of that round can never be claimed. */
static void update_books(struct accepting *x)
{
    struct house *h = x->house;
    struct claim_batch batch = {0};
    struct open_round *r;

    for (size_t i = 0; i < x->n; i++) {
        const struct house_leaf *leaf = &x->leaves[i];
        struct pub_week *p = house_pub_week(h, leaf->g.publisher_id, leaf->g.grant.week);

        if (amount_add(&p->settled, p->settled, leaf->worth) != 0)
            fog_broken("accept.sum", "publisher=%u week=%u", p->publisher_id, p->week);
    }
    while ((r = house_round(h, &x->s.node, x->s.round)) != NULL)
        house_void(h, FOG_CONTAINER(fog_list_first(&r->grants), open_grant, in_round), &batch);
    /* Not durable: what is left behind by a crash is settled or unclaimable, and is found so. */
    if (claim_batch_apply(&batch, h->conf.db, NULL, false) != 0)
        fog_unusual("accept.cleanup", "round=%u", x->s.round);
    claim_batch_fini(&batch);
}

static int settle(struct accepting *x, struct fog_bytes leaves)
{
    int rc = 0;

    for (int i = 0; i < TRIES; i++) {
        x->n = 0;
        x->tree = (struct sum_tree){0};
        x->paid_bytes = 0;
        x->worth = amount_of_units(0);
        free(x->leaves);
        x->leaves = NULL;
        if ((rc = check_leaves(x, leaves)) != 0 || x->answer->code != 0)
            return rc;
        check_tree(x);
        if (x->answer->code != 0)
            return 0;
        if ((rc = write_settled(x)) != FOG_ESTALE)
            break;
    }
    if (rc == 0)
        update_books(x);
    return rc;
}

int accept_statement(struct house *h, const struct fog_ethaddr *node, struct fog_bytes statement,
                     const struct fog_secp_sig *sig, struct fog_bytes leaves, fog_time_ms hub_ms,
                     struct accept_answer *out)
{
    struct accepting x = {.house = h, .answer = out};
    int rc;

    memset(out, 0, sizeof *out);
    if (statement_decode(statement, &x.s) != 0) {
        say(out, FOG_EFORMAT, LEAF_OK, "malformed statement");
        return 0;
    }
    out->node = x.s.node;
    out->week = x.s.week;
    out->round = x.s.round;
    out->rev = x.s.rev;
    rc = check_statement(&x, node, sig, hub_ms);
    if (rc == 0 && out->code == 0)
        rc = settle(&x, leaves);
    else if (rc == 1)
        rc = 0;
    free(x.leaves);
    if (rc == 0 && out->code == 0) {
        char addr[FOG_ETHADDR_TEXT], hex[FOG_HEX_LEN(sizeof(struct fog_hash)) + 1];

        fog_hex_encode(x.digest.b, sizeof x.digest.b, hex);
        fog_info("accept.statement", "node=%s week=%u round=%u rev=%u leaves=%zu digest=%s",
                 fog_ethaddr_text(&x.s.node, addr), x.s.week, x.s.round, x.s.rev, x.n, hex);
        voucher_sign(h, &x.payee);
    } else if (rc == 0 && out->code != FOG_EBUSY) {
        fog_unusual("accept.refused", "week=%u round=%u rev=%u bad=%u text=\"%s\"", x.s.week,
                    x.s.round, x.s.rev, out->n_bad, out->text);
    }
    return rc;
}

/* --- progress --- */

int accept_progress(struct house *h, const struct fog_ethaddr *node, const uint8_t serial[16],
                    const struct tick_state *tick, uint64_t bytes, fog_time_ms hub_ms)
{
    struct open_grant *o = house_find(h, serial);
    struct claim_batch batch = {0};
    struct fog_buf key = {0}, value = {0};
    int rc;

    (void)hub_ms;
    if (o == NULL || !fog_ethaddr_eq(&o->g.grant.node, node))
        return -ENOENT;
    if (o->has_progress && bytes <= o->bytes && tick->i <= o->tick.i)
        return 0;
    /* A tick that does not check is not kept: what the box said before stays good. */
    if (tick->i > o->tick.i && tick_check(&o->g.grant.anchor, tick->i, &tick->w) != 0)
        return FOG_EVERIFY;
    if (tick->i > o->tick.i)
        o->tick = *tick;
    if (bytes > o->bytes)
        o->bytes = bytes < o->g.grant.max_bytes ? bytes : o->g.grant.max_bytes;
    o->has_progress = true;
    fog_wr_u8(&key, 'p');
    fog_wr_bytes(&key, serial, 16);
    fog_wr_u16(&value, o->tick.i);
    fog_wr_bytes(&value, o->tick.w.b, 32);
    fog_wr_u64(&value, o->bytes);
    claim_batch_put(&batch, fog_buf_bytes(&key), fog_buf_bytes(&value));
    rc = claim_batch_apply(&batch, h->conf.db, NULL, false);
    claim_batch_fini(&batch);
    fog_buf_fini(&key);
    fog_buf_fini(&value);
    return rc;
}
