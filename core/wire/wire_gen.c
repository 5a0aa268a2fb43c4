/* Written by tools/gen_wire.py from wire.tbl: do not edit. */
#include "core/wire/wire_gen.h"

#include "core/base/wr.h"

static void put_list(struct fog_buf *b, const struct fog_wire_list *l)
{
    fog_wr_u16(b, (uint16_t)l->count);
    fog_wr_bytes(b, l->raw.p, l->raw.len);
}

void fog_wire_put_ref(struct fog_buf *b, const struct fog_wire_ref *m)
{
    fog_wr_u8(b, m->kind);
    fog_wr_bytes(b, m->id.b, sizeof m->id.b);
    fog_wr_u32(b, m->len);
}

void fog_wire_get_ref(struct fog_rd *r, struct fog_wire_ref *m)
{
    m->kind = fog_rd_u8(r);
    fog_rd_copy(r, m->id.b, sizeof m->id.b);
    m->len = fog_rd_u32(r);
}

static void get_list_ref(struct fog_rd *r, struct fog_wire_list *l, uint32_t max)
{
    struct fog_wire_ref row;
    const uint8_t *from;

    l->count = fog_rd_u16(r);
    if (l->count > max)
        fog_rd_fail(r, FOG_ELIMIT);
    from = r->p;
    for (uint32_t i = 0; i < l->count && r->err == 0; i++)
        fog_wire_get_ref(r, &row);
    l->raw = r->err != 0 ? fog_bytes_of(NULL, 0) : fog_bytes_of(from, (size_t)(r->p - from));
    if (r->err != 0)
        l->count = 0;
}

void fog_wire_put_peer(struct fog_buf *b, const struct fog_wire_peer *m)
{
    fog_wr_bytes(b, m->key, sizeof m->key);
}

void fog_wire_get_peer(struct fog_rd *r, struct fog_wire_peer *m)
{
    fog_rd_copy(r, m->key, sizeof m->key);
}

static void get_list_peer(struct fog_rd *r, struct fog_wire_list *l, uint32_t max)
{
    struct fog_wire_peer row;
    const uint8_t *from;

    l->count = fog_rd_u16(r);
    if (l->count > max)
        fog_rd_fail(r, FOG_ELIMIT);
    from = r->p;
    for (uint32_t i = 0; i < l->count && r->err == 0; i++)
        fog_wire_get_peer(r, &row);
    l->raw = r->err != 0 ? fog_bytes_of(NULL, 0) : fog_bytes_of(from, (size_t)(r->p - from));
    if (r->err != 0)
        l->count = 0;
}

void fog_wire_put_signed(struct fog_buf *b, const struct fog_wire_signed *m)
{
    fog_wr_lp16(b, m->bytes);
}

void fog_wire_get_signed(struct fog_rd *r, struct fog_wire_signed *m)
{
    m->bytes = fog_rd_lp16(r, 4096);
}

static void get_list_signed(struct fog_rd *r, struct fog_wire_list *l, uint32_t max)
{
    struct fog_wire_signed row;
    const uint8_t *from;

    l->count = fog_rd_u16(r);
    if (l->count > max)
        fog_rd_fail(r, FOG_ELIMIT);
    from = r->p;
    for (uint32_t i = 0; i < l->count && r->err == 0; i++)
        fog_wire_get_signed(r, &row);
    l->raw = r->err != 0 ? fog_bytes_of(NULL, 0) : fog_bytes_of(from, (size_t)(r->p - from));
    if (r->err != 0)
        l->count = 0;
}

void fog_wire_put_id_row(struct fog_buf *b, const struct fog_wire_id_row *m)
{
    fog_wr_u8(b, m->what);
    fog_wr_u32(b, m->id);
    fog_wr_bytes(b, m->address, sizeof m->address);
    fog_wr_bytes(b, m->key, sizeof m->key);
    fog_wr_u32(b, m->from);
    fog_wr_u32(b, m->to);
}

void fog_wire_get_id_row(struct fog_rd *r, struct fog_wire_id_row *m)
{
    m->what = fog_rd_u8(r);
    m->id = fog_rd_u32(r);
    fog_rd_copy(r, m->address, sizeof m->address);
    fog_rd_copy(r, m->key, sizeof m->key);
    m->from = fog_rd_u32(r);
    m->to = fog_rd_u32(r);
}

