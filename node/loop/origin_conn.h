/* SPDX-License-Identifier: Apache-2.0
 * origin_conn.h - a connection to an endpoint: dialled, busy with one exchange, or parked. Private
 * to node/loop. Decides nothing about the exchange; brings bytes and facts to it. Owner: one
 * worker.
 */
#ifndef WEIR_NODE_LOOP_ORIGIN_CONN_H
#define WEIR_NODE_LOOP_ORIGIN_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/list.h"
#include "node/conn/conn.h"
#include "node/conn/splice.h"
#include "node/exchange/exchange_env.h"
#include "node/loop/loop.h"
#include "node/loop/origin_tls.h"

struct weir_dial;
struct weir_exchange;
struct weir_address_pool;
struct weir_endpoint_pool;

enum weir_origin_conn_state {
    WEIR_ORIGIN_CONN_CONNECTING,  /* dial is set */
    WEIR_ORIGIN_CONN_HANDSHAKING, /* dial is set; connected, and TLS is not there yet */
    WEIR_ORIGIN_CONN_BUSY,        /* side.x is set */
    WEIR_ORIGIN_CONN_PARKED,      /* in its address pool; any byte or end closes it */
    WEIR_ORIGIN_CONN_HELD,        /* carries its client's identity, waits for its next request */
    WEIR_ORIGIN_CONN_CLOSED,      /* the descriptor is closed; memory is freed in a later turn */
};

/** What a dial learns of one of its connections. */
enum weir_origin_conn_news {
    WEIR_ORIGIN_CONN_REACHED, /* connected; the handshake runs */
    WEIR_ORIGIN_CONN_MADE,    /* ready for requests */
    WEIR_ORIGIN_CONN_LOST,    /* neither; handshake.fault is set when that failed */
    WEIR_ORIGIN_CONN_STARVED, /* the node has no memory for it; the endpoint is not at fault */
};

#define WEIR_ORIGIN_CONN_MAGIC 0x55505550u

struct weir_origin_conn {
    uint32_t magic;
    uint8_t state;
    bool ahead; /* made ahead of demand */
    bool lost;  /* the loop cannot watch it */
    struct weir_worker *worker;
    struct weir_endpoint_pool *pool;        /* of the exchange that it carries; else NULL */
    struct weir_address_pool *address_pool; /* of the address it leads to */
    struct weir_dial *dial;                 /* while it connects */
    void (*tell_dial)(struct weir_origin_conn *u, enum weir_origin_conn_news news); /* with it */
    struct weir_origin_handshake handshake;
    struct weir_addr addr;
    struct weir_origin_side side; /* side.x: the exchange that it carries */
    struct weir_conn conn;
    struct weir_pipe pipe;      /* to the client, while a body is spliced */
    struct weir_list link;      /* in worker->origin_list */
    struct weir_list park_link; /* in address_pool->idle when parked, in dial->connects before */
    struct weir_list lru_link;
    uint64_t retire_at_ms; /* too old for new requests then */
};

/** Change the state. The move must be in the table of legal moves (contract). */
void weir_origin_conn_move(struct weir_origin_conn *u, enum weir_origin_conn_state to);
/** Whether its address is no longer among those of its name. */
bool weir_origin_conn_leads_elsewhere(const struct weir_origin_conn *u);
/** End it; detaches it from its exchange and pool. Legal twice. */
void weir_origin_conn_close(struct weir_origin_conn *u);
/** A parked connection begins to serve an exchange. */
void weir_origin_conn_adopt(struct weir_origin_conn *u, struct weir_endpoint_pool *p,
                            struct weir_exchange *x);
/** Watch for the events that its state needs. @return false: the loop cannot watch it */
WEIR_MUST_USE bool weir_origin_conn_watch(struct weir_origin_conn *u);
/** The exchange is done with it: park it, or close it when it must not be reused. */
void weir_origin_conn_release(struct weir_origin_conn *u, bool reusable);
/** Begin to connect, for a dial, which hears of it unless it is closed before.
 * @param ret on success: CONNECTING and watched, or connected at once and HANDSHAKING or BUSY
 * @return WEIR_OK | WEIR_ELIMIT | WEIR_EIO | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_origin_conn_open(struct weir_address_pool *p,
                                                  const struct weir_addr *addr,
                                                  struct weir_origin_conn **ret);
/** The connect, and the handshake if there is one, have succeeded. */
void weir_origin_conn_connected(struct weir_origin_conn *u);
/** A new connection begins to serve an exchange, which is counted in the pool already. */
void weir_origin_conn_give(struct weir_origin_conn *u, struct weir_endpoint_pool *p,
                           struct weir_exchange *x);
/** Memory has come free: let some of those that wait for it go on. */
void weir_origin_conn_resume(struct weir_worker *w);

#endif
