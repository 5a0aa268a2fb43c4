#include "router/records.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/base/rd.h"
#include "core/base/wr.h"
#include "core/crypto/hash.h"
#include "core/obs/log.h"

#include <errno.h>
#include <stdlib.h>

#define LETTER_BOX   'b'
#define LETTER_TOKEN 't'
#define LETTER_PUB   'p'
#define LETTER_SITE  's'
#define LETTER_GROUP 'g'
#define LETTER_ACK   'a'
#define LETTER_NAMED 'n'
#define KEY_MAX      96

struct records {
    struct db *db;
    struct fog_hash fog_id;
    struct fog_map *boxes, *pubs, *sites;
    struct fog_map *tokens; /* serial -> struct fog_buf: what is written, durable or not yet */
    int load_err;
};

struct dbkey {
    uint8_t b[KEY_MAX];
    size_t len;
};

static struct dbkey key_of(char letter, const void *id, size_t len)
{
    struct dbkey k = {.len = len + 1};

    FOG_ASSERT(len < KEY_MAX);
    k.b[0] = (uint8_t)letter;
    memcpy(k.b + 1, id, len);
    return k;
}

static struct fog_bytes key_bytes(const struct dbkey *k)
{
    return fog_bytes_of(k->b, k->len);
}

static void put(struct records *r, const struct dbkey *k, struct fog_bytes value,
                records_done *done, void *ctx)
{
    struct db_op op = {.key = key_bytes(k), .value = value};

    db_batch(r->db, &op, 1, done, ctx);
}

/* --- boxes --- */

static void encode_box(const struct record_box *b, struct fog_buf *out)
{
    char addr[FOG_ADDR_TEXT_MAX] = "";

    fog_wr_u8(out, 1);
    fog_wr_bytes(out, b->id.b, sizeof b->id.b);
    fog_wr_u64(out, b->pending_in);
    fog_wr_bytes(out, b->operator_addr, sizeof b->operator_addr);
    fog_wr_bytes(out, b->node, sizeof b->node);
    fog_wr_u32(out, b->node_id);
    if (b->addr.u.sa.sa_family != 0)
        fog_addr_format(&b->addr, addr);
    fog_wr_str8(out, addr);
    fog_wr_u8(out, b->verified);
    fog_wr_u16(out, b->weight);
    fog_wr_u8(out, b->class);
    fog_wr_u16(out, b->flags);
    fog_wr_str8(out, b->country);
    fog_wr_u32(out, b->asn);
    fog_wr_str8(out, b->domain);
    fog_wr_u64(out, (uint64_t)b->joined_ms);
    fog_wr_u8(out, b->revoked);
    fog_wr_u64(out, (uint64_t)b->cert_until);
}

static int decode_box(struct fog_bytes key, struct fog_bytes value, struct record_box *b)
{
    struct fog_rd r = fog_rd_of(value);
    char addr[FOG_ADDR_TEXT_MAX];

    if (key.len != 33 || fog_rd_u8(&r) != 1)
        return FOG_ECORRUPT;
    memcpy(b->key, key.p + 1, sizeof b->key);
    fog_rd_copy(&r, b->id.b, sizeof b->id.b);
    b->pending_in = fog_rd_u64(&r);
    fog_rd_copy(&r, b->operator_addr, sizeof b->operator_addr);
    fog_rd_copy(&r, b->node, sizeof b->node);
    b->node_id = fog_rd_u32(&r);
    fog_rd_str8(&r, addr, sizeof addr);
    if (addr[0] != 0 && fog_addr_parse(addr, &b->addr) != 0)
        return FOG_ECORRUPT;
    b->verified = fog_rd_u8(&r) != 0;
    b->weight = fog_rd_u16(&r);
    b->class = fog_rd_u8(&r);
    b->flags = fog_rd_u16(&r);
    fog_rd_str8(&r, b->country, sizeof b->country);
    b->asn = fog_rd_u32(&r);
    fog_rd_str8(&r, b->domain, sizeof b->domain);
    b->joined_ms = (fog_time_ms)fog_rd_u64(&r);
    b->revoked = fog_rd_u8(&r) != 0;
    b->cert_until = (int64_t)fog_rd_u64(&r);
    return fog_rd_done(&r) == 0 ? 0 : FOG_ECORRUPT;
}

