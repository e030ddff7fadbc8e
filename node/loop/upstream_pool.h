/* SPDX-License-Identifier: Apache-2.0
 *
 * upstream_pool.h - the connections of one endpoint: parked, busy, dialled ahead, and the exchanges
 * that wait. Keyed by what the endpoint is (weir_endpoint.key), so it survives pushes that do not
 * change it. Private to node/loop. Owner: one worker.   Limits: the tenant's pool settings,
 * WEIR_POOL_WAIT_MAX, the worker's descriptors.
 */
#ifndef WEIR_NODE_LOOP_UPSTREAM_POOL_H
#define WEIR_NODE_LOOP_UPSTREAM_POOL_H

#include "node/base/addr.h"
#include "node/base/limits.h"
#include "node/base/list.h"
#include "node/loop/loop.h"
#include "tenants/tenant.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct weir_exchange;

struct weir_upool {
    uint64_t key;
    struct weir_worker *worker;
    struct weir_list idle;    /* weir_up.pool_link, last parked first */
    struct weir_list waiting; /* weir_exchange.wait_link, first come first */
    struct weir_list refill_link;
    uint32_t num_idle, num_open, num_ahead, num_waiting;
    uint32_t min_idle, max_idle, max; /* this worker's share */
    uint32_t idle_timeout_ms, connect_timeout_ms;
    uint64_t used_ms; /* last time an exchange asked */

    struct weir_addr addrs[WEIR_RESOLVE_MAX];
    uint16_t num_addrs, next_addr;
    bool resolving;
    bool resolve_failed;
    uint64_t resolved_ms;
    uv_getaddrinfo_t *lookup; /* owned by the loop while resolving */
    char host[WEIR_HOST_MAX + 1];
    uint16_t port;
};

/** The pool of an endpoint, made on first use, with the settings of `u`. NULL: no memory. */
struct weir_upool *weir_upool_of(struct weir_worker *w, const struct weir_upstream *u,
                                 const struct weir_endpoint *e);

/** What became of the wish for a connection. */
enum weir_take {
    WEIR_TAKE_READY,   /* x->up is set and connected */
    WEIR_TAKE_WAIT,    /* weir_exchange_connected or _failed will be called */
    WEIR_TAKE_REFUSED, /* the endpoint cannot be reached at once */
    WEIR_TAKE_FULL, /* the pool and its queue, or the worker's descriptors, are at their limits */
};
enum weir_take weir_upool_take(struct weir_upool *p, struct weir_exchange *x);
/** An exchange gives up waiting. */
void weir_upool_unwait(struct weir_exchange *x);
/** A connection of this pool became free or went away: serve who waits. */
void weir_upool_next(struct weir_upool *p);
void weir_upool_want_refill(struct weir_upool *p);
/** Each tick: connects ahead of demand, and frees pools that nobody used for long. */
void weir_upool_tick(struct weir_worker *w);
/** Close every parked connection; free pools. At stop. */
void weir_upool_shutdown(struct weir_worker *w);
/** Begin a name lookup if it is due. */
void weir_upool_resolve(struct weir_upool *p);

#endif
