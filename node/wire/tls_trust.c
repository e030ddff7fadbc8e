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

#define MAGIC 0x54525354u

struct weir_tls_trust {
    uint32_t magic;
    uint32_t refs;
    size_t num;
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

static enum weir_err add_certificate(struct weir_tls_trust *t, const uint8_t *der, size_t len,
                                     const char **ret_why)
{
    const uint8_t *at = der;
    X509 *x = d2i_X509(NULL, &at, (long)len);
    enum weir_err err = WEIR_OK;
    if (x == NULL || at != der + len || X509_STORE_add_cert(t->store, x) != 1)
        err = x != NULL && at != der + len ? WEIR_EINVAL : failure_kind();
    X509_free(x);
    ERR_clear_error();
    *ret_why = "holds a certificate that cannot be read";
    t->num++;
    return err;
}

static enum weir_err add_block(struct weir_tls_trust *t, const char *name, struct weir_span der,
                               const char **ret_why)
{
    if (strstr(name, "PRIVATE KEY") != NULL) {
        *ret_why = "holds a private key: give certificates alone";
        return WEIR_EINVAL;
    }
    if (strcmp(name, PEM_STRING_X509) != 0 && strcmp(name, PEM_STRING_X509_OLD) != 0) {
        *ret_why = "holds something else than certificates";
        return WEIR_EINVAL;
    }
    if (t->num == WEIR_TLS_TRUST_MAX) {
        *ret_why = "holds more than 64 certificates";
        return WEIR_EINVAL;
    }
    return add_certificate(t, der.at, der.len, ret_why);
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

enum weir_err weir_tls_trust_new(struct weir_span pem, struct weir_tls_trust **ret,
                                 const char **ret_why)
{
    WEIR_ASSERT(pem.len <= INT32_MAX);
    ERR_clear_error();
    struct weir_tls_trust *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return WEIR_ENOMEM;
    t->magic = MAGIC;
    t->refs = 1;
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
