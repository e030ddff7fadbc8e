/* SPDX-License-Identifier: Apache-2.0
 *
 * methods.h - OPTIONS and TRACE, whose chain of proxies ends where Max-Forwards says so: what weir
 * responds then, and which methods it lists. Pure, allocation-free.
 * Ref: RFC 9110 7.6.2 (Max-Forwards), 9.3.7 (OPTIONS), 9.3.8 (TRACE), 10.2.1 (Allow).
 */
#ifndef WEIR_NODE_FLOW_METHODS_H
#define WEIR_NODE_FLOW_METHODS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/span.h"
#include "node/wire/h1.h"

/** The methods that are passed on, as a value of Allow: all that are registered but CONNECT; TRACE
 * where the tenant allows it. Static. */
struct weir_span weir_methods_allowed(bool trace);

/** Whether this request ends here: OPTIONS or TRACE with Max-Forwards: 0. */
static inline bool weir_request_ends_here(const struct weir_h1_head *h)
{
    return h->has_max_forwards && h->max_forwards == 0;
}

/**
 * The content of a response to TRACE: the head as it was received, in the format message/http, but
 * for fields that look like credentials.
 *
 * @param head  complete, a request (contract)   @param bytes that its offsets are for
 * @param out   at least head->head_len bytes    @return bytes written
 */
size_t weir_trace_echo(const struct weir_h1_head *head, const uint8_t *bytes, uint8_t *out);

#endif
