#include "router/ca.h"

#include "core/base/assert.h"
#include "core/base/map.h"
#include "core/crypto/x509.h"
#include "core/obs/log.h"
#include "core/wire/frame.h"

#include <stdio.h>
#include <stdlib.h>

#define JOBS_MAX 256

struct job {
    struct fog_link link;
    struct ca *ca; /* NULL: the CA object is gone */
    uint8_t box[32];
    int64_t not_after;
};

struct ca {
    struct router *r;
    struct fog_list jobs;
    unsigned n_jobs;
    struct fog_map *last; /* box -> time of its last certificate */
};

struct ca *ca_new(struct router *r)
{
    struct ca *ca = FOG_NEW(ca);

    ca->r = r;
    ca->last = fog_map_new(r->secret);
    fog_list_init(&ca->jobs);
    return ca;
}

void ca_free(struct ca **cap)
{
    struct ca *ca = *cap;
    size_t at = 0;
    void *t;

    *cap = NULL;
    if (ca == NULL)
        return;
    FOG_LIST_EACH(&ca->jobs, it)
    {
        FOG_CONTAINER(it, job, link)->ca = NULL; /* keyd still answers it */
        fog_link_remove(it);
    }
    while ((t = fog_map_next(ca->last, &at, NULL)) != NULL)
        free(t);
    fog_map_free(&ca->last);
    free(ca);
}

static void send_refusal(struct router *r, const uint8_t box[32], const char *text)
{
    struct fog_wire_refuse m = {.about = FOG_WIRE_CSR, .code = FOG_REFUSE_BUSY, .retry_ms = 5000};
    struct fog_buf b = {0};
    int rc;

    snprintf(m.text, sizeof m.text, "%s", text);
    fog_wire_put_refuse(&b, &m);
    rc = leasewire_send(r, box, FOG_WIRE_REFUSE, fog_buf_bytes(&b));
    fog_buf_fini(&b);
    if (rc != 0)
        fog_debug("ca.gone", "error=%s", fog_errname(rc));
}

static void on_issued(void *ctx, int err, struct fog_bytes chain)
{
    struct job *j = ctx;
    struct ca *ca = j->ca;
    struct fog_wire_cert m = {.chain_pem = chain, .not_after_ms = j->not_after * 1000};
    struct record_box *b;
    struct fog_buf out = {0};

    if (ca == NULL) {
        free(j);
        return;
    }
    fog_link_remove(&j->link);
    ca->n_jobs--;
    if (err != 0) {
        fog_unusual("ca.issue", "error=%s", fog_errname(err));
        send_refusal(ca->r, j->box, "the certificate authority could not sign");
        free(j);
        return;
    }
    b = records_box(ca->r->rec, j->box);
    if (b != NULL) {
        b->cert_until = j->not_after;
        records_put_box(ca->r->rec, b, NULL, NULL);
    }
    fog_wire_put_cert(&out, &m);
    err = leasewire_send(ca->r, j->box, FOG_WIRE_CERT, fog_buf_bytes(&out));
    if (err != 0)
        fog_info("ca.gone", "error=%s: the box will ask again", fog_errname(err));
    fog_buf_fini(&out);
    free(j);
}

/* Not more often than every CA_PER_BOX_S. */
static bool too_soon(struct ca *ca, const uint8_t box[32])
{
    fog_time_ms *t = fog_map_get(ca->last, fog_bytes_of(box, 32)), now = router_now(ca->r);

    if (t == NULL) {
        t = fog_alloc(sizeof *t);
        fog_map_put(ca->last, fog_bytes_of(box, 32), t);
    } else if (now < *t + (fog_time_ms)CA_PER_BOX_S * 1000) {
        return true;
    }
    *t = now;
    return false;
}

int ca_on_csr(struct ca *ca, const uint8_t box[32], struct fog_bytes der)
{
    struct router_ca_request req = {0};
    struct fog_x509_csr csr;
    char label[FOG_BOX_LABEL_LEN + 1];
    struct job *j;
    int rc = fog_x509_csr_read(der, &csr);

    if (rc != 0)
        return rc;
    router_label(box, label);
    snprintf(req.dns_name, sizeof req.dns_name, "*.%s.%s", label, ca->r->conf.zone);
    if (strcmp(req.dns_name, csr.dns_name) != 0)
        return FOG_EDENIED; /* the name of another box, or no box name at all */
    if (ca->r->ports.ca.issue == NULL || ca->n_jobs >= JOBS_MAX || too_soon(ca, box))
        return FOG_EBUSY;
    memcpy(req.spki, csr.spki, csr.spki_len);
    req.spki_len = csr.spki_len;
    req.not_before = fog_wall_ms() / 1000 -
                     CA_BACK_S; /* viewers judge by the clock of the world, not by hub time */
    req.not_after = req.not_before + CA_BACK_S + CA_LIFE_S;
    j = FOG_NEW(job);
    j->ca = ca;
    memcpy(j->box, box, sizeof j->box);
    j->not_after = req.not_after;
    fog_list_push_back(&ca->jobs, &j->link);
    ca->n_jobs++;
    ca->r->ports.ca.issue(ca->r->ports.ca.arg, &req, on_issued, j);
    return 0;
}
