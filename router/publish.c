#include "router/publish.h"

#include "core/base/assert.h"
#include "core/obs/log.h"
#include "core/wire/frame.h"
#include "router/copies.h"
#include "router/mapper.h"
#include "router/order.h"
#include "router/publish_job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct publish_wait {
    struct fog_link link;
    struct publish *p;
    struct fog_site_id site;
    fog_time_ms until;
    void (*done)(void *ctx);
    void *ctx;
};

struct publish {
    struct router *r;
    struct fog_list jobs, finished, waits;
    unsigned n_jobs, n_waits;
    struct fog_timer *timer; /* finished jobs and waits */
    struct fog_timer *fresh;
    struct fog_list signing; /* struct fresh_job */
};

/* --- jobs --- */

static void answer(struct publish_job *j)
{
    fog_info("publish.done", "site=%s status=%d code=%s detail=\"%s\"", j->pointer.site,
             j->res.status, j->res.code == NULL ? "" : j->res.code, j->res.detail);
    j->done(j->ctx, &j->res);
}

/* From the job, anywhere deep in its calls: it is dealt with in the next turn. */
static void on_finished(struct publish_job *j)
{
    struct publish *p = j->r->publish;

    fog_link_remove(&j->link);
    fog_list_push_back(&p->finished, &j->link);
    fog_timer_start(p->timer, 0);
}

/* The pointer is durable: orders, boxes, gateway, answer. */
static void on_stored(void *ctx, int err)
{
    struct publish_job *j = ctx;
    struct router *r = j->r;
    struct record_site *s;
    struct record_pub *pub;

    if (err != 0) {
        fog_broken("publish.store", "error=%s", fog_errname(err));
        j->res.status = 503;
        j->res.code = "store_unavailable";
        snprintf(j->res.detail, sizeof j->res.detail, "the pointer could not be stored: try again");
    } else {
        s = records_site(r->rec, &j->res.site);
        pub = records_pub(r->rec, &j->pointer.publisher_id);
        orders_set_site(r, &j->res.site, j->groups, j->n_groups);
        for (size_t i = 0; i < j->n_groups; i++)
            j->groups[i].refs = NULL; /* taken over */
        leasewire_send_pointer(r, s);
        if (r->ports.events.on_pointer != NULL)
            r->ports.events.on_pointer(r->ports.events.arg, s->site.b,
                                       fog_buf_bytes(&s->pointer_bytes), fog_buf_bytes(&pub->bytes),
                                       fog_buf_bytes(&s->delegate));
        fog_timer_start(r->publish->fresh, 0);
    }
    answer(j);
    r->publish->n_jobs--;
    publish_job_free(j);
}

static void conclude(struct publish *p, struct publish_job *j)
{
    const struct record_site *now = records_site(p->r->rec, &j->res.site);

    if (j->res.status == 200 && now != NULL && fog_pointer_cmp(&j->pointer, &now->pointer) <= 0) {
        /* Another job of this site was quicker. */
        j->res.status = 409;
        j->res.code = "stale_pointer";
        snprintf(j->res.detail, sizeof j->res.detail,
                 "a newer pointer of this site arrived meanwhile");
    }
    if (j->res.status != 200) {
        answer(j);
        p->n_jobs--;
        publish_job_free(j);
        return;
    }
    /* Durable before 200: the highest (gen, seq) survives a crash. */
    records_put_site(p->r->rec, &j->res.site, &j->pointer, fog_buf_bytes(&j->pointer_bytes),
                     fog_buf_bytes(&j->delegate), on_stored, j);
}

/* --- those who wait for copies --- */

static bool enough(struct publish *p, const struct publish_wait *w)
{
    struct copies_status st;

    copies_status(p->r->copies, &w->site, router_now(p->r), &st);
    return st.copies_min >= st.wanted;
}

static void on_timer(void *arg)
{
    struct publish *p = arg;
    fog_time_ms now = router_now(p->r), next = INT64_MAX;
    struct fog_list ready;
    struct fog_link *l;

    fog_list_init(&ready);
    while ((l = fog_list_pop_front(&p->finished)) != NULL)
        conclude(p, FOG_CONTAINER(l, publish_job, link));
    FOG_LIST_EACH(&p->waits, it)
    {
        struct publish_wait *w = FOG_CONTAINER(it, publish_wait, link);
        if (now < w->until && !enough(p, w)) {
            next = w->until < next ? w->until : next;
            continue;
        }
        fog_link_remove(&w->link);
        fog_list_push_back(&ready, &w->link);
    }
    while ((l = fog_list_pop_front(&ready)) != NULL) {
        struct publish_wait *w = FOG_CONTAINER(l, publish_wait, link);
        p->n_waits--;
        w->done(w->ctx);
        free(w);
    }
    if (next != INT64_MAX && !fog_timer_running(p->timer))
        fog_timer_start(p->timer, next - now);
}