struct record_box *records_box(const struct records *r, const uint8_t key[32])
{
    return fog_map_get(r->boxes, fog_bytes_of(key, 32));
}

static void keep_box(struct records *r, const struct record_box *b)
{
    struct record_box *mine = records_box(r, b->key);

    if (mine == NULL) {
        mine = FOG_NEW(record_box);
        fog_map_put(r->boxes, fog_bytes_of(b->key, 32), mine);
    }
    if (mine != b)
        *mine = *b;
}

void records_put_box(struct records *r, const struct record_box *b, records_done *done, void *ctx)
{
    struct dbkey k = key_of(LETTER_BOX, b->key, 32);
    struct fog_buf v = {0};

    keep_box(r, b);
    encode_box(b, &v);
    put(r, &k, fog_buf_bytes(&v), done, ctx);
    fog_buf_fini(&v);
}

size_t records_box_count(const struct records *r)
{
    return fog_map_count(r->boxes);
}

struct record_box *records_next_box(const struct records *r, size_t *cursor)
{
    return fog_map_next(r->boxes, cursor, NULL);
}

/* --- tokens: value = version ‖ keys of the boxes that used it --- */

/* The token's value in RAM, read from the store at first need. A batch on its way to disk is seen
 * here at once, so that two quick redemptions cannot share one use. */
static struct fog_buf *token_of(struct records *r, const uint8_t serial[16])
{
    struct dbkey k = key_of(LETTER_TOKEN, serial, 16);
    struct fog_buf *v = fog_map_get(r->tokens, fog_bytes_of(serial, 16));

    if (v != NULL)
        return v;
    v = FOG_NEW(fog_buf);
    if (db_get(r->db, key_bytes(&k), v) != 0)
        fog_wr_u8(v, 1);
    fog_map_put(r->tokens, fog_bytes_of(serial, 16), v);
    return v;
}

unsigned records_token_uses(struct records *r, const uint8_t serial[16], const uint8_t box[32],
                            bool *by_this_box)
{
    const struct fog_buf *v = token_of(r, serial);
    unsigned uses = v->len == 0 ? 0 : (unsigned)((v->len - 1) / 32);

    *by_this_box = false;
    for (unsigned i = 0; i < uses; i++)
        *by_this_box |= memcmp(v->data + 1 + (size_t)i * 32, box, 32) == 0;
    return uses;
}

void records_enrol(struct records *r, const uint8_t serial[16], const struct record_box *b,
                   records_done *done, void *ctx)
{
    struct dbkey kt = key_of(LETTER_TOKEN, serial, 16), kb = key_of(LETTER_BOX, b->key, 32);
    struct fog_buf *token = token_of(r, serial);
    struct fog_buf box = {0};
    struct db_op ops[2];
    bool again;

    (void)records_token_uses(r, serial, b->key, &again);
    if (!again)
        fog_wr_bytes(token, b->key, 32);
    encode_box(b, &box);
    ops[0] = (struct db_op){key_bytes(&kt), fog_buf_bytes(token)};
    ops[1] = (struct db_op){key_bytes(&kb), fog_buf_bytes(&box)};
    keep_box(r, b);
    db_batch(r->db, ops, 2, done, ctx);
    fog_buf_fini(&box);
}

/* --- publishers and sites --- */

struct record_pub *records_pub(const struct records *r, const struct fog_hash *publisher_id)
{
    return fog_map_get(r->pubs, fog_bytes_of(publisher_id->b, sizeof publisher_id->b));
}

static void keep_pub(struct records *r, const struct fog_keydoc *doc, struct fog_bytes bytes)
{
    struct record_pub *p = records_pub(r, &doc->publisher_id);

    if (p == NULL) {
        p = FOG_NEW(record_pub);
        fog_map_put(r->pubs, fog_bytes_of(doc->publisher_id.b, 32), p);
    }
    p->doc = *doc;
    fog_buf_clear(&p->bytes);
    fog_buf_append(&p->bytes, bytes.p, bytes.len);
}

