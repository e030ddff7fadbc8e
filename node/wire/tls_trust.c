/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_trust.c - see tls_trust.h.
 */
#include "node/wire/tls_trust.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "node/wire/tls_private.h"

#define MAGIC 0x54525354u

struct weir_tls_trust {
    uint32_t magic;
    uint32_t refs;
    size_t num;
    bool bundle;       /* what cannot be read is passed over */
    X509_STORE *store; /* owns */
};

/* Takes the errors of BoringSSL. One that has left none had no memory for it. */
static enum weir_err failure_kind(void)
{
    uint32_t code = ERR_get_error();
    enum weir_err err = code == 0 ? WEIR_ENOMEM : WEIR_EINVAL;
    for (; code != 0; code = ERR_get_error())
        if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
            err = WEIR_ENOMEM;
    return err;
}

/* All of the bytes must be one certificate. @return NULL: they are not, or there is no memory */
static X509 *read_certificate(struct weir_span der)
{
    const uint8_t *at = der.at;
    X509 *x = d2i_X509(NULL, &at, (long)der.len);
    if (x != NULL && at != der.at + der.len) {
        X509_free(x);
        return NULL;
    }
    return x;
}

static enum weir_err add_certificate(struct weir_tls_trust *t, struct weir_span der,
                                     const char **ret_why)
{
    X509 *x = read_certificate(der);
    enum weir_err err = WEIR_OK;
    /* Its extensions are read now: when they first are without memory, while a chain is verified,
     * BoringSSL takes the certificate for invalid ever after. */
    if (x == NULL || X509_check_purpose(x, -1, 0) != 1 || X509_STORE_add_cert(t->store, x) != 1) {
        *ret_why = "holds a certificate that cannot be read";
        err = ERR_peek_error() == 0 && x == NULL ? WEIR_EINVAL : failure_kind();
    } else {
        t->num++;
    }
    X509_free(x);
    ERR_clear_error();
    return err == WEIR_EINVAL && t->bundle ? WEIR_OK : err;
}

static enum weir_err add_block(struct weir_tls_trust *t, const char *name, struct weir_span der,
                               const char **ret_why)
{
    bool is_certificate =
        strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0;
    if (is_certificate && (t->num < WEIR_TLS_TRUST_MAX || t->bundle))
        return add_certificate(t, der, ret_why);
    if (t->bundle)
        return WEIR_OK;
    if (is_certificate)
        *ret_why = "holds more than 64 certificates";
    else if (strstr(name, "PRIVATE KEY") != NULL)
        *ret_why = "holds a private key: give certificates alone";
    else
        *ret_why = "holds something else than certificates";
    return WEIR_EINVAL;
}

_Static_assert(WEIR_TLS_TRUST_MAX == 64, "as the message says");

/* Why no block could be read: the end of the text, or a fault. */
static enum weir_err no_more_blocks(const struct weir_tls_trust *t, const char **ret_why)
{
    uint32_t last = ERR_peek_last_error();
    if (ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE) {
        ERR_clear_error();
        *ret_why = "holds no certificate in PEM";
        return t->num > 0 ? WEIR_OK : WEIR_EINVAL;
    }
    *ret_why = "is not whole PEM";
    return failure_kind();
}

static enum weir_err add_all(struct weir_tls_trust *t, BIO *in, const char **ret_why)
{
    for (;;) {
        char *name = NULL, *header = NULL;
        uint8_t *der = NULL;
        long len = 0;
        if (PEM_read_bio(in, &name, &header, &der, &len) != 1)
            return no_more_blocks(t, ret_why);
        enum weir_err err = add_block(t, name, weir_span(der, (size_t)len), ret_why);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
        if (err < 0)
            return err;
    }
}

static enum weir_err trust_new(struct weir_span pem, bool bundle, struct weir_tls_trust **ret,
                               const char **ret_why)
{
    WEIR_ASSERT(pem.len <= INT32_MAX);
    ERR_clear_error();
    struct weir_tls_trust *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return WEIR_ENOMEM;
    t->magic = MAGIC;
    t->refs = 1;
    t->bundle = bundle;
    t->store = X509_STORE_new();
    BIO *in = BIO_new_mem_buf(pem.len > 0 ? (const void *)pem.at : "", (int)pem.len);
    enum weir_err err = WEIR_ENOMEM;
    if (t->store != NULL && in != NULL)
        err = add_all(t, in, ret_why);
    BIO_free(in);
    ERR_clear_error();
    if (err < 0)
        weir_tls_trust_unref(t);
    else
        *ret = t;
    return err;
}

enum weir_err weir_tls_trust_new(struct weir_span pem, struct weir_tls_trust **ret,
                                 const char **ret_why)
{
    enum weir_err err = trust_new(pem, false, ret, ret_why);
    /* BoringSSL does not tell each lack of memory from bytes that it cannot read: what was wrong
     * with the text is wrong a second time. */
    return err == WEIR_EINVAL ? trust_new(pem, false, ret, ret_why) : err;
}