struct publish_wait *publish_wait(struct publish *p, const struct fog_site_id *site,
                                  fog_time_ms wait_ms, void (*done)(void *ctx), void *ctx)
{
    struct publish_wait *w;

    if (p->n_waits >= PUBLISH_WAITS_MAX)
        return NULL;
    w = FOG_NEW(publish_wait);
    w->p = p;
    w->site = *site;
    w->until = router_now(p->r) + wait_ms;
    w->done = done;
    w->ctx = ctx;
    fog_list_push_back(&p->waits, &w->link);
    p->n_waits++;
    fog_timer_start(p->timer, 0);
    return w;
}

void publish_wait_cancel(struct publish_wait *w)
{
    fog_link_remove(&w->link);
    w->p->n_waits--;
    free(w);
}

void publish_copies_changed(struct publish *p, const struct fog_site_id *site)
{
    (void)site;
    if (!fog_list_empty(&p->waits))
        fog_timer_start(p->timer, 0);
}

/* --- freshness --- */

struct fresh_job {
    struct fog_link link;
    struct publish *p; /* NULL: gone */
    struct fog_site_id site;
    struct fog_buf body;
};

static void on_fresh_signed(void *ctx, int err, const uint8_t sig[64])
{
    struct fresh_job *f = ctx;
    struct publish *p = f->p;
    struct record_site *s = p == NULL ? NULL : records_site(p->r->rec, &f->site);

    if (p != NULL)
        fog_link_remove(&f->link);
    if (err != 0)
        fog_unusual("publish.fresh", "error=%s", fog_errname(err));
    if (s != NULL && err == 0) {
        struct fog_buf row = {0}, b = {0};
        struct fog_wire_fresh m;
        fog_buf_append(&f->body, sig, 64);
        fog_buf_move(&s->fresh, &f->body);
        fog_wire_put_signed(&row, &(struct fog_wire_signed){fog_buf_bytes(&s->fresh)});
        m.rows = (struct fog_wire_list){1, fog_buf_bytes(&row)};
        fog_wire_put_fresh(&b, &m);
        leasewire_send_all(p->r, FOG_WIRE_FRESH, fog_buf_bytes(&b));
        fog_buf_fini(&row);
        fog_buf_fini(&b);
    }
    fog_buf_fini(&f->body);
    free(f);
}

static void confirm(struct publish *p, const struct record_site *s)
{
    struct fog_fresh fresh = {.publisher_id = s->pointer.publisher_id,
                              .gen = s->pointer.gen,
                              .seq = s->pointer.seq,
                              .as_of_ms = router_hub_ms(p->r)};
    struct fresh_job *f = FOG_NEW(fresh_job);

    memcpy(fresh.site, s->pointer.site, sizeof fresh.site);
    f->p = p;
    f->site = s->site;
    if (fog_fresh_body(&fresh, &f->body) != 0) {
        free(f);
        return;
    }
    fog_list_push_back(&p->signing, &f->link);
    p->r->ports.signer.sign(p->r->ports.signer.arg, FOG_SIGN_FRESH, fog_buf_bytes(&f->body),
                            on_fresh_signed, f);
}

static void on_fresh(void *arg)
{
    struct publish *p = arg;
    struct record_site *s;
    size_t at = 0;

    while ((s = records_next_site(p->r->rec, &at)) != NULL)
        confirm(p, s);
    fog_timer_start(p->fresh, PUBLISH_FRESH_MS);
}

/* --- a pointer comes in --- */

static void refuse(struct publish_result *res, int status, const char *code, const char *detail)
{
    res->status = status;
    res->code = code;
    snprintf(res->detail, sizeof res->detail, "%s", detail);
}

/* Signature, rights and order. False with the reason in res. */
static bool may_publish(struct publish *p, const struct fog_hash *who, struct publish_job *j)
{
    const struct record_pub *pub = records_pub(p->r->rec, &j->pointer.publisher_id);
    const struct record_site *now;
    struct fog_delegate delegate, *d = NULL;
    char detail[128];
    int rc;

    if (!fog_hash_eq(who, &j->pointer.publisher_id) || pub == NULL) {
        refuse(&j->res, 403, "other_publisher",
               "the pointer is not of the publisher who signed this request");
        return false;
    }
    if (j->delegate.len > 0) {
        if (fog_delegate_decode(fog_buf_bytes(&j->delegate), &delegate) != 0) {
            refuse(&j->res, 400, "bad_delegate", "the delegation is malformed");
            return false;
        }
        d = &delegate;
    }
    rc = fog_pointer_verify(&j->pointer, &pub->doc, d, &p->r->fog_id, router_hub_ms(p->r));
    if (rc != 0) {
        snprintf(detail, sizeof detail, "the pointer's signature is not accepted: %s",
                 fog_strerror(rc));
        refuse(&j->res, 403, "bad_signature", detail);
        return false;
    }
    if (j->pointer.kind != FOG_POINTER_SITE) {
        refuse(&j->res, 422, "unsupported_kind", "live pointers are not taken by this router yet");
        return false;
    }
    fog_site_id_of(&p->r->fog_id, &j->pointer.publisher_id, fog_bytes_str(j->pointer.site),
                   &j->res.site);
    now = records_site(p->r->rec, &j->res.site);
    if (now == NULL && records_site_count(p->r->rec) >= PUBLISH_SITES_MAX) {
        refuse(&j->res, 507, "too_many_sites",
               "this router holds as many sites as it can: ask the operator");
        return false;
    }
    if (now != NULL && fog_pointer_cmp(&j->pointer, &now->pointer) <= 0) {
        if (fog_bytes_eq(fog_buf_bytes(&now->pointer_bytes), fog_buf_bytes(&j->pointer_bytes))) {
            refuse(&j->res, 200, NULL, ""); /* sent again: it is what we have */
            return false;
        }
        snprintf(detail, sizeof detail, "gen %u seq %llu is not newer than gen %u seq %llu",
                 j->pointer.gen, (unsigned long long)j->pointer.seq, now->pointer.gen,
                 (unsigned long long)now->pointer.seq);
        refuse(&j->res, 409, "stale_pointer", detail);
        return false;
    }
    return true;
}

