/* The ledger's statements: made once per house and round, signed by keyd, sent until answered. */
#include "contracts/claim/ledger_in.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "core/base/rd.h"
#include "core/base/str.h"
#include "core/base/wr.h"
#include "core/obs/log.h"

#define EVIDENCE_S    ((uint64_t)28 * 86400) /* kept that long after the round */
#define SIGN_RETRY_MS 5000

/* Records of this file, after a letter:
 *   s | house 20 | week u32 | round u32             -> state u8 | sig 65 | statement 152
 *   e | house 20 | week u32 | round u32 | serial 16 -> a ledger_record
 *   p | house 20                                    -> digest 32 of the last statement made */
static void round_key(struct fog_buf *b, char letter, const struct fog_ethaddr *house,
                      uint32_t week, uint32_t round)
{
    fog_buf_clear(b);
    fog_wr_u8(b, (uint8_t)letter);
    fog_wr_bytes(b, house->b, 20);
    fog_wr_u32(b, week);
    fog_wr_u32(b, round);
}

void ledger_stmt_drop(struct ledger_stmt *s)
{
    fog_link_remove(&s->link);
    if (s->signing)
        s->dropped = true;
    else
        free(s);
}

static void put_stmt(struct claim_batch *batch, const struct ledger_stmt *s)
{
    struct fog_buf key = {0}, value = {0};
    uint8_t wire[STATEMENT_LEN];

    round_key(&key, 's', &s->s.house, s->s.week, s->s.round);
    statement_encode(&s->s, wire);
    fog_wr_u8(&value, (uint8_t)s->state);
    fog_wr_bytes(&value, s->sig.b, sizeof s->sig.b);
    fog_wr_bytes(&value, wire, sizeof wire);
    claim_batch_put(batch, fog_buf_bytes(&key), fog_buf_bytes(&value));
    fog_buf_fini(&key);
    fog_buf_fini(&value);
}

static int save(struct ledger *l, const struct ledger_stmt *s)
{
    struct claim_batch batch = {0};
    int rc;

    put_stmt(&batch, s);
    rc = claim_batch_apply(&batch, l->conf.store, NULL, true);
    claim_batch_fini(&batch);
    return rc;
}

/* --- opening --- */

static int load_stmt(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct ledger *l = arg;
    struct fog_rd r = fog_rd_of(value);
    struct ledger_stmt *s = FOG_NEW(ledger_stmt);

    (void)key;
    s->ledger = l;
    s->state = (enum stmt_state)fog_rd_u8(&r);
    fog_rd_copy(&r, s->sig.b, sizeof s->sig.b);
    if (r.err != 0 || s->state > STMT_REFUSED ||
        statement_decode(fog_rd_take(&r, fog_rd_left(&r)), &s->s) != 0) {
        free(s);
        return FOG_ECORRUPT;
    }
    if (s->state == STMT_ACCEPTED || s->state == STMT_REFUSED)
        free(s);
    else
        fog_list_push_back(&l->open, &s->link);
    return 0;
}

int ledger_load_statements(struct ledger *l)
{
    return l->conf.store->scan(l->conf.store->arg, fog_bytes_str("s"), load_stmt, l);
}

/* --- making --- */

/* Adds one record to the tree; returns 1 when it is worth nothing and stays out. */
static int add_leaf(const struct ledger_record *r, struct sum_tree *tree)
{
    const struct grant *g = &r->g.grant;
    uint64_t paid = grant_paid_bytes(g, r->bytes, r->tick.i);
    struct sum_node node;
    struct amount worth;
    int rc;

    if (paid == 0)
        return 1;
    if ((rc = grant_worth(g, paid, g->passive_bps, &worth)) != 0)
        return rc;
    sum_leaf_box(g->serial, &r->digest, r->tick.i, paid, worth, &node);
    return sum_tree_push(tree, &node);
}

static int by_serial(const void *a, const void *b)
{
    const struct ledger_record *x = a, *y = b;

    return memcmp(x->g.grant.serial, y->g.grant.serial, 16);
}