void records_put_pub(struct records *r, const struct fog_keydoc *doc, struct fog_bytes bytes,
                     records_done *done, void *ctx)
{
    struct dbkey k = key_of(LETTER_PUB, doc->publisher_id.b, 32);

    keep_pub(r, doc, bytes);
    put(r, &k, bytes, done, ctx);
}

struct record_site *records_site(const struct records *r, const struct fog_site_id *site)
{
    return fog_map_get(r->sites, fog_bytes_of(site->b, sizeof site->b));
}

static void keep_site(struct records *r, const struct fog_site_id *site,
                      const struct fog_pointer *p, struct fog_bytes pointer,
                      struct fog_bytes delegate)
{
    struct record_site *s = records_site(r, site);

    if (s == NULL) {
        s = FOG_NEW(record_site);
        s->site = *site;
        fog_site_label(site, s->label);
        fog_map_put(r->sites, fog_bytes_of(site->b, sizeof site->b), s);
    }
    s->pointer = *p;
    fog_buf_clear(&s->pointer_bytes);
    fog_buf_append(&s->pointer_bytes, pointer.p, pointer.len);
    fog_buf_clear(&s->delegate);
    fog_buf_append(&s->delegate, delegate.p, delegate.len);
    fog_buf_clear(&s->fresh);
}

void records_put_site(struct records *r, const struct fog_site_id *site,
                      const struct fog_pointer *p, struct fog_bytes pointer,
                      struct fog_bytes delegate, records_done *done, void *ctx)
{
    struct dbkey k = key_of(LETTER_SITE, site->b, sizeof site->b);
    struct fog_buf v = {0};

    fog_wr_u8(&v, 1);
    fog_wr_lp32(&v, pointer);
    fog_wr_lp32(&v, delegate);
    keep_site(r, site, p, pointer, delegate);
    put(r, &k, fog_buf_bytes(&v), done, ctx);
    fog_buf_fini(&v);
}

struct record_site *records_next_site(const struct records *r, size_t *cursor)
{
    return fog_map_next(r->sites, cursor, NULL);
}

size_t records_site_count(const struct records *r)
{
    return fog_map_count(r->sites);
}

/* --- named values --- */

int records_get(struct records *r, const char *name, struct fog_buf *out)
{
    struct dbkey k = key_of(LETTER_NAMED, name, strlen(name));

    return db_get(r->db, key_bytes(&k), out);
}

void records_put(struct records *r, const char *name, struct fog_bytes value, records_done *done,
                 void *ctx)
{
    struct dbkey k = key_of(LETTER_NAMED, name, strlen(name));

    put(r, &k, value, done, ctx);
}

struct named_walk {
    bool (*each)(void *arg, struct fog_bytes name, struct fog_bytes value);
    void *arg;
};

static bool on_named(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct named_walk *w = arg;

    return w->each(w->arg, fog_bytes_of(key.p + 1, key.len - 1), value);
}

int records_each_named(struct records *r, const char *prefix,
                       bool (*each)(void *arg, struct fog_bytes name, struct fog_bytes value),
                       void *arg)
{
    struct dbkey k = key_of(LETTER_NAMED, prefix, strlen(prefix));
    struct named_walk w = {each, arg};

    return db_scan(r->db, key_bytes(&k), (struct fog_bytes){0}, SIZE_MAX, on_named, &w);
}

/* --- loading --- */

static bool load_box(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct records *r = arg;
    struct record_box b = {0};

    r->load_err = decode_box(key, value, &b);
    if (r->load_err == 0)
        keep_box(r, &b);
    return r->load_err == 0;
}

static bool load_pub(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct records *r = arg;
    struct fog_keydoc doc;

    (void)key;
    r->load_err = fog_keydoc_decode(value, &r->fog_id, &doc) == 0 ? 0 : FOG_ECORRUPT;
    if (r->load_err == 0)
        keep_pub(r, &doc, value);
    return r->load_err == 0;
}

