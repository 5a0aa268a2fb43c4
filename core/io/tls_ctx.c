#include "core/io/tls_ossl.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "core/base/assert.h"
#include "core/base/buf.h"
#include "core/obs/log.h"

#define SNI_MAX 255

struct fog_tls_server {
    atomic_uint refs;
    SSL_CTX *ctx;
    struct fog_tls_cert *(*pick)(void *arg, const char *sni);
    void *arg;
    struct tls_alpn alpn;
    struct fog_tls_cert *node;
    struct tls_alpn node_alpn;
};

struct fog_tls_client {
    SSL_CTX *ctx;
    struct fog_tls_cert *node;
};

int tls_alpn_set(struct tls_alpn *a, const char *const *names)
{
    a->len = 0;
    for (; names != NULL && *names != NULL; names++) {
        size_t n = strlen(*names);

        if (n == 0 || n > 255 || a->len + 1 + n > sizeof a->wire)
            return FOG_ELIMIT;
        a->wire[a->len++] = (uint8_t)n;
        memcpy(a->wire + a->len, *names, n);
        a->len += n;
    }
    return 0;
}

SSL_CTX *tls_ctx_new(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    if (ctx == NULL)
        return NULL;
    /* AES-128 first: 30 % less CPU per byte than ChaCha20 where AES-NI exists; a client without it
     * puts ChaCha20 first and PRIORITIZE_CHACHA follows. */
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                      "TLS_CHACHA20_POLY1305_SHA256") != 1 ||
        SSL_CTX_set_cipher_list(ctx,
                                "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305") != 1 ||
        SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") != 1) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    /* 46 KiB -> 13 KiB per idle connection. */
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    return ctx;
}

/* A node proves possession of the key in its certificate; who that key belongs to is decided above
 * (cell map), so every certificate is accepted here. */
