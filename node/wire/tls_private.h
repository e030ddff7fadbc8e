/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_private.h - between the files that wrap BoringSSL's connections.
 */
#ifndef WEIR_NODE_WIRE_TLS_PRIVATE_H
#define WEIR_NODE_WIRE_TLS_PRIVATE_H

#include <openssl/ssl.h>

#include "node/wire/tls.h"

struct weir_tls_trust;

/** The connection that a callback of BoringSSL is for. */
struct weir_tls *weir_tls_of(const SSL *ssl);
/**
 * Make the connection's SSL of a context, and its ends.
 * @return WEIR_OK | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_tls_init(struct weir_tls *t, SSL_CTX *ctx);
/** Allow versions of this set alone; the set has no gap. @return false: there is none */
WEIR_MUST_USE bool weir_tls_allow_versions(SSL *ssl, uint8_t versions);
/** The names of the anchors, for the request of a client's certificate; the caller owns them. NULL:
 * no memory. */
STACK_OF(CRYPTO_BUFFER) * weir_tls_trust_names(const struct weir_tls_trust *t);
/** Sign with a helper thread from now on: tls_signature.c. */
extern const SSL_PRIVATE_KEY_METHOD weir_tls_slow_keys;
/** The connection ends while a signature is made: whoever makes it frees it. */
void weir_tls_signature_abandon(struct weir_tls *t);

#endif
