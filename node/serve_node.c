#include "node/serve_node.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/leaf.h"
#include "core/http/server.h"
#include "core/io/conn.h"
#include "node/peers.h"
#include "storage/storage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct serve_node {
    struct serve_node_conf conf;
    uint64_t bytes;
};

/* A piece of the store that leaves in several slices. One thread. */
struct part {
    unsigned refs;
    struct fog_slice slice;
};

/* One answer under way. */
struct answer {
    struct serve_node *s;
    struct fog_http_req *req;
    struct storage_op *reading;
    bool started; /* the response has begun */
    bool waiting; /* the server wants to be resumed */
    int err;
    /* chunk */
    bool is_chunk;
    struct fog_chunk_ref ref;
    uint32_t first; /* byte offset of the first leaf to send */
    uint8_t list[FOG_CHUNK_LEAVES * sizeof(struct fog_hash)];
    size_t list_len, list_sent;
    uint32_t offset; /* next byte to read from the store */
    /* what is being sent */
    struct part *part;
    size_t part_sent;
};

static void part_unref(void *arg)
{
    struct part *p = arg;

    if (--p->refs > 0)
        return;
    fog_slice_done(&p->slice);
    free(p);
}

static void answer_free(struct answer *a)
{
    storage_cancel(&a->reading);
    if (a->part != NULL)
        part_unref(a->part);
    free(a);
}

static void take_piece(struct answer *a, struct storage_piece *piece)
{
    struct part *p = FOG_NEW(part);

    FOG_ASSERT(a->part == NULL);
    p->refs = 1;
    p->slice = piece->slice;
    a->part = p;
    a->part_sent = 0;
    a->offset += (uint32_t)piece->slice.len;
}

static void on_piece(int rc, struct storage_piece *piece, void *arg);

/* The next piece of the chunk: 0 when a->part has it, -EAGAIN when it comes later. */
static int read_on(struct answer *a)
{
    struct storage_piece piece = {0};
    int rc = storage_read(a->s->conf.store, &a->ref, a->offset, &piece, on_piece, a, &a->reading);

    if (rc == STORAGE_LATER)
        return -EAGAIN;
    if (rc == 0)
        take_piece(a, &piece);
    return rc;
}

static int next_slice(void *arg, size_t max, struct fog_slice *out)
{
    struct answer *a = arg;
    size_t n;
    int rc;

    if (a->list_sent < a->list_len) {
        n = a->list_len - a->list_sent < max ? a->list_len - a->list_sent : max;
        *out = (struct fog_slice){.p = a->list + a->list_sent, .len = n};
        a->list_sent += n;
        return 0;
    }
    if (a->part != NULL && a->part_sent == a->part->slice.len) {
        part_unref(a->part);
        a->part = NULL;
    }
    if (a->part == NULL) {
        if (a->err != 0)
            return a->err;
        a->waiting = true;
        if (a->reading != NULL || (rc = read_on(a)) == -EAGAIN)
            return -EAGAIN;
        a->waiting = false;
        if (rc != 0)
            return rc;
    }
    n = a->part->slice.len - a->part_sent < max ? a->part->slice.len - a->part_sent : max;
    a->part->refs++;
    *out = (struct fog_slice){
        .p = a->part->slice.p + a->part_sent, .len = n, .unref = part_unref, .owner = a->part};
    a->part_sent += n;
    return 0;
}

static void on_closed(void *arg, int err, uint64_t sent_bytes)
{
    struct answer *a = arg;

    (void)err;
    a->s->bytes += sent_bytes;
    answer_free(a);
}

static void on_abort(void *arg)
{
    answer_free(arg);
}

static void respond(struct answer *a, uint64_t length)
{
    static const char type[] = "application/octet-stream";
    const struct fog_http_header headers[] = {
        {fog_bytes_str("content-type"), fog_bytes_str(type)},
        {fog_bytes_str("cache-control"), fog_bytes_str("no-store")}};
    const struct fog_http_source source = {.next = next_slice, .close = on_closed, .arg = a};

    a->started = true;
    fog_http_respond(a->req, 200, headers, FOG_COUNT(headers), length, &source);
}

static void refuse(struct answer *a, int rc)
{
    struct fog_http_req *req = a->req;

    fog_http_req_on_abort(req, NULL, NULL);
    answer_free(a);
    if (rc == -ENOENT || rc == FOG_ECORRUPT)
        fog_http_respond_problem(req, 404, "absent", "this box does not hold it");
    else if (rc == FOG_EBUSY)
        fog_http_respond_problem(req, 429, "busy", "ask another holder");
    else
        fog_http_respond_problem(req, 404, "unreadable", fog_strerror(rc));
}

/* First piece of a chunk, or the whole of another object. */
static void begin(struct answer *a, struct storage_piece *piece)
{
    uint64_t length;

    if (a->is_chunk) {
        a->list_len = piece->n_leaves * sizeof(struct fog_hash);
        FOG_ASSERT(a->list_len <= sizeof a->list);
        memcpy(a->list, piece->leaves, a->list_len);
        length = a->list_len + a->ref.len - a->first;
    } else {
        length = piece->slice.len;
    }
    take_piece(a, piece);
    respond(a, length);
}