static bool load_site(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct records *r = arg;
    struct fog_rd rd = fog_rd_of(value);
    struct fog_bytes pointer, delegate;
    struct fog_site_id site;
    struct fog_pointer p;
    bool known = fog_rd_u8(&rd) == 1;

    pointer = fog_rd_lp32(&rd, DB_BATCH_MAX);
    delegate = fog_rd_lp32(&rd, DB_BATCH_MAX);
    r->load_err = FOG_ECORRUPT;
    if (!known || fog_rd_done(&rd) != 0 || key.len != 1 + sizeof site.b ||
        fog_pointer_decode(pointer, &p) != 0)
        return false;
    memcpy(site.b, key.p + 1, sizeof site.b);
    keep_site(r, &site, &p, pointer, delegate);
    r->load_err = 0;
    return true;
}

int records_open(struct db *db, const struct fog_hash *fog_id, struct records **out)
{
    static const struct {
        char letter;
        bool (*each)(void *arg, struct fog_bytes key, struct fog_bytes value);
    } loads[] = {{LETTER_BOX, load_box}, {LETTER_PUB, load_pub}, {LETTER_SITE, load_site}};
    struct records *r = FOG_NEW(records);

    r->db = db;
    r->fog_id = *fog_id;
    /* The keys are hashes already; nobody gains by choosing them. */
    r->boxes = fog_map_new(fog_id->b);
    r->pubs = fog_map_new(fog_id->b);
    r->sites = fog_map_new(fog_id->b);
    r->tokens = fog_map_new(fog_id->b);
    for (size_t i = 0; i < FOG_COUNT(loads); i++) {
        struct dbkey k = key_of(loads[i].letter, "", 0);
        int rc = db_scan(db, key_bytes(&k), (struct fog_bytes){0}, SIZE_MAX, loads[i].each, r);
        if (rc == 0)
            rc = r->load_err;
        if (rc != 0) {
            fog_broken("records.load", "kind=%c error=%s", loads[i].letter, fog_errname(rc));
            records_free(&r);
            return rc;
        }
    }
    *out = r;
    return 0;
}

void records_free(struct records **rp)
{
    struct records *r = *rp;
    struct record_site *s;
    struct record_pub *p;
    struct fog_buf *t;
    void *b;
    size_t at;

    *rp = NULL;
    if (r == NULL)
        return;
    for (at = 0; (b = fog_map_next(r->boxes, &at, NULL)) != NULL;)
        free(b);
    for (at = 0; (p = fog_map_next(r->pubs, &at, NULL)) != NULL;) {
        fog_buf_fini(&p->bytes);
        free(p);
    }
    for (at = 0; (s = fog_map_next(r->sites, &at, NULL)) != NULL;) {
        fog_buf_fini(&s->pointer_bytes);
        fog_buf_fini(&s->delegate);
        fog_buf_fini(&s->fresh);
        free(s);
    }
    for (at = 0; (t = fog_map_next(r->tokens, &at, NULL)) != NULL;) {
        fog_buf_fini(t);
        free(t);
    }
    fog_map_free(&r->tokens);
    fog_map_free(&r->boxes);
    fog_map_free(&r->pubs);
    fog_map_free(&r->sites);
    free(r);
}

/* --- placement --- */

static void encode_refs(const struct router_ref *refs, size_t n, struct fog_buf *out)
{
    fog_wr_u32(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        fog_wr_u8(out, refs[i].kind);
        fog_wr_bytes(out, refs[i].id.b, sizeof refs[i].id.b);
        fog_wr_u32(out, refs[i].len);
    }
}

void record_group_rev(const struct router_ref *refs, size_t n, struct fog_hash *rev)
{
    struct fog_buf b = {0};

    encode_refs(refs, n, &b);
    fog_sha256(fog_buf_bytes(&b), rev);
    fog_buf_fini(&b);
}

