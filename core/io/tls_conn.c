#include "core/io/tls_ossl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "core/base/assert.h"
#include "core/base/str.h"
#include "core/obs/log.h"

#define RECORD_MAX 16384

struct fog_tls {
    SSL *ssl;
    struct fog_tls_server *server; /* a reference; NULL on our own dials */
    struct fog_bytes in;
    fog_tls_out_fn *out;
    void *arg;
    bool node;
    bool has_peer_key;
    uint8_t peer_key[32];
    char sni[256];
    char alpn[32];
};

/* --- BIOs between libssl and the socket code --- */

static int bio_read(BIO *b, char *out, int len)
{
    struct fog_tls *t = BIO_get_data(b);
    size_t n = t->in.len < (size_t)len ? t->in.len : (size_t)len;

    BIO_clear_retry_flags(b);
    if (n == 0) {
        BIO_set_retry_read(b);
        return -1;
    }
    memcpy(out, t->in.p, n);
    t->in.p += n;
    t->in.len -= n;
    return (int)n;
}

static int bio_write(BIO *b, const char *in, int len)
{
    struct fog_tls *t = BIO_get_data(b);

    BIO_clear_retry_flags(b);
    t->out(t->arg, in, (size_t)len);
    return len;
}

/* Unknown controls answer 0: a BIO that says 1 to everything makes libssl believe in kernel TLS and
 * hand over plaintext. */
static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
    (void)b;
    (void)num;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "fog");
    FOG_ASSERT(bio_method != NULL);
    FOG_ASSERT(BIO_meth_set_read(bio_method, bio_read) == 1);
    FOG_ASSERT(BIO_meth_set_write(bio_method, bio_write) == 1);
    FOG_ASSERT(BIO_meth_set_ctrl(bio_method, bio_ctrl) == 1);
}

static struct fog_tls *tls_new(SSL_CTX *ctx, fog_tls_out_fn *out, void *arg)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct fog_tls *t = FOG_NEW(fog_tls);
    BIO *bio;

    FOG_ASSERT(pthread_once(&once, make_bio_method) == 0);
    t->out = out;
    t->arg = arg;
    t->ssl = SSL_new(ctx);
    bio = BIO_new(bio_method);
    FOG_ASSERT(t->ssl != NULL && bio != NULL);
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio); /* one reference serves both sides */
    SSL_set_app_data(t->ssl, t);
    return t;
}

struct fog_tls *fog_tls_new_accept(struct fog_tls_server *s, fog_tls_out_fn *out, void *arg)
{
    struct fog_tls *t = tls_new(tls_server_ctx(s), out, arg);

    t->server = fog_tls_server_ref(s);
    SSL_set_accept_state(t->ssl);
    return t;
}

