/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_seal.c - see cert_seal.h.
 */
#include "tenants/cert_seal.h"

#include <string.h>

#include <openssl/aead.h>
#include <openssl/err.h>

#include "node/base/rng.h"
#include "node/wire/tls_hash.h"

#define VERSION   1
#define MARK_LEN  4
#define NONCE_LEN 12
#define TAG_LEN   16
#define HEAD_LEN  (1 + MARK_LEN + NONCE_LEN)

_Static_assert(HEAD_LEN + TAG_LEN == WEIR_SEAL_OVERHEAD, "the envelope as documented");

/* Tells a sealed key of another secret from a damaged one; it says nothing about the secret. */
static void mark_of(const struct weir_secret *s, uint8_t out[MARK_LEN])
{
    uint8_t whole[WEIR_SECRET_LEN];

    weir_secret_derive(s, WEIR_SPAN_LIT("weir/v1/seal-mark"), whole);
    memcpy(out, whole, MARK_LEN);
}

/* @return WEIR_OK | WEIR_ENOMEM */
static enum weir_err aead_begin(const struct weir_secret *s, EVP_AEAD_CTX *ctx)
{
    uint8_t key[WEIR_SECRET_LEN];

    weir_secret_derive(s, WEIR_SPAN_LIT("weir/v1/seal-key"), key);
    int done = EVP_AEAD_CTX_init(ctx, EVP_aead_aes_256_gcm(), key, sizeof(key), TAG_LEN, NULL);
    weir_wipe(key, sizeof(key));
    if (done != 1)
        ERR_clear_error();
    return done == 1 ? WEIR_OK : WEIR_ENOMEM;
}

enum weir_err weir_cert_seal(const struct weir_secret *s, struct weir_span id,
                             struct weir_span plain, uint8_t *out)
{
    EVP_AEAD_CTX ctx;
    size_t len = 0;

    WEIR_ASSERT(plain.len >= 1);
    WEIR_ASSERT(plain.len <= WEIR_SEAL_PLAIN_MAX);
    uint8_t *nonce = out + 1 + MARK_LEN;
    if (weir_rng_secret(nonce, NONCE_LEN) < 0)
        return WEIR_EIO;
    out[0] = VERSION;
    mark_of(s, out + 1);
    enum weir_err err = aead_begin(s, &ctx);
    if (err < 0)
        return err;
    int done = EVP_AEAD_CTX_seal(&ctx, out + HEAD_LEN, &len, plain.len + TAG_LEN, nonce, NONCE_LEN,
                                 plain.at, plain.len, id.at, id.len);
    EVP_AEAD_CTX_cleanup(&ctx);
    if (done != 1) {
        ERR_clear_error();
        return WEIR_ENOMEM;
    }
    WEIR_ASSERT(len == plain.len + TAG_LEN);
    return WEIR_OK;
}

enum weir_err weir_cert_open(const struct weir_secret *s, struct weir_span id,
                             struct weir_span sealed, uint8_t out[WEIR_SEAL_PLAIN_MAX],
                             size_t *ret_len)
{
    uint8_t mark[MARK_LEN];
    EVP_AEAD_CTX ctx;

    if (sealed.len >= 1 && sealed.at[0] != VERSION)
        return WEIR_EUNSUPPORTED;
    if (sealed.len <= WEIR_SEAL_OVERHEAD || sealed.len > WEIR_SEAL_MAX)
        return WEIR_ECORRUPT;
    mark_of(s, mark);
    if (memcmp(sealed.at + 1, mark, MARK_LEN) != 0)
        return WEIR_EPERM;
    enum weir_err err = aead_begin(s, &ctx);
    if (err < 0)
        return err;
    const uint8_t *nonce = sealed.at + 1 + MARK_LEN;
    int done = EVP_AEAD_CTX_open(&ctx, out, ret_len, WEIR_SEAL_PLAIN_MAX, nonce, NONCE_LEN,
                                 sealed.at + HEAD_LEN, sealed.len - HEAD_LEN, id.at, id.len);
    EVP_AEAD_CTX_cleanup(&ctx);
    if (done != 1)
        ERR_clear_error();
    return done == 1 ? WEIR_OK : WEIR_ECORRUPT;
}