static void on_deal(void *ctx, int err, const char *why)
{
    struct publish_job *j = ctx;

    j->in_flight--;
    if (j->r == NULL) {
        publish_job_free(j);
        return;
    }
    if (err != 0) {
        refuse(&j->res, err == FOG_EDENIED ? 403 : 503,
               err == FOG_EDENIED ? "no_deal" : "deal_unknown",
               why == NULL
                   ? "whether a deal covers this publisher could not be found out: try again"
                   : why);
        on_finished(j);
        return;
    }
    publish_job_start(j);
}

void publish_pointer(struct publish *p, const struct fog_hash *who, struct fog_bytes pointer,
                     struct fog_bytes delegate,
                     void (*done)(void *ctx, const struct publish_result *res), void *ctx)
{
    struct publish_job *j = FOG_NEW(publish_job);
    const struct record_pub *pub;

    j->r = p->r;
    j->done = done;
    j->ctx = ctx;
    j->finished = on_finished;
    fog_buf_append(&j->pointer_bytes, pointer.p, pointer.len);
    fog_buf_append(&j->delegate, delegate.p, delegate.len);
    fog_list_push_back(&p->jobs, &j->link);
    p->n_jobs++;
    if (p->n_jobs > PUBLISH_JOBS_MAX) {
        refuse(&j->res, 503, "busy",
               "too many releases are being checked: try again in a few seconds");
    } else if (fog_pointer_decode(pointer, &j->pointer) != 0) {
        refuse(&j->res, 400, "bad_pointer", "the body is not a pointer (PROTOCOL 2.6)");
    } else if (may_publish(p, who, j)) {
        pub = records_pub(p->r->rec, &j->pointer.publisher_id);
        j->in_flight++;
        p->r->ports.deals.check(p->r->ports.deals.arg, who, pub->doc.escrow_owner, on_deal, j);
        return;
    }
    if (j->res.status != 200) {
        on_finished(j);
        return;
    }
    answer(j); /* the same pointer again */
    p->n_jobs--;
    publish_job_free(j);
}

/* --- birth and death --- */

struct publish *publish_new(struct router *r)
{
    struct publish *p = FOG_NEW(publish);
    struct record_site *s;
    size_t at = 0;

    p->r = r;
    fog_list_init(&p->jobs);
    fog_list_init(&p->finished);
    fog_list_init(&p->waits);
    fog_list_init(&p->signing);
    p->timer = fog_timer_new(r->loop, on_timer, p);
    p->fresh = fog_timer_new(r->loop, on_fresh, p);
    fog_timer_start(p->fresh, 0);
    while (r->ports.events.on_pointer != NULL && (s = records_next_site(r->rec, &at)) != NULL) {
        const struct record_pub *pub = records_pub(r->rec, &s->pointer.publisher_id);
        if (pub != NULL)
            r->ports.events.on_pointer(r->ports.events.arg, s->site.b,
                                       fog_buf_bytes(&s->pointer_bytes), fog_buf_bytes(&pub->bytes),
                                       fog_buf_bytes(&s->delegate));
    }
    return p;
}

void publish_free(struct publish **pp)
{
    struct publish *p = *pp;
    struct fog_link *l;

    *pp = NULL;
    if (p == NULL)
        return;
    while ((l = fog_list_pop_front(&p->jobs)) != NULL)
        publish_job_abandon(FOG_CONTAINER(l, publish_job, link));
    while ((l = fog_list_pop_front(&p->finished)) != NULL)
        publish_job_free(FOG_CONTAINER(l, publish_job, link));
    while ((l = fog_list_pop_front(&p->waits)) != NULL)
        free(FOG_CONTAINER(l, publish_wait, link));
    while ((l = fog_list_pop_front(&p->signing)) != NULL)
        FOG_CONTAINER(l, fresh_job, link)->p = NULL;
    fog_timer_free(&p->timer);
    fog_timer_free(&p->fresh);
    free(p);
}
