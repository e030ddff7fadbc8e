/* SPDX-License-Identifier: Apache-2.0
 *
 * admin.h - the admin server: HTTP/1.1 on the control loop, over Unix sockets, over TLS with tokens
 * and, for the health paths alone, in clear over TCP. Owner: control.   Limits:
 * WEIR_ADMIN_CONNS_MAX connections, WEIR_ADMIN_TCP_MAX of them over TCP and WEIR_ADMIN_READ_MAX
 * over admin.socket_ro; WEIR_ADMIN_LISTENERS_MAX listeners. The paths and their responses: API.md;
 * their handlers: admin_api.h.
 */
#ifndef WEIR_NODE_CTL_ADMIN_ADMIN_H
#define WEIR_NODE_CTL_ADMIN_ADMIN_H

#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/ctl/admin/admin_limits.h"
#include "node/ctl/admin/admin_socket.h"
#include "node/ctl/node.h"
#include "node/wire/tls_identity.h"

#define WEIR_ADMIN_LISTENERS_MAX 8

struct weir_admin;
struct weir_admin_listener;

/**
 * A server without listeners.
 *
 * @param node  borrowed until the server is freed
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_EIO (no random numbers)
 */
WEIR_MUST_USE enum weir_err weir_admin_start(struct weir_node *node, struct weir_admin **ret);
/**
 * Serve on a Unix socket; it is removed when the server stops.
 *
 * @param socket  bound (weir_admin_socket_open); taken on success
 * @param scope   WEIR_ADMIN_SCOPE_ALL or WEIR_ADMIN_SCOPE_READ
 * @param ret_errno the reason of the system on failure
 * @return WEIR_OK | WEIR_EIO | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_admin_listen_socket(struct weir_admin *a,
                                                     struct weir_admin_socket *socket,
                                                     enum weir_admin_scope scope, int *ret_errno);
/**
 * Serve on a TCP address, in clear; port 0 takes any free one.
 *
 * @param scope  WEIR_ADMIN_SCOPE_HEALTH or WEIR_ADMIN_SCOPE_TOKEN
 * @param ret  borrowed until weir_admin_unlisten or weir_admin_stop
 * @return WEIR_OK | WEIR_EINUSE | WEIR_EPERM | WEIR_EINVAL | WEIR_EIO | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_admin_listen_tcp(struct weir_admin *a, const struct weir_addr *at,
                                                  enum weir_admin_scope scope,
                                                  struct weir_admin_listener **ret, int *ret_errno);
/**
 * Present this certificate over TLS from now on.
 *
 * @param identity  takes the reference, on success
 * @return WEIR_OK | WEIR_ENOMEM, at the first call alone
 */
WEIR_MUST_USE enum weir_err weir_admin_present(struct weir_admin *a,
                                               struct weir_tls_identity *identity);
/** Serve on a TCP address over TLS, with tokens. After weir_admin_present (contract). As
 * weir_admin_listen_tcp. */
WEIR_MUST_USE enum weir_err weir_admin_listen_tls(struct weir_admin *a, const struct weir_addr *at,
                                                  struct weir_admin_listener **ret, int *ret_errno);
/** The address of a TCP listener, with the real port. */
void weir_admin_bound(const struct weir_admin_listener *l, struct weir_addr *ret);
/** Close a TCP listener; its connections stay open. Sets *l NULL; NULL is legal. */
void weir_admin_unlisten(struct weir_admin_listener **l);
/** Close the listeners and connections; requests that run continue without their client. The loop
 * must run until it is empty. NULL is legal. */
void weir_admin_stop(struct weir_admin *a);
/** After stop and an empty loop. Sets *a NULL. */
void weir_admin_free(struct weir_admin **a);

#endif