enum weir_err weir_tls_trust_new_bundle(struct weir_span pem, struct weir_tls_trust **ret)
{
    const char *why;
    return trust_new(pem, true, ret, &why);
}

struct weir_tls_trust *weir_tls_trust_ref(struct weir_tls_trust *t)
{
    WEIR_ASSERT(t->magic == MAGIC);
    WEIR_ASSERT(t->refs > 0);
    t->refs++;
    return t;
}

void weir_tls_trust_unref(struct weir_tls_trust *t)
{
    if (t == NULL)
        return;
    WEIR_ASSERT(t->magic == MAGIC);
    WEIR_ASSERT(t->refs > 0);
    if (--t->refs > 0)
        return;
    X509_STORE_free(t->store);
    t->magic = 0;
    free(t);
}

size_t weir_tls_trust_num(const struct weir_tls_trust *t)
{
    WEIR_ASSERT(t->magic == MAGIC);
    return t->num;
}

/* -- verifying -- */

static const char *label_of(int error, X509 *leaf)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "certificate_expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "certificate_not_yet_valid";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "certificate_name";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return X509_NAME_cmp(X509_get_subject_name(leaf), X509_get_issuer_name(leaf)) == 0
                   ? "certificate_self_signed"
                   : "certificate_unknown_issuer";
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return "certificate_signature";
    case X509_V_ERR_OUT_OF_MEM:
        return "no_memory";
    default:
        return "certificate_invalid";
    }
}

static bool set_name(X509_STORE_CTX *ctx, const struct weir_tls_peer_name *name)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    if (name == NULL)
        return true;
    if (name->host.len > 0)
        return X509_VERIFY_PARAM_set1_host(param, (const char *)name->host.at, name->host.len) == 1;
    return X509_VERIFY_PARAM_set1_ip(param, name->ip.at, name->ip.len) == 1;
}

/* @param certificates  the leaf first */
static const char *verify_all(const struct weir_tls_trust *t, STACK_OF(X509) * certificates,
                              const struct weir_tls_peer_name *name)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *leaf = sk_X509_value(certificates, 0);
    const char *why = "no_memory";
    if (ctx != NULL && X509_STORE_CTX_init(ctx, t->store, leaf, certificates) == 1 &&
        X509_STORE_CTX_set_default(ctx, name != NULL ? "ssl_server" : "ssl_client") == 1 &&
        set_name(ctx, name))
        why = X509_verify_cert(ctx) == 1 ? NULL : label_of(X509_STORE_CTX_get_error(ctx), leaf);
    X509_STORE_CTX_free(ctx);
    return why;
}

const char *weir_tls_trust_verify(const struct weir_tls_trust *t, const struct weir_span *chain,
                                  size_t num, const struct weir_tls_peer_name *name)
{
    WEIR_ASSERT(t->magic == MAGIC);
    WEIR_ASSERT(num > 0);
    WEIR_ASSERT(name == NULL || (name->host.len > 0) != (name->ip.len > 0));
    STACK_OF(X509) *certificates = sk_X509_new_null();
    const char *why = certificates != NULL ? NULL : "no_memory";
    for (size_t i = 0; i < num && why == NULL; i++) {
        X509 *x = read_certificate(chain[i]);
        if (x == NULL || sk_X509_push(certificates, x) == 0) {
            X509_free(x);
            why = "certificate_invalid";
        }
    }
    if (why == NULL)
        why = verify_all(t, certificates, name);
    sk_X509_pop_free(certificates, X509_free);
    ERR_clear_error();
    return why;
}

/* -- what a server asks for -- */

static bool push_name(STACK_OF(CRYPTO_BUFFER) * names, X509 *x)
{
    uint8_t *der = NULL;
    int len = i2d_X509_NAME(X509_get_subject_name(x), &der);
    CRYPTO_BUFFER *name = len > 0 ? CRYPTO_BUFFER_new(der, (size_t)len, NULL) : NULL;
    OPENSSL_free(der);
    if (name != NULL && sk_CRYPTO_BUFFER_push(names, name) > 0)
        return true;
    CRYPTO_BUFFER_free(name);
    return false;
}

STACK_OF(CRYPTO_BUFFER) * weir_tls_trust_names(const struct weir_tls_trust *t)
{
    STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(t->store);
    STACK_OF(CRYPTO_BUFFER) *names = sk_CRYPTO_BUFFER_new_null();
    bool ok = names != NULL;
    for (size_t i = 0; ok && i < sk_X509_OBJECT_num(all); i++)
        ok = push_name(names, X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i)));
    if (ok)
        return names;
    sk_CRYPTO_BUFFER_pop_free(names, CRYPTO_BUFFER_free);
    return NULL;
}

bool weir_tls_key_sha256(struct weir_span der, uint8_t ret[WEIR_SHA256_LEN])
{
    X509 *x = read_certificate(der);
    uint8_t *key = NULL;
    int len = x != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &key) : -1;
    if (len > 0)
        weir_sha256(weir_span(key, (size_t)len), ret);
    OPENSSL_free(key);
    X509_free(x);
    ERR_clear_error();
    return len > 0;
}
