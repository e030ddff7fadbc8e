/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_values.h - certificates with their keys, made on the spot, for tests. Include it in one file
 * of a program. Keys are slow to make, so that each kind is made once unless `fresh` asks for
 * another.
 */
#ifndef WEIR_TESTS_SUPPORT_CERT_VALUES_H
#define WEIR_TESTS_SUPPORT_CERT_VALUES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "node/base/span.h"
#include "node/wire/tls_identity.h"

#define CERT_NOW UINT64_C(1800000000) /* Unix seconds: when these tests play */
#define CERT_DAY UINT64_C(86400)

/** How a certificate is to be; what is zero has a default. */
struct cert_spec {
    const char *subject;     /* its common name; NULL: none */
    const char *names;       /* as in a config: "DNS:a.example,DNS:*.b.example"; NULL: no SAN */
    int nid;                 /* curve; NID_rsaEncryption: RSA; NID_ED25519; 0: P-256 */
    unsigned bits;           /* of RSA; 0: 2048 */
    uint64_t not_before;     /* 0: a day ago */
    uint64_t not_after;      /* 0: in 90 days */
    const struct cert *from; /* who signs; NULL: itself */
    bool is_ca;
    bool fresh;       /* a key of its own */
    const EVP_MD *md; /* NULL: SHA-256 */
};

struct cert {
    X509 *x;
    EVP_PKEY *key; /* borrowed when it is shared */
    bool own_key;
    struct weir_span der, pkcs8; /* owned */
};

static inline EVP_PKEY *cert_key_make(int nid, unsigned bits)
{
    EVP_PKEY *key = NULL;

    if (nid == NID_rsaEncryption || nid == NID_ED25519) {
        EVP_PKEY_CTX *ctx =
            EVP_PKEY_CTX_new_id(nid == NID_ED25519 ? EVP_PKEY_ED25519 : EVP_PKEY_RSA, NULL);

        assert_non_null(ctx);
        assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
        if (nid == NID_rsaEncryption)
            assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits), 1);
        assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
        EVP_PKEY_CTX_free(ctx);
        return key;
    }
    EC_KEY *ec = EC_KEY_new_by_curve_name(nid);
    assert_non_null(ec);
    assert_int_equal(EC_KEY_generate_key(ec), 1);
    key = EVP_PKEY_new();
    assert_int_equal(EVP_PKEY_assign_EC_KEY(key, ec), 1);
    return key;
}

static struct cert_kept_key {
    int nid;
    unsigned bits;
    EVP_PKEY *key;
} cert_kept[16];

/** A key of this kind, made once. */
static inline EVP_PKEY *cert_key_kept(int nid, unsigned bits)
{
    size_t i = 0;

    while (cert_kept[i].key != NULL && (cert_kept[i].nid != nid || cert_kept[i].bits != bits)) {
        i++;
        assert_true(i < sizeof(cert_kept) / sizeof(cert_kept[0]));
    }
    if (cert_kept[i].key == NULL)
        cert_kept[i] = (struct cert_kept_key){ nid, bits, cert_key_make(nid, bits) };
    return cert_kept[i].key;
}

/** Free the keys that were made once, at the end of a program. */
static inline void cert_keys_free(void)
{
    for (size_t i = 0; i < sizeof(cert_kept) / sizeof(cert_kept[0]); i++)
        EVP_PKEY_free(cert_kept[i].key);
    memset(cert_kept, 0, sizeof(cert_kept));
}

static inline void cert_add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);

    assert_non_null(ext);
    assert_int_equal(X509_add_ext(x, ext, -1), 1);
    X509_EXTENSION_free(ext);
}

static inline void cert_name_set(X509_NAME *name, const char *common_name)
{
    if (common_name != NULL)
        assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                                    (const uint8_t *)common_name,
                                                    (int)strlen(common_name), -1, 0),
                         1);
}

static inline void cert_encode(struct cert *c)
{
    uint8_t *der = NULL;
    uint8_t *pkcs8 = NULL;
    size_t pkcs8_len = 0;
    CBB cbb;
    int len = i2d_X509(c->x, &der);

    assert_true(len > 0);
    c->der = weir_span(der, (size_t)len);
    assert_int_equal(CBB_init(&cbb, 256), 1);
    assert_int_equal(EVP_marshal_private_key(&cbb, c->key), 1);
    assert_int_equal(CBB_finish(&cbb, &pkcs8, &pkcs8_len), 1);
    c->pkcs8 = weir_span(pkcs8, pkcs8_len);
}

/** Make a certificate; its serial number is its own. */
static inline void cert_make(struct cert *c, const struct cert_spec *spec)
{
    static long serial;
    int nid = spec->nid != 0 ? spec->nid : NID_X9_62_prime256v1;
    unsigned bits = nid != NID_rsaEncryption ? 0 : spec->bits != 0 ? spec->bits : 2048;
    const struct cert *from = spec->from != NULL ? spec->from : c;
    const EVP_MD *md = spec->md != NULL ? spec->md : EVP_sha256();

    c->x = X509_new();
    c->own_key = spec->fresh;
    c->key = spec->fresh ? cert_key_make(nid, bits) : cert_key_kept(nid, bits);
    assert_int_equal(X509_set_version(c->x, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c->x), ++serial), 1);
    assert_non_null(
        ASN1_TIME_set(X509_getm_notBefore(c->x),
                      (time_t)(spec->not_before != 0 ? spec->not_before : CERT_NOW - CERT_DAY)));
    assert_non_null(
        ASN1_TIME_set(X509_getm_notAfter(c->x),
                      (time_t)(spec->not_after != 0 ? spec->not_after : CERT_NOW + 90 * CERT_DAY)));
    cert_name_set(X509_get_subject_name(c->x), spec->subject);
    assert_int_equal(X509_set_issuer_name(c->x, X509_get_subject_name(from->x)), 1);
    assert_int_equal(X509_set_pubkey(c->x, c->key), 1);
    if (spec->is_ca)
        cert_add_extension(c->x, NID_basic_constraints, "critical,CA:TRUE");
    if (spec->names != NULL)
        cert_add_extension(c->x, NID_subject_alt_name, spec->names);
    if (EVP_PKEY_id(from->key) == EVP_PKEY_ED25519)
        md = NULL;
    assert_true(X509_sign(c->x, from->key, md) > 0);
    cert_encode(c);
}

static inline void cert_free(struct cert *c)
{
    X509_free(c->x);
    if (c->own_key)
        EVP_PKEY_free(c->key);
    OPENSSL_free((void *)(uintptr_t)c->der.at);
    OPENSSL_free((void *)(uintptr_t)c->pkcs8.at);
    memset(c, 0, sizeof(*c));
}

#endif
