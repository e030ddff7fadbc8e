/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_pem.h - the node's own certificate: a chain and its key from PEM as an identity, and a
 * self-signed one made anew. What tenants bring comes in more forms and is read elsewhere. Pure.
 * Limits: WEIR_TLS_CHAIN_MAX certificates, WEIR_TLS_PEM_NAMES_MAX names. Ref: RFC 7468, RFC 5280.
 */
#ifndef WEIR_NODE_WIRE_PEM_TLS_PEM_H
#define WEIR_NODE_WIRE_PEM_TLS_PEM_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "node/wire/tls_hash.h"
#include "node/wire/tls_identity.h"

#define WEIR_TLS_PEM_NAMES_MAX    40
#define WEIR_TLS_PEM_DAYS         3650 /* that a self-signed certificate is valid */
#define WEIR_TLS_FINGERPRINT_TEXT (7 + 2 * WEIR_SHA256_LEN + 1) /* "sha256:" HEX, with its NUL */

struct weir_tls_pem {
    struct weir_tls_identity *identity;   /* one reference, the caller's */
    uint8_t fingerprint[WEIR_SHA256_LEN]; /* SHA-256 of the first certificate's DER */
    int64_t not_after_s;                  /* Unix time */
};

/**
 * Read a chain and the key of its first certificate.
 *
 * @param certificate  PEM, the first certificate first; other blocks are passed over
 * @param key          PEM, without a password; may be the same text
 * @param ret_why      on WEIR_EINVAL: the end of a sentence about one of the two; static
 * @return WEIR_OK | WEIR_EINVAL | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_tls_pem_read(struct weir_span certificate, struct weir_span key,
                                              struct weir_tls_pem *ret, const char **ret_why);

/** Whom a self-signed certificate is for. */
struct weir_tls_pem_names {
    const char *common; /* the subject; cut after 64 bytes */
    const char *dns[WEIR_TLS_PEM_NAMES_MAX];
    size_t num_dns;
    struct weir_addr ips[WEIR_TLS_PEM_NAMES_MAX]; /* their ports do not matter */
    size_t num_ips;
};
/**
 * Make a key (ECDSA on P-256) and a certificate that it signs itself.
 *
 * @param wall_s  Unix time; it is valid from a day before, since clocks differ
 * @param out     the certificate in PEM, then its key; empty before (contract); a secret
 * @param ret_certificate_len  where the key begins in `out`
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_EINVAL (a name that no certificate can have)
 */
WEIR_MUST_USE enum weir_err weir_tls_pem_make(const struct weir_tls_pem_names *names,
                                              int64_t wall_s, struct weir_strbuf *out,
                                              size_t *ret_certificate_len);

/** "sha256:" and 64 digits. */
void weir_tls_fingerprint_text(const uint8_t fingerprint[WEIR_SHA256_LEN],
                               char out[WEIR_TLS_FINGERPRINT_TEXT]);

#endif
