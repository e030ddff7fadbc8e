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
struct weir_exchange;
struct weir_origin_conn;
struct weir_session;

/** debug: connection.accepted client= local= (address and port) worker= */
WEIR_COLD void weir_conn_log_accepted(const struct weir_session *s);
/** debug: connection.closed client= reason= reset= requests= received= sent= (bytes with heads).
 * @param reset the client sees a reset */
WEIR_COLD void weir_conn_log_closed(const struct weir_session *s, bool reset);

/** trace: connection.move client= from= to= */
WEIR_COLD void weir_conn_log_session_move(const struct weir_session *s,
                                          const struct weir_exchange *x, const char *from,
                                          const char *to);
/** trace: origin.move address= fd= from= to= */
WEIR_COLD void weir_conn_log_origin_move(const struct weir_origin_conn *u, const char *from,
                                         const char *to);
/** trace: address.move address= from= to= */
WEIR_COLD void weir_conn_log_address_move(const struct weir_address_pool *p, const char *from,
                                          const char *to);

#endif