static void get_list_id_row(struct fog_rd *r, struct fog_wire_list *l, uint32_t max)
{
    struct fog_wire_id_row row;
    const uint8_t *from;

    l->count = fog_rd_u16(r);
    if (l->count > max)
        fog_rd_fail(r, FOG_ELIMIT);
    from = r->p;
    for (uint32_t i = 0; i < l->count && r->err == 0; i++)
        fog_wire_get_id_row(r, &row);
    l->raw = r->err != 0 ? fog_bytes_of(NULL, 0) : fog_bytes_of(from, (size_t)(r->p - from));
    if (r->err != 0)
        l->count = 0;
}

void fog_wire_put_progress_row(struct fog_buf *b, const struct fog_wire_progress_row *m)
{
    fog_wr_bytes(b, m->serial, sizeof m->serial);
    fog_wr_u16(b, m->i);
    fog_wr_bytes(b, m->w_i, sizeof m->w_i);
    fog_wr_u64(b, m->bytes);
}

void fog_wire_get_progress_row(struct fog_rd *r, struct fog_wire_progress_row *m)
{
    fog_rd_copy(r, m->serial, sizeof m->serial);
    m->i = fog_rd_u16(r);
    fog_rd_copy(r, m->w_i, sizeof m->w_i);
    m->bytes = fog_rd_u64(r);
}

static void get_list_progress_row(struct fog_rd *r, struct fog_wire_list *l, uint32_t max)
{
    struct fog_wire_progress_row row;
    const uint8_t *from;

    l->count = fog_rd_u16(r);
    if (l->count > max)
        fog_rd_fail(r, FOG_ELIMIT);
    from = r->p;
    for (uint32_t i = 0; i < l->count && r->err == 0; i++)
        fog_wire_get_progress_row(r, &row);
    l->raw = r->err != 0 ? fog_bytes_of(NULL, 0) : fog_bytes_of(from, (size_t)(r->p - from));
    if (r->err != 0)
        l->count = 0;
}

void fog_wire_put_hello(struct fog_buf *b, const struct fog_wire_hello *m)
{
    fog_wr_u16(b, m->version);
    fog_wr_bytes(b, m->fog_id.b, sizeof m->fog_id.b);
    fog_wr_str8(b, m->software);
    fog_wr_str8(b, m->advertise);
    fog_wr_u16(b, m->flags);
    fog_wr_u8(b, m->class);
    fog_wr_u16(b, m->weight);
    fog_wr_bytes(b, m->node, sizeof m->node);
    fog_wr_u32(b, m->node_id);
    fog_wr_str8(b, m->country);
    fog_wr_u32(b, m->asn);
    fog_wr_str8(b, m->domain);
    fog_wr_u64(b, m->disk_bytes);
    fog_wr_u64(b, m->map_no);
    fog_wr_u32(b, m->hubset_version);
}

int fog_wire_get_hello(struct fog_bytes body, struct fog_wire_hello *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->version = fog_rd_u16(r);
    fog_rd_copy(r, m->fog_id.b, sizeof m->fog_id.b);
    fog_rd_str8(r, m->software, sizeof m->software);
    fog_rd_str8(r, m->advertise, sizeof m->advertise);
    m->flags = fog_rd_u16(r);
    m->class = fog_rd_u8(r);
    m->weight = fog_rd_u16(r);
    fog_rd_copy(r, m->node, sizeof m->node);
    m->node_id = fog_rd_u32(r);
    fog_rd_str8(r, m->country, sizeof m->country);
    m->asn = fog_rd_u32(r);
    fog_rd_str8(r, m->domain, sizeof m->domain);
    m->disk_bytes = fog_rd_u64(r);
    m->map_no = fog_rd_u64(r);
    m->hubset_version = fog_rd_u32(r);
    return fog_rd_done(r);
}

void fog_wire_put_enroll(struct fog_buf *b, const struct fog_wire_enroll *m)
{
    fog_wr_lp16(b, m->token);
    fog_wr_bytes(b, m->signature, sizeof m->signature);
}

