/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_ticket.c - see tls_ticket.h. A derived key is kept in the slot of its epoch.
 */
#include "node/wire/tls_ticket.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/aead.h>
#include <openssl/err.h>
#include <openssl/mem.h>

#include "node/wire/tls_hash.h"

#define SLOTS     8 /* more than the epochs that are in use at once */
#define NONCE_LEN 12
#define HEAD_LEN  (4 + NONCE_LEN)

struct epoch_key {
    bool made;
    uint32_t epoch;
    EVP_AEAD_CTX aead;
};

struct generation {
    bool set;
    uint8_t secret[32];
    struct epoch_key keys[SLOTS];
};

struct weir_tls_tickets {
    struct generation now;
    struct generation before; /* opens alone, until until_s */
    uint64_t until_s;
};

static void drop_keys(struct generation *g)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (g->keys[i].made)
            EVP_AEAD_CTX_cleanup(&g->keys[i].aead);
    OPENSSL_cleanse(g, sizeof(*g));
}

enum weir_err weir_tls_tickets_new(const uint8_t secret[32], struct weir_tls_tickets **ret)
{
    struct weir_tls_tickets *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return WEIR_ENOMEM;
    memcpy(k->now.secret, secret, sizeof(k->now.secret));
    k->now.set = true;
    *ret = k;
    return WEIR_OK;
}

void weir_tls_tickets_free(struct weir_tls_tickets **k)
{
    if (*k == NULL)
        return;
    drop_keys(&(*k)->now);
    drop_keys(&(*k)->before);
    free(*k);
    *k = NULL;
}

void weir_tls_tickets_rotate(struct weir_tls_tickets *k, const uint8_t secret[32], uint64_t wall_s)
{
    if (weir_secret_eq(k->now.secret, secret, sizeof(k->now.secret)))
        return;
    drop_keys(&k->before);
    memcpy(k->before.secret, k->now.secret, sizeof(k->before.secret));
    k->before.set = true;
    k->until_s = wall_s + (uint64_t)(WEIR_TLS_EPOCHS_BACK + 1) * WEIR_TLS_EPOCH_S;
    drop_keys(&k->now);
    memcpy(k->now.secret, secret, sizeof(k->now.secret));
    k->now.set = true;
}

/* The key of an epoch, made at its first use. NULL: no memory. */
static const EVP_AEAD_CTX *key_of(struct generation *g, uint32_t epoch)
{
    struct epoch_key *k = &g->keys[epoch % SLOTS];
    if (k->made && k->epoch == epoch)
        return &k->aead;
    uint8_t info[4 + 16] = "weir ticket key ";
    uint8_t key[WEIR_SHA256_LEN];
    memcpy(info + 16, &(uint32_t){ __builtin_bswap32(epoch) }, 4);
    weir_hkdf_sha256(weir_span(g->secret, sizeof(g->secret)), WEIR_SPAN_EMPTY,
                     weir_span(info, sizeof(info)), key);
    if (k->made)
        EVP_AEAD_CTX_cleanup(&k->aead);
    k->made = EVP_AEAD_CTX_init(&k->aead, EVP_aead_aes_256_gcm_siv(), key, sizeof(key),
                                EVP_AEAD_DEFAULT_TAG_LENGTH, NULL);
    k->epoch = epoch;
    OPENSSL_cleanse(key, sizeof(key));
    ERR_clear_error();
    return k->made ? &k->aead : NULL;
}

enum weir_err weir_tls_ticket_seal(struct weir_tls_tickets *k,
                                   const struct weir_tls_ticket_use *use, struct weir_span clear,
                                   uint8_t *out)
{
    uint32_t epoch = (uint32_t)(use->wall_s / WEIR_TLS_EPOCH_S);
    const EVP_AEAD_CTX *aead = key_of(&k->now, epoch);
    uint32_t wire = __builtin_bswap32(epoch);
    size_t len = 0;
    if (aead == NULL)
        return WEIR_ENOMEM;
    memmove(out + HEAD_LEN, clear.at, clear.len);
    memcpy(out, &wire, 4);
    weir_random_secret(out + 4, NONCE_LEN);
    int ok = EVP_AEAD_CTX_seal(aead, out + HEAD_LEN, &len, clear.len + 16, out + 4, NONCE_LEN,
                               out + HEAD_LEN, clear.len, use->scope.at, use->scope.len);
    ERR_clear_error();
    WEIR_ASSERT(!ok || len == clear.len + 16);
    return ok ? WEIR_OK : WEIR_ENOMEM;
}

static uint32_t epoch_of(struct weir_span ticket)
{
    uint32_t epoch = 0;
    memcpy(&epoch, ticket.at, 4);
    return __builtin_bswap32(epoch);
}

static bool open_with(struct generation *g, struct weir_span scope, struct weir_span ticket,
                      uint8_t *out, size_t *ret_len)
{
    const EVP_AEAD_CTX *aead = g->set ? key_of(g, epoch_of(ticket)) : NULL;
    uint8_t nonce[NONCE_LEN];
    if (aead == NULL)
        return false;
    memcpy(nonce, ticket.at + 4, NONCE_LEN);
    int ok = EVP_AEAD_CTX_open(aead, out, ret_len, ticket.len, nonce, NONCE_LEN,
                               ticket.at + HEAD_LEN, ticket.len - HEAD_LEN, scope.at, scope.len);
    ERR_clear_error();
    return ok;
}

enum weir_err weir_tls_ticket_open(struct weir_tls_tickets *k,
                                   const struct weir_tls_ticket_use *use, struct weir_span ticket,
                                   uint8_t *out, size_t *ret_len)
{
    uint32_t now = (uint32_t)(use->wall_s / WEIR_TLS_EPOCH_S);
    if (ticket.len < WEIR_TLS_TICKET_EXTRA)
        return WEIR_ENOTFOUND;
    uint32_t epoch = epoch_of(ticket);
    if (epoch > now + 1 || epoch + WEIR_TLS_EPOCHS_BACK < now)
        return WEIR_ENOTFOUND;
    if (open_with(&k->now, use->scope, ticket, out, ret_len))
        return WEIR_OK;
    if (use->wall_s < k->until_s && open_with(&k->before, use->scope, ticket, out, ret_len))
        return WEIR_OK;
    return WEIR_ENOTFOUND;
}
