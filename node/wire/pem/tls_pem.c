/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_pem.c - see tls_pem.h.
 */
#include "node/wire/pem/tls_pem.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define SERIAL_LEN     16
#define VERSION_3      2  /* as it is encoded */
#define COMMON_MAX     64 /* bytes; RFC 5280 appendix A, ub-common-name */
#define DAY_S          86400
#define PKCS8_LEN_HINT 256

/* -- reading -- */

/* What was read, in BoringSSL's objects. */
struct reading {
    BIO *certificates;
    BIO *keys;
    X509 *leaf; /* the first, which `der` has too */
    EVP_PKEY *key;
    uint8_t *pkcs8;
    size_t pkcs8_len;
    uint8_t *der[WEIR_TLS_CHAIN_MAX];
    struct weir_span chain[WEIR_TLS_CHAIN_MAX];
    size_t num;
};

static void end_reading(struct reading *g)
{
    for (size_t i = 0; i < g->num; i++)
        OPENSSL_free(g->der[i]);
    OPENSSL_free(g->pkcs8); /* BoringSSL wipes what it frees */
    EVP_PKEY_free(g->key);
    X509_free(g->leaf);
    BIO_free(g->keys);
    BIO_free(g->certificates);
    ERR_clear_error();
}

/* What BoringSSL failed by. @return WEIR_EINVAL, or WEIR_ENOMEM */
static enum weir_err failure(const char *why, const char **ret_why)
{
    enum weir_err err = WEIR_EINVAL;
    for (uint32_t code = ERR_get_error(); code != 0; code = ERR_get_error())
        if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
            err = WEIR_ENOMEM;
    *ret_why = why;
    return err;
}

/* Takes x. */
static enum weir_err add_certificate(struct reading *g, X509 *x, const char **ret_why)
{
    int len = i2d_X509(x, &g->der[g->num]);
    if (len > 0) {
        g->chain[g->num] = weir_span(g->der[g->num], (size_t)len);
        g->num++;
    }
    if (g->leaf == NULL)
        g->leaf = x;
    else
        X509_free(x);
    return len > 0 ? WEIR_OK : failure("has a certificate that cannot be encoded", ret_why);
}

static bool is_end_of_text(void)
{
    uint32_t last = ERR_peek_last_error();
    return ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

static enum weir_err read_chain(struct reading *g, const char **ret_why)
{
    enum weir_err err = WEIR_OK;
    ERR_clear_error();
    while (err == WEIR_OK) {
        X509 *x = PEM_read_bio_X509(g->certificates, NULL, NULL, NULL);
        if (x == NULL && is_end_of_text() && g->num > 0)
            return WEIR_OK;
        if (x == NULL)
            return failure(is_end_of_text() ? "has no certificate in PEM"
                                            : "has a certificate that cannot be read",
                           ret_why);
        if (g->num == WEIR_TLS_CHAIN_MAX) {
            X509_free(x);
            *ret_why = "has more than 10 certificates";
            return WEIR_EINVAL;
        }
        err = add_certificate(g, x, ret_why);
    }
    return err;
}
_Static_assert(WEIR_TLS_CHAIN_MAX == 10, "as the message says");

static enum weir_err read_key(struct reading *g, const char **ret_why)
{
    CBB cbb;
    g->key = PEM_read_bio_PrivateKey(g->keys, NULL, NULL, NULL);
    if (g->key == NULL)
        return failure("has no private key in PEM that can be read without a password", ret_why);
    if (X509_check_private_key(g->leaf, g->key) != 1)
        return failure("has a private key that does not belong to the certificate", ret_why);
    if (CBB_init(&cbb, PKCS8_LEN_HINT) != 1)
        return WEIR_ENOMEM;
    if (EVP_marshal_private_key(&cbb, g->key) != 1 ||
        CBB_finish(&cbb, &g->pkcs8, &g->pkcs8_len) != 1) {
        CBB_cleanup(&cbb);
        return failure("has a private key that TLS cannot use", ret_why);
    }
    return WEIR_OK;
}

static enum weir_err read_not_after(const struct reading *g, int64_t *ret, const char **ret_why)
{
    int days = 0;
    int seconds = 0;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    bool ok =
        epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(g->leaf)) == 1;
    ASN1_TIME_free(epoch);
    *ret = (int64_t)days * DAY_S + seconds;
    return ok ? WEIR_OK : failure("has a certificate with a date that cannot be read", ret_why);
}