int fog_wire_get_enroll(struct fog_bytes body, struct fog_wire_enroll *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->token = fog_rd_lp16(r, 2048);
    fog_rd_copy(r, m->signature, sizeof m->signature);
    return fog_rd_done(r);
}

void fog_wire_put_enroll_ok(struct fog_buf *b, const struct fog_wire_enroll_ok *m)
{
    fog_wr_str8(b, m->label);
    fog_wr_bytes(b, m->operator, sizeof m->operator);
}

int fog_wire_get_enroll_ok(struct fog_bytes body, struct fog_wire_enroll_ok *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    fog_rd_str8(r, m->label, sizeof m->label);
    fog_rd_copy(r, m->operator, sizeof m->operator);
    return fog_rd_done(r);
}

void fog_wire_put_refuse(struct fog_buf *b, const struct fog_wire_refuse *m)
{
    fog_wr_u16(b, m->about);
    fog_wr_u16(b, m->code);
    fog_wr_u8(b, m->fatal);
    fog_wr_u32(b, m->retry_ms);
    fog_wr_str8(b, m->text);
}

int fog_wire_get_refuse(struct fog_bytes body, struct fog_wire_refuse *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->about = fog_rd_u16(r);
    m->code = fog_rd_u16(r);
    m->fatal = fog_rd_u8(r);
    m->retry_ms = fog_rd_u32(r);
    fog_rd_str8(r, m->text, sizeof m->text);
    return fog_rd_done(r);
}

void fog_wire_put_lease(struct fog_buf *b, const struct fog_wire_lease *m)
{
    fog_wr_u64(b, (uint64_t)m->hub_ms);
    fog_wr_u64(b, m->map_no);
    fog_wr_u32(b, m->beat_serving_ms);
    fog_wr_u32(b, m->beat_idle_ms);
    fog_wr_u32(b, m->lease_ms);
    fog_wr_u32(b, m->hubset_version);
    put_list(b, &m->standing);
}

int fog_wire_get_lease(struct fog_bytes body, struct fog_wire_lease *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->hub_ms = (int64_t)fog_rd_u64(r);
    m->map_no = fog_rd_u64(r);
    m->beat_serving_ms = fog_rd_u32(r);
    m->beat_idle_ms = fog_rd_u32(r);
    m->lease_ms = fog_rd_u32(r);
    m->hubset_version = fog_rd_u32(r);
    get_list_signed(r, &m->standing, 64);
    return fog_rd_done(r);
}

void fog_wire_put_beat(struct fog_buf *b, const struct fog_wire_beat *m)
{
    fog_wr_u32(b, m->seq);
    fog_wr_u32(b, m->active);
    fog_wr_u32(b, m->conns);
    fog_wr_u64(b, m->egress_bps);
    fog_wr_u64(b, m->bytes_total);
    fog_wr_u64(b, m->free_bytes);
    fog_wr_u8(b, m->drain);
    fog_wr_u64(b, m->map_no);
}

int fog_wire_get_beat(struct fog_bytes body, struct fog_wire_beat *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->seq = fog_rd_u32(r);
    m->active = fog_rd_u32(r);
    m->conns = fog_rd_u32(r);
    m->egress_bps = fog_rd_u64(r);
    m->bytes_total = fog_rd_u64(r);
    m->free_bytes = fog_rd_u64(r);
    m->drain = fog_rd_u8(r);
    m->map_no = fog_rd_u64(r);
    return fog_rd_done(r);
}

void fog_wire_put_beat_ok(struct fog_buf *b, const struct fog_wire_beat_ok *m)
{
    fog_wr_u32(b, m->seq);
    fog_wr_u64(b, (uint64_t)m->hub_ms);
    fog_wr_u64(b, m->map_no);
}

int fog_wire_get_beat_ok(struct fog_bytes body, struct fog_wire_beat_ok *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->seq = fog_rd_u32(r);
    m->hub_ms = (int64_t)fog_rd_u64(r);
    m->map_no = fog_rd_u64(r);
    return fog_rd_done(r);
}

void fog_wire_put_cell_map(struct fog_buf *b, const struct fog_wire_cell_map *m)
{
    fog_wr_lp32(b, m->map);
}

int fog_wire_get_cell_map(struct fog_bytes body, struct fog_wire_cell_map *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->map = fog_rd_lp32(r, 1000000);
    return fog_rd_done(r);
}

