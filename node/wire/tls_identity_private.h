/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_identity_private.h - the inside of an identity, for the files that wrap BoringSSL.
 */
#ifndef WEIR_NODE_WIRE_TLS_IDENTITY_PRIVATE_H
#define WEIR_NODE_WIRE_TLS_IDENTITY_PRIVATE_H

#include <openssl/base.h>
#include <openssl/ssl.h>

#include "node/wire/tls_identity.h"

#define WEIR_TLS_IDENTITY_MAGIC 0x54494454u

struct weir_tls_identity {
    uint32_t magic;
    uint32_t refs;
    enum weir_tls_key_kind kind;
    bool slow;
    uint16_t num;
    size_t bytes;
    EVP_PKEY *key;                            /* owns */
    CRYPTO_BUFFER *chain[WEIR_TLS_CHAIN_MAX]; /* owns */
};

#endif
