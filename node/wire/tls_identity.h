/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_identity.h - a certificate chain and its private key, ready for handshakes. Owner: one
 * worker; reference-counted there (a helper thread may sign with it while the worker holds a
 * reference). Limits: WEIR_TLS_CHAIN_MAX certificates. The key's memory is wiped when it is freed.
 * Ref: RFC 5280, RFC 5208 (PKCS #8).
 */
#ifndef WEIR_NODE_WIRE_TLS_IDENTITY_H
#define WEIR_NODE_WIRE_TLS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"

#define WEIR_TLS_CHAIN_MAX 10 /* certificates of a chain, the leaf among them */

/** Kinds of keys, as what a client can offer to accept. A set is made of these bits. */
enum weir_tls_key_kind {
    WEIR_TLS_KEY_P256 = 1,
    WEIR_TLS_KEY_P384 = 2,
    WEIR_TLS_KEY_P521 = 4,
    WEIR_TLS_KEY_RSA = 8,
    WEIR_TLS_KEY_ED25519 = 16,
};
#define WEIR_TLS_KEYS_ECDSA (WEIR_TLS_KEY_P256 | WEIR_TLS_KEY_P384 | WEIR_TLS_KEY_P521)

struct weir_tls_identity;

/**
 * Make one. The key is not compared with the certificate again: who stores them has done so.
 *
 * @param chain  DER certificates, the leaf first; copied
 * @param num  1..WEIR_TLS_CHAIN_MAX
 * @param pkcs8  the private key, DER of PKCS #8; borrowed for the call, the caller wipes it
 * @param ret  with one reference
 * @return WEIR_OK | WEIR_EINVAL (no key, or of a kind that TLS cannot use) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_tls_identity_new(const struct weir_span *chain, size_t num,
                                                  struct weir_span pkcs8,
                                                  struct weir_tls_identity **ret);
/** One more reference. */
struct weir_tls_identity *weir_tls_identity_ref(struct weir_tls_identity *id);
/** Drops a reference; frees, and wipes the key, at the last. NULL is legal. */
void weir_tls_identity_unref(struct weir_tls_identity *id);

/** The kind of its key. */
enum weir_tls_key_kind weir_tls_identity_kind(const struct weir_tls_identity *id);
/** Whether a signature takes over a millisecond: it is made on a helper thread. */
bool weir_tls_identity_is_slow(const struct weir_tls_identity *id);
/** Bytes that it takes, about. */
size_t weir_tls_identity_bytes(const struct weir_tls_identity *id);

#endif
