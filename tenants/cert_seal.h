/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_seal.h - private keys as they are stored and travel: sealed with AES-256-GCM under a key
 * derived from the secret, bound to the record that they belong to. Owner: the caller.
 * Envelope: version 1, mark of the secret 4, nonce 12, ciphertext, tag 16.   Limits:
 * WEIR_SEAL_PLAIN_MAX bytes.   Ref: RFC 5116; NIST SP 800-38D (random nonces: 2^32 seals a secret).
 */
#ifndef WEIR_TENANTS_CERT_SEAL_H
#define WEIR_TENANTS_CERT_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "tenants/cert_secret.h"

#define WEIR_SEAL_PLAIN_MAX 16384 /* bytes; PKCS#8 of an RSA key of 16384 bits needs about 9400 */
#define WEIR_SEAL_OVERHEAD  33    /* bytes that the envelope adds */
#define WEIR_SEAL_MAX       (WEIR_SEAL_PLAIN_MAX + WEIR_SEAL_OVERHEAD)

/**
 * @param id     what the bytes belong to: opening them for another id fails
 * @param plain  1..WEIR_SEAL_PLAIN_MAX bytes (contract)
 * @param out    room for plain.len + WEIR_SEAL_OVERHEAD bytes
 * @return WEIR_OK | WEIR_EIO (no random numbers) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_cert_seal(const struct weir_secret *s, struct weir_span id,
                                           struct weir_span plain, uint8_t *out);
/**
 * @param out      room for WEIR_SEAL_PLAIN_MAX bytes, best in weir_secret_pages_new; the caller
 * wipes it
 * @param ret_len  bytes written
 * @return WEIR_OK | WEIR_EPERM (sealed under another secret) | WEIR_ECORRUPT (changed, cut, or of
 * another id) | WEIR_EUNSUPPORTED (an envelope of a later version) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_cert_open(const struct weir_secret *s, struct weir_span id,
                                           struct weir_span sealed,
                                           uint8_t out[WEIR_SEAL_PLAIN_MAX], size_t *ret_len);

#endif
