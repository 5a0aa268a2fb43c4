#include "edge/cert.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/io/tls.h"

#define CERTS_MAX      1024
#define NAME_MAX_BYTES 254 /* RFC 1035 2.3.4: 253 characters in text form */

struct entry {
    char pattern[NAME_MAX_BYTES];
    struct fog_tls_cert *cert;
};

struct edge_certs {
    pthread_mutex_t lock;
    struct entry *v; /* sorted by pattern */
    size_t n, cap;
};

struct edge_certs *edge_certs_new(void)
{
    struct edge_certs *s = FOG_NEW(edge_certs);

    FOG_ASSERT(pthread_mutex_init(&s->lock, NULL) == 0);
    return s;
}

void edge_certs_free(struct edge_certs **sp)
{
    struct edge_certs *s = *sp;

    *sp = NULL;
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++)
        fog_tls_cert_unref(&s->v[i].cert);
    free(s->v);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Labels of 1-63 characters a-z 0-9 - joined by dots; the first may be "*". */
static bool pattern_is_good(const char *p)
{
    size_t len = strlen(p), label = 0;

    if (len == 0 || len >= NAME_MAX_BYTES)
        return false;
    if (p[0] == '*' && p[1] == '.')
        p += 2;
    for (;; p++) {
        if (*p == '.' || *p == '\0') {
            if (label == 0 || label > 63)
                return false;
            if (*p == '\0')
                return true;
            label = 0;
            continue;
        }
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-'))
            return false;
        label++;
    }
}

/* Index of the first pattern that is not below `name`; *found tells whether it is equal. */
static size_t lower_bound(const struct edge_certs *s, const char *name, bool *found)
{
    size_t lo = 0, hi = s->n;

    *found = false;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(s->v[mid].pattern, name);

        if (c == 0)
            *found = true;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void insert_at(struct edge_certs *s, size_t i, const char *pattern)
{
    if (s->n == s->cap) {
        s->cap = s->cap == 0 ? 4 : s->cap * 2;
        s->v = realloc(s->v, s->cap * sizeof *s->v);
        FOG_ASSERT(s->v != NULL);
    }
    memmove(&s->v[i + 1], &s->v[i], (s->n - i) * sizeof *s->v);
    memset(&s->v[i], 0, sizeof s->v[i]);
    snprintf(s->v[i].pattern, sizeof s->v[i].pattern, "%s", pattern);
    s->n++;
}

int edge_certs_set(struct edge_certs *s, const char *pattern, struct fog_tls_cert *cert)
{
    struct fog_tls_cert *old = NULL;
    bool found;
    size_t i;
    int rc = 0;

    if (!pattern_is_good(pattern))
        return FOG_EFORMAT;
    pthread_mutex_lock(&s->lock);
    i = lower_bound(s, pattern, &found);
    if (!found && s->n == CERTS_MAX) {
        rc = FOG_ELIMIT;
    } else {
        if (!found)
            insert_at(s, i, pattern);
        old = s->v[i].cert;
        s->v[i].cert = fog_tls_cert_ref(cert);
    }
    pthread_mutex_unlock(&s->lock);
    if (old != NULL)
        fog_tls_cert_unref(&old);
    return rc;
}

void edge_certs_remove(struct edge_certs *s, const char *pattern)
{
    struct fog_tls_cert *old = NULL;
    bool found;
    size_t i;

    pthread_mutex_lock(&s->lock);
    i = lower_bound(s, pattern, &found);
    if (found) {
        old = s->v[i].cert;
        s->n--;
        memmove(&s->v[i], &s->v[i + 1], (s->n - i) * sizeof *s->v);
    }
    pthread_mutex_unlock(&s->lock);
    if (old != NULL)
        fog_tls_cert_unref(&old);
}

/* Called with the lock held. */
static struct fog_tls_cert *find_ref(struct edge_certs *s, const char *name)
{
    bool found;
    size_t i = lower_bound(s, name, &found);

    return found ? fog_tls_cert_ref(s->v[i].cert) : NULL;
}

struct fog_tls_cert *edge_certs_pick(void *arg, const char *sni)
{
    struct edge_certs *s = arg;
    struct fog_tls_cert *cert;
    char wild[NAME_MAX_BYTES + 1];
    const char *dot;

    if (sni == NULL || strlen(sni) >= NAME_MAX_BYTES)
        return NULL;
    dot = strchr(sni, '.');
    pthread_mutex_lock(&s->lock);
    cert = find_ref(s, sni);
    if (cert == NULL && dot != NULL && dot != sni) {
        snprintf(wild, sizeof wild, "*%s", dot);
        cert = find_ref(s, wild);
    }
    pthread_mutex_unlock(&s->lock);
    return cert;
}

int64_t edge_certs_not_after(struct edge_certs *s, const char *pattern)
{
    int64_t t = 0;
    bool found;
    size_t i;

    pthread_mutex_lock(&s->lock);
    i = lower_bound(s, pattern, &found);
    if (found)
        t = fog_tls_cert_not_after(s->v[i].cert);
    pthread_mutex_unlock(&s->lock);
    return t;
}
