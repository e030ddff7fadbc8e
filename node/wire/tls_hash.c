/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_hash.c - see tls_hash.h.
 */
#include "node/wire/tls_hash.h"

#include <openssl/digest.h>
#include <openssl/hkdf.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "node/base/contract.h"

void weir_sha256(struct weir_span bytes, uint8_t ret[WEIR_SHA256_LEN])
{
    SHA256(bytes.at, bytes.len, ret);
}

void weir_hkdf_sha256(struct weir_span secret, struct weir_span salt, struct weir_span info,
                      uint8_t ret[WEIR_SHA256_LEN])
{
    int ok = HKDF(ret, WEIR_SHA256_LEN, EVP_sha256(), secret.at, secret.len, salt.at, salt.len,
                  info.at, info.len);
    WEIR_ASSERT(ok == 1); /* it fails for longer outputs alone */
}

bool weir_secret_eq(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void weir_wipe(void *at, size_t len)
{
    OPENSSL_cleanse(at, len);
}

void weir_random_secret(void *at, size_t len)
{
    int ok = RAND_bytes(at, len);
    WEIR_ASSERT(ok == 1); /* it ends the process itself when the kernel has no randomness */
}