void fog_wire_put_live(struct fog_buf *b, const struct fog_wire_live *m)
{
    fog_wr_lp16(b, m->live);
}

int fog_wire_get_live(struct fog_bytes body, struct fog_wire_live *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->live = fog_rd_lp16(r, 8192);
    return fog_rd_done(r);
}

void fog_wire_put_fresh(struct fog_buf *b, const struct fog_wire_fresh *m)
{
    put_list(b, &m->rows);
}

int fog_wire_get_fresh(struct fog_bytes body, struct fog_wire_fresh *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    get_list_signed(r, &m->rows, 1024);
    return fog_rd_done(r);
}

void fog_wire_put_pointer(struct fog_buf *b, const struct fog_wire_pointer *m)
{
    fog_wr_bytes(b, m->site, sizeof m->site);
    fog_wr_lp16(b, m->pointer);
    fog_wr_lp16(b, m->keydoc);
    fog_wr_lp16(b, m->delegate);
}

int fog_wire_get_pointer(struct fog_bytes body, struct fog_wire_pointer *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    fog_rd_copy(r, m->site, sizeof m->site);
    m->pointer = fog_rd_lp16(r, 4096);
    m->keydoc = fog_rd_lp16(r, 8192);
    m->delegate = fog_rd_lp16(r, 4096);
    return fog_rd_done(r);
}

void fog_wire_put_place(struct fog_buf *b, const struct fog_wire_place *m)
{
    fog_wr_u64(b, m->order);
    fog_wr_u8(b, m->op);
    fog_wr_u8(b, m->priority);
    fog_wr_bytes(b, m->pg.b, sizeof m->pg.b);
    fog_wr_bytes(b, m->rev.b, sizeof m->rev.b);
    fog_wr_bytes(b, m->site, sizeof m->site);
    fog_wr_u32(b, m->slot);
    fog_wr_u16(b, m->part);
    fog_wr_u16(b, m->parts);
    put_list(b, &m->refs);
    put_list(b, &m->sources);
}

int fog_wire_get_place(struct fog_bytes body, struct fog_wire_place *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->order = fog_rd_u64(r);
    m->op = fog_rd_u8(r);
    m->priority = fog_rd_u8(r);
    fog_rd_copy(r, m->pg.b, sizeof m->pg.b);
    fog_rd_copy(r, m->rev.b, sizeof m->rev.b);
    fog_rd_copy(r, m->site, sizeof m->site);
    m->slot = fog_rd_u32(r);
    m->part = fog_rd_u16(r);
    m->parts = fog_rd_u16(r);
    get_list_ref(r, &m->refs, 8192);
    get_list_peer(r, &m->sources, 16);
    return fog_rd_done(r);
}

void fog_wire_put_placed(struct fog_buf *b, const struct fog_wire_placed *m)
{
    fog_wr_u64(b, m->order);
    fog_wr_bytes(b, m->pg.b, sizeof m->pg.b);
    fog_wr_bytes(b, m->rev.b, sizeof m->rev.b);
    fog_wr_u8(b, m->state);
    fog_wr_u64(b, (uint64_t)m->code);
    fog_wr_u64(b, m->bytes);
}

int fog_wire_get_placed(struct fog_bytes body, struct fog_wire_placed *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->order = fog_rd_u64(r);
    fog_rd_copy(r, m->pg.b, sizeof m->pg.b);
    fog_rd_copy(r, m->rev.b, sizeof m->rev.b);
    m->state = fog_rd_u8(r);
    m->code = (int64_t)fog_rd_u64(r);
    m->bytes = fog_rd_u64(r);
    return fog_rd_done(r);
}

void fog_wire_put_csr(struct fog_buf *b, const struct fog_wire_csr *m)
{
    fog_wr_lp16(b, m->der);
}

int fog_wire_get_csr(struct fog_bytes body, struct fog_wire_csr *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->der = fog_rd_lp16(r, 4096);
    return fog_rd_done(r);
}

void fog_wire_put_cert(struct fog_buf *b, const struct fog_wire_cert *m)
{
    fog_wr_lp16(b, m->chain_pem);
    fog_wr_u64(b, (uint64_t)m->not_after_ms);
}

