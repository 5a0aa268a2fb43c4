#include "cli/publish.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/content/api_missing.h"
#include "core/json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define POINTER_RACES 3

enum step { STEP_KEYDOC, STEP_MISSING, STEP_OBJECTS, STEP_SITE, STEP_POINTER, STEP_DONE };

struct publish {
    struct publish_conf conf;
    enum step step;
    size_t asked;       /* objects whose answer is known */
    enum fog_kind wave; /* kind being sent */
    size_t next;        /* object to look at next */
    unsigned in_flight; /* uploads, waiting ones included */
    unsigned tries;     /* of the single requests, one after the other */
    unsigned pointer_tries;
    unsigned races; /* pointers that came second */
    uint64_t missing_bytes;
    struct publish_sums sums;
    bool stopped; /* an upload failed: wait for the others, then report */
    int rc;
    char what[96];
    struct api_answer failed;
    struct fog_buf failed_body;
};

struct upload {
    struct publish *p;
    size_t object;
    unsigned tries;
};

static void advance(struct publish *p);
static void send_more(struct publish *p);

struct publish *publish_new(const struct publish_conf *conf)
{
    struct publish *p = FOG_NEW(publish);

    p->conf = *conf;
    return p;
}

void publish_free(struct publish **pp)
{
    struct publish *p = *pp;

    *pp = NULL;
    if (p == NULL)
        return;
    fog_buf_fini(&p->failed_body);
    free(p);
}

void publish_sums(const struct publish *p, struct publish_sums *out)
{
    *out = p->sums;
}

static void finish(struct publish *p, struct fog_bytes answer)
{
    bool failed = p->rc != 0 || p->what[0] != '\0';

    p->step = STEP_DONE;
    p->failed.body = fog_buf_bytes(&p->failed_body);
    p->conf.on_done(p->conf.arg, p->rc, p->what, failed ? &p->failed : NULL, answer);
}

/* Remembers the first failure; the machine ends when nothing is in flight. */
static void fail(struct publish *p, const char *what, const struct api_answer *a, int rc)
{
    if (!p->stopped) {
        snprintf(p->what, sizeof p->what, "%s", what);
        p->rc = rc;
        if (a != NULL) {
            p->failed = *a;
            fog_buf_append(&p->failed_body, a->body.p, a->body.len);
        }
        p->stopped = true;
    }
    if (p->in_flight == 0)
        finish(p, fog_bytes_of(NULL, 0));
}

static bool is_ok(const struct api_answer *a)
{
    return a->err == 0 && a->status >= 200 && a->status < 300;
}

/* Worth asking again: no answer, or one that speaks of now. */
static bool is_passing(const struct api_answer *a)
{
    return a->err != 0 || a->status == 429 || a->status == 500 || a->status == 502 ||
           a->status == 503 || a->status == 504;
}

static unsigned backoff_ms(unsigned tries)
{
    return 200u << tries;
}

static void send_signed(struct publish *p, const char *method, const char *target,
                        struct fog_bytes body, bool plain,
                        void (*on_done)(void *arg, const struct api_answer *a), void *arg)
{
    struct fog_buf auth = {0};
    struct api_request r = {.method = method, .target = target, .body = body};

    if (!plain) {
        p->conf.sign(p->conf.arg, method, target, body, &auth);
        r.auth = fog_buf_cstr(&auth);
    }
    p->conf.api->send(p->conf.api, &r, on_done, arg);
    fog_buf_fini(&auth);
}

/* --- the steps that are one request --- */

static void on_again(void *arg)
{
    advance(arg);
}

/* True when the answer is final and good. */
static bool settle_counting(struct publish *p, const char *what, const struct api_answer *a,
                            unsigned *tries)
{
    if (is_ok(a)) {
        *tries = 0;
        return true;
    }
    if (is_passing(a) && ++*tries < PUBLISH_TRIES)
        p->conf.api->later(p->conf.api, backoff_ms(*tries), on_again, p);
    else
        fail(p, what, a, 0);
    return false;
}