enum weir_err weir_tls_pem_read(struct weir_span certificate, struct weir_span key,
                                struct weir_tls_pem *ret, const char **ret_why)
{
    struct weir_tls_pem p = { .identity = NULL };
    WEIR_ASSERT(certificate.len <= INT32_MAX);
    WEIR_ASSERT(key.len <= INT32_MAX);
    *ret_why = "cannot be read";
    struct reading g = { .certificates = BIO_new_mem_buf(certificate.at, (int)certificate.len),
                         .keys = BIO_new_mem_buf(key.at, (int)key.len) };
    enum weir_err err = g.certificates == NULL || g.keys == NULL ? WEIR_ENOMEM : WEIR_OK;
    if (err == WEIR_OK)
        err = read_chain(&g, ret_why);
    if (err == WEIR_OK)
        err = read_key(&g, ret_why);
    if (err == WEIR_OK)
        err = read_not_after(&g, &p.not_after_s, ret_why);
    if (err == WEIR_OK) {
        *ret_why = "has a private key of a kind that TLS cannot use";
        err = weir_tls_identity_new(g.chain, g.num, weir_span(g.pkcs8, g.pkcs8_len), &p.identity);
    }
    if (err == WEIR_OK) {
        weir_sha256(g.chain[0], p.fingerprint);
        *ret = p;
    }
    end_reading(&g);
    return err;
}

/* -- making -- */

static bool add_name(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
    GENERAL_NAME *name = value != NULL ? GENERAL_NAME_new() : NULL;
    if (name == NULL) {
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, value);
    if (sk_GENERAL_NAME_push(names, name) > 0)
        return true;
    GENERAL_NAME_free(name);
    return false;
}

static ASN1_STRING *string_of(int type, struct weir_span bytes)
{
    ASN1_STRING *s = ASN1_STRING_type_new(type);
    if (s != NULL && ASN1_STRING_set(s, bytes.at, (int)bytes.len) == 1)
        return s;
    ASN1_STRING_free(s);
    return NULL;
}

static bool add_names(GENERAL_NAMES *list, const struct weir_tls_pem_names *names)
{
    for (size_t i = 0; i < names->num_dns; i++)
        if (!add_name(list, GEN_DNS, string_of(V_ASN1_IA5STRING, weir_span_cstr(names->dns[i]))))
            return false;
    for (size_t i = 0; i < names->num_ips; i++) {
        const struct weir_addr *a = &names->ips[i];
        struct weir_span ip = weir_addr_is_v4(a) ? weir_span(a->ip + 12, 4) : weir_span(a->ip, 16);
        if (!add_name(list, GEN_IPADD, string_of(V_ASN1_OCTET_STRING, ip)))
            return false;
    }
    return true;
}

/* X509_add1_ext_i2d would do, but for what it leaks when there is no memory. Takes der. */
static bool add_extension(X509 *x, int nid, uint8_t *der, int len)
{
    ASN1_STRING *value =
        len > 0 ? string_of(V_ASN1_OCTET_STRING, weir_span(der, (size_t)len)) : NULL;
    X509_EXTENSION *e = value != NULL ? X509_EXTENSION_create_by_NID(NULL, nid, 0, value) : NULL;
    bool ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    ASN1_STRING_free(value);
    OPENSSL_free(der);
    return ok;
}

/* The one extension: BoringSSL frees them all when there is no memory for a second. Basic
 * constraints would say what their absence says as well, that it is no authority; with a key usage
 * OpenSSL takes no certificate for its own issuer that may not sign others. */
static bool add_alternative_names(X509 *x, const struct weir_tls_pem_names *names)
{
    uint8_t *der = NULL;
    GENERAL_NAMES *list = GENERAL_NAMES_new();
    int len = list != NULL && add_names(list, names) ? i2d_GENERAL_NAMES(list, &der) : 0;
    GENERAL_NAMES_free(list);
    return add_extension(x, NID_subject_alt_name, der, len);
}

