/* SPDX-License-Identifier: Apache-2.0
 *
 * parking.h - the parked connections to one address, those dialled ahead of demand, and the name
 * behind it. Keyed by what is on the other end (weir_endpoint.text), not by who asks: tenants
 * that share a server share its parked connections, and a push that does not change the address
 * does not touch them. Limits and queues are each tenant's own: upstream_pool.h. Owner: one worker.
 * Private to node/loop.
 */
#ifndef WEIR_NODE_LOOP_ADDRESS_POOL_H
#define WEIR_NODE_LOOP_ADDRESS_POOL_H

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/limits.h"
#include "node/base/list.h"
#include "node/loop/loop.h"
#include "tenants/tenant.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct weir_exchange;
struct weir_origin_conn;

struct weir_address_pool {
    struct weir_worker *worker;
    struct weir_list idle;  /* weir_origin_conn.park_link, last parked first */
    struct weir_list pools; /* weir_endpoint_pool.address_pool_link */
    struct weir_list refill_link;
    uint32_t num_idle, num_ahead, num_open; /* open: all, whatever they do */
    uint32_t min_idle, max_idle; /* this worker's share, as the last that asked wants it */
    uint32_t idle_timeout_ms, connect_timeout_ms;
    uint64_t mark_key; /* of the last that asked */
    uint64_t used_ms;  /* when one last asked */

    struct weir_addr addrs[WEIR_RESOLVE_MAX];
    uint16_t num_addrs, next_addr;
    bool resolving;
    bool resolve_failed;
    uint64_t resolved_ms;
    uv_getaddrinfo_t *lookup; /* owned by the loop while resolving */
    char host[WEIR_HOST_MAX + 1];
    uint16_t port;
    /* The key itself and no hash of it: a tenant that found two addresses of one hash would be
     * given connections to a server that is not its own. */
    uint16_t text_len;
    uint8_t text[WEIR_ENDPOINT_TEXT_MAX];
};

/** The parking of an endpoint, made on first use, with the settings of `u`. NULL: no memory. */
struct weir_address_pool *weir_address_pool_of(struct weir_worker *w, const struct weir_upstream *u,
                                               const struct weir_endpoint *e);

/** A parked connection that may carry this exchange, still parked, or NULL. */
struct weir_origin_conn *weir_address_pool_find(struct weir_address_pool *p,
                                                const struct weir_exchange *x);

/** Park it. @return false: it must be closed (limits, shutdown, the loop cannot watch it) */
WEIR_MUST_USE bool weir_address_pool_park(struct weir_origin_conn *u);
/** Take a parked connection out, to be used or closed. */
void weir_address_pool_unpark(struct weir_origin_conn *u);

enum weir_address_pool_addr {
    WEIR_ADDRESS_POOL_ADDR_READY,
    WEIR_ADDRESS_POOL_ADDR_WAIT,   /* being looked up: weir_endpoint_pool_resolved will be called */
    WEIR_ADDRESS_POOL_ADDR_FAILED, /* there is no such name, or no response lately */
};
/** Where to connect to next; begins a look-up when one is due. A failed look-up keeps the addresses
 * of the last good one. */
enum weir_address_pool_addr weir_address_pool_next_addr(struct weir_address_pool *p,
                                                        struct weir_addr *ret);

/** A connection ahead of demand could not be made: marks the endpoint for who asked last, so that
 * no request has to find that out again. */
void weir_address_pool_ahead_failed(struct weir_address_pool *p);
/** There may be too few parked: dial ahead in the next tick. */
void weir_address_pool_want_refill(struct weir_address_pool *p);
/** Each tick: connects ahead of demand, and frees what nobody used for long. */
void weir_address_pool_tick(struct weir_worker *w);
/** Cancel look-ups. At stop. */
void weir_address_pool_shutdown(struct weir_worker *w);
/** Free all; every connection must be gone (contract). */
void weir_address_pool_free_all(struct weir_worker *w);

#endif
