/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_hash.c - see tls_hash.h.
 */
#include "node/wire/tls_hash.h"

#include <string.h>

#include <openssl/mem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "node/base/contract.h"

void weir_sha256(struct weir_span bytes, uint8_t ret[WEIR_SHA256_LEN])
{
    SHA256(bytes.at, bytes.len, ret);
}

/* HMAC over two parts. The library's own allocates, so it can fail; this cannot. Ref: RFC 2104. */
static void hmac(struct weir_span key, struct weir_span a, struct weir_span b,
                 uint8_t ret[WEIR_SHA256_LEN])
{
    uint8_t pad[SHA256_CBLOCK] = { 0 };
    SHA256_CTX inner;
    SHA256_CTX outer;

    if (key.len > sizeof(pad))
        SHA256(key.at, key.len, pad);
    else if (key.len > 0)
        memcpy(pad, key.at, key.len);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= 0x36;
    SHA256_Init(&inner);
    SHA256_Update(&inner, pad, sizeof(pad));
    SHA256_Update(&inner, a.at, a.len);
    SHA256_Update(&inner, b.at, b.len);
    SHA256_Final(ret, &inner);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= 0x36 ^ 0x5c;
    SHA256_Init(&outer);
    SHA256_Update(&outer, pad, sizeof(pad));
    SHA256_Update(&outer, ret, WEIR_SHA256_LEN);
    SHA256_Final(ret, &outer);
    weir_wipe(pad, sizeof(pad));
    weir_wipe(&inner, sizeof(inner));
    weir_wipe(&outer, sizeof(outer));
}

void weir_hkdf_sha256(struct weir_span secret, struct weir_span salt, struct weir_span info,
                      uint8_t ret[WEIR_SHA256_LEN])
{
    static const uint8_t first = 1; /* number of the only block */
    uint8_t prk[WEIR_SHA256_LEN];

    hmac(salt, secret, WEIR_SPAN_EMPTY, prk);
    hmac(weir_span(prk, sizeof(prk)), info, weir_span(&first, 1), ret);
    weir_wipe(prk, sizeof(prk));
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
