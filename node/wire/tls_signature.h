/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_signature.h - a signature that takes too long for a loop, made by a helper thread. The
 * connection's handshake gave WEIR_TLS_SIGNS; its owner hands weir_tls_signature_make to a thread,
 * and goes on with the handshake once weir_tls_signature_made was called on the owner's thread.
 */
#ifndef WEIR_NODE_WIRE_TLS_SIGNATURE_H
#define WEIR_NODE_WIRE_TLS_SIGNATURE_H

#include "node/wire/tls.h"

struct weir_tls_signature;

/** The signature that the handshake waits for, to be given to a helper thread; NULL: it was taken
 * already. Takes it out of the connection as far as weir_tls_signature_made. */
struct weir_tls_signature *weir_tls_take_signature(struct weir_tls *t);
/** Helper thread: make it. */
void weir_tls_signature_make(struct weir_tls_signature *s);
/** The owner's thread, after weir_tls_signature_make. Frees it if its connection has ended.
 * @return the owner of the connection, whose handshake can go on; NULL: it has ended */
void *weir_tls_signature_made(struct weir_tls_signature *s);

#endif
