/* SPDX-License-Identifier: Apache-2.0
 * endpoint_pool.h - one tenant's use of one endpoint: how many connections carry its exchanges, and
 * the exchanges that wait for one. Keyed by what the endpoint is to its tenant (weir_endpoint.key),
 * so it survives pushes that do not change it. Owner: one worker. Private to node/loop.   Limits:
 * the tenant's pool.max, WEIR_POOL_WAIT_MAX, the worker's descriptors.
 */
#ifndef WEIR_NODE_LOOP_ENDPOINT_POOL_H
#define WEIR_NODE_LOOP_ENDPOINT_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/list.h"
#include "node/conn/conn_env.h"
#include "node/exchange/exchange_env.h"
#include "node/loop/loop.h"
#include "node/loop/pools.h"
#include "tenants/tenant.h"

struct weir_exchange;
struct weir_address_pool;

/** The pool of an endpoint, made on first use, with the settings of `u`. The endpoint remembers it,
 * so that the next request needs no look-up. NULL: no memory. */
struct weir_endpoint_pool *weir_endpoint_pool_of(struct weir_worker *w,
                                                 const struct weir_upstream *u,
                                                 struct weir_endpoint *e);

/** Get a connection for this exchange, parked or dialled, or a place in the queue. */
enum weir_acquired weir_endpoint_pool_acquire(struct weir_endpoint_pool *p,
                                              struct weir_exchange *x);
/** Whether the exchange waits because limits are reached, which is no failure of the endpoint. */
bool weir_endpoint_pool_queued(const struct weir_exchange *x);
/** An exchange gives up waiting, in the queue or for a dial. */
void weir_endpoint_pool_unwait(struct weir_exchange *x);
/** Each tick: free pools unused for long. */
void weir_endpoint_pool_tick(struct weir_worker *w);
/** Free all; every connection must be gone (contract). */
void weir_endpoint_pool_free_all(struct weir_worker *w);

#endif