void records_put_group(struct records *r, const struct record_group *g, records_done *done,
                       void *ctx)
{
    struct dbkey k = key_of(LETTER_GROUP, g->pg.b, 32);
    struct fog_buf v = {0};

    fog_wr_u8(&v, 1);
    fog_wr_bytes(&v, g->rev.b, sizeof g->rev.b);
    fog_wr_bytes(&v, g->site.b, sizeof g->site.b);
    fog_wr_u32(&v, g->slot);
    fog_wr_u64(&v, g->bytes);
    encode_refs(g->refs, g->n_refs, &v);
    put(r, &k, fog_buf_bytes(&v), done, ctx);
    fog_buf_fini(&v);
}

void records_del_group(struct records *r, const struct fog_hash *pg)
{
    struct dbkey k = key_of(LETTER_GROUP, pg->b, 32);

    put(r, &k, (struct fog_bytes){0}, NULL, NULL);
}

void records_put_ack(struct records *r, const struct fog_hash *pg, const uint8_t box[32],
                     const struct fog_hash *rev)
{
    uint8_t id[64];
    struct dbkey k;

    memcpy(id, pg->b, 32);
    memcpy(id + 32, box, 32);
    k = key_of(LETTER_ACK, id, sizeof id);
    put(r, &k, rev == NULL ? fog_bytes_of(NULL, 0) : fog_bytes_of(rev->b, sizeof rev->b), NULL,
        NULL);
}

struct group_walk {
    void (*each)(void *arg, struct record_group *g);
    void *arg;
    int err;
};

static bool on_group(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct group_walk *w = arg;
    struct fog_rd r = fog_rd_of(value);
    struct record_group g = {0};
    bool known = fog_rd_u8(&r) == 1 && key.len == 33;
    size_t n;

    fog_rd_copy(&r, g.rev.b, sizeof g.rev.b);
    fog_rd_copy(&r, g.site.b, sizeof g.site.b);
    g.slot = fog_rd_u32(&r);
    g.bytes = fog_rd_u64(&r);
    n = fog_rd_u32(&r);
    if (!known || n > fog_rd_left(&r) / 37) {
        w->err = FOG_ECORRUPT;
        return false;
    }
    memcpy(g.pg.b, key.p + 1, sizeof g.pg.b);
    g.n_refs = n;
    g.refs = fog_alloc((n + 1) * sizeof *g.refs);
    for (size_t i = 0; i < n; i++) {
        g.refs[i].kind = fog_rd_u8(&r);
        fog_rd_copy(&r, g.refs[i].id.b, sizeof g.refs[i].id.b);
        g.refs[i].len = fog_rd_u32(&r);
    }
    if (fog_rd_done(&r) != 0) {
        w->err = FOG_ECORRUPT;
        free(g.refs);
        return false;
    }
    w->each(w->arg, &g);
    return true;
}

int records_each_group(struct records *r, void (*each)(void *arg, struct record_group *g),
                       void *arg)
{
    struct dbkey k = key_of(LETTER_GROUP, "", 0);
    struct group_walk w = {.each = each, .arg = arg};
    int rc = db_scan(r->db, key_bytes(&k), (struct fog_bytes){0}, SIZE_MAX, on_group, &w);

    return rc != 0 ? rc : w.err;
}

struct ack_walk {
    void (*each)(void *arg, const struct fog_hash *pg, const uint8_t box[32],
                 const struct fog_hash *rev);
    void *arg;
    int err;
};

static bool on_ack(void *arg, struct fog_bytes key, struct fog_bytes value)
{
    struct ack_walk *w = arg;
    struct fog_hash pg, rev;

    if (key.len != 65 || value.len != 32) {
        w->err = FOG_ECORRUPT;
        return false;
    }
    memcpy(pg.b, key.p + 1, 32);
    memcpy(rev.b, value.p, 32);
    w->each(w->arg, &pg, key.p + 33, &rev);
    return true;
}

int records_each_ack(struct records *r,
                     void (*each)(void *arg, const struct fog_hash *pg, const uint8_t box[32],
                                  const struct fog_hash *rev),
                     void *arg)
{
    struct dbkey k = key_of(LETTER_ACK, "", 0);
    struct ack_walk w = {.each = each, .arg = arg};
    int rc = db_scan(r->db, key_bytes(&k), (struct fog_bytes){0}, SIZE_MAX, on_ack, &w);

    return rc != 0 ? rc : w.err;
}
