#include "router/probe_audit.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/tree.h"
#include "core/http/client.h"
#include "core/io/conn.h"
#include "core/obs/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX ((size_t)FOG_CHUNK_LEAVES * 32 + FOG_CHUNK_SIZE)

struct audit {
    struct fog_link link;
    struct audits *a;
    struct probe_leaf what;
    void (*done)(void *ctx, int err, const struct fog_hash *expected, const struct fog_hash *got);
    void *ctx;
    struct fog_conn *conn; /* until the link takes it over */
    struct fog_http_link *http;
    struct fog_http_call *call;
    struct fog_timer *timer;
    struct fog_buf answer;
    int status;
};

struct audits {
    struct router *r;
    struct fog_list open;
    unsigned n;
};

struct audits *audits_new(struct router *r)
{
    struct audits *a = FOG_NEW(audits);

    a->r = r;
    fog_list_init(&a->open);
    return a;
}

static void audit_free(struct audit *t)
{
    fog_link_remove(&t->link);
    if (t->a != NULL)
        t->a->n--;
    if (t->http != NULL) {
        struct fog_conn *c = fog_http_link_conn(t->http);
        fog_http_link_free(&t->http);
        if (c != NULL) {
            fog_conn_adopt(c, NULL, NULL);
            fog_conn_abort(c);
        }
    } else if (t->conn != NULL) {
        fog_conn_adopt(t->conn, NULL, NULL);
        fog_conn_abort(t->conn);
    }
    fog_timer_free(&t->timer);
    fog_buf_fini(&t->answer);
    free(t);
}

void audits_free(struct audits **ap)
{
    struct audits *a = *ap;

    *ap = NULL;
    if (a == NULL)
        return;
    FOG_LIST_EACH(&a->open, it)
    {
        audit_free(FOG_CONTAINER(it, audit, link));
    }
    free(a);
}

int audit_judge(const struct probe_leaf *what, struct fog_bytes answer, struct fog_hash *expected,
                struct fog_hash *got)
{
    struct fog_chunk_ref ref = {what->chunk, what->len};
    struct fog_hash leaves[FOG_CHUNK_LEAVES];
    uint64_t n = fog_leaf_count(what->len);
    uint32_t len = what->leaf < n ? fog_leaf_len(what->len, what->leaf) : 0;

    if (n > FOG_CHUNK_LEAVES || what->leaf >= n)
        return FOG_ERANGE;
    if (answer.len < n * 32 + len)
        return FOG_ETRUNC;
    memcpy(leaves, answer.p, (size_t)n * 32);
    if (fog_leaf_list_verify(leaves, (size_t)n, &ref) != 0) {
        *expected = what->chunk;
        fog_tree_root(leaves, (size_t)n, got);
        return FOG_EVERIFY;
    }
    *expected = leaves[what->leaf];
    fog_leaf_hash(fog_bytes_of(answer.p + n * 32, len), got);
    return fog_hash_eq(expected, got) ? 0 : FOG_EVERIFY;
}

static void finish(struct audit *t, int err)
{
    void (*done)(void *, int, const struct fog_hash *, const struct fog_hash *) = t->done;
    struct fog_hash expected = {{0}}, got = {{0}};
    void *ctx = t->ctx;

    if (err == 0)
        err = t->status == 404 ? -ENOENT : t->status != 200 ? FOG_EPROTO : 0;
    if (err == 0)
        err = audit_judge(&t->what, fog_buf_bytes(&t->answer), &expected, &got);
    fog_info("probe.audit", "box=%02x%02x%02x%02x leaf=%u result=%s", t->what.box[0],
             t->what.box[1], t->what.box[2], t->what.box[3], t->what.leaf, fog_errname(err));
    t->done = NULL;
    done(ctx, err, &expected, &got);
}

/* Freed from the timer: a callback may not free the object it is called for. */
static void end(struct audit *t, int err)
{
    if (t->done != NULL)
        finish(t, err);
    fog_timer_start(t->timer, 0);
}

static void on_timer(void *arg)
{
    struct audit *t = arg;

    if (t->done != NULL)
        finish(t, -ETIMEDOUT);
    audit_free(t);
}

static void on_response(struct fog_http_call *call, int status,
                        const struct fog_http_header *headers, size_t n, void *arg)
{
    (void)call;
    (void)headers;
    (void)n;
    ((struct audit *)arg)->status = status;
}

static bool on_data(struct fog_http_call *call, struct fog_bytes data, void *arg)
{
    struct audit *t = arg;
    size_t room = ANSWER_MAX - t->answer.len;

    (void)call;
    /* More than a chunk is not an answer; what came is judged. */
    fog_buf_append(&t->answer, data.p, data.len < room ? data.len : room);
    return true;
}

static void on_end(struct fog_http_call *call, int err, void *arg)
{
    struct audit *t = arg;

    (void)call;
    t->call = NULL;
    end(t, err);
}

static void on_link_close(struct fog_http_link *l, int err, void *arg)
{
    struct audit *t = arg;

    (void)l;
    t->conn = NULL;
    if (t->done != NULL)
        end(t, err == 0 ? FOG_ECLOSED : err);
}

static void on_open(struct fog_conn *c, void *arg)
{
    static const struct fog_http_call_ops ops = {on_response, on_data, on_end};
    struct audit *t = arg;
    struct fog_http_fetch f = {0};
    char hex[65], url[160];
    uint8_t key[32];
    int rc;

    if (!fog_conn_peer_key(c, key) || memcmp(key, t->what.box, sizeof key) != 0) {
        end(t, FOG_EDENIED);
        return;
    }
    fog_hex_encode(t->what.chunk.b, 32, hex);
    snprintf(url, sizeof url, "/n/chunk/%s?len=%u&from=%u", hex, t->what.len, t->what.leaf);
    f.url = url;
    t->http = fog_http_link_new(c, on_link_close, t);
    rc = fog_http_link_fetch(t->http, &f, &ops, t, &t->call);
    if (rc != 0)
        end(t, rc);
}

static size_t on_read(struct fog_conn *c, struct fog_bytes in, void *arg)
{
    (void)c;
    (void)arg;
    return in.len;
}

static void on_close(struct fog_conn *c, int err, void *arg)
{
    struct audit *t = arg;

    (void)c;
    t->conn = NULL;
    end(t, err == 0 ? FOG_ECLOSED : err);
}

void audits_ask(struct audits *a, const struct probe_leaf *what,
                void (*done)(void *ctx, int err, const struct fog_hash *expected,
                             const struct fog_hash *got),
                void *ctx)
{
    static const struct fog_conn_ops ops = {
        .on_open = on_open, .on_read = on_read, .on_close = on_close};
    const struct record_box *b = records_box(a->r->rec, what->box);
    struct fog_hash none = {{0}};
    struct audit *t;
    int rc;

    if (b == NULL || !b->verified || a->n >= AUDIT_MAX) {
        done(ctx, b == NULL || !b->verified ? -ENOTCONN : FOG_EBUSY, &none, &none);
        return;
    }
    t = FOG_NEW(audit);
    t->what = *what;
    t->done = done;
    t->ctx = ctx;
    t->timer = fog_timer_new(a->r->loop, on_timer, t);
    rc = fog_conn_dial(a->r->loop, &b->addr, a->r->dialler, NULL, AUDIT_MS / 2, &ops, t, &t->conn);
    if (rc != 0) {
        audit_free(t);
        done(ctx, rc, &none, &none);
        return;
    }
    t->a = a;
    a->n++;
    fog_list_push_back(&a->open, &t->link);
    fog_timer_start(t->timer, AUDIT_MS);
}
