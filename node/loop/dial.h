/* SPDX-License-Identifier: Apache-2.0
 * dial.h - a connection to an endpoint in the making: up to WEIR_RESOLVE_MAX connects, to the
 * addresses of its name, of which the first that succeeds carries the exchange, or is parked when
 * it is made ahead of demand. Each next connect begins when the one before has failed, or after a
 * head start of WEIR_DIAL_HEAD_START_MS. With TLS, the first that is connected goes on with its
 * handshake and the others end; the next one begins when the handshake fails, or after
 * WEIR_DIAL_HANDSHAKE_MS. A dial has failed when all of its connects have. It counts as one
 * connection of its endpoint pool; each connect counts among the worker's descriptors.
 * Owner: one worker. Private to node/loop.   Ref: RFC 8305 5.
 */
#ifndef WEIR_NODE_LOOP_DIAL_H
#define WEIR_NODE_LOOP_DIAL_H

#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/list.h"
#include "node/base/timerwheel.h"
#include "node/loop/loop.h"

struct weir_exchange;
struct weir_origin_conn;
struct weir_address_pool;
struct weir_endpoint_pool;

#define WEIR_DIAL_HEAD_START_MS 250 /* RFC 8305 8 */

#define WEIR_DIAL_HANDSHAKE_MS 1000

#define WEIR_DIAL_MAGIC 0x4449414cu

struct weir_dial {
    uint32_t magic;
    struct weir_worker *worker;
    struct weir_address_pool *address_pool;
    struct weir_endpoint_pool *pool; /* of the exchange, counted there; NULL: ahead of demand */
    struct weir_exchange *x;         /* waits for it; NULL: ahead of demand */
    struct weir_list link;           /* in worker->dials */
    struct weir_list connects;       /* weir_origin_conn.park_link, in the order of their begin */
    struct weir_deadline deadline;   /* of the head start; ahead of demand also of the whole */
    uint64_t until_ms;               /* ahead of demand: it has failed then */
    const char *tls_fault;           /* a label: why the last connect failed; NULL: not by TLS */
    uint16_t num_addrs, num_begun;
    struct weir_addr addrs[WEIR_RESOLVE_MAX]; /* in the order in which they are tried */
};

/**
 * Begin for an exchange. The address pool must have an address (contract).
 *
 * @return WEIR_OK: x->origin is set and connected, or x->dial is set and weir_exchange_connected or
 * weir_exchange_failed will be called | WEIR_ELIMIT, WEIR_ENOMEM (no room for a connection) |
 * WEIR_EIO (every address refused at once)
 */
WEIR_MUST_USE enum weir_err weir_dial_begin(struct weir_endpoint_pool *p, struct weir_exchange *x);
/** Begin ahead of demand: the connection parks when it is made. @return as weir_dial_begin */
WEIR_MUST_USE enum weir_err weir_dial_ahead(struct weir_address_pool *p);
/** The exchange no longer waits: end all connects. NULL is legal. */
void weir_dial_cancel(struct weir_dial *d);
/** End those that run ahead of demand, when the worker stops. */
void weir_dial_cancel_all(struct weir_worker *w);

#endif