int fog_wire_get_cert(struct fog_bytes body, struct fog_wire_cert *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->chain_pem = fog_rd_lp16(r, 32768);
    m->not_after_ms = (int64_t)fog_rd_u64(r);
    return fog_rd_done(r);
}

void fog_wire_put_call_peer(struct fog_buf *b, const struct fog_wire_call_peer *m)
{
    fog_wr_bytes(b, m->peer, sizeof m->peer);
    fog_wr_str8(b, m->addr);
}

int fog_wire_get_call_peer(struct fog_bytes body, struct fog_wire_call_peer *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    fog_rd_copy(r, m->peer, sizeof m->peer);
    fog_rd_str8(r, m->addr, sizeof m->addr);
    return fog_rd_done(r);
}

void fog_wire_put_call_you(struct fog_buf *b, const struct fog_wire_call_you *m)
{
    fog_wr_bytes(b, m->peer, sizeof m->peer);
    fog_wr_str8(b, m->addr);
}

int fog_wire_get_call_you(struct fog_bytes body, struct fog_wire_call_you *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    fog_rd_copy(r, m->peer, sizeof m->peer);
    fog_rd_str8(r, m->addr, sizeof m->addr);
    return fog_rd_done(r);
}

void fog_wire_put_leave(struct fog_buf *b, const struct fog_wire_leave *m)
{
    fog_wr_u8(b, m->reason);
    fog_wr_u32(b, m->drain_ms);
}

int fog_wire_get_leave(struct fog_bytes body, struct fog_wire_leave *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->reason = fog_rd_u8(r);
    m->drain_ms = fog_rd_u32(r);
    return fog_rd_done(r);
}

void fog_wire_put_registry(struct fog_buf *b, const struct fog_wire_registry *m)
{
    fog_wr_u8(b, m->reset);
    fog_wr_u64(b, (uint64_t)m->as_of_ms);
    put_list(b, &m->rows);
}

int fog_wire_get_registry(struct fog_bytes body, struct fog_wire_registry *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->reset = fog_rd_u8(r);
    m->as_of_ms = (int64_t)fog_rd_u64(r);
    get_list_id_row(r, &m->rows, 4096);
    return fog_rd_done(r);
}

void fog_wire_put_progress(struct fog_buf *b, const struct fog_wire_progress *m)
{
    put_list(b, &m->rows);
}

int fog_wire_get_progress(struct fog_bytes body, struct fog_wire_progress *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    get_list_progress_row(r, &m->rows, 4096);
    return fog_rd_done(r);
}

void fog_wire_put_statement(struct fog_buf *b, const struct fog_wire_statement *m)
{
    fog_wr_lp16(b, m->statement);
    fog_wr_bytes(b, m->signature, sizeof m->signature);
    fog_wr_lp32(b, m->leaves);
}

int fog_wire_get_statement(struct fog_bytes body, struct fog_wire_statement *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->statement = fog_rd_lp16(r, 1024);
    fog_rd_copy(r, m->signature, sizeof m->signature);
    m->leaves = fog_rd_lp32(r, 900000);
    return fog_rd_done(r);
}

void fog_wire_put_statement_ok(struct fog_buf *b, const struct fog_wire_statement_ok *m)
{
    fog_wr_u32(b, m->week);
    fog_wr_u32(b, m->round);
    fog_wr_u32(b, m->rev);
    fog_wr_u64(b, (uint64_t)m->code);
    fog_wr_str8(b, m->text);
}

int fog_wire_get_statement_ok(struct fog_bytes body, struct fog_wire_statement_ok *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->week = fog_rd_u32(r);
    m->round = fog_rd_u32(r);
    m->rev = fog_rd_u32(r);
    m->code = (int64_t)fog_rd_u64(r);
    fog_rd_str8(r, m->text, sizeof m->text);
    return fog_rd_done(r);
}

void fog_wire_put_voucher(struct fog_buf *b, const struct fog_wire_voucher *m)
{
    fog_wr_lp16(b, m->voucher);
    fog_wr_bytes(b, m->signature, sizeof m->signature);
}

int fog_wire_get_voucher(struct fog_bytes body, struct fog_wire_voucher *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->voucher = fog_rd_lp16(r, 1024);
    fog_rd_copy(r, m->signature, sizeof m->signature);
    return fog_rd_done(r);
}

