/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_reader.c - see cert_read.h: the reader, and the choice of what has a key.
 */
#include "tenants/certs/cert_reader.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "node/base/buffers/secret_pages.h"
#include "node/wire/tls_hash.h"

#define ARENA_BLOCK 16384
#define ARENA_MAX   (4u << 20) /* bytes: the largest chain, and its names */

enum weir_err weir_cert_reader_new(struct weir_cert_reader **ret)
{
    struct weir_cert_reader *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return WEIR_ENOMEM;
    weir_arena_init(&r->arena, ARENA_BLOCK, ARENA_MAX);
    r->secrets = weir_secret_pages_new(sizeof(*r->secrets));
    if (r->secrets == NULL) {
        free(r);
        return WEIR_ENOMEM;
    }
    *ret = r;
    return WEIR_OK;
}

void weir_cert_reader_reset(struct weir_cert_reader *r)
{
    for (size_t i = 0; i < r->num_certs; i++)
        X509_free(r->certs[i].x);
    for (size_t i = 0; i < r->num_keys; i++)
        EVP_PKEY_free(r->keys[i].key);
    r->num_certs = 0;
    r->num_keys = 0;
    r->num_refused = 0;
    weir_wipe(r->secrets->pkcs8, sizeof(r->secrets->pkcs8));
    weir_arena_reset(&r->arena);
}

void weir_cert_reader_free(struct weir_cert_reader **rp)
{
    struct weir_cert_reader *r = *rp;

    if (r == NULL)
        return;
    weir_cert_reader_reset(r);
    weir_arena_deinit(&r->arena);
    weir_secret_pages_free((void **)&r->secrets, sizeof(*r->secrets));
    free(r);
    *rp = NULL;
}

enum weir_err weir_cert_reader_add(struct weir_cert_reader *r, const struct weir_cert_file *file,
                                   struct weir_cert_notes *notes)
{
    struct weir_reading g = { .r = r, .file = file, .notes = notes };

    WEIR_ASSERT(file->name != NULL);
    weir_cert_formats_read(&g);
    ERR_clear_error();
    return g.err;
}

/* -- parts -- */

static void hash_name(X509_NAME *name, uint8_t ret[32])
{
    uint8_t *der = NULL;
    int len = i2d_X509_NAME(name, &der);

    memset(ret, 0, 32);
    if (len > 0)
        weir_sha256(weir_span(der, (size_t)len), ret);
    OPENSSL_free(der);
}

static void hash_public(EVP_PKEY *key, uint8_t ret[32])
{
    uint8_t *der = NULL;
    size_t len = 0;
    CBB cbb;

    memset(ret, 0, 32);
    if (key != NULL && CBB_init(&cbb, 128) == 1) {
        if (EVP_marshal_public_key(&cbb, key) == 1 && CBB_finish(&cbb, &der, &len) == 1)
            weir_sha256(weir_span(der, len), ret);
        else
            CBB_cleanup(&cbb);
    }
    OPENSSL_free(der);
    ERR_clear_error();
}

/* @return an empty span: out of memory */
static struct weir_span der_of(struct weir_cert_reader *r, X509 *x)
{
    int len = i2d_X509(x, NULL);
    uint8_t *der = len > 0 ? weir_arena_alloc(&r->arena, (size_t)len) : NULL;
    uint8_t *at = der;

    if (der == NULL || i2d_X509(x, &at) != len) {
        ERR_clear_error();
        return WEIR_SPAN_EMPTY;
    }
    return weir_span(der, (size_t)len);
}

bool weir_cert_reader_part(struct weir_cert_reader *r, size_t at, struct weir_cert_part *ret)
{
    *ret = (struct weir_cert_part){ .is_key = at >= r->num_certs };
    if (at < r->num_certs) {
        X509 *x = r->certs[at].x;
        EVP_PKEY *key = X509_get_pubkey(x);

        hash_public(key, ret->pair);
        EVP_PKEY_free(key);
        hash_name(X509_get_subject_name(x), ret->subject);
        hash_name(X509_get_issuer_name(x), ret->issuer);
        ret->is_ca = X509_check_ca(x) != 0;
        ret->der = der_of(r, x);
        ERR_clear_error();
        return true;
    }
    if (at - r->num_certs >= r->num_keys)
        return false;
    hash_public(r->keys[at - r->num_certs].key, ret->pair);
    return true;
}

/* -- the certificate with its key -- */

static bool has_key(const struct weir_cert_reader *r, X509 *x, size_t *ret_key)
{
    EVP_PKEY *public = X509_get_pubkey(x);
    bool found = false;

    for (size_t i = 0; public != NULL && i < r->num_keys && !found; i++)
        if (EVP_PKEY_cmp(r->keys[i].key, public) == 1) {
            *ret_key = i;
            found = true;
        }
    EVP_PKEY_free(public);
    ERR_clear_error();
    return found;
}

