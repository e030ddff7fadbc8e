/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_trust.h - certificates that a peer's chain must lead to, and whether it does. Owner: one
 * worker; reference-counted there. Others may verify with it meanwhile.
 * Limits: WEIR_TLS_TRUST_MAX certificates of a text.   Ref: RFC 7468 (PEM), RFC 5280, RFC 6125.
 */
#ifndef WEIR_NODE_WIRE_TLS_TRUST_H
#define WEIR_NODE_WIRE_TLS_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/wire/tls_hash.h"

#define WEIR_TLS_TRUST_MAX 64 /* certificates of one text */

struct weir_tls_trust;

/**
 * Read certificates in PEM. Text between them is passed over; anything else in PEM, a private key
 * above all, is refused. Each certificate is an anchor: it need not be a root.
 *
 * @param pem  borrowed for the call
 * @param ret  with one reference
 * @param ret_why  on WEIR_EINVAL: the end of a sentence, "holds no certificate"; static
 * @return WEIR_OK | WEIR_EINVAL | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_tls_trust_new(struct weir_span pem, struct weir_tls_trust **ret,
                                               const char **ret_why);
/**
 * The same of a system's bundle: any number, and what cannot be read is passed over.
 * @return WEIR_OK | WEIR_EINVAL (it holds no certificate) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_tls_trust_new_bundle(struct weir_span pem,
                                                      struct weir_tls_trust **ret);
/** One more reference. */
struct weir_tls_trust *weir_tls_trust_ref(struct weir_tls_trust *t);
/** Drops a reference, frees at the last. NULL is legal. */
void weir_tls_trust_unref(struct weir_tls_trust *t);
/** How many certificates it has. */
size_t weir_tls_trust_num(const struct weir_tls_trust *t);

/** Whom a certificate must be for: one of both is not empty. */
struct weir_tls_peer_name {
    struct weir_span host; /* a host name */
    struct weir_span ip;   /* an address: 4 or 16 bytes */
};
/**
 * Verify the chain of a server, now: that it leads to an anchor, its dates, its purpose, its name;
 * or that of a client, whose name is for others to judge.
 *
 * @param chain  DER, the leaf first   @param num  1.. (contract)   @param name  NULL: of a client
 * @return NULL: it is trusted | why it is not, a static label such as "certificate_expired"
 */
const char *weir_tls_trust_verify(const struct weir_tls_trust *t, const struct weir_span *chain,
                                  size_t num, const struct weir_tls_peer_name *name);
/** SHA-256 of a certificate's SubjectPublicKeyInfo. @return false: the certificate cannot be read,
 * or there is no memory */
WEIR_MUST_USE bool weir_tls_key_sha256(struct weir_span der, uint8_t ret[WEIR_SHA256_LEN]);

#endif