void fog_wire_put_report(struct fog_buf *b, const struct fog_wire_report *m)
{
    fog_wr_bytes(b, m->peer, sizeof m->peer);
    fog_wr_bytes(b, m->chunk.b, sizeof m->chunk.b);
    fog_wr_u32(b, m->len);
    fog_wr_u32(b, m->leaf);
    fog_wr_bytes(b, m->expected.b, sizeof m->expected.b);
    fog_wr_bytes(b, m->got.b, sizeof m->got.b);
    fog_wr_lp16(b, m->evidence);
}

int fog_wire_get_report(struct fog_bytes body, struct fog_wire_report *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    fog_rd_copy(r, m->peer, sizeof m->peer);
    fog_rd_copy(r, m->chunk.b, sizeof m->chunk.b);
    m->len = fog_rd_u32(r);
    m->leaf = fog_rd_u32(r);
    fog_rd_copy(r, m->expected.b, sizeof m->expected.b);
    fog_rd_copy(r, m->got.b, sizeof m->got.b);
    m->evidence = fog_rd_lp16(r, 512);
    return fog_rd_done(r);
}

void fog_wire_put_probe(struct fog_buf *b, const struct fog_wire_probe *m)
{
    fog_wr_u64(b, m->nonce);
}

int fog_wire_get_probe(struct fog_bytes body, struct fog_wire_probe *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->nonce = fog_rd_u64(r);
    return fog_rd_done(r);
}

void fog_wire_put_probe_ok(struct fog_buf *b, const struct fog_wire_probe_ok *m)
{
    fog_wr_u64(b, m->nonce);
}

int fog_wire_get_probe_ok(struct fog_bytes body, struct fog_wire_probe_ok *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->nonce = fog_rd_u64(r);
    return fog_rd_done(r);
}

void fog_wire_put_hub_set(struct fog_buf *b, const struct fog_wire_hub_set *m)
{
    fog_wr_lp16(b, m->set);
}

int fog_wire_get_hub_set(struct fog_bytes body, struct fog_wire_hub_set *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    m->set = fog_rd_lp16(r, 16384);
    return fog_rd_done(r);
}

void fog_wire_put_site_ask(struct fog_buf *b, const struct fog_wire_site_ask *m)
{
    fog_wr_bytes(b, m->site, sizeof m->site);
}

int fog_wire_get_site_ask(struct fog_bytes body, struct fog_wire_site_ask *m)
{
    struct fog_rd rd = fog_rd_of(body), *r = &rd;

    fog_rd_copy(r, m->site, sizeof m->site);
    return fog_rd_done(r);
}

const char *fog_wire_name(uint16_t type)
{
    switch (type) {
    case FOG_WIRE_HELLO:
        return "HELLO";
    case FOG_WIRE_ENROLL:
        return "ENROLL";
    case FOG_WIRE_ENROLL_OK:
        return "ENROLL_OK";
    case FOG_WIRE_REFUSE:
        return "REFUSE";
    case FOG_WIRE_LEASE:
        return "LEASE";
    case FOG_WIRE_BEAT:
        return "BEAT";
    case FOG_WIRE_BEAT_OK:
        return "BEAT_OK";
    case FOG_WIRE_CELL_MAP:
        return "CELL_MAP";
    case FOG_WIRE_LIVE:
        return "LIVE";
    case FOG_WIRE_FRESH:
        return "FRESH";
    case FOG_WIRE_POINTER:
        return "POINTER";
    case FOG_WIRE_PLACE:
        return "PLACE";
    case FOG_WIRE_PLACED:
        return "PLACED";
    case FOG_WIRE_CSR:
        return "CSR";
    case FOG_WIRE_CERT:
        return "CERT";
    case FOG_WIRE_CALL_PEER:
        return "CALL_PEER";
    case FOG_WIRE_CALL_YOU:
        return "CALL_YOU";
    case FOG_WIRE_LEAVE:
        return "LEAVE";
    case FOG_WIRE_REGISTRY:
        return "REGISTRY";
    case FOG_WIRE_PROGRESS:
        return "PROGRESS";
    case FOG_WIRE_STATEMENT:
        return "STATEMENT";
    case FOG_WIRE_STATEMENT_OK:
        return "STATEMENT_OK";
    case FOG_WIRE_VOUCHER:
        return "VOUCHER";
    case FOG_WIRE_REPORT:
        return "REPORT";
    case FOG_WIRE_PROBE:
        return "PROBE";
    case FOG_WIRE_PROBE_OK:
        return "PROBE_OK";
    case FOG_WIRE_HUB_SET:
        return "HUB_SET";
    case FOG_WIRE_SITE_ASK:
        return "SITE_ASK";
    default:
        return "?";
    }
}

