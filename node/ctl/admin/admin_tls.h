/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_tls.h - private to the admin server: TLS of the connections of admin.listen. One
 * certificate for all of them, which may be replaced while the node runs; TLS 1.2 and 1.3 alone; no
 * session is resumed. It knows connections, not what is spoken on them.
 * Owner: control.   Limits: WEIR_ADMIN_TOKEN_MAX connections.
 */
#ifndef WEIR_NODE_CTL_ADMIN_ADMIN_TLS_H
#define WEIR_NODE_CTL_ADMIN_ADMIN_TLS_H

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/conn/tls_layer.h"
#include "node/wire/tls_identity.h"

struct weir_admin_tls;

/**
 * @param e       its tls is set
 * @param on_signed  called when a signature is made that a handshake waits for, with its connection
 * @return WEIR_OK | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_admin_tls_new(struct weir_conn_env *e,
                                               void (*on_signed)(struct weir_conn *c),
                                               struct weir_admin_tls **ret);
/** Its connections have ended, and the loop has run out (contract). Sets *t NULL; NULL is legal. */
void weir_admin_tls_free(struct weir_admin_tls **t);
/** Present this from now on. Takes the reference. */
void weir_admin_tls_present(struct weir_admin_tls *t, struct weir_tls_identity *identity);
/** Put TLS below a connection that has begun. @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_admin_tls_accept(struct weir_admin_tls *t, struct weir_conn *c);

/** How a step of the handshake ended. */
enum weir_admin_tls_step {
    WEIR_ADMIN_TLS_DONE,
    WEIR_ADMIN_TLS_WAITS,   /* for input */
    WEIR_ADMIN_TLS_SIGNS,   /* on_signed follows, unless the connection ends */
    WEIR_ADMIN_TLS_ENDED,   /* close it */
    WEIR_ADMIN_TLS_REFUSED, /* its last bytes are out or on their way: linger, then close */
};
/** Go on with the handshake.
 * @param ret_fault  why it failed, set for REFUSED; else NONE */
enum weir_admin_tls_step weir_admin_tls_handshake(struct weir_admin_tls *t, struct weir_conn *c,
                                                  enum weir_tls_fault *ret_fault);

#endif
