/*
 * Publishing as a state machine over the API port: key document, what is missing, chunks,
 * manifests, pages, pointer, in that order, so that an interruption at any point leaves the site
 * whole and a second run sends only the rest. Owns no keys: it asks for signatures.
 */
#ifndef CLI_PUBLISH_H
#define CLI_PUBLISH_H

#include "cli/api.h"
#include "cli/plan.h"

#define PUBLISH_IN_FLIGHT 8
#define PUBLISH_TRIES     5

struct publish_conf {
    struct api *api;
    struct plan *plan;
    const char *label; /* of the site */
    struct fog_bytes keydoc;
    unsigned wait_s;
    /* Appends the authorization value. */
    void (*sign)(void *arg, const char *method, const char *target, struct fog_bytes body,
                 struct fog_buf *out);
    /* Appends the signed pointer to the plan's root. */
    int (*make_pointer)(void *arg, uint64_t seq, const struct fog_hash *prev, struct fog_buf *out);
    void (*on_progress)(void *arg, const char *what, uint64_t done, uint64_t total);
    /* Once, last. `failed` is what to report with `what`, NULL when it succeeded; then `answer` is
     * that to the pointer. rc: an error of our own (plan->problem), else 0. */
    void (*on_done)(void *arg, int rc, const char *what, const struct api_answer *failed,
                    struct fog_bytes answer);
    void *arg;
};

struct publish;

struct publish *publish_new(const struct publish_conf *conf);
void publish_start(struct publish *p);
void publish_free(struct publish **p); /* after on_done, not from inside it */

struct publish_sums {
    uint64_t objects_sent, bytes_sent, seq;
};
void publish_sums(const struct publish *p, struct publish_sums *out);

#endif
