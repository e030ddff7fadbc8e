/* SPDX-License-Identifier: Apache-2.0
 * address_pool.h - the connections to one address that are parked or dialled ahead of demand, and
 * the look-up of its name. Keyed by the address as configured (weir_endpoint.text), not by tenant:
 * tenants that share a server share its parked connections, and a push that does not change the
 * address does not touch them. Each tenant has its own limits and queues: endpoint_pool.h. Owner:
 * one worker. Private to node/loop.
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
#include "tenants/tenant.h"

struct weir_exchange;
struct weir_origin_conn;

enum weir_resolve_state {
    WEIR_RESOLVE_NONE,    /* an IP address, or a name that was never asked for */
    WEIR_RESOLVE_RUNNING, /* the node's resolver was asked and has not responded */
    WEIR_RESOLVE_DONE,    /* the last response had addresses; again at resolve_at_ms */
    WEIR_RESOLVE_FAILED,  /* it had none, or old ones; again at resolve_at_ms */
};

#define WEIR_ADDRESS_POOL_MAGIC 0x41504f4cu

struct weir_address_pool {
    uint32_t magic;
    struct weir_worker *worker;
    struct weir_list idle;  /* weir_origin_conn.park_link, last parked first */
    struct weir_list pools; /* weir_endpoint_pool.address_pool_link */
    struct weir_list refill_link;
    uint32_t num_idle, num_ahead, num_open; /* open: of any state */
    uint32_t min_idle, max_idle; /* this worker's share; of the tenant that used it last */
    uint32_t idle_timeout_ms, max_age_ms, connect_timeout_ms;
    bool ahead_barred; /* the endpoint ended an unused one: none until it has served a request */
    uint32_t ahead_wait_ms; /* the last back-off, 0: none */
    uint64_t ahead_at_ms;   /* none before */
    uint64_t mark_key;      /* of the failure mark of the endpoint that used it last */
    uint64_t used_ms;       /* when an exchange last used it */

    struct weir_addr addrs[WEIR_RESOLVE_MAX];
    uint16_t num_addrs;
    bool has_good;
    bool moved;             /* idle connections may lead to addresses that the name no longer has */
    struct weir_addr good;  /* the last one that a connection was made to */
    uint8_t resolve_state;  /* enum weir_resolve_state */
    uint64_t resolve_at_ms; /* when to ask for the name again; 0: it was not asked for yet */
    uint64_t tenant_key;    /* of the tenant that asked last: whose limit of look-ups counts */
    char host[WEIR_HOST_MAX + 1];
    uint16_t port;
    /* The key itself, not a hash of it: with a hash, a tenant that finds two addresses of the same
     * hash would be given connections to another tenant's server. */
    uint16_t text_len;
    uint8_t text[WEIR_ENDPOINT_TEXT_MAX];
};

/** The address pool of an endpoint, made on first use, with the settings of `u`. NULL: no memory.
 */
struct weir_address_pool *weir_address_pool_of(struct weir_worker *w, const struct weir_upstream *u,
                                               const struct weir_endpoint *e);

/** Change the state of the look-up. The move must be in the table of legal moves (contract). */
void weir_address_pool_move(struct weir_address_pool *p, enum weir_resolve_state to);

/** A connection that may carry this exchange, still parked, or NULL. */
struct weir_origin_conn *weir_address_pool_find(struct weir_address_pool *p,
                                                const struct weir_exchange *x);

/** Park it. @return false: it must be closed (limits, shutdown, the loop cannot watch it) */
WEIR_MUST_USE bool weir_address_pool_park(struct weir_origin_conn *u);
/** When a connection that begins now is too old for new requests. */
uint64_t weir_address_pool_retire_at_ms(const struct weir_address_pool *p);
/** The name's addresses have changed: close idle connections to those that it no longer has, in
 * this turn and the next ones. */
void weir_address_pool_moved(struct weir_address_pool *p);
/** Take a parked connection out, to be used or closed. */
void weir_address_pool_unpark(struct weir_origin_conn *u);

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

/** Whether an exchange has used it within its idle_timeout. */
bool weir_address_pool_is_in_use(const struct weir_address_pool *p);
/** If fewer than min_idle are parked, and the endpoint may get more: dial ahead in the next tick.
 */
void weir_address_pool_want_refill(struct weir_address_pool *p);
/** A connection ahead of demand could not be made: sets a failure mark on the endpoint that used
 * the pool last, so that the next request does not have to try it, and backs off. */
void weir_address_pool_ahead_failed(struct weir_address_pool *p);
/** The endpoint has ended a connection that carried no request: back off. */
void weir_address_pool_unused_ended(struct weir_address_pool *p);
/** A request was served on a connection that stays open. @param ahead  it was made ahead of demand
 */
void weir_address_pool_served(struct weir_address_pool *p, bool ahead);
/** Part of a tick: dial where it is wanted. */
void weir_address_pool_refill(struct weir_worker *w);

/** Each tick: dial ahead of demand, free pools that are unused for long. */
void weir_address_pool_tick(struct weir_worker *w);
/** Free all; every connection must be gone (contract). */
void weir_address_pool_free_all(struct weir_worker *w);

#endif
