/* The walk that running never does: everything is read back and every counter and index row is
 * compared with what the objects say. For tests and the tool. */
#include "storage/store.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NAMES_PER_PAGE 1024

/* How many rows of each table of the index there should be. */
struct rows {
    uint64_t fifo, pg, owned, expiry, places;
};

struct check {
    struct storage *st;
    struct fog_buf *report;
    struct totals seen;
    struct rows want;
    struct fog_map *publishers; /* id -> struct publisher_row */
    unsigned findings;
};

static void finding(struct check *c, const struct schema_name *name, const char *text)
{
    char hex[2 * sizeof(struct fog_hash) + 1] = "-";

    if (name != NULL)
        fog_hex_encode(name->b + 1, sizeof(struct fog_hash), hex);
    if (++c->findings <= 100)
        fog_buf_printf(c->report, "kind=%u id=%s %s\n", name == NULL ? 0 : schema_name_kind(name),
                       hex, text);
}

static bool row_is(struct check *c, const struct schema_key *key, struct fog_bytes want)
{
    struct kv_value v = {0};
    int rc = kv_get(c->st->kv, KV_INDEX, schema_bytes(key), &v);
    bool good = rc == 0 && fog_bytes_eq(v.bytes, want);

    kv_value_done(&v);
    return good;
}

static int on_count(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)arg;
    return 0;
}

static uint64_t count_prefix(struct check *c, enum kv_cf cf, struct fog_bytes prefix)
{
    uint8_t end[sizeof(struct schema_key)];
    uint64_t n = 0;

    if (kv_scan(c->st->kv, cf, prefix, kv_prefix_end(prefix, end), on_count, &n) != 0)
        finding(c, NULL, "index cannot be read");
    return n;
}

static void add_publisher(struct check *c, const struct meta *m)
{
    struct fog_bytes key = fog_bytes_of(m->publisher.b, sizeof m->publisher.b);
    struct publisher_row *row;

    if (fog_hash_is_zero(&m->publisher))
        return;
    if ((row = fog_map_get(c->publishers, key)) == NULL) {
        row = FOG_NEW(publisher_row);
        (void)fog_map_put(c->publishers, key, row);
    }
    row->bytes += meta_charge(m);
    row->objects++;
}

static void check_rows(struct check *c, const struct schema_name *name, const struct meta *m)
{
    bool cache = object_is_cache(schema_name_kind(name)) && m->pins == 0;
    struct kv_value row = {0};
    struct schema_key key;
    uint32_t pins = 0;

    if ((m->fifo != 0) != cache)
        finding(c, name, "stands in the eviction order and should not, or the other way round");
    if (m->fifo != 0) {
        key = schema_key_fifo(m->fifo);
        if (!row_is(c, &key, schema_name_bytes(name)) || m->fifo < c->st->totals.fifo_head)
            finding(c, name, "its row in the eviction order is lost");
        c->want.fifo++;
    }
    if ((m->expiry_row_ms != 0) != (cache && m->expires_hub_ms > 0))
        finding(c, name, "its expiry is not what its row says");
    if (m->expiry_row_ms != 0) {
        key = schema_key_expiry(m->expiry_row_ms, name);
        if (!row_is(c, &key, (struct fog_bytes){0}) ||
            m->expiry_row_ms < c->st->totals.expiry_head_ms)
            finding(c, name, "its row in the expiry order is lost");
        c->want.expiry++;
    }
    if (!fog_hash_is_zero(&m->publisher))
        c->want.owned++;
    if (pin_count(c->st, name, &pins) != 0 || pins != m->pins)
        finding(c, name, "its pins are not what its rows say");
    if (m->place != 0) {
        struct schema_name there;
        key = schema_key_place(m->place);
        if (kv_get(c->st->kv, KV_INDEX, schema_bytes(&key), &row) != 0 ||
            schema_name_at(row.bytes, 0, &there) != 0 ||
            memcmp(there.b, name->b, sizeof there.b) != 0)
            finding(c, name, "its place is not marked as alive");
        kv_value_done(&row);
        c->want.places++;
    }
    key = schema_prefix_name('h', name);
    c->want.pg += count_prefix(c, KV_INDEX, schema_bytes(&key));
}

static void check_object(struct check *c, const struct schema_name *name)
{
    struct fog_hash id = schema_name_id(name);
    uint8_t kind = schema_name_kind(name);
    struct fog_buf body = {0};
    struct kv_value own = {0};
    struct fog_bytes inlined;
    struct meta m;
    int rc = object_meta(c->st, name, &m, &inlined, &own);

    kv_value_done(&own);
    if (rc != 0) {
        finding(c, name, "its record cannot be read");
        return;
    }
    if ((rc = storage_get_sync(c->st, kind, &id, &body)) != 0 || body.len != m.len)
        finding(c, name, fog_errname(rc));
    fog_buf_fini(&body);
    if (rc == FOG_ECORRUPT)
        return; /* reading has dropped it */
    check_rows(c, name, &m);
    add_publisher(c, &m);
    c->seen.bytes[kind] += m.len;
    c->seen.objects[kind]++;
    c->seen.charged += meta_charge(&m);
    if (m.pins != 0 || !object_is_cache(kind))
        c->seen.pinned += meta_charge(&m);
    if (m.place >= c->st->totals.next_place || m.fifo >= c->st->totals.next_fifo)
        finding(c, name, "its number is from the future");
}

