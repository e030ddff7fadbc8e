/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange_gather.h - the body of a chunked request for an endpoint of HTTP/1.0, which cannot read
 * chunks: refused, or read as a whole and sent with its length. Private to node/exchange. Owner:
 * the exchange's thread.   Limits: upstreams.*.http10_buffer.   Ref: RFC 9112 6.1, RFC 9110 10.1.1.
 */
#ifndef WEIR_NODE_EXCHANGE_EXCHANGE_GATHER_H
#define WEIR_NODE_EXCHANGE_EXCHANGE_GATHER_H

#include <stdbool.h>
#include <stddef.h>

#include "node/base/span.h"
#include "node/exchange/exchange.h"

/** Whether the request's next bytes are for weir_exchange_gather. What is begun stays so, also for
 * another endpoint: its chunks are gone. */
bool weir_exchange_gathers(const struct weir_exchange *x);

/** Take bytes of the body, and send the request when they are all there; or respond 411, 413 or
 * 400. Only while weir_exchange_gathers. May end x. @return bytes used */
size_t weir_exchange_gather(struct weir_exchange *x, struct weir_span in);

/** The body of a side that frames messages itself has ended: send the request. Only while
 * weir_exchange_gathers. May end x. */
void weir_exchange_end_gathering(struct weir_exchange *x);

#endif