/* Of several that have a key: no issuer of another, then the one that ends last. */
static bool is_better(X509 *x, X509 *than)
{
    int days = 0;
    int seconds = 0;
    bool ca = X509_check_ca(x) != 0;
    bool than_ca = X509_check_ca(than) != 0;

    if (ca != than_ca)
        return than_ca;
    if (ASN1_TIME_diff(&days, &seconds, X509_get0_notAfter(than), X509_get0_notAfter(x)) != 1)
        ERR_clear_error();
    return days > 0 || (days == 0 && seconds > 0);
}

static void note_no_pair(const struct weir_cert_reader *r, struct weir_cert_notes *notes)
{
    char subject[WEIR_CERT_TEXT_MAX];

    if (r->num_certs == 0) {
        weir_cert_note(notes, WEIR_CERT_FAULT, "no certificate was found");
        return;
    }
    weir_cert_name_text(X509_get_subject_name(r->certs[0].x), subject);
    if (r->num_keys == 0 && r->num_refused == 0)
        weir_cert_note(notes, WEIR_CERT_FAULT,
                       "no private key was found for \"%s\": give its file with --key", subject);
    else if (r->num_keys > 0)
        weir_cert_note(notes, WEIR_CERT_FAULT,
                       "the private key of %s belongs to none of the certificates, such as \"%s\" "
                       "of %s",
                       r->keys[0].from, subject, r->certs[0].from);
}

/* @return false: there is none, noted */
static bool choose_leaf(const struct weir_cert_reader *r, const struct weir_cert_rules *rules,
                        struct weir_cert_notes *notes, size_t *ret_leaf, size_t *ret_key)
{
    bool found = false;
    size_t key = 0;

    for (size_t i = 0; i < r->num_certs; i++) {
        if (!has_key(r, r->certs[i].x, &key) && !(rules->any_key && r->num_keys == 0))
            continue;
        if (found && !is_better(r->certs[i].x, r->certs[*ret_leaf].x))
            continue;
        *ret_leaf = i;
        *ret_key = key;
        found = true;
    }
    if (!found)
        note_no_pair(r, notes);
    return found;
}

/* The key as PKCS #8, in secret pages. */
static enum weir_err write_key(struct weir_cert_reader *r, EVP_PKEY *key,
                               struct weir_cert_notes *notes, struct weir_cert_bundle *ret)
{
    size_t len = 0;
    CBB cbb;

    if (CBB_init_fixed(&cbb, r->secrets->pkcs8, sizeof(r->secrets->pkcs8)) == 1 &&
        EVP_marshal_private_key(&cbb, key) == 1 && CBB_finish(&cbb, NULL, &len) == 1 && len > 0) {
        ret->pkcs8 = weir_span(r->secrets->pkcs8, len);
        return WEIR_OK;
    }
    CBB_cleanup(&cbb);
    ERR_clear_error();
    weir_cert_note(notes, WEIR_CERT_FAULT, "its private key cannot be stored: it is too large");
    return WEIR_OK;
}

static enum weir_err fill_chain(struct weir_cert_reader *r, const size_t *at, size_t num,
                                struct weir_cert_bundle *ret)
{
    for (size_t i = 0; i < num; i++) {
        ret->chain[i] = der_of(r, r->certs[at[i]].x);
        if (ret->chain[i].len == 0)
            return WEIR_ENOMEM;
    }
    ret->num = num;
    return WEIR_OK;
}

enum weir_err weir_cert_reader_finish(struct weir_cert_reader *r,
                                      const struct weir_cert_rules *rules,
                                      struct weir_cert_notes *notes, struct weir_cert_bundle *ret)
{
    size_t chain[WEIR_TLS_CHAIN_MAX];
    size_t leaf = 0;
    size_t key = 0;

    *ret = (struct weir_cert_bundle){ .num = 0 };
    if (!choose_leaf(r, rules, notes, &leaf, &key))
        return WEIR_EINVAL;
    size_t num = weir_cert_chain_build(r, leaf, notes, chain);
    enum weir_err err = weir_cert_check_leaf(r, r->certs[leaf].x, rules, notes, ret);
    for (size_t i = 1; err == WEIR_OK && i < num; i++)
        weir_cert_check_above(r->certs[chain[i]].x, rules, notes);
    if (err == WEIR_OK && r->num_keys > 0)
        err = write_key(r, r->keys[key].key, notes, ret);
    if (err == WEIR_OK)
        err = fill_chain(r, chain, num, ret);
    if (err < 0)
        return err;
    return weir_cert_notes_refuse(notes, rules->force) ? WEIR_EINVAL : WEIR_OK;
}