static int load_prev(struct ledger *l, const struct fog_ethaddr *house, struct fog_hash *prev)
{
    struct fog_buf key = {0}, value = {0};
    int rc;

    fog_wr_u8(&key, 'p');
    fog_wr_bytes(&key, house->b, 20);
    rc = l->conf.store->get(l->conf.store->arg, fog_buf_bytes(&key), &value);
    memset(prev, 0, sizeof *prev);
    if (rc == 0 && value.len == sizeof prev->b)
        memcpy(prev->b, value.data, sizeof prev->b);
    else if (rc == 0)
        rc = FOG_ECORRUPT;
    fog_buf_fini(&key);
    fog_buf_fini(&value);
    return rc == -ENOENT ? 0 : rc;
}

static void put_prev(struct ledger *l, struct claim_batch *batch, const struct statement *s)
{
    struct fog_buf key = {0};
    struct fog_hash digest;

    typed_statement(&l->conf.domain, s, &digest);
    fog_wr_u8(&key, 'p');
    fog_wr_bytes(&key, s->house.b, 20);
    claim_batch_put(batch, fog_buf_bytes(&key), fog_bytes_of(digest.b, sizeof digest.b));
    fog_buf_fini(&key);
}

static void put_evidence(struct claim_batch *batch, const struct statement *s,
                         const struct ledger_record *r)
{
    struct fog_buf key = {0}, value = {0};

    round_key(&key, 'e', &s->house, s->week, s->round);
    fog_wr_bytes(&key, r->g.grant.serial, 16);
    ledger_record_write(r, &value);
    claim_batch_put(batch, fog_buf_bytes(&key), fog_buf_bytes(&value));
    fog_buf_fini(&key);
    fog_buf_fini(&value);
}

/* Fills root and sums from the tree. */
static int fill_sums(struct statement *s, const struct sum_tree *tree)
{
    struct sum_node root;
    int rc = sum_tree_root(tree, &root);

    if (rc != 0)
        return rc;
    s->root = root.hash;
    s->leaves = tree->leaves;
    s->bytes_sum = root.bytes;
    s->worth = root.worth;
    return 0;
}

/* The records of a group, sorted as the tree wants them, dropped from the live ones in the batch.
 */
static struct ledger_record *collect(struct ledger *l, struct ledger_group *group,
                                     struct claim_batch *batch)
{
    struct ledger_record *rows = fog_alloc((group->n + 1) * sizeof *rows);
    size_t n = 0;

    pthread_mutex_lock(&l->lock);
    FOG_LIST_EACH(&group->grants, it)
    {
        uint8_t key[17] = {'g'};

        ledger_record_of(FOG_CONTAINER(it, ledger_grant, in_group), &rows[n]);
        memcpy(key + 1, rows[n].g.grant.serial, 16);
        claim_batch_del(batch, fog_bytes_of(key, sizeof key));
        n++;
    }
    pthread_mutex_unlock(&l->lock);
    FOG_ASSERT(n == group->n);
    qsort(rows, n, sizeof *rows, by_serial);
    return rows;
}

static bool is_stated(struct ledger *l, const struct ledger_group *g)
{
    struct fog_buf key = {0}, value = {0};
    int rc;

    round_key(&key, 's', &g->house, g->week, g->round);
    rc = l->conf.store->get(l->conf.store->arg, fog_buf_bytes(&key), &value);
    fog_buf_fini(&key);
    fog_buf_fini(&value);
    return rc == 0;
}

/* One batch moves the grants of the round from live to stated, durably, before anything is signed:
 * a crash before it leaves them live, a crash after it leaves a draft to be signed. */
int ledger_state_round(struct ledger *l, struct ledger_group *group)
{
    struct claim_batch batch = {0};
    struct ledger_record *rows = collect(l, group, &batch);
    struct ledger_stmt *s = FOG_NEW(ledger_stmt);
    struct sum_tree tree = {0};
    int rc;

    s->ledger = l;
    s->s = (struct statement){
        .node = l->conf.node, .house = group->house, .week = group->week, .round = group->round};
    if (is_stated(l, group)) {
        /* Hub time went back behind a round that was over. These bytes are lost to us. */
        fog_unusual("ledger.round_again", "week=%u round=%u grants=%zu", group->week, group->round,
                    group->n);
        rc = claim_batch_apply(&batch, l->conf.store, NULL, true);
        goto out;
    }
    if ((rc = load_prev(l, &group->house, &s->s.prev)) != 0)
        goto out;
    for (size_t i = 0; i < group->n; i++) {
        if ((rc = add_leaf(&rows[i], &tree)) < 0)
            goto out;
        if (rc == 0)
            put_evidence(&batch, &s->s, &rows[i]);
    }
    if (tree.leaves > 0) {
        if ((rc = fill_sums(&s->s, &tree)) != 0)
            goto out;
        put_stmt(&batch, s);
        put_prev(l, &batch, &s->s);
    }
    if ((rc = claim_batch_apply(&batch, l->conf.store, NULL, true)) != 0)
        goto out;
    fog_info("ledger.stated", "week=%u round=%u leaves=%u grants=%zu", group->week, group->round,
             tree.leaves, group->n);
    if (tree.leaves > 0) {
        fog_list_push_back(&l->open, &s->link);
        s = NULL;
    }
out:
    free(s);
    free(rows);
    claim_batch_fini(&batch);
    return rc;
}