static bool settle(struct publish *p, const char *what, const struct api_answer *a)
{
    return settle_counting(p, what, a, &p->tries);
}

static void on_keydoc(void *arg, const struct api_answer *a)
{
    struct publish *p = arg;

    if (!settle(p, "publisher's keys", a))
        return;
    p->step = STEP_MISSING;
    advance(p);
}

static size_t batch_len(const struct publish *p)
{
    size_t left = p->conf.plan->n - p->asked;

    return left < FOG_MISSING_MAX ? left : FOG_MISSING_MAX;
}

static void on_missing(void *arg, const struct api_answer *a)
{
    struct publish *p = arg;
    size_t n = batch_len(p);

    if (!settle(p, "what is missing", a))
        return;
    if (a->body.len != fog_missing_answer_len(n)) {
        fail(p, "what is missing", a, FOG_EPROTO);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct plan_object *o = &p->conf.plan->objects[p->asked + i];

        o->missing = fog_missing_bit(a->body, i);
        p->missing_bytes += o->missing ? o->len : 0;
    }
    p->asked += n;
    if (p->asked == p->conf.plan->n) {
        p->step = STEP_OBJECTS;
        p->wave = FOG_KIND_CHUNK;
    }
    advance(p);
}

static void ask_missing(struct publish *p)
{
    struct fog_buf body = {0};
    size_t n = batch_len(p);

    for (size_t i = 0; i < n; i++) {
        const struct plan_object *o = &p->conf.plan->objects[p->asked + i];
        struct fog_missing_row row = {.kind = o->kind, .id = o->id, .len = o->len};

        fog_missing_put(&body, &row);
    }
    send_signed(p, "POST", "/v1/missing", fog_buf_bytes(&body), false, on_missing, p);
    fog_buf_fini(&body);
}

/* --- the pointer --- */

static void on_pointer(void *arg, const struct api_answer *a)
{
    struct publish *p = arg;

    /* another machine of the publisher was faster, our own first try arrived after all, or the fog
     * lost an object meanwhile: what is there is asked again */
    if (a->err == 0 && a->status == 409 && ++p->races < POINTER_RACES) {
        p->step = STEP_MISSING;
        p->asked = 0;
        advance(p);
        return;
    }
    /* counted apart: the look at the site in between succeeds each time */
    if (settle_counting(p, "pointer", a, &p->pointer_tries))
        finish(p, a->body);
}

static void send_pointer(struct publish *p, uint64_t seq, const struct fog_hash *prev)
{
    struct fog_buf body = {0};
    char target[64];
    int rc = p->conf.make_pointer(p->conf.arg, seq, prev, &body);

    if (rc != 0) {
        fail(p, "pointer", NULL, rc);
    } else {
        p->sums.seq = seq;
        snprintf(target, sizeof target, "/v1/pointer?wait=%u", p->conf.wait_s);
        p->conf.on_progress(p->conf.arg, "waiting for copies", 0, 0);
        send_signed(p, "POST", target, fog_buf_bytes(&body), false, on_pointer, p);
    }
    fog_buf_fini(&body);
}

static void on_site(void *arg, const struct api_answer *a)
{
    struct publish *p = arg;
    struct fog_hash prev = {{0}};
    struct fog_json *j = NULL;
    uint64_t seq = 0;

    if (a->err == 0 && a->status == 404) {
        p->tries = 0;
        p->step = STEP_POINTER;
        send_pointer(p, 1, &prev);
        return;
    }
    if (!settle(p, "site", a))
        return;
    if (fog_json_parse(a->body, NULL, &j, NULL, 0) != 0 || fog_json_get_u64(j, "seq", &seq) != 0 ||
        seq == UINT64_MAX) {
        fail(p, "site", a, FOG_EPROTO);
    } else {
        if (fog_json_get_hex(j, "pointer", prev.b, sizeof prev.b) != 0)
            memset(&prev, 0, sizeof prev);
        p->step = STEP_POINTER;
        send_pointer(p, seq + 1, &prev);
    }
    fog_json_free(&j);
}

