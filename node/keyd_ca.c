#include "node/keyd_ca.h"

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/crypto/hash.h"
#include "core/crypto/rng_system.h"
#include "core/crypto/x509.h"
#include "node/home.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CA_LIFE_S  (10LL * 365 * 86400)
#define CA_BACK_S  86400
#define CA_PEM_MAX 16384

struct keyd_ca {
    struct fog_buf key_pem;
    struct fog_buf cert_pem;
    int64_t not_after;
    char below[140]; /* ".<zone>" */
};

static int load(struct keyd_ca *ca, const struct node_conf *conf)
{
    int rc = home_read(conf, HOME_CA_KEY, CA_PEM_MAX, &ca->key_pem);

    if (rc == 0)
        rc = home_read(conf, HOME_CA_CERT, CA_PEM_MAX, &ca->cert_pem);
    if (rc == 0 && (rc = fog_x509_not_after(fog_buf_bytes(&ca->cert_pem), &ca->not_after)) != 0)
        fprintf(stderr, "fogd: %s/%s: not a certificate\n", conf->state, HOME_CA_CERT);
    (void)snprintf(ca->below, sizeof ca->below, ".%s", conf->zone);
    return rc;
}

int keyd_ca_load(const struct node_conf *conf, struct keyd_ca **out)
{
    struct keyd_ca *ca = FOG_NEW(keyd_ca);
    int rc = load(ca, conf);

    if (rc == 0)
        *out = ca;
    else
        keyd_ca_free(&ca);
    return rc == -ENOENT ? 0 : rc;
}

void keyd_ca_free(struct keyd_ca **pca)
{
    struct keyd_ca *ca = *pca;

    *pca = NULL;
    if (ca == NULL)
        return;
    if (ca->key_pem.data != NULL)
        fog_wipe(ca->key_pem.data, ca->key_pem.len);
    fog_buf_fini(&ca->key_pem);
    fog_buf_fini(&ca->cert_pem);
    free(ca);
}

int keyd_ca_make(const struct node_conf *conf, int64_t now_s)
{
    struct fog_buf key = {0}, cert = {0};
    struct fog_rng rng = fog_rng_system();
    char name[128 + 16];
    uint8_t serial[16];
    int rc = home_read(conf, HOME_CA_CERT, CA_PEM_MAX, &cert);

    if (rc != -ENOENT)
        goto out;
    fog_rng_fill(&rng, serial, sizeof serial);
    serial[0] &= 0x7f; /* serial numbers are positive */
    (void)snprintf(name, sizeof name, "fog CA %s", conf->zone);
    if ((rc = fog_x509_key_new(&key)) != 0 ||
        (rc = fog_x509_ca_make(fog_buf_bytes(&key), name, now_s - CA_BACK_S, now_s + CA_LIFE_S,
                               serial, &cert)) != 0) {
        fprintf(stderr, "fogd: cannot make a certificate authority: %s\n", fog_strerror(rc));
        goto out;
    }
    if ((rc = home_write(conf, HOME_CA_KEY, fog_buf_bytes(&key), 0600)) == 0)
        rc = home_write(conf, HOME_CA_CERT, fog_buf_bytes(&cert), 0644);
out:
    if (key.data != NULL)
        fog_wipe(key.data, key.len);
    fog_buf_fini(&key);
    fog_buf_fini(&cert);
    return rc;
}

static bool is_below(const struct keyd_ca *ca, const char *name)
{
    size_t n = strlen(name), zone = strlen(ca->below);

    return n > zone && strcmp(name + n - zone, ca->below) == 0;
}

int keyd_ca_issue(struct keyd_ca *ca, const struct keyd_req *req, struct fog_buf *chain_pem)
{
    const char *const names[] = {req->cert.dns_name};
    struct fog_rng rng = fog_rng_system();
    struct fog_x509_leaf leaf = {.spki = req->cert.spki,
                                 .dns_names = names,
                                 .n_dns_names = 1,
                                 .not_before = req->cert.not_before,
                                 .not_after = req->cert.not_after};

    if (!is_below(ca, req->cert.dns_name))
        return FOG_EDENIED;
    if (leaf.not_after <= leaf.not_before || leaf.not_after > ca->not_after ||
        leaf.not_after - leaf.not_before > KEYD_CA_LIFE_MAX_S)
        return FOG_ERANGE;
    fog_rng_fill(&rng, leaf.serial, sizeof leaf.serial);
    leaf.serial[0] &= 0x7f;
    return fog_x509_issue(fog_buf_bytes(&ca->key_pem), fog_buf_bytes(&ca->cert_pem), &leaf,
                          chain_pem);
}

void keyd_ca_hash(const struct keyd_ca *ca, struct fog_hash *out)
{
    fog_sha256(fog_buf_bytes(&ca->cert_pem), out);
}
