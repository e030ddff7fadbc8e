/* SPDX-License-Identifier: Apache-2.0
 *
 * pools.h - the two pools that an origin connection is counted in, and what is noted in them: its
 * address's (address_pool.h) and its tenant's (endpoint_pool.h). They are declared below both,
 * since connections report to pools and pools hold connections. Owner: one worker. Private to
 * node/loop.
 */
#ifndef WEIR_NODE_LOOP_POOLS_H
#define WEIR_NODE_LOOP_POOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/limits.h"
#include "node/base/list.h"
#include "node/conn/conn_env.h"
#include "node/exchange/counters.h"
#include "node/loop/loop.h"
#include "tenants/tls_words.h"

enum weir_resolve_state {
    WEIR_RESOLVE_NONE,    /* an IP address, or a name that was never asked for */
    WEIR_RESOLVE_RUNNING, /* the node's resolver was asked and has not responded */
    WEIR_RESOLVE_DONE,    /* the last response had addresses; again at resolve_at_ms */
    WEIR_RESOLVE_FAILED,  /* it had none, or old ones; again at resolve_at_ms */
};

struct weir_origin_tls;
struct weir_tls_session;

#define WEIR_ORIGIN_SESSIONS 4 /* servers of TLS 1.3 give two at a time */

/** A session of TLS that the next connection can resume. */
struct weir_origin_session {
    struct weir_tls_session *session; /* owns a reference */
    uint64_t since_ms;
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

    struct weir_origin_tls *tls; /* owns a reference; NULL: clear text */
    uint8_t num_sessions;
    struct weir_origin_session sessions[WEIR_ORIGIN_SESSIONS]; /* the newest last */

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
     * hash would be given connections to another tenant's server. Behind the address's text, with
     * TLS: a NUL, which no address has, and weir_upstream_tls.identity, a SHA-256. */
    uint16_t text_len, key_len;
    uint8_t text[WEIR_ENDPOINT_TEXT_MAX + 1 + WEIR_TLS_IDENTITY_LEN];
};

#define WEIR_ENDPOINT_POOL_MAGIC 0x45504f4cu

struct weir_endpoint_pool {
    uint32_t magic;
    struct weir_endpoint_pool_key {
        uint64_t endpoint;
        struct weir_address_pool
            *address_pool; /* endpoints whose hashes collide can share no more than limits */
    } key;
    struct weir_worker *worker;
    struct weir_address_pool *address_pool;
    struct weir_list address_pool_link;
    struct weir_list waiting; /* weir_exchange.wait_link, first come first */
    struct weir_task task;    /* serve those that wait, after something changed */
    bool http10;              /* the endpoint's last response was HTTP/1.0 */
    uint32_t num_open, num_waiting;
    uint32_t max; /* this worker's share */
    uint64_t used_ms;
    struct weir_counter_hint counters; /* of worker->endpoint_counters */
};

/** A connection of this pool became free, or was closed: serve the exchanges that wait, soon. */
void weir_endpoint_pool_poke(struct weir_endpoint_pool *p);

/** Whether an exchange has used it within its idle_timeout. */
bool weir_address_pool_is_in_use(const struct weir_address_pool *p);
/** Whether fewer than min_idle are parked, and the endpoint may get more. */
bool weir_address_pool_is_short(const struct weir_address_pool *p);
/** If fewer than min_idle are parked, and the endpoint may get more: dial ahead in the next tick.
 */
void weir_address_pool_want_refill(struct weir_address_pool *p);
/** Connections ahead of demand are not wanted there: none for a while that doubles, and none before
 * a request was served. Several that end together count once. */
void weir_address_pool_back_off(struct weir_address_pool *p);
/** The endpoint has ended a connection that carried no request: back off. */
void weir_address_pool_unused_ended(struct weir_address_pool *p);
/** A request was served on a connection that stays open. @param ahead  it was made ahead of demand
 */
void weir_address_pool_served(struct weir_address_pool *p, bool ahead);
/** When a connection that begins now is too old for new requests. */
uint64_t weir_address_pool_retire_at_ms(const struct weir_address_pool *p);

#endif