static int expect_host(SSL *ssl, const char *host)
{
    struct in6_addr ip;

    if (inet_pton(AF_INET, host, &ip) == 1 || inet_pton(AF_INET6, host, &ip) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1 ? 0 : FOG_ETLS;
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1 ? 0 : FOG_ETLS;
}

int fog_tls_new_dial(struct fog_tls_client *c, const char *host, fog_tls_out_fn *out, void *arg,
                     struct fog_tls **result)
{
    struct fog_tls *t = tls_new(tls_client_ctx(c), out, arg);
    struct fog_tls_cert *node = tls_client_node(c);
    int rc;

    SSL_set_connect_state(t->ssl);
    if (node != NULL) {
        tls_set_sni(t, FOG_NODE_SNI, true);
        rc = SSL_set_tlsext_host_name(t->ssl, FOG_NODE_SNI) == 1 ? tls_cert_use(node, t->ssl)
                                                                 : FOG_ETLS;
    } else if (host == NULL) {
        rc = -EINVAL; /* unverified connections do not exist */
    } else {
        tls_set_sni(t, host, false);
        rc = expect_host(t->ssl, host);
    }
    ERR_clear_error();
    if (rc != 0) {
        fog_tls_free(&t);
        return rc;
    }
    *result = t;
    return 0;
}

void fog_tls_free(struct fog_tls **tp)
{
    struct fog_tls *t = *tp;

    *tp = NULL;
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    fog_tls_server_free(&t->server);
    free(t);
}

struct fog_tls *tls_of(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

void tls_set_sni(struct fog_tls *t, const char *sni, bool node)
{
    (void)fog_strcpy(t->sni, sizeof t->sni, fog_bytes_str(sni));
    t->node = node;
}

bool tls_is_node(const struct fog_tls *t)
{
    return t->node;
}

void fog_tls_feed(struct fog_tls *t, struct fog_bytes cipher)
{
    t->in = cipher;
}

struct fog_bytes fog_tls_fed(const struct fog_tls *t)
{
    return t->in;
}

/* --- handshake --- */

static int read_peer_key(struct fog_tls *t)
{
    X509 *x = SSL_get0_peer_certificate(t->ssl);
    EVP_PKEY *key = x == NULL ? NULL : X509_get0_pubkey(x);
    size_t len = sizeof t->peer_key;

    if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519 ||
        EVP_PKEY_get_raw_public_key(key, t->peer_key, &len) != 1 || len != sizeof t->peer_key)
        return FOG_EDENIED;
    t->has_peer_key = true;
    return 0;
}

static int handshake_done(struct fog_tls *t)
{
    const unsigned char *alpn;
    unsigned len;

    SSL_get0_alpn_selected(t->ssl, &alpn, &len);
    (void)fog_strcpy(t->alpn, sizeof t->alpn, fog_bytes_of(alpn, len));
    if (t->node && read_peer_key(t) != 0) {
        fog_unusual("tls.node", "error=\"peer has no Ed25519 certificate\"");
        return FOG_EDENIED;
    }
    return 0;
}

static void log_failure(struct fog_tls *t)
{
    long verify = SSL_get_verify_result(t->ssl);
    char text[128];

    /* Strangers' failed handshakes are noise; ours to a named host matter to the operator. */
    if (t->server != NULL)
        fog_debug("tls.handshake", "side=server error=\"%s\"", tls_error_text(text, sizeof text));
    else
        fog_unusual("tls.handshake", "host=%s error=\"%s\" certificate=\"%s\"", t->sni,
                    tls_error_text(text, sizeof text), X509_verify_cert_error_string(verify));
}

int fog_tls_handshake(struct fog_tls *t)
{
    int rc;

    ERR_clear_error();
    rc = SSL_do_handshake(t->ssl);
    if (rc == 1)
        return handshake_done(t);
    if (SSL_get_error(t->ssl, rc) == SSL_ERROR_WANT_READ)
        return -EAGAIN;
    log_failure(t);
    ERR_clear_error();
    return FOG_ETLS;
}

/* --- data --- */

int fog_tls_read(struct fog_tls *t, void *out, size_t cap, size_t *n)
{
    char text[128];
    int why;

    ERR_clear_error();
    if (SSL_read_ex(t->ssl, out, cap, n) == 1)
        return 0;
    why = SSL_get_error(t->ssl, 0);
    if (why == SSL_ERROR_WANT_READ)
        return -EAGAIN;
    if (why == SSL_ERROR_ZERO_RETURN)
        return FOG_ECLOSED;
    fog_debug("tls.read", "error=\"%s\"", tls_error_text(text, sizeof text));
    return FOG_ETLS;
}

int fog_tls_write(struct fog_tls *t, struct fog_bytes plain)
{
    char text[128];

    ERR_clear_error();
    while (plain.len > 0) {
        size_t want = plain.len < RECORD_MAX ? plain.len : RECORD_MAX, n;

        /* The write BIO takes everything, so a short write is a dead connection. */
        if (SSL_write_ex(t->ssl, plain.p, want, &n) != 1) {
            fog_debug("tls.write", "error=\"%s\"", tls_error_text(text, sizeof text));
            return FOG_ETLS;
        }
        plain.p += n;
        plain.len -= n;
    }
    return 0;
}

void fog_tls_close(struct fog_tls *t)
{
    ERR_clear_error();
    (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}

const char *fog_tls_alpn(const struct fog_tls *t)
{
    return t->alpn;
}

const char *fog_tls_sni(const struct fog_tls *t)
{
    return t->sni;
}

bool fog_tls_peer_key(const struct fog_tls *t, uint8_t out[32])
{
    if (t->has_peer_key)
        memcpy(out, t->peer_key, sizeof t->peer_key);
    return t->has_peer_key;
}

bool fog_tls_is_resumed(const struct fog_tls *t)
{
    return SSL_session_reused(t->ssl) == 1;
}

int fog_tls_export(struct fog_tls *t, const char *label, void *out, size_t len)
{
    int ok = SSL_export_keying_material(t->ssl, out, len, label, strlen(label), NULL, 0, 0);

    ERR_clear_error();
    return ok == 1 ? 0 : FOG_ETLS;
}
