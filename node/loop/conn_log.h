/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_log.h - the lines of the node's log about one connection: `debug` logs its life in a few
 * lines, `trace` each state move. Written for all, or for one tenant or some clients
 * (node/base/log_filter.h). A line that is off costs one relaxed load. Private to node/loop. Owner:
 * one worker.
 */
#ifndef WEIR_NODE_LOOP_CONN_LOG_H
#define WEIR_NODE_LOOP_CONN_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/log.h"
#include "node/wire/h1.h"

struct weir_address_pool;
struct weir_downstream;
struct weir_exchange;
struct weir_origin_conn;

/** Whether a line of this level may be written for anybody. */
static inline bool weir_conn_log_may(enum weir_log_level level)
{
    uint32_t switches = atomic_load_explicit(&weir_log_switches, memory_order_relaxed);
    return (uint32_t)level <= (switches & WEIR_LOG_LEVEL_MASK) ||
           (uint32_t)level <= (switches >> WEIR_LOG_FILTERED_SHIFT);
}

/* Call one of the functions below only when its level may be written. */
#define WEIR_CONN_LOG(level, call)                                                                 \
    do {                                                                                           \
        if (WEIR_UNLIKELY(weir_conn_log_may(level)))                                               \
            call;                                                                                  \
    } while (0)

/** debug: connection.accepted client= local= (address and port) worker= */
WEIR_COLD void weir_conn_log_accepted(const struct weir_downstream *c);
/** debug: connection.closed client= reason= reset= requests= received= sent= (bytes with heads).
 * @param reset the client sees a reset */
WEIR_COLD void weir_conn_log_closed(const struct weir_downstream *c, bool reset);
/** debug: request.received client= peer= tenant= method= host= path="..." (without its query) id=.
 * @param bytes of the head */
WEIR_COLD void weir_conn_log_request(const struct weir_exchange *x, const struct weir_h1_head *head,
                                     const uint8_t *bytes);
/** debug: origin.dialled tenant= endpoint= connect_us= try= id=, or origin.reused with exchanges=
 * (carried before) for connect_us=. The exchange has its connection. */
WEIR_COLD void weir_conn_log_origin(const struct weir_exchange *x);
/** debug: origin.failed tenant= endpoint= outcome= fault="..." try= id=. @param outcome by its name
 */
WEIR_COLD void weir_conn_log_failed(const struct weir_exchange *x, const char *outcome);
/** debug: response.sent client= tenant= status= bytes= (of the body) outcome= fault="..."
 * first_byte_us= total_us= id=. @param now_ns as weir_worker_stamp_ns */
WEIR_COLD void weir_conn_log_response(const struct weir_exchange *x, uint64_t now_ns);

/** trace: connection.move client= from= to= */
WEIR_COLD void weir_conn_log_downstream_move(const struct weir_downstream *c, const char *from,
                                             const char *to);
/** trace: origin.move address= fd= from= to= */
WEIR_COLD void weir_conn_log_origin_move(const struct weir_origin_conn *u, const char *from,
                                         const char *to);
/** trace: exchange.move id= from= to= */
WEIR_COLD void weir_conn_log_exchange_move(const struct weir_exchange *x, const char *from,
                                           const char *to);
/** trace: address.move address= from= to= */
WEIR_COLD void weir_conn_log_address_move(const struct weir_address_pool *p, const char *from,
                                          const char *to);

#endif