static int accept_any_cert(int ok, X509_STORE_CTX *store)
{
    (void)ok;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

/* --- server --- */

static int serve_node(struct fog_tls_server *s, SSL *ssl, int *alert)
{
    if (s->node == NULL) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    if (SSL_version(ssl) != TLS1_3_VERSION) {
        *alert = SSL_AD_PROTOCOL_VERSION;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    tls_set_sni(tls_of(ssl), FOG_NODE_SNI, true);
    SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any_cert);
    (void)SSL_set_num_tickets(ssl, 0); /* a resumed session would not show the peer's key */
    if (SSL_session_reused(ssl) || tls_cert_use(s->node, ssl) != 0) {
        *alert = SSL_AD_HANDSHAKE_FAILURE;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_OK;
}

/* Called for every handshake, with and without the extension, after the ticket was looked at. */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    struct fog_tls_server *s = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    char sni[SNI_MAX + 1] = "";
    struct fog_tls_cert *cert;
    int rc;

    if (name != NULL && strlen(name) > SNI_MAX) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    for (size_t i = 0; name != NULL && name[i] != '\0'; i++)
        sni[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
    if (strcmp(sni, FOG_NODE_SNI) == 0)
        return serve_node(s, ssl, alert);
    tls_set_sni(tls_of(ssl), sni, false);
    cert = s->pick == NULL ? NULL : s->pick(s->arg, name == NULL ? NULL : sni);
    if (cert == NULL) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    rc = SSL_session_reused(ssl) ? 0 : tls_cert_use(cert, ssl);
    fog_tls_cert_unref(&cert);
    if (rc != 0) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_OK;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *arg)
{
    struct fog_tls_server *s = arg;
    const struct tls_alpn *ours = tls_is_node(tls_of(ssl)) ? &s->node_alpn : &s->alpn;
    unsigned char *chosen;

    if (ours->len == 0 || SSL_select_next_proto(&chosen, out_len, ours->wire, (unsigned)ours->len,
                                                in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* no_application_protocol, RFC 7301 3.2 */
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void server_unref(struct fog_tls_server *s)
{
    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    SSL_CTX_free(s->ctx);
    fog_tls_cert_unref(&s->node);
    free(s);
}

int fog_tls_server_new(const struct fog_tls_server_conf *conf, struct fog_tls_server **out)
{
    static const unsigned char session_id[] = "fogbank";
    struct fog_tls_server *s = FOG_NEW(fog_tls_server);
    int rc;

    atomic_init(&s->refs, 1);
    s->pick = conf->pick;
    s->arg = conf->arg;
    if ((rc = tls_alpn_set(&s->alpn, conf->alpn)) != 0 ||
        (rc = tls_alpn_set(&s->node_alpn, conf->node_alpn)) != 0)
        goto out;
    s->ctx = tls_ctx_new(TLS_server_method());
    if (s->ctx == NULL) {
        rc = FOG_ETLS;
        goto out;
    }
    if (conf->node != NULL)
        s->node = fog_tls_cert_ref(conf->node);
    tls_ticket_enable(s->ctx);
    FOG_ASSERT(SSL_CTX_set_session_id_context(s->ctx, session_id, sizeof session_id - 1) == 1);
    (void)SSL_CTX_set_tlsext_servername_callback(s->ctx, on_server_name);
    (void)SSL_CTX_set_tlsext_servername_arg(s->ctx, s);
    SSL_CTX_set_alpn_select_cb(s->ctx, on_alpn, s);
    *out = s;
    return 0;
out:
    server_unref(s);
    return rc;
}

void fog_tls_server_free(struct fog_tls_server **sp)
{
    struct fog_tls_server *s = *sp;

    *sp = NULL;
    if (s != NULL)
        server_unref(s);
}

struct fog_tls_server *fog_tls_server_ref(struct fog_tls_server *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

SSL_CTX *tls_server_ctx(struct fog_tls_server *s)
{
    return s->ctx;
}

/* --- client --- */

static int client_trust(SSL_CTX *ctx, const char *ca_file)
{
    int ok = ca_file == NULL ? SSL_CTX_set_default_verify_paths(ctx)
                             : SSL_CTX_load_verify_file(ctx, ca_file);
    char text[128];

    if (ok != 1) {
        fog_unusual("tls.trust", "file=%s error=\"%s\"", ca_file == NULL ? "system" : ca_file,
                    tls_error_text(text, sizeof text));
        return FOG_ETLS;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return 0;
}

int fog_tls_client_new(const struct fog_tls_client_conf *conf, struct fog_tls_client **out)
{
    struct fog_tls_client *c = FOG_NEW(fog_tls_client);
    struct tls_alpn alpn;
    int rc;

    if ((rc = tls_alpn_set(&alpn, conf->alpn)) != 0)
        goto out;
    rc = FOG_ETLS;
    c->ctx = tls_ctx_new(TLS_client_method());
    if (c->ctx == NULL)
        goto out;
    if (alpn.len > 0 && SSL_CTX_set_alpn_protos(c->ctx, alpn.wire, (unsigned)alpn.len) != 0)
        goto out;
    if (conf->node != NULL) {
        c->node = fog_tls_cert_ref(conf->node);
        SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, accept_any_cert);
        FOG_ASSERT(SSL_CTX_set_min_proto_version(c->ctx, TLS1_3_VERSION) == 1);
    } else if (client_trust(c->ctx, conf->ca_file) != 0) {
        goto out;
    }
    *out = c;
    return 0;
out:
    fog_tls_client_free(&c);
    return rc;
}

void fog_tls_client_free(struct fog_tls_client **cp)
{
    struct fog_tls_client *c = *cp;

    *cp = NULL;
    if (c == NULL)
        return;
    SSL_CTX_free(c->ctx);
    fog_tls_cert_unref(&c->node);
    free(c);
}

SSL_CTX *tls_client_ctx(struct fog_tls_client *c)
{
    return c->ctx;
}

struct fog_tls_cert *tls_client_node(struct fog_tls_client *c)
{
    return c->node;
}