/* --- uploads --- */

static void on_uploaded(void *arg, const struct api_answer *a);

static void upload_send(void *arg)
{
    struct upload *u = arg;
    struct publish *p = u->p;
    const struct plan_object *o = &p->conf.plan->objects[u->object];
    struct fog_buf body = {0};
    char target[96], hex[65];
    int rc = p->stopped ? FOG_ECANCELED : plan_read(p->conf.plan, u->object, &body);

    if (rc != 0) {
        p->in_flight--;
        free(u);
        fail(p, "reading", NULL, rc);
    } else {
        fog_hex_encode(o->id.b, sizeof o->id.b, hex);
        snprintf(target, sizeof target, "/v1/objects/%u/%s", (unsigned)o->kind, hex);
        send_signed(p, "PUT", target, fog_buf_bytes(&body), false, on_uploaded, u);
    }
    fog_buf_fini(&body);
}

static void on_uploaded(void *arg, const struct api_answer *a)
{
    struct upload *u = arg;
    struct publish *p = u->p;
    struct plan_object *o = &p->conf.plan->objects[u->object];

    if (!is_ok(a) && is_passing(a) && !p->stopped && ++u->tries < PUBLISH_TRIES) {
        p->conf.api->later(p->conf.api, backoff_ms(u->tries), upload_send, u);
        return;
    }
    p->in_flight--;
    free(u);
    if (!is_ok(a)) {
        fail(p, "upload", a, 0);
        return;
    }
    o->missing = false;
    p->sums.objects_sent++;
    p->sums.bytes_sent += o->len;
    p->conf.on_progress(p->conf.arg, "uploading", p->sums.bytes_sent, p->missing_bytes);
    if (p->stopped)
        fail(p, NULL, NULL, 0);
    else
        send_more(p);
}

/* Pages come after their children in the plan, but in parallel: one at a time keeps the order. */
static unsigned in_flight_max(const struct publish *p)
{
    return p->wave == FOG_KIND_PAGE ? 1 : PUBLISH_IN_FLIGHT;
}

static void send_more(struct publish *p)
{
    const struct plan *plan = p->conf.plan;

    while (p->in_flight < in_flight_max(p) && !p->stopped) {
        struct upload *u;

        while (p->next < plan->n &&
               (plan->objects[p->next].kind != p->wave || !plan->objects[p->next].missing))
            p->next++;
        if (p->next == plan->n)
            break;
        u = FOG_NEW(upload);
        *u = (struct upload){.p = p, .object = p->next++};
        p->in_flight++;
        upload_send(u);
        if (p->step == STEP_DONE)
            return;
    }
    if (p->in_flight > 0 || p->stopped)
        return;
    p->next = 0;
    if (p->wave == FOG_KIND_PAGE)
        p->step = STEP_SITE;
    else
        p->wave = p->wave == FOG_KIND_CHUNK ? FOG_KIND_MANIFEST : FOG_KIND_PAGE;
    advance(p);
}

static void advance(struct publish *p)
{
    char target[64];

    switch (p->step) {
    case STEP_KEYDOC:
        send_signed(p, "PUT", "/v1/publisher", p->conf.keydoc, true, on_keydoc, p);
        break;
    case STEP_MISSING:
        ask_missing(p);
        break;
    case STEP_OBJECTS:
        send_more(p);
        break;
    case STEP_SITE:
    case STEP_POINTER: /* a pointer that got no answer may have arrived: look first */
        snprintf(target, sizeof target, "/v1/sites/%s", p->conf.label);
        send_signed(p, "GET", target, fog_bytes_of(NULL, 0), false, on_site, p);
        break;
    case STEP_DONE:
        break;
    }
}

void publish_start(struct publish *p)
{
    p->conf.on_progress(p->conf.arg, "asking what is missing", 0, 0);
    advance(p);
}