/* --- stating again --- */

struct restate {
    struct ledger *ledger;
    const char *text; /* leaves to leave out */
    struct claim_batch batch;
    struct sum_tree tree;
    unsigned dropped;
};

static bool is_named(const char *text, const uint8_t serial[16])
{
    char hex[FOG_HEX_LEN(16) + 1];

    fog_hex_encode(serial, 16, hex);
    return text != NULL && strstr(text, hex) != NULL;
}

static int restate_row(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct restate *x = arg;
    struct ledger_record r;
    int rc = ledger_record_read(value, &x->ledger->conf.node, &r);

    if (rc != 0)
        return rc;
    if (is_named(x->text, r.g.grant.serial)) {
        claim_batch_del(&x->batch, key);
        x->dropped++;
        return 0;
    }
    rc = add_leaf(&r, &x->tree);
    return rc == 1 ? 0 : rc;
}

/* The same round under the next rev, without the leaves that the text names; the lower rev is void
 * from then on. FOG_EDENIED when there is nothing left to change or to claim. */
static int restate(struct ledger *l, struct ledger_stmt *s, const char *text)
{
    struct restate x = {.ledger = l, .text = text};
    struct fog_hash old, last;
    struct ledger_stmt next = *s;
    struct fog_buf key = {0};
    int rc;

    round_key(&key, 'e', &s->s.house, s->s.week, s->s.round);
    rc = l->conf.store->scan(l->conf.store->arg, fog_buf_bytes(&key), restate_row, &x);
    if (rc == 0 &&
        (s->s.rev + 1 > LEDGER_REV_MAX || (text != NULL && x.dropped == 0) || x.tree.leaves == 0))
        rc = FOG_EDENIED;
    if (rc != 0)
        goto out;
    next.s.rev++;
    next.state = STMT_DRAFT;
    if ((rc = fill_sums(&next.s, &x.tree)) != 0)
        goto out;
    put_stmt(&x.batch, &next);
    typed_statement(&l->conf.domain, &s->s, &old);
    if ((rc = load_prev(l, &s->s.house, &last)) != 0)
        goto out;
    if (fog_hash_eq(&last, &old))
        put_prev(l, &x.batch, &next.s);
    if ((rc = claim_batch_apply(&x.batch, l->conf.store, NULL, true)) != 0)
        goto out;
    s->s = next.s;
    s->state = STMT_DRAFT;
    s->next_ms = 0;
    fog_info("ledger.restated", "week=%u round=%u rev=%u dropped=%u", s->s.week, s->s.round,
             s->s.rev, x.dropped);
out:
    claim_batch_fini(&x.batch);
    fog_buf_fini(&key);
    return rc;
}

/* --- signing and sending --- */

/* What this box says of a round; whoever compares logs sees whether it ever said two things. */
static void log_signed(const struct ledger *l, const struct ledger_stmt *s)
{
    char node[FOG_ETHADDR_TEXT], hex[FOG_HEX_LEN(sizeof(struct fog_hash)) + 1];
    struct fog_hash digest;

    typed_statement(&l->conf.domain, &s->s, &digest);
    fog_hex_encode(digest.b, sizeof digest.b, hex);
    fog_info("ledger.signed", "node=%s week=%u round=%u rev=%u digest=%s",
             fog_ethaddr_text(&s->s.node, node), s->s.week, s->s.round, s->s.rev, hex);
}

