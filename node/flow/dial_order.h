/* SPDX-License-Identifier: Apache-2.0
 *
 * dial_order.h - in which order the addresses of a name are tried. Pure.   Ref: RFC 8305 4
 * (families alternate).
 */
#ifndef WEIR_NODE_FLOW_DIAL_ORDER_H
#define WEIR_NODE_FLOW_DIAL_ORDER_H

#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/limits.h"

/**
 * Order addresses for a dial: `good` first, if it is among them, then IPv4 and IPv6 by turns, each
 * in its own order.
 *
 * @param addrs 1..WEIR_RESOLVE_MAX of them, best first
 * @param good  the last one that a connection was made to, or NULL
 * @param out   the same addresses
 */
void weir_dial_order(const struct weir_addr *addrs, uint16_t num, const struct weir_addr *good,
                     struct weir_addr out[WEIR_RESOLVE_MAX]);
/** Where `a` is among them, or `num`. */
uint16_t weir_dial_order_find(const struct weir_addr *addrs, uint16_t num,
                              const struct weir_addr *a);

#endif