static bool set_serial(X509 *x)
{
    uint8_t bytes[SERIAL_LEN];
    (void)RAND_bytes(bytes, sizeof(bytes));
    bytes[0] &= 0x7f; /* not negative */
    BIGNUM *n = BN_bin2bn(bytes, sizeof(bytes), NULL);
    ASN1_INTEGER *serial = n != NULL ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
    bool ok = serial != NULL && X509_set_serialNumber(x, serial) == 1;
    ASN1_INTEGER_free(serial);
    BN_free(n);
    return ok;
}

static bool set_subject(X509 *x, const char *common)
{
    size_t len = strnlen(common, COMMON_MAX);
    X509_NAME *name = X509_NAME_new();
    bool ok = name != NULL &&
              X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                         (const uint8_t *)common, (int)len, -1, 0) == 1 &&
              X509_set_subject_name(x, name) == 1 && X509_set_issuer_name(x, name) == 1;
    X509_NAME_free(name);
    return ok;
}

static bool fill_certificate(X509 *x, EVP_PKEY *key, const struct weir_tls_pem_names *names,
                             int64_t wall_s)
{
    return X509_set_version(x, VERSION_3) == 1 && set_serial(x) &&
           ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(wall_s - DAY_S)) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(x),
                         (time_t)(wall_s + (int64_t)WEIR_TLS_PEM_DAYS * DAY_S)) != NULL &&
           set_subject(x, names->common) && X509_set_pubkey(x, key) == 1 &&
           add_alternative_names(x, names) && X509_sign(x, key, EVP_sha256()) > 0;
}

static EVP_PKEY *new_key(void)
{
    EVP_PKEY *key = EVP_PKEY_new();
    EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    if (key != NULL && ec != NULL && EC_KEY_generate_key(ec) == 1 &&
        EVP_PKEY_set1_EC_KEY(key, ec) == 1) {
        EC_KEY_free(ec);
        return key;
    }
    EC_KEY_free(ec);
    EVP_PKEY_free(key);
    return NULL;
}

static bool write_pem(X509 *x, EVP_PKEY *key, struct weir_strbuf *out, size_t *ret_certificate_len)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio != NULL && PEM_write_bio_X509(bio, x) == 1 &&
              BIO_mem_contents(bio, &bytes, ret_certificate_len) == 1 &&
              PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
              BIO_mem_contents(bio, &bytes, &len) == 1;
    if (ok)
        weir_strbuf_add(out, weir_span(bytes, len));
    BIO_free(bio);
    return ok && !out->failed;
}

enum weir_err weir_tls_pem_make(const struct weir_tls_pem_names *names, int64_t wall_s,
                                struct weir_strbuf *out, size_t *ret_certificate_len)
{
    const char *why = NULL;
    WEIR_ASSERT(out->len == 0);
    WEIR_ASSERT(names->num_dns <= WEIR_TLS_PEM_NAMES_MAX);
    WEIR_ASSERT(names->num_ips <= WEIR_TLS_PEM_NAMES_MAX);
    ERR_clear_error();
    X509 *x = X509_new();
    EVP_PKEY *key = new_key();
    enum weir_err err = WEIR_OK;
    if (x == NULL || key == NULL)
        err = WEIR_ENOMEM;
    else if (!fill_certificate(x, key, names, wall_s))
        err = failure("", &why);
    else if (!write_pem(x, key, out, ret_certificate_len))
        err = WEIR_ENOMEM;
    EVP_PKEY_free(key);
    X509_free(x);
    ERR_clear_error();
    return err;
}

void weir_tls_fingerprint_text(const uint8_t fingerprint[WEIR_SHA256_LEN],
                               char out[WEIR_TLS_FINGERPRINT_TEXT])
{
    snprintf(out, WEIR_TLS_FINGERPRINT_TEXT, "sha256:");
    for (size_t i = 0; i < WEIR_SHA256_LEN; i++)
        snprintf(out + 7 + 2 * i, 3, "%02x", fingerprint[i]);
}