static void on_signed(void *ctx, const struct keyd_answer *answer)
{
    struct ledger_stmt *s = ctx;
    struct ledger *l = s->ledger;
    int rc = answer->err;

    s->signing = false;
    if (s->dropped) {
        free(s);
        return;
    }
    if (rc == FOG_EREPLAY || rc == FOG_ESTALE) {
        /* keyd remembers another statement of this rev: our store was set back. */
        fog_unusual("ledger.signed_otherwise", "week=%u round=%u rev=%u", s->s.week, s->s.round,
                    s->s.rev);
        rc = restate(l, s, NULL);
        if (rc == 0)
            return;
    }
    if (rc == 0) {
        s->sig = answer->sig;
        s->state = STMT_SIGNED;
        log_signed(l, s);
        rc = save(l, s);
        if (rc == 0) {
            s->next_ms = 0; /* out with the next turn */
            return;
        }
        s->state = STMT_DRAFT; /* not sent before it is on the disk */
    }
    fog_unusual("ledger.unsigned", "week=%u round=%u rev=%u error=\"%s\"", s->s.week, s->s.round,
                s->s.rev, fog_strerror(rc));
}

static void ask_signature(struct ledger *l, struct ledger_stmt *s)
{
    struct keyd_req q = {.kind = KEYD_SIGN_STATEMENT, .statement = s->s};

    s->signing = true;
    l->conf.signer->sign(l->conf.signer->arg, &q, on_signed, s);
}

struct leaves_out {
    struct ledger *ledger;
    struct fog_buf b;
    size_t left; /* rows still to come, this one included */
};

static int put_leaf(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct leaves_out *o = arg;
    struct ledger_record r;
    int rc = ledger_record_read(value, &o->ledger->conf.node, &r);
    bool full;

    (void)key;
    if (rc != 0)
        return rc;
    if (o->left == 0)
        return FOG_ECORRUPT; /* more evidence than leaves */
    o->left--;
    full = o->b.len + LEDGER_LEAF_LEN + o->left * LEDGER_LEAF_SHORT <= LEDGER_LEAVES_MAX;
    fog_wr_u8(&o->b, full ? 0 : 1);
    fog_wr_bytes(&o->b, full ? value.p : r.g.grant.serial, full ? GRANT_WIRE_LEN : 16);
    fog_wr_u16(&o->b, r.tick.i);
    fog_wr_bytes(&o->b, r.tick.w.b, sizeof r.tick.w.b);
    /* Several loops may overshoot the limit by a buffer each; nobody is paid for that. */
    fog_wr_u64(&o->b, r.bytes < r.g.grant.max_bytes ? r.bytes : r.g.grant.max_bytes);
    return 0;
}

static void send(struct ledger *l, struct ledger_stmt *s)
{
    struct leaves_out o = {.ledger = l, .left = s->s.leaves};
    uint8_t wire[STATEMENT_LEN];
    struct fog_buf key = {0};
    int rc;

    round_key(&key, 'e', &s->s.house, s->s.week, s->s.round);
    rc = l->conf.store->scan(l->conf.store->arg, fog_buf_bytes(&key), put_leaf, &o);
    if (rc == 0 && o.left != 0)
        rc = FOG_ECORRUPT;
    if (rc == 0) {
        statement_encode(&s->s, wire);
        l->events.on_statement(l->events.arg, &s->s.house, fog_bytes_of(wire, sizeof wire), &s->sig,
                               fog_buf_bytes(&o.b));
    } else {
        fog_broken("ledger.leaves", "week=%u round=%u error=\"%s\"", s->s.week, s->s.round,
                   fog_strerror(rc));
    }
    fog_buf_fini(&key);
    fog_buf_fini(&o.b);
}

void ledger_push_statements(struct ledger *l, fog_time_ms hub_ms, fog_time_ms resend_ms)
{
    FOG_LIST_EACH(&l->open, it)
    {
        struct ledger_stmt *s = FOG_CONTAINER(it, ledger_stmt, link);

        if (s->signing || hub_ms < s->next_ms)
            continue;
        if (s->state == STMT_DRAFT) {
            s->next_ms = hub_ms + SIGN_RETRY_MS;
            ask_signature(l, s);
            if (s->state == STMT_SIGNED)
                s->next_ms = 0;
        }
        if (s->state == STMT_SIGNED && hub_ms >= s->next_ms) {
            s->next_ms = hub_ms + resend_ms;
            send(l, s);
        }
    }
}

void ledger_resend(struct ledger *l)
{
    FOG_LIST_EACH(&l->open, it)
    {
        struct ledger_stmt *s = FOG_CONTAINER(it, ledger_stmt, link);

        if (s->state == STMT_SIGNED)
            s->next_ms = 0;
    }
}