static int recode_hello(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_hello m;
    int rc = fog_wire_get_hello(body, &m);

    if (rc == 0)
        fog_wire_put_hello(out, &m);
    return rc;
}

static int recode_enroll(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_enroll m;
    int rc = fog_wire_get_enroll(body, &m);

    if (rc == 0)
        fog_wire_put_enroll(out, &m);
    return rc;
}

static int recode_enroll_ok(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_enroll_ok m;
    int rc = fog_wire_get_enroll_ok(body, &m);

    if (rc == 0)
        fog_wire_put_enroll_ok(out, &m);
    return rc;
}

static int recode_refuse(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_refuse m;
    int rc = fog_wire_get_refuse(body, &m);

    if (rc == 0)
        fog_wire_put_refuse(out, &m);
    return rc;
}

static int recode_lease(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_lease m;
    int rc = fog_wire_get_lease(body, &m);

    if (rc == 0)
        fog_wire_put_lease(out, &m);
    return rc;
}

static int recode_beat(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_beat m;
    int rc = fog_wire_get_beat(body, &m);

    if (rc == 0)
        fog_wire_put_beat(out, &m);
    return rc;
}

static int recode_beat_ok(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_beat_ok m;
    int rc = fog_wire_get_beat_ok(body, &m);

    if (rc == 0)
        fog_wire_put_beat_ok(out, &m);
    return rc;
}

static int recode_cell_map(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_cell_map m;
    int rc = fog_wire_get_cell_map(body, &m);

    if (rc == 0)
        fog_wire_put_cell_map(out, &m);
    return rc;
}

static int recode_live(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_live m;
    int rc = fog_wire_get_live(body, &m);

    if (rc == 0)
        fog_wire_put_live(out, &m);
    return rc;
}

static int recode_fresh(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_fresh m;
    int rc = fog_wire_get_fresh(body, &m);

    if (rc == 0)
        fog_wire_put_fresh(out, &m);
    return rc;
}

static int recode_pointer(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_pointer m;
    int rc = fog_wire_get_pointer(body, &m);

    if (rc == 0)
        fog_wire_put_pointer(out, &m);
    return rc;
}

static int recode_place(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_place m;
    int rc = fog_wire_get_place(body, &m);

    if (rc == 0)
        fog_wire_put_place(out, &m);
    return rc;
}

static int recode_placed(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_placed m;
    int rc = fog_wire_get_placed(body, &m);

    if (rc == 0)
        fog_wire_put_placed(out, &m);
    return rc;
}

static int recode_csr(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_csr m;
    int rc = fog_wire_get_csr(body, &m);

    if (rc == 0)
        fog_wire_put_csr(out, &m);
    return rc;
}

static int recode_cert(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_cert m;
    int rc = fog_wire_get_cert(body, &m);

    if (rc == 0)
        fog_wire_put_cert(out, &m);
    return rc;
}

static int recode_call_peer(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_call_peer m;
    int rc = fog_wire_get_call_peer(body, &m);

    if (rc == 0)
        fog_wire_put_call_peer(out, &m);
    return rc;
}

static int recode_call_you(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_call_you m;
    int rc = fog_wire_get_call_you(body, &m);

    if (rc == 0)
        fog_wire_put_call_you(out, &m);
    return rc;
}

static int recode_leave(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_leave m;
    int rc = fog_wire_get_leave(body, &m);

    if (rc == 0)
        fog_wire_put_leave(out, &m);
    return rc;
}

static int recode_registry(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_registry m;
    int rc = fog_wire_get_registry(body, &m);

    if (rc == 0)
        fog_wire_put_registry(out, &m);
    return rc;
}

