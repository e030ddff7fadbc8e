/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_limits.h - the limits of the admin server that its listeners and its connections share, and
 * what a listener serves.
 */
#ifndef WEIR_NODE_CTL_ADMIN_ADMIN_LIMITS_H
#define WEIR_NODE_CTL_ADMIN_ADMIN_LIMITS_H

#define WEIR_ADMIN_TCP_MAX   64 /* connections, so that no health port locks out the socket */
#define WEIR_ADMIN_READ_MAX  64 /* over admin.socket_ro, for the same reason */
#define WEIR_ADMIN_TOKEN_MAX 64 /* with tokens, for the same reason */
#define WEIR_ADMIN_BODIES_MAX                                                                      \
    67108864                          /* bytes of request bodies held at once, of all connections */
#define WEIR_ADMIN_HANDSHAKE_MS 10000 /* absolute, for TLS */
#define WEIR_ADMIN_IDLE_MS      75000 /* between two requests */
#define WEIR_ADMIN_HEAD_TIMEOUT_MS                                                                 \
    10000 /* absolute, from the first byte of a head; also for a new connection */
#define WEIR_ADMIN_BODY_TIMEOUT_MS 60000 /* absolute, for a whole body */
#define WEIR_ADMIN_WRITE_TIMEOUT_MS                                                                \
    60000 /* for the client to take a response, or one piece of a stream */
#define WEIR_ADMIN_LINGER_MS                                                                       \
    2000 /* reading on after an early refusal, for the client to see it                            \
          */
#define WEIR_ADMIN_LINGER_MAX 33554432 /* bytes dropped meanwhile */
#define WEIR_ADMIN_SLICE      65536 /* bytes of a response that are given to a connection at once */
#define WEIR_ADMIN_BUFFERS_MAX                                                                     \
    33554432 /* bytes that clients do not take, and that TLS holds, of all connections */

/** What a listener serves. */
enum weir_admin_scope {
    WEIR_ADMIN_SCOPE_ALL,    /* admin.socket: every path */
    WEIR_ADMIN_SCOPE_READ,   /* admin.socket_ro: GET and HEAD; anything else is 403 */
    WEIR_ADMIN_SCOPE_HEALTH, /* admin.listen, admin.metrics: the health paths; others are 404 */
    WEIR_ADMIN_SCOPE_TOKEN,  /* what the token of each request grants */
    WEIR_ADMIN_SCOPES
};

#endif