int ledger_answered(struct ledger *l, const struct fog_ethaddr *house, uint32_t week,
                    uint32_t round, uint32_t rev, int64_t code, const char *text,
                    fog_time_ms hub_ms)
{
    struct ledger_stmt *s = NULL;
    int rc;

    FOG_LIST_EACH(&l->open, it)
    {
        struct ledger_stmt *one = FOG_CONTAINER(it, ledger_stmt, link);

        if (one->s.week == week && one->s.round == round && one->s.rev == rev &&
            fog_ethaddr_eq(&one->s.house, house))
            s = one;
    }
    if (s == NULL || s->state != STMT_SIGNED)
        return -ENOENT; /* an answer to something older */
    if (code == FOG_EBUSY) {
        s->next_ms = hub_ms + SIGN_RETRY_MS;
        return 0;
    }
    if (code != 0) {
        fog_unusual("ledger.refused", "week=%u round=%u rev=%u code=%" PRId64 " text=\"%.200s\"",
                    week, round, rev, code, text);
        rc = restate(l, s, text);
        if (rc == 0)
            return 0;
        if (rc != FOG_EDENIED)
            return rc;
    }
    s->state = code == 0 ? STMT_ACCEPTED : STMT_REFUSED;
    if ((rc = save(l, s)) != 0) {
        s->state = STMT_SIGNED;
        return rc;
    }
    ledger_stmt_drop(s);
    return 0;
}

/* --- evidence that nobody will ask for any more --- */

struct purge {
    const struct ledger *ledger;
    struct claim_batch batch;
    uint64_t before_s;
};

static bool is_open(const struct ledger *l, uint32_t round)
{
    FOG_LIST_EACH(&l->open, it)
    {
        if (FOG_CONTAINER(it, ledger_stmt, link)->s.round == round)
            return true;
    }
    return false;
}

/* Keys 's' and 'e' carry their round behind letter, house and week. */
static int purge_row(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct purge *p = arg;
    struct fog_rd r = fog_rd_of(key);
    uint32_t round;

    (void)fog_rd_take(&r, 1 + 20 + 4);
    round = fog_rd_u32(&r);
    if (r.err != 0)
        return FOG_ECORRUPT;
    (void)value;
    if (grant_round_end_s(round) < p->before_s && !is_open(p->ledger, round))
        claim_batch_del(&p->batch, key);
    return 0;
}

int ledger_purge(struct ledger *l, fog_time_ms hub_ms)
{
    struct purge p = {.ledger = l, .before_s = (uint64_t)hub_ms / 1000};
    const struct claim_store *st = l->conf.store;
    int rc;

    p.before_s = p.before_s > EVIDENCE_S ? p.before_s - EVIDENCE_S : 0;
    rc = st->scan(st->arg, fog_bytes_str("s"), purge_row, &p);
    if (rc == 0 && p.batch.n > 0) /* rounds went, so their leaves do */
        rc = st->scan(st->arg, fog_bytes_str("e"), purge_row, &p);
    if (rc == 0)
        rc = claim_batch_apply(&p.batch, st, NULL, false);
    claim_batch_fini(&p.batch);
    return rc;
}

/* --- the other side of put_leaf --- */

int ledger_leaf_parse(struct fog_bytes leaves, size_t *at, struct ledger_leaf *out)
{
    struct fog_rd r = fog_rd_of(fog_bytes_of(leaves.p + *at, leaves.len - *at));
    struct ledger_leaf leaf = {0};
    uint8_t form = fog_rd_u8(&r);
    int rc;

    if (form == 0) {
        leaf.wire = fog_rd_take(&r, GRANT_WIRE_LEN);
        if (r.err == 0 && (rc = grant_peek_serial(leaf.wire, leaf.serial)) != 0)
            return rc;
    } else {
        fog_rd_copy(&r, leaf.serial, sizeof leaf.serial);
    }
    leaf.ticks = fog_rd_u16(&r);
    fog_rd_copy(&r, leaf.w.b, sizeof leaf.w.b);
    leaf.bytes = fog_rd_u64(&r);
    if (r.err != 0)
        return r.err;
    if (form > 1)
        return FOG_EFORMAT;
    *at = leaves.len - fog_rd_left(&r);
    *out = leaf;
    return 0;
}
