/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange_log.h - the lines of the node's log about one exchange: `debug` logs its steps, `trace`
 * each move of its phase. Written for all, or for one tenant or some clients
 * (node/base/log_filter.h). Call them through WEIR_LOG_MAY. Owner: one thread.
 */
#ifndef WEIR_NODE_EXCHANGE_EXCHANGE_LOG_H
#define WEIR_NODE_EXCHANGE_EXCHANGE_LOG_H

#include <stdint.h>

#include "node/base/contract.h"
#include "node/wire/h1.h"

struct weir_exchange;

/** debug: request.received client= peer= tenant= method= host= path="..." (without its query) id=.
 * @param bytes of the head */
WEIR_COLD void weir_exchange_log_request(const struct weir_exchange *x,
                                         const struct weir_h1_head *head, const uint8_t *bytes);
/** debug: origin.dialled tenant= endpoint= connect_us= try= id=, or origin.reused with exchanges=
 * (carried before) for connect_us=. The exchange has its connection. */
WEIR_COLD void weir_exchange_log_origin(const struct weir_exchange *x);
/** debug: origin.failed tenant= endpoint= outcome= fault="..." try= id=. @param outcome by its name
 */
WEIR_COLD void weir_exchange_log_failed(const struct weir_exchange *x, const char *outcome);
/** debug: response.sent client= tenant= status= bytes= (of the body) outcome= fault="..."
 * first_byte_us= total_us= id=. @param now_ns as weir_worker_stamp_ns */
WEIR_COLD void weir_exchange_log_response(const struct weir_exchange *x, uint64_t now_ns);

/** trace: exchange.move id= from= to= */
WEIR_COLD void weir_exchange_log_move(const struct weir_exchange *x, const char *from,
                                      const char *to);

#endif
