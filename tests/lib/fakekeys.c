#include "tests/lib/fakekeys.h"

#include <stdlib.h>

#include "core/base/assert.h"

struct fakekeys_wait {
    struct fakekeys_wait *next;
    struct keyd_answer answer;
    void (*done)(void *ctx, const struct keyd_answer *answer);
    void *ctx;
};

static void sign(void *arg, const struct keyd_req *req,
                 void (*done)(void *ctx, const struct keyd_answer *answer), void *ctx)
{
    struct fakekeys *k = arg;
    struct fakekeys_wait **at = &k->first, *w = FOG_NEW(fakekeys_wait);
    struct fog_hash digest;
    enum keyd_key key;

    w->answer = (struct keyd_answer){.id = req->id, .kind = req->kind};
    w->done = done;
    w->ctx = ctx;
    w->answer.err = keyd_rules_check(k->rules, ~0u, req, &key, &digest);
    if (w->answer.err == 0) {
        w->answer.err = fog_secp_sign(&k->keys[key], &digest, &w->answer.sig);
        k->signed_count++;
    }
    while (*at != NULL)
        at = &(*at)->next;
    *at = w;
    if (!k->hold)
        fakekeys_answer(k);
}

void fakekeys_init(struct fakekeys *k, uint64_t seed)
{
    struct fog_rng_seeded st;
    struct fog_rng rng = fog_rng_seed(&st, seed);

    *k = (struct fakekeys){0};
    memstore_init(&k->store);
    for (int i = 0; i < KEYD_KEYS; i++) {
        fog_secp_keygen(&rng, &k->keys[i]);
        FOG_ASSERT(fog_secp_address(&k->keys[i], &k->addresses[i]) == 0);
    }
    k->port = (struct claim_signer){.arg = k, .sign = sign};
}

void fakekeys_rules(struct fakekeys *k, const struct claim_domain *domain,
                    const struct fog_ethaddr *house, const struct fog_ethaddr *node)
{
    k->conf = (struct keyd_rules_conf){
        .domain = *domain, .house = *house, .node = *node, .store = &k->store.port};
    keyd_rules_free(&k->rules);
    k->rules = keyd_rules_new(&k->conf);
}

void fakekeys_answer(struct fakekeys *k)
{
    struct fakekeys_wait *w;

    while ((w = k->first) != NULL) {
        k->first = w->next;
        w->done(w->ctx, &w->answer);
        free(w);
    }
}

static void forget(struct fakekeys *k)
{
    struct fakekeys_wait *w;

    while ((w = k->first) != NULL) {
        k->first = w->next;
        w->answer.err = FOG_ECANCELED;
        w->done(w->ctx, &w->answer);
        free(w);
    }
}

void fakekeys_crash(struct fakekeys *k)
{
    forget(k);
    keyd_rules_free(&k->rules);
    memstore_crash(&k->store);
    k->rules = keyd_rules_new(&k->conf);
}

void fakekeys_fini(struct fakekeys *k)
{
    forget(k);
    keyd_rules_free(&k->rules);
    memstore_fini(&k->store);
}