struct name_page {
    struct schema_name names[NAMES_PER_PAGE];
    size_t n;
    bool bad;
};

static int on_meta_key(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    struct name_page *p = arg;

    (void)value;
    if (key.len != SCHEMA_NAME_LEN || key.p[0] >= STORAGE_KINDS) {
        p->bad = true;
        return 0;
    }
    memcpy(p->names[p->n].b, key.p, key.len);
    return ++p->n == NAMES_PER_PAGE ? 1 : 0;
}

static void check_objects(struct check *c)
{
    struct name_page *p = fog_alloc(sizeof *p);
    uint8_t from[SCHEMA_NAME_LEN + 1] = {0};
    size_t from_len = 0;

    do {
        p->n = 0;
        if (kv_scan(c->st->kv, KV_META, fog_bytes_of(from, from_len), (struct fog_bytes){0},
                    on_meta_key, p) < 0 ||
            p->bad) {
            finding(c, NULL, "metadata cannot be read");
            break;
        }
        for (size_t i = 0; i < p->n; i++)
            check_object(c, &p->names[i]);
        if (p->n != 0)
            memcpy(from, p->names[p->n - 1].b, SCHEMA_NAME_LEN); /* with a 0 behind: the next */
        from_len = sizeof from;
    } while (p->n == NAMES_PER_PAGE);
    free(p);
}

static uint64_t count_table(struct check *c, char table)
{
    struct schema_key key = schema_prefix(table);

    return count_prefix(c, KV_INDEX, schema_bytes(&key));
}

static void compare(struct check *c, const char *what, uint64_t counted, uint64_t walked)
{
    char text[128];

    if (counted == walked)
        return;
    (void)snprintf(text, sizeof text, "%s: counted %" PRIu64 ", found %" PRIu64, what, counted,
                   walked);
    finding(c, NULL, text);
}

static void check_index(struct check *c)
{
    compare(c, "rows of the eviction order", count_table(c, 'f'), c->want.fifo);
    compare(c, "rows of placement groups", count_table(c, 'g'), c->want.pg);
    compare(c, "rows of groups by object", count_table(c, 'h'), c->want.pg);
    compare(c, "rows of publishers", count_table(c, 'p'), c->want.owned);
    compare(c, "rows of the expiry order", count_table(c, 'x'), c->want.expiry);
    compare(c, "rows of pins", count_table(c, 'o'), count_table(c, 'n'));
    compare(c, "rows of places", count_table(c, 'd'), c->want.places);
}

static int on_publisher(struct fog_bytes key, struct fog_bytes value, void *arg)
{
    struct check *c = arg;
    struct publisher_row row, *walked = NULL;

    if (key.len == 33)
        walked = fog_map_get(c->publishers, fog_bytes_of(key.p + 1, 32));
    if (walked == NULL || publisher_row_decode(value, &row) != 0) {
        finding(c, NULL, "a publisher is charged for nothing");
        return 0;
    }
    compare(c, "bytes of a publisher", row.bytes, walked->bytes);
    compare(c, "objects of a publisher", row.objects, walked->objects);
    return 0;
}

static void check_totals(struct check *c)
{
    const struct totals *t = &c->st->totals;
    struct schema_key from = schema_prefix('u'), to = schema_prefix('v');

    for (int k = 0; k < STORAGE_KINDS; k++) {
        compare(c, "bytes of a kind", t->bytes[k], c->seen.bytes[k]);
        compare(c, "objects of a kind", t->objects[k], c->seen.objects[k]);
    }
    compare(c, "charged bytes", t->charged, c->seen.charged);
    compare(c, "pinned bytes", t->pinned, c->seen.pinned);
    if (kv_scan(c->st->kv, KV_MAIN, schema_bytes(&from), schema_bytes(&to), on_publisher, c) != 0)
        finding(c, NULL, "publishers cannot be read");
    compare(c, "publishers", count_prefix(c, KV_MAIN, schema_bytes(&from)),
            fog_map_count(c->publishers));
}

int storage_check(struct storage *st, struct fog_buf *report)
{
    static const uint8_t seed[16] = "storage_check";
    struct check c = {.st = st, .report = report, .publishers = fog_map_new(seed)};
    size_t cursor = 0;
    void *row;

    check_objects(&c);
    check_index(&c);
    check_totals(&c);
    while ((row = fog_map_next(c.publishers, &cursor, NULL)) != NULL)
        free(row);
    fog_map_free(&c.publishers);
    return c.findings == 0 ? 0 : FOG_ECORRUPT;
}
