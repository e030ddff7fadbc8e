/* SPDX-License-Identifier: Apache-2.0
 *
 * admin.h - the admin server: HTTP/1.1 on the control loop, over the Unix socket and, for the
 * health paths alone, in clear on a loopback address. Owner: control.   Limits:
 * WEIR_ADMIN_CONNS_MAX connections, WEIR_ADMIN_TCP_MAX of them over TCP. Which paths there are and
 * what they answer: API.md; who answers them: admin_api.h.
 */
#ifndef WEIR_NODE_CTL_ADMIN_H
#define WEIR_NODE_CTL_ADMIN_H

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/ctl/admin_socket.h"
#include "node/ctl/node.h"

#include <stdint.h>

#define WEIR_ADMIN_TCP_MAX 64 /* so that the health port cannot lock out the socket */
#define WEIR_ADMIN_BODIES_MAX                                                                      \
    67108864                     /* bytes of request bodies held at once, of all connections */
#define WEIR_ADMIN_IDLE_MS 75000 /* between two requests */
#define WEIR_ADMIN_HEAD_TIMEOUT_MS                                                                 \
    10000 /* absolute, from the first byte of a head; also for a new connection */
#define WEIR_ADMIN_BODY_TIMEOUT_MS 60000 /* absolute, for a whole body */
#define WEIR_ADMIN_WRITE_TIMEOUT_MS                                                                \
    60000 /* for a response, or one piece of a stream, to be taken                                 \
           */
#define WEIR_ADMIN_LINGER_MS                                                                       \
    2000 /* reading on after an early refusal, so that the client sees it */
#define WEIR_ADMIN_LINGER_MAX 33554432 /* bytes dropped meanwhile */

struct weir_admin;

/**
 * Listen and serve. *ret is set also on failure (but for WEIR_ENOMEM): stop it, run the loop, free
 * it.
 *
 * @param node    borrowed until the server is freed
 * @param socket  bound (weir_admin_socket_open); its descriptor is taken on success
 * @param tcp     where to serve the health paths, or NULL; port 0 takes any free one
 * @param ret_errno why not, as the system says
 * @return WEIR_OK | WEIR_EINUSE, WEIR_EPERM, WEIR_EINVAL, WEIR_EIO (of the TCP address) |
 * WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_admin_start(struct weir_node *node,
                                             struct weir_admin_socket *socket,
                                             const struct weir_addr *tcp, struct weir_admin **ret,
                                             int *ret_errno);
/** Where the health paths are served, with the real port. Only when tcp was given. */
void weir_admin_bound(const struct weir_admin *a, struct weir_addr *ret);
/** Close the listeners and connections; what runs goes on without its client. The loop must run
 * until it is empty. */
void weir_admin_stop(struct weir_admin *a);
/** After stop and an empty loop. Sets *a NULL. */
void weir_admin_free(struct weir_admin **a);

#endif
