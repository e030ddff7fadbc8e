/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_hash.h - SHA-256, HKDF and comparisons of secrets, for code outside the files that may see
 * BoringSSL. Pure. Ref: FIPS 180-4, RFC 5869.
 */
#ifndef WEIR_NODE_WIRE_TLS_HASH_H
#define WEIR_NODE_WIRE_TLS_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/span.h"

#define WEIR_SHA256_LEN 32

/** The SHA-256 of bytes. */
void weir_sha256(struct weir_span bytes, uint8_t ret[WEIR_SHA256_LEN]);
/**
 * HKDF with SHA-256: 32 bytes derived from a secret. @param info  what they are for
 */
void weir_hkdf_sha256(struct weir_span secret, struct weir_span salt, struct weir_span info,
                      uint8_t ret[WEIR_SHA256_LEN]);
/** Whether two secrets of one length are equal, in a time that depends on the length alone. */
bool weir_secret_eq(const void *a, const void *b, size_t len);
/** Overwrite memory in a way that is not optimised away. */
void weir_wipe(void *at, size_t len);
/** Random bytes for keys and nonces. */
void weir_random_secret(void *at, size_t len);

#endif
