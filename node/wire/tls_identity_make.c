/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_identity_make.c - see tls_identity.h.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pool.h>
#include <openssl/rsa.h>

#include "node/base/buffers/secret_heap.h"
#include "node/wire/tls_hash.h"
#include "node/wire/tls_identity.h"
#include "node/wire/tls_identity_private.h"

#define SLOW_RSA_BITS 2048 /* more than these take over a millisecond */
#define RSA_BITS_MAX  8192

static bool find_ec_kind(const EVP_PKEY *key, enum weir_tls_key_kind *ret)
{
    switch (EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)))) {
    case NID_X9_62_prime256v1:
        *ret = WEIR_TLS_KEY_P256;
        return true;
    case NID_secp384r1:
        *ret = WEIR_TLS_KEY_P384;
        return true;
    case NID_secp521r1:
        *ret = WEIR_TLS_KEY_P521;
        return true;
    default:
        return false;
    }
}

static bool find_kind(const EVP_PKEY *key, enum weir_tls_key_kind *ret)
{
    switch (EVP_PKEY_id(key)) {
    case EVP_PKEY_EC:
        return find_ec_kind(key, ret);
    case EVP_PKEY_RSA:
        *ret = WEIR_TLS_KEY_RSA;
        return EVP_PKEY_bits(key) <= RSA_BITS_MAX;
    case EVP_PKEY_ED25519:
        *ret = WEIR_TLS_KEY_ED25519;
        return true;
    default:
        return false;
    }
}

/* -- memory: keys are in the secret heap -- */

/* BoringSSL calls these, by their names, for each piece of its memory, on every thread. */
void *OPENSSL_memory_alloc(size_t size);
void OPENSSL_memory_free(void *ptr);
size_t OPENSSL_memory_get_size(void *ptr);

/** As malloc; of a thread that is inside the secret heap, from there. */
void *OPENSSL_memory_alloc(size_t size)
{
    void *at = weir_secret_heap_inside() ? weir_secret_heap_alloc(size) : NULL;
    /* Of nothing, too, BoringSSL copies as many bytes as OPENSSL_memory_get_size finds. */
    return at != NULL ? at : malloc(size > 0 ? size : 1);
}

/** Wipe and free. */
void OPENSSL_memory_free(void *ptr)
{
    if (weir_secret_heap_owns(ptr)) {
        weir_secret_heap_free(ptr);
        return;
    }
    explicit_bzero(ptr, malloc_usable_size(ptr));
    free(ptr);
}

/** At least what was asked for. */
size_t OPENSSL_memory_get_size(void *ptr)
{
    return weir_secret_heap_owns(ptr) ? weir_secret_heap_size(ptr) : malloc_usable_size(ptr);
}

/* What an RSA key prepares at its first use has its primes in it: let it do that here. Larger keys
 * are used inside the secret heap anyway (tls_signature.c), and would take too long. */
static void prepare_key(const struct weir_tls_identity *id)
{
    uint8_t out[RSA_BITS_MAX / 8];
    uint8_t digest[WEIR_SHA256_LEN] = { 0 };
    unsigned len = 0;
    RSA *rsa = EVP_PKEY_get0_RSA(id->key);
    if (rsa != NULL && !id->slow && RSA_size(rsa) <= sizeof(out))
        (void)RSA_sign(NID_sha256, digest, sizeof(digest), out, &len, rsa);
    ERR_clear_error();
}

static enum weir_err read_key(struct weir_tls_identity *id, struct weir_span pkcs8)
{
    CBS cbs;
    CBS_init(&cbs, pkcs8.at, pkcs8.len);
    ERR_clear_error(); /* the thread's own queue is made outside */
    weir_secret_heap_enter();
    id->key = EVP_parse_private_key(&cbs);
    weir_secret_heap_leave();
    ERR_clear_error();
    if (id->key == NULL || CBS_len(&cbs) != 0 || !find_kind(id->key, &id->kind))
        return WEIR_EINVAL;
    id->slow = id->kind == WEIR_TLS_KEY_P521 ||
               (id->kind == WEIR_TLS_KEY_RSA && EVP_PKEY_bits(id->key) > SLOW_RSA_BITS);
    weir_secret_heap_enter();
    prepare_key(id);
    weir_secret_heap_leave();
    return WEIR_OK;
}

static enum weir_err copy_chain(struct weir_tls_identity *id, const struct weir_span *chain,
                                size_t num)
{
    for (size_t i = 0; i < num; i++) {
        id->chain[i] = CRYPTO_BUFFER_new(chain[i].at, chain[i].len, NULL);
        if (id->chain[i] == NULL) {
            ERR_clear_error();
            return WEIR_ENOMEM;
        }
        id->num++;
        id->bytes += chain[i].len;
    }
    return WEIR_OK;
}

enum weir_err weir_tls_identity_new(const struct weir_span *chain, size_t num,
                                    struct weir_span pkcs8, struct weir_tls_identity **ret)
{
    WEIR_ASSERT(num >= 1 && num <= WEIR_TLS_CHAIN_MAX);
    struct weir_tls_identity *id = calloc(1, sizeof(*id));
    if (id == NULL)
        return WEIR_ENOMEM;
    id->magic = WEIR_TLS_IDENTITY_MAGIC;
    id->refs = 1;
    id->bytes = sizeof(*id) + 2 * pkcs8.len + 1024; /* the key, read */
    enum weir_err err = read_key(id, pkcs8);
    if (err == WEIR_OK)
        err = copy_chain(id, chain, num);
    if (err < 0)
        weir_tls_identity_unref(id);
    else
        *ret = id;
    return err;
}

struct weir_tls_identity *weir_tls_identity_ref(struct weir_tls_identity *id)
{
    WEIR_ASSERT(id->magic == WEIR_TLS_IDENTITY_MAGIC);
    WEIR_ASSERT(id->refs > 0);
    id->refs++;
    return id;
}

void weir_tls_identity_unref(struct weir_tls_identity *id)
{
    if (id == NULL)
        return;
    WEIR_ASSERT(id->magic == WEIR_TLS_IDENTITY_MAGIC);
    WEIR_ASSERT(id->refs > 0);
    if (--id->refs > 0)
        return;
    for (size_t i = 0; i < id->num; i++)
        CRYPTO_BUFFER_free(id->chain[i]);
    EVP_PKEY_free(id->key); /* BoringSSL wipes what it frees */
    id->magic = 0;
    free(id);
}

enum weir_tls_key_kind weir_tls_identity_kind(const struct weir_tls_identity *id)
{
    return id->kind;
}

bool weir_tls_identity_is_slow(const struct weir_tls_identity *id)
{
    return id->slow;
}

size_t weir_tls_identity_bytes(const struct weir_tls_identity *id)
{
    return id->bytes;
}
