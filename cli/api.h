/*
 * Port to the publisher API: requests, time, delays. api_http.c speaks HTTP; the tests answer from
 * memory. Nothing here blocks; answers come later, never from inside a call.
 */
#ifndef CLI_API_H
#define CLI_API_H

#include "core/base/buf.h"
#include "core/base/err.h"

struct api_answer {
    int err;    /* 0, or why there was no answer */
    int status; /* HTTP */
    struct fog_bytes body;
};

struct api_request {
    const char *method;
    const char *target; /* "/v1/..." */
    const char *auth;   /* value of the authorization field, NULL: none */
    struct fog_bytes body;
};

struct api {
    /* The request is copied. */
    void (*send)(struct api *api, const struct api_request *r,
                 void (*on_done)(void *arg, const struct api_answer *a), void *arg);
    void (*later)(struct api *api, unsigned after_ms, void (*fn)(void *arg), void *arg);
};

/* Largest answer that is read. */
#define API_ANSWER_MAX ((size_t)8 << 20)

struct api_http;
struct cli;

/* FOG_ECONFIG without a fog in the context; other errors as they come. */
int api_http_new(struct cli *cli, unsigned wait_s, struct api_http **out) FOG_MUST_CHECK;
void api_http_free(struct api_http **h);
struct api *api_http_port(struct api_http *h);

/* Runs the loop until api_http_stop. */
void api_http_run(struct api_http *h);
void api_http_stop(struct api_http *h);

/* One request, waited for; the body is appended to *body. Returns 0 with *status set, or the
 * error. */
int api_http_call(struct api_http *h, const struct api_request *r, int *status,
                  struct fog_buf *body) FOG_MUST_CHECK;

#endif