static int recode_progress(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_progress m;
    int rc = fog_wire_get_progress(body, &m);

    if (rc == 0)
        fog_wire_put_progress(out, &m);
    return rc;
}

static int recode_statement(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_statement m;
    int rc = fog_wire_get_statement(body, &m);

    if (rc == 0)
        fog_wire_put_statement(out, &m);
    return rc;
}

static int recode_statement_ok(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_statement_ok m;
    int rc = fog_wire_get_statement_ok(body, &m);

    if (rc == 0)
        fog_wire_put_statement_ok(out, &m);
    return rc;
}

static int recode_voucher(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_voucher m;
    int rc = fog_wire_get_voucher(body, &m);

    if (rc == 0)
        fog_wire_put_voucher(out, &m);
    return rc;
}

static int recode_report(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_report m;
    int rc = fog_wire_get_report(body, &m);

    if (rc == 0)
        fog_wire_put_report(out, &m);
    return rc;
}

static int recode_probe(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_probe m;
    int rc = fog_wire_get_probe(body, &m);

    if (rc == 0)
        fog_wire_put_probe(out, &m);
    return rc;
}

static int recode_probe_ok(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_probe_ok m;
    int rc = fog_wire_get_probe_ok(body, &m);

    if (rc == 0)
        fog_wire_put_probe_ok(out, &m);
    return rc;
}

static int recode_hub_set(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_hub_set m;
    int rc = fog_wire_get_hub_set(body, &m);

    if (rc == 0)
        fog_wire_put_hub_set(out, &m);
    return rc;
}

static int recode_site_ask(struct fog_bytes body, struct fog_buf *out)
{
    struct fog_wire_site_ask m;
    int rc = fog_wire_get_site_ask(body, &m);

    if (rc == 0)
        fog_wire_put_site_ask(out, &m);
    return rc;
}

int fog_wire_recode(uint16_t type, struct fog_bytes body, struct fog_buf *out)
{
    switch (type) {
    case FOG_WIRE_HELLO:
        return recode_hello(body, out);
    case FOG_WIRE_ENROLL:
        return recode_enroll(body, out);
    case FOG_WIRE_ENROLL_OK:
        return recode_enroll_ok(body, out);
    case FOG_WIRE_REFUSE:
        return recode_refuse(body, out);
    case FOG_WIRE_LEASE:
        return recode_lease(body, out);
    case FOG_WIRE_BEAT:
        return recode_beat(body, out);
    case FOG_WIRE_BEAT_OK:
        return recode_beat_ok(body, out);
    case FOG_WIRE_CELL_MAP:
        return recode_cell_map(body, out);
    case FOG_WIRE_LIVE:
        return recode_live(body, out);
    case FOG_WIRE_FRESH:
        return recode_fresh(body, out);
    case FOG_WIRE_POINTER:
        return recode_pointer(body, out);
    case FOG_WIRE_PLACE:
        return recode_place(body, out);
    case FOG_WIRE_PLACED:
        return recode_placed(body, out);
    case FOG_WIRE_CSR:
        return recode_csr(body, out);
    case FOG_WIRE_CERT:
        return recode_cert(body, out);
    case FOG_WIRE_CALL_PEER:
        return recode_call_peer(body, out);
    case FOG_WIRE_CALL_YOU:
        return recode_call_you(body, out);
    case FOG_WIRE_LEAVE:
        return recode_leave(body, out);
    case FOG_WIRE_REGISTRY:
        return recode_registry(body, out);
    case FOG_WIRE_PROGRESS:
        return recode_progress(body, out);
    case FOG_WIRE_STATEMENT:
        return recode_statement(body, out);
    case FOG_WIRE_STATEMENT_OK:
        return recode_statement_ok(body, out);
    case FOG_WIRE_VOUCHER:
        return recode_voucher(body, out);
    case FOG_WIRE_REPORT:
        return recode_report(body, out);
    case FOG_WIRE_PROBE:
        return recode_probe(body, out);
    case FOG_WIRE_PROBE_OK:
        return recode_probe_ok(body, out);
    case FOG_WIRE_HUB_SET:
        return recode_hub_set(body, out);
    case FOG_WIRE_SITE_ASK:
        return recode_site_ask(body, out);
    default:
        return FOG_EVERSION;
    }
}
