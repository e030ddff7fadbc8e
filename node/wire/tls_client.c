/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_client.c - see tls_client.h.
 */
#include "node/wire/tls_client.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#include "node/wire/tls_identity_private.h"
#include "node/wire/tls_private.h"

/* Servers are as old as they are: whatever BoringSSL has, the strong suites first. */
#define SUITES_ALL "ALL:DES-CBC3-SHA"

struct weir_tls_client {
    struct weir_tls_client_config cfg;
    SSL_CTX *ctx; /* owns */
};

/* -- sessions -- */

void weir_tls_session_unref(struct weir_tls_session *s)
{
    SSL_SESSION_free((SSL_SESSION *)s);
}

bool weir_tls_session_is_single_use(const struct weir_tls_session *s)
{
    return SSL_SESSION_should_be_single_use((const SSL_SESSION *)s);
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct weir_tls *t = weir_tls_of(ssl);
    if (t->client->cfg.session == NULL)
        return 0;
    t->client->cfg.session(t->owner, (struct weir_tls_session *)session);
    return 1;
}

/* -- the server's chain -- */

static enum ssl_verify_result_t on_verify(SSL *ssl, uint8_t *alert)
{
    struct weir_tls *t = weir_tls_of(ssl);
    const STACK_OF(CRYPTO_BUFFER) *peer = SSL_get0_peer_certificates(ssl);
    struct weir_span chain[WEIR_TLS_CHAIN_MAX];
    size_t num = sk_CRYPTO_BUFFER_num(peer);
    if (num > WEIR_TLS_CHAIN_MAX)
        num = WEIR_TLS_CHAIN_MAX; /* what stands behind cannot be needed */
    for (size_t i = 0; i < num; i++) {
        const CRYPTO_BUFFER *b = sk_CRYPTO_BUFFER_value(peer, i);
        chain[i] = weir_span(CRYPTO_BUFFER_data(b), CRYPTO_BUFFER_len(b));
    }
    if (num > 0 && t->client->cfg.verify(t->owner, chain, num))
        return ssl_verify_ok;
    t->fault = WEIR_TLS_FAULT_VERIFY;
    *alert = SSL_AD_BAD_CERTIFICATE;
    return ssl_verify_invalid;
}

/* -- life -- */

static bool set_up(SSL_CTX *c)
{
    static const uint16_t signatures[] = {
        SSL_SIGN_ECDSA_SECP256R1_SHA256,
        SSL_SIGN_RSA_PSS_RSAE_SHA256,
        SSL_SIGN_RSA_PKCS1_SHA256,
        SSL_SIGN_ECDSA_SECP384R1_SHA384,
        SSL_SIGN_RSA_PSS_RSAE_SHA384,
        SSL_SIGN_RSA_PKCS1_SHA384,
        SSL_SIGN_ECDSA_SECP521R1_SHA512,
        SSL_SIGN_RSA_PSS_RSAE_SHA512,
        SSL_SIGN_RSA_PKCS1_SHA512,
        SSL_SIGN_ED25519,
        SSL_SIGN_ECDSA_SHA1,
        SSL_SIGN_RSA_PKCS1_SHA1,
    };
    if (!SSL_CTX_set_min_proto_version(c, TLS1_VERSION) ||
        !SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) ||
        !SSL_CTX_set_strict_cipher_list(c, SUITES_ALL) ||
        !SSL_CTX_set_verify_algorithm_prefs(c, signatures, WEIR_ARRAY_LEN(signatures)) ||
        !SSL_CTX_set1_curves_list(c, "X25519:P-256:P-384:P-521"))
        return false;
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(c, on_session);
    SSL_CTX_set_custom_verify(c, SSL_VERIFY_PEER, on_verify);
    SSL_CTX_set_grease_enabled(c, 0);
    return true;
}

enum weir_err weir_tls_client_new(const struct weir_tls_client_config *cfg,
                                  struct weir_tls_client **ret)
{
    WEIR_ASSERT(cfg->verify != NULL);
    struct weir_tls_client *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return WEIR_ENOMEM;
    c->cfg = *cfg;
    c->ctx = SSL_CTX_new(TLS_with_buffers_method());
    if (c->ctx == NULL || !set_up(c->ctx)) {
        weir_tls_client_free(&c);
        ERR_clear_error();
        return WEIR_ENOMEM;
    }
    *ret = c;
    return WEIR_OK;
}

void weir_tls_client_free(struct weir_tls_client **c)
{
    if (*c == NULL)
        return;
    SSL_CTX_free((*c)->ctx);
    free(*c);
    *c = NULL;
}

static bool offer_alpn(SSL *ssl, uint8_t alpn)
{
    uint8_t wire[16];
    size_t len = 0;
    if (alpn & WEIR_ALPN_H2) {
        memcpy(wire + len, "\x02h2", 3);
        len += 3;
    }
    if (alpn & WEIR_ALPN_HTTP11) {
        memcpy(wire + len, "\x08http/1.1", 9);
        len += 9;
    }
    return len == 0 || SSL_set_alpn_protos(ssl, wire, len) == 0; /* here 0 is success */
}

static bool present(struct weir_tls *t, struct weir_tls_identity *id)
{
    if (!id->slow)
        return SSL_set_chain_and_key(t->ssl, id->chain, id->num, id->key, NULL);
    t->identity = weir_tls_identity_ref(id);
    return SSL_set_chain_and_key(t->ssl, id->chain, id->num, NULL, &weir_tls_slow_keys);
}

static bool apply(struct weir_tls *t, const struct weir_tls_dial *d)
{
    SSL *ssl = t->ssl;
    return weir_tls_allow_versions(ssl, d->versions) &&
           (d->sni == NULL || SSL_set_tlsext_host_name(ssl, d->sni)) &&
           (d->ciphers == NULL || SSL_set_strict_cipher_list(ssl, d->ciphers)) &&
           (d->identity == NULL || present(t, d->identity)) &&
           (d->session == NULL || SSL_set_session(ssl, (SSL_SESSION *)d->session)) &&
           offer_alpn(ssl, d->alpn);
}

enum weir_err weir_tls_connect(struct weir_tls *t, struct weir_tls_client *c,
                               const struct weir_tls_dial *d, void *owner)
{
    WEIR_ASSERT(t->ssl == NULL);
    WEIR_ASSERT(d->versions != 0);
    enum weir_err err = weir_tls_init(t, c->ctx);
    if (err < 0)
        return err;
    t->client = c;
    t->owner = owner;
    SSL_set_connect_state(t->ssl);
    if (apply(t, d))
        return WEIR_OK;
    ERR_clear_error();
    weir_tls_end(t);
    return WEIR_EINVAL;
}
