/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_trust.h - certificates that a peer's chain must lead to. Owner: one worker; reference-counted
 * there. Limits: WEIR_TLS_TRUST_MAX certificates of a text.   Ref: RFC 7468 (PEM), RFC 5280.
 */
#ifndef WEIR_NODE_WIRE_TLS_TRUST_H
#define WEIR_NODE_WIRE_TLS_TRUST_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"

#define WEIR_TLS_TRUST_MAX 64 /* certificates of one text */

struct weir_tls_trust;

/**
 * Read certificates in PEM. Text between them is passed over; anything else in PEM, a private key
 * above all, is refused. Each certificate is an anchor: it need not be a root.
 *
 * @param pem  borrowed for the call
 * @param ret  with one reference
 * @param ret_why  on WEIR_EINVAL: the end of a sentence, "holds no certificate"; static
 * @return WEIR_OK | WEIR_EINVAL (now and then also without memory) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_tls_trust_new(struct weir_span pem, struct weir_tls_trust **ret,
                                               const char **ret_why);
/** One more reference. */
struct weir_tls_trust *weir_tls_trust_ref(struct weir_tls_trust *t);
/** Drops a reference, frees at the last. NULL is legal. */
void weir_tls_trust_unref(struct weir_tls_trust *t);
/** How many certificates it has. */
size_t weir_tls_trust_num(const struct weir_tls_trust *t);

#endif
