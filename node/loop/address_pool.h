/* SPDX-License-Identifier: Apache-2.0
 * address_pool.h - the connections to one address that are parked or dialled ahead of demand, and
 * the look-up of its name. Keyed by the address as configured (weir_endpoint.text) and by how it is
 * secured (weir_upstream_tls.identity), not by tenant: tenants that share a server share its parked
 * connections, and a push that changes neither does not touch them. Each tenant has its own limits
 * and queues: endpoint_pool.h. Owner: one worker. Private to node/loop.
 */
#ifndef WEIR_NODE_LOOP_ADDRESS_POOL_H
#define WEIR_NODE_LOOP_ADDRESS_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/limits.h"
#include "node/base/list.h"
#include "node/loop/loop.h"
#include "node/loop/pools.h"
#include "tenants/tenant.h"

struct weir_exchange;
struct weir_origin_conn;

/** The address pool of an endpoint, made on first use, with the settings of `u`. NULL: no memory.
 */
struct weir_address_pool *weir_address_pool_of(struct weir_worker *w, const struct weir_upstream *u,
                                               const struct weir_endpoint *e);

/** Change the state of the look-up. The move must be in the table of legal moves (contract). */
void weir_address_pool_move(struct weir_address_pool *p, enum weir_resolve_state to);

/** A connection that may carry this exchange, still parked, or NULL. */
struct weir_origin_conn *weir_address_pool_find(struct weir_address_pool *p,
                                                const struct weir_exchange *x);

/** The name's addresses have changed: close idle connections to those that it no longer has, in
 * this turn and the next ones. */
void weir_address_pool_moved(struct weir_address_pool *p);

/* -- names: address_names.c -- */

enum weir_address_pool_addr {
    WEIR_ADDRESS_POOL_ADDR_READY,
    WEIR_ADDRESS_POOL_ADDR_WAIT,   /* a look-up runs: weir_endpoint_pool_resolved will be called */
    WEIR_ADDRESS_POOL_ADDR_FAILED, /* the last look-up failed and no address is known */
};
/** Whether there are addresses to connect to; asks for the name when they are too old. After a
 * failed look-up the addresses of the last good one stay in use. */
enum weir_address_pool_addr weir_address_pool_resolve(struct weir_address_pool *p);
/** If it is a name whose addresses are too old: ask the node's resolver. */
void weir_address_pool_ask(struct weir_address_pool *p);
/** The worker was woken: take the resolver's responses. */
void weir_address_pool_take_responses(struct weir_worker *w);
/** The loop has ended: free the responses that were not taken. */
void weir_address_pool_drop_responses(struct weir_worker *w);

/* -- ahead of demand: address_ahead.c -- */

/** A connection ahead of demand could not be made: sets a failure mark on the endpoint that used
 * the pool last, so that the next request does not have to try it, and backs off.
 * @param tls_fault  a label: its handshake failed; NULL: it was not connected */
void weir_address_pool_ahead_failed(struct weir_address_pool *p, const char *tls_fault);
/** Part of a tick: dial where it is wanted. */
void weir_address_pool_refill(struct weir_worker *w);

/** Each tick: dial ahead of demand, free pools that are unused for long. */
void weir_address_pool_tick(struct weir_worker *w);
/** Free all; every connection must be gone (contract). */
void weir_address_pool_free_all(struct weir_worker *w);

#endif
