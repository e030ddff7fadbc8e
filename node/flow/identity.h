/* SPDX-License-Identifier: Apache-2.0
 *
 * identity.h - authentication that belongs to a connection, not to a request: NTLM and Negotiate.
 * An origin connection on which such a scheme was seen knows who its client is, and must never
 * carry another client's request. Pure.   Ref: RFC 4559 section 6; RFC 9110 section 11.
 */
#ifndef WEIR_NODE_FLOW_IDENTITY_H
#define WEIR_NODE_FLOW_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/wire/h1.h"

/**
 * Whether a head makes its origin connection belong to its client: a request with Authorization, or
 * a response with WWW-Authenticate, of such a scheme.
 *
 * @param head   complete
 * @param bytes  of the head
 */
bool weir_identity_binds(const struct weir_h1_head *head, const uint8_t *bytes);

#endif