static void on_piece(int rc, struct storage_piece *piece, void *arg)
{
    struct answer *a = arg;

    a->reading = NULL;
    if (!a->started) {
        if (rc != 0)
            refuse(a, rc);
        else
            begin(a, piece);
        return;
    }
    if (rc != 0)
        a->err = rc;
    else
        take_piece(a, piece);
    if (a->waiting) {
        a->waiting = false;
        fog_http_resume(a->req);
    }
}

static void begin_read(struct answer *a, uint8_t kind)
{
    struct storage_piece piece = {0};
    int rc;

    fog_http_req_on_abort(a->req, on_abort, a);
    if (a->is_chunk)
        rc = storage_read(a->s->conf.store, &a->ref, a->offset, &piece, on_piece, a, &a->reading);
    else
        rc = storage_get(a->s->conf.store, kind, &a->ref.id, &piece, on_piece, a, &a->reading);
    if (rc == 0)
        begin(a, &piece);
    else if (rc != STORAGE_LATER)
        refuse(a, rc);
}

/* "<name>=<number>" among the query's fields; false when it is absent or no number up to max. */
static bool query_number(struct fog_bytes query, const char *name, uint64_t max, uint64_t *out)
{
    size_t name_len = strlen(name);

    while (query.len > 0) {
        const uint8_t *amp = memchr(query.p, '&', query.len);
        size_t n = amp == NULL ? query.len : (size_t)(amp - query.p);

        if (n > name_len && memcmp(query.p, name, name_len) == 0 && query.p[name_len] == '=')
            return fog_parse_u64(fog_bytes_of(query.p + name_len + 1, n - name_len - 1), max,
                                 out) == 0;
        n += amp != NULL;
        query = fog_bytes_of(query.p + n, query.len - n);
    }
    return false;
}

static bool has_prefix(struct fog_bytes *path, const char *prefix)
{
    size_t n = strlen(prefix);

    if (path->len < n || memcmp(path->p, prefix, n) != 0)
        return false;
    *path = fog_bytes_of(path->p + n, path->len - n);
    return true;
}

static bool parse_chunk(struct answer *a, struct fog_bytes id)
{
    struct fog_bytes query = fog_http_req_query(a->req);
    uint64_t len = 0, from = 0;

    if (fog_hex_decode(id, a->ref.id.b, sizeof a->ref.id.b) != 0 ||
        !query_number(query, "len", FOG_CHUNK_SIZE, &len))
        return false;
    if (memmem(query.p, query.len, "from=", 5) != NULL &&
        (!query_number(query, "from", FOG_CHUNK_LEAVES - 1, &from) ||
         (from > 0 && from * FOG_LEAF_SIZE >= len)))
        return false;
    a->ref.len = (uint32_t)len;
    a->first = a->offset = (uint32_t)from * FOG_LEAF_SIZE;
    a->is_chunk = true;
    return true;
}

static void on_status(struct serve_node *s, struct fog_http_req *req)
{
    const struct fog_http_header json = {fog_bytes_str("content-type"),
                                         fog_bytes_str("application/json")};
    struct fog_buf body = {0};

    s->conf.status(s->conf.arg, &body);
    fog_http_respond_bytes(req, 200, &json, 1, fog_buf_bytes(&body));
    fog_buf_fini(&body);
}

void serve_node_on_request(struct serve_node *s, struct fog_http_req *req)
{
    struct fog_bytes path = fog_http_req_path(req);
    struct answer *a;
    uint8_t key[32], kind = 0;

    if (!fog_conn_peer_key(fog_http_req_conn(req), key) || !peers_is_known(s->conf.peers, key)) {
        fog_http_respond_problem(req, 403, "unknown-peer", "this key is not in the cell map");
        return;
    }
    if (!fog_bytes_eq(fog_http_req_method(req), fog_bytes_str("GET"))) {
        fog_http_respond_problem(req, 405, "method", "only GET");
        return;
    }
    if (fog_bytes_eq(path, fog_bytes_str("/n/status"))) {
        on_status(s, req);
        return;
    }
    a = FOG_NEW(answer);
    a->s = s;
    a->req = req;
    if (has_prefix(&path, "/n/chunk/") && parse_chunk(a, path)) {
        begin_read(a, FOG_KIND_CHUNK);
        return;
    }
    path = fog_http_req_path(req);
    if (has_prefix(&path, "/n/object/") && path.len > 2 && path.p[1] == '/') {
        kind = (uint8_t)(path.p[0] - '0');
        path = fog_bytes_of(path.p + 2, path.len - 2);
        if ((kind == FOG_KIND_MANIFEST || kind == FOG_KIND_PAGE) &&
            fog_hex_decode(path, a->ref.id.b, sizeof a->ref.id.b) == 0) {
            begin_read(a, kind);
            return;
        }
    }
    free(a);
    fog_http_respond_problem(req, 400, "path", "not a path of node connections");
}

struct serve_node *serve_node_new(const struct serve_node_conf *conf)
{
    struct serve_node *s = FOG_NEW(serve_node);

    s->conf = *conf;
    return s;
}

void serve_node_free(struct serve_node **s)
{
    free(*s);
    *s = NULL;
}

uint64_t serve_node_bytes(const struct serve_node *s)
{
    return s->bytes;
}
