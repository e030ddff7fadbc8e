/* SPDX-License-Identifier: Apache-2.0
 *
 * worker_tls.h - what a worker has for TLS: the server's role with its tickets, the client's role,
 * the layers of its connections, a scratch buffer. Nothing here is of one tenant. Private to
 * node/loop. Owner: one worker.
 */
#ifndef WEIR_NODE_LOOP_WORKER_TLS_H
#define WEIR_NODE_LOOP_WORKER_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/pool.h"
#include "node/conn/tls_layer.h"
#include "node/wire/tls_client.h"
#include "node/wire/tls_server.h"
#include "node/wire/tls_ticket.h"

struct weir_worker;

#define WEIR_HANDSHAKE_BUDGET 8   /* steps of handshakes in one turn of the loop */
#define WEIR_SIGNATURES_MAX   256 /* that helper threads make, or will, for one worker */

struct weir_worker_tls {
    struct weir_tls_server *server;   /* owns; NULL: the node has no secret, and no TLS */
    struct weir_tls_tickets *tickets; /* owns */
    struct weir_tls_client *client;   /* owns; NULL until an endpoint needs one: origin_tls.c */
    struct weir_pool layers;          /* of struct weir_tls_layer */
    uint32_t steps, steps_turn;       /* of handshakes, in the turn steps_turn */
    uint32_t num_signatures;
    struct weir_tls_scratch scratch;
};

/** Make it, and give its scratch buffer to the worker's environment. w->cfg and w->env are
 * set. @param choose  what connections present @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_worker_tls_init(struct weir_worker *w, weir_tls_choose_fn choose);
/** As many layers as the worker may have connections, of both sides. */
void weir_worker_tls_set_max(struct weir_worker *w, size_t max);
/** All connections must have ended (contract). Legal when it was never made. */
void weir_worker_tls_deinit(struct weir_worker *w);

/** Whether one more step of a handshake may be made in this turn; counts it. false: defer. */
bool weir_worker_tls_may_step(struct weir_worker *w);
/**
 * Let a helper thread make the signature that a handshake waits for (WEIR_TLS_SIGNS).
 * @param made  called from the loop when it is there: the handshake can go on. Not called when the
 * connection has ended. @param owner  of t
 * @return false: too many are made, or no memory
 */
WEIR_MUST_USE bool weir_worker_tls_sign(struct weir_worker *w, struct weir_tls *t,
                                        void (*made)(struct weir_worker *w, void *owner));

#endif
