/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_words.h - what documents say of TLS: versions, cipher suites and pins, as text. Pure.
 * Ref: RFC 7469 2.4 (pins: SHA-256 of the SubjectPublicKeyInfo); the names of suites are those of
 * OpenSSL.
 */
#ifndef WEIR_TENANTS_TLS_WORDS_H
#define WEIR_TENANTS_TLS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/span.h"
#include "node/wire/client_hello.h"

#define WEIR_TLS_PIN_LEN         32 /* bytes: SHA-256 */
#define WEIR_TLS_PIN_TEXT_LEN    51 /* "sha256/" and 44 characters of base64 */
#define WEIR_TLS_CIPHER_MAX      64 /* bytes of a suite's name */
#define WEIR_TLS_CERTIFICATE_LEN 32 /* bytes of a certificate's ID: WEIR_CERT_ID_LEN */
#define WEIR_TLS_IDENTITY_LEN    32 /* bytes of weir_upstream_tls.identity: SHA-256 */

/** A suite of TLS 1.0 to 1.2. Those of TLS 1.3 cannot be chosen. */
struct weir_tls_cipher {
    const char *name;
    uint8_t min_version; /* enum weir_tls_version */
};

/** "1.0".."1.3" as enum weir_tls_version; 0: it is none of them. */
uint8_t weir_tls_version_of(struct weir_span text);
/** All suites, the strongest first. */
const struct weir_tls_cipher *weir_tls_ciphers(size_t *ret_num);
/** The suite of a name; NULL: there is none. */
const struct weir_tls_cipher *weir_tls_cipher_find(struct weir_span name);
/** "sha256/BASE64". @param ret written when it is a pin */
bool weir_tls_pin_parse(struct weir_span text, uint8_t ret[WEIR_TLS_PIN_LEN]);

#endif
