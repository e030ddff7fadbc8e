/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_signature.c - see tls_signature.h. The key is used by the helper thread alone while the
 * signature is made; its reference is given back on the owner's thread.
 */
#include "node/wire/tls_signature.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "node/wire/tls_identity_private.h"
#include "node/wire/tls_private.h"

#define INPUT_MAX  1024 /* what TLS signs: hashes, randoms and a key share */
#define OUTPUT_MAX 1024 /* RSA of 8,192 bits */

enum state { WAITS, BEING_MADE, MADE };

struct weir_tls_signature {
    struct weir_tls *tls; /* NULL: it has ended */
    struct weir_tls_identity *identity;
    enum state state;
    bool decrypts; /* RSA key exchange, not a signature */
    bool ok;
    uint16_t algorithm;
    size_t in_len, out_len;
    uint8_t in[INPUT_MAX], out[OUTPUT_MAX];
};

static void free_signature(struct weir_tls_signature *s)
{
    weir_tls_identity_unref(s->identity);
    OPENSSL_cleanse(s, sizeof(*s));
    free(s);
}

void weir_tls_signature_abandon(struct weir_tls *t)
{
    struct weir_tls_signature *s = t->signature;
    t->signature = NULL;
    if (s->state == BEING_MADE)
        s->tls = NULL;
    else
        free_signature(s);
}

static enum ssl_private_key_result_t begin(SSL *ssl, const uint8_t *in, size_t len,
                                           uint16_t algorithm, bool decrypts)
{
    struct weir_tls *t = weir_tls_of(ssl);
    struct weir_tls_identity *id = t->identity;
    struct weir_tls_signature *s = len <= INPUT_MAX ? calloc(1, sizeof(*s)) : NULL;
    if (s == NULL || id == NULL) {
        free(s);
        return ssl_private_key_failure;
    }
    WEIR_ASSERT(t->signature == NULL);
    s->tls = t;
    s->identity = weir_tls_identity_ref(id);
    s->state = WAITS;
    s->decrypts = decrypts;
    s->algorithm = algorithm;
    s->in_len = len;
    memcpy(s->in, in, len);
    t->signature = s;
    return ssl_private_key_retry;
}

static enum ssl_private_key_result_t on_sign(SSL *ssl, uint8_t *out, size_t *out_len,
                                             size_t max_out, uint16_t algorithm, const uint8_t *in,
                                             size_t in_len)
{
    return begin(ssl, in, in_len, algorithm, false);
}

static enum ssl_private_key_result_t on_decrypt(SSL *ssl, uint8_t *out, size_t *out_len,
                                                size_t max_out, const uint8_t *in, size_t in_len)
{
    return begin(ssl, in, in_len, 0, true);
}

static enum ssl_private_key_result_t on_complete(SSL *ssl, uint8_t *out, size_t *out_len,
                                                 size_t max_out)
{
    struct weir_tls *t = weir_tls_of(ssl);
    struct weir_tls_signature *s = t->signature;
    WEIR_ASSERT(s != NULL);
    if (s->state != MADE)
        return ssl_private_key_retry;
    bool ok = s->ok && s->out_len <= max_out;
    if (ok) {
        memcpy(out, s->out, s->out_len);
        *out_len = s->out_len;
    }
    t->signature = NULL;
    free_signature(s);
    return ok ? ssl_private_key_success : ssl_private_key_failure;
}

const SSL_PRIVATE_KEY_METHOD weir_tls_slow_keys = {
    .sign = on_sign,
    .decrypt = on_decrypt,
    .complete = on_complete,
};

struct weir_tls_signature *weir_tls_take_signature(struct weir_tls *t)
{
    struct weir_tls_signature *s = t->signature;
    if (s == NULL || s->state != WAITS)
        return NULL;
    s->state = BEING_MADE;
    return s;
}

static bool sign(struct weir_tls_signature *s)
{
    EVP_MD_CTX md;
    EVP_PKEY_CTX *ctx = NULL;
    EVP_MD_CTX_init(&md);
    s->out_len = OUTPUT_MAX;
    bool ok = EVP_DigestSignInit(&md, &ctx, SSL_get_signature_algorithm_digest(s->algorithm), NULL,
                                 s->identity->key);
    if (ok && SSL_is_signature_algorithm_rsa_pss(s->algorithm))
        ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, -1 /* as long as the hash */);
    ok = ok && EVP_DigestSign(&md, s->out, &s->out_len, s->in, s->in_len);
    EVP_MD_CTX_cleanup(&md);
    return ok;
}

static bool decrypt(struct weir_tls_signature *s)
{
    RSA *rsa = EVP_PKEY_get0_RSA(s->identity->key);
    return rsa != NULL && RSA_size(rsa) <= OUTPUT_MAX &&
           RSA_decrypt(rsa, &s->out_len, s->out, OUTPUT_MAX, s->in, s->in_len, RSA_NO_PADDING);
}

void weir_tls_signature_make(struct weir_tls_signature *s)
{
    WEIR_ASSERT(s->state == BEING_MADE);
    s->ok = s->decrypts ? decrypt(s) : sign(s);
    ERR_clear_error();
}

void *weir_tls_signature_made(struct weir_tls_signature *s)
{
    WEIR_ASSERT(s->state == BEING_MADE);
    struct weir_tls *t = s->tls;
    s->state = MADE;
    if (t != NULL)
        return t->owner;
    free_signature(s);
    return NULL;
}
